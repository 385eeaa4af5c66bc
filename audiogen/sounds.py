"""Sounds that a piece starts from: one that it goes on from, and one whose sound it takes after."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch

from audiogen.inner_melody import regular_bars
from audiogen.loudness import SILENCE_RMS, to_model_level
from audiogen.transcription.transcribe import Transcription, TranscriptionError, transcribe
from codec.audio_files import open_sound_file, read_audio, resample, with_channels
from codec.interface import AudioCodec
from codec.types import Codes, Waveform
from symbolic_bridge.attributes import TuneAttributes
from symbolic_bridge.frames import STREAM_SIZES, ScoreFrames, score_frames
from symbolic_bridge.performance import Part, SoundedNote
from symbolic_bridge.tune import Key, Meter

SHORTEST_SECONDS, LONGEST_SECONDS = 0.5, 600.0
# Where the given sound gives way to the sound of codes.
CROSSFADE_SECONDS = 0.03
HEARD_VELOCITY = 80


@dataclass(frozen=True)
class Sounds:
    """`before`: what has sounded already and is gone on from. `excerpt`: a sound to take after, about 3 s of it."""

    before: Waveform | None = None
    excerpt: Waveform | None = None

    def __post_init__(self) -> None:
        for name, sound in vars(self).items():
            if sound is not None:
                check_sound(sound, name)

    def __bool__(self) -> bool:
        return self.before is not None or self.excerpt is not None


@dataclass(frozen=True)
class Heard:
    """What was understood of a sound that is gone on from.

    `sound` is mono at the codec's rate and the models' level, `codes` are its; `melody` is None where none was heard.
    `score` is the melody's, as long as the codes; empty where there is none.
    """

    sound: Waveform
    codes: Codes
    melody: HeardMelody | None
    score: ScoreFrames


@dataclass(frozen=True)
class HeardMelody:
    """A melody in its bars; `first_bar` is when one of them begins, in seconds of the sound."""

    notes: tuple[SoundedNote, ...]
    meter: Meter
    tempo_bpm: float
    key: Key
    first_bar: float

    def filling(self, wishes: TuneAttributes) -> TuneAttributes:
        """Wishes with its metre, tempo and key where they say nothing of them."""
        if wishes.meter is None and wishes.kind is None:
            wishes = replace(wishes, meter=self.meter, tempo_bpm=self.tempo_bpm, tempo_is_felt=True)
        if wishes.tonic is None and wishes.mode is None:
            wishes = replace(wishes, tonic=self.key.tonic, mode=self.key.mode)
        return wishes


def check_sound(sound: Waveform, name: str) -> None:
    """Refuse what is no sound to start from.

    Raises:
        ValueError: it is silent, shorter than half a second or longer than ten minutes.
    """
    if not SHORTEST_SECONDS <= sound.seconds <= LONGEST_SECONDS:
        raise ValueError(
            f"{name}: {sound.seconds:.1f} s long; {SHORTEST_SECONDS:g} to {LONGEST_SECONDS:g} seconds are allowed"
        )
    if float(sound.samples.abs().max()) < SILENCE_RMS:
        raise ValueError(f"{name}: is silent; there is nothing to go on from or to take after")


def read_sound(path: Path) -> Waveform:
    """A sound file for `Sounds`; errors as in `check_sound`, naming the file."""
    with open_sound_file(path) as file:
        seconds = file.frames / file.samplerate
    if seconds > LONGEST_SECONDS:
        raise ValueError(f"{path}: {seconds:.0f} s long; at most {LONGEST_SECONDS:g} s are allowed")
    sound = read_audio(path)
    check_sound(sound, str(path))
    return sound


def for_codec(sound: Waveform, codec: AudioCodec) -> Waveform:
    """The sound as the codec was trained on it: its rate, mono, at the level of the models."""
    rate = codec.spec.sample_rate
    mono = resample(with_channels(sound, 1), rate).samples[0, 0].cpu().numpy()
    return Waveform(torch.from_numpy(to_model_level(mono, rate))[None, None], rate)


def hear(sound: Waveform, codec: AudioCodec) -> Heard:
    """Codes of a sound that is gone on from, and the melody in it."""
    levelled = for_codec(sound, codec)
    codes = codec.encode(levelled)
    try:
        melody = _melody(transcribe(levelled.samples[0, 0].numpy(), levelled.sample_rate), levelled.seconds)
    except TranscriptionError:
        melody = None
    return Heard(levelled, codes, melody, _score(melody, codec.spec.frame_rate, codes.tokens.shape[-1]))


def _melody(found: Transcription, seconds: float) -> HeardMelody:
    notes = tuple(
        SoundedNote(note.onset, min(note.offset, seconds), note.pitch, HEARD_VELOCITY)
        for note in sorted(found.notes, key=lambda note: note.onset)
        if note.onset < min(note.offset, seconds)
    )
    header = found.tune.header
    meter, unit = found.barring.meter, found.grid.unit_seconds
    beat = float(meter.beat_duration / found.barring.value) * unit
    first = notes[0].onset + float(found.barring.first_bar) * unit
    return HeardMelody(notes, meter, 60 / beat, header.key, first)


def _score(melody: HeardMelody | None, frame_rate: Fraction, count: int) -> ScoreFrames:
    """The score of what was heard, `count` frames."""
    seconds = float(count / frame_rate)
    if melody is None:
        return ScoreFrames(frame_rate, np.zeros((len(STREAM_SIZES), count), np.int16))
    bars = regular_bars(melody.meter, melody.tempo_bpm, seconds, first=melody.first_bar)
    lead = Part("lead", "fiddle", tuple(note for note in melody.notes if note.offset <= seconds))
    return score_frames(replace(bars, parts=(lead,)), frame_rate, count)


def joined(first: ScoreFrames, second: ScoreFrames) -> ScoreFrames:
    """One score after another, on the same clock."""
    return ScoreFrames(second.frame_rate, np.concatenate((first.values, second.values), axis=1))


def in_one(first: Codes, second: Codes) -> Codes:
    """Codes one after another, with as many codebooks as both have."""
    streams = min(first.tokens.shape[1], second.tokens.shape[1])
    tokens = torch.cat(
        (first.tokens[:, :streams].to(second.tokens.device), second.tokens[:, :streams]), dim=-1
    )
    return Codes(tokens, second.spec)


def spliced(given: Waveform, decoded: Waveform) -> Waveform:
    """The given sound, and from its end on the decoded one, which begins where the given one does."""
    rate = decoded.sample_rate
    length = min(given.samples.shape[-1], decoded.samples.shape[-1])
    fade = min(round(CROSSFADE_SECONDS * rate), length)
    samples = decoded.samples.clone()
    samples[..., : length - fade] = given.samples[..., : length - fade]
    # The two are not in phase: equal powers, not equal amplitudes.
    turn = torch.linspace(0, torch.pi / 2, fade)
    ends = slice(length - fade, length)
    samples[..., ends] = given.samples[..., ends] * turn.cos() + decoded.samples[..., ends] * turn.sin()
    return Waveform(samples, rate)
