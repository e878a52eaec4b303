"""Metrics, each with its protocol in its id.

Inputs are HxWx3 uint8 RGB pictures of equal size. Y is BT.601 luma in [16, 235], as Matlab's rgb2ycbcr gives it and
the restoration literature uses it (pyiqa's own default is the luma of YIQ). What pyiqa has is computed by pyiqa, in
float32 on the CPU, with its ways: PSNR adds 1e-8 to the error (80 dB for equal pictures), SSIM counts a negative
structure term as 0 and rounds luma to integers (PSNR does not), MS-SSIM pads odd sides with zeros to halve them.
"""

from __future__ import annotations

import functools
import math

import numpy as np

from zoo.errors import UnknownNameError
from zoo.torchvision_compat import ensure_torchvision

from . import luma, niqe, perceptual
from .metric import Compute, Metric, NotComputable, need_mask, tensor_of


@functools.cache
def _pyiqa(name: str, **options):
    ensure_torchvision()
    import pyiqa

    return pyiqa.create_metric(name, device="cpu", **options)


def _by_pyiqa(name: str, **options) -> Compute:
    def compute(restored: np.ndarray, truth: np.ndarray, mask: np.ndarray | None) -> float:
        return float(_pyiqa(name, **options)(tensor_of(restored), tensor_of(truth)))

    return compute


def _ssim(luma: bool, scales: int) -> Compute:
    """pyiqa's SSIM (Wang et al. 2004) or, over several scales, MS-SSIM (Wang et al. 2003).

    pyiqa's classes compute in float64, some fifteen times slower; its functions give the same in float32 to 2e-5.
    """
    minimum = 161 if scales > 1 else 11

    def compute(restored: np.ndarray, truth: np.ndarray, mask: np.ndarray | None) -> float:
        if min(truth.shape[:2]) < minimum:
            raise NotComputable(f"needs pictures of at least {minimum} x {minimum} pixels")
        ensure_torchvision()
        from pyiqa.archs import func_util, ssim_arch

        x, y = (func_util.preprocess_rgb(tensor_of(image), luma, 255, "ycbcr") for image in (restored, truth))
        return float((ssim_arch.ms_ssim if scales > 1 else ssim_arch.ssim)(x, y, data_range=255))

    return compute


def _l1_percent(restored: np.ndarray, truth: np.ndarray, mask: np.ndarray | None) -> float:
    return float(np.abs(restored.astype(np.int16) - truth).mean() / 255 * 100)


def _in_hole(restored: np.ndarray, truth: np.ndarray, mask: np.ndarray | None) -> np.ndarray:
    hole = need_mask(mask)
    return restored[hole].astype(np.float64) - truth[hole]


def _psnr_hole(restored: np.ndarray, truth: np.ndarray, mask: np.ndarray | None) -> float:
    # The floor under the error (80 dB) is pyiqa's, so that psnr_hole and psnr_rgb agree on a hole of the whole picture.
    mse = np.mean((_in_hole(restored, truth, mask) / 255) ** 2)
    return float(10 * np.log10(1 / (mse + 1e-8)))


def _l1_hole_percent(restored: np.ndarray, truth: np.ndarray, mask: np.ndarray | None) -> float:
    return float(np.abs(_in_hole(restored, truth, mask)).mean() / 255 * 100)


def _identity_needs(embedding: str) -> str | None:
    from zoo.faces import identity

    return identity.unavailable(embedding)


@functools.cache
def _identity(embedding: str):
    from zoo.faces import identity

    return identity.Comparison(embedding)


def _identity_compute(embedding: str) -> Compute:
    def compute(restored: np.ndarray, truth: np.ndarray, mask: np.ndarray | None) -> float:
        value = _identity(embedding)(restored, truth)
        if value is None:
            raise NotComputable("needs a face that the detector finds in the truth")
        return value

    return compute


METRICS = {
    metric.id: metric
    for metric in (
        Metric("psnr_rgb", "PSNR over R, G and B", True, 0, 80, "dB", _by_pyiqa("psnr")),
        Metric("psnr_y", "PSNR of luma in [16, 235], peak 255", True, 0, 80, "dB",
               _by_pyiqa("psnry", color_space="ycbcr")),
        *(
            metric
            for border in (2, 4)
            for metric in (
                Metric(f"psnr_y_border{border}", f"PSNR of luma in [16, 235], peak 255, without {border} pixels at "
                       "each edge", True, 0, 80, "dB", luma.psnr_without_border(border)),
                Metric(f"ssim_y_border{border}", f"SSIM of luma, Gaussian window 11, sigma 1.5, without {border} "
                       "pixels at each edge", True, -1, 1, "", luma.ssim_without_border(border)),
            )
        ),
        Metric("ssim_rgb", "SSIM, Gaussian window 11, sigma 1.5, mean of R, G, B", True, 0, 1, "",
               _ssim(luma=False, scales=1)),
        Metric("ssim_y", "SSIM, Gaussian window 11, sigma 1.5, luma", True, 0, 1, "", _ssim(luma=True, scales=1)),
        Metric("ms_ssim_y", "MS-SSIM of luma, five scales", True, 0, 1, "", _ssim(luma=True, scales=5)),
        Metric("l1_percent", "mean absolute error, R, G, B, of the full range", False, 0, 100, "%", _l1_percent),
        Metric("psnr_hole", "PSNR over R, G, B inside the hole", True, 0, 80, "dB", _psnr_hole),
        Metric("l1_hole_percent", "mean absolute error inside the hole", False, 0, 100, "%", _l1_hole_percent),
        Metric("lpips_alex", "LPIPS 0.1 with AlexNet, inputs in [-1, 1]", False, 0, 1, "", perceptual.lpips_alex,
               perceptual.lpips_missing),
        Metric("vgg_conv3_1", "squared difference of VGG-19's features of conv3_1, normalized weights", False, 0,
               math.inf, "", perceptual.vgg_distance("normalized"),
               functools.partial(perceptual.vgg_missing, "normalized")),
        Metric("vgg_conv3_1_torchvision", "squared difference of VGG-19's features of conv3_1, torchvision's weights",
               False, 0, math.inf, "", perceptual.vgg_distance("torchvision"),
               functools.partial(perceptual.vgg_missing, "torchvision")),
        Metric("vgg_conv3_1_hole", "vgg_conv3_1 over the cells of 4 x 4 pixels that the hole touches", False, 0,
               math.inf, "", perceptual.vgg_distance("normalized", only_hole=True),
               functools.partial(perceptual.vgg_missing, "normalized")),
        Metric("niqe", "NIQE of luma, no reference", False, 0, math.inf, "", niqe.niqe, niqe.niqe_missing),
        Metric("id_similarity", "same person: 1 - distance of dlib's face embeddings (0.4 and up: the same)", True, -1,
               1, "", _identity_compute("dlib"), functools.partial(_identity_needs, "dlib")),
        Metric("id_similarity_arcface", "same person: cosine of MobileFaceNet's embeddings (0.35 and up: the same)",
               True, -1, 1, "", _identity_compute("mobilefacenet"),
               functools.partial(_identity_needs, "mobilefacenet")),
    )
}  # fmt: skip


def get_metric(name: str) -> Metric:
    """The metric of that id. Raises UnknownNameError."""
    if name not in METRICS:
        raise UnknownNameError("metric", name, METRICS)
    return METRICS[name]
