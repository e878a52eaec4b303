"""Clips: what their metrics tell, how their inputs are made, and runs that can be stopped."""

from __future__ import annotations

import json

import cv2
import numpy as np
import pytest

pytest.importorskip("av")

from eval import clip_metrics, clips
from eval.__main__ import main
from eval.clip_run import TEMPORAL
from eval.metric import NotComputable
from eval.metrics import get_metric
from eval.results import read_result
from tests.video import clips as videos
from zoo.seeding import rng_for
from zoo.video.steady import AUTO, Steady


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    return np.stack(videos.pan(8, height=64, width=96, step=0.9))


def noisy(clip, sigma=12):
    return np.clip(clip + np.random.default_rng(0).normal(0, sigma, clip.shape), 0, 255).astype(np.uint8)


def test_warping_error_is_small_for_what_moves_as_the_truth_does(truth):
    still = np.repeat(truth[:1], len(truth), axis=0)
    own = clip_metrics.warping_error(truth, truth)
    assert own < 0.2 * clip_metrics.warping_error(noisy(truth), truth)
    assert own < 0.5 * clip_metrics.warping_error(still, truth)  # standing still is not steady


def test_warping_error_of_noise_is_its_variance():
    flat = np.full((6, 64, 96, 3), 128, np.uint8)
    flat += (videos.scene(0, 64, 96)[:64, :96] // 4).astype(np.uint8)  # the same in all frames: no motion
    # Differences of independent noise of deviation 10 have twice its variance, the rounding aside.
    assert clip_metrics.warping_error(noisy(flat, 10), flat) == pytest.approx(1000 * 2 * (10 / 255) ** 2, rel=0.05)


def test_flicker_is_the_change_of_an_error_not_the_error(truth):
    darker = (truth * 0.999).astype(np.uint8)
    assert clip_metrics.flicker(truth, truth) == 0
    assert clip_metrics.flicker(np.clip(truth.astype(int) + 8, 0, 255).astype(np.uint8), truth) < 0.2
    blinking = truth.copy()
    blinking[::2] = np.clip(blinking[::2].astype(int) + 8, 0, 255)
    assert clip_metrics.flicker(blinking, truth) > 5 > clip_metrics.flicker(darker, truth)


def test_temporal_distance(truth):
    distance = get_metric("clip_temporal_vgg").compute
    assert distance(truth, truth, None) == 0 < distance(noisy(truth), truth, None)


@pytest.mark.parametrize("metric", clip_metrics.CLIP_METRICS, ids=lambda metric: metric.id)
def test_a_single_frame_has_no_such_metric(metric, truth):
    for few in (truth[:1], truth[0]):
        with pytest.raises(NotComputable):
            metric.compute(few, few, None)


@pytest.mark.parametrize("scenario", clips.CLIP_SCENARIOS.values(), ids=lambda scenario: scenario.id)
def test_inputs_are_drawn_from_the_seed(scenario, truth):
    one, again, *others = (scenario.make(truth, rng_for(scenario.id, seed)) for seed in (0, 0, 1, 2, 3))
    assert np.array_equal(one, again)
    assert one.shape == (8, 64 // scenario.scale, 96 // scenario.scale, 3) and one.dtype == np.uint8
    if scenario.scale == 1:
        assert not all(np.array_equal(one, other) for other in others)
        assert 1 < np.abs(one.astype(int) - truth).mean() < 120


@pytest.mark.parametrize("name", ["clip-noise", "clip-compression", "clip-blur", "clip-old-film"])
def test_steadied_clips_have_less_warping_error_and_lose_nothing(name, truth):
    """The goal for every bundled model, here for doing nothing."""
    given = clips.CLIP_SCENARIOS[name].make(truth, rng_for(name, 0))
    steady = Steady(AUTO)
    made = np.stack([steady(frame, frame, number == 0)[0] for number, frame in enumerate(given)])
    assert clip_metrics.warping_error(made, truth) < 0.8 * clip_metrics.warping_error(given, truth)
    assert clip_metrics.psnr(made, truth) > clip_metrics.psnr(given, truth) - 0.1


@pytest.fixture
def root(tmp_path, monkeypatch):
    """A data root with a video and a still."""
    folder = tmp_path / "data"
    folder.mkdir()
    videos.write(folder / "a.mp4", videos.pan(20, height=72, width=96))
    cv2.imwrite(str(folder / "b.png"), videos.scene(3, 96, 128))
    items = (clips.ClipItem("a", "a.mp4", 2), clips.ClipItem("b", "b.png", pan=(0.5, 0.2)))
    for name, value in (("ITEMS", items), ("FRAMES", 4), ("HEIGHT", 48), ("WIDTH", 64)):
        monkeypatch.setattr(clips, name, value)
    return folder


def test_clips_are_cut_from_videos_and_stills(root):
    for item in clips.ITEMS:
        clip = item.frames(root)
        assert clip.shape == (4, 48, 64, 3)
        assert 0 < np.abs(clip[1].astype(int) - clip[0]).mean() < 40


def test_a_run_writes_results_of_both_ways_and_does_nothing_twice(root, tmp_path, monkeypatch, capsys):
    command = ["clips", "-m", "bilateral", "--scenario", "clip-noise", "--data-root", str(root), "--out", str(tmp_path)]
    assert main(command) == 0
    first = capsys.readouterr().out
    paths = sorted(tmp_path.rglob("result.json"))
    by_id = {found.model.id: found for found in map(read_result, paths)}
    assert set(by_id) == {"bilateral", "bilateral" + TEMPORAL}
    for found in by_id.values():
        assert found.complete and found.dataset.id == "clips-val" and found.cost.seconds_median > 0
    means = {id: found.metrics["clip_warping_error"].mean for id, found in by_id.items()}
    assert means["bilateral" + TEMPORAL] < means["bilateral"]

    import zoo.restorer

    def refuse(*args, **more):
        raise AssertionError("restored again")

    monkeypatch.setattr(zoo.restorer.Restorer, "restore_batch", refuse)
    assert main(command) == 0
    assert capsys.readouterr().out == first
    score = next(tmp_path.rglob("scores/a.json"))
    score.write_text(json.dumps(json.loads(score.read_text()) | {"key": "of other work"}))
    with pytest.raises(AssertionError, match="restored again"):
        main(command)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["-m", "span.x4", "--scenario", "clip-noise"], "fits none"),
        (["-m", "bilateral", "--scenario", "clip-nois"], "did you mean clip-noise"),
        (["-m", "bilateral", "--temporal", "on"], "not 'on'"),
        (["-m", "bilateral", "--limit", "0"], "from 1 on"),
    ],
)
def test_mistakes_are_told(root, tmp_path, arguments, text, capsys):
    assert main(["clips", *arguments, "--data-root", str(root), "--out", str(tmp_path)]) == 2
    assert text in capsys.readouterr().err
