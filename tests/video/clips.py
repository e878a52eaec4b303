"""Small videos that tests make for themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np


def scene(seed: int = 0, height: int = 64, width: int = 96) -> np.ndarray:
    """A smooth colored texture, H x W x 3 uint8, a quarter larger than the frames that `pan` cuts from it."""
    rng = np.random.default_rng(seed)
    size = (width * 5 // 4, height * 5 // 4)
    coarse = rng.integers(20, 236, (12, 16, 3), dtype=np.uint8)
    fine = rng.integers(0, 256, (size[1] // 3, size[0] // 3, 3), dtype=np.uint8)
    coarse, fine = (cv2.resize(each, size, interpolation=cv2.INTER_CUBIC) for each in (coarse, fine))
    return cv2.addWeighted(coarse, 0.75, cv2.GaussianBlur(fine, (0, 0), 1.0), 0.25, 0)


def pan(count: int, seed: int = 0, height: int = 64, width: int = 96, step: float = 0.8) -> list[np.ndarray]:
    """Frames of a camera that moves over a scene to the right and down."""
    wide = scene(seed, height, width)
    frames = []
    for number in range(count):
        shift = np.array(
            [[1, 0, -(step * number % (width // 4))], [0, 1, -(step * number / 2 % (height // 4))]], np.float32
        )
        frames.append(cv2.warpAffine(wide, shift, (width, height), borderMode=cv2.BORDER_REFLECT))
    return frames


def write(
    path: Path,
    frames: Iterable[np.ndarray],
    *,
    rate: Any = 25,
    codec: str = "libx264",
    pixel_format: str = "yuv420p",
    options: dict[str, str] | None = None,
    ticks: Sequence[int] | None = None,
    time_base: Fraction | None = None,
    aspect: Fraction | None = None,
    tags: tuple[int, int, int, int] | None = None,
    matrix: int = 5,
    rotation: int = 0,
    sound: bool = False,
    subtitle: str | None = None,
    interlaced: bool = False,
    container_format: str | None = None,
) -> Path:
    """A video of H x W x 3 uint8 frames. tags: primaries, transfer, matrix, range; sound: a tone as long as it."""
    frames = list(frames)
    height, width = frames[0].shape[:2]
    with av.open(str(path), "w", format=container_format) as container:
        stream = container.add_stream(codec, rate=rate, options=options or {})
        context = stream.codec_context
        context.width, context.height, context.pix_fmt = width, height, pixel_format
        if time_base is not None:
            context.time_base = stream.time_base = time_base
        if aspect is not None:
            context.sample_aspect_ratio = aspect
        if tags is not None:
            context.color_primaries, context.color_trc, context.colorspace, context.color_range = tags
        if rotation:
            stream.set_display_rotation(rotation)
        tone = container.add_stream("aac", rate=8000) if sound else None
        text = container.add_mux_stream("subrip") if subtitle is not None else None
        if text is not None:
            text.time_base = Fraction(1, 1000)
        for number, image in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(image), format="rgb24")
            if pixel_format not in ("rgb24", "bgr0", "rgb8"):
                full = tags is not None and tags[3] == 2
                frame = frame.reformat(
                    format=pixel_format, src_color_range=2, dst_colorspace=matrix, dst_color_range=2 if full else 1
                )
            frame.pts = number if ticks is None else ticks[number]
            frame.time_base = time_base or Fraction(1) / Fraction(rate)
            if tags is not None:
                frame.color_primaries, frame.color_trc, frame.colorspace, frame.color_range = tags
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if tone is not None:
            seconds = len(frames) / float(rate)
            wave = np.sin(np.arange(int(8000 * seconds)) * 0.3).astype(np.float32)[None] * 0.3
            samples = av.AudioFrame.from_ndarray(wave, format="fltp", layout="mono")
            samples.sample_rate, samples.pts = 8000, 0
            container.mux(tone.encode(samples))
            container.mux(tone.encode(None))
        if text is not None:
            packet = av.Packet(subtitle.encode())
            packet.pts = packet.dts = 200
            packet.duration, packet.time_base, packet.stream = 300, Fraction(1, 1000), text
            container.mux(packet)
    return path


def read(path: Path) -> list[np.ndarray]:
    """The frames of a video as H x W x 3 uint8 arrays, as coded."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def times(path: Path) -> list[Fraction]:
    """The frames' times in seconds."""
    with av.open(str(path)) as container:
        return [frame.pts * Fraction(frame.time_base) for frame in container.decode(video=0)]


def luma_hash(path: Path) -> list[int]:
    """A number for each decoded frame: equal for equal frames only."""
    with av.open(str(path)) as container:
        return [hash(bytes(frame.planes[0])) for frame in container.decode(video=0)]
