"""The networks that help restoring faces: detectors and embeddings with weights like any other.

Their cards are in no list of backends, because they restore nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..card import ModelCard, Source, Weights
from ..errors import WeightsError
from ..weights import locate, resolve
from ..weights.resolve import describe

if TYPE_CHECKING:
    from ..weights import Found


def _card(id: str, title: str, paper: str, weights: Weights) -> ModelCard:
    return ModelCard(id=id, title=title, tasks=("face",), license=weights.license, paper=paper, weights=weights)


YUNET = _card(
    "yunet.2026may",
    "YuNet face detector",
    "Wu et al., YuNet: A Tiny Millisecond-level Face Detector, Machine Intelligence Research 2023, "
    "https://doi.org/10.1007/s11633-023-1423-y",
    Weights(
        "face_detection_yunet_2026may.onnx",
        "MIT",
        (
            Source(repo="pollen-robotics/face_detection_yunet_2026may", file="face_detection_yunet_2026may.onnx"),
            Source(page="https://github.com/opencv/opencv_zoo/tree/main/models/face_detection_yunet"),
        ),
        size=229_738,
        sha256="ebafce4e3c118d6554634be5c27ab333b4c047a9a8c3faf1d7cf93101c22f0f0",
    ),
)
RETINAFACE = _card(
    "retinaface.mobilenet0-25",
    "RetinaFace face detector with MobileNet-0.25",
    "Deng et al., RetinaFace: Single-Shot Multi-Level Face Localisation in the Wild, CVPR 2020, "
    "https://arxiv.org/abs/1905.00641",
    Weights(
        "retinaface_mobilenet0.25.pth",
        "MIT",
        (Source(page="https://github.com/biubug6/Pytorch_Retinaface"),),
        size=1_789_735,
        sha256="2979b33ffafda5d74b6948cd7a5b9a7a62f62b949cef24e95fd15d2883a65220",
    ),
)
MOBILEFACENET = _card(
    "arcface.mobilefacenet",
    "MobileFaceNet face embedding, trained with ArcFace",
    "Chen et al., MobileFaceNets: Efficient CNNs for Accurate Real-Time Face Verification on Mobile Devices, "
    "CCBR 2018, https://arxiv.org/abs/1804.07573",
    Weights(
        "mobilefacenet.onnx",
        "Apache-2.0",
        (Source(page="https://github.com/foamliu/MobileFaceNet"),),
        size=3_998_070,
        sha256="b7120c095d60094f28a4a54ba6a8bf51b297a6273fb40ef6350dfec1f63d9507",
    ),
)


def missing_reason(card: ModelCard) -> str | None:
    """Why the helper cannot be used without a download, in one sentence, or None when its weights are here."""
    if locate(card.weights):
        return None
    sources = card.weights.sources
    text = f"{describe(card.weights)} is not on this machine"
    if any(source.repo or source.url for source in sources):
        return f"{text}; it is fetched at first use where there is a connection."
    pages = " or ".join(source.page for source in sources)
    return f"{text}: get it from {pages} and put it into the folder that ZOO_WEIGHTS names."


def fetch(card: ModelCard) -> Found:
    """The helper's verified weights; downloaded where its card says from where. Raises WeightsError."""
    reason = missing_reason(card)
    if reason and not any(source.repo or source.url for source in card.weights.sources):
        raise WeightsError(f"{card.title}: {reason}")
    return resolve(card)
