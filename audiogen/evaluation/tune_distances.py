"""Distances between sets of tunes, each beside that of real tunes from real tunes, with intervals.

A distance never says that more is better: a set that is too plain and one that is too wild are both far from the real
one. Histograms are compared by the Jensen-Shannon divergence of their means over the tunes, in bits (0 ... 1), numbers
by the earth mover's distance of their distributions over the standard deviation of the real tunes.

Small samples differ even when they are drawn from one source, so a distance means nothing by itself. In every draw
the real tunes are dealt into two halves without common tunes; the composed ones are compared with the first half, and
so is the second one, which is the floor. All three are drawn with replacement to the same size (bootstrap), so that
chance moves both distances alike. `excess` is their difference, draw by draw.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from audiogen.evaluation.tune_features import TuneFeatures

DRAWS = 200
LOW_PERCENTILE, HIGH_PERCENTILE = 2.5, 97.5
FEWEST_TUNES = 2
# Forms rarer than this among the real tunes count together.
RAREST_FORM_SHARE = 0.005


@dataclass(frozen=True)
class Distance:
    """One distance with its floor; `low` and `high` bound 95 % of the draws, and the middle one stands between.

    `beyond_floor`: the excess is above 0 even in the lowest of them.
    `measure`: "jensen_shannon_bits" or "earth_movers_deviations". `composed`, `real`: means, of numbers only.
    """

    measure: str
    distance: float
    distance_low: float
    distance_high: float
    floor: float
    floor_low: float
    floor_high: float
    excess: float
    excess_low: float
    excess_high: float
    beyond_floor: bool
    composed: float | None = None
    real: float | None = None


def compare_tunes(
    composed: Sequence[TuneFeatures], real: Sequence[TuneFeatures], *, seed: int = 0, draws: int = DRAWS
) -> dict[str, dict[str, Any]]:
    """The distance of every feature, by name, as JSON values.

    Args:
        composed: at least two tunes.
        real: at least four, of the same kinds and metres as the composed ones, or the distance is that of the mixture.
        seed: of the draws.
        draws: how many.

    Raises:
        ValueError: there are too few tunes.
    """
    size = min(len(composed), len(real) // 2)
    if size < FEWEST_TUNES:
        raise ValueError(
            f"{len(composed)} composed and {len(real)} real tunes; {FEWEST_TUNES} and {2 * FEWEST_TUNES} are needed"
        )
    rng = np.random.default_rng(seed)
    picks = [_pick(rng, len(composed), len(real), size) for _ in range(draws)]
    found: dict[str, Distance] = {}
    histograms = {name: _matrix(name, composed, real) for name in composed[0].histograms}
    histograms["form"] = _forms(composed, real)
    for name, (made, true) in histograms.items():
        rows = [
            (
                jensen_shannon(made[c].mean(0), true[a].mean(0)),
                jensen_shannon(true[b].mean(0), true[a].mean(0)),
            )
            for c, a, b in picks
        ]
        found[name] = _distance("jensen_shannon_bits", rows)
    for name in composed[0].numbers:
        made, true = (np.array([tune.numbers[name] for tune in tunes]) for tunes in (composed, real))
        spread = float(true.std()) or 1.0
        rows = [
            (earth_movers(made[c], true[a]) / spread, earth_movers(true[b], true[a]) / spread)
            for c, a, b in picks
        ]
        found[name] = _distance("earth_movers_deviations", rows, float(made.mean()), float(true.mean()))
    return {name: asdict(distance) for name, distance in found.items()}


def jensen_shannon(one: np.ndarray, other: np.ndarray) -> float:
    """Divergence of two distributions in bits: 0 for equal ones, 1 for ones that share nothing."""
    middle = (one + other) / 2
    return float(max(0.0, (_relative_entropy(one, middle) + _relative_entropy(other, middle)) / 2))


def _relative_entropy(one: np.ndarray, other: np.ndarray) -> float:
    inside = one > 0
    return float((one[inside] * np.log2(one[inside] / other[inside])).sum())


def earth_movers(one: np.ndarray, other: np.ndarray) -> float:
    """Mean distance by which values must move to make one sample the other; samples of one size."""
    if len(one) != len(other):
        raise ValueError(f"samples of {len(one)} and {len(other)} values; they must be of one size")
    return float(np.abs(np.sort(one) - np.sort(other)).mean())


def _pick(
    rng: np.random.Generator, composed: int, real: int, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    halves = np.array_split(rng.permutation(real), 2)
    return rng.integers(0, composed, size), rng.choice(halves[0], size), rng.choice(halves[1], size)


def _matrix(
    name: str, composed: Sequence[TuneFeatures], real: Sequence[TuneFeatures]
) -> tuple[np.ndarray, np.ndarray]:
    made, true = (np.stack([tune.histograms[name] for tune in tunes]) for tunes in (composed, real))
    return made, true


def _forms(composed: Sequence[TuneFeatures], real: Sequence[TuneFeatures]) -> tuple[np.ndarray, np.ndarray]:
    """Which form each tune has, as rows of one 1."""
    counts = Counter(tune.form for tune in real)
    usual = [form for form, count in counts.items() if count >= RAREST_FORM_SHARE * len(real)]
    place = {form: index for index, form in enumerate(usual)}
    eye = np.eye(len(usual) + 1)
    made, true = (eye[[place.get(tune.form, len(usual)) for tune in tunes]] for tunes in (composed, real))
    return made, true


def _distance(
    measure: str,
    rows: Sequence[tuple[float, float]],
    composed: float | None = None,
    real: float | None = None,
) -> Distance:
    values = np.array(rows)
    excess = values[:, 0] - values[:, 1]
    bounds = [np.percentile(v, [LOW_PERCENTILE, 50, HIGH_PERCENTILE]) for v in (*values.T, excess)]
    (low, middle, high), (floor_low, floor, floor_high), (over_low, over, over_high) = (
        tuple(round(float(value), 5) for value in bound) for bound in bounds
    )
    return Distance(
        measure, middle, low, high, floor, floor_low, floor_high, over, over_low, over_high, over_low > 0,
        None if composed is None else round(composed, 4), None if real is None else round(real, 4),
    )  # fmt: skip
