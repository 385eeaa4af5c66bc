"""Training the guesser of `codec.entropy` on the codes of a pool, rounded to whole numbers from the first step on.

Axes: B batch, K codebooks, S frames, V entries, D features, N frames drawn from anywhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.entropy import (
    HIDDEN_UNIT,
    INPUT_UNIT,
    LARGEST,
    LARGEST_BIAS,
    WEIGHT_UNIT,
    EntropyCoder,
    Guesser,
    GuesserConfig,
)
from codec.guesser_files import codec_tables
from codec.model import Codec
from codec.pool import AudioPool
from codec.types import Waveform

Progress = Callable[[float], None]
# Crops that are encoded at once.
CROPS_AT_ONCE = 16


@dataclass(frozen=True)
class GuesserTrainingConfig:
    """How long and how hard to train, and on how much sound."""

    steps: int = 600
    batch: int = 1024  # frames
    crops: int = 2000
    valid_crops: int = 200
    crop_seconds: float = 5.0
    learning_rate: float = 3e-3
    weight_decay: float = 0.02
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.steps, self.batch, self.crops, self.valid_crops) < 1 or self.crop_seconds <= 0:
            raise ValueError(f"steps, batch and crops must be at least 1, and crops have a length: {self}")


class _RoundedLinear(nn.Linear):
    """A linear layer whose weights and biases are whole multiples of what the guesser counts in."""

    def __init__(self, inputs: int, outputs: int, input_unit: int) -> None:
        super().__init__(inputs, outputs)
        self.bias_unit = input_unit * WEIGHT_UNIT

    def forward(self, input: Tensor) -> Tensor:
        weight = _rounded(self.weight, WEIGHT_UNIT, LARGEST)
        bias = _rounded(self.bias, self.bias_unit, LARGEST_BIAS)
        return F.linear(input, weight, bias)

    def integers(self) -> tuple[np.ndarray, np.ndarray]:
        """Weights int8 and biases int32."""
        weight = (self.weight * WEIGHT_UNIT).round().clamp(-LARGEST, LARGEST)
        bias = (self.bias * self.bias_unit).round().clamp(-LARGEST_BIAS, LARGEST_BIAS)
        return weight.to(torch.int8).cpu().numpy(), bias.to(torch.int32).cpu().numpy()


def _rounded(values: Tensor, unit: int, largest: int) -> Tensor:
    """The nearest multiple of 1 / unit within the limits; gradients pass straight through."""
    rounded = (values * unit).round().clamp(-largest, largest) / unit
    return values + (rounded - values).detach()


def _activated(sums: Tensor) -> Tensor:
    """ReLU to whole multiples of 1 / HIDDEN_UNIT, rounded down as the guesser does."""
    bounded = sums.clamp(0, LARGEST / HIDDEN_UNIT)
    return bounded + ((bounded * HIDDEN_UNIT).floor() / HIDDEN_UNIT - bounded).detach()


class TrainableGuesser(nn.Module):
    """The guesser as a differentiable network; scores are in doublings of likelihood.

    Args:
        config: its shape.
        tables: codebook vectors as integers in INPUT_UNIT, [K, V, D].
    """

    tables: Tensor

    def __init__(self, config: GuesserConfig, tables: np.ndarray) -> None:
        super().__init__()
        self.config = config
        self.register_buffer("tables", torch.from_numpy(tables.astype(np.float32)))
        first, second = config.first_width, config.second_width
        self.networks = nn.ModuleList(
            nn.ModuleList(
                [
                    _RoundedLinear(2 * config.latent_size, first, INPUT_UNIT),
                    _RoundedLinear(first, second, HIDDEN_UNIT),
                    _RoundedLinear(second, config.codebook_size, HIDDEN_UNIT),
                ]
            )
            for _ in range(config.codebooks)
        )

    def forward(self, before: Tensor, now: Tensor) -> Tensor:
        """Mean bits of the codes of each codebook, [K].

        Args:
            before: codes of the frames before, [N, K], -1 where there is none: at the start of a block, or in the
                codebooks that a block goes without.
            now: codes of the frames, [N, K].
        """
        chosen = torch.stack([table[before[:, k].clamp_min(0)] for k, table in enumerate(self.tables)], dim=1)
        previous = (chosen * (before >= 0)[..., None]).sum(1)  # [N, D]
        partial = torch.zeros_like(previous)
        bits = []
        for k, network in enumerate(self.networks):
            context = torch.cat([previous, partial], dim=1).clamp(-LARGEST, LARGEST) / INPUT_UNIT
            first, second, score = network  # type: ignore[misc]
            scores = score(_activated(second(_activated(first(context)))))
            bits.append(F.cross_entropy(scores * math.log(2), now[:, k]) / math.log(2))
            partial = partial + self.tables[k, now[:, k]]
        return torch.stack(bits)

    @torch.no_grad()
    def weights(self) -> dict[str, np.ndarray]:
        """What `codec.entropy.Guesser` takes."""
        found: dict[str, np.ndarray] = {}
        for k, network in enumerate(self.networks):
            for name, layer in zip(("first", "second", "score"), network, strict=True):  # type: ignore[call-overload]
                found[f"{k}.{name}.weight"], found[f"{k}.{name}.bias"] = layer.integers()
        return found

    def guesser(self) -> Guesser:
        return Guesser(self.config, self.tables.cpu().numpy(), self.weights())


def _silent(_: float) -> None:
    """Tell nobody."""


@dataclass(frozen=True)
class FittedGuesser:
    """A guesser and what it takes of the valid pool: bits a frame of each codebook, and of plain bits in all."""

    guesser: Guesser
    bits: tuple[float, ...]
    plain_bits: float

    @property
    def pays(self) -> bool:
        """Whether it saves anything."""
        return sum(self.bits) < self.plain_bits

    @property
    def details(self) -> dict[str, Any]:
        """For guesser.json."""
        return {"valid_bits": [round(bits, 3) for bits in self.bits], "plain_bits": self.plain_bits}


def fit_guesser(
    codec: Codec, pool: AudioPool, valid: AudioPool, config: GuesserTrainingConfig, progress: Progress = _silent
) -> FittedGuesser:  # fmt: skip
    """Train a guesser for a codec's codes, and measure it.

    Args:
        codec: as it is loaded from its folder: a later training would change its codes.
        pool: sound to learn from.
        valid: sound to measure on.
        config: how long, and on how much.
        progress: told what share of the work is done.
    """
    generator = torch.Generator().manual_seed(config.seed)
    shape = codec.config
    tokens = pool_tokens(
        codec, pool, config.crops, config.crop_seconds, generator, lambda done: progress(done / 2)
    )
    scale = best_scale(codec, tokens)
    network = train_guesser(
        GuesserConfig(shape.codebooks, shape.codebook_size, shape.latent_size, scale=scale),
        codec_tables(codec, scale), tokens, config, lambda done: progress(0.5 + done / 2),
    )  # fmt: skip
    measured = pool_tokens(codec, valid, config.valid_crops, config.crop_seconds, generator)
    coder = EntropyCoder(network.guesser())
    bits = np.mean([coder.bits(codes) for codes in measured.numpy()], axis=0) / measured.shape[-1]
    plain = shape.codebooks * (shape.codebook_size - 1).bit_length()
    return FittedGuesser(coder.guesser, tuple(map(float, bits)), float(plain))


@torch.inference_mode()
def pool_tokens(
    codec: Codec, pool: AudioPool, crops: int, seconds: float, generator: torch.Generator,
    progress: Progress = _silent,
) -> Tensor:  # fmt: skip
    """Codes of random crops of a pool with all codebooks, [B, K, S]; at least two frames each."""
    config = codec.config
    samples = max(2, round(seconds * codec.spec.frame_rate)) * config.hop_samples
    parts = []
    for first in range(0, crops, CROPS_AT_ONCE):
        sound = pool.crops(min(CROPS_AT_ONCE, crops - first), samples, generator)
        parts.append(codec.encode(Waveform(_with_channels(sound), config.sample_rate)).tokens.cpu())
        progress(min(1.0, (first + CROPS_AT_ONCE) / crops))
    return torch.cat(parts)


def _with_channels(sound: Tensor) -> Tensor:
    """Crops [B, T] of a mono pool, or [B, C, T], as [B, C, T]."""
    return sound if sound.ndim == 3 else sound[:, None]


def best_scale(codec: Codec, tokens: Tensor) -> float:
    """The power of two that brings the standard deviation of the latents of codes [B, K, S] nearest to INPUT_UNIT."""
    spread = float(codec.quantizer.decode(tokens[:200].to(codec.quantizer.books[0].vectors.device)).std())
    return 2.0 ** round(math.log2(INPUT_UNIT / spread)) if spread > 0 else 1.0


def train_guesser(
    config: GuesserConfig, tables: np.ndarray, tokens: Tensor, training: GuesserTrainingConfig,
    progress: Progress = _silent,
) -> TrainableGuesser:  # fmt: skip
    """Fit a guesser to codes [B, K, S]; half of the frames before are shown with fewer codebooks, 5 % not at all."""
    generator = torch.Generator().manual_seed(training.seed)
    torch.manual_seed(training.seed)
    network = TrainableGuesser(config, tables)
    optimizer = torch.optim.AdamW(
        network.parameters(), lr=training.learning_rate, weight_decay=training.weight_decay
    )
    for step in range(training.steps):
        for group in optimizer.param_groups:
            group["lr"] = training.learning_rate * (1 - step / training.steps)
        before, now = draw_frames(tokens, training.batch, generator)
        loss = network(before, now).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        progress((step + 1) / training.steps)
    return network


def draw_frames(tokens: Tensor, count: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """`count` random frames of codes [B, K, S] and the frames before them, [count, K] each; -1 where none is shown."""
    depth = tokens.shape[1]
    clips = torch.randint(len(tokens), (count,), generator=generator)
    frames = torch.randint(1, tokens.shape[-1], (count,), generator=generator)
    shown = torch.randint(1, depth + 1, (count,), generator=generator)
    shown[torch.rand(count, generator=generator) < 0.5] = depth
    shown[torch.rand(count, generator=generator) < 0.05] = 0
    before = torch.where(torch.arange(depth) < shown[:, None], tokens[clips, :, frames - 1], -1)
    return before, tokens[clips, :, frames]
