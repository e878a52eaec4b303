"""The backend of the small inpainting networks, and what is done with their fills: texture is copied into them.

What a small network gives is smooth, with streaks where it continues lines too far. So patches are copied from the
known region, beginning from the network's fill (see `patch_match`), and both are joined in two bands of frequencies:
the low one is their mean, most of the high one is copied. In holes as thin as scratches, where a biharmonic surface is
better than the network, it takes the network's place. The shares were fitted to training pictures by least squares,
and then chosen on Kodak pictures with odd names.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ..runtimes.torch import TorchBackend
from .biharmonic import biharmonic
from .patch_match import complete

THIN = 8.0
"""Holes that reach no farther than this from what is known, in pixels, are thin."""
BOX = 9
"""Side in pixels of the box filter, applied twice, that leaves the low band."""
SOFT = 1.0
"""Standard deviation in pixels of the Gaussian that takes streaks off the network's fill."""
LOW_COPIED = (0.5, 0.45)
"""Share of the copied patches in the low band, in thin holes and in others."""
HIGH_COPIED = 0.7
"""Share of the copied patches in the high band, outside thin holes."""
HIGH_COPIED_THIN = (0.13, 0.6)
"""The same in thin holes, at 1 and from 2 pixels from what is known: near it, the surface is as good as it gets."""


class FillingBackend(TorchBackend):
    """Backend of a network that takes RGB in [0, 1] with its mask as a fourth channel, and gives RGB; see above."""

    def restore(self, image: Tensor, mask: Tensor) -> Tensor:
        """The filled picture."""
        learned = self.network(torch.cat([image, (mask > 0).to(image.dtype)], dim=1))
        picture = learned[0].permute(1, 2, 0).float().cpu().numpy()
        filled = textured(np.ascontiguousarray(picture), mask[0, 0].float().cpu().numpy() > 0)
        return torch.from_numpy(filled).permute(2, 0, 1)[None].to(learned)


def textured(learned: np.ndarray, hole: np.ndarray) -> np.ndarray:
    """Texture for the True pixels of an HxW mask in an HxWx3 float32 picture in [0, 1], whose holes are filled.

    Other pixels stay as they are. A picture without known pixels comes back as it is.
    """
    if not hole.any() or hole.all():
        return learned
    import cv2

    depth = cv2.distanceTransform(hole.astype(np.uint8), cv2.DIST_L2, 5)
    thin = thin_holes(hole, depth)
    base = np.where((hole & ~thin)[..., None], cv2.GaussianBlur(learned, (0, 0), SOFT), learned)
    if thin.any():
        base = biharmonic(base, thin)
    copied = complete(learned, hole, start=np.where(thin[..., None], base, learned)).image
    low, low_copied = _low(base), _low(copied)
    high_share = np.where(thin, np.interp(depth, (1, 2), HIGH_COPIED_THIN), HIGH_COPIED)[..., None]
    low_share = np.where(thin, *LOW_COPIED)[..., None]
    change = low_share * (low_copied - low) + high_share * ((copied - low_copied) - (base - low))
    return np.where(hole[..., None], np.clip(base + change, 0, 1), learned).astype(np.float32)


def thin_holes(hole: np.ndarray, depth: np.ndarray) -> np.ndarray:
    """The connected parts of an HxW mask that are nowhere deeper than THIN; depth: HxW, 0 outside the mask."""
    import cv2

    count, labels = cv2.connectedComponents(hole.astype(np.uint8), connectivity=8)
    deepest = np.zeros(count, np.float32)
    np.maximum.at(deepest, labels.ravel(), depth.ravel())
    return hole & (deepest <= THIN)[labels]


def _low(picture: np.ndarray) -> np.ndarray:
    import cv2

    for _ in range(2):
        picture = cv2.blur(picture, (BOX, BOX), borderType=cv2.BORDER_REFLECT)
    return picture
