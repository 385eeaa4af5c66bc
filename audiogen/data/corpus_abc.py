"""Tunes of ABC files: several tunes a file, and the fields that a file gives to all of them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from audiogen.data.corpus_items import CorpusTune, Rejected
from symbolic_bridge.abc_blocks import ADDED_FILE_FIELDS, FILE_FIELDS, split_tunes
from symbolic_bridge.errors import AbcSyntaxError


def split_abc(text: str, source: str, licence: str) -> Iterator[CorpusTune | Rejected]:
    """The tunes of an ABC file, each with those fields of the file's header that it does not have itself.

    Args:
        text: ABC; words between tunes are left out.
        source: name of the collection, part of every tune's key.
        licence: of the collection.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    try:
        parts = split_tunes(text)
    except AbcSyntaxError as error:
        yield Rejected(source, str(error))
        return
    first = re.search(r"^[ \t]*X:", text, flags=re.MULTILINE)
    head = _file_fields(text[: first.start()]) if first else []
    seen: dict[str, int] = {}
    for part in parts:
        lines = _own_lines(part)
        identifier = field_of(lines[0], "X") or "0"
        seen[identifier] = seen.get(identifier, 0) + 1
        if seen[identifier] > 1:
            identifier = f"{identifier}.{seen[identifier]}"
        end = next((place for place, line in enumerate(lines) if line.lstrip().startswith("K:")), None)
        if end is None:
            yield Rejected(f"{source}/{identifier}", "has no K: field, after which the notes begin")
            continue
        own = {line.lstrip()[:1] for line in lines[:end]}
        given = [line for line in head if line[0] in ADDED_FILE_FIELDS or line[0] not in own]
        start = 1 if lines[0].lstrip().startswith("X:") else 0
        abc = "\n".join([*lines[:start], *given, *lines[start:]]).rstrip() + "\n"
        yield CorpusTune(source, identifier, abc, "", field_of(abc, "T"), field_of(abc, "R"), licence)


def _own_lines(part: str) -> list[str]:
    """The lines of a tune without those of the file's header."""
    lines = part.split("\n")
    starts = [place for place, line in enumerate(lines) if line.lstrip().startswith("X:")]
    return lines[starts[0] :] if starts else part.strip("\n").split("\n")


def _file_fields(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line[1:2] == ":" and line[0] in FILE_FIELDS]


def field_of(text: str, letter: str) -> str:
    """Value of the first field of a letter in ABC text; empty where there is none."""
    found = re.search(rf"^[ \t]*{letter}:(.*)$", text, flags=re.MULTILINE)
    return found[1].strip() if found else ""
