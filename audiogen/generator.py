"""The path from a prompt to a sound: the composition of the arrows.

    prompt -> TuneAttributes -> Tune -> Performance -> ScoreFrames -> Codes -> Waveform

Each stage draws from a generator of its own, seeded from the one seed and the stage's name, so that a change in
one stage (another instrument, an edited tune) does not shift the chance of the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from audiogen.clip import Clip
from audiogen.guidance import Guidance
from audiogen.journey import STAGES, Journey
from audiogen.kept import Boxes, read_boxes
from audiogen.networks import Networks
from audiogen.options import Options, ask, check_prompts
from audiogen.progress import Progress
from audiogen.seeds import new_seed
from audiogen.sounds import Heard, Sounds, for_codec, hear
from audiogen.streaming import stream_sound
from audiogen.walking import Walker, drawing, write
from codec.types import Codes, Waveform
from symbolic_bridge.attributes import TuneAttributes
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
        self._networks = Networks(weights, device)
        self._walker = Walker(self._networks)

    @property
    def device(self) -> str:
        """Where the networks are."""
        return self._networks.device

    @property
    def fingerprint(self) -> str:
        """A hash of all weights: equal where the same seed gives the same clip."""
        return self._networks.fingerprint

    @property
    def codec(self) -> Codec:
        """The codec that the player's codes belong to."""
        return self._networks.codec

    @property
    def player(self) -> Player:
        """The audio language model with its conditions."""
        return self._networks.player

    @property
    def composer(self) -> Composer:
        """The tune transformer."""
        return self._networks.composer

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
        asked = ask(prompt, options)
        journey = self._journey(Boxes(tune=tune), asked, options, seed, route, *self._listen(sounds))
        self._walker.set_out(journey)
        warn(journey.told)
        chunk_frames = max(1, round(chunk_seconds * self.codec.spec.frame_rate))
        chunks = self.player.play_chunks(self._walker.piece(journey), chunk_frames, journey.sampling)
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
        every_asked = check_prompts(prompts, options)
        routes = [_route(prompt, options, tune, sounds) for prompt in prompts]
        heard, excerpt = self._listen(sounds)
        journeys = [
            self._journey(Boxes(tune=tune), asked, options, seed + number, route, heard, excerpt, progress)
            for number, (asked, route) in enumerate(zip(every_asked, routes, strict=True))
        ]
        return self._walk_all(journeys)

    def _walk_all(self, journeys: Sequence[Journey]) -> Iterator[Clip]:
        for first in range(0, len(journeys), TOGETHER):
            yield from self._walker.walk(journeys[first : first + TOGETHER])

    def resume(self, folder: str | Path, options: Options, *, progress: Progress | None = None) -> Clip:
        """Go on from the box that was edited last in a folder of `Clip.keep`.

        Seed and route are those of the folder, and so are the attributes, unless `options` says otherwise.

        Raises:
            ValueError: the folder is missing, is not one of ours, or the edited file cannot be read.
        """
        if options.chords is not None:
            raise ValueError(f"{folder}: a kept path has its chords; write others into its tune")
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
        journey = self._journey(boxes, wishes, options, seed, route, progress=progress)
        journey.composed = kept.composed
        [clip] = self._walker.walk([journey])
        return clip

    def _journey(
        self, boxes: Boxes, asked: TuneAttributes, options: Options, seed: int, route: str,
        heard: Heard | None = None, excerpt: Codes | None = None, progress: Progress | None = None,
    ) -> Journey:  # fmt: skip
        return Journey(
            boxes, asked, options, seed, route, heard, excerpt, progress or (lambda stage, done: None),
            warnings=list(self._networks.notices),
        )  # fmt: skip

    def _listen(self, sounds: Sounds) -> tuple[Heard | None, Codes | None]:
        """What is gone on from and what is taken after, once for all clips."""
        heard = None if sounds.before is None else hear(sounds.before, self.codec)
        after = sounds.excerpt
        return heard, None if after is None else self.codec.encode(for_codec(after, self.codec))

    def write(self, asked: TuneAttributes, seed: int, wishes: ComposingWishes | None = None) -> Tune:
        """Write a tune from attributes; the same seed gives the same tune as in `generate`."""
        return self.compose_with_plan(asked, seed, wishes).tune

    def compose_with_plan(
        self, asked: TuneAttributes, seed: int, wishes: ComposingWishes | None = None
    ) -> Composition:
        """As `write`, with the plan that the tune follows."""
        return write(self._networks, asked, seed, wishes)

    @staticmethod
    def drawing(seed: int) -> Drawing:
        """The composer's chance for a seed; of the CPU on every device."""
        return drawing(seed)


def _route(prompt: str | None, options: Options, tune: Tune | None, sounds: Sounds) -> str:
    """The route that was asked for, or the one that what is given leaves."""
    if options.route == "free" and tune is not None:
        raise ValueError("route 'free' plays no tune; take --route tune or leave the tune out")
    if options.chords is not None and tune is not None:
        raise ValueError("chords are for a new tune; a given one has its own, write them into its file")
    if options.route == "soundfont" and sounds:
        raise ValueError("route 'soundfont' takes no recordings; take route tune or free")
    if options.route is None and prompt is None and tune is None and sounds:
        return "free"  # nothing but sounds: there is no tune to write and play
    return options.route or "tune"


def _changes_performance(options: Options) -> bool:
    said = (options.key, options.tempo_bpm, options.duration, options.instrument, options.accompaniment)
    return any(value is not None for value in said)
