"""The plan of a tune: what the composer settles before the first note, and what a user may settle for it.

A plan says for every bar which chord it stands on, how high it lies, whether it rises or falls, how many notes it has,
whether a phrase closes in it, and which earlier bar it repeats or varies. Everything may be left open. Plans are kept
as JSON, so that one can be written, edited and given again:

    {"kind": "jig", "meter": "6/8", "mode": "major", "tonic": "D", "form": "AABB",
     "parts": [{"repeated": true, "pickup": 0, "bars": [
         {"relation": "new", "cadence": "none", "chords": ["I"], "level": 0, "direction": "up", "notes": 6},
         {"relation": "varies", "of": 1, "chords": ["V"]},
         {"relation": "repeats", "of": 1}, {}]}]}
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from symbolic_bridge.attributes import is_form, parse_meter
from symbolic_bridge.kinds import KINDS
from symbolic_bridge.normal_form import MAX_PART_BARS, MAX_PARTS, WHITE_TONICS
from symbolic_bridge.tune import Key, Meter

RELATIONS = ("new", "repeats", "varies")
CADENCES = ("none", "half", "full")
DIRECTIONS = ("down", "level", "up")
# The mean pitch of a bar above or below the tunes' middle (`normalise.CENTRE_PITCH`), in steps of LEVEL_SEMITONES.
LOWEST_LEVEL, HIGHEST_LEVEL, LEVEL_SEMITONES = -4, 4, 3
MOST_NOTES = 24
# How far back, in bars on the time line, a bar may name another.
LONGEST_DISTANCE = 64
NO_CHORD = "none"
MAX_CHORDS_A_BAR = 2
_STEPS = ("I", "bII", "II", "bIII", "III", "IV", "#IV", "V", "bVI", "VI", "bVII", "VII")
_NUMERAL = re.compile(r"([b#]?)([IViv]+)(°?)")
NUMERALS = (
    *_STEPS,
    *(re.sub("[IV]+", lambda found: found[0].lower(), step) for step in _STEPS),
    *(re.sub("[IV]+", lambda found: found[0].lower(), step) + "°" for step in _STEPS),
)


class PlanError(ValueError):
    """A plan that cannot be; the message names the place."""


def numeral(step: int, quality: str) -> str:
    """The name of a chord in a key: "I", "ii", "bVII", "vii°".

    Args:
        step: semitones of its root above the tonic.
        quality: "major", "minor", "dominant" (named like a major chord) or "diminished".
    """
    name = _STEPS[step % 12]
    if quality in ("minor", "diminished"):
        name = re.sub("[IV]+", lambda found: found[0].lower(), name)
    return name + "°" * (quality == "diminished")


def numeral_parts(name: str) -> tuple[int, str]:
    """Semitones of a chord's root above the tonic, and its quality; the inverse of `numeral`.

    Raises:
        PlanError: it is not one of NUMERALS.
    """
    if name not in NUMERALS:
        raise PlanError(f"chord {name!r} is not one of {', '.join(NUMERALS)}")
    place = NUMERALS.index(name)
    return place % 12, ("major", "minor", "diminished")[place // 12]


@dataclass(frozen=True)
class PlanBar:
    """What is settled of one bar; None or () where it is left open.

    `relation` one of RELATIONS, with `of` the number of the bar it repeats or varies, counted from 1 through the tune
    as written, pickups left out and both endings counted. `chords`: NUMERALS or NO_CHORD; two share the bar by halves.
    `level` LOWEST_LEVEL ... HIGHEST_LEVEL; `direction` one of DIRECTIONS, from the first note to the last; `notes`:
    how many begin in the bar; `cadence` one of CADENCES. A bar that repeats another takes all else from it.
    """

    relation: str | None = None
    of: int | None = None
    cadence: str | None = None
    chords: tuple[str, ...] = ()
    level: int | None = None
    direction: str | None = None
    notes: int | None = None

    def __post_init__(self) -> None:
        _check_member("relation", self.relation, RELATIONS)
        _check_member("cadence", self.cadence, CADENCES)
        _check_member("direction", self.direction, DIRECTIONS)
        _check_number("level", self.level, LOWEST_LEVEL, HIGHEST_LEVEL)
        _check_number("notes", self.notes, 0, MOST_NOTES)
        _check_number("of", self.of, 1, MAX_PARTS * (MAX_PART_BARS + 4))
        if (self.of is None) != (self.relation in (None, "new")):
            raise PlanError(
                f"relation {self.relation!r} has 'of' {self.of!r}; a bar that repeats or varies says which one"
            )
        if len(self.chords) > MAX_CHORDS_A_BAR:
            raise PlanError(f"a bar has {len(self.chords)} chords; at most {MAX_CHORDS_A_BAR} are allowed")
        for name in self.chords:
            if name != NO_CHORD:
                numeral_parts(name)

    @property
    def chord(self) -> str | None:
        """The chord the bar begins on."""
        return self.chords[0] if self.chords else None


@dataclass(frozen=True)
class PlanPart:
    """What is settled of one part, with one entry for every bar it has.

    `repeated` and `pickup` (ticks, 96 to the whole note, 0 for none): None where open. `endings` is (first, second) or
    () for none; only a repeated part has endings, and `bars` are then the bars before them.
    """

    bars: tuple[PlanBar, ...]
    repeated: bool | None = None
    pickup: int | None = None
    endings: tuple[tuple[PlanBar, ...], ...] = ()

    def __post_init__(self) -> None:
        _check_number("number of bars", self.bar_count, 1, MAX_PART_BARS)
        _check_number("pickup", self.pickup, 0, 95)
        if self.endings and (len(self.endings) != 2 or self.repeated is False or not all(self.endings)):
            raise PlanError("endings are a first and a second of a repeated part, each of at least 1 bar")

    @property
    def bar_count(self) -> int:
        """Bars of the first pass."""
        return len(self.bars) + (len(self.endings[0]) if self.endings else 0)

    def all_bars(self) -> Iterator[PlanBar]:
        """Every bar as written."""
        yield from self.bars
        for ending in self.endings:
            yield from ending


@dataclass(frozen=True)
class Plan:
    """A plan, whole or in part; None or () where it is left open. `form` are letters such as AABB."""

    kind: str | None = None
    meter: Meter | None = None
    mode: str | None = None
    tonic: str | None = None
    form: str | None = None
    parts: tuple[PlanPart, ...] = ()

    def __post_init__(self) -> None:
        _check_member("kind", self.kind, tuple(KINDS))
        _check_member("mode", self.mode, tuple(WHITE_TONICS))
        if self.tonic is not None:
            Key(self.tonic, self.mode or "major")
        if self.form is not None and not is_form(self.form):
            raise PlanError(f"form {self.form!r} is not letters from A such as AABB")
        if self.parts and self.form is not None and len(set(self.form)) != len(self.parts):
            raise PlanError(
                f"form {self.form} has {len(set(self.form))} parts; {len(self.parts)} are planned"
            )
        _check_number("number of parts", len(self.parts), 0, MAX_PARTS)
        for number, bar in enumerate(self.all_bars(), start=1):
            if bar.of is not None and bar.of >= number:
                raise PlanError(f"bar {number}: it {bar.relation} bar {bar.of}, which is not before it")

    def all_bars(self) -> tuple[PlanBar, ...]:
        """Every bar as written."""
        return tuple(bar for part in self.parts for bar in part.all_bars())

    def heard_bars(self) -> tuple[PlanBar, ...]:
        """Every bar as written, with what bars that repeat another take from it."""
        heard: list[PlanBar] = []
        for bar in self.all_bars():
            source = heard[bar.of - 1] if bar.of is not None and bar.relation == "repeats" else bar
            heard.append(replace(source, relation=bar.relation, of=bar.of))
        return tuple(heard)

    def chords_by_part(self) -> list[list[tuple[str, ...]]]:
        """The chords of each part's bars, those of a pickup, which has none, included."""
        heard = iter(self.heard_bars())
        return [
            [()] * bool(part.pickup) + [next(heard).chords for _ in part.all_bars()] for part in self.parts
        ]

    def to_json(self) -> str:
        """The plan as JSON, one line a bar; what is open is left out."""
        head = {name: getattr(self, name) for name in ("kind", "mode", "tonic", "form")}
        head["meter"] = None if self.meter is None else str(self.meter)
        lines = [
            f" {json.dumps(name)}: {json.dumps(value)}" for name, value in head.items() if value is not None
        ]
        if self.parts:
            parts = ",\n".join(_part_text(part) for part in self.parts)
            lines.append(f' "parts": [\n{parts}\n ]')
        return "{\n" + ",\n".join(lines) + "\n}\n"

    @classmethod
    def from_json(cls, text: str) -> Plan:
        """Read what `to_json` wrote, perhaps edited by hand.

        Raises:
            PlanError: it is no JSON object, or something in it is unknown, of the wrong type or out of range; the
                message names part and bar.
        """
        try:
            values = json.loads(text)
        except json.JSONDecodeError as error:
            raise PlanError(f"line {error.lineno}, column {error.colno}: not JSON ({error.msg})") from error
        _check_keys("a plan", values, {"kind", "meter", "mode", "tonic", "form", "parts"})
        for name in ("kind", "meter", "mode", "tonic", "form"):
            _check_type(name, values.get(name), str)
        parts = _list("parts", values.get("parts"))
        meter = values.get("meter")
        try:
            return cls(
                kind=values.get("kind"),
                meter=None if meter is None else parse_meter(meter),
                mode=values.get("mode"),
                tonic=values.get("tonic"),
                form=values.get("form"),
                parts=tuple(_read_part(number, part) for number, part in enumerate(parts, start=1)),
            )
        except PlanError:
            raise
        except ValueError as error:
            raise PlanError(str(error)) from error


def _part_text(part: PlanPart) -> str:
    head = {"repeated": part.repeated, "pickup": part.pickup}
    fields = [f"{json.dumps(name)}: {json.dumps(value)}" for name, value in head.items() if value is not None]
    fields.append(f'"bars": {_bars_text(part.bars)}')
    if part.endings:
        fields.append(f'"endings": [{", ".join(_bars_text(ending) for ending in part.endings)}]')
    return "  {" + ", ".join(fields) + "}"


def _bars_text(bars: tuple[PlanBar, ...]) -> str:
    lines = []
    for bar in bars:
        values = {name: getattr(bar, name) for name in _BAR_TYPES}
        lines.append(
            "   " + json.dumps({name: value for name, value in values.items() if value not in (None, ())})
        )
    return "[\n" + ",\n".join(lines) + "]" if lines else "[]"


_BAR_TYPES: dict[str, type] = {
    "relation": str, "of": int, "cadence": str, "chords": list, "level": int, "direction": str, "notes": int,
}  # fmt: skip


def _read_part(number: int, values: object) -> PlanPart:
    place = f"part {number}"
    _check_keys(place, values, {"bars", "repeated", "pickup", "endings"})
    assert isinstance(values, dict)
    _check_type(f"{place}: repeated", values.get("repeated"), bool)
    _check_type(f"{place}: pickup", values.get("pickup"), int)
    endings = values.get("endings")
    bars = _read_bars(f"{place}, bar", values.get("bars"))
    read = tuple(
        _read_bars(f"{place}, ending {which}, bar", ending)
        for which, ending in enumerate(_list(f"{place}: endings", endings), start=1)
    )
    try:
        return PlanPart(bars, values.get("repeated"), values.get("pickup"), read)
    except PlanError as error:
        raise PlanError(f"{place}: {error}") from error


def _read_bars(place: str, values: object) -> tuple[PlanBar, ...]:
    bars = []
    for number, entry in enumerate(_list(place.rsplit(", ", 1)[0] + ": bars", values), start=1):
        _check_keys(f"{place} {number}", entry, set(_BAR_TYPES))
        assert isinstance(entry, dict)
        for name, value in entry.items():
            _check_type(f"{place} {number}: {name}", value, _BAR_TYPES[name])
        chords = tuple(entry.get("chords") or ())
        try:
            if not all(isinstance(chord, str) for chord in chords):
                raise PlanError(f"chords are {list(chords)}; names are needed")
            bars.append(PlanBar(**{**entry, "chords": chords}))
        except PlanError as error:
            raise PlanError(f"{place} {number}: {error}") from error
    return tuple(bars)


def _list(name: str, value: object) -> list[object]:
    _check_type(name, value, list)
    return value if isinstance(value, list) else []


def _check_keys(place: str, values: object, allowed: set[str]) -> None:
    if not isinstance(values, dict):
        raise PlanError(f"{place} is a JSON {type(values).__name__}; an object is needed")
    unknown = sorted(set(values) - allowed)
    if unknown:
        raise PlanError(f"{place}: unknown entry {unknown[0]!r}; known are {', '.join(sorted(allowed))}")


def _check_type(name: str, value: object, wanted: type) -> None:
    if value is not None and (not isinstance(value, wanted) or (wanted is int and isinstance(value, bool))):
        names = {str: "a string", int: "a whole number", bool: "true or false", list: "a list"}
        raise PlanError(f"{name} is {value!r}; {names[wanted]} is needed")


def _check_member(name: str, value: str | None, allowed: tuple[str, ...]) -> None:
    if value is not None and value not in allowed:
        raise PlanError(f"{name} {value!r} is not one of {', '.join(allowed)}")


def _check_number(name: str, value: int | None, lowest: int, highest: int) -> None:
    if value is not None and not lowest <= value <= highest:
        raise PlanError(f"{name} is {value}; it must be {lowest} to {highest}")


OPEN_PLAN = Plan()
