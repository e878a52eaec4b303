from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image
from skimage.metrics import peak_signal_noise_ratio

from eval.datasets import Item, open_dataset
from eval.metrics import METRICS, SET_METRICS
from eval.scenarios import SCENARIOS, get_scenario
from tests.eval.helpers import evaluate, photograph, save_photographs
from zoo import get_card
from zoo.degradations.chains import CHAINS
from zoo.errors import MaskError, PictureError, UnknownNameError, ZooError
from zoo.io.images import eight_bits
from zoo.seeding import rng_for

MADE = [name for name, scenario in SCENARIOS.items() if scenario.make is not None]
AS_STORED = [name for name in MADE if not name.startswith(("noise-", "surveillance-"))]  # test_protocols, test_plates
BINS = [f"holes-{low}-{low + 10}" for low in (10, 20, 30, 40, 50)]
HOLES = ["free-form-holes", "rectangle-holes", "scratches", *BINS]


def arrays(sample) -> tuple[bytes, bytes, bytes]:
    return sample.given.tobytes(), sample.truth.tobytes(), b"" if sample.mask is None else sample.mask.tobytes()


@pytest.fixture(scope="module")
def sample():
    return open_dataset("sample").items


@pytest.mark.parametrize("name", MADE)
def test_inputs_are_seeded_by_picture(name, tmp_path):
    scenario = get_scenario(name)
    folder = save_photographs(tmp_path / "set", 3, 200, 390)
    whole = {item.name: arrays(scenario.prepare(item, 7)) for item in open_dataset(f"folder:{folder}").items}
    for item in open_dataset(f"folder:{folder}", limit=2).items[::-1]:  # a subset, in another order
        assert arrays(scenario.prepare(item, 7)) == whole[item.name]
    (item, *_) = open_dataset(f"folder:{folder}").items
    other_seed = arrays(scenario.prepare(item, 8))
    other_name = arrays(scenario.prepare(replace(item, name="another.png"), 7))
    other_version = arrays(replace(scenario, version=99).prepare(item, 7))
    for copy in ("photo00.webp", "elsewhere/photo00.png"):  # neither folder nor format counts
        assert arrays(scenario.prepare(replace(item, name=copy), 7)) == whole[item.name]
    if not name.startswith(("downscale-", "grey", "sr-")):  # which draw nothing
        assert len({whole[item.name][0], other_seed[0], other_name[0], other_version[0]}) == 4


@pytest.mark.parametrize("name", AS_STORED)
def test_inputs_of_the_sample(name, sample):
    scenario = get_scenario(name)
    for item in sample:
        made = scenario.prepare(item, 0)
        clean = np.asarray(Image.open(item.clean))[..., :3]
        height, width = (side // scenario.scale * scenario.scale for side in clean.shape[:2])
        assert made.given.dtype == made.truth.dtype == np.uint8
        assert np.array_equal(made.truth, clean[:height, :width])
        assert made.given.shape == (height // scenario.scale, width // scenario.scale, 3)
        assert not np.array_equal(made.given, made.truth)
        assert (made.mask is not None) == (name in HOLES)


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [("motion-blur", 16, 40), ("noise", 13, 35), ("jpeg", 22, 45), ("blind-face", 15, 40)],
)
def test_degradations_are_neither_nothing_nor_everything(name, low, high, sample):
    for item in sample:
        made = get_scenario(name).prepare(item, 0)
        assert low < peak_signal_noise_ratio(made.truth, made.given) < high


@pytest.mark.parametrize(
    ("name", "low", "high"),
    [
        ("free-form-holes", 0.10, 0.40), ("rectangle-holes", 0.05, 0.40), ("scratches", 0, 0.1),
        *((f"holes-{low}-{low + 10}", low / 100, low / 100 + 0.1) for low in (10, 20, 30, 40, 50)),
    ],
)  # fmt: skip
def test_masks_cover_what_the_title_says(name, low, high, sample):
    for seed in range(6):
        for item in sample:
            mask = get_scenario(name).prepare(item, seed).mask
            assert low < mask.mean() <= high


@pytest.mark.parametrize("name", HOLES)
def test_nothing_of_the_truth_is_left_in_the_hole(name, sample):
    for item in sample:
        made = get_scenario(name).prepare(item, 0)
        assert (made.given[made.mask] == 128).all()
        assert np.array_equal(made.given[~made.mask], made.truth[~made.mask])


def test_downscale_crops_to_a_multiple_and_has_no_offset(tmp_path):
    picture = photograph("chelsea")[:163, :187]
    Image.fromarray(picture).save(tmp_path / "x.png")
    made = get_scenario("downscale-x4").prepare(Item("x.png", tmp_path / "x.png"), 0)
    assert made.truth.shape == (160, 184, 3)
    assert np.array_equal(made.truth, picture[:160, :184])
    blocks = made.truth.reshape(40, 4, 46, 4, 3).mean((1, 3))
    assert np.abs(made.given - blocks).mean() < 2.5
    for dy, dx in [(0, 1), (1, 0)]:  # a picture moved by one pixel fits its block means worse
        moved = np.roll(made.given.astype(float), (dy, dx), (0, 1))
        assert np.abs(moved - blocks).mean() > 2 * np.abs(made.given - blocks).mean()


def test_too_small_pictures_are_refused(tmp_path):
    Image.fromarray(photograph("chelsea")[:15, :3]).save(tmp_path / "x.png")
    item = Item("x.png", tmp_path / "x.png")
    for name in HOLES:
        with pytest.raises(MaskError, match="3 x 15 pixels are too few"):
            get_scenario(name).prepare(item, 0)
    with pytest.raises(ZooError, match="too few to divide by 4"):
        get_scenario("downscale-x4").prepare(item, 0)


def test_given_takes_the_pair_as_it_is(tmp_path):
    clean, given = photograph("coffee")[:50, :60], photograph("astronaut")[:50, :60]
    mask = np.zeros((50, 60), np.uint8)
    mask[5:9, 5:30] = 255
    for name, array in [("clean", clean), ("given", given), ("mask", mask), ("small", given[:40])]:
        Image.fromarray(array).save(tmp_path / f"{name}.png")
    files = {name: tmp_path / f"{name}.png" for name in ("clean", "given", "mask")}
    made = get_scenario("given").prepare(Item("x", **files), 0)
    assert np.array_equal(made.given, given)
    assert np.array_equal(made.truth, clean)
    assert made.mask is None
    assert np.array_equal(get_scenario("given-holes").prepare(Item("x", **files), 0).mask, mask > 0)
    with pytest.raises(MaskError, match="x has no mask"):
        get_scenario("given-holes").prepare(Item("x", files["clean"], files["given"]), 0)
    with pytest.raises(ZooError, match="input 60 x 40, truth 60 x 50 pixels"):
        get_scenario("given").prepare(Item("x", tmp_path / "clean.png", tmp_path / "small.png"), 0)
    with pytest.raises(ZooError, match="has no degraded partner"):
        get_scenario("given").prepare(Item("x", tmp_path / "clean.png"), 0)


def test_a_damaged_picture_is_named(tmp_path):
    (tmp_path / "x.png").write_bytes(b"\x89PNG\r\n\x1a\nnonsense")
    with pytest.raises(PictureError, match=r"x\.png"):
        get_scenario("noise").prepare(Item("x.png", tmp_path / "x.png"), 0)


def test_metrics_are_known_and_the_first_ranks():
    for scenario in SCENARIOS.values():
        assert set(scenario.metrics) <= set(METRICS)
        assert scenario.primary == scenario.metrics[0]
    assert get_scenario("scratches").primary == "vgg_conv3_1_hole"
    assert get_scenario("noise").primary == "psnr_rgb"


@pytest.mark.parametrize(
    ("model", "scenario", "expected"),
    [
        ("telea", "scratches", True),
        ("telea", "noise", False),
        ("telea", "given", False),
        ("telea", "given-holes", True),
        ("unsharp-mask", "motion-blur", True),
        ("unsharp-mask", "given", True),
        ("unsharp-mask", "given-holes", False),
        ("unsharp-mask", "scratches", False),
        ("bicubic.x4", "downscale-x4", True),
        ("bicubic.x2", "downscale-x4", False),
        ("bicubic.x4", "given", False),
        ("no-op", "downscale-x4", False),
        ("no-op.x4", "downscale-x4", True),
        ("no-op", "blind-face", True),
    ],
)
def test_which_model_fits_which_scenario(model, scenario, expected):
    assert get_scenario(scenario).fits(get_card(model)) is expected


def test_unknown_scenario_gets_a_suggestion():
    with pytest.raises(UnknownNameError, match="did you mean free-form-holes"):
        get_scenario("freeform-holes")


def test_training_and_evaluation_draw_from_the_same_chains():
    for scenario in SCENARIOS.values():
        if scenario.chain is not None:
            chain = CHAINS[scenario.chain.partition(" ")[0]]
            assert scenario.chain == str(chain)
            if scenario.id == "surveillance-plate":  # which draws its target first
                continue
            assert scenario.version == chain.version and (scenario.id != chain.id or chain.title in scenario.title
                                                          or "stress test" in scenario.title)  # fmt: skip
            clean = photograph("coffee")[:64, :80].astype(np.float32) / 255
            made = scenario.make(clean, rng_for("same", scenario.id)).given
            assert np.array_equal(made, eight_bits(chain(clean, rng_for("same", scenario.id))))
    used = {scenario.chain.partition(" ")[0] for scenario in SCENARIOS.values() if scenario.chain}
    assert used == set(CHAINS)


@pytest.mark.parametrize(("listing", "names"), [("scenarios", SCENARIOS), ("metrics", (*METRICS, *SET_METRICS))])
def test_listings(listing, names, capsys):
    assert evaluate(listing) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["id", *names]
