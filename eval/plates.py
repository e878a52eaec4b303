"""Number plates for the scenario `surveillance-plate`, rendered here, so that no real one is needed."""

from __future__ import annotations

import numpy as np

from zoo.errors import ZooError

HEIGHT, WIDTH = 192, 384
"""Of the picture around the plate, in pixels."""
LETTERS, DIGITS = "ABCDEFGHJKLMNPRSTUVWXYZ", "0123456789"
FINER = 4
"""The plate is drawn so many times larger, then averaged."""


def with_plate(clean: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """HEIGHT x WIDTH pixels of an HxWx3 float32 picture in [0, 1], with a plate of three letters and four digits on it.

    Its place in the picture, its size (characters of 24 to 40 pixels), colors and text are drawn. Raises ZooError for
    a smaller picture.
    """
    import cv2

    height, width = clean.shape[:2]
    if height < HEIGHT or width < WIDTH:
        raise ZooError(f"{width} x {height} pixels are too few to put a plate on: it takes {WIDTH} x {HEIGHT}.")
    top, left = int(rng.integers(0, height - HEIGHT + 1)), int(rng.integers(0, width - WIDTH + 1))
    text = "".join(rng.choice(list(LETTERS), 3)) + " " + "".join(rng.choice(list(DIGITS), 4))
    tall = int(rng.integers(24, 41))
    ground, ink = rng.uniform(0.75, 1, 3), rng.uniform(0, 0.2, 3)
    scale = tall * FINER / 21  # a capital of this font is 21 pixels tall at scale 1
    thickness = max(1, round(tall * FINER / 7))
    (long, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)
    high, wide = tall * 2, min(-(-long // FINER) + tall, WIDTH)
    drawn = np.zeros((high * FINER, wide * FINER), np.uint8)
    place = ((wide * FINER - long) // 2, (high + tall) * FINER // 2)
    cv2.putText(drawn, text, place, cv2.FONT_HERSHEY_SIMPLEX, scale, 255, thickness, cv2.LINE_8)
    share = drawn.reshape(high, FINER, wide, FINER).mean(axis=(1, 3))[..., None] / 255
    plate = (ground * (1 - share) + ink * share).astype(np.float32)
    picture = clean[top : top + HEIGHT, left : left + WIDTH].copy()
    y, x = int(rng.integers(0, HEIGHT - high + 1)), int(rng.integers(0, WIDTH - wide + 1))
    picture[y : y + high, x : x + wide] = plate
    return picture
