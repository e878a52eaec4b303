"""The app in a real browser."""

import io
import shutil

import numpy as np
import pytest
from PIL import Image

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed here"),
]


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed here")
    with playwright.sync_playwright() as driver:
        # No background traffic: a browser without a network would retry it for ever. Colors as they are in the file.
        browser = driver.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
                  "--force-color-profile=srgb"],
        )  # fmt: skip
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def page(browser, server):
    page = browser.new_page(viewport={"width": 1400, "height": 1000})
    page.set_default_timeout(600_000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.goto(server)
    page.wait_for_selector("#run")
    yield page
    page.close()
    assert errors == []


def restore(page) -> None:
    page.click("#run")
    page.wait_for_function("document.querySelector('#status').innerText.startsWith('Done: 2 of 2')")


def pixels(page, index: int, part: str) -> np.ndarray:
    """The picture file behind one side of a slider, HxWx3 uint8."""
    address = page.eval_on_selector_all(f"#slider-{index} img", "images => images.map(image => image.src)")
    answer = page.request.get(address[("before", "after").index(part)])
    return np.asarray(Image.open(io.BytesIO(answer.body())).convert("RGB"))


def on_screen(page, index: int, points: list[tuple[float, float]]) -> np.ndarray:
    """The colors that a slider shows at these places, in shares of its width and height; Nx3."""
    image = page.locator(f"#slider-{index} img").first
    image.scroll_into_view_if_needed()
    page.wait_for_timeout(500)  # scrolling and the slider's own motion
    box = image.bounding_box()
    shot = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("RGB"))
    return np.array([shot[int(box["y"] + y * box["height"]), int(box["x"] + x * box["width"])] for x, y in points])


def test_the_sliders_show_the_files(page, tmp_path):
    """Flat areas only: scaled down or up, their middle keeps its color, whatever the browser's resampling."""
    picture, hole = np.full((300, 450, 3), (20, 160, 60), np.uint8), np.zeros((300, 450), np.uint8)
    middles = [(0.15, 0.75), (0.35, 0.75), (0.65, 0.75), (0.85, 0.75)]  # below the slider's handle and buttons
    for x, y in middles:
        hole[int(y * 300) - 20 : int(y * 300) + 20, int(x * 450) - 20 : int(x * 450) + 20] = 255
    picture[hole > 0] = (230, 30, 140)
    Image.fromarray(picture).save(tmp_path / "flat.png")
    Image.fromarray(hole).save(tmp_path / "flat-mask.png")
    page.reload()
    page.wait_for_selector("#run")
    page.locator("#picture input[type=file]").set_input_files(tmp_path / "flat.png")
    page.wait_for_selector("#picture img")
    page.locator("#task").get_by_text("inpaint").click()
    page.locator("#mask input[type=file]").set_input_files(tmp_path / "flat-mask.png")
    page.wait_for_selector("#mask img")
    page.locator("#models button[title='Clear'], #models [aria-label='Clear'], #models .remove-all").first.click()
    page.locator("#models input").fill("pull-push")
    page.keyboard.press("Enter")
    page.click("#run")
    page.wait_for_function("document.querySelector('#status').innerText.startsWith('Done: 1 of 1')")
    page.wait_for_function(
        "[...document.querySelectorAll('#slider-0 img')].filter(p => p.complete && p.naturalWidth === 450).length === 2"
    )
    before, after = pixels(page, 0, "before"), pixels(page, 0, "after")
    assert np.array_equal(before, picture)
    # Weighted means of one color are that color: what tells the two sides apart is flat as well.
    assert np.abs(after[hole > 0].astype(int) - picture[0, 0]).max() <= 1
    points = [*middles, (0.1, 0.55), (0.9, 0.55)]
    file = {name: np.array([array[int(y * 300), int(x * 450)] for x, y in points], int)
            for name, array in (("before", before), ("after", after))}  # fmt: skip
    left = np.array([x < 0.5 for x, _ in points])
    # Two levels: one for that fill, one for the browser's own rounding. Images with an opacity
    # of 0.8 differ by up to 47.
    assert np.abs(on_screen(page, 0, points) - np.where(left[:, None], file["before"], file["after"])).max() <= 2
    for end, name in ((0.97, "before"), (0.03, "after")):
        handle = page.locator("#slider-0 [role='slider'], #slider-0 .inner").first.bounding_box()
        box = page.locator("#slider-0 img").first.bounding_box()
        height = handle["y"] + handle["height"] / 2
        page.mouse.move(handle["x"] + handle["width"] / 2, height)
        page.mouse.down()
        page.mouse.move(box["x"] + end * box["width"], height, steps=10)
        page.mouse.up()
        page.mouse.move(5, 5)
        assert np.abs(on_screen(page, 0, points) - file[name]).max() <= 2


def test_an_example_is_restored_side_by_side(page):
    page.get_by_text("shaken portrait").click()
    page.wait_for_selector("#picture img")
    restore(page)
    for index in range(2):
        page.wait_for_function(
            """slot => {
                const pictures = [...document.querySelectorAll(`#slider-${slot} img`)];
                return pictures.length === 2
                    && pictures.every(p => p.complete && p.naturalWidth === 512 && p.src.endsWith('.png'));
            }""",
            arg=index,
        )
    assert "deblurgan.mini" in page.inner_text("#text-0") and "richardson-lucy" in page.inner_text("#text-1")
    with page.expect_download() as download:
        page.click("#download-0")
    assert download.value.suggested_filename.endswith("deblurgan.mini.png")


def test_a_mask_is_painted(page):
    page.get_by_text("scratched print").click()
    canvas = page.locator("#editor canvas").first
    canvas.wait_for()
    page.wait_for_selector("#mask img")
    page.locator("#mask button[aria-label='Clear'], #mask button[aria-label='Remove Image']").first.click()
    page.wait_for_timeout(1000)  # the editor fits its canvas to the picture with an animation
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    middle = box["y"] + box["height"] / 2
    page.mouse.move(box["x"] + box["width"] * 0.4, middle)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.6, middle, steps=10)
    page.mouse.up()
    page.wait_for_timeout(500)
    restore(page)
    assert "contextual-attention.mini" in page.inner_text("#text-0")


def test_a_portrait_is_restored(page):
    page.get_by_text("blurred face").click()
    page.wait_for_timeout(1000)
    page.click("#run")
    page.wait_for_function("document.querySelector('#text-0')?.innerText.includes('1 face: 1 restored')")
    assert "gpen.mini" in page.inner_text("#text-0")


def test_the_leaderboard_is_shown(page):
    page.get_by_role("tab", name="Leaderboard").click()
    page.wait_for_function("document.querySelector('#table').innerText.includes('no-op')")
