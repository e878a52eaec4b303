"""DeepFill v2 in small: gated convolutions in two stages, the second with contextual attention; trained here.

What Yu et al., "Free-Form Image Inpainting with Gated Convolution" (arXiv:1806.03589), do with 4 M parameters at full
size, on an eighth and a quarter of the size and from a smooth fill in place of an empty hole; the attention is that
of "Generative Image Inpainting with Contextual Attention" (arXiv:1801.07892) with learned comparison.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...directions import ORIENTATIONS
from ...fill import smooth_fill
from ...proposals import DilatedBlock, Proposals, Stage, gated_blocks

CELL = 8
"""Side in pixels of the places that the attention compares and copies."""


class Attention(nn.Module):
    """Adds to the features inside the hole what known places that resemble them have (arXiv:1801.07892, section 4.1).

    forward(x, hole): N x C x h x w, and N x 1 x h x w, above 0 where a place has a pixel of the hole; returns x's
    shape. Compared are 3x3 neighborhoods of `compared` learned channels by their cosine (equation 1); the softmax over
    the known places weighs one learned vector of each. Starts as the identity.
    """

    places = 4096
    """At most so many known places are looked at, evenly picked: 512 x 512 pixels have as many."""
    budget = 1 << 22
    """About so many scores are held at a time where no gradient is needed."""

    def __init__(self, channels: int, compared: int):
        super().__init__()
        self.compare = nn.Conv2d(channels, compared, 1)
        self.copy = nn.Conv2d(channels, channels, 1)
        self.paste = nn.Conv2d(channels, channels, 1)
        self.sharpness = nn.Parameter(torch.tensor(10.0))
        nn.init.zeros_(self.paste.weight)
        nn.init.zeros_(self.paste.bias)

    def forward(self, x: Tensor, hole: Tensor) -> Tensor:
        patches = F.normalize(F.unfold(self.compare(x).float(), 3, padding=1), dim=1).to(x.dtype)
        pairs = zip(patches, self.copy(x).flatten(2), hole.flatten(1) > 0, strict=True)
        found = torch.stack([self._attend(*pair) for pair in pairs]).view_as(x)
        return x + self.paste(found)

    def _attend(self, patches: Tensor, values: Tensor, hole: Tensor) -> Tensor:
        """D x P, C x P and P to C x P: in the hole what was found, elsewhere zero."""
        wanted, known = hole.nonzero()[:, 0], (~hole).nonzero()[:, 0]
        if not len(wanted) or not len(known):
            return torch.zeros_like(values)
        if len(known) > self.places:
            known = known[torch.arange(self.places, device=known.device) * len(known) // self.places]
        keys, values_there = patches[:, known], values[:, known].T
        step = len(wanted) if values.requires_grad else max(1, self.budget // len(known))
        rows = []
        for some in wanted.split(step):
            scores = self.sharpness * (patches[:, some].T @ keys).float()
            rows.append(scores.softmax(dim=1).to(values.dtype) @ values_there)
        return torch.zeros_like(values).index_copy(1, wanted, torch.cat(rows).T)


class ContextualAttentionMini(nn.Module):
    """N x 4 x H x W (RGB in [0, 1] with anything in the holes, mask with 1 = hole) to N x 3 x H x W RGB.

    Known pixels come out as they were. H and W are multiples of 64. 4 M parameters; a new network gives the smooth
    fill.
    """

    def __init__(self):
        super().__init__()
        seen = 6 * len(ORIENTATIONS)
        self.coarse = Stage(16 * (4 + seen), 8, (96, 128), detail=2)
        self.wide = nn.Sequential(*(DilatedBlock(128, dilation) for dilation in (1, 2, 4, 8, 1)))
        self.fine = Stage(16 * 4 + 4 * (3 + seen), 4, (64, 128), detail=1)
        self.hint = nn.Conv2d(96, 128, 1)
        self.first = gated_blocks(128, 2)
        self.attention = Attention(128, 32)
        self.second = gated_blocks(128, 2)

    def forward(self, x: Tensor) -> Tensor:
        return self.stages(x)[1].to(x.dtype)

    def stages(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """(coarse, refined), N x 3 x H x W each, with the known pixels put back."""
        image, mask = x.float().split([3, 1], dim=1)  # colors and distances need more than half precision
        filled = smooth_fill(image, 1 - mask)
        proposals = Proposals(image, mask, filled)
        start = F.avg_pool2d(torch.cat([filled, mask], dim=1), 2)
        upper, lower = self.coarse.encode((start, 4), (proposals.seen, 4))
        change, features = self.coarse.decode(upper, self.wide(lower), proposals)
        coarse = torch.where(mask > 0, filled + change, image)
        inputs = (torch.cat([coarse, mask], dim=1), 4), (start[:, :3], 2), (proposals.seen, 2)
        upper, lower = self.fine.encode(*inputs)
        lower = self.attention(self.first(lower + self.hint(features)), F.max_pool2d(mask, CELL))
        change, _ = self.fine.decode(upper, self.second(lower), proposals)
        return coarse, torch.where(mask > 0, coarse + change, image)

    def training_forward(self, given: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """The restored picture, and both stages with the mask behind them, for losses inside the hole."""
        mask = given[:, 3:]
        coarse, restored = self.stages(given)
        both = {"coarse in hole": coarse, "restored in hole": restored}
        return {"restored": restored, **{name: torch.cat([picture, mask], dim=1) for name, picture in both.items()}}
