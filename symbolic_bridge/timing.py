"""The grid a tune is played on: bars laid end to end, tempo, fermatas and swing, as one map to seconds.

Score positions are whole notes from the start of the unfolded tune.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil

import numpy as np

from symbolic_bridge.kinds import STRAIGHT
from symbolic_bridge.tune import Bar, Key, Meter, Tune
from symbolic_bridge.unfold import part_of_bars, play_order, unfold_tune

# How much longer a note with a fermata lasts.
FERMATA_STRETCH = 1.6
FREE_METER = Meter(4, 4)
# Positions are sums of exact fractions; as floats they differ by far less.
_TOLERANCE = 1e-7


@dataclass(frozen=True)
class PlayedBar:
    """One bar of the unfolded tune. `start`/`end` in whole notes; `meter`, `key` in force; `section` 0 for A.

    `bar_in_section` counts from 0 at each playing of a section, pickups not counted.
    `is_pickup`: shorter than its metre says and leading into a section: its beats are the last ones of a bar.
    """

    start: Fraction
    end: Fraction
    meter: Meter
    key: Key
    section: int
    bar_in_section: int
    is_pickup: bool

    @property
    def duration(self) -> Fraction:
        return self.end - self.start

    @property
    def metric_start(self) -> Fraction:
        """Where the full bar begins whose last part a pickup is; else `start`."""
        return self.end - self.meter.bar_duration if self.is_pickup else self.start

    @property
    def beats(self) -> int:
        """Felt beats from `metric_start` to `end`."""
        return max(1, round((self.end - self.metric_start) / self.meter.beat_duration))


def lay_out(tune: Tune) -> tuple[Tune, tuple[PlayedBar, ...]]:
    """Unfold a tune and lay its bars end to end.

    Returns:
        The unfolded tune without its empty bars, and one PlayedBar for each of its bars.
    """
    unfolded = unfold_tune(tune)
    written_sections = part_of_bars(tune)
    order = play_order(tune)
    bars: list[Bar] = []
    played: list[PlayedBar] = []
    meter, key, position = tune.header.meter or FREE_METER, tune.header.key, Fraction(0)
    # Bars of free metre are as long as they are: none is short.
    free = tune.header.meter is None
    pending: Bar | None = None
    count, latest = 0, -1
    for bar, written in zip(unfolded.bars, order, strict=True):
        section = written_sections[written]
        meter, key = bar.meter or meter, bar.key or key
        free = free and bar.meter is None
        if not bar.notes:
            # What an empty bar changes holds for the next one.
            pending = bar if pending is None else _with_changes(bar, pending)
            continue
        if pending is not None:
            bar, pending = _with_changes(bar, pending), None
        again = written <= latest or not played or section != played[-1].section
        opens, latest = again or _is_short(played[-1]), written
        duration = bar.duration
        is_pickup = opens and not free and duration < meter.bar_duration
        if played and is_pickup and played[-1].is_pickup:
            is_pickup = False
        count = 0 if again else count
        played.append(PlayedBar(position, position + duration, meter, key, section, count, is_pickup))
        count += not is_pickup
        bars.append(bar)
        position += duration
    return replace(unfolded, bars=tuple(bars)), tuple(played)


def _with_changes(bar: Bar, earlier: Bar) -> Bar:
    return replace(
        bar,
        meter=bar.meter or earlier.meter,
        key=bar.key or earlier.key,
        tempo_bpm=bar.tempo_bpm or earlier.tempo_bpm,
    )


def _is_short(bar: PlayedBar) -> bool:
    return bar.duration < bar.meter.bar_duration


@dataclass(frozen=True)
class Swing:
    """How quick notes swing: the first of a pair over the second (1 is straight); the pair in whole notes."""

    ratio: float
    pair: Fraction


@dataclass(frozen=True)
class Clock:
    """Score positions (whole notes) to seconds: swing first, then tempo. All arrays are increasing floats."""

    straight: np.ndarray
    swung: np.ndarray
    knots: np.ndarray
    knot_seconds: np.ndarray

    def seconds(self, positions: Iterable[Fraction | float] | np.ndarray) -> np.ndarray:
        """Seconds after the start of the tune, float64, one for each position (in whole notes)."""
        places = np.asarray([float(position) for position in positions])
        return np.interp(np.interp(places, self.straight, self.swung), self.knots, self.knot_seconds)


def build_clock(
    bars: Sequence[PlayedBar],
    whole_seconds: Sequence[float],
    fermatas: Iterable[tuple[Fraction, Fraction]],
    onsets: Iterable[Fraction],
    swings: Sequence[Swing],
) -> Clock:
    """The clock of one pass through a tune.

    Args:
        bars: the played bars.
        whole_seconds: seconds that a whole note lasts in each bar.
        fermatas: (start, end) of the notes that are held; they last FERMATA_STRETCH times as long.
        onsets: where the tune's notes start; pairs already uneven there (dotted, triplets) are left as written.
        swings: how the quick notes of each bar swing.
    """
    knots = {bar.start for bar in bars} | {bars[-1].end}
    held = sorted(fermatas)
    for start, end in held:
        knots |= {start, end}
    ordered = sorted(knots)
    starts = np.array([float(knot) for knot in ordered])
    bar_starts = np.array([float(bar.start) for bar in bars])
    bar_of = np.clip(np.searchsorted(bar_starts, starts[:-1] + 1e-9) - 1, 0, len(bars) - 1)
    rates = np.asarray(whole_seconds, float)[bar_of]
    for start, end in held:
        rates[(starts[:-1] >= float(start) - 1e-9) & (starts[:-1] < float(end) - 1e-9)] *= FERMATA_STRETCH
    seconds = np.concatenate([[0.0], np.cumsum(np.diff(starts) * rates)])
    straight, swung = _swing_map(bars, onsets, swings)
    return Clock(straight, swung, starts, seconds)


def _swing_map(
    bars: Sequence[PlayedBar], onsets: Iterable[Fraction], swings: Sequence[Swing]
) -> tuple[np.ndarray, np.ndarray]:
    """Straight positions and where they swing to, floats [N], increasing; linear in between.

    A pair of quick notes swings unless the tune itself divides it unevenly: dotted, or in three.
    """
    end = float(bars[-1].end)
    starts = np.array([float(onset) for onset in onsets])
    pairs: list[tuple[float, Swing]] = []
    for swing in dict.fromkeys(swings):
        if swing.ratio != STRAIGHT:
            width = float(swing.pair)
            cells = _pair_starts([bar for bar, its in zip(bars, swings, strict=True) if its == swing], width)
            cells = cells[(cells > -_TOLERANCE) & (cells + width < end + _TOLERANCE)]
            if len(cells):
                pairs += [(cell, swing) for cell in cells[_divides_evenly(cells, starts, width)].tolist()]
    straight, swung = [0.0], [0.0]
    for cell, swing in sorted(pairs, key=lambda pair: pair[0]):
        # Pairs of a short bar and of the pickup behind it may overlap; the first one has its way.
        if cell > straight[-1] - _TOLERANCE:
            width = float(swing.pair)
            late = width * (swing.ratio / (1 + swing.ratio) - 0.5)
            straight += [cell, cell + width / 2, cell + width]
            swung += [cell, cell + width / 2 + late, cell + width]
    return np.array([*straight, end]), np.array([*swung, end])


def _pair_starts(bars: Sequence[PlayedBar], width: float) -> np.ndarray:
    """Where pairs of quick notes start, counted from each bar's metric start, float [N], rising; simple metres only."""
    starts = [
        float(bar.metric_start) + np.arange(ceil(float(bar.end - bar.metric_start) / width)) * width
        for bar in bars
        if not bar.meter.is_compound
    ]
    return np.unique(np.round(np.concatenate(starts), 9)) if starts else np.zeros(0)


def _divides_evenly(cells: np.ndarray, onsets: np.ndarray, width: float) -> np.ndarray:
    """For each pair, bool [N]: whether the onsets in it are those of halves, or of halves and quarters."""
    owner = np.searchsorted(cells, onsets + _TOLERANCE, side="right") - 1
    place = (onsets - cells[owner]) / width
    inside = (owner >= 0) & (place < 1 - _TOLERANCE)
    owner, quarters = owner[inside], place[inside] * 4
    off_grid, quarter, half = (np.zeros(len(cells), bool) for _ in range(3))
    nearest = np.round(quarters).astype(int)
    off_grid[owner[np.abs(quarters - nearest) > 1e-4]] = True
    quarter[owner[nearest % 2 == 1]] = True
    half[owner[nearest == 2]] = True
    return ~off_grid & (half | ~quarter)
