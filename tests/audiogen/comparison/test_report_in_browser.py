"""The report in a real browser: no console error, nothing from the net, pictures, sounds, and a phone can read it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from audiogen.cli import run

pytestmark = pytest.mark.slow
HOSTILE = """X:1
T:</title><script>console.error("reply")</script><img src=x onerror="console.error(1)">
R:jig
M:6/8
L:1/8
K:D
|:"<b>"DFA dAF|GBd dBG|ABc edc|dAF D3|DFA dAF|GBd dBG|ABc edc|d3 d3:|
"""
PICTURES = """Promise.all(
  [...document.images].filter(image => image.offsetParent).map(image => image.decode().then(() => image.naturalWidth))
)"""
PLAY = """(async () => {
  const found = [];
  for (const sound of document.querySelectorAll('audio')) {
    sound.muted = true;
    await sound.play();
    const until = performance.now() + 3000;
    while (sound.currentTime === 0 && performance.now() < until) await new Promise(done => setTimeout(done, 20));
    found.push(sound.currentTime > 0);
    sound.pause();
  }
  return found;
})()"""


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("compare")
    reply = folder / "reply.txt"
    reply.write_text(HOSTILE, encoding="utf-8")
    prompt = 'a jig in D <script>console.error("prompt")</script>'
    code = run(["compare", prompt, "--reply", str(reply), "--routes", "free,soundfont,llm-soundfont", "--duration", "3",
                "-o", str(folder / "report")])  # fmt: skip
    assert code == 0
    return folder / "report" / "report.html"


@pytest.mark.parametrize("width", [1280, 390])
def test_the_report_works_at_desktop_and_phone_width(report: Path, browser: Any, width: int) -> None:
    browser.open(report, width)
    assert browser.value("document.documentElement.scrollWidth") <= width
    browser.value("document.querySelectorAll('details').forEach(d => d.open = true)")
    sizes = browser.value(PICTURES)
    assert len(sizes) >= 5
    assert all(size > 50 for size in sizes)
    assert browser.value(PLAY) == [True, True, True]
    assert browser.value("document.documentElement.scrollWidth") <= width
    assert browser.value("document.querySelectorAll('script, [onerror]').length") == 0
    assert not browser.complaints
    assert browser.asked
    assert all(address.startswith(("file:", "data:")) for address in browser.asked)


def test_the_words_of_prompt_and_reply_are_shown_as_they_are(report: Path, browser: Any) -> None:
    browser.open(report, 1280)
    shown = browser.value("document.body.textContent")
    assert '<script>console.error("prompt")</script>' in shown
    assert '<img src=x onerror="console.error(1)">' in shown
    figures = json.loads((report.parent / "comparison.json").read_text(encoding="utf-8"))
    assert figures["routes"] == ["free", "soundfont", "llm-soundfont"]


def test_a_listener_can_answer_and_save(tmp_path: Path, browser: Any) -> None:
    folder = tmp_path / "test"
    assert (
        run(
            [
                "compare",
                "a jig",
                "--routes",
                "free,soundfont",
                "--duration",
                "2",
                "--listen",
                "-o",
                str(folder),
            ]
        )
        == 0
    )
    browser.open(folder / "listening.html", 390)
    assert browser.value("document.documentElement.scrollWidth") <= 390
    browser.value("document.querySelector('input[value=second]').click()")
    assert browser.value("document.getElementById('count').textContent") == "1 of 1 answered"
    caught = """new Promise(done => {
      URL.createObjectURL = blob => { blob.text().then(done); return '#'; };
      document.getElementById('save').click();
    })"""
    saved = json.loads(browser.value(caught))
    assert saved["answers"] == {"1": "second"}
    (tmp_path / "answers.json").write_text(json.dumps(saved), encoding="utf-8")
    assert run(["compare", "-o", str(folder), "--tally", str(tmp_path / "answers.json")]) == 0
    browser.open(folder / "listening.html", 1280)
    assert browser.value("document.getElementById('count').textContent") == "1 of 1 answered"
    assert not browser.complaints
