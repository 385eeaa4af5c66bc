"""Pictures of codecs: spectrograms side by side, and quality against bitrate."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from audiogen.evaluation.coded_clips import CodedClip
from audiogen.evaluation.coders import OPUS, OURS, UNTOUCHED, Coder, opus_name
from audiogen.evaluation.judging import load_sound
from audiogen.evaluation.material import mono
from audiogen.evaluation.pictures import RANGE_DB, new_figure
from audiogen.evaluation.targets import best_within

WINDOW_SECONDS, HOP_SECONDS = 0.064, 0.008
BANDS = 160
LOWEST_HZ = 40.0
TICKS_HZ = (100, 300, 1000, 3000, 10_000)
# What is drawn beside the original and ours: where these were measured.
LOW_KBPS, OTHERS_KBPS = 1.5, 3.1
DRAWN_OPUS_KBPS = (12.0, 16.0)
PLOTTED = {"log_mel": "log-mel distance (less is better)", "visqol": "ViSQOL, MOS-LQO (more is better)"}


def draw_pictures(
    folder: Path, result: Mapping[str, Any], coders: list[Coder], coded: Sequence[CodedClip], count: int
) -> None:
    """Spectrograms of the first `count` clips of each group, `quality.png` over all and `quality-by-group.png`.

    Raises:
        ValueError: matplotlib is not installed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for group, figures in result["by_group"].items():
        names = drawn_coders(figures, coders)
        for number, clip in enumerate([clip for clip in coded if clip.group == group][:count], 1):
            stem = re.sub(r"[^\w.-]+", "_", group)
            draw_spectrograms(folder / f"{stem}-{number:02}.png", clip, names)
    draw_quality(folder / "quality.png", {"all clips": result["by_coder"]}, coders)
    draw_quality(folder / "quality-by-group.png", result["by_group"], coders)


def drawn_coders(figures: Mapping[str, Mapping[str, Any]], coders: list[Coder]) -> list[str]:
    """Those worth a spectrogram: the original, ours whole and at a low bitrate, Opus twice, other codecs once."""
    names: list[str | None] = [UNTOUCHED]
    mine = [coder for coder in coders if coder.family == OURS]
    names += [mine[0].name, best_within(figures, coders, LOW_KBPS)]
    names += [opus_name(kbps) for kbps in DRAWN_OPUS_KBPS]
    for family in dict.fromkeys(coder.family for coder in coders):
        if family not in (OURS, OPUS, UNTOUCHED):
            least = [coder.name for coder in coders if coder.family == family][-1]
            names.append(best_within(figures, coders, OTHERS_KBPS, family) or least)
    return list(dict.fromkeys(name for name in names if name is not None and name in figures))


def log_spectrogram(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """Level in dB on BANDS frequencies spaced evenly in pitch from LOWEST_HZ up: float [BANDS, frames]."""
    window, hop = (2 * round(seconds * sample_rate / 2) for seconds in (WINDOW_SECONDS, HOP_SECONDS))
    padded = np.pad(samples.astype(np.float64), window // 2)
    starts = range(0, max(1, len(padded) - window + 1), hop)
    frames = np.stack([padded[start : start + window] for start in starts]) * np.hanning(window)
    power = np.abs(np.fft.rfft(frames)) ** 2  # [frames, bins]
    edges = np.geomspace(LOWEST_HZ, sample_rate / 2, BANDS + 1) * window / sample_rate
    # The mean of what lies between two edges, from the running sum, so that narrow bands lie between bins.
    summed = np.concatenate([np.zeros((len(power), 1)), power.cumsum(axis=1)], axis=1)
    places = np.arange(summed.shape[1]) - 0.5
    at_edges = np.stack([np.interp(edges, places, row) for row in summed])  # [frames, BANDS + 1]
    return 10 * np.log10(np.diff(at_edges) / np.diff(edges) + 1e-10).T


def draw_spectrograms(path: Path, clip: CodedClip, names: Sequence[str]) -> None:
    """One clip through coders, in two columns, all on the colour scale of the original, with figures in the titles."""
    rate = clip.job.sample_rate
    rows = {row["coder"]: (row, file) for row, file in zip(clip.rows, clip.job.produced, strict=True)}
    height = -(-len(names) // 2)
    figure = new_figure(12.0, 0.6 + 2.5 * height)
    axes = figure.subplots(height, 2, sharex=True, sharey=True, squeeze=False)
    top = float(log_spectrogram(mono(load_sound(clip.job.original, rate)), rate).max())
    image = None
    for axis, name in zip(axes.flat, names, strict=False):
        row, file = rows[name]
        level = log_spectrogram(mono(load_sound(file, rate)), rate)
        image = axis.imshow(
            level, origin="lower", aspect="auto", cmap="magma", vmin=top - RANGE_DB, vmax=top,
            extent=(0, clip.seconds, 0, BANDS),
        )  # fmt: skip
        axis.set_title(_title(row), fontsize=10)
    for axis in axes.flat[len(names) :]:
        axis.set_axis_off()
    ticks = [hertz for hertz in TICKS_HZ if hertz < rate / 2]
    octaves = np.log2(rate / 2 / LOWEST_HZ)
    places = [BANDS * np.log2(hertz / LOWEST_HZ) / octaves for hertz in ticks]
    axes[0, 0].set_yticks(places, [f"{hertz:g}" for hertz in ticks])
    for axis in axes[:, 0]:
        axis.set_ylabel("Hz")
    for axis in axes[-1]:
        axis.set_xlabel("seconds")
    if image is not None:
        figure.colorbar(image, ax=axes, label="dB", fraction=0.03, pad=0.01)
    figure.suptitle(f"{clip.group}: {clip.name}" + (" (from a lossy file)" if clip.lossy_source else ""))
    figure.savefig(path, dpi=90)


def draw_quality(
    path: Path, parts: Mapping[str, Mapping[str, Mapping[str, Any]]], coders: list[Coder]
) -> None:
    """Figures against the bitrate of the written files, a line for each codec and a row of plots for each part."""
    drawn = [
        figure
        for figure in PLOTTED
        if any(part[c.name][figure] is not None for part in parts.values() for c in coders)
    ]
    figure = new_figure(5.5 * len(drawn), 0.4 + 3.8 * len(parts))
    axes = figure.subplots(len(parts), len(drawn), squeeze=False)
    families = [family for family in dict.fromkeys(coder.family for coder in coders) if family != UNTOUCHED]
    for row, (name, part) in zip(axes, parts.items(), strict=True):
        for axis, measured in zip(row, drawn, strict=True):
            for place, family in enumerate(families):
                points = [part[coder.name] for coder in coders if coder.family == family]
                pairs = sorted(
                    (point["kbps"], point[measured]) for point in points if point[measured] is not None
                )
                if pairs:
                    axis.plot(*zip(*pairs, strict=True), marker="os^Dv"[place % 5], label=family)
            axis.set(title=name, xlabel="kbps of the written file", ylabel=PLOTTED[measured], xscale="log")
            _plain_ticks(axis)
            axis.grid(alpha=0.3)
    axes[0, 0].legend()
    figure.savefig(path, dpi=110)


def _plain_ticks(axis: Any) -> None:
    """Bitrates as people say them, not as powers of ten."""
    low, high = axis.get_xlim()
    ticks = [kbps for kbps in (0.25, 0.5, 1, 2, 3, 6, 12, 24, 48) if low <= kbps <= high]
    axis.set_xticks(ticks, [f"{kbps:g}" for kbps in ticks])
    axis.minorticks_off()


def _title(row: Mapping[str, Any]) -> str:
    if row["coder"] == UNTOUCHED:
        return "original"
    kbps = 8 * row["bytes"] / row["seconds"] / 1000
    score = "" if row["visqol"] is None else f", ViSQOL {row['visqol']:.2f}"
    return f"{row['coder']}: {kbps:.2f} kbps, log-mel {row['log_mel']:.2f}{score}"
