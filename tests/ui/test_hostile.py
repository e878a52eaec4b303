"""Requests that no browser of ours sends: other people's files, folders, devices, floods, and values of any shape."""

import base64
import io
import json
import os
import struct
import uuid
import zlib
from pathlib import Path

import httpx
import numpy as np
import pytest
from gradio.route_utils import delete_files_created_by_app
from gradio_client.exceptions import AppError
from PIL import Image

from ui import pool, worker
from ui.guard import MAX_FILES, is_received
from ui.jobs.files import MOST_MEGAPIXELS
from ui.models import MOST
from ui.words import for_visitors
from zoo.errors import OutputError, WeightsError, ZooError

META = {"meta": {"_type": "gradio.FileData"}}
REFUSED = "Upload the picture, or click an example: no other file is opened."
UNFIT = "The values sent do not fit this action."


@pytest.fixture(autouse=True)
def log(capfd):
    """None of these requests leaves a traceback in the server's log."""
    yield
    captured = capfd.readouterr()
    assert "Traceback" not in captured.out + captured.err


@pytest.fixture
def http(server):
    """Plain requests to the running app."""
    with httpx.Client(base_url=f"{server.rstrip('/')}/gradio_api", timeout=60) as client:
        yield client


@pytest.fixture
def secret(tmp_path) -> Path:
    """A picture on the server that nobody uploaded."""
    path = tmp_path / "secret.png"
    Image.fromarray(np.full((40, 50, 3), 77, np.uint8)).save(path)
    return path


@pytest.fixture
def upload(http):
    """Upload bytes and get the path that Gradio gave them."""

    def upload(content: bytes, name: str = "mine.png") -> str:
        answer = http.post("/upload", files={"files": (name, content)})
        assert answer.status_code == 200, answer.text
        return answer.json()[0]

    return upload


def png(width: int, height: int, pixels: bool = True) -> bytes:
    """A black PNG of 1 bit per pixel; without `pixels`, its header alone."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    body = zlib.compress(bytes((1 + (width + 7) // 8) * height)) if pixels else b""
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", body) + chunk(b"IEND", b"")


def call(http, action: str, *values) -> str:
    """An action's whole answer, as text, by the interface for programs."""
    begun = http.post(f"/call/{action}", json={"data": values})
    assert begun.status_code == 200, begun.text
    return http.get(f"/call/{action}/{begun.json()['event_id']}").text


def run(http, action: str, *values) -> str:
    """The same by one direct request."""
    return http.post(f"/run/{action}", json={"data": values}).text


def join(http, action: str, *values) -> str:
    """The same by the queue, as a browser asks."""
    import app

    number = next(d["id"] for d in app.demo.get_config_file()["dependencies"] if d["api_name"] == action)
    session = uuid.uuid4().hex
    begun = http.post("/queue/join", json={"data": values, "fn_index": number, "session_hash": session})
    assert begun.status_code == 200, begun.text
    return http.get("/queue/data", params={"session_hash": session}).text


def comparison(
    picture=None, task="denoise", models=("no-op",), mask=None, samples=0, size="as it is", truth=None
) -> tuple:
    return picture, task, list(models), mask, samples, size, truth


HOSTILE = {
    "plain": lambda secret, cache, mine: str(secret),
    "missing": lambda secret, cache, mine: str(secret.with_name("missing.png")),
    "relative": lambda secret, cache, mine: "assets/app.jpg",
    "climbing": lambda secret, cache, mine: f"{cache}/../{os.path.relpath(secret, cache.parent)}",
    "link": lambda secret, cache, mine: str(linked(secret, cache / "link.png")),
    "link-to-folder": lambda secret, cache, mine: str(linked(secret.parent, cache / "links") / secret.name),
    "circle": lambda secret, cache, mine: str(linked(cache / "circle.png", cache / "circle.png")),
    "below-a-file": lambda secret, cache, mine: f"{mine}/more.png",
    "cache": lambda secret, cache, mine: str(cache),
    "cache-dot": lambda secret, cache, mine: f"{cache}/.",
    "folder": lambda secret, cache, mine: str(Path(mine).parent),
    "device": lambda secret, cache, mine: "/dev/zero",
    "pipe": lambda secret, cache, mine: pipe(cache / "pipe.png"),
    "file-url": lambda secret, cache, mine: secret.as_uri(),
    "nul": lambda secret, cache, mine: f"{mine}\0.png",
    "long": lambda secret, cache, mine: "/" + "a" * 100_000,
    "not-text": lambda secret, cache, mine: 5,
    "empty": lambda secret, cache, mine: "",
}


def linked(target: Path, link: Path) -> Path:
    if not link.is_symlink():
        try:
            link.symlink_to(target)
        except OSError:
            pytest.skip("no symbolic links can be made here")
    elif link.readlink() != target:
        link.unlink()
        link.symlink_to(target)
    return link


def pipe(path: Path) -> str:
    if not hasattr(os, "mkfifo"):
        pytest.skip("there are no named pipes here")
    if not path.exists():
        os.mkfifo(path)
    return str(path)


def is_refusal(answer: str, sentence: str = REFUSED) -> bool:
    """Whether the answer is this sentence and no result."""
    errors = {"error", "process_completed"}
    found = []
    for line in answer.splitlines() if not answer.startswith("{") else [f"data: {answer}"]:
        if line.startswith("data: ") and line != "data: null":
            message = json.loads(line.removeprefix("data: "))
            if message.get("msg", "error") in errors:
                found.append(message.get("output", message)["error"])
    return found == [sentence]


@pytest.mark.parametrize("meta", [{}, META], ids=["bare", "meta"])
@pytest.mark.parametrize("kind", HOSTILE)
def test_no_file_but_an_uploaded_one_is_opened(http, cache, secret, upload, kind, meta):
    path = HOSTILE[kind](secret, cache, upload(png(8, 8)))
    answer = call(http, "compare", *comparison({"path": path, **meta}))
    assert is_refusal(answer), answer


@pytest.mark.parametrize("send", [call, run, join])
@pytest.mark.parametrize(
    ("action", "place"),
    [
        ("compare", lambda file: comparison(file)),
        ("compare", lambda file: comparison(file | {"orig_name": "mine.png", "mime_type": "image/png", "size": 5})),
        ("compare", lambda file: comparison(file | {"is_stream": True})),
        ("compare", lambda file: comparison([file])),
        ("compare", lambda file: comparison({"path": None, "picture": file})),
        ("compare", lambda file: comparison(mask=file, task="inpaint")),
        ("compare", lambda file: comparison(truth=file)),
        ("compare", lambda file: comparison(size=file)),
        ("compare", lambda file: comparison(task=file)),
        ("compare", lambda file: comparison(models=[file])),
        ("compare", lambda file: comparison(samples=file)),
        ("look", lambda file: (file,)),
        ("find_scratches", lambda file: (file,)),
        ("read_mask", lambda file: (None, file)),
        ("settings_for_models", lambda file: (["telea"], {"file": file, "width": 1, "height": 1})),
        ("load_example", lambda file: (file,)),
        ("models_for_task", lambda file: (file,)),
        ("settings_for_models", lambda file: ([file], None)),
        ("leaderboard", lambda file: (file,)),
        ("find_faces", lambda file: (file,)),
        ("restore_faces", lambda file: (file, "gpen.mini", "all", 1, "plain", "nobody")),
        ("restore_batch", lambda file: ([file], "denoise", "nl-means", "as it is")),
        ("test_it", lambda file: (file, "noisy", 0.5, ["nl-means"], "as it is", 0)),
        ("arena_show", lambda file: (file, "denoise")),
        ("arena_vote", lambda file: (file, "A is better", False)),
        ("which_model", lambda file: (file, "any", 0, True)),
        ("model_page", lambda file: (file,)),
    ],
)
def test_nor_in_any_other_place(http, secret, send, action, place):
    for path in (secret, secret.with_name("missing.png")):
        for meta in ({}, META):
            answer = send(http, action, *place({"path": str(path), **meta}))
            assert is_refusal(answer), answer


@pytest.mark.parametrize("url", ["data:image/png;base64,", "secret", "http"])
def test_a_url_is_not_opened(http, secret, upload, url, server):
    if url.startswith("data:"):
        url += base64.b64encode(png(8, 8)).decode()
    elif url == "secret":
        url = f"{server}gradio_api/file={secret}"
    else:
        url = "http://127.0.0.1:9/picture.png"
    assert is_refusal(call(http, "compare", *comparison({"url": url, **META})), UNFIT)
    assert is_refusal(call(http, "compare", *comparison({"path": url, "url": url, **META})))
    # Beside an uploaded file the url counts for nothing: it is that file which is restored.
    answer = call(http, "compare", *comparison({"path": upload(png(31, 17)), "url": url, **META}))
    assert "Done: 1 of 1" in answer and '"width": 31, "height": 17' in answer


def test_the_client_for_programs_is_refused_too(client, secret):
    for path in (secret, secret.with_name("missing.png"), "/dev/zero"):
        with pytest.raises(AppError) as error:
            client.predict(*comparison({"path": str(path)}), api_name="/compare")
        assert error.value.message == REFUSED
        with pytest.raises(AppError) as error:
            client.predict({"path": str(path)}, api_name="/look")
        assert error.value.message == REFUSED


def test_examples_are_opened(http):
    picture = json.loads(run(http, "load_example", "blurred face"))["data"][0]
    assert is_received(picture["path"])
    assert "Done: 1 of 1" in call(http, "compare", *comparison(picture))


def test_the_cache_is_still_cleaned(http, cache, upload):
    import app

    mine = upload(png(8, 8))
    for value in ({"path": mine, **META}, {"path": str(cache), **META}, {"path": str(Path(mine).parent), **META}):
        call(http, "look", value)
        call(http, "compare", *comparison(task=value))
    delete_files_created_by_app(app.demo, 0)
    assert not Path(mine).exists()
    picture = json.loads(run(http, "load_example", "blurred face"))["data"][0]
    assert "Done: 1 of 1" in call(http, "compare", *comparison(picture))


def photo_of(upload, width: int = 30, height: int = 20) -> dict:
    photo = io.BytesIO()
    Image.fromarray(np.zeros((height, width, 3), np.uint8)).save(photo, "PNG")
    return {"path": upload(photo.getvalue()), **META}


PAGE, SVG = b"<html><script>alert(1)</script></html>", b"<svg xmlns='http://www.w3.org/2000/svg'/>"


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (png(8000, 4000), f"more pixels than the limit of {MOST_MEGAPIXELS} megapixels"),
        (png(100_000, 100_000, pixels=False), "more than the limit"),
        (png(8, 8), "all black"),
        (png(30, 20), "all black"),
        (b"no picture", "not a picture"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", "not a picture"),
        (SVG, "not a picture"),
        (PAGE, "not a picture"),
    ],
)
def test_a_bad_mask_is_said(http, upload, content, sentence):
    mask = {"path": upload(content, "mask.png"), **META}
    answer = call(http, "compare", *comparison(photo_of(upload), "inpaint", ["telea"], mask))
    assert sentence in answer and "Done" not in answer
    assert "ZOO_" not in answer and "/" not in json.loads(answer.split("data: ")[-1])["error"]


def test_too_many_files_are_said(http, upload):
    files = [{"path": upload(png(8, 8)), **META}] * (MAX_FILES + 1)
    assert is_refusal(call(http, "compare", *comparison(task=files)), f"Send at most {MAX_FILES} files.")


@pytest.mark.parametrize("name", ["page.png", "picture.svg"])
@pytest.mark.parametrize("content", [PAGE, SVG])
def test_pages_under_a_pictures_name_are_no_pictures(http, upload, content, name):
    for action, values in (("look", lambda file: (file,)), ("compare", comparison)):
        answer = call(http, action, *values({"path": upload(content, name), **META}))
        assert "is not a picture" in answer and "Done" not in answer


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 20_000), (20_000, 1)])
def test_pictures_of_odd_shapes(http, upload, width, height):
    picture = {"path": upload(png(width, height)), **META}
    assert f'"width": {width}, "height": {height}' in call(http, "look", picture)
    assert "Done: 1 of 1" in call(http, "compare", *comparison(picture))


def test_a_picture_that_is_too_large_is_offered_to_be_shrunk(http, upload):
    picture = {"path": upload(png(9000, 4000)), **META}
    answer = call(http, "compare", *comparison(picture))
    assert "36 megapixels" in answer and "Choose a smaller size" in answer and "Done" not in answer
    answer = call(http, "compare", *comparison(picture, size="at most 1 megapixel"))
    assert "Done: 1 of 1" in answer and '"width": 1500, "height": 666' in answer


def test_a_bomb_is_refused_by_its_header(http, upload):
    answer = call(http, "look", {"path": upload(png(100_000, 100_000, pixels=False)), **META})
    assert "more than the limit" in answer and "ZOO_" not in answer


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"models": ["spandrel:/etc/passwd"]}, "Unknown model"),
        ({"models": ["spandrel:secret.pth"]}, "Unknown model"),
        ({"models": ["openmodeldb:4x-anything"]}, "Unknown model"),
        ({"models": ["/etc/passwd"]}, "Unknown model"),
        ({"models": ["identity "]}, "Unknown model"),
        ({"models": ["m" * 1_000_000]}, "Unknown model"),
        ({"models": [""]}, "Unknown model"),
        ({"models": ["no-op"] * (MOST + 1)}, "at most"),
        ({"models": [["no-op"]]}, "list of ids"),
        ({"models": [None]}, "list of ids"),
        ({"models": [5]}, "list of ids"),
        ({"task": "denoise "}, "not in the list of choices"),
        ({"task": "t" * 1_000_000}, "Value:"),
        ({"task": None}, "Choose what is wrong"),
        ({"task": ["denoise"]}, "Choose what is wrong"),
        ({"samples": -1}, "less than minimum"),
        ({"samples": 10**9}, "greater than maximum"),
        ({"samples": "many"}, UNFIT),
        ({"samples": None}, UNFIT),
        ({"picture": "/etc/passwd"}, UNFIT),
        ({"picture": 5}, UNFIT),
        ({"truth": "picture"}, UNFIT),
        ({"size": "huge"}, "not in the list of choices"),
        ({"size": 5}, "not in the list of choices"),
        ({"mask": []}, UNFIT),
        ({"picture": {"path": None}}, UNFIT),
        ({"picture": {"path": None, "meta": "none"}}, UNFIT),
    ],
)
def test_values_out_of_range_are_refused(http, upload, changes, sentence):
    values = {"picture": {"path": upload(png(31, 17)), **META}} | changes
    answer = call(http, "compare", *comparison(**values))
    assert sentence in answer and "Done" not in answer, answer[:1000]
    assert len(answer) < 3000


def test_a_string_is_no_list_of_models(http, upload):
    picture = {"path": upload(png(31, 17)), **META}
    for models in ("no-op", {"no-op": 1}, 5, True):
        for action, values in (
            ("compare", (picture, "denoise", models, None, 0, "as it is", None)),
            ("settings_for_models", (models, None)),
        ):
            assert is_refusal(call(http, action, *values), "The models must be a list of ids.")


def test_no_number_is_no_count_of_samples(http, upload):
    body = json.dumps({"data": comparison({"path": upload(png(31, 17)), **META}, samples=float("nan"))})
    answer = http.post("/run/compare", content=body, headers={"content-type": "application/json"}).text
    assert is_refusal(answer, "Choose 0 to 5 samples."), answer


@pytest.mark.parametrize(
    ("action", "values"),
    [
        ("load_example", (10**6,)), ("load_example", ("../../etc/passwd",)), ("leaderboard", ("../../etc/passwd",)),
        ("leaderboard", (None,)), ("models_for_task", ("x" * 100_000,)), ("models_for_task", (None,)),
        ("look", ("/etc/passwd",)), ("compare", ()), ("model_page", (["x"],)), ("which_model", ("x", "any", 0, True)),
        ("which_model", ("motion-blur", ["any"], 0, True)), ("which_model", ("motion-blur", "any", -1, True)),
        ("test_it", (None, {"x": 1}, 0.5, ["no-op"], "as it is", 0)), ("restore_batch", (None, "denoise", "no-op", 5)),
        ("arena_show", (None, [])), ("arena_vote", (["x"], "A is better", True)),
        ("restore_faces", (None, [], 1, 1, 1, 1)),
        ("models_for_damage", (["x"],)), ("models_for_batch", ({"x": 1},)), ("find_scratches", (None,)),
        ("read_mask", (None, None)), ("settings_for_models", ([{"x": 1}], None)),
    ],
)  # fmt: skip
def test_other_actions_refuse_too(http, action, values):
    answer = run(http, action, *values)
    assert json.loads(answer)["error"], answer
    assert len(answer) < 1000 and "/etc/passwd" not in answer.replace("../../etc/passwd", "")


@pytest.fixture
def fresh_workers():
    """Workers see the test's environment, and the next test others."""
    for each in (pool.LIGHT, pool.HEAVY):
        each.close()
    yield
    for each in (pool.LIGHT, pool.HEAVY):
        each.close()


def test_a_result_is_bounded_as_pictures_are(http, upload, monkeypatch, fresh_workers):
    picture = {"path": upload(png(31, 17)), **META}
    monkeypatch.setenv("ZOO_MAX_PIXELS", str(31 * 17))
    assert "Done: 1 of 1." in call(http, "compare", *comparison(picture))
    answer = call(http, "compare", *comparison(picture, "super-resolution", ["lanczos.x2"]))
    assert "The result would have 2,108 pixels" in answer and "Done: 0 of 1, 1 failed." in answer


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (WeightsError("/srv/weights/identity.pth is damaged."), "The weights of this model cannot be opened here."),
        (OutputError("cannot write /srv/cache/mine-no-op.png: the disk is full."),
         "Cannot write mine-no-op.png: the disk is full."),
        (ZooError("cannot open /data/mine.png; set ZOO_MAX_PIXELS to allow more."), "Cannot open mine.png."),
        (ZooError("run `python -m zoo download gpen` first."), "This did not work here."),
        (ZooError("it ran out of memory; try a smaller --tile or picture."), "It ran out of memory."),
        (ZooError("C:\\cache\\mine.png is empty."), "Mine.png is empty."),
        (MemoryError(), "There is too little memory for this picture; make it smaller."),
    ],
)  # fmt: skip
def test_no_path_command_or_setting_is_told(monkeypatch, error, sentence):
    def fail(tell):
        raise error

    monkeypatch.setattr("ui.jobs.look.run", fail)
    orders = type("Orders", (), {"check": lambda self, number: None})()
    order = {"job": 1, "kind": "look", "arguments": {}}
    assert worker._done(order, orders, lambda **values: None) == {"error": sentence}


def test_sentences_without_secrets_stay_as_they_are():
    text = "The mask has 3 x 4 pixels, the picture 5 x 6 (and/or more); they must be the same."
    assert for_visitors(text) == text


def test_a_damaged_leaderboard_tells_no_path(http, monkeypatch):
    def groups():
        raise ZooError("/srv/leaderboard/result.json is damaged.")

    monkeypatch.setattr("ui.ranking._groups", groups)
    answer = run(http, "leaderboard", "sample / noise")
    assert is_refusal(answer, "There is no leaderboard: its results cannot be read here."), answer


def test_deeply_nested_values_are_refused(http):
    deep = {"x": []}
    for _ in range(200):
        deep = {"x": [deep]}
    assert is_refusal(run(http, "compare", *comparison(deep)), UNFIT)
    assert is_refusal(run(http, "compare", *comparison(mask=deep)), UNFIT)


def test_other_files_are_not_served(http, cache, secret):
    inside = cache / "link-to-secret.png"
    linked(secret, inside)
    for path in (
        secret, secret.with_name("missing.png"), "/etc/passwd", "/dev/zero", "app.py", "README.md", cache, inside,
        f"{cache}/../{os.path.relpath(secret, cache.parent)}", "zoo/pretrained", f"file://{secret}",
    ):  # fmt: skip
        for route in ("file=", "file/"):
            answer = http.get(f"/{route}{path}")
            # "app.py" and the like: the server's working folder is not told.
            assert answer.status_code in (403, 404), (path, answer.status_code)
            assert str(Path.cwd()) not in answer.text


@pytest.mark.parametrize("name", ["../../evil.png", "..%2f..%2fevil.png", "/etc/evil.png", "a\\..\\b.png"])
def test_an_upload_stays_in_the_cache(upload, cache, name):
    path = upload(png(8, 8), name)
    assert is_received(path)
    assert Path(path).resolve().is_relative_to(cache.resolve())


def test_uploads_have_a_limit(server):
    import app

    assert app.demo.max_file_size == 200 * 1024**2


def test_the_longest_name_that_is_uploaded_is_written_back(http, upload):
    path = upload(png(31, 17), "n" * 400 + ".png")
    answer = call(http, "compare", *comparison({"path": path, **META}))
    assert "Done: 1 of 1." in answer


@pytest.mark.parametrize(
    "address", ["http://example.com/x.png", "https://example.com/x.png", "HTTP://example.com/", "http:/example.com"]
)
def test_the_server_fetches_no_addresses_for_visitors(http, address):
    for path in (f"/file={address}", f"/proxy={address}"):
        assert http.get(path).status_code == 403
        assert http.head(path).status_code == 403


@pytest.mark.parametrize("path", ["/monitoring", "/monitoring/summary", "/monitoring/key"])
def test_monitoring_is_closed(http, server, path):
    for base in (server.rstrip("/"), f"{server.rstrip('/')}/gradio_api"):
        assert httpx.get(base + path).status_code in (403, 404)
