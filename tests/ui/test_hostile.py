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

from ui.compare import SLOTS
from ui.guard import MAX_FILES, is_received
from ui.pictures import MAX_LAYER_PIXELS, MAX_LAYERS, painted_mask
from zoo.errors import OutputError, PictureError, WeightsError, ZooError

META = {"meta": {"_type": "gradio.FileData"}}
NO_PAINTING = {"background": None, "layers": [], "composite": None}
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


def comparison(picture=None, task="denoise", models=("no-op",), painted=NO_PAINTING, mask=None, samples=0) -> tuple:
    return picture, task, list(models), painted, mask, samples


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
        ("compare", lambda file: comparison(painted={"background": file, "layers": [], "composite": None})),
        ("compare", lambda file: comparison(painted={"background": None, "layers": [file], "composite": None})),
        ("compare", lambda file: comparison(painted={"background": None, "layers": [], "composite": file})),
        ("compare", lambda file: comparison(task=file)),
        ("compare", lambda file: comparison(models=[file])),
        ("compare", lambda file: comparison(samples=file)),
        ("mask_background", lambda file: (file,)),
        ("load_example", lambda file: (file,)),
        ("models_for_task", lambda file: (file,)),
        ("samples_for_models", lambda file: ([file],)),
        ("leaderboard", lambda file: (file,)),
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
    assert is_refusal(call(http, "compare", *comparison({"url": url, **META})))
    assert is_refusal(call(http, "compare", *comparison({"path": url, "url": url, **META})))
    # Beside an uploaded file the url counts for nothing: it is that file which is restored.
    answer = call(http, "compare", *comparison({"path": upload(png(31, 17)), "url": url, **META}))
    assert "31 \\u00d7 17 px" in answer


def test_the_client_for_programs_is_refused_too(client, secret):
    for path in (secret, secret.with_name("missing.png"), "/dev/zero"):
        with pytest.raises(AppError) as error:
            client.predict(*comparison({"path": str(path)}), api_name="/compare")
        assert error.value.message == REFUSED
        with pytest.raises(AppError) as error:
            client.predict({"path": str(path)}, api_name="/mask_background")
        assert error.value.message == REFUSED


def test_examples_are_opened(http):
    answer = json.loads(run(http, "load_example", 3))
    picture = answer["data"][0]["value"]
    assert is_received(picture["path"])
    assert "Done: 1 of 1" in call(http, "compare", *comparison(picture))


def test_the_cache_is_still_cleaned(http, cache, upload):
    import app

    mine = upload(png(8, 8))
    for value in ({"path": mine, **META}, {"path": str(cache), **META}, {"path": str(Path(mine).parent), **META}):
        call(http, "mask_background", value)
        call(http, "compare", *comparison(task=value))
    delete_files_created_by_app(app.demo, 0)
    assert not Path(mine).exists()
    assert "Done: 1 of 1" in call(
        http, "compare", *comparison(json.loads(run(http, "load_example", 3))["data"][0]["value"])
    )


def test_layers_are_bounded_before_they_are_decoded(tmp_path):
    path = tmp_path / "layer.png"
    side = 2 * int(MAX_LAYER_PIXELS**0.5)
    path.write_bytes(png(side, side, pixels=False))  # decoding it would end in another sentence
    with pytest.raises(PictureError, match="more than the limit"):
        painted_mask([str(path)], 8, 8)
    path.write_bytes(png(100_000, 100_000, pixels=False))  # Pillow itself opens no such header
    with pytest.raises(PictureError, match="too many pixels"):
        painted_mask([str(path)], 8, 8)
    with pytest.raises(PictureError, match=f"at most {MAX_LAYERS} are read"):
        painted_mask(["missing.png"] * (MAX_LAYERS + 1), 8, 8)


@pytest.mark.parametrize(
    ("content", "count", "sentence"),
    [
        (png(12_000, 12_000), 1, "more than the limit"),
        (png(8, 8), MAX_LAYERS + 1, f"at most {MAX_LAYERS} are read"),
        (png(8, 8), 10_000, f"Send at most {MAX_FILES} files."),
        (b"no picture", 1, "not a PNG"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n", 1, "not a PNG"),
    ],
)
def test_layers_that_are_too_much_are_said(http, upload, content, count, sentence):
    layers = [{"path": upload(content), **META}] * count
    photo = io.BytesIO()
    Image.fromarray(np.zeros((20, 30, 3), np.uint8)).save(photo, "PNG")
    picture = {"path": upload(photo.getvalue()), **META}
    painted = {"background": None, "layers": layers, "composite": None}
    assert sentence in call(http, "compare", *comparison(picture, "inpaint", ["telea"], painted))


def test_what_the_editor_shows_is_not_decoded(http, upload):
    """Neither the background nor the composite, which no model needs."""
    picture, no_picture = {"path": upload(png(31, 17)), **META}, {"path": upload(b"no picture"), **META}
    painted = {"background": no_picture, "layers": [], "composite": no_picture}
    assert "Done: 1 of 1" in call(http, "compare", *comparison(picture, painted=painted))


def test_the_editor_keeps_no_blobs_in_memory(http):
    import app

    editor = next(block for block in app.demo.blocks.values() if block.elem_id == "editor")
    answer = http.post(
        "/component_server",
        data={"component_id": editor._id, "session_hash": "s", "fn_name": "accept_blobs", "type": "layer", "id": "x"},
        files={"file": ("layer.png", png(8, 8))},
    )
    assert answer.status_code == 404
    assert not editor.blob_storage


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
        ({"models": ["no-op"] * (SLOTS + 1)}, "at most"),
        ({"models": [["no-op"]]}, "list of ids"),
        ({"models": [None]}, "list of ids"),
        ({"models": [5]}, "list of ids"),
        ({"task": "denoise "}, "not in the list of choices"),
        ({"task": "t" * 1_000_000}, "Value:"),
        ({"task": None}, "Choose what is wrong"),
        ({"task": ["denoise"]}, "not in the list of choices"),
        ({"samples": -1}, "less than minimum"),
        ({"samples": 10**9}, "greater than maximum"),
        ({"samples": "many"}, UNFIT),
        ({"samples": None}, UNFIT),
        ({"picture": "/etc/passwd"}, UNFIT),
        ({"picture": 5}, UNFIT),
        ({"painted": "layers"}, UNFIT),
        ({"painted": {"layers": "many"}}, UNFIT),
        ({"painted": {"layers": [None]}}, UNFIT),
        ({"mask": []}, UNFIT),
        ({"picture": {"path": None}}, REFUSED),
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
        assert is_refusal(
            call(http, "compare", picture, "denoise", models, NO_PAINTING, None, 0), "The models must be a list of ids."
        )
        assert is_refusal(call(http, "samples_for_models", models), "The models must be a list of ids.")


def test_no_number_is_no_count_of_samples(http, upload):
    body = json.dumps({"data": comparison({"path": upload(png(31, 17)), **META}, samples=float("nan"))})
    answer = http.post("/run/compare", content=body, headers={"content-type": "application/json"}).text
    assert is_refusal(answer, "Choose 0 to 5 samples."), answer


@pytest.mark.parametrize(
    ("action", "values"),
    [
        ("load_example", (10**6,)), ("load_example", ("first",)), ("leaderboard", ("../../etc/passwd",)),
        ("leaderboard", (None,)), ("models_for_task", ("x" * 100_000,)), ("models_for_task", (None,)),
        ("mask_background", ("/etc/passwd",)), ("compare", ()),
    ],
)  # fmt: skip
def test_other_actions_refuse_too(http, action, values):
    answer = run(http, action, *values)
    assert json.loads(answer)["error"], answer
    assert len(answer) < 1000 and "/etc/passwd" not in answer.replace("../../etc/passwd", "")


def test_a_result_is_bounded_as_pictures_are(http, upload, monkeypatch):
    picture = {"path": upload(png(31, 17)), **META}
    monkeypatch.setenv("ZOO_MAX_PIXELS", str(31 * 17))
    assert "Done: 1 of 1." in call(http, "compare", *comparison(picture))
    answer = call(http, "compare", *comparison(picture, "super-resolution", ["lanczos.x2"]))
    assert "its result would have 2,108 pixels" in answer and "Done: 0 of 1, 1 failed." in answer


def test_a_model_that_fails_tells_no_path(http, upload, monkeypatch):
    def model(id):
        raise WeightsError("/srv/weights/identity.safetensors is damaged.")

    monkeypatch.setattr("ui.compare._model", model)
    answer = call(http, "compare", *comparison({"path": upload(png(31, 17)), **META}))
    assert "its weights cannot be opened here" in answer and "/srv" not in answer


def test_a_disk_that_is_full_tells_no_path(http, upload, monkeypatch):
    def save(result, path):
        raise OutputError(f"cannot write {path}: the disk is full.")

    monkeypatch.setattr("zoo.restorer.Restoration.save", save)
    answer = call(http, "compare", *comparison({"path": upload(png(31, 17)), **META}))
    assert "cannot write mine-no-op.png: the disk is full." in answer


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
    assert is_refusal(run(http, "compare", *comparison(deep)))
    assert is_refusal(run(http, "compare", *comparison(painted=deep | {"layers": deep})), UNFIT)


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
