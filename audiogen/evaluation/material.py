"""What is measured on: tunes of a file that the player has not seen, and their performances."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from audiogen.data.corpus import CorpusTune, read_corpus
from audiogen.loudness import to_model_level
from codec.interface import AudioCodec
from codec.types import Waveform
from symbolic_bridge.instruments import LEADS, instrument_of
from symbolic_bridge.tune import Tune

# Tried before giving up when many tunes of a file cannot be used.
MOST_TRIES_A_TUNE = 4
HELD_OUT = Path(__file__).parent / "held_out.json"


@dataclass(frozen=True)
class TestTune:
    """A tune to measure on and the instrument it is played on."""

    __test__ = False  # not a test, whatever pytest takes its name for

    key: str
    tune: Tune
    instrument: str


class Picker(Protocol):
    """Where the tunes come from that are measured on; `rejected` says which could not be used, and why."""

    rejected: list[dict[str, str]]

    def draw(self, count: int) -> Iterator[TestTune]:
        """At most `count` tunes that the receiver did not `refuse`."""
        ...

    def refuse(self, key: str, reason: str) -> None:
        """Note that a tune could not be used."""
        ...


@dataclass
class TunePicker:
    """Draws tunes of a corpus in an order that the seed fixes, and remembers which were refused and why.

    Args:
        path: anything `audiogen.data.corpus.read_corpus` takes; None for those tunes of music21's corpus that no
            shipped weights were trained or tuned on (`held_out.json`).
        seed: of the order.
        instruments: taken in turn; empty for all leads.
    """

    path: Path | None
    seed: int = 0
    instruments: tuple[str, ...] = ()
    rejected: list[dict[str, str]] = field(default_factory=list)

    def draw(self, count: int) -> Iterator[TestTune]:
        """Tunes until the receiver has had `count` that it did not `refuse`.

        Raises:
            ValueError: no tunes are found, or an instrument is unknown.
        """
        instruments = tuple(instrument_of(name).id for name in self.instruments) or LEADS
        tunes = self._tunes
        order = np.random.default_rng(self.seed).permutation(len(tunes))
        given = 0
        for index in order[: max(count, 1) * MOST_TRIES_A_TUNE].tolist():
            refused = len(self.rejected)
            try:
                tune = Tune.from_abc(tunes[index].abc)
            except ValueError as error:
                self.refuse(tunes[index].key, str(error))
                continue
            yield TestTune(tunes[index].key, tune, instruments[given % len(instruments)])
            given += len(self.rejected) == refused
            if given >= count:
                return

    @cached_property
    def _tunes(self) -> tuple[CorpusTune, ...]:
        """The corpus, read once; what it could not read is noted as refused."""
        corpus = read_corpus(self.path)
        for item in corpus.rejected:
            self.refuse(item.item, item.reason)
        tunes = corpus.tunes if self.path is not None else held_out(corpus.tunes)
        if not tunes:
            raise ValueError(
                "music21's corpus holds none of the tunes that were held out; name some with --tunes"
            )
        return tunes

    def refuse(self, key: str, reason: str) -> None:
        """Note that a tune could not be used; another one will be drawn in its place."""
        self.rejected.append({"tune": key, "reason": reason})


def held_out(tunes: Sequence[CorpusTune]) -> tuple[CorpusTune, ...]:
    """Those of music21's tunes that the shipped weights have not seen, nor their kin."""
    keys = frozenset(json.loads(HELD_OUT.read_text(encoding="utf-8")))
    return tuple(tune for tune in tunes if tune.key in keys)


def mono(waveform: Waveform, seconds: float | None = None) -> np.ndarray:
    """The first `seconds` of a sound as float32 [T]."""
    samples: Tensor = waveform.samples[0].mean(dim=0)
    end = None if seconds is None else round(seconds * waveform.sample_rate)
    return samples[:end].cpu().float().numpy()


def at_model_level(waveform: Waveform) -> Waveform:
    """A sound [1, C, T] at the level the models work at, one gain for all channels."""
    samples = waveform.samples.cpu().float().numpy()
    levelled = to_model_level(samples.reshape(-1), waveform.sample_rate).reshape(samples.shape)
    return Waveform(torch.from_numpy(np.ascontiguousarray(levelled)), waveform.sample_rate)


def round_trip(network: AudioCodec, waveform: Waveform, codebooks: int | None = None) -> Waveform:
    """A sound through the codec and back, cut to its own length."""
    decoded = network.decode(network.encode(waveform, codebooks))
    return Waveform(decoded.samples[..., : waveform.samples.shape[-1]], decoded.sample_rate)
