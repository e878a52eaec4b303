"""What models take: by files of `python -m eval cost`, else by the runs themselves."""

from __future__ import annotations

import pytest

from leaderboard import costs as costs_of
from leaderboard.answers import answers, markdown
from leaderboard.costs import WITH_MODEL, WITHOUT_MODEL, cost_of, cost_table, read_committed_costs
from leaderboard.recommend import CANNOT_TELL
from leaderboard.table import group
from leaderboard.web.data import page_data
from tests.leaderboard.helpers import CODE, result
from tests.leaderboard.test_recommend import advised, better, nothing
from zoo.errors import ZooError
from zoo.registry import get_card, list_models

costs_module = pytest.importorskip("eval.costs", reason="this harness measures no costs at stated sizes")
Costs, ModelCost = costs_module.Costs, costs_module.ModelCost


def cost(model: str, seconds: float | None, size=(768, 512), **changes) -> ModelCost:
    facts = {
        "weights_sha256": None, "parameters": 0, "gmacs": None, "load_seconds": 0.1, "first_seconds": 0.5,
        "p95_seconds": None if seconds is None else 1.2 * seconds, "restorations": 20, "megapixels_per_second": 2.0,
        "peak_memory_mb": 100.0, "others": 0.0, "shared": seconds is None, "failure": None,
    }  # fmt: skip
    return ModelCost(model=model, width=size[0], height=size[1], p50_seconds=seconds, **{**facts, **changes})


def costs(*models: ModelCost, day: int = 1, **changes) -> Costs:
    facts = {"device": "cpu", "machine": "AMD EPYC, 2 cores", "precision": "fp32", "tile": "auto", "threads": 1}
    environment = result().environment.model_copy(update={"finished": f"2026-01-0{day}T00:00:00+00:00"})
    return Costs(code=CODE, rounds=10, environment=environment, models=list(models), **{**facts, **changes})


TABLE = cost_table([costs(cost("bilateral", 0.2), cost("bilateral", 1.0, (1536, 1024)), cost("nl-means", None))])
RUNS = [nothing(), better("bilateral", 1), better("nl-means", 2)]


def test_files_of_costs_alone_count_where_there_are_some():
    found = advised(*RUNS, costs=TABLE)
    seconds = {choice.model: (choice.cost.seconds, choice.cost.remark) for choice in found.choices}
    assert seconds == {"bilateral": (0.2, ""), "nl-means": (None, "the machine had other work")}
    assert found.choices[1].cost.megapixels == pytest.approx(0.393, abs=1e-3)
    assert {choice.cost.machine for choice in found.choices} == {"AMD EPYC, 2 cores, cpu"}
    own = advised(*RUNS)  # the runs took 0.25 s a picture
    assert [choice.cost.seconds for choice in own.choices] == [0.25, 0.25]
    unmeasured = advised(nothing(), better("dummy", 1), costs=TABLE)
    assert unmeasured.choices[0].cost.seconds is None and unmeasured.choices[0].cost.memory_mb is None


def test_constraints_are_judged_by_them():
    found = advised(*RUNS, costs=TABLE, max_ms=250)
    assert found.pick.model == "bilateral" and found.left_out == {"nl-means": "no latency was published for it"}
    assert advised(*RUNS, costs=TABLE, max_ms=199).verdict == CANNOT_TELL
    assert advised(*RUNS, costs=TABLE, max_memory_mb=99).verdict == CANNOT_TELL


def test_costs_at_a_size_start_from_the_nearest_that_was_measured():
    near = cost_of(get_card("bilateral"), RUNS[1:2], (1500, 1000), TABLE)
    assert near.seconds_at == pytest.approx(1.5 / 1.572864, rel=1e-4)
    assert near.memory_mb == 100  # less is not promised for a smaller picture
    far = cost_of(get_card("bilateral"), RUNS[1:2], (3072, 2048), TABLE)
    assert far.seconds_at == pytest.approx(4.0) and far.memory_mb == pytest.approx(400)
    square = next(card for card in list_models() if card.size.square)
    table = cost_table([costs(cost(square.id, 0.3, weights_sha256="a" * 64))])
    run = result(square.id, weights_sha256="a" * 64)
    assert cost_of(square, [run], (3072, 2048), table).seconds_at == 0.3


def test_costs_of_other_weights_do_not_count():
    table = cost_table([costs(cost("bilateral", 0.2, weights_sha256="f" * 64))])
    assert cost_of(get_card("bilateral"), RUNS[1:2], None, table).seconds is None


def test_the_newest_of_several_files_counts_and_other_machines_do_not_compare():
    newer = costs(cost("bilateral", 0.3), day=2)
    table = cost_table([newer, costs(cost("bilateral", 0.2), cost("nl-means", 0.4))])
    assert cost_of(get_card("bilateral"), RUNS[1:2], None, table).seconds == 0.3
    assert cost_of(get_card("nl-means"), RUNS[2:], None, table).seconds == 0.4
    for other in ({"machine": "another"}, {"device": "cuda"}, {"precision": "fp16"}, {"threads": 2}):
        with pytest.raises(ZooError, match="files of costs do not compare"):
            cost_table([newer, costs(cost("bilateral", 0.2), **other)])
    assert cost_table([]) is None


def test_committed_files_are_read_and_other_files_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(costs_of, "COMMITTED_COSTS", tmp_path)
    assert read_committed_costs() is None
    (tmp_path / "cpu.json").write_text(costs(cost("bilateral", 0.2)).model_dump_json())
    assert read_committed_costs().models["bilateral"][0].p50_seconds == 0.2
    (tmp_path / "other.json").write_text(result().model_dump_json())
    with pytest.raises(ZooError, match=r"other\.json is no file of costs"):
        read_committed_costs()


def test_tables_and_page_show_them():
    found = answers(RUNS, TABLE)
    assert "| 0.2 (0.39 MP) | Apache-2.0 | yes |" in markdown(found)
    page = page_data(group(RUNS), found, TABLE)
    assert [row["size"] for row in page["costs"]["models"]["bilateral"]] == ["768 x 512", "1536 x 1024"]
    assert page["costs"]["models"]["nl-means"][0]["state"] == "the machine had other work"
    (use,) = [use for use in page["uses"] if use["id"] == "noisy-photo"]
    assert {choice["model"]: choice["seconds"] for choice in use["choices"]} == {"nl-means": None, "bilateral": 0.2}


def test_memory_says_what_it_is_of_and_kinds_are_not_mixed():
    old = better("bilateral", 1).model_copy(update={"schema_version": 2})
    new = better("bilateral", 1, scenario="jpeg")
    card = get_card("bilateral")
    assert cost_of(card, [old]).memory_is == WITHOUT_MODEL and cost_of(card, [new]).memory_is == WITH_MODEL
    assert cost_of(card, [old]).memory_mb == 30 and cost_of(card, [old, new]).memory_mb is None


def test_a_latency_that_the_harness_calls_shared_is_not_published():
    (made,) = group([result("a", shared=True), result("b", shared=False)])
    assert [costs_of.latency(run) for run in made.ranked] == [None, 0.25]
