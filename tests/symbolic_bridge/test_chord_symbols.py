from __future__ import annotations

import re

import pytest

from symbolic_bridge.chord_symbols import (
    as_numerals,
    home_of,
    read_progression,
    symbol_of,
    with_chord_symbols,
)
from symbolic_bridge.plans import PlanError
from symbolic_bridge.tune import Key, Tune


def test_a_progression_is_the_same_after_a_way_through_numerals() -> None:
    key = Key("A", "dorian")
    bars = read_progression("|Am|G C|D7 N.C.|")
    numerals = as_numerals(bars, key)
    assert numerals == (("i",), ("bVII", "bIII"), ("IV", "none"))
    assert [symbol_of(name, key) for bar in numerals for name in bar] == ["Am", "G", "C", "D", "N.C."]


@pytest.mark.parametrize(
    ("text", "key"), [("G|D", "G major"), ("N.C.|F#m|E", "F# minor"), ("Bb7|Eb", "Bb major")]
)
def test_the_first_chord_is_home(text: str, key: str) -> None:
    home = home_of(read_progression(text))
    assert f"{home.tonic} {home.mode}" == key


@pytest.mark.parametrize(
    ("text", "message"),
    [("G||D", "bar 2: it has 0"), ("G C D", "bar 1: it has 3"), ("G|H", "bar 2: 'H' is no chord"), ("", "bar 1")],
)  # fmt: skip
def test_what_is_no_progression_is_refused_with_its_bar(text: str, message: str) -> None:
    with pytest.raises(PlanError, match=re.escape(message)):
        read_progression(text)


def test_a_progression_without_chords_has_no_home() -> None:
    with pytest.raises(PlanError, match=r"none but N\.C\."):
        home_of(read_progression("N.C."))


def test_chords_are_written_where_they_change_and_where_a_repeat_begins() -> None:
    tune = Tune.from_abc("X:1\nT:T\nM:2/4\nL:1/8\nK:G\n|:GABc|d2 d2|d4:|\n|:GABc|d4:|\n")
    marked = with_chord_symbols(tune, [("I",), ("I", "V"), ("V",), ("V",), ()])
    found = [[note.chord_symbol for note in bar.notes] for bar in marked.bars]
    assert found == [["G", "", "", ""], ["", "D"], [""], ["D", "", "", ""], [""]]
    assert with_chord_symbols(marked, [()] * 5) == marked
