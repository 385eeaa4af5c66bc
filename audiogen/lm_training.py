"""Training the player on shards of codes and score frames. Exact resume; see `codec.training_state`."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from audiogen.conditions import Conditions
from audiogen.data.shards import CodeShards, ShardClip, Windows
from audiogen.decoding import ANY
from audiogen.lm import HEARD_STREAMS, AudioLM, LMConfig
from audiogen.patterns import pattern_of
from audiogen.player import Sampling, save_player
from codec import parallel
from codec.training_log import log_entry, steps_with_bar
from codec.training_state import Progress, TrainingState, run_settings
from symbolic_bridge.frames import STREAM_SIZES

UNCOUNTED = -100  # stands for a score frame that is not to be predicted
VALID_ROUNDS = 10
SELF_FED_ROUNDS = 2  # the second time, what it hears has followed errors already


@dataclass(frozen=True)
class LMTrainingConfig:
    """How long and how hard to train, and how often each condition is given or left out.

    Dropping makes one model serve every subset of the conditions, and gives classifier-free guidance its
    unconditioned half. Text is dropped often because the attributes mostly say the same, and attributes are dropped
    often beside an excerpt. `late`: share of windows that are transcribed. After `steps` come `finishing_steps`, at
    rates from `finishing_rate` down, in which `self_fed` of the windows that are played from a score hear, in place of
    what was played, what the model draws itself: it learns to come back from its own errors (parallel scheduled
    sampling; Duckworth et al. 2019, arXiv:1906.04331).
    """

    steps: int = 16000
    finishing_steps: int = 3000
    finishing_rate: float = 2e-4
    self_fed: float = 0.75
    batch: int = 4  # of each process
    window_frames: int = 320
    learning_rate: float = 1e-3
    warmup_steps: int = 200
    weight_decay: float = 0.05
    drop_score: float = 0.15
    drop_text: float = 0.5
    drop_attribute: float = 0.15
    drop_words: float = 0.05
    drop_all: float = 0.05
    excerpt: float = 0.25
    drop_beside_excerpt: float = 0.5
    late: float = 0.15
    checkpoint_minutes: float = 4.0
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.steps, self.batch, self.window_frames) < 1 or self.finishing_steps < 0:
            raise ValueError(
                f"steps, batch and window_frames must all be at least 1, finishing_steps at least 0: {self}"
            )

    @property
    def total_steps(self) -> int:
        """Of the whole run."""
        return self.steps + self.finishing_steps

    def rate(self, step: int) -> float:
        """Learning rate of a step: warmed up, then down along a cosine, and so again when finishing."""
        finishing = step >= self.steps
        highest = self.finishing_rate if finishing else self.learning_rate
        done, count = (step - self.steps, self.finishing_steps) if finishing else (step, self.steps)
        warm = min(1, (done + 1) / self.warmup_steps)
        return highest * warm * (0.02 + 0.98 * (0.5 + 0.5 * math.cos(math.pi * done / max(1, count))))


@dataclass(frozen=True)
class Told:
    """What the model is told of each of B windows; the masks are bool [B]. `self_fed`: it hears what it draws."""

    conditions: Sequence[Conditions]
    has_score: Tensor
    late: Tensor
    has_excerpt: Tensor
    self_fed: Tensor

    @classmethod
    def of(
        cls, conditions: Sequence[Conditions], *, score: bool, late: bool = False, excerpt: bool = False
    ) -> Told:
        """The same for all windows."""
        masks = (torch.full((len(conditions),), value) for value in (score, late, excerpt, False))
        return cls(conditions, *masks)


@dataclass(frozen=True)
class Losses:
    """Mean cross-entropies in nats: of every code stream [K], and of every score stream [R] by name order."""

    codes: Tensor
    score: Tensor


class LMTrainer:
    """One training run in one folder, which it resumes from if it has been there before.

    Args:
        train, valid: shards coded by the codec that `shape` names.
        folder: for the state, the log and the weights.
        config: of the run.
        shape: of the player.
        device: "cpu" or "cuda".
        precision: "fp32" or "bf16" for the matrix products.
        network: makes the player of a shape; another one than `AudioLM` is for those who try something out.
    """

    def __init__(
        self, train: CodeShards, valid: CodeShards, folder: Path, config: LMTrainingConfig, shape: LMConfig,
        device: str = "cpu", precision: str = "fp32", network: Callable[[LMConfig], AudioLM] = AudioLM,
    ) -> None:  # fmt: skip
        if config.finishing_steps and not pattern_of(shape.pattern, shape.streams).is_a_frame_a_step:
            raise ValueError(f"pattern {shape.pattern!r} cannot be finished: it writes no frame a step")
        self.train, self.valid, self.folder, self.config = train, valid, folder, config
        self.device, self.precision = torch.device(device), precision
        torch.manual_seed(config.seed)
        self.model = network(shape).to(self.device)
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
            for _ in steps_with_bar("player", lambda: self.step, self.config.total_steps):
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
        """One step of the optimiser; the loss in nats of a frame, codes and score, over the number of codes."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.rate(self.step)
        windows = self._draw(self.train, self.config.batch, self.generator)
        losses = self._losses(windows, self._drop(self._all_of(windows, self.generator)))
        loss = (losses.codes.sum() + losses.score.sum()) / len(losses.codes)
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
            look_ahead=shape.look_ahead + 1,
            look_back=shape.late_frames,
            before=shape.look_ahead + 1,
            excerpt=shape.excerpt_frames,
        )

    @staticmethod
    def _all_of(windows: Windows, generator: torch.Generator) -> list[Conditions]:
        """All there is to say of each row, with one of its captions."""
        picks = torch.rand(len(windows.clips), generator=generator).tolist()
        return [describe_clip(clip, pick) for clip, pick in zip(windows.clips, picks, strict=True)]

    def _drop(self, conditions: Sequence[Conditions]) -> Told:
        """Leave conditions out at random: what remains of each row's."""
        config = self.config
        names = list(vars(conditions[0]))
        draws = torch.rand(len(conditions), len(names) + 5, generator=self.generator)
        nothing = draws[:, -1] < config.drop_all
        no_words = nothing | (draws[:, -2] < config.drop_words)
        excerpt = ~nothing & (draws[:, -3] < config.excerpt)
        late = draws[:, -4] < config.late
        left = []
        for row, entry in enumerate(conditions):
            attribute = config.drop_beside_excerpt if excerpt[row] else config.drop_attribute
            chances = {name: config.drop_text if name == "text" else attribute for name in names}
            drawn = zip(chances.items(), draws[row].tolist(), strict=False)
            dropped = [name for (name, chance), draw in drawn if no_words[row] or draw < chance]
            left.append(replace(entry, **dict.fromkeys(dropped)))
        has_score = late | (~nothing & (draws[:, -5] >= config.drop_score))
        self_fed = torch.zeros_like(late)
        if self.step >= config.steps:
            drawn = torch.rand(len(conditions), generator=self.generator) < config.self_fed
            self_fed = drawn & has_score & ~late
        return Told(left, has_score, late, excerpt, self_fed)

    def _losses(self, windows: Windows, told: Told) -> Losses:
        """The codes of windows that are played, and the score of all that have one."""
        model, shape = self.model, self.model.config
        late = told.late[:, None, None]
        frames = self.config.window_frames
        # Of a late score only what can be heard is told, so many frames after its sound.
        heard = torch.tensor([name in HEARD_STREAMS for name in STREAM_SIZES])[:, None]
        score = torch.where(
            late, windows.frames[..., : -shape.late_frames] * heard, windows.frames[..., shape.late_frames :]
        )  # [B, R, S + look_ahead + 1]
        excerpt = windows.excerpts[:, : shape.streams].masked_fill(
            ~told.has_excerpt[:, None, None], model.nothing
        )
        prompting = model.prompting(
            told.conditions, score[..., :-1], told.has_score, late=told.late, excerpt=excerpt
        ).to(self.device)
        codes = windows.codes[:, : shape.streams].to(self.device)
        previous, wanted, clock = model.pattern.training_pair(codes, model.pattern.lead_in, model.nothing)
        # Without the cache, since weights that were rounded where no gradient is kept would have none afterwards.
        with torch.autocast(
            self.device.type, torch.bfloat16, enabled=self.precision == "bf16", cache_enabled=False
        ):
            added, memory, mask = model.condition(prompting)
            added = added[:, clock]
            if told.self_fed.any():
                previous = self._fed_by_itself(previous, told.self_fed, added, memory, mask)
            hidden = model.hidden(previous, added, memory, mask)  # [B, T, D]
            ahead = score[..., -frames:].to(self.device)[..., clock]  # [B, R, T]
            logits = model.code_logits(hidden, wanted)
            said = {"pitch": model.pitch_logits(hidden), **model.score_logits(hidden, ahead[:, 0])}
        played = torch.where(late.to(self.device), model.nothing, wanted)  # [B, K, T]
        losses = []
        for row, name in enumerate(STREAM_SIZES):
            counted = told.has_score & (~told.late | (name in HEARD_STREAMS))
            target = torch.where(counted[:, None].to(self.device), ahead[:, row], UNCOUNTED)
            losses.append(mean_nats(said[name], target, UNCOUNTED))
        return Losses(
            torch.stack(
                [mean_nats(logits[:, :, k], played[:, k], model.nothing) for k in range(shape.streams)]
            ),
            torch.stack(losses),
        )

    @torch.no_grad()
    def _fed_by_itself(
        self, previous: Tensor, self_fed: Tensor, added: Tensor, memory: Tensor, mask: Tensor
    ) -> Tensor:
        """`previous` [B, K, T] of the windows `self_fed` with what the model draws for those steps.

        The steps before the first stay. Drawn is at the temperature of playing; its guidance, which would need a second
        pass, and its top_k are left out.
        """
        own = self_fed.to(self.device)[:, None, None] & (previous[..., 1:] != self.model.nothing)
        known = torch.full((previous[:, 0].numel(), previous.shape[1]), ANY, device=self.device)
        for _ in range(SELF_FED_ROUNDS):
            hidden = self.model.hidden(previous, added, memory, mask)
            drawn = self.model.draw(hidden.flatten(0, 1), known, self._drawn)  # [B T, K]
            drawn = drawn.unflatten(0, hidden.shape[:2]).transpose(1, 2)[..., :-1]
            heard = torch.where(own, drawn, previous[..., 1:])
            previous = torch.cat((previous[..., :1], heard), dim=-1)
        return previous

    def _drawn(self, logits: Tensor) -> Tensor:
        """A code of each row [..., V] -> [...], by one random number each, since `sample` takes one for every code."""
        chances = (logits.float() / Sampling.temperature).softmax(-1).cumsum(-1)
        places = torch.rand((*logits.shape[:-1], 1), generator=self.generator).to(logits.device)
        return torch.searchsorted(chances, places * chances[..., -1:])[..., 0].clamp_max(logits.shape[-1] - 1)

    @torch.no_grad()
    def validate(self) -> dict[str, list[float]]:
        """Cross-entropies on fixed valid windows: of each code stream under several conditions, and of the score.

        `melody` is the score ahead of the sound and all else given, `heard` pitch and age of a late score from sound.
        """
        fixed = torch.Generator().manual_seed(1)
        totals: dict[str, Tensor] = {}
        self.model.eval()
        for _ in range(VALID_ROUNDS):
            windows = self._draw(self.valid, 8, fixed)
            told = self._all_of(windows, fixed)
            texts, nothing = [Conditions(text=entry.text) for entry in told], [Conditions()] * len(told)
            given = self._losses(windows, Told.of(told, score=True))
            heard = self._losses(windows, Told.of(nothing, score=True, late=True)).score
            figures = {
                "given": given.codes,
                "text": self._losses(windows, Told.of(texts, score=False)).codes,
                "score": self._losses(windows, Told.of(nothing, score=True)).codes,
                "score and excerpt": self._losses(windows, Told.of(nothing, score=True, excerpt=True)).codes,
                "melody": given.score,
                "heard": heard[[list(STREAM_SIZES).index(name) for name in HEARD_STREAMS]],
            }
            for name, value in figures.items():
                totals[name] = totals.get(name, torch.zeros(1)) + value.cpu() / VALID_ROUNDS
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


def mean_nats(logits: Tensor, wanted: Tensor, uncounted: int) -> Tensor:
    """Mean cross-entropy [] of logits [B, T, V] where `wanted` [B, T] is not `uncounted`; 0 where it is everywhere."""
    total = F.cross_entropy(
        logits.float().flatten(0, 1), wanted.flatten(), ignore_index=uncounted, reduction="sum"
    )
    return total / (wanted != uncounted).sum().clamp_min(1)


def describe_clip(clip: ShardClip, pick: float) -> Conditions:
    """A clip's attributes and one of its captions; `pick` in 0 ... 1 chooses which."""
    return Conditions(
        text=clip.captions[int(pick * len(clip.captions))] if clip.captions else None,
        instrument=clip.instrument, accompaniment=clip.accompaniment, style=clip.style, tempo_bpm=clip.tempo_bpm,
        kind=clip.kind, tonic=clip.tonic, mode=clip.mode, mood=clip.mood,
    )  # fmt: skip
