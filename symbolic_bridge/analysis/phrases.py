"""Phrases: where a melody takes breath, from the notes' own discontinuities and from what its bars say.

The Local Boundary Detection Model (Cambouropoulos 2001) gives every gap between notes a strength from changes of pitch
interval, time between onsets and rest. Alone it finds boundaries inside figures as readily as between phrases; dance
tunes are made of whole bars, so a search then picks the bar lines at which phrases join - every joint of two sections,
and between these where strong gaps and usual phrase lengths say - and each joint is put at the strongest gap at or
shortly before its bar line, since phrases often begin with an upbeat.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from symbolic_bridge.analysis.form import Form
from symbolic_bridge.analysis.melody import TOLERANCE, Melody

# Weights of pitch, onsets and rests, as published.
PITCH_WEIGHT, ONSET_WEIGHT, REST_WEIGHT = 0.25, 0.5, 0.25
LONGEST_PHRASE = 8
# What a phrase of so many bars costs; a gap's strength is 0 ... 1. These and the next two: best on training tunes.
_LENGTH_COSTS = {1: 4.0, 2: 1.8, 3: 1.4, 4: 0.0, 5: 1.4, 6: 1.8, 7: 2.4, 8: 1.6}
# An upbeat is at most this share of a bar; the bar line itself is preferred by so much strength.
_UPBEAT, _BAR_LINE = 0.3, 0.5


@dataclass(frozen=True)
class Phrase:
    """Notes [first, stop) of the melody; `bar` and `bars`: its full bars; `opens_section`: a section begins with it.

    `strength` is the LBDM's, 0 ... 1, of the gap before it; 1 for the first phrase.
    """

    first: int
    stop: int
    bar: int
    bars: int
    opens_section: bool
    strength: float


def boundary_strengths(melody: Melody) -> np.ndarray:
    """The LBDM's strength of the gap before each note but the first, float [L - 1], 0 ... 1."""
    starts, durations = melody.starts, melody.durations
    onsets = np.diff(starts)
    rests = np.maximum(onsets - durations[:-1], 0)
    profile = (
        PITCH_WEIGHT * _local_change(np.abs(np.diff(melody.pitches)).astype(float))
        + ONSET_WEIGHT * _local_change(onsets)
        + REST_WEIGHT * _local_change(rests)
    )
    top = profile.max()
    return profile / top if top > 0 else profile


def _local_change(intervals: np.ndarray) -> np.ndarray:
    """Each interval times how much it differs from both neighbours, scaled to at most 1; float [L - 1]."""
    total = intervals[:-1] + intervals[1:]
    change = np.abs(np.diff(intervals)) / np.where(total > TOLERANCE, total, 1.0)
    strength = intervals * (np.append(change, 0.0) + np.insert(change, 0, 0.0))
    top = strength.max(initial=0.0)
    return strength / top if top > TOLERANCE else np.zeros_like(intervals)


def find_phrases(melody: Melody, form: Form) -> tuple[Phrase, ...]:
    """The phrases of a melody, in order and without gaps.

    Args:
        melody: what `melody_of` gives.
        form: its sections; no phrase crosses from one into another.
    """
    strengths = np.concatenate([[1.0], boundary_strengths(melody)])  # [L], of the gap before each note
    places = [_place(melody, bar, strengths) for bar in melody.full_bars()]
    joints: list[int] = []
    for section in form.sections:
        joints += _joints(section.start, section.bars, [strengths[place] for place in places])
    opening = {section.start for section in form.sections}
    firsts = [0, *(places[joint] for joint in joints[1:])]
    return tuple(
        Phrase(first, stop, joint, after - joint, joint in opening, round(float(strengths[first]), 4))
        for first, stop, joint, after in zip(
            firsts, [*firsts[1:], len(melody.notes)], joints, [*joints[1:], len(places)], strict=True
        )
        if stop > first
    )


def _place(melody: Melody, bar: int, strengths: np.ndarray) -> int:
    """The note that a phrase joined at the start of this bar would begin with."""
    played = melody.bars[bar]
    start = float(played.start)
    at_line = int(np.searchsorted(melody.starts, start - TOLERANCE))
    at_line = min(at_line, len(melody.notes) - 1)
    if bar and melody.bars[bar - 1].is_pickup:
        # The bars themselves say where the upbeat begins.
        pickup = float(melody.bars[bar - 1].start)
        return min(int(np.searchsorted(melody.starts, pickup - TOLERANCE)), at_line)
    earliest = start - _UPBEAT * float(played.meter.bar_duration)
    # A bar of rests behind the last note leaves that note alone.
    first = min(int(np.searchsorted(melody.starts, earliest + TOLERANCE)), at_line)
    candidates = np.arange(first, at_line + 1)
    worth = strengths[candidates] + _BAR_LINE * (candidates == at_line)
    return int(candidates[len(candidates) - 1 - np.argmax(worth[::-1])])


def _joints(start: int, bars: int, strengths: list[float]) -> list[int]:
    """The full bars of a section at which phrases begin, its first one included: the best sum of gaps and lengths."""
    best: list[tuple[float, int]] = [(0.0, 0)]
    for stop in range(1, bars + 1):
        gain = 0.0 if stop == bars else strengths[start + stop]
        options = [
            (best[stop - length][0] + gain - _LENGTH_COSTS[length], length)
            for length in range(1, min(LONGEST_PHRASE, stop) + 1)
        ]
        best.append(max(options))
    joints, place = [], bars
    while place > 0:
        place -= best[place][1]
        joints.append(start + place)
    return joints[::-1]
