"""The site in a real browser, opened from disk: two widths, light and dark, without any request."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from leaderboard.answers import answers
from leaderboard.table import group
from leaderboard.web.page import write_site
from tests.leaderboard.test_build import measured
from tests.leaderboard.test_recommend import SPREAD, better, nothing, run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [pytest.mark.skipif(CHROMIUM is None, reason="no Chromium is installed here")]
PAGES = ("", "use/noisy-photo", "use/low-light", "scenarios", "scenario/kodak24%20%2F%20noise", "models",
         "model/nl-means", "compare/bilateral/nl-means", "compare", "nowhere", "model/unknown")  # fmt: skip


def timed() -> list:
    """Three models of noisy-photo whose latency was published: 0.1 s, 0.2 s and 0.4 s for 0.38 megapixels."""
    cost = [(seconds, 0.375 / seconds) for seconds in (0.1, 0.2, 0.4)]
    shifts = {"bilateral": 2, "nl-means": 1, "autoencoder.mini": 3}
    runs = [nothing(dataset="cid22-val", scenario="mixed")]
    for (model, by), (seconds, speed) in zip(shifts.items(), cost, strict=True):
        made = better(model, by, dataset="cid22-val", scenario="mixed", seconds_median=seconds,
                      megapixels_per_second=speed, load=0.9)  # fmt: skip
        runs.append(made.model_copy(update={
            "images": [row.model_copy(update={"seconds": seconds}) for row in made.images]
        }))  # fmt: skip
    return runs


@pytest.fixture(scope="module")
def site(tmp_path_factory) -> Path:
    pytest.importorskip("vl_convert", reason="vl-convert is not installed here")
    folder = tmp_path_factory.mktemp("site")
    (folder / "sheets").mkdir()
    Image.new("RGB", (64, 32), (200, 30, 30)).save(folder / "sheets" / "nl-means.jpg")
    results = [*measured(), *timed()]
    return write_site(folder / "page", group(results), answers(results), folder / "sheets")


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed here")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"],
        )
        yield browser
        browser.close()


@pytest.fixture
def visit(browser, site):
    """Opens a page of the site; at the end, no error and no request may have been seen."""
    pages, said, asked = [], [], []

    def opened(route: str = "", width: int = 1280, scheme: str = "light"):
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.set_default_timeout(120_000)
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{site.as_uri()}#/{route}")
        page.wait_for_selector("h1")
        pages.append(page)
        return page

    yield opened
    for page in pages:
        page.close()
    assert said == []
    assert {url.partition(":")[0] for url in asked} <= {"file", "data"}


def first_column(page, name: str) -> list[str]:
    return page.locator(f"[aria-label='{name}'] tbody tr > :first-child").all_inner_texts()


def wait_for_chart(page, name: str) -> None:
    page.wait_for_selector(f"[data-chart={name}] svg .mark-group, [data-chart={name}] svg path")


def test_tables_are_sorted_by_their_headings(visit):
    page = visit("use/noisy-photo")
    name = "models for this use case"
    assert first_column(page, name) == ["nl-means", "bilateral", "doing nothing"]
    page.get_by_role("button", name="model").click()
    assert first_column(page, name) == ["bilateral", "doing nothing", "nl-means"]
    assert page.locator("th[aria-sort=ascending]").inner_text().startswith("model")
    page.get_by_role("button", name="model").click()
    assert first_column(page, name) == ["nl-means", "doing nothing", "bilateral"]
    page.get_by_role("button", name="gain").click()
    assert first_column(page, name) == ["nl-means", "bilateral", "doing nothing"]
    page.get_by_role("button", name="gain").click()
    assert first_column(page, name) == ["doing nothing", "bilateral", "nl-means"]


def test_models_are_filtered_by_task_license_size_and_offline(visit):
    page = visit("models")
    everyone = ["autoencoder.mini", "bilateral", "dummy", "nl-means", "no-op"]
    assert first_column(page, "models") == everyone
    page.locator("[name=license]").select_option("BSD-3-Clause")
    assert first_column(page, "models") == ["nl-means", "no-op"]
    page.locator("[name=license]").select_option("permissive")
    assert first_column(page, "models") == everyone
    page.locator("[name=task]").select_option("restore")
    assert "autoencoder.mini" in first_column(page, "models") and "bilateral" not in first_column(page, "models")
    page.goto(page.url.partition("#")[0] + "#/use/noisy-photo")  # what was chosen goes along
    page.wait_for_function("document.querySelector('h1').innerText.includes('noise')")
    assert first_column(page, "models for this use case") == ["doing nothing"]
    page.locator("[name=task]").select_option("")
    page.locator("[name=offline]").check()
    assert first_column(page, "models for this use case") == ["nl-means", "bilateral", "doing nothing"]


def test_runs_that_do_not_rank_are_shown_as_such(visit):
    page = visit("scenario/kodak24%20%2F%20noise")
    assert first_column(page, "ranking") == ["nl-means", "bilateral", "no-op", "autoencoder.mini"]
    assert "not ranked" in page.locator("tr.unranked").inner_text()
    text = page.inner_text("main")
    assert "not ranked: autoencoder.mini, measured by 0.1.0+ccccccc with changes" in text
    assert "not ranked: dummy, 20 of 24 pictures scored; 1 failed, such as x.png: </script><b>out of memory" in text


def test_a_model_has_its_card_figures_pictures_and_failures(visit):
    page = visit("use/noisy-photo")
    page.get_by_role("link", name="nl-means").first.click()
    page.wait_for_function("document.querySelector('h1').innerText === 'nl-means'")
    text = page.inner_text("main")
    assert "BSD-3-Clause" in text and "python -m zoo restore photo.png -m nl-means" in text
    assert "kodak24 / noise" in first_column(page, "figures")
    assert page.eval_on_selector("img.sheet", "image => image.decode().then(() => image.naturalWidth)") == 64
    page.goto(page.url.partition("#")[0] + "#/model/dummy")
    page.wait_for_function("document.querySelector('h1').innerText === 'dummy'")
    assert "x.png: </script><b>out of memory" in page.inner_text("main")


def test_two_models_that_are_ticked_are_compared_picture_by_picture(visit):
    page = visit("models")
    page.get_by_label("compare bilateral").check()
    assert "choose a second model" in page.inner_text("#picked")
    page.get_by_label("compare nl-means").check()
    page.locator("#picked a").click()
    page.wait_for_function("document.querySelector('h1').innerText === 'bilateral and nl-means'")
    wait_for_chart(page, "differences")
    rows = page.locator("[aria-label=comparison] tbody tr").all_inner_texts()
    noise = next(row for row in rows if "kodak24 / noise" in row).split("\t")
    assert noise[1:5] == ["psnr_rgb", "21.00", "22.00", noise[4]] and noise[4].startswith("+1.00 [")
    assert "nl-means is better (p = " in noise[-1]
    assert len(first_column(page, "pictures")) == 24
    page.get_by_role("button", name="kodak24 / jpeg").click()
    page.wait_for_function("document.querySelector('main h2').innerText.startsWith('kodak24 / jpeg')")
    cells = page.locator("[aria-label=pictures] tbody tr td:nth-child(2)").all_inner_texts()
    values = dict(zip(first_column(page, "pictures"), cells, strict=True))
    expected = better("bilateral", 1, scenario="jpeg").images
    assert values == {row.name: f"{row.metrics['psnr_rgb']:.2f}" for row in expected}
    page.goto(page.url.partition("#")[0] + "#/compare/nl-means/bilateral")
    page.wait_for_function("document.querySelector('h1').innerText === 'nl-means and bilateral'")
    turned = page.locator("[aria-label=comparison] tbody tr").all_inner_texts()
    assert "\t−1.00 [" in next(row for row in turned if "kodak24 / noise" in row)


def test_quality_against_latency_has_its_front(visit):
    """bilateral is fastest, autoencoder.mini best; nl-means is neither, and lies on no front."""
    page = visit("use/several-faults")
    wait_for_chart(page, "pareto")
    labels = page.locator("[data-chart=pareto] svg path[aria-roledescription=point]")
    found = labels.evaluate_all("points => points.map(point => point.getAttribute('aria-label'))")
    front = {label.split("model: ")[1].split(";")[0]: "front: true" in label for label in found}
    assert front == {"bilateral": True, "nl-means": False, "autoencoder.mini": True}
    page.locator("[data-chart=pareto] svg path[aria-roledescription=point]").first.click()
    page.wait_for_function("location.hash.startsWith('#/model/')")


def test_heat_maps_have_a_cell_for_each_model_and_scenario(visit):
    page = visit("use/compressed-photo")
    cells = page.locator("[aria-label='gain by scenario'] tbody td").all_inner_texts()
    spread = np.std(20 + SPREAD, ddof=1)
    assert cells == [f"+{2 / spread:.2f}", f"+{1 / spread:.2f}"]
    page = visit("scenarios")
    assert "100 %" in page.locator("[aria-label='wins by scenario']").inner_text()


@pytest.mark.parametrize("width", [390, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_no_page_is_wider_than_the_window(visit, width, scheme):
    page = visit(width=width, scheme=scheme)
    background = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(255, 255, 255)") == (scheme == "light")
    for route in PAGES:
        page.goto(page.url.partition("#")[0] + f"#/{route}")
        page.wait_for_function("route => decodeURI(location.hash) === '#/' + decodeURI(route)", arg=route)
        for place in page.locator(".chart").all():
            place.locator("svg").wait_for()
        assert page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") == 0, route
        for table in page.locator(".scroll").all():  # its first column can be read
            assert table.locator("tbody tr > :first-child").first.evaluate("cell => cell.clientWidth") >= 60, route
    assert "no model 'unknown'" in page.inner_text("main")


def test_results_without_an_answer_lead_to_the_scenarios(browser, tmp_path):
    pytest.importorskip("vl_convert", reason="vl-convert is not installed here")
    results = [run("bilateral", 20 + SPREAD, dataset="sample")]
    page = browser.new_page()
    page.goto(write_site(tmp_path, group(results), answers(results), tmp_path).as_uri())
    page.get_by_text("See the scenarios that were measured.").click()
    page.wait_for_function("document.querySelector('h1').innerText === 'Scenarios'")
    assert first_column(page, "scenarios") == ["sample / noise"]
    page.close()
