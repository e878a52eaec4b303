from __future__ import annotations

import numpy as np
import pytest

from eval.find import find_results
from eval.results import ImageRow, MetricValue
from eval.stats import t_interval
from leaderboard.overall import scored, seed_lines, strength_lines
from leaderboard.summary import summary
from leaderboard.table import COMMITTED, evidence, flat, frame, group, markdown
from tests.leaderboard.helpers import result

BASE = np.random.default_rng(0).normal(25, 3, 24)
STEPS = np.linspace(0.5, 1.5, 24)


def run(model, values, metric="psnr_rgb", **changes):
    """A complete result with these values of its pictures; the interval in the file is another version's."""
    rows = [
        ImageRow(name=f"{i}.png", input="0" * 16, seconds=0.25, metrics={metric: float(v)})
        for i, v in enumerate(values)
    ]
    mean = float(np.mean(values))
    metrics = {metric: MetricValue(mean=mean, low=mean - 0.5, high=mean + 0.5, n=len(rows), version=1)}
    made = result(model, n=len(rows), expected=len(rows), metrics=metrics, primary=metric, **changes)
    return made.model_copy(update={"images": rows})


def table(*runs):
    (made,) = group(runs)
    return made


def alike(n=24):
    return np.resize([0.2, -0.21], n) * np.linspace(0.5, 1.5, n)


def test_ranks_that_cannot_be_told_apart_are_shared():
    made = table(run("a", BASE + STEPS), run("b", BASE), run("c", BASE + alike()), run("d", BASE - 2 * STEPS))
    shown = frame(made)
    assert list(zip(shown["model"], shown["rank"], strict=True)) == [("a", "1"), ("b", "2-3"), ("c", "2-3"), ("d", "4")]
    assert shown["wins"].to_list() == ["100%", "50%", "50%", "0%"]
    assert evidence(made) == "2 of 3 neighbors can be told apart, corrected for 6 pairs."
    table_ = flat([made])
    assert table_["rank"].to_list() == [1, 2, 3, 4]
    assert table_["rank_best"].to_list() == [1, 2, 2, 4]
    assert table_["rank_worst"].to_list() == [1, 3, 3, 4]
    document = markdown([made])
    assert "| 2-3 | b |" in document
    assert "Wilcoxon's signed-rank test with Holm's correction" in document
    assert evidence(made) in document
    assert evidence(made) in " ".join(summary([made]).split())


def test_a_lower_error_ranks_higher():
    made = table(run("a", BASE, "l1_percent"), run("b", BASE - STEPS, "l1_percent"))
    assert frame(made)["rank"].to_list() == ["1", "2"]
    assert [r.model.id for r in made.ranked] == ["b", "a"]
    assert frame(made)["wins"].to_list() == ["100%", "0%"]


def test_five_pictures_are_a_demonstration():
    made = table(run("a", BASE[:5] + 10 * STEPS[:5]), run("b", BASE[:5]))
    assert frame(made)["rank"].to_list() == ["1-2", "1-2"]
    assert evidence(made).startswith("A demonstration: with 5 pictures no difference between models can be significant")
    assert evidence(made).endswith("that takes at least 6.")
    document = markdown([made])
    assert f"## {made.name} (a demonstration)" in document
    assert evidence(made) in document
    assert "demonstration" not in markdown([table(run("a", BASE))])


def test_intervals_are_of_the_pictures_whatever_the_file_says():
    made = table(run("a", BASE))
    value = made.ranked[0].metrics["psnr_rgb"]
    assert (value.low, value.high) == pytest.approx(t_interval(BASE))
    close = table(run("a", [0.9, 0.99, 0.999], "ssim_rgb")).ranked[0].metrics["ssim_rgb"]
    assert close.high == 1


def test_without_values_per_picture_the_order_is_said_to_be_of_the_means():
    made = table(result("a", 30), result("b", 20))
    assert made.ranking is None
    assert frame(made)["rank"].to_list() == ["1", "2"]
    assert "by the means alone" in evidence(made)
    assert flat([made])["rank_best"].isna().all()
    assert made.ranked[0].metrics["psnr_rgb"].low == 29


def test_scores_over_scenarios():
    rng = np.random.default_rng(1)
    runs = []
    for number in range(5):
        for model, quality in (("strong", 1.0), ("middle", 0.0), ("weak", -1.0), ("no-op", -2.0)):
            runs.append(run(model, BASE + quality + rng.normal(0, 0.5, 24), version=number + 1))
    groups = group(runs, former=True)
    assert len(groups) == 5
    (scores,) = scored(groups)
    assert list(scores) == ["strong", "middle", "weak", "no-op"]
    assert scores["strong"].low > scores["weak"].high
    document = markdown(groups)
    assert "## Over all scenarios" in document
    assert f"| strong | {scores['strong'].score:+.2f} [" in document


def test_the_baseline_does_not_join_what_never_met():
    def scenario(names, version):
        shifts = np.linspace(1, -1, len(names) + 1)
        return [run(n, BASE + s * STEPS, version=version) for n, s in zip([*names, "no-op"], shifts, strict=True)]

    runs = [*scenario("ab", 1), *scenario("ab", 2), *scenario("cd", 3), *scenario("cd", 4), *scenario("e", 5)]
    assert [set(scores) for scores in scored(group(runs, former=True))] == [{"a", "b", "no-op"}, {"c", "d", "no-op"}]
    assert scored(group(runs[:3])) == []
    assert strength_lines(group(runs[:3])) == []
    again = [r.model_copy(update={"scenario": r.scenario.model_copy(update={"seed": 1})}) for r in runs[:3]]
    assert scored(group([*runs[:3], *again])) == []  # another seed is no other scenario


def test_several_seeds_have_a_table_of_their_own():
    rng = np.random.default_rng(3)
    runs = [run("a", BASE + rng.normal(0, 1, 24), seed=seed) for seed in (0, 1, 2)]
    groups = group([*runs, run("b", BASE)])
    document = markdown(groups)
    assert "## Several seeds" in document
    (row,) = [line for line in seed_lines(groups) if line.startswith("| a |")]
    assert row.startswith("| a | 0, 1, 2 | ")
    assert not [line for line in seed_lines(groups) if line.startswith("| b |")]
    assert seed_lines(group([run("a", BASE), run("a", BASE, precision="fp16")])) == []


@pytest.mark.skipif(not any(COMMITTED.rglob("*.json")), reason="no results are committed")
def test_the_committed_tables_with_five_pictures_prove_nothing():
    for made in group(find_results([COMMITTED])):
        if made.dataset == "sample":
            assert evidence(made).startswith("A demonstration")
            assert set(frame(made)["rank"]) == {f"1-{len(made.ranked)}"}
