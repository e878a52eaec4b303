"""Distances by VGG-19's features against NumPy and torchvision's network, all with random weights.

The real files are downloads. A made-up one is taken for the real one because the test puts the first digits of its
sha256 where those of the real one stand.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from numpy.lib.stride_tricks import sliding_window_view
from scipy.ndimage import gaussian_filter

from eval import perceptual
from eval.metrics import METRICS, NotComputable
from tests.eval.helpers import photograph
from zoo.errors import WeightsError
from zoo.weights import places
from zoo.weights.checksum import sha256_of

FORMS = {"vgg_conv3_1": "normalized", "vgg_conv3_1_hole": "normalized", "vgg_conv3_1_torchvision": "torchvision"}


def compute(metric: str, restored: np.ndarray, truth: np.ndarray, mask: np.ndarray | None = None) -> float:
    return METRICS[metric].compute(restored, truth, mask)


def blurred(image: np.ndarray, sigma: float = 1.5) -> np.ndarray:
    return gaussian_filter(image, (sigma, sigma, 0))


def taken_for(known, path):
    """The known file with the checksum of another one."""
    return dataclasses.replace(known, digits=sha256_of(path)[:8])


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty ZOO_WEIGHTS folder, and nothing bundled."""
    monkeypatch.setattr(places, "BUNDLED", tmp_path / "nothing")
    folder = tmp_path / "weights"
    folder.mkdir()
    monkeypatch.setenv("ZOO_WEIGHTS", str(folder))
    return folder


@pytest.mark.parametrize(
    ("metric", "file"),
    [
        ("vgg_conv3_1", "vgg19_conv3_1.safetensors (normalized VGG-19 up to conv3_1, 2.2 MB)"),
        ("vgg_conv3_1_hole", "vgg19_conv3_1.safetensors (normalized VGG-19 up to conv3_1, 2.2 MB)"),
        ("vgg_conv3_1_torchvision", "vgg19-dcbb9e9d.pth (torchvision's VGG-19, 548 MB)"),
    ],
)
def test_without_weights_it_says_what_is_missing(metric, file, folder):
    assert METRICS[metric].unavailable_reason().startswith(f"{file} is not in the ZOO_WEIGHTS folder")


# ---- VGG-19


@pytest.fixture
def normalized(folder, monkeypatch):
    """The tensors of a normalized form with random weights, which lies where the trained one is looked for."""
    from safetensors.numpy import save_file

    from zoo.nn import vgg

    rng = np.random.default_rng(5)
    sizes = {"conv0": (3, 3, 1), "conv1_1": (64, 3, 3), "conv1_2": (64, 64, 3), "conv2_1": (128, 64, 3),
             "conv2_2": (128, 128, 3), "conv3_1": (256, 128, 3)}  # fmt: skip
    tensors = {}
    for name, (made, given, side) in sizes.items():
        spread = (2 / (given * side * side)) ** 0.5
        tensors[f"{name}.weight"] = rng.normal(0, spread, (made, given, side, side)).astype(np.float32)
        tensors[f"{name}.bias"] = rng.normal(0, 0.1, made).astype(np.float32)
    path = folder / vgg.FILES["normalized"].name
    save_file(tensors, path)
    monkeypatch.setitem(vgg.FILES, "normalized", taken_for(vgg.FILES["normalized"], path))
    return tensors


@pytest.fixture
def torchvisions(folder, monkeypatch):
    """torchvision's VGG-19 up to conv3_1 with random weights; its file lies where the trained one is looked for."""
    import torch

    from zoo.nn import vgg
    from zoo.nn.torchvision_compat import ensure_torchvision

    ensure_torchvision()
    from torchvision.models.vgg import cfgs, make_layers

    torch.manual_seed(6)
    network = make_layers(cfgs["E"])[:12].eval().requires_grad_(False)  # vgg19().features, without its 500 MB behind
    for index in (0, 2, 5, 7, 10):
        torch.nn.init.kaiming_normal_(network[index].weight)  # torch's own choice would let the features vanish
    path = folder / vgg.FILES["torchvision"].name
    torch.save({f"features.{name}": value for name, value in network.state_dict().items()}, path)
    monkeypatch.setitem(vgg.FILES, "torchvision", taken_for(vgg.FILES["torchvision"], path))
    return network


def small(name: str) -> np.ndarray:
    """A piece of a photograph whose sides 4 does not divide."""
    return photograph(name)[100:147, 120:173]


def by_hand(tensors: dict[str, np.ndarray], image: np.ndarray) -> np.ndarray:
    """Features of the normalized form in NumPy and float64, 256 x H/4 x W/4."""

    def convolved(x, name):
        padded = np.pad(x, ((0, 0), (1, 1), (1, 1)), mode="reflect")
        weight, bias = (tensors[f"{name}.{part}"].astype(float) for part in ("weight", "bias"))
        windows = sliding_window_view(padded, (3, 3), axis=(1, 2))
        return np.maximum(np.tensordot(weight, windows, axes=((1, 2, 3), (0, 3, 4))) + bias[:, None, None], 0)

    def halved(x):
        x = np.pad(x, ((0, 0), (0, x.shape[1] % 2), (0, x.shape[2] % 2)), constant_values=-np.inf)
        return x.reshape(len(x), x.shape[1] // 2, 2, x.shape[2] // 2, 2).max(axis=(2, 4))

    x = np.moveaxis(image, 2, 0) / 255
    x = np.tensordot(tensors["conv0.weight"][:, :, 0, 0], x, axes=1) + tensors["conv0.bias"][:, None, None]
    x = halved(convolved(convolved(x, "conv1_1"), "conv1_2"))
    return convolved(halved(convolved(convolved(x, "conv2_1"), "conv2_2")), "conv3_1")


def test_the_normalized_form_by_hand(normalized):
    assert METRICS["vgg_conv3_1"].unavailable_reason() is None
    truth = small("astronaut")
    for restored in (blurred(truth), 255 - truth):
        errors = (by_hand(normalized, restored) - by_hand(normalized, truth)) ** 2
        assert errors.shape == (256, 12, 14)
        assert errors.mean() > 1e-3
        assert compute("vgg_conv3_1", restored, truth) == pytest.approx(errors.mean(), rel=1e-4)


def test_the_hole_form_counts_the_cells_that_the_hole_touches(normalized):
    truth = small("astronaut")
    restored = blurred(truth)
    mask = np.zeros(truth.shape[:2], bool)
    mask[9:21, 20:30] = mask[46, 52] = True  # the last pixel is in the incomplete last cell
    touched = {(y // 4, x // 4) for y, x in np.argwhere(mask)}
    assert len(touched) == 4 * 3 + 1
    errors = ((by_hand(normalized, restored) - by_hand(normalized, truth)) ** 2).mean(axis=0)
    expected = np.mean([errors[cell] for cell in touched])
    assert compute("vgg_conv3_1_hole", restored, truth, mask) == pytest.approx(expected, rel=1e-4)

    everything = np.ones_like(mask)
    assert compute("vgg_conv3_1_hole", restored, truth, everything) == compute("vgg_conv3_1", restored, truth)


def test_the_hole_form_does_not_look_far_outside_the_hole(normalized):
    truth = photograph("astronaut")[:128, :128]
    mask = np.zeros(truth.shape[:2], bool)
    mask[:40, :40] = True
    restored = truth.copy()
    restored[64:] = 255 - restored[64:]
    assert compute("vgg_conv3_1_hole", restored, truth, mask) == 0
    assert compute("vgg_conv3_1", restored, truth) > 1e-3


def test_the_hole_form_needs_a_hole(normalized):
    truth = small("astronaut")
    with pytest.raises(NotComputable, match="needs a mask"):
        compute("vgg_conv3_1_hole", truth, truth)
    with pytest.raises(NotComputable, match="needs a hole"):
        compute("vgg_conv3_1_hole", truth, truth, np.zeros(truth.shape[:2], bool))


def test_torchvisions_form_is_torchvisions_network(torchvisions):
    import torch

    from zoo.nn.vgg import load_vgg

    assert METRICS["vgg_conv3_1_torchvision"].unavailable_reason() is None
    truth = small("coffee")
    restored = blurred(truth)
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    one, other = (
        torchvisions(torch.from_numpy((image / 255 - mean) / deviation).permute(2, 0, 1)[None].float())
        for image in (restored, truth)
    )
    assert one.shape == (1, 256, 11, 13)
    expected = float((one - other).square().mean())
    assert expected > 1e-3
    assert compute("vgg_conv3_1_torchvision", restored, truth) == pytest.approx(expected, rel=1e-4)
    torch.testing.assert_close(load_vgg("torchvision")(perceptual.tensor_of(truth)), other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("metric", FORMS)
def test_equal_small_and_ever_worse_pictures(metric, normalized, torchvisions):
    truth = photograph("chelsea")[:100, :100]
    mask = np.zeros(truth.shape[:2], bool)
    mask[20:60, 30:70] = True
    assert compute(metric, truth, truth, mask) == 0
    mild, strong = (compute(metric, blurred(truth, sigma), truth, mask) for sigma in (1, 4))
    assert METRICS[metric].low < mild < strong < METRICS[metric].high
    assert not METRICS[metric].higher_is_better
    with pytest.raises(NotComputable, match="16 x 16"):
        compute(metric, truth[:15], truth[:15], mask[:15])
    assert compute(metric, truth[:16, :16], 255 - truth[:16, :16], np.ones((16, 16), bool)) > 0


@pytest.mark.parametrize("shape", [(70, 53), (33, 65), (17, 26)])
@pytest.mark.parametrize("form", ["normalized", "torchvision"])
def test_tiles_equal_the_whole(form, shape, normalized, torchvisions, monkeypatch):
    from zoo.nn.vgg import load_vgg

    truth = photograph("chelsea")[: shape[0], : shape[1]]
    restored = 255 - truth
    network = load_vgg(form)
    whole = (network(perceptual.tensor_of(restored)) - network(perceptual.tensor_of(truth))).square().mean(dim=1)[0]
    assert whole.shape == tuple(map(network.cells, shape))
    monkeypatch.setattr(perceptual, "TILE", 8)
    np.testing.assert_allclose(perceptual._in_tiles(network, restored, truth), whole, rtol=1e-3, atol=1e-6)


def test_the_network_is_not_run_twice_for_one_picture(normalized, monkeypatch):
    calls = []
    in_tiles = perceptual._in_tiles
    monkeypatch.setattr(perceptual, "_in_tiles", lambda *args: calls.append(1) or in_tiles(*args))
    truth = small("coffee")
    restored = blurred(truth)
    whole = compute("vgg_conv3_1", restored, truth)
    compute("vgg_conv3_1_hole", restored, truth, np.ones(truth.shape[:2], bool))
    assert len(calls) == 1
    restored[:] = truth  # the same array, another picture
    assert compute("vgg_conv3_1", restored, truth) == 0 < whole
    assert len(calls) == 2


def test_as_a_loss_it_teaches_the_picture_and_not_the_network(normalized):
    import torch

    from zoo.nn.vgg import load_vgg

    network = load_vgg()
    assert not network.training
    assert not any(parameter.requires_grad for parameter in network.parameters())
    x = perceptual.tensor_of(small("coffee")).requires_grad_()
    (network(x) - network(x.detach() * 0.5)).square().mean().backward()
    assert torch.isfinite(x.grad).all()
    assert (x.grad != 0).float().mean() > 0.9


def test_auto_takes_the_normalized_form_first(normalized, torchvisions, folder):
    from zoo.nn import vgg

    assert vgg.load_vgg().keep_odd
    (folder / vgg.FILES["normalized"].name).unlink()
    assert vgg.missing() is None
    assert not vgg.load_vgg().keep_odd
    (folder / vgg.FILES["torchvision"].name).unlink()
    with pytest.raises(WeightsError, match=r"vgg19_conv3_1.safetensors .* and vgg19-dcbb9e9d.pth .* is not in"):
        vgg.load_vgg()


def test_torchvisions_file_is_found_in_torchs_cache(home, torchvisions, folder, monkeypatch):
    from zoo.nn import vgg

    monkeypatch.delenv("ZOO_WEIGHTS")
    assert "is not in" in vgg.missing("torchvision")
    cache = home / ".cache" / "torch" / "hub" / "checkpoints"
    cache.mkdir(parents=True)
    (folder / vgg.FILES["torchvision"].name).rename(cache / vgg.FILES["torchvision"].name)
    assert vgg.missing("torchvision") is None
