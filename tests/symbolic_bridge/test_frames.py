"""Rules of score frames: sampled at frame centres, as a plain loop would."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from symbolic_bridge.frames import (
    BUCKET_LOWER_BOUNDS,
    QUALITIES,
    STREAM_SIZES,
    ScoreFrames,
    bucket_lower_bound,
    chord_of_value,
    chord_value,
    frame_bucket,
    score_frames,
    seconds_of,
)
from symbolic_bridge.perform import perform
from symbolic_bridge.performance import BarSpan, ChordSpan, Part, Performance, SoundedNote
from symbolic_bridge.tune import Tune

RATE = Fraction(50)
JIG = """X:1
T:Trial
R:jig
M:6/8
L:1/8
K:Ador
e|A2B cBA|~G3 {a}gdB|A2B c2d|e(3fgf edB|[1 A3 A2:|[2 A3 z3||
|:a2a age|gdd z2B|A2[Ac] !fermata!c3|dBG A2:|
"""


def _performance(
    *notes: tuple[float, float, int, int], strums: tuple[tuple[float, float, int, int], ...] = ()
) -> Performance:
    parts = [Part("lead", "fiddle", tuple(SoundedNote(*note) for note in notes))]
    if strums:
        parts.append(Part("accompaniment", "guitar", tuple(SoundedNote(*note) for note in strums)))
    return Performance(tuple(parts), (), (), 120.0, "reel", 2.0)


def _slow_bucket(count: int) -> int:
    bucket = 0
    while bucket + 1 < len(BUCKET_LOWER_BOUNDS) and BUCKET_LOWER_BOUNDS[bucket + 1] <= count:
        bucket += 1
    return bucket


def _slow_frame(performance: Performance, rate: Fraction, frame: int) -> dict[str, int]:
    """One frame by asking every note; assumes that each note holds a frame's centre."""
    centre = float((frame + Fraction(1, 2)) / rate)
    row = dict.fromkeys(STREAM_SIZES, 0)

    def first(seconds: float) -> int:
        place = max(0, int(seconds * float(rate)) - 2)
        while (place + 0.5) / float(rate) < seconds - 1e-8:
            place += 1
        return place

    def place(seconds: float) -> int:
        ends = [
            float((first(seconds) - Fraction(1, 2) + Fraction(tenth, 10)) / rate) for tenth in range(1, 11)
        ]
        return 1 + next((number for number, end in enumerate(ends) if end >= seconds - 1e-8), 9)

    notes = performance.lead.notes
    sounding = [n for n in notes if first(n.onset) <= frame < first(n.offset)]
    coming = [n for n in notes if first(n.onset) > frame]
    following = None
    if coming:
        soonest = min(first(n.onset) for n in coming)
        following = max(
            (n for n in coming if first(n.onset) == soonest), key=lambda n: (n.onset, n.midi_pitch)
        )
        row["next_pitch"] = following.midi_pitch
    if sounding:
        note = max(sounding, key=lambda n: (n.onset, n.midi_pitch))
        row |= {"pitch": note.midi_pitch, "velocity": note.velocity // 2}
        row |= {"onset_place": place(note.onset), "end_place": place(note.offset)}
        row["age"] = _slow_bucket(frame - first(note.onset) + 1)
        end = first(note.offset)
        if following is not None:
            end = min(end, first(following.onset))
        row["remaining"] = _slow_bucket(end - frame)
    elif following is not None:
        row["remaining"] = _slow_bucket(first(following.onset) - frame)
    for chord in performance.chords:
        if first(chord.onset) <= frame < first(chord.offset):
            row["chord"] = 1 + 4 * chord.root + QUALITIES.index(chord.quality)
    for bar in performance.bars:
        if first(bar.onset) <= frame < first(bar.offset):
            row["beat"] = 1 + min(
                63, max(0, int((centre - bar.onset) / (bar.offset - bar.onset) * 64 + 1e-6))
            )
            row["section"] = 1 + bar.section
    strikes: list[list[SoundedNote]] = []
    for note in performance.parts[1].notes if len(performance.parts) > 1 else ():
        if strikes and note.onset - strikes[-1][0].onset < 0.06:
            strikes[-1].append(note)
        else:
            strikes.append([note])
    heard = [strike for strike in strikes if first(strike[0].onset) <= frame]
    if heard:
        row["strum_age"] = _slow_bucket(frame - first(heard[-1][0].onset) + 1)
        row["strum_low"] = min(note.midi_pitch for note in heard[-1])
        row["strum_place"] = place(heard[-1][0].onset)
    return row


@pytest.mark.parametrize("rate", [Fraction(50), Fraction(24000, 512), Fraction(75)])
@pytest.mark.parametrize("accompaniment", ["none", "guitar"])
def test_the_fast_sampling_agrees_with_a_plain_loop(rate: Fraction, accompaniment: str) -> None:
    performance = perform(
        Tune.from_abc(JIG), accompaniment=accompaniment, duration_seconds=6, rng=np.random.default_rng(4)
    )
    sampled = score_frames(performance, rate)
    assert sampled.frames > 200
    for frame in range(0, sampled.frames, 2):
        slow = _slow_frame(performance, rate, frame)
        fast = {name: int(sampled.stream(name)[frame]) for name in STREAM_SIZES}
        assert fast == slow, f"frame {frame}"


def test_a_note_begins_in_the_frame_whose_centre_it_reaches() -> None:
    frames = score_frames(_performance((0.41, 0.61, 69, 80)), RATE)
    assert np.flatnonzero(frames.stream("pitch")).tolist() == list(range(20, 30))
    # One microsecond later it misses the centre of frame 20.
    late = score_frames(_performance((0.410001, 0.61, 69, 80)), RATE)
    assert np.flatnonzero(late.stream("pitch"))[0] == 21


def test_times_come_back_from_their_frames_to_a_twentieth_of_a_frame() -> None:
    times = [0.1, 0.4137, 0.7901, 1.0, 1.3333]
    notes = pairwise(times)
    frames = score_frames(
        _performance(*((onset, end, 60 + n, 80) for n, (onset, end) in enumerate(notes))), RATE
    )
    starts = np.flatnonzero(frames.stream("age") == 1).tolist()
    found = [seconds_of(start, int(frames.stream("onset_place")[start]), float(RATE)) for start in starts]
    assert found == pytest.approx(times[:-1], abs=0.05 / float(RATE) + 1e-6)
    last = int(np.flatnonzero(frames.stream("pitch"))[-1])
    end = seconds_of(last + 1, int(frames.stream("end_place")[last]), float(RATE))
    assert end == pytest.approx(times[-1], abs=0.05 / float(RATE) + 1e-6)


def test_every_chord_has_a_value_of_its_own_and_comes_back_from_it() -> None:
    chords = [(root, quality) for root in range(12) for quality in QUALITIES]
    values = [chord_value(*chord) for chord in chords]
    assert values == list(range(1, STREAM_SIZES["chord"]))
    assert [chord_of_value(value) for value in values] == chords
    assert chord_of_value(0) is None


def test_frame_boundaries_do_not_drift() -> None:
    """A click an exact number of frames in is found in exactly that frame, an hour later as well."""
    rate = Fraction(24000, 441)
    clicks = [(frame, float(Fraction(frame) / rate)) for frame in (1, 1000, 54421, 195918)]
    notes = [(at, at + 0.1, 60, 80) for _, at in clicks]
    performance = Performance(
        (Part("lead", "fiddle", tuple(SoundedNote(*note) for note in notes)),), (), (), 120.0, "reel", 3601.0
    )
    ages = score_frames(performance, rate).stream("age")
    assert np.flatnonzero(ages == 1).tolist() == [frame for frame, _ in clicks]


def test_age_counts_up_and_remaining_counts_down() -> None:
    frames = score_frames(_performance((0.0, 0.2, 69, 80), (0.3, 0.4, 71, 80)), RATE)
    assert frames.stream("age")[:11].tolist() == [*range(1, 11), 0]
    assert frames.stream("remaining")[:16].tolist() == [10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 5, 4, 3, 2, 1, 5]
    assert frames.stream("next_pitch")[:21].tolist() == [71] * 15 + [0] * 6


def test_after_the_last_note_nothing_is_awaited() -> None:
    frames = score_frames(_performance((0.0, 0.2, 69, 80)), RATE)
    for name in ("pitch", "age", "remaining", "next_pitch", "velocity", "onset_place", "end_place"):
        assert not frames.stream(name)[10:].any()


def test_where_lead_notes_overlap_the_later_one_counts_and_a_drone_comes_back() -> None:
    frames = score_frames(_performance((0.0, 1.0, 50, 80), (0.2, 0.4, 74, 80)), RATE)
    assert frames.stream("pitch")[[5, 15, 25]].tolist() == [50, 74, 50]
    assert frames.stream("age")[20] == frame_bucket(np.array([21]))[0]


def test_of_notes_struck_together_the_highest_counts() -> None:
    frames = score_frames(_performance((0.2, 0.4, 74, 80), (0.2, 0.4, 62, 80)), RATE)
    assert frames.stream("pitch")[12] == 74
    assert frames.stream("next_pitch")[0] == 74


def test_a_note_between_two_centres_still_gets_a_frame() -> None:
    frames = score_frames(_performance((0.212, 0.218, 69, 80)), RATE)
    assert np.flatnonzero(frames.stream("pitch")).tolist() == [11]


def test_a_strum_is_one_strike_with_its_lowest_note() -> None:
    strums = ((0.1, 0.5, 50, 60), (0.108, 0.5, 45, 60), (0.6, 0.9, 52, 60))
    frames = score_frames(_performance((0.1, 0.5, 69, 80), strums=strums), RATE)
    assert frames.stream("strum_low")[[4, 5, 29, 30, 99]].tolist() == [0, 45, 45, 52, 52]
    assert frames.stream("strum_age")[[4, 5, 6, 30]].tolist() == [0, 1, 2, 1]


def test_chords_beats_and_sections_are_numbered_from_one() -> None:
    performance = Performance(
        (Part("lead", "fiddle", (SoundedNote(0.0, 1.0, 60, 80),)),),
        (BarSpan(-0.5, 0.5, 2, 0), BarSpan(0.5, 1.5, 2, 11)),
        (ChordSpan(0.0, 0.5, 0, "major"), ChordSpan(0.5, 1.0, 11, "diminished")),
        120.0,
        "reel",
        2.0,
    )
    frames = score_frames(performance, RATE)
    assert frames.stream("chord")[[0, 24, 25, 49, 50]].tolist() == [1, 1, 48, 48, 0]
    assert frames.stream("beat")[[0, 24, 25, 74, 75]].tolist() == [33, 64, 1, 64, 0]
    assert frames.stream("section")[[0, 25, 75]].tolist() == [1, 8, 0]


def test_buckets_have_their_lower_bound_as_inverse() -> None:
    bounds = [bucket_lower_bound(bucket) for bucket in range(STREAM_SIZES["age"])]
    assert bounds[:16] == list(range(16))
    assert bounds == sorted(set(bounds))
    assert frame_bucket(np.array(bounds)).tolist() == list(range(32))
    counts = list(range(1, 5000))
    assert frame_bucket(np.array(counts)).tolist() == [_slow_bucket(count) for count in counts]


def test_frames_can_be_saved_and_loaded(tmp_path: Path) -> None:
    frames = score_frames(perform(Tune.from_abc(JIG), rng=np.random.default_rng(0)), Fraction(24000, 512))
    frames.save(tmp_path / "frames.npz")
    assert ScoreFrames.load(tmp_path / "frames.npz") == frames


@pytest.mark.parametrize("damage", ["empty", "text", "truncated", "other"])
def test_a_damaged_file_is_refused_by_name(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "frames.npz"
    frames = score_frames(_performance((0.0, 1.0, 60, 80)), RATE)
    frames.save(path)
    whole = path.read_bytes()
    if damage == "other":
        np.savez(path, values=frames.values)
    else:
        path.write_bytes({"empty": b"", "text": b"no archive", "truncated": whole[: len(whole) // 2]}[damage])
    with pytest.raises(ValueError, match=r"frames\.npz"):
        ScoreFrames.load(path)


def test_a_slice_is_as_long_as_asked_and_silent_beyond_the_ends() -> None:
    frames = score_frames(_performance((0.0, 2.0, 60, 80)), RATE)
    part = frames.slice(-5, 105)
    assert part.frames == 110
    assert part.stream("pitch").tolist() == [0] * 5 + [60] * 100 + [0] * 5
    with pytest.raises(ValueError, match="backwards"):
        frames.slice(5, 4)


def test_the_length_may_be_given() -> None:
    performance = _performance((0.0, 1.99, 60, 80))
    assert score_frames(performance, RATE).frames == 100
    assert score_frames(performance, RATE, 30).stream("remaining")[29] == _slow_bucket(71 - 1)
    assert score_frames(performance, RATE, 0).frames == 0


def test_wrong_shapes_and_values_are_refused() -> None:
    with pytest.raises(ValueError, match="must be int16"):
        ScoreFrames(RATE, np.zeros((3, 5), np.int16))
    values = np.zeros((len(STREAM_SIZES), 4), np.int16)
    values[0, 2] = 128
    with pytest.raises(ValueError, match=r"stream 'pitch' holds 0 \.\.\. 128"):
        ScoreFrames(RATE, values)
    with pytest.raises(ValueError, match="frame_rate is 0"):
        ScoreFrames(Fraction(0), np.zeros((len(STREAM_SIZES), 1), np.int16))
    with pytest.raises(ValueError, match="'tempo' is not one of pitch"):
        ScoreFrames(RATE, np.zeros((len(STREAM_SIZES), 1), np.int16)).stream("tempo")
    with pytest.raises(ValueError, match="frame_rate is -1"):
        score_frames(_performance((0.0, 1.0, 60, 80)), Fraction(-1))
