"""Another package adds a metric, a scenario, a data set and a protocol; one that cannot be imported is told."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from eval.datasets import CARDS
from eval.metrics import METRICS, SET_METRICS
from eval.published import PROTOCOLS
from eval.scenarios import SCENARIOS
from tests.eval.helpers import ROOT

MODULE = """
from dataclasses import replace
from eval.datasets import CARDS, DatasetCard
from eval.metrics import METRICS
from eval.published import PROTOCOLS
from eval.scenarios import SCENARIOS

psnr, jpeg, gopro = METRICS._entries["psnr_rgb"], SCENARIOS._entries["jpeg"], PROTOCOLS._entries["gopro"]
METRICS.add([("psnr_of_another", replace(psnr, id="psnr_of_another"))])
SCENARIOS.add([("jpeg-of-another", replace(jpeg, id="jpeg-of-another", metrics=("psnr_of_another",)))])
card = DatasetCard("set-of-another", "X", ("restore",), "CC0", "https://example.org", 1, "1 MB")
CARDS.add([("set-of-another", card)])
PROTOCOLS.add([("protocol-of-another", replace(gopro, id="protocol-of-another"))])
"""


def install(folder: Path, module: str) -> None:
    """What pip leaves behind: a module, and metadata with an entry point."""
    (folder / "plug_another.py").write_text(module)
    metadata = folder / "plug_another-1.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: plug-another\nVersion: 1\n")
    (metadata / "entry_points.txt").write_text("[restoration_zoo.evaluation]\nanother = plug_another\n")


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    path = os.pathsep.join([str(ROOT), str(folder)])
    command = [sys.executable, "-m", "eval", *map(str, arguments)]
    return subprocess.run(command, cwd=folder, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True)


def test_another_package_adds_to_the_evaluation(tmp_path):
    install(tmp_path, MODULE)
    out = tmp_path / "runs"
    # Two worker processes, which have to find the scenario and the metric too.
    done = run(tmp_path, "-m", "no-op", "--dataset", "sample", "--limit", 2, "--scenario", "jpeg-of-another",
               "--workers", 2, "--out", out)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "psnr_of_another" in done.stdout
    assert "set-of-another" in run(tmp_path, "datasets").stdout
    assert "protocol-of-another" in run(tmp_path, "protocols").stdout


def test_a_package_that_cannot_be_imported_is_told_and_left_out(tmp_path):
    install(tmp_path, MODULE + "\nraise RuntimeError('broken')\n")
    done = run(tmp_path, "-m", "no-op", "--dataset", "sample", "--scenario", "jpeg-of-another", "--out", tmp_path / "r")
    assert done.returncode == 2
    assert "unknown scenario 'jpeg-of-another'" in done.stderr and "RuntimeError: broken" in done.stderr
    assert "psnr_of_another" not in run(tmp_path, "metrics").stdout


@pytest.mark.parametrize("registry", [METRICS, SET_METRICS, SCENARIOS, CARDS, PROTOCOLS], ids=lambda one: one.kind)
def test_a_name_is_taken_once(registry):
    name, entry = registry.items()[0]
    with pytest.raises(ValueError, match=f"'{name}' is registered twice"):
        registry.add([("new-one", replace(entry, id="new-one")), (name, entry)])
    assert "new-one" not in registry
