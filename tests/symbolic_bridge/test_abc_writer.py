"""Rules of writing ABC: what is read again is equal, and looks like a tune book."""

from __future__ import annotations

from fractions import Fraction

import pytest

from symbolic_bridge.abc_reader import read_tune
from symbolic_bridge.abc_writer import write_tune
from symbolic_bridge.tune import Bar, Header, Key, Meter, Note, Pitch, Tune

JIG = """X:7
T:The Test Jig
R:jig
M:6/8
L:1/8
Q:3/8=110
K:Ador
e/d/ | cAA eAA | cAA efg | d2B GBd | edc BAG |
cAA eAA | cAA efg | dBG GAB | cAA A2 :|
|:B | c2A B2G | A>BA {g}~E3 |1 D2E G2A | B3 A2 :|2 (3DEF G ^GAB | A3 A2 |]
"""


def test_a_tune_in_the_usual_layout_is_written_as_it_stood():
    assert write_tune(read_tune(JIG)) == JIG


@pytest.mark.parametrize(
    "body",
    [
        "CDEF GABc|",
        "^F F f =F _B4|^F4-F4-|F4 F4|",
        "[CEG]2 [^C_E=G]2- [^C_E=G]4|",
        '"Am7"A2 "^slow"B2 "last time"c2 "D/F#""_x"d2|',
        "{gab}A2 {^f}B2 ~c2 .d2|!trill!e2 !D.C.!f2 Hg2 uvLb2|",
        "(3ABc (3A2B (5ABcde A|(7ABcdefg A2 (3:2:4A/B/c/d/ e4|",
        "A>B A<B A>>B A<<B|A3/2B/ (A3/2 B/) A>.B c2|",
        "A5/3B7/5C/3D/7E|",
        "(AB)(cd) (A(Bc)d)|((3ABc) d6|",
        "|:C8|1 D8:|2 E8|]F8||G8:|:A8:|",
        "|:C8|[1,3 D8:|[2,4 E8:|",
        "C|D8|E7:||:F|G8|A7:|",
        "C8|[M:3/4][K:D][Q:1/4=99]F6|[K:C]F6|",
        "P:A\nC8|D8||\nP:B\nE8|F8|]",
        "C4-|C4 D4-:|D8|",
        "C,,D,Cc' c''4|z2 C2 z4|Z2|",
        "w:words % not these\nC8|\nW:more words\n",
        "C8||D8|]E8:|]",
    ],
)
def test_reading_what_was_written_gives_an_equal_tune(body: str):
    first = read_tune("X:1\nT:t\nM:4/4\nL:1/8\nK:G\n" + body + "\n")
    text = write_tune(first)
    assert read_tune(text) == first
    assert write_tune(read_tune(text)) == text


@pytest.mark.parametrize(
    "header",
    [
        'T:The \\\'Eire \\& 100\\% \\\\ &amp;amp; x\nC:a\nC:b\nZ:z\nP:AB\nM:6/8\nL:1/16\nQ:"Slow" 3/8=66\nK:D =c',
        'T:t\nM:none\nL:1/4\nQ:"Very \\"slow"\nK:F#m',
        "T:Two\nT:Names\nR:slip jig\nM:9/8\nL:1/8\nQ:1/4=100\nU:T=!turn!\nK:C exp _b ^f",
        "T:t\nM:C|\nQ:120\nK:HP",
    ],
)
def test_headers_survive(header: str):
    first = read_tune("X:3\n" + header + "\nT F!trill!A|\n")
    assert read_tune(write_tune(first)) == first


def test_triplets_are_written_as_such_and_odd_lengths_exactly():
    third = Fraction(1, 12)
    notes = tuple(Note((Pitch("A", 0, 4),), third) for _ in range(3))
    tune = Tune(Header(title="t"), (Bar((*notes, Note((Pitch("B", 0, 4),), Fraction(3, 4)))),))
    assert write_tune(tune).splitlines()[-1] == "(3AAA B6 |"
    lonely = Tune(Header(title="t", meter=None), (Bar((Note((Pitch("A", 0, 4),), third),)),))
    assert "A2/3 |" in write_tune(lonely)
    assert read_tune(write_tune(lonely)) == lonely


def test_four_bars_stand_on_a_line_and_parts_begin_a_new_one():
    lines = write_tune(
        read_tune("X:1\nT:t\nM:4/4\nL:1/8\nK:C\nc|" + "C8|" * 6 + "C7:|c|" + "D8|" * 8)
    ).splitlines()
    assert [line.count("C8") for line in lines[5:7]] == [4, 2]
    assert lines[6].endswith(":|")
    assert lines[7].startswith("c |")


def test_notes_are_beamed_by_beat():
    def body(meter: str, text: str) -> str:
        return write_tune(read_tune(f"X:1\nT:t\nM:{meter}\nL:1/8\nK:C\n{text}|")).splitlines()[-1]

    assert body("6/8", "ABcdef") == "ABc def |"
    assert body("4/4", "ABcdefga") == "ABcd efga |"
    assert body("3/4", "ABcdef") == "AB cd ef |"
    assert body("4/4", "A3Bc2d2") == "A3B c2d2 |"


def test_an_accidental_is_written_where_readers_could_differ():
    tune = read_tune("X:1\nT:t\nM:4/4\nL:1/8\nK:C\n^F4 =f4|")
    assert "^F4 =f4" in write_tune(tune)


def test_a_bar_without_notes_is_refused():
    with pytest.raises(ValueError, match="bar 1 of 'Untitled' holds no notes"):
        write_tune(Tune(Header(), (Bar(()),)))


def test_keys_of_every_mode_survive():
    for mode in ("major", "minor", "dorian", "mixolydian", "lydian", "phrygian", "locrian"):
        key = Key("Bb", mode)
        tune = Tune(Header(key=key, meter=Meter(4, 4)), (Bar((Note((Pitch("B", -1, 4),), Fraction(1)),)),))
        assert read_tune(write_tune(tune)) == tune


@pytest.mark.parametrize("pair", ["~A3/2B/", "A/~B3/2", "A3/2~B/"])
def test_a_rolled_note_is_no_half_of_a_broken_pair(pair: str) -> None:
    """abc2midi gives a rolled note behind a < another length, so that such a pair is written out."""
    head = "X:1\nT:T\nM:4/4\nL:1/8\nK:D\n"
    tune = Tune.from_abc(f"{head}{pair} d2 d2 d2|]\n")
    written = tune.to_abc()
    assert not set("<>") & set(written)
    assert Tune.from_abc(written).bars == tune.bars
    plain = Tune.from_abc(f"{head}{pair.replace('~', '')} d2 d2 d2|]\n").to_abc()
    assert set("<>") & set(plain)


@pytest.mark.parametrize(
    "text",
    [
        "M:4/1\nQ:8\nK:\ne\n", "K:\nD[h:s]\n", "K:\ne[y:e]|f\n", "K:\ne[u:9]\n", "K:\nB[c:l]\n", "K:\nM:\nM:C|\nA\n",
        "K:\nM:C|\nM:\nA\n", "K:\n{/y|A\n", "K:C\ne\n\x00X:3\nK:D\nf\n",
        "K:\nK:D\nK:" + "transpose=99 " * 22 + "\nA\n", "K:\nK:D\nK:" + "transpose=99 " * 11 + "\nA\n",
    ],
)  # fmt: skip
def test_what_fuzzing_found_reads_as_it_was_written(text: str) -> None:
    tune = Tune.from_abc(text)
    assert Tune.from_abc(tune.to_abc()) == tune
