"""What `leaderboard build` writes beside the tables of all runs: use cases, plot and site; and that what is committed
is what the committed results say."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from eval.find import find_results
from leaderboard.__main__ import main
from leaderboard.answers import answers, how_to_run, markdown, summary_table, works_offline
from leaderboard.build import PLOT
from leaderboard.committed import ROOT
from leaderboard.readme import filled
from leaderboard.table import COMMITTED, flat, group
from leaderboard.table import markdown as tables
from leaderboard.web.charts import drawn_from, png, use_cases_chart
from leaderboard.web.data import page_data
from leaderboard.web.page import html, write_site
from tests.leaderboard.helpers import CODE
from tests.leaderboard.test_recommend import better, nothing, run
from zoo.errors import ZooError
from zoo.registry import get_card, list_models

NUMBER = re.compile(r"[+-]?\d+\.\d+|[+-]?\d+")


def measured() -> list:
    """Two models and doing nothing for noisy-photo and compressed-photo; an unclean and an incomplete run."""
    runs = []
    for scenario in ("noise", "jpeg"):
        runs += [nothing(scenario=scenario), better("bilateral", 1, scenario=scenario)]
        runs += [better("nl-means", 2, scenario=scenario)]
    runs += [better("autoencoder.mini", 9, code=CODE.model_copy(update={"clean": False}))]
    return [*runs, better("dummy", 9, 20, expected=24, failures={"x.png": "</script><b>out of memory"})]


@pytest.fixture(scope="module")
def committed():
    results = find_results([COMMITTED])
    return results, group(results), answers(results)


def assert_same(written: str, made: str) -> None:
    """The same text, but that numbers may differ by one in their last digit: sums differ from one CPU to another."""
    assert NUMBER.sub("#", written) == NUMBER.sub("#", made)
    for one, other in zip(NUMBER.findall(written), NUMBER.findall(made), strict=True):
        assert abs(float(one) - float(other)) <= 1.01 * 10 ** -len(one.partition(".")[2]) * ("." in one), (one, other)


def test_the_committed_tables_are_what_the_committed_results_say(committed):
    _, groups, found = committed
    folder = COMMITTED.parent
    assert_same((folder / "leaderboard.md").read_text(encoding="utf-8"), tables(groups))
    assert_same((folder / "use_cases.md").read_text(encoding="utf-8"), markdown(found))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert "<!-- leaderboard: use-cases -->" in readme
    assert_same(readme, filled(readme, groups, found))
    written = pd.read_csv(folder / "leaderboard.csv", keep_default_na=False)
    made = pd.read_csv(io.StringIO(flat(groups).to_csv(index=False)), keep_default_na=False)
    pd.testing.assert_frame_equal(written, made, rtol=1e-6)


def test_the_committed_plot_is_what_the_committed_results_say(committed):
    def rows(spec):
        return [[*list(row.values())[:2], *(round(value, 2) for value in list(row.values())[2:])]
                for row in spec["data"]["values"]]  # fmt: skip

    written, made = drawn_from((ROOT / PLOT).read_bytes()), use_cases_chart(committed[2])
    assert [row[:2] for row in rows(written)] == [row[:2] for row in rows(made)]
    assert np.allclose([r[2:] for r in rows(written)], [r[2:] for r in rows(made)], atol=0.011)
    assert {**written, "data": 0} == {**made, "data": 0}


def test_a_number_that_was_changed_by_hand_is_noticed():
    with pytest.raises(AssertionError):
        assert_same("| a | 24.31 |", "| a | 24.33 |")
    with pytest.raises(AssertionError):
        assert_same("| a | 2 |", "| a | 3 |")
    assert_same("n = 24, -0.50", "n = 24, -0.51")


def test_each_use_case_has_its_table():
    found = answers(measured())
    document = markdown(found)
    assert "| 1 | `nl-means` | +" in document and "| 2 | `bilateral` |" in document
    assert document.count("| 3 | (doing nothing) | 0 |") == 2
    assert "- autoencoder.mini is left out: measured by code that no commit names on kodak24 / noise." in document
    assert "- dummy is left out: 20 of 24 pictures scored" in document
    assert "python -m zoo restore photo.png -m nl-means -o photo-nl-means.png" in document
    summary = summary_table(found).splitlines()
    assert len([line for line in summary if "`nl-means`" in line]) == 2
    assert "24 (1 of 2 sets)" in next(line for line in summary if "noisy-photo" in line)
    assert summary[-1].startswith("Not measured yet:") and "`low-light`" in summary[-1]


def test_models_that_cannot_be_told_apart_share_their_row_and_what_cannot_be_told_is_said():
    tied = [nothing(), better("bilateral", 3.001), better("nl-means", 3, wobble=-1)]
    assert "| `bilateral` or `nl-means` |" in summary_table(answers(tied))
    unsure = summary_table(answers([nothing(), better("bilateral", 0.001, wobble=30)]))
    assert "cannot tell: bilateral may be no better than doing nothing" in unsure
    assert "cannot tell: no model improved the pictures" in summary_table(answers([nothing(), better("bilateral", -1)]))


def test_seconds_are_those_that_may_be_published():
    quick = [nothing(), better("bilateral", 2, load=0.9, megapixels_per_second=1.5), better("nl-means", 1, load=3.0)]
    document = markdown(answers(quick))
    assert "| 0.25 (0.38 MP) | Apache-2.0 | yes |" in document
    assert "|  | BSD-3-Clause | yes |" in document


def test_offline_does_not_depend_on_this_machine(monkeypatch):
    assert works_offline(get_card("telea")) and works_offline(get_card("deblurgan.mini"))
    published = next(card for card in list_models() if not works_offline(card))
    monkeypatch.setattr("leaderboard.recommend.unavailable_reason", lambda card: None)
    assert how_to_run(published)[0] == f"python -m zoo download {published.id}"


def test_the_data_of_the_page_are_those_of_the_results():
    groups = group(measured())
    data = json.loads(json.dumps(page_data(groups, answers(measured())), allow_nan=False))
    (noise,) = [ranking for ranking in data["rankings"] if ranking["name"] == "kodak24 / noise"]
    assert [(row["model"], row["rank"]) for row in noise["rows"]] == [
        ("nl-means", "1"), ("bilateral", "2"), ("no-op", "3"), ("autoencoder.mini", None),
    ]  # fmt: skip
    first = noise["rows"][0]
    (result,) = [r for made in groups if made.scenario == "noise" for r in made.ranked if r.model.id == "nl-means"]
    assert first["values"]["psnr_rgb"] == [round(row.metrics["psnr_rgb"], 4) for row in result.images]
    assert noise["failures"] == {"dummy": {"x.png": "</script><b>out of memory"}}
    (pair,) = [pair for pair in noise["pairs"] if pair[:2] == [0, 1]]
    direction, p, mean, low, high, wins = pair[2:]
    assert direction == -1 and p < 0.05 and low <= mean <= high and mean == pytest.approx(-1) and wins == 0
    (use,) = [use for use in data["uses"] if use["id"] == "noisy-photo"]
    assert use["pick"] == "nl-means" and set(use["heat"]["kodak24 / noise"]) == {"nl-means", "bilateral"}


def test_differences_of_errors_keep_their_ends_in_order():
    runs = [run("a", np.linspace(20, 30, 24), primary="psnr_rgb"), run("b", np.linspace(21, 32, 24))]
    lower = [
        each.model_copy(
            update={
                "scenario": each.scenario.model_copy(update={"primary": "l1_percent"}),
                "metrics": {"l1_percent": each.metrics["psnr_rgb"]},
                "images": [row.model_copy(update={"metrics": {"l1_percent": row.metrics["psnr_rgb"]}})
                           for row in each.images],
            }
        )
        for each in runs
    ]  # fmt: skip
    (ranking,) = page_data(group(lower), [])["rankings"]
    ((_, _, direction, _, mean, low, high, _),) = ranking["pairs"]
    assert [row["model"] for row in ranking["rows"]] == ["a", "b"]
    assert direction == -1 and 0 < low < mean < high  # b has the larger error


def test_the_page_is_one_small_file_that_no_text_breaks_out_of(tmp_path):
    pytest.importorskip("vl_convert", reason="vl-convert is not installed here")
    (tmp_path / "sheets").mkdir()
    for name in ("nl-means", "unmeasured"):
        Image.new("RGB", (4, 4)).save(tmp_path / "sheets" / f"{name}.jpg")
    groups = group(measured())
    page = write_site(tmp_path / "site", groups, answers(measured()), tmp_path / "sheets")
    assert sorted(path.relative_to(tmp_path / "site").as_posix() for path in (tmp_path / "site").rglob("*.*")) == [
        "index.html", "leaderboard.csv", "leaderboard.parquet", "pictures/nl-means.jpg",
    ]  # fmt: skip
    text = page.read_text(encoding="utf-8")
    assert "</script><b>" not in text and "\\u003c/script>\\u003cb>out of memory" in text
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "site" / "leaderboard.parquet"), flat(groups))


def test_the_page_of_the_committed_results_is_below_three_megabytes(committed):
    pytest.importorskip("vl_convert", reason="vl-convert is not installed here")
    assert len(html(committed[1], committed[2]).encode()) < 3_000_000


def test_a_plot_says_what_it_was_drawn_from():
    pytest.importorskip("vl_convert", reason="vl-convert is not installed here")
    spec = use_cases_chart(answers(measured()))
    drawn = png(spec)
    assert drawn_from(drawn) == spec
    assert min(Image.open(io.BytesIO(drawn)).size) > 200


def test_without_its_package_there_are_tables_and_a_note(tmp_path, monkeypatch, capsys):
    def missing():
        raise ZooError("the page and the plots need vl-convert.")

    monkeypatch.setattr("leaderboard.web.page.renderer", missing)
    (tmp_path / "a.json").write_text(better("bilateral", 1).model_dump_json())
    assert main(["build", str(tmp_path / "a.json"), "--out", str(tmp_path)]) == 0
    assert "note: no site and no plot: the page and the plots need vl-convert." in capsys.readouterr().err
    assert (tmp_path / "use_cases.md").exists() and not Path(tmp_path, "site").exists()
