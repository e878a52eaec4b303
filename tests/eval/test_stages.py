"""Stage 1 and stage 2: what is stored, what is taken from the store, and what makes it stale."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

import zoo
from eval import predict as stage1
from eval import scenarios
from eval.datasets import open_dataset
from eval.pool import Workers
from eval.predict import Job, prepared
from eval.runfile import begin, restored
from eval.scenarios import SCENARIOS, get_scenario
from eval.score import score
from eval.stats import t_interval
from eval.summary import summarize
from tests.eval.helpers import evaluate, result_of, save_photographs, stamps, tables, visible_files
from zoo import registry
from zoo.card import ModelCard
from zoo.errors import RestorationError
from zoo.runtimes import FunctionBackend
from zoo.runtimes.torch import TorchBackend


class Pipeline:
    """One model on one scenario, with both stages to be called one by one."""

    def __init__(self, out, folder, model="dummy", scenario="noise", **options):
        self.dataset = open_dataset(f"folder:{folder}")
        self.job = Job(model, scenario, 0, out, self.dataset.key, **options)
        self.model = self.job.load()
        self.prepare()

    def prepare(self):
        self.job = prepared(self.job, self.model)

    def predict(self) -> set[str]:
        """Stage 1; the names of the pictures that were restored now."""
        before = stamps(self.job.store.folder, "*.png.png")
        with Workers(1) as workers:
            stage1.predict(self.job, self.model, self.dataset.items, workers, lambda: None)
        return changed(before, stamps(self.job.store.folder, "*.png.png"))

    def score(self) -> set[str]:
        """Stage 2; the names of the pictures that were measured now."""
        folder = self.job.store.folder / "scores"
        before = stamps(folder, "*.json")
        with Workers(1) as workers:
            score(self.job, self.dataset.items, workers, lambda: None)
        return changed(before, stamps(folder, "*.json"))

    def result(self):
        run = begin(self.job, self.model, self.job.model)
        return summarize(self.job, run, self.dataset, None, "python -m eval")

    def picture(self, name="photo01.png"):
        return self.job.store.picture(name)


def changed(before: dict, after: dict) -> set[str]:
    return {path.rpartition("/")[2].removesuffix(".png").removesuffix(".json") for path in after
            if after[path] != before.get(path)}  # fmt: skip


ALL = {f"photo{index:02}.png" for index in range(4)}


@pytest.fixture
def network(monkeypatch):
    """A model with a real network, so that precision, arithmetic and parameters mean something."""
    card = ModelCard(id="test.net", title="Tiny", tasks=("denoise",), license="MIT", internal=True)

    def build(card, state):
        torch.manual_seed(0)
        return TorchBackend(torch.nn.Conv2d(3, 3, 3, padding=1))

    registry.get_card("dummy")
    monkeypatch.setitem(registry.MODELS._entries, card.id, registry.Model(card, build))
    return card.id


def test_stored_pictures_are_what_the_model_makes_of_the_scenario(tmp_path, photographs):
    run = Pipeline(tmp_path / "out", photographs, "telea", "scratches")
    assert run.predict() == ALL
    for item in run.dataset.items:
        sample = get_scenario("scratches").prepare(item, 0)
        stored = np.asarray(Image.open(run.picture(item.name)))
        assert np.array_equal(stored, zoo.load("telea").restore(sample.given, sample.mask).image)
        assert np.array_equal(stored[~sample.mask], sample.truth[~sample.mask])


def test_scores_are_of_the_stored_pictures(tmp_path, photographs):
    run = Pipeline(tmp_path / "out", photographs)
    run.predict()
    run.score()
    result = run.result()
    means = []
    for row in result.images:
        difference = np.asarray(Image.open(run.picture(row.name)), float) - np.asarray(
            Image.open(photographs / row.name), float
        )
        assert row.metrics["l1_percent"] == pytest.approx(np.abs(difference).mean() / 2.55, abs=1e-6)
        means.append(np.abs(difference).mean() / 2.55)
    value = result.metrics["l1_percent"]
    assert (value.mean, value.n) == (pytest.approx(np.mean(means), abs=1e-6), 4)
    assert (value.low, value.high) == pytest.approx(t_interval(means), abs=2e-6)
    assert result.complete


def test_nothing_is_done_twice(tmp_path, photographs):
    run = Pipeline(tmp_path / "out", photographs)
    assert (run.predict(), run.score()) == (ALL, ALL)
    first = run.result()
    assert (run.predict(), run.score()) == (set(), set())
    again = run.result()
    assert again.model_dump(exclude={"environment"}) == first.model_dump(exclude={"environment"})


@pytest.mark.parametrize("harm", ["cut", "empty", "delete", "flip", "swap", "no record", "cut record", "odd record"])
def test_a_harmed_stored_picture_is_restored_again(harm, tmp_path, photographs):
    run = Pipeline(tmp_path / "out", photographs)
    run.predict()
    run.score()
    before = run.result().metrics
    path, record = run.picture(), run.job.store.record("photo01.png")
    whole = path.read_bytes()
    if harm == "cut":
        path.write_bytes(whole[: len(whole) // 2])
    elif harm == "empty":
        path.write_bytes(b"")
    elif harm == "delete":
        path.unlink()
    elif harm == "flip":
        path.write_bytes(whole[:-30] + bytes([whole[-30] ^ 1]) + whole[-29:])
    elif harm == "swap":
        path.write_bytes(run.picture("photo02.png").read_bytes())
    elif harm == "no record":
        record.unlink()
    elif harm == "cut record":
        record.write_bytes(record.read_bytes()[:40])
    else:
        record.write_text("[1, 2]")
    assert run.predict() == {"photo01.png"}
    assert path.read_bytes() == whole
    run.score()
    assert run.result().metrics == before


@pytest.mark.parametrize("text", ["", '{"key": "ab', "null", "{}"])
def test_a_harmed_score_is_measured_again(text, tmp_path, photographs):
    run = Pipeline(tmp_path / "out", photographs)
    run.predict()
    run.score()
    before = run.result().metrics
    run.job.store.score("photo02.png").write_text(text)
    assert run.score() == {"photo02.png"}
    assert run.result().metrics == before


def test_scoring_alone_never_measures_a_harmed_picture(tmp_path, photographs):
    run = Pipeline(tmp_path / "out", photographs)
    run.predict()
    run.picture().write_bytes(run.picture("photo02.png").read_bytes())
    run.score()
    result = run.result()
    assert not result.complete
    assert "damaged" in result.failures["photo01.png"]
    assert "photo01.png" not in {row.name for row in result.images}
    run.predict()
    run.score()
    assert run.result().complete


def test_other_weights_make_everything_stale(tmp_path, photographs):
    run = Pipeline(tmp_path / "out", photographs)
    run.predict()
    run.score()
    run.model.weights_sha256 = "0" * 64
    run.prepare()
    assert run.score() == set()  # stage 2 alone cannot mend it, and must not pass old pictures off as new ones
    result = run.result()
    assert (result.n_scored, result.complete) == (0, False)
    assert all("run --stage predict" in reason for reason in result.failures.values())
    assert (run.predict(), run.score()) == (ALL, ALL)
    assert run.result().model.weights_sha256 == "0" * 64


@pytest.mark.parametrize("what", ["source", "library", "tile"])
def test_other_code_libraries_or_tiles_make_everything_stale(what, tmp_path, photographs, monkeypatch):
    run = Pipeline(tmp_path / "out", photographs)
    run.predict()
    if what == "source":
        monkeypatch.setattr(stage1, "source_digest", lambda *packages: "of another version")
    elif what == "library":
        monkeypatch.setattr(stage1, "library_versions", lambda names: {"opencv-python": "99"})
    else:
        run.job = replace(run.job, tile=64)
    run.prepare()
    assert run.predict() == ALL


def test_a_changed_picture_is_done_again_alone(tmp_path, photographs):
    run = Pipeline(tmp_path / "out", photographs)
    run.predict()
    run.score()
    Image.fromarray(np.asarray(Image.open(photographs / "photo01.png"))[::-1]).save(photographs / "photo01.png")
    run.dataset = open_dataset(f"folder:{photographs}")
    # Stage 2 alone sees that the stored picture is of another input, and does not measure it against the new one.
    run.score()
    assert "photo01.png" not in {row.name for row in run.result().images}
    assert run.predict() == {"photo01.png"}
    run.score()
    assert run.result().complete


def test_other_seeds_and_versions_are_other_runs(tmp_path, photographs, monkeypatch):
    common = ("--model", "dummy", "--dataset", f"folder:{photographs}", "--scenario", "noise", "--workers", 1)
    out = tmp_path / "out"
    assert evaluate(*common, "--out", out) == 0
    assert evaluate(*common, "--out", out, "--seed", 5) == 0
    monkeypatch.setitem(scenarios.SCENARIOS._entries, "noise", replace(SCENARIOS["noise"], version=3))
    assert evaluate(*common, "--out", out) == 0
    names = [path.parent.parent.name for path in sorted(out.glob("*/*/dummy/result.json"))]
    assert names == ["noise-v2-s0", "noise-v2-s5", "noise-v3-s0"]
    assert len(set(tables(out).values())) == 3


def test_precision_is_another_run_for_networks(network, tmp_path, photographs):
    runs = [Pipeline(tmp_path / "out", photographs, network, precision=p) for p in ("fp32", "bf16")]
    for run in runs:
        assert run.predict() == ALL
        run.score()
    assert [run.predict() for run in runs] == [set(), set()]
    results = [run.result() for run in runs]
    assert [result.cost.precision for result in results] == ["fp32", "bf16"]
    assert results[0].metrics["psnr_rgb"] != results[1].metrics["psnr_rgb"]


def test_classical_methods_are_recorded_with_the_precision_they_have(tmp_path, photographs):
    run = Pipeline(tmp_path / "out", photographs, precision="fp16")
    run.predict()
    run.score()
    assert run.result().cost.precision == "fp32"


def test_cost_of_a_network(network, tmp_path, photographs):
    run = Pipeline(tmp_path / "out", photographs, network)
    run.predict()
    run.score()
    result = run.result()
    assert result.model.parameters == 3 * 3 * 9 + 3
    assert result.cost.gflops == pytest.approx(2 * 168 * 184 * 3 * 3 * 9 / 1e9)
    assert result.cost.gflops_at == "184 x 168"
    seconds = sorted(row.seconds for row in result.images)
    assert result.cost.seconds_median == pytest.approx((seconds[1] + seconds[2]) / 2, abs=1e-6)
    assert result.cost.megapixels_per_second == pytest.approx(4 * 168 * 184 / 1e6 / sum(seconds), rel=1e-3)


def test_cost_survives_an_interruption(network, tmp_path, photographs):
    run = Pipeline(tmp_path / "out", photographs, network)
    run.predict()
    for name in ("photo00.png", "photo03.png"):  # as if the run had been killed before these
        run.job.store.record(name).unlink()
    assert run.predict() == {"photo00.png", "photo03.png"}
    run.score()
    cost = run.result().cost
    assert cost.gflops is not None
    assert cost.seconds_median is not None


def test_latencies_of_another_machine_are_told(tmp_path, photographs, monkeypatch):
    run = Pipeline(tmp_path / "out", photographs)
    run.predict()
    run.job.store.record("photo00.png").unlink()
    monkeypatch.setattr(stage1, "machine", lambda device: "a faster one, 64 cores")
    run.predict()
    run.score()
    assert "; a faster one, 64 cores" in run.result().cost.machine


def test_scoring_here_leaves_the_next_latencies_alone(tmp_path, photographs):
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        run = Pipeline(tmp_path / "out", photographs)
        run.predict()
        run.score()
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)


def test_remarks_of_the_model_are_kept(tmp_path, photographs):
    run = Pipeline(tmp_path / "out", photographs, "patch-fill", "scratches", tile=100)
    run.predict()
    run.score()
    result = run.result()
    assert result.notes == {"patch-fill needs the whole picture at once, so it was not tiled.": 4}
    assert result.cost.tile == "100"


def test_a_result_is_gone_while_its_work_is_redone(tmp_path, photographs):
    run = Pipeline(tmp_path / "out", photographs)
    run.predict()
    run.score()
    run.result()
    run.picture().unlink()
    run.predict()  # and here it is killed
    assert not run.job.store.result.exists()
    assert not run.job.store.table.exists()


def test_predict_then_score_equals_all(tmp_path, photographs, monkeypatch):
    common = ("--model", "dummy", "--dataset", f"folder:{photographs}", "--scenario", "noise,scratches")
    assert evaluate(*common, "--out", tmp_path / "one", "--workers", 1) == 0
    assert evaluate(*common, "--out", tmp_path / "two", "--workers", 1, "--stage", "predict") == 0
    assert tables(tmp_path / "two") == {}
    assert not list((tmp_path / "two").rglob("result.json"))
    with monkeypatch.context() as without_models:  # no model can be loaded: scoring needs none
        without_models.setattr(zoo, "load", None)
        assert evaluate(*common, "--out", tmp_path / "two", "--workers", 1, "--stage", "score") == 0
    assert len(tables(tmp_path / "one")) == 2
    assert tables(tmp_path / "one") == tables(tmp_path / "two")
    done = stamps(tmp_path / "two", "*.png.*") | stamps(tmp_path / "two", "scores/*.json")
    assert len(done) == 2 * 3 * 4
    assert evaluate(*common, "--out", tmp_path / "two", "--workers", 1) == 0
    assert stamps(tmp_path / "two", "*.png.*") | stamps(tmp_path / "two", "scores/*.json") == done


def test_one_process_or_two_give_the_same_bytes(tmp_path, photographs):
    common = ("--model", "dummy", "--dataset", f"folder:{photographs}", "--scenario", "free-form-holes")
    for workers in (1, 2):
        assert evaluate(*common, "--out", tmp_path / str(workers), "--workers", workers) == 0
    assert tables(tmp_path / "1") == tables(tmp_path / "2")
    pictures = [{p.relative_to(tmp_path / n): p.read_bytes() for p in (tmp_path / n).rglob("*.png.png")} for n in "12"]
    assert len(pictures[0]) == 4
    assert set(pictures[0].values()) == set(pictures[1].values())
    costs = [json.loads(p.read_text())["cost"]["workers"] for p in (tmp_path / "2").rglob("result.json")]
    assert costs == [2]


def test_a_limited_run_has_the_same_inputs_and_is_incomplete(tmp_path, photographs):
    common = ("--model", "dummy", "--dataset", f"folder:{photographs}", "--scenario", "noise", "--workers", 1)
    assert evaluate(*common, "--out", tmp_path / "all") == 0
    assert evaluate(*common, "--out", tmp_path / "few", "--limit", 2) == 0
    few, everything = result_of(tmp_path / "few"), result_of(tmp_path / "all")
    assert [row["metrics"] for row in few["images"]] == [row["metrics"] for row in everything["images"][:2]]
    assert (few["n_scored"], few["n_expected"], few["dataset"]["limit"]) == (2, 4, 2)


def test_a_failure_is_named_kept_out_of_the_means_and_tried_again(tmp_path, photographs, capsys):
    damaged = photographs / "photo02.png"
    whole = damaged.read_bytes()
    damaged.write_bytes(whole[:2000])
    arguments = ("--model", "dummy", "--dataset", f"folder:{photographs}", "--scenario", "noise", "--workers", 1,
                 "--out", tmp_path / "out")  # fmt: skip
    assert evaluate(*arguments) == 1
    shown = capsys.readouterr()
    assert "INCOMPLETE (3 of 4)" in shown.out
    assert "failed: photo02.png:" in shown.err
    result = result_of(tmp_path / "out")
    assert (result["n_scored"], result["n_expected"], list(result["failures"])) == (3, 4, ["photo02.png"])
    assert [row["name"] for row in result["images"]] == ["photo00.png", "photo01.png", "photo03.png"]
    assert evaluate(*arguments, "--stage", "predict") == 1
    assert "3 of 4 restored" in capsys.readouterr().out
    damaged.write_bytes(whole)
    assert evaluate(*arguments) == 0
    assert result_of(tmp_path / "out")["failures"] == {}


def test_a_model_that_fails_on_one_picture(tmp_path, photographs, monkeypatch):
    card = ModelCard(id="test.picky", title="Picky", tasks=("denoise",), license="MIT", internal=True)
    width = 100
    Image.fromarray(np.asarray(Image.open(photographs / "photo01.png"))[:, :width]).save(photographs / "photo01.png")

    def build(card, state):
        def restore(image, mask):
            if image.shape[-1] == width:
                raise RestorationError("too narrow for me.")
            return image

        return FunctionBackend(restore)

    registry.get_card("dummy")
    monkeypatch.setitem(registry.MODELS._entries, card.id, registry.Model(card, build))
    run = Pipeline(tmp_path / "out", photographs, card.id)
    run.predict()
    run.score()
    result = run.result()
    assert result.failures == {"photo01.png": "too narrow for me."}
    assert result.metrics["psnr_rgb"].n == 3
    assert not result.complete


def test_a_metric_that_one_picture_is_too_small_for_has_no_mean(tmp_path, photographs):
    Image.fromarray(np.asarray(Image.open(photographs / "photo01.png"))[:120]).save(photographs / "photo01.png")
    run = Pipeline(tmp_path / "out", photographs)
    run.predict()
    run.score()
    result = run.result()
    value = result.metrics["ms_ssim_y"]
    assert (value.mean, value.n) == (None, 0)
    assert value.unavailable == "unavailable: needs pictures of at least 161 x 161 pixels (photo01.png)"
    assert result.metrics["ssim_y"].n == 4
    assert result.complete
    table = pd.read_csv(run.job.store.table).set_index("name")
    assert table["ms_ssim_y"].isna().to_list() == [False, True, False, False]
    assert table.drop(columns=["ms_ssim_y", "niqe"]).notna().all(axis=None)  # all are too small for NIQE


def test_metrics_without_weights_have_a_reason_and_no_number(tmp_path, photographs):
    run = Pipeline(tmp_path / "out", photographs)
    run.predict()
    run.score()
    result = run.result()
    for name in ("lpips_alex", "vgg_conv3_1_torchvision"):
        value = result.metrics[name]
        assert value.unavailable.startswith("unavailable: ")
        assert (value.mean, value.low, value.high, value.n) == (None, None, None, 0)
        assert all(name not in row.metrics for row in result.images)


def test_one_picture_has_a_mean_and_no_interval(tmp_path):
    run = Pipeline(tmp_path / "out", save_photographs(tmp_path / "set", 1))
    run.predict()
    run.score()
    value = run.result().metrics["psnr_rgb"]
    assert (value.mean > 10, value.low, value.high, value.n) == (True, None, None, 1)


def test_what_lies_in_the_folder_of_a_run(tmp_path, photographs):
    run = Pipeline(tmp_path / "out", photographs)
    run.predict()
    run.score()
    run.result()
    expected = {"metrics.csv", "result.json", "run.json"}
    for name in ALL:
        expected |= {f"restored/{name}.png", f"restored/{name}.json", f"scores/{name}.json"}
    assert set(visible_files(run.job.store.folder)) == expected


def test_scoring_before_restoring_is_a_sentence(tmp_path, photographs, capsys):
    common = ("--dataset", f"folder:{photographs}", "--scenario", "noise", "--workers", 1, "--out", tmp_path / "out")
    assert evaluate("--model", "dummy", *common, "--stage", "score") == 2
    assert "nothing of dummy is restored in" in capsys.readouterr().err
    assert evaluate("--model", "dummy", *common, "--stage", "predict") == 0
    assert evaluate("--model", "dummy", *common, "--stage", "score", "--tile", 64) == 2  # restored with other tiles
    assert evaluate("--model", "all", *common, "--stage", "score") == 0  # those that are restored
    assert "no-op" not in {path.parent.name for path in tmp_path.rglob("result.json")}


def test_a_run_of_other_precision_is_scored_as_that(network, tmp_path, photographs):
    run = Pipeline(tmp_path / "out", photographs, network, precision="bf16")
    run.predict()
    begin(run.job, run.model, network)
    found, facts = restored(Job(network, "noise", 0, tmp_path / "out", run.dataset.key, precision="bf16"))
    assert (found.store.folder, found.settings) == (run.job.store.folder, run.job.settings)
    assert facts.model.parameters == run.model.parameters
    assert restored(Job(network, "noise", 0, tmp_path / "out", run.dataset.key)) is None
    run.job.store.run.write_text("{}")
    assert restored(found) is None
