"""`python -m eval` as people type it."""

from __future__ import annotations

import csv
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from eval.datasets import open_dataset
from eval.run import matches
from eval.scenarios import Scenario, get_scenario
from tests.eval.helpers import ROOT, evaluate, photograph, result_of, run
from zoo.errors import ZooError


def refusal(capsys, *arguments) -> str:
    """The sentence on stderr of a command that has to be refused with status 2."""
    assert evaluate(*arguments) == 2
    shown = capsys.readouterr()
    assert shown.out == ""
    (line,) = shown.err.splitlines()
    assert line.startswith("error: ")
    return line


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--model", "tela", "--dataset", "sample"), "unknown model 'tela': did you mean telea"),
        (("--model", "telea,gpenn", "--dataset", "sample"), "unknown model 'gpenn': did you mean gpen"),
        (("--model", "telea", "--dataset", "samples"), "unknown data set 'samples': did you mean sample"),
        (("--model", "telea", "--dataset", "sample", "--scenario", "scratch"), "did you mean scratches"),
        (("--model", "telea", "--dataset", "sample", "--scenario", "noise"), "telea (task inpaint) does not fit noise"),
        (("--model", "telea", "--dataset", "sample", "--limit", "0"), "from 1 up, not 0"),
        (("--model", "telea", "--dataset", "sample", "--workers", "0"), "from 1 up, not 0"),
        (("--model", "telea", "--dataset", "sample", "--device", "abacus"), "the device 'abacus' is not available"),
        (("--model", "telea,no-op", "--dataset", "sample", "--time-limit", "0"), "a number of seconds above 0, not 0"),
        (("--model", "telea", "--dataset", "sample", "--time-limit", "nan"), "a number of seconds above 0, not nan"),
        (("--model", "telea", "--dataset", "sample", "--shard", "2"), "a shard is i/n with i from 1 to n"),
        (("--model", "telea", "--dataset", "sample", "--shard", "3/2"), "not '3/2'"),
        (("--model", "telea", "--dataset", "sample", "--shard", "7/9"), "shard 7/9 has no picture: there are fewer"),
        (("--model", "telea", "--dataset", "sample", "--engine", "rya"), "unknown engine 'rya': did you mean ray?"),
        (("--model", "no-op", "--dataset", "sample", "--precision", "fp7"), "unknown precision 'fp7'"),
        (("--model", "no-op", "--dataset", "sample", "--tile", "small"), "not 'small'"),
        (("--model", "all", "--dataset", "sample", "--weights", "x.pth"), "--weights goes with one model"),
        (("--model", "telea", "--dataset", "sample", "--weights", "x.pth"), "telea has no weights"),
        (("--model", ",", "--dataset", "sample"), "names no model"),
        (("--model", "telea,all", "--dataset", "sample"), "all stands alone"),
        (("--model", "telea", "--dataset", "kodak24"), "the data set kodak24 is not on this machine"),
    ],
)
def test_what_cannot_be_run_is_one_sentence(arguments, message, tmp_path, capsys):
    assert message in refusal(capsys, *arguments, "--out", tmp_path / "out")


def test_an_output_folder_below_a_file(tmp_path, photographs, capsys):
    (tmp_path / "file").touch()
    line = refusal(capsys, "--model", "no-op", "--dataset", f"folder:{photographs}", "--out", tmp_path / "file" / "out")
    assert "a part of the path is a file" in line


def test_a_model_whose_weights_are_missing(photographs, tmp_path, capsys):
    line = refusal(
        capsys, "--model", "deblurgan.v2-mobilenet", "--dataset", f"folder:{photographs}", "--scenario", "motion-blur",
        "--out", tmp_path / "out", "--weights", tmp_path / "nowhere.pth",
    )  # fmt: skip
    assert "nowhere.pth" in line


def test_pairs_with_masks_are_for_inpainting(tmp_path, capsys):
    for name, picture in [("input", photograph("coffee")), ("target", photograph("coffee"))]:
        (tmp_path / "set" / name).mkdir(parents=True)
        Image.fromarray(picture[:170, :180]).save(tmp_path / "set" / name / "x.png")
    mask = np.zeros((170, 180), np.uint8)
    mask[40:60, 40:90] = 255
    (tmp_path / "set" / "mask").mkdir()
    Image.fromarray(mask).save(tmp_path / "set" / "mask" / "x.png")
    arguments = ("--dataset", f"pairs:{tmp_path / 'set'}", "--workers", 1, "--out", tmp_path / "out")
    assert evaluate("--model", "telea", *arguments) == 0
    result = result_of(tmp_path / "out", "telea")
    assert result["scenario"]["id"] == "given-holes"
    assert 0 < result["metrics"]["psnr_hole"]["mean"] < result["metrics"]["psnr_rgb"]["mean"]
    capsys.readouterr()
    assert "unsharp-mask (task deblur) does not fit given-holes" in refusal(
        capsys, "--model", "unsharp-mask", *arguments
    )


def test_pairs_of_other_sizes_fail_by_name(tmp_path, capsys):
    for name, side in [("blur", 170), ("sharp", 180)]:
        (tmp_path / "set" / name).mkdir(parents=True)
        Image.fromarray(photograph("coffee")[:side, :180]).save(tmp_path / "set" / name / "x.png")
    arguments = ("--dataset", f"pairs:{tmp_path / 'set'}", "--workers", 1, "--out", tmp_path / "out")
    assert evaluate("--model", "no-op", *arguments) == 1
    assert "failed: x.png: x.png: input 180 x 170, truth 180 x 180 pixels" in capsys.readouterr().err


def test_the_line_that_people_know(tmp_path, capsys):
    folder = tmp_path / "root" / "celeba-hq"
    folder.mkdir(parents=True)
    Image.fromarray(photograph("astronaut")[:256, 100:356]).save(folder / "00001.png")
    assert evaluate("--model", "no-op", "--dataset", "celeba-hq", "--data-root", tmp_path / "root", "--workers", 1,
                    "--out", tmp_path / "out") == 0  # fmt: skip
    assert "no-op | celeba-hq | blind-face INCOMPLETE (1 of 30000)" in capsys.readouterr().out


def test_all_takes_what_fits(tmp_path, capsys):
    """All models on one small scenario: those for the task and the baseline, no others."""
    (tmp_path / "set").mkdir()
    Image.fromarray(photograph("astronaut")[:164, :172]).save(tmp_path / "set" / "x.png")
    assert evaluate("--model", "all", "--dataset", f"folder:{tmp_path / 'set'}", "--scenario", "downscale-x4",
                    "--workers", 1, "--out", tmp_path / "out") == 0  # fmt: skip
    models = {path.parent.name for path in (tmp_path / "out").rglob("result.json")}
    assert {"bicubic.x4", "lanczos.x4", "no-op.x4"} <= models
    assert not {"bicubic.x2", "no-op", "telea", "dummy"} & models


def test_family_names_are_resolved_aloud(tmp_path, photographs, capsys):
    assert evaluate("--model", "bicubic", "--dataset", f"folder:{photographs}", "--scenario", "downscale-x4",
                    "--workers", 1, "--out", tmp_path / "out") == 0  # fmt: skip
    assert "bicubic stands for bicubic.x4 here." in capsys.readouterr().err
    assert result_of(tmp_path / "out", "bicubic.x4")["model"]["requested"] == "bicubic"


def test_in_an_empty_home_from_end_to_end(tmp_path, photographs):
    out = tmp_path / "out"
    arguments = ("eval", "--model", "telea,navier-stokes", "--dataset", f"folder:{photographs}", "--scenario",
                 "free-form-holes", "--out", out)  # fmt: skip
    first = run(*arguments)
    assert (first.returncode, first.stderr) == (0, "")
    assert [line.split(" | ")[0] for line in first.stdout.splitlines()] == ["telea", "navier-stokes"]
    built = run("leaderboard", "build", out)
    assert (built.returncode, built.stderr) == (0, "")
    means = {
        model: result_of(out, model)["metrics"]["vgg_conv3_1_hole"]["mean"] for model in ("telea", "navier-stokes")
    }
    best = min(means, key=means.get)
    with (out / "leaderboard.csv").open() as file:
        rows = [row for row in csv.DictReader(file) if row["metric"] == "vgg_conv3_1_hole"]
    assert [(row["rank"], row["model"]) for row in rows] == [("1", best), ("2", max(means, key=means.get))]
    assert {row["model"]: float(row["mean"]) for row in rows} == means
    assert {row["dataset_sha256"] for row in rows} == {open_dataset(f"folder:{photographs}").sha256}
    # Four pictures are too few to tell the two apart.
    assert f"| 1-2 | {best} | {means[best]:.4f} [" in (out / "leaderboard.md").read_text()


def test_refused_in_a_process_of_its_own(tmp_path):
    done = run("eval", "--model", "telea", "--dataset", "kodak24", "--out", tmp_path / "out")
    assert (done.returncode, done.stdout) == (2, "")
    (line,) = done.stderr.splitlines()
    assert "neither --data-root nor ZOO_DATA is set" in line
    assert "15 MB" in line
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("module", ["eval", "leaderboard"])
def test_help_imports_nothing_heavy(module):
    program = (
        f"import sys, {module}.__main__ as m; m.parser(); print({{'torch', 'numpy', 'pandas'}} & set(sys.modules))"
    )
    shown = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert (shown.stdout, shown.stderr) == ("set()\n", "")


def test_all_leaves_out_scenarios_that_only_doing_nothing_fits():
    noise = get_scenario("noise")
    nobody = Scenario("grey", 1, "a task that no bundled model has", ("colorize",), noise.make)
    pairs = matches(["all"], open_dataset("sample"), [noise, nobody])
    assert {"no-op", "nl-means"} <= {card.id for _, card, _ in pairs}
    assert {scenario.id for *_, scenario in pairs} == {"noise"}
    with pytest.raises(ZooError, match="no model that can run"):
        matches(["all"], open_dataset("sample"), [nobody])
    assert len(matches(["no-op"], open_dataset("sample"), [nobody])) == 1
