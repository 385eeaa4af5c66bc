"""Right notes, chords, chance; pYIN on sounds whose pitch is known."""

from __future__ import annotations

import numpy as np
import pytest

from audiogen.evaluation.pitch import (
    PitchJob,
    PitchTrack,
    chance_share,
    expected_range,
    heard_pitches,
    melody_notes,
    right_notes,
    track_pitch,
)
from symbolic_bridge.performance import Part, SoundedNote

RATE = 24_000


def note(onset: float, offset: float, pitch: int) -> SoundedNote:
    return SoundedNote(onset, offset, pitch, 90)


def tones(notes: list[SoundedNote], seconds: float, cents: float = 0.0) -> np.ndarray:
    sound = np.zeros(round(seconds * RATE), np.float32)
    for each in notes:
        first, last = round(each.onset * RATE), round(each.offset * RATE)
        time = np.arange(last - first) / RATE
        hertz = 440 * 2 ** ((each.midi_pitch + cents / 100 - 69) / 12)
        sound[first:last] = sum(np.sin(2 * np.pi * hertz * k * time) / k for k in (1, 2, 3)) * 0.2
    return sound


def test_the_middle_of_a_note_decides() -> None:
    midi = np.full(100, np.nan)
    midi[20:80] = 60.3
    midi[:20] = 72.0
    heard = heard_pitches(PitchTrack(midi, 0.01), [note(0.0, 1.0, 60)])
    assert heard == pytest.approx([60.3])


def test_half_a_semitone_is_right_and_more_or_nothing_voiced_is_wrong() -> None:
    notes = [note(0, 1, 60)] * 4
    assert right_notes(np.array([60.5, 59.5, 60.51, np.nan]), notes).tolist() == [True, True, False, False]


def test_a_note_shorter_than_a_hop_takes_the_nearest_frame() -> None:
    midi = np.array([50.0, 60.0, 70.0])
    assert heard_pitches(PitchTrack(midi, 0.01), [note(0.009, 0.012, 60)]).tolist() == [60.0]


def test_chord_notes_are_left_out_and_counted_and_ringing_ends_at_the_next_onset() -> None:
    notes = [note(0, 2, 60), note(1, 1.5, 64), note(1.01, 1.5, 67), note(2, 2.5, 62), note(2.4, 9, 65)]
    kept, chords = melody_notes(notes, seconds=5)
    assert [(each.midi_pitch, each.offset) for each in kept] == [(60, 1), (62, 2.5)]
    assert chords == 2


def test_chance_is_the_expectation_over_all_pairings() -> None:
    notes = [note(0, 1, 60), note(1, 2, 60), note(2, 3, 62), note(3, 4, 64)]
    heard = np.array([60.0, 60.0, 62.0, np.nan])
    rng = np.random.default_rng(0)
    drawn = [right_notes(rng.permutation(heard), notes).mean() for _ in range(4000)]
    assert chance_share(heard, notes) == pytest.approx(np.mean(drawn), abs=0.01)


def test_the_expected_range_holds_the_notes_and_an_octave_where_the_instrument_has_it() -> None:
    low, high = expected_range(Part("lead", "whistle", (note(0, 1, 62), note(1, 2, 74))))
    assert low <= 60
    assert high >= 86


def test_pyin_hears_tones_at_their_pitch_and_not_a_semitone_away() -> None:
    notes = [note(i * 0.2, i * 0.2 + 0.19, 60 + 2 * i) for i in range(5)]
    heard = heard_pitches(track_pitch(PitchJob(tones(notes, 1.1), RATE, 55, 75)), notes)
    assert right_notes(heard, notes).all()
    sharp = heard_pitches(track_pitch(PitchJob(tones(notes, 1.1, cents=80), RATE, 55, 75)), notes)
    assert not right_notes(sharp, notes).any()
