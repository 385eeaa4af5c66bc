"""From a prompt or a saved reply to sound: the language model's route, by sampled instruments and by our own player."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from audiogen.options import MAX_SECONDS, check_wishes
from audiogen.progress import Progress
from audiogen.sonify.conversation import read_exchange
from audiogen.sonify.diagnosis import Shortcoming, diagnose
from audiogen.sonify.exchange import MOST_FILE_BYTES, Exchange, Round, is_exchange, parse_exchange
from audiogen.sonify.prompts import ABC, example_tunes
from audiogen.sonify.reading import Reading
from audiogen.version import VERSION
from codec.types import Waveform
from symbolic_bridge.analysis import MelodyIndex
from symbolic_bridge.attributes import TuneAttributes
from symbolic_bridge.kinds import kind_of
from symbolic_bridge.prompts import PromptError, parse_prompt
from symbolic_bridge.timing import lay_out
from symbolic_bridge.tune import Tune

if TYPE_CHECKING:
    from audiogen.clip import Clip
    from audiogen.generator import Generator

SOUND_ROUTES = ("soundfont", "tune")
BOTH = "both"
# Silence between the tunes of a set.
GAP_SECONDS = 1.0
# What chords without a melody are played on where the prompt names nothing that can.
CHORD_INSTRUMENT = "harp"
CHORD_INSTRUMENTS = ("harp", "guitar", "piano")


@dataclass(frozen=True)
class Manner:
    """How the tunes of a reply are played; stored with the exchange, so that a replay plays the same.

    `route`: one of SOUND_ROUTES or BOTH. None leaves instrument and accompaniment to the prompt, tempo and length to
    the tune; `duration` in seconds for each tune.
    """

    route: str = "soundfont"
    seed: int = 0
    instrument: str | None = None
    accompaniment: str | None = None
    tempo_bpm: float | None = None
    duration: float | None = None

    def __post_init__(self) -> None:
        if self.route not in (*SOUND_ROUTES, BOTH):
            raise ValueError(f"route {self.route!r} is not one of {', '.join((*SOUND_ROUTES, BOTH))}")
        check_wishes(self.duration, self.tempo_bpm, self.seed)

    @property
    def routes(self) -> tuple[str, ...]:
        """The routes that are taken."""
        return SOUND_ROUTES if self.route == BOTH else (self.route,)

    def to_json(self) -> dict[str, Any]:
        """All fields, for an exchange."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}

    @classmethod
    def from_json(cls, values: Mapping[str, Any] | None, name: str) -> Manner:
        """Read what `to_json` made.

        Raises:
            ValueError: an unknown field or a value out of range.
        """
        try:
            return cls(**dict(values or {}))
        except TypeError as error:
            raise ValueError(f"{name}: performance: {error}") from error


@dataclass(frozen=True)
class Sonification:
    """The tunes of a reply and what they sound like.

    `clips`: for each route one clip a tune. `shortcomings`: for each tune. `wanted`: what the prompt says.
    """

    exchange: Exchange
    reading: Reading
    wanted: TuneAttributes
    clips: Mapping[str, tuple[Clip, ...]]
    shortcomings: tuple[tuple[Shortcoming, ...], ...]
    warnings: tuple[str, ...] = ()
    timings: Mapping[str, float] = field(default_factory=dict)

    def waveform(self, route: str) -> Waveform:
        """The tunes one after another, as musicians play a set."""
        sounds = [clip.waveform for clip in self.clips[route]]
        if len(sounds) == 1:
            return sounds[0]
        rate = sounds[0].sample_rate
        gap = torch.zeros(1, sounds[0].samples.shape[1], round(GAP_SECONDS * rate))
        pieces = [part for sound in sounds for part in (sound.samples, gap)][:-1]
        return Waveform(torch.cat(pieces, dim=-1), rate)


def wanted_of(prompt: str) -> tuple[TuneAttributes, tuple[str, ...]]:
    """What our own reader understands of a prompt; a language model may understand more, so nothing is refused."""
    try:
        return parse_prompt(prompt), ()
    except PromptError as error:
        said = (f"our own reading of the prompt: {error}",) if prompt.strip() else ()
        return TuneAttributes(), said


def exchange_of_file(path: str | Path, prompt: str | None) -> Exchange:
    """A stored exchange, or the exchange that a saved reply stands for.

    Args:
        path: a file of `Exchange.save`, or a reply as text.
        prompt: that of the reply; a stored exchange has its own, which must not differ.

    Raises:
        ValueError: the file is missing, too large or no text, or the prompts differ.
    """
    source = Path(path)
    if not source.is_file():
        raise ValueError(
            f"{source}: {'is a folder' if source.is_dir() else 'no such file'}; a reply is needed"
        )
    size = source.stat().st_size
    if size > MOST_FILE_BYTES:
        raise ValueError(f"{source}: has {size} bytes; replies of up to {MOST_FILE_BYTES} are read")
    try:
        text = source.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"{source}: is no text in UTF-8 ({error.reason} at byte {error.start})") from error
    if not is_exchange(text):
        return Exchange(prompt or "", ABC, (Round((), text),), audiogen_version=VERSION)
    exchange = parse_exchange(text, str(source))
    if prompt is not None and prompt != exchange.prompt:
        raise ValueError(f"{source}: is an exchange about another prompt; leave the PROMPT out to replay it")
    return exchange


def sonify(
    exchange: Exchange,
    manner: Manner,
    generator: Generator | None,
    *,
    corpus: MelodyIndex | None = None,
    progress: Progress = lambda stage, done: None,
) -> Sonification:
    """Read the tunes of an exchange, diagnose them and play them.

    Args:
        exchange: of `conversation.converse` or `exchange_of_file`.
        manner: how to play.
        generator: what plays; None reads and diagnoses only.
        corpus: tunes that the model should not have copied.
        progress: told each stage's name and how much of it is done.

    Raises:
        ReplyError: no reply of the exchange can be read.
        ValueError: a manner that cannot be played.
    """
    wanted, warnings = wanted_of(exchange.prompt)
    began = time.perf_counter()
    reading = read_exchange(exchange, wanted)
    timings = {"read": time.perf_counter() - began}
    shown = example_tunes(int((exchange.parameters or {}).get("examples", 0)))
    # The key and the length of a prompt are those of the first tune of a set ("first in D, then in G").
    later = replace(wanted, tonic=None, mode=None, bars=None)
    found = tuple(
        diagnose(tune, later if number else wanted, examples=shown, corpus=corpus)
        for number, tune in enumerate(reading.tunes)
    )
    if not reading.is_melody:
        # Chords in whole bars are no melody to find fault with.
        found = ((Shortcoming("form", "chords and no melody"),),)
    timings["diagnose"] = time.perf_counter() - began - timings["read"]
    clips: dict[str, tuple[Clip, ...]] = {}
    mended = list(reading.mendings)
    if generator is not None:
        tunes, cut = zip(*(_playable_length(tune, manner) for tune in reading.tunes), strict=True)
        mended += [fault for fault in cut if fault]
        for route in manner.routes:
            clips[route] = tuple(
                _play(generator, tune, replace(manner, duration=length), route, wanted, reading, progress)
                for tune, length in tunes
            )
            timings[route] = sum(sum(clip.timings.values()) for clip in clips[route])
    reading = replace(reading, mendings=tuple(mended))
    exchange = replace(
        exchange, performance=manner.to_json(), mendings=reading.mendings, remarks=reading.remarks
    )
    return Sonification(exchange, reading, wanted, clips, found, warnings, timings)


def _playable_length(tune: Tune, manner: Manner) -> tuple[tuple[Tune, float | None], str]:
    """The tune with the length to play, and what is said where it would otherwise be endless."""
    if manner.duration is not None:
        return (tune, manner.duration), ""
    _, bars = lay_out(tune)
    tempo = manner.tempo_bpm or tune.header.tempo_bpm or kind_of(tune).tempo_in(tune.header.meter)
    seconds = sum(float(bar.duration / bar.meter.beat_duration) for bar in bars) * 60 / tempo
    if seconds <= MAX_SECONDS:
        return (tune, None), ""
    told = f"the tune would last {seconds:.0f} s; it is cut at a bar line after at most {MAX_SECONDS:g} s"
    return (tune, MAX_SECONDS), told


def _play(
    generator: Generator,
    tune: Tune,
    manner: Manner,
    route: str,
    wanted: TuneAttributes,
    reading: Reading,
    progress: Progress,
) -> Clip:
    instrument = manner.instrument or wanted.instrument
    if not reading.is_melody and instrument not in CHORD_INSTRUMENTS:
        instrument = CHORD_INSTRUMENT
    accompaniment = manner.accompaniment or wanted.accompaniment or "none"
    return generator.perform(
        tune,
        duration=manner.duration,
        seed=manner.seed,
        route=route,
        instrument=instrument,
        accompaniment=accompaniment if reading.is_melody else "none",
        tempo_bpm=manner.tempo_bpm,
        progress=lambda stage, done: progress(f"{route}: {stage}", done),
    )


def facts_of(found: Sonification) -> dict[str, Any]:
    """What `--json` says of a sonification, less the paths."""
    exchange = found.exchange
    return {
        "prompt": exchange.prompt,
        "model": exchange.model or None,
        "notation": found.reading.kind,
        "rounds": len(exchange.rounds),
        "faults": [turn.fault for turn in exchange.rounds if turn.fault],
        "titles": [tune.header.title for tune in found.reading.tunes],
        "mendings": list(found.reading.mendings),
        "remarks": list(found.reading.remarks),
        "shortcomings": _by_tune(found.shortcomings),
        "seed": (exchange.performance or {}).get("seed"),
        "wall_seconds": {name: round(value, 3) for name, value in found.timings.items()}
        | {"ask": round(sum(turn.seconds for turn in exchange.rounds), 3)},
    }


def _by_tune(shortcomings: Sequence[Sequence[Shortcoming]]) -> list[list[dict[str, str]]]:
    return [[{"aspect": item.aspect, "detail": item.detail} for item in tune] for tune in shortcomings]
