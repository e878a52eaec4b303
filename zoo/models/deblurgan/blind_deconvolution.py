"""Blind deconvolution as a part of networks: the blur of each window of a picture, estimated and taken back.

A blurred picture's gradients have the autocorrelation of the blur itself, nearly, since those of sharp pictures are
uncorrelated (the observation of Goldstein and Fattal, "Blur-Kernel Estimation from Spectral Irregularities", ECCV
2012). A small network reads the blur from it; what autocorrelations cannot tell, a blur from the same turned by
180 degrees, is left open: both are taken back, for another network to choose from.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...degradations import GAMMA
from ...nn.layers import luma
from ...nn.unet import GatedBlock, ShuffledUNet

SIDE = 33
"""Of estimated blurs in pixels."""
RADIUS = 24
"""Shifts of the autocorrelation that the network sees."""
MAPS = 8
"""Channels of `spectral_maps`."""


def gradients(plane: Tensor) -> Tensor:
    """Differences to the right and to the lower neighbor: N x 1 x H x W to N x 2 x H x W, zero at the end."""
    across = F.pad(plane[..., 1:] - plane[..., :-1], (0, 1))
    down = F.pad(plane[..., 1:, :] - plane[..., :-1, :], (0, 0, 0, 1))
    return torch.cat([across, down], dim=1)


def _edge_distance(length: int, device: torch.device) -> Tensor:
    places = torch.arange(length, device=device) + 0.5
    return torch.minimum(places, length - places)


def taper(height: int, width: int, border: int, device: torch.device) -> Tensor:
    """H x W weights: 1 inside, falling to 0 over the outer `border` pixels as half a cosine."""
    down, across = (
        0.5 - 0.5 * torch.cos(math.pi * (_edge_distance(n, device) / border).clamp(max=1)) for n in (height, width)
    )
    return down[:, None] * across


def spectral_maps(picture: Tensor) -> Tensor:
    """What the network reads the blur from: N x 3 x H x W RGB in [0, 1] to N x MAPS x 49 x 49.

    Autocorrelations and cepstra, around no shift, of horizontal and vertical gradients: of linear light, where blur is
    a convolution, and of the gradients' tanh, which keeps single bright edges from drowning all others.
    """
    height, width = picture.shape[-2:]
    window = taper(height, width, min(height, width) // 2, picture.device).sqrt()
    plain = gradients(luma(picture))
    bounded = torch.tanh(plain / (2 * plain.abs().mean((2, 3), keepdim=True) + 1e-5))
    linear = gradients(luma(picture.clamp(0, 1) ** GAMMA))
    spectra = torch.fft.rfft2(torch.cat([linear, bounded], dim=1) * window).abs().square()
    spectra = spectra / (spectra.mean((2, 3), keepdim=True) + 1e-12)
    maps = torch.fft.irfft2(torch.cat([spectra, torch.log(spectra + 1e-3)], dim=1), s=(height, width))
    maps = torch.roll(maps, (RADIUS, RADIUS), (2, 3))[..., : 2 * RADIUS + 1, : 2 * RADIUS + 1]
    correlations, cepstra = maps.chunk(2, dim=1)
    correlations = correlations / (correlations[..., RADIUS, RADIUS][..., None, None] + 1e-12)
    center = torch.zeros_like(cepstra[:1, :1])
    center[..., RADIUS, RADIUS] = 1
    cepstra = cepstra * (1 - center)
    cepstra = cepstra / (5 * cepstra.abs().mean((2, 3), keepdim=True) + 1e-12)
    return torch.cat([correlations, cepstra], dim=1)


class BlurNetwork(nn.Module):
    """Blurs, N x 1 x 33 x 33, not negative, each with the sum 1, known up to a half turn.

    From the `spectral_maps` of a window and of its surroundings: a blur that is the same all around is seen best from
    afar, one that is not from near.
    """

    def __init__(self):
        super().__init__()
        self.unet = ShuffledUNet(1, (32, 64, 128), (1, 2, 4), GatedBlock, inputs=2 * MAPS, outputs=1)

    def forward(self, near: Tensor, far: Tensor) -> Tensor:
        """See the class; N x 8 x 49 x 49 both."""
        maps = torch.cat([near, far], dim=1)
        start = RADIUS - SIDE // 2
        kept = (..., slice(start, start + SIDE), slice(start, start + SIDE))
        logits = self.unet.result(maps[..., :-1, :-1]).float()[kept]  # an even side for the U-Net
        return logits.flatten(1).softmax(1).view(-1, 1, SIDE, SIDE)


def to_frequencies(blur: Tensor, height: int, width: int) -> Tensor:
    """The transfer function of centered blurs, N x 1 x 33 x 33, on windows of H x W."""
    padded = F.pad(blur, (0, width - SIDE, 0, height - SIDE))
    return torch.fft.rfft2(torch.roll(padded, (-(SIDE // 2), -(SIDE // 2)), (2, 3)))


def reblur_error(blur: Tensor, sharp: Tensor, blurred: Tensor) -> Tensor:
    """How far from `blurred` a sharp picture is when it is blurred by an estimate, or its half turn if that is nearer.

    N x 1 x 33 x 33, and N x 3 x H x W RGB in [0, 1] twice, to N numbers: squares over gradients of linear light,
    relative to those of `blurred`, the coarse ones with more weight.
    """
    height, width = sharp.shape[-2:]
    window = taper(height, width, min(height, width) // 4, sharp.device)
    x, y = (torch.fft.rfft2(gradients(luma(p.clamp(0, 1) ** GAMMA)) * window) for p in (sharp, blurred))
    weight = 0.3 + 1 / (1 + _laplacian(height, width, sharp.device)).square()
    scale = (weight * y.abs().square()).sum((1, 2, 3)) + 1e-9
    transfer = to_frequencies(blur, height, width)
    errors = [(weight * (t * x - y).abs().square()).sum((1, 2, 3)) / scale for t in (transfer, transfer.conj())]
    return torch.minimum(*errors)


def _laplacian(height: int, width: int, device: torch.device) -> Tensor:
    """The power of gradients, up to a factor: H x (W // 2 + 1), 0 to 4, over the frequencies of `rfft2`."""
    rows = torch.fft.fftfreq(height, device=device)[:, None]
    columns = torch.fft.rfftfreq(width, device=device)
    return 2 - torch.cos(2 * math.pi * rows) - torch.cos(2 * math.pi * columns)


def deconvolved(picture: Tensor, blur: Tensor, noises: tuple[float, ...]) -> Tensor:
    """Blurs taken back in linear light, once for each noise level; N x 3 x H x W RGB in [0, 1] and N x 1 x 33 x 33 to
    N x 3L x H x W in about [0, 1.2].

    The Wiener filter for pictures whose power falls with the square of the frequency, and white noise.
    """
    height, width = picture.shape[-2:]
    light = picture.clamp(0, 1) ** GAMMA
    transfer = to_frequencies(blur, height, width)
    # A window does not go on at its other end: towards its border it is replaced by one that does (MATLAB's
    # edgetaper), so that no ringing comes from there.
    inside = taper(height, width, SIDE // 2, picture.device)
    periodic = torch.fft.irfft2(torch.fft.rfft2(light) * transfer, s=(height, width))
    spectrum = torch.fft.rfft2(torch.lerp(periodic, light, inside)) * transfer.conj()
    slope = _laplacian(height, width, picture.device) + 0.01
    power = transfer.abs().square()
    results = [torch.fft.irfft2(spectrum / (power + noise * slope), s=(height, width)) for noise in noises]
    return torch.cat(results, dim=1).clamp(1e-3, 1.5) ** (1 / GAMMA)


def starts(length: int, window: int, step: int) -> list[int]:
    """Where windows begin, at most `step` apart, so that they cover 0 to `length` exactly."""
    count = max(0, math.ceil((length - window) / step))
    return [round(index * (length - window) / count) if count else 0 for index in range(count + 1)]


def windows(height: int, width: int, side: int, step: int) -> list[tuple]:
    """Places in N x C x H x W that cover it; those of small pictures are as large as the picture."""
    high, wide = min(side, height), min(side, width)
    return [
        (..., slice(top, top + high), slice(left, left + wide))
        for top in starts(height, high, step)
        for left in starts(width, wide, step)
    ]


def _center(place: tuple) -> tuple[float, float]:
    return (place[1].start + place[1].stop) / 2, (place[2].start + place[2].stop) / 2


class BlindDeconvolution(nn.Module):
    """Blurred pictures to four candidates for sharp ones: two noise levels, the estimated blur and its half turn.

    Pictures go through in windows of `window` pixels that overlap by a quarter, each with a blur of its own, estimated
    from it and from the `around` pixels around it. They are put together with weights that fall towards their borders.
    """

    NOISES = (0.03, 0.3)
    """Far above that of pictures: estimated blurs are not exact."""
    CANDIDATES = 2 * len(NOISES)
    CHANNELS = 3 * CANDIDATES + 1

    def __init__(self, window: int = 192, around: int = 384):
        super().__init__()
        self.window, self.around, self.step = window, around, window * 3 // 4
        self.estimate = BlurNetwork()

    def candidates(self, picture: Tensor, blur: Tensor) -> Tensor:
        """N x 13 x H x W: four sharp pictures in about [0, 1.2], and how concentrated the blur is, in (0, 1].

        An uncertain blur is spread out, and what it leads to is of little use.
        """
        sharp = [deconvolved(picture, b, self.NOISES) for b in (blur, blur.flip((2, 3)))]
        concentrated = blur.square().sum((1, 2, 3)).sqrt().view(-1, 1, 1, 1)
        return torch.cat([*sharp, concentrated.expand(-1, -1, *picture.shape[2:])], dim=1)

    def estimated(self, picture: Tensor, places: list[tuple]) -> Tensor:
        """The blurs at these `windows` of N x 3 x H x W RGB in [0, 1], one window after the other: M x 1 x 33 x 33."""
        surroundings = windows(*picture.shape[2:], self.around, self.around // 2)
        maps = [spectral_maps(picture[place]) for place in surroundings]
        centers = torch.tensor([_center(place) for place in surroundings])
        nearest = torch.cdist(torch.tensor([_center(place) for place in places]), centers).argmin(1)
        near = torch.cat([spectral_maps(picture[place]) for place in places])
        return self.estimate(near, torch.cat([maps[index] for index in nearest]))

    def forward(self, picture: Tensor) -> Tensor:
        """`candidates` of N x 3 x H x W RGB in [0, 1], sides of 49 and up, put together from all windows.

        Always in float32: half precision has no Fourier transforms on CPUs, and not the range of power spectra.
        """
        picture = picture.float()
        count, _, height, width = picture.shape
        places = windows(height, width, self.window, self.step)
        blurs = self.estimated(picture, places).split(count)
        high, wide = min(self.window, height), min(self.window, width)
        weight = taper(high, wide, min(high, wide) // 2, picture.device) + 1e-3
        total = picture.new_zeros(count, self.CHANNELS, height, width)
        weights = picture.new_zeros(height, width)
        for place, blur in zip(places, blurs, strict=True):
            total[place] += self.candidates(picture[place], blur) * weight
            weights[place] += weight
        return total / weights
