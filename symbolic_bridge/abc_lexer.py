"""Marks of ABC music code: one regular expression, tokens with columns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

# Lengths in whole notes that a note or rest can have: up to LONGEST, in parts of at most 1 / FINEST and halves of these
# down to 1 / _SHORTEST. What is outside is a slip of the finger or an attack; sums of lengths stay small numbers.
LONGEST, FINEST, _SHORTEST = 512, 1024, 2**26
_LENGTH = r"\d+/+\d*|/+\d*|\d+|"
_TOKEN = re.compile(
    r"(?P<space>[\s`*$]+)"
    r"|(?P<string>\"[^\"]*\"?)"
    # Bounded, or a line of "[K:[K:" would take for ever.
    r"|(?P<field>\[[A-Za-z]:[^\]|]{0,300}\])"
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
_ONE = Fraction(1)


class Token(NamedTuple):
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
        ValueError: the length is 0, divides by 0 or has more than 32 characters.
    """
    if not text:
        return _ONE
    if len(text) <= 32:
        above, slashes, below = re.fullmatch(r"(\d*)(/*)(\d*)", text).groups()  # type: ignore[union-attr]
        # "a//" halves twice; "a//3" is not in the standard and is read as a/3.
        over, under = int(above or 1), int(below) if below else 2 ** len(slashes)
        if over and under:
            return Fraction(over, under)
    raise ValueError(f"length {text[:32]!r} is not above 0 and of at most 32 characters")


def is_length(duration: Fraction) -> bool:
    """Whether a note can last so long, in whole notes."""
    parts = duration.denominator
    if parts > FINEST and (parts > _SHORTEST or odd_part(parts) > FINEST):
        return False
    return 0 < duration <= LONGEST


def odd_part(number: int) -> int:
    """The number without its factors of two."""
    return number // (number & -number)
