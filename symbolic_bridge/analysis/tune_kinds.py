"""The kind of a melody - reel, jig, hornpipe ... - as a distribution, from metre and notes alone: R: is not looked at.

A softmax whose score is linear in the metre, in how often notes begin at each place of the bar - of all bars, and of
every eighth, where hornpipes end on three crotchets -, in the lengths of the notes, in how the first two notes of each
beat share it (even, dotted, snapped), and in how full the bars are.

The weights in `kind_profiles.json` were fitted to the rhythm fields of training tunes by
`benchmarks/fit_kind_profiles.py`; the file names its data. Kinds too rare there are never found.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from symbolic_bridge.analysis.melody import TOLERANCE, Melody

PROFILES = Path(__file__).parent / "kind_profiles.json"
METERS = ("4/4", "2/2", "2/4", "3/4", "3/8", "6/8", "9/8", "12/8", "3/2")
PLACES = 24
PERIOD_BARS = 8
# Upper bounds in whole notes, halfway between the usual lengths.
LENGTH_BOUNDS = (0.05, 0.073, 0.09, 0.11, 0.15, 0.22, 0.3, 0.45)
# The second of two notes that share a beat begins before, at, or behind its middle.
SPLITS = ("snapped", "even", "dotted")
# Notes a bar at which a bar counts as 1.
FULL_BAR_NOTES = 8
FEATURES = (
    *(f"meter {meter}" for meter in METERS),
    *(f"begins at {place}/{PLACES}" for place in range(PLACES)),
    *(f"closes at {place}/{PLACES}" for place in range(PLACES)),
    *(f"length {number}" for number in range(len(LENGTH_BOUNDS) + 1)),
    *SPLITS,
    "notes a bar",
)


@dataclass(frozen=True)
class KindChance:
    """One kind, an id of `kinds.KINDS`, and its probability."""

    kind: str
    probability: float


@dataclass(frozen=True)
class KindEstimate:
    """Every kind considered, likeliest first; the probabilities add up to 1."""

    chances: tuple[KindChance, ...]

    @property
    def kind(self) -> str:
        """The likeliest."""
        return self.chances[0].kind

    @property
    def probability(self) -> float:
        """Of the likeliest."""
        return self.chances[0].probability


@dataclass(frozen=True)
class KindProfiles:
    """`weights` float [kinds, FEATURES], `bias` float [kinds]."""

    kinds: tuple[str, ...]
    weights: np.ndarray
    bias: np.ndarray
    source: str


@cache
def shipped_profiles() -> KindProfiles:
    """The profiles of the package."""
    values = json.loads(PROFILES.read_text(encoding="utf-8"))
    kinds = tuple(values["kinds"])
    weights = np.array([values["weights"][kind] for kind in kinds])
    return KindProfiles(kinds, weights, np.array(values["bias"]), values["source"])


def kind_features(melody: Melody) -> np.ndarray:
    """What a melody does that tells its kind, float [FEATURES], all within 0 ... about 2."""
    full = np.array(melody.full_bars())
    meters = [str(melody.bars[index].meter) for index in full]
    meter = np.array([sum(name == each for each in meters) for name in METERS]) / len(meters)
    inside = np.isin(melody.bar_of, full)
    bars = melody.bar_of[inside]
    heads = np.array([float(bar.metric_start) for bar in melody.bars])
    lengths = np.array([float(bar.meter.bar_duration) for bar in melody.bars])
    share = (melody.starts[inside] - heads[bars]) / lengths[bars]
    places = np.clip(np.rint(share * PLACES).astype(int), 0, PLACES - 1)
    closing = np.isin(bars, full[PERIOD_BARS - 1 :: PERIOD_BARS])
    begins = np.bincount(places, minlength=PLACES) / len(full)
    closes = np.bincount(places[closing], minlength=PLACES) / max(
        1, len(full[PERIOD_BARS - 1 :: PERIOD_BARS])
    )
    durations = np.digitize(melody.durations, LENGTH_BOUNDS)
    lengths_heard = np.bincount(durations, minlength=len(LENGTH_BOUNDS) + 1) / len(durations)
    fullness = np.array([inside.sum() / len(full) / FULL_BAR_NOTES])
    return np.concatenate([meter, begins, closes, lengths_heard, _splits(melody), fullness])


def _splits(melody: Melody) -> np.ndarray:
    """Roots of the shares of beats that two notes divide, by which of them is the longer, float [SPLITS].

    The root lets a few count: hardly a strathspey has no snap, hardly a hornpipe has one.
    """
    counts = np.zeros(len(SPLITS))
    for index in melody.full_bars():
        bar = melody.bars[index]
        beat, head = float(bar.meter.beat_duration), float(bar.metric_start)
        starts = melody.starts[melody.bar_of == index] - head
        for number in range(int(float(bar.meter.bar_duration) / beat + TOLERANCE)):
            inside = starts[(starts > number * beat - TOLERANCE) & (starts < (number + 1) * beat - TOLERANCE)]
            if len(inside) == 2 and inside[0] < number * beat + TOLERANCE:
                second = inside[1] / beat - number
                counts[1 + int(second > 0.5 + TOLERANCE) - int(second < 0.5 - TOLERANCE)] += 1
    return np.sqrt(counts / max(1, counts.sum()))


def estimate_kind(melody: Melody, profiles: KindProfiles | None = None) -> KindEstimate:
    """The kind of a melody as a distribution over the profiles' kinds.

    Args:
        melody: what `melody_of` gives.
        profiles: others than the package's own.
    """
    profiles = profiles or shipped_profiles()
    scores = profiles.weights @ kind_features(melody) + profiles.bias
    chances = np.exp(scores - scores.max())
    chances /= chances.sum()
    order = np.argsort(-chances, kind="stable")
    return KindEstimate(tuple(KindChance(profiles.kinds[place], float(chances[place])) for place in order))
