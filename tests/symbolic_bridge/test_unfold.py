"""Rules of unfolding repeats and of the time line."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest

from symbolic_bridge.abc_reader import read_tune
from symbolic_bridge.tune import Key, Meter, Tune
from symbolic_bridge.unfold import expand_parts, part_of_bars, play_order, timed_notes, unfold_tune

HEAD = "X:1\nT:t\nM:4/4\nL:1/1\n"


def tune_of(body: str, fields: str = "") -> Tune:
    return read_tune(HEAD + fields + "K:C\n" + body + "\n")


def letters(tune: Tune) -> str:
    """The notes' letters in order, one a bar."""
    return "".join(bar.notes[0].pitches[0].letter for bar in tune.bars)


@pytest.mark.parametrize(
    ("body", "played"),
    [
        ("C|D|E|", "CDE"),
        ("|:C|D:|E|", "CDCDE"),
        ("C|D:|E|F:|", "CDCDEFEF"),
        ("|:C::D:|", "CCDD"),
        ("C||D:|", "CDD"),
        ("C|D|]E:|", "CDEE"),
        ("C|:D:|E|", "CDDE"),
        ("|:C|1 D:|2 E||F|", "CDCEF"),
        ("|:C|1 D:|2 E:|", "CDCE"),
        ("C|1 D:|2 E|]F|1 G:|2 A|]", "CDCEFGFA"),
        ("|:C|[1,3 D:|[2 E:|[4 F||G|", "CDCECDCFG"),
        ("|:C|[1-3 D:|[4 E|]", "CDCDCDCE"),
        ("|:C|1 D|2 E|]", "CDCE"),
        ("|:C|D||E:|F|", "CDECDEF"),
        ("|:C|1 D:|2 E|:F:|", "CDCEFF"),
        ("|:C|1 D:|2 E|F|G:|", "CDCEFGFG"),
        ("|:C|D|:E:|", "CDEE"),
        ("|:C|D", "CD"),
    ],
)
def test_repeats_are_played_as_players_play_them(body: str, played: str):
    assert letters(unfold_tune(tune_of(body))) == played


def test_an_unfolded_tune_has_no_signs_and_unfolding_it_again_changes_nothing():
    once = unfold_tune(tune_of("|:C|1 D:|2 E:|", "P:A\n"))
    assert not any(bar.start_repeat or bar.end_repeat or bar.endings for bar in once.bars)
    assert unfold_tune(once) == once


def test_a_tempo_holds_over_a_change_of_metre_and_comes_back_after_it():
    tune = tune_of("[M:6/8]C3/4|[M:4/4][Q:1/4=90]D|", "Q:3/8=90\nP:A2\n")
    labelled = replace(tune, bars=(replace(tune.bars[0], part="A"), *tune.bars[1:]))
    # 90 dotted quarters and 90 quarters a minute are the same number and two speeds.
    assert [bar.tempo_bpm for bar in unfold_tune(labelled).bars] == [None, 90, 90, 90]


@pytest.mark.parametrize(
    ("text", "labels"),
    [
        ("AABB", "AABB"),
        ("(AB)2", "ABAB"),
        ("A2B3", "AABBB"),
        ("((AB)2C)2", "ABABCABABC"),
        ("A.B.A", "ABA"),
        ("A B", "AB"),
    ],
)
def test_part_orders_are_expanded(text: str, labels: str):
    assert "".join(expand_parts(text)) == labels


@pytest.mark.parametrize("text", ["(AB", "AB)", "see below!", "(" * 50 + "A" + "9)" * 49])
def test_what_is_no_part_order_is_none(text: str):
    assert expand_parts(text) == ()


def test_a_part_order_of_the_header_is_honoured():
    body = "P:A\nC|D||\nP:B\n|:E:|"
    assert letters(unfold_tune(tune_of(body, "P:ABA\n"))) == "CDEECD"
    assert letters(unfold_tune(tune_of(body, "P:AXA\n"))) == "CDEE"
    assert letters(unfold_tune(tune_of(body, "P:A\n"))) == "CDEE"
    assert letters(unfold_tune(tune_of("C|D:|", "P:AABB\n"))) == "CDCD"


def test_keys_and_meters_are_restated_when_a_repeat_goes_back():
    tune = tune_of("|:C|[K:G][M:2/2]D:|E|")
    bars = unfold_tune(tune).bars
    assert [bar.key for bar in bars] == [None, Key("G"), Key("C"), Key("G"), None]
    assert [bar.meter for bar in bars] == [None, Meter(2, 2), Meter(4, 4), Meter(2, 2), None]


def test_parts_are_numbered_and_pickups_belong_to_what_follows():
    tune = read_tune("X:1\nT:t\nM:2/4\nL:1/8\nK:C\nC|D4|E4|F3:|G|A4|B4|1 c3:|2 d3||e|f4|g4|a3|]")
    assert part_of_bars(tune) == (0, 0, 0, 0, 1, 1, 1, 1, 1, 2, 2, 2, 2)
    assert len(play_order(tune)) == 8 + 8 + 4


def test_tied_notes_sound_once_and_keep_what_stood_at_the_first():
    tune = read_tune("X:1\nT:t\nM:4/4\nL:1/4\nK:C\n{g}C2 ~D2-|D2 z D-|D D z2|")
    notes = timed_notes(unfold_tune(tune))
    assert [(note.start, note.duration, note.pitches) for note in notes] == [
        (0, Fraction(1, 2), (60,)),
        (Fraction(1, 2), Fraction(1), (62,)),
        (Fraction(7, 4), Fraction(1, 2), (62,)),
        (Fraction(9, 4), Fraction(1, 4), (62,)),
    ]
    assert notes[0].note.graces
    assert notes[1].note.decorations == ("roll",)
    assert [note.bar for note in notes] == [0, 0, 1, 2]


def test_a_tie_over_a_repeat_holds_into_whichever_note_follows():
    tune = read_tune("X:1\nT:t\nM:4/4\nL:1/1\nK:C\n|:C|C-:|D|")
    assert [note.duration for note in timed_notes(unfold_tune(tune))] == [1, 2, 1, 1]


def test_a_tied_chord_holds_only_the_notes_that_both_chords_share():
    tune = read_tune("X:1\nT:t\nM:4/4\nL:1/2\nK:C\n[CE]-[CG]|")
    assert [(note.pitches, note.duration) for note in timed_notes(tune)] == [
        ((60, 64), Fraction(1)),
        ((67,), Fraction(1, 2)),
    ]


def test_a_part_order_without_end_is_passed_over():
    tune = tune_of("P:A\n" + "C|" * 300, "P:((A9)9)9\n")
    assert len(play_order(tune)) == 300
    assert len(play_order(tune_of("P:A\nC|D|", "P:(A9)9\n"))) == 162
