"""The page as one file."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from string import Template

from zoo.io.images import write_bytes

from ..recommend import Recommendation
from ..table import Group, flat
from .charts import VEGA_LITE, renderer
from .data import page_data

HERE = Path(__file__).parent
SHEETS = HERE.parents[1] / "assets" / "samples"
"""Contact sheets, ID.jpg, where this is a checkout."""


def write_site(folder: Path, groups: Sequence[Group], answers: Sequence[Recommendation], sheets: Path = SHEETS) -> Path:
    """Write index.html, all rows as CSV and Parquet, and contact sheets as pictures/ID.jpg; the path of the page.

    Raises ZooError where the package that brings the charts is not installed, OutputError.
    """
    measured = {run.model.id for made in groups for run in (*made.ranked, *made.unranked)}
    found = {path.stem: path for path in sorted(sheets.glob("*.jpg")) if path.stem in measured}
    page = folder / "index.html"
    write_bytes(page, html(groups, answers, list(found)).encode())
    rows = flat(groups)
    write_bytes(folder / "leaderboard.csv", rows.to_csv(index=False, lineterminator="\n").encode())
    buffer = io.BytesIO()
    rows.to_parquet(buffer, index=False)
    write_bytes(folder / "leaderboard.parquet", buffer.getvalue())
    for model, path in found.items():
        target = folder / "pictures" / f"{model}.jpg"
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(path, target)
    return page


def html(groups: Sequence[Group], answers: Sequence[Recommendation], sheets: Sequence[str] = ()) -> str:
    """The whole page: style, data, Vega and script in one file. Raises ZooError as `renderer` does."""
    data = json.dumps(page_data(groups, answers, sheets), separators=(",", ":"), allow_nan=False)
    return Template(_read("page.html")).substitute(
        STYLE=_read("page.css"),
        DATA=data.replace("<", "\\u003c"),  # so that no text of a result can end the element
        VEGA=renderer().javascript_bundle("window.vegaEmbed = vegaEmbed;", vl_version=VEGA_LITE),
        SCRIPT=_read("page.js"),
    )


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf-8")
