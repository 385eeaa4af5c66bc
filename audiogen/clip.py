"""A finished piece with all the boxes on its way."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from audiogen.kept import Boxes, write_boxes
from audiogen.version import VERSION
from codec.audio_files import write_audio
from codec.types import Codes, Waveform
from symbolic_bridge.attributes import TuneAttributes
from symbolic_bridge.frames import ScoreFrames
from symbolic_bridge.performance import Performance
from symbolic_bridge.tune import Tune


@dataclass(frozen=True)
class Clip:
    """A finished piece; a box that the route did not need is None.

    `attributes` are complete, `asked` only what prompt and options said; `composed` tells whether the tune was
    written for them. `waveform` is at the loudness of files; its first `given_seconds` are a recording that was gone on
    from, which the other boxes leave out. `timings` are wall seconds of each stage.
    """

    attributes: TuneAttributes
    asked: TuneAttributes
    tune: Tune | None
    performance: Performance | None
    frames: ScoreFrames | None
    codes: Codes | None
    waveform: Waveform
    seed: int
    route: str
    composed: bool
    timings: Mapping[str, float]
    warnings: tuple[str, ...] = ()
    given_seconds: float = 0.0

    @property
    def seconds(self) -> float:
        """Length of the sound."""
        return self.waveform.seconds

    @property
    def title(self) -> str:
        """The prompt, else the tune's title."""
        return self.attributes.text or (self.tune.header.title if self.tune else "")

    @property
    def boxes(self) -> Boxes:
        """The boxes alone."""
        return Boxes(self.attributes, self.tune, self.performance, self.frames, self.codes, self.waveform)

    def save(self, path: str | Path) -> None:
        """Write the sound; the suffix (.wav, .flac, .ogg, .mp3) names the format.

        Prompt, seed and version go into the file's metadata.

        Raises:
            ValueError: unknown suffix.
            OSError: the folder is missing or unwritable, or the disk is full.
        """
        write_audio(path, self.waveform, self.metadata())

    def metadata(self) -> dict[str, str]:
        """What stands in the audio file beside the sound; `comment` is JSON."""
        facts = {"prompt": self.attributes.text, "seed": self.seed, "route": self.route, "version": VERSION}
        return {
            "title": self.title,
            "comment": json.dumps(facts),  # in ASCII, which every format can hold
            "software": f"audiogen {VERSION}",
        }

    def keep(self, folder: str | Path) -> None:
        """Leave every box in a folder, from which `Generator.resume` can go on."""
        write_boxes(
            folder,
            self.boxes,
            asked=self.asked,
            seed=self.seed,
            route=self.route,
            composed=self.composed,
            metadata=self.metadata(),
        )

    def report(self) -> dict[str, object]:
        """The facts about this clip as JSON values."""
        return {
            "seed": self.seed,
            "route": self.route,
            "version": VERSION,
            "attributes": json.loads(self.attributes.to_json()),
            "asked": json.loads(self.asked.to_json()),
            "not_understood": list(self.attributes.unknown),
            "title": self.tune.header.title if self.tune else None,
            "seconds": round(self.seconds, 3),
            "given_seconds": round(self.given_seconds, 3),
            "wall_seconds": {name: round(value, 3) for name, value in self.timings.items()},
            "warnings": list(self.warnings),
        }
