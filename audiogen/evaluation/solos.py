"""One voice alone, with the notes it plays: renderings of tunes, and pieces of recordings with alignments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audiogen.evaluation.alignments import ALIGNING_SECONDS, alignment_shift, find_recordings, moved
from audiogen.evaluation.material import TunePicker, at_model_level, mono
from audiogen.evaluation.pitch import expected_range, melody_notes, search_range
from audiogen.soundfont import Renderer
from codec.audio_files import read_audio, resample
from codec.types import Waveform
from symbolic_bridge.perform import perform
from symbolic_bridge.performance import SoundedNote

# Sound before a piece's first note and after its last, so that no note is at an edge.
EDGE_SECONDS = 0.5


@dataclass(frozen=True)
class Solo:
    """A sound [1, 1, T] at the models' level and its single notes.

    `group` is the instrument of a rendering or the name of a recording; `span` the pitches to look for; `chord_notes`
    how many were left out; `shift_seconds` how far its alignment was moved.
    """

    name: str
    group: str
    waveform: Waveform
    notes: tuple[SoundedNote, ...]
    chord_notes: int
    span: tuple[float, float]
    shift_seconds: float = 0.0


def rendered_solos(renderer: Renderer, picker: TunePicker, count: int, seconds: float) -> Iterator[Solo]:
    """`count` tunes without accompaniment; what cannot be played is refused, and another drawn."""
    rng = np.random.default_rng([picker.seed, 1])
    for item in picker.draw(count):
        try:
            played = perform(item.tune, instrument=item.instrument, duration_seconds=seconds, rng=rng)
            sound = at_model_level(renderer.render(played))
        except ValueError as error:
            picker.refuse(item.key, str(error))
            continue
        notes, chords = melody_notes(played.lead.notes, seconds)
        if not notes:
            picker.refuse(item.key, f"has no single notes in its first {seconds:g} s")
            continue
        cut = Waveform(sound.samples[..., : round(seconds * sound.sample_rate)], sound.sample_rate)
        yield Solo(item.key, item.instrument, cut, tuple(notes), chords, expected_range(played.lead))


def recorded_solos(
    folder: Path, seconds: float, sample_rate: int, rejected: list[dict[str, str]]
) -> Iterator[Solo]:
    """Whole recordings in pieces of about `seconds` that no note straddles.

    Args:
        folder: anything `find_recordings` takes.
        seconds: longest stretch of notes in one piece.
        sample_rate: of the pieces.
        rejected: receives recordings that cannot be read, with the reason.

    Raises:
        ValueError: as `find_recordings`.
    """
    for recording in find_recordings(folder):
        try:
            sound = read_audio(recording.path, channels=1)
        except ValueError as error:
            rejected.append({"file": recording.name, "reason": str(error)})
            continue
        shift = alignment_shift(recording.notes, mono(sound, ALIGNING_SECONDS), sound.sample_rate)
        singles, chords = melody_notes(moved(recording.notes, shift), sound.seconds)
        for number, notes in enumerate(stretches(singles, seconds), 1):
            piece, start = _cut_around(sound, notes)
            yield Solo(
                name=f"{recording.name} {number}",
                group=recording.name,
                waveform=at_model_level(resample(piece, sample_rate)),
                notes=moved(notes, -start),
                chord_notes=chords if number == 1 else 0,
                # The instrument is unknown: it is taken to go as far as it does in this recording.
                span=search_range(
                    notes, min(n.midi_pitch for n in singles), max(n.midi_pitch for n in singles)
                ),
                shift_seconds=shift,
            )


def _cut_around(sound: Waveform, notes: Sequence[SoundedNote]) -> tuple[Waveform, float]:
    """The stretch of a sound in which notes are, with a little before and after, and the second at which it begins."""
    times = max(0.0, notes[0].onset - EDGE_SECONDS), notes[-1].offset + EDGE_SECONDS
    first, last = (round(time * sound.sample_rate) for time in times)
    return Waveform(sound.samples[..., first:last], sound.sample_rate), first / sound.sample_rate


def stretches(notes: list[SoundedNote], seconds: float) -> Iterator[list[SoundedNote]]:
    """Notes in order, broken whenever the next one would end more than `seconds` after the first one began."""
    part: list[SoundedNote] = []
    for note in notes:
        if part and note.offset - part[0].onset > seconds:
            yield part
            part = []
        part.append(note)
    if part:
        yield part
