"""The record of a talk with a language model: enough to make the same sound again without the model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from audiogen.sonify.prompts import Message
from codec.audio_files import write_bytes

FORMAT = "audiogen exchange"
FORMAT_VERSION = 1
MOST_FILE_BYTES = 20_000_000


@dataclass(frozen=True)
class Round:
    """One question and its answer.

    `asked`: the messages that this round added. `reply`: the answer as it came. `finish_reason`: the server's word for
    why it ended. `fault`: why it could not be read strictly, "" where it could. `refused_parameters`: what the server
    would not take and was left out. `seconds` of the answer, `tries` until it came.
    """

    asked: tuple[Message, ...]
    reply: str
    finish_reason: str = ""
    fault: str = ""
    refused_parameters: tuple[str, ...] = ()
    seconds: float = 0.0
    tries: int = 1


@dataclass(frozen=True)
class Exchange:
    """A whole talk. `model` and `base_url` are empty for a reply from a file; a key is in none of the fields.

    `parameters`: those of the request (temperature, max_tokens, seed ...). `performance`: those of the sound (seed,
    routes, instrument ...). `mendings` and `remarks`: how the reply was read, for people; replaying reads it anew.
    """

    prompt: str
    notation: str
    rounds: tuple[Round, ...]
    model: str = ""
    base_url: str = ""
    parameters: Mapping[str, Any] | None = None
    performance: Mapping[str, Any] | None = None
    mendings: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()
    audiogen_version: str = ""

    def save(self, path: str | Path) -> None:
        """Write JSON, whole or not at all."""
        facts = {"format": FORMAT, "format_version": FORMAT_VERSION, **asdict(self)}
        write_bytes(path, (json.dumps(facts, ensure_ascii=False, indent=1) + "\n").encode())


def is_exchange(text: str) -> bool:
    """Whether a text is a stored exchange rather than a reply."""
    return text.lstrip().startswith("{") and f'"format": "{FORMAT}"' in text[:200]


def parse_exchange(text: str, name: str) -> Exchange:
    """Read what `Exchange.save` wrote.

    Args:
        text: the file's text.
        name: what to call it in an error.

    Raises:
        ValueError: it is no exchange, of another version, or an entry is of the wrong type.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{name}: is no exchange that can be read ({error})") from error
    if not isinstance(value, dict) or value.pop("format", None) != FORMAT:
        raise ValueError(f"{name}: is no exchange of audiogen sonify")
    version = value.pop("format_version", None)
    if version != FORMAT_VERSION:
        raise ValueError(f"{name}: is an exchange of version {version!r}; version {FORMAT_VERSION} is read")
    _check(name, value, Exchange, _EXCHANGE_TYPES)
    if not value["rounds"]:
        raise ValueError(f"{name}: holds no rounds")
    rounds = []
    for entry in value["rounds"]:
        if not isinstance(entry, dict):
            raise ValueError(f"{name}: a round is {type(entry).__name__}; an object is needed")
        _check(name, entry, Round, _ROUND_TYPES)
        changes = {key: tuple(entry[key]) for key in ("asked", "refused_parameters") if key in entry}
        rounds.append(Round(**{**entry, **changes}))
    lists = {key: tuple(value[key]) for key in ("mendings", "remarks") if key in value}
    return Exchange(**{**value, **lists, "rounds": tuple(rounds)})


_EXCHANGE_TYPES: dict[str, tuple[type, ...]] = {
    "prompt": (str,), "notation": (str,), "rounds": (list,), "model": (str,), "base_url": (str,),
    "parameters": (dict, type(None)), "performance": (dict, type(None)), "mendings": (list,), "remarks": (list,),
    "audiogen_version": (str,),
}  # fmt: skip
_ROUND_TYPES: dict[str, tuple[type, ...]] = {
    "asked": (list,), "reply": (str,), "finish_reason": (str,), "fault": (str,), "refused_parameters": (list,),
    "seconds": (int, float), "tries": (int,),
}  # fmt: skip
_NEEDED = {"prompt", "notation", "rounds", "asked", "reply"}


def _check(name: str, value: dict[str, Any], kind: type, types: Mapping[str, tuple[type, ...]]) -> None:
    known = {field.name for field in fields(kind)}
    unknown = sorted(set(value) - known)
    if unknown:
        raise ValueError(f"{name}: unknown entry {unknown[0]!r}; known are {', '.join(sorted(known))}")
    missing = sorted((known & _NEEDED) - set(value))
    if missing:
        raise ValueError(f"{name}: has no entry {missing[0]!r}")
    for key, entry in value.items():
        if not isinstance(entry, types[key]):
            raise ValueError(f"{name}: {key} is a {type(entry).__name__}")
