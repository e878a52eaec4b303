from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
import yaml

from eval.__main__ import main
from eval.compare import BETTER, EQUAL, OPEN, SAME, TOO_FEW, WORSE, compare
from eval.compare_cli import parser
from eval.find import places_of
from eval.relevance import SMALLEST, digits
from eval.results import ImageRow, MetricValue
from eval.stats import paired, signed_rank
from tests.leaderboard.helpers import result
from zoo.errors import UnknownNameError, ZooError

ROOT = Path(__file__).parents[2]
COMMITTED = ROOT / "leaderboard" / "results"
PICTURES = np.random.default_rng(0).normal(25, 3, 24)
"""Pictures differ far more than models do."""


def run(values, model="telea", metric="psnr_rgb", failed=(), **changes):
    """A result with a value per picture; the metric has another name when `metric` says so."""
    return measured({metric: values}, model, failed, primary=metric, **changes)


def measured(metrics, model="telea", failed=(), **changes):
    names = [f"{i}.png" for i in range(len(next(iter(metrics.values()))))]
    made, version = changes.pop("made", "0" * 16), changes.pop("metric_version", 1)
    rows = [
        ImageRow(name=name, input=made, seconds=0.1, metrics={m: float(values[i]) for m, values in metrics.items()})
        for i, name in enumerate(names)
        if name not in failed
    ]
    means = {
        m: MetricValue(mean=float(np.mean([r.metrics[m] for r in rows])), n=len(rows), version=version) for m in metrics
    }  # fmt: skip
    run = result(
        model, n=len(rows), expected=len(names), metrics=means, failures=dict.fromkeys(failed, "out of memory."),
        **changes,
    )  # fmt: skip
    return run.model_copy(update={"images": rows})


def only(a, b, **options):
    (line,) = compare([a], [b], **options).lines
    return line


def test_the_numbers_of_a_line():
    difference = np.linspace(0.2, 0.8, 24)
    line = only(run(PICTURES), run(PICTURES + difference))
    expected = paired(difference)
    assert (line.mean_a, line.mean_b) == (pytest.approx(PICTURES.mean()), pytest.approx((PICTURES + difference).mean()))
    assert line.difference == pytest.approx(0.5)
    assert (line.low, line.high) == pytest.approx((expected.low, expected.high))
    assert line.p == pytest.approx(signed_rank(difference))
    assert (line.win_rate, line.rank_biserial, line.n, line.seeds) == (1, 1, 24, 1)
    assert (line.verdict, line.matters) == (BETTER, True)


@pytest.mark.parametrize(
    ("difference", "verdict", "matters"),
    [
        (np.full(24, -0.5) + np.linspace(-0.1, 0.1, 24), WORSE, True),
        (np.full(24, -0.01) + np.linspace(-0.001, 0.001, 24), WORSE, False),
        (np.resize([0.01, -0.012], 24) * np.linspace(1, 2, 24), SAME, False),
        (np.resize([5.0, -5.5], 24) * np.linspace(1, 2, 24), OPEN, True),
        (np.zeros(24), EQUAL, False),
    ],
)
def test_verdicts(difference, verdict, matters):
    line = only(run(PICTURES), run(PICTURES + difference))
    assert (line.verdict, line.matters) == (verdict, matters)


def test_five_pictures_are_too_few_however_large_the_difference():
    line = only(run(PICTURES[:5]), run(PICTURES[:5] - np.arange(10.0, 15.0)))
    assert line.verdict == TOO_FEW
    assert line.difference == -12


def test_a_lower_error_is_better():
    line = only(run(PICTURES, metric="l1_percent"), run(PICTURES - np.linspace(0.2, 0.8, 24), metric="l1_percent"))
    assert line.verdict == BETTER
    assert line.low < line.difference < line.high < 0
    assert line.win_rate == 1


def test_all_lines_are_one_family():
    rng = np.random.default_rng(1)
    difference = rng.normal(0.5, 1, 24)
    alone = only(run(PICTURES), run(PICTURES + difference))
    noise = {m: rng.normal(0, 1, 24) for m in ("psnr_y", "ssim_y", "l1_percent", "ssim_rgb")}
    a = measured({"psnr_rgb": PICTURES, **{m: np.zeros(24) for m in noise}})
    b = measured({"psnr_rgb": PICTURES + difference, **noise})
    line = next(x for x in compare([a], [b]).lines if x.metric == "psnr_rgb")
    assert line.p == pytest.approx(min(1, 5 * alone.p))
    assert [x.metric for x in compare([a], [b], metrics=["psnr_rgb"]).lines] == ["psnr_rgb"]


def test_only_pictures_that_both_scored_count_and_lost_ones_are_told():
    better = PICTURES + np.linspace(0.2, 0.8, 24)
    better[3] = 0
    found = compare([run(PICTURES)], [run(better, failed=["3.png"])])
    assert found.lines[0].n == 23
    assert found.lines[0].verdict == BETTER
    (sentence,) = found.lost
    assert "B has no score for 1 of the 24 pictures that A scored, such as 3.png (out of memory.)" in sentence
    assert not compare([run(better, failed=["3.png"])], [run(PICTURES)]).lost


def test_seeds_are_averaged_picture_by_picture():
    rng = np.random.default_rng(2)
    shifts = rng.normal(0, 1, (3, 24))
    a = [run(PICTURES + shift, seed=seed) for seed, shift in enumerate(shifts)]
    b = [run(PICTURES + shift + 1 + 0.01 * rng.normal(size=24), seed=seed) for seed, shift in enumerate(shifts)]
    (line,) = compare(a, [*b, run(PICTURES, seed=9)]).lines
    assert (line.seeds, line.n, line.verdict) == (3, 24, BETTER)
    assert line.mean_a == pytest.approx((PICTURES + shifts).mean())
    with pytest.raises(ZooError, match="no seed in common"):
        compare(a[:1], b[1:])


def test_runs_meet_by_model_and_settings():
    a = [run(PICTURES, "telea"), run(PICTURES, "telea", precision="fp16"), run(PICTURES, "unsharp-mask")]
    b = [run(PICTURES, "telea", precision="fp16"), run(PICTURES, "telea"), run(PICTURES, "patch-fill")]
    found = compare(a, b)
    assert [(line.a, line.b) for line in found.lines] == [("telea", "telea")] * 2
    assert [note.split(" on ")[0] for note in found.notes] == ["only in A: unsharp-mask", "only in B: patch-fill"]


def test_new_weights_or_another_machine_are_the_same_model():
    assert only(run(PICTURES, weights_sha256="a" * 64), run(PICTURES, weights_sha256="b" * 64)).verdict == EQUAL
    assert only(run(PICTURES), run(PICTURES, device="cuda:0")).verdict == EQUAL


def test_the_only_runs_of_each_side_meet():
    line = only(run(PICTURES, "telea"), run(PICTURES, "patch-fill"))
    assert (line.a, line.b) == ("telea", "patch-fill")


@pytest.mark.parametrize("other", [{"sha256": "b" * 64}, {"version": 2}])
def test_other_pictures_or_inputs_are_not_compared(other):
    with pytest.raises(ZooError, match="nothing to compare: only in A: telea on kodak"):
        compare([run(PICTURES)], [run(PICTURES, **other)])


def test_what_one_side_lacks_is_noted():
    a = measured({"psnr_rgb": PICTURES, "ssim_rgb": PICTURES, "older": PICTURES})
    found = compare([a], [run(PICTURES)])
    assert [line.metric for line in found.lines] == ["psnr_rgb"]
    assert [note.split(": ")[1] for note in found.notes] == [
        "ssim_rgb is missing in B",
        "older is a metric that this version does not know",
    ]


def test_other_inputs_and_other_versions_of_a_metric_are_not_compared():
    with pytest.raises(ZooError, match="telea on kodak, noise: the inputs that were made differ"):
        compare([run(PICTURES)], [run(PICTURES, made="1" * 16)])
    with pytest.raises(ZooError, match="psnr_rgb is version 1 in A and 2 in B, which do not compare"):
        compare([run(PICTURES)], [run(PICTURES, metric_version=2)])


def test_the_smallest_difference_can_be_set():
    a, b = run(PICTURES), run(PICTURES - np.linspace(0.2, 0.8, 24))
    assert only(a, b, smallest={"psnr_rgb": 1.0}).matters is False
    found = compare([a], [b], smallest={"psnr_rgb": 1.0})
    assert len(found.regressions()) == 1
    assert not found.regressions(relevant=True)
    unset = compare([run(PICTURES, metric="niqe")], [run(PICTURES + np.linspace(0.2, 0.8, 24), metric="niqe")])
    assert unset.lines[0].matters is None
    assert unset.regressions(relevant=True)
    with pytest.raises(UnknownNameError):
        compare([a], [b], smallest={"psnr": 1})


@pytest.fixture
def runs(tmp_path):
    """Runs as `python -m eval` leaves them: base, worse by 0.5 dB, and a little worse."""
    shifts = {"base": np.zeros(24), "worse": -np.linspace(0.2, 0.8, 24), "slightly": -np.linspace(0.01, 0.02, 24)}
    for name, shift in shifts.items():
        folder = tmp_path / name / "kodak" / "noise-v1-s0" / "telea"
        folder.mkdir(parents=True)
        (folder / "result.json").write_text(run(PICTURES + shift).model_dump_json())
    return tmp_path


def cli(*arguments) -> int:
    return main(["compare", *map(str, arguments)])


def test_exit_statuses(runs, capsys):
    assert cli(runs / "base", runs / "base") == 0
    assert cli(runs / "worse", runs / "base") == 0
    assert cli(runs / "base", runs / "worse") == 1
    assert cli(runs / "base", runs / "worse", "--fail-on", "relevant") == 1
    assert cli(runs / "base", runs / "slightly") == 1
    assert cli(runs / "base", runs / "slightly", "--fail-on", "relevant") == 0
    assert cli(runs / "base", runs / "slightly", "--fail-on", "relevant", "--matters", "psnr_rgb=0.01") == 1
    capsys.readouterr()


def test_pictures_that_b_lost_are_a_regression(runs, capsys):
    path = runs / "worse" / "kodak" / "noise-v1-s0" / "telea" / "result.json"
    path.write_text(run(PICTURES, failed=["3.png"]).model_dump_json())
    assert cli(runs / "base", runs / "worse") == 1
    assert "B lost pictures in 1 runs." in capsys.readouterr().out


def test_text(runs, capsys):
    cli(runs / "base", runs / "worse")
    out = capsys.readouterr().out
    assert out.startswith("telea on kodak, noise (24 pictures)\n")
    assert "-0.50" in out
    assert "worse, and it matters" in out
    assert "1 comparisons: 1 worse, 0 better" in out
    assert "Wilcoxon's signed-rank test" in out


def test_markdown(runs, capsys):
    cli(runs / "base", runs / "worse", "--format", "markdown")
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "# Comparison"
    header, rule, row = (line for line in lines if line.startswith("|"))
    assert header.count("|") == rule.count("|") == row.count("|")
    assert row.endswith("| worse, and it matters |")


def test_json(runs, capsys):
    cli(runs / "base", runs / "worse", "--format", "json")
    (line,) = json.loads(capsys.readouterr().out)["lines"]
    assert line["difference"] == pytest.approx(-0.5)
    assert (line["verdict"], line["matters"], line["n"]) == (WORSE, True, 24)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere", "base"], "'nowhere' is no file, no folder, and no run in"),
        (["base", "empty"], "there are no result files in"),
        (["base", "base", "--matters", "psnr_rgb"], "is not METRIC=VALUE"),
        (["base", "base", "--matters", "psnr_rgb=-1"], "is not METRIC=VALUE"),
        (["base", "base", "--matters", "psnr_rgb=nan"], "is not METRIC=VALUE"),
        (["base", "base", "--metrics", "psnr_rbg"], "unknown metric 'psnr_rbg': did you mean psnr_rgb"),
        (["base", "base", "--metrics", ","], "names no metric"),
        (
            ["base", "base", "--metrics", "niqe"],
            "nothing to compare: telea on kodak, noise: niqe is missing in A and B",
        ),
    ],
)
def test_bad_input_is_one_sentence(arguments, message, runs, capsys, monkeypatch):
    monkeypatch.chdir(runs)
    (runs / "empty").mkdir()
    assert cli(*arguments) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: ")
    assert message in line


def test_run_ids(runs, monkeypatch, capsys):
    path = runs / "base" / "kodak" / "noise-v1-s0" / "telea" / "result.json"
    assert places_of("kodak/noise-v1-s0/telea", runs / "base") == [path]
    assert places_of("telea", runs / "base") == [path]
    assert len(places_of("telea", runs)) == 3
    with pytest.raises(ZooError, match="is no file"):
        places_of("ele", runs)
    monkeypatch.chdir(runs)
    assert cli("base/kodak/noise-v1-s0/telea", "telea", "--runs", "slightly") == 1
    capsys.readouterr()


@pytest.mark.skipif(not any(COMMITTED.rglob("*.json")), reason="no results are committed")
def test_committed_results_by_file_and_folder(capsys):
    folder = COMMITTED / "kodak24" / "motion-blur-v2-s0"
    assert cli(folder / "no-op.json", folder / "deblurgan.mini.json", "--metrics", "psnr_rgb") == 0
    assert "better, and it matters" in capsys.readouterr().out
    assert cli(folder / "deblurgan.mini.json", folder / "no-op.json", "--metrics", "psnr_rgb") == 1
    assert cli(folder, folder, "--metrics", "psnr_rgb") == 0
    assert cli(COMMITTED / "sample", COMMITTED / "sample", "--metrics", "psnr_rgb") == 0
    capsys.readouterr()


def test_values_are_shown_with_the_digits_that_the_smallest_difference_needs():
    assert all(10 ** -digits(name) <= smallest for name, smallest in SMALLEST.items())


def test_the_example_for_github_says_what_the_command_lines_take():
    workflow = yaml.safe_load((ROOT / "docs" / "compare-action.example.yml").read_text())
    steps = workflow["jobs"]["compare"]["steps"]
    commands = [shlex.split(step["run"]) for step in steps if step.get("run", "").startswith("python -m eval")]
    from eval.__main__ import parser as measuring

    for command in commands[:2]:
        assert measuring().parse_args(command[3:]).out.as_posix().startswith("../runs/")
    *_, last = commands
    arguments = parser().parse_args(last[4 : last.index("|")])
    assert (arguments.a, arguments.b, arguments.format) == ("../runs/base", "../runs/head", "markdown")
