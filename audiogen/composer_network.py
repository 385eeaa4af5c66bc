"""The composer's networks: one that writes plans, one that writes notes along a plan.

Axes: B batch, L tokens, V vocabulary, D width.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from audiogen.transformer import KeyValueCache, Transformer, TransformerConfig
from symbolic_bridge.grammar import LOOK_BACK_BARS, MAX_BAR_TICKS
from symbolic_bridge.normal_form import DURATIONS, HIGHEST_PITCH, LOWEST_PITCH, MAX_PART_BARS
from symbolic_bridge.plan_guide import GUIDE_FEATURES
from symbolic_bridge.plan_tokens import SLOTS, plan_vocabulary
from symbolic_bridge.plans import MOST_NOTES
from symbolic_bridge.tune_tokens import vocabulary

NOTE_FEATURES = 2 + len(LOOK_BACK_BARS)


@dataclass(frozen=True)
class ComposerConfig:
    """Shape of the composer's networks; saved as JSON beside the weights.

    `levels` 2: the notes follow a plan that a network of `plan_...` shape writes; 1: there is no plan.
    """

    width: int = 192
    layers: int = 4
    heads: int = 6
    feedforward_width: int = 768
    dropout: float = 0.3
    vocabulary_size: int = len(vocabulary())
    levels: int = 2
    plan_width: int = 128
    plan_layers: int = 3
    plan_heads: int = 4
    plan_feedforward_width: int = 384
    plan_vocabulary_size: int = len(plan_vocabulary())

    def __post_init__(self) -> None:
        for name, size in (
            ("vocabulary_size", len(vocabulary())),
            ("plan_vocabulary_size", len(plan_vocabulary())),
        ):
            if getattr(self, name) != size:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be {size}")
        if self.levels not in (1, 2):
            raise ValueError(f"levels is {self.levels}; it must be 1 or 2")
        self.transformer()
        self.plan_transformer()

    def transformer(self) -> TransformerConfig:
        """The stack that writes notes."""
        return TransformerConfig(
            width=self.width,
            layers=self.layers,
            heads=self.heads,
            feedforward_width=self.feedforward_width,
            causal=True,
            dropout=self.dropout,
        )

    def plan_transformer(self) -> TransformerConfig:
        """The stack that writes plans."""
        return TransformerConfig(
            width=self.plan_width,
            layers=self.plan_layers,
            heads=self.plan_heads,
            feedforward_width=self.plan_feedforward_width,
            causal=True,
            dropout=self.dropout,
        )


class TokenEmbedding(nn.Module):
    """One vector per id: its own, plus that of its pitch, pitch class and duration where it is a note.

    860 note tokens would otherwise have to be learned one by one; the parts are shared among all of them. The same
    matrix scores the output.
    """

    traits: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        table = vocabulary()
        size, pitches = len(table), HIGHEST_PITCH - LOWEST_PITCH + 2
        traits = torch.zeros(size, pitches + 13 + len(DURATIONS))
        for index, (pitch, ticks) in enumerate(zip(table.pitch, table.ticks, strict=True)):
            if ticks:
                traits[index, pitch - LOWEST_PITCH + 1 if pitch else 0] = 1.0
                traits[index, pitches + (pitch % 12 + 1 if pitch else 0)] = 1.0
                traits[index, pitches + 13 + DURATIONS.index(ticks)] = 1.0
        self.register_buffer("traits", traits, persistent=False)
        self.own = nn.Parameter(torch.randn(size, width) * width**-0.5)
        self.shared = nn.Parameter(torch.randn(traits.shape[1], width) * width**-0.5)

    def matrix(self) -> Tensor:
        """All vectors, [V, D]."""
        return self.own + self.traits @ self.shared


class PlanGuide(nn.Module):
    """What the note network hears of the plan, added to its input; nothing at first, so that it may start untold."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.related = nn.Linear(width, width, bias=False)
        self.notes_left = nn.Embedding(MOST_NOTES + 2, width)
        self.now = nn.Embedding(len(plan_vocabulary()), width)
        self.following = nn.Embedding(len(plan_vocabulary()), width)
        for module in (self.related, self.notes_left, self.now, self.following):
            nn.init.zeros_(module.weight)

    def forward(self, features: Tensor, matrix: Tensor) -> Tensor:
        """features [B, L, GUIDE_FEATURES] and all note vectors [V, D] -> [B, L, D]."""
        slots = len(SLOTS)
        return (
            self.related(matrix[features[..., 0]])
            + self.notes_left(features[..., 1])
            + self.now(features[..., 2 : 2 + slots]).sum(dim=-2)
            + self.following(features[..., 2 + slots : GUIDE_FEATURES]).sum(dim=-2)
        )


class Planner(nn.Module):
    """Writes plans, token by token."""

    def __init__(self, config: ComposerConfig) -> None:
        super().__init__()
        width = config.plan_width
        self.width = width
        self.tokens = nn.Embedding(len(plan_vocabulary()), width)
        self.slot = nn.Embedding(len(SLOTS) + 1, width)
        self.bars_left = nn.Embedding(MAX_PART_BARS + 1, width)
        self.look_back = nn.ModuleList(
            nn.Linear(width, width, bias=False) for _ in (*LOOK_BACK_BARS, "related")
        )
        self.transformer = Transformer(config.plan_transformer())
        self.output_scale = nn.Parameter(torch.tensor(0.25))
        for table in (self.tokens, self.slot, self.bars_left):
            nn.init.normal_(table.weight, std=width**-0.5)

    def forward(self, ids: Tensor, features: Tensor, cache: KeyValueCache | None = None) -> Tensor:
        """Logits of the next id, [B, L, V], for ids [B, L] with features [B, L, PLAN_FEATURES]."""
        x = self.tokens(ids) + self.slot(features[..., 0]) + self.bars_left(features[..., 1])
        for index, project in enumerate(self.look_back):
            x = x + project(self.tokens(features[..., 2 + index]))
        x = self.transformer(x * self.width**0.5 / 2, cache=cache)
        return (x * self.output_scale) @ self.tokens.weight.t()


class NoteWriter(nn.Module):
    """Writes notes; where the config has two levels, along a plan.

    It knows, besides the token itself, where in the bar the next note starts, how many bars the part still has, and
    which notes started at that place 1, 2, 4 and 8 bars ago (the distances at which folk phrases repeat, after
    Museformer, arXiv:2210.10349): repetition, the hardest thing to learn from few tunes, is then one look away.
    """

    def __init__(self, config: ComposerConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.tokens = TokenEmbedding(width)
        self.position = nn.Embedding(MAX_BAR_TICKS + 1, width)
        self.bars_left = nn.Embedding(MAX_PART_BARS + 1, width)
        self.look_back = nn.ModuleList(nn.Linear(width, width, bias=False) for _ in LOOK_BACK_BARS)
        self.transformer = Transformer(config.transformer())
        self.output_scale = nn.Parameter(torch.tensor(0.25))
        for table in (self.position, self.bars_left):
            nn.init.normal_(table.weight, std=width**-0.5)
        self.guide = PlanGuide(width) if config.levels == 2 else None

    def embed(self, ids: Tensor, features: Tensor, matrix: Tensor) -> Tensor:
        """ids [B, L], features [B, L, NOTE_FEATURES and perhaps GUIDE_FEATURES], note vectors [V, D] -> [B, L, D]."""
        x = matrix[ids] + self.position(features[..., 0]) + self.bars_left(features[..., 1])
        for index, project in enumerate(self.look_back):
            x = x + project(matrix[features[..., 2 + index]])
        if self.guide is not None:
            # Without a plan everything of it is open, which is 0.
            planned = max(0, NOTE_FEATURES + GUIDE_FEATURES - features.shape[-1])
            x = x + self.guide(functional.pad(features, (0, planned))[..., NOTE_FEATURES:], matrix)
        return x * self.config.width**0.5 / 2

    def forward(self, ids: Tensor, features: Tensor) -> Tensor:
        """Logits of the next id.

        Args:
            ids: int64 [B, L].
            features: int64 [B, L, NOTE_FEATURES] of `grammar.feature_rows`, or with GUIDE_FEATURES more of
                `plan_tokens.guided_rows`.

        Returns:
            [B, L, V].
        """
        matrix = self.tokens.matrix()
        x = self.transformer(self.embed(ids, features, matrix))
        return (x * self.output_scale) @ matrix.t()
