from __future__ import annotations

import re

import pytest

from symbolic_bridge.plans import (
    NUMERALS,
    Plan,
    PlanBar,
    PlanError,
    PlanPart,
    numeral,
    numeral_parts,
)
from symbolic_bridge.tune import Meter

WHOLE = Plan(
    "jig", Meter(6, 8), "dorian", "A", "AAB",
    (
        PlanPart(
            (
                PlanBar("new", None, "none", ("i", "bVII"), -2, "up", 6),
                PlanBar("varies", 1, "half", ("bVII",), 0, "level", 5),
            ),
            True,
            12,
            ((PlanBar("repeats", 1),), (PlanBar(notes=0, chords=("none",)), PlanBar())),
        ),
        PlanPart((PlanBar("repeats", 2), PlanBar("repeats", 6)), False, 0),
    ),
)  # fmt: skip


def test_a_plan_is_itself_after_a_way_through_json() -> None:
    assert Plan.from_json(WHOLE.to_json()) == WHOLE
    assert Plan.from_json("{}") == Plan()
    assert Plan.from_json('{"parts": [{"bars": [{}, {"level": null}]}]}').parts[0].bars == (PlanBar(),) * 2


def test_a_bar_that_repeats_one_takes_all_from_it_even_through_another() -> None:
    heard = WHOLE.heard_bars()
    assert [bar.chords for bar in heard] == [
        ("i", "bVII"), ("bVII",), ("i", "bVII"), ("none",), (), ("bVII",), ("bVII",),
    ]  # fmt: skip
    assert heard[6].notes == 5
    assert WHOLE.chords_by_part()[0][0] == ()


@pytest.mark.parametrize("name", NUMERALS)
def test_numerals_are_read_as_they_are_named(name: str) -> None:
    assert numeral(*numeral_parts(name)) == name


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1, column 1: not JSON"),
        ("[]", "a plan is a JSON list"),
        ('{"tempo": 3}', "unknown entry 'tempo'; known are form, kind, meter, mode, parts, tonic"),
        ('{"kind": "tango"}', "kind 'tango' is not one of"),
        ('{"kind": 3}', "kind is 3; a string is needed"),
        ('{"meter": "6-8"}', "meter '6-8' is not of the form 6/8"),
        ('{"tonic": "H"}', "H"),
        ('{"form": "BA"}', "form 'BA'"),
        ('{"parts": {}}', "parts is {}; a list is needed"),
        ('{"parts": [3]}', "part 1 is a JSON int"),
        ('{"parts": [{}]}', "part 1: number of bars is 0"),
        ('{"parts": [{"bars": [{}, 7]}]}', "part 1, bar 2 is a JSON int"),
        ('{"parts": [{"bars": [{"level": 9}]}]}', "part 1, bar 1: level is 9; it must be -4 to 4"),
        ('{"parts": [{"bars": [{"level": true}]}]}', "part 1, bar 1: level is True; a whole number is needed"),
        ('{"parts": [{"bars": [{"chords": ["H"]}]}]}', "part 1, bar 1: chord 'H' is not one of I, bII"),
        ('{"parts": [{"bars": [{"chords": [1]}]}]}', "part 1, bar 1: chords are [1]; names are needed"),
        ('{"parts": [{"bars": [{"chords": ["I", "V", "I"]}]}]}', "a bar has 3 chords; at most 2"),
        ('{"parts": [{"bars": [{"relation": "repeats"}]}]}', "a bar that repeats or varies says which one"),
        ('{"parts": [{"bars": [{"relation": "varies", "of": 1}]}]}', "bar 1: it varies bar 1, which is not before it"),
        ('{"parts": [{"bars": [{}], "endings": [[{}]]}]}', "part 1: endings are a first and a second"),
        ('{"parts": [{"bars": [{}], "endings": [[{}], [{"notes": 99}]]}]}', "part 1, ending 2, bar 1: notes is 99"),
        ('{"form": "AB", "parts": [{"bars": [{}]}]}', "form AB has 2 parts; 1 are planned"),
    ],
)  # fmt: skip
def test_what_is_no_plan_is_refused_with_its_place(text: str, message: str) -> None:
    with pytest.raises(PlanError, match=re.escape(message)):
        Plan.from_json(text)
