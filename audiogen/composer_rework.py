"""Going on from a tune: its first phrase continued, some bars rewritten, or the whole varied along its own plan."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace

import torch

from audiogen.composer import Composer, Composition
from audiogen.composer_planning import Drawing
from audiogen.composer_wishes import (
    HIGHEST_WRITTEN,
    LOWEST_WRITTEN,
    ComposingWishes,
    CompositionError,
    KeptNotes,
)
from symbolic_bridge.attributes import TuneAttributes
from symbolic_bridge.kinds import KINDS, kind_of
from symbolic_bridge.normal_form import MAX_PART_BARS, MAX_PARTS, NormalNote, NormalTune
from symbolic_bridge.normalise import UnfitTuneError, normalise
from symbolic_bridge.plan_analysis import plan_of, written_bars
from symbolic_bridge.plan_guide import notes_by_bar
from symbolic_bridge.plans import Plan, PlanBar, PlanPart
from symbolic_bridge.tune import Tune
from symbolic_bridge.tune_tokens import TokenError, encode, written_kind

PART_BARS = 8


@dataclass(frozen=True)
class GivenTune:
    """A tune as written, in normal form, and the plan it follows; `semitones` lead from the normal form to the tune."""

    tune: Tune
    normal: NormalTune
    plan: Plan
    semitones: int

    @classmethod
    def of(cls, tune: Tune) -> GivenTune:
        """Read a tune for reworking.

        Raises:
            CompositionError: it is not one that the composer can think of; says why.
        """
        kind = kind_of(tune).id
        try:
            normal = normalise(tune, written_kind(kind))
            encode(normal)
        except (UnfitTuneError, TokenError) as error:
            raise CompositionError(f"tune {tune.header.title!r} cannot be worked on: {error}") from error
        written = [
            max(p.midi for p in note.pitches) for bar in tune.bars for note in bar.notes if note.pitches
        ]
        lowest = min(note.midi for note in normal.notes() if note.midi is not None)
        plan = replace(plan_of(normal), kind=kind, tonic=tune.header.key.tonic)
        return cls(tune, normal, plan, min(written) - lowest)

    @property
    def bars(self) -> int:
        """Written bars, pickups left out and both endings counted."""
        return sum(len(written_bars(part)) for part in self.normal.parts)

    def attributes(self) -> TuneAttributes:
        """What the tune is."""
        header = self.tune.header
        return TuneAttributes(
            kind=self.plan.kind,
            meter=header.meter,
            tonic=header.key.tonic,
            mode=header.key.mode,
            tempo_bpm=header.tempo_bpm,
            tempo_is_felt=header.tempo_bpm is not None,
            form=self.plan.form,
        )

    def kept(self, without: Collection[int] = ()) -> KeptNotes:
        """All notes but those of some bars, by place from 0."""
        bars, pickups = notes_by_bar(encode(self.normal))
        return KeptNotes({place: ids for place, ids in bars.items() if place not in without}, pickups)

    def with_bars_of(self, other: NormalTune) -> Tune:
        """The tune with the notes of bars that are others in another tune of the same build; all else as it was.

        Raises:
            CompositionError: bars as written are not those of the normal form, one by one.
        """
        old, new = _bars(self.normal), _bars(other)
        own = [place for place, bar in enumerate(self.tune.bars) if bar.notes]
        header = replace(self.tune.header, meter=other.meter)
        made = other.to_tune(header, self.semitones).bars
        if not len(own) == len(old) == len(new) == len(made):
            raise CompositionError(
                f"tune {self.tune.header.title!r} has {len(own)} bars as written and {len(old)} as it sounds; write it "
                "without bars that are split by line ends"
            )
        bars = list(self.tune.bars)
        for place, before, after, fresh in zip(own, old, new, made, strict=True):
            if before != after:
                first = replace(fresh.notes[0], chord_symbol=bars[place].notes[0].chord_symbol)
                bars[place] = replace(bars[place], notes=(first, *fresh.notes[1:]))
        return replace(self.tune, bars=tuple(bars))


def _bars(tune: NormalTune) -> list[tuple[NormalNote, ...]]:
    return [bar for part in tune.parts for bar in part.all_bars()]


def continuation(given: GivenTune, form: str | None = None) -> ComposingWishes:
    """Wishes for a tune that begins with a given phrase.

    The phrase's own plan stands for its bars; its last part is filled up to a multiple of PART_BARS bars, and as many
    parts follow as the form has letters.

    Args:
        given: the phrase.
        form: such as AABB; None: that of the phrase's kind.

    Raises:
        CompositionError: the phrase has endings, or more parts than the form.
    """
    form = form or KINDS[given.plan.kind or "reel"].form
    count = len(set(form))
    parts = list(given.plan.parts)
    if len(parts) > count or any(part.endings for part in parts):
        raise CompositionError(
            f"the phrase to go on from has {len(parts)} parts{' with endings' * any(p.endings for p in parts)}; "
            f"form {form} needs at most {count}, without endings"
        )
    last = parts[-1]
    missing = -len(last.bars) % PART_BARS
    if len(last.bars) + missing > MAX_PART_BARS:
        missing = 0
    parts[-1] = replace(last, bars=(*last.bars, *(PlanBar(),) * missing))
    parts += [PlanPart((PlanBar(),) * PART_BARS)] * (count - len(parts))
    parts = [replace(part, repeated=None) for part in parts[:MAX_PARTS]]
    plan = replace(given.plan, parts=tuple(parts), form=form)
    return ComposingWishes(plan=plan, kept=given.kept(), semitones=given.semitones)


def infill(composer: Composer, given: GivenTune, first: int, last: int, drawing: Drawing) -> Composition:
    """Bars `first` ... `last` (from 1, pickups not counted) written anew on their chords; the rest is untouched.

    Raises:
        CompositionError: there are no such bars, or the tune cannot be worked on.
    """
    if not 1 <= first <= last <= given.bars:
        raise CompositionError(f"bars {first}-{last} were asked for; the tune has bars 1 to {given.bars}")
    heard = given.plan.heard_bars()
    fresh = {place: PlanBar(chords=heard[place].chords) for place in range(first - 1, last)}
    return _rewritten(composer, given, fresh, drawing)


def vary(composer: Composer, given: GivenTune, strength: float, drawing: Drawing) -> Composition:
    """A variation: about a share `strength` of the bars written anew along the tune's own plan.

    Each takes chord, level, direction, notes and cadence from the plan - above a strength of 0.5 only chord, level and
    cadence - and bars that repeat another one follow it.

    Raises:
        CompositionError: the strength is not above 0 and at most 1, or the tune cannot be worked on.
    """
    if not 0 < strength <= 1:
        raise CompositionError(f"strength is {strength:g}; it must be above 0 and at most 1")
    planned = given.plan.all_bars()
    free = [place for place, bar in enumerate(planned) if bar.relation != "repeats"]
    chances = torch.rand(len(free), generator=drawing.generator).tolist()
    chosen = [place for place, chance in zip(free, chances, strict=True) if chance < strength]
    chosen = chosen or [free[chances.index(min(chances))]]
    loose = {"direction": None, "notes": None} if strength > 0.5 else {}
    return _rewritten(
        composer, given, {place: replace(planned[place], **loose) for place in chosen}, drawing, True
    )


def _rewritten(
    composer: Composer, given: GivenTune, fresh: dict[int, PlanBar], drawing: Drawing, follow: bool = False
) -> Composition:
    """The tune with some bars written anew.

    Args:
        fresh: what is settled of each of them.
        follow: whether bars that repeat one of them become like it.
    """
    if composer.planner is None:
        raise CompositionError("these weights have one level: they cannot work on a tune")
    planned = given.plan.all_bars()
    followers = {place for place, bar in enumerate(planned) if follow and _origin(planned, place) in fresh}
    bars = iter(fresh.get(place, bar) for place, bar in enumerate(planned))
    parts = tuple(
        replace(
            part,
            bars=tuple(next(bars) for _ in part.bars),
            endings=tuple(tuple(next(bars) for _ in ending) for ending in part.endings),
        )
        for part in given.plan.parts
    )
    pitches = [note.midi + given.semitones for note in given.normal.notes() if note.midi is not None]
    wishes = ComposingWishes(
        plan=replace(given.plan, parts=parts),
        kept=given.kept(without={*fresh, *followers}),
        semitones=given.semitones,
        lowest=min(LOWEST_WRITTEN, *pitches),
        highest=max(HIGHEST_WRITTEN, *pitches),
    )
    written = composer.write_for(given.attributes(), drawing, wishes)
    plan = replace(written.plan, kind=given.plan.kind, tonic=given.plan.tonic)
    chords = [bar for part in plan.chords_by_part() for bar in part]
    return Composition(given.with_bars_of(written.tune), plan, tuple(chords))


def _origin(planned: tuple[PlanBar, ...], place: int) -> int:
    """The bar that a bar is a copy of, perhaps of a copy; itself where it is none."""
    while planned[place].relation == "repeats":
        place = (planned[place].of or 1) - 1
    return place
