"""Which notes of a bar share beams: those of one beat, so that a printed page can be read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby


@dataclass(frozen=True)
class BeamPlace:
    """What decides the beams of a note: its flags (0 for what takes no beam) and the number of its beat."""

    flags: int
    beat: int


def beams(places: Sequence[BeamPlace]) -> list[list[str]]:
    """For every note of a bar the states of its beams, first level first: begin, continue, end and hooks.

    Notes of one beat that follow each other without a quarter or a rest between them are one group.
    """
    found: list[list[str]] = [[] for _ in places]
    runs = groupby(range(len(places)), key=lambda index: (places[index].flags > 0, places[index].beat))
    for (flagged, _), run in runs:
        group = list(run)
        if flagged and len(group) > 1:
            for turn, index in enumerate(group):
                before = places[group[turn - 1]].flags if turn else 0
                after = places[group[turn + 1]].flags if turn + 1 < len(group) else 0
                found[index] = [_state(level, before, after) for level in range(1, places[index].flags + 1)]
    return found


def _state(level: int, before: int, after: int) -> str:
    """State of a note's beam of a level between neighbours with so many flags (0 outside the group)."""
    if before >= level:
        return "continue" if after >= level else "end"
    if after >= level:
        return "begin"
    # A hook points to the rest of its group.
    return "backward hook" if before else "forward hook"
