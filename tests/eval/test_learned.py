"""Learned distances and scores against the networks of lpips and pyiqa themselves, with random weights.

The real files are downloads. A made-up one is taken for the real one because the test puts the first digits of its
sha256 where those of the real one stand.
"""

from __future__ import annotations

import dataclasses
import importlib.util
import subprocess
import sys

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from eval import learned, quality
from eval.metrics import METRICS, NotComputable
from tests.eval.helpers import ROOT, photograph
from zoo.nn.torchvision_compat import ensure_torchvision
from zoo.weights import places
from zoo.weights.checksum import sha256_of

BACKBONES = {"alex": "alexnet", "vgg": "vgg16", "squeeze": "squeezenet1_1"}


def compute(metric: str, restored: np.ndarray, target: np.ndarray) -> float:
    return METRICS[metric].compute(restored, target, None)


def tensor(image: np.ndarray):
    import torch

    return torch.from_numpy(np.moveaxis(image, 2, 0).copy())[None].float() / 255


def pictures() -> list[np.ndarray]:
    target = photograph("chelsea")[:160, :200]
    return [target, gaussian_filter(target, (1.5, 1.5, 0)), 255 - target]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty ZOO_WEIGHTS folder, and nothing bundled."""
    monkeypatch.setattr(places, "BUNDLED", tmp_path / "nothing")
    folder = tmp_path / "weights"
    folder.mkdir()
    monkeypatch.setenv("ZOO_WEIGHTS", str(folder))
    return folder


def put(folder, known, state):
    """Save a state under the known file's name, and the known file with its checksum."""
    import torch

    path = folder / known.name
    torch.save(state, path)
    return dataclasses.replace(known, digits=sha256_of(path)[:8])


@pytest.fixture
def backbone(folder, monkeypatch):
    """Makes one of torchvision's networks with random weights, which lies where the trained one is looked for."""

    def make(name: str):
        import torch

        ensure_torchvision()
        import torchvision

        torch.manual_seed(3)
        network = getattr(torchvision.models, BACKBONES[name])(weights=None)
        state = {key: value for key, value in network.state_dict().items() if key.startswith("features.")}
        monkeypatch.setitem(learned.BACKBONES, name, put(folder, learned.BACKBONES[name], state))
        return network

    return make


MISSING = {
    "lpips_alex": ("alexnet-owt-7be5be79.pth", "lpips.LPIPS(net='alex')"),
    "lpips_vgg": ("vgg16-397923af.pth", "lpips.LPIPS(net='vgg')"),
    "lpips_squeeze": ("squeezenet1_1-b8a52dc0.pth", "lpips.LPIPS(net='squeeze')"),
    "dists": ("DISTS_weights-f5e65c96.pth", "pyiqa.create_metric('dists')"),
    "musiq": ("musiq_koniq_ckpt-e95806b9.pth", "pyiqa.create_metric('musiq')"),
    "topiq": ("cfanet_nr_koniq_res50-9a73138b.pth", "pyiqa.create_metric('topiq_nr')"),
    "clipiqa": ("RN50.pt", "pyiqa.create_metric('clipiqa')"),
    "brisque": ("brisque_svm_weights.pth", "pyiqa.create_metric('brisque')"),
}


@pytest.mark.parametrize("metric", MISSING)
def test_without_weights_it_says_what_is_missing_and_how_to_get_it(metric, folder):
    file, command = MISSING[metric]
    reason = METRICS[metric].unavailable_reason()
    assert reason.startswith(f"{file} (") and command in reason
    with pytest.raises(NotComputable, match="needs a file"):
        compute(metric, *pictures()[:2])


@pytest.mark.parametrize("name", BACKBONES)
def test_lpips_equals_lpips_own_network(name, backbone, monkeypatch):
    ensure_torchvision()
    import lpips
    import torch

    network = backbone(name)
    assert METRICS[f"lpips_{name}"].unavailable_reason() is None
    monkeypatch.setattr(lpips.pretrained_networks.tv, BACKBONES[name], lambda pretrained: network)
    reference = lpips.LPIPS(net=name, verbose=False).eval()
    target, *others = pictures()
    for restored in others:
        with torch.no_grad():
            expected = float(reference(tensor(restored) * 2 - 1, tensor(target) * 2 - 1))
        assert expected > 1e-6
        assert compute(f"lpips_{name}", restored, target) == pytest.approx(expected, rel=1e-4)
    assert compute(f"lpips_{name}", target, target) == 0
    with pytest.raises(NotComputable, match="64 x 64"):
        compute(f"lpips_{name}", target[:63], target[:63])


def test_another_file_is_refused(backbone, monkeypatch):
    backbone("alex")
    file = dataclasses.replace(learned.BACKBONES["alex"], digits="7be5be79")
    monkeypatch.setitem(learned.BACKBONES, "alex", file)
    assert "its sha256 does not begin with 7be5be79" in METRICS["lpips_alex"].unavailable_reason()


def test_a_changed_file_is_noticed(backbone, folder):
    backbone("alex")
    assert METRICS["lpips_alex"].unavailable_reason() is None
    path = folder / learned.BACKBONES["alex"].name
    path.write_bytes(path.read_bytes()[:1000])
    assert "damaged" in METRICS["lpips_alex"].unavailable_reason()


def test_dists_equals_pyiqas_network(backbone, folder, monkeypatch):
    import torch

    network = backbone("vgg")
    torch.manual_seed(4)
    heads = {name: torch.rand(1, 1475, 1, 1) for name in ("alpha", "beta")}
    monkeypatch.setattr(learned, "DISTS_WEIGHTS", put(folder, learned.DISTS_WEIGHTS, heads))
    from pyiqa.archs import dists_arch

    monkeypatch.setattr(dists_arch.models, "vgg16", lambda weights: network)
    reference = dists_arch.DISTS(pretrained=False).eval()
    reference.load_state_dict(heads, strict=False)
    target, *others = pictures()
    for restored in others:
        with torch.no_grad():
            expected = float(reference(tensor(restored), tensor(target)))
        assert expected > 0.01
        assert compute("dists", restored, target) == pytest.approx(expected, rel=1e-4)
    assert compute("dists", target, target) == pytest.approx(0, abs=1e-5)


@pytest.fixture
def network(folder, monkeypatch):
    """Puts a network's state where one of pyiqa's is looked for."""

    def make(name: str, state) -> None:
        file = put(folder, quality.NETWORKS[name].file, state)
        monkeypatch.setitem(quality.NETWORKS, name, dataclasses.replace(quality.NETWORKS[name], file=file))
        assert METRICS[name].unavailable_reason() is None

    return make


def agrees(name: str, reference, capsys) -> None:
    import torch

    target, restored, _ = pictures()
    with torch.no_grad():
        expected = [float(reference(tensor(image)).squeeze()) for image in (target, restored)]
    assert abs(expected[0] - expected[1]) > 1e-6 * abs(expected[0])
    capsys.readouterr()
    assert [compute(name, image, target) for image in (target, restored)] == pytest.approx(expected, rel=1e-4)
    assert capsys.readouterr().out == ""
    with pytest.raises(NotComputable, match="64 x 64"):
        compute(name, target[:63], target[:63])


def test_brisque_is_pyiqas(network, monkeypatch, capsys, folder):
    import torch

    torch.manual_seed(5)
    state = (torch.randn(50, 1) * 100, torch.rand(50, 36) * 2 - 1)
    network("brisque", state)
    ensure_torchvision()
    from pyiqa.archs.brisque_arch import BRISQUE

    agrees("brisque", BRISQUE(pretrained_model_path=str(folder / "brisque_svm_weights.pth")), capsys)


@pytest.mark.slow
def test_musiq_is_pyiqas(network, capsys):
    import torch

    ensure_torchvision()
    from pyiqa.archs.musiq_arch import MUSIQ

    torch.manual_seed(6)
    reference = MUSIQ(pretrained=False).eval()
    network("musiq", reference.state_dict())
    agrees("musiq", reference, capsys)


@pytest.mark.slow
def test_topiq_is_pyiqas(network, capsys):
    import torch

    ensure_torchvision()
    from pyiqa.archs.topiq_arch import CFANet

    torch.manual_seed(7)
    reference = CFANet(
        semantic_model_name="resnet50", model_name="cfanet_nr_koniq_res50", backbone_pretrain=False, use_ref=False,
        pretrained=False,
    ).eval()  # fmt: skip
    network("topiq", {"params": reference.state_dict()})
    agrees("topiq", reference, capsys)


def test_clipiqa_says_when_its_package_cannot_be_imported(folder, monkeypatch):
    import torch

    file = put(folder, quality.NETWORKS["clipiqa"].file, torch.zeros(1))
    monkeypatch.setitem(quality.NETWORKS, "clipiqa", dataclasses.replace(quality.NETWORKS["clipiqa"], file=file))
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert "pip install 'setuptools<81'" in METRICS["clipiqa"].unavailable_reason()


@pytest.mark.slow
@pytest.mark.skipif(not importlib.util.find_spec("pkg_resources"), reason="openai-clip needs pkg_resources")
def test_clipiqa_is_pyiqas(network, capsys, folder, monkeypatch):
    import torch

    ensure_torchvision()
    from pyiqa.archs import clip_model
    from pyiqa.archs.clipiqa_arch import CLIPIQA

    torch.manual_seed(8)
    # A CLIP of the least size that has all layers of OpenAI's ResNet-50, with its vocabulary, stored as theirs is.
    clip = clip_model.CLIP(64, 224, (1, 1, 1, 1), 8, None, 77, 49408, 64, 1, 1).eval()
    traced = torch.jit.trace(clip, (torch.rand(1, 3, 224, 224), torch.zeros(1, 77, dtype=torch.long)))
    network("clipiqa", torch.zeros(1))
    path = folder / "RN50.pt"
    traced.save(str(path))
    file = dataclasses.replace(quality.NETWORKS["clipiqa"].file, digits=sha256_of(path)[:8])
    monkeypatch.setitem(quality.NETWORKS, "clipiqa", dataclasses.replace(quality.NETWORKS["clipiqa"], file=file))
    agrees("clipiqa", CLIPIQA(backbone=str(path)), capsys)


def test_learned_metrics_are_imported_only_when_asked_for():
    program = (
        "import sys, eval.metrics\n"
        "print([name for name in ('torch', 'torchvision', 'pyiqa', 'lpips', 'timm', 'cv2') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr
