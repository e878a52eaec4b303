"""Faces: detect, align, restore, check the similarity, blend back.

    pipeline.py    the whole way of one picture; what the command line and the app call
    face.py        a detected face: box, five landmarks, confidence
    detect.py      the detectors behind one interface (mtcnn.py, yunet.py, retinaface.py)
    align.py       similarity transforms to the five-point template, resampling without aliasing
    blend.py       masks, shares of neighbors, feathered and Poisson blending, blurring for anonymity
    check.py       which faces are too turned or too covered to be restored (visibility.py: the covered area)
    similarity.py  whether two pictures of a face show the same person
    style.py       strength, sharpening, local contrast, skin saturation, and their presets
    report.py      what happened to each face, as plain data

>>> from zoo.faces import FacePipeline
>>> pipeline = FacePipeline("gpen")  # doctest: +SKIP
>>> pipeline.run("family.jpg").picture  # doctest: +SKIP
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .pipeline import FacePipeline, Options

__all__ = ["FacePipeline", "Options"]


def __getattr__(name: str):
    # Late, so that the command line's --help imports neither torch nor OpenCV.
    if name in __all__:
        from . import pipeline

        return getattr(pipeline, name)
    raise AttributeError(f"module {__name__} has no attribute {name}")
