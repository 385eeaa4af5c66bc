"""Rules of the other analyses, and of all together."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from symbolic_bridge.analysis import (
    TuneAnalysis,
    analyse,
    count_ornaments,
    find_contour,
    find_density,
    find_form,
    find_motifs,
    find_ornaments,
    find_range,
    implied_chords,
    melody_of,
)
from symbolic_bridge.harmony import harmonise
from symbolic_bridge.timing import lay_out
from symbolic_bridge.tune import Tune

HEAD = "X:1\nT:t\nM:4/4\nL:1/8\nK:C\n"


@pytest.mark.parametrize(
    ("pitches", "shape"),
    [
        ((60, 62, 64), "ascending"),
        ((64, 62, 60), "descending"),
        ((60, 67, 60), "convex"),
        ((67, 60, 67), "concave"),
        ((60, 60, 60), "horizontal"),
        ((60, 60, 67), "horizontal-ascending"),
        ((60, 60, 55), "horizontal-descending"),
        ((55, 60, 60), "ascending-horizontal"),
        ((67, 60, 60), "descending-horizontal"),
        ((60,), "horizontal"),
        ((60, 64), "ascending"),
    ],
)
def test_the_nine_shapes_have_their_names(pitches: tuple[int, ...], shape: str) -> None:
    assert find_contour(np.array(pitches)).shape == shape


@given(st.lists(st.integers(48, 88), min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_a_line_upside_down_has_the_opposite_contour(pitches: list[int]) -> None:
    line, turned = find_contour(np.array(pitches)), find_contour(-np.array(pitches))
    opposite = {"ascending": "descending", "convex": "concave"}
    opposite |= {b: a for a, b in opposite.items()}
    expected = "-".join(opposite.get(word, word) for word in line.shape.split("-"))
    assert turned.shape == expected
    assert (turned.up, turned.down, turned.steps) == (line.down, line.up, line.steps)


def test_no_note_has_no_contour() -> None:
    with pytest.raises(ValueError, match="needs at least 1 note"):
        find_contour(np.array([]))


def test_range_and_density_count_notes() -> None:
    melody = melody_of(Tune.from_abc("X:1\nT:t\nM:4/4\nL:1/8\nQ:1/4=120\nK:C\nC2E2 G4|c8|"))
    extent, density = find_range(melody), find_density(melody)
    assert (extent.lowest, extent.highest, extent.median, extent.semitones) == (60, 72, 67, 12)
    assert (density.notes_a_beat, density.notes_a_second, density.seconds) == (0.5, 1.0, 4.0)
    assert density.by_bar == (3, 1)


def test_a_figure_in_sequence_is_one_motif() -> None:
    melody = melody_of(Tune.from_abc(HEAD + "CDCE F4|DEDF G4|EFEG A4|c8|"))
    motif = find_motifs(melody, find_form(melody))[0]
    assert motif.steps == (1, -1, 2, 1)
    assert motif.rhythm == (1, 1, 1, 1, Fraction(4))
    assert (motif.occurrences, motif.bars) == ((0, 5, 10), (0, 1, 2))


def test_every_occurrence_is_the_motif_and_none_overlap(kesh_abc: str) -> None:
    melody = melody_of(Tune.from_abc(kesh_abc))
    motifs = find_motifs(melody, find_form(melody))
    assert motifs
    taken: list[int] = []
    for motif in motifs:
        for start in motif.occurrences:
            notes = melody.notes[start : start + motif.notes]
            assert tuple(note.duration / notes[0].duration for note in notes) == motif.rhythm
            taken += range(start, start + motif.notes)
    assert len(taken) == len(set(taken))


def test_a_scale_is_no_motif() -> None:
    melody = melody_of(Tune.from_abc(HEAD + "CDEF GABc|CDEF GABc|"))
    for motif in find_motifs(melody, find_form(melody)):
        assert len(set(motif.steps)) > 1


def test_ornaments_stand_where_they_are_written() -> None:
    melody = melody_of(Tune.from_abc(HEAD + "{d}c2 ~G2 (3EFG c2|!trill!e2 .d2 c4|"))
    ornaments = find_ornaments(melody)
    assert [(o.kind, o.note, o.bar, o.notes) for o in ornaments] == [
        ("grace", 0, 0, 1),
        ("roll", 1, 0, 0),
        ("triplet", 2, 0, 3),
        ("trill", 6, 1, 0),
    ]
    assert count_ornaments(ornaments) == {"grace": 1, "roll": 1, "triplet": 1, "trill": 1}


def test_passages_of_triplets_and_compound_metres_are_the_tune_itself(kesh_abc: str) -> None:
    assert not find_ornaments(melody_of(Tune.from_abc(HEAD + "(3CDE(3FGA(3GFE(3DCD|C8|")))
    assert not find_ornaments(melody_of(Tune.from_abc(kesh_abc)))


def test_chords_are_those_of_performances(kesh_abc: str) -> None:
    tune = Tune.from_abc(kesh_abc)
    assert implied_chords(melody_of(tune)) == harmonise(*lay_out(tune))
    names = [bar.names for bar in analyse(tune).bar_chords[:4]]
    assert names == [("G",), ("D",), ("G",), ("C", "D")]


def test_an_analysis_holds_all_parts_in_step(kesh_abc: str) -> None:
    analysis = analyse(Tune.from_abc(kesh_abc))
    assert isinstance(analysis, TuneAnalysis)
    assert len(analysis.phrases) == len(analysis.cadences) == len(analysis.phrase_contours) == 8
    assert analysis.cadences[-1].kind == "final"
    assert len(analysis.bar_chords) == len(analysis.density.by_bar) == len(analysis.melody.bars) == 32


@given(
    st.lists(
        st.tuples(st.sampled_from("CDEFGABcdefgabz"), st.sampled_from(("", "2", "3", "/2", "4", "7"))),
        min_size=1,
        max_size=60,
    ),
    st.sampled_from(("4/4", "6/8", "9/8", "3/4", "none")),
    st.sampled_from(("|", "||", ":|", "|]", "|1", "|:")),
)
@settings(max_examples=80, deadline=None)
def test_any_tune_is_analysed_or_refused_in_one_line(
    notes: list[tuple[str, str]], meter: str, line: str
) -> None:
    body = "".join(
        pitch + length + (line if place % 5 == 4 else "") for place, (pitch, length) in enumerate(notes)
    )
    refusal = ""
    try:
        analysis = analyse(Tune.from_abc(f"X:1\nT:t\nM:{meter}\nL:1/8\nK:D\n{body}\n"))
    except ValueError as error:
        refusal = str(error)
    else:
        assert analysis.phrases[-1].stop == len(analysis.melody.notes)
    assert "\n" not in refusal
