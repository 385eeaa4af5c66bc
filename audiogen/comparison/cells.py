"""One prompt by one route: its sound as WAV, and beside it what is known of it, so that a broken run can be resumed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from codec.audio_files import read_audio, write_audio, write_bytes
from codec.types import Waveform
from symbolic_bridge.performance import Performance

SOUNDS, CELLS = "sounds", "cells"
FORMAT = "audiogen comparison cell"


@dataclass(frozen=True)
class Cell:
    """What came of one prompt by one route.

    `error` says why there is no sound, "" where there is. `abc` is the tune as written, "" where there is none.
    `figures` by name; `timings` in wall seconds. `notes`: what a person should know: mendings, warnings.
    """

    prompt: str
    route: str
    seed: int
    error: str = ""
    seconds: float = 0.0
    understood: str = ""
    title: str = ""
    abc: str = ""
    notes: tuple[str, ...] = ()
    shortcomings: tuple[str, ...] = ()
    figures: Mapping[str, float | None] = field(default_factory=dict)
    timings: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Shelf:
    """The folder of a comparison: WAV files in `sounds`, a JSON file and a performance for each in `cells`."""

    folder: Path

    def sound_path(self, name: str) -> Path:
        """The WAV file of a cell."""
        return self.folder / SOUNDS / f"{name}.wav"

    def make(self) -> None:
        """Make the folders.

        Raises:
            OSError: one cannot be made.
        """
        for part in (SOUNDS, CELLS):
            (self.folder / part).mkdir(parents=True, exist_ok=True)

    def put(
        self, name: str, key: str, cell: Cell, sound: Waveform | None, performance: Performance | None
    ) -> None:
        """Keep a cell; its JSON comes last, so that what is there is whole."""
        if sound is not None:
            write_audio(self.sound_path(name), sound)
        else:
            self.sound_path(name).unlink(missing_ok=True)
        score = self.folder / CELLS / f"{name}.performance.json"
        if performance is not None:
            write_bytes(score, performance.to_json().encode())
        else:
            score.unlink(missing_ok=True)
        facts = {"format": FORMAT, "key": key, "sound_sha256": self._hash(name) if sound is not None else ""}
        text = json.dumps(facts | asdict(cell), ensure_ascii=False, indent=1, allow_nan=False)
        write_bytes(self.folder / CELLS / f"{name}.json", text.encode())

    def get(self, name: str, key: str) -> Cell | None:
        """The kept cell; None where there is none of this key, it failed, or its sound has been changed since."""
        try:
            facts = json.loads((self.folder / CELLS / f"{name}.json").read_text(encoding="utf-8"))
            if facts.pop("format") != FORMAT or facts.pop("key") != key:
                return None
            expected = facts.pop("sound_sha256")
            if facts["error"] or expected != self._hash(name):
                return None
            lists = {part: tuple(facts[part]) for part in ("notes", "shortcomings")}
            return Cell(**{**facts, **lists})
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            # Whatever is damaged is simply made anew.
            return None

    def sound(self, name: str) -> Waveform:
        """The sound of a cell."""
        return read_audio(self.sound_path(name))

    def performance(self, name: str) -> Performance | None:
        """The score that a cell's sound plays, None where it plays none."""
        path = self.folder / CELLS / f"{name}.performance.json"
        return Performance.from_json(path.read_text(encoding="utf-8")) if path.is_file() else None

    def _hash(self, name: str) -> str:
        return hashlib.sha256(self.sound_path(name).read_bytes()).hexdigest()


def key_of(values: Mapping[str, Any], files: tuple[Path, ...] = ()) -> str:
    """A hash of everything that a cell depends on: settings, and the contents of files."""
    digest = hashlib.sha256(json.dumps(values, sort_keys=True, default=str).encode())
    for piece in _contents(files):
        digest.update(piece)
    return digest.hexdigest()


def _contents(files: tuple[Path, ...]) -> Iterator[bytes]:
    for file in files:
        yield hashlib.sha256(file.read_bytes()).digest() if file.is_file() else b"missing"
