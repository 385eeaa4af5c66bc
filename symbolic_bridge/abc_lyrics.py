"""Lines that go along with a line of music: words (w:) and symbols (s:), one item to a note.

A syllable is kept as it is written: "time-" goes on in the next note, "_" holds the syllable before, "" is none. A
space inside a syllable is written "~".
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

_WORD = re.compile(r"\s+|(?P<bar>\|)|(?P<item>\*|_|-|(?:\\.|[^\s\\|*_-])+-?)|\\$")
_SYMBOL = re.compile(r"\s+|(?P<bar>\|)|(?P<item>\*|![^!]*!|\+[^+]*\+|\"[^\"]*\"|\S)")
BLANK = "*"


def place_words(text: str, line: Sequence[object | None]) -> tuple[list[tuple[int, str]], str]:
    """Put the syllables of a w: line to notes.

    Args:
        text: value of the field.
        line: the notes of the music line, in order, with None for each bar line.

    Returns:
        (index in `line`, syllable) for every note with one, and the words that found no note ("" for none).
    """
    placed, rest = _place(text, _WORD, line)
    return [(index, syllable.replace("~", " ")) for index, syllable in placed], rest


def place_symbols(text: str, line: Sequence[object | None]) -> tuple[list[tuple[int, str]], str]:
    """Put the marks of an s: line to notes, like `place_words`; quotation and exclamation marks stay."""
    return _place(text, _SYMBOL, line)


def _place(
    text: str, pattern: re.Pattern[str], line: Sequence[object | None]
) -> tuple[list[tuple[int, str]], str]:
    placed: list[tuple[int, str]] = []
    index = 0
    for match in pattern.finditer(text):
        if match["bar"]:
            while index < len(line) and line[index] is not None:
                index += 1
            index += 1
        elif match["item"]:
            while index < len(line) and line[index] is None:
                index += 1
            if index >= len(line):
                return placed, text[match.start() :].strip()
            if match["item"] != BLANK:
                placed.append((index, match["item"]))
            index += 1
    return placed, ""


def syllable_of(text: str, goes_on: bool = False) -> str:
    """Plain text as a syllable; `goes_on` where the word's next syllable stands at the next note."""
    return re.sub(r"([\\|*_-])", r"\\\1", text.replace("~", " ")) + "-" * goes_on


def text_of_syllable(syllable: str) -> tuple[str, bool]:
    """The plain text of a syllable, and whether its word goes on."""
    match = re.fullmatch(r"((?:\\.|[^\\])*?)(-?)", syllable)
    text, hyphen = (match[1], match[2]) if match else (syllable, "")
    return re.sub(r"\\(.)", r"\1", text), bool(hyphen)


def words_text(syllables: Iterable[str]) -> str:
    """Value of the w: line that gives these syllables to the notes of a line; blanks at its end are left out."""
    items = [syllable.replace(" ", "~") or BLANK for syllable in syllables]
    while items and items[-1] == BLANK:
        items.pop()
    text = ""
    for item in items:
        goes_on = text.endswith("-") and not text.endswith("\\-") and text[-2:-1] not in ("", " ", "-")
        text += item if not text or (goes_on and item[0] not in "-_*") else " " + item
    return text or BLANK
