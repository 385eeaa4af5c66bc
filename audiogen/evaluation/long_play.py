"""Whether the player drifts: sets of tunes played for minutes, the last minute against the first.

Beside each figure of the player stands the SoundFont rendering of the same performance, which shows what differs
because the tunes do.
"""

from __future__ import annotations

import resource
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass

import numpy as np
import torch

from audiogen.evaluation.material import TestTune, TunePicker, at_model_level, mono
from audiogen.evaluation.pitch import (
    PitchJob,
    chance_share,
    expected_range,
    heard_pitches,
    melody_notes,
    right_notes,
    track_pitches,
)
from audiogen.evaluation.timing import lag_seconds
from audiogen.generator import Generator
from audiogen.loudness import integrated_loudness
from audiogen.options import Options
from audiogen.progress import Progress
from audiogen.soundfont import Renderer
from codec.types import Waveform
from symbolic_bridge.performance import SoundedNote
from symbolic_bridge.tune_sets import join_tunes

TUNES_A_SET, TIMES = 4, 2
PART_SECONDS = 60.0
SHORT_SECONDS = 20.0


@dataclass(frozen=True)
class PartFigures:
    """One part of a sound: share of its notes at their pitch, LUFS, Hz, ms that it is late against the rendering."""

    notes: int
    pitch: float
    pitch_floor: float
    loudness_lufs: float
    centroid_hz: float
    lag_ms: float


@dataclass(frozen=True)
class LongRow:
    """One set of tunes; first and last part of the player's sound and of the rendering, and what it cost."""

    tunes: tuple[str, ...]
    instrument: str
    seconds: float
    player_first: PartFigures
    player_last: PartFigures
    soundfont_first: PartFigures
    soundfont_last: PartFigures
    play_seconds: float
    short_play_seconds: float
    part_play_seconds: float


def measure_long(
    generator: Generator,
    picker: TunePicker,
    count: int = 3,
    seconds: float = 300.0,
    workers: int = 1,
    progress: Progress = lambda stage, done: None,
) -> dict[str, object]:
    """Play sets of tunes.

    Args:
        generator: weights.
        picker: of the tunes, TUNES_A_SET to a set.
        count: how many sets.
        seconds: length of each, at least two parts.
        workers: processes for pYIN.
        progress: told the share done.

    Returns:
        JSON values: the differences, `sets` (a row each) and `rejected`.

    Raises:
        ValueError: seconds is below two parts, or no set could be made.
    """
    if seconds < 2 * PART_SECONDS:
        raise ValueError(
            f"seconds is {seconds:g}; at least {2 * PART_SECONDS:g} are needed to compare two minutes"
        )
    rows = []
    drawn = picker.draw(count * TUNES_A_SET * 2)
    with Renderer(None, sample_rate=generator.codec.spec.sample_rate) as renderer:
        while len(rows) < count and (items := _set_of(drawn, picker)):
            rows.append(_row(generator, renderer, items, seconds, workers))
            progress("play", len(rows) / count)
    if not rows:
        raise ValueError(f"no set of {TUNES_A_SET} tunes could be made: {picker.rejected[:1]}")
    return {
        "figure": "long",
        "seconds": seconds,
        **_summary(rows),
        "peak_memory_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024),
        "sets": [asdict(row) for row in rows],
        "rejected": picker.rejected,
    }


def _set_of(drawn: Iterator[TestTune], picker: TunePicker) -> list[TestTune]:
    """The next tunes that can be joined; none where there are too few."""
    found: list[TestTune] = []
    for item in drawn:
        if item.tune.header.meter is None:
            picker.refuse(item.key, "is in free metre")
            continue
        found.append(item)
        if len(found) == TUNES_A_SET:
            return found
    return []


def _row(
    generator: Generator, renderer: Renderer, items: Sequence[TestTune], seconds: float, workers: int
) -> LongRow:
    tune, instrument = join_tunes([item.tune for item in items], TIMES), items[0].instrument
    wall = {
        length: generator.make(None, _options(length, instrument), tune=tune).timings["play"]
        for length in (SHORT_SECONDS, PART_SECONDS)
    }
    clip = generator.make(None, _options(seconds, instrument), tune=tune)
    performance = clip.performance
    assert performance is not None
    sounds = {
        "player": at_model_level(clip.waveform),
        "soundfont": at_model_level(renderer.render(performance)),
    }
    # The last part ends with the last bar, before the ring.
    end = performance.bars[-1].offset
    starts = {"first": 0.0, "last": end - PART_SECONDS}
    span = expected_range(performance.lead)
    rate = generator.codec.spec.sample_rate
    parts = {
        (sound, part): _cut(waveform, start, rate)
        for sound, waveform in sounds.items()
        for part, start in starts.items()
    }
    tracks = track_pitches([PitchJob(samples, rate, *span) for samples in parts.values()], workers)
    figures = {}
    for ((sound, part), samples), track in zip(parts.items(), tracks, strict=True):
        notes = _notes_of_part(performance.lead.notes, starts[part])
        heard = heard_pitches(track, notes)
        figures[f"{sound}_{part}"] = PartFigures(
            len(notes), round(float(right_notes(heard, notes).mean()), 5), round(chance_share(heard, notes), 5),
            round(integrated_loudness(samples[None], rate), 3), round(_centroid_hz(samples, rate), 1),
            round(1000 * lag_seconds(samples, parts["soundfont", part], rate), 2),
        )  # fmt: skip
    return LongRow(
        tuple(item.key for item in items), instrument, round(clip.seconds, 2), **figures,
        play_seconds=round(clip.timings["play"], 3), short_play_seconds=round(wall[SHORT_SECONDS], 3),
        part_play_seconds=round(wall[PART_SECONDS], 3),
    )  # fmt: skip


def _options(seconds: float, instrument: str) -> Options:
    return Options(seconds, 0, instrument=instrument, accompaniment="none")


def _cut(waveform: Waveform, start: float, rate: int) -> np.ndarray:
    first = round(start * rate)
    return mono(Waveform(waveform.samples[..., first : first + round(PART_SECONDS * rate)], rate))


def _notes_of_part(notes: Sequence[SoundedNote], start: float) -> list[SoundedNote]:
    """Single notes that lie in a part, in its own seconds."""
    moved = [
        SoundedNote(note.onset - start, note.offset - start, note.midi_pitch, note.velocity)
        for note in notes
        if note.onset >= start
    ]
    return melody_notes(moved, PART_SECONDS)[0]


def _centroid_hz(samples: np.ndarray, rate: int) -> float:
    """Mean spectral centroid of the whole part, of its power."""
    window = torch.hann_window(2048)
    power = (
        torch.stft(torch.from_numpy(samples), 2048, 512, window=window, return_complex=True).abs().square()
    )
    mean = power.mean(dim=-1).double().numpy()
    return float((mean * np.fft.rfftfreq(2048, 1 / rate)).sum() / mean.sum())


def _summary(rows: Sequence[LongRow]) -> Mapping[str, object]:
    """Last part less the first: means over the sets, and the worst of each."""
    found: dict[str, object] = {"sets_played": len(rows)}
    for sound in ("player", "soundfont"):
        pairs = [(getattr(row, f"{sound}_first"), getattr(row, f"{sound}_last")) for row in rows]
        changes = {
            "pitch": [last.pitch - first.pitch for first, last in pairs],
            "loudness_db": [last.loudness_lufs - first.loudness_lufs for first, last in pairs],
            "centroid_share": [last.centroid_hz / first.centroid_hz - 1 for first, last in pairs],
            "lag_ms": [last.lag_ms - first.lag_ms for first, last in pairs],
        }
        for name, values in changes.items():
            found[f"{sound}_{name}_change"] = round(float(np.mean(values)), 4)
            found[f"{sound}_{name}_change_worst"] = round(max(values, key=abs), 4)
        found[f"{sound}_pitch_first"] = round(float(np.mean([first.pitch for first, _ in pairs])), 4)
        found[f"{sound}_pitch_last"] = round(float(np.mean([last.pitch for _, last in pairs])), 4)
    found["pitch_floor"] = round(float(np.mean([row.player_last.pitch_floor for row in rows])), 4)
    found["real_time_factor"] = round(sum(r.seconds for r in rows) / sum(r.play_seconds for r in rows), 3)
    found["cost_of_60_s_over_20_s"] = round(
        float(np.median([row.part_play_seconds / row.short_play_seconds for row in rows])), 3
    )
    return found
