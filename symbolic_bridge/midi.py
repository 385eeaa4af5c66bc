"""Tunes to and from MIDI files; the halves are `midi_writer` and `midi_reader`."""

from __future__ import annotations

from pathlib import Path

from symbolic_bridge import midi_file as smf
from symbolic_bridge.midi_reader import tune_of_midi
from symbolic_bridge.midi_writer import midi_of_tune
from symbolic_bridge.tune import Tune
from symbolic_bridge.whole_files import write_whole

__all__ = ["midi_of_tune", "read_midi", "tune_of_midi", "write_midi"]


def write_midi(tune: Tune, path: str | Path) -> None:
    """Write the plain tune: repeats unfolded, no swing, no ornaments, tempo and meter as meta events.

    A measure whose length differs from the meter (a pickup) gets a time signature of its own, so that bar lines
    stay where they are.
    """
    write_whole(path, smf.write_midi_bytes(midi_of_tune(tune)))


def read_midi(path: str | Path) -> Tune:
    """Read the melody of a MIDI file of format 0, 1 or 2; see `midi_reader.tune_of_midi`.

    Raises:
        ValueError: the file is empty, cut off, no MIDI file, too large or holds no notes; the message names the file.
    """
    path = Path(path)
    data = path.read_bytes()
    try:
        return tune_of_midi(smf.read_midi_bytes(data), path.stem)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
