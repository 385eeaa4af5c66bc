"""Macros (m:): short signs that stand for longer music code, with or without a note to be moved to.

The standard's limits hold: a target of at most 31 characters, a replacement of at most 200.
"""

from __future__ import annotations

import re

from symbolic_bridge.abc_fields import FieldError

LONGEST_TARGET, LONGEST_REPLACEMENT = 31, 200
# A line may grow by macros to this many times its length and this many characters more.
MOST_GROWTH, ROOM = 10, 10_000
_LETTERS = "CDEFGABcdefgab"
_NOTE = r"([A-Ga-g][,']*)"
# Words and inline fields are no music code.
_LEFT_ALONE = r"\"[^\"]*\"?|\[[A-Za-z]:[^\]|]{0,300}\]"


class Macros:
    """The macros of a tune, in the order of their definition."""

    def __init__(self) -> None:
        self._replacements: list[tuple[str, str]] = []
        self._pattern: re.Pattern[str] | None = None

    def define(self, text: str) -> None:
        """Add the macro of an m: field, such as "~g3 = g{a}g{f}g" or, for any note, "~n3 = n{o}n{m}n".

        Raises:
            FieldError: the text defines no macro.
        """
        target, equals, replacement = (part.strip() for part in text.partition("="))
        fits = 1 <= len(target) <= LONGEST_TARGET and 1 <= len(replacement) <= LONGEST_REPLACEMENT
        if not equals or not fits or target.count("n") > 1:
            raise FieldError(text, "a macro such as m: ~g2 = {a}g{f}g (31 characters for at most 200)")
        self._replacements.append((target, replacement))
        patterns = [f"({re.escape(old).replace('n', _NOTE)})" for old, _ in self._replacements]
        self._pattern = re.compile("|".join([_LEFT_ALONE, *patterns]))

    def expand(self, line: str) -> str:
        """The line of music code with its macros written out, once each.

        Raises:
            FieldError: the line would grow beyond all bounds.
        """
        if self._pattern is None:
            return line
        size = len(line)
        limit = MOST_GROWTH * len(line) + ROOM

        def written_out(match: re.Match[str]) -> str:
            nonlocal size
            group = match.lastindex
            if group is None:
                return match[0]
            position = 1
            for target, replacement in self._replacements:
                moving = "n" in target
                if match[position] is not None:
                    text = _moved(replacement, match[position + 1]) if moving else replacement
                    size += len(text) - len(match[0])
                    if size > limit:
                        raise FieldError(target, "macros that do not make a line ten times as long")
                    return text
                position += 1 + moving
            return match[0]

        return self._pattern.sub(written_out, line)


def _moved(replacement: str, note: str) -> str:
    """The replacement with h ... z standing for the notes six steps below `note` ("n") to twelve above."""

    def moved(match: re.Match[str]) -> str:
        index = _LETTERS.index(note[0]) + 7 * (note.count("'") - note.count(",")) + ord(match[0]) - ord("n")
        octave, step = divmod(index, 7)
        if octave >= 1:
            return _LETTERS[7 + step] + "'" * (octave - 1)
        return _LETTERS[step] + "," * -octave

    return re.sub(r"\"[^\"]*\"|![^!]*!|[h-z]", lambda m: m[0] if len(m[0]) > 1 else moved(m), replacement)
