"""Find the faces of a picture, and restore those that were chosen."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from zoo.faces.detect import load_detector
from zoo.faces.pipeline import FacePipeline, Options
from zoo.faces.report import BLURRED, RESTORED, FaceResult
from zoo.faces.style import STYLES, Look
from zoo.io import images
from zoo.registry import unavailable_reason

from .files import downloads, opened, safe_name, shown
from .models import loaded

DETECTOR, EMBEDDING = "yunet", "mobilefacenet"
"""Both are bundled."""
CROP = 256
"""Side in pixels of the crops that are shown."""


def run(tell: Callable[[float], None], *, picture: str, name: str, folder: str, **wishes: Any) -> dict[str, Any]:
    """Without wishes {view, boxes}: the boxes (x0, y0, x1, y1) in shares of width and height, from left to right.

    With wishes (model, only, strength, style, anonymize) {input, result, faces}. Raises ZooError.
    """
    if not wishes:
        source = opened(picture)
        found = sorted(load_detector(DETECTOR).detect(source.rgb8()), key=lambda face: face.center[0])
        size = np.array([source.width, source.height] * 2, float)
        boxes = [np.clip(face.box / size, 0, 1).round(4).tolist() for face in found]
        return {"view": shown(source, folder, f"{safe_name(name)}-view"), "boxes": boxes}
    return _restored(tell, picture, name, folder, **wishes)


def _restored(
    tell: Callable[[float], None], picture: str, name: str, folder: str, *, model: str, only: str, strength: float,
    style: str, anonymize: str,
) -> dict[str, Any]:  # fmt: skip
    source, tool = opened(picture), loaded(model)
    tell(0.1)
    look = STYLES.get(style, Look()).changed(strength=strength)
    pipeline = FacePipeline(tool, detector=DETECTOR, embedding=EMBEDDING)
    hidden = {"nobody": None, "the others": "others", "everybody": "all"}[anonymize]
    done = pipeline.run(source, Options(look=look, only=only, anonymize=hidden))
    word = f"{safe_name(name)}-{model}"
    result = {
        "model": model,
        "label": model,
        "title": tool.card.title,
        "license": tool.card.license,
        "offline": unavailable_reason(tool.card) is None,
        "seconds": round(done.seconds, 3),
        "notes": [*done.notes, done.summary()],
        "view": shown(done.picture, folder, f"{word}-view"),
        "error": None,
        "scores": [],
        "files": downloads(done.picture, picture, folder, word),
    }
    threshold = None if pipeline.embedding is None else pipeline.embedding.same_person
    faces = [
        {"path": _crops(face, folder, f"{word}-face-{face.number}"), "sentence": sentence(face, threshold)}
        for face in done.faces
    ]
    return {"input": shown(source, folder, f"{safe_name(name)}-input"), "result": result, "faces": faces}


def sentence(face: FaceResult, threshold: float | None) -> str:
    """What happened to a face, and whether it is still the same person, in plain words."""
    if face.action == BLURRED:
        return f"Face {face.number}: made unrecognizable."
    if face.action != RESTORED:
        return f"Face {face.number}: left as it was{f' ({face.reason})' if face.reason else ''}."
    if face.similarity is None or threshold is None:
        return f"Face {face.number}: restored; whether it is the same person was not measured."
    if face.similarity >= (1 + threshold) / 2:
        how = "very likely"
    elif face.similarity >= threshold:
        how = "likely"
    else:
        how = "doubtful: details were invented"
    return f"Face {face.number}: restored. Same person: {how} (similarity {face.similarity:.2f})."


def _crops(face: FaceResult, folder: str, name: str) -> str | None:
    """Before and after side by side as a PNG; None for a face that was not restored."""
    if face.before is None or face.after is None:
        return None
    pair = [
        cv2.resize(images.rgb8(crop), (CROP, CROP), interpolation=cv2.INTER_AREA) for crop in (face.before, face.after)
    ]
    return shown(np.hstack(pair), str(Path(folder)), name)["path"]
