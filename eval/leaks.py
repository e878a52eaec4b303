"""Pictures of a validation set that were trained on: copies, re-encoded, resized, mirrored, recolored or cropped.

Three tests, each on a smaller choice of pairs. A perceptual hash (the signs of a picture's lowest frequencies) finds
whole copies among all pairs at once; its neighbors are checked by the correlation of small grey pictures, aligned or
mirrored. Crops keep neither, so key points (ORB) of the others are matched; where the matches agree on one affine map,
one picture is laid over the other by it, and a crop is a pair whose details then correlate. Portraits aligned to one
template agree in their key points, but not in their details. Brightness and color play no part in any of the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zoo.errors import PictureError, ZooError
from zoo.io.images import find_pictures, read

SIDE = 32
"""Of the small grey pictures that are hashed and correlated."""
NEAR = 12
"""Bits of 63, of which two hashes may differ to be looked at closer; those of different pictures differ in some 31."""
CORRELATED = 0.95
"""From this correlation on, two small grey pictures are one."""
KEYPOINTS, WORKING_SIDE = 600, 480
"""Key points per picture, and the longer side in pixels that they are looked for at."""
AGREEING = 25
"""Matches that have to agree on one affine map; between different pictures hardly more than 10 do, but up to 41 between
aligned portraits."""
DETAIL = 0.25
"""Least correlation of the details of two pictures laid over each other; portraits of different people, aligned to one
template, reached 0.15, small and strongly compressed crops at least 0.4."""


@dataclass(frozen=True)
class Leak:
    """A validation picture and the training picture that it is made from."""

    train: Path
    val: Path
    how: str
    """Which test found it, with its figure."""


@dataclass(frozen=True)
class Print:
    """What is compared of one picture."""

    path: Path
    grey: np.ndarray
    """SIDE x SIDE, of mean 0 and length 1."""
    bits: np.ndarray
    """63 signs, bool."""
    points: np.ndarray
    """N x 2 key points, in pixels of the working size."""
    descriptors: np.ndarray
    """N x 32 uint8."""
    mirrored: np.ndarray
    """N x 32 uint8: descriptors of the mirrored picture, whose points are `mirrored_points`."""
    mirrored_points: np.ndarray


def print_of(path: Path) -> Print:
    """The print of a picture. Raises PictureError."""
    import cv2

    color = read(path).rgb8()
    grey = cv2.cvtColor(np.ascontiguousarray(color), cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, (SIDE, SIDE), interpolation=cv2.INTER_AREA).astype(np.float64)
    working = _working(grey)
    points, descriptors = _keypoints(working)
    other_points, mirrored = _keypoints(np.ascontiguousarray(working[:, ::-1]))
    centered = small - small.mean()
    length = np.linalg.norm(centered)
    return Print(
        path, centered / length if length > 1e-6 else centered * 0, _bits(small), points, descriptors, mirrored,
        other_points,
    )  # fmt: skip


def _working(grey: np.ndarray) -> np.ndarray:
    """At the working size, with an even histogram."""
    import cv2

    scale = min(1.0, WORKING_SIDE / max(grey.shape))
    size = tuple(max(1, round(side * scale)) for side in grey.shape[::-1])
    return cv2.equalizeHist(cv2.resize(grey, size, interpolation=cv2.INTER_AREA))


def _bits(small: np.ndarray) -> np.ndarray:
    """Whether each of the 63 lowest frequencies but the mean is above their median."""
    import cv2

    lowest = cv2.dct(small)[:8, :8].ravel()[1:]
    return lowest > np.median(lowest)


def _keypoints(grey: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    import cv2

    found, descriptors = cv2.ORB.create(KEYPOINTS, fastThreshold=10).detectAndCompute(grey, None)
    if descriptors is None:
        return np.zeros((0, 2)), np.zeros((0, 32), np.uint8)
    return np.array([point.pt for point in found]), descriptors


def same(one: Print, other: Print) -> str | None:
    """How two pictures show that one was made from the other, or None."""
    for grey, word in ((other.grey, ""), (other.grey[:, ::-1], ", mirrored")):
        bits = other.bits if not word else _bits_of_mirrored(other.bits)
        if np.count_nonzero(one.bits != bits) <= NEAR:
            correlation = float((one.grey * grey).sum())
            if correlation >= CORRELATED:
                return f"correlation {correlation:.3f}{word}"
    for points, descriptors, word in (
        (other.points, other.descriptors, ""),
        (other.mirrored_points, other.mirrored, ", mirrored"),
    ):
        agreeing, affine = _agreeing(one.points, one.descriptors, points, descriptors)
        if agreeing >= AGREEING and _detail(one.path, other.path, affine, bool(word)) >= DETAIL:
            return f"{agreeing} key points agree{word}"
    return None


def _bits_of_mirrored(bits: np.ndarray) -> np.ndarray:
    """The mirror changes the sign of every odd horizontal frequency; what was above the median is then below it."""
    odd = (np.arange(64) % 2 == 1)[1:]
    return np.where(odd, ~bits, bits)


def _detail(first: Path, second: Path, affine: np.ndarray, mirrored: bool) -> float:
    """The correlation of the fine structure of two pictures where they overlap, the first laid over the second."""
    import cv2

    one, other = (
        _working(cv2.cvtColor(np.ascontiguousarray(read(path).rgb8()), cv2.COLOR_RGB2GRAY)) for path in (first, second)
    )
    other = np.ascontiguousarray(other[:, ::-1]) if mirrored else other
    size = other.shape[::-1]
    inside = cv2.warpAffine(np.ones_like(one), affine, size, flags=cv2.INTER_NEAREST) > 0
    laid = cv2.warpAffine(one, affine, size, flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REFLECT)
    fine = [
        picture.astype(np.float32) - cv2.GaussianBlur(picture.astype(np.float32), (0, 0), 6)
        for picture in (laid, other)
    ]
    if np.count_nonzero(inside) < 1000:
        return 0.0
    return float(np.corrcoef(fine[0][inside], fine[1][inside])[0, 1])


def _agreeing(
    points: np.ndarray, descriptors: np.ndarray, others: np.ndarray, other_descriptors: np.ndarray
) -> tuple[int, np.ndarray]:
    """How many mutual matches of key points agree on one affine map of a sensible size and shape, and the map."""
    import cv2

    if min(len(points), len(others)) < AGREEING:
        return 0, np.eye(2, 3)
    matches = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True).match(descriptors, other_descriptors)
    matches = [match for match in matches if match.distance <= 64]  # of 256 bits
    if len(matches) < AGREEING:
        return 0, np.eye(2, 3)
    first = points[[match.queryIdx for match in matches]]
    second = others[[match.trainIdx for match in matches]]
    cv2.setRNGSeed(0)
    affine, inliers = cv2.estimateAffine2D(first, second, ransacReprojThreshold=4)
    if affine is None or not 0.2 < np.linalg.svd(affine[:, :2], compute_uv=False).min() < 5:
        return 0, np.eye(2, 3)
    kept = inliers.ravel().astype(bool)
    # One spot that looks alike (a letter, a watermark) is no picture that looks alike.
    spread = min(np.ptp(first[kept], axis=0).min(), np.ptp(second[kept], axis=0).min()) if kept.any() else 0
    return int(kept.sum()) if spread > 40 else 0, affine


def prints(folder: Path, progress: Callable[[], None] = lambda: None) -> tuple[list[Print], list[str]]:
    """The prints of all pictures below a folder, and a sentence for each that cannot be read.

    Raises ZooError when there is no picture.
    """
    made, failed = [], []
    for path in find_pictures(folder, recursive=True):
        try:
            made.append(print_of(path))
        except PictureError as error:
            failed.append(str(error))
        progress()
    if not made:
        raise ZooError(f"there is no picture that can be read in {folder}.")
    return made, failed


def leaks(train: Sequence[Print], val: Sequence[Print], progress: Callable[[], None] = lambda: None) -> list[Leak]:
    """Every validation picture that one of the training pictures was made into, or from; in the order of `val`.

    Pairs are looked at closely when their hashes are near, or when the nearest neighbors of the one's key points,
    among those of all training pictures, often lie in the other.
    """
    bits = np.array([picture.bits for picture in train])
    voters = _Voters(train)
    found = []
    for picture in val:
        near = np.zeros(len(train), bool)
        for own in (picture.bits, _bits_of_mirrored(picture.bits)):
            near |= np.count_nonzero(bits != own, axis=1) <= NEAR
        for index in sorted({*np.flatnonzero(near).tolist(), *voters.candidates(picture)}):
            if how := same(train[index], picture):
                found.append(Leak(train[index].path, picture.path, how))
        progress()
    return found


class _Voters:
    """The key points of all training pictures, to find those with many neighbors of a picture's own (by LSH)."""

    CANDIDATES = 5

    def __init__(self, train: Sequence[Print]):
        import cv2

        with_points = [index for index, picture in enumerate(train) if len(picture.descriptors)]
        self._of = np.array(with_points)
        # 6: locality-sensitive hashing, the index of FLANN for binary descriptors.
        self._matcher = cv2.FlannBasedMatcher(
            {"algorithm": 6, "table_number": 6, "key_size": 16, "multi_probe_level": 1}, {}
        )
        self._matcher.add([train[index].descriptors for index in with_points])

    def candidates(self, picture: Print) -> list[int]:
        """The indices of the training pictures with the most votes, plain or mirrored."""
        best = []
        for descriptors in (picture.descriptors, picture.mirrored):
            if not len(descriptors) or not len(self._of):
                continue
            votes = np.bincount(
                [match.imgIdx for match in self._matcher.match(descriptors) if match.distance <= 64],
                minlength=len(self._of),
            )
            first = np.argsort(-votes, kind="stable")[: self.CANDIDATES]
            best += self._of[first[votes[first] > 2]].tolist()
        return best
