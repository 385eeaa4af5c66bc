"""The performance: every sounded note in seconds, and the musical grid it was played on."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SoundedNote:
    """One sounded note; times in seconds from the start of the sound, velocity 1 ... 127."""

    onset: float
    offset: float
    midi_pitch: int
    velocity: int


@dataclass(frozen=True)
class Part:
    """The notes of one player in order of onset. `name` is "lead" or "accompaniment"."""

    name: str
    instrument: str
    notes: tuple[SoundedNote, ...]


@dataclass(frozen=True)
class ChordSpan:
    """A harmony in force: `root` pitch class 0 ... 11, `quality` "major", "minor", "dominant" or "diminished"."""

    onset: float
    offset: float
    root: int
    quality: str


@dataclass(frozen=True)
class BarSpan:
    """A played bar: `beats` felt beats, `section` 0 for A, 1 for B ... (which tune part it belongs to)."""

    onset: float
    offset: float
    beats: int
    section: int


@dataclass(frozen=True)
class Performance:
    """Parts (the lead first), bars and chords of one rendition; `duration` includes the last note's ring."""

    parts: tuple[Part, ...]
    bars: tuple[BarSpan, ...]
    chords: tuple[ChordSpan, ...]
    tempo_bpm: float
    kind: str
    duration: float
    warnings: tuple[str, ...] = ()
