"""The app in a real browser."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from ui import pool
from ui.examples import FOLDER

READY = "#viewer .rz-pane[data-ready=true]"


def colored(path, width: int = 300, height: int = 200, seed: int = 0):
    """A picture whose every pixel has a color of its own, so that each shown pixel tells where it comes from."""
    y, x = np.mgrid[:height, :width]
    pixels = np.stack([x % 256, y % 256, (x // 256 * 8 + y // 256 + seed * 64) % 256], axis=2).astype(np.uint8)
    Image.fromarray(pixels).save(path)
    return pixels


def bring(page, path) -> None:
    """Upload a picture, and wait until it is shown."""
    page.evaluate("document.querySelector('#painter .rz-pane').dataset.ready = 'false'")
    page.locator("#picture input[type=file]").set_input_files(path)
    page.wait_for_selector("#painter .rz-pane[data-ready=true]")
    page.wait_for_function("document.querySelector('#hint')?.innerText.length > 10")


def choose_task(page, task: str) -> None:
    page.click("#task input")
    page.locator("#task [role=option], .options [role=option], ul[role=listbox] li").filter(
        has_text=f"{task[0].upper()}{task[1:]}:"
    ).first.click()
    page.wait_for_timeout(300)


def restore(page, count: int = 2) -> None:
    page.click("#run")
    page.wait_for_function(f"document.querySelector('#status').innerText.startsWith('Done: {count} of {count}')")
    page.wait_for_selector(READY)


def canvas(page, selector: str = "#viewer .rz-pane canvas") -> np.ndarray:
    """What a canvas shows, HxWx4."""
    page.wait_for_timeout(100)
    width, height, text = page.eval_on_selector(
        selector,
        """canvas => {
            const {width, height} = canvas;
            const {data} = canvas.getContext('2d').getImageData(0, 0, width, height);
            let text = '';
            for (let at = 0; at < data.length; at += 8192) text += String.fromCharCode(...data.subarray(at, at + 8192));
            return [width, height, btoa(text)];
        }""",
    )
    return np.frombuffer(base64.b64decode(text), np.uint8).reshape(height, width, 4)


def origin(page) -> tuple[int, int]:
    """Where the picture begins on its canvas."""
    script = "const {width, height} = document.querySelector('#viewer canvas'); return rz.view.origin(width, height)"
    return tuple(viewer(page, script))


def viewer(page, script: str):
    return page.evaluate(f"(() => {{ const rz = document.querySelector('#viewer .rz-viewer').rz; {script} }})()")


def drag(page, selector: str, start: tuple, end: tuple) -> None:
    """From one share of an element's width and height to another."""
    page.locator(selector).first.scroll_into_view_if_needed()
    box = page.locator(selector).first.bounding_box()
    page.mouse.move(box["x"] + start[0] * box["width"], box["y"] + start[1] * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + end[0] * box["width"], box["y"] + end[1] * box["height"], steps=8)
    page.mouse.up()


def file_behind(page, index: int) -> np.ndarray:
    address = viewer(page, f"return rz.state.items[{index}].view.url")
    return np.asarray(Image.open(io.BytesIO(page.request.get(address).body())).convert("RGB"))


@pytest.mark.parametrize("size", [(1280, 800), (390, 844)])
def test_the_first_page_compares_and_offers(browser, server, size):
    page = browser.new_page(viewport={"width": size[0], "height": size[1]})
    page.set_default_timeout(120_000)
    page.goto(server)
    page.wait_for_selector(READY)
    assert "precomputed" in page.inner_text("#viewer .rz-note")
    for selector in ("#run", "#picture", "#examples img", "#viewer canvas"):
        box = page.locator(selector).first.bounding_box()
        assert box["y"] >= 0 and box["x"] >= 0 and box["x"] + box["width"] <= size[0], selector
        assert box["y"] + (box["height"] if selector == "#run" else 20) <= size[1], selector
    assert page.locator("#examples img").count() == 7
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    page.close()


def test_the_slider_can_be_dragged_at_once(page):
    files = [np.asarray(Image.open(FOLDER / f"comparison-{name}.webp")) for name in ("input", "deblurgan.mini")]
    viewer(page, "rz.view.to(1)")
    left, top = origin(page)
    for end in (0.8, 0.2):
        split = viewer(page, "return rz.state.split")
        drag(page, "#viewer .rz-pane", (split, 0.5), (end, 0.5))
        shown = canvas(page)
        assert abs(viewer(page, "return rz.state.split") - end) < 0.02
        for x, expected in ((0.3, files[0] if end > 0.3 else files[1]), (0.7, files[0] if end > 0.7 else files[1])):
            x, y = round(x * shown.shape[1]), shown.shape[0] // 2
            assert np.array_equal(shown[y, x, :3], expected[y - top, x - left])
    page.focus("#viewer .rz-handle")
    before = viewer(page, "return rz.state.split")
    page.keyboard.press("ArrowRight")
    assert viewer(page, "return rz.state.split") > before


def test_a_picture_is_looked_at_restored_and_shown_pixel_by_pixel(page, tmp_path):
    pixels = colored(tmp_path / "mine.png")
    bring(page, tmp_path / "mine.png")
    choose_task(page, "denoise")
    restore(page)
    assert page.get_attribute("#work", "data-view") == "results"
    assert np.array_equal(file_behind(page, 0), pixels)
    results = [file_behind(page, index) for index in (1, 2)]
    for zoom in (1, 8):
        viewer(page, f"rz.state.mode = 'slider'; rz.view.to({zoom}); rz.redraw()")
        page.wait_for_selector(READY)
        shown = canvas(page)
        left, top = origin(page)
        assert viewer(page, "return rz.view.zoom") == zoom
        for share, expected in ((0.45, pixels), (0.55, results[0])):
            x, y = round(share * shown.shape[1]), shown.shape[0] // 2 - 20
            column, row = (x - left) // zoom, (y - top) // zoom
            assert np.array_equal(shown[y, x, :3], expected[row, column]), (zoom, share)
    page.keyboard.press("2")
    assert viewer(page, "return rz.state.items[rz.state.b].label") == viewer(page, "return rz.state.items[2].label")
    page.keyboard.press("1")
    viewer(page, "rz.view.fit()")
    page.focus("#viewer .rz-viewer")  # on a button, space presses it
    page.keyboard.press("Space")
    assert viewer(page, "return rz.state.flipped") is True
    page.keyboard.press("Space")
    page.keyboard.press("g")
    page.wait_for_function("document.querySelectorAll('#viewer .rz-pane[data-ready=true]').length === 3")
    viewer(page, "rz.view.to(2)")
    corners = {tuple(canvas(page, f"#viewer .rz-pane:nth-child({n}) canvas").shape) for n in (1, 2, 3)}
    assert len(corners) == 1  # one view onto panes of one size: the same part of each
    shown = canvas(page, "#viewer .rz-pane:nth-child(3) canvas")
    left, top = origin(page)
    x, y = shown.shape[1] // 2, shown.shape[0] // 2
    assert np.array_equal(shown[y, x, :3], results[1][(y - top) // 2, (x - left) // 2])


def test_wheel_and_drag_move_all_panes_together(page):
    page.keyboard.press("g")
    page.wait_for_function("document.querySelectorAll('#viewer .rz-pane[data-ready=true]').length >= 4")
    box = page.locator("#viewer .rz-pane").nth(1).bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.wheel(0, -240)
    page.mouse.wheel(0, -240)
    page.wait_for_timeout(300)
    zoomed = viewer(page, "return [rz.view.zoom, ...rz.view.center]")
    assert zoomed[0] > viewer(page, "return rz.view.fitting") * 1.5
    drag(page, "#viewer .rz-pane >> nth=1", (0.5, 0.5), (0.3, 0.4))
    moved = viewer(page, "return [rz.view.zoom, ...rz.view.center]")
    assert moved[0] == zoomed[0] and moved[1] > zoomed[1] and moved[2] > zoomed[2]


def test_results_are_saved_and_used_as_input(page, tmp_path):
    colored(tmp_path / "mine.png")
    bring(page, tmp_path / "mine.png")
    choose_task(page, "denoise")
    restore(page)
    with page.expect_download() as download:
        page.locator("#viewer .rz-card >> nth=0").get_by_text("Save PNG").click()
    assert np.array_equal(np.asarray(Image.open(download.value.path())), file_behind(page, 1))
    with page.expect_download() as download:
        page.click("#viewer .rz-saving a")
    assert download.value.suggested_filename == "mine-results.zip"
    result = file_behind(page, 1)
    label = viewer(page, "return rz.state.items[1].label")
    page.locator("#viewer .rz-card >> nth=0").get_by_text("Use as input").click()
    page.wait_for_function(f"document.querySelector('#picture .rz-drop-text').innerText.includes('{label}')")
    page.wait_for_selector("#work[data-view=paint]")
    choose_task(page, "denoise")
    restore(page)
    assert np.array_equal(file_behind(page, 0), result)
    page.locator("#viewer .rz-saving button").click()
    page.wait_for_function("location.search.includes('task=denoise')")
    page.reload()
    page.wait_for_selector(READY)
    page.wait_for_function("document.querySelector('#task input').value.startsWith('Denoise')")


def paint(page, start: tuple, end: tuple) -> None:
    drag(page, "#painter .rz-pane", start, end)
    page.wait_for_function("Number(document.querySelector('#painter .rz-painter').dataset.marked) > 0")


def marked(page) -> np.ndarray:
    """The mask on the picture, bool HxW."""
    size, text = page.evaluate(
        """() => { const mask = document.querySelector('#painter .rz-painter').rz.mask;
            const data = mask.getContext('2d').getImageData(0, 0, mask.width, mask.height).data;
            let text = ''; for (let at = 3; at < data.length; at += 4) text += data[at] > 127 ? '1' : '0';
            return [[mask.height, mask.width], text]; }"""
    )
    return np.array([each == "1" for each in text]).reshape(size)


def test_a_painted_mask_is_filled_and_nothing_else(page, tmp_path):
    pixels = colored(tmp_path / "mine.png")
    bring(page, tmp_path / "mine.png")
    choose_task(page, "inpaint")
    assert not marked(page).any()
    paint(page, (0.45, 0.5), (0.55, 0.5))
    page.click("#painter button:has-text('Box')")
    paint(page, (0.42, 0.2), (0.5, 0.3))
    page.click("#painter button:has-text('Lasso')")
    box = page.locator("#painter .rz-pane").bounding_box()
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 0.7 * box["height"])
    page.mouse.down()
    for x, y in ((0.58, 0.7), (0.58, 0.85), (0.5, 0.85)):
        page.mouse.move(box["x"] + x * box["width"], box["y"] + y * box["height"], steps=4)
    page.mouse.up()
    mask = marked(page)
    assert mask.shape == pixels.shape[:2] and mask.any() and not mask.all()
    page.click("#painter button:has-text('Eraser')")
    drag(page, "#painter .rz-pane", (0.42, 0.25), (0.5, 0.25))
    erased = marked(page)
    assert erased.sum() < mask.sum()
    restore(page)
    after = file_behind(page, 1)
    assert np.array_equal(after[~erased], pixels[~erased])
    # Not all of it: models that continue a gradient well give many of its pixels back.
    assert (after[erased] != pixels[erased]).any(axis=1).mean() > 0.05


def test_an_old_mask_does_not_outlive_the_next_picture(page, tmp_path):
    colored(tmp_path / "one.png")
    colored(tmp_path / "two.png", 320, 240)
    bring(page, tmp_path / "one.png")
    paint(page, (0.45, 0.5), (0.55, 0.5))
    page.wait_for_function("rz.input('mask').value !== null")
    bring(page, tmp_path / "two.png")
    page.wait_for_function("rz.input('mask').value === null")
    assert marked(page).shape == (240, 320) and not marked(page).any()
    choose_task(page, "inpaint")
    page.click("#run")
    page.wait_for_function("document.querySelector('#status').innerText.includes('needs a mask') ||"
                           " document.body.innerText.includes('Inpainting needs a mask')")  # fmt: skip


def test_an_uploaded_mask_is_seen_on_the_picture_and_painted_on(page, tmp_path):
    pixels = colored(tmp_path / "mine.png")
    hole = np.zeros((200, 300), np.uint8)
    hole[20:60, 100:180] = 255
    Image.fromarray(hole).save(tmp_path / "hole.jpg", quality=50)
    expected = np.asarray(Image.open(tmp_path / "hole.jpg")) >= 128
    bring(page, tmp_path / "mine.png")
    choose_task(page, "inpaint")
    page.locator("#mask-file input[type=file]").set_input_files(tmp_path / "hole.jpg")
    page.wait_for_function("Number(document.querySelector('#painter .rz-painter').dataset.marked) > 0")
    assert np.array_equal(marked(page), expected)
    paint(page, (0.45, 0.8), (0.55, 0.8))
    both = marked(page)
    assert both[expected].all() and both.sum() > expected.sum()
    restore(page)
    after = file_behind(page, 1)
    assert np.array_equal(after[~both], pixels[~both])
    assert (after[expected] != pixels[expected]).any(axis=1).mean() > 0.5


def test_the_scratched_example_brings_its_mask(page):
    page.click("#examples button[data-index='scratched print']")
    page.wait_for_function("Number(document.querySelector('#painter .rz-painter')?.dataset.marked) > 0")
    page.wait_for_function("document.querySelector('#task input').value.startsWith('Inpaint')")
    assert 0.005 < marked(page).mean() < 0.1


def test_stop_ends_the_run(page, tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (1500, 1500, 3), dtype=np.uint8)
    Image.fromarray(noise).save(tmp_path / "large.png", compress_level=1)
    bring(page, tmp_path / "large.png")
    choose_task(page, "deblur")
    page.wait_for_timeout(500)
    page.click("#run")
    page.wait_for_function("document.querySelector('#status').innerText.startsWith('Restoring')")
    page.click("#stop")
    page.wait_for_function("document.querySelector('#status').innerText.startsWith('Stopped')")
    while pool.HEAVY.waiting or pool.HEAVY.busy:
        page.wait_for_timeout(100)
    assert page.inner_text("#status").startswith("Stopped")
    colored(tmp_path / "small.png")
    bring(page, tmp_path / "small.png")
    choose_task(page, "denoise")
    restore(page)


def test_the_leaderboard_is_shown(page):
    page.get_by_role("tab", name="Leaderboard").click()
    page.wait_for_function("document.querySelector('#table').innerText.includes('no-op')")
