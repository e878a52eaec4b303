"""Distances between the features of a whole set of restored pictures and those of its targets: FID and KID.

A metric here is named by its network, since values of different features do not compare: what papers print as FID is of
Inception v3, which is not bundled, and of thousands of pictures.
"""

from __future__ import annotations

import numpy as np

PATCH = 64
"""Side in pixels of the patches whose VGG-19 features are averaged into one row."""
FEWEST = 50
"""KID's minimum: it has no bias, but with fewer rows its spread exceeds the differences between models."""
BLOCK = 2048
"""Rows whose kernel values are held at a time."""


def frechet_distance(one: np.ndarray, other: np.ndarray) -> float:
    """The squared Frechet distance of the Gaussians with the means and covariances of N x D and M x D features.

    |m1 - m2|^2 + trace(S1 + S2 - 2 (S1 S2)^(1/2)), Heusel et al., "GANs Trained by a Two Time-Scale Update Rule"
    (NeurIPS 2017), equation 6. The trace of the root is that of the symmetric S1^(1/2) S2 S1^(1/2), which has the same
    eigenvalues and is never complex.
    """
    from scipy.linalg import eigh

    first, second = (np.atleast_2d(np.cov(rows, rowvar=False)) for rows in (one, other))
    values, vectors = eigh(first)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    shared = np.sqrt(np.maximum(eigh(root @ second @ root, eigvals_only=True), 0)).sum()
    apart = ((one.mean(axis=0) - other.mean(axis=0)) ** 2).sum()
    return max(float(apart + np.trace(first) + np.trace(second) - 2 * shared), 0.0)


def kernel_distance(one: np.ndarray, other: np.ndarray) -> float:
    """The unbiased estimate of the squared maximum mean discrepancy of N x D and M x D features; it can be negative.

    The kernel is (x y / D + 1)^3: Binkowski et al., "Demystifying MMD GANs" (ICLR 2018), section 4. Over all pairs
    rather than the mean of random subsets, so nothing is drawn.
    """
    n, m = len(one), len(other)
    within = (_sum(one, one, diagonal=False) / (n * (n - 1))) + (_sum(other, other, diagonal=False) / (m * (m - 1)))
    return float(within - 2 * _sum(one, other) / (n * m))


def _sum(one: np.ndarray, other: np.ndarray, diagonal: bool = True) -> float:
    total = 0.0
    for start in range(0, len(one), BLOCK):
        rows = one[start : start + BLOCK]
        total += float(((rows @ other.T / one.shape[1] + 1) ** 3).sum())
        if not diagonal:
            total -= float((((rows**2).sum(axis=1) / one.shape[1] + 1) ** 3).sum())
    return total


def vgg_patches(image: np.ndarray) -> np.ndarray:
    """Patches x 256: VGG-19's features of conv3_1, averaged over each whole patch of PATCH x PATCH pixels."""
    from .perceptual import vgg_features

    cells = PATCH // 4
    features = vgg_features("normalized", image)
    rows, columns = features.shape[1] // cells, features.shape[2] // cells
    whole = features[:, : rows * cells, : columns * cells].astype(np.float64)
    means = whole.reshape(len(features), rows, cells, columns, cells).mean(axis=(2, 4))
    return means.reshape(len(features), -1).T


def face_embedding(image: np.ndarray) -> np.ndarray:
    """1 x 128: MobileFaceNet's embedding of the largest face, or 0 x 128 where none is found."""
    from zoo.faces import align
    from zoo.faces.similarity import CROP

    from .identity import EMBEDDING, embedding_of, faces_in

    faces = faces_in(image)
    if not faces:
        return np.empty((0, 128))
    landmarks = max(faces, key=lambda face: face.area).landmarks
    to_crop = align.to_crop(landmarks, CROP)
    crop = align.warp(image, to_crop, CROP, CROP)
    return embedding_of(EMBEDDING).embed(crop, align.apply(to_crop, landmarks))[None]


def full_rank(length: int) -> int:
    """FID's minimum: with fewer rows than features and one, a covariance has no full rank."""
    return length + 1


def fewest(length: int) -> int:
    """KID's minimum, whatever the features."""
    return FEWEST
