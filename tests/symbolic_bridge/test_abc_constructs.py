"""Constructs of ABC 2.1 beyond a line of notes: what is read, what is kept, and that all of it is written again."""

from __future__ import annotations

from fractions import Fraction

import pytest

from symbolic_bridge.abc_blocks import split_tunes
from symbolic_bridge.abc_reader import read_tune, read_tunes
from symbolic_bridge.errors import AbcSyntaxError
from symbolic_bridge.tune import Bar, Key, Meter, Tune
from symbolic_bridge.unfold import unfold_tune

HEAD = "X:1\nT:t\nM:4/4\nL:1/4\nK:C\n"


def pitches(bars: tuple[Bar, ...]) -> list[int]:
    return [pitch.midi for bar in bars for note in bar.notes for pitch in note.pitches]


def again(tune: Tune) -> Tune:
    """The tune written and read."""
    return read_tune(tune.to_abc())


# -- voices and overlays -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    ["V:1\nC4|D4|\nV:2\nE4|F4|\n", "V:1\nC4|\nV:2\nE4|\nV:1\nD4|\nV:2\nF4|\n", "[V:1]C4|[V:2]E4|\n[V:1]D4|[V:2]F4|\n"],
)  # fmt: skip
def test_voices_are_read_in_every_order_of_their_lines(body: str):
    tune = read_tune(HEAD + body)
    assert (pitches(tune.bars), [voice.name for voice in tune.voices]) == ([60, 62], ["2"])
    assert pitches(tune.voices[0].bars) == [64, 65]
    assert tune.warnings == ()
    assert again(tune) == tune


def test_a_voice_has_accidentals_meter_and_octave_of_its_own():
    head = "X:1\nT:t\nM:4/4\nL:1/4\nV:A\nV:B octave=-1 clef=bass\nK:C\n"
    tune = read_tune(head + "[V:A]^F2 [V:B]F2\n[V:A]F2|[V:B]F2|[M:2/4]F2|\n[V:A]F4|\n")
    assert pitches(tune.bars) == [66, 66, 65]
    assert pitches(tune.voices[0].bars) == [53, 53, 53]
    assert tune.header.fields == (("V", "A"), ("V", "B clef=bass"))
    assert again(tune) == tune


def test_voices_are_unfolded_together():
    tune = unfold_tune(read_tune(HEAD + "V:1\n|:C4|1 D4:|2 E4|]\nV:2\nc4|d4|e4|\nV:3\n|:g4:|\n"))
    assert [pitches(bars) for bars in (tune.bars, *(voice.bars for voice in tune.voices))] == [
        [60, 62, 60, 64], [72, 74, 72, 76], [79, 79],
    ]  # fmt: skip


def test_overlays_go_back_as_many_bars_as_they_have_marks():
    tune = read_tune(HEAD + "^C4|C4 & E2 C2 & G4|C4|D4 && e4|f4|g4|\n")
    over = [[[note.pitches[0].midi for note in overlay] for overlay in bar.overlays] for bar in tune.bars]
    assert over == [[], [[64, 60], [67]], [[76]], [[77]], []]
    assert again(tune) == tune


# -- words, symbols, chords, graces --------------------------------------------------------------


def test_words_stand_under_their_notes_verse_by_verse():
    tune = read_tune(HEAD + "C D E F|{g}G2 z [EA]|\nw:time-ly _ O~Boy|*\\-ho\nw:|two\n")
    assert [note.lyrics for bar in tune.bars for note in bar.notes] == [
        ("time-",), ("ly",), ("_",), ("O Boy",), ("", "two"), (), ("\\-ho",),
    ]  # fmt: skip
    assert again(tune) == tune
    with pytest.raises(AbcSyntaxError, match="line 7, column 3: found 'three', allowed no more syllables"):
        read_tune(HEAD + "C2 D2|\nw:one two three\n", strict=True)


def test_a_line_that_goes_on_shares_its_words():
    assert [n.lyrics for b in read_tune(HEAD + "C4|\\\nD4|\nw:one two\n").bars for n in b.notes] == [
        ("one",),
        ("two",),
    ]


def test_symbol_lines_put_marks_on_notes():
    notes = read_tune(HEAD + 'C D E F|\ns:"Am" * !trill! "^up"\n').bars[0].notes
    assert (notes[0].chord_symbol, notes[2].decorations, notes[3].annotations) == ("Am", ("trill",), ("^up",))


def test_chords_of_unequal_lengths_and_long_graces_keep_them():
    tune = read_tune(HEAD + "[C2E4G]D|{/g2a/}C3 .D.-|D4|\n")
    chord, last = tune.bars[0].notes[0], tune.bars[1]
    assert (chord.duration, chord.length_ratios) == (Fraction(1, 2), (1, 2, Fraction(1, 2)))
    assert (last.notes[0].grace_lengths, last.notes[0].marks) == ((2, Fraction(1, 2)), ("{/",))
    assert last.notes[1].marks == (".-",)
    assert again(tune) == tune


# -- macros, fields, instructions ----------------------------------------------------------------


def test_macros_are_written_out_for_the_note_they_stand_on():
    tune = read_tune("X:1\nT:t\nm:~g2 = {a}g{f}g\nm:!n3 = n{o}n{m}n\nL:1/4\nK:C\n~g2 !c3|\n")
    assert pitches(tune.bars) == [79, 79, 72, 72, 72]
    assert [[grace.midi for grace in note.graces] for note in tune.bars[0].notes] == [
        [81],
        [77],
        [],
        [74],
        [71],
    ]
    assert not any(letter == "m" for letter, _ in tune.header.fields)


def test_a_field_goes_on_behind_a_plus():
    tune = read_tune("X:1\nT:t\nN:one\n+:two\nK:C\nC4|\nN:three\n+:four\nw:la\n")
    assert tune.header.fields == (("N", "one two"),)
    assert tune.lines == ("N:three four",)


def test_how_far_accidentals_reach_can_be_set():
    text = "X:1\nT:t\nL:1/4\nI:propagate-accidentals {}\nK:C\n^F f F2|\n"
    found = {reach: pitches(read_tune(text.format(reach)).bars) for reach in ("pitch", "octave", "not")}
    assert found == {"pitch": [66, 78, 66], "octave": [66, 77, 66], "not": [66, 77, 65]}
    for reach in found:
        tune = read_tune(text.format(reach))
        assert again(tune) == tune


def test_blocks_of_text_are_kept_line_by_line_and_reported():
    tune = read_tune(HEAD + "C4|\n%%begintext\nCDEF|GABc|\n%%endtext\nD4|\n")
    assert tune.bars[1].lines == ("%%begintext", "%%CDEF|GABc|", "%%endtext")
    assert tune.kept[1] == "line 8, column 1: kept '%%CDEF|GABc|'"
    assert again(tune) == tune


def test_clefs_change_without_a_change_of_key():
    tune = read_tune("X:1\nT:t\nL:1/4\nK:D clef=bass octave=-1\nF4|[K:treble]F4|[K:Am clef=alto]F4|\n")
    assert (tune.header.clef, pitches(tune.bars)) == ("clef=bass", [54, 66, 65])
    assert [(bar.key, bar.clef) for bar in tune.bars[1:]] == [
        (None, "treble"),
        (Key("A", "minor"), "clef=alto"),
    ]
    assert again(tune) == tune


def test_meters_keep_their_way_of_writing():
    tune = read_tune("X:1\nT:t\nM:C|\nL:1/4\nK:C\nC4|\nM:2+3/8\nC5/2|\n")
    assert (tune.header.meter, tune.bars[1].meter) == (Meter(2, 2), Meter(5, 8))
    assert "M:C|\n" in tune.to_abc()
    assert "[M:2+3/8]" in tune.to_abc()


def test_a_tempo_before_a_meter_stays_the_same_speed():
    tune = read_tune(HEAD + "C4|[Q:1/4=120][M:6/8]C3|\n")
    assert tune.bars[1].tempo_bpm == 80
    assert again(tune).bars[1].tempo_bpm == 80


def test_bar_lines_of_every_look_are_kept():
    tune = read_tune(HEAD + "C4.|D4[|]E4::|F4:||\n")
    assert [(bar.bar_line, bar.end_repeat, bar.plays) for bar in tune.bars] == [
        (".|", False, 2), ("[|]", False, 2), ("", True, 3), ("", True, 2),
    ]  # fmt: skip
    assert pitches(unfold_tune(read_tune(HEAD + "|:C4::|\n")).bars) == [60, 60, 60]
    assert again(tune) == tune


# -- the header of a file ------------------------------------------------------------------------


def test_the_header_of_a_file_holds_for_its_tunes():
    text = "%abc-2.1\nM:3/4\nL:1/4\nm:~C2 = C{D}C\n\nX:1\nT:a\nK:C\n~C2D|\n\nX:2\nT:b\nL:1/8\nK:C\nC6|\n"
    first, second = read_tunes(text)
    assert (first.header.meter, first.bars[0].duration, pitches(first.bars)) == (
        Meter(3, 4),
        Fraction(3, 4),
        [60, 60, 62],
    )
    assert (second.header.unit, second.bars[0].duration) == (Fraction(1, 8), Fraction(3, 4))
    assert [read_tune(part) for part in split_tunes(text)] == [first, second]


def test_words_before_the_first_tune_are_no_header():
    assert read_tune("Dear all,\nM:3/4\n\nX:1\nT:a\nK:C\nC8|\n").header.meter == Meter(4, 4)


def test_bars_of_rest_are_counted_over_the_whole_voice() -> None:
    tune = Tune.from_abc("X:1\nT:t\nM:4/4\nK:C\nC|" + "Z1000|" * 9 + "D|\n")
    assert len(tune.bars) == 5002
    assert sum("at most 5000 bars of rest in a voice" in warning for warning in tune.warnings) == 4
