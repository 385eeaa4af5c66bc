"""What can be said of a tune as written: validity, bars, form, spread, originality."""

from __future__ import annotations

import numpy as np

from audiogen.comparison.metrics.definition import Definition
from audiogen.evaluation.tune_checks import bar_faults
from symbolic_bridge.analysis import MelodyIndex, find_form, find_range, melody_of
from symbolic_bridge.analysis.contour import STEP_SEMITONES
from symbolic_bridge.tune import Tune

DEFINITIONS = {
    "bars_right": Definition(
        "bars that add up", "share of bars", 1, "Bars as played that are as long as the meter says; pickups count."
    ),
    "bars": Definition("bars", "bars as played", 0, "With repeats.", 1),
    "range_semitones": Definition("range", "semitones", 0, "Of 500 real tunes 98 % span 12 to 28.", 1),
    "step_share": Definition("steps", "share of intervals", 0, "Intervals of one or two semitones."),
    "distinct_bars": Definition("distinct bars", "share of bars", 0, "Different bars over bars as played."),
    "repeated_parts": Definition(
        "parts that return", "share of parts", 0, "Parts by ear (A B A ...) that were heard before; real tunes: 0.37."
    ),
    "nearest_overlap": Definition(
        "overlap with a corpus", "share of notes", -1,
        "Notes in runs of at least 12 that the nearest tune of the corpus has too; above 0.8 it is a copy.",
    ),
}  # fmt: skip


def symbolic_figures(tune: Tune, corpus: MelodyIndex | None = None) -> dict[str, float | None]:
    """The figures of a tune; all None where it has fewer than two notes, the overlap without a corpus."""
    found: dict[str, float | None] = dict.fromkeys(DEFINITIONS)
    try:
        melody = melody_of(tune)
    except ValueError:
        return found
    steps = np.abs(np.diff(melody.pitches))
    contents = {tuple((note.pitches, note.duration) for note in bar.notes) for bar in melody.tune.bars}
    found["bars"] = float(len(melody.bars))
    found["range_semitones"] = float(find_range(melody).semitones)
    found["step_share"] = float(((steps > 0) & (steps <= STEP_SEMITONES)).mean())
    found["distinct_bars"] = len(contents) / len(melody.bars)
    found["bars_right"] = max(0.0, 1 - len(bar_faults(tune)) / len(melody.bars))
    letters = find_form(melody).letters
    found["repeated_parts"] = 1 - len(set(letters)) / len(letters)
    if corpus is not None:
        found["nearest_overlap"] = corpus.nearest(tune).share
    return found
