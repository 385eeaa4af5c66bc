"""Training folk-rnn within a number of minutes, checked and kept now and then, and taken up again where it stopped."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch.nn import functional

from audiogen.composer_data import augmented, batches_of
from audiogen.data.files import write_whole
from audiogen.evaluation.baselines.abc_tokens import abc_tokens, abc_vocabulary
from audiogen.evaluation.baselines.lstm import IGNORED, FolkRnn, FolkRnnConfig, batch_of
from codec.types import CheckpointError
from symbolic_bridge.normal_form import NormalTune

WARM_UP_SHARE = 0.03
STATE = "state.safetensors"


@dataclass(frozen=True)
class FolkRnnTraining:
    """How it is trained; `max_minutes` bounds the time over all resumes, and the learning rate follows it."""

    max_minutes: float = 30.0
    max_steps: int = 0
    batch_tokens: int = 2600
    learning_rate: float = 2e-3
    weight_decay: float = 0.01
    clip_norm: float = 1.0
    precision: str = "fp32"
    seed: int = 0
    check_minutes: float = 2.0

    def __post_init__(self) -> None:
        if min(self.max_minutes, self.check_minutes, self.batch_tokens) <= 0 or self.max_steps < 0:
            raise ValueError(
                "max_minutes, check_minutes and batch_tokens must be above 0, max_steps at least 0"
            )
        if self.precision not in ("fp32", "bf16"):
            raise ValueError(f"precision is {self.precision!r}; it must be 'fp32' or 'bf16'")


@dataclass
class _State:
    step: int = 0
    epoch: int = 0
    batch: int = 0
    minutes: float = 0.0
    best: float = math.inf


class FolkRnnTrainer:
    """One run in one folder: the state to resume from, and the best weights on the validation tunes in `best/`."""

    def __init__(
        self, tunes: Sequence[NormalTune], valid: Sequence[NormalTune], out: Path,
        settings: FolkRnnTraining, config: FolkRnnConfig | None = None,
    ) -> None:  # fmt: skip
        if not tunes or not valid:
            raise ValueError("training needs at least one tune to learn from and one to validate on")
        self.tunes, self.valid, self.out, self.settings = list(tunes), list(valid), out, settings
        self.lengths = np.array([len(abc_tokens(tune)) for tune in tunes])
        torch.manual_seed(settings.seed)
        self.model = FolkRnn(config)
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.state = _State()
        if (out / STATE).is_file():
            self._resume()

    def run(self, note: Callable[[str], None], stop_after_steps: int = 0) -> float:
        """Train until the budget is spent, or for so many steps; the best bits a note on the validation tunes."""
        began, before, checked = time.monotonic(), self.state.minutes, self.state.minutes
        first = self.state.step
        while self._progress() < 1 and not (stop_after_steps and self.state.step - first >= stop_after_steps):
            loss = self._step(self._next_batch())
            self.state.minutes = before + (time.monotonic() - began) / 60
            if self.state.minutes - checked >= self.settings.check_minutes:
                checked = self.state.minutes
                note(f"{self._check()}; loss {loss:.3f} nats a token")
                self.state.minutes = before + (time.monotonic() - began) / 60
        note(self._check())
        return self.state.best

    def _progress(self) -> float:
        if self.settings.max_steps:
            return self.state.step / self.settings.max_steps
        return self.state.minutes / self.settings.max_minutes

    def _next_batch(self) -> list[list[int]]:
        seed, state = self.settings.seed, self.state
        if state.batch >= len(self._epoch(state.epoch)):
            state.epoch, state.batch = state.epoch + 1, 0
        rng = np.random.default_rng((seed, state.epoch, state.batch))
        chosen = [augmented(self.tunes[int(index)], rng) for index in self._epoch(state.epoch)[state.batch]]
        state.batch += 1
        return [ids_of(tune) for tune in chosen]

    @lru_cache(maxsize=1)  # noqa: B019 - one trainer lives as long as its run
    def _epoch(self, number: int) -> list[np.ndarray]:
        """The batches of an epoch, as numbers of tunes."""
        rng = np.random.default_rng((self.settings.seed, number))
        return batches_of(self.lengths, self.settings.batch_tokens, rng)

    def _step(self, rows: list[list[int]]) -> float:
        done, settings = min(1.0, self._progress()), self.settings
        rate = min(1.0, max(0.02, done / WARM_UP_SHARE)) * (
            0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done))
        )
        for group in self.optimizer.param_groups:
            group["lr"] = settings.learning_rate * rate
        self.model.train()
        inputs, targets = batch_of(rows)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=settings.precision == "bf16"):
            logits, _ = self.model(inputs)
        loss = functional.cross_entropy(logits.float().flatten(0, 1), targets.flatten(), ignore_index=IGNORED)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), settings.clip_norm)
        self.optimizer.step()
        self.state.step += 1
        return float(loss.detach())

    def _check(self) -> str:
        score = bits_a_note(self.model, self.valid)
        if score < self.state.best:
            self.state.best = score
            self.model.save(self.out / "best")
        self._save()
        state = self.state
        return (
            f"{state.minutes:.1f} min, step {state.step}, epoch {state.epoch}: valid {score:.4f} bits a note "
            f"(best {state.best:.4f})"
        )

    def _save(self) -> None:
        tensors = {f"model.{name}": value for name, value in self.model.state_dict().items()}
        for name, parameter in self.model.named_parameters():
            entry = self.optimizer.state.get(parameter, {})
            tensors |= {f"optimizer.{name}.{key}": value for key, value in entry.items()}
        tensors["random.torch"] = torch.get_rng_state()
        notes = {"state": asdict(self.state), "config": asdict(self.model.config)}
        self.out.mkdir(parents=True, exist_ok=True)
        write_whole(self.out / STATE, partial(save_file, tensors, metadata={"notes": json.dumps(notes)}))

    def _resume(self) -> None:
        path = self.out / STATE
        with safe_open(path, framework="pt") as file:
            notes = json.loads(file.metadata()["notes"])
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
        if notes["config"] != asdict(self.model.config):
            raise CheckpointError(f"{path}: was made with the network {notes['config']}")
        names = self.model.state_dict()
        self.model.load_state_dict({name: tensors[f"model.{name}"] for name in names})
        for name, parameter in self.model.named_parameters():
            kept = {key.rpartition(".")[2]: value for key, value in tensors.items()
                    if key.startswith(f"optimizer.{name}.")}  # fmt: skip
            if kept:
                self.optimizer.state[parameter] = kept
        torch.set_rng_state(tensors["random.torch"])
        self.state = _State(**notes["state"])


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
