"""The charts, as Vega-Lite specifications: the page draws them, and `png` does for the README.

A specification is data; the page fills in the rows.
"""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

from zoo.errors import ZooError

from ..recommend import Recommendation

SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"
VEGA_LITE = "6.1"
"""The version of Vega-Lite behind the page and the PNG files."""
_GAIN = "gain (standard deviations)"
_GAIN_TIP = [
    {"field": "model", "title": "model"}, {"field": "gain", "format": "+.2f", "title": "gain"},
    {"field": "low", "format": "+.2f", "title": "from"}, {"field": "high", "format": "+.2f", "title": "to"},
]  # fmt: skip

_ZERO = {"mark": {"type": "rule", "strokeDash": [4, 4], "opacity": 0.6}, "encoding": {"x": {"datum": 0}}}

GAINS: dict[str, Any] = {
    "$schema": SCHEMA,
    "data": {"name": "rows"},
    "width": "container",
    "height": 320,
    "layer": [
        _ZERO,
        {
            "mark": {"type": "rule", "strokeWidth": 2},
            "encoding": {"x": {"field": "low", "type": "quantitative", "title": _GAIN}, "x2": {"field": "high"},
                         "y": {"field": "model", "type": "nominal", "sort": None, "title": None}},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 70, "opacity": 1, "cursor": "pointer"},
            "encoding": {"x": {"field": "gain", "type": "quantitative"},
                         "y": {"field": "model", "type": "nominal", "sort": None}, "tooltip": _GAIN_TIP},
        },
    ],
}  # fmt: skip
"""Gain with its interval, a line for each model. Rows: model, gain, low, high."""

PARETO: dict[str, Any] = {
    "$schema": SCHEMA,
    "data": {"name": "rows"},
    "width": "container",
    "height": 320,
    "encoding": {
        "x": {"field": "seconds", "type": "quantitative", "scale": {"type": "log", "nice": True},
              "title": "seconds for a picture (logarithmic)"},
        "y": {"field": "gain", "type": "quantitative", "title": _GAIN},
    },
    "layer": [
        {"mark": {"type": "rule", "strokeDash": [4, 4], "opacity": 0.6}, "encoding": {"y": {"datum": 0}, "x": None}},
        {"transform": [{"filter": "datum.front"}],
         "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 2}},
        {"mark": {"type": "rule", "opacity": 0.6},
         "encoding": {"y": {"field": "low", "type": "quantitative"}, "y2": {"field": "high"}}},
        {"mark": {"type": "point", "filled": True, "size": 90, "opacity": 1, "cursor": "pointer"},
         "encoding": {
             "shape": {"field": "front", "type": "nominal", "scale": {"domain": [True, False],
                       "range": ["diamond", "circle"]}, "legend": None},
             "tooltip": [*_GAIN_TIP, {"field": "seconds", "format": ".3g", "title": "seconds"}]}},
        {"mark": {"type": "text", "align": "left", "dx": 8, "dy": -8}, "encoding": {"text": {"field": "after"}}},
        {"mark": {"type": "text", "align": "right", "dx": -8, "dy": -8}, "encoding": {"text": {"field": "before"}}},
    ],
}  # fmt: skip
"""Quality against latency; the line is the Pareto front: nothing is both faster and better. Rows: model, gain, low,
high, seconds, front, and the label as `after` (right of the point) or `before` (left of it), the other one empty."""

DIFFERENCES: dict[str, Any] = {
    "$schema": SCHEMA,
    "data": {"name": "rows"},
    "width": "container",
    "height": 260,
    "layer": [
        {
            "mark": {"type": "bar", "cursor": "pointer"},
            "encoding": {
                "x": {"field": "picture", "type": "nominal", "sort": None, "title": "pictures, by their difference",
                      "axis": {"labels": False, "ticks": False}},
                "y": {"field": "difference", "type": "quantitative", "title": {"signal": "title"}},
                "opacity": {"condition": {"test": "datum.better", "value": 1}, "value": 0.45},
                "tooltip": [{"field": "picture"}, {"field": "a", "title": "first"}, {"field": "b", "title": "second"},
                            {"field": "difference"}],
            },
        },
        {"mark": {"type": "rule"}, "encoding": {"y": {"datum": 0}}},
    ],
    "params": [{"name": "title", "value": "difference"}],
}  # fmt: skip
"""Two models picture by picture; full bars: the second is better. Rows: picture, difference, a, b, better."""

SPECS = {"gains": GAINS, "pareto": PARETO, "differences": DIFFERENCES}


def use_cases_chart(answers: Sequence[Recommendation]) -> dict[str, Any]:
    """The gains of all use cases that were measured, a panel for each, for the README."""
    rows = [
        {"use": answer.use.id, "model": choice.model, "gain": round(choice.gain, 3),
         "low": round(choice.gain if choice.low is None else choice.low, 3),
         "high": round(choice.gain if choice.high is None else choice.high, 3)}
        for answer in answers for choice in answer.choices
    ]  # fmt: skip
    panel = {key: value for key, value in GAINS.items() if key in ("layer",)}
    return {
        "$schema": SCHEMA,
        "data": {"values": rows},
        "facet": {"field": "use", "type": "nominal", "title": None, "sort": None,
                  "header": {"labelFontSize": 14, "labelFontWeight": "bold"}},
        "columns": 2,
        "spec": {"width": 300, "height": {"step": 20}, **panel},
        "resolve": {"scale": {"x": "independent", "y": "independent"}},
        "config": {"background": "white", "font": "sans-serif", "axis": {"labelFontSize": 12, "titleFontSize": 12,
                   "labelLimit": 200}},
    }  # fmt: skip


def renderer() -> Any:
    """The package that draws Vega-Lite without a browser. Raises ZooError where it is not installed."""
    try:
        import vl_convert
    except ImportError:
        raise ZooError("the page and the plots need vl-convert: pip install 'vl-convert-python>=1.9,<2'.") from None
    return vl_convert


def png(spec: dict[str, Any]) -> bytes:
    """The chart as a PNG file that holds its specification (`drawn_from`). Raises ZooError."""
    from PIL import Image, PngImagePlugin

    drawn = Image.open(io.BytesIO(renderer().vegalite_to_png(json.dumps(spec), vl_version=VEGA_LITE, scale=2)))
    facts = PngImagePlugin.PngInfo()
    facts.add_text("Source", json.dumps(spec), zip=True)
    buffer = io.BytesIO()
    drawn.convert("RGB").quantize(64).save(buffer, "PNG", pnginfo=facts, optimize=True)
    return buffer.getvalue()


def drawn_from(data: bytes) -> dict[str, Any] | None:
    """The specification in a PNG file that `png` made, or None."""
    from PIL import Image

    source = Image.open(io.BytesIO(data)).info.get("Source")
    return None if source is None else json.loads(source)
