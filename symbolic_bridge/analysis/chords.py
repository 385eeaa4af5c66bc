"""Implied chords bar by bar: those of `symbolic_bridge.harmony`, which performances and accompaniments use too."""

from __future__ import annotations

from dataclasses import dataclass

from symbolic_bridge.analysis.melody import Melody
from symbolic_bridge.harmony import ScoreChord, harmonise
from symbolic_bridge.spelling import spell
from symbolic_bridge.tune import Key

_SUFFIXES = {"major": "", "minor": "m", "dominant": "7", "diminished": "dim"}
_SIGNS = {-1: "b", 0: "", 1: "#"}


@dataclass(frozen=True)
class BarChords:
    """The names of the chords in force in one bar, in order ("G", "D7", "Em"); none in an opening pickup."""

    bar: int
    names: tuple[str, ...]


def implied_chords(melody: Melody) -> tuple[ScoreChord, ...]:
    """The chords of a melody: its symbols, and inferred ones where it has none for long."""
    return harmonise(melody.tune, melody.bars)


def chords_by_bar(melody: Melody, chords: tuple[ScoreChord, ...]) -> tuple[BarChords, ...]:
    """The chords' names for every bar of the unfolded tune."""
    found = []
    for index, bar in enumerate(melody.bars):
        names = [
            chord_name(chord, bar.key) for chord in chords if chord.start < bar.end and chord.end > bar.start
        ]
        found.append(BarChords(index, tuple(dict.fromkeys(names)) if len(set(names)) == 1 else tuple(names)))
    return tuple(found)


def chord_name(chord: ScoreChord, key: Key) -> str:
    """A chord's name with its root spelled for a key: "F#m", "D/F#"."""
    name = note_name(chord.root, key) + _SUFFIXES[chord.quality]
    return name if chord.bass == chord.root else f"{name}/{note_name(chord.bass, key)}"


def note_name(pitch: int, key: Key) -> str:
    """A pitch class or MIDI pitch as a key spells it, without its octave: "F#"."""
    spelled = spell(pitch, key)
    return spelled.letter + _SIGNS[spelled.alter]
