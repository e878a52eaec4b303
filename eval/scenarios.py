"""Scenarios: how inputs are made from clean pictures, for which tasks, and what is measured.

Everything random is drawn from the scenario, its version, the run's seed and the picture's name (without folder and
extension, so that a copy in another format sees the same), so a subset or a shard sees the same inputs. Change how
inputs come out, and the version goes up.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from zoo import degradations
from zoo.degradations.chains import CHAINS
from zoo.errors import MaskError, UnknownNameError, ZooError
from zoo.io import images, masks
from zoo.seeding import rng_for

from . import protocols
from .datasets import Item
from .store import digest

FIDELITY = (
    "psnr_rgb", "psnr_y", "ssim_rgb", "ssim_y", "ms_ssim_y", "l1_percent", "vgg_conv3_1", "vgg_conv3_1_torchvision",
    "lpips_alex", "niqe",
)  # fmt: skip
# PSNR rewards blur, and a wrong face is no restoration: portraits are ranked by the perceptual distance, then compared.
FACES = ("vgg_conv3_1", "face_similarity", "face_similarity_dlib", *(m for m in FIDELITY if m != "vgg_conv3_1"))
COLORS = ("psnr_rgb", "colorfulness_error", "vgg_conv3_1", "vgg_conv3_1_torchvision", "lpips_alex")
SR_X2, SR_X4 = ((f"psnr_y_border{n}", f"ssim_y_border{n}", *FIDELITY) for n in (2, 4))
# A hole has many good fillings, and the mean of them is smooth: the perceptual distance ranks before PSNR.
HOLES = ("vgg_conv3_1_hole", "psnr_hole", "l1_hole_percent", *FIDELITY)


@dataclass(frozen=True)
class Sample:
    """One input with its truth."""

    given: np.ndarray
    """HxWx3 input: uint8, or float32 in units of the full range where it exceeds it."""
    truth: np.ndarray
    """HxWx3 uint8, larger than the input for super-resolution."""
    mask: np.ndarray | None = None
    """HxW bool, True = hole."""

    @property
    def digest(self) -> str:
        """The first 16 digits of the sha256 of what a model is given: pixels and mask."""
        return digest(self.given, "none" if self.mask is None else self.mask)[:16]


Maker = Callable[[np.ndarray, np.random.Generator], Sample]


@dataclass(frozen=True)
class Scenario:
    """What a run measures, whatever the data set."""

    id: str
    version: int
    title: str
    tasks: tuple[str, ...]
    """A model fits when it has one of these tasks."""
    make: Maker | None
    """(clean HxWx3 float32 in [0, 1], generator) -> Sample; None: the data set's own pairs."""
    metrics: tuple[str, ...] = FIDELITY
    """The first one ranks."""
    scale: int = 1
    portraits: bool = False
    """Only means something on pictures of one face each."""
    chain: str | None = None
    """Name and version of the degradation chain behind `make`, where one is."""
    on_request: bool = False
    """Runs only when it is named: a protocol of papers beside a scenario that is much the same."""

    @property
    def primary(self) -> str:
        """The metric that ranks."""
        return self.metrics[0]

    def fits(self, card) -> bool:
        """Whether a model card can take part."""
        return card.scale == self.scale and any(task in self.tasks for task in card.tasks)

    def prepare(self, item: Item, seed: int) -> Sample:
        """The input and truth of one picture. Raises PictureError, MaskError or ZooError."""
        clean = images.read(item.clean).rgb8()
        if self.make is None:
            return _given(item, clean, with_mask="inpaint" in self.tasks)
        rng = rng_for(self.id, self.version, seed, PurePosixPath(item.name).stem)
        return self.make(clean.astype(np.float32) / 255, rng)


def _given(item: Item, clean: np.ndarray, with_mask: bool) -> Sample:
    if item.given is None:
        raise ZooError(f"{item.name} has no degraded partner; use a paired data set or another scenario.")
    given = images.read(item.given).rgb8()
    if given.shape != clean.shape:
        raise ZooError(f"{item.name}: input {given.shape[1]} x {given.shape[0]}, truth {clean.shape[1]} x "
                       f"{clean.shape[0]} pixels; they must be equal.")  # fmt: skip
    if not with_mask:
        return Sample(given, clean)
    if item.mask is None:
        raise MaskError(f"{item.name} has no mask in a folder mask beside its folder.")
    return Sample(given, clean, masks.read(item.mask, *clean.shape[:2]))


def _with_holes(draw: Callable[[np.random.Generator, int, int], np.ndarray]) -> Maker:
    """Mid-grey holes, so that nothing of the truth is left in them."""

    def make(clean: np.ndarray, rng: np.random.Generator) -> Sample:
        truth = images.eight_bits(clean)
        if min(truth.shape[:2]) < 16:
            raise MaskError(f"{truth.shape[1]} x {truth.shape[0]} pixels are too few to cut holes into.")
        mask = draw(rng, *truth.shape[:2])
        return Sample(np.where(mask[..., None], np.uint8(128), truth), truth, mask)

    return make


def _from_chain(name: str, tasks: tuple[str, ...], **options) -> Scenario:
    """The scenario of a degradation chain, which training draws from too; the input has the truth's size."""
    chain = CHAINS[name]

    def make(clean: np.ndarray, rng: np.random.Generator) -> Sample:
        return Sample(images.eight_bits(chain(clean, rng)), images.eight_bits(clean))

    return Scenario(name, chain.version, chain.title, tasks, make, chain=str(chain), **options)


def _downscale_x4(clean: np.ndarray, rng: np.random.Generator) -> Sample:
    height, width = (side // 4 * 4 for side in clean.shape[:2])
    if not height or not width:
        raise ZooError(f"{clean.shape[1]} x {clean.shape[0]} pixels are too few to divide by 4.")
    clean = clean[:height, :width]
    return Sample(images.eight_bits(degradations.downscale(clean, 4)), images.eight_bits(clean))


def _as_in_papers(make: Callable[[np.ndarray, np.random.Generator], protocols.Pair]) -> Maker:
    return lambda clean, rng: Sample(*make(clean, rng))


def _noise_protocols() -> list[Scenario]:
    """Noise of fixed strength, in color and in grey, beyond the range and clipped."""
    return [
        Scenario(
            f"noise-{colors}-{sigma}{'-clipped' if clipped else ''}", 1,
            f"Gaussian noise of {sigma} (of 255), {colors}, {'clipped to 8 bits' if clipped else 'unclipped'}",
            ("denoise",), _as_in_papers(protocols.noisy(sigma, grey=colors == "grey", clipped=clipped)),
            on_request=True,
        )
        for colors in ("color", "grey") for sigma in (15, 25, 50) for clipped in (False, True)
    ]  # fmt: skip


SCENARIOS = {
    scenario.id: scenario
    for scenario in (
        _from_chain("motion-blur", ("deblur", "restore")),
        Scenario(
            "free-form-holes", 2, "brush strokes over 10 to 40 % of the picture", ("inpaint",),
            _with_holes(masks.free_form), HOLES,
        ),
        Scenario(
            "rectangle-holes", 2, "1 to 4 rectangles over 5 to 40 % of the picture", ("inpaint",),
            _with_holes(masks.rectangles), HOLES,
        ),
        Scenario(
            "scratches", 2, "thin scratches, hairs and specks, with their mask", ("inpaint",),
            _with_holes(masks.scratches), HOLES,
        ),
        _from_chain("noise", ("denoise", "restore")),
        _from_chain("jpeg", ("denoise", "restore")),
        Scenario(
            "downscale-x4", 1, "bicubic down-sampling by 4, edges cropped to a multiple", ("super-resolution",),
            _downscale_x4, scale=4,
        ),
        Scenario(
            "sr-x4", 1, "the papers' protocol: MATLAB's bicubic imresize by 4, 8 bits", ("super-resolution",),
            _as_in_papers(protocols.reduced(4)), SR_X4, scale=4, on_request=True,
        ),
        Scenario(
            "sr-x2", 1, "the papers' protocol: MATLAB's bicubic imresize by 2, 8 bits", ("super-resolution",),
            _as_in_papers(protocols.reduced(2)), SR_X2, scale=2, on_request=True,
        ),
        *_noise_protocols(),
        _from_chain("low-light", ("low-light",)),
        _from_chain("blind-face", ("face", "restore"), metrics=FACES, portraits=True),
        _from_chain("mixed", ("denoise", "restore")),
        _from_chain("phone-dark", ("denoise", "restore", "low-light")),
        _from_chain("phone-motion", ("deblur", "restore")),
        _from_chain("phone-compressed", ("denoise", "restore")),
        _from_chain("old-photo", ("restore",)),
        _from_chain("grey", ("colorize",), metrics=COLORS),
        Scenario(
            "given", 1, "the data set's own degraded pictures", ("deblur", "denoise", "face", "restore"), None,
        ),
        Scenario(
            "given-holes", 1, "the data set's own pictures and masks", ("inpaint",), None, HOLES,
        ),
    )
}  # fmt: skip


def get_scenario(name: str) -> Scenario:
    """The scenario of that name. Raises UnknownNameError.

    >>> get_scenario("mixed").chain
    'mixed v2'
    """
    if name not in SCENARIOS:
        raise UnknownNameError("scenario", name, SCENARIOS)
    return SCENARIOS[name]
