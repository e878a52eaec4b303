"""A zoo of interchangeable image-restoration backends.

>>> import zoo
>>> model = zoo.load("telea")
>>> result = model.restore("photo.png", mask="scratches.png")  # doctest: +SKIP
>>> result.save("mended.png")  # doctest: +SKIP
"""

from typing import Any

from .card import TASKS, ModelCard
from .errors import ZooError
from .registry import get_card, list_models, load

__version__ = "0.1.0"
__all__ = ["TASKS", "ModelCard", "ZooError", "__version__", "get_card", "list_models", "load", "recommend"]


def recommend(use: str | None = None, **wishes: Any) -> Any:
    """Which backend to take for a use case, by what was measured: `leaderboard.recommend.recommend`, imported here.

    >>> zoo.recommend("noisy-photo", license="permissive").pick.model  # doctest: +SKIP
    """
    from leaderboard.recommend import recommend as decide

    return decide(use, **wishes)
