"""The app's actions, through a real client of a running server."""

import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import skimage.data
from gradio_client import handle_file
from gradio_client.exceptions import AppError
from PIL import Image

import zoo
from zoo.io import images


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


def file_of(path):
    return path and handle_file(str(path))


def compare(client, picture, task, models, mask=None, *, samples=0, size="as it is", truth=None):
    return client.predict(
        file_of(picture), task, models, file_of(mask), samples, size, file_of(truth), api_name="/compare"
    )


def shown(answer) -> list[dict]:
    """The results of an answer (status, comparison)."""
    return answer[1]["results"]


def opened(path) -> np.ndarray:
    return np.asarray(Image.open(path["path"] if isinstance(path, dict) else path).convert("RGB"))


def test_results_are_what_the_zoo_gives(client, photo):
    answer = compare(client, photo, "denoise", ["nl-means", "bilateral"])
    assert answer[0] == {"text": "Done: 2 of 2.", "share": None}
    assert np.array_equal(opened(answer[1]["input"]["file"]), images.read(photo).color)
    assert [each["model"] for each in shown(answer)] == ["nl-means", "bilateral"]
    for each in shown(answer):
        expected = zoo.load(each["model"]).restore(photo).image
        # PNG all the way: the pixels in the browser are the restored ones.
        assert np.array_equal(opened(each["view"]["file"]), expected)
        assert np.array_equal(opened(each["files"][0]["file"]), expected)
        assert (each["view"]["width"], each["view"]["height"]) == (220, 200)
        assert each["license"] == zoo.get_card(each["model"]).license and each["offline"] and each["seconds"] > 0
        assert [score["id"] for score in each["scores"]] == ["niqe"]


def test_results_come_one_by_one(client, photo):
    job = client.submit(
        handle_file(str(photo)), "denoise", ["bilateral", "nl-means"], None, 0, "as it is", None, api_name="/compare"
    )
    seen = [len(answer[1]["results"]) for answer in job if isinstance(answer[1], dict) and "results" in answer[1]]
    assert seen == sorted(seen) and {0, 1, 2} == set(seen)


def test_the_zip_holds_the_results_and_what_was_done(client, photo):
    answer = compare(client, photo, "denoise", ["nl-means", "bilateral"])
    with zipfile.ZipFile(answer[1]["bundle"]) as bundle:
        assert sorted(bundle.namelist()) == ["cup-bilateral.png", "cup-nl-means.png", "what-was-done.json"]
        record = json.loads(bundle.read("what-was-done.json"))
        with bundle.open("cup-nl-means.png") as file:
            assert np.array_equal(np.asarray(Image.open(file)), zoo.load("nl-means").restore(photo).image)
    assert record["task"] == "denoise" and [each["model"] for each in record["results"]] == ["nl-means", "bilateral"]
    assert "/" not in json.dumps(record)


def test_an_uploaded_mask_is_filled_and_the_rest_is_left_alone(client, photo, mask):
    (found,) = shown(compare(client, photo, "inpaint", ["telea"], mask))
    after = opened(found["view"]["file"])
    truth, hole = np.asarray(Image.open(photo)), np.asarray(Image.open(mask)) > 0
    assert np.array_equal(after[~hole], truth[~hole])
    assert not np.array_equal(after[hole], truth[hole])


def test_a_jpeg_mask_is_cut_at_the_middle(client, photo, mask, tmp_path):
    soft = tmp_path / "mask.jpg"
    Image.open(mask).convert("L").save(soft, quality=60)
    values = np.asarray(Image.open(soft))
    assert len(np.unique(values)) > 2
    read = client.predict(handle_file(str(photo)), handle_file(str(soft)), api_name="/read_mask")
    assert np.array_equal(opened(read)[..., 0] == 255, values >= 128)
    (found,) = shown(compare(client, photo, "inpaint", ["telea"], soft))
    changed = (opened(found["view"]["file"]) != np.asarray(Image.open(photo))).any(axis=2)
    assert changed.any() and not changed[values < 128].any()


def test_a_mask_painted_on_a_smaller_copy_counts_at_full_size(client, photo, tmp_path):
    strokes = np.zeros((100, 110), np.uint8)
    strokes[40:50, 30:80] = 255
    small = tmp_path / "layer.png"
    Image.fromarray(strokes).save(small)
    (found,) = shown(compare(client, photo, "inpaint", ["telea"], small))
    changed = (opened(found["view"]["file"]) != np.asarray(Image.open(photo))).any(axis=2)
    assert changed[80:100, 60:160].mean() > 0.5
    changed[80:100, 60:160] = False
    assert not changed.any()


def test_a_region_alone_is_restored(client, photo, mask):
    (found,) = shown(compare(client, photo, "denoise", ["nl-means"], mask))
    after, before = opened(found["view"]["file"]), np.asarray(Image.open(photo))
    region = np.asarray(Image.open(mask)) > 0
    assert np.array_equal(after[~region], before[~region])
    assert not np.array_equal(after[region], before[region])
    assert any("only the marked part" in note.lower() for note in found["notes"])


def test_what_enlarges_cannot_restore_a_region(client, photo, mask):
    (found,) = shown(compare(client, photo, "super-resolution", ["lanczos.x2"], mask))
    assert found["failed"] == "Lanczos.x2 enlarges the picture, so it cannot restore a part of it."


def test_scratches_are_found(client, tmp_path):
    picture = np.full((300, 400, 3), 90, np.uint8)
    picture[:, 198:201] = 250
    path = tmp_path / "print.png"
    Image.fromarray(picture).save(path)
    found = opened(client.predict(handle_file(str(path)), api_name="/find_scratches"))[..., 0] == 255
    assert found[10:-10, 199].all()
    assert found[:, :190].mean() < 0.01 and found[:, 210:].mean() < 0.01


def test_no_scratches_are_said(client, tmp_path):
    path = tmp_path / "flat.png"
    Image.fromarray(np.full((64, 64, 3), 90, np.uint8)).save(path)
    with pytest.raises(AppError, match="No scratches were found"):
        client.predict(handle_file(str(path)), api_name="/find_scratches")


def test_with_a_truth_results_are_measured(client, photo, tmp_path):
    clean = np.asarray(Image.open(photo))
    noisy = np.clip(clean + np.random.default_rng(0).normal(0, 25, clean.shape), 0, 255).astype(np.uint8)
    path = tmp_path / "noisy.png"
    Image.fromarray(noisy).save(path)
    answer = compare(client, path, "denoise", ["nl-means"], truth=photo)
    (found,) = shown(answer)
    after = opened(found["view"]["file"])
    scores = {score["id"]: score["value"] for score in found["scores"]}
    error = np.mean((after.astype(float) - clean) ** 2)
    assert scores["psnr_rgb"] == pytest.approx(10 * np.log10(255**2 / error), abs=1e-3)  # the metric has 32 bits
    before = {score["id"]: score["value"] for score in answer[1]["input_scores"]}
    assert scores["psnr_rgb"] > before["psnr_rgb"] + 1
    wrong = opened(found["error"]["file"])
    difference = np.abs(after.astype(int) - clean).mean(axis=2)
    assert wrong[difference > 40].mean() > wrong[difference < 3].mean() + 50


def test_a_truth_of_another_size_is_said(client, photo, tmp_path):
    path = tmp_path / "other.png"
    Image.fromarray(np.zeros((10, 12, 3), np.uint8)).save(path)
    with pytest.raises(AppError, match="The undamaged picture has 12 × 10 pixels, the results 220 × 200"):
        compare(client, photo, "denoise", ["no-op"], truth=path)


def test_sixteen_bits_and_metadata_survive_the_round_trip(client, tmp_path):
    path = tmp_path / "scan.tif"
    pixels = np.random.default_rng(0).integers(0, 65536, (40, 50, 3), dtype=np.uint16)
    exif = Image.Exif()
    exif[270] = "a description"
    images.write(path, images.Picture(pixels, exif=exif.tobytes()))
    (found,) = shown(compare(client, path, "denoise", ["no-op"]))
    assert [each["label"] for each in found["files"]] == ["TIFF", "PNG"]
    for each in found["files"]:
        back = images.read(each["file"])
        assert np.array_equal(back.color, pixels)
        kept = Image.Exif()
        kept.load(back.exif)
        assert kept[270] == "a description"


def test_a_size_can_be_chosen(client, tmp_path):
    path = tmp_path / "large.png"
    Image.fromarray(np.zeros((1200, 1500, 3), np.uint8)).save(path)
    answer = compare(client, path, "denoise", ["no-op"], size="at most 1 megapixel")
    view = shown(answer)[0]["view"]
    assert 0.98e6 < view["width"] * view["height"] <= 1e6
    assert "Made smaller" in answer[0]["text"]


def test_a_large_picture_has_a_smaller_copy_to_look_at(client, tmp_path):
    path = tmp_path / "wide.png"
    Image.fromarray(np.zeros((300, 2400, 3), np.uint8)).save(path)
    view = client.predict(handle_file(str(path)), api_name="/look")[0]
    assert (view["width"], view["height"]) == (2400, 300)
    assert Image.open(view["file"]).size == (2400, 300) and Image.open(view["small"]).size == (1280, 160)


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
    for action in (lambda: compare(client, path, "denoise", ["nl-means"]),
                   lambda: client.predict(handle_file(str(path)), api_name="/look")):  # fmt: skip
        with pytest.raises(AppError, match=sentence) as error:
            action()
        assert "holiday.png" in str(error.value).lower()
        assert "/" not in str(error.value)


def test_a_mask_of_another_shape_is_said(client, photo, tmp_path):
    path = tmp_path / "mask.png"
    hole = np.zeros((10, 10), np.uint8)
    hole[2:5] = 255
    Image.fromarray(hole).save(path)
    with pytest.raises(AppError, match="10 x 10 pixels, the picture 220 x 200"):
        compare(client, photo, "inpaint", ["telea"], path)


def test_the_fault_of_a_picture_chooses_the_task_and_the_models(client, tmp_path):
    noisy = skimage.data.coffee().astype(float) + np.random.default_rng(0).normal(0, 30, (400, 600, 3))
    path = tmp_path / "night.png"
    Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)).save(path)
    view, mask, hint, task, models, _ = client.predict(handle_file(str(path)), api_name="/look")
    assert (view["width"], view["height"], mask) == (600, 400, None)
    assert "noise of about" in hint and task["value"] == "denoise"
    assert models["value"] and set(models["value"]) <= {id for _, id in models["choices"]}


def test_the_task_chooses_the_models(client):
    models, need = client.predict("deblur", api_name="/models_for_task")
    assert {id for _, id in models["choices"]} == {card.id for card in zoo.list_models(task="deblur", available=True)}
    assert need == ""
    assert "Mark on the picture" in client.predict("inpaint", api_name="/models_for_task")[1]


def test_the_recommended_models_are_chosen():
    from leaderboard.recommend import recommend
    from ui.models import chosen, results

    if not results():
        pytest.skip("no results are committed")
    best = recommend("motion-blur", offline=True)
    if best.pick is None:
        pytest.skip("the committed results do not tell")
    assert chosen("deblur")[0] == best.pick.model


def test_the_leaderboard_shows_the_committed_results(client):
    from eval.find import find_results
    from leaderboard.table import COMMITTED, group

    if not any(COMMITTED.rglob("*.json")):
        pytest.skip("no results are committed: make results")
    made = group(find_results([COMMITTED]))[0]
    text, table, *_ = client.predict(made.name, api_name="/leaderboard")
    assert made.primary in text
    place = table["headers"].index("model")
    assert [row[place] for row in table["data"]] == [result.model.id for result in made.ranked]


def test_every_action_has_a_name_and_typed_parameters(server):
    import app

    api = app.demo.get_api_info()["named_endpoints"]
    assert {"/compare", "/look", "/find_scratches", "/read_mask", "/models_for_task", "/load_example"} <= set(api)
    for name, action in api.items():
        for parameter in action["parameters"]:
            assert not parameter["parameter_name"].startswith("param_"), (name, parameter)
            assert parameter["python_type"]["type"] not in ("Any", "any"), (name, parameter)
        assert action["description"], name


def test_faces_are_found_and_restored_in_their_picture(client, tmp_path):
    path, picture = tmp_path / "portrait.png", skimage.data.astronaut()
    Image.fromarray(picture).save(path)
    (found,) = shown(compare(client, path, "face", ["gpen.mini"]))
    assert any("1 face: 1 restored" in note for note in found["notes"])
    after = opened(found["view"]["file"])
    assert not np.array_equal(after[60:180, 160:280], picture[60:180, 160:280])
    assert np.array_equal(after[300:], picture[300:])


def test_an_example_brings_its_mask_and_its_task(client):
    picture = client.predict("scratched print", api_name="/load_example")
    view, *_ = client.predict(handle_file(picture), api_name="/look")
    assert view["width"] > 100


def test_the_page_loads_no_torch():
    """Importing and building the app, in a fresh process."""
    code = "import sys, app; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
