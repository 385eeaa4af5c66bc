"""A sound on the scale of tunes: what our transcriber hears in it, scored as tunes that are written are.

So audio from words alone meets composed tunes. The transcriber errs (docs/transcribe.md says how
often), on sound with an accompaniment above all: compare a route with the SoundFont's, not with what is written.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from audiogen.comparison.metrics import symbolic
from audiogen.comparison.metrics.definition import Definition
from audiogen.evaluation.note_matching import match_notes, shuffled
from audiogen.transcription import Transcription, TranscriptionError, transcribe
from symbolic_bridge.analysis import MelodyIndex
from symbolic_bridge.performance import Performance
from symbolic_bridge.tune import Meter

PREFIX = "heard_"
# A transcription's bars always add up, and are as many as the sound is long.
SHARED = ("range_semitones", "step_share", "distinct_bars", "repeated_parts", "nearest_overlap")

DEFINITIONS = {
    "heard_note_f1": Definition(
        "notes heard", "F1", 1,
        "Notes of the transcription against the lead that was played, paired one to one within 50 ms and 50 cents.",
    ),
    "heard_note_floor": Definition("its floor", "F1", 0, "The notes played with their pitches in any order."),
    "heard_meter_right": Definition(
        "metre heard", "0 or 1", 1,
        "The transcription's bars are as long as those of the metre asked for, and as compound; 4/4 and 2/2 are one.",
    ),
    **{
        PREFIX + name: replace(
            symbolic.DEFINITIONS[name],
            title=f"{symbolic.DEFINITIONS[name].title}, heard",
            text=f"Of the tune that is transcribed from the sound. {symbolic.DEFINITIONS[name].text}",
        )
        for name in SHARED
    },
}  # fmt: skip


def across_figures(
    samples: np.ndarray,
    sample_rate: int,
    performance: Performance | None,
    meter: Meter | None,
    corpus: MelodyIndex | None = None,
) -> dict[str, float | None]:
    """The figures of a mono sound [T]; all None where no tune is heard.

    Args:
        samples, sample_rate: the sound.
        performance: what it plays, where that is known.
        meter: wanted.
        corpus: tunes against which originality is measured.
    """
    found: dict[str, float | None] = dict.fromkeys(DEFINITIONS)
    try:
        heard = transcribe(samples, sample_rate)
    except TranscriptionError:
        return found
    if performance is not None:
        found |= _notes(heard, performance, len(samples) / sample_rate)
    if meter is not None:
        own = heard.barring.meter
        alike = own.bar_duration == meter.bar_duration and own.is_compound == meter.is_compound
        found["heard_meter_right"] = float(alike)
    written = symbolic.symbolic_figures(heard.tune, corpus)
    return found | {PREFIX + name: written[name] for name in SHARED}


def _notes(heard: Transcription, performance: Performance, seconds: float) -> dict[str, float | None]:
    played = [(note.onset, float(note.midi_pitch)) for note in performance.lead.notes if note.onset < seconds]
    notes = [(note.onset, float(note.pitch)) for note in heard.notes]
    floor = match_notes(played, shuffled(played, np.random.default_rng(0)))
    return {"heard_note_f1": match_notes(played, notes).f1, "heard_note_floor": floor.f1}
