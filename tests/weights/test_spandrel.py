"""`spandrel:FILE`: community checkpoints as backends."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import zoo
from zoo import registry
from zoo.card import SizeRule
from zoo.errors import UnknownNameError, WeightsError
from zoo.torchvision_compat import ensure_torchvision


def _spandrel():
    """The optional extra, or a skip."""
    ensure_torchvision()
    return pytest.importorskip("spandrel", reason="the optional extra spandrel is not installed")


@pytest.fixture
def compact(tmp_path):
    """A tiny 2x enlarger of spandrel's own Compact architecture in the usual wrapping."""
    _spandrel()
    from spandrel.architectures.Compact import Compact

    torch.manual_seed(0)
    network = Compact(num_in_ch=3, num_out_ch=3, num_feat=8, num_conv=2, upscale=2)
    path = tmp_path / "2x_Tiny Compact.pth"
    torch.save({"params_ema": network.state_dict(), "params": {}}, path)
    return path


@pytest.fixture
def nafnet(tmp_path):
    """A tiny NAFNet as safetensors with a license in the header."""
    _spandrel()
    from spandrel.architectures.NAFNet import NAFNet

    torch.manual_seed(1)
    network = NAFNet(width=4, middle_blk_num=1, enc_blk_nums=[1, 1, 1, 1], dec_blk_nums=[1, 1, 1, 1])
    for parameter in network.parameters():  # beta and gamma are zero at first, which would make it the identity
        torch.nn.init.normal_(parameter, std=0.1)
    path = tmp_path / "deblur.safetensors"
    save_file(network.state_dict(), path, {"license": "Apache-2.0"})
    return path


def picture(height: int, width: int) -> np.ndarray:
    """A random picture."""
    return np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)


def direct(path: Path, image: np.ndarray) -> np.ndarray:
    """What spandrel's own descriptor makes of the picture, read by spandrel's own loader."""
    descriptor = _spandrel().ModelLoader().load_from_file(path).eval()
    tensor = torch.from_numpy(image).permute(2, 0, 1)[None] / 255
    return (descriptor(tensor)[0].permute(1, 2, 0) * 255).round().byte().numpy()


def test_card_of_an_enlarger(compact):
    card = zoo.get_card(f"spandrel:{compact}")
    assert card.id == "spandrel.2x-tiny-compact" and card.tasks == ("super-resolution",) and card.scale == 2
    assert card.tiling is not None and not card.tiling.exact
    assert "RealESRGAN Compact" in card.title and "not stated" in card.license
    assert registry.unavailable_reason(card) is None


def test_card_of_a_restorer(nafnet):
    card = zoo.get_card(f"spandrel:{nafnet}")
    assert card.tasks == ("restore",) and card.scale == 1 and card.license == "Apache-2.0"
    assert card.notes == ("It does not run in half precision (fp16).",)


@pytest.mark.parametrize("name", ["compact", "nafnet"])
def test_equals_the_descriptor(name, request):
    path = request.getfixturevalue(name)
    image = picture(48, 64)
    model = zoo.load(f"spandrel:{path}", device="cpu")
    assert len(model.weights_sha256) == 64
    assert isinstance(model.network, torch.nn.Module)
    result, expected = model.restore(image).image, direct(path, image)
    assert result.shape == expected.shape == (48 * model.card.scale, 64 * model.card.scale, 3)
    assert np.array_equal(result, expected)
    assert not np.array_equal(result[:48, :64], image)


def test_batches_and_odd_sizes(nafnet):
    model = zoo.load(f"spandrel:{nafnet}", device="cpu")
    images = [picture(33, 50), 255 - picture(33, 50)]
    both = model.restore_batch(images)
    for image, result in zip(images, both, strict=True):
        assert result.image.shape == image.shape
        assert np.array_equal(result.image, model.restore(image).image)


@pytest.mark.slow  # there is no small LaMa
def test_inpainting(tmp_path):
    _spandrel()
    from spandrel.architectures.LaMa import LaMa

    torch.manual_seed(2)
    network = LaMa(in_nc=4, out_nc=3)
    torch.save({"state_dict": network.state_dict()}, tmp_path / "big-lama.pth")
    model = zoo.load(f"spandrel:{tmp_path / 'big-lama.pth'}", device="cpu")
    assert model.card.tasks == ("inpaint",) and model.card.needs_mask
    assert model.card.size == SizeRule(multiple_of=8, minimum=16)
    image = picture(40, 48)
    mask = np.zeros((40, 48), bool)
    mask[10:20, 12:30] = True
    result = model.restore(image, mask).image
    assert np.array_equal(result[~mask], image[~mask]) and not np.array_equal(result[mask], image[mask])


def test_what_cannot_be_opened(tmp_path, compact):
    with pytest.raises(WeightsError, match="there is no weights file"):
        zoo.load(f"spandrel:{tmp_path / 'absent.pth'}")
    torch.save({"w": torch.ones(1)}, tmp_path / "x.pth")
    with pytest.raises(WeightsError, match=r"does not know the architecture of .*x\.pth"):
        zoo.load(f"spandrel:{tmp_path / 'x.pth'}")
    with pytest.raises(WeightsError, match="names its file already"):
        zoo.load(f"spandrel:{compact}", weights=compact)
    with pytest.raises(UnknownNameError, match="unknown kind of model 'spandrell:': did you mean spandrel:"):
        zoo.load("spandrell:x.pth")


def test_nothing_is_unpickled(tmp_path):
    import os

    class Attack:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "trap"),)

    torch.save({"params_ema": {"w": torch.ones(1)}, "x": Attack()}, tmp_path / "x.pth")
    with pytest.raises(WeightsError, match="is refused"):
        zoo.get_card(f"spandrel:{tmp_path / 'x.pth'}")
    assert not (tmp_path / "trap").exists()


def test_without_spandrel(tmp_path):
    torch.save({"body.0.weight": torch.ones(1)}, tmp_path / "x.pth")
    script = (
        "import sys; sys.modules['spandrel'] = None\n"  # as if it were not installed
        f"import zoo; zoo.get_card('spandrel:{tmp_path / 'x.pth'}')"
    )
    root = Path(__file__).parents[2]
    done = subprocess.run([sys.executable, "-c", script], cwd=root, capture_output=True, text=True, timeout=600)
    assert done.stderr.rstrip().endswith("pip install spandrel."), done.stderr
