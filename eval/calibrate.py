"""How probable it is that two faces are of one person, from pairs of photographs of known people.

`python -m eval calibrate ONE OTHER` prints what stands in zoo.faces.similarity.CALIBRATION.
"""

from __future__ import annotations

import argparse
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zoo.errors import ZooError
from zoo.io import images

COPY = 0.95
"""Two pictures of a person that are more similar than this are taken for one photograph, and left out."""


@dataclass(frozen=True)
class Calibration:
    """A logistic curve over the similarity of an embedding, and what it was fitted to."""

    slope: float
    middle: float
    """The similarity at which both answers are as probable."""
    same: int
    """Pairs of different photographs of one person."""
    strangers: int
    wrong: float
    """The share of pairs on the wrong side of the middle, both kinds weighing the same."""
    strangers_mean: float
    shifted: float
    """How much the similarity of a face with itself falls, on average, when it is shifted by one pixel of its crop."""


def fit(same: np.ndarray, strangers: np.ndarray) -> tuple[float, float]:
    """Slope and middle of the logistic curve of greatest likelihood, both kinds of pairs weighing the same.

    So the probability is that for someone who deemed both equally likely before looking. N pairs of a kind count as
    (N + 1) / (N + 2) sure (Platt, "Probabilistic Outputs for Support Vector Machines", 1999), else a slope could not be
    told where the similarity separates them all.
    """
    from scipy.optimize import minimize

    sure = [(len(pairs) + 1) / (len(pairs) + 2) for pairs in (same, strangers)]

    def loss(scores: np.ndarray, share: float) -> float:
        return float((share * np.logaddexp(0, -scores) + (1 - share) * np.logaddexp(0, scores)).mean())

    def cost(parameters: np.ndarray) -> float:
        slope, middle = parameters
        return loss(slope * (same - middle), sure[0]) + loss(slope * (strangers - middle), 1 - sure[1])

    start = np.array([20.0, (same.mean() + strangers.mean()) / 2])
    slope, middle = minimize(cost, start, method="Nelder-Mead", options={"xatol": 1e-8, "fatol": 1e-12}).x
    return float(slope), float(middle)


def calibrate(embedding: str, one: Path, other: Path) -> Calibration:
    """From two folders of aligned portraits, whose names end in a person's id after the last underscore.

    A person who is in both folders is a pair; two people of the first folder are strangers. Raises ZooError for folders
    without pairs.
    """
    from zoo.faces import align
    from zoo.faces.similarity import load_embedding

    model = load_embedding(embedding)

    def crop_of(path: Path, shift: float = 0) -> np.ndarray:
        picture = images.read(path).rgb8()
        landmarks = align.template(picture.shape[0]) + np.array([shift * picture.shape[0] / 256, 0])
        return align.warp(picture, align.to_crop(landmarks, 256), 256, 256)

    folders = [{_person(path): path for path in images.find_pictures(folder)} for folder in (one, other)]
    both = sorted(folders[0].keys() & folders[1].keys())
    if len(both) < 2:
        raise ZooError(f"{one} and {other} have fewer than two people in common.")
    faces = {person: model.embed(crop_of(path)) for person, path in folders[0].items()}
    again = {person: model.embed(crop_of(folders[1][person])) for person in both}
    same = np.array([model.similarity(faces[person], again[person]) for person in both])
    same = same[same < COPY]
    people = sorted(faces)
    strangers = np.array([model.similarity(faces[a], faces[b]) for i, a in enumerate(people) for b in people[:i]])
    moved = [model.similarity(faces[person], model.embed(crop_of(folders[0][person], 1))) for person in both]
    slope, middle = fit(same, strangers)
    wrong = ((same < middle).mean() + (strangers >= middle).mean()) / 2
    return Calibration(
        round(slope, 2), round(middle, 4), len(same), len(strangers), round(float(wrong), 4),
        round(float(strangers.mean()), 4), round(1 - float(np.mean(moved)), 4),
    )  # fmt: skip


def _person(path: Path) -> str:
    return re.sub(r"^.*_", "", path.stem)


def main(arguments: list[str]) -> int:
    """The command `python -m eval calibrate`. Raises ZooError."""
    text = "Fit the probability that two faces are of one person to two folders of aligned portraits."
    parser = argparse.ArgumentParser(prog="python -m eval calibrate", description=text)
    parser.add_argument("one", type=Path, help="portraits whose names end in _PERSON")
    parser.add_argument("other", type=Path, help="other portraits, of some of the same people")
    parser.add_argument("--embedding", default="all", help="mobilefacenet, dlib or all (default)")
    args = parser.parse_args(arguments)
    from zoo.faces.similarity import EMBEDDINGS, unavailable_reason

    for folder in (args.one, args.other):
        if not folder.is_dir():
            raise ZooError(f"there is no folder {folder}.")
    for name in EMBEDDINGS if args.embedding == "all" else (args.embedding,):
        if reason := unavailable_reason(name):
            print(f"{name}: unavailable: {reason}")
            continue
        found = calibrate(name, args.one, args.other)
        print(
            f"{name}: slope {found.slope}, middle {found.middle}; {found.same} pairs of one person, {found.strangers} "
            f"of strangers, {found.wrong:.2%} on the wrong side; strangers {found.strangers_mean} on average; a pixel "
            f"costs {found.shifted}"
        )
    return 0
