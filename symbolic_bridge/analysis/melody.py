"""The line that every analysis reads: the top notes of a tune as played, on its grid of bars.

Positions and durations are whole notes from the start of the unfolded tune. Graces and decorations take no part.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from symbolic_bridge.timing import PlayedBar, lay_out
from symbolic_bridge.tune import Tune
from symbolic_bridge.unfold import TimedNote, timed_notes

FEWEST_NOTES = 2
# Bar by bar comparisons take memory that grows with the square of this.
MOST_BARS = 1024
# Positions are sums of exact fractions; as floats they differ by far less.
TOLERANCE = 1e-7


@dataclass(frozen=True)
class Melody:
    """An unfolded tune, its bars on the grid, and its notes in order; L notes, all arrays are read only by custom."""

    tune: Tune
    bars: tuple[PlayedBar, ...]
    notes: tuple[TimedNote, ...]

    @cached_property
    def pitches(self) -> np.ndarray:
        """MIDI number of the highest pitch of each note, int [L]."""
        return np.array([max(note.pitches) for note in self.notes])

    @cached_property
    def starts(self) -> np.ndarray:
        """Where each note starts, in whole notes, float [L]."""
        return np.array([float(note.start) for note in self.notes])

    @cached_property
    def durations(self) -> np.ndarray:
        """How long each note sounds, in whole notes, float [L]."""
        return np.array([float(note.duration) for note in self.notes])

    @cached_property
    def bar_starts(self) -> np.ndarray:
        """Where each bar starts, in whole notes, float [bars]."""
        return np.array([float(bar.start) for bar in self.bars])

    @cached_property
    def bar_of(self) -> np.ndarray:
        """Index of the bar in which each note starts, int [L]."""
        return np.array([note.bar for note in self.notes])

    def sounding(self, positions: np.ndarray) -> np.ndarray:
        """MIDI pitch heard at each position (whole notes), int; -1 in rests."""
        index = np.searchsorted(self.starts, positions + TOLERANCE, side="right") - 1
        inside = (index >= 0) & (positions < (self.starts + self.durations)[index] - TOLERANCE)
        return np.where(inside, self.pitches[index], -1)

    def full_bars(self) -> tuple[int, ...]:
        """Indices of the bars that are no pickups; of all where there are no others."""
        full = tuple(index for index, bar in enumerate(self.bars) if not bar.is_pickup)
        return full or tuple(range(len(self.bars)))


def melody_of(tune: Tune) -> Melody:
    """The melody of a tune with its repeats played.

    Raises:
        ValueError: it has fewer than two notes or more than 1,024 bars as played.
    """
    played, bars = lay_out(tune)
    notes = tuple(timed_notes(played))
    if len(notes) < FEWEST_NOTES:
        raise ValueError(f"tune {tune.header.title!r} has {len(notes)} notes; {FEWEST_NOTES} are needed")
    if len(bars) > MOST_BARS:
        raise ValueError(
            f"tune {tune.header.title!r} has {len(bars)} bars as played; {MOST_BARS} are allowed"
        )
    return Melody(played, bars, notes)
