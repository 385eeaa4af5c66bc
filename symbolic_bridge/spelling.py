"""Accidentals in force inside a bar: the one rule that reader and writer must share."""

from __future__ import annotations

from symbolic_bridge.tune import Key, Pitch


class BarAccidentals:
    """What an unmarked letter means at this place: tie, then accidentals of this bar, then the key.

    An accidental lasts to the end of its bar for its letter in its octave. A note tied over a bar line
    keeps its accidental there, but only that note does.
    """

    def __init__(self, key: Key) -> None:
        self._signature = key.signature
        self._bar: dict[tuple[str, int], int] = {}
        self._tied: dict[tuple[str, int], int] = {}

    def set_key(self, key: Key) -> None:
        """Put another signature in force; accidentals of the bar are forgotten."""
        self._signature = key.signature
        self._bar.clear()

    def next_bar(self) -> None:
        """Cross a bar line."""
        self._bar.clear()

    def tie(self, pitches: tuple[Pitch, ...]) -> None:
        """Say which pitches are tied into the next note (none clears)."""
        self._tied = {(pitch.letter, pitch.octave): pitch.alter for pitch in pitches}

    def implied(self, letter: str, octave: int) -> int:
        """Alteration of the letter when no accidental is written."""
        place = (letter, octave)
        for table in (self._tied, self._bar):
            if place in table:
                return table[place]
        return self._signature.get(letter, 0)

    def write(self, letter: str, octave: int, alter: int) -> None:
        """Take note of a written accidental."""
        self._bar[letter, octave] = alter
