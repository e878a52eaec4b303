"""Which differences of a metric matter, and with how many digits its values are shown.

A difference can be beyond chance and still too small to care for. What is too small is a convention of this project:
0.1 dB of PSNR, and of every other metric about as much as it changed where the PSNR of two models on the same picture
changed by 0.1 dB (the median over the committed results; tests/leaderboard/test_relevance.py repeats it). It is no
threshold of visibility, and no metric that was not measured there has one.
"""

from __future__ import annotations

from .metrics import METRICS

SMALLEST = {
    "psnr_rgb": 0.1,
    "psnr_y": 0.1,
    "psnr_hole": 0.1,
    "ssim_rgb": 0.007,
    "ssim_y": 0.005,
    "ms_ssim_y": 0.002,
    "l1_percent": 0.06,
    "l1_hole_percent": 0.1,
    "vgg_conv3_1": 0.03,
    "vgg_conv3_1_hole": 0.05,
    "face_similarity_dlib": 0.004,
    "face_similarity": 0.005,
}
"""Metric id -> the smallest difference of means that matters, in the metric's unit."""


def digits(metric: str) -> int:
    """Decimals that show a metric's values."""
    return {"dB": 2, "%": 3}.get(METRICS[metric].unit, 4) if metric in METRICS else 4
