"""The smallest differences that matter agree with one another on the committed results."""

from __future__ import annotations

import itertools
import statistics
from collections import defaultdict

import pytest

from eval.find import find_results
from eval.relevance import SMALLEST
from leaderboard.table import COMMITTED, group

FEWEST = 20
"""Sets of fewer pictures do not count."""
KINDS = 4
"""With fewer tables, what matters cannot be told."""


def changes() -> dict[tuple[str, str], dict[str, list[float]]]:
    """How much each metric changed per 0.1 dB, by (metric, kind of PSNR) and table: picture by picture, where models
    differ by 0.1 to 1.5 dB.
    """
    found: dict = defaultdict(lambda: defaultdict(list))
    for made in group(find_results([COMMITTED])):
        if not made.ranked or made.ranked[0].n_scored < FEWEST:
            continue
        decibel = "psnr_hole" if "psnr_hole" in made.ranked[0].metrics else "psnr_rgb"
        for one, other in itertools.combinations(made.ranked, 2):
            values = {row.name: row.metrics for row in other.images}
            for row in one.images:
                x, y = row.metrics, values[row.name]
                decibels = abs(x[decibel] - y[decibel])
                if 0.1 < decibels < 1.5:
                    for name in x.keys() & y.keys():
                        if x[name] is not None and y[name] is not None:
                            found[name, decibel][made.name].append(abs(x[name] - y[name]) / decibels / 10)
    return found


@pytest.mark.skipif(not any(COMMITTED.rglob("*.json")), reason="no results are committed")
@pytest.mark.parametrize("metric", [m for m in SMALLEST if not m.startswith("psnr")])
def test_about_as_much_as_a_tenth_of_a_decibel(metric):
    whole, hole = (changes().get((metric, primary), {}) for primary in ("psnr_rgb", "psnr_hole"))
    found = hole if metric.endswith("_hole") or "_hole_" in metric else whole
    # The median is over all kinds of faults: blur alone has another one than noise alone.
    if len(found) < (1 if found is hole else KINDS):
        pytest.skip(f"the committed results have {metric} in {len(found)} tables only")
    measured = statistics.median(itertools.chain(*found.values()))
    assert 0.7 <= SMALLEST[metric] / measured <= 1.4
