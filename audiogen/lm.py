"""The audio language model: several code streams, predicted step by step under score, attributes and text.

Axes: B batch, K streams (codebooks), S frames, T steps, R score streams, D width, V codebook size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from audiogen.attention import KeyValueCache
from audiogen.conditions import Conditions, ConditionTables
from audiogen.patterns import pattern_of
from audiogen.text_encoder import TextEncoder
from audiogen.transformer import Transformer, TransformerConfig
from symbolic_bridge.conditioner import ScoreConditioner


@dataclass(frozen=True)
class LMConfig:
    """Shape of a player.

    `streams`: how many of the codec's codebooks it writes. `codec_identity`: the codec whose codes it was trained
    on. `pattern`: how the streams become steps, a name of `patterns.PATTERNS`. `look_ahead`: a step whose clock shows
    frame s is told the score of frame s and, a second time, of frame s + look_ahead. `window` counts steps.
    """

    codec_identity: str
    frame_rate: tuple[int, int] = (50, 1)
    streams: int = 4
    codebook_size: int = 1024
    width: int = 256
    layers: int = 6
    heads: int = 4
    feedforward_width: int = 896
    cross_attention_every: int = 4
    window: int = 256
    look_ahead: int = 6
    text_vocabulary: int = 1024
    text_width: int = 96
    text_layers: int = 2
    text_tokens: int = 48
    tables: ConditionTables = field(default_factory=ConditionTables)
    pattern: str = "delay"

    def __post_init__(self) -> None:
        if isinstance(self.tables, dict):  # read from JSON
            object.__setattr__(self, "tables", ConditionTables(**self.tables))
        object.__setattr__(self, "frame_rate", tuple(self.frame_rate))
        if self.streams < 1 or self.codebook_size < 2 or self.look_ahead < 0:
            raise ValueError(
                f"streams {self.streams}, codebook_size {self.codebook_size}, look_ahead {self.look_ahead}: "
                "at least 1, 2 and 0 are needed"
            )
        pattern_of(self.pattern, self.streams)

    @property
    def transformer(self) -> TransformerConfig:
        """Shape of the body."""
        return TransformerConfig(
            width=self.width, layers=self.layers, heads=self.heads, feedforward_width=self.feedforward_width,
            causal=True, cross_attention_every=self.cross_attention_every, window=self.window,
        )  # fmt: skip


@dataclass(frozen=True)
class Prompting:
    """Everything a batch is conditioned on, as tensors.

    `score` int64 [B, R, S + look_ahead] (frames that the steps' clock shows, and beyond), `has_score` bool [B],
    `attributes` int64 [B, A], `text` int64 [B, M].
    """

    score: Tensor
    has_score: Tensor
    attributes: Tensor
    text: Tensor

    def to(self, device: torch.device | str) -> Prompting:
        return Prompting(*(value.to(device) for value in vars(self).values()))


class AudioLM(nn.Module):
    """Predicts the codes of step t from those of the steps before it and from what it is told."""

    attribute_starts: Tensor
    stream_starts: Tensor

    def __init__(self, config: LMConfig) -> None:
        super().__init__()
        self.config = config
        self.pattern = pattern_of(config.pattern, config.streams)
        width, entries = config.width, config.codebook_size + 1
        self.nothing = config.codebook_size  # stands where no frame is yet
        self.codes = nn.Embedding(config.streams * entries, width)
        self.score = ScoreConditioner(width)
        self.ahead = nn.Linear(width, width, bias=False)
        sizes = config.tables.sizes
        self.attributes = nn.Embedding(sum(sizes), width)
        self.text = TextEncoder(
            config.text_vocabulary, config.text_width, config.text_layers, width, config.text_tokens
        )
        self.body = Transformer(config.transformer)
        self.heads = nn.Linear(width, config.streams * config.codebook_size, bias=False)
        self.register_buffer(
            "stream_starts", torch.arange(config.streams)[:, None] * entries, persistent=False
        )
        self.register_buffer("attribute_starts", torch.tensor([0, *sizes[:-1]]).cumsum(0), persistent=False)
        nn.init.normal_(self.codes.weight, std=config.streams**-0.5)
        nn.init.normal_(self.attributes.weight, std=len(sizes) ** -0.5)
        nn.init.normal_(self.ahead.weight, std=0.5 * width**-0.5)
        nn.init.normal_(self.heads.weight, std=0.02)

    def prompting(self, conditions: Sequence[Conditions], score: Tensor, has_score: Tensor) -> Prompting:
        """Conditions of B clips as tensors; `score` as in `Prompting`."""
        tables = self.config.tables
        attributes = torch.tensor([tables.ids(entry) for entry in conditions])
        return Prompting(score, has_score, attributes, self.text.tokens([entry.text for entry in conditions]))

    def condition(self, prompting: Prompting) -> tuple[Tensor, Tensor, Tensor]:
        """What is added to the steps of every frame [B, S, D], the memory [B, M, D] and its mask [B, M]."""
        score = self.score(prompting.score, prompting.has_score)  # [B, S + look_ahead, D]
        ahead = self.config.look_ahead
        frames = score.shape[1] - ahead
        attributes = self.attributes(prompting.attributes + self.attribute_starts).sum(1)  # [B, D]
        added = score[:, :frames] + self.ahead(score[:, ahead:]) + attributes[:, None]  # [B, S, D]
        return added, *self.text(prompting.text)

    def forward(
        self,
        previous: Tensor,
        added: Tensor,
        memory: Tensor,
        mask: Tensor,
        cache: KeyValueCache | None = None,
        maps: list[Tensor] | None = None,
    ) -> Tensor:
        """Logits of each step's codes.

        Args:
            previous: int64 [B, K, T], the codes of the step before each step, `nothing` where there is none.
            added: [B, T, D], from `condition` and the pattern's clock.
            memory, mask: from `condition`.
            cache: of the steps before, in decoding.
            maps: gets the weights of every layer's self-attention, [B, H, T, T] each.

        Returns:
            [B, T, K, V].
        """
        x = self.codes(previous + self.stream_starts).sum(1) + added  # [B, T, D]
        hidden = self.body(x, memory=memory, memory_mask=mask, cache=cache, maps=maps)
        return self.heads(hidden).unflatten(-1, (self.config.streams, self.config.codebook_size))
