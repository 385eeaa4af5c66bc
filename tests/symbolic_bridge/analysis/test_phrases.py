"""Rules of phrases and cadences: phrases tile the tune, begin with their upbeat, and close on a degree."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from symbolic_bridge.analysis.cadences import degree_of, find_cadences, scale_of
from symbolic_bridge.analysis.form import find_form
from symbolic_bridge.analysis.melody import Melody, melody_of
from symbolic_bridge.analysis.phrases import Phrase, boundary_strengths, find_phrases
from symbolic_bridge.tune import Tune

HEAD = "X:1\nT:t\nM:4/4\nL:1/8\nK:D\n"
UPBEATS = HEAD + (
    "|:FE|D2FA dAFA|G2BG F2AF|E2GE D2FD|E4 z2 AG|FAdA FADA|G2Bd cdec|d2AF GEFD|D6:|\n"
    "|:de|f2df a2fa|g2eg b2ge|faaf gfed|A4 z2 ef|g2eg f2df|e2ce d2Bd|c2Ac BAGE|D6:|\n"
)


def _phrases(abc: str) -> tuple[Melody, tuple[Phrase, ...]]:
    melody = melody_of(Tune.from_abc(abc))
    return melody, find_phrases(melody, find_form(melody))


def _slow_strengths(pitches: list[int], starts: list[float], ends: list[float]) -> np.ndarray:
    """The LBDM as its paper writes it, one interval after another."""
    gaps = range(len(pitches) - 1)
    rows = (
        (0.25, [float(abs(pitches[n + 1] - pitches[n])) for n in gaps]),
        (0.5, [starts[n + 1] - starts[n] for n in gaps]),
        (0.25, [max(0.0, starts[n + 1] - ends[n]) for n in gaps]),
    )
    profile = np.zeros(len(pitches) - 1)
    for weight, values in rows:
        change = [abs(a - b) / (a + b) if a + b > 1e-7 else 0.0 for a, b in pairwise(values)]
        strength = [
            values[n] * ((change[n - 1] if n else 0.0) + (change[n] if n < len(change) else 0.0))
            for n in range(len(values))
        ]
        if max(strength) > 1e-7:
            profile += weight * np.array(strength) / max(strength)
    return profile / profile.max()


def test_boundary_strengths_are_those_of_the_paper() -> None:
    melody = melody_of(Tune.from_abc(UPBEATS))
    ends = (melody.starts + melody.durations).tolist()
    slow = _slow_strengths(melody.pitches.tolist(), melody.starts.tolist(), ends)
    np.testing.assert_allclose(boundary_strengths(melody), slow, atol=1e-9)


def test_even_notes_of_one_pitch_have_no_boundary() -> None:
    np.testing.assert_array_equal(boundary_strengths(melody_of(Tune.from_abc(HEAD + "D2D2D2D2|"))), 0)


def test_phrases_tile_the_tune() -> None:
    melody, phrases = _phrases(UPBEATS)
    assert (phrases[0].first, phrases[-1].stop) == (0, len(melody.notes))
    for before, after in pairwise(phrases):
        assert before.stop == after.first
        assert before.bar + before.bars == after.bar


def test_a_phrase_begins_with_its_upbeat() -> None:
    melody, phrases = _phrases(UPBEATS)
    assert [phrase.bars for phrase in phrases] == [4] * 8
    letters = ["".join(p.letter for p in melody.notes[phrase.first].note.pitches) for phrase in phrases]
    assert letters == ["F", "A", "F", "A", "D", "E", "D", "E"]


def test_rests_at_the_end_cost_nothing() -> None:
    melody, phrases = _phrases(HEAD + "D2FA dAFA|G2BG F2AF|E2GE D2FD|D8|" + "z8|" * 5)
    assert phrases[-1].stop == len(melody.notes)


def test_cadences_are_named_by_their_degree() -> None:
    melody, phrases = _phrases(UPBEATS)
    cadences = find_cadences(melody, phrases, tonic=2, mode="major")
    assert [cadence.kind for cadence in cadences] == ["half", "authentic"] * 3 + ["half", "final"]
    assert [cadence.degree for cadence in cadences] == [2, 1, 2, 1, 5, 1, 5, 1]
    assert [cadence.closes_section for cadence in cadences] == [False, True] * 4
    assert all(cadence.chord_degree is None for cadence in cadences)


@pytest.mark.parametrize(
    ("mode", "scale"),
    [
        ("major", (0, 2, 4, 5, 7, 9, 11)),
        ("dorian", (0, 2, 3, 5, 7, 9, 10)),
        ("mixolydian", (0, 2, 4, 5, 7, 9, 10)),
        ("minor", (0, 2, 3, 5, 7, 8, 10)),
    ],
)
def test_scales_are_those_of_the_modes(mode: str, scale: tuple[int, ...]) -> None:
    assert scale_of(mode) == scale


def test_a_note_outside_the_scale_has_no_degree() -> None:
    assert degree_of(61, 0, "major") is None
    assert [degree_of(pitch, 2, "major") for pitch in (62, 64, 66, 73, 74)] == [1, 2, 3, 7, 1]
