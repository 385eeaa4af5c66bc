"""Talking to a chat server: what is sent, what is stored, and one line for everything a server can do wrong."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable
from typing import Any

import pytest

from audiogen.sonify.chat import ChatError, ChatLimits, ChatServer
from audiogen.sonify.conversation import Question, converse, read_exchange
from audiogen.sonify.exchange import parse_exchange
from symbolic_bridge.prompts import parse_prompt

Rows = dict[str, dict[str, Any]]
KEY = "sk-secret-of-the-tests"
SAID = [{"role": "user", "content": "a jig"}]
PROMPT = "a jig in D"


def server_of(url: str, waits: list[float] | None = None, **limits: Any) -> ChatServer:
    note = waits.append if waits is not None else (lambda seconds: None)
    return ChatServer(url, ChatLimits(**{"idle_seconds": 5.0, "retries": 2, **limits}), sleep=note)


def ask(url: str, waits: list[float] | None = None, **limits: Any) -> str:
    with server_of(url, waits, **limits) as server:
        return server.answer("tiny", SAID, {}).text


def test_an_answer_comes_whole_streamed_or_not(chat: Callable, fault: Callable, replies: Rows) -> None:
    text = replies["abc"]["reply"] + "\u266f \U0001f3b5"
    host = chat(text, fault(kind="whole", text=text))
    assert ask(host.url) == text
    assert ask(host.url) == text
    assert host.asked[0]["model"] == "tiny"
    assert host.asked[0]["messages"] == SAID


@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_may_pass_is_tried_again_with_longer_and_longer_waits(
    status: int, chat: Callable, fault: Callable
) -> None:
    waits: list[float] = []
    host = chat(fault(status), fault(status), "done")
    assert ask(host.url, waits) == "done"
    assert waits == [1.0, 2.0]
    host = chat(fault(status))
    with pytest.raises(ChatError, match=rf"{status}.*tried 3 times"):
        ask(host.url)
    assert len(host.asked) == 3


@pytest.mark.parametrize(
    ("status", "message"),
    [(401, "no key .401.; set AUDIOGEN_LLM_KEY"), (403, "no key"), (404, "no model 'tiny'"), (400, "refuses"),
     (418, "answers 418")],
)  # fmt: skip
def test_what_will_not_pass_is_refused_at_once(
    status: int, message: str, chat: Callable, fault: Callable
) -> None:
    host = chat(fault(status))
    with pytest.raises(ChatError, match=message):
        ask(host.url)
    assert len(host.asked) == 1


def test_no_server_is_told_by_its_address() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        with pytest.raises(ChatError, match=r"127\.0\.0\.1.*no server can be reached"):
            ask(url, retries=0)


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("stall", "nothing came for 0.3 s .tried 2 times"),
        ("cut", "connection was cut"),
        ("silent_end", "broke off without an end"),
        ("endless", "did not end within 0.5 s"),
        ("page", "does not answer as a chat server"),
        ("error_event", "breaks off: out of memory"),
    ],
)
def test_a_server_that_misbehaves_is_left(kind: str, message: str, chat: Callable, fault: Callable) -> None:
    host = chat(fault(kind=kind))
    with pytest.raises(ChatError, match=message):
        ask(host.url, retries=1, idle_seconds=0.3, timeout_seconds=0.5)


def test_an_answer_of_ten_megabytes_or_one_endless_line_is_left(chat: Callable, fault: Callable) -> None:
    host = chat("x" * 10_000_000)
    with pytest.raises(ChatError, match="longer than 1000000 characters"):
        ask(host.url)
    host = chat(fault(kind="line"))
    with pytest.raises(ChatError, match="longer than 1000 characters"):
        ask(host.url, most_characters=1000)


def test_what_a_server_refuses_of_the_parameters_is_left_out(
    chat: Callable, fault: Callable, replies: Rows
) -> None:
    refusal = {"error": {"message": "Use 'max_completion_tokens' instead of max_tokens"}}
    host = chat(
        fault(400, '{"error": {"message": "response_format is not known"}}'), fault(400, json.dumps(refusal)),
        replies["json"]["reply"],
    )  # fmt: skip
    with server_of(host.url) as server:
        talk = converse(server, PROMPT, Question("tiny", notation="json"), parse_prompt(PROMPT))
    assert talk.rounds[0].refused_parameters == ("response_format", "max_tokens")
    assert host.asked[0]["response_format"]["json_schema"]["strict"] is True
    assert "response_format" not in host.asked[2]
    assert host.asked[2]["max_completion_tokens"] == 4000


def test_the_key_is_sent_and_stored_nowhere(chat: Callable, monkeypatch: pytest.MonkeyPatch) -> None:
    host = chat(f"prose that repeats {KEY}")
    monkeypatch.setenv("AUDIOGEN_LLM_KEY", KEY)
    with server_of(host.url) as server:
        talk = converse(server, PROMPT, Question("tiny", repairs=0), parse_prompt(PROMPT))
    assert host.headers[0]["authorization"] == f"Bearer {KEY}"
    assert KEY not in repr(talk)
    assert "[key]" in talk.rounds[0].reply


@pytest.mark.parametrize(
    "url", ["http://me:word@localhost/v1", "http://localhost/v1?key=word", "localhost", "file:///x"]
)
def test_urls_with_secrets_and_no_urls_are_refused_without_repeating_them(url: str) -> None:
    with pytest.raises(ValueError, match="base URL") as caught:
        ChatServer(url)
    assert "word" not in str(caught.value).replace("password", "")


def test_faults_are_sent_back_until_the_reply_can_be_read(chat: Callable, replies: Rows) -> None:
    host = chat(replies["prose"]["reply"], replies["long_bar"]["reply"], replies["abc"]["reply"])
    with server_of(host.url) as server:
        talk = converse(server, PROMPT, Question("tiny", repairs=3, examples=1), parse_prompt(PROMPT))
    assert [bool(turn.fault) for turn in talk.rounds] == [True, True, False]
    assert host.asked[0]["messages"][-1] == {"role": "user", "content": PROMPT}
    assert "prose" in host.asked[1]["messages"][-1]["content"]
    assert "as the meter says" in host.asked[2]["messages"][-1]["content"]
    assert not read_exchange(talk, parse_prompt(PROMPT)).mendings


def test_when_repairs_are_used_up_the_last_reply_with_a_melody_is_mended(
    chat: Callable, replies: Rows
) -> None:
    host = chat(replies["long_bar"]["reply"], replies["chords"]["reply"])
    with server_of(host.url) as server:
        talk = converse(server, PROMPT, Question("tiny", repairs=1), parse_prompt(PROMPT))
    reading = read_exchange(talk, parse_prompt(PROMPT))
    assert reading.mendings[0] == "the reply of round 1 of 2 was taken"
    assert "a bar of" in reading.mendings[1]


def test_an_exchange_can_be_stored_and_read_again(chat: Callable, replies: Rows, tmp_path: Any) -> None:
    host = chat(replies["prose"]["reply"], replies["abc"]["reply"])
    with server_of(host.url) as server:
        talk = converse(server, PROMPT, Question("tiny"), parse_prompt(PROMPT))
    talk.save(tmp_path / "talk.json")
    assert parse_exchange((tmp_path / "talk.json").read_text(encoding="utf-8"), "talk.json") == talk


@pytest.mark.parametrize(
    "change",
    [{"format": "x"}, {"format_version": 9}, {"rounds": []}, {"rounds": [3]}, {"rounds": [{"asked": []}]},
     {"prompt": 3}, {"other": 1}, {"rounds": [{"asked": [], "reply": "", "tries": "x"}]}],
)  # fmt: skip
def test_a_damaged_exchange_is_refused_by_name(change: dict[str, Any]) -> None:
    turn = {"asked": [], "reply": "X:1"}
    value = {
        "format": "audiogen exchange",
        "format_version": 1,
        "prompt": "",
        "notation": "abc",
        "rounds": [turn],
    }
    parse_exchange(json.dumps(value), "a.json")
    with pytest.raises(ValueError, match=r"a\.json"):
        parse_exchange(json.dumps(value | change), "a.json")


@pytest.mark.parametrize(
    "settings",
    [
        {"model": " "},
        {"repairs": 9},
        {"temperature": 3.0},
        {"max_tokens": 0},
        {"examples": 5},
        {"notation": "midi"},
    ],
)
def test_questions_out_of_range_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"model|repairs|temperature|max-tokens|examples|notation"):
        Question(**{"model": "tiny", **settings})
