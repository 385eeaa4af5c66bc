"""A chat server on this machine that answers from a script and can misbehave as servers do."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

REPLIES = Path(__file__).parent / "replies.jsonl"
PIECE = 40


@dataclass(frozen=True)
class Fault:
    """What is done instead of answering.

    `status`: refuse with it, and `body`. Kinds: "stall" says nothing after the first piece, "cut" drops the connection
    in the middle, "silent_end" ends without a reason, "endless" and "line" never end, the latter without a line's end;
    "page" is a web page, "whole" sends `text` unstreamed, "error_event" tells of a fault within the stream.
    """

    status: int = 0
    body: str = ""
    kind: str = ""
    text: str = ""


@dataclass
class Chat:
    """The script of a server: replies and faults are used up one a request, the last one stays."""

    script: list[str | Fault]
    url: str = ""
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)
    over: threading.Event = field(default_factory=threading.Event)


@pytest.fixture
def replies() -> dict[str, dict[str, Any]]:
    """Replies written for these tests, by id."""
    rows = [json.loads(line) for line in REPLIES.read_text(encoding="utf-8").splitlines()]
    assert rows
    return {row["id"]: row for row in rows}


@pytest.fixture
def chat(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Chat]]:
    """Start a server that goes through a script until the test ends; its `url` is the base URL."""
    for name in ("OPENAI_API_KEY", "AUDIOGEN_LLM_KEY", "OPENAI_BASE_URL"):
        monkeypatch.delenv(name, raising=False)
    with ExitStack() as stack:
        yield lambda *script: stack.enter_context(_serving(Chat(list(script))))


@contextmanager
def _serving(chat: Chat) -> Iterator[Chat]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            chat.asked.append(json.loads(body))
            chat.headers.append({name.lower(): value for name, value in self.headers.items()})
            step = chat.script.pop(0) if len(chat.script) > 1 else chat.script[0]
            self.close_connection = True
            # Broken where the client has had enough, as a test wants it.
            with suppress(BrokenPipeError, ConnectionResetError):
                self._misbehave(step) if isinstance(step, Fault) else self._stream(step)

        def _misbehave(self, fault: Fault) -> None:
            if fault.status:
                self._send(fault.status, "application/json", fault.body or '{"error": {"message": "no"}}')
            elif fault.kind == "page":
                self._send(200, "text/html", "<html><body>Welcome</body></html>")
            elif fault.kind == "whole":
                choice = {"message": {"content": fault.text}, "finish_reason": "stop"}
                self._send(200, "application/json", json.dumps({"choices": [choice]}))
            else:
                self._open()
                self._piece("X:1\n")
                if fault.kind == "stall":
                    chat.over.wait(20)
                elif fault.kind == "endless":
                    while not chat.over.is_set():
                        self._piece("and on ")
                        time.sleep(0.001)
                elif fault.kind == "line":
                    while not chat.over.is_set():
                        self._chunk(b"x" * 65536)
                elif fault.kind == "silent_end":
                    self._chunk(b"")
                elif fault.kind == "error_event":
                    self._chunk(b'data: {"error": {"message": "out of memory"}}\n\n')

        def _stream(self, text: str) -> None:
            self._open()
            size = max(PIECE, len(text) // 200)
            for place in range(0, len(text), size):
                self._piece(text[place : place + size])
            self._chunk(b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n')
            self._chunk(b"")

        def _open(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.send_header("Connection", "close")
            self.end_headers()

        def _piece(self, text: str) -> None:
            self._chunk(
                b"data: " + json.dumps({"choices": [{"delta": {"content": text}}]}).encode() + b"\n\n"
            )

        def _chunk(self, data: bytes) -> None:
            self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
            self.wfile.flush()

        def _send(self, status: int, kind: str, body: str) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Connection", "close")
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, format: str, *args: object) -> None:
            """Nothing: what is asked stands in `chat.asked`."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            chat.url = f"http://127.0.0.1:{server.server_port}/v1"
            yield chat
        finally:
            chat.over.set()
            server.shutdown()
            thread.join()


@pytest.fixture
def fault() -> Callable[..., Fault]:
    """Make a `Fault`."""
    return Fault
