"""Recordings with their scores: NAME.notes.csv holds the score, NAME.alignments.csv when each of its notes sounds.

The two files have a row for each note, in the same order: `onset,offset,pitch,velocity` in score time, `start,end` in
seconds of the recording. They lie beside NAME.mp3 (or another sound file) or in a folder below it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audiogen.evaluation.clips import sound_suffixes
from audiogen.evaluation.pitch import (
    TOLERANCE_SEMITONES,
    PitchJob,
    PitchTrack,
    heard_pitches,
    melody_notes,
    search_range,
    track_pitch,
)
from symbolic_bridge.performance import SoundedNote

# How much of a recording is listened to for its shift, and how far that may be: silence may have been cut or added.
ALIGNING_SECONDS = 40.0
LARGEST_SHIFT_SECONDS = 3.0
SHIFT_STEP_SECONDS = 0.01
# Shifts that are as good as the best, but for so much of the notes, are averaged.
AS_GOOD = 0.01
NOTES, ALIGNMENTS = ".notes.csv", ".alignments.csv"


@dataclass(frozen=True)
class AlignedRecording:
    """A sound file and its notes, at the times they sound in it."""

    name: str
    path: Path
    notes: tuple[SoundedNote, ...]


def find_recordings(folder: Path) -> list[AlignedRecording]:
    """All recordings with alignments under a folder.

    Raises:
        ValueError: there are none, a file of a pair is missing, or one is damaged.
    """
    if not folder.is_dir():
        raise ValueError(f"{folder}: no such folder")
    sounds = {
        file.stem: file for file in sorted(folder.rglob("*")) if file.suffix.lower() in sound_suffixes()
    }
    found = []
    for score in sorted(folder.rglob(f"*{NOTES}")):
        name = score.name.removesuffix(NOTES)
        if name not in sounds:
            raise ValueError(f"{score}: there is no sound file {name} under {folder}")
        found.append(
            AlignedRecording(name, sounds[name], read_alignment(score, score.with_name(name + ALIGNMENTS)))
        )
    if not found:
        raise ValueError(f"{folder}: holds no files that end with {NOTES}")
    return found


def read_alignment(score: Path, alignment: Path) -> tuple[SoundedNote, ...]:
    """The notes of a score at the times they sound.

    Raises:
        ValueError: a file is missing, lacks a column, has a value that is no number, or the two differ in length.
    """
    notes = _columns(score, ("pitch", "velocity"))
    times = _columns(alignment, ("start", "end"))
    if len(notes) != len(times):
        raise ValueError(f"{alignment}: has {len(times)} rows; {score.name} has {len(notes)}")
    return tuple(
        SoundedNote(start, end, round(pitch), round(velocity))
        for (pitch, velocity), (start, end) in zip(notes, times, strict=True)
        # What was not found in the recording has no length.
        if end > start
    )


def moved(notes: Iterable[SoundedNote], seconds: float) -> tuple[SoundedNote, ...]:
    """The same notes later by that much; those that would begin before the sound are left out."""
    return tuple(
        SoundedNote(note.onset + seconds, note.offset + seconds, note.midi_pitch, note.velocity)
        for note in notes
        if note.onset + seconds >= 0
    )


def alignment_shift(notes: Sequence[SoundedNote], samples: np.ndarray, sample_rate: int) -> float:
    """By how many seconds an alignment comes too early for its recording, the same throughout.

    Three of the five alignments at hand were made from recordings that began a second earlier. The shift is that at
    which most single notes are heard at their pitches, whatever the tuning: a constant cannot favour any codec.

    Args:
        notes: as the alignment has them.
        samples: the beginning of the recording, [T].
        sample_rate: Hz.
    """
    seconds = len(samples) / sample_rate
    singles, _ = melody_notes(notes, seconds)
    pitches = [note.midi_pitch for note in singles]
    if not pitches:
        return 0.0
    track = track_pitch(PitchJob(samples, sample_rate, *search_range(singles, min(pitches), max(pitches))))
    steps = round(LARGEST_SHIFT_SECONDS / SHIFT_STEP_SECONDS)
    shifts = np.arange(-steps, steps + 1) * SHIFT_STEP_SECONDS
    shares = np.array([_agreement(moved(singles, shift), track, len(singles)) for shift in shifts])
    return float(shifts[shares >= shares.max() - AS_GOOD].mean())


def _agreement(notes: Sequence[SoundedNote], track: PitchTrack, total: int) -> float:
    """The share of all notes whose pitches are heard, after taking out what they are off by together."""
    inside = [note for note in notes if note.offset < len(track.midi) * track.hop_seconds]
    off = heard_pitches(track, inside) - np.array([note.midi_pitch for note in inside], float)
    off = off[~np.isnan(off)]
    return float((np.abs(off - np.median(off)) <= TOLERANCE_SEMITONES).sum()) / total if len(off) else 0.0


def _columns(path: Path, names: tuple[str, ...]) -> list[tuple[float, ...]]:
    if not path.is_file():
        raise ValueError(f"{path}: no such file")
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        missing = set(names) - set(reader.fieldnames or ())
        if missing:
            raise ValueError(f"{path}: has no column {', '.join(sorted(missing))}")
        rows = []
        for row in reader:
            try:
                rows.append(tuple(float(row[name]) for name in names))
            except (TypeError, ValueError) as error:
                raise ValueError(f"{path}: line {reader.line_num}: {error}") from error
    return rows
