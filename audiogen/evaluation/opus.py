"""Opus beside our codec: the same sound through `opusenc` and `opusdec`, or through ffmpeg's libopus."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import soundfile

from codec.audio_files import read_audio
from codec.types import Waveform

HINT = "Opus needs its tools: apt-get install opus-tools (Debian, Ubuntu), brew install opus-tools (macOS), or ffmpeg"
# Each tool's way there and back; {names} are filled in. Opus's own defaults: variable bitrate, full effort.
COMMANDS = {
    "opusenc": (
        ("opusenc", "--quiet", "--bitrate", "{kbps:g}", "{wav}", "{opus}"),
        ("opusdec", "--quiet", "--float", "--rate", "{rate}", "{opus}", "{back}"),
    ),
    "ffmpeg": (
        (
            "ffmpeg",
            "-loglevel",
            "error",
            "-y",
            "-i",
            "{wav}",
            "-c:a",
            "libopus",
            "-b:a",
            "{kbps:g}k",
            "{opus}",
        ),
        (
            "ffmpeg",
            "-loglevel",
            "error",
            "-y",
            "-i",
            "{opus}",
            "-ar",
            "{rate}",
            "-c:a",
            "pcm_f32le",
            "{back}",
        ),
    ),
}


class OpusError(ValueError):
    """No Opus tool, or one that failed."""


@dataclass(frozen=True)
class Coded:
    """A sound after a codec, the bytes of the whole coded file, and the wall seconds it took."""

    waveform: Waveform
    size_bytes: int
    encode_seconds: float
    decode_seconds: float


def opus_tool() -> str:
    """The tool that is installed, "opusenc" before "ffmpeg".

    Raises:
        OpusError: neither is.
    """
    for name, commands in COMMANDS.items():
        if all(shutil.which(command[0]) for command in commands):
            return name
    raise OpusError(HINT)


def opus_round_trip(waveform: Waveform, kbps: float) -> Coded:
    """A sound [1, C, T] through Opus at a nominal bitrate, back at its own rate and length.

    The tools take away Opus's start-up delay themselves. Times hold the starting of two programs.

    Raises:
        OpusError: there is no tool, or it failed; the message holds what it said.
    """
    tool = opus_tool()
    samples = waveform.samples[0].cpu().numpy()  # [C, T]
    with tempfile.TemporaryDirectory() as folder:
        paths = {name: Path(folder) / f"sound.{name}" for name in ("wav", "opus")}
        paths["back"] = Path(folder) / "back.wav"
        soundfile.write(paths["wav"], samples.T, waveform.sample_rate, subtype="FLOAT")
        spent = []
        for command in COMMANDS[tool]:
            words = [word.format(kbps=kbps, rate=waveform.sample_rate, **paths) for word in command]
            began = time.perf_counter()
            done = subprocess.run(words, capture_output=True, text=True, check=False)
            spent.append(time.perf_counter() - began)
            if done.returncode:
                raise OpusError(
                    f"{words[0]} failed with exit code {done.returncode}: {done.stderr.strip()[:300]}"
                )
        size = paths["opus"].stat().st_size
        back = read_audio(paths["back"], channels=len(samples))
    if back.sample_rate != waveform.sample_rate:
        raise OpusError(f"{tool} gave {back.sample_rate} Hz; {waveform.sample_rate} were asked for")
    return Coded(Waveform(back.samples[..., : samples.shape[-1]], back.sample_rate), size, *spent)
