"""What is measured of a picture that the app shows."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np

from eval.metric import NotComputable
from eval.metrics import get_metric
from eval.relevance import digits

WITHOUT_TRUTH = ("niqe",)
WITH_TRUTH = ("psnr_rgb", "ssim_rgb", "vgg_conv3_1")
OF_HOLES = ("psnr_hole", "vgg_conv3_1_hole")
SHORT = {
    "niqe": "NIQE", "psnr_rgb": "PSNR", "ssim_rgb": "SSIM", "vgg_conv3_1": "VGG distance",
    "psnr_hole": "PSNR of the hole", "vgg_conv3_1_hole": "VGG distance of the hole",
}  # fmt: skip
MOST_PIXELS = 6_000_000
"""Larger pictures are not measured, which would take longer than restoring them."""
AMPLIFIED = 4
"""How much the error map exaggerates."""


def scores(picture: np.ndarray, truth: np.ndarray | None, hole: np.ndarray | None) -> list[dict[str, Any]]:
    """[{id, title, about, value, shown, higher_is_better}] of an HxWx3 uint8 picture.

    What cannot be computed is left out.
    """
    if picture.shape[0] * picture.shape[1] > MOST_PIXELS:
        return []
    fits = truth is not None and truth.shape == picture.shape
    wanted = [*WITHOUT_TRUTH, *(WITH_TRUTH if fits else ()), *(OF_HOLES if fits and hole is not None else ())]
    found = []
    for name in wanted:
        metric = get_metric(name)
        if metric.unavailable_reason():
            continue
        try:
            value = float(metric.compute(picture, truth if truth is not None and fits else picture, hole))
        except NotComputable:
            continue
        if not np.isfinite(value):
            continue
        found.append(
            {
                "id": name,
                "title": SHORT[name],
                "about": metric.title,
                "value": value,
                "shown": f"{value:.{digits(name)}f} {metric.unit}".strip(),
                "higher_is_better": metric.higher_is_better,
            }
        )
    return found


def error_map(picture: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Mean difference of the channels, times AMPLIFIED, from black over red to white; HxWx3 uint8."""
    difference = np.abs(picture.astype(np.int16) - truth.astype(np.int16)).mean(axis=2) * AMPLIFIED
    return cv2.applyColorMap(np.clip(difference, 0, 255).astype(np.uint8), cv2.COLORMAP_INFERNO)[..., ::-1]
