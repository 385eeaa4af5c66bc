"""Pictures of many tunes beside real ones: every histogram and number, and the first tunes themselves."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from audiogen.evaluation.pictures import check_matplotlib, new_figure
from audiogen.evaluation.tune_pictures import PICTURE_SUFFIX, draw_tune
from audiogen.evaluation.tune_quality import Measured
from audiogen.sheet_music import check_engraver, sheet_music
from codec.audio_files import replacing, write_bytes
from symbolic_bridge.analysis import analyse

TUNES_DRAWN = 4
COLUMNS = 4
CLASSES = 20
COMPOSED_COLOUR, REAL_COLOUR = "#1f4e79", "#d98c1f"


def check_drawing() -> None:
    """Refuse to begin where nothing can be drawn.

    Raises:
        ValueError: matplotlib or Verovio is not installed; the message says how to get it.
    """
    check_matplotlib()
    check_engraver()


def draw_set(folder: Path, measured: Measured) -> None:
    """Draw `features.png` and `distances.png` (where there are real tunes), `tune-N.png` and `tune-N.svg`.

    Raises:
        ValueError: see `check_drawing`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if measured.real and measured.composed:
        _draw_features(folder / f"features{PICTURE_SUFFIX}", measured)
        _draw_distances(folder / f"distances{PICTURE_SUFFIX}", measured.figures["distances"])
    for number, tune in enumerate(measured.tunes[:TUNES_DRAWN], 1):
        draw_tune(folder / f"tune-{number}{PICTURE_SUFFIX}", analyse(tune))
        write_bytes(folder / f"tune-{number}.svg", sheet_music(tune).encode())


def _draw_features(path: Path, measured: Measured) -> None:
    """Composed tunes as bars, real ones as a line."""
    names = [*measured.real[0].histograms, *measured.real[0].numbers]
    rows = math.ceil(len(names) / COLUMNS)
    figure = new_figure(4 * COLUMNS, 2.4 * rows)
    axes = figure.subplots(rows, COLUMNS, squeeze=False).ravel()
    for axis, name in zip(axes, names, strict=False):
        if name in measured.real[0].histograms:
            made, true = (
                np.mean([tune.histograms[name] for tune in side], axis=0)
                for side in (measured.composed, measured.real)
            )
            places, width = np.arange(len(true), dtype=float), 0.8
        else:
            sides = [
                np.array([tune.numbers[name] for tune in side]) for side in (measured.composed, measured.real)
            ]
            low, high = float(min(map(np.min, sides))), float(max(map(np.max, sides)))
            edges = np.linspace(low, max(high, low + 1e-6), CLASSES + 1)
            made, true = (np.histogram(side, edges)[0] / len(side) for side in sides)
            places, width = (edges[:-1] + edges[1:]) / 2, 0.8 * float(edges[1] - edges[0])
        axis.bar(places, made, width, color=COMPOSED_COLOUR, label="composed")
        axis.plot(places, true, color=REAL_COLOUR, marker=".", label="real")
        axis.set_title(name.replace("_", " "), fontsize=9)
    for axis in axes[len(names) :]:
        axis.set_axis_off()
    axes[0].legend(fontsize=8)
    figure.suptitle("Composed tunes and real ones: shares")
    _save(figure, path)


def _draw_distances(path: Path, distances: dict[str, dict[str, Any]]) -> None:
    """Every distance with its interval, over its floor."""
    measures = list(dict.fromkeys(str(row["measure"]) for row in distances.values()))
    figure = new_figure(12, 1.5 + 0.3 * len(distances))
    axes = figure.subplots(1, len(measures), squeeze=False)[0]
    for axis, measure in zip(axes, measures, strict=True):
        own = {name: row for name, row in distances.items() if row["measure"] == measure}
        places = np.arange(len(own), dtype=float)
        for label, colour, shift in (("distance", COMPOSED_COLOUR, 0.15), ("floor", REAL_COLOUR, -0.15)):
            middle = np.array([row[label] for row in own.values()])
            low = np.array([row[f"{label}_low"] for row in own.values()])
            high = np.array([row[f"{label}_high"] for row in own.values()])
            name = "composed from real" if label == "distance" else "real from real"
            axis.errorbar(
                middle, places + shift, xerr=(middle - low, high - middle), fmt="o", color=colour, label=name
            )
        axis.set_yticks(places, [name.replace("_", " ") for name in own])
        axis.invert_yaxis()
        axis.set_xlabel(measure.replace("_", " "))
        axis.set_xlim(left=0)
        axis.legend(fontsize=8)
    _save(figure, path)


def _save(figure: Any, path: Path) -> None:
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=90, format="png")
