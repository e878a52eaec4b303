"""The learning curve of a run as a small picture: PSNR on the validation split over the minutes."""

from __future__ import annotations

import csv
from pathlib import Path

import cv2
import numpy as np

from zoo.errors import ZooError

from .loop import VALIDATION_FILE

WIDTH, HEIGHT = 480, 240
LEFT, RIGHT, TOP, BOTTOM = 52, 12, 28, 34
"""Margins in pixels around the plot."""
RESTORED, GIVEN, AXES = (180, 90, 20), (150, 150, 150), (60, 60, 60)
"""Colors, in OpenCV's order."""


def read_validation(folder: Path) -> np.ndarray:
    """Of each checkpoint of a run: minutes, PSNR of the averaged weights, PSNR of doing nothing; N x 3.

    Raises ZooError when the folder holds no run with a checkpoint.
    """
    path = folder / VALIDATION_FILE
    if not path.is_file():
        raise ZooError(f"there is no run with a checkpoint in {folder} ({VALIDATION_FILE} is missing).")
    with path.open(newline="", encoding="utf-8") as file:
        rows = [
            (float(row["seconds"]) / 60, float(row["psnr"]), float(row["psnr_input"])) for row in csv.DictReader(file)
        ]
    return np.array(rows).reshape(-1, 3)


def draw(points: np.ndarray, title: str) -> np.ndarray:
    """HEIGHT x WIDTH x 3 uint8, blue, green, red: the PSNRs of `read_validation` over the minutes."""
    minutes, low, high = points[-1, 0], np.floor(points[:, 1:].min()), np.ceil(points[:, 1:].max())
    high = max(high, low + 1)
    canvas = np.full((HEIGHT, WIDTH, 3), 255, np.uint8)

    def place(minute: float, value: float) -> tuple[int, int]:
        x = LEFT + minute / minutes * (WIDTH - LEFT - RIGHT)
        y = HEIGHT - BOTTOM - (value - low) / (high - low) * (HEIGHT - TOP - BOTTOM)
        return round(x), round(y)

    def text(words: str, x: int, y: int) -> None:
        cv2.putText(canvas, words, (x, y), cv2.FONT_HERSHEY_SIMPLEX, 0.38, AXES, 1, cv2.LINE_AA)

    cv2.rectangle(canvas, place(0, high), place(minutes, low), AXES, 1)
    for column, color in ((2, GIVEN), (1, RESTORED)):
        line = np.array([place(minute, value) for minute, value in points[:, (0, column)]], np.int32)
        cv2.polylines(canvas, [line], False, color, 2, cv2.LINE_AA)
    text(title, LEFT, TOP - 10)
    for value in (low, high):
        text(f"{value:.0f} dB", 6, place(0, value)[1] + 4)
    text("0", LEFT, HEIGHT - BOTTOM + 16)
    text(f"{minutes:.0f} minutes", WIDTH - RIGHT - 70, HEIGHT - BOTTOM + 16)
    text("blue: restored, grey: input", LEFT, HEIGHT - 6)
    return canvas


def write_curve(folder: Path, path: Path) -> Path:
    """Draw the curve of the run in a folder as a PNG. Raises ZooError."""
    points = read_validation(folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(path), draw(points, f"{path.stem}: PSNR on the validation split")):
        raise ZooError(f"{path} cannot be written.")
    return path
