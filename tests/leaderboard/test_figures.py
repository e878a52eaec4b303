"""Figures of trained weights come from the committed results of these very weights."""

from __future__ import annotations

import json

import pytest

from eval.find import find_results
from leaderboard.figures import figures, write_figures
from leaderboard.table import COMMITTED
from tests.leaderboard.helpers import result, value
from zoo.weights.places import BUNDLED

SHA256 = "5" * 64
ID = "autoencoder.mini"


def mine(mean: float = 28.4567, **changes):
    return result(ID, mean, **{"weights_sha256": SHA256, **changes})


def test_a_figure_stands_beside_that_of_doing_nothing():
    (found,) = figures(ID, SHA256, [mine(), result("no-op", 25.0), result("telea", 26.0)])
    assert found == {
        "metric": "psnr_rgb", "value": 28.457, "low": 27.457, "high": 29.457, "no_op": 25.0,
        "scenario": "noise v1, seed 0", "dataset": "kodak, 24 pictures",
    }  # fmt: skip


@pytest.mark.parametrize(
    "changes",
    [{"weights_sha256": "6" * 64}, {"id": "sample"}, {"precision": "bf16"}, {"sha256": "b" * 64}, {"seed": 1}],
)
def test_other_weights_precisions_and_inputs_are_left_out(changes):
    made = mine()
    for name, new in changes.items():
        part = next(p for p in ("dataset", "cost", "scenario", "model") if name in type(getattr(made, p)).model_fields)
        if name == "weights_sha256":
            part = "model"
        elif name == "id":
            part = "dataset"
        made = made.model_copy(update={part: getattr(made, part).model_copy(update={name: new})})
    assert figures(ID, SHA256, [made, result("no-op", 25.0)]) == []


def test_a_metric_that_one_of_both_lacks_is_no_figure():
    metrics = {"psnr_rgb": value(28.0), "vgg_conv3_1": value(1.0)}
    found = figures(ID, SHA256, [mine(metrics=metrics), result("no-op", metrics={"psnr_rgb": value(25.0)})])
    assert [figure["metric"] for figure in found] == ["psnr_rgb"]


def test_only_trained_models_files_are_written(tmp_path):
    trained = {"id": ID, "recipe": "r", "sha256": SHA256, "figures": []}
    others = {"id": "span.x4", "sha256": SHA256}
    for name, known in (("a", trained), ("b", others)):
        (tmp_path / f"{name}.json").write_text(json.dumps(known))
    assert write_figures([mine(), result("no-op", 25.0)], tmp_path) == [tmp_path / "a.json"]
    assert len(json.loads((tmp_path / "a.json").read_text())["figures"]) == 1
    assert write_figures([mine(), result("no-op", 25.0)], tmp_path) == []


@pytest.mark.parametrize("path", sorted(BUNDLED.glob("*.mini.json")), ids=lambda path: path.stem)
def test_the_bundled_figures_are_those_of_the_committed_results(path):
    known = json.loads(path.read_text(encoding="utf-8"))
    assert known["figures"] == figures(known["id"], known["sha256"], find_results([COMMITTED]))
