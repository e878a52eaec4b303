"""The detectors behind one interface: `load_detector(name).detect(image) -> faces`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ..errors import UnknownNameError

if TYPE_CHECKING:
    import numpy as np

    from .face import Face

DETECTORS = {
    "mtcnn": "MTCNN, embedded: its weights come with a package (the default)",
    "yunet": "YuNet, fast; bundled",
    "retinaface": "RetinaFace with MobileNet-0.25; its weights are put into the ZOO_WEIGHTS folder",
}
"""Name -> what it is."""


class Detector(Protocol):
    """What finds faces."""

    name: str

    def detect(self, image: np.ndarray) -> list[Face]:
        """The faces in a HxWx3 uint8 RGB picture, the surest first, each person once."""


def load_detector(name: str = "mtcnn", *, min_face: int | None = None) -> Detector:
    """The detector of that name.

    min_face: side in pixels of the smallest face to look for; None leaves it to the detector. Raises
    UnknownNameError, and WeightsError or ZooError when its weights are not to be had.
    """
    if name not in DETECTORS:
        raise UnknownNameError("detector", name, DETECTORS)
    if name == "yunet":
        from .yunet import YuNet as kind
    elif name == "retinaface":
        from .retinaface import RetinaFace as kind
    else:
        from .mtcnn import MTCNN as kind
    return kind(min_face)
