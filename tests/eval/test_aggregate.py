from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from eval.aggregate import METRIC, RUN, aggregate, read_rows, rows_of, write_rows
from eval.find import find_results
from eval.stats import t_interval
from tests.eval.helpers import evaluate
from zoo.errors import ZooError


def table(n: int, runs: int) -> pd.DataFrame:
    """n rows of several runs, with made-up values."""
    rng = np.random.default_rng(0)
    number = np.arange(n) % runs
    columns = {column: [f"{column} {i}" for i in number] for column in RUN}
    return pd.DataFrame(columns).assign(
        name=[f"{i}.png" for i in range(n)], seconds=rng.random(n),
        **{METRIC + "psnr_rgb": rng.normal(30, 3, n), METRIC + "niqe": np.where(number == 0, np.nan, rng.random(n))},
    )  # fmt: skip


def test_means_and_intervals_are_those_of_each_run():
    rows = table(3000, 3)
    found = aggregate(rows).set_index(["model", "metric"])
    for run in range(3):
        values = rows[METRIC + "psnr_rgb"][run::3]
        line = found.loc[(f"model {run}", "psnr_rgb")]
        assert (line["n"], line["mean"]) == (1000, pytest.approx(values.mean()))
        assert (line["low"], line["high"]) == pytest.approx(t_interval(values))
    assert ("model 0", "niqe") not in found.index
    assert found.loc[("model 1", "niqe"), "n"] == 1000
    single = aggregate(table(1, 1)).set_index("metric").loc["psnr_rgb"]
    assert single["n"] == 1 and np.isnan(single["low"])


def test_from_runs_to_parquet_to_means(tmp_path, photographs, capsys):
    pytest.importorskip("pyarrow")
    out, file = tmp_path / "out", tmp_path / "rows.parquet"
    assert evaluate("--model", "no-op,nl-means", "--dataset", f"folder:{photographs}", "--scenario", "noise", "--out",
                    out) == 0  # fmt: skip
    assert evaluate("aggregate", out, "--parquet", file) == 0
    printed = capsys.readouterr().out.splitlines()
    results = find_results([out])
    for result in results:
        value = result.metrics["psnr_rgb"]
        (line,) = [line for line in printed if line.split()[4:6] == [result.model.id, "psnr_rgb"]]
        assert f" 4  {value.mean:.4f}  {value.low:.4f} to {value.high:.4f}" in line
    assert len(read_rows(file)) == 8
    assert evaluate("aggregate", file, "--csv", tmp_path / "means.csv") == 0
    means = pd.read_csv(tmp_path / "means.csv", keep_default_na=False)
    assert set(means["model"]) == {"no-op", "nl-means"}
    pd.testing.assert_frame_equal(aggregate(read_rows(file)), aggregate(rows_of(results)))


def test_what_is_no_table_of_rows_is_one_sentence(tmp_path):
    pytest.importorskip("pyarrow")
    with pytest.raises(ZooError, match=r"cannot read .*nowhere\.parquet: no such file"):
        read_rows(tmp_path / "nowhere.parquet")
    (tmp_path / "x.parquet").write_bytes(b"PAR1nonsense")
    with pytest.raises(ZooError, match=r"x\.parquet is no Parquet file, or is damaged"):
        read_rows(tmp_path / "x.parquet")
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "other.parquet")
    with pytest.raises(ZooError, match=r"has no rows of results \(the column dataset is missing\)"):
        read_rows(tmp_path / "other.parquet")
    with pytest.raises(ZooError, match="cannot write"):
        write_rows(table(2, 1), tmp_path / "x.parquet" / "y.parquet")
