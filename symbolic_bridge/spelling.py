"""Accidentals in force inside a bar: the one rule that reader and writer must share."""

from __future__ import annotations

from symbolic_bridge.tune import LETTER_SEMITONES, LETTERS, SHARP_ORDER, Key, Pitch


class BarAccidentals:
    """What an unmarked letter means at this place: tie, then accidentals of this bar, then the key.

    An accidental lasts to the end of its bar for its letter in its octave. A note tied over a bar line
    keeps its accidental there, but only that note does.
    """

    def __init__(self, key: Key) -> None:
        self._signature = key.signature
        self._bar: dict[tuple[str, int], int] = {}
        self._tied: dict[tuple[str, int], int] = {}
        # The last alteration written for a letter in any octave: other readers let it hold in all of them.
        self._letters: dict[str, int] = {}

    def set_key(self, key: Key) -> None:
        """Put another signature in force; accidentals of the bar are forgotten."""
        self._signature = key.signature
        self.next_bar()

    def next_bar(self) -> None:
        """Cross a bar line."""
        self._bar.clear()
        self._letters.clear()

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
        self._letters[letter] = alter

    def needs_mark(self, pitch: Pitch) -> bool:
        """Whether a writer has to write the accidental so that readers of either habit agree.

        The standard lets an accidental hold in all octaves, musicians and this reader in its own only.
        """
        everywhere = self._letters.get(pitch.letter, self._signature.get(pitch.letter, 0))
        tied = (pitch.letter, pitch.octave) in self._tied
        return self.implied(pitch.letter, pitch.octave) != pitch.alter or (
            not tied and everywhere != pitch.alter
        )


def fifths(letter: str, alter: int) -> int:
    """Place of a spelled pitch on the line of fifths: F -1, C 0, G 1 ... Bb -2, F# 6."""
    return SHARP_ORDER.index(letter) - 1 + 7 * alter


def spell(midi: int, key: Key) -> Pitch:
    """The pitch of a MIDI number as it is best written in a key: near the key on the line of fifths."""
    signature = key.signature
    # The middle of a signature's seven letters (C major: D), moved a little to the sharp side, since raised
    # degrees are the commoner ones in these tunes.
    centre = key.sharps + 2.5
    best: tuple[tuple[bool, float], Pitch] | None = None
    for letter, natural in zip(LETTERS, LETTER_SEMITONES, strict=True):
        for alter in (-1, 0, 1):
            if (natural + alter - midi) % 12:
                continue
            pitch = Pitch(letter, alter, (midi - alter - natural) // 12 - 1)
            outside = signature.get(letter, 0) != alter
            rank = (outside, abs(fifths(letter, alter) - centre))
            if best is None or rank < best[0]:
                best = (rank, pitch)
    assert best is not None
    return best[1]
