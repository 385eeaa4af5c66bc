"""`audiogen sonify`: from a reply or a server to files, the same bytes again, and one line for what cannot be done."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile

from audiogen.cli import run
from audiogen.sonify.sonifier import GAP_SECONDS

Rows = dict[str, dict[str, Any]]
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], replies: Rows
) -> Call:
    """Run `audiogen sonify` in a folder that holds every reply as ID.txt."""
    monkeypatch.chdir(tmp_path)
    for name, row in replies.items():
        Path(f"{name}.txt").write_text(row["reply"], encoding="utf-8")

    def command(*arguments: object) -> tuple[int, str, str]:
        capfd.readouterr()
        code = run(["sonify", *map(str, arguments)])
        said = capfd.readouterr()
        return code, str(said.out), str(said.err)

    return command


def refused(outcome: tuple[int, str, str], *words: str) -> None:
    code, out, err = outcome
    assert code == 2, err
    assert out == ""
    assert err.splitlines()[-1].startswith("error: ")
    assert all(word in err for word in words), err


def test_a_reply_becomes_sound_by_both_routes_and_an_exchange_that_plays_the_same(
    call: Call, tiny_weights: Path
) -> None:
    common = ("--model", tiny_weights, "--json")
    code, out, _ = call("a jig in D on the flute", "--reply", "fence.txt", "--route", "both", "--duration", 3, "--seed",
                        7, "-o", "a.wav", *common)  # fmt: skip
    assert code == 0
    facts = json.loads(out)
    assert facts["outputs"] == {"soundfont": "a-soundfont.wav", "tune": "a-tune.wav"}
    assert facts["titles"] == ["The Kettle Lid"]
    assert facts["seed"] == 7
    assert call("--reply", "a.exchange.json", "-o", "b.wav", *common)[0] == 0
    for ending in ("-soundfont.wav", "-tune.wav", ".abc", ".exchange.json"):
        assert Path(f"a{ending}").read_bytes() == Path(f"b{ending}").read_bytes(), ending


def test_a_server_is_asked_and_what_it_said_is_kept(
    call: Call, chat: Callable, replies: Rows, tmp_path: Path
) -> None:
    host = chat(replies["long_bar"]["reply"], replies["abc"]["reply"])
    code, out, err = call(
        "a jig in D", "--llm", "tiny", "--base-url", host.url, "-o", "a.wav", "--duration", 2
    )
    assert code == 0
    assert out == ""
    assert "sent back: line" in err
    kept = json.loads(Path("a.exchange.json").read_text(encoding="utf-8"))
    assert kept["model"] == "tiny"
    assert [turn["reply"] for turn in kept["rounds"]] == [
        replies[name]["reply"] for name in ("long_bar", "abc")
    ]
    code, _, _ = call("--reply", "a.exchange.json", "-o", "b.wav")
    assert Path("a.wav").read_bytes() == Path("b.wav").read_bytes()


def test_chords_without_a_melody_are_played_as_chords_and_said_to_be_so(call: Call) -> None:
    code, _, err = call("a backing in D", "--reply", "chords.txt", "-o", "a.wav", "--duration", 4)
    assert code == 0
    assert "mended: the reply holds chords and no melody" in err
    assert soundfile.info("a.wav").duration > 3


def test_several_tunes_are_played_as_a_set(call: Call) -> None:
    assert call("two jigs", "--reply", "two.txt", "-o", "a.wav", "--duration", 3)[0] == 0
    assert call("a jig", "--reply", "abc.txt", "-o", "b.wav", "--duration", 3)[0] == 0
    assert soundfile.info("a.wav").duration > 2 * soundfile.info("b.wav").duration + GAP_SECONDS - 1
    assert Path("a.abc").read_text(encoding="utf-8").count("X:") == 2


def test_prose_and_empty_replies_are_refused_and_leave_nothing(call: Call) -> None:
    before = sorted(Path().iterdir())
    for name in ("prose", "prose_letters", "empty"):
        refused(call("a jig in D", "--reply", f"{name}.txt", "-o", "a.wav"), "the reply is")
    assert sorted(Path().iterdir()) == before


def test_a_server_that_only_chats_is_refused_and_the_talk_is_kept(
    call: Call, chat: Callable, replies: Rows
) -> None:
    host = chat(replies["prose"]["reply"])
    refused(
        call("a jig in D", "--llm", "tiny", "--base-url", host.url, "-o", "a.wav"), "a.exchange.json", "prose"
    )
    assert len(json.loads(Path("a.exchange.json").read_text(encoding="utf-8"))["rounds"]) == 3
    assert not Path("a.wav").exists()


def test_nothing_of_a_reply_reaches_a_file_name(call: Call, tmp_path: Path) -> None:
    before = set(tmp_path.rglob("*"))
    assert call("a jig", "--reply", "script.txt", "-o", "a.wav", "--duration", 1)[0] == 0
    assert {path.name for path in set(tmp_path.rglob("*")) - before} == {"a.wav", "a.abc", "a.exchange.json"}


def test_shortcomings_are_listed_without_playing(call: Call) -> None:
    code, out, _ = call("a reel in E minor", "--reply", "abc.txt", "--diagnose")
    assert code == 0
    assert "The Kettle Lid: " in out
    assert "key: D major, where E was asked for" in out
    assert "kind: a jig, where a reel was asked for" in out
    code, out, _ = call("a reel in E minor", "--reply", "abc.txt", "--diagnose", "--json")
    assert {"aspect": "kind", "detail": "a jig, where a reel was asked for"} in json.loads(out)[
        "shortcomings"
    ][0]


def test_a_tune_that_would_last_for_hours_is_cut_and_said_to_be(call: Call, replies: Rows) -> None:
    endless = "X:1\nM:4/4\nL:1/8\nQ:1/4=20\nK:D\n" + "DEFG ABcd|" * 80
    Path("long.txt").write_text(endless, encoding="utf-8")
    code, _, err = call("an air", "--reply", "long.txt", "-o", "a.wav")
    assert code == 0
    assert "would last 960 s" in err
    assert soundfile.info("a.wav").duration < 615


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("a jig", "-o", "a.wav"), "--llm"),
        (("a jig", "--llm", "m", "--reply", "abc.txt", "-o", "a.wav"), "--llm"),
        (("--llm", "m", "-o", "a.wav"), "PROMPT"),
        (("a jig", "--reply", "abc.txt"), "--diagnose"),
        (("a jig", "--reply", "missing.txt", "-o", "a.wav"), "missing.txt"),
        (("a jig", "--reply", ".", "-o", "a.wav"), "folder"),
        (("a jig", "--reply", "abc.txt", "-o", "a.xyz"), ".xyz"),
        (("a jig", "--reply", "abc.txt", "-o", "no/a.wav"), "no/a.wav"),
        (("a jig", "--reply", "abc.txt", "-o", "a.wav", "--tempo", "9999"), "tempo"),
        (("a jig", "--llm", "m", "--base-url", "here", "-o", "a.wav"), "here"),
        (("a jig", "--llm", "m", "--examples", "9", "-o", "a.wav"), "examples"),
        (("a jig", "--reply", "abc.txt", "--base-url", "http://x/v1", "-o", "a.wav"), "--base-url"),
    ],
)
def test_what_cannot_be_done_is_one_line(arguments: tuple[str, ...], word: str, call: Call) -> None:
    refused(call(*arguments), word)


def test_a_reply_that_is_no_text_is_refused(call: Call) -> None:
    Path("binary.txt").write_bytes(b"\xff\xfe\x00\x81" * 100)
    refused(call("a jig", "--reply", "binary.txt", "-o", "a.wav"), "binary.txt", "UTF-8")
