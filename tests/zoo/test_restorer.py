"""What goes in comes out: size, channels and depth; batches and tiles change nothing; a failure is never a result."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

import zoo
from tests.zoo.networks import NETWORKS, Plain, Strided, card, restorer
from tests.zoo.samples import SHAPES, photo, random_picture, run_python
from zoo.card import SizeRule, Tiling
from zoo.errors import MaskError, PictureError, RestorationError, ZooError
from zoo.io import images
from zoo.restorer import Restorer

CLASSICAL = [c.id for c in zoo.list_models() if c.weights is None] + ["dummy"]
FILLERS = ["telea", "navier-stokes", "biharmonic", "patch-fill", "pull-push", "dummy"]


def hole_in(height: int, width: int) -> np.ndarray:
    mask = np.zeros((height, width), bool)
    mask[height // 3 : height // 3 + 5, width // 4 : width // 2] = True
    return mask


def mask_for(model: Restorer, picture: np.ndarray) -> np.ndarray | None:
    return hole_in(*picture.shape[:2]) if model.card.needs_mask else None


def levels_apart(a: np.ndarray, b: np.ndarray) -> int:
    assert a.shape == b.shape
    assert a.dtype == b.dtype
    return int(np.abs(a.astype(int) - b).max())


# --- what is kept


@pytest.mark.parametrize("name", CLASSICAL)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", SHAPES)
def test_size_channels_and_depth_are_kept(name, dtype, shape):
    model = zoo.load(name)
    picture = random_picture(shape, dtype)
    result = model.restore(picture, mask_for(model, picture))
    scale = model.card.scale
    assert result.image.shape == (shape[0] * scale, shape[1] * scale, *shape[2:])
    assert result.image.dtype == dtype
    if scale == 1 and len(shape) == 3 and shape[2] in (2, 4):
        np.testing.assert_array_equal(result.image[..., -1], picture[..., -1])


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", SHAPES)
def test_identity_gives_every_value_back(dtype, shape):
    picture = random_picture((*(4 * side for side in shape[:2]), *shape[2:]), dtype)
    np.testing.assert_array_equal(zoo.load("no-op").restore(picture).image, picture)


@pytest.mark.parametrize("name", FILLERS)
@pytest.mark.parametrize("dtype", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", SHAPES)
def test_nothing_outside_the_mask_changes(name, dtype, shape):
    picture = random_picture(shape, dtype)
    mask = hole_in(*shape[:2])
    result = zoo.load(name).restore(picture, mask).image
    np.testing.assert_array_equal(result[~mask], picture[~mask])
    color = slice(None) if len(shape) == 2 else slice(0, shape[2] - (shape[2] in (2, 4)))
    assert (result[mask][..., color] != picture[mask][..., color]).any()
    if len(shape) == 3 and shape[2] in (2, 4):
        np.testing.assert_array_equal(result[..., -1], picture[..., -1])


def test_alpha_is_enlarged_with_the_picture():
    picture = random_picture((20, 30, 4))
    picture[..., 3] = 255
    picture[:10, :, 3] = 0
    alpha = zoo.load("bicubic.x4").restore(picture).image[..., 3]
    assert (alpha[:30] < 40).all()
    assert (alpha[50:] > 215).all()


def test_the_input_is_left_alone():
    for name in ("no-op", "dummy", "unsharp-mask", "telea"):
        model = zoo.load(name)
        picture = random_picture((20, 30, 4))
        before = picture.copy()
        result = model.restore(picture, mask_for(model, picture)).image
        result[:] = 0
        np.testing.assert_array_equal(picture, before)


def test_results_as_pil_and_file(tmp_path):
    for shape in SHAPES:
        for dtype in (np.uint8, np.uint16):
            picture = random_picture(shape, dtype)
            result = zoo.load("no-op").restore(picture)
            assert isinstance(result.pil(), Image.Image)
            if dtype == np.uint8:
                np.testing.assert_array_equal(np.asarray(result.pil()), picture)
            result.save(tmp_path / "x.png")
            np.testing.assert_array_equal(zoo.load("no-op").restore(tmp_path / "x.png").image, picture)


def test_a_profile_for_grey_is_not_put_on_colors():
    from zoo.io.images import Picture

    class Red:
        def __call__(self, image, mask):
            return image * torch.tensor([1, 0, 0]).view(1, 3, 1, 1)

    grey = Picture(random_picture((8, 9)), icc=b"grey profile")
    assert restorer(Red(), tasks=("colorize",)).restore(grey).picture.icc is None
    assert restorer(Red(), tasks=("colorize",)).restore(grey).image.shape == (8, 9, 3)
    assert restorer(Red()).restore(grey).picture.icc == b"grey profile"
    assert restorer(Red()).restore(grey).image.shape == (8, 9)


# --- failures


class Fails:
    def __init__(self, error: Exception):
        self.error = error

    def __call__(self, image, mask):
        raise self.error


@pytest.mark.parametrize(
    "error", [RuntimeError("boom"), ValueError("boom"), KeyError("boom"), ZeroDivisionError("boom"), TypeError("boom")]
)
def test_a_backend_that_fails_is_an_error_whatever_it_raises(error):
    with pytest.raises(RestorationError, match=r"test failed: .*boom") as caught:
        restorer(Fails(error)).restore(random_picture((8, 8, 3)))
    assert caught.value.__cause__ is error


def test_an_opencv_error_is_an_error_of_the_backend():
    import cv2

    with pytest.raises(RestorationError, match="test failed"):
        restorer(lambda image, mask: cv2.resize(image.numpy(), (0, 0))).restore(random_picture((8, 8, 3)))


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("CUDA out of memory. Tried to allocate 20.00 GiB"),
        RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
    ],
)
def test_too_little_memory_is_said_plainly(error):
    with pytest.raises(RestorationError, match="ran out of memory on a picture of 9 x 8 pixels; try a smaller --tile"):
        restorer(Fails(error)).restore(random_picture((8, 9, 3)))


def test_output_that_is_no_picture_is_an_error():
    for value in (float("nan"), float("inf")):

        def spoil(image, mask, value=value):
            image = image.clone()
            image[0, 0, 3, 3] = value
            return image

        with pytest.raises(RestorationError, match="not numbers"):
            restorer(spoil).restore(random_picture((8, 8, 3)))
        with pytest.raises(RestorationError, match="not numbers"):
            restorer(spoil, tile=64, tiling=Tiling(margin=1)).restore(random_picture((80, 8, 3)))
    for wrong in (
        lambda i, m: i[..., :-1],
        lambda i, m: i[:, :1],
        lambda i, m: i.repeat(1, 1, 2, 2),
        lambda i, m: i[0],
    ):
        with pytest.raises(RestorationError, match="was expected"):
            restorer(wrong).restore(random_picture((8, 8, 3)))


def test_values_out_of_range_are_clipped():
    result = restorer(lambda image, mask: image * 4 - 1).restore(np.array([[0, 100, 255]], np.uint8))
    np.testing.assert_array_equal(result.image, [[0, 145, 255]])


def test_masks_where_they_belong():
    picture = random_picture((20, 30, 3))
    with pytest.raises(MaskError, match="telea fills holes, so it needs a mask"):
        zoo.load("telea").restore(picture)
    with pytest.raises(MaskError, match="does not use masks; leave the mask out"):
        zoo.load("bicubic.x2").restore(picture, hole_in(20, 30))
    with pytest.raises(MaskError, match="1 masks for 2 pictures"):
        zoo.load("telea").restore_batch([picture, picture], [hole_in(20, 30)])


@pytest.mark.parametrize("tile", [0, -1, "big", "", 1.5, [], "none"])
def test_a_bad_tile_is_refused(tile):
    with pytest.raises(ZooError, match="a tile is 'auto' or a number of pixels"):
        zoo.load("dummy", tile=tile)


def test_bad_device_and_precision_are_refused():
    with pytest.raises(ZooError, match="unknown precision 'fp64': use fp32, fp16, bf16"):
        zoo.load("dummy", precision="fp64")
    for device in ("cuda:99", "gpu", "meta"):
        with pytest.raises(ZooError, match=f"the device '{device}' is not available here"):
            zoo.load("dummy", device=device)


def test_a_classical_method_has_no_network():
    model = zoo.load("telea")
    assert (model.device, model.parameters, model.weights_sha256) == ("cpu", 0, None)
    with pytest.raises(ZooError, match="telea is a classical method"):
        _ = model.network
    assert restorer(Plain()).parameters == sum(p.numel() for p in Plain().parameters()) > 0


# --- batches


@pytest.mark.parametrize("name", CLASSICAL)
def test_a_batch_gives_what_single_pictures_give(name):
    model = zoo.load(name)
    pictures = [
        photo("astronaut", 60, 48, 100, 200), photo("chelsea", 60, 48, 100, 200), photo("coffee", 50, 61),
        photo("rocket", 60, 48)[..., 0], random_picture((60, 48, 4), np.uint16),
    ]  # fmt: skip
    masks = [mask_for(model, picture) for picture in pictures]
    for batch_size in (1, 2, 8):
        together = model.restore_batch(pictures, masks, batch_size=batch_size)
        for picture, mask, result in zip(pictures, masks, together, strict=True):
            np.testing.assert_array_equal(result.image, model.restore(picture, mask).image)


def test_a_batch_through_a_network_gives_what_single_pictures_give():
    model = restorer(Strided(), size=SizeRule(multiple_of=8))
    pictures = [photo(name, 61, 45, 90, 90) for name in ("astronaut", "chelsea", "coffee", "rocket")]
    pictures.append(photo("coffee", 40, 40))
    alone = [model.restore(picture).image for picture in pictures]
    for picture, single, result in zip(pictures, alone, model.restore_batch(pictures), strict=True):
        assert levels_apart(result.image, single) <= 1  # a batch may be summed in another order
        assert levels_apart(single, picture) > 5  # the network does something


def test_an_empty_batch():
    assert zoo.load("dummy").restore_batch([]) == []


def test_one_bad_picture_fails_the_batch():
    with pytest.raises(PictureError):
        zoo.load("dummy").restore_batch([random_picture((8, 8)), b"no picture"])


# --- sizes


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 3), (1, 40), (7, 9), (8, 8), (8, 17), (63, 65)])
def test_a_network_sees_allowed_sizes_and_the_picture_keeps_its_own(height, width):
    seen = []

    def backend(image, mask):
        seen.append(tuple(image.shape[2:]))
        return image

    picture = random_picture((height, width, 3))
    result = restorer(backend, size=SizeRule(multiple_of=8, minimum=32)).restore(picture)
    np.testing.assert_array_equal(result.image, picture)
    assert seen[0] == tuple(max(32, -(-side // 8) * 8) for side in (height, width))


def test_padding_mirrors_the_picture():
    seen = []

    def backend(image, mask):
        seen.append(image)
        return image

    picture = random_picture((6, 7))
    restorer(backend, size=SizeRule(multiple_of=8)).restore(picture)
    np.testing.assert_allclose(seen[0][0, 0].numpy() * 255, np.pad(picture, ((0, 2), (0, 1)), "reflect"), atol=1e-4)


@pytest.mark.parametrize("shape", [(64, 64, 3), (100, 60, 3), (30, 90), (200, 200, 4), (3, 120, 3)])
def test_a_square_network_takes_any_picture(shape):
    seen = []

    def backend(image, mask):
        seen.append(tuple(image.shape))
        return image

    picture = np.ascontiguousarray(photo("astronaut", *shape[:2], 100, 150))
    if len(shape) == 2:
        picture = picture[..., 0]
    elif shape[2] == 4:
        picture = np.concatenate([picture, picture[..., :1]], 2)
    result = restorer(backend, size=SizeRule(square=64)).restore(picture)
    assert seen == [(1, 3, 64, 64)]
    assert result.image.shape == shape
    assert np.abs(result.image.astype(int) - picture).mean() < 12  # smaller and larger again
    assert bool(result.notes) == (shape[:2] != (64, 64))


def test_a_square_network_sees_all_of_the_hole():
    seen = []

    def backend(image, mask):
        seen.append(mask)
        return image

    mask = np.zeros((200, 100), bool)
    mask[120:123, 40:43] = True
    model = restorer(backend, size=SizeRule(square=64), tasks=("inpaint",))
    model.restore(photo("astronaut", 200, 100), mask)
    marked = seen[0][0, 0].numpy()
    assert set(np.unique(marked)) == {0, 1}
    assert marked[120 * 64 // 200 : 122 * 64 // 200 + 1, 40 * 64 // 200 : 42 * 64 // 200 + 1].all()
    assert marked.mean() < 0.01


# --- tiles


def big_photo() -> np.ndarray:
    """229 x 331 pixels: multiples of nothing."""
    return photo("astronaut", 229, 331, 20, 40)


@pytest.mark.parametrize("tile", [97, 128, 200])
@pytest.mark.parametrize("name", ["dummy", "unsharp-mask", "no-op", "bicubic.x2", "bicubic.x4", "lanczos.x4"])
def test_tiles_equal_the_whole(name, tile):
    whole = zoo.load(name, tile=None).restore(big_photo()).image
    assert levels_apart(zoo.load(name, tile=tile).restore(big_photo()).image, whole) <= 1


def test_tiles_equal_the_whole_with_16_bits_grey_and_alpha():
    for shape in SHAPES:
        picture = random_picture((150, 140, *shape[2:]), np.uint16)
        for name in ("dummy", "lanczos.x2"):
            whole = zoo.load(name, tile=None).restore(picture).image
            assert levels_apart(zoo.load(name, tile=96).restore(picture).image, whole) <= 1


def test_tiles_equal_the_whole_around_holes():
    mask = np.zeros((229, 331), bool)
    mask[60:130, 80:230] = True
    whole = zoo.load("dummy", tile=None).restore(big_photo(), mask).image
    assert levels_apart(zoo.load("dummy", tile=70).restore(big_photo(), mask).image, whole) <= 1


def test_tiles_without_a_share_in_a_hole_are_not_computed():
    seen = []

    def backend(image, mask):
        seen.append(int(mask.sum()))
        return torch.full_like(image, 0.5)

    picture = big_photo()
    mask = np.zeros(picture.shape[:2], bool)
    mask[100:103, 150:152] = True
    for channels in (picture, picture[..., 0]):
        seen.clear()
        facts = {"tasks": ("inpaint",), "tiling": Tiling(margin=10)}
        result = restorer(backend, 90, **facts).restore(channels, mask).image
        assert 1 <= len(seen) <= 4  # of 5 x 8 tiles
        assert min(seen) > 0
        np.testing.assert_array_equal(result[~mask], channels[~mask])
        assert levels_apart(result[mask], np.full_like(channels[mask], 128)) <= 1


@pytest.mark.parametrize("tile", [130, 203])
@pytest.mark.parametrize("name", NETWORKS)
def test_tiles_equal_the_whole_through_a_network(name, tile):
    network, facts = NETWORKS[name]
    whole = restorer(network(), None, **facts).restore(big_photo()).image
    tiled = restorer(network(), tile, **facts).restore(big_photo())
    assert levels_apart(tiled.image, whole) <= 1
    assert tiled.notes == ()


@pytest.mark.parametrize("name", NETWORKS)
def test_tiles_do_not_equal_the_whole_when_the_margin_is_too_small(name):
    network, facts = NETWORKS[name]
    facts = {**facts, "tiling": Tiling(margin=0)}
    whole = restorer(network(), None, **facts).restore(big_photo()).image
    assert levels_apart(restorer(network(), 130, **facts).restore(big_photo()).image, whole) > 1


def test_tiles_do_not_equal_the_whole_off_the_grid_of_a_strided_network():
    network, facts = NETWORKS["strided"]
    whole = restorer(network(), None, **facts).restore(big_photo()).image
    shifted = restorer(network(), None, **facts).restore(np.ascontiguousarray(big_photo()[3:, 5:])).image
    assert levels_apart(shifted[60:120, 60:120], whole[63:123, 65:125]) > 1


def test_progress_is_told_before_each_tile_and_can_end_the_run():
    picture, told = random_picture((90, 130, 3), np.uint8), []
    model = zoo.load("bicubic.x2", tile=64)
    model.restore(picture, progress=told.append)
    assert told[0] == 0 and told == sorted(set(told)) and len(told) > 2 and told[-1] < 1

    class StoppedError(ZooError):
        pass

    def stop(share: float) -> None:
        if share > 0:
            raise StoppedError("stopped.")

    with pytest.raises(StoppedError):
        model.restore(picture, progress=stop)


def test_auto_tiles_large_pictures_only():
    seen = []

    def backend(image, mask):
        seen.append(max(image.shape[2:]))
        return image

    facts = {"tiling": Tiling(margin=16)}
    large = np.zeros((1400, 1600), np.uint8)
    for tile, picture, expected in (
        ("auto", np.zeros((1080, 1920), np.uint8), 1920), ("auto", large, 768), (None, large, 1600),
        (1000, large, 1000), ("1000", large, 1000),
    ):  # fmt: skip
        seen.clear()
        restorer(backend, tile, **facts).restore(picture)
        assert max(seen) == expected
    seen.clear()
    restorer(backend, "auto", tiling=Tiling(margin=400)).restore(large)  # wider tiles for wider margins
    assert max(seen) == 1600


def test_notes_on_tiles():
    picture = np.zeros((100, 100), np.uint8)
    note = restorer(lambda i, m: i, 90, tiling=Tiling(margin=5, exact=False)).restore(picture).notes
    assert "does not match exactly" in note[0]
    note = restorer(lambda i, m: i, 90).restore(picture).notes
    assert "needs the whole picture at once" in note[0]
    with pytest.raises(RestorationError, match="the least is 65"):
        zoo.load("unsharp-mask", tile=64).restore(np.zeros((100, 100), np.uint8))


LARGE = """
import resource, sys
import numpy as np
import zoo
from tests.zoo.networks import Plain, restorer
from zoo.card import Tiling

name = sys.argv[1]
model = restorer(Plain(), tiling=Tiling(margin=Plain.reach)) if name == "network" else zoo.load(name)
tile = np.random.default_rng(0).integers(0, 256, (500, 500, 3)).astype(np.uint8)
picture = np.tile(tile, (8, 12, 1))
del tile
result = model.restore(picture)
assert result.image.shape == (4000, 6000, 3)
result.save(sys.argv[2])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024)
"""


@pytest.mark.slow
@pytest.mark.parametrize("name", ["dummy", "unsharp-mask", "network"])
def test_24_megapixels_stay_under_2_gigabytes(name, tmp_path):
    done = run_python("-c", LARGE, name, tmp_path / "large.jpg")
    assert done.returncode == 0, done.stderr
    peak = int(done.stdout)
    print(f"{name}: {peak / 1e6:.0f} MB")
    assert peak < 2e9


def test_cards_in_tests_are_valid():
    assert card().id == "test"


@pytest.mark.parametrize("error", [SystemExit(0), SystemExit("bye"), GeneratorExit(), BaseException("odd")])
def test_a_backend_that_ends_the_program_has_failed_on_this_picture(error):
    def fail(image, mask):
        raise error

    model = restorer(fail)
    with pytest.raises(RestorationError, match="test failed"):
        model.restore(random_picture((8, 9, 3)))


def test_an_interrupt_is_none_of_the_backends_failures():
    def interrupted(image, mask):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restorer(interrupted).restore(random_picture((8, 9, 3)))


ENDS_THE_PROGRAM = """
import sys
from zoo import __main__, registry
from zoo.card import ModelCard
from zoo.runtimes import FunctionBackend

@registry.register(ModelCard("test.exit", "Test", ("denoise",), "MIT"))
def build(card, state):
    return FunctionBackend(lambda image, mask: sys.exit(0))

sys.exit(__main__.main())
"""


def test_a_folder_run_with_such_a_backend_has_failed(tmp_path):
    for name in "ab":
        images.write(tmp_path / "in" / f"{name}.png", images.read(random_picture((8, 9, 3))))
    words = ("restore", tmp_path / "in", "-m", "test.exit", "-o", tmp_path / "out")
    done = run_python("-c", ENDS_THE_PROGRAM, *words)
    assert done.returncode == 1
    assert done.stdout.startswith("restored 0 of 2 with test.exit")
    assert done.stderr.count("test.exit failed: it wanted to end the program (exit status 0)") == 2
