"""Training the composer: from JSON lines of ABC to weights, with exact resume. Runs on a CPU."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from audiogen.composer import Composer, ComposerConfig
from audiogen.composer_data import IGNORED, Batch, cached_rows
from audiogen.composer_likelihood import Bits, batch_for, bits_a_note, costs
from audiogen.timed_training import WARM_UP_SHARE, TimedTrainer, TimedTraining
from codec.types import CheckpointError
from symbolic_bridge.normal_form import NormalTune
from symbolic_bridge.tune_tokens import decode

ADAM_BETAS = (0.9, 0.98)


@dataclass(frozen=True)
class ComposerTraining(TimedTraining):
    """How the composer is trained; `final_rate` is the learning rate at the end."""

    max_minutes: float = 28.0
    weight_decay: float = 0.1
    final_rate: float = 2e-5

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 < self.final_rate <= self.learning_rate:
            raise ValueError("final_rate must be above 0 and at most learning_rate")


@dataclass(frozen=True)
class TrainingReport:
    """What a run ended with; `bits_per_note` is the best on the validation tunes, plans included."""

    steps: int
    minutes: float
    bits_per_note: float
    train_tunes: int
    valid_tunes: int
    rejected: dict[str, int]


class ComposerTrainer(TimedTrainer[Composer, ComposerTraining]):
    """One run of the composer in one folder; see `TimedTrainer`."""

    def __init__(
        self,
        rows: Sequence[Sequence[int]],
        valid: Sequence[Sequence[int]],
        out: str | Path,
        settings: ComposerTraining,
        config: ComposerConfig | None = None,
        device: str = "cpu",
    ) -> None:
        self.device, self.half = torch.device(device), settings.precision == "bf16"
        torch.manual_seed(settings.seed)
        model = Composer(config).to(self.device)
        matrices = [p for p in model.parameters() if p.ndim >= 2]
        others = [p for p in model.parameters() if p.ndim < 2]
        optimizer = torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": settings.weight_decay},
                {"params": others, "weight_decay": 0.0},
            ],
            lr=settings.learning_rate,
            betas=ADAM_BETAS,
        )
        super().__init__(
            [decode(row) for row in rows], [decode(row) for row in valid], [len(row) for row in rows], Path(out),
            settings, model, optimizer, model.config,
        )  # fmt: skip

    def start_from(self, other: Composer) -> None:
        """Take over what another composer has learned, as far as it has the same parts of the same shape.

        Raises:
            CheckpointError: its tokens are of another width.
        """
        own = self.model.state_dict()
        fitting = {
            name: value
            for name, value in other.state_dict().items()
            if name in own and own[name].shape == value.shape
        }
        if "tokens.own" not in fitting:
            raise CheckpointError(f"no weights of {other.config} fit {self.model.config}")
        self.model.load_state_dict(fitting, strict=False)

    def _rate(self) -> float:
        """Linear warm-up, then a cosine down to the final rate."""
        settings, done = self.settings, min(1.0, self._done())
        if done < WARM_UP_SHARE:
            return settings.learning_rate * max(done / WARM_UP_SHARE, 0.02)
        bend = 0.5 * (1 + math.cos(math.pi * (done - WARM_UP_SHARE) / (1 - WARM_UP_SHARE)))
        return settings.final_rate + (settings.learning_rate - settings.final_rate) * bend

    def _loss(self, tunes: Sequence[NormalTune], rng: np.random.Generator) -> tuple[Tensor, int]:
        """The notes' and the plan's together."""
        batch = batch_for(self.model, tunes, rng)
        loss = sum(costs(self.model, batch, half=self.half), torch.zeros((), device=self.device))
        notes = batch if isinstance(batch, Batch) else batch.notes
        return loss, int((notes.targets != IGNORED).sum())

    def _valid_bits(self) -> tuple[float, str]:
        bits = self.validate()
        return bits.total, f", {bits.plan:.4f} of them the plan's"

    def _save_model(self, folder: Path) -> None:
        self.model.save(folder)

    def validate(self) -> Bits:
        """What the validation tunes cost."""
        return bits_a_note(self.model, self.valid, half=self.half)


def train_composer(
    train: str | Path,
    valid: str | Path,
    out: str | Path,
    *,
    settings: ComposerTraining | None = None,
    config: ComposerConfig | None = None,
    device: str = "cpu",
    resume: bool = True,
    start: str | Path | None = None,
    note: Callable[[str], None] | None = None,
) -> TrainingReport:
    """Train the composer on JSON lines of ABC.

    Args:
        train, valid: JSON-lines files with `abc` and `source`.
        out: folder of the run; its `best/` holds what `composer.load_composer` reads.
        settings, config: how, and which network.
        resume: go on from the state in `out`, if there is one; otherwise start over.
        start: folder of a composer whose weights a new run starts from, as far as they fit; None starts from noise.
        note: gets a line of progress now and then; None shows them on stderr.

    Raises:
        ValueError: no usable tunes.
        CheckpointError: the state in `out` is of another configuration.
    """
    settings, out = settings or ComposerTraining(), Path(out)
    train_rows = cached_rows(train, out / "train_rows.safetensors")
    valid_rows = cached_rows(valid, out / "valid_rows.safetensors")
    trainer = ComposerTrainer(train_rows.rows, valid_rows.rows, out, settings, config, device)
    if not (resume and trainer.resume()) and start is not None:
        trainer.start_from(Composer.load(start))
    if note is not None:
        trainer.run(note)
    else:
        from rich.console import Console

        console = Console(stderr=True)
        trainer.run(lambda line: console.print(line, highlight=False))
    return TrainingReport(
        steps=trainer.state.step,
        minutes=trainer.state.minutes,
        bits_per_note=trainer.state.best,
        train_tunes=len(train_rows.rows),
        valid_tunes=len(valid_rows.rows),
        rejected=train_rows.rejected,
    )
