"""`transcribe`: one line of sound to a tune."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from audiogen.transcription.barring import Barring, find_barring, unit_notes
from audiogen.transcription.grid import Grid, find_grid
from audiogen.transcription.notes import HeardNote, hear_notes
from audiogen.transcription.writing_down import GridNote, folded, tune_of_notes
from symbolic_bridge.tune import Key, Meter, Tune

Hearing = Callable[[np.ndarray, int], Sequence[HeardNote]]
FEWEST_NOTES = 4
LONGEST_SECONDS = 1800.0
SILENT_PEAK = 1e-4
RATE = 24000
# Silence before the next note of so many units, and of such a share of the distance to it, is a rest.
REST_UNITS, REST_SHARE = 1.5, 0.4
# The longest that the last note is held.
LAST_UNITS = 8


class TranscriptionError(ValueError):
    """A sound in which no tune was heard; says why."""


@dataclass(frozen=True)
class Transcription:
    """What was heard: the notes in seconds, their grid and bars, and the tune; `as_played` is without repeat signs."""

    notes: tuple[HeardNote, ...]
    grid: Grid
    barring: Barring
    as_played: Tune
    tune: Tune


def transcribe(
    samples: np.ndarray,
    sample_rate: int,
    *,
    meter: Meter | None = None,
    key: Key | None = None,
    title: str = "Untitled",
    hear: Hearing = hear_notes,
) -> Transcription:
    """Write down the melody of a recording.

    Made for one line at a time, played or hummed; of chords the part that stands out most is heard. Ornaments shorter
    than 55 ms are left out.

    Args:
        samples: mono sound, float [T].
        sample_rate: Hz, at least 8,000.
        meter, key: where they are known; None finds them.
        title: of the tune.
        hear: samples at RATE to notes.

    Raises:
        TranscriptionError: the sound is silent, longer than half an hour, or has fewer than four notes.
    """
    check_seconds(len(samples) / sample_rate, "the sound")
    if not len(samples) or float(np.abs(samples).max()) < SILENT_PEAK:
        raise TranscriptionError("the sound is silent")
    notes = hear(_at_rate(samples, sample_rate), RATE)
    if len(notes) < FEWEST_NOTES:
        raise TranscriptionError(f"{len(notes)} notes were heard; a tune needs at least {FEWEST_NOTES}")
    grid = find_grid([note.onset for note in notes])
    lengths = _lengths(notes, grid)
    pitches = [note.pitch for note in notes]
    on_grid = unit_notes(grid.places, grid.places[-1] + lengths[-1], pitches, grid.unit_seconds)
    barring = find_barring(on_grid, meter=meter)
    # The first bar line lies first_bar units behind the first note, which is where the barring counts from.
    origin = grid.places[0] + barring.first_bar
    value = barring.value
    written = [
        GridNote((place - origin) * value, (place - origin + length) * value, note.pitch)
        for place, length, note in zip(grid.places, lengths, notes, strict=True)
    ]
    beat_units = barring.meter.beat_duration / value
    tempo = round(60 / (grid.unit_seconds * float(beat_units)), 1)
    played = tune_of_notes(written, barring, tempo_bpm=tempo, key=key, title=title)
    return Transcription(tuple(notes), grid, barring, played, folded(played))


def check_seconds(seconds: float, name: str) -> None:
    """Refuse what is too long.

    Raises:
        TranscriptionError: it is longer than LONGEST_SECONDS.
    """
    if seconds > LONGEST_SECONDS:
        raise TranscriptionError(
            f"{name}: {seconds:.0f} s long; at most {LONGEST_SECONDS:.0f} s can be transcribed"
        )


def _at_rate(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    if sample_rate == RATE:
        return samples
    import soxr

    return soxr.resample(np.ascontiguousarray(samples, np.float32), sample_rate, RATE)


def _lengths(notes: Sequence[HeardNote], grid: Grid) -> list[Fraction]:
    """How long each note is written, in units: to the next one, or to its own end where a rest follows."""
    found = []
    for number, note in enumerate(notes):
        sounding = (note.offset - note.onset) / grid.unit_seconds
        heard = Fraction(max(1, round(sounding)))
        if number + 1 == len(notes):
            found.append(min(heard, Fraction(LAST_UNITS)))
            continue
        distance = grid.places[number + 1] - grid.places[number]
        silence = float(distance) - sounding
        is_rest = silence >= REST_UNITS and silence >= REST_SHARE * float(distance) and heard < distance
        found.append(heard if is_rest else distance)
    return found
