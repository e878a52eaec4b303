"""What a visitor's request may hold: checked before Gradio or the zoo acts on it."""

from __future__ import annotations

import logging
import stat
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.utils import get_upload_folder

from .words import LONGEST, shortened

log = logging.getLogger(__name__)

MAX_FILES = 32
"""How many files a request may name; each is looked up, while all other visitors wait."""


class VisitorError(gr.Error):
    """A sentence for the visitor about a mistake of theirs, which leaves no traceback in the server's log."""

    def __init__(self, message: str):
        super().__init__(shortened(message, LONGEST), print_exception=False)


class ForeignFileError(VisitorError):
    """A request names a file that was not uploaded; the sentence is the same whether that file exists or not."""

    def __init__(self) -> None:
        super().__init__("Upload the picture, or click an example: no other file is opened.")


def is_received(path: Any) -> bool:
    """Whether this is the path of a regular file in Gradio's cache, where uploads and the examples lie.

    Symbolic links and ".." are resolved first. Folders, devices and URLs are none.
    """
    if not isinstance(path, str):
        return False
    try:
        real = Path(path).resolve(strict=True)
        inside = real.is_relative_to(Path(get_upload_folder()).resolve())
        return inside and stat.S_ISREG(real.stat().st_mode)
    except (OSError, ValueError, RuntimeError):  # missing, not a possible name, a circle of links
        return False


def received(path: str | None) -> str:
    """The path, if it was received. Raises ForeignFileError."""
    if path is None or not is_received(path):
        raise ForeignFileError
    return path


def check_files(values: Any) -> None:
    """Raise ForeignFileError where a dict at any depth has a "path" that was not received.

    Raises VisitorError where there are more than MAX_FILES of them.
    """
    found = 0
    waiting = [values]  # no recursion: who sends the request chooses the depth
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if value.get("path") is not None:
                found += 1
                if found > MAX_FILES:
                    raise VisitorError(f"Send at most {MAX_FILES} files.")
                if not is_received(value["path"]):
                    raise ForeignFileError
            waiting.extend(value.values())
        elif isinstance(value, (list, tuple)):
            waiting.extend(value)


class GuardedBlocks(gr.Blocks):
    """gr.Blocks that open no file of the server for a visitor, and answer malformed requests with a sentence.

    Gradio 6.31 itself checks only a "path" that stands beside a "meta" of its own kind. Of those it downloads URLs,
    and notes the cache's own folder as a file to be deleted, on which its cleaning then ends.
    """

    async def preprocess_data(self, block_fn, inputs, state, explicit_call=False) -> list:
        """Check one request's inputs, then let Gradio turn them into the function's arguments.

        Every action passes here, queued or not. Raises VisitorError.
        """
        check_files(inputs)
        try:
            return await super().preprocess_data(block_fn, inputs, state, explicit_call)
        except gr.Error as error:
            raise VisitorError(error.message) from None
        except Exception:  # a value of any other shape breaks Gradio's components in any way
            log.debug("inputs of %s refused", block_fn.api_name, exc_info=True)
            raise VisitorError("The values sent do not fit this action.") from None


class NoProxy:
    """ASGI middleware: the server fetches no addresses of other hosts for visitors, which Gradio 6.31 offers."""

    def __init__(self, app: Any):
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer 403 to "file=http://..." and to "proxy=", and hand on all else."""
        if scope["type"] == "http" and _asks_elsewhere(scope.get("path", "")):
            await send({"type": "http.response.start", "status": 403, "headers": [(b"content-type", b"text/plain")]})
            await send({"type": "http.response.body", "body": b"Only files of this app are served."})
            return
        await self.app(scope, receive, send)


def _asks_elsewhere(path: str) -> bool:
    _, found, name = path.partition("/file=")
    return "/proxy=" in path or (bool(found) and name.lstrip("/ ").lower().startswith(("http:", "https:")))
