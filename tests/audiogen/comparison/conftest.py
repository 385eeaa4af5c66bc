"""A headless Chromium, spoken to through a pipe (the DevTools protocol), so that no driver has to be installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

PROGRAMS = ("chromium", "chromium-browser", "google-chrome")
WAIT_SECONDS = 60
PHONE_WIDTH, DESKTOP_WIDTH = 390, 1280


@dataclass
class Browser:
    """One page; `complaints` are what its console and log say, `asked` the addresses that it has loaded."""

    to_browser: int
    from_browser: int
    session: str = ""
    number: int = 0
    rest: bytes = b""
    complaints: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    events: list[str] = field(default_factory=list)

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and wait for its answer."""
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to_browser, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer["result"]

    def _next(self) -> dict[str, Any]:
        while b"\0" not in self.rest:
            piece = os.read(self.from_browser, 1 << 20)
            assert piece, "the browser has gone"
            self.rest += piece
        message, self.rest = self.rest.split(b"\0", 1)
        found = json.loads(message)
        name, facts = found.get("method", ""), found.get("params", {})
        self.events.append(name)
        if name == "Log.entryAdded":
            self.complaints.append(str(facts["entry"]))
        elif name in ("Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
            self.complaints.append(str(facts))
        elif name == "Network.requestWillBeSent":
            self.asked.append(facts["request"]["url"][:80])
        return found

    def open(self, page: Path, width: int) -> None:
        """Load a file at a width in pixels, as a phone would below 600."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=800,
            deviceScaleFactor=1,
            mobile=width < 600,
        )
        self.events.clear()
        self.call("Page.navigate", url=page.as_uri())
        deadline = time.monotonic() + WAIT_SECONDS
        while "Page.loadEventFired" not in self.events:
            assert time.monotonic() < deadline, "the page does not load"
            self.call("Runtime.evaluate", expression="1")

    def value(self, expression: str) -> Any:
        """The value of JavaScript, of the promise it may give."""
        done = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in done, done
        return done["result"].get("value")


@pytest.fixture
def browser(tmp_path: Path) -> Iterator[Browser]:
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        pytest.skip("no Chromium: apt-get install chromium")
    their_in, our_out = os.pipe()
    our_in, their_out = os.pipe()
    options = (
        "--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --remote-debugging-pipe "
        "--autoplay-policy=no-user-gesture-required --no-first-run"
    )
    process = subprocess.Popen(
        ["bash", "-c", f'exec "$0" {options} --user-data-dir="$1" 3<&{their_in} 4>&{their_out}', program,
         str(tmp_path / "profile")],
        pass_fds=(their_in, their_out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    os.close(their_in)
    os.close(their_out)
    found = Browser(our_out, our_in)
    try:
        target = found.call("Target.createTarget", url="about:blank")["targetId"]
        found.session = found.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            found.call(f"{domain}.enable")
        yield found
    finally:
        process.terminate()
        process.wait(20)
        os.close(our_out)
        os.close(our_in)
