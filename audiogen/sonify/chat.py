"""One answer of an OpenAI-compatible chat server, within limits of size and time.

OpenAI, Ollama, vLLM, llama.cpp and `transformers serve` speak this protocol. The answer is streamed and its events are
read here rather than by the client, so that one that is too long or never ends can be left at once. The key comes from
the environment (AUDIOGEN_LLM_KEY, else OPENAI_API_KEY) and is blotted out wherever a server repeats it.
"""

from __future__ import annotations

import importlib
import json
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from audiogen.sonify.prompts import Message
from audiogen.sonify.reading import MOST_REPLY_CHARACTERS

if TYPE_CHECKING:
    import openai

HINT = "talking to a language model needs the openai client: pip install 'audiogen[llm]'"
KEY_NAMES = ("AUDIOGEN_LLM_KEY", "OPENAI_API_KEY")
OPENAI_URL = "https://api.openai.com/v1"
# Local servers want no key, but the client wants one to send.
_NO_KEY = "none"
_BLOT = "[key]"
_TOO_SHORT_TO_BLOT = 6
# Worth another try after a pause; other refusals come again however often one asks.
_PASSING_STATUSES = frozenset({408, 409, 425, 429})
_LONGEST_WAIT_SECONDS = 30.0
_LONGEST_MESSAGE = 200
# A character takes at most so many bytes of JSON; an event of one character has some hundreds around it.
_BYTES_A_CHARACTER, _EVENT_BYTES = 12, 500
# What a server may refuse, and what to say instead (OpenAI's newer models want another name for the limit of tokens).
_DISPENSABLE = ("response_format", "temperature", "seed", "max_tokens", "max_completion_tokens")
_RENAMED = {"max_tokens": "max_completion_tokens"}


class ChatError(ValueError):
    """A server that cannot be reached, refuses, or does not answer as a chat server should."""


@dataclass(frozen=True)
class ChatLimits:
    """How long to wait and how often to try.

    `timeout_seconds` for a whole answer, `idle_seconds` between two pieces of it (and to connect); `retries` after
    faults that may pass, waiting 1, 2, 4 ... times `first_wait_seconds`, or as long as the server says.
    """

    timeout_seconds: float = 300.0
    idle_seconds: float = 60.0
    retries: int = 2
    first_wait_seconds: float = 1.0
    most_characters: int = MOST_REPLY_CHARACTERS

    def __post_init__(self) -> None:
        for name in ("timeout_seconds", "idle_seconds"):
            if not 0 < getattr(self, name) <= 3600:
                raise ValueError(f"{name} is {getattr(self, name):g}; above 0 to 3600 is allowed")
        if not 0 <= self.retries <= 10:
            raise ValueError(f"retries is {self.retries}; 0 to 10 are allowed")


@dataclass(frozen=True)
class Answer:
    """A whole answer. `parameters` are those that the server took, `refused` the names of those that it would not."""

    text: str
    finish_reason: str
    seconds: float
    tries: int
    parameters: Mapping[str, Any]
    refused: tuple[str, ...] = ()


class _Passing(Exception):
    """A fault that may be gone at the next try."""

    def __init__(self, message: str, wait_seconds: float | None = None) -> None:
        super().__init__(message)
        self.wait_seconds = wait_seconds


@dataclass
class _Gathering:
    """What has come of an answer: its texts, why it ended, and a server's own word of a fault."""

    texts: list[str] = field(default_factory=list)
    size: int = 0
    events: int = 0
    finish_reason: str = ""
    error: str = ""
    done: bool = False

    def take(self, line: bytes) -> None:
        """One line of the stream; what is no event (comments, names, empty lines) says nothing."""
        data = line.strip()
        if data.startswith(b"data:"):
            data = data[5:].strip()
        if data == b"[DONE]":
            self.done = True
        if not data.startswith(b"{"):
            return
        try:
            event = json.loads(data)
        except (ValueError, RecursionError):
            return
        if event.get("error"):
            fault = event["error"]
            self.error = str(fault.get("message") or fault) if isinstance(fault, dict) else str(fault)
            return
        choices = event.get("choices")
        if not isinstance(choices, list):
            return
        self.events += 1
        for choice in choices[:1]:
            said = choice.get("delta") or choice.get("message") or {} if isinstance(choice, dict) else {}
            text = said.get("content") if isinstance(said, dict) else None
            if isinstance(text, str):
                self.texts.append(text)
                self.size += len(text)
            if isinstance(choice, dict) and isinstance(choice.get("finish_reason"), str):
                self.finish_reason = choice["finish_reason"]


class ChatServer:
    """An OpenAI-compatible server.

    Args:
        base_url: such as "http://localhost:11434/v1"; None: OPENAI_BASE_URL, else OpenAI.
        limits: of size, time and tries.
        sleep: how to wait between tries.

    Raises:
        ValueError: the openai client is not installed, or the URL is none or has a password in it.
    """

    def __init__(
        self,
        base_url: str | None = None,
        limits: ChatLimits | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.base_url = _checked_url(base_url or os.environ.get("OPENAI_BASE_URL") or OPENAI_URL)
        self._limits = limits or ChatLimits()
        self._sleep = sleep
        self._key = next((os.environ[name] for name in KEY_NAMES if os.environ.get(name)), "")
        try:
            import openai
        except ImportError as error:
            raise ValueError(HINT) from error
        self._openai = openai
        self._transport = _transport_of(openai.DefaultHttpxClient)
        self._client = openai.OpenAI(
            api_key=self._key or _NO_KEY,
            base_url=self.base_url,
            max_retries=0,
            timeout=openai.Timeout(self._limits.idle_seconds),
        )

    def close(self) -> None:
        """Let the connections go."""
        self._client.close()

    def __enter__(self) -> ChatServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def answer(self, model: str, messages: Sequence[Message], parameters: Mapping[str, Any]) -> Answer:
        """Ask once, trying again after faults that may pass.

        Args:
            model: the server's name for it.
            messages: the talk so far.
            parameters: temperature, max_tokens, seed, response_format; what the server refuses of them is left out.

        Raises:
            ChatError: no server, a wrong key, an unknown model, a stalled, cut, endless or overlong answer.
        """
        wanted, refused, tries = dict(parameters), [], 0
        wait = self._limits.first_wait_seconds
        while True:
            tries += 1
            began = time.monotonic()
            try:
                text, finish = self._stream(model, messages, wanted, began)
            except _Passing as fault:
                if tries > self._limits.retries:
                    times = "once" if tries == 1 else f"{tries} times"
                    raise ChatError(f"{self.base_url}: {fault} (tried {times})") from fault.__cause__
                self._sleep(min(fault.wait_seconds or wait, _LONGEST_WAIT_SECONDS))
                wait *= 2
                continue
            except self._openai.BadRequestError as error:
                name = _refused_parameter(str(error), wanted)
                if name is None:
                    raise ChatError(self._told(error, "refuses the request")) from error
                refused.append(name)
                value = wanted.pop(name)
                if name in _RENAMED and _RENAMED[name] in str(error):
                    wanted[_RENAMED[name]] = value
                tries -= 1
                continue
            seconds = round(time.monotonic() - began, 3)
            return Answer(self._blotted(text), finish, seconds, tries, wanted, tuple(refused))

    def _stream(
        self, model: str, messages: Sequence[Message], parameters: Mapping[str, Any], began: float
    ) -> tuple[str, str]:
        """The text of one answer and why it ended."""
        openai, limits = self._openai, self._limits
        try:
            request: Any = self._client.chat.completions.with_streaming_response.create
            with request(model=model, messages=list(messages), stream=True, **parameters) as response:
                return self._gathered(response.iter_bytes(), began)
        except openai.BadRequestError:
            raise
        except openai.APIStatusError as error:
            raise self._status_fault(error, model) from error
        except (openai.APITimeoutError, self._transport.TimeoutException) as error:
            raise _Passing(f"nothing came for {limits.idle_seconds:g} s") from error
        except openai.APIConnectionError as error:
            cause = " ".join(str(error.__cause__ or error).split())[:_LONGEST_MESSAGE]
            raise _Passing(f"no server can be reached there ({self._blotted(cause)})") from error
        except self._transport.HTTPError as error:
            raise _Passing("the connection was cut in the middle of the answer") from error

    def _gathered(self, pieces: Iterator[bytes], began: float) -> tuple[str, str]:
        """The text of a stream of events, or of a whole completion from a server that does not stream."""
        limits = self._limits
        answer = _Gathering()
        rest, size = b"", 0
        for piece in pieces:
            size += len(piece)
            if time.monotonic() - began > limits.timeout_seconds:
                raise ChatError(
                    f"{self.base_url}: the answer did not end within {limits.timeout_seconds:g} s "
                    f"({answer.size} characters had come)"
                )
            *lines, rest = (rest + piece).split(b"\n")
            for line in lines:
                answer.take(line)
            if answer.error:
                raise ChatError(f"{self.base_url}: breaks off: {self._short(answer.error)}")
            if (
                answer.size > limits.most_characters
                or len(rest) > _BYTES_A_CHARACTER * limits.most_characters
            ):
                raise ChatError(
                    f"{self.base_url}: the answer is longer than {limits.most_characters} characters"
                )
            if size > _EVENT_BYTES * limits.most_characters:
                raise ChatError(f"{self.base_url}: the answer is {size} bytes long and has not ended")
            if answer.done:
                break
        answer.take(rest)
        if not answer.events:
            raise ChatError(
                f"{self.base_url}: does not answer as a chat server does; is /v1 missing in the URL?"
            )
        if not answer.finish_reason:
            raise _Passing("the answer broke off without an end")
        return "".join(answer.texts), answer.finish_reason

    def _status_fault(self, error: openai.APIStatusError, model: str) -> Exception:
        status = error.status_code
        if status in _PASSING_STATUSES or status >= 500:
            what = "too many requests (429)" if status == 429 else f"the server answers {status}"
            return _Passing(what, _retry_after(error.response.headers))
        if status in (401, 403):
            have = "a wrong key" if self._key else "no key"
            return ChatError(
                f"{self.base_url}: {have} ({status}); set {' or '.join(KEY_NAMES)} in the environment"
            )
        if status == 404:
            return ChatError(
                self._told(error, f"has no model {model!r}, or is no chat server (404); is /v1 missing?")
            )
        return ChatError(self._told(error, f"answers {status}"))

    def _told(self, error: openai.APIError, what: str) -> str:
        return f"{self.base_url}: {what}: {self._short(str(error.message))}"

    def _short(self, text: str) -> str:
        return self._blotted(" ".join(text.split()))[:_LONGEST_MESSAGE]

    def _blotted(self, text: str) -> str:
        # Half a surrogate pair, which JSON can hold, is no text that can be written.
        text = text.encode("utf-8", "replace").decode()
        return text.replace(self._key, _BLOT) if len(self._key) >= _TOO_SHORT_TO_BLOT else text


def _transport_of(client: type) -> ModuleType:
    """The module of the client's transport (httpx, or what took its place), whose faults come through bare."""
    base = next(each for each in client.__mro__ if each.__name__ == "Client")
    return importlib.import_module(base.__module__.split(".")[0])


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"base URL {url!r} is not of the form http://localhost:11434/v1")
    if parts.username is not None or parts.password is not None or parts.query:
        raise ValueError(
            f"base URL of {parts.hostname}: name, password and ? have no place in it, for it is stored; "
            f"give a key in the environment as {KEY_NAMES[0]}"
        )
    return url.rstrip("/")


def _refused_parameter(message: str, parameters: Mapping[str, Any]) -> str | None:
    """The parameter of ours that an error names and that can be left out."""
    return next((name for name in _DISPENSABLE if name in parameters and name in message), None)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return seconds if 0 < seconds < float("inf") else None
