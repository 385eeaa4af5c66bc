"""Training the player on shards of codes and score frames. Exact resume; see `codec.training_state`."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from audiogen.conditions import Conditions
from audiogen.data.shards import CodeShards, ShardClip, Windows
from audiogen.lm import AudioLM, LMConfig, Prompting
from audiogen.player import save_player
from codec import parallel
from codec.training_log import log_entry, steps_with_bar
from codec.training_state import Progress, TrainingState, run_settings


@dataclass(frozen=True)
class LMTrainingConfig:
    """How long and how hard to train, and how often each condition is left out.

    Dropping makes one model serve every subset of the conditions, and gives classifier-free guidance its
    unconditioned half. Text is dropped often because the attributes mostly say the same.
    """

    steps: int = 5000
    batch: int = 4  # of each process
    window_frames: int = 320
    learning_rate: float = 1e-3
    warmup_steps: int = 200
    weight_decay: float = 0.05
    drop_score: float = 0.15
    drop_text: float = 0.5
    drop_attribute: float = 0.15
    drop_all: float = 0.05
    checkpoint_minutes: float = 4.0
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.steps, self.batch, self.window_frames) < 1:
            raise ValueError(f"steps, batch and window_frames must all be at least 1: {self}")


class LMTrainer:
    """One training run in one folder, which it resumes from if it has been there before.

    Args:
        train, valid: shards coded by the codec that `shape` names.
        folder: for the state, the log and the weights.
        config: of the run.
        shape: of the player.
        device: "cpu" or "cuda".
        precision: "fp32" or "bf16" for the matrix products.
    """

    def __init__(
        self, train: CodeShards, valid: CodeShards, folder: Path, config: LMTrainingConfig, shape: LMConfig,
        device: str = "cpu", precision: str = "fp32",
    ) -> None:  # fmt: skip
        self.train, self.valid, self.folder, self.config = train, valid, folder, config
        self.device, self.precision = torch.device(device), precision
        torch.manual_seed(config.seed)
        self.model = AudioLM(shape).to(self.device)
        self.generator = torch.Generator()  # seeded anew for every step
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), lr=config.learning_rate, betas=(0.9, 0.95), weight_decay=config.weight_decay,
            fused=True,
        )  # fmt: skip
        self.state = TrainingState({"lm": self.model}, {"lm": self.optimizer})
        self.settings = run_settings(config, shape, precision)
        self.step = self.state.load(folder, self.settings).step if (folder / "state.json").is_file() else 0

    def run(self, max_minutes: float = math.inf) -> None:
        """Train until the last step or a time; the state is saved on the way out."""
        started = saved = time.monotonic()
        try:
            for _ in steps_with_bar("player", lambda: self.step, self.config.steps):
                parallel.seed_step(self.generator, self.config.seed, self.step)
                loss = self._descend()
                self.step += 1
                now = time.monotonic()
                if self.step % 100 == 0:
                    log_entry(
                        self.folder,
                        {"step": self.step, "seconds": round(now - started, 1), "loss": round(loss, 4)},
                    )
                if now - saved > self.config.checkpoint_minutes * 60:
                    saved = now
                    self._checkpoint()
                if parallel.agree(now - started > max_minutes * 60):
                    break
        finally:
            self._checkpoint()

    def _descend(self) -> float:
        """One step of the optimiser; the loss in nats a code."""
        config = self.config
        done = self.step / config.steps
        rate = config.learning_rate * min(1, (self.step + 1) / config.warmup_steps)
        for group in self.optimizer.param_groups:
            group["lr"] = rate * (0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * done)))
        windows = self._draw(self.train, config.batch, self.generator)
        conditions, has_score = self._drop(self._told(windows, self.generator))
        loss = self._loss(windows, conditions, has_score).mean()
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        parallel.average_gradients(self.model)
        nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
        self.optimizer.step()
        return float(loss.detach())

    def _draw(self, corpus: CodeShards, count: int, generator: torch.Generator) -> Windows:
        shape = self.model.config
        return corpus.windows(
            count,
            self.config.window_frames,
            generator,
            lead_in=self.model.pattern.lead_in,
            look_ahead=shape.look_ahead,
        )

    @staticmethod
    def _told(windows: Windows, generator: torch.Generator) -> list[Conditions]:
        """All there is to say of each row, with one of its captions."""
        picks = torch.rand(len(windows.clips), generator=generator).tolist()
        return [describe_clip(clip, pick) for clip, pick in zip(windows.clips, picks, strict=True)]

    def _drop(self, conditions: Sequence[Conditions]) -> tuple[list[Conditions], Tensor]:
        """Leave conditions out at random: what remains of each row's, and whether it keeps its score, [B]."""
        config = self.config
        names = list(vars(conditions[0]))
        chances = [config.drop_text if name == "text" else config.drop_attribute for name in names]
        draws = torch.rand(len(conditions), len(names) + 2, generator=self.generator)
        left, has_score = [], []
        for row, entry in zip(draws.tolist(), conditions, strict=True):
            nothing = row[-1] < config.drop_all
            dropped = [
                n for n, chance, draw in zip(names, chances, row, strict=False) if nothing or draw < chance
            ]
            left.append(replace(entry, **dict.fromkeys(dropped)))
            has_score.append(not nothing and row[-2] >= config.drop_score)
        return left, torch.tensor(has_score)

    def _loss(self, windows: Windows, conditions: Sequence[Conditions], has_score: Tensor) -> Tensor:
        """Mean cross-entropy of each stream, [K]."""
        model = self.model
        prompting: Prompting = model.prompting(conditions, windows.frames, has_score).to(self.device)
        codes = windows.codes[:, : model.config.streams].to(self.device)
        previous, wanted, clock = model.pattern.training_pair(codes, model.pattern.lead_in, model.nothing)
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16"):
            added, memory, mask = model.condition(prompting)
            logits = model(previous, added[:, clock], memory, mask)  # [B, T, K, V]
        wanted = wanted.transpose(1, 2)  # [B, T, K]
        losses = F.cross_entropy(
            logits.float().flatten(0, 2), wanted.flatten(), ignore_index=model.nothing, reduction="none"
        ).view(wanted.shape)  # [B, S, K]
        present = wanted != model.nothing
        return (losses * present).sum((0, 1)) / present.sum((0, 1)).clamp_min(1)

    @torch.no_grad()
    def validate(self) -> dict[str, list[float]]:
        """Cross-entropy of each stream on fixed valid windows, with everything given and with text alone."""
        fixed = torch.Generator().manual_seed(1)
        rounds = 10
        totals = {
            "given": torch.zeros(self.model.config.streams),
            "text": torch.zeros(self.model.config.streams),
        }
        self.model.eval()
        for _ in range(rounds):
            windows = self._draw(self.valid, 8, fixed)
            yes = torch.ones(8, dtype=torch.bool)
            told = self._told(windows, fixed)
            totals["given"] += self._loss(windows, told, yes).cpu() / rounds
            texts = [Conditions(text=entry.text) for entry in told]
            totals["text"] += self._loss(windows, texts, ~yes).cpu() / rounds
        self.model.train()
        return {name: [round(value, 4) for value in total.tolist()] for name, total in totals.items()}

    def _checkpoint(self) -> None:
        if parallel.rank() > 0:
            return
        figures = self.validate()
        self.state.save(self.folder, Progress(self.step, self.settings))
        training = dict(asdict(self.config).items())
        save_player(self.model, self.folder, {"step": self.step, "valid": figures, "training": training})
        log_entry(self.folder, {"step": self.step, "valid": figures})


def describe_clip(clip: ShardClip, pick: float) -> Conditions:
    """A clip's attributes and one of its captions; `pick` in 0 ... 1 chooses which."""
    return Conditions(
        text=clip.captions[int(pick * len(clip.captions))] if clip.captions else None,
        instrument=clip.instrument, accompaniment=clip.accompaniment, style=clip.style, tempo_bpm=clip.tempo_bpm,
        kind=clip.kind, mode=clip.mode, mood=clip.mood,
    )  # fmt: skip
