"""Clips and their scenarios: short sequences of frames, and how they go bad.

A clip is T x H x W x 3 uint8. What is random is drawn from the scenario, its version, the seed and the clip's name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from zoo.degradations.convolution import blur
from zoo.degradations.exposure import underexposed
from zoo.degradations.kernels import gaussian_kernel, motion_kernel
from zoo.degradations.noise import gaussian_noise
from zoo.degradations.sampling import downscale
from zoo.degradations.tone import fade
from zoo.errors import UnknownNameError, ZooError
from zoo.io.picture import eight_bits
from zoo.seeding import rng_for

from .store import digest

FRAMES = 16
"""Of a clip."""
HEIGHT, WIDTH = 144, 192
"""Of a clip's frames in pixels, cut from the middle of what is measured on."""
METRICS = ("clip_warping_error", "clip_psnr_rgb", "clip_ssim_y", "clip_flicker", "clip_temporal_vgg")
"""The first one ranks."""


@dataclass(frozen=True)
class ClipItem:
    """Where a clip comes from."""

    name: str
    file: str
    """Below the data root."""
    first: int = 0
    """Index of the first frame, in a video."""
    height: int = HEIGHT
    """The frames are reduced to this height before they are cut."""
    pan: tuple[float, float] | None = None
    """(x, y) pixels a frame by which a camera moves over a picture, which is a still then."""

    def frames(self, root: Path) -> np.ndarray:
        """The clip. Raises ZooError when its file is missing or too short."""
        path = root / self.file
        if not path.is_file():
            raise ZooError(f"there is no {self.file} in {root}.")
        return _still(path, self) if self.pan is not None else _video(path, self)


ITEMS = (
    ClipItem("carphone", "video/val/carphone_pristine.mp4", 20),
    ClipItem("carphone-later", "video/val/carphone_pristine.mp4", 80),
    ClipItem("bikes-street", "video/val/bikes.mp4", 40, 200),
    ClipItem("bikes-later", "video/val/bikes.mp4", 140, 200),
    ClipItem("bunny", "video/val/bigbuckbunny.mp4", 30, 180),
    ClipItem("bunny-later", "video/val/bigbuckbunny.mp4", 100, 180),
    ClipItem("pan-lighthouse", "natural/val/kodak24/19.webp", height=400, pan=(0.7, 1.3)),
    ClipItem("pan-houses", "natural/val/kodak24/8.webp", height=300, pan=(1.9, 0.4)),
)
"""The set `clips-val`: scenes of three videos, and pans over two stills."""


def _video(path: Path, item: ClipItem) -> np.ndarray:
    from zoo.video.source import Reader, probe

    found: list[np.ndarray] = []
    for frame in Reader(probe(path)).frames(item.first):
        if len(found) == FRAMES:
            break
        found.append(_cut(_reduced(frame.image, item.height)))
    if len(found) < FRAMES:
        raise ZooError(f"{path} ends before frame {item.first + FRAMES}.")
    return np.stack(found)


def _still(path: Path, item: ClipItem) -> np.ndarray:
    """A camera moves over a picture; every frame is sampled from it by its own shift, so that none is sharper."""
    import cv2

    from zoo.io import images

    picture = _reduced(images.read(path).rgb8(), item.height)
    height, width = picture.shape[:2]
    assert item.pan is not None, "a still is panned over"
    found = []
    for number in range(FRAMES):
        time = number - (FRAMES - 1) / 2
        x, y = (side / 2 + speed * time for side, speed in zip((width, height), item.pan, strict=True))
        found.append(cv2.getRectSubPix(picture, (WIDTH, HEIGHT), (x - 0.25, y - 0.25)))
    return np.stack(found)


def _reduced(image: np.ndarray, height: int) -> np.ndarray:
    import cv2

    if image.shape[0] <= height:
        return image
    size = (round(image.shape[1] * height / image.shape[0]), height)
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def _cut(image: np.ndarray) -> np.ndarray:
    height, width = min(image.shape[0], HEIGHT) // 4 * 4, min(image.shape[1], WIDTH) // 4 * 4
    top, left = (image.shape[0] - height) // 2, (image.shape[1] - width) // 2
    return image[top : top + height, left : left + width]


Maker = Callable[[np.ndarray, np.random.Generator], np.ndarray]


@dataclass(frozen=True)
class ClipScenario:
    """How clips go bad, and for models of which task."""

    id: str
    version: int
    title: str
    tasks: tuple[str, ...]
    make: Maker
    """(clean clip, generator) -> what a model is given, T x h x w x 3 uint8."""
    scale: int = 1
    metrics: tuple[str, ...] = METRICS

    @property
    def primary(self) -> str:
        """The metric that ranks."""
        return self.metrics[0]

    def fits(self, card) -> bool:
        """Whether a model card can take part."""
        return card.scale == self.scale and any(task in self.tasks for task in card.tasks) and not card.needs_mask

    def prepare(self, item: ClipItem, root: Path, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """(input, truth) of a clip. Raises ZooError."""
        truth = item.frames(root)
        return self.make(truth, rng_for(self.id, self.version, seed, item.name)), truth


def _noise(clip: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return _each(clip, lambda frame: gaussian_noise(frame, rng, 15 / 255))


def _blur(clip: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """One shake of the camera in all frames, and noise of its own in each."""
    kernel = motion_kernel(rng, rng.uniform(5, 9))
    return _each(clip, lambda frame: gaussian_noise(blur(frame, kernel), rng, 3 / 255))


def _smaller(factor: int) -> Maker:
    return lambda clip, rng: _each(clip, lambda frame: downscale(frame, factor))


def _dark(clip: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    exposure = rng.uniform(0.1, 0.25)
    return _each(clip, lambda frame: underexposed(frame, rng, exposure, 800, 0.001))


def _each(clip: np.ndarray, function: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    return np.stack([eight_bits(function(frame.astype(np.float32) / 255)) for frame in clip])


def _compressed(clip: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Through H.264 of a low quality: macroblocks, and a picture that is renewed every eight frames."""
    import io

    from zoo.video.pixels import frame_of
    from zoo.video.source import need_av

    av = need_av()
    stored = io.BytesIO()
    with av.open(stored, "w", format="matroska") as container:
        # One thread and plain instructions: the same bytes on every processor.
        options = {"crf": str(rng.integers(34, 39)), "g": "8", "threads": "1", "x264-params": "no-asm=1"}
        stream = container.add_stream("libx264", rate=25, options=options)
        stream.codec_context.height, stream.codec_context.width = clip.shape[1:3]
        stream.codec_context.pix_fmt = "yuv420p"
        for number, image in enumerate(clip):
            frame = frame_of(image, "yuv420p", 5, 1)
            frame.pts, frame.time_base = number, Fraction(1, 25)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    stored.seek(0)
    with av.open(stored, format="matroska") as container:
        return np.stack([frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)])


def _old_film(clip: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Faded, soft and grainy, with light that flickers and dust and hairs that are there for one frame."""
    import cv2

    kernel = gaussian_kernel(np.array([0.8, 0.8]), 0.0)

    def age(frame: np.ndarray) -> np.ndarray:
        gain, shift = 1 + rng.normal(0, 0.06), rng.normal(0, 0.02)
        old = fade(blur(frame, kernel), 0.3, 0.8, (0.96, 0.92, 0.82))
        old = np.clip(old * np.float32(gain) + np.float32(shift), 0, 1)
        layer = np.zeros(old.shape[:2], np.uint8)
        height, width = layer.shape
        for _ in range(rng.integers(3, 9)):
            center = (int(rng.integers(0, width)), int(rng.integers(0, height)))
            cv2.circle(layer, center, int(rng.integers(1, 4)), 255, -1)
        if rng.random() < 0.4:
            line = np.cumsum(rng.normal(0, 3, (8, 2)), axis=0) + rng.uniform(0, 1, 2) * (width, height)
            cv2.polylines(layer, [line.astype(np.int32)], False, 255, 1)
        dirt = np.float32(0.95 if rng.random() < 0.6 else 0.05)
        old = np.where(layer[..., None] > 0, dirt, old).astype(np.float32)
        return gaussian_noise(old, rng, 6 / 255)

    return _each(clip, age)


CLIP_SCENARIOS = {
    scenario.id: scenario
    for scenario in (
        ClipScenario("clip-noise", 1, "Gaussian noise of 15 (of 255), another in each frame", ("denoise", "restore"),
                     _noise),
        ClipScenario("clip-compression", 1, "H.264 of quality 34 to 38", ("denoise", "restore"), _compressed),
        ClipScenario("clip-blur", 1, "a shaken camera, the same blur in all frames, and noise of 3",
                     ("deblur", "restore"), _blur),
        ClipScenario("clip-downscale-x2", 1, "bicubic down-sampling by 2", ("super-resolution",), _smaller(2), 2),
        ClipScenario("clip-downscale-x4", 1, "bicubic down-sampling by 4", ("super-resolution",), _smaller(4), 4),
        ClipScenario("clip-dark", 1, "too little light, 10 to 25 %", ("low-light",), _dark),
        ClipScenario("clip-old-film", 1, "faded, soft, grainy, with flicker and dust", ("restore", "denoise"),
                     _old_film),
    )
}  # fmt: skip


def get_clip_scenario(name: str) -> ClipScenario:
    """The scenario of that name. Raises UnknownNameError."""
    if name not in CLIP_SCENARIOS:
        raise UnknownNameError("scenario of clips", name, CLIP_SCENARIOS)
    return CLIP_SCENARIOS[name]


def set_hash(clips: dict[str, np.ndarray]) -> str:
    """Of the clean clips of a set, by their pixels."""
    return digest(*(part for name in sorted(clips) for part in (name, clips[name])))
