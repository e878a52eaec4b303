"""One server, one client and one browser for all tests of the app."""

import shutil

import pytest

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="session")
def cache(tmp_path_factory):
    """The folder in which the server keeps what it received."""
    folder = tmp_path_factory.mktemp("cache")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder))
        yield folder


@pytest.fixture(scope="session")
def server(cache):
    """The address of the running app."""
    import app
    from ui import pool

    _, url, _ = app.demo.launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", **app.LAUNCH)
    yield url
    app.demo.close()
    for each in (pool.LIGHT, pool.HEAVY):
        each.close()


@pytest.fixture(scope="session")
def client(server):
    """A client of the app's interface for programs."""
    from gradio_client import Client

    return Client(server, verbose=False)


@pytest.fixture(scope="session")
def browser():
    """Debian's Chromium, without a screen."""
    if CHROMIUM is None:
        pytest.skip("no Chromium is installed here")
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


@pytest.fixture
def page(browser, server):
    """The first page, with its comparison drawn. No script may fail."""
    page = browser.new_page(viewport={"width": 1280, "height": 800}, accept_downloads=True)
    page.set_default_timeout(120_000)
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if "js_on_load" in message.text else None)
    page.goto(server)
    page.wait_for_selector("#viewer .rz-pane[data-ready=true]")
    yield page
    page.close()
    assert errors == []
