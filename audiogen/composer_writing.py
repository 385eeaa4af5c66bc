"""Level 2: one row of notes being written, and what may come next in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from audiogen.composer_plan import TuneOrder
from audiogen.composer_planning import DrawnPlan, only
from symbolic_bridge.analysis.cadences import scale_of
from symbolic_bridge.grammar import BoolMask, Grammar, Walker
from symbolic_bridge.normal_form import TICKS_PER_WHOLE
from symbolic_bridge.plan_guide import Guide, is_structure
from symbolic_bridge.plan_tokens import entries_of, plan_vocabulary
from symbolic_bridge.plans import MOST_NOTES
from symbolic_bridge.tune_tokens import CONDITION_NAMES, vocabulary

# Degrees of the scale on which a planned cadence may end; `plan_analysis` hears them so.
CADENCE_DEGREES = {"half": (2, 5, 7), "full": (1,)}
# Notes that are still to come are given room for at least sixteenths.
SHORTEST_NOTE_TICKS = 6


class PlanMasks:
    """Leaves of the notes that may come next those that keep to the plan; all where none would be left."""

    def __init__(self, order: TuneOrder, grammar: Grammar) -> None:
        table, meter = vocabulary(), order.plan.meter
        self.last_beat = int((meter.bar_duration - meter.beat_duration) * TICKS_PER_WHOLE)
        self.ticks = np.array(table.ticks)
        self.sounds = np.array(table.pitch) > 0
        self.rests = (self.ticks > 0) & ~self.sounds
        scale = scale_of(order.plan.mode)
        above = (np.array(table.pitch) - grammar.tonic) % 12
        ids = plan_vocabulary().ids
        self.cadences = {
            ids[f"cadence:{name}"]: self.sounds & np.isin(above, [scale[degree - 1] for degree in degrees])
            for name, degrees in CADENCE_DEGREES.items()
        }

    def cadence(self, mask: BoolMask, cadence: int, position: int) -> BoolMask:
        """The note on the bar's last beat ends the phrase on a degree of the planned cadence.

        Args:
            mask: bool [V].
            cadence: the plan's id of the entry.
            position: ticks since the start of the bar.
        """
        if cadence not in self.cadences or position > self.last_beat:
            return mask
        covers = (self.ticks > 0) & (position + self.ticks > self.last_beat)
        return _some(mask & (~covers | self.cadences[cadence]), mask)

    def count(self, mask: BoolMask, planned: int, left: int) -> BoolMask:
        """So many notes as are planned fill the bar: the last one to its end, the others leaving room for the rest.

        Args:
            mask: bool [V].
            planned: notes still to begin.
            left: ticks left in the bar, above 0.
        """
        if planned <= 0:
            return _some(mask & self.rests, mask)
        wanted = (
            self.ticks == left if planned == 1 else left - self.ticks >= (planned - 1) * SHORTEST_NOTE_TICKS
        )
        notes = mask & (self.ticks > 0) & wanted & (self.sounds | (planned > 1))
        # A roll sign alone would promise a note that cannot come.
        return notes | (mask & (self.ticks == 0)) if notes.any() else mask


def _some(narrow: BoolMask, mask: BoolMask) -> BoolMask:
    return narrow if narrow.any() else mask


@dataclass
class NoteRow:
    """A row of ids on its way, with its places in grammar, plan and the notes that are kept."""

    order: TuneOrder
    grammar: Grammar
    masks: PlanMasks
    draft: DrawnPlan | None
    ids: list[int] = field(default_factory=list)
    walker: Walker = field(default_factory=Walker)
    told: list[tuple[int, ...]] = field(default_factory=list)
    in_pickup: int = 0
    structured: int = 0
    copying: bool = False

    def __post_init__(self) -> None:
        entries = entries_of(self.draft.plan) if self.draft else ()
        self.guide = Guide(entries, self.grammar.full // 2)

    @property
    def ended(self) -> bool:
        """Whether the tune is at its end."""
        return self.walker.section == "end"

    def take(self, index: int) -> None:
        """Take one more id."""
        position = self.walker.position
        self.walker.step(index)
        self.guide.step(index, position)
        self.ids.append(index)
        self.structured += bool(is_structure()[index])
        self.in_pickup = self.in_pickup + 1 if self.walker.section == "pickup" else 0
        features = self.walker.features()
        if self.draft is not None:
            features += self.guide.features(self.walker.position)
        self.told.append(features)

    def allowed(self) -> BoolMask:
        """The ids that may come next, bool [V]; at least one is allowed."""
        if len(self.ids) < len(CONDITION_NAMES):
            return only(vocabulary(), vocabulary().group("density:"))
        if self.draft is None:
            return self.grammar.allowed(self.walker)
        kept = self._kept()
        if kept is not None:
            return only(vocabulary(), [kept])
        structure = self.draft.structure[self.structured]
        copied = self._copied()
        if copied is not None:
            return only(vocabulary(), [copied])
        mask = self.grammar.allowed(self.walker)
        planned = mask & ~is_structure()
        planned[vocabulary().ids["tie"]] &= not self._tie_is_void()
        planned[structure] = mask[structure] or not planned.any()
        entry, left = self.guide.entry(), self.grammar.left_of(self.walker)
        if not self.guide.inside or left == 0:
            return planned
        if entry.notes is not None and entry.notes < MOST_NOTES and not self.walker.triplet[0]:
            planned = self.masks.count(planned, entry.notes - self.guide.begun, left)
        return self.masks.cadence(planned, entry.ids[1], self.walker.position)

    def _copied(self) -> int | None:
        """The id that comes next in the bar that this one repeats; None where notes are free."""
        index = self.guide.copied()
        if self.guide.inside and not self.guide.written[-1]:
            self.copying = bool(index) and self._may_copy()
        if not self.copying or not index:
            return None
        if vocabulary().names[index] == "tie" and self._tie_is_void():
            return None
        return index

    def _tie_is_void(self) -> bool:
        """Whether a tie over the bar line would lead to another pitch, the next bar's notes being settled."""
        if not self.guide.inside or self.grammar.left_of(self.walker) > 0:
            return False
        following = self.guide.entry(1)
        source = self.order.kept.bars.get(self.guide.bar + 1, ())
        if not source and following.repeats and 0 <= following.of <= self.guide.bar:
            source = self.guide.written[following.of]
        return bool(source) and self._first_pitch(source) != self.walker.pitch

    def _may_copy(self) -> bool:
        """Whether the bar that this one repeats fits here: in length, behind a tie, and at the end of the tune."""
        table, source = vocabulary(), self.guide.written[self.guide.entry().of]
        if sum(table.ticks[index] for index in source) != self.grammar.left_of(self.walker):
            return False
        if self.walker.tied and self._first_pitch(source) != self.walker.pitch:
            return False
        pitches = [table.pitch[index] for index in source if table.ticks[index]]
        return not self.grammar.ends_tune(self.walker) or pitches[-1] % 12 == self.grammar.tonic

    @staticmethod
    def _first_pitch(ids: Sequence[int]) -> int:
        table = vocabulary()
        return next((table.pitch[index] for index in ids if table.ticks[index]), 0)

    def _kept(self) -> int | None:
        """The id that must come next among notes that stand already; None where notes are free."""
        assert self.draft is not None
        source: Sequence[int] | None = None
        written = 0
        if self.walker.section == "pickup":
            source, written = self.order.kept.pickups.get(self.walker.part), self.in_pickup - 1
        elif self.guide.inside:
            source, written = self.order.kept.bars.get(self.guide.bar), len(self.guide.written[-1])
        if source is None:
            return None
        if written < len(source):
            return source[written]
        # A first phrase may end with a bar that its pickup completes; in a longer tune that bar is filled up.
        is_short = self.walker.bars_left > 1 and self.grammar.left_of(self.walker) > 0
        return None if is_short else self.draft.structure[self.structured]
