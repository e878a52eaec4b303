"""The pick, its runner-up and what the data say, on results made to measure."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from PIL import Image

import zoo
from eval.provenance import Code
from eval.results import MetricValue, Result
from leaderboard.gains import gains
from leaderboard.overall import is_baseline
from leaderboard.recommend import CANNOT_TELL, CLEAR, TIED, command, recommend
from leaderboard.use_cases import get_use_case
from tests.leaderboard.helpers import CODE, result
from zoo.errors import UnknownNameError, ZooError

BASELINE = next(card.id for card in zoo.list_models(task="denoise") if is_baseline(card.id))
SPREAD = np.linspace(-1, 1, 24)
"""How pictures differ, whatever the model."""
WOBBLE = 0.1 * np.cos(np.arange(24) * 2.4)
"""How models differ from picture to picture."""


def run(model: str, psnr, *, dataset: str = "kodak24", scenario: str = "noise", vgg=None, **changes) -> Result:
    """A run with these values per picture: psnr_rgb, and vgg_conv3_1 where it is given."""
    values = {"psnr_rgb": np.asarray(psnr, float)}
    if vgg is not None:
        values["vgg_conv3_1"] = np.asarray(vgg, float)
    n = len(values["psnr_rgb"])
    versions = changes.pop("versions", {})
    extra = changes.pop("extra", {})
    metrics = {
        name: MetricValue(mean=float(each.mean()), n=n, version=versions.get(name, 1)) for name, each in values.items()
    }
    made = result(model, n=n, expected=changes.pop("expected", n), metrics={**metrics, **extra}, **changes)
    rows = [
        row.model_copy(update={"metrics": {name: float(each[i]) for name, each in values.items()}})
        for i, row in enumerate(made.images)
    ]
    return made.model_copy(
        update={
            "images": rows,
            "dataset": made.dataset.model_copy(update={"id": dataset}),
            "scenario": made.scenario.model_copy(update={"id": scenario}),
        }
    )


def nothing(n: int = 24, **where) -> Result:
    return run(BASELINE, 20 + SPREAD[:n], **where)


def better(model: str, by: float, n: int = 24, wobble: float = 1.0, **where) -> Result:
    """A run that gains `by` dB on average, and less or more on single pictures."""
    noise = WOBBLE - WOBBLE.mean()
    return run(model, 20 + SPREAD[:n] + by + wobble * noise[:n], **where)


def advised(*results: Result, use: str = "noisy-photo", **wishes):
    return recommend(use, results=results, **wishes)


def test_the_better_model_is_the_pick_and_the_difference_is_told():
    found = advised(nothing(), better("bilateral", 2), better("nl-means", 3, wobble=-1))
    assert (found.verdict, found.pick.model, found.runner_up.model) == (CLEAR, "nl-means", "bilateral")
    spread = np.std(20 + SPREAD, ddof=1)
    assert found.pick.gain == pytest.approx(3 / spread)
    assert found.difference.mean == pytest.approx(1 / spread)
    assert found.difference.significant and found.difference.pictures == found.pictures == 24
    assert found.difference.comparisons == 3  # both models and doing nothing, all pairs
    (line,) = found.difference.metrics
    assert (line.metric, line.a, line.b) == ("psnr_rgb", "bilateral", "nl-means")
    assert line.difference == pytest.approx(1)
    assert "significantly so on 24 pictures" in found.sentence


def test_it_is_said_how_much_of_the_use_case_was_measured():
    """noisy-photo counts kodak24 and cid22-val."""
    half = [nothing(), better("bilateral", 2)]
    rest = [nothing(dataset="cid22-val"), better("bilateral", 2, dataset="cid22-val")]
    said = "Of the 2 sets of pictures that count here, 1 was measured."
    assert advised(*half).sentence.endswith(said)
    assert said not in advised(*half, *rest).sentence and said not in advised().sentence


def test_models_that_cannot_be_told_apart_are_tied():
    found = advised(nothing(), better("bilateral", 3.001), better("nl-means", 3, wobble=-1))
    assert (found.verdict, found.pick.model) == (TIED, "bilateral")
    assert [choice.model for choice in found.choices if choice.tied] == ["nl-means"]
    assert ([choice.rank for choice in found.choices], found.rank_of_nothing) == (["1-2", "1-2"], "3")
    assert not found.difference.significant
    assert "cannot be told apart from nl-means" in found.sentence


def test_too_few_pictures_cannot_tell():
    found = advised(nothing(5), better("bilateral", 2, 5), better("nl-means", 3, 5))
    assert (found.verdict, found.pick, found.runner_up) == (CANNOT_TELL, None, None)
    assert "5 pictures are too few to tell 3 differences from chance; that takes at least 7" in found.sentence
    assert found.choices[0].model == "nl-means"


def test_what_is_not_better_than_nothing_is_not_picked():
    found = advised(nothing(), better("bilateral", 0.001, wobble=30))
    assert found.verdict == CANNOT_TELL
    assert "may be no better than doing nothing" in found.sentence
    found = advised(nothing(), better("bilateral", -1))
    assert found.verdict == CANNOT_TELL
    assert "leave yours as it is" in found.sentence


def test_without_measurements_there_is_no_answer():
    for results in ([], [nothing()], [better("bilateral", 2)], [nothing(dataset="cid22-val"), better("bilateral", 2)]):
        found = advised(*results)
        assert (found.verdict, found.choices) == (CANNOT_TELL, ())
        assert "nothing was measured" in found.sentence
    assert "kodak24 / noise: not measured" in advised().notes
    assert "kodak24 / noise: doing nothing was not measured" in advised(better("bilateral", 2)).notes


def test_the_committed_results_are_the_default(tmp_path, monkeypatch):
    monkeypatch.setattr("leaderboard.recommend.COMMITTED", tmp_path / "results")
    with pytest.raises(ZooError, match="this copy has no committed results"):
        recommend("noisy-photo")
    for each in (nothing(), better("bilateral", 2)):
        (tmp_path / "results" / each.model.id).mkdir(parents=True)
        (tmp_path / "results" / each.model.id / "result.json").write_text(each.model_dump_json())
    assert recommend("noisy-photo").pick.model == "bilateral"


def test_which_models_are_compared_changes_no_gain():
    pair = advised(nothing(), better("bilateral", 2), better("nl-means", 3))
    more = advised(nothing(), better("bilateral", 2), better("nl-means", 3), better("autoencoder.mini", 90, wobble=80))
    for found in (pair, more):
        assert {c.model: c.gain for c in found.choices}["bilateral"] == pytest.approx(2 / np.std(SPREAD, ddof=1))


def test_metrics_are_weighted_and_lower_errors_are_gains():
    """psnr_rgb and vgg_conv3_1 weigh the same in noisy-photo, in units of what doing nothing varies by."""
    floor = run(BASELINE, 20 + SPREAD, vgg=2 + 0.1 * SPREAD)
    one = run("bilateral", 21 + SPREAD + WOBBLE, vgg=2 + 0.1 * SPREAD)
    other = run("nl-means", 20 + SPREAD + WOBBLE, vgg=1.8 + 0.1 * SPREAD)
    found = advised(floor, one, other)
    assert found.weights == {"kodak24 / noise": {"psnr_rgb": 0.5, "vgg_conv3_1": 0.5}}
    assert found.pick.model == "nl-means"  # 0.2 is two units of vgg_conv3_1, 1 dB is one of psnr_rgb
    assert found.pick.gain - found.runner_up.gain == pytest.approx(0.5 / np.std(SPREAD, ddof=1))


def test_a_metric_that_is_the_same_on_all_pictures_has_itself_as_its_unit():
    floor = run(BASELINE, np.full(24, 20.0))
    found = advised(floor, run("bilateral", 25 + WOBBLE - WOBBLE.mean()))
    assert found.pick.gain == pytest.approx(5 / 20)


def test_a_picture_in_several_scenarios_counts_once():
    """compressed-photo has jpeg and phone-compressed of the same pictures."""
    parts = [
        each
        for scenario, by in (("jpeg", 1), ("phone-compressed", 3))
        for each in (nothing(scenario=scenario), better("bilateral", by, scenario=scenario))
    ]
    found = advised(*parts, use="compressed-photo")
    assert found.pictures == 24
    assert found.pick.gain == pytest.approx(2 / np.std(SPREAD, ddof=1))
    assert found.scenarios == ("kodak24 / jpeg", "kodak24 / phone-compressed")


def test_data_sets_count_by_their_pictures():
    parts = [
        nothing(), better("bilateral", 1), nothing(8, dataset="cid22-val"),
        run("bilateral", 24 + SPREAD[:8], dataset="cid22-val"),
    ]  # fmt: skip
    found = advised(*parts)
    spreads = np.std(SPREAD, ddof=1), np.std(SPREAD[:8], ddof=1)
    assert found.pictures == 32
    assert found.pick.gain == pytest.approx((24 * 1 / spreads[0] + 8 * 4 / spreads[1]) / 32)


def test_who_was_not_measured_everywhere_is_left_out_but_named_where_it_is_best():
    parts = [
        nothing(), better("bilateral", 1), better("nl-means", 3), nothing(dataset="cid22-val"),
        better("bilateral", 1, dataset="cid22-val"),
    ]  # fmt: skip
    found = advised(*parts)
    assert found.pick.model == "bilateral"
    assert found.left_out == {"nl-means": "not measured on cid22-val / noise"}
    assert found.best_of_each == {"kodak24 / noise": "nl-means", "cid22-val / noise": "bilateral"}


@pytest.mark.parametrize(
    ("run_of_nl_means", "why"),
    [
        (better("nl-means", 5, code=CODE.model_copy(update={"clean": False})), "measured by code that no commit names"),
        (better("nl-means", 5, code=Code(version="0.1.0", commit=None, clean=None)), "no commit names"),
        (better("nl-means", 5, state="different"), "measured on other pictures than the data set's"),
        (better("nl-means", 5, 20, expected=24), "20 of 24 pictures scored"),
        (better("nl-means", 5, failures={"x.png": "out of memory"}), "1 failed, such as x.png: out of memory"),
        (better("nl-means", 5, versions={"psnr_rgb": 2}), "measured with another version"),
        (better("nl-means", 5, 20), "measured on other pictures than doing nothing"),
    ],
)
def test_what_does_not_compare_is_left_out_and_said(run_of_nl_means, why):
    found = advised(nothing(), better("bilateral", 2), run_of_nl_means)
    assert [choice.model for choice in found.choices] == ["bilateral"]
    assert why in " ".join([*found.left_out.values(), *found.notes])


def test_a_metric_that_only_the_baseline_has_is_never_made_up():
    floor = run(BASELINE, 20 + SPREAD, vgg=2 + 0.1 * SPREAD)
    found = advised(floor, better("bilateral", 2), run("nl-means", 21 + SPREAD, vgg=1 + 0.1 * SPREAD))
    assert [choice.model for choice in found.choices] == ["nl-means"]
    assert found.left_out["bilateral"] == "vgg_conv3_1 was not measured on kodak24 / noise"


def test_other_versions_of_a_second_metric_do_not_mix():
    floor = run(BASELINE, 20 + SPREAD, vgg=2 + 0.1 * SPREAD)
    old = run("bilateral", 22 + SPREAD, vgg=1 + 0.1 * SPREAD, versions={"vgg_conv3_1": 2})
    found = advised(floor, old, run("nl-means", 21 + SPREAD, vgg=1 + 0.1 * SPREAD))
    assert [choice.model for choice in found.choices] == ["nl-means"]
    assert "vgg_conv3_1 is of version 2, and that of doing nothing of version 1" in found.left_out["bilateral"]


def test_unavailable_metrics_do_not_count_and_are_said():
    missing = {"vgg_conv3_1": MetricValue(version=1, unavailable="unavailable: no weights")}
    floor = run(BASELINE, 20 + SPREAD, extra=missing)
    found = advised(floor, better("bilateral", 2, extra=missing))
    assert found.weights["kodak24 / noise"] == {"psnr_rgb": 1}
    assert "vgg_conv3_1 does not count on kodak24 / noise: unavailable: no weights" in found.notes


def test_the_newest_scenario_and_the_first_seed_count():
    parts = [nothing(), better("bilateral", 9), nothing(version=2), better("bilateral", 1, version=2)]
    parts += [nothing(version=2, seed=1), better("bilateral", 5, version=2, seed=1)]
    found = advised(*parts)
    assert found.pick.gain == pytest.approx(1 / np.std(SPREAD, ddof=1))
    assert any("version 2 with seed 0 counts" in note for note in found.notes)


def test_the_former_name_of_the_baseline_is_known():
    floor = run("identity", 20 + SPREAD)
    assert advised(floor, better("bilateral", 2)).pick.model == "bilateral"
    assert is_baseline("no-op.x4") and is_baseline("identity") and not is_baseline("telea")


def test_a_model_that_is_gone_is_no_advice():
    found = advised(nothing(), better("bilateral", 1), better("no-such-model", 5))
    assert found.pick.model == "bilateral"
    assert found.left_out["no-such-model"] == "it is no backend of this version any more"


def test_wishes_leave_out_with_a_reason():
    runs = [
        nothing(),
        better("bilateral", 1, megapixels_per_second=10.0, peak_memory_mb=10),
        better("nl-means", 2, megapixels_per_second=1.0, peak_memory_mb=100),
    ]
    assert advised(*runs, license="Apache-2.0").left_out == {"nl-means": "its license is BSD-3-Clause"}
    assert advised(*runs, license="permissive").pick.model == "nl-means"
    # The runs took 0.25 s a picture: 2.5 and 0.25 megapixels.
    fast = advised(*runs, max_ms=500, at=(1000, 1000))
    assert fast.pick.model == "bilateral"
    assert fast.left_out == {"nl-means": "it takes about 1000 ms"}
    assert fast.pick.cost.seconds_at == pytest.approx(0.1)
    assert advised(*runs, max_ms=251).pick.model == "nl-means"
    assert advised(*runs, max_ms=249).verdict == CANNOT_TELL
    assert "no model meets the wishes" in advised(*runs, max_ms=249).sentence
    assert advised(*runs, max_memory_mb=50).left_out == {"nl-means": "it takes up to 100 MB"}
    # 1 megapixel is four times what was measured for nl-means, and less than what was for bilateral.
    large = advised(*runs, at=(1000, 1000))
    assert {c.model: c.cost.memory_mb for c in large.choices} == pytest.approx({"bilateral": 10, "nl-means": 400})


def test_costs_that_are_not_known_meet_no_limit():
    runs = [nothing(), better("bilateral", 1, seconds_median=None, megapixels_per_second=None, peak_memory_mb=None)]
    assert advised(*runs).pick.cost.seconds is None
    assert advised(*runs, max_ms=1000).left_out == {"bilateral": "no latency was published for it"}
    assert advised(*runs, max_memory_mb=1000).left_out == {"bilateral": "its memory was not measured"}


def test_a_busy_machine_is_said():
    found = advised(nothing(), better("bilateral", 1, load=4.0), better("nl-means", 2, workers=2))
    assert {c.model: c.cost.remark for c in found.choices} == {
        "bilateral": "the machine had other work", "nl-means": "several pictures were restored at once",
    }  # fmt: skip
    assert [choice.cost.seconds for choice in found.choices] == [None, None]


def test_offline_leaves_out_what_has_to_be_downloaded(monkeypatch):
    runs = [nothing(), better("bilateral", 1), better("nl-means", 2)]
    gone = "the weights of nl-means are not on this machine"
    for module in ("recommend", "wishes"):
        monkeypatch.setattr(
            f"leaderboard.{module}.unavailable_reason", lambda card: gone if card.id == "nl-means" else None
        )
    found = advised(*runs)
    assert found.pick.missing == gone
    assert found.pick.command[0] == "python -m zoo download nl-means"
    assert advised(*runs, offline=True).left_out == {"nl-means": "its weights are not on this machine"}


def faces(model: str, by: float, similarity: float) -> Result:
    extra = {"face_similarity": MetricValue(mean=similarity, n=24, version=1)}
    made = run(model, 20 + SPREAD + by + WOBBLE, dataset="faces-val", scenario="blind-face", extra=extra)
    rows = [row.model_copy(update={"metrics": {**row.metrics, "face_similarity": similarity + 0.01 * SPREAD[i]}})
            for i, row in enumerate(made.images)]  # fmt: skip
    return made.model_copy(update={"images": rows})


def test_faces_have_to_be_similar_enough():
    runs = [faces(BASELINE, 0, 0.7), faces("gpen.mini", 2, 0.8), faces("autoencoder.mini", 3, 0.72)]
    found = advised(*runs, use="old-portrait", min_face_similarity=0.75)
    assert found.pick.model == "gpen.mini"
    assert found.pick.face_similarity == pytest.approx(0.8)
    assert found.left_out == {"autoencoder.mini": "its faces have 0.720 on average"}
    with pytest.raises(ZooError, match="no similarity of faces was measured for the use case noisy-photo"):
        advised(nothing(), better("bilateral", 1), min_face_similarity=0.5)


@pytest.mark.parametrize(
    ("wishes", "message"),
    [
        ({"max_ms": 0}, "the longest time is a number above 0, not 0"),
        ({"max_ms": float("nan")}, "the longest time is a number above 0"),
        ({"max_memory_mb": -5}, "the most memory is a number above 0, not -5"),
        ({"at": (0, 5)}, "a size is a width and a height"),
        ({"license": "MTI"}, "unknown license 'MTI': did you mean MIT"),
        ({"min_face_similarity": 1.5}, "a similarity of faces goes from -1 to 1, not 1.5"),
        ({"mask": "mask.png"}, "a mask is for a picture"),
        ({"use": "noisy"}, "unknown use case 'noisy': did you mean noisy-photo"),
        ({"use": None}, "name a use case, or give a picture"),
        ({"picture": np.zeros((32, 32, 3), np.uint8), "use": "object-removal"}, "needs the picture's mask"),
        ({"picture": np.zeros((32, 32, 3), np.uint8), "mask": "m.png"}, "uses no mask"),
        ({"picture": "nowhere.png"}, "cannot read nowhere.png"),
    ],
)
def test_senseless_wishes_are_one_sentence(wishes, message):
    with pytest.raises(ZooError, match=message):
        recommend(**{"use": "noisy-photo", "results": [], **wishes})


def test_the_command_fits_the_task():
    assert command(zoo.get_card("bilateral")) == (
        "python -m zoo restore photo.png -m bilateral -o photo-bilateral.png",
    )
    assert command(zoo.get_card("telea"), Path("my dir/a.bmp")) == (
        "python -m zoo restore 'my dir/a.bmp' -m telea -o 'my dir/a-telea.png' --mask mask.png",
    )
    assert command(zoo.get_card("gpen.mini"), Path("me.jpg"))[0].startswith("python -m zoo faces me.jpg -m gpen.mini")
    assert command(zoo.get_card("telea"), Path("-a.png"), Path("-m.png")) == (
        "python -m zoo restore ./-a.png -m telea -o ./-a-telea.png --mask ./-m.png",
    )


def test_the_zoo_offers_the_same():
    runs = [nothing(), better("bilateral", 2)]
    assert zoo.recommend("noisy-photo", results=runs) == advised(*runs)
    with pytest.raises(UnknownNameError):
        zoo.recommend("noisy", results=runs)


def test_the_picture_is_tried_and_its_faults_are_told():
    image = np.random.default_rng(0).integers(0, 256, (200, 220, 3)).astype(np.uint8)
    found = advised(nothing(), better("bilateral", 2), better("dummy", 1), picture=image)
    assert found.try_out.found.keys() >= {"noise", "small"}
    assert "noisy-photo" in found.try_out.use_cases
    trials = {trial.model: trial for trial in found.try_out.trials}
    assert trials.keys() == {"bilateral", "dummy"}
    assert all(trial.seconds > 0 and trial.failed is None for trial in trials.values())
    restored = zoo.load("dummy").restore(image).image
    from eval.niqe import niqe

    assert trials["dummy"].niqe == pytest.approx(niqe(restored))
    assert found.try_out.niqe == pytest.approx(niqe(image))


def test_it_is_told_which_model_is_tried_and_how_long_it_may_take():
    said = []
    image = np.full((500, 1000, 3), 90, np.uint8)  # 0.5 megapixels, where 0.375 took 0.25 s
    advised(nothing(), better("bilateral", 2), picture=image, progress=said.append)
    assert said == ["trying bilateral, some 0.3 s by what was measured"]


def test_a_mask_goes_to_the_models_and_into_the_command(tmp_path):
    """The hole is filled; without a mask, or with one of another size, the answer is a sentence."""
    runs = []
    for each in (nothing(scenario="scratches"), better("telea", 2, scenario="scratches")):
        rows = [row.model_copy(update={"metrics": {"psnr_hole": row.metrics["psnr_rgb"]}}) for row in each.images]
        update = {
            "images": rows, "metrics": {"psnr_hole": each.metrics["psnr_rgb"]},
            "scenario": each.scenario.model_copy(update={"primary": "psnr_hole"}),
        }  # fmt: skip
        runs.append(each.model_copy(update=update))
    picture, mask = tmp_path / "p.png", tmp_path / "m.png"
    hole = np.zeros((40, 50), np.uint8)
    hole[10:20, 10:20] = 255
    Image.fromarray(skimage.data.coffee()[:40, :50]).save(picture)
    Image.fromarray(hole).save(mask)
    found = advised(*runs, use="scratched-photo", picture=picture, mask=mask)
    files = [path.as_posix() for path in (picture, tmp_path / "p-telea.png", mask)]
    words = ["restore", files[0], "-m", "telea", "-o", files[1], "--mask", files[2]]
    assert found.pick.command == (shlex.join(["python", "-m", "zoo", *words]),)
    assert [trial.failed for trial in found.try_out.trials] == [None]
    Image.fromarray(hole[:20]).save(mask)
    with pytest.raises(ZooError, match="the mask has 50 x 20 pixels"):
        advised(*runs, use="scratched-photo", picture=picture, mask=mask)


def test_a_significant_difference_that_is_too_small_to_matter_is_called_so():
    found = advised(nothing(), better("bilateral", 2), better("nl-means", 2.05))
    assert (found.verdict, found.pick.model) == (CLEAR, "nl-means")
    assert found.difference.significant and not found.difference.matters
    assert "The difference is too small to matter in any metric, though." in found.sentence


def test_without_a_use_case_the_picture_decides():
    ramp = np.linspace(20, 235, 700)[:, None]
    noisy = np.clip(ramp + np.random.default_rng(0).normal(0, 30, (600, 700, 3)), 0, 255).astype(np.uint8)
    found = recommend(picture=noisy, results=[nothing(), better("bilateral", 2)])
    assert found.use.id == "noisy-photo"
    with pytest.raises(ZooError, match="no use case fits what was found"):
        clean = np.concatenate([skimage.data.coffee()] * 2)
        recommend(picture=clean, results=[])


def test_a_failing_model_is_shown_as_a_failure(monkeypatch):
    def fail(*_, **__):
        raise ZooError("out of order.")

    monkeypatch.setattr("zoo.restorer.Restorer.restore", fail)
    found = advised(nothing(), better("bilateral", 2), picture=np.full((64, 64, 3), 90, np.uint8))
    (trial,) = found.try_out.trials
    assert (trial.failed, trial.seconds, trial.niqe) == ("out of order.", None, None)
    assert "at least 192 x 192" in found.try_out.why_no_niqe


def test_everything_goes_into_json():
    from leaderboard.recommend_cli import as_data

    image = np.random.default_rng(0).integers(0, 256, (200, 220, 3)).astype(np.uint8)
    found = advised(nothing(), better("bilateral", 2), picture=image)
    data = json.loads(json.dumps(as_data(found), allow_nan=False))
    assert (data["verdict"], data["pick"], data["runner_up"]) == ("clear", "bilateral", None)
    assert data["choices"][0]["command"] == list(found.pick.command)


def test_gains_read_only_what_belongs_to_the_use_case():
    measured = gains(get_use_case("noisy-photo"), [nothing(scenario="jpeg"), better("bilateral", 2, scenario="jpeg")])
    assert (measured.cells, measured.models) == ((), {})
