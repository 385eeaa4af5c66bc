"""A picture of a tune: its notes as a piano roll, with bars, parts, phrases and chords drawn on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from audiogen.evaluation.pictures import new_figure
from codec.audio_files import replacing
from symbolic_bridge.analysis import TuneAnalysis, chord_name

INCHES_A_WHOLE_NOTE = 1.1
WHOLE_NOTES_A_ROW = 18.0
# Room above the notes, in semitones, for parts, chords and phrases.
HEADROOM = 7.0
PART_COLOURS = ("#dbe9f6", "#fde5d0", "#e0f0dc", "#f2dff0", "#fdf3c7", "#e3e3e3")
MOST_ROWS = 40
PHRASE_GAP = 0.06
PICTURE_SUFFIX = ".png"


def draw_tune(path: Path, analysis: TuneAnalysis) -> None:
    """Draw a tune as played, in rows of whole bars; longer tunes than forty rows are cut there, and say so.

    Raises:
        ValueError: matplotlib is not installed, or the suffix is not .png.
    """
    if path.suffix.lower() != PICTURE_SUFFIX:
        raise ValueError(f"{path}: suffix {path.suffix!r} is not {PICTURE_SUFFIX}")
    every = _rows(analysis)
    rows = every[:MOST_ROWS]
    width = max(stop - start for start, stop in rows)
    figure = new_figure(max(6.0, 1 + width * INCHES_A_WHOLE_NOTE), 0.8 + 2.3 * len(rows))
    axes = figure.subplots(len(rows), 1, squeeze=False)[:, 0]
    for axis, (start, stop) in zip(axes, rows, strict=True):
        _draw_row(axis, analysis, start, stop)
        axis.set_xlim(start, start + width)
    key = analysis.key.key
    left_out = "" if len(rows) == len(every) else f" (first {len(rows)} of {len(every)} rows)"
    figure.suptitle(
        f"{analysis.melody.tune.header.title}: {key.tonic} {key.mode} ({analysis.key.probability:.0%}), "
        f"{analysis.form.labels}{left_out}"
    )
    axes[-1].set_xlabel("whole notes")
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=90, format="png")


def _rows(analysis: TuneAnalysis) -> list[tuple[float, float]]:
    """Spans of whole notes, cut at bar lines: a row ends where a section does or where it is full."""
    full = analysis.melody.full_bars()
    opening = {full[start] for start in analysis.form.boundaries}
    rows, start = [], 0.0
    for index, bar in enumerate(analysis.melody.bars):
        too_long = float(bar.end) - start > WHOLE_NOTES_A_ROW
        if float(bar.start) > start and (index in opening or too_long):
            rows.append((start, float(bar.start)))
            start = float(bar.start)
    return [*rows, (start, float(analysis.melody.bars[-1].end))]


def _draw_row(axis: Any, analysis: TuneAnalysis, start: float, stop: float) -> None:
    from matplotlib.patches import Rectangle

    melody = analysis.melody
    low, high = analysis.pitch_range.lowest - 1.5, analysis.pitch_range.highest + 1.5
    _draw_sections(axis, analysis, start, stop, high)
    for bar in melody.bars:
        if start <= float(bar.start) <= stop:
            axis.axvline(float(bar.start), color="0.6", linewidth=0.7, zorder=1)
    for onset, length, pitch in zip(
        melody.starts.tolist(), melody.durations.tolist(), melody.pitches.tolist(), strict=True
    ):
        if start <= onset < stop:
            axis.add_patch(
                Rectangle(
                    (onset, pitch - 0.45), length, 0.9, facecolor="#1f4e79", edgecolor="white", zorder=3
                )
            )
    for chord in analysis.chords:
        if float(chord.end) > start and float(chord.start) < stop:
            bar = next(b for b in melody.bars if b.end > chord.start)
            place = max(start, float(chord.start))
            axis.text(place, high + 2.3, f" {chord_name(chord, bar.key)}", fontsize=7, color="#7a1f1f")
    for phrase, cadence in zip(analysis.phrases, analysis.cadences, strict=True):
        first = float(melody.starts[phrase.first])
        last = float(melody.starts[phrase.stop - 1] + melody.durations[phrase.stop - 1])
        if first < stop and last > start:
            # A little short of its end, so that neighbours stay apart.
            ends = [max(first, start), min(last, stop) - PHRASE_GAP]
            axis.plot(ends, [high + 1.3] * 2, color="#2e7d32", linewidth=2)
            if last <= stop + 1e-9:
                axis.text(last, high + 0.2, f"{cadence.kind} ", fontsize=6, color="#2e7d32", ha="right")
    axis.set(ylim=(low, high + HEADROOM), ylabel="MIDI pitch")


def _draw_sections(axis: Any, analysis: TuneAnalysis, start: float, stop: float, high: float) -> None:
    """Every part's ground in its letter's colour, with its label."""
    melody, letters = analysis.melody, list(dict.fromkeys(s.letter for s in analysis.form.sections))
    full = melody.full_bars()
    for section in analysis.form.sections:
        first = float(melody.bars[full[section.start]].start)
        last = float(melody.bars[full[section.start + section.bars - 1]].end)
        if first < stop and last > start:
            colour = PART_COLOURS[letters.index(section.letter) % len(PART_COLOURS)]
            axis.axvspan(max(first, start), min(last, stop), color=colour, zorder=0, linewidth=0)
            axis.text(
                max(first, start), high + HEADROOM - 2.4, f" {section.label}", weight="bold", fontsize=11
            )
