"""Rules of reading ABC."""

from __future__ import annotations

import pickle
import time
from fractions import Fraction

import pytest

from symbolic_bridge.abc_blocks import split_tunes
from symbolic_bridge.abc_reader import read_tune, read_tunes
from symbolic_bridge.errors import AbcSyntaxError
from symbolic_bridge.tune import Key, Meter, Pitch, Tune

HEAD = "X:1\nT:Test\nM:4/4\nL:1/8\nK:{key}\n"


def tune_of(body: str, key: str = "C", strict: bool = False) -> Tune:
    return read_tune(HEAD.format(key=key) + body + "\n", strict=strict)


def lengths(tune: Tune) -> list[Fraction]:
    """Durations in eighths."""
    return [note.duration * 8 for bar in tune.bars for note in bar.notes]


def midi(tune: Tune) -> list[int]:
    return [pitch.midi for bar in tune.bars for note in bar.notes for pitch in note.pitches]


# -- headers -------------------------------------------------------------------------------------


def test_the_header_is_read_with_all_its_fields():
    tune = read_tune(
        "X:12\nT:The Caf\\'e\nT:Second name\nC:Anon & co.\nR:jig\nM:6/8\nL:1/8\nQ:3/8=110\nZ:50\\% done\nK:Em\nE3 B3|\n"
    )
    header = tune.header
    assert (header.reference, header.title, header.rhythm) == (12, "The Café", "jig")
    assert (header.meter, header.unit, header.tempo_bpm) == (Meter(6, 8), Fraction(1, 8), 110.0)
    assert header.key == Key("E", "minor")
    assert header.fields == (("T", "Second name"), ("C", "Anon & co."), ("Z", "50% done"))
    assert tune.warnings == ()


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("G", Key("G")), ("Gmaj", Key("G")), ("G major", Key("G")), ("G ionian", Key("G")),
        ("Am", Key("A", "minor")), ("Amin", Key("A", "minor")), ("A minor", Key("A", "minor")),
        ("AMinor", Key("A", "minor")), ("AAeolian", Key("A", "minor")),
        ("Ador", Key("A", "dorian")), ("A dorian", Key("A", "dorian")), ("ADOR", Key("A", "dorian")),
        ("AMix", Key("A", "mixolydian")), ("D Mixolydian", Key("D", "mixolydian")), ("Ephr", Key("E", "phrygian")),
        ("Flyd", Key("F", "lydian")), ("Bloc", Key("B", "locrian")), ("F#m", Key("F#", "minor")),
        ("Bb", Key("Bb")), ("B♭", Key("Bb")), ("g", Key("G")), ("Hp", Key("A", "mixolydian")),
        ("HP", Key("A", "mixolydian")), ("none", Key("C")), ("", Key("C")), ("clef=bass", Key("C")),
        ("D clef=treble middle=B", Key("D")), ("G treble-8", Key("G")),
        ("D =c", Key("D", "major", (("C", 0),))), ("Am ^g _b", Key("A", "minor", (("G", 1), ("B", -1)))),
        ("D exp ^f", Key("D", "major", (("C", 0),))), ("C exp _b^f", Key("C", "major", (("F", 1), ("B", -1)))),
    ],
)  # fmt: skip
def test_every_spelling_of_a_key_is_understood(text: str, key: Key):
    tune = tune_of("C8|", key=text)
    assert tune.header.key == key
    assert tune.header.key.signature == key.signature
    assert tune.warnings == ()


def test_a_key_that_is_none_is_mended_with_its_place():
    tune = tune_of("C8|", key="Qmaj")
    assert tune.header.key == Key("C")
    assert "line 5, column 3: found 'Qmaj', allowed a key" in tune.warnings[0]
    with pytest.raises(AbcSyntaxError, match="mode"):
        tune_of("C8|", key="D foo", strict=True)


@pytest.mark.parametrize(
    ("text", "meter"),
    [
        ("C", Meter(4, 4)), ("C|", Meter(2, 2)), ("6/8", Meter(6, 8)), ("none", None), ("", None),
        ("(2+3)/8", Meter(5, 8)), ("2+2+3/8", Meter(7, 8)), (" 3/4 ", Meter(3, 4)),
    ],
)  # fmt: skip
def test_every_form_of_a_meter_is_understood(text: str, meter: Meter | None):
    tune = read_tune(f"X:1\nT:t\nM:{text}\nL:1/8\nK:C\nC|\n")
    assert tune.header.meter == meter
    assert tune.warnings == ()


def test_the_unit_length_follows_from_the_meter_where_no_field_gives_it():
    assert read_tune("X:1\nT:t\nM:2/4\nK:C\nC|").header.unit == Fraction(1, 16)
    assert read_tune("X:1\nT:t\nM:3/4\nK:C\nC|").header.unit == Fraction(1, 8)
    assert read_tune("X:1\nT:t\nM:none\nK:C\nC|").header.unit == Fraction(1, 8)


@pytest.mark.parametrize(
    ("meter", "text", "bpm"),
    [
        ("6/8", "3/8=110", 110.0), ("6/8", "1/4=120", 80.0), ("4/4", "120", 120.0), ("6/8", "120", 80.0),
        ("4/4", '"Allegro" 1/4=130', 130.0), ("4/4", '1/4=90 "Slow"', 90.0), ("4/4", "C2=60", 60.0),
        ("4/4", '"Slow"', None), ("2/2", "1/2=100", 100.0), ("4/4", "1/8 1/8=100", 100.0),
    ],
)  # fmt: skip
def test_every_form_of_a_tempo_counts_felt_beats(meter: str, text: str, bpm: float | None):
    tune = read_tune(f"X:1\nT:t\nM:{meter}\nL:1/8\nQ:{text}\nK:C\nC|\n")
    assert tune.header.tempo_bpm == bpm
    assert tune.warnings == ()


def test_the_words_of_a_tempo_are_kept():
    assert ("Q", "Allegro") in read_tune('X:1\nT:t\nQ:"Allegro" 1/4=130\nK:C\nC|').header.fields


def test_a_continued_field_is_joined():
    tune = read_tune("X:1\nT:t\nN:one\n+:two\nK:C\nC|")
    assert tune.header.fields == (("N", "one two"),)


# -- pitches and lengths -------------------------------------------------------------------------


def test_octaves_and_accidentals_give_spelled_pitches():
    tune = tune_of("C,,C,CcC'c'' ^C__D=E|")
    assert midi(tune) == [36, 48, 60, 72, 72, 96, 61, 60, 64]
    assert tune.bars[0].notes[7].pitches == (Pitch("D", -2, 4),)


def test_an_accidental_lasts_to_the_bar_line_in_all_octaves():
    assert midi(tune_of("^F F f F G4|F8|")) == [66, 66, 78, 66, 67, 65]
    assert midi(tune_of("=F F G6|F8|", key="D")) == [65, 65, 67, 66]


def test_a_tie_carries_its_accidental_over_the_bar_line_for_one_note():
    tune = tune_of("G4 ^F4-|F4 F4|")
    assert midi(tune) == [67, 66, 66, 65]
    assert [note.tie for note in tune.bars[0].notes] == [False, True]
    assert tune.warnings == ()


@pytest.mark.parametrize(
    ("body", "wanted"),
    [
        ("C2 C C/ C// C/4 C3/2 C3/", ["2", "1", "1/2", "1/4", "1/4", "3/2", "3/2"]),
        ("A>B A<B A>>B A << B", ["3/2", "1/2", "1/2", "3/2", "7/4", "1/4", "1/4", "7/4"]),
        ("A>{g}B A>[CE]", ["3/2", "1/2", "3/2", "1/2"]),
        ("(3ABc (2AB (4ABcd", ["2/3"] * 3 + ["3/2"] * 2 + ["3/4"] * 4),
        ("(3:2:2A2B (3::4ABcd", ["4/3", "2/3"] + ["2/3"] * 4),
        ("(5ABcde (7ABcdefg", ["2/5"] * 5 + ["2/7"] * 7),
        ("(3A>Bc", ["1", "1/3", "2/3"]),
        ("z2 x2 y A4", ["2", "2", "4"]),
        ("[CEG]2 [C2E2G2] [C2E]2", ["2", "2", "4"]),
    ],
)
def test_note_lengths(body: str, wanted: list[str]):
    assert lengths(tune_of(body + "|")) == [Fraction(text) for text in wanted]


def test_a_tuplet_of_five_takes_the_time_of_three_in_compound_meters():
    tune = read_tune("X:1\nT:t\nM:6/8\nL:1/8\nK:C\n(5ABcde A3|")
    assert lengths(tune)[0] == Fraction(3, 5)


def test_a_multi_measure_rest_is_as_many_bars():
    tune = tune_of("C8|Z3|C8|")
    assert [bar.duration for bar in tune.bars] == [1] * 5
    assert [bar.notes[0].is_rest for bar in tune.bars] == [False, True, True, True, False]


# -- marks on notes ------------------------------------------------------------------------------


def test_marks_stand_at_their_note():
    tune = tune_of('"Am7"~A2 "^slow"{/gab}.B2 (c2 !trill!d)-d +fermata+T|')
    first, second, third, fourth, fifth = tune.bars[0].notes
    assert (first.chord_symbol, first.decorations) == ("Am7", ("roll",))
    assert (second.annotations, second.decorations) == (("^slow",), ("staccato",))
    assert [pitch.midi for pitch in second.graces] == [79, 81, 83]
    assert (third.slur_starts, fourth.slur_ends, fourth.tie) == (1, 1, True)
    assert fourth.decorations == ("trill",)
    assert fifth.decorations == ("fermata", "trill")


@pytest.mark.parametrize("text", ["Am7", "D/F#", "Bb", "F#m7b5", "Gsus4", "Cmaj7", "E7(b9)", "Adim", "C6/9"])
def test_chord_symbols_are_told_from_words(text: str):
    note = tune_of(f'"{text}"C8|').bars[0].notes[0]
    if text == "C6/9":
        assert note.annotations == (text,)
    else:
        assert note.chord_symbol == text


@pytest.mark.parametrize("text", ["^Am", "_G", "<C", ">D", "@E", "last time", "Fine", "Dal Segno"])
def test_annotations_are_kept_as_words(text: str):
    note = tune_of(f'"{text}"C8|').bars[0].notes[0]
    assert (note.chord_symbol, note.annotations) == ("", (text,))


def test_a_symbol_defined_by_the_tune_is_used():
    tune = read_tune("X:1\nT:t\nU:W=!wedge!\nK:C\nWC8|")
    assert tune.bars[0].notes[0].decorations == ("wedge",)


def test_a_tie_to_another_pitch_is_dropped_with_a_warning():
    tune = tune_of("C4-D4|")
    assert not tune.bars[0].notes[0].tie
    assert tune.warnings == (
        "line 6, column 1: found 'a tie to another pitch', allowed a tie to the same pitch",
    )


def test_a_tie_over_a_repeat_sign_is_kept():
    tune = tune_of("|:C4 D4-:|E8|")
    assert tune.bars[0].notes[1].tie
    assert tune.warnings == ()


# -- bars ----------------------------------------------------------------------------------------


def signs(tune: Tune) -> list[tuple[bool, bool, tuple[int, ...], bool]]:
    return [(bar.start_repeat, bar.end_repeat, bar.endings, bar.double_bar) for bar in tune.bars]


@pytest.mark.parametrize("middle", ["::", ":|:", ":||:", ":| |:", ":|\n|:"])
def test_two_repeats_meet_in_every_spelling(middle: str):
    found = signs(tune_of(f"|:C8{middle}D8:|"))
    assert found[0][:3] == (True, True, ())
    assert found[1][:3] == (True, True, ())


@pytest.mark.parametrize(
    "text", ["|1 D8:|2 E8|]", "[1 D8:|[2 E8|]", "|[1 D8 :| [2 E8 |]", "|1. D8 :|\n2 E8|]"]
)
def test_endings_are_read_in_every_spelling(text: str):
    assert signs(tune_of("|:C8" + text)) == [
        (True, False, (), False), (False, True, (1,), False), (False, False, (2,), True),
    ]  # fmt: skip


@pytest.mark.parametrize(("text", "passes"), [("1,3", (1, 3)), ("1-3", (1, 2, 3)), ("1,3-4", (1, 3, 4))])
def test_lists_and_ranges_of_passes_are_read(text: str, passes: tuple[int, ...]):
    assert tune_of(f"|:C8|[{text} D8:|").bars[1].endings == passes


def test_double_bars_and_empty_bars():
    tune = tune_of("C8||D8|]|E8[|F8| |G8|")
    assert [bar.double_bar for bar in tune.bars] == [True, True, True, False, False]


def test_changes_inside_a_tune_stand_at_their_bar():
    tune = tune_of("C8|[M:3/4][K:D][Q:1/4=99]F6|\nP:B\nK:G\nL:1/4\nF3|[K:C]F2 [K:G]F|c3|")
    second, third, fourth, fifth = tune.bars[1:]
    assert (second.meter, second.key, second.tempo_bpm) == (Meter(3, 4), Key("D"), 99.0)
    assert (third.part, third.key, third.duration) == ("B", Key("G"), Fraction(3, 4))
    assert [note.pitches[0].alter for note in fourth.notes] == [0, 1]
    assert fifth.key == Key("G")


def test_bars_that_disagree_with_the_meter_are_told_but_pickups_are_not():
    good = tune_of("C|D8|E7:|F|G8|A7|]", strict=True)
    assert good.warnings == ()
    bad = tune_of("C8|D6|E8|F9|G8|")
    assert [warning.split(",")[0] for warning in bad.warnings] == ["line 6", "line 6"]
    assert "found 'a bar of 3/4', allowed a bar of 1 as the meter says" in bad.warnings[0]


def test_comments_and_instructions_are_kept_before_the_bar_that_follows():
    tune = tune_of("%%MIDI program 73\nC8|\\\nD8| % not E8|\n!\nE8|\n%%newpage\nI:papersize A4")
    assert midi(tune) == [60, 62, 64]
    assert [bar.lines for bar in tune.bars] == [("%%MIDI program 73",), (), ("% not E8|",)]
    assert tune.lines == ("%%newpage", "I:papersize A4")
    assert tune.kept == (
        "line 11, column 1: kept '%%newpage'", "line 12, column 1: kept 'I:papersize A4'",
    )  # fmt: skip
    assert tune.warnings == ()


def test_a_line_broken_inside_a_mark_is_joined():
    tune = tune_of("C4 D\n4|E6 F2:\n|G4 {a\nb}G4|")
    assert lengths(tune) == [4, 4, 6, 2, 4, 4]
    assert tune.bars[1].end_repeat
    assert len(tune.warnings) == 3


def test_what_mail_programs_left_is_mended_with_its_place():
    tune = tune_of("|:F8|\nQ:1/4=20\nA8:|=20\n=3DF4 F4|G4 =\nF4|", key="D")
    assert midi(tune) == [66, 69, 65, 65, 67, 66]
    assert (tune.bars[1].end_repeat, tune.bars[1].tempo_bpm, tune.bars[2].endings) == (True, 20.0, ())
    places = [warning.split(", allowed")[0] for warning in tune.warnings]
    assert places == [
        "line 8, column 5: found '=20'", "line 9, column 1: found '=3D'", "line 9, column 13: found '='",
    ]  # fmt: skip
    with pytest.raises(AbcSyntaxError, match="line 7, column 5: found '=20'"):
        tune_of("F8|\nA8:|=20", strict=True)


def test_an_ending_that_no_player_counts_to_is_refused():
    assert tune_of("|:C8|10 D8:|").bars[1].endings == ()
    with pytest.raises(AbcSyntaxError, match="line 6, column 6: found '10', allowed ending numbers 1 to 9"):
        tune_of("|:C8|10 D8:|", strict=True)


# -- the end of a tune ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "column", "message"),
    [
        ("C8|D6 (3ab", 11, "1 more in the last tuplet"),
        ("C6 a>", 6, "a note after > or <"),
        ("C8|(D4 E4)|F4 (G4|", 16, r"a \) before the end of the tune"),
        ("C8|D4 (", 8, r"a note after \("),
        ("|:C8|1 D8:|", 8, "a second ending"),
        ("|:C8|1 D8:|2", 13, "notes after the number of an ending"),
        ("C8|:", 5, r"notes after \|:"),
        ("z4|Z2|", 1, "the tune has no notes to play"),
    ],
)
def test_a_tune_that_was_cut_off_is_told_and_strictly_refused(body: str, column: int, message: str):
    assert tune_of(body).warnings[0].startswith(f"line 6, column {column}:")
    with pytest.raises(AbcSyntaxError, match=message) as caught:
        tune_of(body, strict=True)
    assert (caught.value.line, caught.value.column) == (6, column)


def test_a_slur_that_never_ends_is_dropped_and_one_may_cross_bars_and_repeats():
    assert tune_of("(C8|:(D4 E4):|F8)|", strict=True).warnings == ()
    assert [note.slur_starts for bar in tune_of("(C8|(D4 E4)|").bars for note in bar.notes] == [0, 1, 0]


def test_a_first_ending_without_a_second_is_told_but_read_strictly_where_the_tune_goes_on():
    tune = tune_of("|:C8|1 D8:|E8|]F8|1 G8:|2 A8|]", strict=True)
    assert tune.warnings == ("line 6, column 8: found 'a first ending', allowed a second ending after it",)


# -- many tunes and faults -----------------------------------------------------------------------


def test_every_tune_of_a_text_is_read_and_words_between_are_passed_over():
    text = "Here you are:\n\n```abc\nX:1\nT:One\nK:C\nC8|\n```\nand\n\nX:2\nT:Two\nK:D\nF8|\n\nNo more tunes, sorry.\n"
    assert [tune.header.title for tune in read_tunes(text)] == ["One", "Two"]
    assert read_tune(text).header.reference == 1
    second = split_tunes(text)[1]
    assert read_tune(second).header.title == "Two"
    assert second.split("\n")[10] == "X:2"


def test_line_ends_and_a_byte_order_mark_do_not_matter():
    text = HEAD.format(key="G") + "G8|\nA8|]\n"
    assert (
        read_tune("\ufeff" + text.replace("\n", "\r\n"))
        == read_tune(text)
        == read_tune(text.replace("\n", "\r"))
    )


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("", (1, 1), "empty"),
        (" \n\n", (1, 1), "empty"),
        ("\x00\x01\x02\x03PK\x04", (1, 1), "binary"),
        ("just words", (1, 1), "header field"),
        ("X:1\nT:t\nM:4/4\nCDEF|GABc|\n", (4, 1), "K: field"),
        ("X:1\nT:t\n", (2, 4), "K: field"),
        ("X:1\nT:t\nK:C\n", (3, 4), "notes"),
        ("X:1\nT:t\nK:C\n%nothing\n", (4, 9), "notes"),
    ],
)
def test_what_is_no_tune_is_refused_with_its_place(text: str, place: tuple[int, int], message: str):
    with pytest.raises(AbcSyntaxError, match=message) as caught:
        read_tune(text)
    assert (caught.value.line, caught.value.column) == place
    assert str(caught.value).startswith(f"line {place[0]}, column {place[1]}: found ")


@pytest.mark.parametrize(
    ("body", "column"),
    [("C4 D?4|", 5), ("C4 (3C|", 8), ("C4 [CE|", 7), ("C4 k4|", 4), ("CA0|", 2), ("C8|D5|E8|", 4)],
)
def test_strict_reading_raises_at_the_place_that_lenient_reading_lists(body: str, column: int):
    tune = tune_of(body)
    assert tune.warnings[0].startswith(f"line 6, column {column}:")
    with pytest.raises(AbcSyntaxError) as caught:
        tune_of(body, strict=True)
    assert (caught.value.line, caught.value.column) == (6, column)


def test_the_error_survives_pickling_between_processes():
    error = AbcSyntaxError(3, 4, "?", "notes")
    again = pickle.loads(pickle.dumps(error))
    assert (str(again), again.line, again.column, again.text) == (str(error), 3, 4, "?")


def test_ten_thousand_bars_take_seconds():
    body = "|:GABc dedB|dedB dedB|c2ec B2dB|A2AA BAGE:|\n" * 2500
    start = time.process_time()
    tune = tune_of(body, key="G")
    assert len(tune.bars) == 10000
    assert time.process_time() - start < 10
