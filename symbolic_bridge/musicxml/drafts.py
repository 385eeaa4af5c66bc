"""Notes and bars of a score that is still being read, and what is said about what a tune cannot hold."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from fractions import Fraction

from symbolic_bridge.tune import Bar, Key, Meter, Note, Pitch


@dataclass
class NoteDraft:
    """A note while marks behind it may still change it; `start` is its place in the measure in whole notes."""

    start: Fraction
    duration: Fraction
    pitches: list[Pitch] = field(default_factory=list)
    tie: bool = False
    graces: tuple[Pitch, ...] = ()
    decorations: list[str] = field(default_factory=list)
    chord_symbol: str = ""
    annotations: list[str] = field(default_factory=list)
    slur_starts: int = 0
    slur_ends: int = 0
    lyrics: list[str] = field(default_factory=list)
    is_hidden: bool = False
    # Whether the note before it is a part of the same written length.
    goes_on: bool = False

    def freeze(self) -> Note:
        """The note as a tune has it."""
        return Note(
            tuple(self.pitches), self.duration, self.tie, self.graces, tuple(self.decorations), self.chord_symbol,
            tuple(self.annotations), self.slur_starts, self.slur_ends, tuple(self.lyrics),
            marks=("x",) if self.is_hidden and not self.pitches else (),
        )  # fmt: skip


@dataclass
class BarDraft:
    """A bar while it is being filled."""

    notes: list[NoteDraft] = field(default_factory=list)
    start_repeat: bool = False
    end_repeat: bool = False
    endings: tuple[int, ...] = ()
    ending_stops: bool = False
    double_bar: bool = False
    meter: Meter | None = None
    key: Key | None = None
    tempo_bpm: float | None = None
    part: str = ""
    plays: int = 2

    def freeze(self) -> Bar:
        """The bar as a tune has it."""
        notes: list[NoteDraft] = []
        for note in self.notes:
            if note.goes_on and notes:
                notes[-1].duration += note.duration
                notes[-1].tie = note.tie
                notes[-1].slur_ends += note.slur_ends
            else:
                notes.append(note)
        return Bar(
            tuple(note.freeze() for note in notes), self.start_repeat, self.end_repeat, self.endings,
            self.double_bar, self.meter, self.key, self.tempo_bpm, self.part, self.plays,
        )  # fmt: skip


class Remarks:
    """What a reading mended or left out: the first place of each kind, and how often."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._places: dict[str, int] = {}

    def add(self, text: str, line: int) -> None:
        """Note something at a line of the file."""
        self._counts[text] += 1
        self._places.setdefault(text, line)

    def lines(self) -> tuple[str, ...]:
        """One line a kind."""
        return tuple(
            f"line {self._places[text]}: {text}" + (f" ({count} times)" if count > 1 else "")
            for text, count in self._counts.items()
        )
