from __future__ import annotations

import numpy as np
import pytest
import torch

from tests.training.pictures import photograph
from training.recipes.old_photo_mini import degrade
from zoo import degradations
from zoo.degradations import chains
from zoo.models.old_photo.mini import PART, OldPhotoMini, Tone, applied
from zoo.seeding import rng_for


def tensor(picture: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.ascontiguousarray(picture.transpose(2, 0, 1), np.float32))[None]


def clean() -> np.ndarray:
    return photograph("astronaut")[:256, 100:356].astype(np.float32) / 255


def test_fading_is_an_affine_map_of_colors():
    """What the tone network must find is there: the inverse of a known fading brings the picture back."""
    picture = clean()
    faded = degradations.fade(picture, 0.4, 0.7, (0.95, 0.9, 0.8))
    colors = np.concatenate([faded.reshape(-1, 3), np.ones((faded.size // 3, 1))], axis=1)
    inverse = np.linalg.lstsq(colors, picture.reshape(-1, 3), rcond=None)[0].T
    back = applied(torch.from_numpy(inverse)[None].float(), tensor(faded))
    assert (back - tensor(picture)).abs().max() < 1e-3


def test_a_new_network_is_the_identity():
    picture = torch.rand(2, 3, 96, 64)
    assert torch.allclose(OldPhotoMini().eval()(picture), picture, atol=1e-6)


def test_the_tone_is_of_the_whole_picture():
    network, picture = OldPhotoMini().eval(), torch.rand(1, 3, 128, 128)
    with torch.no_grad():
        network.tone.layers[-1].weight.normal_(0, 0.05)
    part = (..., slice(32, 96), slice(0, 64))
    toned = applied(network.tone(picture), picture)
    assert torch.allclose(network.restored(picture, part)[0], toned[part], atol=1e-5)
    assert not torch.allclose(network.restored(picture[part])[0], toned[part], atol=1e-4)


def test_the_tone_can_be_learned():
    """In a few steps the network finds the fading of one picture."""
    faded = tensor(degradations.fade(clean(), 0.5, 0.6, (0.9, 0.85, 0.7)))
    torch.manual_seed(0)
    tone = Tone()
    optimizer = torch.optim.Adam(tone.parameters(), lr=3e-3)
    for _ in range(150):
        error = (applied(tone(faded), faded) - tensor(clean())).abs().mean()
        optimizer.zero_grad()
        error.backward()
        optimizer.step()
    assert error < 0.3 * (faded - tensor(clean())).abs().mean()


def test_scratches_are_told_with_the_picture():
    rng = rng_for("scratches", 0)
    given = degrade(clean(), rng)
    assert given.shape == (256, 256, 4) and given.dtype == np.float32
    assert set(np.unique(given[..., 3])) == {0, 1} and 0.002 < given[..., 3].mean() < 0.2
    rng = rng_for("scratches", 0)
    assert np.array_equal(given[..., :3], chains.old_photo(clean(), rng))


def test_the_mask_says_where_the_scratches_are():
    """Scratches are as light as paper: within them the difference to the same print without them is largest."""
    picture = np.full((128, 128, 3), 0.2, np.float32)
    old, scratched = chains.old_photo_and_scratches(picture, rng_for("where", 1))
    assert scratched.dtype == bool and old[scratched].mean() > old[~scratched].mean() + 0.15
    nothing = chains.old_photo_and_scratches(picture[:8, :8], rng_for("where", 2))[1]
    assert not nothing.any()


def test_the_fourth_channel_is_a_target_and_is_not_seen():
    network = OldPhotoMini()
    given = torch.cat([torch.rand(2, 3, 256, 208), torch.zeros(2, 1, 256, 208)], dim=1)
    outputs = network.training_forward(given, given[:, :3])
    assert outputs["restored"].shape == outputs["target"].shape == (2, 3, PART, PART)
    assert float(outputs["scratches"].detach()) == pytest.approx(np.log(2), abs=1e-4)
    assert float(outputs["tone"].detach()) == pytest.approx(0, abs=1e-6)  # the target is the picture here
    other = given.clone()
    other[:, 3] = 1
    with torch.no_grad():
        network.unet.tail.weight.normal_(0, 0.1)
        assert torch.equal(network(given), network(other))


def test_scratches_are_probabilities():
    found = OldPhotoMini().eval().scratches(torch.rand(1, 3, 64, 96))
    assert found.shape == (1, 1, 64, 96) and found.min() >= 0 and found.max() <= 1
