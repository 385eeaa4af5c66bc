"""Tunes as JSON notes, the notation that servers with structured output can be held to.

    {"title": "...", "tempo_bpm": 116, "meter": "6/8", "key": "G major",
     "notes": [{"pitch": "G4", "beats": 0.5}, {"pitch": "rest", "beats": 1}, ...]}

`beats` are quarter notes; `tempo_bpm` counts felt beats (dotted quarters in 6/8), as musicians do. Bar lines follow
from the meter; a pickup is where fewest notes then cross them.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from symbolic_bridge.attributes import parse_meter
from symbolic_bridge.prompt_keys import parse_key
from symbolic_bridge.spelling import spell
from symbolic_bridge.tune import Bar, Header, Key, Meter, Note, Pitch, Tune

_COMMENT = re.compile(r'("(?:[^"\\]|\\.)*")|//[^\n]*|/\*.*?\*/|#[^\n]*', re.DOTALL)
_TRAILING_COMMA = re.compile(r'("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])')
_NOTE_OBJECT = re.compile(r"\{[^{}]*\}")
_PITCH = re.compile(r"([A-Ga-g])(##|#|♯|bb|b|♭|x|n|♮)?(-?\d{1,2})$")
_ALTERATIONS = {"": 0, "n": 0, "♮": 0, "#": 1, "♯": 1, "##": 2, "x": 2, "b": -1, "♭": -1, "bb": -2}
_RESTS = ("rest", "r", "z", "none", "silence", "")
# What else the entries are called; the first is what we ask for.
_LIST_NAMES = ("notes", "melody", "bars")
_PITCH_NAMES = ("pitch", "note", "midi", "name")
_LENGTH_NAMES = ("beats", "duration", "length", "dur")
_SINGLE_QUOTED = re.compile(r"'([^'\"\\\n]*)'")
# Quarter notes are cut as finely as notation cuts them: 64ths, and triplets, quintuplets and septuplets of sixteenths.
_GRIDS = (1, 2, 4, 8, 16, 3, 6, 12, 5, 7)
_ROUNDING = 0.012
_MOST_BEATS = 64
_HIGHEST_TEMPO = 10_000


class JsonNotesError(ValueError):
    """JSON that is no tune; the message names the place."""


@dataclass
class _Faults:
    """Faults mended so far; in a strict reading the first one raises."""

    strict: bool
    mendings: list[str] = field(default_factory=list)

    def mend(self, fault: str, mended: str) -> None:
        if self.strict:
            raise JsonNotesError(fault)
        self.mendings.append(f"{fault}; {mended}")


@dataclass(frozen=True)
class JsonReading:
    """A tune read from JSON and what was mended in it."""

    tune: Tune
    mendings: tuple[str, ...]


def read_json_notes(
    text: str, strict: bool, key: Key | None = None, meter: Meter | None = None
) -> list[JsonReading]:
    """Read the tunes of a JSON text: one object, a list of them, {"tunes": [...]} or a bare list of notes.

    Args:
        text: JSON; without `strict` also with comments, trailing commas, or cut off.
        strict: raise on the first fault instead of mending and listing it.
        key, meter: what stands in where the JSON does not say it.

    Raises:
        JsonNotesError: no notes, or, with `strict`, any fault.
    """
    faults = _Faults(strict)
    value = _load(text, faults)
    found = _tune_objects(value)
    if not found:
        raise JsonNotesError('the JSON holds no "notes" list of {"pitch": ..., "beats": ...} objects')
    readings = []
    for tune in found:
        own = _Faults(strict)
        made = _tune(tune, own, key, meter)
        readings.append(JsonReading(made, (*faults.mendings, *own.mendings)))
        faults.mendings.clear()
    return readings


def abc_strings(text: str) -> list[str]:
    """The ABC texts of {"abc": "X:1..."} objects, which servers with structured output may send; none elsewhere."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return []
    items = value if isinstance(value, list) else [value]
    texts = [item["abc"] for item in items if isinstance(item, dict) and isinstance(item.get("abc"), str)]
    return [text.encode("utf-8", "replace").decode() for text in texts]


def _load(text: str, faults: _Faults) -> Any:
    """The JSON's value; what is no JSON is mended step by step."""
    try:
        return json.loads(text)
    except RecursionError as error:
        raise JsonNotesError("the JSON cannot be read: its brackets are nested too deeply") from error
    except ValueError as error:
        first = error
    faults.mend(f"the JSON cannot be read: {first}", "comments and stray commas were removed")
    plain = _COMMENT.sub(lambda match: match[1] or "", text)
    plain = _TRAILING_COMMA.sub(lambda match: match[1] or "", plain)
    if '"' not in plain:
        plain = _SINGLE_QUOTED.sub(r'"\1"', plain)
    try:
        return json.loads(plain)
    except (ValueError, RecursionError):
        return _salvage(plain, faults)


def _salvage(text: str, faults: _Faults) -> dict[str, Any]:
    """Whatever whole notes there are, and the header's entries where they can be made out."""
    notes: list[Any] = []
    broken = 0
    for match in _NOTE_OBJECT.finditer(text):
        try:
            notes.append(json.loads(match[0]))
        except ValueError:
            broken += 1
    if not notes:
        raise JsonNotesError("the JSON is broken and holds no whole note")
    faults.mend(
        "the JSON is broken or cut off",
        f"the {len(notes)} notes that are whole were taken" + (f", {broken} left out" if broken else ""),
    )
    header: dict[str, Any] = {"notes": notes}
    for name in ("title", "meter", "key"):
        if found := re.search(rf'"{name}"\s*:\s*"([^"\\]*)"', text):
            header[name] = found[1]
    if found := re.search(r'"tempo_bpm"\s*:\s*(\d+(?:\.\d+)?)', text):
        header["tempo_bpm"] = float(found[1])
    return header


def _tune_objects(value: Any) -> list[dict[str, Any]]:
    if isinstance(value, dict):
        for name in _LIST_NAMES:
            if notes := _flat(value.get(name)):
                return [{**value, "notes": notes}]
        inner = value.get("tunes")
        return _tune_objects(inner) if isinstance(inner, list) else []
    if not isinstance(value, list):
        return []
    if value and all(isinstance(item, dict) and set(item) & set(_PITCH_NAMES) for item in value):
        return [{"notes": value}]
    return [tune for item in value if isinstance(item, dict) for tune in _tune_objects(item)]


def _flat(value: Any) -> list[Any]:
    """Notes of a list, or of a list of bars, each a list or an object with notes; [] for anything else."""
    notes: list[Any] = []
    for item in value if isinstance(value, list) else []:
        inner = item.get("notes") if isinstance(item, dict) else item
        notes += inner if isinstance(inner, list) else [item]
    return notes


def _tune(value: dict[str, Any], faults: _Faults, key: Key | None, meter: Meter | None) -> Tune:
    the_meter = _meter(value.get("meter"), faults, meter or Meter(4, 4))
    the_key = _key(value.get("key"), faults, key or Key())
    notes = _notes(value["notes"], the_key, faults)
    if not any(note.pitches for note in notes):
        raise JsonNotesError("the JSON's notes are rests only")
    bars = _bars(notes, the_meter.bar_duration)
    title = value.get("title")
    # JSON can hold half a surrogate pair, which is no text that can be written.
    words = title.encode("utf-8", "replace").decode().split() if isinstance(title, str) else []
    header = Header(
        title=" ".join(words) or "Untitled",
        meter=the_meter,
        key=the_key,
        tempo_bpm=_tempo(value.get("tempo_bpm", value.get("tempo")), faults),
    )
    return Tune(header, bars)


def _meter(value: Any, faults: _Faults, usual: Meter) -> Meter:
    try:
        if not isinstance(value, str):
            raise ValueError(f"meter {value!r} is not of the form 6/8")
        return parse_meter({"C": "4/4", "C|": "2/2"}.get(value.strip(), value))
    except ValueError as error:
        faults.mend(str(error), f"{usual} was taken")
        return usual


def _key(value: Any, faults: _Faults, usual: Key) -> Key:
    try:
        if not isinstance(value, str):
            raise ValueError(f"key {value!r} is not of the form 'D major'")
        tonic, mode = parse_key(value)
        return Key(tonic, mode or "major")
    except ValueError as error:
        faults.mend(str(error), f"{usual.tonic} {usual.mode} was taken")
        return usual


def _tempo(value: Any, faults: _Faults) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 < value <= _HIGHEST_TEMPO:
        faults.mend(
            f"tempo_bpm {_shown(value)} is no number above 0 and up to {_HIGHEST_TEMPO}",
            "the custom of the kind was taken",
        )
        return None
    return float(value)


def _notes(values: Sequence[Any], key: Key, faults: _Faults) -> list[Note]:
    notes: list[Note] = []
    rounded: Counter[tuple[float, str]] = Counter()
    for number, value in enumerate(values, 1):
        try:
            notes.append(_note(value, number, key, rounded))
        except JsonNotesError as error:
            faults.mend(str(error), "the note was left out")
    for (beats, fraction), count in rounded.items():
        # A third of a beat cannot be written exactly, so this is a remark and no fault.
        faults.mendings.append(f"{count} notes of {beats:g} beats were taken to last {fraction}")
    if not notes:
        raise JsonNotesError("the JSON holds no note that can be read")
    return notes


def _note(value: Any, number: int, key: Key, rounded: Counter[tuple[float, str]]) -> Note:
    if not isinstance(value, dict):
        raise JsonNotesError(f"note {number} is {_shown(value)}; an object with pitch and beats is needed")
    beats = next((value[name] for name in _LENGTH_NAMES if name in value), None)
    if isinstance(beats, bool) or not isinstance(beats, (int, float)) or not 0 < beats <= _MOST_BEATS:
        raise JsonNotesError(f"note {number}: beats is {_shown(beats)}; above 0 to {_MOST_BEATS} is allowed")
    exact = _exact_beats(float(beats))
    if exact is None:
        raise JsonNotesError(f"note {number}: {beats:g} beats is no length that notation knows")
    if abs(float(exact) - beats) > 1e-9:
        rounded[(float(beats), str(exact))] += 1
    pitches = next((value[name] for name in _PITCH_NAMES if name in value), None)
    names = pitches if isinstance(pitches, list) else [pitches]
    found = tuple(pitch for name in names if (pitch := _pitch(name, number, key)) is not None)
    chord = value.get("chord")
    symbol = chord if isinstance(chord, str) and len(chord) <= 12 else ""
    return Note(tuple(sorted(set(found), key=lambda pitch: pitch.midi)), exact / 4, chord_symbol=symbol)


def _exact_beats(beats: float) -> Fraction | None:
    """The plainest length in quarter notes within the rounding of three digits; None where there is none."""
    for grid in _GRIDS:
        near = Fraction(round(beats * grid), grid)
        if near > 0 and abs(float(near) - beats) <= min(_ROUNDING, beats * 0.05):
            return near
    return None


def _pitch(value: Any, number: int, key: Key) -> Pitch | None:
    """A pitch from its name or MIDI number; None for a rest."""
    if value is None or (isinstance(value, str) and value.strip().lower() in _RESTS):
        return None
    if isinstance(value, int) and not isinstance(value, bool) and 12 <= value <= 127:
        return spell(value, key)
    found = _PITCH.match(value.strip()) if isinstance(value, str) else None
    if found is None:
        raise JsonNotesError(f"note {number}: pitch is {_shown(value)}; a name such as F#4 or rest is needed")
    pitch = Pitch(found[1].upper(), _ALTERATIONS[found[2] or ""], int(found[3]))
    if not 12 <= pitch.midi <= 127:
        raise JsonNotesError(f"note {number}: pitch {value!r} is not within C0 to G9")
    return pitch


def _bars(notes: Sequence[Note], bar: Fraction) -> tuple[Bar, ...]:
    """Notes between bar lines; those that cross one are tied over it."""
    bars: list[list[Note]] = [[]]
    room = _pickup(notes, bar) or bar
    for note in notes:
        left = note
        while left.duration > room:
            bars[-1].append(_part(left, room, tie=not left.is_rest))
            left = _part(left, left.duration - room, tie=left.tie, head=False)
            bars.append([])
            room = bar
        bars[-1].append(left)
        room -= left.duration
        if room == 0:
            bars.append([])
            room = bar
    return tuple(Bar(tuple(content)) for content in bars if content)


def _part(note: Note, duration: Fraction, tie: bool, head: bool = True) -> Note:
    return Note(note.pitches, duration, tie=tie, chord_symbol=note.chord_symbol if head else "")


def _pickup(notes: Sequence[Note], bar: Fraction) -> Fraction:
    """Length of the opening pickup, 0 for none.

    The shortest with which fewest notes cross bar lines, the last bar is full or lacks what the pickup has, and the
    last note begins on the first beat of its bar or in the middle of it.
    """
    starts: list[Fraction] = []
    now = Fraction(0)
    for note in notes:
        starts.append(now)
        now += note.duration
    total = now
    final = max(start for start, note in zip(starts, notes, strict=True) if note.pitches)

    def cost(pickup: Fraction) -> tuple[int, Fraction]:
        crossing = sum(
            (start - pickup) % bar + note.duration > bar for start, note in zip(starts, notes, strict=True)
        )
        uneven = (total - pickup) % bar not in (0, (bar - pickup) % bar)
        weak = (final - pickup) % bar not in (0, bar / 2)
        return (crossing + uneven + weak, pickup)

    options = {start for start in starts if start < bar}
    return min(options, key=cost)


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
