"""What the note model is told of a plan, token by token, and what of a row a whole plan settles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

import numpy as np
from numpy.typing import NDArray

from symbolic_bridge.grammar import LOOK_BACK_BARS, MAX_BAR_TICKS, Walker
from symbolic_bridge.plan_tokens import OPEN, SLOTS, Entry
from symbolic_bridge.plans import MOST_NOTES
from symbolic_bridge.tune_tokens import vocabulary

# Columns beside those of `grammar.feature_rows`: the id that started at the same place in the related bar, notes still
# planned for this bar, and the entries of this bar and the next.
GUIDE_FEATURES = 2 + 2 * len(SLOTS)
NOTES_UNKNOWN = 0
_CHORD = SLOTS.index("chord")


@dataclass
class Guide:
    """Follows a row of tune tokens along its plan's entries and says what the note model is told of them.

    `half_ticks`: where in a bar its second chord sets in. `written` and `starts`: ids of each bar so far, and those of
    its notes by their position. `begun`: notes begun in this bar.
    """

    entries: Sequence[Entry]
    half_ticks: int = MAX_BAR_TICKS
    bar: int = -1
    inside: bool = False
    written: list[list[int]] = field(default_factory=list)
    starts: list[dict[int, int]] = field(default_factory=list)
    begun: int = 0

    def step(self, index: int, position: int) -> None:
        """Take one more id.

        Args:
            index: of the tune's vocabulary.
            position: ticks in the bar at which it stands, before it is taken.
        """
        table = vocabulary()
        if table.ticks[index] or table.names[index] in ("roll", "tie"):
            if self.inside:
                self.written[-1].append(index)
                if table.ticks[index]:
                    self.starts[-1][position] = index
                    self.begun += table.pitch[index] > 0
            return
        # The notes of a pickup belong to no bar.
        self.inside = table.names[index].startswith("bar:")
        if self.inside:
            self.bar += 1
            self.begun = 0
            self.written.append([])
            self.starts.append({})

    def entry(self, ahead: int = 0) -> Entry:
        """The entry of this bar or of one ahead; open where there is none."""
        place = self.bar + ahead
        return self.entries[place] if (ahead or self.inside) and place < len(self.entries) else OPEN

    def copied(self) -> int:
        """The id that comes next in the bar this one repeats; 0 where it repeats none or that one is at its end."""
        entry = self.entry()
        if not entry.repeats or not 0 <= entry.of < self.bar:
            return 0
        source, place = self.written[entry.of], len(self.written[self.bar])
        return source[place] if place < len(source) else 0

    def features(self, position: int) -> tuple[int, ...]:
        """GUIDE_FEATURES numbers; ids are 0 where something is open."""
        now, following = self.entry(), self.entry(1)
        related = self.starts[now.of].get(position, 0) if 0 <= now.of < self.bar else 0
        left = NOTES_UNKNOWN if now.notes is None else 1 + min(MOST_NOTES, max(0, now.notes - self.begun))
        ids = now.ids
        if now.second_chord and position >= self.half_ticks:
            ids = (*ids[:_CHORD], now.second_chord, *ids[_CHORD + 1 :])
        return (related, left, *ids, *following.ids)


def guided_rows(ids: Sequence[int], entries: Sequence[Entry]) -> tuple[NDArray[np.int16], NDArray[np.bool_]]:
    """Features after each id of a tune's row, with its plan.

    Returns:
        int [L, 2 + look-backs + GUIDE_FEATURES], and bool [L], True where the next id is a copy of the bar repeated.
    """
    walker, guide = Walker(), Guide(entries)
    rows = np.zeros((len(ids), 2 + len(LOOK_BACK_BARS) + GUIDE_FEATURES), dtype=np.int16)
    copies = np.zeros(len(ids), dtype=bool)
    for place, index in enumerate(ids):
        position = walker.position
        walker.step(index)
        guide.step(index, position)
        rows[place] = (*walker.features(), *guide.features(walker.position))
        copies[place] = guide.entry().repeats
    return rows, copies


def notes_by_bar(ids: Sequence[int]) -> tuple[dict[int, tuple[int, ...]], dict[int, tuple[int, ...]]]:
    """The ids of every bar by its place, and those of every pickup by its part, without what gives them structure."""
    bars: dict[int, tuple[int, ...]] = {}
    pickups: dict[int, tuple[int, ...]] = {}
    part = bar = -1
    now: dict[int, tuple[int, ...]] | None = None
    place = 0
    for index in ids:
        name = vocabulary().names[index]
        if not is_structure()[index]:
            if now is not None:
                now[place] = (*now.get(place, ()), index)
        elif name.startswith("part:"):
            part += 1
            now = None
        elif name.startswith("pickup:"):
            now, place = pickups, part
        elif name.startswith("bar:"):
            bar += 1
            now, place = bars, bar
    return bars, pickups


def next_structure(ids: Sequence[int]) -> NDArray[np.int64]:
    """For each id of a tune's row the next one behind it that is no note, tie or roll, [L - 1]."""
    found = np.zeros(len(ids) - 1, dtype=np.int64)
    following = 0
    for place in range(len(ids) - 1, 0, -1):
        if is_structure()[ids[place]]:
            following = ids[place]
        found[place - 1] = following
    return found


@cache
def is_structure() -> NDArray[np.bool_]:
    """Which ids of the tune's vocabulary are settled by a whole plan: all but notes, rests, ties and rolls."""
    table = vocabulary()
    return np.array(
        [
            not ticks and name not in ("tie", "roll")
            for name, ticks in zip(table.names, table.ticks, strict=True)
        ]
    )
