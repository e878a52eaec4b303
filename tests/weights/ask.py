"""Resolve one model's weights in a process of its own: `python -m tests.weights.ask JSON`, the answer is JSON.

The Hub client reads its environment when it is imported, so each of its cases needs a fresh process.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path


def card(sha256: str | None = None, *, source: dict | None = None, license: str = "MIT"):
    """The card of a model "test.tiny" with one file."""
    from zoo.card import ModelCard, Source, Weights

    source = source or {"repo": "someone/tiny", "file": "tiny.pth"}
    weights = Weights("tiny.pth", license, (Source(**source),), sha256=sha256)
    return ModelCard(id="test.tiny", title="Tiny", tasks=("deblur",), license=license, weights=weights)


def ask(hub_url: str, **request) -> dict:
    """What a new process answers that talks to that Hub. `env` in the request adds to its environment."""
    env = {**os.environ, "HF_ENDPOINT": hub_url, "HF_HUB_DISABLE_XET": "1", **request.pop("env", {})}
    done = subprocess.run(
        [sys.executable, "-m", "tests.weights.ask", json.dumps(request)],
        cwd=Path(__file__).parents[2], env=env, capture_output=True, text=True, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout), "stderr": done.stderr}


def _main() -> None:
    from zoo.errors import ZooError
    from zoo.weights import missing_reason
    from zoo.weights.resolve import resolve, trust

    request = json.loads(sys.argv[1])
    if limit := request.pop("file_limit", None):
        import resource

        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    model = card(**request)
    answer = {"missing": missing_reason(model)}
    try:
        found = resolve(model)
        trust(found)
        (file,) = found.files
        answer |= {"path": str(file.path), "sha256": file.sha256, "origin": file.origin}
    except ZooError as error:
        answer["error"] = str(error)
    print(json.dumps(answer))


if __name__ == "__main__":
    _main()
