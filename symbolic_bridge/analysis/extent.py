"""Range and density: how far a melody reaches, and how many notes it packs into beats, bars and seconds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from symbolic_bridge.analysis.melody import Melody
from symbolic_bridge.kinds import kind_of


@dataclass(frozen=True)
class PitchRange:
    """Lowest, highest and median MIDI pitch; the median is weighted by how long the notes sound."""

    lowest: int
    highest: int
    median: int

    @property
    def semitones(self) -> int:
        """From the lowest note to the highest."""
        return self.highest - self.lowest


@dataclass(frozen=True)
class Density:
    """Notes a felt beat and a second, and how many notes begin in each bar; `seconds`: of the tune at its tempo."""

    notes_a_beat: float
    notes_a_second: float
    seconds: float
    by_bar: tuple[int, ...]


def find_range(melody: Melody) -> PitchRange:
    """The range of a melody."""
    order = np.argsort(melody.pitches, kind="stable")
    heard = np.cumsum(melody.durations[order])
    middle = int(np.searchsorted(heard, heard[-1] / 2))
    return PitchRange(
        int(melody.pitches.min()), int(melody.pitches.max()), int(melody.pitches[order][middle])
    )


def find_density(melody: Melody) -> Density:
    """The density of a melody at the tempo it names, else at its kind's customary one."""
    kind = kind_of(melody.tune)
    tempo = melody.tune.header.tempo_bpm
    beats = seconds = 0.0
    for bar, written in zip(melody.bars, melody.tune.bars, strict=True):
        tempo = written.tempo_bpm or tempo
        bar_beats = float(bar.duration / bar.meter.beat_duration)
        beats += bar_beats
        seconds += bar_beats * 60 / (tempo or kind.tempo_in(bar.meter))
    count = len(melody.notes)
    by_bar = np.bincount(melody.bar_of, minlength=len(melody.bars))
    return Density(count / beats, count / seconds, seconds, tuple(by_bar.tolist()))
