"""What other packages add to the evaluation: metrics, scenarios and data sets."""

from __future__ import annotations

from zoo.registry import Plugins

PLUGINS = Plugins(group="restoration_zoo.evaluation")
"""Another package adds to the registries of eval.metrics, eval.scenarios and eval.datasets when it names a module in
its pyproject.toml, which adds them when imported:

    [project.entry-points."restoration_zoo.evaluation"]
    any-name = "package.module"
"""
