"""Onsets to places on a grid: how long a unit, most often a quaver, lasts, and how many units apart notes begin.

For each plausible unit and swing a reader goes from note to note, takes the distance that costs least and follows the
tempo. A distance costs what it is rare in folk tunes (nats, from the training tunes) plus how far the onset is from
where it should be: of all readings the shortest description wins, so that a unit is neither halved nor doubled for
nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

SHORTEST_UNIT_SECONDS, LONGEST_UNIT_SECONDS = 0.07, 0.6
# Nats of distances in units; others in halves of a unit cost OTHER_COST.
COSTS = {
    Fraction(1, 3): 4.5, Fraction(1, 2): 3.2, Fraction(2, 3): 4.0, Fraction(1): 0.35, Fraction(3, 2): 3.2,
    Fraction(2): 1.7, Fraction(3): 2.7, Fraction(4): 3.5, Fraction(6): 4.5,
}  # fmt: skip
OTHER_COST = 6.0
LONGEST_DISTANCE = 16
THIRDS = (Fraction(1, 3), Fraction(2, 3), Fraction(4, 3))
ONSET_DEVIATION_SECONDS = 0.018
MOST_COST = 12.0
# Long over short of a pair; 1 is even.
SWINGS = (1.0, 1.4, 1.7, 2.0)
SWING_COST = 0.1
# How much of the distance between an onset and its place moves the clock and stretches the unit.
CLOCK_SHARE, UNIT_SHARE = 0.3, 0.05
CANDIDATES = 5


@dataclass(frozen=True)
class Grid:
    """`places` of the notes, in units from the first one's pair of units; `cost` in nats a note."""

    unit_seconds: float
    swing: float
    places: tuple[Fraction, ...]
    cost: float


def find_grid(onsets: Sequence[float]) -> Grid:
    """The grid on which onsets (seconds, rising) are described most briefly.

    Raises:
        ValueError: there are fewer than three.
    """
    if len(onsets) < 3:
        raise ValueError(f"{len(onsets)} notes were heard; a rhythm needs at least 3")
    times = np.array(onsets, float)
    readings = [
        _read(times, unit, swing, parity)
        for unit in _units(np.diff(times))
        for swing in SWINGS
        for parity in ((0,) if swing == 1 else (0, 1))
    ]
    return min(readings, key=lambda grid: grid.cost)


def _units(distances: np.ndarray) -> list[float]:
    """The commonest distances, and their halves and doubles."""
    logs = np.log(np.clip(distances, 0.03, 4.0))
    places = np.linspace(np.log(SHORTEST_UNIT_SECONDS), np.log(LONGEST_UNIT_SECONDS), 240)
    density = np.exp(-0.5 * ((places[:, None] - logs[None]) / 0.06) ** 2).sum(axis=1)
    peaks = [
        place
        for place in range(1, len(places) - 1)
        if density[place] >= density[place - 1] and density[place] > density[place + 1]
    ] or [int(density.argmax())]
    best = sorted(peaks, key=lambda place: -density[place])[:CANDIDATES]
    found = {
        round(float(np.exp(places[place])) * factor, 4)
        for place in best
        for factor in (0.5, 2 / 3, 0.75, 0.85, 1.0, 1.2, 2.0)
    }
    return sorted(unit for unit in found if SHORTEST_UNIT_SECONDS <= unit <= LONGEST_UNIT_SECONDS)


def _warped(place: Fraction, swing: float, parity: int) -> float:
    """Where a place sounds, in even units: the first unit of each pair takes the swing's share."""
    if swing == 1:
        return float(place)
    pair, inside = divmod(float(place) + parity, 2.0)
    first = 2 * swing / (1 + swing)
    moved = inside * first if inside < 1 else first + (inside - 1) * (2 - first)
    return 2 * pair + moved - parity


def _read(times: np.ndarray, unit: float, swing: float, parity: int) -> Grid:
    """One reading; units are taken to start with the first onset, or with the second half of a pair (`parity` 1)."""
    place, started = Fraction(0), unit
    places = [place]
    clock = times[0] - unit * _warped(place, swing, parity)
    total = SWING_COST * len(times) * (swing != 1)
    for time in times[1:]:
        best: tuple[float, Fraction, float] | None = None
        for distance, price in _distances(place, (time - clock) / unit - _warped(place, swing, parity)):
            error = time - (clock + unit * _warped(place + distance, swing, parity))
            cost = price + 0.5 * (error / ONSET_DEVIATION_SECONDS) ** 2
            if best is None or cost < best[0]:
                best = (cost, place + distance, error)
        assert best is not None
        cost, following, error = best
        total += min(cost, MOST_COST)
        error = float(np.clip(error, -0.25 * unit, 0.25 * unit))
        stretch = UNIT_SHARE * error / max(1.0, float(following - place))
        # The clock says when place 0 was: a longer unit moves it back.
        clock += CLOCK_SHARE * error - stretch * _warped(following, swing, parity)
        unit = float(np.clip(unit + stretch, 0.8 * started, 1.25 * started))
        place = following
        places.append(place)
    mean = (times[-1] - times[0]) / max(
        1e-9, _warped(places[-1], swing, parity) - _warped(places[0], swing, parity)
    )
    return Grid(float(mean), swing, tuple(each + parity for each in places), total / len(times))


def _distances(place: Fraction, wanted: float) -> list[tuple[Fraction, float]]:
    """Distances that may follow, those near the wanted one, with their costs."""
    if place.denominator == 3:
        return [(distance, COSTS.get(distance, OTHER_COST)) for distance in THIRDS]
    halves = {Fraction(max(1, round(2 * wanted) + step), 2) for step in (-1, 0, 1)}
    near = {Fraction(max(1, round(wanted))), *halves} | (
        {Fraction(1, 3), Fraction(2, 3)} if wanted < 1 else set()
    )
    return [
        (distance, COSTS.get(distance, OTHER_COST)) for distance in near if distance <= LONGEST_DISTANCE
    ] or [(Fraction(LONGEST_DISTANCE), OTHER_COST)]
