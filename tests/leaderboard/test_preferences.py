"""What votes say: Bradley-Terry scores and the agreement of metrics."""

from __future__ import annotations

import math

import numpy as np
import pytest

from eval.results import ImageRow
from leaderboard.preferences import agreement, bradley_terry
from leaderboard.votes import Vote
from tests.leaderboard.helpers import result


def vote(a, b, winner, picture, **more) -> Vote:
    return Vote("noise", a, b, winner, f"{picture:016x}", **more)


def test_two_models_have_the_log_odds_of_firth():
    """Firth's correction of a single proportion adds half a win to both sides."""
    votes = [vote("x", "y", "a" if i < 9 else "b", i) for i in range(12)]
    (table,) = bradley_terry(votes)
    assert list(table) == ["x", "y"]
    assert table["x"].score - table["y"].score == pytest.approx(math.log(9.5 / 3.5), abs=1e-6)
    assert table["x"].score == -table["y"].score
    assert (table["x"].wins, table["x"].votes) == (9, 12)
    assert table["x"].low < table["x"].score < table["x"].high


@pytest.mark.parametrize("count", [1, 2, 6, 100])
def test_winning_always_is_finite(count):
    (table,) = bradley_terry([vote("x", "y", "a", i) for i in range(count)])
    assert table["x"].score - table["y"].score == pytest.approx(math.log((count + 0.5) / 0.5), abs=1e-6)


def test_winning_always_is_uncertain():
    (table,) = bradley_terry([vote("x", "y", "a", i) for i in range(6)])
    assert table["x"].high - table["x"].low > 1


def test_ties_and_the_order_shown_are_balanced():
    votes = [vote("x", "y", "tie", i) for i in range(8)] + [vote("x", "y", "a", 9), vote("y", "x", "a", 10)]
    (table,) = bradley_terry(votes)
    assert table["x"].score == pytest.approx(0, abs=1e-9) and table["x"].wins == 5


def test_strong_opponents_count_more():
    votes = [vote("strong", "weak", "b" if i == 0 else "a", i) for i in range(10)]
    votes += [vote("one", "strong", "a" if i % 2 else "b", i) for i in range(10)]
    votes += [vote("other", "weak", "a" if i % 2 else "b", i) for i in range(10)]
    (table,) = bradley_terry(votes)
    assert table["one"].score > table["other"].score + 1


def test_models_that_never_met_have_tables_of_their_own():
    votes = [vote("x", "y", "a", i) for i in range(6)] + [vote("p", "q", "b", i) for i in range(6)]
    votes += [vote("q", "r", "tie", 7)]
    assert [set(table) for table in bradley_terry(votes)] == [{"p", "q", "r"}, {"x", "y"}]
    assert bradley_terry([]) == []


def test_few_pictures_have_no_interval_however_many_votes():
    (table,) = bradley_terry([vote("x", "y", "a", i % 4) for i in range(100)])
    assert table["x"].low is None and table["x"].high is None


def test_votes_on_one_picture_are_not_taken_for_independent():
    """The same answers, once from 60 pictures and once from 6 on which all voters agree."""
    won = [True] * 40 + [False] * 20
    (apart,) = bradley_terry([vote("x", "y", "a" if w else "b", i) for i, w in enumerate(won)])
    (together,) = bradley_terry([vote("x", "y", "a" if w else "b", i // 10) for i, w in enumerate(won)])
    assert together["x"].score == pytest.approx(apart["x"].score)
    assert together["x"].high - together["x"].low > 2 * (apart["x"].high - apart["x"].low)


def test_the_intervals_hold_what_they_promise():
    """95 % in the long run; 400 intervals hold at least 92 % but for one seed in a thousand, and this one is fixed."""
    truth, rng, held = np.array([0.8, 0.0, -0.3, -0.5]), np.random.default_rng(1), []
    for _ in range(100):
        votes = []
        for picture in range(40):
            i, j = rng.choice(4, 2, replace=False)
            wins = rng.random() < 1 / (1 + math.exp(truth[j] - truth[i]))
            votes.append(vote(f"m{i}", f"m{j}", "a" if wins else "b", picture))
        (table,) = bradley_terry(votes)
        held += [table[f"m{i}"].low <= truth[i] <= table[f"m{i}"].high for i in range(4)]
    assert 0.92 <= np.mean(held) < 0.999, np.mean(held)


def test_a_metric_agrees_as_often_as_it_prefers_what_people_prefer():
    votes = [vote("x", "y", "a", i, metrics={"psnr_rgb": (30, 29), "niqe": (5, 4)}) for i in range(9)]
    votes += [vote("x", "y", "b", 9, metrics={"psnr_rgb": (30, 29), "niqe": (4, 4)})]
    votes += [vote("x", "y", "tie", 10, metrics={"psnr_rgb": (30, 29)})]
    found = agreement(votes)
    assert list(found) == ["psnr_rgb", "niqe"]
    assert found["psnr_rgb"].share == pytest.approx(0.9)
    assert (found["psnr_rgb"].votes, found["psnr_rgb"].pictures) == (10, 10)
    assert found["psnr_rgb"].low == pytest.approx(0.5958, abs=1e-4)  # Wilson's, as in tables
    assert found["psnr_rgb"].high == pytest.approx(0.9821, abs=1e-4)
    assert found["niqe"].share == 0 and found["niqe"].votes == 9  # lower is better, and equal values say nothing


def test_many_votes_on_one_picture_count_as_one_observation():
    votes = [vote("x", "y", "a", 0, metrics={"psnr_rgb": (30, 29)}) for _ in range(50)]
    votes += [vote("x", "y", "b", 1, metrics={"psnr_rgb": (30, 29)})]
    assert agreement(votes)["psnr_rgb"].share == 0.5


def test_values_of_result_files_count_for_the_same_input():
    def run(model, value, day):
        row = ImageRow(name="0.png", input=f"{3:016x}", seconds=1, metrics={"psnr_rgb": value, "niqe": None})
        made = result(model, finished=f"2026-01-0{day}T00:00:00+00:00")
        return made.model_copy(update={"images": [row]})

    results = [run("x", 31, 3), run("x", 20, 1), run("y", 30, 2)]
    found = agreement([vote("x", "y", "a", 3), vote("x", "y", "a", 4), vote("x", "z", "a", 3)], results)
    assert {name: (each.share, each.votes) for name, each in found.items()} == {"psnr_rgb": (1, 1)}
