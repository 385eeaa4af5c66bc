"""The gate before any player is trained: do notes keep their pitch through the codec?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass

import numpy as np

from audiogen.evaluation.material import TunePicker, at_model_level, mono, round_trip
from audiogen.evaluation.pitch import (
    PitchJob,
    chance_share,
    expected_range,
    heard_pitches,
    melody_notes,
    right_notes,
    track_pitches,
)
from audiogen.evaluation.ratios import ratio
from audiogen.soundfont import Renderer
from codec.model import Codec
from symbolic_bridge.perform import perform
from symbolic_bridge.performance import SoundedNote

Progress = Callable[[str, float], None]
FAST_NOTE_SECONDS = 0.12


@dataclass(frozen=True)
class GateRow:
    """One solo: counts of notes. `kept` were right before and are right after; `floor` is a share."""

    tune: str
    instrument: str
    notes: int
    chord_notes: int
    right_before: int
    right_after: int
    kept: int
    fast_right_before: int
    fast_kept: int
    floor: float


def measure_gate(
    network: Codec,
    picker: TunePicker,
    *,
    count: int = 30,
    seconds: float = 15.0,
    soundfont: str | None = None,
    codebooks: int | None = None,
    workers: int = 1,
    progress: Progress = lambda stage, done: None,
) -> dict[str, object]:
    """Render solos, send them through the codec, and count the notes that keep their pitch.

    Args:
        network: the codec.
        picker: where tunes come from; refuses what cannot be performed.
        count: how many solos.
        seconds: length of each.
        soundfont: anything `find_soundfont` takes.
        codebooks: how many of the codec's to use; None for all.
        workers: processes for pYIN.
        progress: told each stage's name and how much of it is done.

    Returns:
        JSON values: `kept_share` (of the notes right before, those right after), the shares right before (ceiling)
        and after, the floor (shuffled pitches), `by_instrument`, `tunes` and `rejected`.
    """
    found: list[tuple[str, str, list[SoundedNote], int]] = []
    jobs: list[PitchJob] = []
    rng = np.random.default_rng([picker.seed, 1])
    rate = network.spec.sample_rate
    with Renderer(soundfont, sample_rate=rate) as renderer:
        for item in picker.draw(count):
            try:
                played = perform(item.tune, instrument=item.instrument, duration_seconds=seconds, rng=rng)
                before = at_model_level(renderer.render(played))
            except ValueError as error:
                picker.refuse(item.key, str(error))
                continue
            notes, chords = melody_notes(played.lead.notes, seconds)
            if not notes:
                picker.refuse(item.key, f"has no single notes in its first {seconds:g} s")
                continue
            after = round_trip(network, before, codebooks)
            span = expected_range(played.lead)
            jobs += [PitchJob(mono(sound, seconds), rate, *span) for sound in (before, after)]
            found.append((item.key, item.instrument, notes, chords))
            progress("round trip", len(found) / count)
        font = renderer.path.name
    tracks = track_pitches(jobs, workers, lambda done: progress("pitch", done / max(1, len(jobs))))
    rows = []
    for index, (key, instrument, notes, chords) in enumerate(found):
        heard = [heard_pitches(track, notes) for track in tracks[2 * index : 2 * index + 2]]
        right_before, right_after = (right_notes(each, notes) for each in heard)
        kept = right_before & right_after
        fast = np.array([note.offset - note.onset < FAST_NOTE_SECONDS for note in notes])
        rows.append(
            GateRow(
                key, instrument, len(notes), chords, int(right_before.sum()), int(right_after.sum()), int(kept.sum()),
                int((right_before & fast).sum()), int((kept & fast).sum()), chance_share(heard[1], notes),
            )
        )  # fmt: skip
    return {
        "figure": "gate",
        "codec": network.spec.identity,
        "codebooks": codebooks or network.spec.codebooks,
        "soundfont": font,
        "seconds": seconds,
        "seed": picker.seed,
        **_summary(rows),
        "by_instrument": {
            name: _summary([row for row in rows if row.instrument == name])
            for name in dict.fromkeys(row.instrument for row in rows)
        },
        "tunes": [asdict(row) for row in rows],
        "rejected": picker.rejected,
    }


def _summary(rows: list[GateRow]) -> dict[str, object]:
    notes = sum(row.notes for row in rows)
    right = sum(row.right_before for row in rows)
    return {
        "solos": len(rows),
        "notes": notes,
        "chord_notes_left_out": sum(row.chord_notes for row in rows),
        "kept_share": ratio(sum(row.kept for row in rows), right),
        "right_before": ratio(right, notes),
        "right_after": ratio(sum(row.right_after for row in rows), notes),
        "kept_share_of_fast_notes": ratio(
            sum(row.fast_kept for row in rows), sum(row.fast_right_before for row in rows)
        ),
        "floor": ratio(sum(row.floor * row.notes for row in rows), notes),
    }
