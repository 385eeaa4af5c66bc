"""Composing along plans and from tunes, with an untrained model: what is settled stands whatever the weights are."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
import torch

from audiogen.composer import Composer, ComposerConfig, CompositionError
from audiogen.composer_planning import Drawing
from audiogen.composer_rework import GivenTune, continuation, infill, vary
from audiogen.composer_wishes import ComposingWishes
from symbolic_bridge.attributes import TuneAttributes
from symbolic_bridge.chord_symbols import as_numerals, read_progression
from symbolic_bridge.plans import Plan, PlanBar, PlanPart
from symbolic_bridge.tune import Key, Tune

TINY = ComposerConfig(
    width=16, layers=1, heads=2, feedforward_width=32,
    plan_width=16, plan_layers=1, plan_heads=2, plan_feedforward_width=32,
)  # fmt: skip
JIG = Tune.from_abc(
    "X:1\nT:A jig\nR:jig\nM:6/8\nL:1/8\nQ:3/8=110\nK:G\n"
    '|:D|"G"~G3 {a}GAB|A3 ABd|edd gdd|1 edB dB:|2 GAG G2|]\n|:B|"G"B2B dBd|ege dBG|B2B dBG|ABA A2:|\n'
)


def drawing(seed: int = 0) -> Drawing:
    return Drawing(torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def composer() -> Composer:
    torch.manual_seed(0)
    return Composer(TINY).eval()


def planned(composer: Composer, plan: Plan, seed: int = 0, **wishes: object) -> Plan:
    asked = ComposingWishes(plan=plan, **wishes)  # type: ignore[arg-type]
    return composer.compose_with_plans(TuneAttributes(), 1, drawing(seed), wishes=asked)[0].plan


def test_a_plan_that_is_given_again_is_followed_to_the_last_entry(composer: Composer) -> None:
    attributes = TuneAttributes(kind="reel", tonic="A", mode="dorian", form="AAB")
    first = composer.compose_with_plans(attributes, 1, drawing())[0]
    assert (first.plan.kind, first.plan.tonic, first.plan.form) == ("reel", "A", "AAB")
    again = composer.compose_with_plans(
        TuneAttributes(), 1, drawing(5), wishes=ComposingWishes(plan=Plan.from_json(first.plan.to_json()))
    )[0]
    assert again.plan == first.plan
    assert again.tune.header.key == first.tune.header.key
    assert [len(bar.notes) for bar in again.tune.bars] != [len(bar.notes) for bar in first.tune.bars]


def test_a_bar_that_repeats_another_has_its_notes(composer: Composer) -> None:
    bars = (PlanBar(), PlanBar("new"), PlanBar("repeats", 1), PlanBar())
    plan = Plan(kind="jig", parts=(PlanPart(bars, False, 0),))
    wishes = ComposingWishes(plan=plan)
    tune = composer.compose(TuneAttributes(), generator=drawing(3).generator, wishes=wishes)
    assert tune.bars[2].notes[:-1] == tune.bars[0].notes[:-1]
    assert tune.bars[1].notes != tune.bars[0].notes


def test_what_a_plan_leaves_open_is_drawn_and_differs_by_seed(composer: Composer) -> None:
    plan = Plan(kind="jig", parts=(PlanPart((PlanBar(chords=("IV",)), *(PlanBar(),) * 7), True),))
    plans = [planned(composer, plan, seed) for seed in range(3)]
    assert all(each.parts[0].bars[0].chords == ("IV",) for each in plans)
    assert all(bar.chords for each in plans for bar in each.heard_bars())
    assert len(set(plans)) == 3


@pytest.mark.parametrize("seed", range(3))
def test_a_planned_cadence_ends_on_its_degrees(composer: Composer, seed: int) -> None:
    bars = tuple(PlanBar("new", cadence="half" if place % 2 else "full") for place in range(8))
    plan = Plan(kind="jig", tonic="C", mode="major", parts=(PlanPart(bars, False, 0),))
    tune = composer.compose(
        TuneAttributes(), generator=drawing(seed).generator, wishes=ComposingWishes(plan=plan)
    )
    for place, bar in enumerate(tune.bars[:-1]):
        now, last = bar.duration * 0, None
        for note in bar.notes:
            if now <= bar.duration / 2 and note.pitches:
                last = note.pitches[0].midi % 12
            now += note.duration
        assert last in ((2, 7, 11) if place % 2 else (0,))


def test_chords_are_laid_over_the_tune_again_and_again(composer: Composer) -> None:
    chords = as_numerals(read_progression("G|C D|Em"), Key("G", "major"))
    made = composer.compose_with_plans(
        TuneAttributes(kind="jig", tonic="G", mode="major", form="AB"),
        1,
        drawing(),
        wishes=ComposingWishes(chords=chords),
    )[0]
    assert [bar.chords for bar in made.plan.all_bars()][:4] == [("I",), ("IV", "V"), ("vi",), ("I",)]
    symbols = {note.chord_symbol for bar in made.tune.bars for note in bar.notes}
    assert {"G", "C", "Em"} <= symbols


def test_range_and_ornaments_are_kept_to(composer: Composer) -> None:
    wish = TuneAttributes(kind="jig", tonic="D", mode="major", form="AB")
    # Bars of few notes, so that there are some long enough to be rolled.
    plan = Plan(parts=(PlanPart((PlanBar("new", notes=3),) * 8),) * 2)
    for ornaments, present in (("none", False), ("many", True)):
        wishes = ComposingWishes(plan=plan, lowest=50, highest=68, ornaments=ornaments)
        tune = composer.compose(wish, generator=drawing().generator, wishes=wishes)
        notes = [note for bar in tune.bars for note in bar.notes]
        assert all(50 <= pitch.midi <= 68 for note in notes for pitch in note.pitches)
        assert any("roll" in note.decorations for note in notes) == present


@pytest.mark.parametrize(
    ("wish", "message"),
    [
        ({"density": "thick"}, "density 'thick' is not one of sparse, usual, dense"),
        ({"ornaments": "some"}, "ornaments 'some' is not one of none, usual, many"),
        ({"lowest": 20}, "range MIDI 20 to 86: 43 to 96 are allowed"),
        ({"lowest": 60, "highest": 70}, "at least 16 semitones are needed"),
    ],
)
def test_wishes_out_of_range_are_refused(wish: dict[str, object], message: str) -> None:
    with pytest.raises(CompositionError, match=re.escape(message)):
        ComposingWishes(**wish)  # type: ignore[arg-type]


def test_a_plan_and_words_that_contradict_each_other_are_refused(composer: Composer) -> None:
    plan = Plan(kind="jig", parts=(PlanPart((PlanBar(chords=("I",)),) * 4),) * 2)

    def compose(attributes: TuneAttributes, wishes: ComposingWishes) -> None:
        composer.compose(attributes, generator=drawing().generator, wishes=wishes)

    with pytest.raises(CompositionError, match="2 parts are planned, and a form of 1"):
        compose(TuneAttributes(form="AA"), ComposingWishes(plan=plan))
    with pytest.raises(CompositionError, match="the plan has chords of its own"):
        compose(TuneAttributes(), ComposingWishes(plan=plan, chords=(("I",),)))
    with pytest.raises(CompositionError, match="the plan is in 6/8, and 4/4"):
        compose(TuneAttributes(kind="reel"), ComposingWishes(plan=replace(plan, meter=JIG.header.meter)))
    one_level = Composer(replace(TINY, levels=1)).eval()
    with pytest.raises(CompositionError, match="one level"):
        one_level.compose(TuneAttributes(), generator=drawing().generator, wishes=ComposingWishes(plan=plan))


@pytest.mark.parametrize("seed", range(3))
def test_infilling_changes_the_bars_that_were_named_and_nothing_else(composer: Composer, seed: int) -> None:
    made = infill(composer, GivenTune.of(JIG), 2, 3, drawing(seed)).tune
    changed = [place for place, (a, b) in enumerate(zip(JIG.bars, made.bars, strict=True)) if a != b]
    assert changed == [2, 3]
    assert made.header == JIG.header
    assert all(made.bars[place].duration == JIG.bars[place].duration for place in changed)


def test_a_variation_lets_bars_that_return_follow_those_they_repeat(composer: Composer) -> None:
    given = GivenTune.of(JIG)
    weak = vary(composer, given, 0.01, drawing()).tune
    assert sum(a != b for a, b in zip(JIG.bars, weak.bars, strict=True)) in (1, 2)
    strong = vary(composer, given, 1.0, drawing()).tune
    assert all(a.notes != b.notes for a, b in zip(JIG.bars[1:4], strong.bars[1:4], strict=True))
    assert [bar.duration for bar in strong.bars] == [bar.duration for bar in JIG.bars]
    with pytest.raises(CompositionError, match="strength is 0"):
        vary(composer, given, 0.0, drawing())
    with pytest.raises(CompositionError, match="the tune has bars 1 to 9"):
        infill(composer, given, 9, 10, drawing())


def test_a_continued_tune_begins_with_the_phrase_it_was_given(composer: Composer) -> None:
    phrase = Tune.from_abc("X:1\nT:P\nR:jig\nM:6/8\nL:1/8\nK:G\nD|G3 GAB|A3 ABd|edd gdd|edB dB|\n")
    wishes = continuation(GivenTune.of(phrase))
    tune = composer.compose(TuneAttributes(), generator=drawing().generator, wishes=wishes)
    assert [bar.notes for bar in tune.bars[:4]] == [bar.notes for bar in phrase.bars[:4]]
    assert tune.bars[4].notes[:5] == phrase.bars[4].notes
    assert tune.bars[4].duration == tune.bars[3].duration
    assert (len(tune.bars), tune.header.rhythm, tune.header.key) == (18, "jig", phrase.header.key)
    with pytest.raises(CompositionError, match="stay in their key"):
        composer.compose(TuneAttributes(tonic="A"), generator=drawing().generator, wishes=wishes)
    with pytest.raises(CompositionError, match="with endings"):
        continuation(GivenTune.of(JIG))


def test_a_tune_that_has_no_normal_form_is_refused_with_the_reason() -> None:
    with pytest.raises(CompositionError, match="tune 'Free' cannot be worked on: free metre"):
        GivenTune.of(Tune.from_abc("X:1\nT:Free\nM:none\nL:1/8\nK:G\nGABc|\n"))
