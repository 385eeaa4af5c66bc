"""Training the composer: from JSON lines of ABC to weights, with exact resume.

Everything random is drawn from generators seeded by (seed, epoch, batch), so the place in the data is two
numbers; model, optimiser and torch's own random state are kept as safetensors and JSON. Runs on a CPU.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file

from audiogen.composer import Composer, ComposerConfig
from audiogen.composer_data import IGNORED, Batch, PlannedBatch, augmented, batches_of, cached_rows
from audiogen.composer_likelihood import Bits, batch_for, bits_a_note, costs
from codec.types import CheckpointError
from symbolic_bridge.tune_tokens import decode

WARM_UP_SHARE = 0.03
ADAM_BETAS = (0.9, 0.98)


@dataclass(frozen=True)
class ComposerTraining:
    """How the composer is trained; all of it is in the state file, and a resumed run must agree in what draws the data.

    `max_minutes` bounds the training time over all resumes; the learning rate follows it, or `max_steps` where
    that is above 0 (then a resumed run equals an unbroken one bit by bit).
    """

    max_minutes: float = 28.0
    max_steps: int = 0
    batch_tokens: int = 4096
    learning_rate: float = 2e-3
    final_rate: float = 2e-5
    weight_decay: float = 0.1
    clip_norm: float = 1.0
    precision: str = "fp32"
    seed: int = 0
    checkpoint_minutes: float = 3.0

    def __post_init__(self) -> None:
        if self.max_minutes <= 0 or self.checkpoint_minutes <= 0 or self.max_steps < 0:
            raise ValueError("max_minutes and checkpoint_minutes must be above 0, max_steps at least 0")
        if self.precision not in ("fp32", "bf16"):
            raise ValueError(f"precision is {self.precision!r}; it must be 'fp32' or 'bf16'")
        if self.batch_tokens < 1 or not 0 < self.final_rate <= self.learning_rate:
            raise ValueError("batch_tokens must be at least 1 and 0 < final_rate <= learning_rate")


@dataclass(frozen=True)
class TrainingReport:
    """What a run ended with; `bits_per_note` is the best on the validation tunes, plans included."""

    steps: int
    minutes: float
    bits_per_note: float
    train_tunes: int
    valid_tunes: int
    rejected: dict[str, int]


@dataclass
class _State:
    """Where a run stands."""

    step: int = 0
    epoch: int = 0
    batch: int = 0
    minutes: float = 0.0
    best: float = math.inf


def _write_atomically(path: Path, write: Callable[[Path], None]) -> None:
    partial = path.with_name(path.name + ".partial")
    write(partial)
    os.replace(partial, path)


class ComposerTrainer:
    """One run in one folder: `state.safetensors` + `state.json` to resume, `best/` with the weights to ship."""

    def __init__(
        self,
        rows: Sequence[Sequence[int]],
        valid: Sequence[Sequence[int]],
        out: str | Path,
        settings: ComposerTraining,
        config: ComposerConfig | None = None,
        device: str = "cpu",
    ) -> None:
        if not rows or not valid:
            raise ValueError("training needs at least one tune to learn from and one to validate on")
        self.tunes = [decode(row) for row in rows]
        self.lengths = np.array([len(row) for row in rows])
        self.valid = [decode(row) for row in valid]
        self.half = settings.precision == "bf16"
        self.out, self.settings, self.device = Path(out), settings, torch.device(device)
        torch.manual_seed(settings.seed)
        self.model = Composer(config).to(self.device)
        matrices = [p for p in self.model.parameters() if p.ndim >= 2]
        others = [p for p in self.model.parameters() if p.ndim < 2]
        self.optimizer = torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": settings.weight_decay},
                {"params": others, "weight_decay": 0.0},
            ],
            lr=settings.learning_rate,
            betas=ADAM_BETAS,
        )
        self.state = _State()

    def _progress(self) -> float:
        settings = self.settings
        if settings.max_steps:
            return self.state.step / settings.max_steps
        return self.state.minutes / settings.max_minutes

    def _rate(self) -> float:
        """Linear warm-up, then a cosine down to the final rate."""
        settings, done = self.settings, min(1.0, self._progress())
        if done < WARM_UP_SHARE:
            return settings.learning_rate * max(done / WARM_UP_SHARE, 0.02)
        bend = 0.5 * (1 + math.cos(math.pi * (done - WARM_UP_SHARE) / (1 - WARM_UP_SHARE)))
        return settings.final_rate + (settings.learning_rate - settings.final_rate) * bend

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

    def _batches(self) -> Iterator[Batch | PlannedBatch]:
        """Endless batches from where the state stands."""
        seed = self.settings.seed
        while True:
            rng = np.random.default_rng((seed, self.state.epoch))
            groups = batches_of(self.lengths, self.settings.batch_tokens, rng)
            while self.state.batch < len(groups):
                rng = np.random.default_rng((seed, self.state.epoch, self.state.batch))
                chosen = [self.tunes[int(index)] for index in groups[self.state.batch]]
                yield batch_for(self.model, [augmented(tune, rng) for tune in chosen], rng)
                self.state.batch += 1
            self.state.epoch, self.state.batch = self.state.epoch + 1, 0

    def step(self, batch: Batch | PlannedBatch) -> float:
        """One optimiser step; returns the loss in nats a token, notes' and plan's together."""
        self.model.train()
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate()
        self.optimizer.zero_grad(set_to_none=True)
        loss = sum(costs(self.model, batch, half=self.half), torch.zeros((), device=self.device))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip_norm)
        self.optimizer.step()
        self.state.step += 1
        return float(loss.detach())

    def validate(self) -> Bits:
        """What the validation tunes cost."""
        return bits_a_note(self.model, self.valid, half=self.half)

    def save(self) -> None:
        """Write the state to resume from."""
        self.out.mkdir(parents=True, exist_ok=True)
        tensors = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        names = {id(parameter): name for name, parameter in self.model.named_parameters()}
        for parameter, entry in self.optimizer.state.items():
            tensors |= {f"optimizer.{names[id(parameter)]}.{key}": value for key, value in entry.items()}
        tensors["random.torch"] = torch.get_rng_state()
        tensors = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
        notes = {
            "state": asdict(self.state),
            "settings": asdict(self.settings),
            "config": asdict(self.model.config),
        }
        # The notes travel inside the tensors' file: one rename replaces both or neither.
        _write_atomically(
            self.out / "state.safetensors",
            lambda path: save_file(tensors, path, {"notes": json.dumps(notes)}),
        )

    def resume(self) -> bool:
        """Go on from the saved state, if there is one.

        Raises:
            CheckpointError: the state belongs to another configuration.
        """
        path = self.out / "state.safetensors"
        if not path.is_file():
            return False
        from safetensors import safe_open

        with safe_open(path, framework="pt") as file:
            notes = json.loads(file.metadata()["notes"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        if notes["config"] != asdict(self.model.config):
            raise CheckpointError(f"{path}: was made with the network {notes['config']}")
        fixed = {"batch_tokens", "seed", "precision"}
        for entry in fields(ComposerTraining):
            if entry.name in fixed and notes["settings"][entry.name] != getattr(self.settings, entry.name):
                raise CheckpointError(f"{path}: was made with {entry.name} {notes['settings'][entry.name]}")
        self.model.load_state_dict(
            {
                name.removeprefix("model."): value
                for name, value in tensors.items()
                if name.startswith("model.")
            }
        )
        for name, parameter in self.model.named_parameters():
            entry = {
                key: tensors[f"optimizer.{name}.{key}"].to(parameter.device if key != "step" else "cpu")
                for key in ("step", "exp_avg", "exp_avg_sq")
                if f"optimizer.{name}.{key}" in tensors
            }
            if entry:
                self.optimizer.state[parameter] = entry
        torch.set_rng_state(tensors["random.torch"])
        self.state = _State(**notes["state"])
        return True

    def _check(self) -> str:
        """Validate, keep the best, save; says how it stands."""
        bits = self.validate()
        if bits.total < self.state.best:
            self.state.best = bits.total
            self.model.save(self.out / "best")
        self.save()
        return (
            f"step {self.state.step}: valid {bits.total:.4f} bits a note, {bits.plan:.4f} of them the plan's "
            f"(best {self.state.best:.4f})"
        )

    def run(self, note: Callable[[str], None], stop_after_steps: int | None = None) -> None:
        """Train until the budget is spent (or, for tests, for a number of steps)."""
        began, before, saved_at = time.monotonic(), self.state.minutes, self.state.minutes
        first_step, tokens, average = self.state.step, 0, math.nan
        for batch in self._batches():
            if self._progress() >= 1.0 or self.state.step - first_step == stop_after_steps:
                break
            loss = self.step(batch)
            notes = batch if isinstance(batch, Batch) else batch.notes
            tokens += int((notes.targets != IGNORED).sum())
            average = loss if math.isnan(average) else 0.98 * average + 0.02 * loss
            self.state.minutes = before + (time.monotonic() - began) / 60
            speed = tokens / max(1e-9, 60 * (self.state.minutes - before))
            if self.state.minutes - saved_at >= self.settings.checkpoint_minutes:
                # The batch just used counts as done before the state is written.
                self.state.batch += 1
                note(self._check())
                self.state.batch -= 1
                self.state.minutes = before + (time.monotonic() - began) / 60
                saved_at = self.state.minutes
            if self.state.step % 10 == 0:
                note(
                    f"step {self.state.step} epoch {self.state.epoch} {self.state.minutes:.1f} min "
                    f"loss {average:.4f} nats a token, {speed:.0f} tokens/s, lr {self._rate():.2e}"
                )
        note(self._check())


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
