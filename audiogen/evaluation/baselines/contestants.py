"""Composer, folk-rnn and n-gram behind one interface: they foresee the same tunes and write for the same conditions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import torch

from audiogen.composer import Composer
from audiogen.composer_likelihood import bits_a_note
from audiogen.evaluation.baselines import lstm_training
from audiogen.evaluation.baselines.abc_tokens import (
    CONDITIONS,
    abc_of_tokens,
    abc_vocabulary,
    condition_names,
)
from audiogen.evaluation.baselines.lstm import MOST_TOKENS, FolkRnn
from audiogen.evaluation.baselines.lstm_training import ids_of
from audiogen.evaluation.baselines.ngram import NGram
from symbolic_bridge.attributes import TuneAttributes
from symbolic_bridge.normal_form import WHITE_TONICS, NormalTune
from symbolic_bridge.tune_tokens import (
    LABELS,
    TokenError,
    conditions_of,
    decode,
    encode,
    vocabulary,
)

NO_TUNE = ""
ROWS_AT_ONCE = 32
ORDERS = (4, 6, 8, 10, 12, 14)


class Contestant(Protocol):
    """`parameters`: numbers that were learned. `tokens`: which ones it reads and writes."""

    name: str
    tokens: str
    parameters: int

    def bits_a_note(self, tunes: Sequence[NormalTune]) -> float:
        """Bits of everything but the conditions, over the number of notes and rests."""
        ...

    def write(self, like: Sequence[NormalTune], seed: int) -> list[str]:
        """One tune for the conditions of each, as ABC; NO_TUNE where what was written is none."""
        ...


class NGramContestant:
    """An n-gram of ABC tokens or of the composer's own; of the order that foresees the validation tunes best."""

    def __init__(self, tunes: Sequence[NormalTune], valid: Sequence[NormalTune], own_tokens: bool) -> None:
        self._own = own_tokens
        self._ids = encode if own_tokens else ids_of
        size = len(vocabulary() if own_tokens else abc_vocabulary())
        rows = [self._ids(tune) for tune in tunes]
        found: list[tuple[float, NGram]] = []
        for order in ORDERS:
            self._model = NGram(rows, size, order)
            found.append((self.bits_a_note(valid), self._model))
        self._model = min(found, key=lambda pair: pair[0])[1]
        self.name = f"{self._model.order}-gram"
        self.tokens = "ours" if own_tokens else "ABC"
        self.parameters = self._model.size

    def bits_a_note(self, tunes: Sequence[NormalTune]) -> float:
        bits = sum(
            float(-np.log2(self._model.probabilities(self._ids(tune))[len(CONDITIONS) :]).sum())
            for tune in tunes
        )
        return bits / _notes(tunes)

    def write(self, like: Sequence[NormalTune], seed: int) -> list[str]:
        rng = np.random.default_rng(seed)
        end = (vocabulary() if self._own else abc_vocabulary()).end
        told = [self._ids(tune)[: len(CONDITIONS)] for tune in like]
        rows = [self._model.write(row, end, MOST_TOKENS, rng) for row in told]
        if not self._own:
            return [abc_of_tokens([abc_vocabulary().names[index] for index in row]) for row in rows]
        return [_abc_of_row(row) for row in rows]


class FolkRnnContestant:
    """The LSTM."""

    name, tokens = "LSTM", "ABC"

    def __init__(self, model: FolkRnn) -> None:
        self._model = model.eval()
        self.parameters = sum(weights.numel() for weights in model.parameters())

    def bits_a_note(self, tunes: Sequence[NormalTune]) -> float:
        return lstm_training.bits_a_note(self._model, tunes)

    def write(self, like: Sequence[NormalTune], seed: int) -> list[str]:
        generator = torch.Generator().manual_seed(seed)
        told = [conditions_of(tune) for tune in like]
        names = [condition_names(each.kind, each.meter, each.mode, each.parts, each.length) for each in told]
        return [
            abc_of_tokens(row)
            for start in range(0, len(names), ROWS_AT_ONCE)
            for row in self._model.write(names[start : start + ROWS_AT_ONCE], generator=generator)
        ]


class ComposerContestant:
    """A composer; it is told the form besides, since it takes the custom of the kind otherwise."""

    tokens = "ours"

    def __init__(self, name: str, composer: Composer) -> None:
        self.name, self._composer = name, composer
        self.parameters = sum(weights.numel() for weights in composer.parameters())

    def bits_a_note(self, tunes: Sequence[NormalTune]) -> float:
        return bits_a_note(self._composer, tunes).total

    def write(self, like: Sequence[NormalTune], seed: int) -> list[str]:
        generator = torch.Generator().manual_seed(seed)
        return [
            self._composer.compose(attributes_of(tune), generator=generator, title="Untitled").to_abc()
            for tune in like
        ]


def attributes_of(tune: NormalTune) -> TuneAttributes:
    """What a composer is asked for, to write a tune of the same kind, metre, mode, form and length."""
    form = "".join(label * (1 + part.repeated) for label, part in zip(LABELS, tune.parts, strict=False))
    return TuneAttributes(
        kind=tune.kind, meter=tune.meter, tonic=WHITE_TONICS[tune.mode], mode=tune.mode, form=form,
        bars=sum(part.bar_count for part in tune.parts),
    )  # fmt: skip


def _abc_of_row(row: Sequence[int]) -> str:
    try:
        return decode(row).to_tune().to_abc()
    except (TokenError, ValueError):
        return NO_TUNE


def _notes(tunes: Sequence[NormalTune]) -> int:
    return sum(1 for tune in tunes for _ in tune.notes())
