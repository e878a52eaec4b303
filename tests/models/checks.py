"""What every family of networks is checked for."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from zoo.registry import get_card
from zoo.restorer import Restorer


def assert_alone_as_together(network: Callable, *inputs: torch.Tensor, tolerance: float = 1e-5) -> None:
    """Check that a batch of two different samples gives what each of them gives alone. inputs: N = 2 each."""
    with torch.inference_mode():
        together = _first(network(*inputs))
        for i in range(2):
            alone = _first(network(*(x[i : i + 1] for x in inputs)))
            assert (together[i : i + 1] - alone).abs().max() <= tolerance * alone.std()
        assert (together[0] - together[1]).abs().max() > 100 * tolerance * alone.std(), (
            "the two samples must not be the same"
        )


def _first(output: torch.Tensor | tuple) -> torch.Tensor:
    """The picture, of networks that return it with something else beside it; the refined one of two stages."""
    if isinstance(output, tuple):
        return output[1] if output[1] is not None else output[0]
    return output


def picture(seed: int, height: int, width: int) -> np.ndarray:
    """A smooth random picture, H x W x 3 of uint8."""
    rng = np.random.default_rng(seed)
    coarse = torch.from_numpy(rng.random((1, 3, height // 8 + 2, width // 8 + 2)))
    fine = torch.nn.functional.interpolate(coarse, size=(height, width), mode="bilinear", align_corners=False)
    return (fine[0].permute(1, 2, 0) * 255).round().to(torch.uint8).numpy()


def hole(height: int, width: int) -> np.ndarray:
    """A mask with a rectangle and a scratch, H x W of bool, True inside."""
    mask = np.zeros((height, width), bool)
    mask[height // 4 : height // 2, width // 3 : 2 * width // 3] = True
    mask[height // 5 : height - 5, 7:10] = True
    return mask


def assert_restores_any_size(model_id: str, state: dict, height: int, width: int, *, masked: bool = False) -> None:
    """Check two pictures of an awkward size through the Restorer: size kept, the same alone and together.

    `height` and `width` are to be no multiple of what the network takes.
    """
    from zoo import registry

    card = get_card(model_id)
    padded = card.size.padded(height, width)
    assert padded[0] != height and padded[1] != width, "the size must be one that needs padding"
    restorer = Restorer(card, registry._entries[model_id][1](card, state), device="cpu")
    pictures = [picture(seed, height, width) for seed in (1, 2)]
    masks = [hole(height, width), hole(height, width)[::-1]] if masked else [None, None]
    together = restorer.restore_batch(pictures, masks)
    for before, mask, after in zip(pictures, masks, together, strict=True):
        assert after.image.shape == before.shape and after.image.dtype == np.uint8
        assert (after.image != before).any()
        if mask is not None:
            assert (after.image[~mask] == before[~mask]).all()
        # A batch may be added up in another order, which moves a value over the border between two levels at most.
        assert np.abs(restorer.restore(before, mask).image.astype(int) - after.image).max() <= 1
