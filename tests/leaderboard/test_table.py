from __future__ import annotations

import random

import pytest

from eval.find import find_results
from leaderboard.summary import BEST, WIDTH, summary
from leaderboard.table import flat, frame, group, label, markdown, remarks, shown, unranked
from tests.leaderboard.helpers import CODE, missing, result, value
from zoo.errors import ZooError


def unwrapped(text: str) -> str:
    """The text without its line breaks."""
    return " ".join(text.split())


def order(results) -> list[str]:
    (made,) = group(results)
    return [r.model.id for r in made.ranked]


def test_the_highest_psnr_comes_first():
    assert order([result("a", 20), result("b", 30), result("c", 25)]) == ["b", "c", "a"]


def test_the_lowest_error_comes_first():
    runs = [
        result(m, metrics={"l1_percent": value(e)}, primary="l1_percent") for m, e in [("a", 3), ("b", 1), ("c", 2)]
    ]
    assert order(runs) == ["b", "c", "a"]


def test_ties_and_order_of_files_do_not_matter():
    runs = [result(m, 25) for m in ("c", "a", "b")] + [result("d", 26)]
    for seed in range(5):
        random.Random(seed).shuffle(runs)
        assert order(runs) == ["d", "a", "b", "c"]


@pytest.mark.parametrize(
    "other",
    [{"sha256": "b" * 64}, {"seed": 1}, {"primary": "ssim_rgb"}],
)
def test_only_the_same_pictures_made_bad_in_the_same_way_are_compared(other):
    groups = group([result("a", 20), result("b", 30, **other)])
    assert [[r.model.id for r in made.ranked] for made in groups] in ([["a"], ["b"]], [["b"], ["a"]])
    assert len({made.name for made in groups}) == 2


def test_only_the_newest_version_of_a_scenario_ranks():
    old, new = group([result("a", 40), result("b", 30, version=2), result("c", 50, version=3, n=3)])[:2]
    assert [r.model.id for r in new.ranked] == ["b"]
    assert old.ranked == () and "1 of the scenario, and version 2 is ranked" in old.former
    assert frame(old)[["rank", "model"]].to_numpy().tolist() == [["–", "a"]]
    assert unranked(old) == ["not ranked: a, of version 1 of the scenario, and version 2 is ranked"]
    table = flat([old, new])
    assert table[table["model"] == "a"]["rank"].isna().all()
    assert table[table["model"] == "a"]["not_ranked"].str.contains("version 2 is ranked").all()
    assert [len(made.ranked) for made in group([result("a"), result("b", version=2)], former=True)] == [1, 1]


def test_only_the_newest_version_of_the_metric_ranks():
    new = {"psnr_rgb": value(20).model_copy(update={"version": 2})}
    first, second = group([result("a", 40), result("b", metrics=new)])
    assert (first.ranked, [r.model.id for r in second.ranked]) == ((), ["b"])
    assert unranked(first) == ["not ranked: a, of version 1 of psnr_rgb, and version 2 ranks"]


@pytest.mark.parametrize("part", ["code", "restored"])
def test_runs_of_unclean_code_are_shown_and_never_ranked(part):
    changed = CODE.model_copy(update={"clean": False})
    (made,) = group([result("a", 20), result("b", 30, **{part: changed})])
    assert [r.model.id for r in made.ranked] == ["a"]
    assert frame(made)[["rank", "model"]].to_numpy().tolist() == [["1", "a"], ["–", "b"]]
    line = "not ranked: b, measured by 0.1.0+ccccccc with changes"
    assert unranked(made) == [line]
    assert line in markdown([made]) and line in unwrapped(summary([made]))
    (alone,) = group([result("b", 30, code=changed)])
    assert "– b" in summary([alone]) and "none ranked" in summary([alone])


def test_of_repeated_runs_the_newest_counts():
    runs = [
        result("a", 20, finished="2026-01-02T00:00:00+00:00"),
        result("a", 30, finished="2026-01-03T00:00:00+00:00"),
        result("a", 40, finished="2026-01-01T00:00:00+00:00"),
    ]
    (made,) = group(runs)
    assert [r.metrics["psnr_rgb"].mean for r in made.ranked] == [30]


@pytest.mark.parametrize(
    ("change", "shown_as"),
    [
        ({"weights_sha256": "c" * 64}, "a (weights cccccccc)"),
        ({"precision": "fp16"}, "a (fp16)"),
        ({"tile": "256"}, "a (tile 256)"),
        ({"device": "cuda:0"}, "a (on cuda:0)"),
    ],
)
def test_runs_with_other_settings_are_other_rows(change, shown_as):
    (made,) = group([result("a", 20), result("a", 30, **change), result("b", 10)])
    assert frame(made)["model"].to_list()[0] == shown_as
    assert len(set(frame(made)["model"])) == 3
    assert label(result("a"), [result("a")]) == "a"


@pytest.mark.parametrize(
    ("run", "why"),
    [
        (result("slow", 40, n=10), "10 of 24 pictures scored"),
        (result("slow", 40, n=2, limit=2), "2 of 24 pictures scored; limited to 2"),
        (
            result("slow", 40, n=23, failures={"7.png": "out of\nmemory."}),
            "23 of 24 pictures scored; 1 failed, such as 7.png: out of memory.",
        ),
        (
            result("slow", metrics={"psnr_rgb": missing("no weights")}),
            "24 of 24 pictures scored; psnr_rgb unavailable: no weights",
        ),
        (
            result("slow", 40, failures={"x.png": "vanished."}),
            "24 of 24 pictures scored; 1 failed, such as x.png: vanished.",
        ),
    ],
)
def test_incomplete_runs_are_apart_and_unranked(run, why):
    (made,) = group([run, result("a", 20)])
    assert [r.model.id for r in made.ranked] == ["a"]
    assert unranked(made) == [f"not ranked: slow, {why}"]
    assert frame(made)["model"].to_list() == ["a"]
    for document in (markdown([made]), unwrapped(summary([made]))):
        assert f"not ranked: slow, {why}" in document
        assert "40.00" not in document
    table = flat([made])
    assert table[table["model"] == "slow"]["rank"].isna().all()
    assert table[table["model"] == "a"]["rank"].eq(1).all()


def test_a_group_without_a_complete_run():
    groups = group([result("a", 20, n=3)])
    assert "no ranked run" in markdown(groups)
    assert "no complete run" in summary(groups)
    assert frame(groups[0]).empty


def test_numbers_and_facts_are_shown():
    metrics = {"psnr_rgb": value(28.123), "ssim_rgb": value(0.81234), "l1_percent": value(0.0423)}
    (made,) = group([result("a", metrics=metrics, license="CC-BY-4.0")])
    assert made.name == "kodak / noise"
    (row,) = frame(made).to_dict("records")
    assert row == {
        "rank": "1", "model": "a", "psnr_rgb": "28.12 [27.12, 29.12]", "ssim_rgb": "0.8123", "l1_percent": "0.042",
        "s/picture": "0.250", "license": "CC-BY-4.0",
    }  # fmt: skip
    assert "n = 24" in markdown([made])
    assert "higher is better" in markdown([made])
    assert "latency measured on AMD EPYC, 2 cores, cpu, fp32" in remarks([made])


def test_latencies_measured_beside_other_work_are_not_published():
    runs = [result("a", workers=2), result("b", seconds_median=None), result("c", load=4.0), result("d", load=1.0)]
    (made,) = group(runs)
    assert frame(made)["s/picture"].to_list() == ["", "", "", "0.250"]
    table = flat([made]).drop_duplicates("model").set_index("model")
    assert table["seconds_median"].dropna().to_dict() == {"d": 0.25}
    assert [line for line in remarks([made]) if "latency here" in line] == [
        "1 of 4 runs have no latency here: several pictures were restored at once",
        "1 of 4 runs have no latency here: the machine had other work",
    ]
    assert summary([made]).count("0.250 s a picture") == 0 and summary(group(runs[3:])).count("0.250 s a picture") == 1


def test_a_mean_without_interval():
    from eval.results import MetricValue

    assert shown("psnr_rgb", MetricValue(mean=20, n=1, version=1), with_interval=True) == "20.00"
    single = result("a", n=1, expected=1, metrics={"psnr_rgb": MetricValue(mean=20, n=1, version=1)})
    assert "a single picture has no interval" in remarks(group([single]))


def test_unavailable_metrics_are_said_once():
    why = missing("no weights here")
    runs = [result(m, metrics={"psnr_rgb": value(20), "niqe": why, "lpips_alex": why}) for m in ("a", "b", "c")]
    groups = group(runs)
    assert "niqe" not in frame(groups[0]).columns
    for document in (markdown(groups), unwrapped(summary(groups))):
        assert document.count("niqe unavailable: no weights here") == 1
        assert document.count("lpips_alex unavailable: no weights here") == 1


def test_metrics_that_some_runs_lack():
    full = result("a", metrics={"psnr_rgb": value(20), "niqe": value(4)})
    without = result("b", metrics={"psnr_rgb": value(30), "niqe": missing("no weights")})
    older = result("c", metrics={"psnr_rgb": value(10), "fancy_new": value(3)})
    (made,) = group([full, without, older])
    table = frame(made).set_index("model")
    assert table["niqe"].to_dict() == {"b": "unavailable", "a": "4.0000", "c": "unavailable"}
    assert table["fancy_new"].to_dict() == {"b": "unavailable", "a": "unavailable", "c": "3.0000"}


def test_no_document_has_a_nan():
    runs = [
        result("a", 20),
        result("b", n=3, metrics={"psnr_rgb": value(20, 3), "niqe": missing("no weights")}, seconds_median=None),
        result("c", n=0, metrics={"psnr_rgb": missing("no picture was scored")}, peak_memory_mb=None),
    ]
    groups = group(runs)
    csv = flat(groups).to_csv(index=False)
    for document in (markdown(groups), summary(groups), csv):
        assert "nan" not in document.lower()
        assert "<NA>" not in document


def test_table_cells_cannot_break_the_table():
    (made,) = group([result("a", license="either|or")])
    assert "| either\\|or |" in markdown([made])


def test_flat_has_a_row_for_every_metric():
    table = flat(group([result("a", 20), result("b", 30), result("c", n=3)]))
    rows = table[table["metric"] == "psnr_rgb"].set_index("model")
    assert rows.loc["b", ["rank", "mean", "low", "high", "n", "seconds_median"]].to_list() == [1, 30, 29, 31, 24, 0.25]
    assert rows.loc["a", "rank"] == 2
    assert len(table) == 6


def test_an_unknown_ranking_metric_is_a_sentence():
    with pytest.raises(ZooError, match="unknown metric 'fid'"):
        group([result("a", metrics={"fid": value(3)}, primary="fid")])


def test_find_results(tmp_path):
    deep = tmp_path / "runs" / "x" / "y"
    deep.mkdir(parents=True)
    (deep / "result.json").write_text(result("a").model_dump_json())
    (deep / "other.json").write_text("{}")
    committed = tmp_path / "results"
    committed.mkdir()
    (committed / "kodak-a.json").write_text(result("b").model_dump_json())
    found = find_results([tmp_path / "runs", committed, committed / "kodak-a.json"])
    assert [r.model.id for r in found] == ["a", "b", "b"]
    with pytest.raises(ZooError, match="there is no result file or folder"):
        find_results([tmp_path / "nowhere"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ZooError, match="`python -m eval` makes them"):
        find_results([tmp_path / "empty"])


def test_the_summary_shows_the_best_with_interval_and_time():
    lines = summary(group([result(name, mean) for name, mean in zip("abcde", (20, 24, 22, 28, 26), strict=True)]))
    rows = [line.split() for line in lines.splitlines() if line.endswith("s a picture")]
    assert [row[:2] for row in rows] == [["1", "d"], ["2", "e"], ["3", "b"]]
    assert rows[0][2:5] == ["28.00", "[27.00,", "29.00]"] and rows[0][5:7] == ["dB", "0.250"]
    assert f"the best {BEST} of 5 by psnr_rgb (higher is better), 24 pictures" in lines


def test_the_summary_keeps_to_its_width():
    """Whatever the length of names, titles, reasons and remarks."""
    long = "a-very-long-name-" * 8
    runs = [result(f"{long}{i}", 20 + i, title=f"{long} {long}", machine=long) for i in range(4)]
    runs.append(result("failed", 20, failures={long: f"{long} {long}"}))
    text = summary(group(runs))
    assert max(map(len, text.splitlines())) <= WIDTH
    assert "22.00 [21.00, 23.00] dB" in text and "not ranked: failed" in text
