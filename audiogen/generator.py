"""The path from a prompt to a sound: the composition of the arrows.

    prompt -> TuneAttributes -> Tune -> Performance -> ScoreFrames -> Codes -> Waveform

Each stage draws from a generator of its own, seeded from the one seed and the stage's name, so that a change in
one stage (another instrument, an edited tune) does not shift the chance of the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from audiogen.clip import Clip
from audiogen.conditions import Conditions, conditions_of
from audiogen.guidance import Guidance
from audiogen.improvising import backing, improvised, melody_settings
from audiogen.journey import Journey
from audiogen.kept import Boxes, read_boxes
from audiogen.options import (
    MAX_SECONDS,
    Options,
    ask,
    beside_the_sound,
    beside_the_tune,
    check_device,
    check_prompts,
    fill_from_tune,
    transposition,
)
from audiogen.playing import Piece
from audiogen.progress import Progress
from audiogen.seeds import new_seed, stage_rng, stage_seed, stage_torch_rng
from audiogen.sounds import Sounds, for_codec, hear, heard_score, in_one, joined, spliced
from audiogen.streaming import stream_sound
from audiogen.weight_folders import stand_ins, weight_folders
from codec.types import CheckpointError, Codes, Waveform
from codec.weights import load_own as load_codec
from symbolic_bridge.attributes import TuneAttributes, resolve
from symbolic_bridge.frames import score_frames
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
# Pieces that are played side by side; more gain little and take memory.
TOGETHER = 8
STAGES = ("attributes", "tune", "performance", "frames", "codes", "waveform")


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
        chords: str | None = None,
        guidance: Guidance | None = None,
        sounds: Sounds | None = None,
        progress: Progress | None = None,
    ) -> Clip:
        """Make a tune from words and play it.

        Args:
            prompt: English, such as "a lively jig in D major on the fiddle".
            duration: seconds; None plays the tune once with its repeats (20 s on the free route).
            seed: the same seed gives the same clip; None draws one, which is in the clip.
            route: "tune" composes and plays; "free" lets the player make up what it plays; "soundfont" plays the tune
                with sampled instruments.
            tune: play this one instead of composing.
            instrument, accompaniment, tempo_bpm, key: outrank the prompt, which outranks the tune's own.
            chords: bar by bar, such as "G|C D|G", over and over.
            guidance: how far the player is pushed towards what it is told.
            sounds: a recording to go on from, and one to take after.
            progress: told each stage's name and how much of it is done.

        Raises:
            PromptError: the prompt is empty or has nothing musical in it.
            ValueError: a value out of its range.
        """
        options = Options(duration, seed, route, tempo_bpm, key, instrument, accompaniment, chords, guidance)
        return self.make(prompt, options, tune=tune, sounds=sounds, progress=progress)

    def stream(
        self,
        prompt: str | None,
        options: Options | None = None,
        *,
        tune: Tune | None = None,
        sounds: Sounds | None = None,
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
            sounds: as in `generate`; of the one that is gone on from nothing is given again.
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
        sounds = sounds or Sounds()
        route = _route(prompt, options, tune, sounds)
        if route == "soundfont":
            raise ValueError("route 'soundfont' is rendered in one piece; stream route tune or free")
        seed = new_seed() if options.seed is None else options.seed
        journey = self._journey(Boxes(tune=tune), ask(prompt, options), options, seed, route, sounds)
        self._set_out(journey)
        warn(journey.told)
        chunk_frames = max(1, round(chunk_seconds * self.codec.spec.frame_rate))
        chunks = self.player.play_chunks(self._piece(journey), chunk_frames, journey.sampling)
        return stream_sound(self.codec, chunks)

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
        guidance: Guidance | None = None,
        sounds: Sounds | None = None,
        progress: Progress | None = None,
    ) -> Clip:
        """Play a tune as it is written; arguments as in `generate`.

        The duration is at most MAX_SECONDS; "free" is no route for a tune.
        """
        options = Options(duration, seed, route, tempo_bpm, key, instrument, accompaniment, guidance=guidance)
        return self.make(None, options, tune=tune, sounds=sounds, progress=progress)

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
        sounds: Sounds | None = None,
        progress: Progress | None = None,
    ) -> Clip:
        """As `generate`, with everything beside the prompt in one value; `prompt` None where there is only a tune."""
        [clip] = self.make_all([prompt], options, tune=tune, sounds=sounds, progress=progress)
        return clip

    def make_all(
        self,
        prompts: Sequence[str | None],
        options: Options,
        *,
        tune: Tune | None = None,
        sounds: Sounds | None = None,
        progress: Progress | None = None,
    ) -> Iterator[Clip]:
        """Make a clip of every prompt, up to TOGETHER of them side by side, which is faster than one by one.

        Args:
            prompts: all are read before anything is made.
            options: the seed is that of the first clip; the next has seed + 1 ...
            tune, sounds, progress: as in `generate`; the same for all.

        Yields:
            Clips in order, as each would come out alone.

        Raises:
            PromptError, ValueError: as `generate`; of several prompts the message says which.
        """
        if tune is not None and not isinstance(tune, Tune):
            raise TypeError(f"tune is a {type(tune).__name__}; a Tune is needed: Tune.from_abc(text)")
        sounds = sounds or Sounds()
        seed = new_seed() if options.seed is None else options.seed
        journeys = [
            self._journey(
                Boxes(tune=tune), asked, options, seed + number, _route(prompt, options, tune, sounds), sounds, progress
            )
            for number, (prompt, asked) in enumerate(zip(prompts, check_prompts(prompts, options), strict=True))
        ]  # fmt: skip
        return self._walk_all(journeys)

    def _walk_all(self, journeys: Sequence[Journey]) -> Iterator[Clip]:
        for first in range(0, len(journeys), TOGETHER):
            yield from self._walk(journeys[first : first + TOGETHER])

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
        if route == kept.route == "free" and kept.edited and kept.start in ("tune", "performance", "frames"):
            route = "tune"  # what the player made up, as a person wants it
        elif route == "free":
            # Nothing but the words counts there: the tune and all that came of it are left behind.
            boxes = Boxes(codes=boxes.codes, waveform=boxes.waveform) if kept.route == "free" else Boxes()
        if route == "soundfont" and kept.start in ("frames", "codes"):
            raise ValueError(
                f"{folder}: {kept.start} was edited last, and route soundfont plays performances; "
                "edit that or the tune, or take route tune"
            )
        journey = self._journey(boxes, wishes, options, seed, route, Sounds(), progress)
        journey.composed = kept.composed
        [clip] = self._walk([journey])
        return clip

    def _journey(
        self, boxes: Boxes, asked: TuneAttributes, options: Options, seed: int, route: str, sounds: Sounds,
        progress: Progress | None = None,
    ) -> Journey:  # fmt: skip
        return Journey(
            boxes, asked, options, seed, route, sounds, progress or (lambda stage, done: None),
            warnings=list(self._notices),
        )  # fmt: skip

    def _walk(self, journeys: Sequence[Journey]) -> list[Clip]:
        """Follow the path from the last box that is there; what is played is played side by side."""
        for journey in journeys:
            self._set_out(journey)
        playing = [journey for journey in journeys if journey.plays]
        # Pieces whose player makes up the tune need others of their kind beside them.
        for improvises in (False, True):
            together = [journey for journey in playing if journey.improvises == improvises]
            if together:
                self._play(together)
        return [self._arrive(journey) for journey in journeys]

    def _set_out(self, journey: Journey) -> None:
        """Everything that stands before the codes."""
        boxes = journey.boxes
        with journey.stage("load"):
            self._load_for(boxes, journey.route)
        if journey.sounds and journey.route == "soundfont":
            raise ValueError("route 'soundfont' takes no recordings; take route tune or free")
        if journey.sounds.before is not None:
            with journey.stage("listen"):
                journey.heard = hear(journey.sounds.before, self.codec)
            if journey.heard.melody is None:
                journey.warnings.append(
                    "no melody was heard in the recording; its sound alone is gone on from"
                )
        self._settle(journey)
        if journey.plays and journey.frames is None and journey.performance is not None:
            with journey.stage("frames"):
                journey.frames = score_frames(journey.performance, self.codec.spec.frame_rate)

    def _settle(self, journey: Journey) -> None:
        """Attributes, tune and performance."""
        boxes, wishes = journey.boxes, journey.asked
        if journey.route == "free":
            if boxes.codes is None:
                journey.warnings.extend(beside_the_sound(wishes))
            if journey.heard is not None and journey.heard.melody is not None:
                wishes = journey.heard.melody.filling(wishes)
            wishes = resolve(wishes)
        elif all(box is None for box in (boxes.performance, boxes.frames, boxes.codes, boxes.waveform)):
            if boxes.tune is None:
                composing = None
                if journey.options.chords is not None:
                    wishes, composing = self._over_chords(wishes, journey.options.chords)
                # Settled before composing: the mood's pace is then in the tune and must not count again.
                wishes, journey.composed = resolve(wishes), True
                with journey.stage("compose"):
                    journey.tune = self.write(wishes, journey.seed, composing)
            else:
                if journey.options.chords is not None:
                    raise ValueError(
                        "chords are for a new tune; a given one has its own, write them into its file"
                    )
                journey.tune = _moved(boxes.tune, wishes, journey)
            wishes = fill_from_tune(wishes, journey.tune, journey.composed)
            with journey.stage("perform"):
                journey.performance = self._perform(journey.tune, wishes, journey.seed)
        if journey.performance is not None:
            journey.warnings.extend(journey.performance.warnings)
            _refuse_endless(journey.performance)
        journey.attributes = wishes

    @staticmethod
    def _over_chords(wishes: TuneAttributes, chords: str) -> tuple[TuneAttributes, ComposingWishes]:
        from audiogen.composer_wishes import ComposingWishes, over_chords

        return over_chords(wishes, ComposingWishes(), chords)

    def _play(self, journeys: Sequence[Journey]) -> None:
        """Codes for all of them, side by side."""
        pieces = [self._piece(journey) for journey in journeys]
        lead = journeys[0]
        with lead.stage("play"):
            played = self.player.play_all(pieces, lead.sampling, lambda done: lead.progress("play", done))
        each = lead.timings["play"] / len(journeys)
        for journey, piece, result in zip(journeys, pieces, played, strict=True):
            journey.timings["play"] = each
            journey.codes = result.codes
            if piece.melody is not None and result.frames is not None:
                journey.frames = result.frames
                journey.performance, journey.tune = improvised(
                    result.frames, backing(journey, self.codec.spec.frame_rate), journey.attributes
                )

    def _piece(self, journey: Journey) -> Piece:
        """What the player is asked to play."""
        rate = self.codec.spec.frame_rate
        conditions = conditions_of(journey.attributes)
        if journey.sounds:
            conditions = _as_the_recording(conditions, journey.asked)
        before, excerpt = None, None
        frames, count, melody = journey.frames, None, None
        if frames is None:
            base = backing(journey, rate)
            melody = melody_settings(base, journey.attributes, rate)
            count = round(base.duration * rate)
        if journey.heard is not None:
            before = journey.heard.codes
            past = heard_score(journey.heard, rate)
            frames = past if frames is None else joined(past, frames)
        if journey.sounds.excerpt is not None:
            excerpt = self.codec.encode(for_codec(journey.sounds.excerpt, self.codec))
        return Piece(frames, conditions, stage_seed(journey.seed, "player"), count, melody, before, excerpt)

    def _arrive(self, journey: Journey) -> Clip:
        """From the codes to the end."""
        boxes = journey.boxes
        waveform = boxes.waveform
        if waveform is None and journey.codes is None:
            if journey.performance is None:
                raise ValueError("route 'soundfont' needs a tune or a performance to go on from")
            waveform = self._render(journey.performance, journey)
        elif waveform is None:
            assert journey.codes is not None
            waveform = self._decode(journey.codes, journey)
        return journey.clip(waveform)

    def _load_for(self, boxes: Boxes, route: str) -> None:
        """Load what the rest of the path needs, so that no other stage's time holds it."""
        if route != "free" and all(getattr(boxes, stage) is None for stage in STAGES[1:]):
            _ = self.composer
        if boxes.waveform is None and route != "soundfont":
            _ = self.codec if boxes.codes is not None else self.player

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

    def _decode(self, codes: Codes, journey: Journey) -> Waveform:
        from audiogen.loudness import normalise

        network = self.codec
        if codes.spec.identity != network.spec.identity:
            raise CheckpointError(
                f"codes of codec {codes.spec.identity} cannot be decoded by codec {network.spec.identity}"
            )
        with journey.stage("decode"):
            if journey.heard is None:
                sound = network.decode(codes)
            else:
                both = in_one(journey.heard.codes, codes)
                sound = spliced(journey.heard.sound, network.decode(both))
        with journey.stage("loudness"):
            return normalise(sound)

    def _render(self, performance: Performance, journey: Journey) -> Waveform:
        from audiogen.loudness import normalise
        from audiogen.soundfont import render

        with journey.stage("render"):
            sound = render(performance)
        with journey.stage("loudness"):
            return normalise(sound)


def _route(prompt: str | None, options: Options, tune: Tune | None, sounds: Sounds) -> str:
    """The route that was asked for, or the one that what is given leaves."""
    if options.route == "free" and tune is not None:
        raise ValueError("route 'free' plays no tune; take --route tune or leave the tune out")
    if options.chords is not None and tune is not None:
        raise ValueError("chords are for a new tune; a given one has its own, write them into its file")
    if options.route is None and prompt is None and tune is None and sounds:
        return "free"  # nothing but sounds: there is no tune to write and play
    return options.route or "tune"


def _as_the_recording(conditions: Conditions, asked: TuneAttributes) -> Conditions:
    """Conditions that leave the sound to a recording, unless something else was asked for."""
    return replace(
        conditions, instrument=asked.instrument, accompaniment=asked.accompaniment, style=None, text=None
    )


def _moved(tune: Tune, wishes: TuneAttributes, journey: Journey) -> Tune:
    """The given tune in the key that was asked for."""
    journey.warnings.extend((*tune.warnings, *beside_the_tune(wishes, tune)))
    semitones = transposition(tune, wishes)
    return tune.transpose(semitones) if semitones else tune


def _changes_performance(options: Options) -> bool:
    said = (options.key, options.tempo_bpm, options.duration, options.instrument, options.accompaniment)
    return any(value is not None for value in said)


def _refuse_endless(performance: Performance) -> None:
    if performance.duration > MAX_SECONDS + 60:
        raise ValueError(
            f"the tune lasts {performance.duration:.0f} s with its repeats; at most {MAX_SECONDS:g} s are made: "
            "give a duration to cut it at a bar line"
        )
