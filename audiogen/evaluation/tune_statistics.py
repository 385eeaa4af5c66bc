"""Simple numbers about tunes, and how often composed ones lie within what real ones do.

The comparison is two-sided: a statistic below the 5th or above the 95th percentile of the real tunes counts against a
tune alike. Real tunes themselves score about 0.90, or more where many share a value; their own share stands beside.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from symbolic_bridge.tune import Tune
from symbolic_bridge.unfold import timed_notes

LOW_PERCENTILE, HIGH_PERCENTILE = 5, 95
STEP_SEMITONES = 2
FEWEST_NOTES = 2


def tune_statistics(tune: Tune) -> dict[str, float]:
    """Numbers of one tune as played.

    `bars` and `range_semitones`; `notes_a_bar`; `step_share`, `repeat_share` and `mean_interval` of the intervals
    between notes; `distinct_bars` (different bars over bars); `rhythms` (different durations); `final_on_tonic`
    (1 or 0: compare the means, every tune is within the band).

    Raises:
        ValueError: the tune has fewer than two notes.
    """
    played = tune.unfold()
    notes = [note for note in timed_notes(played) if note.pitches]
    if len(notes) < FEWEST_NOTES:
        raise ValueError(f"tune {tune.header.title!r} has {len(notes)} notes; {FEWEST_NOTES} are needed")
    pitches = np.array([max(note.pitches) for note in notes])
    leaps = np.abs(np.diff(pitches))
    contents = {tuple((note.pitches, note.duration) for note in bar.notes) for bar in played.bars}
    return {
        "bars": float(len(played.bars)),
        "notes_a_bar": len(notes) / len(played.bars),
        "range_semitones": float(pitches.max() - pitches.min()),
        "step_share": float(((leaps > 0) & (leaps <= STEP_SEMITONES)).mean()),
        "repeat_share": float((leaps == 0).mean()),
        "mean_interval": float(leaps.mean()),
        "distinct_bars": len(contents) / len(played.bars),
        "rhythms": float(len({note.duration for note in notes})),
        "final_on_tonic": float(pitches[-1] % 12 == tune.header.key.tonic_pitch_class),
    }


def compare_statistics(
    composed: Sequence[dict[str, float]], real: Sequence[dict[str, float]]
) -> dict[str, dict[str, float]]:
    """For each statistic: the mean of both, the real tunes' band, and the share of both within it."""
    if not composed or not real:
        raise ValueError(f"{len(composed)} composed and {len(real)} real tunes; both are needed to compare")
    found = {}
    for name in composed[0]:
        made, true = (np.array([row[name] for row in rows]) for rows in (composed, real))
        low, high = np.percentile(true, [LOW_PERCENTILE, HIGH_PERCENTILE])
        found[name] = {
            "composed": round(float(made.mean()), 4),
            "real": round(float(true.mean()), 4),
            "low": round(float(low), 4),
            "high": round(float(high), 4),
            "within": round(float(((made >= low) & (made <= high)).mean()), 4),
            "real_within": round(float(((true >= low) & (true <= high)).mean()), 4),
        }
    return found
