"""Each card of a published checkpoint takes one of its architecture, made here, and runs it as spandrel does."""

from __future__ import annotations

import importlib
from collections.abc import Callable

import numpy as np
import pytest
import torch

import zoo
from tests.models import checks
from zoo.errors import WeightsError
from zoo.models.community import ARCHITECTURES, CHECKPOINTS
from zoo.nn.torchvision_compat import ensure_torchvision


def spandrel_network(architecture: str, *, extra: bool = False, **options) -> torch.nn.Module:
    """A network of spandrel's, with random weights that leave no part without effect; or the test is skipped."""
    ensure_torchvision()
    package = "spandrel_extra_arches" if extra else "spandrel"
    pytest.importorskip(package, reason=f"the optional extra {package} is not installed")
    module = importlib.import_module(f"{package}.architectures.{architecture}")
    torch.manual_seed(0)
    network = getattr(module, architecture)(**options)
    for parameter in network.parameters():
        if parameter.dim() < 4 and (parameter == 0).all():  # gates of residual branches that begin closed
            torch.nn.init.normal_(parameter, std=0.1)
    return network.eval()


def esrgan(scale: int) -> torch.nn.Module:
    """In the names of the newer files: Real-ESRGAN's 2x network takes the picture folded to half its size."""
    return spandrel_network("ESRGAN", num_filters=8, num_blocks=1, scale=4, shuffle_factor=2 if scale == 2 else None,
                            in_nc=12 if scale == 2 else 3)  # fmt: skip


SMALL: dict[str, Callable[[], torch.nn.Module]] = {
    "NAFNet": lambda: spandrel_network(
        "NAFNet", width=4, middle_blk_num=1, enc_blk_nums=[1, 1, 1, 1], dec_blk_nums=[1, 1, 1, 1]
    ),
    "SCUNet": lambda: spandrel_network("SCUNet", config=[1] * 7, dim=64),
    "FBCNN": lambda: spandrel_network("FBCNN", nc=[8, 8, 16, 512], nb=2),
    "DnCNN": lambda: spandrel_network("DnCNN", in_nc=3, out_nc=3, nc=8, nb=20, act_mode="R"),
    "SwinIR": lambda: spandrel_network(
        "SwinIR", upscale=4, embed_dim=12, depths=[1, 1], num_heads=[2, 2], window_size=8, mlp_ratio=2,
        upsampler="nearest+conv", resi_connection="3conv",
    ),
    "HAT": lambda: spandrel_network(
        "HAT", upscale=4, embed_dim=12, depths=[1], num_heads=[2], window_size=16, compress_ratio=3,
        squeeze_factor=4, mlp_ratio=2, upsampler="pixelshuffle",
    ),
    "DAT": lambda: spandrel_network(
        "DAT", upscale=4, embed_dim=32, split_size=[8, 8], depth=[2], num_heads=[2], expansion_factor=2,
        resi_connection="1conv",
    ),
    "Compact": lambda: spandrel_network("Compact", num_in_ch=3, num_out_ch=3, num_feat=8, num_conv=2, upscale=4),
    "Restormer": lambda: spandrel_network(
        "Restormer", extra=True, dim=8, num_blocks=[1, 1, 1, 1], num_refinement_blocks=1, heads=[1, 1, 1, 1],
        LayerNorm_type="BiasFree",
    ),
}  # fmt: skip
FULL_SIZE: dict[str, Callable[[], torch.nn.Module]] = {
    "LaMa": lambda: spandrel_network("LaMa", in_nc=4, out_nc=3),
    "GFPGAN": lambda: spandrel_network("GFPGAN"),
    "RestoreFormer": lambda: spandrel_network("RestoreFormer"),
    "CodeFormer": lambda: spandrel_network("CodeFormer", extra=True),
    "DDColor": lambda: spandrel_network(
        "DDColor", extra=True, encoder_name="convnext-t", decoder_name="MultiScaleColorDecoder", input_size=(512, 512),
        num_output_channels=2, last_norm="Spectral", do_normalize=False, num_queries=100, num_scales=3, dec_layers=9,
    ),
}  # fmt: skip
"""Architectures whose size cannot be told from a file, so spandrel knows one alone."""


def made(model: str) -> torch.nn.Module:
    architecture = ARCHITECTURES[model]
    if architecture == "ESRGAN":
        return esrgan(zoo.get_card(model).scale)
    return (SMALL | FULL_SIZE)[architecture]()


def assert_runs_as_spandrel_does(model: str, tmp_path, height: int, width: int) -> None:
    path = tmp_path / "checkpoint.pth"
    torch.save({"params": made(model).state_dict()}, path)
    restorer = zoo.load(model, device="cpu", weights=path, tile=None)
    card = restorer.card
    given = checks.picture(0, height, width)
    mask = checks.hole(height, width) if card.needs_mask else None
    if card.tasks[0] == "colorize":
        given = given.mean(axis=2).astype(np.uint8)
    result = restorer.restore(given, mask).image
    assert result.shape == (height * card.scale, width * card.scale, 3)
    import spandrel

    descriptor = spandrel.ModelLoader().load_from_file(path).eval()
    assert descriptor.architecture.id == ARCHITECTURES[model] and descriptor.scale == card.scale
    image = torch.from_numpy(np.atleast_3d(given)).permute(2, 0, 1)[None] / 255
    holes = () if mask is None else (torch.from_numpy(mask)[None, None].float(),)
    torch.manual_seed(0)  # GFPGAN adds noise
    with torch.inference_mode():
        expected = descriptor(image, *holes)[0].permute(1, 2, 0).clamp(0, 1).numpy() * 255
    if mask is not None:
        expected = np.where(mask[..., None], expected, given)
    assert np.abs(result - expected).max() <= 0.51
    assert np.ptp(expected) > 10 and not np.array_equal(result[:height, :width], given)


@pytest.mark.parametrize("model", [model for model, name in ARCHITECTURES.items() if name not in FULL_SIZE])
def test_it_takes_its_architecture(model, tmp_path):
    assert_runs_as_spandrel_does(model, tmp_path, 40, 56)


@pytest.mark.slow
@pytest.mark.parametrize("model", [model for model, name in ARCHITECTURES.items() if name in FULL_SIZE])
def test_it_takes_its_architecture_at_full_size(model, tmp_path):
    side = 512 if zoo.get_card(model).size.square else 64
    assert_runs_as_spandrel_does(model, tmp_path, side, side)


def test_another_architecture_is_refused(tmp_path):
    path = tmp_path / "x.pth"
    torch.save(made("nafnet.gopro").state_dict(), path)
    with pytest.raises(WeightsError, match="is of the architecture NAFNet, not of SCUNet"):
        zoo.load("scunet.psnr", device="cpu", weights=path)


@pytest.mark.parametrize("checkpoint", CHECKPOINTS, ids=lambda checkpoint: checkpoint.id)
def test_cards(checkpoint):
    card = zoo.get_card(checkpoint.id)
    (file,) = card.files
    source = file.sources[0]
    assert source.repo or (source.url.startswith("https://github.com/") and source.url.endswith(f"/{file.filename}"))
    assert card.paper and card.license and card.summary.endswith(".")
    assert card.commercial_use is not True or "commercial" not in card.license
    assert any("pip install spandrel" in note for note in card.notes)
    assert {"face": 512}.get(card.tasks[0]) == card.size.square
