"""Shortcomings: a sound tune has none, and each fault put into it is the one that is found."""

from __future__ import annotations

import pytest

from audiogen.sonify.diagnosis import diagnose
from audiogen.sonify.prompts import EXAMPLES
from symbolic_bridge import Tune
from symbolic_bridge.analysis import MelodyIndex
from symbolic_bridge.attributes import TuneAttributes
from symbolic_bridge.prompts import parse_prompt
from symbolic_bridge.tune import Key

NOTHING = TuneAttributes()


def aspects(abc: str, wanted: TuneAttributes = NOTHING) -> list[str]:
    return [item.aspect for item in diagnose(Tune.from_abc(abc), wanted)]


def test_a_real_tune_has_no_shortcomings(kesh_abc: str) -> None:
    assert aspects(kesh_abc, parse_prompt("a jig in G major")) == []


@pytest.mark.parametrize(
    ("prompt", "aspect"),
    [("a jig in D", "key"), ("a jig in G minor", "key"), ("a jig in G in 9/8", "meter"), ("a waltz in G", "kind"),
     ("a jig in G with 32 bars", "length")],
)  # fmt: skip
def test_what_the_prompt_asked_for_is_missed(prompt: str, aspect: str, kesh_abc: str) -> None:
    assert aspect in aspects(kesh_abc, parse_prompt(prompt))


@pytest.mark.parametrize(
    ("change", "aspect"),
    [
        (("edd gdd", "edd gddd"), "bars"),
        (("GAG GAB", "G,,Ag' G,,Ag'"), "leaps"),
        ((":|", "|"), "form"),
        (("|:", "|"), None),
    ],
)
def test_one_fault_is_one_shortcoming(change: tuple[str, str], aspect: str | None, kesh_abc: str) -> None:
    found = aspects(kesh_abc.replace(*change))
    assert found == [] if aspect is None else aspect in found


def test_a_key_that_the_notes_do_not_keep_to_is_found(kesh_abc: str) -> None:
    wrong = Tune.from_abc(kesh_abc).with_header(key=Key("Db"))
    details = [str(item) for item in diagnose(wrong, NOTHING) if item.aspect == "key"]
    assert any("foreign to Db major" in text for text in details)
    assert any("it sounds in G major" in text for text in details)


def test_monotony_range_and_form_are_found() -> None:
    found = aspects("X:1\nM:4/4\nL:1/8\nK:C\n" + "CCCC CCCC|" * 16)
    assert {"monotony", "range"} <= set(found)
    steps = "CDEF GABc|defg a2b2|c'2 g2 f2 d2|B2 A2 F2 C2|E3 G A2 c2|B2 d2 f2 a2|g3 e c2 A2|F4 E4|D8|"
    assert "form" in aspects("X:1\nM:4/4\nL:1/8\nK:C\n" + steps)


def test_copies_of_examples_and_of_a_corpus_are_found(kesh_abc: str) -> None:
    kesh = Tune.from_abc(kesh_abc)
    example = Tune.from_abc(EXAMPLES[0][1]).transpose(2)
    found = diagnose(example, NOTHING, examples=[EXAMPLES[0][1]])
    assert [item.aspect for item in found] == ["copying"]
    corpus = MelodyIndex.build([("session/1", kesh)])
    assert "session/1" in diagnose(kesh, NOTHING, corpus=corpus)[0].detail


def test_a_single_note_is_too_short_to_be_judged() -> None:
    assert aspects("X:1\nK:C\nC8|") == ["length"]
