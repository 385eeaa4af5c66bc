"""The one transformer: it serves the audio LM, the composer and the text encoder.

Pre-norm (RMSNorm, or LayerNorm as MusicGen has it), rotary positions (Su et al. 2021, arXiv:2104.09864) or none, fused
query-key-value projection, GELU feed-forward, no biases in projections, optional cross-attention to a memory, optional
sliding window.

Axes: B batch, S positions, D width, H heads, Dh width of a head, M memory slots.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from audiogen.attention import (
    CrossAttention,
    KeyValueCache,
    Memories,
    SelfAttention,
    Stored,
    causal_mask,
    rotary_angles,
)
from audiogen.cuda_graphs import RingStep


@dataclass(frozen=True)
class TransformerConfig:
    """Shape of a transformer.

    `cross_attention_every`: 0 for none, n for a cross-attention in every n-th layer.
    `window`: how many positions, itself included, a position sees on its left; 0 for all. Causal models only.
    `norm`: "rms", or "layer" with a bias. `rotary`: without it positions are the business of who adds them to the
    input. `null_slot`: whether a learned slot stands before every memory.
    """

    width: int
    layers: int
    heads: int
    feedforward_width: int
    causal: bool
    cross_attention_every: int = 0
    dropout: float = 0.0
    rope_base: float = 10000.0
    window: int = 0
    norm: str = "rms"
    rotary: bool = True
    null_slot: bool = True

    def __post_init__(self) -> None:
        for name in ("width", "layers", "heads", "feedforward_width"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")
        if self.width % self.heads or (self.width // self.heads) % 2:
            raise ValueError(f"width {self.width} over {self.heads} heads does not give an even head width")
        if not 0 <= self.cross_attention_every <= self.layers:
            raise ValueError(
                f"cross_attention_every is {self.cross_attention_every}; 0 ... {self.layers} are allowed"
            )
        if not 0.0 <= self.dropout < 1.0:
            raise ValueError(f"dropout is {self.dropout}; it must be in [0, 1)")
        if self.rope_base <= 1.0:
            raise ValueError(f"rope_base is {self.rope_base}; it must be above 1")
        if self.window < 0 or (self.window and not self.causal):
            raise ValueError(f"window is {self.window}; it must be 0, or at least 1 in a causal model")
        if self.norm not in ("rms", "layer"):
            raise ValueError(f"norm is {self.norm!r}; it must be rms or layer")

    @property
    def head_width(self) -> int:
        """Width of one head."""
        return self.width // self.heads

    def has_cross_attention(self, layer: int) -> bool:
        """Whether this layer (from 0) attends to the memory."""
        every = self.cross_attention_every
        return every > 0 and layer % every == every - 1


def _norm(config: TransformerConfig) -> nn.LayerNorm | nn.RMSNorm:
    if config.norm == "layer":
        return nn.LayerNorm(config.width)
    return nn.RMSNorm(config.width, eps=1e-6)


class Layer(nn.Module):
    """Self-attention, cross-attention where the config asks for it, feed-forward; each pre-norm."""

    def __init__(self, config: TransformerConfig, index: int) -> None:
        super().__init__()
        self.self_norm = _norm(config)
        self.self_attention = SelfAttention(config)
        self.cross_norm = _norm(config) if config.has_cross_attention(index) else None
        self.cross_attention = CrossAttention(config) if config.has_cross_attention(index) else None
        self.feed_norm = _norm(config)
        self.feed_in = nn.Linear(config.width, config.feedforward_width, bias=False)
        self.feed_out = nn.Linear(config.feedforward_width, config.width, bias=False)
        self.dropout = nn.Dropout(config.dropout)

    def feed_forward(self, x: Tensor) -> Tensor:
        """x [B, S, D] -> [B, S, D]."""
        return self.feed_out(functional.gelu(self.feed_in(x)))


class Transformer(nn.Module):
    """A stack of layers and a final norm; embeddings and heads belong to who uses it."""

    cos: Tensor
    sin: Tensor

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.config = config
        self.layers = nn.ModuleList(Layer(config, index) for index in range(config.layers))
        self.norm = _norm(config)
        self.register_buffer("cos", torch.empty(0), persistent=False)
        self.register_buffer("sin", torch.empty(0), persistent=False)
        self._initialise()

    def _initialise(self) -> None:
        """Unit-variance inputs to each branch; outputs shrunk with depth so that the sum stays near one."""
        depth_scale = (2 * self.config.layers) ** -0.5
        for name, module in self.named_modules():
            if isinstance(module, nn.Linear):
                scale = depth_scale if name.endswith(("out", "feed_out")) else 1.0
                nn.init.normal_(module.weight, std=scale * module.in_features**-0.5)
            elif isinstance(module, CrossAttention) and module.null is not None:
                nn.init.normal_(module.null)

    def new_cache(self, batch: int, capacity: int) -> KeyValueCache:
        """An empty cache on this model's device, in its dtype."""
        weight = self.norm.weight
        return KeyValueCache(self.config, batch, capacity, weight.device, weight.dtype)

    def angles(self, start: int, steps: int, device: torch.device) -> tuple[Tensor, Tensor] | None:
        """cos and sin [S, 1, 1, Dh/2] of positions from `start` on; the tables grow by doubling."""
        if not self.config.rotary:
            return None
        end = start + steps
        if self.cos.shape[0] < end or self.cos.device != device:
            # Outside inference mode: the tables outlive the call and may be needed where gradients are.
            with torch.inference_mode(False):
                size = max(256, 1 << (end - 1).bit_length())
                # On the CPU, since not every device has the double precision that they are computed in.
                cos, sin = rotary_angles(self.config, torch.arange(size))
                self.cos, self.sin = cos.to(device), sin.to(device)
        return self.cos[start:end], self.sin[start:end]

    def _self_mask(
        self, steps: int, start: int, padding_mask: Tensor | None, device: torch.device
    ) -> tuple[Tensor | None, bool]:
        """The mask of the self-attention and whether SDPA's own causal path does instead of one."""
        config = self.config
        if padding_mask is None and steps == 1:
            return None, False  # One query sees all keys it is given.
        if padding_mask is None and not config.causal:
            return None, False
        if padding_mask is None and start == 0 and not (config.window and steps > config.window):
            return None, True
        queries = torch.arange(start, start + steps, device=device)[:, None]
        keys = torch.arange(start + steps, device=device)[None]
        mask = torch.ones(steps, start + steps, dtype=torch.bool, device=device)
        if config.causal:
            mask = causal_mask(steps, start, device)
        if config.window:
            mask = mask & (keys > queries - config.window)
        mask = mask[None, None]  # [1, 1, S, keys]
        if padding_mask is not None:
            # A padded position still sees itself: a row that sees nothing would be NaN.
            mask = mask & (padding_mask[:, None, None] | (keys == queries))  # [B, 1, S, S]
        return mask, False

    def _check(
        self, x: Tensor, cache: KeyValueCache | None, memory: Tensor | None, padding_mask: Tensor | None,
        maps: list[Tensor] | None,
    ) -> None:  # fmt: skip
        if x.ndim != 3 or x.shape[-1] != self.config.width or x.shape[1] < 1:
            raise ValueError(
                f"x has shape {tuple(x.shape)}; it must be [B, S, {self.config.width}], S at least 1"
            )
        if memory is not None and not self.config.cross_attention_every:
            raise ValueError("a memory was given to a transformer without cross-attention")
        first = cache is None or cache.position == 0
        if memory is None and first and self.config.cross_attention_every and not self.config.null_slot:
            raise ValueError("a transformer without a null slot needs a memory")
        if cache is None:
            return
        if padding_mask is not None:
            raise ValueError("a padding mask cannot be used together with a cache")
        if cache.keys.shape[1] != x.shape[0]:
            raise ValueError(f"x has {x.shape[0]} rows but the cache has {cache.keys.shape[1]}")
        if cache.ring is not None and (x.shape[1] != 1 or maps is not None):
            raise ValueError(
                "a cache whose steps are recorded takes one position after another, without maps"
            )
        if cache.position and memory is not None and memory is not cache.memory:
            raise ValueError("the memory changed after the cache's first step; start with a new cache")

    def _cross_mask(self, memory: Tensor | None, memory_mask: Tensor | None) -> Tensor | None:
        """[B, 1, 1, 1 + M], the null slot always open; without one [B, 1, 1, M]."""
        if memory_mask is None:
            return None
        if memory is None or memory_mask.shape != memory.shape[:2]:
            expected = None if memory is None else tuple(memory.shape[:2])
            raise ValueError(f"memory_mask has shape {tuple(memory_mask.shape)}; the memory's is {expected}")
        return functional.pad(memory_mask, (int(self.config.null_slot), 0), value=True)[:, None, None]

    def forward(
        self,
        x: Tensor,
        *,
        cache: KeyValueCache | None = None,
        memory: Tensor | None = None,
        memory_mask: Tensor | None = None,
        padding_mask: Tensor | None = None,
        maps: list[Tensor] | None = None,
    ) -> Tensor:
        """Run the stack.

        Args:
            x: [B, S, D]; with a cache, the positions after those it holds.
            cache: updated in place; from its second step on, the memory of its first step is used and
                `memory` may be left out.
            memory: [B, M, D] for the cross-attention; None is the learned "nothing".
            memory_mask: bool [B, M], True where a slot counts; a row may be all False.
            padding_mask: bool [B, S], True where x counts; without a cache only.
            maps: gets the weights of every layer's self-attention, [B, H, S, keys] each.

        Returns:
            [B, S, D], normed.

        Raises:
            ValueError: shapes, cache and memory do not fit together.
        """
        self._check(x, cache, memory, padding_mask, maps)
        batch, steps, _ = x.shape
        if cache is not None and x.is_cuda and steps == 1 and cache.position and maps is None:
            cache.ring = cache.ring or RingStep(self, cache)
            made = cache.ring(x)
            cache.advance(1)
            return made
        start = 0 if cache is None else cache.reserve(steps)
        if cache is not None and cache.position == 0:
            cache.memory, cache.memory_mask = memory, self._cross_mask(memory, memory_mask)
            cache.cross = self._cross(memory, batch)
        mask, is_causal = self._self_mask(steps, start, padding_mask, x.device)
        made = self.stack(
            x,
            self.angles(0 if cache is None else cache.position, steps, x.device),
            mask,
            is_causal=is_causal,
            stored=cache,
            cross=self._cross(memory, batch) if cache is None else cache.cross,
            cross_mask=self._cross_mask(memory, memory_mask) if cache is None else cache.memory_mask,
            maps=maps,
        )
        if cache is not None:
            cache.advance(steps)
        return made

    def stack(
        self,
        x: Tensor,
        angles: tuple[Tensor, Tensor] | None,
        mask: Tensor | None,
        *,
        is_causal: bool,
        stored: Stored | None,
        cross: Memories,
        cross_mask: Tensor | None,
        maps: list[Tensor] | None = None,
    ) -> Tensor:
        """The layers and the last norm, x [B, S, D] -> [B, S, D]; everything but x is settled by `forward`."""
        for index, layer in enumerate(self.layers):
            assert isinstance(layer, Layer)
            mixed = layer.self_attention(layer.self_norm(x), angles, mask, is_causal, stored, index, maps)
            x = x + layer.dropout(mixed)
            if layer.cross_attention is not None and layer.cross_norm is not None:
                mixed = layer.cross_attention(layer.cross_norm(x), *cross[index], cross_mask)
                x = x + layer.dropout(mixed)
            x = x + layer.dropout(layer.feed_forward(layer.feed_norm(x)))
        return self.norm(x)

    def _cross(self, memory: Tensor | None, batch: int) -> Memories:
        """Keys and values of the memory for every layer that attends to it."""
        found: Memories = {}
        for index, layer in enumerate(self.layers):
            if isinstance(layer, Layer) and layer.cross_attention is not None:
                found[index] = layer.cross_attention.project(memory, batch)
        return found
