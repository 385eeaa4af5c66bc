from __future__ import annotations

import numpy as np
import pytest

from symbolic_bridge.grammar import PartPlan, TunePlan, Walker
from symbolic_bridge.normal_form import NormalTune
from symbolic_bridge.normalise import normalise
from symbolic_bridge.plan_analysis import completed, plan_of
from symbolic_bridge.plan_grammar import PlanGrammar, PlanLeaning
from symbolic_bridge.plan_guide import (
    GUIDE_FEATURES,
    Guide,
    guided_rows,
    is_structure,
    next_structure,
    notes_by_bar,
)
from symbolic_bridge.plan_tokens import (
    DEPTHS,
    PLAN_FEATURES,
    PlanWalker,
    decode_plan,
    encode_plan,
    entries_of,
    plan_feature_rows,
    plan_vocabulary,
)
from symbolic_bridge.plans import OPEN_PLAN, Plan, PlanBar, PlanError, PlanPart
from symbolic_bridge.tune import Meter, Tune
from symbolic_bridge.tune_tokens import conditions_of, encode, vocabulary

BODIES = {
    "a jig": "|:A|dfa afd|gfg e2A|dfa afd|e2d d2:|\n|:f|a2f d2f|g2e c2e|a2f dfa|gec d2:|",
    "endings": "|:dfa afd|gfg e2A|dfa afd|1 e2d d2A:|2 e2d d3||\n|:a2f d2f|g2e c2e|dfa afd|e2d d3:|",
    "rests": "z6|d3 z3|z6|d6|",
}


def normal(body: str) -> NormalTune:
    return normalise(Tune.from_abc(f"X:1\nT:T\nR:jig\nM:6/8\nL:1/8\nK:D\n{body}\n"), "jig")


@pytest.mark.parametrize("name", BODIES)
def test_a_tunes_plan_is_itself_after_a_way_through_its_row(name: str) -> None:
    tune = normal(BODIES[name])
    plan = plan_of(tune)
    row = encode_plan(plan, conditions_of(tune))
    assert decode_plan(row) == (plan, conditions_of(tune))
    assert plan_feature_rows(row).shape == (len(row), PLAN_FEATURES)
    with pytest.raises(PlanError, match="has no end"):
        decode_plan(row[:-1])


@pytest.mark.parametrize("depth", sorted(DEPTHS.values()))
@pytest.mark.parametrize("name", BODIES)
def test_a_plan_to_a_depth_has_no_entries_behind_it_and_is_completed_from_its_tune(
    name: str, depth: int
) -> None:
    tune = normal(BODIES[name])
    whole = plan_of(tune)
    row = encode_plan(whole, conditions_of(tune), depth)
    shallow, _ = decode_plan(row, depth)
    assert len(plan_feature_rows(row, depth)) == len(row) <= len(encode_plan(whole, conditions_of(tune)))
    assert all(not any(entry.ids[depth:]) for entry in entries_of(shallow))
    assert [entry.to_depth(depth) for entry in entries_of(whole)] == list(entries_of(shallow))
    assert completed(shallow, tune) == whole


def test_the_plan_says_which_bars_return_and_how_phrases_close() -> None:
    bars = plan_of(normal(BODIES["a jig"])).all_bars()
    assert [(bar.relation, bar.of) for bar in bars[:4]] == [
        ("new", None), ("new", None), ("repeats", 1), ("new", None),
    ]  # fmt: skip
    assert bars[0].chords == ("I",)
    assert bars[0].notes == 6
    assert [bar.cadence for bar in bars if bar.relation != "repeats"][2] == "full"
    assert plan_of(normal("ABc def|d6|ABc def|d5 e|")).all_bars()[3] == PlanBar(
        "varies", 2, "full", ("I",), 1, "level", 2
    )
    silent = plan_of(normal(BODIES["rests"])).all_bars()
    assert silent[0] == PlanBar("new", None, "none", ("none",), 0, "level", 0)
    assert silent[2] == PlanBar("repeats", 1)


def test_second_endings_stand_where_the_first_ones_stood() -> None:
    plan = plan_of(normal(BODIES["endings"]))
    walker = PlanWalker()
    for index in encode_plan(plan, conditions_of(normal(BODIES["endings"]))):
        walker.step(index)
    assert walker.numbers == [0, 1, 2, 3, 3, 4, 5, 6, 7]
    # The last bar is the second ending, four bars on.
    assert plan.all_bars()[-1] == PlanBar("repeats", 5)


def test_the_guide_tells_what_is_planned_and_what_stood_in_the_related_bar() -> None:
    tune = normal("ABc def|d6|ABc def|d5 e|")
    row, entries = encode(tune), entries_of(plan_of(tune))
    features, copies = guided_rows(row, entries)
    assert features.shape[1] == 6 + GUIDE_FEATURES
    bars = [place for place, index in enumerate(row) if vocabulary().names[index].startswith("bar:")]
    # Of the third bar, a repeat of the first: all is copied, and the first note is known.
    assert copies[bars[2] : bars[3]].all()
    assert not copies[: bars[2]].any()
    assert not copies[bars[3] :].any()
    assert features[bars[2], 6] == row[bars[0] + 1]
    # Notes left: one more than the number, 0 being "not known".
    assert features[bars[0] : bars[1], 7].tolist() == [7, 6, 5, 4, 3, 2, 1]
    assert features[0, 6:].tolist()[: 2 + len(entries[0].ids)] == [0] * (2 + len(entries[0].ids))
    untold, nothing = guided_rows(row, ())
    assert not untold[:, 6:].any()
    assert not nothing.any()


def test_a_bars_second_chord_sets_in_at_its_half() -> None:
    plan = Plan(parts=(PlanPart((PlanBar(chords=("I", "V")),)),))
    guide = Guide(entries_of(plan), half_ticks=36)
    guide.step(vocabulary().ids["bar:1"], 0)
    names = [plan_vocabulary().names[guide.features(position)[4]] for position in (0, 35, 36)]
    assert names == ["chord:I", "chord:I", "chord:V"]


def test_structure_and_notes_share_a_row_out() -> None:
    tune = normal(BODIES["endings"])
    row = encode(tune)
    bars, pickups = notes_by_bar(row)
    assert not pickups
    assert sum(map(len, bars.values())) == int((~is_structure()[row]).sum())
    following = next_structure(row)
    for place, index in enumerate(row[1:]):
        assert not is_structure()[index] or following[place] == index
    assert notes_by_bar(encode(normal(BODIES["a jig"])))[1].keys() == {0, 1}


def drawn(grammar: PlanGrammar, seed: int, tune: NormalTune) -> list[int]:
    """A plan drawn without any model."""
    rng = np.random.default_rng(seed)
    walker, row = PlanWalker(), []
    for name in conditions_of(tune).names()[:-1]:
        row.append(plan_vocabulary().ids[name])
        walker.step(row[-1])
    while walker.section != "end":
        row.append(int(rng.choice(np.flatnonzero(grammar.allowed(walker)))))
        walker.step(row[-1])
        assert len(row) <= grammar.max_tokens
    return row


OUTLINE = TunePlan(Meter(6, 8), "major", (PartPlan(8, True), PartPlan(4, False)))


@pytest.mark.parametrize("seed", range(8))
def test_whatever_is_drawn_is_a_plan_of_the_outline(seed: int) -> None:
    tune = normal(BODIES["a jig"])
    plan, _ = decode_plan(
        drawn(PlanGrammar(OUTLINE, OPEN_PLAN, PlanLeaning(lowest=-1, highest=2)), seed, tune)
    )
    assert [(part.bar_count, part.repeated) for part in plan.parts] == [(8, True), (4, False)]
    assert all(-1 <= bar.level <= 2 for bar in plan.all_bars() if bar.level is not None)
    assert plan.parts[0].pickup == plan.parts[1].pickup
    walker = Walker()
    for name in conditions_of(tune).names():
        walker.step(vocabulary().ids[name])


@pytest.mark.parametrize("seed", range(4))
def test_what_is_given_stands_in_every_plan(seed: int) -> None:
    given = Plan(
        parts=(
            PlanPart(
                (
                    PlanBar(chords=("V",), notes=3), PlanBar("varies", 1, level=2), PlanBar("repeats", 2), PlanBar(),
                    PlanBar(cadence="half"), PlanBar("new", direction="up"),
                ),
                True,
                24,
                ((PlanBar(), PlanBar(notes=1)), (PlanBar("repeats", 1), PlanBar(notes=2))),
            ),
        )
    )  # fmt: skip
    row = drawn(PlanGrammar(OUTLINE, given, PlanLeaning()), seed, normal(BODIES["a jig"]))
    plan, _ = decode_plan(row)
    assert plan.parts[0].pickup == 24
    assert [len(ending) for ending in plan.parts[0].endings] == [2, 2]
    for wanted, bar in zip(given.all_bars(), plan.all_bars(), strict=False):
        for name in ("relation", "of", "cadence", "level", "direction", "notes"):
            assert getattr(wanted, name) in (None, getattr(bar, name)), name
        assert wanted.chords in ((), bar.chords)


def test_a_leaning_adds_so_much_for_each_note_and_level() -> None:
    bias = PlanGrammar(OUTLINE, OPEN_PLAN, PlanLeaning(notes=-0.5, level=1.0)).bias
    ids = plan_vocabulary().ids
    assert bias[ids["notes:8"]] - bias[ids["notes:6"]] == -1.0
    assert bias[ids["level:2"]] - bias[ids["level:-2"]] == 4.0
    assert bias[ids["chord:I"]] == 0.0
    with pytest.raises(ValueError, match="levels 3 to 2"):
        PlanLeaning(lowest=3, highest=2)


def test_a_pickup_that_no_token_says_is_refused() -> None:
    with pytest.raises(PlanError, match="part 1: a pickup of 7 ticks"):
        PlanGrammar(OUTLINE, Plan(parts=(PlanPart((PlanBar(),) * 8, pickup=7),)), PlanLeaning())
