"""Exact lengths to written note values and back: types, dots and tuplets."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

# Names of note values, longest first, with their lengths in whole notes.
TYPES = {
    "maxima": Fraction(8), "long": Fraction(4), "breve": Fraction(2), "whole": Fraction(1), "half": Fraction(1, 2),
    "quarter": Fraction(1, 4), "eighth": Fraction(1, 8), "16th": Fraction(1, 16), "32nd": Fraction(1, 32),
    "64th": Fraction(1, 64), "128th": Fraction(1, 128), "256th": Fraction(1, 256), "512th": Fraction(1, 512),
    "1024th": Fraction(1, 1024),
}  # fmt: skip
MOST_DOTS = 3
# A length that would take more tied notes than this is left without a written form.
MOST_PIECES = 4
_NAMES = {length: name for name, length in TYPES.items()}


@dataclass(frozen=True)
class NoteValue:
    """A written note: its type and dots, and how many of it (`actual`) take the time of how many (`normal`)."""

    type: str
    dots: int = 0
    actual: int = 1
    normal: int = 1

    @property
    def duration(self) -> Fraction:
        """Sounding length in whole notes."""
        dotted = TYPES[self.type] * (2 - Fraction(1, 2**self.dots))
        return dotted * self.normal / self.actual

    @property
    def flags(self) -> int:
        """Flags of the note, which are its beams in a group: 1 for an eighth."""
        return max(0, (Fraction(1, 4) / TYPES[self.type]).numerator.bit_length() - 1)


def note_values(duration: Fraction) -> tuple[NoteValue, ...]:
    """The written notes, to be tied, whose lengths add up to a length; none where it has no sensible written form."""
    denominator = duration.denominator
    actual = denominator // (denominator & -denominator)
    # A tuplet of n notes takes the time of the largest power of two below n: 3 of 2, 5 and 7 of 4, 9 of 8.
    normal = 1 << (actual.bit_length() - 1)
    rest = duration * actual / normal
    values: list[NoteValue] = []
    while rest:
        value = _longest(rest)
        if value is None or len(values) == MOST_PIECES:
            return ()
        values.append(NoteValue(value.type, value.dots, actual, normal))
        rest -= value.duration
    return tuple(values)


def _longest(length: Fraction) -> NoteValue | None:
    """The longest single note value that leaves nothing, or else the longest plain one below a length."""
    plain = Fraction(1 << (length.numerator // length.denominator).bit_length() >> 1) if length >= 1 else None
    if plain is None:
        below = -(-length.denominator // length.numerator)
        plain = Fraction(1, 1 << (below - 1).bit_length())
    name = _NAMES.get(plain)
    if name is None:
        return None
    for dots in range(MOST_DOTS + 1):
        value = NoteValue(name, dots)
        if value.duration == length:
            return value
    return NoteValue(name)
