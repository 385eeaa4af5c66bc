"""How well recordings become tunes: SoundFont renderings of unseen tunes, or what our player makes of them.

Beside our notes stand those of our player turned round, those of pYIN's pitches cut wherever the semitone changes (what
a plain use of it gives), the floor (the notes played, their pitches shuffled) and, for the tune, how often metre, key
and tempo are those written.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

import numpy as np

from audiogen.comparison.metrics.statistics import bootstrap
from audiogen.evaluation.material import TestTune, TunePicker, at_model_level, mono
from audiogen.evaluation.note_matching import NoteScore, match_notes, pooled, shuffled
from audiogen.evaluation.pitch import PitchJob, PitchTrack, track_pitches
from audiogen.evaluation.ratios import ratio
from audiogen.generator import Generator
from audiogen.listening import ear
from audiogen.options import Options
from audiogen.soundfont import Renderer
from audiogen.transcription import Transcription, transcribe
from audiogen.transcription.transcribe import Hearing
from codec.types import Waveform
from symbolic_bridge.performance import Performance
from symbolic_bridge.tune import Meter, Tune

Progress = Callable[[str, float], None]
TEMPO_TOLERANCE = 0.04
PYIN_RANGE = (38.0, 98.0)
SHORTEST_PYIN_SECONDS = 0.05


@dataclass(frozen=True)
class TranscriptionRow:
    """One tune: note scores, what was found, and what is right of it."""

    tune: str
    instrument: str
    seconds: float
    ours: NoteScore
    by_player: NoteScore
    pyin: NoteScore | None
    floor: NoteScore
    meter: str
    meter_right: bool
    key: str
    key_right: bool
    tonic_right: bool
    tempo_bpm: float
    tempo_right: bool
    wall_seconds: float
    pyin_wall_seconds: float


def measure_transcription(
    generator: Generator,
    picker: TunePicker,
    count: int,
    seconds: float,
    *,
    soundfont: str | None = None,
    played: bool = False,
    pyin: bool = True,
    progress: Progress = lambda stage, done: None,
) -> dict[str, object]:
    """Play tunes, transcribe them, and compare.

    Args:
        generator: whose player listens too.
        picker: of the tunes.
        count: how many.
        seconds: taken from each tune's start; a tune is cut at a bar line.
        soundfont: anything `find_soundfont` takes.
        played: the generator plays instead of the SoundFont.
        pyin: also measure pYIN, which takes most of the time.
        progress: told the share done.

    Returns:
        JSON values: totals, `by_instrument`, `tunes` (a row each) and `rejected`.

    Raises:
        ValueError: no tune could be used.
    """
    rows: list[TranscriptionRow] = []
    hear = ear(generator.player, generator.codec)
    with Renderer(soundfont) as renderer:
        for item in picker.draw(count):
            try:
                clip = _performance(generator, item, seconds, played)
                sound = clip[1] if clip[1] is not None else renderer.render(clip[0])
                rows.append(_row(item, clip[0], at_model_level(sound), pyin, hear))
            except ValueError as error:
                picker.refuse(item.key, str(error))
                continue
            progress("transcribe", len(rows) / count)
    if not rows:
        raise ValueError(f"none of the tunes could be used; the first: {picker.rejected[:1]}")
    return {
        "sound": "our player" if played else "SoundFont",
        "seconds_of_each": seconds,
        **summarise(rows),
        "by_instrument": {
            name: summarise([row for row in rows if row.instrument == name])
            for name in sorted({row.instrument for row in rows})
        },
        "tunes": [asdict(row) for row in rows],
        "rejected": picker.rejected,
    }


def _performance(
    maker: Generator, item: TestTune, seconds: float, played: bool
) -> tuple[Performance, Waveform | None]:
    """The performance, and its sound where our player makes it."""
    if played:
        clip = maker.make(
            None, Options(seconds, 0, instrument=item.instrument, accompaniment="none"), tune=item.tune
        )
        assert clip.performance is not None, "only the free route has no performance"
        return clip.performance, clip.waveform
    from symbolic_bridge.perform import perform

    rng = np.random.default_rng(0)
    return perform(item.tune, instrument=item.instrument, duration_seconds=seconds, rng=rng), None


def _row(
    item: TestTune, performance: Performance, sound: Waveform, pyin: bool, hear: Hearing
) -> TranscriptionRow:
    samples = mono(sound)
    length = len(samples) / sound.sample_rate
    notes = [(note.onset, float(note.midi_pitch)) for note in performance.lead.notes if note.onset < length]
    began = time.perf_counter()
    found = transcribe(samples, sound.sample_rate)
    wall = time.perf_counter() - began
    plain: NoteScore | None = None
    began = time.perf_counter()
    if pyin:
        [track] = track_pitches([PitchJob(samples, sound.sample_rate, *PYIN_RANGE)])
        plain = match_notes(notes, plain_notes(track))
    pyin_wall = time.perf_counter() - began
    right = right_of_tune(item.tune, performance.tempo_bpm, found)
    header = found.tune.header
    return TranscriptionRow(
        item.key, item.instrument, length,
        match_notes(notes, [(note.onset, float(note.pitch)) for note in found.notes]),
        match_notes(notes, [(note.onset, float(note.pitch)) for note in hear(samples, sound.sample_rate)]), plain,
        match_notes(notes, shuffled(notes, np.random.default_rng(0))), str(header.meter), right["meter"],
        f"{header.key.tonic} {header.key.mode}", right["key"], right["tonic"], header.tempo_bpm or 0.0, right["tempo"],
        wall, pyin_wall,
    )  # fmt: skip


def right_of_tune(tune: Tune, tempo_bpm: float, found: Transcription) -> dict[str, bool]:
    """What the transcription has in common with the tune that was played.

    4/4 and 2/2 are one metre. A tempo is right within 4 %, counted in the found metre's beats, whatever the metre.
    """
    written, header = tune.header, found.tune.header
    meter, heard = written.meter or Meter(4, 4), header.meter or Meter(4, 4)
    tempo = tempo_bpm * float(meter.beat_duration / heard.beat_duration)
    tonic = written.key.tonic_pitch_class == header.key.tonic_pitch_class
    return {
        "meter": meter.bar_duration == heard.bar_duration and meter.is_compound == heard.is_compound,
        "tonic": tonic,
        "key": tonic and written.key.mode == header.key.mode,
        "tempo": abs((header.tempo_bpm or 0.0) / tempo - 1) <= TEMPO_TOLERANCE,
    }


def plain_notes(track: PitchTrack) -> list[tuple[float, float]]:
    """pYIN's track cut where its rounded pitch changes or stops; a note for each piece of 50 ms and more."""
    rounded = np.where(np.isnan(track.midi), -1, np.round(track.midi))
    edges = np.flatnonzero(np.diff(rounded, prepend=-2, append=-2))
    shortest = SHORTEST_PYIN_SECONDS / track.hop_seconds
    return [
        (float(first * track.hop_seconds), float(rounded[first]))
        for first, stop in itertools.pairwise(edges)
        if rounded[first] >= 0 and stop - first >= shortest
    ]


def summarise(rows: Sequence[TranscriptionRow]) -> dict[str, object]:
    """Notes are counted over all tunes together; the interval is over tunes (95 %, bootstrap)."""
    sides = {
        "ours": [r.ours for r in rows],
        "by_player": [r.by_player for r in rows],
        "floor": [r.floor for r in rows],
    }
    if all(row.pyin is not None for row in rows):
        sides["pyin"] = [row.pyin for row in rows if row.pyin is not None]
    interval = bootstrap([row.ours.f1 for row in rows], np.random.default_rng(0))
    found: dict[str, object] = {"tunes_transcribed": len(rows), "notes": sum(row.ours.played for row in rows)}
    for name, scores in sides.items():
        total = pooled(scores)
        found[f"f1_{name}"] = ratio(2 * total.right, total.played + total.heard)
    ours = pooled(sides["ours"])
    return found | {
        "f1_ceiling": 1.0,
        "precision": ratio(ours.right, ours.heard),
        "recall": ratio(ours.right, ours.played),
        "f1_mean_of_tunes": round(interval.mean, 5),
        "f1_interval": [round(interval.low, 5), round(interval.high, 5)],
        "meter_right": ratio(sum(row.meter_right for row in rows), len(rows)),
        "key_right": ratio(sum(row.key_right for row in rows), len(rows)),
        "tonic_right": ratio(sum(row.tonic_right for row in rows), len(rows)),
        "tempo_right": ratio(sum(row.tempo_right for row in rows), len(rows)),
        "times_real_time": ratio(sum(row.seconds for row in rows), sum(row.wall_seconds for row in rows)),
        "pyin_times_real_time": ratio(sum(r.seconds for r in rows), sum(r.pyin_wall_seconds for r in rows))
        if "pyin" in sides
        else None,
    }
