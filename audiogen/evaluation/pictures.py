"""Pictures: spectrograms on a scale of pitches with the score's notes drawn over them."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from symbolic_bridge.performance import SoundedNote

HINT = "pictures need matplotlib: pip install 'audiogen[evaluate]'"
WINDOW_SAMPLES = 4096
HOP_SECONDS = 0.02
ROWS_A_SEMITONE = 3
OVERTONE_SEMITONES = 36
RANGE_DB = 70.0


def pitch_spectrogram(samples: np.ndarray, sample_rate: int, lowest: float, highest: float) -> np.ndarray:
    """Level in dB on a grid of pitches, float [rows, frames]; frame f is centred at f * HOP_SECONDS."""
    hop = round(HOP_SECONDS * sample_rate)
    padded = np.pad(samples.astype(np.float64), WINDOW_SAMPLES // 2)
    starts = np.arange(0, max(1, len(padded) - WINDOW_SAMPLES + 1), hop)
    taper = np.hanning(WINDOW_SAMPLES)
    frames = np.stack([padded[start : start + WINDOW_SAMPLES] * taper for start in starts])
    level = 20 * np.log10(np.abs(np.fft.rfft(frames, axis=1)) + 1e-6)  # [frames, bins]
    rows = np.arange(lowest, highest, 1 / ROWS_A_SEMITONE)
    place = 440.0 * 2 ** ((rows - 69) / 12) * WINDOW_SAMPLES / sample_rate
    low = np.clip(place.astype(int), 0, level.shape[1] - 2)
    part = (place - low).clip(0, 1)
    return (level[:, low] * (1 - part) + level[:, low + 1] * part).T


def check_matplotlib() -> None:
    """Refuse to begin where nothing can draw.

    Raises:
        ValueError: matplotlib is not installed; the message says how to get it.
    """
    if importlib.util.find_spec("matplotlib") is None:
        raise ValueError(HINT)


def new_figure(width: float, height: float) -> Any:
    """An empty matplotlib figure of so many inches.

    Raises:
        ValueError: matplotlib is not installed.
    """
    check_matplotlib()
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), layout="constrained")
    # A canvas of its own: pyplot would keep every figure alive.
    FigureCanvasAgg(figure)
    return figure


def draw_comparison(
    path: Path,
    title: str,
    sounds: Sequence[tuple[str, np.ndarray]],
    sample_rate: int,
    notes: Sequence[SoundedNote],
    seconds: float,
) -> None:
    """Draw sounds [T], one above another, with the notes of the score as outlines at their fundamentals.

    Raises:
        ValueError: matplotlib is not installed.
    """
    pitches = [note.midi_pitch for note in notes] or [60]
    lowest, highest = min(pitches) - 5, min(max(pitches) + OVERTONE_SEMITONES, 125)
    figure = new_figure(min(4 + seconds * 0.8, 24), 0.8 + 3 * len(sounds))
    from matplotlib.patches import Rectangle

    axes = figure.subplots(len(sounds), 1, sharex=True, squeeze=False)[:, 0]
    for axis, (name, samples) in zip(axes, sounds, strict=True):
        level = pitch_spectrogram(samples, sample_rate, lowest, highest)
        top = float(level.max())
        axis.imshow(
            level, origin="lower", aspect="auto", cmap="magma", vmin=top - RANGE_DB, vmax=top,
            extent=(-HOP_SECONDS / 2, (level.shape[1] - 0.5) * HOP_SECONDS, lowest - 1 / 6, highest - 1 / 6),
        )  # fmt: skip
        for note in notes:
            corner = (note.onset, note.midi_pitch - 0.5)
            axis.add_patch(
                Rectangle(corner, note.offset - note.onset, 1, fill=False, edgecolor="cyan", linewidth=0.8)
            )
        axis.set(title=name, ylabel="MIDI pitch", xlim=(0, seconds))
    axes[-1].set_xlabel("seconds")
    figure.suptitle(title)
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=90)
