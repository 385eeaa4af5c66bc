"""What is asked for: the attributes of a tune and of its performance."""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass, fields, replace

from symbolic_bridge.instruments import ACCOMPANIMENTS, INSTRUMENTS
from symbolic_bridge.kinds import KINDS, METER_KINDS, Kind
from symbolic_bridge.moods import MOODS
from symbolic_bridge.tune import Key, Meter

LOWEST_TEMPO_BPM, HIGHEST_TEMPO_BPM = 20.0, 400.0
LONGEST_SECONDS = 600.0
MOST_BARS = 1024
MOST_SECTIONS = 16
DEFAULT_KIND = "jig"
SLOW_KIND = "air"
# Below this a kindless prompt asks for something sung rather than danced.
SLOW_FACTOR = 0.9


@dataclass(frozen=True)
class TuneAttributes:
    """The words of a prompt as values; None where nothing was said and the kind's default is to be taken.

    `kind`: an id of `symbolic_bridge.kinds.KINDS` ("jig"). `tonic` "C", "F#", "Bb"; `mode` one of `tune.MODES`.
    `tempo_bpm`: beats a minute as musicians count them, or felt beats (`Meter.beat_duration`) where `tempo_is_felt`,
    which `resolve` sets. `tempo_factor`: "slow" (below 1) or "fast" (above 1) against the kind's usual tempo.
    `mood`: an id of `symbolic_bridge.moods.MOODS`. `instrument`: an id of `symbolic_bridge.instruments.INSTRUMENTS`.
    `accompaniment`: "none", "guitar", "piano" or "harp". `form`: letters such as "AABB".
    `duration_seconds`: length asked for, above 0 and up to ten minutes. `bars`: length asked for in bars, repeats not
    counted. `text`: the prompt itself. `unknown`: its words that no attribute holds. `notices`: what was guessed,
    replaced or left out, one sentence each.

    Raises:
        ValueError: a value is outside what is allowed; the message quotes it.
    """

    text: str = ""
    kind: str | None = None
    meter: Meter | None = None
    tonic: str | None = None
    mode: str | None = None
    tempo_bpm: float | None = None
    mood: str | None = None
    instrument: str | None = None
    accompaniment: str | None = None
    form: str | None = None
    duration_seconds: float | None = None
    unknown: tuple[str, ...] = ()
    notices: tuple[str, ...] = ()
    tempo_factor: float | None = None
    bars: int | None = None
    tempo_is_felt: bool = False

    def __post_init__(self) -> None:
        Key(self.tonic or "C", self.mode or "major")
        _check_member("kind", self.kind, tuple(KINDS))
        _check_member("mood", self.mood, tuple(MOODS))
        _check_member("instrument", self.instrument, tuple(INSTRUMENTS))
        _check_member("accompaniment", self.accompaniment, ACCOMPANIMENTS)
        _check_range("tempo", self.tempo_bpm, LOWEST_TEMPO_BPM, HIGHEST_TEMPO_BPM, "beats a minute")
        _check_range("tempo factor", self.tempo_factor, 0.25, 4.0, "times the usual tempo")
        _check_range("number of bars", self.bars, 1, MOST_BARS, "bars")
        seconds = self.duration_seconds
        if seconds is not None and not (math.isfinite(seconds) and 0 < seconds <= LONGEST_SECONDS):
            raise ValueError(
                f"duration is {seconds:g} s; it must be above 0 and at most {LONGEST_SECONDS:g} s"
            )
        if self.form is not None and not is_form(self.form):
            raise ValueError(
                f"form {self.form!r} is not 1 to {MOST_SECTIONS} letters A-H that start at A and skip none, "
                "such as AABB"
            )

    @property
    def key(self) -> Key | None:
        """The key, major where no mode is said; None without a tonic."""
        return Key(self.tonic, self.mode or "major") if self.tonic else None

    def to_json(self) -> str:
        """All values as one JSON object, the meter written "6/8"."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        values["meter"] = None if self.meter is None else str(self.meter)
        return json.dumps(values, ensure_ascii=False, indent=1)

    @classmethod
    def from_json(cls, text: str) -> TuneAttributes:
        """Read what `to_json` wrote, perhaps edited by hand.

        Raises:
            ValueError: not a JSON object, an unknown key, or a value of the wrong type or out of range.
        """
        values = json.loads(text)
        if not isinstance(values, dict):
            raise ValueError(f"attributes are a JSON {type(values).__name__}; an object is needed")
        unknown = sorted(set(values) - set(_JSON_TYPES))
        if unknown:
            raise ValueError(f"unknown attribute {unknown[0]!r}; known are {', '.join(_JSON_TYPES)}")
        for name, value in values.items():
            allowed = _JSON_TYPES[name]
            optional = name not in ("text", "unknown", "notices", "tempo_is_felt")
            fits = isinstance(value, allowed) and isinstance(value, bool) == (allowed == (bool,))
            if not (fits or (value is None and optional)):
                raise ValueError(f"attribute {name!r} is {value!r}; {_names(allowed)} is needed")
        for name in ("unknown", "notices"):
            if name in values:
                if not all(isinstance(item, str) for item in values[name]):
                    raise ValueError(f"attribute {name!r} is {values[name]!r}; a list of strings is needed")
                values[name] = tuple(values[name])
        if values.get("meter") is not None:
            values["meter"] = parse_meter(values["meter"])
        return cls(**values)


_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "text": (str,), "kind": (str,), "meter": (str,), "tonic": (str,), "mode": (str,), "tempo_bpm": (int, float),
    "mood": (str,), "instrument": (str,), "accompaniment": (str,), "form": (str,), "duration_seconds": (int, float),
    "unknown": (list,), "notices": (list,), "tempo_factor": (int, float), "bars": (int,), "tempo_is_felt": (bool,),
}  # fmt: skip


def _names(types: tuple[type, ...]) -> str:
    return " or ".join(type_.__name__ for type_ in types)


def _check_member(name: str, value: str | None, allowed: tuple[str, ...]) -> None:
    if value is not None and value not in allowed:
        raise ValueError(f"{name} {value!r} is not one of {', '.join(allowed)}")


def _check_range(name: str, value: float | None, lowest: float, highest: float, unit: str) -> None:
    if value is not None and not lowest <= value <= highest:
        raise ValueError(f"{name} is {value:g}; it must be {lowest:g} to {highest:g} {unit}")


def is_form(text: str) -> bool:
    """Whether text is a form: letters from A, each new letter the next of the alphabet ("AABB", "ABAC")."""
    newest = "@"
    for letter in text:
        if not "A" <= letter <= min("H", chr(ord(newest) + 1)):
            return False
        newest = max(newest, letter)
    return 1 <= len(text) <= MOST_SECTIONS


def parse_meter(text: str) -> Meter:
    """Read "6/8".

    Raises:
        ValueError: it is not a meter.
    """
    match = re.fullmatch(r"\s*(\d{1,2})\s*/\s*(\d{1,2})\s*", text)
    if match is None:
        raise ValueError(f"meter {text!r} is not of the form 6/8")
    return Meter(int(match[1]), int(match[2]))


def resolve(attributes: TuneAttributes) -> TuneAttributes:
    """Fill what was not said with the defaults of the kind.

    `tonic`, `mode` and `form` may stay None: the composer chooses.

    The kind follows from the meter or the pace where none was named. `tempo_bpm` comes out in felt beats of the
    meter: a reel "at 105" is counted in halves and becomes 210. Resolving twice changes nothing.
    """
    kind, kind_notice = _resolved_kind(attributes)
    meter = attributes.meter or kind.meter
    tempo_bpm, tempo_notice = _resolved_tempo(attributes, kind, meter)
    mood = MOODS[attributes.mood] if attributes.mood else None
    mode = attributes.mode
    if mode is None:
        # "in D" is D major to a musician; a mood only speaks where no key was asked for.
        mode = "major" if attributes.tonic else (mood.mode_hint if mood else None)
    new = [note for note in (kind_notice, tempo_notice) if note and note not in attributes.notices]
    return replace(
        attributes,
        kind=kind.id,
        meter=meter,
        mode=mode,
        tempo_bpm=tempo_bpm,
        tempo_factor=None,
        tempo_is_felt=True,
        instrument=attributes.instrument or kind.instrument,
        accompaniment=attributes.accompaniment or kind.accompaniment,
        notices=(*attributes.notices, *new),
    )


def _is_slow(attributes: TuneAttributes) -> bool:
    mood_factor = MOODS[attributes.mood].tempo_factor if attributes.mood else 1.0
    factor = attributes.tempo_factor or mood_factor
    return factor < SLOW_FACTOR or (attributes.tempo_bpm is not None and attributes.tempo_bpm < 75)


def _resolved_kind(attributes: TuneAttributes) -> tuple[Kind, str]:
    if attributes.kind:
        return KINDS[attributes.kind], ""
    meter = attributes.meter
    by_meter = METER_KINDS.get((meter.beats, meter.unit)) if meter else None
    slow = _is_slow(attributes)
    chosen = SLOW_KIND if slow and by_meter in (None, "reel") else by_meter or DEFAULT_KIND
    article = "an" if chosen[0] in "aeiou" else "a"
    return KINDS[chosen], f"no kind of tune was named; {article} {chosen} was chosen"


def _resolved_tempo(attributes: TuneAttributes, kind: Kind, meter: Meter) -> tuple[float, str]:
    usual = kind.tempo_in(meter)
    said = attributes.tempo_bpm
    if said is None:
        mood_factor = MOODS[attributes.mood].tempo_factor if attributes.mood else 1.0
        # A kind chosen for its slowness is slow already.
        if attributes.kind is None and kind.id == SLOW_KIND:
            mood_factor = max(mood_factor, 1.0)
            factor = mood_factor
        else:
            factor = attributes.tempo_factor or mood_factor
        # Whole beats a minute, as metronomes and Q: fields have them.
        return float(round(min(max(usual * factor, LOWEST_TEMPO_BPM), HIGHEST_TEMPO_BPM))), ""
    if attributes.tempo_is_felt:
        return said, ""
    counted = kind.counted_tempo_in(meter, said)
    if counted == said or counted > HIGHEST_TEMPO_BPM:
        return said, ""
    if abs(math.log(counted / usual)) < abs(math.log(said / usual)):
        return counted, f"{said:g} beats a minute of a {kind.id} are {counted:g} felt beats in {meter}"
    return said, ""
