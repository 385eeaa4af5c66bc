"""Tunes of ABC files: text in any encoding, several tunes a file, and the fields that a file gives to all of them."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator

from audiogen.data.corpus_items import CorpusTune, Rejected
from symbolic_bridge.abc_blocks import split_tunes
from symbolic_bridge.errors import AbcSyntaxError

# UTF-32's mark begins with UTF-16's, so it is looked for first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(
    rb"^(?:%%|I:)[ \t]*abc-charset[ \t]+(utf-8|us-ascii|iso-8859-\d+|windows-125\d)\b",
    re.MULTILINE | re.IGNORECASE,
)
# Fields of a file's header that hold for all its tunes (ABC 2.1, section 2.2.2) ...
_FILE_FIELDS = frozenset("ABCDFGHILMNOQRSZUm")
# ... and those of them that add to the tune's own instead of being replaced by one.
_ADDED_FIELDS = frozenset("IUm")


def decode_text(data: bytes) -> str:
    """Text of a file: by its byte order mark or `abc-charset`, else UTF-8, Windows-1252 or Latin-1, whichever fits.

    Raises:
        UnicodeDecodeError: a byte order mark promises an encoding that the rest is not in.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding)
    declared = _DECLARED.search(data)
    # Nearly no Latin-1 text is UTF-8 by accident; Latin-1 takes every byte, so it comes last.
    for encoding in (*([declared[1].decode()] if declared else ()), "utf-8", "cp1252"):
        try:
            return data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return data.decode("latin-1")


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
        lines = part.strip("\n").split("\n")
        identifier = field_of(lines[0], "X") or "0"
        seen[identifier] = seen.get(identifier, 0) + 1
        if seen[identifier] > 1:
            identifier = f"{identifier}.{seen[identifier]}"
        end = next((place for place, line in enumerate(lines) if line.lstrip().startswith("K:")), None)
        if end is None:
            yield Rejected(f"{source}/{identifier}", "has no K: field, after which the notes begin")
            continue
        own = {line.lstrip()[:1] for line in lines[:end]}
        given = [line for line in head if line[0] in _ADDED_FIELDS or line[0] not in own]
        start = 1 if lines[0].lstrip().startswith("X:") else 0
        abc = "\n".join([*lines[:start], *given, *lines[start:]]).rstrip() + "\n"
        yield CorpusTune(source, identifier, abc, "", field_of(abc, "T"), field_of(abc, "R"), licence)


def _file_fields(text: str) -> list[str]:
    return [line.strip() for line in text.splitlines() if line[1:2] == ":" and line[0] in _FILE_FIELDS]


def field_of(text: str, letter: str) -> str:
    """Value of the first field of a letter in ABC text; empty where there is none."""
    found = re.search(rf"^[ \t]*{letter}:(.*)$", text, flags=re.MULTILINE)
    return found[1].strip() if found else ""
