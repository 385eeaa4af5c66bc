"""Marks of ABC music code: one regular expression, tokens with columns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

_LENGTH = r"\d+/+\d*|/+\d*|\d+|"
_TOKEN = re.compile(
    r"(?P<space>[\s`*$]+)"
    r"|(?P<string>\"[^\"]*\"?)"
    r"|(?P<field>\[[A-Za-z]:[^\]|]*\])"
    r"|(?P<ending>\[\s*(?:\d[\d,.-]*|\"\s*\d[^\"]*\"))"
    r"|(?P<bar>\.?(?:\[\||\|\s+:(?![|:])|\||:(?=[|:\]])|:\s+\|)(?:[|:]|\](?!\d)|\[(?=\|))*)"
    r"|(?P<note>(?:(?P<accidental>\^\^?|__?|=) ?)?(?P<letter>[A-Ga-g])(?P<octave>[,']*)(?P<length>"
    + _LENGTH
    + r"))"
    r"|(?P<rest>[zx](?P<rest_length>" + _LENGTH + r"))"
    r"|(?P<long_rest>[ZX](?P<bars>\d*))"
    r"|(?P<spacer>y[\d/]*)"
    r"|(?P<tuplet>\(\d(?::\d*){0,2})"
    r"|(?P<grace_open>\{/?)"
    r"|(?P<grace_close>\})"
    r"|(?P<broken><+|>+)"
    r"|(?P<overlay>\(?&+\)?)"
    r"|(?P<tie>\.?-)"
    r"|(?P<slur_open>\.?\()"
    r"|(?P<slur_close>\))"
    r"|(?P<chord_open>\[)"
    r"|(?P<chord_close>\](?P<chord_length>" + _LENGTH + r"))"
    r"|(?P<decoration>!(?P<bang>[^\s!|:\"]+)!|\+(?P<plus>[^\s+|:\"]+)\+)"
    r"|(?P<line_break>!)"
    r"|(?P<short>[.~H-Wh-w])"
    r"|(?P<number>\d[\d,.-]*)"
    r"|(?P<continuation>\\)"
    r"|(?P<unknown>.)"
)


@dataclass(frozen=True)
class Token:
    """A mark: its kind (a group of the expression above), its text, its column from 1, and the match."""

    kind: str
    text: str
    column: int
    match: re.Match[str]


def tokens(line: str) -> Iterator[Token]:
    """The marks of a line of music code, spaces left out."""
    for match in _TOKEN.finditer(line):
        kind = match.lastgroup or "unknown"
        # lastgroup names the last *closed outer* group, so inner groups never show here.
        if kind != "space":
            yield Token(kind, match[0], match.start() + 1, match)


def without_comment(line: str) -> str:
    """The line up to a % that no backslash escapes and that stands in no quoted text."""
    if "%" not in line:
        return line
    quoted = False
    for place, char in enumerate(line):
        if char == '"':
            quoted = not quoted
        elif char == "%" and not quoted and (place == 0 or line[place - 1] != "\\"):
            return line[:place]
    if quoted:
        place = line.index("%")
        return line[:place] if '"' not in line[place:] else line
    return line


def length_factor(text: str) -> Fraction:
    """Multiplier written after a note: "3", "/", "//", "3/2", "/4"; 1 when nothing stands there.

    Raises:
        ZeroDivisionError: the denominator is 0.
    """
    if not text:
        return Fraction(1)
    above, slashes, below = re.fullmatch(r"(\d*)(/*)(\d*)", text).groups()  # type: ignore[union-attr]
    number = Fraction(int(above or 1))
    if not slashes:
        return number
    # "a//" halves twice; "a//3" is not in the standard and is read as a/3.
    return number / int(below) if below else number / 2 ** len(slashes)
