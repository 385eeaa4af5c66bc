"""Harmony: chord symbols read, and chords inferred where a tune has none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

from symbolic_bridge.timing import PlayedBar
from symbolic_bridge.tune import Tune


@dataclass(frozen=True)
class ScoreChord:
    """A chord in force from `start` to `end` (whole notes from the tune's start); `bass` is a pitch class."""

    start: Fraction
    end: Fraction
    root: int
    quality: str
    bass: int


def harmonise(tune: Tune, bars: Sequence[PlayedBar]) -> tuple[ScoreChord, ...]:
    """One chord a bar: the tonic triad or whichever of the key's triads holds most of the bar."""
    chords = []
    for bar, notes in zip(bars, tune.bars, strict=True):
        weights = [Fraction(0)] * 12
        for note in notes.notes:
            for pitch in note.pitches:
                weights[pitch.midi % 12] += note.duration
        tonic = bar.key.tonic_pitch_class
        minor = bar.key.mode in ("minor", "dorian", "phrygian")
        triads = (
            ((0, "minor"), (10, "major"), (5, "minor"), (3, "major"))
            if minor
            else ((0, "major"), (7, "major"), (5, "major"), (9, "minor"))
        )

        def fit(triad: tuple[int, str], tonic: int = tonic, weights: list[Fraction] = weights) -> Fraction:
            root, third = (tonic + triad[0]) % 12, 4 if triad[1] == "major" else 3
            return weights[root] + weights[(root + third) % 12] + weights[(root + 7) % 12]

        step, quality = max(triads, key=fit)
        root = (tonic + step) % 12
        chords.append(ScoreChord(bar.start, bar.end, root, quality, root))
    return tuple(chords)
