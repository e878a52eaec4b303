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

from .degradations import GAMMA
from .layers import luma
from .unet import GatedBlock, ShuffledUNet

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
    """`spectral_maps` to blurs, N x 1 x 33 x 33, not negative, each with the sum 1, known up to a half turn."""

    def __init__(self):
        super().__init__()
        self.unet = ShuffledUNet(1, (32, 64, 128), (1, 2, 4), GatedBlock, inputs=MAPS, outputs=1)

    def forward(self, maps: Tensor) -> Tensor:
        """See the class."""
        start = RADIUS - SIDE // 2
        kept = (..., slice(start, start + SIDE), slice(start, start + SIDE))
        logits = self.unet.result(maps[..., :-1, :-1]).float()[kept]  # an even side for the U-Net
        return logits.flatten(1).softmax(1).view(-1, 1, SIDE, SIDE)


def to_frequencies(blur: Tensor, height: int, width: int) -> Tensor:
    """The transfer function of centered blurs, N x 1 x 33 x 33, on windows of H x W."""
    padded = F.pad(blur, (0, width - SIDE, 0, height - SIDE))
    return torch.fft.rfft2(torch.roll(padded, (-(SIDE // 2), -(SIDE // 2)), (2, 3)))


def fitted_blur(sharp: Tensor, blurred: Tensor) -> Tensor:
    """The blur, N x 1 x 33 x 33, that leads from one picture to the other (both N x 3 x H x W RGB in [0, 1]).

    Least squares over gradients of linear light, in closed form in the frequency domain (Cho and Lee, "Fast Motion
    Deblurring", SIGGRAPH Asia 2009, equation 11); what is negative or small is noise and dropped.
    """
    height, width = sharp.shape[-2:]
    window = taper(height, width, min(height, width) // 4, sharp.device)
    x, y = (torch.fft.rfft2(gradients(luma(p.clamp(0, 1) ** GAMMA)) * window) for p in (sharp, blurred))
    power = x.abs().square().sum(1, keepdim=True)
    ratio = (x.conj() * y).sum(1, keepdim=True) / (power + 1e-3 * power.mean((2, 3), keepdim=True) + 1e-12)
    blur = torch.roll(torch.fft.irfft2(ratio, s=(height, width)), (SIDE // 2, SIDE // 2), (2, 3))[..., :SIDE, :SIDE]
    blur = F.relu(blur - 0.05 * blur.amax((2, 3), keepdim=True)) + 1e-9
    return blur / blur.sum((2, 3), keepdim=True)


def blur_distance(blur: Tensor, truth: Tensor) -> Tensor:
    """How far estimated blurs are from true ones, either way round: squares of blurs and of smoothed blurs, relative
    to the truth's; mean over N."""
    smooth = torch.outer(*(blur.new_tensor([1.0, 4.0, 6.0, 4.0, 1.0]) / 16,) * 2)[None, None]

    def distance(one: Tensor) -> Tensor:
        fine = one - truth
        with torch.autocast(fine.device.type, enabled=False):
            coarse = F.conv2d(fine, smooth, padding=2)
        errors = 0.3 * fine.square().sum((1, 2, 3)) + coarse.square().sum((1, 2, 3))
        return errors / truth.square().sum((1, 2, 3))

    return torch.minimum(distance(blur), distance(blur.flip((2, 3)))).mean()


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
    rows = torch.fft.fftfreq(height, device=picture.device)[:, None]
    columns = torch.fft.rfftfreq(width, device=picture.device)
    slope = 2 - torch.cos(2 * math.pi * rows) - torch.cos(2 * math.pi * columns) + 0.01
    power = transfer.abs().square()
    results = [torch.fft.irfft2(spectrum / (power + noise * slope), s=(height, width)) for noise in noises]
    return torch.cat(results, dim=1).clamp(1e-3, 1.5) ** (1 / GAMMA)


def starts(length: int, window: int, step: int) -> list[int]:
    """Where windows begin, at most `step` apart, so that they cover 0 to `length` exactly."""
    count = max(0, math.ceil((length - window) / step))
    return [round(index * (length - window) / count) if count else 0 for index in range(count + 1)]


class BlindDeconvolution(nn.Module):
    """Blurred pictures to four candidates for sharp ones: two noise levels, the estimated blur and its half turn.

    Pictures larger than `window` pixels go through in windows of that side that overlap by half, each with a blur of
    its own, and are put together with weights that fall towards the windows' borders.
    """

    NOISES = (0.1, 1.0)
    """Far above that of pictures: estimated blurs are not exact."""
    CANDIDATES = 2 * len(NOISES)
    CHANNELS = 3 * CANDIDATES + 1

    def __init__(self, window: int = 512):
        super().__init__()
        self.window = window
        self.estimate = BlurNetwork()

    def estimated(self, picture: Tensor) -> Tensor:
        """The blur of a picture of one window or smaller: N x 3 x H x W RGB in [0, 1] to N x 1 x 33 x 33."""
        return self.estimate(spectral_maps(picture))

    def candidates(self, picture: Tensor, blur: Tensor) -> Tensor:
        """N x 13 x H x W: four sharp pictures in about [0, 1.2], and how concentrated the blur is, in (0, 1].

        An uncertain blur is spread out, and what it leads to is of little use.
        """
        sharp = [deconvolved(picture, b, self.NOISES) for b in (blur, blur.flip((2, 3)))]
        concentrated = blur.square().sum((1, 2, 3)).sqrt().view(-1, 1, 1, 1)
        return torch.cat([*sharp, concentrated.expand(-1, -1, *picture.shape[2:])], dim=1)

    def forward(self, picture: Tensor) -> Tensor:
        """`candidates` of N x 3 x H x W RGB in [0, 1], sides of 49 and up, put together from all windows."""
        height, width = (min(self.window, side) for side in picture.shape[-2:])
        weight = taper(height, width, min(height, width) // 2, picture.device) + 1e-3
        total = picture.new_zeros(len(picture), self.CHANNELS, *picture.shape[-2:])
        weights = picture.new_zeros(picture.shape[-2:])
        for top in starts(picture.shape[-2], height, self.window // 2):
            for left in starts(picture.shape[-1], width, self.window // 2):
                place = (..., slice(top, top + height), slice(left, left + width))
                total[place] += self.candidates(picture[place], self.estimated(picture[place])) * weight
                weights[place] += weight
        return total / weights
