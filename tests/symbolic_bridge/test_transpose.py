"""Rules of transposing."""

from __future__ import annotations

import pytest

from symbolic_bridge.abc_reader import read_tune
from symbolic_bridge.transpose import transpose_key, transpose_tune
from symbolic_bridge.tune import MODES, Key, Tune


def tune_of(key: str, body: str) -> Tune:
    return read_tune(f"X:1\nT:t\nM:4/4\nL:1/8\nK:{key}\n{body}\n")


def midi(tune: Tune) -> list[int]:
    return [p.midi for bar in tune.bars for note in bar.notes for p in (*note.graces, *note.pitches)]


BODY = '"D"{e}D^F=FA "A7/C#"^c_B [DA]2|"Bm"[K:Am]A2^G2 "E7"E4|'


@pytest.mark.parametrize("semitones", range(-12, 13))
def test_every_note_moves_by_the_semitones_asked_for(semitones: int):
    tune = tune_of("D", BODY)
    moved = transpose_tune(tune, semitones)
    assert midi(moved) == [pitch + semitones for pitch in midi(tune)]
    assert [note.duration for bar in moved.bars for note in bar.notes] == [
        note.duration for bar in tune.bars for note in bar.notes
    ]


@pytest.mark.parametrize("mode", MODES)
def test_no_key_has_more_than_six_accidentals(mode: str):
    for semitones in range(12):
        key = transpose_key(Key("C", mode), semitones)
        assert abs(key.sharps) <= 6
        assert key.tonic_pitch_class == semitones


def test_letters_move_together_so_that_the_writing_stays_plain():
    moved = transpose_tune(tune_of("G", "G2^c2 =f4|"), 2)
    assert moved.header.key == Key("A")
    assert [(p.letter, p.alter) for bar in moved.bars for note in bar.notes for p in note.pitches] == [
        ("A", 0), ("D", 1), ("G", 0),
    ]  # fmt: skip


def test_chord_symbols_move_with_their_bass_and_keep_their_kind():
    moved = transpose_tune(tune_of("D", '"D"D2 "A7/C#"E2 "F#m7"F2 "Gsus4"G2|'), 3)
    assert [note.chord_symbol for note in moved.bars[0].notes] == ["F", "C7/E", "Am7", "Bbsus4"]


def test_words_do_not_move():
    moved = transpose_tune(tune_of("D", '"^A part"D4 "Fine"E4|'), 2)
    assert [note.annotations for note in moved.bars[0].notes] == [("^A part",), ("Fine",)]


def test_a_tune_comes_back_when_moved_back():
    tune = tune_of("Edor", '"Em"E2^c2 {f}B4|"D"A2F2 D4|')
    for semitones in (-5, -2, 2, 3, 5, 7, 12, 24):
        assert transpose_tune(transpose_tune(tune, semitones), -semitones) == tune


def test_zero_is_the_tune_itself():
    tune = tune_of("D", BODY)
    assert transpose_tune(tune, 0) is tune


def test_accidentals_of_the_key_move_too():
    moved = transpose_tune(tune_of("D =c", "c4 d4|"), 2)
    assert moved.header.key == Key("E", "major", (("D", 0),))
    assert midi(moved) == [74, 76]


def test_no_plain_note_becomes_a_double_sharp():
    moved = transpose_tune(tune_of("A", "^B4 ^E4|"), 2)
    assert all(abs(p.alter) <= 1 for note in moved.bars[0].notes for p in note.pitches)


@pytest.mark.parametrize(
    ("semitones", "error"), [(61, ValueError), (1.5, TypeError), (True, TypeError), ("2", TypeError)]
)
def test_what_is_no_interval_is_refused(semitones: object, error: type[Exception]):
    with pytest.raises(error, match="semitones"):
        transpose_tune(tune_of("D", BODY), semitones)  # type: ignore[arg-type]


def test_a_note_outside_midi_is_refused():
    with pytest.raises(ValueError, match="MIDI 13"):
        transpose_tune(tune_of("C", "c''''8|"), 13)


def test_all_voices_and_what_is_written_over_them_move():
    tune = read_tune("X:1\nT:t\nM:4/4\nL:1/4\nK:C\nV:1\nc4 & E4|\nV:2\n[K:G]F4|\n").transpose(2)
    assert (tune.bars[0].notes[0].pitches[0].midi, tune.bars[0].overlays[0][0].pitches[0].midi) == (74, 66)
    assert (tune.voices[0].bars[0].key, tune.voices[0].bars[0].notes[0].pitches[0].midi) == (Key("A"), 68)
