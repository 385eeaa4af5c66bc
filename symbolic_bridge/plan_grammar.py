"""What may follow what in a plan's row: the outline's structure, what the user has settled, and bounds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from symbolic_bridge.grammar import (
    MAX_ENDING_BARS,
    BoolMask,
    TunePlan,
    names_after_bar,
    names_after_part,
    part_name,
)
from symbolic_bridge.plan_analysis import bar_numbers
from symbolic_bridge.plan_tokens import SLOTS, PlanWalker, plan_vocabulary
from symbolic_bridge.plans import HIGHEST_LEVEL, LOWEST_LEVEL, Plan, PlanBar, PlanError
from symbolic_bridge.tune_tokens import CONDITION_NAMES


@dataclass(frozen=True)
class PlanLeaning:
    """Which way the entries lean that nobody has settled.

    `notes`, `level` and `density` are added to the logit of an entry for each note, level or density step that it is
    above 0: what is then drawn is more or less than usual for a tune of its kind, whatever is usual. `lowest` and
    `highest` bound the level.
    """

    notes: float = 0.0
    level: float = 0.0
    density: float = 0.0
    lowest: int = LOWEST_LEVEL
    highest: int = HIGHEST_LEVEL

    def __post_init__(self) -> None:
        if not LOWEST_LEVEL <= self.lowest <= self.highest <= HIGHEST_LEVEL:
            raise ValueError(
                f"levels {self.lowest} to {self.highest}: {LOWEST_LEVEL} to {HIGHEST_LEVEL} are allowed"
            )


class PlanGrammar:
    """Says which ids may follow in a plan's row.

    Args:
        outline: parts, bars and repeats.
        given: what is settled; its parts have the outline's numbers of bars.
        leaning: of what is not.

    Attributes:
        bias: float [V], to be added to the logits.

    Raises:
        PlanError: a planned pickup has no token.
    """

    def __init__(self, outline: TunePlan, given: Plan, leaning: PlanLeaning) -> None:
        self.outline, self.given, self.leaning = outline, given, leaning
        self.table = plan_vocabulary()
        self.groups = {slot: self.table.group(f"{slot}:") for slot in (*SLOTS, "density")}
        self.bias = np.zeros(len(self.table), dtype=np.float32)
        for slot in ("notes", "level", "density"):
            values = [int(self.table.names[index].partition(":")[2]) for index in self.groups[slot]]
            self.bias[list(self.groups[slot])] = getattr(leaning, slot) * np.array(values)
        for number, part in enumerate(given.parts, start=1):
            if part.pickup and f"pickup:{part.pickup}" not in self.table.ids:
                raise PlanError(f"part {number}: a pickup of {part.pickup} ticks cannot be written")
        self.given_bars = given.all_bars()
        self.given_numbers = bar_numbers(given.parts)

    @property
    def max_tokens(self) -> int:
        """No plan of this outline has more tokens."""
        bars = sum(part.bars + MAX_ENDING_BARS + 3 for part in self.outline.parts) + len(self.given_bars)
        return len(CONDITION_NAMES) + bars * (len(SLOTS) + 1) + 1

    def allowed(self, walker: PlanWalker) -> BoolMask:
        """The ids that may come next, bool [V]; at least one is allowed."""
        if walker.seen < len(CONDITION_NAMES):
            return self._mask(self.groups["density"])
        if walker.section == "conditions":
            return self._only([part_name(self.outline, 0)])
        part = self.given.parts[walker.part] if walker.part < len(self.given.parts) else None
        if walker.section == "part":
            names = names_after_part(self.outline, walker)
            if part is not None and part.pickup is not None:
                bar = f"bar:{self.outline.parts[walker.part].bars}"
                names = [f"pickup:{part.pickup}" if part.pickup else bar]
            return self._only(names)
        if walker.section == "pickup":
            return self._only([f"bar:{self.outline.parts[walker.part].bars}"])
        if walker.section == "ending":
            return self._only([f"bar:{walker.ending_bars}"])
        if walker.slot < len(SLOTS):
            return self._entry(walker)
        names = names_after_bar(self.outline, walker)
        if part is not None and "ending:1" in names:
            due = bool(part.endings) and walker.bars_left - 1 == len(part.endings[0])
            names = ["ending:1"] if due else [name for name in names if name != "ending:1"]
        return self._only(names)

    def _only(self, names: list[str]) -> BoolMask:
        return self._mask([self.table.ids[name] for name in names])

    def _mask(self, ids: list[int] | tuple[int, ...]) -> BoolMask:
        mask = np.zeros(len(self.table), dtype=bool)
        mask[list(ids)] = True
        return mask

    def _entry(self, walker: PlanWalker) -> BoolMask:
        """The entries that the next slot of this bar may take."""
        place = len(walker.bars) - 1
        bar = self.given_bars[place] if place < len(self.given_bars) else PlanBar()
        slot = SLOTS[walker.slot]
        wanted = {
            "relation": self._relation(bar, place),
            "cadence": bar.cadence and f"cadence:{bar.cadence}",
            "chord": bar.chord and f"chord:{bar.chord}",
            "level": None if bar.level is None else f"level:{bar.level}",
            "direction": bar.direction and f"direction:{bar.direction}",
            "notes": None if bar.notes is None else f"notes:{bar.notes}",
        }[slot]
        if slot == "relation":
            names = self._relations(walker, bar)
            return self._only([wanted] if wanted in names else names)
        if wanted is not None:
            return self._only([wanted])
        if slot == "level":
            levels = range(self.leaning.lowest, self.leaning.highest + 1)
            return self._only([f"level:{level}" for level in levels])
        return self._mask(self.groups[slot])

    def _relation(self, bar: PlanBar, place: int) -> str | None:
        if bar.of is None:
            return None if bar.relation is None else "relation:new"
        return f"relation:{bar.relation}:{self.given_numbers[place] - self.given_numbers[bar.of - 1]}"

    def _relations(self, walker: PlanWalker, bar: PlanBar) -> list[str]:
        """What this bar may be to those before it; one with settled entries is no copy."""
        settled = bar.chords or any(
            value is not None for value in (bar.cadence, bar.level, bar.direction, bar.notes)
        )
        names = ["relation:new"]
        for number, earlier in walker.latest.items():
            distance = walker.number - number
            if distance < 0:
                continue
            names.append(f"relation:varies:{distance}")
            if not settled and self._as_long(walker, earlier):
                names.append(f"relation:repeats:{distance}")
        return [name for name in names if name in self.table.ids]

    @staticmethod
    def _as_long(walker: PlanWalker, earlier: int) -> bool:
        """Whether a bar is as long as this one: behind a pickup, last bars are shorter."""
        return not walker.tune_pickup or walker.are_last[earlier] == (walker.bars_left == 1)
