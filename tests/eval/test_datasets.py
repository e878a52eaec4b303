from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from PIL import Image

from eval import datasets
from eval.datasets import CARDS, DatasetCard, listed, open_dataset
from eval.scenarios import get_scenario
from tests.eval.helpers import evaluate, photograph, result_of, save_photographs
from zoo.errors import UnknownNameError, ZooError


def save(path, shift: int = 0, height: int = 40, width: int = 50):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(photograph("astronaut")[shift : shift + height, :width]).save(path)


@pytest.fixture
def pairs(tmp_path):
    """Three pairs whose names sort differently in the two folders' order of creation."""
    folder = tmp_path / "pairs"
    for index, name in enumerate(["c", "a", "b"]):
        save(folder / "blur" / f"{name}.png", index)
        save(folder / "sharp" / f"{name}.png", index)
    return folder


def test_sample_is_five_color_photographs():
    dataset = open_dataset("sample")
    assert (len(dataset.items), dataset.total, dataset.missing) == (5, 5, 0)
    for item in dataset.items:
        assert np.asarray(Image.open(item.clean)).ndim == 3
    assert len({item.sha256 for item in dataset.items}) == 5


def test_folder_is_read_with_its_subfolders_by_name(tmp_path):
    for name in ["b.png", "sub/a.jpg", "a.png"]:
        save(tmp_path / "set" / name)
    (tmp_path / "set" / "notes.txt").write_text("no picture")
    dataset = open_dataset(f"folder:{tmp_path / 'set'}")
    assert [item.name for item in dataset.items] == ["a.png", "b.png", "sub/a.jpg"]
    assert dataset.card.id == "folder:set"


def test_folders_of_one_name_are_kept_apart(tmp_path):
    for place in "xy":
        save(tmp_path / place / "test" / "a.png")
    first, second = (open_dataset(f"folder:{tmp_path / place / 'test'}") for place in "xy")
    assert first.key != second.key
    assert first.sha256 == second.sha256


def test_content_hash_depends_on_every_byte_and_name(tmp_path):
    folder = save_photographs(tmp_path / "set", 3, 20, 20)
    before = open_dataset(f"folder:{folder}").sha256
    assert open_dataset(f"folder:{folder}").sha256 == before
    path = folder / "photo01.png"
    data = bytearray(path.read_bytes())
    data[-20] ^= 1
    path.write_bytes(data)
    changed = open_dataset(f"folder:{folder}").sha256
    path.rename(folder / "photo01b.png")
    renamed = open_dataset(f"folder:{folder}").sha256
    assert len({before, changed, renamed}) == 3


def test_limit_takes_the_first_by_name(tmp_path):
    folder = save_photographs(tmp_path / "set", 4, 20, 20)
    dataset = open_dataset(f"folder:{folder}", limit=2)
    assert [item.name for item in dataset.items] == ["photo00.png", "photo01.png"]
    assert (dataset.total, dataset.missing) == (4, 2)
    assert dataset.sha256 != open_dataset(f"folder:{folder}").sha256
    assert open_dataset(f"folder:{folder}", limit=9).missing == 0
    with pytest.raises(ZooError, match="from 1 up, not 0"):
        open_dataset(f"folder:{folder}", limit=0)


def test_empty_and_missing_folders(tmp_path):
    with pytest.raises(ZooError, match="there is no picture in"):
        open_dataset(f"folder:{tmp_path}")
    with pytest.raises(ZooError, match="there is no folder"):
        open_dataset(f"folder:{tmp_path / 'nowhere'}")
    with pytest.raises(ZooError, match="no path given"):
        open_dataset("folder:")


def test_pairs_are_paired_by_name(pairs):
    (pairs / "sharp" / "a.png").rename(pairs / "sharp" / "a.tif")
    dataset = open_dataset(f"pairs:{pairs}")
    assert [(item.given.name, item.clean.name) for item in dataset.items] == [
        ("a.png", "a.tif"),
        ("b.png", "b.png"),
        ("c.png", "c.png"),
    ]
    assert dataset.card.scenario == "given"


def test_pairs_hash_both_sides(pairs):
    before = open_dataset(f"pairs:{pairs}").sha256
    save(pairs / "blur" / "a.png", 30)
    assert open_dataset(f"pairs:{pairs}").sha256 != before


def test_a_missing_partner_is_named(pairs):
    (pairs / "blur" / "b.png").unlink()
    with pytest.raises(ZooError, match=r"1 of the pictures .* have no partner of the same name, such as b\."):
        open_dataset(f"pairs:{pairs}")


def test_two_pictures_of_one_name_are_not_guessed_at(pairs):
    shutil.copy(pairs / "sharp" / "b.png", pairs / "sharp" / "b.jpg")
    with pytest.raises(ZooError, match="have the same name"):
        open_dataset(f"pairs:{pairs}")


def test_a_folder_without_pairs(tmp_path):
    save(tmp_path / "a.png")
    with pytest.raises(ZooError, match="blur/ and sharp/ or input/ and target/ or lq/ and gt/"):
        open_dataset(f"pairs:{tmp_path}")


@pytest.mark.parametrize("names", [("input", "target"), ("lq", "gt")])
def test_other_names_of_the_two_folders(tmp_path, names):
    for name in names:
        save(tmp_path / name / "x.png")
    (item,) = open_dataset(f"pairs:{tmp_path}").items
    assert (item.given.parent.name, item.clean.parent.name) == names


def test_masks_belong_to_pairs_by_name(pairs):
    for name in "abc":
        save(pairs / "mask" / f"{name}.png")
    assert [item.mask.stem for item in open_dataset(f"pairs:{pairs}").items] == ["a", "b", "c"]
    (pairs / "mask" / "b.png").unlink()
    with pytest.raises(ZooError, match="mask have no partner of the same name, such as b"):
        open_dataset(f"pairs:{pairs}")


def test_gopro_as_published_is_its_test_part(tmp_path):
    for part, scene, names in [
        ("test", "GOPR0384_11_00", ["000001", "000002"]),
        ("test", "GOPR0385_11_01", ["000001"]),
        ("train", "GOPR0372_07_00", ["000047"]),
    ]:
        for name in names:
            for kind in ("blur", "blur_gamma", "sharp"):
                save(tmp_path / "gopro" / part / scene / kind / f"{name}.png")
    dataset = open_dataset("gopro", tmp_path)
    assert [item.name for item in dataset.items] == [
        "GOPR0384_11_00/000001.png",
        "GOPR0384_11_00/000002.png",
        "GOPR0385_11_01/000001.png",
    ]
    assert all(item.given.parent.name == "blur" for item in dataset.items)
    assert (dataset.total, dataset.missing) == (1111, 1108)
    assert dataset.card.scenario == "given"


def test_named_sets_are_found_by_argument_and_variable(tmp_path, monkeypatch):
    save(tmp_path / "root" / "celeba-hq" / "1.png")
    assert len(open_dataset("celeba-hq", tmp_path / "root").items) == 1
    monkeypatch.setenv("ZOO_DATA", str(tmp_path / "root"))
    dataset = open_dataset("celeba-hq")
    assert (len(dataset.items), dataset.total, dataset.card.scenario) == (1, 30_000, "blind-face")
    monkeypatch.setenv("ZOO_DATA", str(tmp_path / "elsewhere"))
    assert len(open_dataset("celeba-hq", tmp_path / "root").items) == 1


@pytest.mark.parametrize("name", ["celeba-hq", "ffhq", "gopro", "places2", "kodak24", "set5", "set14"])
def test_a_missing_set_says_what_where_size_and_license(name, tmp_path):
    card = CARDS[name]
    with pytest.raises(ZooError, match="not on this machine") as caught:
        open_dataset(name, tmp_path)
    for fact in (card.title, card.source, card.size, card.license, str(tmp_path)):
        assert fact in str(caught.value)
    with pytest.raises(ZooError, match="neither --data-root nor ZOO_DATA is set"):
        open_dataset(name)


@pytest.mark.parametrize(("typed", "meant"), [("celebahq", "celeba-hq"), ("go-pro", "gopro"), ("smaple", "sample")])
def test_an_unknown_set_gets_a_suggestion(typed, meant):
    with pytest.raises(UnknownNameError, match=f"did you mean .*{meant}"):
        open_dataset(typed)


def test_listing_says_what_is_here(tmp_path, capsys):
    for name in ("a.png", "b.png"):
        save(tmp_path / "kodak24" / name)
        for kind in ("blur", "sharp"):
            save(tmp_path / "gopro" / kind / name)
    (tmp_path / "set5").mkdir()
    assert evaluate("datasets", "--data-root", tmp_path) == 0
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert set(lines) == {"id", *CARDS}
    assert "embedded" in lines["sample"]
    assert f"2 in {tmp_path / 'kodak24'}" in lines["kodak24"]
    assert f"2 in {tmp_path / 'gopro'}" in lines["gopro"]
    assert "not usable: there is no picture" in lines["set5"]
    for name, card in CARDS.items():
        assert card.license in lines[name]
        assert card.source in lines[name]


# ---- sets whose card lists their pictures


@pytest.fixture
def listed_set(tmp_path, monkeypatch):
    """A set of three pictures "a", "b", "c" with its list, and a data root that holds it in the layout of its card."""
    root = tmp_path / "root"
    folder = root / "some" / "layout"
    for shift, name in enumerate("abc"):
        save(folder / f"{name}.png", shift)
    card = DatasetCard("trio", "Three", ("restore",), "CC0", "https://example.org", 3, layouts=("some/layout",))
    monkeypatch.setitem(CARDS._entries, "trio", card)
    monkeypatch.setattr(datasets, "MANIFESTS", tmp_path)
    datasets._manifest.cache_clear()
    (tmp_path / "trio.json").write_text(json.dumps(listed("trio", root)))
    datasets._manifest.cache_clear()
    yield root
    datasets._manifest.cache_clear()


def test_a_listed_set_is_recognized_by_its_pixels(listed_set, tmp_path):
    first = open_dataset("trio", listed_set)
    assert (first.state, first.remark, first.sha256) == ("verified", "", CARDS["trio"].sha256)
    assert [item.name for item in first.items] == ["a", "b", "c"]
    copies = tmp_path / "other" / "trio"  # other names, another format, another order
    copies.mkdir(parents=True)
    for name, new in zip("abc", ("3", "2", "1"), strict=True):
        with Image.open(listed_set / "some" / "layout" / f"{name}.png") as image:
            image.save(copies / f"{new}.webp", lossless=True)
    second = open_dataset("trio", tmp_path / "other")
    assert (second.state, second.sha256) == ("verified", first.sha256)
    assert [(item.name, item.clean.name) for item in second.items] == [
        ("a", "3.webp"),
        ("b", "2.webp"),
        ("c", "1.webp"),
    ]
    for one, other in zip(first.items, second.items, strict=True):
        samples = [get_scenario("mixed").prepare(item, 0) for item in (one, other)]
        assert samples[0].digest == samples[1].digest


def test_a_part_of_a_listed_set_is_that_part(listed_set):
    (listed_set / "some" / "layout" / "b.png").unlink()
    dataset = open_dataset("trio", listed_set)
    assert ([item.name for item in dataset.items], dataset.total, dataset.state) == (["a", "c"], 3, "verified")
    assert dataset.sha256 != CARDS["trio"].sha256


@pytest.mark.parametrize("fault", ["changed", "added", "twice", "damaged"])
def test_other_pictures_are_measured_under_another_name(fault, listed_set, tmp_path, capsys):
    folder = listed_set / "some" / "layout"
    if fault == "twice":
        shutil.copy(folder / "a.png", folder / "again.png")
    elif fault == "damaged":
        (folder / "b.png").write_bytes((folder / "b.png").read_bytes()[:200])
    else:
        save(folder / ("b.png" if fault == "changed" else "d.png"), 9)
    dataset = open_dataset("trio", listed_set)
    assert dataset.state == "different" and dataset.sha256 != CARDS["trio"].sha256
    assert dataset.key == "trio-different"
    assert "not the pictures of trio" in dataset.remark and "not ranked as trio" in dataset.remark
    status = evaluate("--model", "no-op", "--dataset", "trio", "--data-root", listed_set, "--scenario", "jpeg",
                      "--workers", 1, "--out", tmp_path / "out")  # fmt: skip
    assert status == (fault == "damaged")
    assert f"note: {dataset.remark}" in capsys.readouterr().err
    assert result_of(tmp_path / "out", "no-op")["dataset"]["state"] == "different"


def test_the_embedded_pictures_are_those_that_are_listed(capsys):
    assert open_dataset("sample").state == "verified"
    assert evaluate("manifest", "sample") == 0
    assert capsys.readouterr().out == (datasets.MANIFESTS / "sample.json").read_text()


@pytest.mark.parametrize("name", ["kodak24", "cid22-val", "faces-val", "gopro-train-11", "gopro-test-3", "set5"])
def test_published_sets_list_all_their_pictures(name):
    card = CARDS[name]
    assert len(card.manifest) == len(set(card.manifest.values())) == card.expected
    assert all(len(sha256) == 64 for sha256 in (*card.manifest.values(), card.sha256))
    assert list(card.manifest) == sorted(card.manifest)


@pytest.mark.parametrize("name", ["cid22-val", "faces-val"])
def test_a_half_is_for_choosing_and_the_other_for_reporting(name):
    whole, choosing, reporting = (CARDS[name + use].manifest for use in ("", "-choosing", "-reporting"))
    assert {**choosing, **reporting} == whole and not choosing.keys() & reporting.keys()
    assert len(choosing) == CARDS[f"{name}-choosing"].expected and len(reporting) - len(choosing) in (0, 1)
    assert [name in reporting for name in list(whole)[:3]] == [True, False, True]


def test_a_half_is_opened_from_the_folder_of_the_whole_set(listed_set, monkeypatch):
    for half in datasets._halves(CARDS["trio"]):
        monkeypatch.setitem(CARDS, half.id, half)
    reporting, choosing = (open_dataset(f"trio-{use}", listed_set) for use in ("reporting", "choosing"))
    assert [item.name for item in reporting.items] == ["a", "c"] and [item.name for item in choosing.items] == ["b"]
    for half in (reporting, choosing):
        assert half.state == "verified" and half.missing == 0 and half.sha256 == half.card.sha256
    (listed_set / "some" / "layout" / "b.png").unlink()
    assert open_dataset("trio-choosing", listed_set).missing == 1
    assert open_dataset("trio-reporting", listed_set).missing == 0
    save(listed_set / "some" / "layout" / "d.png", 9)
    assert open_dataset("trio-reporting", listed_set).state == "different"


def test_a_folder_of_ones_own_is_called_so(photographs):
    assert open_dataset(f"folder:{photographs}").state == "own"


# ---- pictures and masks of the user's


def save_mask(path, left: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = np.zeros((40, 60), np.uint8)
    mask[10:30, left : left + 12] = 255
    Image.fromarray(mask).save(path)


def test_masks_belong_to_pictures_of_their_name(tmp_path):
    for index, name in enumerate("abc"):
        save(tmp_path / "target" / f"{name}.png", index)
        save_mask(tmp_path / "mask" / f"{name}.png", 4 * index)
    opened = open_dataset(f"masked:{tmp_path}")
    assert opened.card.scenario == "given-masks" and opened.state == "own"
    assert [(item.name, item.mask.stem) for item in opened.items] == [("a.png", "a"), ("b.png", "b"), ("c.png", "c")]
    (tmp_path / "mask" / "b.png").unlink()
    with pytest.raises(ZooError, match=r"1 of the pictures in .* have no mask of their name, such as b"):
        open_dataset(f"masked:{tmp_path}")
    with pytest.raises(ZooError, match="folder target and masks in a folder mask"):
        open_dataset(f"masked:{tmp_path / 'target'}")


def test_a_folder_of_masks_is_dealt_out_by_the_pictures_names(tmp_path):
    from eval.scenarios import get_scenario

    for index in range(12):
        save(tmp_path / "target" / f"photo{index}.png", index)
    for index in range(4):
        save_mask(tmp_path / "mask" / f"hole{index}.png", 10 * index)
    items = open_dataset(f"masked:{tmp_path}").items
    dealt = {item.name: item.mask.name for item in items}
    assert len(set(dealt.values())) > 1
    (tmp_path / "target" / "photo3.png").unlink()  # what others get does not depend on it
    rest = {item.name: item.mask.name for item in open_dataset(f"masked:{tmp_path}").items}
    assert all(dealt[name] == mask for name, mask in rest.items()) and len(rest) == 11
    sample = get_scenario("given-masks").prepare(items[0], 0)
    height, width = sample.truth.shape[:2]
    whole = np.asarray(Image.open(items[0].mask).resize((width, height), Image.Resampling.NEAREST)) > 0
    assert np.array_equal(sample.mask, whole)
    assert (sample.given[sample.mask] == 128).all() and np.array_equal(sample.given[~whole], sample.truth[~whole])
