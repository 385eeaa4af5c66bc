"""Notes and bars of a tune that is still being read."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

from symbolic_bridge.tune import Bar, Key, Meter, Note, Pitch


@dataclass
class NoteDraft:
    """A note while marks behind it may still change it."""

    pitches: tuple[Pitch, ...]
    duration: Fraction
    line: int
    column: int
    graces: tuple[Pitch, ...] = ()
    decorations: tuple[str, ...] = ()
    chord_symbol: str = ""
    annotations: tuple[str, ...] = ()
    slur_starts: int = 0
    slur_ends: int = 0
    tie: bool = False
    lyrics: tuple[str, ...] = ()
    length_ratios: tuple[Fraction, ...] = ()
    grace_lengths: tuple[Fraction, ...] = ()
    marks: tuple[str, ...] = ()

    def freeze(self) -> Note:
        return Note(
            self.pitches, self.duration, self.tie, self.graces, self.decorations, self.chord_symbol,
            self.annotations, self.slur_starts, self.slur_ends, self.lyrics, self.length_ratios, self.grace_lengths,
            # In the order in which they are written.
            tuple(sorted(self.marks, key="{/".__eq__)),
        )  # fmt: skip


@dataclass
class BarDraft:
    """A bar while it is being filled."""

    notes: list[NoteDraft] = field(default_factory=list)
    start_repeat: bool = False
    end_repeat: bool = False
    endings: tuple[int, ...] = ()
    double_bar: bool = False
    meter: Meter | None = None
    key: Key | None = None
    tempo_bpm: float | None = None
    part: str = ""
    plays: int = 2
    overlays: list[list[NoteDraft]] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    clef: str = ""
    bar_line: str = ""
    # Meter in force, for the check of the bar's length; None when the bar has none.
    full: Fraction | None = None

    def freeze(self) -> Bar:
        return Bar(
            tuple(note.freeze() for note in self.notes), self.start_repeat, self.end_repeat, self.endings,
            self.double_bar, self.meter, self.key, self.tempo_bpm, self.part, self.plays,
            tuple(tuple(note.freeze() for note in overlay) for overlay in self.overlays if overlay),
            tuple(self.lines), self.clef, self.bar_line,
        )  # fmt: skip

    @property
    def duration(self) -> Fraction:
        return sum((note.duration for note in self.notes), Fraction(0))

    @property
    def ends_section(self) -> bool:
        return self.end_repeat or self.double_bar
