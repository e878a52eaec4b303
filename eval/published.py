"""Protocols of papers by name, and the figures that were published under them.

A figure stands beside what is measured here, with its protocol and source, and never in a ranking.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from zoo.errors import ZooError
from zoo.io.files import MAX_JSON_BYTES, read_bytes
from zoo.registry import Registry

from .metric import NotComputable
from .plugins import PLUGINS

FILE = Path(__file__).parent / "data" / "published.json"


@dataclass(frozen=True)
class Protocol:
    """How a paper, or a field, measures."""

    id: str
    title: str
    metrics: Mapping[str, tuple[str, ...]]
    """Scenario -> ids of metrics, or set metrics; "*" stands for every scenario that is not named."""
    source: str
    notes: str = ""
    """What differs from the paper's own way."""
    missing: Mapping[str, str] = field(default_factory=dict)
    """Parts of the protocol that this project does not have, and why."""

    def of(self, scenario: str) -> tuple[str, ...]:
        """The metrics for a run on that scenario. Raises ZooError when the protocol is for others."""
        metrics = self.metrics.get(scenario, self.metrics.get("*"))
        if metrics is None:
            known = ", ".join(sorted(self.metrics))
            raise ZooError(f"the protocol {self.id} is for runs on {known}, not on {scenario}.")
        return metrics


PROTOCOLS: Registry[Protocol] = Registry("protocol", PLUGINS)
PROTOCOLS.add(
    (protocol.id, protocol)
    for protocol in (
        Protocol(
            "super-resolution", "PSNR and SSIM of luma without as many pixels at each edge as the scale",
            {f"sr-x{n}": (f"psnr_y_border{n}", f"ssim_y_border{n}") for n in (2, 4)},
            "Timofte et al., A+ (ACCV 2014), and what followed",
        ),
        Protocol(
            "denoising", "PSNR of pictures with Gaussian noise that is not clipped",
            {f"noise-{colors}-{sigma}": ("psnr_rgb",) for colors in ("color", "grey") for sigma in (15, 25, 50)},
            "Dabov et al., BM3D (IEEE TIP 2007), and what followed",
            notes="Restored pictures are stored in 8 bits, so doing nothing is measured above its noise floor.",
        ),
        Protocol(
            "deblurgan-v2", "PSNR of RGB, and what the paper prints as SSIM: CW-SSIM",
            {"given": ("psnr_rgb", "cw_ssim")}, "Kupyn et al., DeblurGAN-v2 (ICCV 2019), and its code",
        ),
        Protocol(
            "gopro", "PSNR of RGB, and MATLAB's ssim of RGB as a volume", {"given": ("psnr_rgb", "ssim_rgb_volume")},
            "Zamir et al., MPRNet (CVPR 2021), whose MATLAB script others use",
        ),
        Protocol(
            "edgeconnect", "PSNR and SSIM of gray values, even windows of 51 pixels, by the hole's share of the area",
            {f"holes-{low}-{low + 10}": ("psnr_grey", "ssim_grey_window51") for low in (10, 20, 30, 40, 50)},
            "Nazeri et al., EdgeConnect (ICCV workshops 2019), and its code",
            notes="The paper's masks are those of Liu et al. (ECCV 2018); here brush strokes cover the same shares.",
        ),
        Protocol(
            "ntire-face",
            "CLIP-IQA + MANIQA + MUSIQ / 100 + max(0, 1 - NIQE / 10) + Q-Align / 5 + max(0, 1 - FID / 100)",
            {"*": ("clipiqa", "musiq", "niqe")}, "NTIRE challenges on real-world face restoration",
            missing={
                "maniqa": "not built in", "qalign": "not built in, a language model of billions of parameters",
                "fid": "of Inception v3, which is not built in",
            },
        ),
    )
)  # fmt: skip


def get_protocol(name: str) -> Protocol:
    """The protocol of that name. Raises UnknownNameError."""
    return PROTOCOLS.get(name)


def ntire_face_score(parts: Mapping[str, float]) -> float:
    """The score of NTIRE's face restoration challenges, from the means of its six parts.

    parts: clipiqa, maniqa, musiq, niqe, qalign and fid. Raises NotComputable that names the missing ones.

    >>> round(ntire_face_score(dict(clipiqa=0.9, maniqa=0.5, musiq=75, niqe=4, qalign=4, fid=50)), 3)
    4.05
    """
    missing = [name for name in ("clipiqa", "maniqa", "musiq", "niqe", "qalign", "fid") if name not in parts]
    if missing:
        raise NotComputable(f"needs {', '.join(missing)}")
    return (
        parts["clipiqa"] + parts["maniqa"] + parts["musiq"] / 100 + max(0.0, (10 - parts["niqe"]) / 10)
        + parts["qalign"] / 5 + max(0.0, (100 - parts["fid"]) / 100)
    )  # fmt: skip


class Figure(BaseModel):
    """One published figure."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    model: Annotated[str, Field(min_length=1)]
    """An id of this project, or the name in the paper."""
    dataset: Annotated[str, Field(min_length=1)]
    scenario: str | None = None
    """Of the data set; None: its own."""
    protocol: str
    """A name in PROTOCOLS, or "unstated"."""
    metric: Annotated[str, Field(min_length=1)]
    """An id of this project, or the name in the source."""
    value: float
    how: Literal["paper", "released", "reproduced", "definition"]
    """paper: printed by the authors; released: measured by others with the released weights; reproduced: by others
    with their own protocol; definition: follows without measuring."""
    source: Annotated[str, Field(min_length=1)]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    figures: list[Figure]


@functools.cache
def figures(path: Path = FILE) -> tuple[Figure, ...]:
    """All published figures. Raises ZooError for a file that is none."""
    try:
        return tuple(_File.model_validate_json(read_bytes(path, MAX_JSON_BYTES)).figures)
    except (OSError, ValidationError) as error:
        raise ZooError(f"{path} is no list of published figures: {error}.") from None


def published(model: str, dataset: str, scenario: str, protocol: str | None = None) -> list[Figure]:
    """What was published of a model on a data set's scenario, of one protocol or all."""
    return [
        figure
        for figure in figures()
        if (figure.model, figure.dataset) == (model, dataset)
        and figure.scenario in (scenario, None if scenario == "given" else scenario)
        and protocol in (None, figure.protocol)
    ]
