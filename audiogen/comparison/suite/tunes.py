"""Test tunes of the suite: each played by our player and by sampled instruments, lead alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audiogen.comparison.suite.panel import Figures, Panel
from audiogen.evaluation.material import TunePicker
from audiogen.evaluation.melody import MelodySettings, measure_melody
from audiogen.evaluation.note_matching import NoteScore
from audiogen.progress import Progress

if TYPE_CHECKING:
    from audiogen.generator import Generator

COLUMNS = {
    "player": "tune + player",
    "soundfont": "tune + SoundFont",
    "codec": "its round trip",
    "free": "player without the tune",
    "floor": "floor",
}


def measure_tunes(
    generator: Generator,
    facts: Mapping[str, Any],
    tunes: Path | None,
    jobs: int = 1,
    progress: Progress = lambda stage, done: None,
) -> Panel:
    """Measure the player's melody on the suite's number of tunes.

    Args:
        generator: our weights.
        facts: `count`, `seconds` and `seed`.
        tunes: unseen ones; None for those of music21's corpus that were held out.
        jobs: processes that listen for pitches.
        progress: told each stage's name and how much of it is done.

    Raises:
        ValueError: no tune could be played, or there are none.
    """
    settings = MelodySettings(facts["count"], facts["seconds"], facts["seed"], workers=jobs)
    found: dict[str, Any] = {
        **measure_melody(generator, TunePicker(tunes, facts["seed"]), settings, progress)
    }
    source = "music21's held-out tunes" if tunes is None else tunes.name
    played, notes = found["tunes_played"], found["notes"]
    what = (
        f"{played} tunes of {source}, {facts['seconds']:g} s each, {notes} notes, an instrument in "
        f"turn, {found['soundfont']}. The floor: shuffled pitches, onsets at any times, another instrument."
    )
    rejected = [f"{item['tune']}: {item['reason']}" for item in found["rejected"]]
    return Panel.of_rows(what, COLUMNS, [_figures(row) for row in found["tunes"]], rejected)


def _figures(row: Mapping[str, Any]) -> Figures:
    pitch = {name: count / row["notes"] for name, count in row["right"].items()}
    distance = row["distance"]
    return {
        "notes at pitch ↑ (share)": {**pitch, "floor": row["pitch_floor"]},
        "notes heard ↑ (F1)": {name: NoteScore(**score).f1 for name, score in row["heard_notes"].items()},
        "onsets heard ↑ (F1)": {name: NoteScore(**score).f1 for name, score in row["heard_onsets"].items()},
        "chroma ↑ (cosine)": row["chroma"],
        "log-mel distance ↓ (nepers)": {
            "player": distance["player"], "codec": distance["codec"], "floor": distance["wrong"]
        },
        "lag (ms)": row["lag_ms"],
    }  # fmt: skip
