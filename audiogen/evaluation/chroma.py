"""How well the pitch classes of a sound agree with a score's, on a grid of 0.1 s."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from symbolic_bridge.performance import SoundedNote

GRID_SECONDS = 0.1
WINDOW_SAMPLES = 4096
LOWEST_HZ, HIGHEST_HZ = 60.0, 2500.0
SILENT_ENERGY = 1e-12


def sound_chroma(
    samples: np.ndarray, sample_rate: int, lowest_hz: float = LOWEST_HZ, highest_hz: float = HIGHEST_HZ
) -> np.ndarray:
    """Energy of each pitch class, float [12, points]; point p is centred at p * 0.1 s. Rows begin at C.

    Each bin of a spectrum of 4,096 samples counts for its nearest pitch, weighted by its nearness (a Gaussian of a
    semitone's width), from `lowest_hz` to `highest_hz`; above 2,500 Hz lie overtones rather than notes.
    """
    hop = round(GRID_SECONDS * sample_rate)
    padded = np.pad(samples.astype(np.float64), WINDOW_SAMPLES // 2)
    starts = np.arange(0, max(1, len(padded) - WINDOW_SAMPLES + 1), hop)
    taper = np.hanning(WINDOW_SAMPLES)
    frames = np.stack(
        [padded[start : start + WINDOW_SAMPLES] * taper for start in starts]
    )  # [points, window]
    energy = np.abs(np.fft.rfft(frames, axis=1)) ** 2  # [points, bins]
    hertz = np.fft.rfftfreq(WINDOW_SAMPLES, 1 / sample_rate)
    used = (hertz >= lowest_hz) & (hertz <= highest_hz)
    midi = 69 + 12 * np.log2(hertz[used] / 440.0)
    distance = (midi[None] - np.arange(12)[:, None] + 6) % 12 - 6  # [12, bins]
    return np.exp(-0.5 * (distance / 0.5) ** 2) @ energy[:, used].T


def score_chroma(notes: Sequence[SoundedNote], points: int) -> np.ndarray:
    """One-hot pitch class of the note sounding at each point, float [12, points] (the last one started), or zeros."""
    grid = np.zeros((12, points))
    for note in sorted(notes, key=lambda note: note.onset):
        first, stop = (int(np.ceil(time / GRID_SECONDS - 1e-9)) for time in (note.onset, note.offset))
        grid[:, first:stop] = 0
        grid[note.midi_pitch % 12, first:stop] = 1
    return grid


def chroma_agreement(sound: np.ndarray, score: np.ndarray) -> float:
    """Mean cosine of a sound's chroma with a score's [12, points] where the score has a note; silence counts 0."""
    points = min(sound.shape[1], score.shape[1])
    made, true = sound[:, :points], score[:, :points]
    counted = true.sum(axis=0) > 0
    if not counted.any():
        return 0.0
    norms = np.linalg.norm(made, axis=0) * np.linalg.norm(true, axis=0)
    return float(((made * true).sum(axis=0)[counted] / norms[counted].clip(SILENT_ENERGY)).mean())


def shuffled_agreement(sound: np.ndarray, score: np.ndarray) -> float:
    """The agreement to expect of a sound with a one-hot score [12, points] whose points are in any order: the floor."""
    usual = score.sum(axis=1) / max(1.0, float(score.sum()))  # [12]
    counted = score.sum(axis=0) > 0
    norms = np.linalg.norm(sound, axis=0)[counted].clip(SILENT_ENERGY)
    return float((usual @ sound[:, counted] / norms).mean()) if counted.any() else 0.0
