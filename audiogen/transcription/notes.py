"""Sound to notes: how far the partials of every pitch stand out, where notes begin, and the best line through both.

The contrast of a pitch is the mean level of its partials over that halfway between them: high at the pitch itself,
lower an octave below, where every other partial is missing, and above, where partials lie in between. A Viterbi search
over pitches and silence stays on a note until another one pays the price of a change: the less, the higher the peak of
spectral flux there is, and the less for a pitch whose contrast has just grown, since on many instruments the note
before rings on. At a high enough peak, or where the sound rises from a dip, the same pitch is struck
again. Times are seconds.

All constants were chosen by note F1 on 24 renderings of valid tunes.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from audiogen.transcription.flux import HEARD_DB, HOP_SECONDS, onset_flux, rise_before

LOWEST_PITCH, HIGHEST_PITCH = 43, 100
WINDOW_SECONDS = 0.05
PARTIALS = 10
# What the weight of a partial is of that of the one below.
PARTIAL_DECAY = 0.7
# Partials fainter than the frame's loudest bin by more do not count, frames fainter than the loudest are silent.
FAINTEST_PARTIAL_DB = 35.0
FAINTEST_FRAME_DB = 50.0
# Contrast beyond which a pitch is no more itself, and that which silence is worth.
MOST_CONTRAST_DB = 30.0
SILENCE_DB = 8.0
# The price of a change, and what takes from it: a peak of flux, by its root; there, each dB beyond the first by which
# the sound rises from a dip; each dB of new contrast. In dB times frames.
CHANGE_PRICE = 90.0
FLUX_WORTH = 45.0
DIP_WORTH, SLIGHTEST_DIP_DB, DEEPEST_DIP_DB = 8.0, 1.0, 13.0
LEAST_FLUX_DB = 0.15
NEW_CONTRAST_WORTH = 2.0
# A dip lies within so many frames before, what it rises to within as many behind.
DIP_FRAMES = 6
# New is what has grown from so many frames before to so many behind.
BEFORE_FRAMES, BEHIND_FRAMES = 8, 16
SHORTEST_SECONDS = 0.055
# One frame of so many is asked how the sound is tuned.
TUNING_FRAMES = 8
# The flux of an attack is half its height so long after the note's beginning, seen through the window.
ATTACK_SECONDS = 0.02
# The peak of an onset is looked for within so many frames before and behind it.
PEAK_REACH_FRAMES = (2, 3)


@dataclass(frozen=True)
class HeardNote:
    """One note; `pitch` is a MIDI number."""

    onset: float
    offset: float
    pitch: int


def hear_notes(samples: np.ndarray, sample_rate: int) -> list[HeardNote]:
    """The notes of a single line, in order.

    Args:
        samples: mono sound, float [T].
        sample_rate: Hz.
    """
    flux = onset_flux(samples, sample_rate)
    contrast, level = harmonic_contrast(samples, sample_rate)
    frames = min(len(flux), len(contrast))
    flux = flux[:frames]
    notes = _best_line(contrast[:frames], level[:frames], flux)
    onsets = [_attack(first, flux) for first, _, _ in notes]
    found = []
    for number, (_, last, pitch) in enumerate(notes):
        following = onsets[number + 1] if number + 1 < len(notes) else np.inf
        offset = min(last * HOP_SECONDS, following)
        if offset - onsets[number] >= SHORTEST_SECONDS:
            found.append(HeardNote(onsets[number], float(offset), pitch))
    return found


def harmonic_contrast(samples: np.ndarray, sample_rate: int) -> tuple[np.ndarray, np.ndarray]:
    """How far each pitch stands out, dB [frames, pitches], and how loud each frame is, dB [frames].

    Pitches are in the sound's own tuning, which is taken to be within half a semitone of A = 440 Hz.
    """
    import librosa

    window = round(WINDOW_SECONDS * sample_rate)
    size = 4 * 2 ** int(np.ceil(np.log2(window)))
    spectrum = np.abs(
        librosa.stft(
            np.ascontiguousarray(samples, np.float32),
            n_fft=size,
            win_length=window,
            hop_length=round(HOP_SECONDS * sample_rate),
        )
    )
    level = librosa.amplitude_to_db(np.sqrt((spectrum**2).sum(axis=0)), ref=1.0, top_db=None)
    bins_db = librosa.amplitude_to_db(spectrum, ref=1.0, top_db=None)
    bins_db = np.maximum(bins_db, bins_db.max(axis=0) - FAINTEST_PARTIAL_DB)
    numbers = np.arange(1, PARTIALS + 1)
    pitches = np.arange(LOWEST_PITCH, HIGHEST_PITCH + 1)
    found = np.zeros((len(level), len(pitches)))
    with warnings.catch_warnings():
        # A sound without any tone has no tuning, and librosa says so.
        warnings.filterwarnings("ignore", message="Trying to estimate tuning from empty frequency set")
        some = spectrum[:, ::TUNING_FRAMES]
        tuning = float(librosa.estimate_tuning(S=some, sr=sample_rate, n_fft=size))  # semitones
    for place, hertz in enumerate(440.0 * 2 ** ((pitches + tuning - 69) / 12)):
        partials = hertz * numbers[hertz * numbers < 0.95 * sample_rate / 2]
        weights = PARTIAL_DECAY ** np.arange(len(partials))
        peaks, valleys = (
            bins_db[np.rint(where * size / sample_rate).astype(int)]
            for where in (partials, partials - hertz / 2)
        )
        found[:, place] = weights @ (peaks - valleys) / weights.sum()
    return found, level


def _best_line(contrast: np.ndarray, level: np.ndarray, flux: np.ndarray) -> list[tuple[int, int, int]]:
    """Viterbi search: (first frame, frame behind the last, pitch) of each note."""
    is_loud = level > level.max() - FAINTEST_FRAME_DB
    frames, pitches = contrast.shape
    capped = np.minimum(contrast, MOST_CONTRAST_DB)
    gained = np.where(is_loud[:, None], capped, 0.0)
    gained = np.pad(gained, ((0, 0), (0, 1)), constant_values=SILENCE_DB)  # the last state is silence
    padded = np.pad(capped, ((BEFORE_FRAMES, BEHIND_FRAMES), (0, 1)), mode="edge")
    grown = np.maximum(padded[BEFORE_FRAMES + BEHIND_FRAMES :] - padded[:frames], 0.0)
    grown[:, pitches] = 0.0
    price = _prices(flux, level)
    entry = NEW_CONTRAST_WORTH * grown - price[:, None]
    came_from = np.zeros((frames, pitches + 1), dtype=np.int16)
    begins = np.zeros((frames, pitches + 1), dtype=bool)
    score = gained[0].copy()
    for frame in range(1, frames):
        best = int(score.argmax())
        entered = score[best] + entry[frame]
        begins[frame] = entered > score
        came_from[frame] = np.where(begins[frame], best, -1)
        score = np.maximum(score, entered) + gained[frame]
    notes = []
    state, end = int(score.argmax()), frames
    for frame in range(frames - 1, -1, -1):
        if frame and not begins[frame, state]:
            continue
        if state < pitches:
            notes.append((frame, end, LOWEST_PITCH + state))
        end, state = frame, int(came_from[frame, state])
    return notes[::-1]


def _prices(flux: np.ndarray, level: np.ndarray) -> np.ndarray:
    """What a change of notes costs in each frame, float [frames]; below 0 where the same pitch is struck again."""
    around = np.lib.stride_tricks.sliding_window_view(
        np.pad(level, DIP_FRAMES, mode="edge"), DIP_FRAMES + 1
    )  # [frames + DIP_FRAMES, DIP_FRAMES + 1]
    rise = around[DIP_FRAMES:].max(axis=1) - around[: len(level)].min(axis=1)
    peaks = _peaks(flux)
    worth = DIP_WORTH * np.clip(rise - SLIGHTEST_DIP_DB, 0.0, DEEPEST_DIP_DB - SLIGHTEST_DIP_DB)
    return CHANGE_PRICE - FLUX_WORTH * np.sqrt(peaks) - worth * (peaks > LEAST_FLUX_DB)


def _peaks(flux: np.ndarray) -> np.ndarray:
    """The flux where it is higher than at both sides, 0 elsewhere."""
    padded = np.pad(flux, 1, constant_values=-np.inf)
    return np.where((flux >= padded[:-2]) & (flux > padded[2:]), np.maximum(flux, 0.0), 0.0)


def _attack(frame: int, flux: np.ndarray) -> float:
    """When the note began that was noticed in a frame."""
    first = max(0, frame - PEAK_REACH_FRAMES[0])
    peak = first + int(flux[first : frame + PEAK_REACH_FRAMES[1]].argmax())
    noticed = rise_before(flux, peak) if flux[peak] >= HEARD_DB else frame
    return max(0.0, noticed * HOP_SECONDS - ATTACK_SECONDS)
