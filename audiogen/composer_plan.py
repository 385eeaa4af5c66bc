"""From attributes to the order a composer carries out, and from what it wrote to a finished tune."""

from __future__ import annotations

import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import torch

from audiogen.composer_forms import draw_outline
from audiogen.composer_wishes import (
    HIGHEST_WRITTEN,
    LOWEST_WRITTEN,
    ComposingWishes,
    CompositionError,
    KeptNotes,
)
from symbolic_bridge.attributes import TuneAttributes, resolve
from symbolic_bridge.chord_symbols import with_chord_symbols
from symbolic_bridge.grammar import PartPlan, TunePlan
from symbolic_bridge.kinds import KINDS, Kind
from symbolic_bridge.normal_form import (
    HIGHEST_PITCH,
    LOWEST_PITCH,
    MAX_PART_BARS,
    MAX_PARTS,
    WHITE_TONICS,
    NormalTune,
)
from symbolic_bridge.plan_grammar import PlanLeaning
from symbolic_bridge.plan_tokens import SLOTS
from symbolic_bridge.plans import OPEN_PLAN, Plan
from symbolic_bridge.tune import Header, Key, Meter, Tune
from symbolic_bridge.tune_tokens import METERS, length_bucket, written_kind

# The normal form is centred on MIDI 70; moved by -5 ... 6 it stays where most instruments are at home.
LOWEST_SHIFT = -5
CENTRE_WRITTEN = 72
SAME_BAR_METERS = ("4/4", "2/2", "2/4")
# Shares among the training tunes, lydian and phrygian left out as too rare to be drawn unasked.
MODE_SHARES = {"major": 0.76, "minor": 0.12, "dorian": 0.07, "mixolydian": 0.05}
USUAL_TONICS = {
    "major": ("D", "G", "A"), "minor": ("E", "A", "B"), "dorian": ("A", "E", "D"), "mixolydian": ("A", "D"),
    "lydian": ("F", "G"), "phrygian": ("E", "A"), "locrian": ("B",),
}  # fmt: skip
USUAL_PART_BARS, LONGEST_FITTED_PART, SHORTEST_FITTED_PART = 8, 16, 2
_TITLE_FIRST = (
    "Silver", "Quiet", "Merry", "Golden", "Windy", "Crooked", "Early", "Northern", "Wandering", "Bonny", "Winter",
    "Summer", "Painted", "Hidden", "Copper", "Morning", "Evening", "Blue", "Far", "Stony", "Salt", "Heather",
)  # fmt: skip
_TITLE_SECOND = (
    "Lantern", "Ford", "Heron", "Gate", "Harvest", "Mill", "Lane", "Harbour", "Meadow", "Kettle", "Bridge", "Thrush",
    "Tinker", "Ferry", "Orchard", "Well", "Hearth", "Piper", "Shore", "Hare", "Weaver", "Lark", "Causeway",
)  # fmt: skip


@dataclass(frozen=True)
class OpenConditions:
    """The conditions known before writing; the density is drawn by the model."""

    kind: str
    meter: str
    mode: str
    parts: int
    length: int

    def names(self) -> tuple[str, ...]:
        """The tokens, in their order in a row."""
        return (
            f"kind:{self.kind}", f"meter:{self.meter}", f"mode:{self.mode}", f"parts:{self.parts}",
            f"length:{self.length}",
        )  # fmt: skip


@dataclass(frozen=True)
class TuneOrder:
    """Everything that is settled before the first note.

    `runs`: the form as (part number, how often in a row). `semitones`: from the normal form to `key`, up to whole
    octaves where `octave_is_free`. `given`: what is settled of the bars; `leaning` of what is not. `slots`: how many of
    each bar are drawn. `kept`: notes that stand already. `lowest` and `highest`: MIDI pitches of the tune as written.
    `shows_chords`: whether the tune gets the plan's chords as symbols. `ornaments`: one of ORNAMENTS.
    """

    plan: TunePlan
    conditions: OpenConditions
    runs: tuple[tuple[int, int], ...]
    kind: str
    key: Key
    semitones: int
    tempo_bpm: float
    given: Plan = OPEN_PLAN
    leaning: PlanLeaning = field(default_factory=PlanLeaning)
    slots: int = len(SLOTS)
    kept: KeptNotes = field(default_factory=KeptNotes)
    lowest: int = LOWEST_WRITTEN
    highest: int = HIGHEST_WRITTEN
    shows_chords: bool = False
    ornaments: str = "usual"

    @property
    def octave_is_free(self) -> bool:
        """Whether the tune may lie where it lies best; not where it goes on from notes that stand already."""
        return not self.kept.bars


def _draw(choices: Sequence[str], weights: Sequence[float], generator: torch.Generator) -> str:
    place = torch.multinomial(
        torch.tensor(weights, dtype=torch.float64, device=generator.device), 1, generator=generator
    )
    return choices[int(place)]


def check_meter(kind: Kind, meter: Meter) -> None:
    """Refuse a metre in which this kind is not played.

    Raises:
        CompositionError: e.g. for a jig in 4/4.
    """
    allowed = [str(kind.meter), *(str(meter) for meter, _ in kind.tempos)]
    if kind.same_bar:
        allowed += [text for text in SAME_BAR_METERS if text not in allowed]
    allowed = [text for text in allowed if text in METERS]
    if str(meter) not in allowed:
        raise CompositionError(
            f"a {kind.id} in {meter} was asked for; {kind.id}s are in {', '.join(allowed)}"
        )


def form_runs(form: str) -> tuple[tuple[int, int], ...]:
    """A form as (part number, times in a row): "AABA" -> ((0, 2), (1, 1), (0, 1)).

    Raises:
        CompositionError: it is not of the letters A to H, or too long.
    """
    if not re.fullmatch(r"[A-H]{1,16}", form):
        raise CompositionError(f"form {form!r} is not 1 to 16 letters A to H, such as AABB")
    letters = list(dict.fromkeys(form))
    runs = tuple((letters.index(letter), len(list(group))) for letter, group in itertools.groupby(form))
    if sum(math.ceil(times / 2) for _, times in runs) > MAX_PARTS:
        raise CompositionError(f"form {form!r} has more than {MAX_PARTS} parts to write out")
    return runs


def is_plain(runs: Sequence[tuple[int, int]]) -> bool:
    """Whether repeat signs alone can say the form: each part once, played once or twice."""
    return all(times <= 2 for _, times in runs) and len({part for part, _ in runs}) == len(runs)


def _roughness(bars: int) -> int:
    """How far from a square phrase a part of this many bars is."""
    return 0 if bars % 8 == 0 else 1 if bars % 4 == 0 else 3 if bars % 2 == 0 else 6


def fitted_bars(runs: Sequence[tuple[int, int]], played_bars: int) -> tuple[int, ...]:
    """Bars of each part so that the whole form lasts `played_bars`, as square as possible.

    A length beyond what one time through can fill is shared among several times through.
    """
    times = [
        sum(count for part, count in runs if part == number) for number in range(1 + max(p for p, _ in runs))
    ]
    usual = sum(times) * USUAL_PART_BARS
    target = math.ceil(played_bars / max(1, round(played_bars / usual)))
    best: tuple[float, tuple[int, ...]] = (math.inf, ())
    lengths = range(SHORTEST_FITTED_PART, LONGEST_FITTED_PART + 1)
    if len(times) > 3:  # The search would grow without need: equal parts, the last one evens out.
        lengths = range(
            max(2, target // sum(times) - 1), min(LONGEST_FITTED_PART, target // sum(times) + 2) + 1
        )
        lengths = lengths if len(lengths) else range(2, 3)
    for bars in itertools.product(lengths, repeat=len(times)):
        missing = abs(target - sum(a * b for a, b in zip(bars, times, strict=True)))
        cost = 20 * missing + sum(map(_roughness, bars)) + (max(bars) - min(bars))
        best = min(best, (cost, bars))
    return best[1]


def _part_bars(
    kind: Kind, runs: Sequence[tuple[int, int]], bars: int | None, played_bars: int | None
) -> tuple[int, ...]:
    """Bars of each part of a form whose lengths are not drawn with it."""
    count = 1 + max(part for part, _ in runs)
    if bars is not None:
        if not count <= bars <= count * MAX_PART_BARS:
            raise CompositionError(
                f"{bars} bars were asked for; {count} parts can have {count} to {count * MAX_PART_BARS}"
            )
        base = bars // count
        if base >= USUAL_PART_BARS:
            base -= base % 4
        return (base,) * (count - 1) + (bars - base * (count - 1),)
    if played_bars is not None:
        return fitted_bars(runs, played_bars)
    return (max(4, min(MAX_PART_BARS, kind.bars // 2 if kind.bars < 16 else USUAL_PART_BARS)),) * count


def _asked_played_bars(attributes: TuneAttributes, kind: Kind, meter: Meter) -> int | None:
    """Bars that last as long as was asked for, repeats counted; None where no length was."""
    if attributes.duration_seconds is None:
        return None
    bar_seconds = (
        float(meter.bar_duration / meter.beat_duration) * 60 / (attributes.tempo_bpm or kind.tempo_bpm)
    )
    return max(1, round(attributes.duration_seconds / bar_seconds))


def order_from(
    attributes: TuneAttributes,
    *,
    bars: int | None = None,
    generator: torch.Generator,
    wishes: ComposingWishes | None = None,
) -> TuneOrder:
    """Settle everything that attributes leave open.

    Args:
        attributes: as asked; custom of the kind fills the gaps.
        bars: length with every part counted once; None: `attributes.bars`, else from `duration_seconds`, else
            that of the form that is drawn, or the custom of the kind.
        generator: draws a mode, tonic or form where none was asked for; the form as tunes of the kind have it.
        wishes: what is asked of the notes; None for nothing.

    Raises:
        CompositionError: wishes contradict each other, a kind in a metre it is not played in, a form, length, metre or
            tempo out of bounds.
    """
    wishes = wishes or ComposingWishes()
    attributes = resolve(wishes.filled(attributes))
    kind = KINDS[attributes.kind or "reel"]
    meter = attributes.meter or kind.meter
    if str(meter) not in METERS:
        raise CompositionError(f"meter {meter} is not one of {', '.join(METERS)}")
    check_meter(kind, meter)
    # Drawn whether needed or not: a tune is the same one when its mode and tonic are said as when they were drawn.
    drawn = _draw(list(MODE_SHARES), list(MODE_SHARES.values()), generator)
    mode = attributes.mode or drawn
    tonics = USUAL_TONICS[mode]
    drawn = _draw(tonics, [2.0, *[1.0] * (len(tonics) - 1)], generator)
    tonic = attributes.tonic or drawn
    key = Key(tonic, mode)
    white = Key(WHITE_TONICS[mode], mode)
    semitones = (key.tonic_pitch_class - white.tonic_pitch_class - LOWEST_SHIFT) % 12 + LOWEST_SHIFT
    semitones = wishes.nearest_octave(semitones)
    bars = attributes.bars if bars is None else bars
    chance = float(torch.rand((), dtype=torch.float64, generator=generator))
    played_bars = _asked_played_bars(attributes, kind, meter)
    outline = None
    if not attributes.form:
        outline = draw_outline(kind.id, chance, planned=wishes.plan.parts, bars=bars, most_played=played_bars)
    runs = outline.runs if outline else form_runs(attributes.form or kind.form)
    lengths = wishes.part_bars(runs)
    if not lengths and outline and (bars == sum(outline.bars) or bars is played_bars is None):
        lengths = outline.bars
    lengths = lengths or _part_bars(kind, runs, bars, played_bars)
    plain = is_plain(runs)
    plan = TunePlan(
        meter=meter,
        mode=mode,
        parts=tuple(
            PartPlan(length, repeated=plain and dict(runs)[number] == 2)
            for number, length in enumerate(lengths)
        ),
        lowest=max(LOWEST_PITCH, wishes.lowest - semitones),
        highest=min(HIGHEST_PITCH, wishes.highest - semitones),
        final_part=runs[-1][0],
    )
    conditions = OpenConditions(
        kind=written_kind(kind.id),
        meter=str(meter),
        mode=mode,
        parts=len(lengths),
        length=length_bucket(sum(lengths)),
    )
    tempo_bpm = attributes.tempo_bpm or kind.tempo_in(meter)
    leaning = wishes.leaning(attributes.mood, semitones)
    return TuneOrder(
        plan,
        conditions,
        runs,
        kind.id,
        key,
        semitones,
        tempo_bpm,
        given=wishes.spread(plan),
        leaning=leaning,
        slots=wishes.slots(leaning),
        kept=wishes.kept,
        lowest=wishes.lowest,
        highest=wishes.highest,
        shows_chords=wishes.shows_chords,
        ornaments=wishes.ornaments,
    )


def made_title(generator: torch.Generator) -> str:
    """A title in plain words."""
    first = _draw(_TITLE_FIRST, [1.0] * len(_TITLE_FIRST), generator)
    second = _draw(_TITLE_SECOND, [1.0] * len(_TITLE_SECOND), generator)
    return f"The {first} {second}"


def laid_out(order: TuneOrder) -> tuple[tuple[int, bool], ...]:
    """Parts in the order they are written in, by number, and whether each is repeated."""
    if is_plain(order.runs):
        return tuple((number, part.repeated) for number, part in enumerate(order.plan.parts))
    return tuple(
        (number, repeated)
        for number, times in order.runs
        for repeated in [True] * (times // 2) + [False] * (times % 2)
    )


def written_chords(plan: Plan, order: TuneOrder) -> tuple[tuple[str, ...], ...]:
    """The chords of every bar of the finished tune, pickups included, which have none."""
    parts = plan.chords_by_part()
    return tuple(chords for number, _ in laid_out(order) for chords in parts[number])


def assemble(
    written: NormalTune,
    order: TuneOrder,
    *,
    title: str | None,
    reference: int,
    generator: torch.Generator,
    plan: Plan | None = None,
) -> Tune:
    """The tune with its form laid out, in its key, with a header.

    Args:
        written: the parts, each once, as the plan asked.
        order: what they were written for.
        title: None makes one.
        reference: number for the X: field.
        generator: draws the title.
        plan: what the notes follow; its chords are written over them where the order says so.
    """
    parts = tuple(replace(written.parts[number], repeated=repeated) for number, repeated in laid_out(order))
    header = Header(
        title=made_title(generator) if title is None else title,
        reference=reference,
        rhythm=order.kind,
        meter=order.plan.meter,
        key=order.key,
        tempo_bpm=order.tempo_bpm,
    )
    move = _best_octave(written, order) if order.octave_is_free else order.semitones
    tune = replace(written, parts=parts).to_tune(header, move)
    if plan is None or not order.shows_chords:
        return tune
    return with_chord_symbols(tune, written_chords(plan, order))


def _best_octave(written: NormalTune, order: TuneOrder) -> int:
    """The move to the key that leaves the tune in range with its mean nearest the middle of a fiddle's easy notes.

    The grammar has seen to it that the order's `semitones` fit.
    """
    semitones = order.semitones
    centre = min(max(CENTRE_WRITTEN, order.lowest), order.highest)
    pitches = [note.midi for note in written.notes() if note.midi is not None]
    fitting = [
        move
        for move in (semitones, semitones - 12, semitones + 12)
        if min(pitches) + move >= order.lowest and max(pitches) + move <= order.highest
    ]
    return min(fitting, key=lambda move: abs(sum(pitches) / len(pitches) + move - centre))
