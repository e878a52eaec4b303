"""Scenarios: how inputs are made from clean pictures, for which tasks, and what is measured.

Everything random is drawn from the scenario, its version, the run's seed and the picture's name (without folder and
extension, so that a copy in another format sees the same), so a subset or a shard sees the same inputs. Change how
inputs come out, and the version goes up.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath

import numpy as np

from zoo import degradations
from zoo.degradations.chains import CHAINS
from zoo.errors import MaskError, ZooError
from zoo.io import images, masks
from zoo.registry import Registry
from zoo.seeding import rng_for

from . import plates, protocols
from .datasets import Item
from .plugins import PLUGINS
from .store import digest

FIDELITY = (
    "psnr_rgb", "psnr_y", "ssim_rgb", "ssim_y", "ms_ssim_y", "l1_percent", "vgg_conv3_1", "vgg_conv3_1_torchvision",
    "lpips_alex", "niqe",
)  # fmt: skip
# PSNR rewards blur, and a wrong face is no restoration: portraits are ranked by the perceptual distance, then compared.
FACES = ("vgg_conv3_1", "face_similarity", "face_similarity_dlib", *(m for m in FIDELITY if m != "vgg_conv3_1"))
PORTRAITS = (*FACES, "face_same_person", "identity_failure", "face_not_found", "landmark_error")
COLORS = ("psnr_rgb", "colorfulness_error", "vgg_conv3_1", "vgg_conv3_1_torchvision", "lpips_alex")
SR_X2, SR_X4 = ((f"psnr_y_border{n}", f"ssim_y_border{n}", *FIDELITY) for n in (2, 4))
# A hole has many good fillings, and the mean of them is smooth: the perceptual distance ranks before PSNR.
HOLES = ("vgg_conv3_1_hole", "psnr_hole", "l1_hole_percent", *FIDELITY)
BINS = (*HOLES, "ssim_hole", "edge_f1_hole")
PLATES = ("ssim_y", *(m for m in FIDELITY if m != "ssim_y"))  # what is legible is structure


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
        if self.id == "given-masks":
            return _masked(item, clean)
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


def _masked(item: Item, clean: np.ndarray) -> Sample:
    """A clean picture with a hole by the mask that goes with it, which is made to fit (nearest)."""
    from PIL import Image

    if item.mask is None:
        raise MaskError(f"{item.name} has no mask; given-masks is for a data set masked:PATH.")
    mask = images.read(item.mask).rgb8().max(axis=2) >= 128
    height, width = clean.shape[:2]
    mask = np.asarray(Image.fromarray(mask).resize((width, height), Image.Resampling.NEAREST))
    masks.check(mask)
    return Sample(np.where(mask[..., None], np.uint8(128), clean), clean, mask)


def _with_holes(draw: Callable[[np.random.Generator, int, int], np.ndarray]) -> Maker:
    """Mid-grey holes, so that nothing of the truth is left in them."""

    def make(clean: np.ndarray, rng: np.random.Generator) -> Sample:
        truth = images.eight_bits(clean)
        if min(truth.shape[:2]) < 16:
            raise MaskError(f"{truth.shape[1]} x {truth.shape[0]} pixels are too few to cut holes into.")
        mask = draw(rng, *truth.shape[:2])
        return Sample(np.where(mask[..., None], np.uint8(128), truth), truth, mask)

    return make


def _from_chain(name: str, tasks: tuple[str, ...], id: str | None = None, title: str = "", **options) -> Scenario:
    """The scenario of a degradation chain, which training draws from too; the input has the target's size.

    id and title: where they are not the chain's.
    """
    chain = CHAINS[name]

    def make(clean: np.ndarray, rng: np.random.Generator) -> Sample:
        return Sample(images.eight_bits(chain(clean, rng)), images.eight_bits(clean))

    return Scenario(id or name, chain.version, title or chain.title, tasks, make, chain=str(chain), **options)


def _downscaled(scale: int) -> Maker:
    def make(clean: np.ndarray, rng: np.random.Generator) -> Sample:
        height, width = (side // scale * scale for side in clean.shape[:2])
        if not height or not width:
            raise ZooError(f"{clean.shape[1]} x {clean.shape[0]} pixels are too few to divide by {scale}.")
        clean = clean[:height, :width]
        return Sample(images.eight_bits(degradations.downscale(clean, scale)), images.eight_bits(clean))

    return make


def _downscale(scale: int, **options) -> Scenario:
    return Scenario(
        f"downscale-x{scale}", 1, f"bicubic down-sampling by {scale}, edges cropped to a multiple",
        ("super-resolution",), _downscaled(scale), scale=scale, **options,
    )  # fmt: skip


def _hole_bins() -> list[Scenario]:
    """Brush strokes over a tenth of the area more each, as papers on inpainting report them."""
    return [
        Scenario(
            f"holes-{low}-{low + 10}", 1, f"brush strokes over {low} to {low + 10} % of the picture", ("inpaint",),
            _with_holes(functools.partial(masks.free_form, low=low / 100, high=low / 100 + 0.1)), BINS,
            on_request=True,
        )
        for low in (10, 20, 30, 40, 50)
    ]  # fmt: skip


def _plate(clean: np.ndarray, rng: np.random.Generator) -> Sample:
    target = plates.with_plate(clean, rng)
    return Sample(images.eight_bits(CHAINS["surveillance"](target, rng)), images.eight_bits(target))


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


SCENARIOS: Registry[Scenario] = Registry("scenario", PLUGINS)
SCENARIOS.add(
    (scenario.id, scenario)
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
        _downscale(4),
        _downscale(2, on_request=True),
        _downscale(8, on_request=True),
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
        *(
            _from_chain(f"phone-{fault}", ("face", "restore", *tasks), f"portrait-{fault}",
                        f"phone-{fault} on portraits, for face models too", metrics=PORTRAITS, portraits=True)
            for fault, tasks in (
                ("dark", ("denoise", "low-light")), ("motion", ("deblur",)), ("compressed", ("denoise",))
            )
        ),
        _from_chain("defocus", ("deblur", "restore"), on_request=True),
        *_hole_bins(),
        Scenario(
            "surveillance-plate", 1, "stress test, no claim: a rendered number plate, seen by a surveillance camera",
            ("deblur", "denoise", "restore"), _plate, PLATES, chain=str(CHAINS["surveillance"]), on_request=True,
        ),
        _from_chain("product-shot", ("restore", "denoise"), title="stress test, no claim: ordinary photographs as a "
                    "marketplace stores those of products", on_request=True),
        _from_chain("medical-detail", ("restore", "denoise"), title="stress test, no claim and no medical use: "
                    "ordinary photographs, gray, with the noise of few photons", on_request=True),
        _from_chain("old-photo", ("restore",)),
        _from_chain("grey", ("colorize",), metrics=COLORS),
        Scenario(
            "given", 1, "the data set's own degraded pictures", ("deblur", "denoise", "face", "restore"), None,
        ),
        Scenario(
            "given-holes", 1, "the data set's own pictures and masks", ("inpaint",), None, HOLES,
        ),
        Scenario(
            "given-masks", 1, "holes by masks of the user's (masked:PATH)", ("inpaint",), None, BINS,
        ),
    )
)  # fmt: skip


def get_scenario(name: str) -> Scenario:
    """The scenario of that name. Raises UnknownNameError.

    >>> get_scenario("mixed").chain
    'mixed v2'
    """
    return SCENARIOS.get(name)
