"""What trainings of tune writers within a number of minutes share: settings, place in the data, and exact resume.

Everything random is drawn from generators seeded by (seed, epoch, batch), so the place in the data is two numbers;
model, optimiser and torch's own random state are kept as safetensors, with JSON notes inside the same file.
"""

from __future__ import annotations

import json
import math
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Generic, TypeVar

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from audiogen.composer_data import augmented, batches_of
from audiogen.data.files import write_whole
from codec.types import CheckpointError
from symbolic_bridge.normal_form import NormalTune

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

STATE = "state.safetensors"
WARM_UP_SHARE = 0.03
# What a resumed run must share, besides the network, with the one it goes on from.
FIXED_SETTINGS = ("batch_tokens", "seed", "precision")


@dataclass(frozen=True)
class TimedTraining:
    """How long and how a tune writer is trained.

    `max_minutes` bounds the training time over all resumes; the learning rate follows it, or `max_steps` where
    that is above 0 (then a resumed run equals an unbroken one bit by bit).
    """

    max_minutes: float = 60.0
    max_steps: int = 0
    batch_tokens: int = 4096
    learning_rate: float = 2e-3
    weight_decay: float = 0.05
    clip_norm: float = 1.0
    precision: str = "fp32"
    seed: int = 0
    checkpoint_minutes: float = 3.0

    def __post_init__(self) -> None:
        if min(self.max_minutes, self.checkpoint_minutes, self.batch_tokens) <= 0 or self.max_steps < 0:
            raise ValueError(
                "max_minutes, checkpoint_minutes and batch_tokens must be above 0, max_steps at least 0"
            )
        if self.precision not in ("fp32", "bf16"):
            raise ValueError(f"precision is {self.precision!r}; it must be 'fp32' or 'bf16'")


Model = TypeVar("Model", bound=nn.Module)
Settings = TypeVar("Settings", bound=TimedTraining)


@dataclass
class Standing:
    """Where a run stands: steps done, the next batch, minutes spent, and the fewest bits a note so far."""

    step: int = 0
    epoch: int = 0
    batch: int = 0
    minutes: float = 0.0
    best: float = math.inf


class TimedTrainer(ABC, Generic[Model, Settings]):
    """One run in one folder: `state.safetensors` to resume from, and in `best/` the weights that foresee best.

    Args:
        tunes: to learn from.
        valid: to validate on.
        lengths: of `tunes` in tokens; those of like length share a batch.
        out: folder of the run.
        settings: how long, and from which seed.
        model, optimizer: what is trained.
        config: of the model, which a resumed run must share.

    Raises:
        ValueError: there are no tunes to learn from or none to validate on.
    """

    def __init__(
        self, tunes: Sequence[NormalTune], valid: Sequence[NormalTune], lengths: Sequence[int], out: Path,
        settings: Settings, model: Model, optimizer: torch.optim.Optimizer, config: DataclassInstance,
    ) -> None:  # fmt: skip
        if not tunes or not valid:
            raise ValueError("training needs at least one tune to learn from and one to validate on")
        self.tunes, self.valid, self.lengths = list(tunes), list(valid), np.array(lengths)
        self.out, self.state = out, Standing()
        self.settings, self.model, self.optimizer, self.config = settings, model, optimizer, config

    @abstractmethod
    def _loss(self, tunes: Sequence[NormalTune], rng: np.random.Generator) -> tuple[Tensor, int]:
        """What a batch costs in nats a token, and how many tokens are scored; `rng` is the batch's own chance."""

    @abstractmethod
    def _rate(self) -> float:
        """The learning rate of the next step."""

    @abstractmethod
    def _valid_bits(self) -> tuple[float, str]:
        """Bits a note on the validation tunes, and what else is to be said of them, beginning with a comma."""

    @abstractmethod
    def _save_model(self, folder: Path) -> None:
        """Write the weights alone."""

    def run(self, note: Callable[[str], None], stop_after_steps: int | None = None) -> float:
        """Train until the budget is spent, or for so many steps; the fewest bits a note on the validation tunes.

        Args:
            note: gets a line of progress now and then.
            stop_after_steps: of this run; None for no bound but the budget.
        """
        began, before, saved_at = time.monotonic(), self.state.minutes, self.state.minutes
        first_step, tokens, average = self.state.step, 0, math.nan
        batches = self._batches()
        while self._done() < 1 and self.state.step - first_step != stop_after_steps:
            loss, scored = self._step(*next(batches))
            tokens += scored
            average = loss if math.isnan(average) else 0.98 * average + 0.02 * loss
            self.state.minutes = before + (time.monotonic() - began) / 60
            speed = tokens / max(1e-9, 60 * (self.state.minutes - before))
            if self.state.minutes - saved_at >= self.settings.checkpoint_minutes:
                note(self._check())
                saved_at = self.state.minutes = before + (time.monotonic() - began) / 60
            if self.state.step % 10 == 0:
                note(
                    f"step {self.state.step} epoch {self.state.epoch} {self.state.minutes:.1f} min "
                    f"loss {average:.4f} nats a token, {speed:.0f} tokens/s, lr {self._rate():.2e}"
                )
        note(self._check())
        return self.state.best

    def _done(self) -> float:
        """The share of the budget that is spent; above 1 where the last step went over."""
        if self.settings.max_steps:
            return self.state.step / self.settings.max_steps
        return self.state.minutes / self.settings.max_minutes

    def _batches(self) -> Iterator[tuple[list[NormalTune], np.random.Generator]]:
        """Endless batches of augmented tunes from where the run stands.

        A batch counts as done when it is given out, so that a state saved behind its step goes on with the next.
        """
        seed, state = self.settings.seed, self.state
        while True:
            rng = np.random.default_rng((seed, state.epoch))
            groups = batches_of(self.lengths, self.settings.batch_tokens, rng)
            while state.batch < len(groups):
                rng = np.random.default_rng((seed, state.epoch, state.batch))
                chosen = [self.tunes[int(index)] for index in groups[state.batch]]
                state.batch += 1
                yield [augmented(tune, rng) for tune in chosen], rng
            state.epoch, state.batch = state.epoch + 1, 0

    def _step(self, tunes: Sequence[NormalTune], rng: np.random.Generator) -> tuple[float, int]:
        """One optimiser step; returns the loss in nats a token, and how many were scored."""
        self.model.train()
        for group in self.optimizer.param_groups:
            group["lr"] = self._rate()
        loss, scored = self._loss(tunes, rng)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(self.model.parameters(), self.settings.clip_norm)
        self.optimizer.step()
        self.state.step += 1
        return float(loss.detach()), scored

    def _check(self) -> str:
        """Validate, keep the best, save; says how it stands."""
        bits, more = self._valid_bits()
        if bits < self.state.best:
            self.state.best = bits
            self._save_model(self.out / "best")
        self.save()
        return f"step {self.state.step}: valid {bits:.4f} bits a note{more} (best {self.state.best:.4f})"

    def save(self) -> None:
        """Write the state to resume from."""
        self.out.mkdir(parents=True, exist_ok=True)
        tensors = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        for name, parameter in self.model.named_parameters():
            slots = self.optimizer.state.get(parameter, {})
            tensors |= {f"optimizer.{name}.{slot}": value for slot, value in slots.items()}
        tensors["random.torch"] = torch.get_rng_state()
        tensors = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
        notes = {
            "state": asdict(self.state),
            "settings": asdict(self.settings),
            "config": asdict(self.config),
        }
        # The notes travel inside the tensors' file: one rename replaces both or neither.
        write_whole(self.out / STATE, partial(save_file, tensors, metadata={"notes": json.dumps(notes)}))

    def resume(self) -> bool:
        """Go on from the saved state, if there is one.

        Raises:
            CheckpointError: the state belongs to another configuration.
        """
        path = self.out / STATE
        if not path.is_file():
            return False
        with safe_open(path, framework="pt") as file:
            notes = json.loads(file.metadata()["notes"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        if notes["config"] != asdict(self.config):
            raise CheckpointError(f"{path}: was made with the network {notes['config']}")
        # Early states of folk-rnn have no settings.
        settings = notes.get("settings", {})
        for name in FIXED_SETTINGS:
            if name in settings and settings[name] != getattr(self.settings, name):
                raise CheckpointError(f"{path}: was made with {name} {settings[name]}")
        self.model.load_state_dict(
            {
                name.removeprefix("model."): value
                for name, value in tensors.items()
                if name.startswith("model.")
            }
        )
        for name, parameter in self.model.named_parameters():
            start = f"optimizer.{name}."
            slots = {
                key.removeprefix(start): value for key, value in tensors.items() if key.startswith(start)
            }
            if slots:
                self.optimizer.state[parameter] = {
                    slot: value if slot == "step" else value.to(parameter.device)
                    for slot, value in slots.items()
                }
        torch.set_rng_state(tensors["random.torch"])
        self.state = Standing(**notes["state"])
        return True
