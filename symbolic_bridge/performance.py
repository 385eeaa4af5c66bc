"""The performance: every sounded note in seconds, and the musical grid it was played on."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from math import isfinite

QUALITIES = ("major", "minor", "dominant", "diminished")


@dataclass(frozen=True)
class SoundedNote:
    """One sounded note; times in seconds from the start of the sound, velocity 1 ... 127."""

    onset: float
    offset: float
    midi_pitch: int
    velocity: int

    def __post_init__(self) -> None:
        if not (isfinite(self.offset) and 0 <= self.onset < self.offset):
            raise ValueError(f"note sounds {self.onset} ... {self.offset} s; it must be 0 <= onset < offset")
        if not 0 <= self.midi_pitch <= 127:
            raise ValueError(f"midi_pitch is {self.midi_pitch}; it must be 0 ... 127")
        if not 1 <= self.velocity <= 127:
            raise ValueError(f"velocity is {self.velocity}; it must be 1 ... 127")


@dataclass(frozen=True)
class Part:
    """The notes of one player in order of onset. `name` is "lead" or "accompaniment"."""

    name: str
    instrument: str
    notes: tuple[SoundedNote, ...]

    def __post_init__(self) -> None:
        for before, after in zip(self.notes, self.notes[1:], strict=False):
            if after.onset < before.onset:
                raise ValueError(
                    f"part {self.name!r}: a note at {after.onset} s follows one at {before.onset} s"
                )


@dataclass(frozen=True)
class ChordSpan:
    """A harmony in force: `root` pitch class 0 ... 11, `quality` "major", "minor", "dominant" or "diminished"."""

    onset: float
    offset: float
    root: int
    quality: str

    def __post_init__(self) -> None:
        _check_span("chord", self.onset, self.offset)
        if not 0 <= self.root <= 11:
            raise ValueError(f"chord root is {self.root}; it must be 0 ... 11")
        if self.quality not in QUALITIES:
            raise ValueError(f"chord quality {self.quality!r} is not one of {', '.join(QUALITIES)}")


@dataclass(frozen=True)
class BarSpan:
    """A played bar: `beats` felt beats, `section` 0 for A, 1 for B ... (which tune part it belongs to).

    The bar of an opening pickup begins where the full bar would have begun, so its onset may be negative.
    """

    onset: float
    offset: float
    beats: int
    section: int

    def __post_init__(self) -> None:
        _check_span("bar", self.onset, self.offset)
        if self.beats < 1 or self.section < 0:
            raise ValueError(
                f"bar has {self.beats} beats, section {self.section}; at least 1 and 0 are needed"
            )


def _check_span(what: str, onset: float, offset: float) -> None:
    if not (isfinite(onset) and isfinite(offset) and onset < offset):
        raise ValueError(f"{what} spans {onset} ... {offset} s; onset must be before offset")


@dataclass(frozen=True)
class Performance:
    """Parts (the lead first), bars and chords of one rendition; `duration` includes the last note's ring.

    `tempo_bpm` counts felt beats a minute at the start. `warnings` takes no part in equality.
    """

    parts: tuple[Part, ...]
    bars: tuple[BarSpan, ...]
    chords: tuple[ChordSpan, ...]
    tempo_bpm: float
    kind: str
    duration: float
    warnings: tuple[str, ...] = field(default=(), compare=False)

    def __post_init__(self) -> None:
        if not (isfinite(self.duration) and self.duration > 0):
            raise ValueError(f"duration is {self.duration}; it must be above 0 s")
        if not (isfinite(self.tempo_bpm) and self.tempo_bpm > 0):
            raise ValueError(f"tempo_bpm is {self.tempo_bpm}; it must be above 0")
        if not self.parts:
            raise ValueError("a performance needs a lead part")
        for part in self.parts:
            latest = max((note.offset for note in part.notes), default=0.0)
            if latest > self.duration + 1e-6:
                raise ValueError(
                    f"part {part.name!r} sounds until {latest} s, beyond the end at {self.duration} s"
                )

    @property
    def lead(self) -> Part:
        """The part that plays the tune."""
        return self.parts[0]

    @property
    def accompaniment(self) -> Part | None:
        """The accompanying part, None where the lead plays alone."""
        return self.parts[1] if len(self.parts) > 1 else None

    def to_json(self) -> str:
        """The performance as JSON text, one note to a line, for people to edit; `from_json` reads it.

        Times keep microseconds.
        """
        parts = []
        for part in self.parts:
            notes = ",\n".join(
                f"        {json.dumps([round(n.onset, 6), round(n.offset, 6), n.midi_pitch, n.velocity])}"
                for n in part.notes
            )
            head = f'"name": {json.dumps(part.name)}, "instrument": {json.dumps(part.instrument)}'
            parts.append(f'    {{{head}, "notes": [\n{notes}\n    ]}}')
        rest = {
            "bars": [[round(b.onset, 6), round(b.offset, 6), b.beats, b.section] for b in self.bars],
            "chords": [[round(c.onset, 6), round(c.offset, 6), c.root, c.quality] for c in self.chords],
            "tempo_bpm": self.tempo_bpm,
            "kind": self.kind,
            "duration": round(self.duration, 6),
            "warnings": list(self.warnings),
        }
        tail = ",\n".join(f"  {json.dumps(name)}: {json.dumps(value)}" for name, value in rest.items())
        return '{\n  "parts": [\n' + ",\n".join(parts) + "\n  ],\n" + tail + "\n}\n"

    @classmethod
    def from_json(cls, text: str) -> Performance:
        """Read what `to_json` wrote, or a person edited; bars, chords and the rest may be left out.

        Raises:
            ValueError: the text is no JSON, or an entry is missing or out of range; the message names it.
        """
        try:
            data = json.loads(text)
        except json.JSONDecodeError as error:
            raise ValueError(
                f"performance is not JSON: line {error.lineno} column {error.colno}: {error.msg}"
            ) from error
        if not isinstance(data, dict) or not isinstance(data.get("parts"), list):
            raise ValueError('performance has no list of "parts"')
        parts = tuple(_read_part(part, place) for place, part in enumerate(data["parts"]))
        bars = tuple(BarSpan(*_row(row, "bars", (float, float, int, int))) for row in _rows(data, "bars"))
        chords = tuple(
            ChordSpan(*_row(row, "chords", (float, float, int, str))) for row in _rows(data, "chords")
        )
        latest = max((note.offset for part in parts for note in part.notes), default=1.0)
        return cls(
            parts,
            bars,
            chords,
            _number(data.get("tempo_bpm", 120.0), "tempo_bpm"),
            str(data.get("kind", "")),
            _number(data.get("duration", latest), "duration"),
            tuple(str(warning) for warning in _rows(data, "warnings")),
        )


def _read_part(part: object, place: int) -> Part:
    if not isinstance(part, dict) or not isinstance(part.get("notes"), list):
        raise ValueError(f'parts[{place}] has no list of "notes"')
    where = f"parts[{place}].notes"
    notes = [SoundedNote(*_row(row, where, (float, float, int, int))) for row in part["notes"]]
    notes.sort(key=lambda note: note.onset)
    name = str(part.get("name", "lead" if place == 0 else "accompaniment"))
    return Part(name, str(part.get("instrument", "fiddle")), tuple(notes))


def _rows(data: dict, name: str) -> list:
    rows = data.get(name, [])
    if not isinstance(rows, list):
        raise ValueError(f"{name} is {rows!r}; it must be a list")
    return rows


def _number(value: object, name: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} is {value!r}; it must be a number")
    return float(value)


def _row(row: object, where: str, types: tuple[type, ...]) -> list:
    """The entries of one list of numbers (and words) with the types that it must have."""
    if not isinstance(row, list) or len(row) != len(types):
        raise ValueError(f"{where} holds {row!r}; a list of {len(types)} values is needed")
    values: list = []
    for value, wanted in zip(row, types, strict=True):
        if wanted is str:
            values.append(str(value))
            continue
        number = _number(value, f"a value of {where}")
        if wanted is int and not number.is_integer():
            raise ValueError(f"{where} holds {row!r}; {value!r} must be a whole number")
        values.append(wanted(number))
    return values
