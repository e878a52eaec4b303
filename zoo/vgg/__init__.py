"""VGG-19 up to conv3_1, whose features compare pictures as people see them: for metrics and training losses.

Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR 2015,
https://arxiv.org/abs/1409.1556. The weights come in two forms, with two paddings and scales of features:

- normalized: scaled so that each feature is 1 on average (Gatys et al., Image Style Transfer Using Convolutional
  Neural Networks, CVPR 2016), reflection padding, pools that keep an odd last row. Its conv0, 1x1, goes from RGB in
  [0, 1] to what the network was trained on.
- torchvision: torchvision's IMAGENET1K_V1, zero padding, ImageNet's mean and deviation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..errors import UnknownNameError, WeightsError
from ..weights.known import KnownFile

if TYPE_CHECKING:
    from .network import VGG19

FILES = {
    "normalized": KnownFile("vgg19_conv3_1.safetensors", "normalized VGG-19 up to conv3_1, 2.2 MB", "653175d3"),
    "torchvision": KnownFile("vgg19-dcbb9e9d.pth", "torchvision's VGG-19, 548 MB", "dcbb9e9d", "checkpoints"),
}
"""Form -> its file."""


def missing(form: str = "auto") -> str | None:
    """Why a form (or with "auto" any) cannot be used on this machine now, or None. Raises UnknownNameError."""
    if form == "auto":
        reasons = [reason for file in FILES.values() if (reason := file.missing()) is not None]
        return None if len(reasons) < len(FILES) else "; and ".join(reasons)
    if form not in FILES:
        raise UnknownNameError("form of VGG-19", form, (*FILES, "auto"))
    return FILES[form].missing()


def load_vgg(form: str = "auto") -> VGG19:
    """The network with the weights of that form, on the CPU, in eval mode, with parameters that do not learn.

    "auto" takes the normalized form where its file is here, else torchvision's. Each call loads a network of its
    own, so it may be moved to another device. Raises UnknownNameError, and WeightsError that says what is missing.
    """
    if reason := missing(form):
        raise WeightsError(f"VGG-19 cannot be used: {reason}.")
    if form == "auto":
        form = next(known for known in FILES if missing(known) is None)
    from .network import VGG19, state_of

    network = VGG19(form)
    network.load_state_dict(state_of(form))
    return network.eval().requires_grad_(False)
