"""The small published networks that are bundled, or fetched and never bundled, against reference outputs.

tests/data/parity holds, for span_x2, span_x4 and realesr_animevideov3_x4, an input and what ncnn makes of it (uint8);
for iat_* and sci_medium, an input and what the authors' own code makes of it (float32); for dmphn, the authors' code
on the deterministic weights of recipe.py.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

import zoo
from tests.models import checks, parity
from zoo.errors import WeightsError
from zoo.models.dmphn import FILES
from zoo.models.dmphn import network as dmphn
from zoo.models.iat import network as iat
from zoo.models.real_esrgan import rrdb
from zoo.registry import get_card
from zoo.weights.places import BUNDLED

ENLARGERS = {
    "span.x2": "span_x2",
    "span.x4": "span_x4",
    "real-esrgan.animevideo-x4": "realesr_animevideov3_x4",
}
LIGHT = {"iat.lol": "iat_lol", "iat.exposure": "iat_exposure", "sci.medium": "sci_medium"}
BUNDLED_IDS = [*ENLARGERS, "real-esrgan.animevideo-x2", *LIGHT]


def stored(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Input and reference output, H x W x 3."""
    with np.load(parity.DATA / f"{name}.npz") as arrays:
        return arrays["input"], arrays["output"]


@pytest.mark.parametrize(("model", "case"), ENLARGERS.items())
def test_enlargers_give_what_ncnn_gives(model, case):
    given, expected = stored(case)
    result = zoo.load(model, device="cpu").restore(given).image
    assert result.shape == expected.shape
    assert np.abs(result.astype(int) - expected).max() <= 1


@pytest.mark.parametrize(("model", "case"), LIGHT.items())
def test_light_networks_give_what_the_authors_code_gives(model, case):
    given, expected = stored(case)
    result = zoo.load(model, device="cpu").restore(given).image
    # A color that is mixed to 0 and below may be raised to a gamma, which makes more of rounding there.
    assert np.abs(result / 255 - expected).max() <= 0.5 / 255 + 1e-4
    brighter = expected.mean() > given.mean() / 255
    assert brighter == (given.mean() < 128)  # the exposure's case is a picture that is too bright


def test_halved_is_the_mean_of_what_is_enlarged():
    given, enlarged = stored("realesr_animevideov3_x4")
    result = zoo.load("real-esrgan.animevideo-x2", device="cpu").restore(given).image
    means = enlarged.reshape(given.shape[0] * 2, 2, given.shape[1] * 2, 2, 3).mean(axis=(1, 3))
    assert result.shape == means.shape
    assert abs(result.mean() - means.mean()) < 0.5 and np.abs(result - means).mean() < 2
    assert result.std() > means.std()  # bicubic is sharper than the mean of four


@pytest.mark.parametrize("model", ["span.x2", "span.x4", "real-esrgan.animevideo-x4", "real-esrgan.animevideo-x2"])
def test_tiles_equal_the_whole(model):
    given, _ = stored("span_x4")
    given = np.vstack([given, given[::-1]])
    tiled = zoo.load(model, device="cpu", tile=96).restore(given).image
    whole = zoo.load(model, device="cpu", tile=None).restore(given).image
    difference = tiled.astype(int) - whole
    assert np.abs(difference).max() <= 1  # where a value lies between two levels, the last bit decides
    assert (difference != 0).mean() < 1e-3


def test_light_tiles_equal_the_whole():
    given, _ = stored("sci_medium")
    tiled = zoo.load("sci.medium", device="cpu", tile=48).restore(given).image
    whole = zoo.load("sci.medium", device="cpu", tile=None).restore(given).image
    assert np.abs(tiled.astype(int) - whole).max() <= 1


def test_iat_bands_equal_the_whole(monkeypatch):
    given, _ = stored("iat_lol")
    model = zoo.load("iat.lol", device="cpu")
    whole = model.restore(given).image
    monkeypatch.setattr(iat, "BAND_PIXELS", 20 * given.shape[1])
    assert np.abs(model.restore(given).image.astype(int) - whole).max() <= 1


@pytest.mark.parametrize("model", BUNDLED_IDS)
def test_sixteen_bits_and_alpha(model):
    given, _ = stored("iat_lol")
    given = given[:40, :48]
    restorer = zoo.load(model, device="cpu")
    scale = restorer.card.scale
    eight = restorer.restore(given).image
    alpha = np.full((*given.shape[:2], 1), 255, np.uint8)
    alpha[:20] = 0
    deep = np.concatenate([given, alpha], axis=2).astype(np.uint16) * 257
    result = restorer.restore(deep).image
    assert result.dtype == np.uint16 and result.shape == (40 * scale, 48 * scale, 4)
    assert np.abs(result[..., :3] / 257 - eight).max() <= 0.51
    assert (result[: 20 * scale - 2 * scale, :, 3] == 0).all() and (
        result[20 * scale + 2 * scale :, :, 3] > 65000
    ).all()


@pytest.mark.parametrize("model", BUNDLED_IDS)
def test_tensors_are_taken_strictly(model):
    from safetensors.torch import load_file

    from zoo import registry

    found = registry.find(model)
    card, build = found.card, found.builder
    state = load_file(BUNDLED / card.weights.filename)
    name = next(key for key in state if key.endswith(".weight"))
    with pytest.raises(RuntimeError, match="Missing key"):
        build(card, {key: value for key, value in state.items() if key != name})
    with pytest.raises(RuntimeError, match="Unexpected key"):
        build(card, {**state, "more.weight": torch.zeros(1)})
    with pytest.raises(RuntimeError, match="size mismatch"):
        build(card, {**state, name: torch.zeros(5, 4, 3)})


@pytest.mark.parametrize("model", BUNDLED_IDS)
def test_any_size(model):
    restorer = zoo.load(model, device="cpu")
    for height, width in ((1, 1), (9, 31)):
        given = checks.picture(0, height, width)
        assert restorer.restore(given).image.shape == (height * restorer.card.scale, width * restorer.card.scale, 3)


def dmphn_state() -> dict[str, torch.Tensor]:
    """The deterministic weights, small enough that the picture counts beside what is added to it (see dmphn.json)."""
    return {name: tensor * (0.6 if tensor.dim() == 4 else 1) for name, tensor in parity.state("dmphn").items()}


def test_dmphn_golden_output():
    net = dmphn.build_backend(dmphn_state()).network
    parity.assert_published_names(net, "dmphn")
    with torch.inference_mode():
        parity.assert_golden("dmphn", {"y": net(parity.golden_input("dmphn", -0.5, 0.5))})


def test_dmphn_card_and_sizes():
    card = get_card("dmphn")
    assert card.id == "dmphn.gopro" and len(card.files) == len(FILES) == 8
    assert all(file.sha256 and "/9fff261daca8" in file.sources[0].url for file in card.files)
    assert not any((BUNDLED / file.filename).exists() for file in card.files)
    checks.assert_restores_any_size("dmphn.gopro", dmphn_state(), 70, 90)


def test_dmphn_of_another_architecture_is_refused(tmp_path):
    folder = tmp_path / "dmphn_1_2_4_8"
    folder.mkdir()
    for name in FILES:
        torch.save({"layer1.weight": torch.zeros(32, 3, 3, 3)}, folder / f"{name}.pkl")
    with pytest.raises(WeightsError, match=r"the weights do not fit dmphn\.gopro"):
        zoo.load("dmphn.gopro", device="cpu", weights=folder)


@pytest.mark.slow
def test_x4plus_is_the_published_architecture():
    """spandrel takes the names of its tensors for ESRGAN's, and makes the same of a picture."""
    from zoo.nn.torchvision_compat import ensure_torchvision

    ensure_torchvision()
    spandrel = pytest.importorskip("spandrel", reason="the optional extra spandrel is not installed")
    torch.manual_seed(0)
    mine = rrdb.RRDBNet().eval()
    descriptor = spandrel.ModelLoader().load_from_state_dict(dict(mine.state_dict()))
    assert descriptor.architecture.name == "ESRGAN" and descriptor.scale == 4
    image = parity.recipe.image("x4plus", (1, 3, 24, 20), 0, 1)
    with torch.inference_mode():
        expected = descriptor.model.eval()(image)
        assert (mine(image) - expected).abs().max() <= 1e-4 * expected.std()
