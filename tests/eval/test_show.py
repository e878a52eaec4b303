"""What is made of a stored run: reports, further metrics, files for the Hub."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
import yaml
from PIL import Image

from eval import export, measure
from eval.results import read_result
from eval.show import CELL, panels, worst
from eval.stored import open_run
from tests.eval.helpers import evaluate, save_photographs


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run of no-op on five pictures with noise, and where the pictures are."""
    folder = tmp_path_factory.mktemp("show")
    pictures = save_photographs(folder / "set", 5)
    # Darker pictures lose more noise to clipping: the worst one is known to be none of these.
    assert evaluate("-m", "no-op", "--dataset", f"folder:{pictures}", "--scenario", "noise", "--workers", 1, "--out",
                    folder / "runs") == 0  # fmt: skip
    (result,) = (folder / "runs").rglob("result.json")
    return result.parent, f"folder:{pictures}"


def test_the_worst_come_first(made):
    result = read_result(made[0] / "result.json")
    rows = {row.name: row.metrics["psnr_rgb"] for row in result.images}
    names = worst(result, "psnr_rgb", 3)
    assert [rows[name] for name in names] == sorted(rows.values())[:3]
    errors = {row.name: row.metrics["l1_percent"] for row in result.images}
    assert [errors[name] for name in worst(result, "l1_percent", 9)] == sorted(errors.values(), reverse=True)


def test_panels_are_input_output_target_and_errors(made):
    run = open_run(*made)
    (shown,) = run.pictures([run.result.images[0].name])
    given, output, target, heat = panels(shown)
    assert np.array_equal(given, shown.sample.given) and np.array_equal(output, shown.restored)
    assert np.array_equal(target, shown.sample.truth) and max(target.shape) <= CELL
    brightness = heat.astype(int).sum(axis=2).ravel()
    error = np.abs(shown.restored.astype(int) - shown.sample.truth).mean(axis=2).ravel()
    largest = error > np.quantile(error, 0.95)
    assert brightness[largest].min() > brightness[error == 0].max(initial=0) and error.max() > 4
    assert np.corrcoef(brightness, error)[0, 1] > 0.9


class _Page(HTMLParser):
    def __init__(self):
        super().__init__()
        self.images, self.links, self.text = [], [], []

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        if tag == "img":
            self.images.append(attributes["src"])
        assert tag not in ("script", "link", "iframe")
        self.links += [value for name, value in attributes.items() if name in ("href", "src")]

    def handle_data(self, data):
        self.text.append(data)


def test_show(made, tmp_path, capsys):
    folder, dataset = made
    assert evaluate("show", folder, "--worst", 2, "--dataset", dataset, "--out", tmp_path / "report") == 0
    assert str(tmp_path / "report" / "report.html") in capsys.readouterr().out
    page = _Page()
    page.feed((tmp_path / "report" / "report.html").read_text())
    assert len(page.images) == 8 and all(link.startswith("data:image/png;base64,") for link in page.links)
    text = " ".join(page.text)
    result = read_result(folder / "result.json")
    assert result.model.id in text and result.command in text and "psnr_rgb (ranks)" in text
    assert f"{result.metrics['psnr_rgb'].mean:.2f}" in text
    assert "lpips_alex" in text and "unavailable: " in text  # and why
    shown = [name for name in worst(result, "psnr_rgb", 5) if f"{name}: psnr_rgb" in text]
    assert shown == worst(result, "psnr_rgb", 2)
    with Image.open(tmp_path / "report" / "worst.png") as image:
        assert image.width > 4 * 180 and image.height > 2 * 168


def test_names_cannot_break_the_page(tmp_path):
    folder = tmp_path / "set"
    save_photographs(folder, 1)
    (folder / "photo00.png").rename(folder / "<script>alert(1)<script>&.png")
    assert evaluate("-m", "no-op", "--dataset", f"folder:{folder}", "--scenario", "jpeg", "--workers", 1, "--out",
                    tmp_path / "runs") == 0  # fmt: skip
    (result,) = (tmp_path / "runs").rglob("result.json")
    assert evaluate("show", result.parent, "--dataset", f"folder:{folder}") == 0
    page = _Page()
    page.feed((result.parent / "report.html").read_text())
    assert any("<script>alert(1)<script>&.png" in text for text in page.text)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--worst", 0), "--worst is a number of pictures from 1 up, not 0"),
        (("--metric", "psnr"), "unknown metric 'psnr': did you mean psnr_"),
        (("--metric", "psnr_hole"), "the run has no values of psnr_hole; it has psnr_rgb"),
        ((), "say where it is"),
        (("--dataset", "sample"), "is not what"),
    ],
)
def test_what_cannot_be_shown(made, arguments, sentence, capsys):
    folder, dataset = made
    more = () if "--dataset" in arguments or not arguments else ("--dataset", dataset)
    assert evaluate("show", folder, *arguments, *more) == 2
    assert sentence in capsys.readouterr().err


def test_a_run_that_is_no_longer_what_was_scored(made, tmp_path, capsys):
    import shutil

    folder, dataset = made
    assert evaluate("show", tmp_path) == 2 and "there is no run in" in capsys.readouterr().err
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    picture = next((copy / "restored").glob("*.png"))
    picture.write_bytes(picture.read_bytes()[:-20])
    assert evaluate("show", copy, "--dataset", dataset) == 2
    assert "missing or damaged" in capsys.readouterr().err
    shutil.rmtree(copy / "restored")
    assert evaluate("show", copy, "--dataset", dataset) == 2
    assert "has no restored pictures" in capsys.readouterr().err


def test_measure_adds_metrics_and_leaves_the_result(made, capsys, monkeypatch):
    folder, dataset = made
    before = (folder / "result.json").read_bytes()
    names = "psnr_rgb,sharpness,kid_vgg19_patches,fid_mobilefacenet,lpips_vgg,psnr_hole"
    assert evaluate("measure", folder, "--metric", names, "--dataset", dataset) == 0
    out = capsys.readouterr().out
    assert (folder / "result.json").read_bytes() == before
    told = json.loads((folder / "measured.json").read_text())["metrics"]
    result = json.loads(before)["metrics"]["psnr_rgb"]
    assert (told["psnr_rgb"]["value"], told["psnr_rgb"]["low"]) == (result["mean"], result["low"])
    assert told["sharpness"]["n"] == 5 and told["sharpness"]["value"] > 0
    assert (
        "vgg16-397923af.pth" in told["lpips_vgg"]["unavailable"] and "needs a mask" in told["psnr_hole"]["unavailable"]
    )
    assert "at least 10 pictures" in told["kid_vgg19_patches"]["unavailable"] or "ZOO_WEIGHTS" in str(
        told["kid_vgg19_patches"]
    )
    assert "unavailable" in told["fid_mobilefacenet"] and "vgg16-397923af.pth" in out

    # What is measured is not measured again, and other metrics stay.
    from eval import features

    def refuse(*arguments):
        raise AssertionError("measured again")

    metric = measure.find_metric("sharpness")
    monkeypatch.setitem(measure.METRICS._entries, "sharpness", type(metric)(**{**vars(metric), "compute": refuse}))
    refuse.__module__ = features.__name__
    assert evaluate("measure", folder, "--metric", "sharpness", "--dataset", dataset) == 0
    assert set(json.loads((folder / "measured.json").read_text())["metrics"]) == set(told)


def test_measure_by_protocol(made, tmp_path, capsys):
    folder, dataset = made
    assert evaluate("measure", folder, "--protocol", "deblurgan-v2", "--dataset", dataset) == 2
    assert "is for runs on given, not on noise" in capsys.readouterr().err
    assert evaluate("measure", folder, "--protocol", "ntire-face", "--dataset", dataset) == 0
    out = capsys.readouterr().out
    assert "maniqa: unavailable: not built in" in out and re.search(
        r"score: unavailable: needs .*maniqa.*qalign.*fid", out
    )
    assert evaluate("measure", folder, "--metric", "sharpnes", "--dataset", dataset) == 2
    assert "did you mean sharpness" in capsys.readouterr().err

    pairs = tmp_path / "pairs"
    save_photographs(pairs / "sharp", 2)
    save_photographs(pairs / "blur", 2)
    assert evaluate("-m", "no-op", "--dataset", f"pairs:{pairs}", "--workers", 1, "--out", tmp_path / "runs") == 0
    (result,) = (tmp_path / "runs").rglob("result.json")
    assert evaluate("measure", result.parent, "--protocol", "gopro", "--dataset", f"pairs:{pairs}") == 0
    told = json.loads((result.parent / "measured.json").read_text())["metrics"]
    assert told["ssim_rgb_volume"]["value"] == 1 and told["psnr_rgb"]["value"] == 80


def test_export(made, tmp_path, capsys):
    folder, _ = made
    out = tmp_path / "hub"
    assert evaluate("export", folder, "--benchmark", "someone/restoration", "--revision", "a" * 40, "--out", out) == 0
    result = read_result(folder / "result.json")
    benchmark = yaml.safe_load((out / "eval.yaml").read_text())
    (task,) = benchmark["tasks"]
    assert task == {"id": export.task_of(result), "config": "default", "split": "test"}
    assert benchmark["name"] == "restoration" and benchmark["evaluation_framework"] == "restoration-zoo"
    assert "higher is better" in benchmark["description"]
    (entry,) = yaml.safe_load((out / "no-op" / ".eval_results" / "restoration-zoo.yaml").read_text())
    assert entry["dataset"] == {"id": "someone/restoration", "task_id": task["id"], "revision": "a" * 40}
    assert entry["value"] == result.metrics["psnr_rgb"].mean and "5 pictures" in entry["notes"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", entry["date"])

    assert evaluate("export", folder, "--benchmark", "restoration", "--out", out) == 2
    assert "named OWNER/NAME" in capsys.readouterr().err
    assert evaluate("export", folder, folder, "--benchmark", "a/b", "--out", out) == 2
    assert "two results of no-op" in capsys.readouterr().err


def test_only_complete_results_are_exported(made, tmp_path, capsys):
    folder, _ = made
    data = json.loads((folder / "result.json").read_text())
    data["n_expected"] = 6
    (tmp_path / "result.json").write_text(json.dumps(data))
    assert evaluate("export", tmp_path / "result.json", "--benchmark", "a/b", "--out", tmp_path / "hub") == 2
    assert "only 5 of 6 pictures are scored" in capsys.readouterr().err
