"""Metrics, each with its protocol in its id.

Inputs are HxWx3 uint8 RGB pictures of equal size. Y is BT.601 luma in [16, 235], not rounded, for PSNR and SSIM alike.
What follows from a definition is computed by `eval.fidelity`; NIQE needs pyiqa, which is imported for nothing else
because its license does not allow commercial use.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from zoo.errors import UnknownNameError

from . import fidelity, niqe, perceptual
from .clip_metrics import CLIP_METRICS
from .metric import Compute, Metric, NotComputable


def _colorfulness(picture: np.ndarray) -> float:
    """Hasler and Susstrunk, "Measuring colorfulness in natural images" (SPIE 2003), equation for M3, of 0 to 255."""
    red, green, blue = (picture[..., channel].astype(np.float64) for channel in range(3))
    across, along = red - green, (red + green) / 2 - blue
    spread = math.hypot(across.std(), along.std())
    return spread + 0.3 * math.hypot(across.mean(), along.mean())


def _colorfulness_error(restored: np.ndarray, truth: np.ndarray, mask: np.ndarray | None) -> float:
    wanted = _colorfulness(truth)
    if wanted < 2:
        raise NotComputable("the truth has no colors")
    return 100 * abs(_colorfulness(restored) / wanted - 1)


def _identity_needs(embedding: str) -> str | None:
    from zoo.faces import similarity

    return similarity.unavailable(embedding)


@functools.cache
def _identity(embedding: str):
    from zoo.faces import similarity

    return similarity.Comparison(embedding)


def _identity_compute(embedding: str) -> Compute:
    def compute(restored: np.ndarray, truth: np.ndarray, mask: np.ndarray | None) -> float:
        value = _identity(embedding)(restored, truth)
        if value is None:
            raise NotComputable("needs a face that the detector finds in the truth")
        return value

    return compute


TORCH = ("torch",)
VGG_LICENSE = "CC-BY-4.0 (VGG-19's weights)"
METRICS = {
    metric.id: metric
    for metric in (
        Metric("psnr_rgb", "PSNR over R, G and B", True, 0, 80, "dB", fidelity.psnr_rgb),
        Metric("psnr_y", "PSNR of luma in [16, 235], peak 255", True, 0, 80, "dB", fidelity.of_luma(fidelity.psnr)),
        *(
            metric
            for border in (2, 4)
            for metric in (
                Metric(f"psnr_y_border{border}", f"PSNR of luma in [16, 235], peak 255, without {border} pixels at "
                       "each edge", True, 0, 80, "dB", fidelity.of_luma(fidelity.psnr, border)),
                Metric(f"ssim_y_border{border}", f"SSIM of luma, Gaussian window 11, sigma 1.5, without {border} "
                       "pixels at each edge", True, -1, 1, "", fidelity.of_luma(fidelity.ssim, border)),
            )
        ),
        Metric("ssim_rgb", "SSIM, Gaussian window 11, sigma 1.5, mean of R, G, B", True, -1, 1, "", fidelity.ssim_rgb,
               version=2),
        Metric("ssim_y", "SSIM, Gaussian window 11, sigma 1.5, luma", True, -1, 1, "", fidelity.of_luma(fidelity.ssim),
               version=2),
        Metric("ms_ssim_y", "MS-SSIM of luma, five scales", True, 0, 1, "", fidelity.of_luma(fidelity.ms_ssim),
               version=2),
        Metric("l1_percent", "mean absolute error, R, G, B, of the full range", False, 0, 100, "%",
               fidelity.l1_percent),
        Metric("psnr_hole", "PSNR over R, G, B inside the hole", True, 0, 80, "dB", fidelity.psnr_hole),
        Metric("l1_hole_percent", "mean absolute error inside the hole", False, 0, 100, "%",
               fidelity.l1_hole_percent),
        Metric("lpips_alex", "LPIPS 0.1 with AlexNet, inputs in [-1, 1]", False, 0, 1, "", perceptual.lpips_alex,
               perceptual.lpips_missing, license="BSD-2-Clause (lpips), BSD-3-Clause (torchvision's AlexNet)",
               libraries=("torch", "lpips")),
        Metric("vgg_conv3_1", "squared difference of VGG-19's features of conv3_1, normalized weights", False, 0,
               math.inf, "", perceptual.vgg_distance("normalized"),
               functools.partial(perceptual.vgg_missing, "normalized"), license=VGG_LICENSE, libraries=TORCH),
        Metric("vgg_conv3_1_torchvision", "squared difference of VGG-19's features of conv3_1, torchvision's weights",
               False, 0, math.inf, "", perceptual.vgg_distance("torchvision"),
               functools.partial(perceptual.vgg_missing, "torchvision"),
               license="BSD-3-Clause (torchvision's VGG-19)", libraries=TORCH),
        Metric("vgg_conv3_1_hole", "vgg_conv3_1 over the cells of 4 x 4 pixels that the hole touches", False, 0,
               math.inf, "", perceptual.vgg_distance("normalized", only_hole=True),
               functools.partial(perceptual.vgg_missing, "normalized"), license=VGG_LICENSE, libraries=TORCH),
        Metric("colorfulness_error", "difference of colorfulness (Hasler and Susstrunk 2003), relative to the truth's",
               False, 0, math.inf, "%", _colorfulness_error),
        Metric("niqe", "NIQE of luma, no reference", False, 0, math.inf, "", niqe.niqe, niqe.niqe_missing, version=2,
               license="Apache-2.0 (BasicSR's model of pristine pictures)"),
        Metric("face_similarity_dlib", "same person: 1 - distance of dlib's face embeddings (0.4 and up: the same)",
               True, -1, 1, "", _identity_compute("dlib"), functools.partial(_identity_needs, "dlib"),
               license="BSL-1.0 (dlib), CC0-1.0 (its weights)", libraries=("dlib-bin",)),
        Metric("face_similarity", "same person: cosine of MobileFaceNet's embeddings (0.35 and up: the same)",
               True, -1, 1, "", _identity_compute("mobilefacenet"),
               functools.partial(_identity_needs, "mobilefacenet"), license="Apache-2.0 (MobileFaceNet's weights)"),
        *CLIP_METRICS,
    )
}  # fmt: skip


def get_metric(name: str) -> Metric:
    """The metric of that id. Raises UnknownNameError.

    >>> restored, truth = np.full((16, 16, 3), 110, np.uint8), np.full((16, 16, 3), 100, np.uint8)
    >>> round(get_metric("psnr_rgb").compute(restored, truth, None), 3)
    28.131
    """
    if name not in METRICS:
        raise UnknownNameError("metric", name, METRICS)
    return METRICS[name]
