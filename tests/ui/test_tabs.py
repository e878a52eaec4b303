"""Faces, batches, the test with a chosen damage, the arena and the leaderboard, through a real client."""

import csv
import io
import struct
import zipfile
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from gradio_client import handle_file
from gradio_client.exceptions import AppError
from PIL import Image

import zoo
from leaderboard.votes import Vote, VoteStore
from tests.ui.test_app import opened, shown
from ui import models
from ui.arena import arena_ranking, contestants
from ui.jobs import unpack
from zoo.errors import PictureError


@pytest.fixture
def portrait(tmp_path) -> Path:
    path = tmp_path / "portrait.png"
    Image.fromarray(skimage.data.astronaut()).save(path)
    return path


def picture_bytes(color=(200, 100, 50), size=(40, 30)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, color).save(stream, "PNG")
    return stream.getvalue()


def archive(path: Path, entries: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as made:
        for name, data in entries.items():
            made.writestr(name, data)
    return path


# --- faces


def test_faces_are_boxed(client, portrait):
    found, only, said = client.predict(handle_file(str(portrait)), api_name="/find_faces")
    assert only == "all" and said == "Found 1 face."
    ((x0, y0, x1, y1),) = found["boxes"]
    assert x0 < 224 / 512 < x1 and y0 < 110 / 512 < y1 and x1 - x0 < 0.4


def restore_faces(client, path, only="all", strength=1.0, style="plain", anonymize="nobody"):
    return client.predict(
        handle_file(str(path)), "gpen.mini", only, strength, style, anonymize, api_name="/restore_faces"
    )


def test_a_face_is_restored_with_a_sentence_and_a_picture_of_its_own(client, portrait):
    status, answer, gallery = restore_faces(client, portrait)
    assert status["text"].startswith("Done. Face 1: restored. Same person: ")
    picture, after = skimage.data.astronaut(), opened(answer["results"][0]["view"]["file"])
    assert not np.array_equal(after[60:180, 160:280], picture[60:180, 160:280])
    assert np.array_equal(after[300:], picture[300:])
    assert Image.open(gallery[0]["image"]).size == (512, 256) and gallery[0]["caption"].startswith("Face 1")


def test_no_strength_leaves_the_picture_alone(client, portrait):
    _, answer, _ = restore_faces(client, portrait, strength=0.0)
    difference = np.abs(opened(answer["results"][0]["view"]["file"]).astype(int) - skimage.data.astronaut())
    assert difference.max() <= 2


def test_a_pixel_beside_every_face_restores_none(client, portrait):
    status, answer, _ = restore_faces(client, portrait, only="500,500")
    assert "left as it was" in status["text"]
    assert np.array_equal(opened(answer["results"][0]["view"]["file"]), skimage.data.astronaut())


def test_everybody_is_made_unrecognizable(client, portrait):
    status, answer, _ = restore_faces(client, portrait, anonymize="everybody")
    assert "made unrecognizable" in status["text"]
    eyes = np.s_[90:140, 200:250]
    after, before = opened(answer["results"][0]["view"]["file"])[eyes], skimage.data.astronaut()[eyes]
    detail = [np.abs(np.diff(each.astype(int), axis=0)).mean() for each in (after, before)]
    assert detail[0] < detail[1] / 4


@pytest.mark.parametrize("only", ["", "nobody", "1,2,3", "../x", "1e999,2", "9" * 5000])
def test_what_means_no_face_is_said(client, portrait, only):
    with pytest.raises(AppError, match="a pixel of the face as x,y"):
        restore_faces(client, portrait, only=only)


# --- batches


def restore_batch(client, paths, task="denoise", model="nl-means"):
    files = [handle_file(str(path)) for path in paths]
    return client.predict(files, task, model, "as it is", api_name="/restore_batch")


def test_a_batch_of_files_and_a_zip(client, tmp_path):
    single = tmp_path / "single.png"
    single.write_bytes(picture_bytes((9, 9, 9)))
    packed = archive(
        tmp_path / "more.zip",
        {"a/one.png": picture_bytes(), "../../evil.png": picture_bytes((1, 2, 3)), "bad.png": b"no picture",
         "readme.txt": b"text"},
    )  # fmt: skip
    status, table, result = restore_batch(client, [single, packed])
    assert status["text"] == "Done: 3 of 4, 1 failed."
    with zipfile.ZipFile(result) as made:
        names = made.namelist()
        assert all("/" not in name and ".." not in name for name in names)
        assert len([name for name in names if name.endswith(".png")]) == 3
        rows = list(csv.DictReader(io.TextIOWrapper(made.open("results.csv"), "utf-8")))
        assert [row["state"] for row in rows] == ["done", "done", "done", "failed"]
        assert "is not a picture" in rows[3]["remarks"]
        with made.open(rows[0]["file"]) as file:
            expected = zoo.load("nl-means").restore(single).image
            assert np.array_equal(np.asarray(Image.open(file).convert("RGB")), expected)
    assert [row[1] for row in table["data"]] == ["done", "done", "done", "failed"]


def test_cells_that_are_formulas_are_not():
    from ui.batch import _csv

    text = _csv([{"picture": "=HYPERLINK(1)", "state": "done"}])
    assert text.splitlines()[1].startswith("'=HYPERLINK")


def test_a_zip_bomb_is_stopped_while_it_unpacks(tmp_path, monkeypatch):
    monkeypatch.setattr(unpack, "MOST_BYTES", 1_000_000)
    path = archive(tmp_path / "bomb.zip", {"large.png": bytes(3_000_000)})
    assert path.stat().st_size < 10_000
    data = bytearray(path.read_bytes())
    place = data.index(b"PK\x01\x02")
    data[place + 24 : place + 28] = struct.pack("<I", 10)  # it says that it is small
    path.write_bytes(data)
    folder = tmp_path / "out"
    folder.mkdir()
    with pytest.raises(PictureError):
        unpack.run(lambda share: None, uploads=[(str(path), "bomb.zip")], folder=str(folder))
    assert sum(each.stat().st_size for each in folder.iterdir()) <= 2_000_000
    path = archive(tmp_path / "honest.zip", {"large.png": bytes(3_000_000)})
    with pytest.raises(PictureError, match="unpacks to more than 1 MB"):
        unpack.run(lambda share: None, uploads=[(str(path), "honest.zip")], folder=str(folder))


def test_a_zip_of_too_many_is_said(tmp_path):
    path = archive(tmp_path / "many.zip", {f"{index}.png": b"x" for index in range(unpack.MOST + 1)})
    with pytest.raises(PictureError, match="more than 100 pictures"):
        unpack.run(lambda share: None, uploads=[(str(path), "many.zip")], folder=str(tmp_path))


def test_what_a_zip_holds_stays_in_its_folder(tmp_path):
    folder = tmp_path / "deep" / "out"
    folder.mkdir(parents=True)
    names = ("../up.png", "/root.png", "C:\\windows\\x.png", "a/../../b.png", "näme ☃.png")
    path = archive(tmp_path / "slip.zip", dict.fromkeys(names, b"x"))
    found = unpack.run(lambda share: None, uploads=[(str(path), "slip.zip")], folder=str(folder))
    assert len(found) == 5 and all(Path(each["path"]).parent == folder for each in found)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["deep", "slip.zip"]


# --- the test with a chosen damage


def test_damage_is_measured(client, tmp_path):
    path = tmp_path / "clean.png"
    Image.fromarray(skimage.data.coffee()[:200, :300]).save(path)

    def measured(strength):
        answer = client.predict(
            handle_file(str(path)), "noisy", strength, ["nl-means"], "at most 1 megapixel", 0, api_name="/test_it"
        )
        before = {score["id"]: score["value"] for score in answer[1]["input_scores"]}
        after = {score["id"]: score["value"] for score in shown(answer)[0]["scores"]}
        assert np.array_equal(opened(answer[1]["truth"]["file"]), skimage.data.coffee()[:200, :300])
        return before["psnr_rgb"], after["psnr_rgb"]

    weak, strong = measured(0.1), measured(0.8)
    assert strong[0] < weak[0] - 5 and strong[1] > strong[0] + 2


@pytest.mark.parametrize(("damage", "strength"), [("melted", 0.5), ("noisy", 2), ("noisy", -1)])
def test_a_damage_that_is_none_is_said(client, portrait, damage, strength):
    with pytest.raises(AppError):
        client.predict(handle_file(str(portrait)), damage, strength, ["no-op"], "as it is", 0, api_name="/test_it")


# --- the arena


@pytest.fixture
def votes(tmp_path, monkeypatch) -> VoteStore:
    monkeypatch.setenv("ZOO_VOTES", str(tmp_path / "votes.sqlite"))
    return VoteStore(tmp_path / "votes.sqlite")


def ask(client, tmp_path) -> tuple[dict, str]:
    path = tmp_path / "noisy.png"
    Image.fromarray(skimage.data.coffee()[:120, :160]).save(path)
    _, answer, question = client.predict(handle_file(str(path)), "denoise", api_name="/arena_show")
    return answer, question


def test_a_vote_counts_only_when_it_is_wanted(client, tmp_path, votes):
    answer, question = ask(client, tmp_path)
    assert [each["label"] for each in answer["results"]] == ["A", "B"]
    text = str(answer)
    assert not any(id in text for id in contestants("denoise")), "the names are told too early"
    _, said, _, _ = client.predict(question, "A is better", False, api_name="/arena_vote")
    assert "was not kept" in said and votes.votes() == []
    _, question = ask(client, tmp_path)
    _, said, ranking, _ = client.predict(question, "A is better", True, api_name="/arena_vote")
    (vote,) = votes.votes()
    assert vote.winner == "a" and vote.use == "noisy-photo" and f"A was **{vote.a}**" in said
    assert ranking["data"] == [] and "from 5 votes on" in said
    with pytest.raises(AppError, match="answered once"):
        client.predict(question, "A is better", True, api_name="/arena_vote")
    assert len(votes.votes()) == 1


def test_the_ranking_by_votes_stands_beside_the_measured_one(client, votes):
    for index in range(6):
        better = {"a": "nl-means", "b": "bilateral", "winner": "a" if index else "b"}
        votes.record(Vote(use="noisy-photo", picture=f"{index:016x}", **better))
    table = arena_ranking("noisy-photo")
    assert list(table["model"]) == ["nl-means", "bilateral"] and list(table["votes"]) == [6, 6]
    assert table["score by votes"][0] > table["score by votes"][1]


def test_an_invented_question_has_no_answer(client, votes):
    for question in ("", "0" * 32, "../../etc/passwd"):
        with pytest.raises(AppError, match="Look at two results first"):
            client.predict(question, "A is better", True, api_name="/arena_vote")
    assert votes.votes() == []


# --- the leaderboard


def test_which_model_is_what_the_recommendation_says(client):
    from leaderboard.recommend import recommend

    if not models.results():
        pytest.skip("no results are committed")
    expected = recommend("motion-blur", offline=True, at=(1000, 1000))
    text, table, _ = client.predict("motion-blur", "any", 0, True, api_name="/which_model")
    assert expected.sentence in text and expected.use.not_measured in text
    assert [row[0] for row in table["data"]] == [choice.model for choice in expected.choices]
    assert len(table["headers"]) <= 5
    assert all(isinstance(row[1], (int, float)) for row in table["data"])


def test_numbers_of_the_leaderboard_are_numbers(client):
    from eval.find import find_results
    from leaderboard.table import COMMITTED, group

    if not any(COMMITTED.rglob("*.json")):
        pytest.skip("no results are committed: make results")
    made = group(find_results([COMMITTED]))[0]
    _, brief, full, _ = client.predict(made.name, api_name="/leaderboard")
    assert len(brief["headers"]) == 5 and set(brief["headers"]) < set(full["headers"])
    column = full["headers"].index(made.primary)
    assert all(isinstance(row[column], (int, float)) for row in full["data"])


def test_every_model_has_a_page_without_commands(client):
    for card in zoo.list_models():
        text = client.predict(card.id, api_name="/model_page")
        assert card.license in text and "python -m" not in text and "ZOO_" not in text
    with pytest.raises(AppError):
        client.predict("../../etc/passwd", api_name="/model_page")
