"""Tunes through MusicXML and back."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symbolic_bridge.musicxml import musicxml_of_tune, tune_of_musicxml
from symbolic_bridge.tune import Bar, Header, Key, Meter, Note, Pitch, Tune, Voice
from symbolic_bridge.unfold import play_order

HEAD = "X:7\nT:A Jig & <more>\nT:Second title\nR:jig\nC:Trad.\nO:Clare\nZ:me\nM:6/8\nL:1/8\n"
TUNES = {
    "pickup, repeats and endings": "K:D\nA|:d2e fed|B2A A2d|1 B2A F>GA|d3 d2A:|2 e2d c2B|d3 d2||\nd6|]\n",
    "ties, chords, accidentals": "K:Gm\n[GBd]3 ^f3-|f2=e _e2d-|[dB-]3 B3|]\n",
    "tuplets": "K:C\n(3cde (3c2d e2 |(5:4:5cdefg a2|(3c/d/e/ (7:4:7c/d/e/f/g/a/b/ c2|c/4d/4e/4f/4 g2 z3|]\n",
    "lengths that take several written notes": "M:none\nK:C\nc5 z5|c9/4 d7 e15/4|(3c5d2e2|]\n",
    "graces and slurs": "K:C\n({B}c) {cd}(e f)|(g(a b) c')d e|(c d e|f2) z z3|]\n",
    "chord symbols": 'K:C\n"C"c2 "Am7"e2 "D/F#"f2|"G7b9"g2 "Bbmaj7/d"b2 "F#m7b5"a2|"E+"e6|"Csus4"c2 "N.C."c4|]\n',
    "words": 'K:C\n"^slow"c3 "_low"d3|"<left"c3 "plain words"d3|"^A"c6|]\n',
    "decorations": "K:C\n~c3 .d3|!trill!!fermata!c3 !D.C.!d3|!segno!c3 !f!d3|!crescendo(!c3 !crescendo)!d3|"
    "Jc3 ud3|!4!c3 !strange!d3|!turn!c3 M.~d3|]\n",
    "changes": "Q:\"Lively\" 3/8=110\nK:Edor\nP:A\ne6|[M:9/8]e9|[M:6/8][Q:3/8=90.5]e6|\nP:B\n[K:Bb]b6|[K:F#mix]f6|]\n",
    "signatures of their own": "K:D =c _b\nc6|[K:A exp ^g]g6|[K:D =c _b]d6|]\n",
    "words under the notes": "K:C\nc2d2e2|f6|g3a3|]\nw:Mol-ly Ma_lone * \\-\nw:* la|*3\n",
    "repeats played more than twice": "K:C\n|:c6::|\n",
    "voices": "V:1\nV:2 clef=bass\nK:Bb\nV:1\nB,6|[K:F]^c6-|c6:|\nV:2\n(B,,3 C,3)|[K:F]!trill!^C,6|z6:|\n",
    "overlays": 'K:C\n(c3 d3) & "^low"E6-|e6 & E3 !f!z3 & ^C6|g6|(3abc c4 & {g}E6|]\n',
    "rests that nobody sees": "K:C\nC6|x3 z3|x6|]\n",
    "far keys": "K:G#\nG6|[K:Fbmaj]f6|]\n",
}  # fmt: skip


@pytest.mark.parametrize("body", TUNES.values(), ids=list(TUNES))
def test_a_tune_comes_back_as_it_was(body: str) -> None:
    tune = Tune.from_abc(HEAD + body)
    again = tune_of_musicxml(musicxml_of_tune(tune))
    assert again == tune
    assert not again.warnings
    assert musicxml_of_tune(again) == musicxml_of_tune(tune)


def test_what_holds_from_the_first_bar_on_becomes_the_headers():
    tune = Tune.from_abc("X:1\nT:t\nM:4/4\nL:1/4\nK:C\n[M:3/4][K:G]G3|A3|]\n")
    again = tune_of_musicxml(musicxml_of_tune(tune))
    assert (again.header.meter, again.header.key, again.bars[0].meter) == (Meter(3, 4), Key("G"), None)
    assert [bar.notes for bar in again.bars] == [bar.notes for bar in tune.bars]


def test_a_double_bar_at_a_repeat_sign_says_nothing_more():
    tune = Tune.from_abc("X:1\nT:t\nM:4/4\nL:1/4\nK:C\n|:C4:|]\n")
    again = tune_of_musicxml(musicxml_of_tune(tune))
    assert again.bars == (replace(tune.bars[0], double_bar=False),)


def test_text_that_xml_cannot_hold_is_replaced_and_the_rest_kept():
    tune = Tune.from_abc("X:1\nT:t\nM:4/4\nL:1/4\nK:C\nC4|]\n").with_header(title="a\x00b\ud800c & <d>")
    assert tune_of_musicxml(musicxml_of_tune(tune)).header.title == "a\ufffdb\ufffdc & <d>"


PITCHES = st.builds(
    Pitch, st.sampled_from("CDEFGAB"), st.integers(-2, 2), st.integers(0, 9)
)  # fmt: skip
LENGTHS = st.builds(
    Fraction, st.integers(1, 40), st.sampled_from([1, 2, 3, 4, 5, 7, 8, 12, 16, 24, 40, 64, 1000])
)


@st.composite
def notes(draw: st.DrawFn) -> Note:
    return Note(
        tuple(dict.fromkeys(draw(st.lists(PITCHES, max_size=3)))),
        draw(LENGTHS),
        graces=tuple(draw(st.lists(PITCHES, max_size=2))),
        decorations=draw(st.sampled_from([(), ("roll",), ("staccato", "trill"), ("fermata", "my-own")])),
        chord_symbol=draw(st.sampled_from(["", "C", "F#m7", "Bb/d", "E♭maj7", "A7(b9)"])),
        annotations=draw(st.sampled_from([(), ("^up",), ("_down", "so <&> so")])),
    )


@st.composite
def bars(draw: st.DrawFn) -> Bar:
    return Bar(
        tuple(draw(st.lists(notes(), min_size=1, max_size=5))),
        start_repeat=draw(st.booleans()),
        end_repeat=draw(st.booleans()),
        endings=draw(st.sampled_from([(), (), (1,), (2,), (1, 3)])),
        meter=draw(st.sampled_from([None, None, Meter(3, 4), Meter(12, 8)])),
        key=draw(
            st.sampled_from([None, None, Key("Eb", "dorian"), Key("D", "major", (("C", 0), ("B", -1)))])
        ),
        tempo_bpm=draw(st.sampled_from([None, None, 100.0, 93.25, 110.1])),
        part=draw(st.sampled_from(["", "", "A"])),
    )


@settings(max_examples=40, deadline=None)
@given(first=bars(), second=st.lists(bars(), min_size=1, max_size=3), over=st.lists(notes(), max_size=3))
def test_any_voices_and_overlays_come_back(first: Bar, second: list[Bar], over: list[Note]) -> None:
    plain = tuple(replace(note, chord_symbol="") for note in over)
    sounding = Note((Pitch("C", 0, 4),), Fraction(1, 4))
    layers = (plain, (sounding, *plain)) if plain else ()
    # A bar that is shorter than an overlay of it is filled up with a rest.
    filling = Note((), sum((note.duration for note in plain), Fraction(1)))
    main = replace(
        first, meter=None, key=None, tempo_bpm=None, notes=(sounding, *first.notes, filling), overlays=layers
    )
    others = [replace(bar, notes=(sounding, *bar.notes)) for bar in second]
    others[0] = replace(others[0], meter=None, key=None, tempo_bpm=None)
    tune = Tune(Header(), (main,), voices=(Voice("low", tuple(others)),))
    assert tune_of_musicxml(musicxml_of_tune(tune)) == tune


@settings(max_examples=80, deadline=None)
@given(first=bars(), others=st.lists(bars(), max_size=5))
def test_any_tune_comes_back_with_its_notes_and_its_order(first: Bar, others: list[Bar]) -> None:
    first = replace(first, meter=None, key=None, tempo_bpm=None)
    sounding = Note((Pitch("C", 0, 4),), Fraction(1, 4))
    tune = Tune(Header(), (replace(first, notes=(sounding, *first.notes)), *others))
    again = tune_of_musicxml(musicxml_of_tune(tune))
    assert [bar.notes for bar in again.bars] == [bar.notes for bar in tune.bars]
    assert play_order(again) == play_order(tune)
    assert again == tune
