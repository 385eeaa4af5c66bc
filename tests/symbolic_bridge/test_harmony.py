"""Rules of harmony: symbols are read, and what is inferred is the tune's own key."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import pytest

from symbolic_bridge.harmony import Chord, ScoreChord, harmonise, is_no_chord, parse_chord
from symbolic_bridge.timing import lay_out
from symbolic_bridge.tune import Tune

C, D, E, F, G, A, B = 0, 2, 4, 5, 7, 9, 11


def _harmony(body: str, key: str = "C", meter: str = "4/4") -> tuple[ScoreChord, ...]:
    return harmonise(*lay_out(Tune.from_abc(f"X:1\nT:t\nM:{meter}\nL:1/8\nK:{key}\n{body}\n")))


def _roots(chords: tuple[ScoreChord, ...]) -> list[tuple[int, str]]:
    return [(chord.root, chord.quality) for chord in chords]


@pytest.mark.parametrize(
    ("symbol", "chord"),
    [
        ("C", Chord(C, "major", C)),
        ("Am7", Chord(A, "minor", A)),
        ("D/F#", Chord(D, "major", 6)),
        ("Bb", Chord(10, "major", 10)),
        ("F#m", Chord(6, "minor", 6)),
        ("Gdim", Chord(G, "diminished", G)),
        ("Bm7b5", Chord(B, "diminished", B)),
        ("G7", Chord(G, "dominant", G)),
        ("Gmaj7", Chord(G, "major", G)),
        ("Dsus4", Chord(D, "major", D)),
        ("A5", Chord(A, "major", A)),
        ("E-", Chord(E, "minor", E)),
        ("(Em)", Chord(E, "minor", E)),
        ("G/b", Chord(G, "major", B)),
        ("E♭", Chord(3, "major", 3)),
        ("N.C.", None),
        ("Fine", None),
        ("D.C.", None),
        ("", None),
    ],
)
def test_chord_symbols_are_read(symbol: str, chord: Chord | None) -> None:
    assert parse_chord(symbol) == chord


def test_no_chord_is_told_from_an_unreadable_one() -> None:
    assert is_no_chord("N.C.")
    assert not is_no_chord("Fine")


def test_written_symbols_are_taken_as_they_stand() -> None:
    chords = _harmony('"C"C8|"Am7"A4 "D/F#"A4|"G"G8|')
    assert _roots(chords) == [(C, "major"), (A, "minor"), (D, "major"), (G, "major")]
    assert [chord.start for chord in chords] == [0, 1, Fraction(3, 2), 2]
    assert chords[2].bass == 6


def test_nothing_sounds_where_the_tune_says_so() -> None:
    chords = _harmony('"C"C8|"N.C."E8|"G"G8|')
    assert [(chord.start, chord.end) for chord in chords] == [(0, 1), (2, 3)]


def test_a_part_without_symbols_is_harmonised() -> None:
    chords = _harmony('"G"G8|' + "G8|" * 5 + "c2e2g2e2|c2e2g2e2|")
    assert chords[0].start == 0
    assert chords[-1].end == 8
    assert (chords[-1].root, chords[-1].quality) == (C, "major")


def test_chords_never_overlap_and_cover_the_tune() -> None:
    chords = _harmony("ceg2 c4|fac2 f4|gBd2 g4|c8|" * 4)
    for before, after in pairwise(chords):
        assert before.end == after.start
    assert (chords[0].start, chords[-1].end) == (0, 16)


def test_plain_arpeggios_are_recognised() -> None:
    assert _roots(_harmony("c2e2g2e2|f2a2c'2a2|g2b2d'2b2|c8|")) == [
        (C, "major"),
        (F, "major"),
        (G, "major"),
        (C, "major"),
    ]


def test_modes_have_their_own_chords() -> None:
    dorian = _roots(_harmony("EBBA B2EB|FDAD BDAD|FDAD dAFD|EBBA B2E2|", "Edor"))
    assert dorian == [(E, "minor"), (D, "major"), (E, "minor")]
    mixolydian = _roots(_harmony("AcecA4|GBdBG4|AcecA4|AcecA4|", "Amix"))
    assert mixolydian == [(A, "major"), (G, "major"), (A, "major")]


def test_a_pickup_has_no_chord_of_its_own_at_the_start() -> None:
    chords = _harmony("G2|c2e2g2e2|c6|")
    assert chords[0].start == Fraction(1, 4)


def test_inference_is_deterministic() -> None:
    body = "ceg2 dfa2|fac2 egc2|gBd2 fdBG|c8|"
    assert _harmony(body) == _harmony(body)
