"""One server for all tests of the app."""

import pytest


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

    _, url, _ = app.demo.queue().launch(prevent_thread_lock=True, quiet=True, server_name="127.0.0.1", **app.LAUNCH)
    yield url
    app.demo.close()


@pytest.fixture(scope="session")
def client(server):
    """A client of the app's interface for programs."""
    from gradio_client import Client

    return Client(server, verbose=False)
