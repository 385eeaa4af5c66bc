"""What can be asked of the notes beside kind, key, length and tempo: a plan, chords, range, density, ornaments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from symbolic_bridge.attributes import TuneAttributes
from symbolic_bridge.chord_symbols import as_numerals, home_of, read_progression
from symbolic_bridge.grammar import MIN_RANGE_SEMITONES, TunePlan
from symbolic_bridge.moods import MOODS
from symbolic_bridge.normalise import CENTRE_PITCH
from symbolic_bridge.plan_grammar import PlanLeaning
from symbolic_bridge.plan_tokens import DEPTHS
from symbolic_bridge.plans import (
    HIGHEST_LEVEL,
    LEVEL_SEMITONES,
    LOWEST_LEVEL,
    OPEN_PLAN,
    Plan,
    PlanBar,
    PlanPart,
)
from symbolic_bridge.tune import Key

# Where the tune may lie once it is in its key: from the fiddle's lowest string up to third position.
LOWEST_WRITTEN, HIGHEST_WRITTEN = 55, 86
LOWEST_ASKED, HIGHEST_ASKED = 43, 96
# Of `plan_tokens.DEPTHS`; docs/models/composer.md has what each costs and brings.
DEFAULT_DEPTH = "structure"
# What an entry's logit gains or loses for each note a bar, and for each step of the tune's density.
DENSITIES = {"sparse": -1.2, "usual": 0.0, "dense": 1.2}
# What the logit of a roll gains.
ORNAMENTS = {"none": -1e4, "usual": 0.0, "many": 3.0}
# The same for moods, times their arousal; the level follows what is bright and what is lively.
AROUSAL_NOTES, EMOTION_LEVEL = 1.5, 0.35
# The mean of a bar keeps so far from the ends of the range.
LEVEL_MARGIN_SEMITONES = 3


class CompositionError(ValueError):
    """A wish that no tune can fulfil, or a composition that failed."""


@dataclass(frozen=True)
class KeptNotes:
    """Notes of a tune that are not to be written anew, as ids: of bars by their place, of pickups by their part."""

    bars: Mapping[int, tuple[int, ...]] = field(default_factory=dict)
    pickups: Mapping[int, tuple[int, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class ComposingWishes:
    """Wishes of the notes; the defaults wish nothing.

    `plan`: whole or in part. `chords`: names (`plans.NUMERALS`) bar by bar, over and over until the tune ends.
    `depth`: one of `plan_tokens.DEPTHS`, to which the plan is drawn; what lies deeper is left to the notes unless it
    is settled. `density`: one of DENSITIES. `lowest` and `highest`: MIDI pitches as written. `ornaments`: one of
    ORNAMENTS. `kept`: notes that stand already, and `semitones` from the normal form to where they are written.

    Raises:
        CompositionError: a value is out of range.
    """

    plan: Plan = OPEN_PLAN
    chords: tuple[tuple[str, ...], ...] = ()
    depth: str = DEFAULT_DEPTH
    density: str = "usual"
    lowest: int = LOWEST_WRITTEN
    highest: int = HIGHEST_WRITTEN
    ornaments: str = "usual"
    kept: KeptNotes = field(default_factory=KeptNotes)
    semitones: int | None = None

    def __post_init__(self) -> None:
        for name, value, allowed in (
            ("depth", self.depth, tuple(DEPTHS)),
            ("density", self.density, tuple(DENSITIES)),
            ("ornaments", self.ornaments, tuple(ORNAMENTS)),
        ):
            if value not in allowed:
                raise CompositionError(f"{name} {value!r} is not one of {', '.join(allowed)}")
        if not LOWEST_ASKED <= self.lowest <= self.highest <= HIGHEST_ASKED:
            raise CompositionError(
                f"range MIDI {self.lowest} to {self.highest}: {LOWEST_ASKED} to {HIGHEST_ASKED} are allowed"
            )
        if self.highest - self.lowest < MIN_RANGE_SEMITONES:
            raise CompositionError(
                f"range MIDI {self.lowest} to {self.highest}: at least {MIN_RANGE_SEMITONES} semitones are needed"
            )

    @property
    def shows_chords(self) -> bool:
        """Whether chords were asked for, and so belong over the notes."""
        planned = any(bar.chords for bar in self.plan.all_bars())
        return bool(self.chords) or (planned and not self.kept.bars)

    @property
    def needs_plans(self) -> bool:
        """Whether only a composer with two levels can fulfil them."""
        asked = bool(self.plan.parts or self.chords or self.kept.bars)
        return asked or self.density != "usual" or self.depth != DEFAULT_DEPTH

    def filled(self, attributes: TuneAttributes) -> TuneAttributes:
        """The attributes, with what they leave open from the plan's head."""
        plan = self.plan
        form = plan.form
        if form is None and plan.parts and all(part.repeated is not None for part in plan.parts):
            form = "".join(
                letter * (2 if part.repeated else 1)
                for letter, part in zip("ABCDEFGH", plan.parts, strict=False)
            )
        return replace(
            attributes,
            kind=attributes.kind or plan.kind,
            meter=attributes.meter or (plan.meter if attributes.kind in (None, plan.kind) else None),
            tonic=attributes.tonic or plan.tonic,
            mode=attributes.mode or plan.mode,
            form=attributes.form or form,
        )

    def part_bars(self, runs: Sequence[tuple[int, int]]) -> tuple[int, ...]:
        """Bars of each part of a planned tune; () where no parts are planned.

        Raises:
            CompositionError: the form has another number of parts.
        """
        parts = 1 + max(part for part, _ in runs)
        if self.plan.parts and len(self.plan.parts) != parts:
            raise CompositionError(
                f"{len(self.plan.parts)} parts are planned, and a form of {parts} was asked for"
            )
        return tuple(part.bar_count for part in self.plan.parts)

    def nearest_octave(self, semitones: int) -> int:
        """The move from the normal form, up to octaves, that suits the range; the kept notes' own where there are any.

        Raises:
            CompositionError: notes are kept, and another key was asked for.
        """
        if self.semitones is not None:
            if (self.semitones - semitones) % 12:
                raise CompositionError("notes that are kept stay in their key; ask for no other")
            return self.semitones
        if (self.lowest, self.highest) == (LOWEST_WRITTEN, HIGHEST_WRITTEN):
            return semitones
        middle = (self.lowest + self.highest) / 2
        moves = [semitones + 12 * octave for octave in range(-3, 4)]
        return min(moves, key=lambda move: abs(CENTRE_PITCH + move - middle))

    def spread(self, outline: TunePlan) -> Plan:
        """The plan with the chords laid over its bars, of as many parts and bars as the outline has.

        Raises:
            CompositionError: the plan says another metre, or chords are given twice.
        """
        if self.plan.meter not in (None, outline.meter):
            raise CompositionError(f"the plan is in {self.plan.meter}, and {outline.meter} was asked for")
        for number, (part, asked) in enumerate(zip(self.plan.parts, outline.parts, strict=False), start=1):
            if part.endings and not asked.repeated:
                raise CompositionError(f"part {number} is planned with two endings; the form plays it once")
        if not self.chords:
            return self.plan
        parts = self.plan.parts or tuple(PlanPart((PlanBar(),) * part.bars) for part in outline.parts)
        if any(bar.chords for bar in self.plan.all_bars()):
            raise CompositionError("the plan has chords of its own; give them there or apart, not both")
        place = 0
        spread = []
        for part in parts:
            sections = []
            for section in (part.bars, *part.endings):
                sections.append(
                    tuple(
                        replace(bar, chords=self.chords[(place + offset) % len(self.chords)])
                        if bar.relation != "repeats"
                        else bar
                        for offset, bar in enumerate(section)
                    )
                )
                place += len(section)
            spread.append(replace(part, bars=sections[0], endings=tuple(sections[1:])))
        return replace(self.plan, parts=tuple(spread), form=None)

    def slots(self, leaning: PlanLeaning) -> int:
        """How many slots of each bar are drawn: those of the depth, and no fewer than are settled or lean."""
        bars = self.plan.all_bars()
        slots = DEPTHS[self.depth]
        if self.chords or any(bar.chords for bar in bars):
            slots = max(slots, DEPTHS["harmony"])
        settled = any(value is not None for bar in bars for value in (bar.level, bar.direction, bar.notes))
        leans = leaning.notes or leaning.level or leaning.density
        return DEPTHS["whole"] if settled or leans else slots

    def leaning(self, mood: str | None, semitones: int) -> PlanLeaning:
        """Which way what is open leans, by density, range and mood.

        Args:
            mood: an id of `moods.MOODS`.
            semitones: from the normal form to the tune as written.
        """
        valence, arousal = (MOODS[mood].valence, MOODS[mood].arousal) if mood else (0.0, 0.0)
        notes = DENSITIES[self.density] + AROUSAL_NOTES * arousal
        centre = CENTRE_PITCH + semitones
        lowest = -(-(self.lowest + LEVEL_MARGIN_SEMITONES - centre) // LEVEL_SEMITONES)
        highest = (self.highest - LEVEL_MARGIN_SEMITONES - centre) // LEVEL_SEMITONES
        return PlanLeaning(
            notes=notes,
            level=EMOTION_LEVEL * (valence + arousal) / 2,
            density=notes,
            lowest=min(HIGHEST_LEVEL, max(LOWEST_LEVEL, lowest)),
            highest=max(LOWEST_LEVEL, min(HIGHEST_LEVEL, highest)),
        )


def over_chords(
    asked: TuneAttributes, wishes: ComposingWishes, chords: str
) -> tuple[TuneAttributes, ComposingWishes]:
    """Both with chords such as "G|C D|Em|D" under the notes; where no key was asked for it is that of the chords.

    Raises:
        PlanError: they cannot be read; says where.
    """
    progression = read_progression(chords)
    tonic = asked.tonic or wishes.plan.tonic
    key = Key(tonic, asked.mode or wishes.plan.mode or "major") if tonic else home_of(progression)
    if not tonic:
        asked = replace(asked, tonic=key.tonic, mode=asked.mode or key.mode)
    return asked, replace(wishes, chords=as_numerals(progression, key))
