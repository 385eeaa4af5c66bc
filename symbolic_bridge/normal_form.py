"""The normal form of a tune, in which the composer thinks: parts of whole bars on white notes.

A tune is brought to the signature without sharps or flats (major to C, dorian to D, phrygian to E, lydian to F,
mixolydian to G, minor to A, locrian to B). Durations are whole numbers of ticks, 96 to the whole note, which
holds thirty-seconds and triplets of sixteenths exactly. `normalise` brings tunes here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from symbolic_bridge.tune import LETTER_SEMITONES, LETTERS, Bar, Header, Key, Meter, Note, Pitch, Tune

TICKS_PER_WHOLE = 96
DURATIONS = (3, 4, 6, 8, 9, 12, 16, 18, 24, 30, 32, 36, 42, 48, 54, 60, 72, 84, 96, 108, 144)
LOWEST_PITCH, HIGHEST_PITCH = 48, 88
MAX_PART_BARS, MAX_PARTS = 32, 8
WHITE_TONICS = {
    "major": "C", "dorian": "D", "phrygian": "E", "lydian": "F", "mixolydian": "G", "minor": "A", "locrian": "B",
}  # fmt: skip
_FIFTHS = "FCGDAEB"
# Usual spellings on a white-note signature: raised first, fourth and fifth; lowered third and seventh.
_SPELLINGS = (("C", 0), ("C", 1), ("D", 0), ("E", -1), ("E", 0), ("F", 0), ("F", 1), ("G", 0), ("G", 1), ("A", 0),
              ("B", -1), ("B", 0))  # fmt: skip


@dataclass(frozen=True)
class NormalNote:
    """One note (or rest, `midi` None) of `ticks` ticks; `tie` to the next note, `roll` the ornament (~)."""

    midi: int | None
    ticks: int
    tie: bool = False
    roll: bool = False

    def __post_init__(self) -> None:
        if self.ticks not in DURATIONS:
            raise ValueError(f"a note of {self.ticks} ticks is not one of {DURATIONS}")
        if self.midi is None and (self.tie or self.roll):
            raise ValueError("a rest has no tie and no roll")


NormalBar = tuple[NormalNote, ...]


def bar_ticks(bar: Iterable[NormalNote]) -> int:
    """Ticks that the notes last together."""
    return sum(note.ticks for note in bar)


@dataclass(frozen=True)
class Part:
    """One part: a pickup (empty for none), bars common to all passes, and first and second endings or none.

    `endings` is () or (first, second), each at least one bar; only a repeated part has endings.
    """

    pickup: NormalBar
    bars: tuple[NormalBar, ...]
    repeated: bool
    endings: tuple[tuple[NormalBar, ...], ...] = ()

    def __post_init__(self) -> None:
        if len(self.endings) not in (0, 2) or (self.endings and not self.repeated):
            raise ValueError("a part has no endings, or, when repeated, a first and a second")
        if not 1 <= self.bar_count <= MAX_PART_BARS or not all(self.endings):
            raise ValueError(f"a part has {self.bar_count} bars; 1 ... {MAX_PART_BARS} are allowed")
        if not all(bar for section in (self.bars, *self.endings) for bar in section):
            raise ValueError("a bar has no notes")

    @property
    def bar_count(self) -> int:
        """Bars of the first pass, pickup not counted."""
        return len(self.bars) + (len(self.endings[0]) if self.endings else 0)

    def all_bars(self) -> Iterator[NormalBar]:
        """Every written bar, pickup first."""
        if self.pickup:
            yield self.pickup
        yield from self.bars
        for ending in self.endings:
            yield from ending


@dataclass(frozen=True)
class NormalTune:
    """A tune in normal form; `mode` decides its tonic (`WHITE_TONICS`)."""

    kind: str
    meter: Meter
    mode: str
    parts: tuple[Part, ...]

    def __post_init__(self) -> None:
        if self.mode not in WHITE_TONICS:
            raise ValueError(f"mode {self.mode!r} is not one of {', '.join(WHITE_TONICS)}")
        if not 1 <= len(self.parts) <= MAX_PARTS:
            raise ValueError(f"a tune has {len(self.parts)} parts; 1 ... {MAX_PARTS} are allowed")
        for note in self.notes():
            if note.midi is not None and not LOWEST_PITCH <= note.midi <= HIGHEST_PITCH:
                raise ValueError(f"pitch {note.midi} is outside {LOWEST_PITCH} ... {HIGHEST_PITCH}")

    def notes(self) -> Iterator[NormalNote]:
        """Every written note and rest."""
        for part in self.parts:
            for bar in part.all_bars():
                yield from bar

    def to_tune(self, header: Header | None = None, semitones: int = 0) -> Tune:
        """The tune as written music.

        Args:
            header: its key must be of this mode and its meter this meter; None for a plain header on white notes.
            semitones: from the normal form to the header's key; must agree with its tonic.
        """
        if header is None:
            header = Header(rhythm=self.kind, meter=self.meter, key=Key(WHITE_TONICS[self.mode], self.mode))
        if header.key.mode != self.mode or header.meter != self.meter:
            raise ValueError(
                f"a header in {header.key} {header.meter} does not fit a {self.mode} {self.meter} tune"
            )
        white = Key(WHITE_TONICS[self.mode], self.mode)
        if (header.key.tonic_pitch_class - white.tonic_pitch_class - semitones) % 12:
            raise ValueError(f"{semitones} semitones do not lead from {white.tonic} to {header.key.tonic}")
        turn = tonic_fifths(header.key.tonic) - tonic_fifths(white.tonic)
        bars: list[Bar] = []
        for part in self.parts:
            bars += _written_part(part, turn, semitones)
        return Tune(header=header, bars=tuple(bars))


def _written_part(part: Part, turn: int, semitones: int) -> list[Bar]:
    def written(bar: NormalBar) -> Bar:
        return Bar(notes=tuple(_written_note(note, turn, semitones) for note in bar))

    bars = [written(bar) for bar in ((part.pickup,) if part.pickup else ()) + part.bars]
    if not part.endings:
        bars[0] = replace(bars[0], start_repeat=part.repeated)
        double = not part.repeated
        bars[-1] = replace(bars[-1], end_repeat=part.repeated, double_bar=double)
        return bars
    first, second = ([written(bar) for bar in ending] for ending in part.endings)
    first[0], second[0] = replace(first[0], endings=(1,)), replace(second[0], endings=(2,))
    first[-1], second[-1] = replace(first[-1], end_repeat=True), replace(second[-1], double_bar=True)
    bars += [*first, *second]
    bars[0] = replace(bars[0], start_repeat=True)
    return bars


def _written_note(note: NormalNote, turn: int, semitones: int) -> Note:
    pitches = () if note.midi is None else (spell(note.midi, turn, semitones),)
    return Note(
        pitches=pitches,
        duration=Fraction(note.ticks, TICKS_PER_WHOLE),
        tie=note.tie,
        decorations=("roll",) if note.roll else (),
    )


def tonic_fifths(tonic: str) -> int:
    """Place of a tonic on the line of fifths; C is 0, sharps are above."""
    return _FIFTHS.index(tonic[0]) - 1 + {"": 0, "#": 7, "b": -7}[tonic[1:]]


def spell(midi: int, turn: int = 0, semitones: int = 0) -> Pitch:
    """A pitch of the normal form, moved `turn` fifths along the line of fifths and `semitones` in sound."""
    letter, alter = _SPELLINGS[midi % 12]
    place = _FIFTHS.index(letter) - 1 + 7 * alter + turn
    letter, alter = _FIFTHS[(place + 1) % 7], (place + 1) // 7
    if abs(alter) > 1:  # A double accidental is right but unreadable in a folk tune.
        letter, alter = _SPELLINGS[(midi + semitones) % 12]
    natural = midi + semitones - alter
    octave = (natural - LETTER_SEMITONES[LETTERS.index(letter)]) // 12 - 1
    return Pitch(letter, alter, octave)


def shifted_part(part: Part, semitones: int) -> Part:
    """The part moved in pitch."""

    def moved(bars: Iterable[NormalBar]) -> tuple[NormalBar, ...]:
        return tuple(
            tuple(note if note.midi is None else replace(note, midi=note.midi + semitones) for note in bar)
            for bar in bars
        )

    if not semitones:
        return part
    pickup = moved([part.pickup])[0]
    endings = tuple(moved(ending) for ending in part.endings)
    return replace(part, pickup=pickup, bars=moved(part.bars), endings=endings)
