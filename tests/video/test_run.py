"""From file to file: what is kept, what is resumed, what is said."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

import zoo
from tests.video import clips
from zoo.card import ModelCard, Tiling
from zoo.errors import OutputError, RestorationError, ZooError
from zoo.runtimes import NumpyBackend
from zoo.video import run as running
from zoo.video import work
from zoo.video.recipe import Recipe, Step
from zoo.video.run import Job, restore_video


def job(source: Path, output: Path, *models: str, strength: float = 0.0, codec=None, crf=None, **more) -> Job:
    steps = [Step("model", name) for name in models or ("no-op",)]
    return Job(source, output, Recipe((*steps, Step("steady", strength=strength)), codec, crf), **more)


def restored(*args, **more):
    return restore_video(job(*args, **more), notes=lambda text: None)


@pytest.fixture
def failing(monkeypatch):
    """A model that fails on bright frames."""
    card = ModelCard(id="failing", title="Fails", tasks=("restore",), license="MIT", tiling=Tiling(0), internal=True)

    def run(image, mask):
        if image.mean() > 0.9:
            raise RuntimeError("too bright")
        return 1 - image

    from zoo.registry import MODELS

    zoo.list_models()  # all others are registered before
    monkeypatch.setattr(MODELS, "_entries", dict(MODELS._entries))
    zoo.register(card)(lambda card, state: NumpyBackend(run))
    return "failing"


def test_frames_and_times_are_kept(tmp_path):
    source = clips.write(tmp_path / "in.mkv", clips.pan(30), codec="ffv1", sound=True)
    outcome = restored(source, tmp_path / "out.mkv", codec="ffv1")
    assert outcome.frames == 30 and outcome.whole
    assert clips.times(tmp_path / "out.mkv") == clips.times(source)
    for before, after in zip(clips.read(source), clips.read(tmp_path / "out.mkv"), strict=True):
        assert np.abs(before.astype(int) - after).mean() < 1.5  # once more through 4:2:0


def test_variable_frame_rate_is_kept_to_the_tick(tmp_path):
    ticks = [0, 1000, 1700, 5200, 5300, 9001, 9100, 20000]
    base = Fraction(1, 15360)
    source = clips.write(tmp_path / "in.mp4", clips.pan(8), ticks=ticks, time_base=base)
    restored(source, tmp_path / "out.mp4")
    assert clips.times(tmp_path / "out.mp4") == [tick * base for tick in ticks]


def test_sound_and_subtitles_come_along(tmp_path):
    source = clips.write(tmp_path / "in.mkv", clips.pan(25), sound=True, subtitle="Hello there")
    restored(source, tmp_path / "out.mkv")
    with av.open(str(source)) as before, av.open(str(tmp_path / "out.mkv")) as after:
        assert [s.codec_context.name for s in after.streams.audio] == ["aac"]
        sounds = [[bytes(p) for p in c.demux(audio=0) if p.size] for c in (before, after)]
        assert sounds[0] == sounds[1] and len(sounds[0]) > 5
    restored(source, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as after:
        assert after.streams.subtitles[0].codec_context.name == "mov_text"
        texts = [bytes(p) for p in after.demux(subtitles=0) if p.size > 2]
        assert texts[0][2:13] == b"Hello there"


def test_a_part_begins_at_zero_with_its_sound(tmp_path):
    source = clips.write(tmp_path / "in.mp4", clips.pan(75), sound=True, options={"g": "10"})
    restored(source, tmp_path / "out.mp4", begin=1.0, end=2.0)
    found = clips.times(tmp_path / "out.mp4")
    assert found[0] == 0 and len(found) == 25
    whole, part = clips.read(source), clips.read(tmp_path / "out.mp4")
    assert np.abs(whole[25].astype(int) - part[0]).mean() < 7 < 20 < np.abs(whole[5].astype(int) - part[0]).mean()
    with av.open(str(tmp_path / "out.mp4")) as after:
        packets = [p.pts * p.time_base for p in after.demux(audio=0) if p.size]
    assert 0 <= packets[0] < 0.15 and 0.8 < packets[-1] <= 1


@pytest.mark.parametrize("rotation", [90, 180, 270])
def test_rotated_videos_come_out_upright(tmp_path, rotation):
    frames = clips.pan(4)
    frames = [frame.copy() for frame in frames]
    for frame in frames:
        frame[:16, :16] = (255, 0, 0)
    source = clips.write(tmp_path / "in.mp4", frames, rotation=rotation, aspect=Fraction(4, 3))
    restored(source, tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as after:
        frame = next(after.decode(video=0))
        stream = after.streams.video[0]
        assert frame.rotation == 0
        turned = rotation in (90, 270)
        assert (frame.width, frame.height) == ((64, 96) if turned else (96, 64))
        assert stream.sample_aspect_ratio == (Fraction(3, 4) if turned else Fraction(4, 3))
        with av.open(str(source)) as before:
            shown = np.rot90(next(before.decode(video=0)).to_ndarray(format="rgb24"), rotation // 90)
        assert (
            np.abs(frame.to_ndarray(format="rgb24").astype(int) - shown).mean() < 7
        )  # 20 and more where it is turned otherwise


@pytest.mark.parametrize(
    ("tags", "matrix"),
    [((1, 1, 1, 1), 1), ((6, 6, 6, 1), 5), ((5, 6, 5, 2), 5), ((1, 1, 1, 2), 1), ((2, 2, 2, 0), 5), ((9, 14, 9, 1), 9)],
)
@pytest.mark.parametrize("codec", ["h264", "ffv1"])
def test_colors_are_computed_and_tagged_as_they_were(tmp_path, tags, matrix, codec):
    flat = np.zeros((32, 48, 3), np.uint8)
    flat[:, :16], flat[:, 16:32], flat[:, 32:] = (220, 30, 40), (20, 200, 60), (40, 50, 230)
    source = clips.write(
        tmp_path / "in.mkv", [flat] * 3, tags=tags, matrix=matrix, pixel_format="yuv444p", options={"crf": "4"}
    )
    restored(source, tmp_path / "out.mkv", codec=codec)
    with av.open(str(source)) as before, av.open(str(tmp_path / "out.mkv")) as after:
        one, other = next(before.decode(video=0)), next(after.decode(video=0))
    assert (other.color_primaries, other.color_trc, other.colorspace) == (
        one.color_primaries, one.color_trc, one.colorspace
    )  # fmt: skip
    assert (other.color_range == 2) == (one.color_range == 2)
    for here, there in zip(one.to_ndarray(), other.to_ndarray(), strict=True):
        assert np.abs(here.astype(int) - there).max() <= 4  # the very YUV values


def test_ten_bits_stay_ten_bits(tmp_path):
    source = clips.write(tmp_path / "in.mkv", clips.pan(3), codec="ffv1", pixel_format="yuv422p10le")
    restored(source, tmp_path / "out.mkv", "bilateral", codec="ffv1")
    with av.open(str(tmp_path / "out.mkv")) as after:
        frame = next(after.decode(video=0))
    assert frame.format.name == "yuv422p10le"
    assert len(np.unique(frame.to_ndarray().ravel()[: frame.width * frame.height])) > 256


@pytest.mark.parametrize("size", [(63, 97), (65, 96), (64, 95)])
@pytest.mark.parametrize("codec", ["h264", "h265", "av1", "ffv1"])
def test_odd_sizes_are_kept(tmp_path, size, codec):
    height, width = size
    source = clips.write(tmp_path / "in.mkv", clips.pan(3, height=height, width=width), pixel_format="yuv444p")
    restored(source, tmp_path / "out.mkv", codec=codec)
    assert clips.read(tmp_path / "out.mkv")[0].shape[:2] == size


@pytest.mark.parametrize(("codec", "suffix"), [("h264", ".mp4"), ("h265", ".mp4"), ("av1", ".webm"), ("ffv1", ".mkv")])
def test_every_codec_writes_all_frames_across_segments(tmp_path, codec, suffix, monkeypatch):
    monkeypatch.setattr(work, "SEGMENT", 16)
    monkeypatch.setattr(running, "SEGMENT", 16)
    frames = clips.pan(40)
    source = clips.write(tmp_path / "in.mp4", frames, options={"crf": "8"})
    restored(source, tmp_path / f"out{suffix}", codec=codec)
    found = clips.read(tmp_path / f"out{suffix}")
    assert len(found) == 40
    assert clips.times(tmp_path / f"out{suffix}") == clips.times(source)
    for here, there in zip(clips.read(source), found, strict=True):
        assert np.abs(here.astype(int) - there).mean() < 6


def test_larger_frames(tmp_path):
    source = clips.write(tmp_path / "in.mp4", clips.pan(3, height=32, width=48))
    restored(source, tmp_path / "out.mp4", "bicubic.x2", strength=0.5)
    assert clips.read(tmp_path / "out.mp4")[0].shape == (64, 96, 3)


class Stop(Exception):
    pass


@pytest.mark.parametrize("models", [("bilateral",), ("bicubic.x2",)])
def test_a_run_that_was_killed_goes_on_to_the_same_frames(tmp_path, models, monkeypatch):
    monkeypatch.setattr(running, "SEGMENT", 16)
    frames = [*clips.pan(40), *clips.pan(24, seed=3)]
    source = clips.write(tmp_path / "in.mp4", frames, sound=True)
    steps = (Step("deflicker"), Step("dust"), *(Step("model", name) for name in models), Step("steady", strength=0.6))

    def go(name: str, stop_at: int | None = None):
        done = []

        def progress(count, total):
            done.append(count)
            if stop_at is not None and count >= stop_at:
                raise Stop

        outcome = restore_video(Job(source, tmp_path / name, Recipe(steps)), progress, lambda text: None)
        return outcome, done

    whole, _ = go("whole.mp4")
    for stop_at in (8, 40, 56):
        with pytest.raises(Stop):
            go("parts.mp4", stop_at)
        assert not (tmp_path / "parts.mp4").exists()
    outcome, done = go("parts.mp4")
    assert outcome.resumed >= 32 and min(done) > 32
    assert outcome.frames == whole.frames == 64
    assert (tmp_path / "parts.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()
    assert (tmp_path / "parts.mp4.jsonl").read_text() == (tmp_path / "whole.mp4.jsonl").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "in.mp4", "parts.mp4", "parts.mp4.jsonl", "whole.mp4", "whole.mp4.jsonl"
    ]  # fmt: skip


def test_other_settings_begin_anew(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "SEGMENT", 8)
    source = clips.write(tmp_path / "in.mp4", clips.pan(24))

    def stop(count, total):
        if count >= 16:
            raise Stop

    with pytest.raises(Stop):
        restore_video(job(source, tmp_path / "out.mp4", "bilateral"), stop, lambda text: None)
    assert restored(source, tmp_path / "out.mp4", "no-op").resumed == 0


def test_two_runs_do_not_write_the_same_output(tmp_path):
    source = clips.write(tmp_path / "in.mp4", clips.pan(8))
    held = work.Work(tmp_path / "out.mp4", {})
    with pytest.raises(ZooError, match="another run"):
        restored(source, tmp_path / "out.mp4")
    held.release()


def test_a_failed_frame_keeps_its_input_and_is_named(tmp_path, failing):
    frames = clips.pan(20)
    frames[11] = np.full_like(frames[0], 255)
    source = clips.write(tmp_path / "in.mkv", frames, codec="ffv1")
    outcome = restored(source, tmp_path / "out.mkv", failing, codec="ffv1", strength=0.5)
    assert list(outcome.failed) == [11] and "too bright" in outcome.failed[11] and not outcome.whole
    found = clips.read(tmp_path / "out.mkv")
    assert found[11].min() > 250
    assert np.abs(255 - found[3].astype(int) - clips.read(source)[3]).mean() < 12
    lines = [json.loads(line) for line in (tmp_path / "out.mkv.jsonl").read_text().splitlines()]
    assert [line["state"] for line in lines[:-1]] == ["restored"] * 11 + ["failed"] + ["restored"] * 8
    assert lines[-1]["summary"]["failed"] == 1


def test_what_fails_at_once_writes_nothing(tmp_path, failing):
    source = clips.write(tmp_path / "in.mkv", [np.full((32, 48, 3), 250, np.uint8)] * 9)
    with pytest.raises(RestorationError, match="too bright"):
        restored(source, tmp_path / "out.mkv", failing)
    assert not (tmp_path / "out.mkv").exists()


def test_the_input_is_never_overwritten(tmp_path):
    source = clips.write(tmp_path / "in.mp4", clips.pan(3))
    before = source.read_bytes()
    with pytest.raises(OutputError, match="the input itself"):
        restored(source, source)
    (tmp_path / "link.mp4").symlink_to(source)
    with pytest.raises(OutputError, match="the input itself"):
        restored(source, tmp_path / "link.mp4")
    with pytest.raises(OutputError, match="the input itself"):
        restored(source, tmp_path / "out.mp4", log=source)
    assert source.read_bytes() == before


@pytest.mark.parametrize(
    ("name", "codec", "crf", "text"),
    [
        ("out.avi", None, None, "name it .mp4"),
        ("out.webm", "h264", None, "does not hold h264"),
        ("out.mp4", "ffv1", None, "name the output .mkv"),
        ("out.mkv", "ffv1", 3, "lossless"),
        ("out.mp4", "h264", 99, "from 0 (best) to 51"),
    ],
)
def test_what_cannot_be_written_is_said_first(tmp_path, name, codec, crf, text):
    source = clips.write(tmp_path / "in.mp4", clips.pan(3))
    with pytest.raises(ZooError) as told:
        restored(source, tmp_path / name, codec=codec, crf=crf)
    assert text in str(told.value)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_a_full_disk_is_a_sentence(tmp_path, monkeypatch):
    source = clips.write(tmp_path / "in.mp4", clips.pan(3))

    def full(self, *args):
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(running.SegmentWriter, "write", full)
    with pytest.raises(OSError, match="No space"):
        restored(source, tmp_path / "out.mp4")
    assert not (tmp_path / "out.mp4").exists()


def test_a_preview_restores_single_frames(tmp_path):
    source = clips.write(tmp_path / "in.mp4", clips.pan(50))
    made = running.preview(job(source, tmp_path / "out.mp4", "bicubic.x2"), 3)
    assert [round(at, 2) for at, _, _ in made] == [0.33, 1.0, 1.67]
    assert all(after.shape == (128, 192, 3) and before.shape == (64, 96, 3) for _, before, after in made)
    assert [path.name for path in tmp_path.iterdir()] == ["in.mp4"]


def test_times_make_sense(tmp_path):
    with pytest.raises(ZooError, match="not after its beginning"):
        replace(job(tmp_path / "a", tmp_path / "b"), begin=3.0, end=3.0)
