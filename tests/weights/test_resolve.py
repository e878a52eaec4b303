"""Where weights are looked for, in which order, and what is checked."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from tests.weights.ask import card
from tests.weights.hub import COMMIT
from zoo.card import ModelCard, Source, Weights
from zoo.errors import WeightsError
from zoo.weights import is_bundled, missing_reason, places, record, resolve
from zoo.weights.resolve import trust


def sha(data: bytes) -> str:
    """Hex sha256."""
    return hashlib.sha256(data).hexdigest()


def put(path: Path, data: bytes) -> Path:
    """Write a file and its folders."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def put_in_hub_cache(home: Path, data: bytes) -> Path:
    """A file as the Hub's client leaves it: a blob, a link to it, and the branch's commit."""
    repo = home / "hf" / "hub" / "models--someone--tiny"
    blob = put(repo / "blobs" / sha(data), data)
    put(repo / "refs" / "main", COMMIT.encode())
    link = repo / "snapshots" / COMMIT / "tiny.pth"
    link.parent.mkdir(parents=True)
    link.symlink_to(Path("../../blobs") / blob.name)
    return link


@pytest.fixture
def bundled(tmp_path, monkeypatch):
    """An empty folder in place of the bundled weights."""
    folder = tmp_path / "pretrained"
    monkeypatch.setattr(places, "BUNDLED", folder)
    return folder


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The user's folder, set as ZOO_WEIGHTS."""
    monkeypatch.setenv("ZOO_WEIGHTS", str(tmp_path / "mine"))
    return tmp_path / "mine"


def test_order(home, bundled, folder, tmp_path):
    given = put(tmp_path / "given.pth", b"given")
    put_in_hub_cache(home, b"hub")

    def origin(override=None):
        (file,) = resolve(card(), override).files
        return file.origin, file.path.read_bytes()

    assert origin() == ("Hub cache", b"hub")
    record.forget("tiny.pth")
    put(folder / "tiny.pth", b"folder")
    assert origin() == ("folder", b"folder")
    assert not is_bundled(card())
    put(bundled / "tiny.pth", b"bundled")
    assert is_bundled(card())
    assert origin() == ("bundled", b"bundled")
    assert origin(given) == ("file", b"given")


def test_missing_says_how_to_get_it(monkeypatch):
    hub = missing_reason(card(license="CC-BY-NC-4.0"))
    assert "`python -m zoo download test.tiny` gets tiny.pth (license: CC-BY-NC-4.0)" in hub
    by_hand = card(source={"page": "https://example.org/weights"})
    assert "from https://example.org/weights and put it into the folder that ZOO_WEIGHTS names" in missing_reason(
        by_hand
    )
    monkeypatch.setenv("ZOO_WEIGHTS", "/nowhere")
    assert "into the folder /nowhere (ZOO_WEIGHTS)" in missing_reason(by_hand)
    with pytest.raises(WeightsError, match=r"get tiny\.pth .* from https://example\.org/weights"):
        resolve(by_hand)


def test_a_users_wrong_file_is_refused_but_kept(folder):
    path = put(folder / "tiny.pth", b"other")
    with pytest.raises(
        WeightsError, match=f"its sha256 is {sha(b'other')}, that of the published one is {sha(b'right')}"
    ):
        resolve(card(sha(b"right")))
    assert path.read_bytes() == b"other"


def test_a_given_file_need_not_be_the_published_one(tmp_path):
    path = put(tmp_path / "tuned.pth", b"tuned")
    assert resolve(card(sha(b"right")), path).sha256 == sha(b"tuned")
    with pytest.raises(WeightsError, match="there is no weights file"):
        resolve(card(), tmp_path / "absent.pth")


def test_trust_on_first_use(folder):
    put(folder / "tiny.pth", b"first")
    trust(resolve(card()))
    written = json.loads(record.record_path("tiny.pth").read_text())
    assert written["sha256"] == sha(b"first")
    put(folder / "tiny.pth", b"second")
    with pytest.raises(WeightsError, match="not the file that was first used"):
        resolve(card())
    assert (folder / "tiny.pth").is_file()  # it is the user's own
    assert record.forget("tiny.pth")
    assert resolve(card()).sha256 == sha(b"second")


def test_a_damaged_record_is_not_taken_for_none(folder):
    put(folder / "tiny.pth", b"first")
    put(record.record_path("tiny.pth"), b"{")
    with pytest.raises(WeightsError, match=r"cannot be read, so tiny\.pth cannot be checked"):
        resolve(card())


def test_a_known_size_is_checked_at_first_use(folder):
    put(folder / "tiny.pth", b"short")
    model = ModelCard(
        id="test.tiny", title="Tiny", tasks=("deblur",), license="MIT", weights=Weights("tiny.pth", "MIT", size=9)
    )
    with pytest.raises(WeightsError, match="it has 5 bytes, not 9"):
        resolve(model)


def test_an_unwritable_cache_does_not_stop_a_load(folder, tmp_path, monkeypatch, capsys):
    put(folder / "tiny.pth", b"first")
    monkeypatch.setenv("ZOO_CACHE", str(put(tmp_path / "file", b"") / "cache"))
    trust(resolve(card()))
    assert "was not recorded: a part of the path is a file, not a folder" in capsys.readouterr().err


def of_two_files() -> ModelCard:
    """A card whose model is made of two files."""
    first = Weights("pair/one.pth", "MIT", (Source(page="https://example.org"),), prefix="one.")
    second = Weights("pair/two.pth", "MIT", (Source(page="https://example.org"),), prefix="two.")
    return ModelCard(
        id="test.pair", title="Pair", tasks=("inpaint",), license="MIT", weights=first, extra_weights=(second,)
    )


def test_a_model_of_several_files(folder, tmp_path):
    model = of_two_files()
    put(folder / "pair" / "one.pth", b"one")
    reason = missing_reason(model)
    assert "two.pth" in reason and "one.pth" not in reason
    put(folder / "pair" / "two.pth", b"two")
    assert missing_reason(model) is None
    assert resolve(model).sha256 == f"{sha(b'one')}+{sha(b'two')}"

    given = put(tmp_path / "download" / "one.pth", b"1")
    with pytest.raises(WeightsError, match=r"give the folder that holds one\.pth and two\.pth"):
        resolve(model, given)
    with pytest.raises(WeightsError, match=r"there is no weights file .*two\.pth"):
        resolve(model, given.parent)
    put(given.parent / "two.pth", b"2")
    assert [(file.prefix, file.path.read_bytes()) for file in resolve(model, given.parent).files] == [
        ("one.", b"1"),
        ("two.", b"2"),
    ]


def test_cards_of_several_files_need_prefixes():
    first, second = Weights("one.pth", "MIT"), Weights("two.pth", "MIT")
    with pytest.raises(ValueError, match="prefix"):
        ModelCard(id="a.b", title="", tasks=("deblur",), license="MIT", weights=first, extra_weights=(second,))
