"""python -m tests.ui.screenshots FOLDER: pictures of the app at both widths, light and dark, to be looked at.

The picture in the README is one of them: FOLDER/app.jpg.
"""

from __future__ import annotations

import io
import sys
from pathlib import Path

import skimage.data
from PIL import Image

from .conftest import CHROMIUM

SIZES = ((1280, 800), (390, 844))


def main(folder: Path) -> None:
    """Start the app, use it, and write a picture of each state."""
    from playwright.sync_api import sync_playwright

    import app

    folder.mkdir(parents=True, exist_ok=True)
    portrait = folder / "portrait.png"
    Image.fromarray(skimage.data.astronaut()).save(portrait)
    _, url, _ = app.demo.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", **app.LAUNCH)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for width, height in SIZES:
            for theme in ("light", "dark"):
                page = browser.new_page(viewport={"width": width, "height": height})
                page.set_default_timeout(300_000)
                page.goto(f"{url}?__theme={theme}")
                _visit(page, folder, f"{width}-{theme}", portrait)
                page.close()
        browser.close()
    app.demo.close()


def _visit(page, folder: Path, name: str, portrait: Path) -> None:
    def shot(what: str, whole: bool = True) -> bytes:
        page.wait_for_timeout(700)
        return page.screenshot(path=folder / f"{what}-{name}.png", full_page=whole)

    def done(status: str) -> None:
        page.wait_for_function(f"document.querySelector('{status}').innerText.startsWith('Done')")

    def tab(label: str) -> None:
        found = page.get_by_role("tab", name=label, exact=True)
        if not found.is_visible():
            page.locator(".overflow-menu button").first.click()
            found = page.locator(".overflow-dropdown button", has_text=label)
        found.first.click()

    page.wait_for_selector("#viewer .rz-pane[data-ready=true]")
    shot("first", whole=False)
    page.click("#examples button[data-index='scratched print']")
    page.wait_for_function("Number(document.querySelector('#painter .rz-painter')?.dataset.marked) > 0")
    shot("mask")
    page.click("#examples button[data-index=noisy]")
    page.wait_for_function("document.querySelector('#task input').value.startsWith('Denoise')")
    page.click("#run")
    done("#status")
    page.wait_for_selector("#viewer .rz-pane[data-ready=true]")
    picture = shot("results")
    if name == "1280-light":
        Image.open(io.BytesIO(picture)).convert("RGB").save(folder / "app.jpg", quality=85, optimize=True)
    page.keyboard.press("g")
    shot("grid")
    tab("Faces")
    page.locator("#faces-picture input[type=file]").set_input_files(portrait)
    page.wait_for_selector(".rz-faces-frame button")
    page.click("#faces-run")
    done("#faces-status")
    shot("faces")
    tab("Test it")
    page.locator("#test-picture input[type=file]").set_input_files(portrait)
    page.wait_for_function("document.querySelector('#test-picture .rz-drop-text').innerText.includes('portrait')")
    page.click("#test-run")
    done("#test-status")
    shot("test")
    for label in ("Batch", "Arena", "Leaderboard", "About", "API"):
        tab(label)
        shot(label.lower())


if __name__ == "__main__":
    main(Path(sys.argv[1] if len(sys.argv) > 1 else "runs/screenshots"))
