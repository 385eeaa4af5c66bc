"""Places on a grid to bars: the metre, the written value of a unit, and where the bar lines stand.

Every metre, value and place of the first bar line is a hypothesis. A softmax over all of them, with a score linear in
what the notes do in its bars - where they begin and how long they last, how full the bars are, whether bars so far
apart are alike, how many notes hang over bar lines, how fast its beats are -, picks one. The weights in
`bar_profiles.json` were fitted to excerpts of training tunes by `benchmarks/fit_bar_profiles.py`; the file names its
data.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache, cached_property
from pathlib import Path

import numpy as np

from symbolic_bridge.tune import Meter

PROFILES = Path(__file__).parent / "bar_profiles.json"
METERS = tuple(Meter(*pair) for pair in ((4, 4), (2, 4), (3, 4), (6, 8), (9, 8), (12, 8), (3, 2)))
VALUES = (Fraction(1, 16), Fraction(1, 8), Fraction(1, 4))
# Quavers of the longest bar.
PLACES = 12
LAGS = (1, 2, 4, 8)
USUAL_BEAT_BPM = 110.0
LONG_UNITS = 4.0
LEAP_SEMITONES = 5
FEATURES = (
    *(f"begins at quaver {place}" for place in range(PLACES)),
    *(f"long at quaver {place}" for place in range(PLACES)),
    *(f"tonic at quaver {place}" for place in range(PLACES)),
    *(f"leapt to at quaver {place}" for place in range(PLACES)),
    "between quavers",
    *(f"value {value}" for value in VALUES),
    "notes a bar",
    *(f"like {lag} bars back" for lag in LAGS),
    "held over bar lines",
    "ends with a bar",
    "beat, octaves from usual",
    "the same, squared",
    "always",
)


@dataclass(frozen=True)
class Barring:
    """`first_bar`: units from place 0 to a bar line, within the first bar's length."""

    meter: Meter
    value: Fraction
    first_bar: Fraction

    @property
    def bar_units(self) -> Fraction:
        """Units in a bar."""
        return self.meter.bar_duration / self.value


@dataclass(frozen=True)
class UnitNotes:
    """Notes on a grid: `places` and `lengths` in units, `pitches` MIDI numbers, all [n]; seconds a unit."""

    places: np.ndarray
    lengths: np.ndarray
    pitches: np.ndarray
    unit_seconds: float

    @cached_property
    def tonic(self) -> int:
        """The pitch class that sounds longest."""
        return int(np.bincount(self.pitches % 12, weights=self.lengths, minlength=12).argmax())


def hypotheses(meter: Meter | None = None) -> tuple[Barring, ...]:
    """Every barring there is, or every one in a metre."""
    found = []
    for each in METERS if meter is None else (meter,):
        for value in VALUES:
            units = each.bar_duration / value
            if units.denominator == 1 and units >= 2:
                found += [Barring(each, value, Fraction(first)) for first in range(int(units))]
    return tuple(found)


def barring_features(notes: UnitNotes, barring: Barring) -> np.ndarray:
    """What the notes do in such bars, float [FEATURES]."""
    bar = float(barring.bar_units)
    count = len(notes.places)
    inside = np.mod(notes.places - float(barring.first_bar), bar)
    where = inside * float(8 * barring.value)
    place = np.rint(where).astype(int)
    on_place = np.abs(where - place) < 0.1
    place %= round(float(8 * barring.meter.bar_duration))
    lengths = np.minimum(notes.lengths, LONG_UNITS)
    is_tonic = notes.pitches % 12 == notes.tonic
    leaps = np.abs(np.diff(notes.pitches, prepend=notes.pitches[0])) >= LEAP_SEMITONES
    profiles = [
        np.bincount(place[on_place], weights=what[on_place], minlength=PLACES) / max(1.0, what.sum())
        for what in (np.ones(count), lengths, is_tonic * lengths, leaps.astype(float))
    ]
    bars = max(1.0, (notes.places[-1] + notes.lengths[-1] - notes.places[0]) / bar)
    ends = np.mod(notes.places + notes.lengths - float(barring.first_bar), bar)
    over = (inside + notes.lengths > bar + 1e-6) & (inside > 1e-6)
    octaves = np.log2(_felt_bpm(notes.unit_seconds, barring) / USUAL_BEAT_BPM)
    return np.concatenate([
        *profiles,
        [1 - on_place.mean()],
        [float(barring.value == value) for value in VALUES],
        [count / bars / 8],
        [_likeness(notes, round(lag * bar)) for lag in LAGS],
        [over.sum() / bars, float(min(ends[-1], bar - ends[-1]) < 1e-6), octaves, octaves**2, 1.0],
    ])  # fmt: skip


def _felt_bpm(unit_seconds: float, barring: Barring) -> float:
    return 60.0 / (unit_seconds * float(barring.meter.beat_duration / barring.value))


def _likeness(notes: UnitNotes, lag: int) -> float:
    """Share of units in which the same pitch sounds as so many units before."""
    start, end = notes.places[0], notes.places[-1] + notes.lengths[-1]
    units = np.arange(start, end, 1.0)
    if lag >= len(units):
        return 0.0
    sounding = notes.pitches[np.searchsorted(notes.places, units + 1e-6, side="right") - 1]
    return float((sounding[lag:] == sounding[:-lag]).mean())


@dataclass(frozen=True)
class BarProfiles:
    """`weights` float [METERS, FEATURES]."""

    weights: np.ndarray
    source: str


@cache
def shipped_profiles() -> BarProfiles:
    """The profiles of the package."""
    values = json.loads(PROFILES.read_text(encoding="utf-8"))
    return BarProfiles(np.array([values["weights"][str(meter)] for meter in METERS]), values["source"])


def find_barring(
    notes: UnitNotes, *, meter: Meter | None = None, profiles: BarProfiles | None = None
) -> Barring:
    """The likeliest barring.

    Args:
        notes: at least one.
        meter: where it is known.
        profiles: others than the package's own.
    """
    profiles = profiles or shipped_profiles()
    options = hypotheses(meter)
    scores = [
        float(barring_features(notes, option) @ profiles.weights[_like(option.meter)]) for option in options
    ]
    return options[int(np.argmax(scores))]


def _like(meter: Meter) -> int:
    """The row of METERS for a metre: its own, or that of the one most like it."""
    if meter in METERS:
        return METERS.index(meter)
    alike = [place for place, each in enumerate(METERS) if each.is_compound == meter.is_compound]
    return min(alike, key=lambda place: abs(METERS[place].bar_duration - meter.bar_duration))


def unit_notes(
    places: Sequence[Fraction], end: Fraction, pitches: Sequence[int], unit_seconds: float
) -> UnitNotes:
    """Notes that last until the next one begins, the last one until `end`."""
    starts = np.array([float(place) for place in places])
    return UnitNotes(starts, np.diff(starts, append=float(end)), np.array(pitches), unit_seconds)
