"""Accidentals in force inside a bar: the one rule that reader and writer must share."""

from __future__ import annotations

from symbolic_bridge.tune import LETTER_SEMITONES, LETTERS, SHARP_ORDER, Key, Pitch


class BarAccidentals:
    """What an unmarked letter means at this place: tie, then accidentals of this bar, then the key.

    An accidental lasts to the end of its bar for its letter in all octaves. A note tied over a bar line
    keeps its accidental there, but only that note does.

    Args:
        key: the key whose signature is in force.
        reach: where an accidental holds: "pitch" in all octaves (the standard's default), "octave" in its own,
            "not" at its own note only.
    """

    def __init__(self, key: Key, reach: str = "pitch") -> None:
        self.reach = reach
        self._signature = key.signature
        self._bar: dict[tuple[str, int], int] = {}
        self._tied: dict[tuple[str, int], int] = {}
        # The last alteration written for a letter in any octave.
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
        natural = self._signature.get(letter, 0)
        if place in self._tied:
            return self._tied[place]
        if self.reach == "pitch":
            return self._letters.get(letter, natural)
        return self._bar.get(place, natural) if self.reach == "octave" else natural

    def write(self, letter: str, octave: int, alter: int) -> None:
        """Take note of a written accidental."""
        self._bar[letter, octave] = alter
        self._letters[letter] = alter

    def needs_mark(self, pitch: Pitch) -> bool:
        """Whether a writer has to write the accidental so that readers of either habit agree.

        The standard lets an accidental hold in all octaves, many musicians in its own only.
        """
        place = (pitch.letter, pitch.octave)
        if place in self._tied:
            return self._tied[place] != pitch.alter
        natural = self._signature.get(pitch.letter, 0)
        return (
            self._letters.get(pitch.letter, natural) != pitch.alter
            or self._bar.get(place, natural) != pitch.alter
            or (self.reach == "not" and natural != pitch.alter)
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
