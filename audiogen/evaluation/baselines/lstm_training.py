"""Training folk-rnn within a number of minutes, checked and kept now and then, and taken up again where it stopped."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from audiogen.evaluation.baselines.abc_tokens import abc_tokens, abc_vocabulary
from audiogen.evaluation.baselines.lstm import IGNORED, FolkRnn, FolkRnnConfig, batch_of
from audiogen.timed_training import WARM_UP_SHARE, TimedTrainer, TimedTraining
from symbolic_bridge.normal_form import NormalTune


@dataclass(frozen=True)
class FolkRnnTraining(TimedTraining):
    """How it is trained."""

    max_minutes: float = 30.0
    batch_tokens: int = 2600
    weight_decay: float = 0.01
    checkpoint_minutes: float = 2.0


class FolkRnnTrainer(TimedTrainer[FolkRnn, FolkRnnTraining]):
    """One run in one folder, taken up again if it has been there before; see `TimedTrainer`."""

    def __init__(
        self, tunes: Sequence[NormalTune], valid: Sequence[NormalTune], out: Path,
        settings: FolkRnnTraining, config: FolkRnnConfig | None = None,
    ) -> None:  # fmt: skip
        torch.manual_seed(settings.seed)
        model = FolkRnn(config)
        optimizer = torch.optim.AdamW(
            model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        lengths = [len(abc_tokens(tune)) for tune in tunes]
        super().__init__(tunes, valid, lengths, out, settings, model, optimizer, model.config)
        self.resume()

    def _rate(self) -> float:
        done = min(1.0, self._done())
        bend = 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done))
        return self.settings.learning_rate * min(1.0, max(0.02, done / WARM_UP_SHARE)) * bend

    def _loss(self, tunes: Sequence[NormalTune], rng: np.random.Generator) -> tuple[Tensor, int]:
        inputs, targets = batch_of([ids_of(tune) for tune in tunes])
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=self.settings.precision == "bf16"):
            logits, _ = self.model(inputs)
        loss = functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), ignore_index=IGNORED)
        return loss, int((targets != IGNORED).sum())

    def _valid_bits(self) -> tuple[float, str]:
        return bits_a_note(self.model, self.valid), ""

    def _save_model(self, folder: Path) -> None:
        self.model.save(folder)


def ids_of(tune: NormalTune) -> list[int]:
    """The ids of a tune's ABC tokens."""
    ids = abc_vocabulary().ids
    return [ids[name] for name in abc_tokens(tune)]


@torch.inference_mode()
def bits_a_note(model: FolkRnn, tunes: Sequence[NormalTune], rows_at_once: int = 16) -> float:
    """Bits of all scored tokens over the number of notes and rests."""
    was_training, bits, notes = model.training, 0.0, 0
    model.eval()
    rows = sorted((ids_of(tune) for tune in tunes), key=len)
    for start in range(0, len(rows), rows_at_once):
        inputs, targets = batch_of(rows[start : start + rows_at_once])
        logits, _ = model(inputs)
        nats = functional.cross_entropy(
            logits.float().flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="sum"
        )
        bits += float(nats) / math.log(2)
    notes = sum(1 for tune in tunes for _ in tune.notes())
    model.train(was_training)
    return bits / notes
