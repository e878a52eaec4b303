"""A small Hub on this machine's loopback, for the real huggingface_hub client to talk to."""

from __future__ import annotations

import base64
import hashlib
import json
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
    created: list[dict] = field(default_factory=list)
    """What repositories were asked for, as the client said it."""
    commits: list[dict] = field(default_factory=list)
    """The header of every commit."""
    large: dict[str, bytes] = field(default_factory=dict)
    """Files of Git LFS that were sent, by their sha256."""

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

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            hub.requests.append((self.command, self.path, None, self.headers.get("Authorization")))
            if self.path in hub.errors:
                return self.refuse(*hub.errors[self.path])
            if hub.token and self.headers.get("Authorization") != f"Bearer {hub.token}":
                return self.refuse(401, "")
            if self.path == "/api/validate-yaml":
                return self.say({"errors": [], "warnings": []})
            if self.path == "/api/repos/create":
                hub.created.append(json.loads(body))
                return self.say({"url": f"{hub.url}/{hub.created[-1]['organization']}/{hub.created[-1]['name']}"})
            if "/preupload/" in self.path:
                return self.say({"files": [
                    {"path": file["path"], "shouldIgnore": False,
                     "uploadMode": "lfs" if file["path"].endswith((".parquet", ".safetensors")) else "regular"}
                    for file in json.loads(body)["files"]
                ]})  # fmt: skip
            if self.path.endswith(".git/info/lfs/objects/batch"):
                return self.say({"transfer": "basic", "objects": [
                    {**each, "actions": {"upload": {"href": f"{hub.url}/lfs/{each['oid']}"}}}
                    for each in json.loads(body)["objects"]
                ]})  # fmt: skip
            if "/commit/" in self.path:
                return self.commit([json.loads(line) for line in body.splitlines()])
            self.refuse(404, "EntryNotFound")

        def commit(self, operations: list[dict]) -> None:
            repo, revision = self.path.removeprefix("/api/").removeprefix("models/").split("/commit/")
            for operation in operations:
                value = operation["value"]
                if operation["key"] == "header":
                    hub.commits.append(value)
                    continue
                data = base64.b64decode(value["content"]) if operation["key"] == "file" else hub.large[value["oid"]]
                hub.files[f"/{repo}/resolve/{revision}/{value['path']}"] = data
            self.say({"success": True, "commitOid": COMMIT, "commitUrl": f"{hub.url}/{repo}/commit/{COMMIT}"})

        def do_PUT(self) -> None:
            data = self.rfile.read(int(self.headers["Content-Length"]))
            digest = hashlib.sha256(data).hexdigest()
            if self.path != f"/lfs/{digest}":
                return self.refuse(400, "")
            hub.large[digest] = data
            self.say({})

        def say(self, answer: dict) -> None:
            data = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

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
