"""MusicXML files, plain (.musicxml, .xml) and compressed (.mxl)."""

from __future__ import annotations

from pathlib import Path

from symbolic_bridge.musicxml.mxl import pack, unpack
from symbolic_bridge.musicxml.reader import tune_of_musicxml
from symbolic_bridge.musicxml.writer import musicxml_of_tune
from symbolic_bridge.tune import Tune
from symbolic_bridge.whole_files import write_whole

COMPRESSED_SUFFIX = ".mxl"
_ZIP_MAGIC = b"PK"


def read_musicxml(path: str | Path, part: str = "") -> Tune:
    """Read a tune from a file, compressed or not; see `reader.tune_of_musicxml`.

    Raises:
        ValueError: as there, or the archive is damaged or unpacks to too much; the message names the file.
    """
    path = Path(path)
    data = path.read_bytes()
    try:
        if path.suffix.lower() == COMPRESSED_SUFFIX or data[:2] == _ZIP_MAGIC:
            data = unpack(data)
        return tune_of_musicxml(data, part, path.stem)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def musicxml_bytes(tune: Tune, compressed: bool = False) -> bytes:
    """What a file of a tune holds."""
    score = musicxml_of_tune(tune)
    return pack(score) if compressed else score


def write_musicxml(tune: Tune, path: str | Path) -> None:
    """Write a tune, compressed where the suffix is .mxl; whole or not at all."""
    write_whole(path, musicxml_bytes(tune, compressed=Path(path).suffix.lower() == COMPRESSED_SUFFIX))
