"""A zoo of interchangeable image-restoration backends.

>>> import zoo
>>> model = zoo.load("telea")
>>> result = model.restore("photo.png", mask="scratches.png")  # doctest: +SKIP
>>> result.save("mended.png")  # doctest: +SKIP

The names below are the public interface. Those that need NumPy or torch are imported when they are first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .card import TASKS, Figure, ModelCard, SizeRule, Source, Tiling, Weights
from .errors import (
    MaskError,
    OutputError,
    PictureError,
    PluginWarning,
    RestorationError,
    RuntimeUnavailableError,
    UnknownNameError,
    WeightsError,
    ZooError,
)
from .registry import get_card, list_models, load, register, register_scheme, resolve_id, unavailable_reason

if TYPE_CHECKING:
    from .faces.pipeline import FacePipeline
    from .faces.pipeline import Options as FaceOptions
    from .faces.report import FacesResult
    from .io.images import Picture
    from .io.images import read as read_picture
    from .io.images import write as write_picture
    from .io.masks import read as read_mask
    from .restorer import Restoration, Restorer
    from .runtimes import Backend, FunctionBackend, NumpyBackend
    from .runtimes.torch import TorchBackend

__version__ = "0.1.0"
__all__ = [
    "TASKS",
    "Backend",
    "FaceOptions",
    "FacePipeline",
    "FacesResult",
    "Figure",
    "FunctionBackend",
    "MaskError",
    "ModelCard",
    "NumpyBackend",
    "OutputError",
    "Picture",
    "PictureError",
    "PluginWarning",
    "Restoration",
    "RestorationError",
    "Restorer",
    "RuntimeUnavailableError",
    "SizeRule",
    "Source",
    "Tiling",
    "TorchBackend",
    "UnknownNameError",
    "Weights",
    "WeightsError",
    "ZooError",
    "__version__",
    "get_card",
    "list_models",
    "load",
    "read_mask",
    "read_picture",
    "recommend",
    "register",
    "register_scheme",
    "resolve_id",
    "unavailable_reason",
    "write_picture",
]
_LATER = {
    "Backend": ("runtimes", "Backend"),
    "FaceOptions": ("faces.pipeline", "Options"),
    "FacePipeline": ("faces.pipeline", "FacePipeline"),
    "FacesResult": ("faces.report", "FacesResult"),
    "FunctionBackend": ("runtimes", "FunctionBackend"),
    "NumpyBackend": ("runtimes", "NumpyBackend"),
    "Picture": ("io.images", "Picture"),
    "Restoration": ("restorer", "Restoration"),
    "Restorer": ("restorer", "Restorer"),
    "TorchBackend": ("runtimes.torch", "TorchBackend"),
    "read_mask": ("io.masks", "read"),
    "read_picture": ("io.images", "read"),
    "write_picture": ("io.images", "write"),
}
"""Public name -> module and name there, of what is imported when it is first used."""


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import importlib

    module, there = _LATER[name]
    value = getattr(importlib.import_module(f".{module}", __name__), there)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


def recommend(use: str | None = None, **wishes: Any) -> Any:
    """Which backend to take for a use case, by what was measured: `leaderboard.recommend.recommend`, imported here.

    >>> zoo.recommend("noisy-photo", license="permissive").pick.model  # doctest: +SKIP
    """
    from leaderboard.recommend import recommend as decide

    return decide(use, **wishes)
