"""Recordings of the suite kept in two ways, as audio tokens and as notes, and what is left of them in either."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from audiogen.comparison.suite.panel import Figures, Panel
from audiogen.conditions import Conditions
from audiogen.evaluation.chroma import chroma_agreement, sound_chroma
from audiogen.evaluation.clips import is_lossy
from audiogen.evaluation.material import at_model_level, mono, round_trip
from audiogen.evaluation.note_matching import heard_in, match_notes
from audiogen.playing import Piece
from audiogen.progress import Progress
from audiogen.soundfont import Renderer
from audiogen.transcription.notes import HeardNote, hear_notes
from codec.audio_files import read_audio
from codec.metrics import log_mel_distance, same_level
from codec.types import Waveform
from symbolic_bridge.frames import score_frames
from symbolic_bridge.performance import Part, Performance, SoundedNote

if TYPE_CHECKING:
    from audiogen.generator import Generator

COLUMNS = {
    "codec": "codec",
    "codec_as_player": "codec, as many codebooks as the player",
    "player": "its notes + player",
    "soundfont": "its notes + SoundFont",
    "floor": "another recording",
}
TOKENS, NOTES = ("codec", "codec_as_player"), ("player", "soundfont")
VELOCITY = 80


@dataclass(frozen=True)
class Recording:
    """A recording of the suite: `instrument` is what its notes are played on."""

    file: Path
    instrument: str


def find_recordings(facts: Mapping[str, Any], folders: Sequence[Path]) -> tuple[list[Recording], list[str]]:
    """The suite's recordings in folders, at any depth, and what is wrong with the others: missing, or another file.

    Raises:
        ValueError: a folder is none.
    """
    for folder in folders:
        if not folder.is_dir():
            raise ValueError(f"{folder}: no such folder of recordings")
    found, rejected = [], []
    for item in facts["files"]:
        file = next((path for folder in folders for path in sorted(folder.rglob(item["name"]))), None)
        if file is None:
            rejected.append(f"{item['name']}: is in none of the folders of recordings")
        elif hashlib.sha256(file.read_bytes()).hexdigest() != item["sha256"]:
            rejected.append(
                f"{file}: is not the suite's file of that name (SHA-256 {item['sha256'][:12]}...)"
            )
        else:
            found.append(Recording(file, item["instrument"]))
    return found, rejected


def measure_recordings(
    generator: Generator,
    facts: Mapping[str, Any],
    recordings: Sequence[Recording],
    progress: Progress = lambda stage, done: None,
) -> Panel:
    """Compare what codec and notes leave of recordings with the recordings themselves.

    The notes are those that our transcriber hears, at the times at which it hears them, so that no grid comes between.

    Args:
        generator: our weights.
        facts: `seconds` taken from each start, and `seed`.
        recordings: at least one.
        progress: told each stage's name and how much of it is done.

    Raises:
        ValueError: none could be measured.
    """
    rate = generator.codec.spec.sample_rate
    rejected: list[str] = []
    sounds: list[tuple[Recording, Waveform]] = []
    for item in recordings:
        try:
            sounds.append((item, _start(item.file, rate, facts["seconds"])))
        except ValueError as error:
            rejected.append(str(error))
    rows: list[Figures] = []
    with Renderer(None, sample_rate=rate) as renderer:
        for number, (item, sound) in enumerate(sounds):
            other = sounds[(number + 1) % len(sounds)][1]
            heard = hear_notes(mono(sound), rate)
            if not heard:
                rejected.append(f"{item.file.name}: no notes were heard")
                continue
            left = _left(generator, renderer, sound, heard, item.instrument, facts["seed"])
            rows.append(_figures(sound, heard, {**left, "floor": other}))
            progress("recordings", (number + 1) / len(sounds))
    if not rows:
        raise ValueError(f"none of {len(recordings)} recordings could be measured: {rejected[:1]}")
    lossy = sum(is_lossy(item.file) for item, _ in sounds)
    what = (
        f"The first {facts['seconds']:g} s of {len(rows)} recordings; {lossy} of the files were already coded with "
        "losses. Notes are those that our transcriber hears, and so is the figure of notes: what it hears of the "
        "result against what it heard of the recording."
    )
    return Panel.of_rows(what, COLUMNS, rows, rejected)


def _start(file: Path, rate: int, seconds: float) -> Waveform:
    sound = read_audio(file, sample_rate=rate, channels=1)
    return at_model_level(Waveform(sound.samples[..., : round(seconds * rate)], rate))


def _left(
    generator: Generator,
    renderer: Renderer,
    sound: Waveform,
    heard: Sequence[HeardNote],
    instrument: str,
    seed: int,
) -> dict[str, Waveform]:
    """What each way leaves of a sound, by route."""
    performance = _as_performance(heard, instrument, sound.seconds)
    frames = score_frames(performance, generator.codec.spec.frame_rate)
    told = Conditions(instrument=instrument, accompaniment="none", style=0)
    codes = generator.player.play(Piece(frames, told, seed)).codes
    codec = generator.codec
    return {
        "codec": round_trip(codec, sound),
        "codec_as_player": round_trip(codec, sound, codes.tokens.shape[1]),
        "player": codec.decode(codes),
        "soundfont": renderer.render(performance),
    }


def _as_performance(heard: Sequence[HeardNote], instrument: str, seconds: float) -> Performance:
    notes = tuple(
        SoundedNote(note.onset, min(note.offset, seconds), round(note.pitch), VELOCITY)
        for note in heard
        if note.onset < min(note.offset, seconds)
    )
    return Performance((Part("lead", instrument, notes),), (), (), 120.0, "", seconds)


def _figures(sound: Waveform, heard: Sequence[HeardNote], others: Mapping[str, Waveform]) -> Figures:
    rate = sound.sample_rate
    wanted = [(note.onset, float(note.pitch)) for note in heard]
    chroma = sound_chroma(mono(sound), rate)
    found: dict[str, dict[str, float]] = {
        "log-mel distance ↓ (nepers)": {}, "chroma ↑ (cosine)": {}, "notes heard ↑ (F1)": {}
    }  # fmt: skip
    distances, agreements, notes = found.values()
    for name, other in others.items():
        # A shorter one is silent where it has ended.
        made = np.zeros(sound.samples.shape[-1], np.float32)
        cut = mono(other, sound.seconds)[: len(made)]
        made[: len(cut)] = cut
        levelled = same_level(Waveform(torch.from_numpy(made)[None, None], rate), sound)
        distances[name] = log_mel_distance(levelled, sound)
        agreements[name] = chroma_agreement(sound_chroma(made, rate), chroma)
        notes[name] = match_notes(wanted, heard_in(made, rate)).f1
    return found
