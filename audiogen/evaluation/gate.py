"""The gate before any player is trained: do notes keep their pitch and their onset through the codec?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from audiogen.evaluation.material import TunePicker, mono, round_trip
from audiogen.evaluation.note_counts import Count, HeardNotes, count_notes, summarise, tuning_semitones
from audiogen.evaluation.onsets import KEPT_DB, chance_of_onset, note_onsets
from audiogen.evaluation.pitch import PitchJob, heard_pitches, track_pitches
from audiogen.evaluation.solos import Solo, recorded_solos, rendered_solos
from audiogen.progress import Progress
from audiogen.soundfont import Renderer
from audiogen.transcription.flux import HEARD_DB, onset_flux
from codec.interface import AudioCodec

# Finer than what is enough to tell notes apart: 20 cents are right and 30 wrong.
GRID_SEMITONES = 0.1
# Onsets of recordings are estimated, in steps of 32 ms.
ALIGNMENT_SECONDS = 0.05
# What of the notes right before must be right after: the way of being right, and the share.
RENDERED_TARGET = ("both", 0.99)
RECORDED_TARGET = ("both_moved", 0.97)


@dataclass(frozen=True)
class GateSettings:
    """How to measure.

    `count` solos of `seconds` are rendered with `soundfont`; where `recordings` names a folder, the recordings in it
    are measured instead, whole. `codebooks` of the codec, 0 for all. `workers`: processes for pYIN.
    """

    count: int = 30
    seconds: float = 15.0
    soundfont: str | None = None
    recordings: Path | None = None
    codebooks: int = 0
    workers: int = 1


def measure_gate(
    network: AudioCodec,
    picker: TunePicker,
    settings: GateSettings,
    progress: Progress = lambda stage, done: None,
) -> dict[str, object]:
    """Send solos through the codec, and count the notes that keep their pitch and onset.

    Args:
        network: the codec.
        picker: where tunes come from; refuses what cannot be performed.
        settings: how to measure.
        progress: told each stage's name and how much of it is done.

    Returns:
        JSON values: `measures` (for each way of being right of `count_notes` the share right before, those of them
        kept, the floor, and what the untouched sound keeps), `target`, `by_group` (instruments or recordings),
        `solos` and `rejected`.

    Raises:
        ValueError: there is nothing to measure.
    """
    solos: list[Solo] = []
    afters: list[np.ndarray] = []
    codebooks = settings.codebooks or network.spec.codebooks
    for solo in _solos(network, picker, settings):
        solos.append(solo)
        afters.append(mono(round_trip(network, solo.waveform, codebooks)))
        progress("round trip", 0.0 if settings.recordings else min(1.0, len(solos) / settings.count))
    progress("round trip", 1.0)
    if not solos:
        raise ValueError("there are no solos with single notes to measure")
    unsure = ALIGNMENT_SECONDS if settings.recordings else 0.0
    heard = _listen(solos, afters, unsure, settings.workers, lambda done: progress("pitch", done))
    tunings = _tunings(solos, heard) if settings.recordings else {}
    tuned = [
        replace(each, wanted=each.wanted + tunings.get(solo.group, 0.0))
        for solo, each in zip(solos, heard, strict=True)
    ]
    counts = [count_notes(each) for each in tuned]
    measures = _summary(solos, counts)
    ceiling = summarise((len(each.wanted), count_notes(_unchanged(each))) for each in tuned)
    for name, measure in measures["measures"].items():
        measure["untouched"] = ceiling[name]["kept"]
    way, share = RECORDED_TARGET if settings.recordings else RENDERED_TARGET
    kept = measures["measures"][way]["kept"]
    return {
        "figure": "gate",
        "codec": network.spec.identity,
        "codebooks": codebooks,
        "material": str(settings.recordings) if settings.recordings else "renderings",
        "soundfont": None if settings.recordings else settings.soundfont,
        "seconds": settings.seconds,
        "seed": picker.seed,
        **measures,
        "target": {
            "measure": way,
            "at_least": share,
            "kept": kept,
            "met": None if kept is None else kept >= share,
        },
        "by_group": {
            group: _of_group(solos, counts, group, tunings)
            for group in dict.fromkeys(solo.group for solo in solos)
        },
        "solos": [_row(solo, each) for solo, each in zip(solos, counts, strict=True)],
        "rejected": picker.rejected,
    }


def _solos(network: AudioCodec, picker: TunePicker, settings: GateSettings) -> Iterator[Solo]:
    rate = network.spec.sample_rate
    if settings.recordings is not None:
        yield from recorded_solos(settings.recordings, settings.seconds, rate, picker.rejected)
        return
    with Renderer(settings.soundfont, sample_rate=rate) as renderer:
        yield from rendered_solos(renderer, picker, settings.count, settings.seconds)


def _listen(
    solos: Sequence[Solo], afters: Sequence[np.ndarray], unsure_seconds: float, workers: int,
    on_done: Callable[[float], None],
) -> list[HeardNotes]:  # fmt: skip
    """Pitches and onsets of every solo before and after."""
    befores = [mono(solo.waveform) for solo in solos]
    rates = [solo.waveform.sample_rate for solo in solos]
    jobs = [
        PitchJob(samples, rate, *solo.span, GRID_SEMITONES)
        for solo, rate, *sounds in zip(solos, rates, befores, afters, strict=True)
        for samples in sounds
    ]
    tracks = track_pitches(jobs, workers, lambda done: on_done(done / len(jobs)))
    heard = []
    for index, (solo, rate) in enumerate(zip(solos, rates, strict=True)):
        before, after = (heard_pitches(track, solo.notes) for track in tracks[2 * index : 2 * index + 2])
        known = np.array([note.onset for note in solo.notes])
        fluxes = [onset_flux(sounds[index], rate) for sounds in (befores, afters)]
        onsets = [
            note_onsets(flux, known, unsure_seconds, least_db)
            for flux, least_db in zip(fluxes, (HEARD_DB, KEPT_DB), strict=True)
        ]
        heard.append(
            HeardNotes(
                wanted=np.array([note.midi_pitch for note in solo.notes], float),
                before=before,
                after=after,
                onset_before=onsets[0],
                onset_after=onsets[1],
                onset_floor=chance_of_onset(onsets[0], fluxes[1], known, unsure_seconds),
                seconds=np.array([note.offset - note.onset for note in solo.notes]),
            )
        )
    return heard


def _tunings(solos: Sequence[Solo], heard: Sequence[HeardNotes]) -> dict[str, float]:
    """Each recording's own tuning, from all of its untouched notes."""
    found = {}
    for group in dict.fromkeys(solo.group for solo in solos):
        parts = [each for solo, each in zip(solos, heard, strict=True) if solo.group == group]
        before, wanted = (
            np.concatenate([getattr(each, name) for each in parts]) for name in ("before", "wanted")
        )
        found[group] = tuning_semitones(before, wanted)
    return found


def _unchanged(heard: HeardNotes) -> HeardNotes:
    """As if the sound had come back as it was: the ceiling, which checks the counting."""
    return replace(heard, after=heard.before, onset_after=heard.onset_before)


def _of_group(
    solos: Sequence[Solo], counts: Sequence[dict[str, Count]], group: str, tunings: Mapping[str, float]
) -> dict[str, Any]:
    """The summary of an instrument or recording, and what was found out of a recording from its untouched sound."""
    pairs = [(solo, each) for solo, each in zip(solos, counts, strict=True) if solo.group == group]
    summary = _summary([solo for solo, _ in pairs], [each for _, each in pairs])
    if group in tunings:
        summary["tuning_cents"] = round(100 * tunings[group], 1)
        summary["shift_seconds"] = round(pairs[0][0].shift_seconds, 3)
    return summary


def _summary(solos: Sequence[Solo], counts: Iterable[dict[str, Count]]) -> dict[str, Any]:
    return {
        "solo_count": len(solos),
        "notes": sum(len(solo.notes) for solo in solos),
        "chord_notes_left_out": sum(solo.chord_notes for solo in solos),
        "measures": summarise((len(solo.notes), each) for solo, each in zip(solos, counts, strict=True)),
    }


def _row(solo: Solo, counts: dict[str, Count]) -> dict[str, object]:
    return {
        "solo": solo.name,
        "group": solo.group,
        "notes": len(solo.notes),
        "chord_notes": solo.chord_notes,
        "counts": {name: asdict(count) for name, count in counts.items()},
    }
