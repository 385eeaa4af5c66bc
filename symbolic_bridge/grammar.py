"""What may follow what in a row of tune tokens, and where in the music each token stands.

`Walker` follows any row, step by step, and knows the place in the bar; the composer takes its input features
from it. `Grammar` adds a plan - parts, bars, repeats, range - and says which ids may come next, so that by
construction every bar adds up, pickups and last bars complete each other, ties lead to the same pitch, triplets
come in threes, a repeated part has both endings or none, and the tune ends on its tonic after the planned bars.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from symbolic_bridge.normal_form import (
    HIGHEST_PITCH,
    LOWEST_PITCH,
    MAX_PART_BARS,
    MAX_PARTS,
    TICKS_PER_WHOLE,
    WHITE_TONICS,
)
from symbolic_bridge.tune import Key, Meter
from symbolic_bridge.tune_tokens import CONDITION_NAMES, LABELS, METERS, TokenError, vocabulary

# Bars back in which the same place is looked up: phrases of folk tunes answer each other at these distances.
LOOK_BACK_BARS = (1, 2, 4, 8)
MAX_BAR_TICKS = 144
TRIPLETS = {8: 12, 4: 6}  # note ticks -> grid its group of three starts on
PLAIN_TICKS = (6, 12, 18, 24, 36, 48, 60, 72, 84, 96, 108, 144)
DOTTED_PAIR_TICKS = (3, 9)  # broken rhythm on sixteenths; the second of the pair leads back to the grid
ROLL_TICKS = (18, 24, 36, 48)
PICKUP_TICKS = (6, 12, 24, 36, 48)
MAX_LEAP_SEMITONES = 16
MIN_RANGE_SEMITONES = 16
MAX_ENDING_BARS = 2
MIN_BARS_WITH_ENDINGS = 4
BoolMask = NDArray[np.bool_]


@dataclass
class Walker:
    """The place in a tune after the tokens seen so far.

    `position`: ticks from the nominal start of the bar to the next onset (a pickup ends at the bar's end).
    `bar`: running number of the bar on the time line; second endings take the numbers of first endings.
    `bars_left`: in the part or ending, this bar included. `tune_pickup`: ticks of the first part's pickup.
    `ending_bars`: of the first ending, `ending_bar` the bar before it. `section`: "conditions", "part" (a part
    sign was the last token), "pickup", "bar", "ending" (an ending sign was the last token) or "end".
    """

    meter: Meter = field(default_factory=Meter)
    seen: int = 0
    section: str = "conditions"
    part: int = -1
    repeated: bool = False
    pickup: int = 0
    position: int = 0
    bar: int = 0
    bars_left: int = 0
    elapsed: int = 0
    tune_pickup: int = 0
    ending: int = 0
    ending_bar: int = 0
    ending_bars: int = 0
    triplet: tuple[int, int] = (0, 0)
    rolled: bool = False
    tied: bool = False
    pitch: int = 0
    was_note: bool = False
    starts: dict[int, dict[int, int]] = field(default_factory=dict)

    @property
    def full(self) -> int:
        """Ticks of a full bar."""
        return int(self.meter.bar_duration * TICKS_PER_WHOLE)

    def step(self, index: int) -> None:
        """Take one more id."""
        table = vocabulary()
        name = table.names[index]
        self.seen += 1
        ticks = table.ticks[index]
        if ticks:
            self._note(index, table.pitch[index], ticks)
            return
        if name in ("roll", "tie"):
            self.rolled, self.tied = name == "roll", name == "tie"
            return
        self.was_note = False
        kind, _, value = name.partition(":")
        if kind == "meter":
            beats, unit = value.split("/")
            self.meter = Meter(int(beats), int(unit))
        elif kind == "part":
            self.part += 1
            self.repeated = value.endswith("repeat")
            self.section, self.bars_left, self.elapsed, self.ending, self.pickup = "part", 0, 0, 0, 0
        elif kind == "pickup":
            self.section, self.pickup, self.elapsed = "pickup", int(value), 0
            self.position = max(0, self.full - self.pickup)
            if self.part == 0:
                self.tune_pickup = self.pickup
        elif kind == "bar":
            self._bar(int(value))
        elif kind == "ending":
            self.ending = int(value)
            self.section = "ending"
            if self.ending == 1:
                self.ending_bar, self.ending_bars = self.bar, max(1, self.bars_left - 1)
            else:
                self.bar = self.ending_bar
        elif name == "end":
            self.section = "end"

    def _bar(self, left: int) -> None:
        self.section, self.bars_left, self.elapsed, self.position = "bar", left, 0, 0
        self.bar += 1
        self.starts[self.bar] = {}
        self.starts.pop(self.bar - 2 * max(LOOK_BACK_BARS), None)

    def _note(self, index: int, pitch: int, ticks: int) -> None:
        self.starts.setdefault(self.bar, {})[min(self.position, MAX_BAR_TICKS)] = index
        self.elapsed += ticks
        self.position += ticks
        length, count = self.triplet
        if ticks in TRIPLETS:
            self.triplet = (ticks, count % 3 + 1) if length == ticks else (ticks, 1)
        else:
            self.triplet = (0, 0)
        if self.triplet[1] == 3:
            self.triplet = (0, 0)
        self.rolled = self.tied = False
        self.was_note = pitch > 0
        self.pitch = pitch or self.pitch

    def features(self) -> tuple[int, ...]:
        """Position, bars left, and the id that started at the same place 1, 2, 4 and 8 bars back (0 for none)."""
        place = min(self.position, MAX_BAR_TICKS)
        looked = tuple(self.starts.get(self.bar - back, {}).get(place, 0) for back in LOOK_BACK_BARS)
        return (place, min(self.bars_left, MAX_PART_BARS), *looked)


def feature_rows(ids: Sequence[int]) -> NDArray[np.int16]:
    """Features after each id of a row, [L, 2 + len(LOOK_BACK_BARS)]."""
    walker = Walker()
    rows = np.zeros((len(ids), 2 + len(LOOK_BACK_BARS)), dtype=np.int16)
    for place, index in enumerate(ids):
        walker.step(index)
        rows[place] = walker.features()
    return rows


@dataclass(frozen=True)
class PartPlan:
    """One part to write: its bars (pickup not counted, endings once) and whether it is repeated."""

    bars: int
    repeated: bool

    def __post_init__(self) -> None:
        if not 1 <= self.bars <= MAX_PART_BARS:
            raise ValueError(f"a part of {self.bars} bars was asked for; 1 ... {MAX_PART_BARS} are allowed")


@dataclass(frozen=True)
class TunePlan:
    """The outline that the grammar enforces.

    `lowest` and `highest` are MIDI pitches of the normal form. `final_part`: number of the part that ends the tune
    once its form is laid out, and so ends on the tonic; None for the last.
    """

    meter: Meter
    mode: str
    parts: tuple[PartPlan, ...]
    lowest: int = 55
    highest: int = 84
    pickups: bool = True
    final_part: int | None = None

    def __post_init__(self) -> None:
        if str(self.meter) not in METERS:
            raise ValueError(f"meter {self.meter} is not one of {', '.join(METERS)}")
        if self.mode not in WHITE_TONICS:
            raise ValueError(f"mode {self.mode!r} is not one of {', '.join(WHITE_TONICS)}")
        if not 1 <= len(self.parts) <= MAX_PARTS:
            raise ValueError(f"{len(self.parts)} parts were asked for; 1 ... {MAX_PARTS} are allowed")
        if self.final_part is not None and not 0 <= self.final_part < len(self.parts):
            raise ValueError(f"final_part is {self.final_part}; there are {len(self.parts)} parts")
        if not (
            LOWEST_PITCH <= self.lowest <= self.highest <= HIGHEST_PITCH
            and self.highest - self.lowest >= MIN_RANGE_SEMITONES
        ):
            raise ValueError(
                f"range {self.lowest} ... {self.highest} must lie in {LOWEST_PITCH} ... {HIGHEST_PITCH} "
                f"and span at least {MIN_RANGE_SEMITONES} semitones"
            )


class Place(Protocol):
    """Where a row of tokens stands in the structure of a tune; a `Walker`, or one that follows a plan's row."""

    part: int
    bars_left: int
    ending: int
    ending_bars: int
    tune_pickup: int


def part_name(plan: TunePlan, index: int) -> str:
    """The token that opens a part, or `end` behind the last."""
    if index == len(plan.parts):
        return "end"
    return f"part:{LABELS[index]}:{'repeat' if plan.parts[index].repeated else 'once'}"


def names_after_part(plan: TunePlan, place: Place) -> list[str]:
    """What may follow a part sign: the first bar or a pickup."""
    bar = f"bar:{plan.parts[place.part].bars}"
    if place.part == 0:
        # Later parts take the pickup of the first, so that every last bar completes every pickup.
        full = plan.meter.bar_duration * TICKS_PER_WHOLE
        fitting = [ticks for ticks in PICKUP_TICKS if plan.pickups and 2 * ticks <= full]
        return [bar, *(f"pickup:{ticks}" for ticks in fitting)]
    return [f"pickup:{place.tune_pickup}" if place.tune_pickup else bar]


def names_after_bar(plan: TunePlan, place: Place) -> list[str]:
    """What may follow a full bar of a part: the next bar, an ending, the next part or the end."""
    part = plan.parts[place.part]
    left = place.bars_left - 1
    if left:
        may_end = part.repeated and part.bars >= MIN_BARS_WITH_ENDINGS and left <= MAX_ENDING_BARS
        return [f"bar:{left}"] + ["ending:1"] * (may_end and not place.ending)
    return ["ending:2"] if place.ending == 1 else [part_name(plan, place.part + 1)]


class Grammar:
    """Says which ids may follow in a tune of one plan; tables are shared by all rows of a batch."""

    def __init__(self, plan: TunePlan) -> None:
        self.plan = plan
        table = vocabulary()
        self.table = table
        self.full = int(plan.meter.bar_duration * TICKS_PER_WHOLE)
        self.pitches = np.array(table.pitch)
        self.ticks = np.array(table.ticks)
        self.tonic = Key(WHITE_TONICS[plan.mode], plan.mode).tonic_pitch_class
        self.final_part = len(plan.parts) - 1 if plan.final_part is None else plan.final_part
        self._rests = np.isin(self.ticks, PLAIN_TICKS) & (self.pitches == 0)
        self._in_range = (self.pitches >= plan.lowest) & (self.pitches <= plan.highest)
        self._tonic = (self.pitches > 0) & (self.pitches % 12 == self.tonic)
        self._durations: dict[tuple[int, int, tuple[int, int], bool], BoolMask] = {}
        self._reach: dict[int, BoolMask] = {}

    @property
    def max_tokens(self) -> int:
        """No tune of this plan has more tokens."""
        per_bar = self.full // min(TRIPLETS) + 4  # triplet sixteenths throughout, bar, ending, tie and roll
        bars = sum(part.bars + MAX_ENDING_BARS + 2 for part in self.plan.parts)
        return len(CONDITION_NAMES) + bars * per_bar + 1

    def allowed(self, walker: Walker) -> BoolMask:
        """The ids that may come next, bool [V]; at least one is allowed.

        Args:
            walker: has seen the conditions and perhaps more.

        Raises:
            TokenError: the row so far is not of this grammar.
        """
        if walker.seen < len(CONDITION_NAMES) or walker.section == "end":
            raise TokenError(f"nothing can follow {walker.seen} tokens in section {walker.section!r}")
        if walker.section == "conditions":
            return self._only(part_name(self.plan, 0))
        if walker.section == "part":
            return self._only(*names_after_part(self.plan, walker))
        if walker.section == "ending":
            return self._only(f"bar:{walker.ending_bars}")
        left = self.left_of(walker)
        if left < 0:
            raise TokenError(f"a bar is {-left} ticks too long")
        return self._note_mask(walker, left) if left else self._after_bar(walker)

    def accepts(self, ids: Sequence[int]) -> bool:
        """Whether a whole row is a tune of this plan."""
        walker = Walker()
        for place, index in enumerate(ids):
            if place >= len(CONDITION_NAMES) and (walker.section == "end" or not self.allowed(walker)[index]):
                return False
            walker.step(index)
        return walker.section == "end"

    def _only(self, *names: str) -> BoolMask:
        mask = np.zeros(len(self.table), dtype=bool)
        mask[[self.table.ids[name] for name in names]] = True
        return mask

    def ends_tune(self, walker: Walker) -> bool:
        """Whether this is the bar that the tune ends with."""
        is_last = walker.part == self.final_part and walker.bars_left == 1 and walker.ending != 1
        return is_last and walker.section == "bar"

    def left_of(self, walker: Walker) -> int:
        """Ticks that the bar or pickup still holds."""
        return self._capacity(walker) - walker.elapsed

    def _capacity(self, walker: Walker) -> int:
        if walker.section == "pickup":
            return walker.pickup
        return self.full - (walker.tune_pickup if walker.bars_left == 1 else 0)

    def _after_bar(self, walker: Walker) -> BoolMask:
        if walker.section == "pickup":
            return self._only(f"bar:{self.plan.parts[walker.part].bars}")
        names = names_after_bar(self.plan, walker)
        if walker.tied:
            names = [name for name in names if name != "ending:1"]
        elif walker.was_note and walker.bars_left > 1:
            names.append("tie")
        return self._only(*names)

    def _note_mask(self, walker: Walker, left: int) -> BoolMask:
        is_last_bar = self.ends_tune(walker)
        mask = self._duration_mask(left, walker.position % 12, walker.triplet, walker.rolled)
        if walker.tied:
            mask = mask & (self.pitches == walker.pitch)
        else:
            mask = mask & (self._reach_of(walker.pitch) | self._rests)
            if walker.rolled or walker.triplet[0] or is_last_bar or not walker.was_note:
                mask &= ~self._rests
            may_roll = not walker.rolled and not walker.triplet[0] and walker.position % 6 == 0
            if may_roll and left >= min(ROLL_TICKS):
                mask[self.table.ids["roll"]] = True
        if is_last_bar:
            mask &= self._tonic | (self.ticks != left)
        return mask

    def _reach_of(self, pitch: int) -> BoolMask:
        """Notes in range, not further than a leap from the last pitch (0: none yet)."""
        if pitch not in self._reach:
            near = np.abs(self.pitches - pitch) <= MAX_LEAP_SEMITONES if pitch else True
            self._reach[pitch] = self._in_range & near
        return self._reach[pitch]

    def _duration_mask(self, left: int, phase: int, triplet: tuple[int, int], rolled: bool) -> BoolMask:
        """Notes and rests of a length that fits and leaves a rest of the bar that can be filled.

        Args:
            left: ticks to the end of the bar.
            phase: ticks since the last eighth of the bar's grid, 0 ... 11.
            triplet: (ticks, notes so far) of a group begun, (0, 0) for none.
            rolled: a roll sign was the last token.
        """
        key = (left, phase, triplet, rolled)
        if key not in self._durations:
            if triplet[0]:
                fitting = [triplet[0]]
            elif rolled:
                fitting = [ticks for ticks in ROLL_TICKS if ticks <= left]
            elif phase % 6:
                fitting = [ticks for ticks in DOTTED_PAIR_TICKS if ticks <= left]
            else:
                fitting = [ticks for ticks in PLAIN_TICKS if ticks <= left]
                fitting += [ticks for ticks in DOTTED_PAIR_TICKS if ticks + min(DOTTED_PAIR_TICKS) <= left]
                fitting += [
                    ticks for ticks, grid in TRIPLETS.items() if 3 * ticks <= left and phase % grid == 0
                ]
            self._durations[key] = np.isin(self.ticks, fitting)
        return self._durations[key]
