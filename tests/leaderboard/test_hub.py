"""What goes to the Hub: cards, and commits by its real client to a server on the loopback."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
import yaml

from leaderboard.__main__ import main
from leaderboard.model_cards import dataset_card, model_card
from leaderboard.table import COMMITTED, flat, group
from tests.leaderboard.helpers import CODE
from tests.leaderboard.test_recommend import better, nothing
from tests.weights.hub import COMMIT, running_hub
from zoo.errors import UnknownNameError, ZooError
from zoo.weights.bundled import recorded_sha256
from zoo.weights.places import BUNDLED

ROOT = Path(__file__).parents[2]
NOW = recorded_sha256("autoencoder.mini.safetensors")


@pytest.fixture
def hub():
    with running_hub() as hub:
        yield hub


UPLOAD = """
import sys
from leaderboard.push import upload
from zoo.cli.common import guarded
sys.exit(guarded(lambda: print(upload(sys.argv[1], "dataset", {"a.txt": b"x"}, "One file")) or 0))
"""


def push(hub, home: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess:
    """`leaderboard push` in a process of its own: the client reads its environment when it is imported."""
    return client(hub, home, "-m", "leaderboard", "push", *arguments, **env)


def client(hub, home: Path, *arguments: str, **env: str) -> subprocess.CompletedProcess:
    clean = {name: value for name, value in os.environ.items()
             if not name.startswith("HF_") and not name.lower().endswith("_proxy")}  # fmt: skip
    env = {**clean, "HF_ENDPOINT": hub.url, "HF_HUB_DISABLE_XET": "1", "HF_HOME": str(home), "HF_TOKEN": "secret",
           "HF_HUB_DISABLE_PROGRESS_BARS": "1", **env}  # fmt: skip
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, env=env, capture_output=True, text=True, timeout=600)


def front_matter(card: str) -> dict:
    return yaml.safe_load(card.split("---\n")[1])


def test_the_model_index_has_the_ranked_runs_and_nothing_else():
    other = {"dataset": "cid22-val"}
    runs = [
        nothing(), better("autoencoder.mini", 2, weights_sha256=NOW),
        better("autoencoder.mini", 9, weights_sha256=NOW, code=CODE.model_copy(update={"clean": False}), **other),
        better("autoencoder.mini", 9, n=3, expected=24, weights_sha256=NOW, scenario="jpeg"),
        better("autoencoder.mini", 9, weights_sha256=NOW, scenario="mixed", state="own"),
        better("autoencoder.mini", 9, weights_sha256="f" * 64, scenario="mixed"),
    ]  # fmt: skip
    card = model_card("autoencoder.mini", runs)
    facts = front_matter(card)
    assert (facts["license"], facts["pipeline_tag"]) == ("mit", "image-to-image")
    (entry,) = facts["model-index"][0]["results"]
    assert entry["dataset"]["type"] == "kodak24" and entry["dataset"]["config"] == "noise, version 1, seed 0"
    (metric,) = entry["metrics"]
    assert metric["type"] == "psnr_rgb" and metric["value"] == pytest.approx(22) and metric["args"]["n"] == 24
    assert "| kodak24 / noise | 1 of 2 | psnr_rgb | 22.00 [" in card
    assert "python -m zoo restore photo.png -m autoencoder.mini" in card
    assert "Fine texture that noise or JPEG has covered comes back smooth." in card


def test_cards_of_models_without_results_and_of_no_models():
    card = model_card("contextual-attention.mini", [])
    assert "model-index" not in front_matter(card) and "No result of it is published yet." in card
    assert 'zoo.load("contextual-attention.mini").restore("photo.png", mask="mask.png")' in card
    assert "Weights: " in model_card("span.x4", [])  # who made them
    assert front_matter(model_card("gpen.bfr-512", []))["license"] == "other"
    with pytest.raises(ZooError, match="no-op does nothing"):
        model_card("no-op", [])
    with pytest.raises(UnknownNameError, match=r"did you mean deblurgan\.mini"):
        model_card("deblurgan.mimi", [])


def test_the_command_prints_or_writes_a_card(tmp_path, capsys):
    assert main(["card", "deblurgan.mini"]) == 0
    printed = capsys.readouterr().out
    assert main(["card", "deblurgan.mini", "-o", str(tmp_path / "README.md")]) == 0
    assert (tmp_path / "README.md").read_text(encoding="utf-8") == printed
    assert printed.startswith("---\n") and "# deblurgan.mini" in printed


def test_the_data_set_has_a_card_that_its_viewer_can_read():
    runs = [nothing(), better("bilateral", 2), better("nl-means", 2, code=CODE.model_copy(update={"clean": False}))]
    card = dataset_card(group(runs), [])
    assert front_matter(card)["configs"] == [{"config_name": "default", "data_files": "leaderboard.parquet"}]
    assert "2 ranked runs" in card and "- kodak24 / noise: not ranked: nl-means" in card


def test_the_results_are_committed_as_a_data_set(hub, tmp_path):
    from eval.find import find_results

    hub.token = "secret"
    done = push(hub, tmp_path, "someone/results", "--private", "--message", "Today's")
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == f"{hub.url}/datasets/someone/results/commit/{COMMIT}"
    (created,) = hub.created
    assert (created["type"], created["organization"], created["name"]) == ("dataset", "someone", "results")
    assert created.get("private") is True or created.get("visibility") == "private"
    assert [commit["summary"] for commit in hub.commits] == ["Today's"]
    start = "/datasets/someone/results/resolve/main/"
    sent = {path.removeprefix(start): data for path, data in hub.files.items() if path.startswith(start)}
    committed = {f"results/{path.relative_to(COMMITTED).as_posix()}": path.read_bytes()
                 for path in COMMITTED.rglob("*.json")}  # fmt: skip
    assert {name: data for name, data in sent.items() if name.startswith("results/")} == committed
    rows = pd.read_parquet(io.BytesIO(sent["leaderboard.parquet"]))
    pd.testing.assert_frame_equal(rows, flat(group(find_results([COMMITTED]))))
    assert hashlib.sha256(sent["leaderboard.parquet"]).hexdigest() in hub.large  # as the Hub wants large files


def test_a_bundled_model_is_committed_with_its_card(hub, tmp_path):
    done = push(hub, tmp_path, "someone/autoencoder", "--model", "autoencoder.mini")
    assert done.returncode == 0, done.stderr
    start = "/someone/autoencoder/resolve/main/"
    assert sorted(path.removeprefix(start) for path in hub.files) == [
        "README.md", "autoencoder.mini.json", "autoencoder.mini.safetensors",
    ]  # fmt: skip
    weights = (BUNDLED / "autoencoder.mini.safetensors").read_bytes()
    assert hub.files[f"{start}autoencoder.mini.safetensors"] == weights
    assert front_matter(hub.files[f"{start}README.md"].decode())["license"] == "mit"


@pytest.mark.parametrize(
    ("path", "answer", "message"),
    [
        ("/api/datasets/someone/results/commit/main", (403, ""), "you may not write there"),
        ("/api/datasets/someone/results/preupload/main", (404, "RepoNotFound"), "there is no such repository"),
        ("/api/repos/create", (500, ""), "cannot push to someone/results: "),
    ],
)
def test_what_the_server_refuses_is_one_sentence(hub, tmp_path, path, answer, message):
    hub.errors[path] = answer
    done = client(hub, tmp_path, "-c", UPLOAD, "someone/results")
    assert done.returncode == 2
    assert message in done.stderr and "Traceback" not in done.stderr
    assert hub.commits == []


def test_a_wrong_token_a_wrong_name_and_no_server_are_one_sentence(hub, tmp_path):
    hub.token = "another"
    done = client(hub, tmp_path, "-c", UPLOAD, "someone/results")
    assert done.returncode == 2 and "the Hub does not know you" in done.stderr, done.stderr
    done = client(hub, tmp_path, "-c", UPLOAD, "some one/../results")
    assert done.returncode == 2 and "is no repository" in done.stderr, done.stderr
    done = client(hub, tmp_path, "-c", UPLOAD, "someone/results", HF_ENDPOINT="http://127.0.0.1:9")
    assert done.returncode == 2 and "push to someone/results" in done.stderr and "Traceback" not in done.stderr


def test_a_dry_run_sends_nothing(hub, tmp_path):
    done = push(hub, tmp_path, "someone/deblurgan", "--model", "deblurgan.mini", "--dry-run")
    assert done.returncode == 0 and "3 files for the model repository someone/deblurgan" in done.stdout
    done = push(hub, tmp_path, "someone/gpen", "--model", "gpen.bfr-512", "--dry-run")
    assert done.returncode == 2 and "gpen.bfr-512 has no bundled weights" in done.stderr
    assert hub.requests == []
