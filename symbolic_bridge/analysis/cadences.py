"""Cadences: how phrases close, by the scale degree of their last note and the chord under it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from symbolic_bridge.analysis.melody import Melody
from symbolic_bridge.analysis.phrases import Phrase
from symbolic_bridge.harmony import ScoreChord
from symbolic_bridge.normal_form import WHITE_TONICS
from symbolic_bridge.tune import LETTER_SEMITONES, LETTERS

# What a phrase does that ends on a degree of the scale; degrees outside it leave the phrase open.
KIND_OF_DEGREE = {
    1: "authentic", 2: "half", 3: "imperfect", 4: "open", 5: "half", 6: "open", 7: "half", None: "open",
}  # fmt: skip


@dataclass(frozen=True)
class Cadence:
    """How one phrase closes.

    `note`: index of its last note; `degree`: 1 ... 7, None outside the scale; `chord_degree`: semitones of the chord's
    root above the tonic, None without a chord. `kind`: "authentic" (on 1), "final" (on 1 at the tune's end), "half"
    (on 2, 5 or 7), "imperfect" (on 3), "open" (elsewhere). `closes_section`: the section ends with it.
    """

    phrase: int
    note: int
    degree: int | None
    chord_degree: int | None
    kind: str
    closes_section: bool


def scale_of(mode: str) -> tuple[int, ...]:
    """Semitones of a mode's seven degrees above its tonic: those of the white notes from its white tonic on."""
    first = LETTERS.index(WHITE_TONICS[mode])
    return tuple((LETTER_SEMITONES[(first + step) % 7] - LETTER_SEMITONES[first]) % 12 for step in range(7))


def degree_of(pitch: int, tonic: int, mode: str) -> int | None:
    """Degree 1 ... 7 of a MIDI pitch above a tonic's pitch class; None for a note outside the mode's scale."""
    scale = scale_of(mode)
    above = (pitch - tonic) % 12
    return scale.index(above) + 1 if above in scale else None


def find_cadences(
    melody: Melody, phrases: Sequence[Phrase], tonic: int, mode: str, chords: Sequence[ScoreChord] = ()
) -> tuple[Cadence, ...]:
    """One cadence for each phrase.

    Args:
        melody: what `melody_of` gives.
        phrases: of this melody, in order.
        tonic: pitch class.
        mode: one of `symbolic_bridge.tune.MODES`.
        chords: in force on the melody's time line; none leaves `chord_degree` None.
    """
    found = []
    for place, phrase in enumerate(phrases):
        note = phrase.stop - 1
        start = melody.notes[note].start
        degree = degree_of(int(melody.pitches[note]), tonic, mode)
        chord = next((chord for chord in chords if chord.start <= start < chord.end), None)
        is_last = place + 1 == len(phrases)
        kind = "final" if is_last and degree == 1 else KIND_OF_DEGREE[degree]
        found.append(
            Cadence(
                phrase=place,
                note=note,
                degree=degree,
                chord_degree=None if chord is None else (chord.root - tonic) % 12,
                kind=kind,
                closes_section=is_last or phrases[place + 1].opens_section,
            )
        )
    return tuple(found)
