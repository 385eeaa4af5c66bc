"""Whether a sound plays the notes of its score: pitch, onsets, pitch classes; each with its floor.

The ceiling of each figure is what the SoundFont route scores, since it plays the score by construction: pYIN errs on
chords and on accompanied sound, so only leads without accompaniment come near 1.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from audiogen.comparison.metrics.definition import Definition
from audiogen.evaluation.chroma import chroma_agreement, score_chroma, shuffled_agreement, sound_chroma
from audiogen.evaluation.pitch import (
    PitchJob,
    chance_share,
    expected_range,
    heard_pitches,
    melody_notes,
    right_notes,
    track_pitch,
)
from audiogen.transcription.flux import HEARD_DB, HOP_SECONDS, onset_flux
from symbolic_bridge.performance import Performance, SoundedNote

# Two onsets are one within this; the usual tolerance of MIREX.
ONSET_SECONDS = 0.05
# Peaks of the flux this close to a larger one are part of it.
SHORTEST_GAP_SECONDS = 0.05

DEFINITIONS = {
    "pitch_right": Definition(
        "notes at pitch", "share of notes", 1,
        "Single notes of the lead whose median pitch (pYIN, middle three fifths of the note) is within a quarter tone "
        "of the score's.",
    ),
    "pitch_floor": Definition("its floor", "share", 0, "The same with the pitches of the score shuffled."),
    "onset_f1": Definition(
        "onsets", "F1", 1,
        "Peaks of the spectral flux against the score's onsets (all parts), one to one within 50 ms. Soft attacks and "
        "legato keep it well below 1 even for the SoundFont.",
    ),
    "onset_floor": Definition("its floor", "F1", 0, "The same with the score moved by 0.13 to 0.37 s."),
    "chroma_cosine": Definition(
        "chroma", "cosine", 1, "Pitch classes of the sound against the lead's, every 0.1 s where it has a note."
    ),
    "chroma_floor": Definition("its floor", "cosine", 0, "The same with the score's tenths of seconds in any order."),
}  # fmt: skip

_FLOOR_SHIFTS_SECONDS = (-0.37, -0.23, -0.13, 0.13, 0.23, 0.37)


def melody_figures(
    samples: np.ndarray, sample_rate: int, performance: Performance
) -> dict[str, float | None]:
    """The figures of a mono sound [T] that should play a performance from its beginning."""
    seconds = len(samples) / sample_rate
    notes, _ = melody_notes(performance.lead.notes, seconds)
    found: dict[str, float | None] = dict.fromkeys(DEFINITIONS)
    if notes:
        track = track_pitch(PitchJob(samples, sample_rate, *expected_range(performance.lead)))
        heard = heard_pitches(track, notes)
        found["pitch_right"] = float(right_notes(heard, notes).mean())
        found["pitch_floor"] = chance_share(heard, notes)
    sound = sound_chroma(samples, sample_rate)
    score = score_chroma(performance.lead.notes, sound.shape[1])
    found["chroma_cosine"] = chroma_agreement(sound, score)
    found["chroma_floor"] = shuffled_agreement(sound, score)
    wanted = score_onsets([note for part in performance.parts for note in part.notes], seconds)
    if len(wanted):
        peaks = onset_peaks(onset_flux(samples, sample_rate))
        found["onset_f1"] = onset_f1(peaks, wanted)
        found["onset_floor"] = float(
            np.mean([onset_f1(peaks, wanted + shift) for shift in _FLOOR_SHIFTS_SECONDS])
        )
    return found


def score_onsets(notes: Sequence[SoundedNote], seconds: float) -> np.ndarray:
    """Onsets of a score in seconds, rising; those nearer than SHORTEST_GAP_SECONDS (chords) are one."""
    found: list[float] = []
    for onset in sorted(note.onset for note in notes if note.onset < seconds):
        if not found or onset - found[-1] >= SHORTEST_GAP_SECONDS:
            found.append(onset)
    return np.array(found)


def onset_peaks(flux: np.ndarray) -> np.ndarray:
    """Times of the flux's peaks in seconds: local maxima that are the largest around and can be heard."""
    reach = round(SHORTEST_GAP_SECONDS / HOP_SECONDS)
    padded = np.pad(flux, reach, constant_values=-np.inf)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1).max(axis=1)  # [frames]
    return (
        np.flatnonzero((flux >= around) & (flux >= max(HEARD_DB, 0.2 * float(flux.max(initial=0.0)))))
        * HOP_SECONDS
    )


def onset_f1(heard: np.ndarray, wanted: np.ndarray) -> float:
    """F1 of onsets [N] against wanted ones [M], both rising, matched greedily one to one within ONSET_SECONDS."""
    matched, place = 0, 0
    for onset in wanted:
        while place < len(heard) and heard[place] < onset - ONSET_SECONDS:
            place += 1
        if place < len(heard) and heard[place] <= onset + ONSET_SECONDS:
            matched += 1
            place += 1
    total = len(heard) + len(wanted)
    return 2 * matched / total if total else 0.0
