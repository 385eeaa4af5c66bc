"""Writing shards so that a finished name always means a finished file."""

from __future__ import annotations

import json
import os
import zlib
from collections.abc import Callable
from pathlib import Path


def fingerprint(settings: object) -> str:
    """Short hash of JSON values: what a folder of shards was built from, so that another build is told from it."""
    return f"{zlib.crc32(json.dumps(settings).encode()):08x}"


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a temporary file beside `path`, then rename it; nothing is left when that fails.

    Args:
        path: the final name.
        write: writes to the path it is given.
    """
    temporary = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        write(temporary)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
