"""The app in a real browser."""

import shutil

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed here"),
]


@pytest.fixture(scope="module")
def page(server):
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed here")
    with playwright.sync_playwright() as driver:
        # No background traffic: a browser without a network would retry it for ever.
        browser = driver.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
        )
        page = browser.new_page(viewport={"width": 1400, "height": 1000})
        page.set_default_timeout(60_000)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(server)
        page.wait_for_selector("#run")
        yield page
        browser.close()
        assert errors == []


def restore(page) -> None:
    page.click("#run")
    page.wait_for_function("document.querySelector('#status').innerText.startsWith('Done: 2 of 2')")


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
    page.wait_for_function("document.querySelector('#table').innerText.includes('identity')")
