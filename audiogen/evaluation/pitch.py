"""Whether notes sound at their pitch: pYIN (Mauch & Dixon 2014) over a clip, then one median for each note.

A note is right when the median pitch heard over the middle 60 % of it is within 50 cents of its score pitch. Frames
that pYIN calls unvoiced are left out of the median; a note without a voiced frame is wrong. Pitches are MIDI numbers
with fractions, times are seconds. This module imports no torch, so that its worker processes start quickly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from audiogen.evaluation.workers import in_processes
from symbolic_bridge.instruments import instrument_of
from symbolic_bridge.performance import Part, SoundedNote

TOLERANCE_SEMITONES = 0.5
MIDDLE = (0.2, 0.8)
HOP_SECONDS = 0.01
# pYIN's grid, laid so that score pitches are on it: 0, 20 and 40 cents are right, 60 is wrong, as with a finer grid.
# Its Viterbi search costs the square of the grid points, and 10 cents would take four times as long.
GRID_SEMITONES = 0.2
# Beyond the notes' own range, so that an octave error is heard as one instead of being impossible.
MARGIN_SEMITONES = 14
INSTRUMENT_MARGIN_SEMITONES = 2
SHORTEST_FRAME = 1024
# Notes struck within this are a chord, of which pYIN can hear one note at most.
CHORD_SECONDS = 0.03


@dataclass(frozen=True)
class PitchTrack:
    """Pitch over time: `midi` float [frames], NaN where unvoiced; frame t is centred at t * `hop_seconds`."""

    midi: np.ndarray
    hop_seconds: float


@dataclass(frozen=True)
class PitchJob:
    """One clip to listen to: samples float32 [T], the range to expect, and the grid on which to hear pitches."""

    samples: np.ndarray
    sample_rate: int
    lowest: float
    highest: float
    grid_semitones: float = GRID_SEMITONES


def expected_range(part: Part) -> tuple[float, float]:
    """The pitches to look for: those of the part and an octave around, as far as the instrument goes."""
    instrument = instrument_of(part.instrument)
    return search_range(part.notes, instrument.lowest, instrument.highest)


def search_range(notes: Sequence[SoundedNote], lowest: int, highest: int) -> tuple[float, float]:
    """As `expected_range`, for an instrument that goes from `lowest` to `highest`."""
    pitches = [note.midi_pitch for note in notes]
    if not pitches:
        return lowest, highest
    low, high = min(pitches), max(pitches)
    return (
        min(low, max(low - MARGIN_SEMITONES, lowest)) - INSTRUMENT_MARGIN_SEMITONES,
        max(high, min(high + MARGIN_SEMITONES, highest)) + INSTRUMENT_MARGIN_SEMITONES,
    )


def track_pitch(job: PitchJob) -> PitchTrack:
    """Run pYIN over one clip."""
    import librosa

    low_hz = 440.0 * 2 ** ((job.lowest - 69) / 12)
    high_hz = min(440.0 * 2 ** ((job.highest - 69) / 12), job.sample_rate / 2.1)
    # pYIN compares a window of half a frame with itself a period later: a frame of four periods holds that well.
    frame = max(SHORTEST_FRAME, 2 ** int(np.ceil(np.log2(4 * job.sample_rate / low_hz))))
    hop = round(HOP_SECONDS * job.sample_rate)
    frequency, _, _ = librosa.pyin(
        np.ascontiguousarray(job.samples, np.float32),
        fmin=low_hz,
        fmax=high_hz,
        sr=job.sample_rate,
        frame_length=frame,
        hop_length=hop,
        resolution=job.grid_semitones,
    )
    return PitchTrack(69 + 12 * np.log2(frequency / 440.0), hop / job.sample_rate)


def track_pitches(
    jobs: Iterable[PitchJob], workers: int = 1, on_done: Callable[[int], None] | None = None
) -> list[PitchTrack]:
    """`track_pitch` of many clips in order, in that many processes."""
    return in_processes(track_pitch, jobs, workers, on_done or (lambda count: None))


def melody_notes(notes: Sequence[SoundedNote], seconds: float) -> tuple[list[SoundedNote], int]:
    """The single notes that begin and end within the first `seconds`, and how many chord notes were left out.

    A note lasts to its end or to the next note's onset, whichever comes first: what rings on is not heard as a pitch.
    """
    inside = sorted((n for n in notes if n.offset <= seconds), key=lambda note: (note.onset, note.midi_pitch))
    kept: list[SoundedNote] = []
    chords = 0
    for index, note in enumerate(inside):
        before = inside[index - 1].onset if index else -np.inf
        after = inside[index + 1].onset if index + 1 < len(inside) else np.inf
        if note.onset - before < CHORD_SECONDS or after - note.onset < CHORD_SECONDS:
            chords += 1
            continue
        kept.append(SoundedNote(note.onset, min(note.offset, after), note.midi_pitch, note.velocity))
    return kept, chords


def heard_pitches(track: PitchTrack, notes: Sequence[SoundedNote]) -> np.ndarray:
    """Median pitch heard in the middle of each note, float [notes]; NaN where nothing voiced was."""
    heard = np.full(len(notes), np.nan)
    for index, note in enumerate(notes):
        length = note.offset - note.onset
        first = int(np.ceil((note.onset + MIDDLE[0] * length) / track.hop_seconds))
        last = int(np.floor((note.onset + MIDDLE[1] * length) / track.hop_seconds))
        if last < first:
            # Shorter than a hop: the frame nearest to its middle.
            first = last = round((note.onset + length / 2) / track.hop_seconds)
        frames = track.midi[first : last + 1]
        voiced = frames[~np.isnan(frames)]
        if len(voiced):
            heard[index] = np.median(voiced)
    return heard


def right_notes(heard: np.ndarray, notes: Sequence[SoundedNote]) -> np.ndarray:
    """Which notes were heard at their pitch, bool [notes]."""
    wanted = np.array([note.midi_pitch for note in notes], float)
    return np.abs(heard - wanted) <= TOLERANCE_SEMITONES


def chance_share(
    heard: np.ndarray, notes: Sequence[SoundedNote], tolerance_semitones: float = TOLERANCE_SEMITONES
) -> float:
    """Share of right notes to expect if the score's pitches were shuffled among its notes: the floor."""
    return shuffled_share(heard, np.array([note.midi_pitch for note in notes], float), tolerance_semitones)


def shuffled_share(heard: np.ndarray, wanted: np.ndarray, tolerance_semitones: float) -> float:
    """The expected share of pitches `heard` that are near those `wanted`, taken in any order; 0 for none."""
    if not len(wanted):
        return 0.0
    return float((np.abs(heard[:, None] - wanted[None]) <= tolerance_semitones).mean())
