"""Sound files to tunes."""

from __future__ import annotations

from pathlib import Path

from audiogen.transcription.notes import hear_notes
from audiogen.transcription.transcribe import (
    Hearing,
    Transcription,
    TranscriptionError,
    check_seconds,
    transcribe,
)
from codec.audio_files import open_sound_file, read_audio
from symbolic_bridge.tune import Key, Meter


def transcribe_file(
    path: Path,
    *,
    meter: Meter | None = None,
    key: Key | None = None,
    title: str | None = None,
    hear: Hearing = hear_notes,
) -> Transcription:
    """Write down the melody of a sound file, mixed down to mono; see `transcribe`.

    Args:
        path: anything libsndfile reads.
        meter, key: where they are known.
        title: None takes the file's name.
        hear: how notes are heard; `hear_notes` by the signal, `listening.ear` by the player.

    Raises:
        ValueError: the file cannot be read, or no tune was heard in it; names the file.
    """
    with open_sound_file(path) as file:
        check_seconds(file.frames / file.samplerate, str(path))
    sound = read_audio(path, channels=1)
    try:
        return transcribe(
            sound.samples[0, 0].numpy(),
            sound.sample_rate,
            meter=meter,
            key=key,
            title=path.stem if title is None else title,
            hear=hear,
        )
    except TranscriptionError as error:
        raise TranscriptionError(f"{path}: {error}") from error
