"""A card says nothing that makes no sense."""

from __future__ import annotations

import pytest

from tests.zoo.networks import card
from zoo.card import SizeRule, Source, Weights


@pytest.mark.parametrize("id", ["a", "telea", "v2-net", "gpen.bfr-512", "deblurgan.v2-mobilenet", "x.1.5-a"])
def test_ids(id):
    assert card(id).family == id.partition(".")[0]


@pytest.mark.parametrize("id", ["", "Telea", "a b", "a_b", "-a", "a-", "a.", ".a", "a--b", "a/b", "a:b", "a\n", "é"])
def test_bad_ids(id):
    with pytest.raises(ValueError, match="no model id"):
        card(id)


@pytest.mark.parametrize(
    ("facts", "reason"),
    [
        ({"tasks": ()}, "no task"),
        ({"tasks": ("deblur", "sing")}, "sing"),
        ({"scale": 0}, "scale"),
        ({"license": ""}, "license"),
    ],
)
def test_nonsense_is_refused(facts, reason):
    with pytest.raises(ValueError, match=reason):
        card(**facts)


def test_several_weights_files_need_prefixes_of_their_own():
    files = [Weights("a.pth", "MIT", prefix=prefix) for prefix in ("a.", "b.", "a.", "")]
    assert card(weights=files[0], extra_weights=(files[1],)).files == (files[0], files[1])
    assert card(weights=files[3]).files == (files[3],)
    assert card().files == ()
    for extra in (files[2], files[3]):
        with pytest.raises(ValueError, match="prefix of its own"):
            card(weights=files[0], extra_weights=(extra,))


def test_only_pure_inpainting_needs_a_mask():
    assert card(tasks=("inpaint",)).needs_mask
    assert not card(tasks=("inpaint", "restore")).needs_mask
    assert not card(tasks=("deblur",)).needs_mask


@pytest.mark.parametrize(
    ("rule", "size", "expected"),
    [
        (SizeRule(), (5, 7), (5, 7)),
        (SizeRule(multiple_of=8), (5, 16), (8, 16)),
        (SizeRule(multiple_of=8), (17, 1), (24, 8)),
        (SizeRule(minimum=10), (5, 70), (10, 70)),
        (SizeRule(multiple_of=8, minimum=10), (5, 70), (16, 72)),
        (SizeRule(square=256), (5, 700), (256, 256)),
    ],
)
def test_size_rules(rule, size, expected):
    assert rule.padded(*size) == expected


@pytest.mark.parametrize("facts", [{"multiple_of": 0}, {"minimum": 0}, {"square": 0}, {"multiple_of": -8}])
def test_sizes_are_positive(facts):
    with pytest.raises(ValueError, match="positive"):
        SizeRule(**facts)


def test_a_source_is_one_place():
    assert str(Source(repo="a/b", file="c.pth", revision="v1")) == "hf:a/b/c.pth@v1"
    assert str(Source(url="https://x.org/c.pth")) == "https://x.org/c.pth"
    assert str(Source(package="a_b", file="c.bin")) == "pip install a-b"
    for facts in (
        {}, {"repo": "a/b"}, {"file": "c"}, {"url": "ftp://x"}, {"url": "https://x", "page": "https://y"},
        {"url": "https://x", "file": "c"}, {"package": "a_b"}, {"package": "a_b", "file": "c", "url": "https://x"},
    ):  # fmt: skip
        with pytest.raises(ValueError):
            Source(**facts)
