"""A conditional variational autoencoder that fills holes in portraits, in a different way on each request.

Sohn et al. (NeurIPS 2015), with their relaxed prior p(z | picture) = N(0, 1): the decoder sees the picture anyhow, so
an affine prior network would add nothing. Networks and pictures are in [0, 1]; masks are 1 inside the hole.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...fill import smooth_fill
from ...layers import NetworkBackend
from ...unet import Block

LATENT = 64
"""Numbers that choose one of the possible completions."""
SIDE = 256
"""Side of the pictures that the network is made for."""
CELL = 4
"""Pixels of CELL x CELL become channels, so that no convolution runs at full size."""
WIDTHS = (48, 96, 144, 176)
"""Channels at a quarter, an eighth, a sixteenth and a thirty-second of the size."""
COARSE = 8
"""Side of the smallest level, of pictures of SIDE."""


def coordinates(like: Tensor) -> Tensor:
    """Where each place lies, from -1 to 1 across and down, N x 2 x H x W: in aligned portraits that says a lot."""
    n, _, height, width = like.shape
    down = torch.linspace(-1, 1, height, device=like.device, dtype=like.dtype).view(1, 1, -1, 1)
    across = torch.linspace(-1, 1, width, device=like.device, dtype=like.dtype).view(1, 1, 1, -1)
    return torch.cat([down.expand(n, 1, height, width), across.expand(n, 1, height, width)], dim=1)


class Recognition(nn.Module):
    """q(z | truth, picture, mask): what the hole really holds, to the latent's distribution.

    forward(truth, filled, mask): N x 3, 3 and 1 x H x W, to N x 2 LATENT: means, then logarithms of variances.
    """

    def __init__(self):
        super().__init__()
        widths = (9, 32, 64, 96)
        self.steps = nn.Sequential(
            *(
                layer
                for a, b in itertools.pairwise(widths)
                for layer in (nn.Conv2d(a, b, 3, stride=2, padding=1), nn.ReLU())
            ),
            nn.Conv2d(widths[-1], widths[-1], 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(widths[-1], 24, 1),
        )
        self.last = nn.Linear(24 * COARSE * COARSE, 2 * LATENT)

    def forward(self, truth: Tensor, filled: Tensor, mask: Tensor) -> Tensor:
        # Coarse already: the latent has no room for detail.
        x = F.avg_pool2d(torch.cat([truth - filled, filled, mask], dim=1), CELL)
        y = self.steps(torch.cat([x, coordinates(x)], dim=1))
        mean, log_variance = self.last(F.adaptive_avg_pool2d(y, COARSE).flatten(1)).float().chunk(2, dim=1)
        return torch.cat([mean, log_variance.clamp(-8, 4)], dim=1)


class Decoder(nn.Module):
    """What is known and a latent to what the fill lacks.

    The latent comes in as a coarse map beside the smallest level, and scales and shifts each larger one (FiLM, Perez
    et al., arXiv:1709.07871).
    """

    SPREAD = 32
    """Channels of the latent's map."""

    def __init__(self):
        super().__init__()
        last = WIDTHS[-1]
        self.spread = nn.Linear(LATENT, self.SPREAD * COARSE * COARSE)
        self.join = nn.Conv2d(last + self.SPREAD, last, 3, padding=1)
        self.middle = Block(last)
        self.ups = nn.ModuleList(nn.Conv2d(b, 4 * a, 1) for a, b in itertools.pairwise(WIDTHS))
        self.films = nn.ModuleList(nn.Linear(LATENT, 2 * width) for width in WIDTHS[:-1])
        self.firsts = nn.ModuleList(Block(width) for width in WIDTHS[:-1])
        self.seconds = nn.ModuleList(Block(width) for width in WIDTHS[:-1])
        self.tail = nn.Conv2d(WIDTHS[0], 3 * CELL * CELL, 3, padding=1)
        nn.init.zeros_(self.tail.weight)
        nn.init.zeros_(self.tail.bias)
        for film in self.films:
            nn.init.normal_(film.weight, std=0.02)
            nn.init.zeros_(film.bias)

    def forward(self, levels: list[Tensor], latent: Tensor) -> Tensor:
        """levels: the encoder's, largest first; latent: N x LATENT; to N x 3 x H x W."""
        spread = self.spread(latent).view(-1, self.SPREAD, COARSE, COARSE)
        if levels[-1].shape[-2:] != spread.shape[-2:]:
            spread = F.interpolate(spread, size=levels[-1].shape[-2:], mode="bilinear", align_corners=False)
        y = self.middle(F.relu(self.join(torch.cat([levels[-1], spread], dim=1))))
        for index in reversed(range(len(WIDTHS) - 1)):
            y = F.pixel_shuffle(self.ups[index](y), 2) + levels[index]
            scale, shift = self.films[index](latent)[:, :, None, None].chunk(2, dim=1)
            y = self.seconds[index](self.firsts[index](y) * (1 + scale) + shift)
        return F.pixel_shuffle(self.tail(y), CELL)


class ConditionalVAE(nn.Module):
    """N x 4 x H x W (RGB in [0, 1] with anything in the holes, mask with 1 = hole) to N x 3 x H x W.

    Known pixels come out as they were. `latent`, N x LATENT, chooses the completion; None is the prior's mean. H and W
    are multiples of 64; the network is made for pictures of SIDE.
    """

    def __init__(self):
        super().__init__()
        first = WIDTHS[0]
        self.head = nn.Conv2d(4 * CELL * CELL + 2, first, 3, padding=1)
        depths = (1, 1, 2, 1)
        self.blocks = nn.ModuleList(
            nn.Sequential(*(Block(w) for _ in range(d))) for w, d in zip(WIDTHS, depths, strict=True)
        )
        self.downs = nn.ModuleList(nn.Conv2d(a, b, 2, stride=2) for a, b in itertools.pairwise(WIDTHS))
        self.decoder = Decoder()
        self.recognition = Recognition()

    def forward(self, x: Tensor, latent: Tensor | None = None) -> Tensor:
        image, mask, filled = self._start(x)
        if latent is None:
            latent = image.new_zeros(len(image), LATENT)
        drawn = filled + self.decoder(self._levels(filled, mask), latent)
        return torch.where(mask > 0, drawn, image)

    def training_forward(self, given: Tensor, truth: Tensor) -> dict[str, Tensor | Callable[[], Tensor]]:
        """What the losses look at.

        `restored`: from a latent drawn from q, N x 3 x H x W; `mean`: the prior's mean, of the first half of the
        batch (rounded up); `latent`: q itself, N x 2 LATENT; `drawn`: the first half as restored, the rest from
        latents drawn from the prior, as a user gets them.
        """
        _, mask, filled = self._start(given)
        latent = self.recognition(truth, filled, mask)
        mean, log_variance = latent.chunk(2, dim=1)
        drawn = mean + torch.exp(0.5 * log_variance) * torch.randn_like(mean)
        half = half_of(mean)
        both = torch.cat([drawn, torch.zeros_like(half)])
        levels = self._levels(filled, mask)

        def decoded(latent: Tensor, parts: Callable[[Tensor], Tensor]) -> Tensor:
            picture = parts(filled) + self.decoder([parts(level) for level in levels], latent)
            return torch.where(parts(mask) > 0, picture, parts(truth))

        first = decoded(both, lambda part: torch.cat([part, half_of(part)]))
        restored = first[: len(mean)]

        def from_both() -> Tensor:
            kept = half_of(restored)
            latent = torch.randn_like(mean[len(kept) :])
            return torch.cat([kept, decoded(latent, lambda part: part[len(kept) :])])

        return {"restored": restored, "mean": first[len(mean) :], "latent": latent, "drawn": from_both}

    def _start(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """(picture, mask, smoothly filled picture)."""
        image, mask = x[:, :3], (x[:, 3:] > 0).to(x.dtype)
        filled = smooth_fill(image.float(), 1 - mask.float())  # it adds up more pixels than fp16 can count
        return image, mask, filled.to(image.dtype)

    def _levels(self, filled: Tensor, mask: Tensor) -> list[Tensor]:
        """What is known, at every size, largest first."""
        x = F.pixel_unshuffle(torch.cat([filled, mask], dim=1), CELL)
        y = self.blocks[0](self.head(torch.cat([x, coordinates(x)], dim=1)))
        levels = [y]
        for down, blocks in zip(self.downs, self.blocks[1:], strict=True):
            levels.append(blocks(down(levels[-1])))
        return levels


def half_of(batch: Tensor) -> Tensor:
    """The first half of a batch, rounded up."""
    return batch[: (len(batch) + 1) // 2]


class Completion(NetworkBackend):
    """Backend: RGB in [0, 1] and a mask, 1 = hole, of any size, to RGB in [0, 1] with only the holes replaced.

    The network works on the picture at SIDE x SIDE, filled smoothly at its own size before. What it adds to that fill
    is enlarged and added at full size, so that the hole's rim is as sharp as what is around it.
    """

    def restore(self, image: Tensor, mask: Tensor) -> Tensor:
        return self._completed(image, mask, None)

    def sample(self, image: Tensor, mask: Tensor, generator: torch.Generator) -> Tensor:
        """One completion of one picture, drawn with a generator on the CPU, so that each device draws the same."""
        return self._completed(image, mask, torch.randn(1, LATENT, generator=generator).to(image))

    def _completed(self, image: Tensor, mask: Tensor, latent: Tensor | None) -> Tensor:
        height, width = image.shape[-2:]
        side = max(height, width)
        to_multiple, to_square = (0, -width % 64, 0, -height % 64), (0, side - width, 0, side - height)
        color, hole = image.float(), mask.float()  # sums and sizes: not in half precision
        # What is padded is not known, and so has no part in the fill.
        filled = smooth_fill(F.pad(color, to_multiple), F.pad(1 - hole, to_multiple))[..., :height, :width]
        small = _resized(F.pad(filled, to_square, mode="replicate"), SIDE).clamp(0, 1)
        hole = (F.interpolate(F.pad(hole, to_square), size=(SIDE, SIDE), mode="area") > 0.5).float()
        drawn = self.network(torch.cat([small, hole], dim=1).to(image.dtype), latent).float()
        lacking = _resized((drawn - small) * hole, side)[..., :height, :width]
        return torch.where(mask > 0, (filled + lacking).to(image.dtype), image)


def _resized(x: Tensor, side: int) -> Tensor:
    return F.interpolate(x, size=(side, side), mode="bicubic", align_corners=False, antialias=True)
