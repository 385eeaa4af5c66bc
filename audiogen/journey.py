"""What is known of a piece on its way from prompt to sound."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from audiogen.clip import Clip
from audiogen.kept import Boxes
from audiogen.options import Options
from audiogen.playing import Sampling
from audiogen.progress import Progress
from audiogen.sounds import Heard
from codec.types import Codes, Waveform
from symbolic_bridge.attributes import TuneAttributes
from symbolic_bridge.frames import ScoreFrames
from symbolic_bridge.performance import Performance
from symbolic_bridge.tune import Tune

STAGES = ("attributes", "tune", "performance", "frames", "codes", "waveform")


@dataclass
class Journey:
    """One walk along the path, and what it has gathered so far.

    `boxes`: those that were there at the start. `asked`: what prompt and options said; `attributes` are complete once
    they are settled. `heard`: of the recording that is gone on from; `excerpt`: codes of the one that is taken after.
    `timings` are wall seconds of each stage.
    """

    boxes: Boxes
    asked: TuneAttributes
    options: Options
    seed: int
    route: str
    heard: Heard | None
    excerpt: Codes | None
    progress: Progress
    warnings: list[str] = field(default_factory=list)
    timings: dict[str, float] = field(default_factory=dict)
    composed: bool = False
    attributes: TuneAttributes = field(init=False)

    def __post_init__(self) -> None:
        self.attributes = self.asked
        self.tune: Tune | None = self.boxes.tune
        self.performance: Performance | None = self.boxes.performance
        self.frames: ScoreFrames | None = self.boxes.frames
        self.codes: Codes | None = self.boxes.codes

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage, and tell of its beginning and end."""
        self.progress(name, 0.0)
        began = time.perf_counter()
        yield
        self.timings[name] = time.perf_counter() - began
        self.progress(name, 1.0)

    @property
    def plays(self) -> bool:
        """Whether the player has something to do."""
        return self.boxes.waveform is None and self.boxes.codes is None and self.route != "soundfont"

    @property
    def improvises(self) -> bool:
        """Whether the player makes up what it plays."""
        return self.plays and self.frames is None

    @property
    def sampling(self) -> Sampling:
        """How codes are drawn."""
        return Sampling(guidance=self.options.guidance)

    @property
    def told(self) -> tuple[str, ...]:
        """The warnings, each once."""
        return tuple(dict.fromkeys(self.warnings))

    def clip(self, waveform: Waveform) -> Clip:
        """What has become of it."""
        return Clip(
            attributes=self.attributes,
            asked=self.asked,
            tune=self.tune,
            performance=self.performance,
            frames=self.frames,
            codes=self.codes,
            waveform=waveform,
            seed=self.seed,
            route=self.route,
            composed=self.composed and self.tune is not None,
            timings=self.timings,
            warnings=self.told,
            given_seconds=0.0 if self.heard is None else self.heard.sound.seconds,
        )
