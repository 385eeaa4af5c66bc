"""Onsets, the counting of notes, and recordings with alignments."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from audiogen.evaluation.alignments import alignment_shift, find_recordings, moved, read_alignment
from audiogen.evaluation.note_counts import HeardNotes, count_notes, summarise, tuning_semitones
from audiogen.evaluation.onsets import chance_of_onset, kept_onsets, note_onsets
from audiogen.evaluation.solos import recorded_solos, stretches
from audiogen.transcription.flux import onset_flux
from codec.audio_files import write_audio
from codec.types import Waveform
from symbolic_bridge.performance import SoundedNote

RATE = 24_000
KNOWN = np.array([0.3, 0.7, 1.2, 1.5])


def note(onset: float, offset: float, pitch: int) -> SoundedNote:
    return SoundedNote(onset, offset, pitch, 64)


def tones(notes: list[SoundedNote], seconds: float, cents: float = 0.0) -> np.ndarray:
    """Tones with an attack of 5 ms."""
    sound = np.zeros(round(seconds * RATE), np.float32)
    for each in notes:
        first, last = round(each.onset * RATE), round(each.offset * RATE)
        time = np.arange(last - first) / RATE
        hertz = 440 * 2 ** ((each.midi_pitch + cents / 100 - 69) / 12)
        attack = np.minimum(1, time / 0.005) * np.minimum(1, (time[-1] - time) / 0.02)
        sound[first:last] += attack * sum(np.sin(2 * np.pi * hertz * k * time) / k for k in (1, 2, 3)) * 0.2
    return sound


def melody() -> list[SoundedNote]:
    return [note(onset, onset + 0.28, 60 + 2 * place) for place, onset in enumerate(KNOWN)]


def test_onsets_are_heard_where_tones_begin_but_for_one_constant() -> None:
    """The window reaches an attack before its centre does."""
    early = KNOWN - note_onsets(onset_flux(tones(melody(), 2.0), RATE), KNOWN)
    assert 0 < early.mean() < 0.02
    assert early == pytest.approx(early.mean(), abs=0.003)


def test_no_onset_is_heard_in_silence_or_within_a_held_tone() -> None:
    assert np.isnan(note_onsets(onset_flux(np.zeros(RATE, np.float32), RATE), KNOWN)).all()
    held = tones([note(0.0, 3.0, 69)], 3.0)
    assert np.isnan(note_onsets(onset_flux(held, RATE), KNOWN + 0.5)).all()


@pytest.mark.parametrize(("milliseconds", "kept"), [(0, True), (12, True), (30, False)])
def test_a_moved_onset_is_kept_within_twenty_milliseconds(milliseconds: int, kept: bool) -> None:
    sound = tones(melody(), 2.0)
    before, after = (
        note_onsets(onset_flux(each, RATE), KNOWN)
        for each in (sound, np.roll(sound, milliseconds * RATE // 1000))
    )
    assert (kept_onsets(before, after) == kept).all()


def test_the_floor_of_onsets_moves_the_sound_and_is_low() -> None:
    flux = onset_flux(tones(melody(), 2.0), RATE)
    assert chance_of_onset(note_onsets(flux, KNOWN), flux, KNOWN) < 0.3
    assert chance_of_onset(np.full(4, np.nan), flux, KNOWN) == 0


def heard(after: list[float], onset_after: list[float]) -> HeardNotes:
    """Four notes: in tune, 15 cents and 40 cents off, and an octave off; the last is fast."""
    return HeardNotes(
        wanted=np.array([60.0, 62.0, 64.0, 65.0]),
        before=np.array([60.0, 62.15, 64.4, 77.0]),
        after=np.array(after),
        onset_before=np.array([0.0, 1.0, 2.0, np.nan]),
        onset_after=np.array(onset_after),
        onset_floor=0.5,
        seconds=np.array([0.5, 0.1, 0.5, 0.1]),
    )


def test_each_way_of_being_right_counts_its_own_notes() -> None:
    counts = count_notes(heard([60.1, 62.3, 64.5, 77.0], [0.01, 1.03, 2.0, 3.0]))
    pairs = {name: (count.right_before, count.kept) for name, count in counts.items()}
    assert pairs == {
        "pitch_50": (3, 3),
        "pitch": (2, 1),
        "pitch_moved": (3, 3),
        "onset": (3, 2),
        "both": (2, 1),
        "both_moved": (3, 2),
    }
    assert (counts["pitch"].fast_right_before, counts["pitch"].fast_kept) == (1, 0)


def test_what_is_not_heard_afterwards_is_not_kept() -> None:
    counts = count_notes(heard([np.nan] * 4, [np.nan] * 4))
    assert {count.kept for count in counts.values()} == {0}


def test_the_untouched_sound_keeps_every_note_and_shares_are_of_all_solos() -> None:
    same = heard([60.0, 62.15, 64.4, 77.0], [0.0, 1.0, 2.0, np.nan])
    found = summarise([(4, count_notes(same)), (4, count_notes(heard([np.nan] * 4, [np.nan] * 4)))])
    assert {name: each["kept"] for name, each in found.items()} == dict.fromkeys(found, 0.5)
    assert found["pitch_50"]["right_before"] == 0.75
    assert summarise([]) == {}


def test_the_tuning_is_the_median_of_the_notes_that_are_no_other_note() -> None:
    wanted = np.arange(60.0, 71.0)
    before = wanted - 0.85
    before[[2, 5]] += 12
    before[7] = np.nan
    assert tuning_semitones(before, wanted) == pytest.approx(-0.85)
    assert tuning_semitones(np.array([np.nan]), np.array([60.0])) == 0


def write_recording(folder: Path, notes: list[SoundedNote], sound: np.ndarray) -> None:
    (folder / "aligned").mkdir()
    write_audio(folder / "solo.wav", Waveform(torch.from_numpy(sound)[None, None], RATE))
    score = "".join(f"{12 * i},{12 * i + 12},{each.midi_pitch},64\n" for i, each in enumerate(notes))
    times = "".join(f"{each.onset},{each.offset}\n" for each in notes)
    (folder / "aligned" / "solo.notes.csv").write_text("onset,offset,pitch,velocity\n" + score)
    (folder / "aligned" / "solo.alignments.csv").write_text("start,end\n" + times)


def test_an_alignment_that_is_a_second_early_is_moved_whatever_the_tuning(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    true = [
        note(1.2 + 0.4 * i, 1.58 + 0.4 * i, int(pitch)) for i, pitch in enumerate(rng.integers(60, 80, 9))
    ]
    sound = tones(true, 5.5, cents=-40)
    early = list(moved(true, -1.0))
    assert alignment_shift(early, sound, RATE) == pytest.approx(1.0, abs=0.05)
    write_recording(tmp_path, early, sound)
    solos = list(recorded_solos(tmp_path, 2.0, RATE, []))
    assert [len(solo.notes) for solo in solos] == [5, 4]
    assert {solo.group for solo in solos} == {"solo"}
    # Half a second of sound before the first note, and after the last.
    assert solos[1].notes[0].onset == pytest.approx(0.5, abs=0.05)
    assert solos[1].waveform.seconds == pytest.approx(4 * 0.4 + 0.98, abs=0.1)


def test_stretches_hold_every_note_once_and_none_is_too_long() -> None:
    notes = [note(0.5 * i, 0.5 * i + 0.5, 60) for i in range(11)]
    parts = list(stretches(notes, 2.0))
    assert [each for part in parts for each in part] == notes
    assert all(part[-1].offset - part[0].onset <= 2.0 for part in parts)


def test_damaged_alignments_are_refused_with_the_place(tmp_path: Path) -> None:
    write_recording(tmp_path, melody(), tones(melody(), 2.0))
    score, times = (tmp_path / "aligned" / f"solo.{kind}.csv" for kind in ("notes", "alignments"))
    assert [each.midi_pitch for each in find_recordings(tmp_path)[0].notes] == [60, 62, 64, 66]
    whole = times.read_text()
    times.write_text(whole.rsplit("\n", 2)[0] + "\n")
    with pytest.raises(ValueError, match=r"has 3 rows; solo\.notes\.csv has 4"):
        read_alignment(score, times)
    times.write_text(whole.replace("0.3", "soon", 1))
    with pytest.raises(ValueError, match=r"alignments\.csv: line 2"):
        read_alignment(score, times)
    times.write_text(whole.replace("end", "stop"))
    with pytest.raises(ValueError, match="has no column end"):
        read_alignment(score, times)
    (tmp_path / "solo.wav").unlink()
    with pytest.raises(ValueError, match="there is no sound file solo"):
        find_recordings(tmp_path)
    with pytest.raises(ValueError, match="no such folder"):
        find_recordings(tmp_path / "none")
