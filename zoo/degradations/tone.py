"""Color and contrast lost: faded prints, grey pictures."""

from __future__ import annotations

import numpy as np

from ..io.picture import luma


def fade(image: np.ndarray, color: float, contrast: float, paper: tuple[float, float, float]) -> np.ndarray:
    """An old print: `color` (0 to 1) of the saturation and `contrast` (0 to 1) are left, on paper of that RGB color.

    Colors go toward the picture's luma (BT.601), which is then mapped from black and white onto a lighter black and
    the paper's white.
    """
    image = image.astype(np.float64)
    y = luma(image)[..., None]
    muted = y + color * (image - y)
    white = np.array(paper)
    black = white * (0.6 * (1 - contrast))
    return np.clip(black + muted * (white - black), 0, 1).astype(np.float32)


def grey(image: np.ndarray) -> np.ndarray:
    """The picture's luma (BT.601) as R, G and B."""
    return np.repeat(luma(image)[..., None], 3, axis=2)
