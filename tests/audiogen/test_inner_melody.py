"""The inner melody: what is drawn is a melody, whatever the network says."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest
import torch

from audiogen.inner_melody import (
    HIGHEST_PITCH,
    LOWEST_PITCH,
    ROWS,
    InnerMelody,
    MelodyGround,
    chords_of,
    notes_of,
    regular_bars,
    tones_of,
    tune_of_melody,
    whole_seconds,
)
from audiogen.melody_form import NEVER, PHRASES, SECTIONS, Form
from symbolic_bridge.frames import STREAM_SIZES, ScoreFrames, bucket_lower_bound, score_frames
from symbolic_bridge.harmony import Chord
from symbolic_bridge.performance import ChordSpan, Part, Performance, SoundedNote
from symbolic_bridge.tune import MODE_SHARPS, Key, Meter
from symbolic_bridge.unfold import timed_notes

RATE = Fraction(50)
JIG = Meter(6, 8)
BPM = 117
PART = 8 * 2 * 60 / BPM * 50  # frames of eight bars, no whole number


def drawn(
    seed: int,
    frames: int = 600,
    *,
    accompanied: bool = True,
    form: str = "",
    key: Key | None = None,
    last_note: tuple[int, int] = (NEVER, NEVER),
    close: float = 0.0,
    first: float = 5.0,
    by_halves: bool = True,
) -> ScoreFrames:
    """A melody of a network that knows nothing."""
    bars = score_frames(regular_bars(JIG, BPM, frames / 50), RATE)
    parts = Form(first, PART * len(SECTIONS) / len(form) if form else 0.0, last_note, form, close)
    ground = MelodyGround(
        bars, 12.5, parts, key, accompanied=accompanied, by_halves=by_halves, temperature=1.0
    )
    melody = InnerMelody(ground, seed, np.zeros(len(STREAM_SIZES), np.int64))
    noise = torch.Generator().manual_seed(seed)
    values = []
    for _ in range(frames):
        logits = {name: torch.randn(size, generator=noise) for name, size in STREAM_SIZES.items()}
        values.append(melody.frame(melody.pitch(logits["pitch"]), logits))
    return ScoreFrames(RATE, np.stack(values, 1).astype(np.int16))


@pytest.mark.parametrize("seed", range(4))
def test_whatever_the_network_says_a_note_is_held_until_it_is_over(seed: int) -> None:
    """The frames that are drawn are those which the notes that they tell would give."""
    frames = drawn(seed)
    notes = notes_of(frames)
    pitch, remaining = frames.stream("pitch"), frames.stream("remaining")
    assert len(notes) > 3
    for note in notes:
        first, last = round(note.onset * 50), round(note.offset * 50) - 1
        assert LOWEST_PITCH <= note.midi_pitch <= HIGHEST_PITCH
        assert (pitch[first : last + 1] == note.midi_pitch).all()
        assert bucket_lower_bound(int(remaining[first])) <= 200
        assert (np.diff(remaining[first : last + 1]) <= 0).all()
        if last < frames.frames - 1:
            assert remaining[last] == 1


@pytest.mark.parametrize("seed", range(4))
def test_the_next_pitch_is_the_one_that_follows(seed: int) -> None:
    frames = drawn(seed)
    notes, upcoming = notes_of(frames), frames.stream("next_pitch")
    for note, following in pairwise(notes):
        assert upcoming[round(note.offset * 50) - 1] == following.midi_pitch


def test_the_lead_is_what_its_notes_sampled_again_are() -> None:
    """The slow reference: notes read from the frames and sampled by the bridge give the same pitch and age."""
    frames = drawn(1, accompanied=False)
    again = score_frames(
        Performance((Part("lead", "fiddle", notes_of(frames)),), (), (), 120, "jig", 12.0),
        RATE,
        frames.frames,
    )
    for name in ("pitch", "age", "velocity"):
        assert np.array_equal(again.stream(name), frames.stream(name)), name


def test_bars_are_as_given_and_strums_only_where_there_is_an_accompaniment() -> None:
    frames = drawn(1, accompanied=False)
    given = score_frames(regular_bars(JIG, BPM, 12), RATE)
    assert np.array_equal(frames.stream("beat"), given.stream("beat"))
    assert np.array_equal(frames.stream("section"), given.stream("section"))
    assert not frames.stream("strum_age").any()
    assert drawn(1).stream("strum_age").any()


def test_notes_end_on_the_grid_of_quavers() -> None:
    """A quaver of 7 frames leaves a place for the end in every bucket from 16 frames on; shorter ones are unlikely."""
    bars = score_frames(regular_bars(JIG, BPM, 12), RATE)
    melody = InnerMelody(MelodyGround(bars, 7.0, Form(5.0)), 0, np.zeros(len(STREAM_SIZES), np.int64))
    noise = torch.Generator().manual_seed(0)
    off = []
    for place in range(3000):
        logits = {name: torch.randn(size, generator=noise) for name, size in STREAM_SIZES.items()}
        frame = melody.frame(melody.pitch(logits["pitch"]), logits)
        if frame[ROWS["remaining"]] == 1:
            off.append(abs((place + 1 - 5 + 3) % 7 - 3))
    assert len(off) > 30
    assert np.mean(np.array(off) <= 1) > 0.9  # of 7 frames, two are off by 2 and two by 3


def test_chords_that_are_given_stand_whatever_the_network_says() -> None:
    chords = [[Chord(2, "major", 2)], [Chord(9, "dominant", 9), None]]
    bars = regular_bars(JIG, 120, 12, chords=chords)
    given = score_frames(bars, RATE)
    melody = InnerMelody(MelodyGround(given), 0, np.zeros(len(STREAM_SIZES), np.int64))
    logits = {name: torch.zeros(size) for name, size in STREAM_SIZES.items()}
    logits["chord"][7] = 100.0
    found = [int(melody.frame(melody.pitch(logits["pitch"]), logits)[5]) for _ in range(500)]
    assert set(found) == {0, 9, 39}
    assert found == given.stream("chord")[:500].tolist()
    told = chords_of(given)
    assert [(span.root, span.quality) for span in told] == [(span.root, span.quality) for span in bars.chords]
    for span, wanted in zip(told, bars.chords, strict=True):
        assert span.onset == pytest.approx(wanted.onset, abs=0.011)
        assert span.offset == pytest.approx(min(wanted.offset, 12), abs=0.011)


@pytest.mark.parametrize("form", ["", PHRASES])
def test_chords_change_at_bar_lines_and_in_their_middle_and_start_and_close_at_home(form: str) -> None:
    last = (round(5 + 5 * PART), round(5 + 5.1 * PART))
    frames = drawn(1, last[1], form=form, key=Key("E", "dorian"), last_note=last, close=25.6)
    chord, beat = frames.stream("chord").astype(int), frames.stream("beat").astype(int)
    home = 1 + 4 * 4 + 1  # E minor
    assert (chord[beat == 0] == 0).all()
    assert chord[5] == chord[last[0]] == chord[-1] == home
    changes = np.flatnonzero(np.diff(chord) != 0)[1:] + 1
    closing = [round(5 + PART * number - 25.6) for number in (1, 2, 3, 4)] if form else []
    assert len(changes) > 20
    for place in changes.tolist():
        near_close = any(abs(place - close) <= 2 for close in (*closing, last[0]))
        # What comes back may be a frame off its bars, which is less than a 64th of one.
        assert min((beat[place] - 1) % 32, (1 - beat[place]) % 32) <= 2 or near_close
    at_lines = np.flatnonzero(beat[1:] < beat[:-1]) + 1
    assert 0.3 < np.mean(chord[at_lines] != chord[at_lines - 1]) < 0.8
    inside = {1, 2, 4, 6, 7, 9, 11}
    assert np.mean([tones_of(value) <= inside for value in chord[chord > 0].tolist()]) > 0.9


@pytest.mark.parametrize(("by_halves", "low", "high"), [(True, 0.15, 0.35), (False, 0.0, 0.0)])
def test_chords_change_in_the_middle_of_bars_only_where_these_have_halves(
    by_halves: bool, low: float, high: float
) -> None:
    frames = drawn(3, 8000, accompanied=False, by_halves=by_halves)
    chord, beat = frames.stream("chord"), frames.stream("beat")
    middles = np.flatnonzero((beat[:-1] <= 32) & (beat[1:] > 32) & (beat[:-1] > 0)) + 1
    lines = np.flatnonzero(beat[1:] < beat[:-1]) + 1
    assert len(middles) > 100
    assert low <= np.mean(chord[middles] != chord[middles - 1]) <= high
    assert 0.45 < np.mean(chord[lines] != chord[lines - 1]) < 0.7


def test_the_home_of_every_mode_lies_in_it() -> None:
    bars = score_frames(regular_bars(JIG, BPM, 2), RATE)
    for mode in MODE_SHARPS:
        melody = InnerMelody(MelodyGround(bars, key=Key("B", mode)), 0, np.zeros(len(STREAM_SIZES), np.int64))
        assert melody.chord_bias[melody.home] == 0
        assert min(tones_of(melody.home), key=lambda tone: (tone - 11) % 12) == 11


def test_what_is_struck_lowest_is_a_tone_of_the_chord_also_where_it_comes_back() -> None:
    frames = drawn(2, round(5 * PART), key=Key("G"), form=PHRASES)
    struck = np.flatnonzero(frames.stream("strum_age") == 1)
    assert len(struck) > 20
    for place in struck.tolist():
        tones = tones_of(int(frames.stream("chord")[place]))
        assert not tones or frames.stream("strum_low")[place] % 12 in tones


def test_chords_are_written_over_the_bars_and_halves_in_which_they_are_in_force() -> None:
    """Bars of a second: over the middle of the fifth lies a note, the seventh has no chord, the last is short."""
    lengths = [1 / 6] * 24 + [1.0] + [1 / 6] * 12 + [1 / 6] * 2
    onsets = np.cumsum([0.1, *lengths]).tolist()
    notes = [SoundedNote(a, b, 62 + n % 5, 80) for n, (a, b) in enumerate(pairwise(onsets))]
    spans = [
        ChordSpan(0.12, 2.1, 2, "major"),
        ChordSpan(2.1, 2.62, 9, "dominant"),
        ChordSpan(2.62, 4.12, 11, "minor"),
        ChordSpan(4.12, 4.62, 7, "major"),
        ChordSpan(4.62, 6.1, 9, "major"),
        ChordSpan(7.1, 7.44, 2, "major"),
    ]
    tune = tune_of_melody(notes, JIG, 120, key=Key("D"), title="", chords=spans)
    assert tune is not None
    assert [[note.chord_symbol for note in bar.notes if note.chord_symbol] for bar in tune.bars] == [
        ["D"], [], ["A", "Bm"], [], ["G"], ["A"], ["N.C."], ["D"],
    ]  # fmt: skip


def part(frames: ScoreFrames, number: int) -> np.ndarray:
    """What a part's frames tell of its own notes and strikes, [streams, S]; the last of one frame more is left out."""
    begin = round(5.0 + PART * number)
    names = ("pitch", "age", "velocity", "onset_place", "end_place", "chord", "strum_low", "strum_place")
    told = {name: frames.stream(name)[begin : begin + int(PART)].copy() for name in names}
    # What was struck before the part is older or younger than it was then.
    struck = np.flatnonzero(frames.stream("strum_age")[begin : begin + int(PART)] == 1)[0]
    for name in ("strum_low", "strum_place"):
        told[name][:struck] = 0
    return np.stack(list(told.values()))


@pytest.mark.parametrize("form", [SECTIONS, PHRASES])
@pytest.mark.parametrize("seed", range(4))
def test_parts_come_back_where_the_form_says(seed: int, form: str) -> None:
    frames = drawn(seed, round(6.5 * PART), form=form)
    a, b = part(frames, 0), part(frames, 2)
    assert not np.array_equal(a, b)
    for number in (1, 4, 5):
        assert np.array_equal(a, part(frames, number))
    assert np.array_equal(b, part(frames, 3))


@pytest.mark.parametrize("form", [SECTIONS, PHRASES])
@pytest.mark.parametrize("seed", range(6))
def test_nothing_begins_twice_where_a_part_is_a_frame_longer(seed: int, form: str) -> None:
    frames = drawn(seed, round(6.5 * PART), form=form)
    edges = [round(5.0 + PART * number) for number in range(7)]
    assert len(set(np.diff(edges).tolist())) == 2
    for name in ("age", "strum_age"):
        begins = frames.stream(name) == 1
        counts = [int(begins[start:stop].sum()) for start, stop in pairwise(edges)]
        assert counts[0] == counts[1] == counts[4] == counts[5]
        assert counts[2] == counts[3]


def test_before_the_first_bar_nothing_is_played_unless_something_sounds() -> None:
    for seed in range(5):
        pitch, upcoming = (drawn(seed, 100).stream(name) for name in ("pitch", "next_pitch"))
        assert not pitch[:5].any()
        assert pitch[5] == upcoming[4] > 0


def test_a_key_leaves_rests_as_they_are() -> None:
    def rests(key: Key) -> int:
        pitch = drawn(2, 4000, key=key).stream("pitch")
        return int(((pitch[1:] == 0) & (pitch[:-1] > 0)).sum())

    assert rests(Key("C")) == pytest.approx(rests(Key("D")), rel=0.5)
    assert rests(Key("D")) > 10


@pytest.mark.parametrize("form", [SECTIONS, PHRASES])
@pytest.mark.parametrize("seed", range(6))
def test_with_a_form_every_note_is_told_from_the_beginning_of_the_one_before_and_what_is_left_as_well(
    seed: int, form: str
) -> None:
    """The slow reference: the notes sampled by the bridge, up to the ending, tell the same."""
    last = (round(5 + 5.5 * PART), round(5 + 5.6 * PART))
    frames = drawn(seed, last[1], accompanied=False, form=form, key=Key("D"), last_note=last, close=25.6)
    lead = Part("lead", "fiddle", notes_of(frames))
    again = score_frames(Performance((lead,), (), (), 120, "jig", last[1] / 50), RATE, last[1])
    for name in ("pitch", "age", "next_pitch", "remaining"):
        assert np.array_equal(again.stream(name)[5:], frames.stream(name)[5:]), name


@pytest.mark.parametrize("form", [SECTIONS, PHRASES])
@pytest.mark.parametrize("seed", range(3))
def test_with_a_form_the_next_pitch_still_follows_and_notes_are_held(seed: int, form: str) -> None:
    frames = drawn(seed, round(5 * PART), form=form)
    pitch, age, left, upcoming = (frames.stream(name) for name in ("pitch", "age", "remaining", "next_pitch"))
    for place in np.flatnonzero(age == 1).tolist()[1:]:
        assert upcoming[place - 1] == pitch[place]
    for place in range(1, frames.frames):
        over = left[place - 1] == 1
        assert over or pitch[place] == pitch[place - 1]
        assert over or age[place] != 1


def test_of_a_part_whose_beginning_was_not_heard_the_rest_comes_back() -> None:
    """What is gone on from may be in the middle of a part."""
    pitch = drawn(1, 1400, accompanied=False, form=SECTIONS, first=-300.0).stream("pitch")
    shift = round(-300 + PART) - round(-300.0)
    end = round(-300 + PART)
    assert len(set(pitch[:end].tolist())) > 2
    assert np.array_equal(pitch[shift : shift + end - 1], pitch[: end - 1])


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("accompanied", [False, True])
def test_the_last_note_is_the_tonic_where_the_ending_is_and_nothing_follows(
    seed: int, accompanied: bool
) -> None:
    begin, end = round(5 + PART / 2), round(5 + PART * 1.2)
    frames = drawn(
        seed, end + 60, accompanied=accompanied, form=SECTIONS, key=Key("D", "dorian"), last_note=(begin, end)
    )
    pitch, age, left, upcoming, strum = (
        frames.stream(name) for name in ("pitch", "age", "remaining", "next_pitch", "strum_age")
    )
    assert age[begin] == 1
    assert pitch[begin] % 12 == 2
    assert upcoming[begin - 1] == pitch[begin]
    assert (pitch[begin:end] == pitch[begin]).all()
    assert left[end - 1] == 1
    assert not (age[begin + 1 : end] == 1).any()
    for nothing in (pitch[end:], left[end:], upcoming[begin:]):
        assert not nothing.any()
    assert not (strum[begin + 1 :] == 1).any()


@pytest.mark.parametrize("form", [SECTIONS, PHRASES])
@pytest.mark.parametrize("seed", range(8))
def test_where_bars_begin_before_the_sound_every_note_is_still_told(seed: int, form: str) -> None:
    """As after a recording; the slow reference again, and the ending."""
    last = (round(2.5 * PART), round(2.6 * PART))
    frames = drawn(
        seed, last[1], accompanied=False, form=form, key=Key("D"), last_note=last, close=25.6, first=-115.0
    )
    notes = notes_of(frames)
    assert notes[-1].midi_pitch % 12 == 2
    lead = Part("lead", "fiddle", notes)
    again = score_frames(Performance((lead,), (), (), 120, "jig", last[1] / 50), RATE, last[1])
    for name in ("pitch", "age", "next_pitch", "remaining"):
        assert np.array_equal(again.stream(name)[5:], frames.stream(name)[5:]), name


@pytest.mark.parametrize("form", [SECTIONS, PHRASES])
@pytest.mark.parametrize("seed", range(3))
def test_every_section_closes_with_the_tonic(seed: int, form: str) -> None:
    """Each time it is played, up to the rounding of its frames."""
    frames = drawn(seed, round(6.1 * PART), form=form, key=Key("G"), close=25.6)
    notes = notes_of(frames)
    for number in range(1, 7):
        edge = 5 + PART * number
        (last,) = [note for note in notes if note.onset * 50 < edge - 5 < note.offset * 50]
        assert last.midi_pitch % 12 == 7
        assert last.onset * 50 == pytest.approx(edge - 25.6, abs=2.5)
        assert last.offset * 50 == pytest.approx(edge, abs=1.5)


def test_with_a_key_most_notes_lie_in_it_and_without_one_they_do_not() -> None:
    inside = {2, 4, 6, 7, 9, 11, 1}

    def share(key: Key | None) -> float:
        notes = notes_of(drawn(1, 3000, key=key))
        return sum(note.midi_pitch % 12 in inside for note in notes) / len(notes)

    assert share(Key("D")) > 0.9
    assert share(None) < 0.8


def test_the_same_seed_draws_the_same_melody_and_another_does_not() -> None:
    assert drawn(3) == drawn(3)
    assert drawn(3) != drawn(4)


def test_what_was_played_in_regular_bars_is_written_down_as_it_was() -> None:
    """Eight bars of two each, played twice, come back as a part between repeat signs."""
    whole = whole_seconds(JIG, 120)
    pitches = [62, 66, 69, 74, 69, 66, 64, 67, 71, 69, 66, 62]
    notes = [
        SoundedNote(0.1 + n * whole / 8, 0.1 + (n + 0.9) * whole / 8, pitches[n % 12] + (n % 48 // 12), 80)
        for n in range(96)
    ]
    tune = tune_of_melody(notes, JIG, 120, key=Key("D", "major"), title="Jig")
    assert tune is not None
    assert tune.header.meter == JIG
    assert len(tune.bars) == 8
    assert (tune.bars[0].start_repeat, tune.bars[-1].end_repeat) == (True, True)
    assert [note.pitches[0] for note in timed_notes(tune)][:12] == pitches
    assert {note.duration for bar in tune.bars for note in bar.notes} == {Fraction(1, 8)}


def test_sections_that_come_back_are_written_once_and_others_stand() -> None:
    """A A B A' after three bars of a section that began before the sound; A' has another pitch."""
    whole = whole_seconds(JIG, 120)
    a, b = [60, 62, 64, 65, 67, 69] * 8, [72, 71, 69, 67, 65, 64] * 8
    pitches = [55, 57, 59, 60, 59, 57] * 3 + a + a + b + [*a[:-1], 70]
    notes = [
        SoundedNote(0.1 + n * whole / 8, 0.1 + (n + 1) * whole / 8, p, 80) for n, p in enumerate(pitches)
    ]
    tune = tune_of_melody(notes, JIG, 120, key=Key("C"), title="", earlier_bars=5)
    assert tune is not None
    signs = [(n, bar.start_repeat, bar.end_repeat) for n, bar in enumerate(tune.bars)]
    assert [sign for sign in signs if sign[1] or sign[2]] == [(3, True, False), (10, False, True)]
    assert len(tune.bars) == 3 + 8 + 8 + 8
    assert [note.pitches[0] for note in timed_notes(tune.unfold())] == pitches


def test_silence_has_no_notes_and_no_tune() -> None:
    assert notes_of(ScoreFrames(RATE, np.zeros((len(STREAM_SIZES), 50), np.int16))) == ()
    assert notes_of(ScoreFrames(RATE, np.zeros((len(STREAM_SIZES), 0), np.int16))) == ()
    assert tune_of_melody([], JIG, 120, key=None, title="") is None
