"""The picture of a cell: waveform, mel spectrogram, chromagram with the score on it, and the piano roll."""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from audiogen.evaluation.chroma import GRID_SECONDS, sound_chroma
from audiogen.evaluation.pictures import new_figure
from symbolic_bridge.performance import Performance

WIDTH_INCHES, ROW_INCHES, DPI = 7.0, 1.25, 80
ENVELOPE_POINTS = 1200
MEL_BANDS, MEL_HOP_SECONDS, RANGE_DB = 80, 0.02, 70.0
PITCH_CLASSES = ("C", "", "D", "", "E", "F", "", "G", "", "A", "", "B")
PART_COLOURS = ("#1f4e79", "#c98a3a")


def draw_cell(
    samples: np.ndarray, sample_rate: int, performance: Performance | None, seconds: float
) -> bytes:
    """The picture of a mono sound [T] as PNG, `seconds` wide; without a score the piano roll is left out.

    Raises:
        ValueError: matplotlib is not installed.
    """
    rows = 3 if performance is None else 4
    figure = new_figure(WIDTH_INCHES, ROW_INCHES * rows)
    axes = figure.subplots(rows, 1, sharex=True)
    _draw_waveform(axes[0], samples, sample_rate)
    _draw_mel(axes[1], samples, sample_rate)
    _draw_chroma(axes[2], samples, sample_rate, performance)
    if performance is not None:
        _draw_roll(axes[3], performance, seconds)
    axes[-1].set_xlabel("seconds", fontsize=8)
    for axis in axes:
        axis.tick_params(labelsize=7)
        axis.set_xlim(0, seconds)
    picture = io.BytesIO()
    # Without a date and a version the same picture is the same bytes.
    figure.savefig(picture, dpi=DPI, format="png", metadata={"Software": None})
    return picture.getvalue()


def _draw_waveform(axis: Any, samples: np.ndarray, sample_rate: int) -> None:
    size = max(1, len(samples) // ENVELOPE_POINTS)
    whole = len(samples) // size * size
    blocks = samples[:whole].reshape(-1, size)
    times = (np.arange(len(blocks)) + 0.5) * size / sample_rate
    axis.fill_between(times, blocks.min(axis=1), blocks.max(axis=1), color="#1f4e79", linewidth=0)
    axis.set(ylim=(-1, 1))
    axis.set_ylabel("wave", fontsize=8)


def _draw_mel(axis: Any, samples: np.ndarray, sample_rate: int) -> None:
    import librosa

    hop = round(MEL_HOP_SECONDS * sample_rate)
    power = librosa.feature.melspectrogram(
        y=np.ascontiguousarray(samples, np.float32),
        sr=sample_rate,
        n_fft=2048,
        hop_length=hop,
        n_mels=MEL_BANDS,
    )
    level = librosa.power_to_db(power, ref=np.max, top_db=RANGE_DB)
    axis.imshow(
        level, origin="lower", aspect="auto", cmap="magma",
        extent=(0, level.shape[1] * hop / sample_rate, 0, MEL_BANDS),
    )  # fmt: skip
    axis.set_ylabel("mel band", fontsize=8)


def _draw_chroma(axis: Any, samples: np.ndarray, sample_rate: int, performance: Performance | None) -> None:
    from matplotlib.patches import Rectangle

    chroma = sound_chroma(samples, sample_rate)  # [12, points]
    strength = chroma / chroma.max(axis=0, keepdims=True).clip(1e-9)
    axis.imshow(
        strength, origin="lower", aspect="auto", cmap="Greys", vmin=0, vmax=1,
        extent=(-GRID_SECONDS / 2, (chroma.shape[1] - 0.5) * GRID_SECONDS, -0.5, 11.5),
    )  # fmt: skip
    for note in performance.lead.notes if performance else ():
        corner = (note.onset, note.midi_pitch % 12 - 0.5)
        axis.add_patch(
            Rectangle(corner, note.offset - note.onset, 1, fill=False, edgecolor="#d1495b", linewidth=0.8)
        )
    axis.set_yticks(range(12), PITCH_CLASSES)
    axis.set_ylabel("chroma", fontsize=8)


def _draw_roll(axis: Any, performance: Performance, seconds: float) -> None:
    from matplotlib.patches import Rectangle

    pitches = [note.midi_pitch for part in performance.parts for note in part.notes] or [60]
    # The lead is drawn last, on top.
    for place, part in reversed(list(enumerate(performance.parts))):
        colour = PART_COLOURS[min(place, 1)]
        for note in part.notes:
            corner = (note.onset, note.midi_pitch - 0.45)
            axis.add_patch(Rectangle(corner, note.offset - note.onset, 0.9, color=colour, linewidth=0))
    for bar in performance.bars:
        if 0 <= bar.onset <= seconds:
            axis.axvline(bar.onset, color="0.75", linewidth=0.5, zorder=0)
    axis.set(ylim=(min(pitches) - 2, max(pitches) + 2))
    axis.set_ylabel("MIDI pitch", fontsize=8)
