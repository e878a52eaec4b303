"""EdgeConnect in small: one network draws the edges inside a hole, a second one fills in the colors; trained here.

What Nazeri et al. (arXiv:1901.00212) do with two networks of 11 M parameters each, from a smooth fill and what lies
straight across the hole in place of an empty hole. Edges are soft ones, at half size, in place of Canny's.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...directions import ORIENTATIONS, across
from ...fill import smooth_fill
from ...layers import luma
from ...proposals import DilatedBlock, Proposals, Stage, gated_blocks


def gradients(image: Tensor) -> Tensor:
    """Edge strength in [0, 1) and Sobel's gradient of the luma across and down: N x 3 x H x W, to the same shape."""
    sideways = image.new_tensor([[-1.0, 0.0, 1.0], [-2.0, 0.0, 2.0], [-1.0, 0.0, 1.0]]).div(8)
    kernels = torch.stack([sideways, sideways.T])[:, None]
    with torch.autocast(image.device.type, enabled=False):
        gradient = F.conv2d(F.pad(luma(image), (1, 1, 1, 1), mode="replicate"), kernels)
    edges = torch.tanh(4 * gradient.square().sum(1, keepdim=True).add(1e-6).sqrt())
    return torch.cat([edges, gradient], dim=1)


def edge_map(image: Tensor) -> Tensor:
    """How much of an edge there is at each pixel: N x 3 x H x W in [0, 1] to N x 1 x H x W in [0, 1)."""
    return gradients(image)[:, :1]


def half_edges(image: Tensor) -> Tensor:
    """The edges of the picture at half size, which is what the edge network draws: N x 1 x H/2 x W/2."""
    return edge_map(F.avg_pool2d(image, 2))


class EdgeNetwork(nn.Module):
    """Draws edges: pictures N x inputs x h x w at half size to logits N x 1 x h x w. h and w are multiples of 4.

    Computes on cells of 2 x 2, and of 4 x 4 for a wider view.
    """

    def __init__(self, inputs: int, widths: tuple[int, int]):
        super().__init__()
        upper, lower = widths
        self.head = nn.Conv2d(4 * inputs, upper, 1)
        self.before = gated_blocks(upper, 1)
        self.down = nn.Conv2d(upper, lower, 2, stride=2)
        self.wide = nn.Sequential(*(DilatedBlock(lower, dilation) for dilation in (1, 2, 4)))
        self.up = nn.Conv2d(lower, 4 * upper, 1)
        self.after = gated_blocks(upper, 1)
        self.tail = nn.Conv2d(upper, 4, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        pixels = F.pixel_unshuffle(x, 2).to(self.head.weight.dtype)
        upper = self.before(self.head(pixels))
        lower = self.wide(self.down(upper))
        y = self.after(F.pixel_shuffle(self.up(lower), 2) + upper)
        return F.pixel_shuffle(self.tail(y).float(), 2)


class EdgeConnectMini(nn.Module):
    """N x 4 x H x W (RGB in [0, 1] with anything in the holes, mask with 1 = hole) to N x 3 x H x W RGB.

    Known pixels come out as they were. H and W are multiples of 64. 2.6 M parameters; a new network gives the smooth
    fill.
    """

    def __init__(self):
        super().__init__()
        seen = 6 * len(ORIENTATIONS)
        self.edge = EdgeNetwork(3 + 1 + 3 + 2 * seen, (48, 96))
        self.inpaint = Stage(16 * 4 + 4 * (1 + seen), 4, (64, 128), detail=1)
        self.wide = nn.Sequential(*(DilatedBlock(128, dilation) for dilation in (1, 2, 4, 8, 1)))

    def forward(self, x: Tensor) -> Tensor:
        return self.steps(x)[0].to(x.dtype)

    def steps(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(restored, N x 3 x H x W; edges at half size, and where they are drawn, N x 1 x H/2 x W/2)."""
        image, mask = x.float().split([3, 1], dim=1)  # colors and distances need more than half precision
        filled = smooth_fill(image, 1 - mask)
        proposals = Proposals(image, mask, filled)
        edges, zone = self._draw(filled, mask, proposals)
        # As in the paper, the second network does not teach the first one, so that edges stay edges.
        seen = torch.cat([edges.detach(), proposals.seen], dim=1)
        upper, lower = self.inpaint.encode((torch.cat([filled, mask], dim=1), 4), (seen, 2))
        change, _ = self.inpaint.decode(upper, self.wide(lower), proposals)
        return torch.where(mask > 0, filled + change, image), edges, zone

    def _draw(self, filled: Tensor, mask: Tensor, proposals: Proposals) -> tuple[Tensor, Tensor]:
        half, hole = F.avg_pool2d(filled, 2), F.max_pool2d(mask, 2)
        zone = F.max_pool2d(hole, 3, stride=1, padding=1)  # an edge beside the hole is of pixels inside it, too
        known = gradients(half) * (1 - zone)
        found, clues = across(known, 1 - zone)
        beyond = torch.cat([found, clues], dim=2).flatten(1, 2)
        logits = self.edge(torch.cat([half, hole, known, proposals.seen, beyond], dim=1))
        return torch.where(zone > 0, logits.sigmoid(), known[:, :1]), zone

    def training_forward(self, given: Tensor, truth: Tensor) -> dict[str, Tensor]:
        """The restored picture and the edges, and both with the mask behind them, for losses inside the hole."""
        restored, edges, zone = self.steps(given)
        return {
            "restored": restored,
            "restored in hole": torch.cat([restored, given[:, 3:]], dim=1),
            "edges": edges,
            "edges in hole": torch.cat([edges, zone], dim=1),
        }
