"""Totals over the rows of the melody measurement."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from audiogen.evaluation.note_matching import NoteScore, pooled
from audiogen.evaluation.ratios import ratio

if TYPE_CHECKING:
    from audiogen.evaluation.melody import MelodyRow


def summarise(rows: Sequence[MelodyRow]) -> dict[str, object]:
    """Pitches are shares of all notes together; distances, chroma and lags are over tunes."""
    notes = sum(row.notes for row in rows)
    right = {name: sum(row.right[name] for row in rows) for name in rows[0].right}
    distance = {name: _mean([row.distance[name] for row in rows]) for name in rows[0].distance}
    lags = [row.lag_ms["player"] for row in rows]
    return {
        "tunes_played": len(rows),
        "notes": notes,
        "chord_notes_left_out": sum(row.chord_notes for row in rows),
        "pitch": ratio(right["player"], notes),
        "pitch_ceiling": ratio(right["soundfont"], notes),
        "pitch_codec": ratio(right["codec"], notes),
        "pitch_floor": ratio(sum(row.pitch_floor * row.notes for row in rows), notes),
        "pitch_of_ceiling": ratio(right["player"], right["soundfont"]),
        "kept_share": ratio(sum(row.kept for row in rows), right["soundfont"]),
        "log_mel": distance["player"],
        "log_mel_codec": distance["codec"],
        "log_mel_codec_as_player": distance["codec_as_player"],
        "log_mel_wrong_instrument": distance["wrong"],
        "log_mel_ratio": ratio(distance["player"], distance["codec"]),
        "log_mel_ratio_as_player": ratio(distance["player"], distance["codec_as_player"]),
        "log_mel_ratio_wrong_instrument": ratio(distance["wrong"], distance["codec"]),
        "lag_ms_median": round(float(np.median(lags)), 2),
        "lag_ms_worst": round(max(lags, key=abs), 2),
        "lag_ms_codec_median": round(float(np.median([row.lag_ms["codec"] for row in rows])), 2),
        "tunes_within_30_ms": sum(abs(lag) <= 30 for lag in lags),
        **{f"chroma_{name}": _mean([row.chroma[name] for row in rows]) for name in rows[0].chroma},
        **_heard("note", [row.heard_notes for row in rows]),
        **_heard("onset", [row.heard_onsets for row in rows]),
        **_recovered([row.recovered for row in rows]),
        "real_time_factor": ratio(sum(row.seconds for row in rows), sum(row.play_seconds for row in rows)),
    }


def _heard(what: str, scores: Sequence[dict[str, NoteScore]]) -> dict[str, float | None]:
    """F1 over all tunes together, for the player, the rendering (ceiling) and the floor."""
    f1 = {}
    for name in scores[0]:
        total = pooled(score[name] for score in scores)
        f1[name] = ratio(2 * total.right, total.played + total.heard)
    return {
        f"{what}_f1": f1["player"],
        f"{what}_f1_ceiling": f1["soundfont"],
        f"{what}_f1_floor": f1["floor"],
        f"{what}_f1_of_ceiling": ratio(f1["player"] or 0.0, f1["soundfont"] or 0.0),
    }


def _recovered(rows: Sequence[dict[str, dict[str, float]]]) -> dict[str, float]:
    """How often tempo, key and instrument are heard in the player's sound, and in the rendering's (ceiling)."""
    return {
        f"{what}_recovered{'_ceiling' * (name == 'soundfont')}": _mean([row[name][what] for row in rows])
        for what in rows[0]["player"]
        for name in ("player", "soundfont")
    }


def _mean(values: Sequence[float]) -> float:
    return round(float(np.mean(values)), 5)
