"""Make `import torchvision` work beside a CPU-only torch.

The torchvision on PyPI is built for CUDA. Beside a CPU-only torch its compiled operators do not load, and the
import then dies because it describes operators that were never declared ("operator torchvision::nms does not
exist"). timm, lpips and pyiqa need the import, none of them those operators: declaring the two names is enough.
"""

from __future__ import annotations

import importlib
import sys

_library = None  # the declarations live as long as this object does


def ensure_torchvision() -> None:
    """Import torchvision, declaring its missing operators first when, and only when, the import fails for them.

    Call it before importing timm, lpips or pyiqa. Raises what `import torchvision` raises in any other case.
    """
    global _library
    try:
        importlib.import_module("torchvision")
    except RuntimeError as error:
        if "torchvision::nms" not in str(error) or _library is not None:
            raise
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        import torch

        _library = torch.library.Library("torchvision", "DEF")
        _library.define("nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        _library.define("qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        importlib.import_module("torchvision")
