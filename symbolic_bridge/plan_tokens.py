"""A plan as a row of ids.

A plan's row has the structure of the tune's own row - conditions, parts, pickups, bars, endings, end - with the entries
of each bar where the tune has its notes: relation, cadence, chord, level, direction, notes, one token each. A bar that
repeats another has its relation only. Relations are distances on the time line, in bars, where second endings take the
numbers of first endings: folk phrases answer each other at the same few distances in every tune.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cache

import numpy as np
from numpy.typing import NDArray

from symbolic_bridge.grammar import LOOK_BACK_BARS
from symbolic_bridge.plan_analysis import bar_numbers
from symbolic_bridge.plans import (
    CADENCES,
    DIRECTIONS,
    HIGHEST_LEVEL,
    LONGEST_DISTANCE,
    LOWEST_LEVEL,
    MOST_NOTES,
    NO_CHORD,
    NUMERALS,
    Plan,
    PlanBar,
    PlanError,
    PlanPart,
)
from symbolic_bridge.tune import Meter
from symbolic_bridge.tune_tokens import CONDITION_NAMES, LABELS, Conditions, Vocabulary, vocabulary

SLOTS = ("relation", "cadence", "chord", "level", "direction", "notes")
# How far a plan goes into a bar: so many of its SLOTS are written, the rest is left open.
DEPTHS = {"structure": 2, "harmony": 3, "whole": len(SLOTS)}
# Columns of `plan_feature_rows`: slot, bars left, the entry at the same slot 1, 2, 4, 8 bars back and in the bar
# that the relation names.
PLAN_FEATURES = 2 + len(LOOK_BACK_BARS) + 1


@cache
def plan_vocabulary() -> Vocabulary:
    """The plan's own vocabulary: the tune's without notes, then the entries. Part of the checkpoint format."""
    tune = vocabulary()
    names = [name for name, ticks in zip(tune.names, tune.ticks, strict=True) if not ticks]
    names += ["relation:new"]
    names += [f"relation:repeats:{distance}" for distance in range(LONGEST_DISTANCE + 1)]
    names += [f"relation:varies:{distance}" for distance in range(LONGEST_DISTANCE + 1)]
    names += [f"cadence:{name}" for name in CADENCES]
    names += [f"chord:{name}" for name in (NO_CHORD, *NUMERALS)]
    names += [f"level:{level}" for level in range(LOWEST_LEVEL, HIGHEST_LEVEL + 1)]
    names += [f"direction:{name}" for name in DIRECTIONS]
    names += [f"notes:{count}" for count in range(MOST_NOTES + 1)]
    zeros = (0,) * len(names)
    return Vocabulary(tuple(names), {name: index for index, name in enumerate(names)}, zeros, zeros)


@dataclass(frozen=True)
class Entry:
    """The ids of one bar's entries, 0 where open, in the order of SLOTS.

    `of`: place, from 0, of the bar it repeats or varies, -1 for none. `second_chord`: the id of the chord of its second
    half, 0 where that is the first one.
    """

    ids: tuple[int, ...]
    of: int = -1
    second_chord: int = 0

    @property
    def repeats(self) -> bool:
        """Whether it is a copy of another bar."""
        return bool(self.ids[0]) and plan_vocabulary().names[self.ids[0]].startswith("relation:repeats")

    @property
    def notes(self) -> int | None:
        """How many notes are planned."""
        return int(plan_vocabulary().names[self.ids[5]].partition(":")[2]) if self.ids[5] else None

    def to_depth(self, depth: int) -> Entry:
        """The entry with only its first `depth` slots."""
        ids = (*self.ids[:depth], *(0,) * (len(SLOTS) - depth))
        return replace(self, ids=ids, second_chord=self.second_chord if ids[2] else 0)


OPEN = Entry((0,) * len(SLOTS))


def entries_of(plan: Plan) -> tuple[Entry, ...]:
    """One for each written bar; a bar that repeats another has that one's entries behind its own relation."""
    table = plan_vocabulary().ids
    numbers = bar_numbers(plan.parts)
    found: list[Entry] = []
    for place, bar in enumerate(plan.all_bars()):
        of = -1 if bar.of is None else bar.of - 1
        relation = _relation_name(bar, numbers[place] - numbers[of] if of >= 0 else 0)
        if bar.relation == "repeats":
            rest = found[of].ids[1:]
        else:
            names = (
                bar.cadence and f"cadence:{bar.cadence}",
                bar.chord and f"chord:{bar.chord}",
                None if bar.level is None else f"level:{bar.level}",
                bar.direction and f"direction:{bar.direction}",
                None if bar.notes is None else f"notes:{bar.notes}",
            )
            rest = tuple(table[name] if name else 0 for name in names)
        second = table[f"chord:{bar.chords[1]}"] if len(bar.chords) > 1 else 0
        found.append(Entry((table.get(relation, 0), *rest), of, second))
    return tuple(found)


def _relation_name(bar: PlanBar, distance: int) -> str:
    return (
        ""
        if bar.relation is None
        else "relation:new"
        if bar.of is None
        else f"relation:{bar.relation}:{distance}"
    )


def encode_plan(plan: Plan, conditions: Conditions, depth: int = len(SLOTS)) -> list[int]:
    """The row of a plan that is whole to a depth, one of DEPTHS."""
    table = plan_vocabulary().ids
    entries = iter(entries_of(plan))
    row = [table[name] for name in conditions.names()]
    for label, part in zip(LABELS, plan.parts, strict=False):
        row.append(table[f"part:{label}:{'repeat' if part.repeated else 'once'}"])
        if part.pickup:
            row.append(table[f"pickup:{part.pickup}"])
        sections = [(part.bar_count, part.bars)] + [(len(ending), ending) for ending in part.endings]
        for number, (count, bars) in enumerate(sections):
            if number:
                row.append(table[f"ending:{number}"])
            for place in range(len(bars)):
                entry = next(entries)
                row.append(table[f"bar:{count - place}"])
                row += entry.ids[: 1 if entry.repeats else depth]
    return [*row, table["end"]]


def decode_plan(ids: Sequence[int], depth: int = len(SLOTS)) -> tuple[Plan, Conditions]:
    """The plan of a whole row of a depth, and the conditions it was drawn for.

    Raises:
        PlanError: the row is not well-formed.
    """
    walker, names = PlanWalker(depth), [plan_vocabulary().names[index] for index in ids]
    said = dict(name.split(":", 1) for name in names[: len(CONDITION_NAMES)])
    parts: list[PlanPart] = []
    sections: list[list[PlanBar]] = []
    head = PlanPart((PlanBar(),))

    def close() -> None:
        if sections:
            bars, *endings = (tuple(section) for section in sections)
            parts.append(replace(head, bars=bars, endings=tuple(endings)))

    for index, name in zip(ids, names, strict=True):
        walker.step(index)
        kind, _, value = name.partition(":")
        if kind in ("part", "end"):
            close()
            head, sections = PlanPart((PlanBar(),), value.endswith("repeat"), 0), [[]]
        elif kind == "pickup":
            head = replace(head, pickup=int(value))
        elif kind == "ending":
            sections.append([])
        elif kind in SLOTS and walker.slot == len(SLOTS):
            sections[-1].append(_plan_bar(walker))
    if walker.section != "end":
        raise PlanError(f"the plan's row of {len(ids)} tokens has no end")
    form = "".join(label * (2 if part.repeated else 1) for label, part in zip(LABELS, parts, strict=False))
    beats, unit = said["meter"].split("/")
    plan = Plan(said["kind"], Meter(int(beats), int(unit)), said["mode"], None, form, tuple(parts))
    integers = {name: int(said[name]) for name in ("parts", "length", "density")}
    return plan, Conditions(said["kind"], said["meter"], said["mode"], **integers)


def _plan_bar(walker: PlanWalker) -> PlanBar:
    """The bar whose entries a walker has just seen."""
    values = [plan_vocabulary().names[index].split(":")[1:] for index in walker.bars[-1]]
    relation = values[0][0]
    of = walker.of + 1 if walker.of >= 0 else None
    if relation == "repeats":
        return PlanBar(relation, of)
    said = {slot: value[0] for slot, value in zip(SLOTS, values, strict=False)}
    return PlanBar(
        relation,
        of,
        said.get("cadence"),
        (said["chord"],) if "chord" in said else (),
        int(said["level"]) if "level" in said else None,
        said.get("direction"),
        int(said["notes"]) if "notes" in said else None,
    )


@dataclass
class PlanWalker:
    """The place in a plan's row after the ids seen so far.

    `depth`: how many slots each bar of the row has.
    `slot`: of the entry that comes next, len(SLOTS) where structure comes next. `bars`: ids of every written bar so
    far; `numbers`: their places on the time line; `are_last`: which end a part or an
    ending; `latest`: the last one written at each place. `of`: place of the bar that the relation of this bar names.
    """

    depth: int = len(SLOTS)
    seen: int = 0
    slot: int = len(SLOTS)
    bars_left: int = 0
    ending: int = 0
    number: int = -1
    ending_bar: int = 0
    ending_bars: int = 0
    part: int = -1
    tune_pickup: int = 0
    section: str = "conditions"
    of: int = -1
    bars: list[list[int]] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)
    are_last: list[bool] = field(default_factory=list)
    latest: dict[int, int] = field(default_factory=dict)

    def step(self, index: int) -> None:
        """Take one more id."""
        name = plan_vocabulary().names[index]
        self.seen += 1
        kind, _, value = name.partition(":")
        if kind in SLOTS:
            self._entry(index, kind, value)
        elif kind == "part":
            self.part += 1
            self.section, self.ending, self.bars_left = "part", 0, 0
        elif kind == "pickup":
            self.section = "pickup"
            self.tune_pickup = int(value) if self.part == 0 else self.tune_pickup
        elif kind == "bar":
            self.section, self.bars_left, self.slot, self.of = "bar", int(value), 0, -1
            self.number += 1
            self.bars.append([])
            self.numbers.append(self.number)
            self.are_last.append(self.bars_left == 1)
        elif kind == "ending":
            self.section, self.ending = "ending", int(value)
            if self.ending == 1:
                self.ending_bar, self.ending_bars = self.number, max(1, self.bars_left - 1)
            else:
                self.number = self.ending_bar
        elif name == "end":
            self.section = "end"

    def _entry(self, index: int, kind: str, value: str) -> None:
        self.bars[-1].append(index)
        self.slot = SLOTS.index(kind) + 1
        if kind == "relation":
            relation, _, distance = value.partition(":")
            if distance:
                self.of = self.latest.get(self.number - int(distance), -1)
            if relation == "repeats":
                self.slot = len(SLOTS)
                self.bars[-1] += self.bars[self.of][1:] if self.of >= 0 else []
        if self.slot == self.depth:
            self.slot = len(SLOTS)
        if self.slot == len(SLOTS):
            self.latest[self.number] = len(self.bars) - 1

    def features(self) -> tuple[int, ...]:
        """PLAN_FEATURES numbers; ids are 0 where there is none."""
        slot = min(self.slot, len(SLOTS) - 1)

        def entry(place: int) -> int:
            return self.bars[place][slot] if place >= 0 and slot < len(self.bars[place]) else 0

        if self.slot == len(SLOTS):
            return (self.slot, self.bars_left, *(0,) * (PLAN_FEATURES - 2))
        backs = (self.latest.get(self.number - back, -1) for back in LOOK_BACK_BARS)
        return (self.slot, self.bars_left, *(entry(place) for place in backs), entry(self.of))


def plan_feature_rows(ids: Sequence[int], depth: int = len(SLOTS)) -> NDArray[np.int16]:
    """Features after each id of a plan's row of a depth, [L, PLAN_FEATURES]."""
    walker = PlanWalker(depth)
    rows = np.zeros((len(ids), PLAN_FEATURES), dtype=np.int16)
    for place, index in enumerate(ids):
        walker.step(index)
        rows[place] = walker.features()
    return rows
