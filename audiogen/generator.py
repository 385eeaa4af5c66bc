"""The path from a prompt to a sound: the composition of the arrows.

    prompt -> TuneAttributes -> Tune -> Performance -> ScoreFrames -> Codes -> Waveform

Each stage draws from a generator of its own, seeded from the one seed and the stage's name, so that a change in
one stage (another instrument, an edited tune) does not shift the chance of the next.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import torch

from audiogen.clip import Clip
from audiogen.conditions import conditions_of
from audiogen.kept import Boxes, read_boxes
from audiogen.options import (
    FREE_SECONDS,
    MAX_SECONDS,
    Options,
    ask,
    beside_the_sound,
    beside_the_tune,
    check_device,
    fill_from_tune,
    transposition,
)
from audiogen.progress import Progress
from audiogen.seeds import new_seed, stage_rng, stage_seed, stage_torch_rng
from audiogen.streaming import stream_sound
from audiogen.weight_folders import stand_ins, weight_folders
from codec.types import CheckpointError, Codes, Waveform
from codec.weights import load_own as load_codec
from symbolic_bridge.attributes import TuneAttributes, resolve
from symbolic_bridge.frames import ScoreFrames, score_frames
from symbolic_bridge.kinds import kind_of
from symbolic_bridge.moods import MOODS
from symbolic_bridge.perform import perform
from symbolic_bridge.performance import Performance
from symbolic_bridge.tune import Tune

if TYPE_CHECKING:
    from audiogen.composer import Composer, Composition
    from audiogen.composer_planning import Drawing
    from audiogen.composer_wishes import ComposingWishes
    from audiogen.player import Player
    from codec.model import Codec

CHUNK_SECONDS, MIN_CHUNK_SECONDS, MAX_CHUNK_SECONDS = 0.5, 0.05, 10.0
STAGES = ("attributes", "tune", "performance", "frames", "codes", "waveform")


@dataclass
class _Journey:
    """What one walk along the path gathers: wall seconds of each stage and warnings."""

    progress: Progress
    timings: dict[str, float] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        self.progress(name, 0.0)
        began = time.perf_counter()
        yield
        self.timings[name] = time.perf_counter() - began
        self.progress(name, 1.0)


@dataclass(frozen=True)
class _Settled:
    """What is known before the score frames: complete attributes, and what the route has of tune and performance."""

    wishes: TuneAttributes
    tune: Tune | None
    performance: Performance | None
    composed: bool


class Generator:
    """Codec, player and composer, ready to make clips. Each is loaded when it is first needed.

    Args:
        weights: a folder with any of codec.json, player.json and composer.json (and their .safetensors) in it; what it
            lacks is taken from the shipped weights. None for all the shipped ones.
        device: "cpu", "cuda", "mps"; None for the CPU.

    Raises:
        CheckpointError: the folder is missing or holds no weights.
        ValueError: no such device.
    """

    def __init__(self, weights: str | Path | None = None, device: str | None = None) -> None:
        self._folders = weight_folders(weights)
        self._notices = stand_ins(weights, self._folders)
        self.device = check_device(device)
        self._codec: Codec | None = None
        self._player: Player | None = None
        self._composer: Composer | None = None

    @property
    def codec(self) -> Codec:
        """The codec that the player's codes belong to."""
        if self._codec is None:
            self._codec = load_codec(self._folders["codec"], device=self.device)
        return self._codec

    @property
    def player(self) -> Player:
        """The audio language model with its conditions."""
        if self._player is None:
            from audiogen.player import Player

            self._player = Player.load(self._folders["player"], self.codec.spec, self.device)
        return self._player

    @property
    def composer(self) -> Composer:
        """The tune transformer."""
        if self._composer is None:
            from audiogen.composer import load_composer

            self._composer = load_composer(self._folders["composer"], self.device)
        return self._composer

    def generate(
        self,
        prompt: str,
        *,
        duration: float | None = None,
        seed: int | None = None,
        route: str = "tune",
        tune: Tune | None = None,
        instrument: str | None = None,
        accompaniment: str | None = None,
        tempo_bpm: float | None = None,
        key: str | None = None,
        progress: Progress | None = None,
    ) -> Clip:
        """Make a tune from words and play it.

        Args:
            prompt: English, such as "a lively jig in D major on the fiddle".
            duration: seconds; None plays the tune once with its repeats (20 s on the free route).
            seed: the same seed gives the same clip; None draws one, which is in the clip.
            route: "tune" composes and plays; "free" makes sound straight from the words; "soundfont" plays the
                tune with sampled instruments.
            tune: play this one instead of composing.
            instrument, accompaniment, tempo_bpm, key: outrank the prompt, which outranks the tune's own.
            progress: told each stage's name and how much of it is done.

        Raises:
            PromptError: the prompt is empty or has nothing musical in it.
            ValueError: a value out of its range.
        """
        options = Options(duration, seed, route, tempo_bpm, key, instrument, accompaniment)
        return self.make(prompt, options, tune=tune, progress=progress)

    def stream(
        self,
        prompt: str | None,
        options: Options | None = None,
        *,
        tune: Tune | None = None,
        chunk_seconds: float = CHUNK_SECONDS,
        warn: Callable[[tuple[str, ...]], None] = lambda texts: None,
    ) -> Iterator[Waveform]:
        """Make the piece that `make` would make, and give its sound while it is played.

        It has a fixed gain and a limiter instead of the loudness of files. Tune, performance and score are made before
        the first chunk; memory then stays as it is, however long the piece.

        Args:
            prompt: None where there is only a tune.
            options: what is asked for beside it; not route "soundfont".
            tune: play this one instead of composing.
            chunk_seconds: length of each piece of sound.
            warn: told the warnings before the first sound.

        Raises:
            ValueError: as `generate`, or chunk_seconds is not within 0.05 ... 10.
        """
        options = options or Options()
        if not MIN_CHUNK_SECONDS <= chunk_seconds <= MAX_CHUNK_SECONDS:
            raise ValueError(
                f"chunk_seconds is {chunk_seconds:g}; {MIN_CHUNK_SECONDS} to {MAX_CHUNK_SECONDS:g} are allowed"
            )
        route = options.route or "tune"
        if route == "soundfont":
            raise ValueError("route 'soundfont' is rendered in one piece; stream route tune or free")
        if route == "free" and tune is not None:
            raise ValueError("route 'free' plays no tune; take --route tune or leave the tune out")
        seed = new_seed() if options.seed is None else options.seed
        journey = _Journey(lambda stage, done: None, warnings=list(self._notices))
        settled = self._settle(Boxes(tune=tune), ask(prompt, options), seed, route, False, journey)
        frames = self._frames(None, settled.performance, journey)
        warn(tuple(dict.fromkeys(journey.warnings)))
        chunk_frames = max(1, round(chunk_seconds * self.codec.spec.frame_rate))
        return stream_sound(self.codec, self._play(frames, settled.wishes, seed, chunk_frames))

    def perform(
        self,
        tune: Tune,
        *,
        duration: float | None = None,
        seed: int | None = None,
        route: str = "tune",
        instrument: str | None = None,
        accompaniment: str = "none",
        tempo_bpm: float | None = None,
        key: str | None = None,
        progress: Progress | None = None,
    ) -> Clip:
        """Play a tune as it is written; arguments as in `generate`.

        The duration is at most MAX_SECONDS; "free" is no route for a tune.
        """
        options = Options(duration, seed, route, tempo_bpm, key, instrument, accompaniment)
        return self.make(None, options, tune=tune, progress=progress)

    def compose(
        self,
        prompt: str,
        *,
        seed: int | None = None,
        key: str | None = None,
        wishes: ComposingWishes | None = None,
    ) -> Tune:
        """Write a tune and do not play it.

        Args:
            prompt: English, such as "a sad waltz".
            seed: the same seed gives the same tune; None draws one.
            key: outranks the prompt.
            wishes: a plan, chords, range, density, ornaments; None for nothing.

        Raises:
            PromptError: the prompt is empty or has nothing musical in it.
            CompositionError: the wishes contradict each other or the prompt.
        """
        seed = new_seed() if seed is None else seed
        return self.write(ask(prompt, Options(seed=seed, key=key)), seed, wishes)

    def make(
        self,
        prompt: str | None,
        options: Options,
        *,
        tune: Tune | None = None,
        progress: Progress | None = None,
    ) -> Clip:
        """As `generate`, with everything beside the prompt in one value; `prompt` None where there is only a tune."""
        seed = new_seed() if options.seed is None else options.seed
        route = options.route or "tune"
        if tune is not None and not isinstance(tune, Tune):
            raise TypeError(f"tune is a {type(tune).__name__}; a Tune is needed: Tune.from_abc(text)")
        if route == "free" and tune is not None:
            raise ValueError("route 'free' plays no tune; take --route tune or leave the tune out")
        return self._walk(Boxes(tune=tune), ask(prompt, options), seed, route, progress=progress)

    def resume(self, folder: str | Path, options: Options, *, progress: Progress | None = None) -> Clip:
        """Go on from the box that was edited last in a folder of `Clip.keep`.

        Seed and route are those of the folder, and so are the attributes, unless `options` says otherwise.

        Raises:
            ValueError: the folder is missing, is not one of ours, or the edited file cannot be read.
        """
        kept = read_boxes(folder)
        seed = kept.seed if options.seed is None else options.seed
        route = options.route or kept.route
        boxes = kept.boxes
        if STAGES.index(kept.start) <= STAGES.index("tune"):
            wishes = ask(None, options, kept=kept.asked_of_the_tune)
        else:
            wishes = ask(None, options, kept=boxes.attributes or kept.asked)
            if boxes.codes is None and _changes_performance(options):
                # Another instrument or tempo needs another performance: the nearest start is the tune.
                raise ValueError(
                    f"{folder}: {kept.start} was edited last, so key, tempo, duration, instrument and accompaniment "
                    "are settled; give none of them, or edit the tune or the attributes"
                )
        if route == "free":
            # Nothing but the words counts there: the tune and all that came of it are left behind.
            boxes = Boxes(codes=boxes.codes, waveform=boxes.waveform) if kept.route == "free" else Boxes()
        if route == "soundfont" and kept.start in ("frames", "codes"):
            raise ValueError(
                f"{folder}: {kept.start} was edited last, and route soundfont plays performances; "
                "edit that or the tune, or take route tune"
            )
        return self._walk(boxes, wishes, seed, route, kept.composed, progress)

    def _walk(
        self,
        boxes: Boxes,
        asked: TuneAttributes,
        seed: int,
        route: str,
        composed: bool = False,
        progress: Progress | None = None,
    ) -> Clip:
        """Follow the path from the last box that is there."""
        journey = _Journey(progress or (lambda stage, done: None), warnings=list(self._notices))
        with journey.stage("load"):
            self._load_for(boxes, route)
        settled = self._settle(boxes, asked, seed, route, composed, journey)
        wishes, performance = settled.wishes, settled.performance
        frames, codes, waveform = boxes.frames, boxes.codes, boxes.waveform
        if waveform is None and codes is None and route == "soundfont":
            if performance is None:
                raise ValueError("route 'soundfont' needs a tune or a performance to go on from")
            waveform = self._render(performance, journey)
        elif waveform is None:
            if codes is None:
                frames = self._frames(frames, performance, journey)
                with journey.stage("play"):
                    [codes] = self._play(
                        frames, wishes, seed, progress=lambda done: journey.progress("play", done)
                    )
            waveform = self._decode(codes, journey)
        return Clip(
            attributes=wishes,
            asked=asked,
            tune=settled.tune,
            performance=performance,
            frames=frames,
            codes=codes,
            waveform=waveform,
            seed=seed,
            route=route,
            composed=settled.composed and settled.tune is not None,
            timings=journey.timings,
            warnings=tuple(dict.fromkeys(journey.warnings)),
        )

    def _settle(
        self, boxes: Boxes, asked: TuneAttributes, seed: int, route: str, composed: bool, journey: _Journey
    ) -> _Settled:
        """Everything that stands before the score frames."""
        tune, performance, wishes = boxes.tune, boxes.performance, asked
        if route == "free":
            if boxes.codes is None:
                journey.warnings.extend(beside_the_sound(asked))
            wishes = resolve(wishes)
        elif all(box is None for box in (performance, boxes.frames, boxes.codes, boxes.waveform)):
            if tune is None:
                # Settled before composing: the mood's pace is then in the tune and must not count again.
                wishes, composed = resolve(wishes), True
            tune = self._find_tune(tune, wishes, seed, journey)
            wishes = fill_from_tune(wishes, tune, composed)
            with journey.stage("perform"):
                performance = self._perform(tune, wishes, seed)
        if performance is not None:
            journey.warnings.extend(performance.warnings)
            _refuse_endless(performance)
        return _Settled(wishes, tune, performance, composed)

    def _frames(
        self, frames: ScoreFrames | None, performance: Performance | None, journey: _Journey
    ) -> ScoreFrames | None:
        if frames is not None or performance is None:
            return frames
        with journey.stage("frames"):
            return score_frames(performance, self.codec.spec.frame_rate)

    def _load_for(self, boxes: Boxes, route: str) -> None:
        """Load what the rest of the path needs, so that no other stage's time holds it."""
        if route != "free" and all(getattr(boxes, stage) is None for stage in STAGES[1:]):
            _ = self.composer
        if boxes.waveform is None and route != "soundfont":
            _ = self.codec if boxes.codes is not None else self.player

    def _find_tune(self, tune: Tune | None, wishes: TuneAttributes, seed: int, journey: _Journey) -> Tune:
        """The given tune in the key that was asked for, or a new one."""
        if tune is None:
            with journey.stage("compose"):
                return self.write(wishes, seed)
        journey.warnings.extend((*tune.warnings, *beside_the_tune(wishes, tune)))
        semitones = transposition(tune, wishes)
        return tune.transpose(semitones) if semitones else tune

    def write(self, asked: TuneAttributes, seed: int, wishes: ComposingWishes | None = None) -> Tune:
        """Write a tune from attributes; the same seed gives the same tune as in `generate`."""
        return self.compose_with_plan(asked, seed, wishes).tune

    def compose_with_plan(
        self, asked: TuneAttributes, seed: int, wishes: ComposingWishes | None = None
    ) -> Composition:
        """As `write`, with the plan that the tune follows."""
        filled = resolve(asked if wishes is None else wishes.filled(asked))
        return self.composer.compose_with_plans(filled, 1, self.drawing(seed), wishes=wishes)[0]

    @staticmethod
    def drawing(seed: int) -> Drawing:
        """The composer's chance for a seed; of the CPU on every device."""
        from audiogen.composer_planning import Drawing

        return Drawing(stage_torch_rng(seed, "composer"))

    def _perform(self, tune: Tune, wishes: TuneAttributes, seed: int) -> Performance:
        if wishes.kind is not None and wishes.kind != kind_of(tune).id:
            # The words outrank the file: its notes are played in the manner of the kind that was asked for.
            tune = tune.with_header(rhythm=wishes.kind)
        return perform(
            tune,
            instrument=wishes.instrument or "fiddle",
            accompaniment=wishes.accompaniment or "none",
            tempo_bpm=wishes.tempo_bpm,
            duration_seconds=wishes.duration_seconds,
            rng=stage_rng(seed, "performance"),
            arousal=MOODS[wishes.mood].arousal if wishes.mood else 0.0,
        )

    def _play(
        self,
        frames: ScoreFrames | None,
        wishes: TuneAttributes,
        seed: int,
        chunk_frames: int | None = None,
        progress: Callable[[float], None] | None = None,
    ) -> Iterator[Codes]:
        if frames is None:
            seconds = wishes.duration_seconds or FREE_SECONDS
            count = round(seconds * self.codec.spec.frame_rate)
        else:
            count = frames.frames
        return self.player.play_chunks(
            frames,
            conditions=conditions_of(wishes),
            seed=stage_seed(seed, "player"),
            chunk_frames=chunk_frames,
            frames_count=count,
            not_opening=self._codes_of_silence if frames is None else (),
            progress=progress,
        )

    @cached_property
    def _codes_of_silence(self) -> frozenset[int]:
        """What the first codebook says of a second of silence."""
        spec = self.codec.spec
        silence = Waveform(torch.zeros(1, spec.channels, spec.sample_rate), spec.sample_rate)
        return frozenset(self.codec.encode(silence).tokens[0, 0].tolist())

    def _decode(self, codes: Codes, journey: _Journey) -> Waveform:
        from audiogen.loudness import normalise

        network = self.codec
        if codes.spec.identity != network.spec.identity:
            raise CheckpointError(
                f"codes of codec {codes.spec.identity} cannot be decoded by codec {network.spec.identity}"
            )
        with journey.stage("decode"):
            sound = network.decode(codes)
        with journey.stage("loudness"):
            return normalise(sound)

    def _render(self, performance: Performance, journey: _Journey) -> Waveform:
        from audiogen.loudness import normalise
        from audiogen.soundfont import render

        with journey.stage("render"):
            sound = render(performance)
        with journey.stage("loudness"):
            return normalise(sound)


def _changes_performance(options: Options) -> bool:
    said = (options.key, options.tempo_bpm, options.duration, options.instrument, options.accompaniment)
    return any(value is not None for value in said)


def _refuse_endless(performance: Performance) -> None:
    if performance.duration > MAX_SECONDS + 60:
        raise ValueError(
            f"the tune lasts {performance.duration:.0f} s with its repeats; at most {MAX_SECONDS:g} s are made: "
            "give a duration to cut it at a bar line"
        )
