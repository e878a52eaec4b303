"""The app's actions, through a real client of a running server."""

from pathlib import Path

import numpy as np
import pytest
import skimage.data
from gradio_client import handle_file
from gradio_client.exceptions import AppError
from PIL import Image

import zoo
from ui.compare import SLOTS
from zoo.io import images

NO_PAINTING = {"background": None, "layers": [], "composite": None}


@pytest.fixture
def photo(tmp_path: Path) -> Path:
    path = tmp_path / "cup.png"
    Image.fromarray(skimage.data.coffee()[100:300, 200:420]).save(path)
    return path


@pytest.fixture
def mask(tmp_path: Path) -> Path:
    path = tmp_path / "cup-mask.png"
    hole = np.zeros((200, 220), np.uint8)
    hole[80:100, 60:160] = 255
    Image.fromarray(hole).save(path)
    return path


def compare(client, picture, task, models, mask=None, painted=NO_PAINTING):
    picture = picture and handle_file(str(picture))
    mask = mask and handle_file(str(mask))
    return client.predict(picture, task, models, painted, mask, api_name="/compare")


def slots(answer) -> list[tuple]:
    """[(text, slider, download), ...] of the visible results."""
    return [tuple(answer[start : start + 3]) for start in range(1, 1 + 3 * SLOTS, 3) if answer[start]]


def value(part):
    """A component's value, sent plain or as an update."""
    return part["value"] if isinstance(part, dict) and "value" in part else part


def test_results_are_what_the_zoo_gives(client, photo):
    answer = compare(client, photo, "denoise", ["nl-means", "bilateral"])
    assert answer[0].startswith("Done: 2 of 2")
    found = slots(answer)
    assert len(found) == 2
    for (text, slider, download), id in zip(found, ["nl-means", "bilateral"], strict=True):
        assert id in text and " s, 220 × 200 px" in text
        expected = zoo.load(id).restore(photo).image
        before, after = (np.asarray(Image.open(path)) for path in slider)
        # PNG all the way: the pixels in the browser are the restored ones.
        assert np.array_equal(after, expected)
        assert np.array_equal(before, images.read(photo).color)
        assert np.array_equal(np.asarray(Image.open(value(download))), expected)


def test_results_come_one_by_one(client, photo):
    job = client.submit(
        handle_file(str(photo)), "denoise", ["bilateral", "nl-means"], NO_PAINTING, None, api_name="/compare"
    )
    seen = [len(slots(answer)) for answer in job]
    assert seen[0] == 0 and seen[-1] == 2 and 1 in seen


def test_an_uploaded_mask_is_filled_and_the_rest_is_left_alone(client, photo, mask):
    answer = compare(client, photo, "inpaint", ["telea"], mask)
    after = np.asarray(Image.open(slots(answer)[0][1][1]))
    truth, hole = np.asarray(Image.open(photo)), np.asarray(Image.open(mask)) > 0
    assert np.array_equal(after[~hole], truth[~hole])
    assert not np.array_equal(after[hole], truth[hole])


def test_a_painted_mask_counts(client, photo, tmp_path):
    strokes = np.zeros((100, 110, 4), np.uint8)  # the editor shows pictures at its own size
    strokes[40:50, 30:80] = (255, 0, 255, 255)
    layer = tmp_path / "layer.png"
    Image.fromarray(strokes).save(layer)
    painted = {"background": None, "layers": [handle_file(str(layer))], "composite": None}
    after = np.asarray(Image.open(slots(compare(client, photo, "inpaint", ["telea"], painted=painted))[0][1][1]))
    changed = (after != np.asarray(Image.open(photo))).any(axis=2)
    assert changed[80:100, 60:160].mean() > 0.5
    changed[80:100, 60:160] = False
    assert not changed.any()


def test_sixteen_bits_survive_the_round_trip(client, tmp_path):
    path = tmp_path / "scan.png"
    pixels = np.random.default_rng(0).integers(0, 65536, (40, 50, 3), dtype=np.uint16)
    images.write(path, images.Picture(pixels))
    answer = compare(client, path, "denoise", ["no-op"])
    assert np.array_equal(images.read(value(slots(answer)[0][2])).color, pixels)


def test_enlarging_shows_the_input_at_the_same_size(client, photo):
    answer = compare(client, photo, "super-resolution", ["lanczos.x4"])
    before, after = (Image.open(path) for path in slots(answer)[0][1])
    assert before.size == after.size == (880, 800)


@pytest.mark.parametrize(
    ("task", "models", "sentence"),
    [
        ("denoise", [], "at least one model"),
        ("denoise", ["nl-maens"], "did you mean nl-means"),
        ("denoise", ["telea"], "Unknown model for the task denoise"),
        ("denoise", ["spandrel:/etc/passwd"], "Unknown model"),
        ("inpaint", ["telea"], "paint over what is to be replaced"),
    ],
)
def test_what_is_missing_is_said(client, photo, task, models, sentence):
    with pytest.raises(AppError, match=sentence):
        compare(client, photo, task, models)


def test_no_picture_is_said(client):
    with pytest.raises(AppError, match="Choose a picture first"):
        compare(client, None, "denoise", ["nl-means"])


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"no picture at all", "is not a picture"),
        (b"", "is empty"),
        ("truncated", "damaged or cut off"),
        ("GIF", "GIF pictures are not supported"),
    ],
)
def test_a_bad_picture_is_said_without_the_servers_paths(client, photo, tmp_path, content, sentence):
    if content == "truncated":
        content = photo.read_bytes()[:20_000]
    elif content == "GIF":
        content = (Path(skimage.data.__file__).parent / "no_time_for_that_tiny.gif").read_bytes()
    path = tmp_path / "holiday.png"
    path.write_bytes(content)
    with pytest.raises(AppError, match=sentence) as error:
        compare(client, path, "denoise", ["nl-means"])
    assert "holiday.png" in str(error.value).lower()
    assert "/" not in str(error.value)


def test_a_mask_of_another_size_is_said(client, photo, tmp_path):
    path = tmp_path / "mask.png"
    Image.fromarray(np.full((10, 10), 255, np.uint8)).save(path)
    with pytest.raises(AppError, match="10 x 10 pixels, the picture 220 x 200"):
        compare(client, photo, "inpaint", ["telea"], path)


def test_the_task_chooses_the_models(client):
    models, *_, missing = client.predict("deblur", api_name="/models_for_task")
    offered = {id for _, id in models["choices"]}
    assert offered == {card.id for card in zoo.list_models(task="deblur", available=True)}
    assert len(models["value"]) == 2 and set(models["value"]) <= offered
    assert "need weights" in missing or not zoo.list_models(task="deblur", available=False)


def test_the_leaderboard_shows_the_committed_results(client):
    from eval.find import find_results
    from leaderboard.table import COMMITTED, group

    if not any(COMMITTED.rglob("*.json")):
        pytest.skip("no results are committed: make results")
    made = group(find_results([COMMITTED]))[0]
    text, table, _ = client.predict(made.name, api_name="/leaderboard")
    assert made.primary in text
    place = table["headers"].index("model")
    assert [row[place] for row in table["data"]] == [result.model.id for result in made.ranked]


def test_every_action_has_a_name(server):
    import app

    config = app.demo.get_config_file()
    named = {d["api_name"] for d in config["dependencies"]}
    assert {"compare", "models_for_task", "mask_background", "leaderboard", "load_example"} <= named
    assert all(d["api_name"] for d in config["dependencies"])


def test_faces_are_found_and_restored_in_their_picture(client, tmp_path):
    path, picture = tmp_path / "portrait.png", skimage.data.astronaut()
    Image.fromarray(picture).save(path)
    ((text, slider, _),) = slots(compare(client, path, "face", ["gpen.mini"]))
    assert "1 face: 1 restored" in text
    after = np.asarray(Image.open(slider[1]))
    assert not np.array_equal(after[60:180, 160:280], picture[60:180, 160:280])
    assert np.array_equal(after[300:], picture[300:])
