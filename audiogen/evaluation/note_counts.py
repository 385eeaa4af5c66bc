"""Counting the notes that were right before a round trip and are right after it: pitch, onset, and both."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from audiogen.evaluation.onsets import kept_onsets
from audiogen.evaluation.pitch import TOLERANCE_SEMITONES, shuffled_share
from audiogen.evaluation.ratios import ratio

NEAR_SEMITONES = 0.2
# Sums of fractions must not decide.
SLACK_SEMITONES = 0.01
FAST_NOTE_SECONDS = 0.12
# Beyond this a pitch is another note, not the same one out of tune.
TUNING_REACH_SEMITONES = 0.5


@dataclass(frozen=True)
class HeardNotes:
    """What was heard of one solo's single notes, all float [notes].

    `wanted`: pitches of the score, moved by the tuning. `before`, `after`: median pitches, NaN where none was heard.
    `onset_before`, `onset_after`: seconds, NaN where none was heard. `onset_floor`: the share of onsets kept by chance.
    `seconds`: lengths of the notes.
    """

    wanted: np.ndarray
    before: np.ndarray
    after: np.ndarray
    onset_before: np.ndarray
    onset_after: np.ndarray
    onset_floor: float
    seconds: np.ndarray


@dataclass(frozen=True)
class Count:
    """Notes right before, those of them right after, the same of fast notes, and the share kept by chance."""

    right_before: int
    kept: int
    fast_right_before: int
    fast_kept: int
    floor: float


def count_notes(heard: HeardNotes) -> dict[str, Count]:
    """One `Count` for each way of being right.

    `pitch_50`: within 50 cents of the score, before and after. `pitch`: within 20 cents. `pitch_moved`: within 50 cents
    of the score before, and afterwards within 20 cents of where it was. `onset`: heard before, and within 20 ms of it
    after. `both` is `pitch` and `onset`, `both_moved` is `pitch_moved` and `onset`.
    """
    wide, near = TOLERANCE_SEMITONES + SLACK_SEMITONES, NEAR_SEMITONES + SLACK_SEMITONES
    moved = np.abs(heard.after - heard.before) <= near
    pitches = {
        "pitch_50": (_within(heard.before, heard.wanted, wide), _within(heard.after, heard.wanted, wide)),
        "pitch": (_within(heard.before, heard.wanted, near), _within(heard.after, heard.wanted, near)),
        "pitch_moved": (_within(heard.before, heard.wanted, wide), moved),
    }
    floors = {
        "pitch_50": shuffled_share(heard.after, heard.wanted, wide),
        "pitch": shuffled_share(heard.after, heard.wanted, near),
        "pitch_moved": shuffled_share(heard.after, heard.before, near),
    }
    begun = ~np.isnan(heard.onset_before), kept_onsets(heard.onset_before, heard.onset_after)
    fast = heard.seconds < FAST_NOTE_SECONDS
    found = {name: _count(before, after, fast, floors[name]) for name, (before, after) in pitches.items()}
    found["onset"] = _count(begun[0], begun[1], fast, heard.onset_floor)
    for name, pitch in (("both", "pitch"), ("both_moved", "pitch_moved")):
        before, after = (one & other for one, other in zip(pitches[pitch], begun, strict=True))
        found[name] = _count(before, after, fast, floors[pitch] * heard.onset_floor)
    return found


def summarise(parts: Iterable[tuple[int, dict[str, Count]]]) -> dict[str, dict[str, float | int | None]]:
    """Shares over solos, given each one's number of notes and counts: for each way of being right, JSON values.

    `right_before` is the share of all notes, `kept` that of the notes right before, `floor` is weighted by notes.
    """
    solos = list(parts)
    notes = sum(count for count, _ in solos)
    found: dict[str, dict[str, float | int | None]] = {}
    for name in solos[0][1] if solos else ():
        counts = [(number, each[name]) for number, each in solos]
        right = sum(count.right_before for _, count in counts)
        found[name] = {
            "notes_right_before": right,
            "right_before": ratio(right, notes),
            "kept": ratio(sum(count.kept for _, count in counts), right),
            "kept_of_fast": ratio(
                sum(count.fast_kept for _, count in counts),
                sum(count.fast_right_before for _, count in counts),
            ),
            "floor": ratio(sum(number * count.floor for number, count in counts), notes),
        }
    return found


def tuning_semitones(before: np.ndarray, wanted: np.ndarray) -> float:
    """How far above its score a recording is tuned: the median difference of the notes that are not another note."""
    difference = (before - wanted)[~np.isnan(before)]
    if not len(difference):
        return 0.0
    middle = np.median(difference)
    return float(np.median(difference[np.abs(difference - middle) <= TUNING_REACH_SEMITONES]))


def _within(heard: np.ndarray, wanted: np.ndarray, semitones: float) -> np.ndarray:
    """Which pitches are that near, bool [notes]; what was not heard is not."""
    return np.abs(heard - wanted) <= semitones


def _count(before: np.ndarray, after: np.ndarray, fast: np.ndarray, floor: float) -> Count:
    kept = before & after
    return Count(
        int(before.sum()), int(kept.sum()), int((before & fast).sum()), int((kept & fast).sum()), floor
    )
