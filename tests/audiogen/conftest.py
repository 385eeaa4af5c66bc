"""Fixtures of this folder: a web server on this machine that serves one file and can misbehave as the net does."""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


@dataclass
class Host:
    """What is served and how.

    `faults` are used up one a request: a number of bytes after which the connection is cut, or a status of refusal as a
    string ("404"). `strong` and `dated`: which validators are sent. `pause_seconds`: after each kilobyte.
    """

    content: bytes
    faults: list[int | str] = field(default_factory=list)
    ranges: bool = True
    strong: bool = True
    tagged: bool = True
    dated: bool = False
    sized: bool = True
    headers: dict[str, str] = field(default_factory=dict)
    pause_seconds: float = 0.0
    url: str = ""
    asked: list[dict[str, str]] = field(default_factory=list)

    @property
    def etag(self) -> str:
        tag = f'"{hashlib.sha256(self.content).hexdigest()[:8]}"'
        return tag if self.strong else f"W/{tag}"

    @property
    def date(self) -> str:
        return f"Mon, 01 Jan 2024 00:00:{len(self.content) % 60:02d} GMT"


@pytest.fixture
def serve() -> Iterator[Callable[..., Host]]:
    """Serve bytes until the test ends, with the options of a `Host`; its `url` is their address."""
    with ExitStack() as stack:
        yield lambda content, **options: stack.enter_context(_serving(Host(content, **options)))


@contextmanager
def _serving(host: Host) -> Iterator[Host]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            host.asked.append(dict(self.headers))
            fault = host.faults.pop(0) if host.faults else len(host.content) + 1
            if isinstance(fault, str):
                self.send_response(int(fault))
                self._finish_head(b"")
                return
            body, start = host.content, self._start()
            if start is not None and start >= len(body):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(body)}")
                self._finish_head(b"")
                return
            if start is None:
                self.send_response(200)
            else:
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
                body = body[start:]
            if host.tagged:
                self.send_header("ETag", host.etag)
            if host.dated:
                self.send_header("Last-Modified", host.date)
            self._finish_head(body)
            try:
                for place in range(0, min(fault, len(body)), 1024):
                    self.wfile.write(body[place : min(fault, place + 1024)])
                    time.sleep(host.pause_seconds)
            except (BrokenPipeError, ConnectionResetError):
                pass  # the client was stopped, as a test wants it

        def _start(self) -> int | None:
            """The first byte asked for; None for the whole file."""
            wanted, condition = self.headers["Range"], self.headers["If-Range"]
            if not host.ranges or not wanted or condition not in (None, host.etag, host.date):
                return None
            return int(wanted.removeprefix("bytes=").removesuffix("-"))

        def _finish_head(self, body: bytes) -> None:
            for name, value in host.headers.items():
                self.send_header(name, value)
            if host.sized:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: what is asked stands in `host.asked`."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            host.url = f"http://127.0.0.1:{server.server_port}/json/tunes.json"
            yield host
        finally:
            server.shutdown()
            thread.join()
