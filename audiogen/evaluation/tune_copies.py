"""How much of composed tunes is in one training tune, beside the same of real tunes that were not trained on.

Real tunes of one tradition share much: without that floor an overlap says nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from audiogen.evaluation.ratios import ratio
from audiogen.originality import is_copy
from symbolic_bridge.analysis.similarity import FEWEST_NOTES, MelodyIndex, Overlap
from symbolic_bridge.tune import Tune

PERCENTILES = (50, 75, 90, 95, 99)
WHOLE_SHARE = 0.999
SHOWN = 20


@dataclass(frozen=True)
class Nearest:
    """A tune and the training tune in which most of it is found."""

    tune: Tune
    overlap: Overlap


def nearest_tunes(
    index: MelodyIndex, tunes: Sequence[Tune], on_done: Callable[[float], None] = lambda share: None
) -> list[Nearest]:
    """The nearest training tune of each; tunes of fewer than two notes have none and are left out."""
    found = []
    for number, tune in enumerate(tunes, 1):
        if sum(bool(note.pitches) for bar in tune.bars for note in bar.notes) >= FEWEST_NOTES:
            found.append(Nearest(tune, index.nearest(tune)))
        on_done(number / len(tunes))
    return found


def copy_figures(nearest: Sequence[Nearest]) -> dict[str, float | int | None]:
    """How many tunes, the shares of copies (above 80 %) and of whole tunes, and the overlap's mean and percentiles."""
    shares = np.array([each.overlap.share for each in nearest])
    if not len(shares):
        return {"tunes": 0}
    return {
        "tunes": len(shares),
        "copies_share": ratio(sum(is_copy(each.overlap) for each in nearest), len(nearest)),
        "whole_share": ratio(int((shares >= WHOLE_SHARE).sum()), len(shares)),
        "mean": round(float(shares.mean()), 4),
        **{f"p{place}": round(float(np.percentile(shares, place)), 4) for place in PERCENTILES},
    }


def likest(nearest: Sequence[Nearest]) -> list[dict[str, object]]:
    """The tunes of which most is in a training tune, most first."""
    return [
        {
            "tune": each.tune.header.reference,
            "nearest": each.overlap.name,
            "overlap": round(each.overlap.share, 4),
            "longest_run_notes": each.overlap.longest,
        }
        for each in sorted(nearest, key=lambda each: -each.overlap.share)[:SHOWN]
    ]
