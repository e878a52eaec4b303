"""A small Hub on this machine's loopback, for the real huggingface_hub client to talk to."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

COMMIT = "c" * 40


@dataclass
class Hub:
    """Files by path ("/owner/name/resolve/main/file" or any other), and how the server misbehaves."""

    url: str
    files: dict[str, bytes] = field(default_factory=dict)
    requests: list[tuple[str, str, str | None, str | None]] = field(default_factory=list)
    """(method, path, Range, Authorization) of every request so far."""
    errors: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Path -> status and the Hub's error code with which it is refused."""
    token: str | None = None
    """When set, only requests with this token are served."""
    cut_after: int | None = None
    """When set, a body breaks off after so many bytes, and going on (a Range) is refused."""
    ranges: bool = True
    """Whether Range is honored; else the whole file is sent again."""
    content_type: str = "application/octet-stream"

    def publish(self, repo: str, name: str, data: bytes) -> None:
        """Put a file into a repository's main branch."""
        self.files[f"/{repo}/resolve/main/{name}"] = data

    def gets(self) -> list[tuple[str, str, str | None, str | None]]:
        """The requests for bodies."""
        return [request for request in self.requests if request[0] == "GET"]


@contextmanager
def running_hub() -> Iterator[Hub]:
    """A Hub on a free port, stopped at the end."""
    hub = Hub("")

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *args) -> None:
            pass

        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def refuse(self, status: int, code: str) -> None:
            self.send_response(status)
            if code:
                self.send_header("X-Error-Code", code)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def answer(self, *, body: bool) -> None:
            asked, sent = self.headers.get("Range"), self.headers.get("Authorization")
            hub.requests.append((self.command, self.path, asked, sent))
            if self.path in hub.errors:
                return self.refuse(*hub.errors[self.path])
            if hub.token and sent != f"Bearer {hub.token}":
                return self.refuse(401, "RepoNotFound")
            if self.path not in hub.files:
                return self.refuse(404, "EntryNotFound")
            data = hub.files[self.path]
            start = 0
            if body and asked and hub.cut_after is not None:
                return self.refuse(503, "")
            if body and asked and hub.ranges:
                start = int(asked.removeprefix("bytes=").partition("-")[0])
                if start >= len(data):
                    return self.refuse(416, "")
            self.send_response(206 if start else 200)
            self.send_header("Content-Type", hub.content_type)
            self.send_header("Content-Length", str(len(data) - start))
            self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
            self.send_header("X-Repo-Commit", COMMIT)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(data) - 1}/{len(data)}")
            self.end_headers()
            if body:
                self.wfile.write(data[start : hub.cut_after])

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        hub.url = f"http://127.0.0.1:{server.server_port}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        try:
            yield hub
        finally:
            server.shutdown()
            thread.join()
