"""The walk from the last box that is there to the sound.

Every stage draws from a generator of its own; see `generator`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from audiogen.clip import Clip
from audiogen.conditions import Conditions, conditions_of
from audiogen.improvising import backing, improvised, in_a_key, in_key_of, melody_ground
from audiogen.journey import STAGES, Journey
from audiogen.kept import Boxes
from audiogen.networks import Networks
from audiogen.options import MAX_SECONDS, beside_the_sound, beside_the_tune, fill_from_tune, transposition
from audiogen.playing import Piece
from audiogen.seeds import stage_rng, stage_seed, stage_torch_rng
from audiogen.sounds import in_one, joined, spliced
from codec.types import CheckpointError, Codes, Waveform
from symbolic_bridge.attributes import TuneAttributes, resolve
from symbolic_bridge.frames import score_frames
from symbolic_bridge.kinds import kind_of
from symbolic_bridge.moods import MOODS
from symbolic_bridge.perform import perform
from symbolic_bridge.performance import Performance
from symbolic_bridge.tune import Tune

if TYPE_CHECKING:
    from audiogen.composer import Composition
    from audiogen.composer_planning import Drawing
    from audiogen.composer_wishes import ComposingWishes


class Walker:
    """Walks with some networks."""

    def __init__(self, networks: Networks) -> None:
        self.networks = networks

    def walk(self, journeys: Sequence[Journey]) -> list[Clip]:
        """Follow the path from the last box that is there; what is played is played side by side."""
        for journey in journeys:
            self.set_out(journey)
        playing = [journey for journey in journeys if journey.plays]
        # Pieces whose player makes up the tune need others of their kind beside them.
        for improvises in (False, True):
            together = [journey for journey in playing if journey.improvises == improvises]
            if together:
                self._play(together)
        return [self._arrive(journey) for journey in journeys]

    def set_out(self, journey: Journey) -> None:
        """Everything that stands before the codes."""
        boxes = journey.boxes
        with journey.stage("load"):
            self._load_for(boxes, journey.route)
        if journey.heard is not None and journey.heard.melody is None:
            journey.warnings.append("no melody was heard in the recording; its sound alone is gone on from")
        self._settle(journey)
        if journey.plays and journey.frames is None and journey.performance is not None:
            with journey.stage("frames"):
                journey.frames = score_frames(journey.performance, self.networks.codec.spec.frame_rate)

    def _settle(self, journey: Journey) -> None:
        """Attributes, tune and performance."""
        boxes, wishes = journey.boxes, journey.asked
        if journey.route == "free":
            if boxes.codes is None:
                journey.warnings.extend(beside_the_sound(wishes))
            if journey.heard is not None and journey.heard.melody is not None:
                wishes = journey.heard.melody.filling(wishes)
            made_up = journey.improvises and journey.heard is None
            if made_up:
                wishes = in_key_of(journey.options.progression, wishes)
            wishes = resolve(wishes)
            if made_up:
                wishes = in_a_key(wishes, stage_rng(journey.seed, "key"))
        elif all(box is None for box in (boxes.performance, boxes.frames, boxes.codes, boxes.waveform)):
            if boxes.tune is None:
                composing = None
                if journey.options.chords is not None:
                    wishes, composing = self._over_chords(wishes, journey.options.chords)
                # Settled before composing: the mood's pace is then in the tune and must not count again.
                wishes, journey.composed = resolve(wishes), True
                with journey.stage("compose"):
                    journey.tune = write(self.networks, wishes, journey.seed, composing).tune
            else:
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
        pieces = [self.piece(journey) for journey in journeys]
        lead = journeys[0]
        with lead.stage("play"):
            played = self.networks.player.play_all(
                pieces, lead.sampling, lambda done: lead.progress("play", done)
            )
        each = lead.timings["play"] / len(journeys)
        for journey, piece, result in zip(journeys, pieces, played, strict=True):
            journey.timings["play"] = each
            journey.codes = result.codes
            if piece.melody is not None and result.frames is not None:
                journey.frames = result.frames
                journey.performance, journey.tune = improvised(
                    result.frames, backing(journey, self.networks.codec.spec.frame_rate), journey.attributes
                )

    def piece(self, journey: Journey) -> Piece:
        """What the player is asked to play."""
        rate = self.networks.codec.spec.frame_rate
        conditions = conditions_of(journey.attributes)
        if journey.heard is not None or journey.excerpt is not None:
            conditions = _as_the_recording(conditions, journey.asked)
        before = None
        frames, count, melody = journey.frames, None, None
        if frames is None:
            base = backing(journey, rate)
            melody = melody_ground(base, journey.attributes, rate, len(journey.options.progression))
            count = round(base.duration * rate)
        if journey.heard is not None:
            before = journey.heard.codes
            past = journey.heard.score
            frames = past if frames is None else joined(past, frames)
        seed = stage_seed(journey.seed, "player")
        return Piece(frames, conditions, seed, count, melody, before, journey.excerpt)

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
            _ = self.networks.composer
        if boxes.waveform is None and route != "soundfont":
            _ = self.networks.codec if boxes.codes is not None else self.networks.player

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

        network = self.networks.codec
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


def _refuse_endless(performance: Performance) -> None:
    if performance.duration > MAX_SECONDS + 60:
        raise ValueError(
            f"the tune lasts {performance.duration:.0f} s with its repeats; at most {MAX_SECONDS:g} s are made: "
            "give a duration to cut it at a bar line"
        )


def write(
    networks: Networks, asked: TuneAttributes, seed: int, wishes: ComposingWishes | None = None
) -> Composition:
    """A tune with the plan that it follows; the same seed gives the same tune as in `generate`."""
    filled = resolve(asked if wishes is None else wishes.filled(asked))
    return networks.composer.compose_with_plans(filled, 1, drawing(seed), wishes=wishes)[0]


def drawing(seed: int) -> Drawing:
    """The composer's chance for a seed; of the CPU on every device."""
    from audiogen.composer_planning import Drawing

    return Drawing(stage_torch_rng(seed, "composer"))
