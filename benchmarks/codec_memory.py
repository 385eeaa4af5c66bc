"""Peak memory and time of encoding and decoding files, by their length.

    python benchmarks/codec_memory.py --minutes 1 10 60 --json codec_memory.json

Each file is coded by `audiogen codec encode` and `audiogen codec decode` in processes of their own, whose peak resident
memory the system counts. The sound is a scale of plucked tones over faint noise, mono at 44.1 kHz.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import soundfile

from audiogen.evaluation.tables import show_table, write_json

RATE = 44_100
NOTE_SECONDS = 0.5
DECAY_SECONDS = 0.2
SCALE_HZ = (261.6, 293.7, 329.6, 349.2, 392.0, 440.0, 493.9, 523.3)


def main() -> None:
    """Code a file of every length and tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, nargs="+", default=[1.0, 10.0, 60.0], help="lengths")
    parser.add_argument("--json", type=Path, help="write the result here")
    chosen = parser.parse_args()
    found = []
    with tempfile.TemporaryDirectory() as folder:
        for minutes in chosen.minutes:
            sound, coded, back = (Path(folder) / name for name in ("in.wav", "coded.agc", "out.wav"))
            write_sound(sound, minutes * 60)
            for step, paths in (("encode", (sound, coded)), ("decode", (coded, back))):
                seconds, megabytes = measure(
                    [sys.executable, "-m", "audiogen", "codec", step, *map(str, paths)]
                )
                found.append({"minutes": minutes, "step": step, "peak_mb": megabytes, "seconds": seconds})
    show_table("A file coded in a stream", list(found[0]), [list(entry.values()) for entry in found])
    if chosen.json:
        write_json(chosen.json, {"files": found})


def write_sound(path: Path, seconds: float) -> None:
    """Write so many seconds, a note at a time."""
    with soundfile.SoundFile(path, "w", RATE, 1) as file:
        for note in notes(seconds):
            file.write(note)


def notes(seconds: float) -> Iterator[np.ndarray]:
    """The tones in turn, float32 [T] each."""
    noise = np.random.default_rng(0)
    clock = np.arange(int(NOTE_SECONDS * RATE)) / RATE
    for number in range(int(seconds / NOTE_SECONDS)):
        tone = 0.3 * np.exp(-clock / DECAY_SECONDS) * np.sin(2 * np.pi * SCALE_HZ[number % 8] * clock)
        yield (tone + 1e-3 * noise.standard_normal(len(clock))).astype(np.float32)


def measure(command: Sequence[str]) -> tuple[float, int]:
    """Run a command; wall seconds and peak resident memory in MB."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, command)
    return round(time.perf_counter() - began, 1), round(used.ru_maxrss / 1024)


if __name__ == "__main__":
    main()
