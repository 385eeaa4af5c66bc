"""Attention of the one transformer: scores, the cache of a decoding, self-attention and cross-attention.

Axes: B batch, S positions, D width, H heads, Dh width of a head, M memory slots.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional

if TYPE_CHECKING:
    from audiogen.cuda_graphs import RingStep
    from audiogen.transformer import TransformerConfig


# Keys and values [B, H, M, Dh] of a memory for each layer that attends to it.
Memories = dict[int, tuple[Tensor, Tensor]]


def attention_scores(query: Tensor, key: Tensor) -> Tensor:
    """How well each query fits each key before scaling: [..., S, Dh] and [..., keys, Dh] -> [..., S, keys]."""
    return query @ key.transpose(-2, -1)


def attention_weights(scores: Tensor, width: int, mask: Tensor | None = None) -> Tensor:
    """Scaled by the root of the heads' width, masked (True is allowed) and made to add up to one over the last axis.

    Vaswani et al. 2017, arXiv:1706.03762. `functional.scaled_dot_product_attention` does the same without ever
    holding the weights; this is for looking at them.
    """
    scaled = scores / math.sqrt(width)
    return (scaled if mask is None else masked(scaled, mask)).softmax(dim=-1)


def masked(scores: Tensor, mask: Tensor) -> Tensor:
    """Minus infinity wherever attention is not allowed."""
    return scores.masked_fill(~mask, -math.inf)


def causal_mask(steps: int, start: int = 0, device: torch.device | None = None) -> Tensor:
    """bool [S, start + S]: position start + s sees itself and all before it."""
    queries = torch.arange(start, start + steps, device=device)[:, None]
    return torch.arange(start + steps, device=device)[None] <= queries


class Stored(Protocol):
    """Keys and values of the positions seen before, as attention needs them."""

    def store(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Add a layer's keys and values [B, H, S, Dh]; all that are attended to, [B, H, keys, Dh] each."""
        ...


class KeyValueCache:
    """Keys and values of the positions already seen, in buffers of a fixed size.

    With a window the buffer may be shorter than the sequence: the oldest entries are moved out when it is
    full. Without one, running over `capacity` is an error. The memory of the cross-attention is projected
    at the first step and kept.

    Args:
        config: of the transformer that will use it.
        batch: rows B.
        capacity: positions that fit.
        device, dtype: of the buffers.
    """

    def __init__(
        self,
        config: TransformerConfig,
        batch: int,
        capacity: int,
        device: torch.device | str = "cpu",
        dtype: torch.dtype = torch.float32,
    ) -> None:
        if not config.causal:
            raise ValueError("a cache needs a causal transformer")
        if capacity < 1 or (config.window and capacity < config.window):
            raise ValueError(f"capacity is {capacity}; it must be at least 1 and the window {config.window}")
        shape = (config.layers, batch, config.heads, capacity, config.head_width)
        self.keys = torch.zeros(shape, device=device, dtype=dtype)
        self.values = torch.zeros(shape, device=device, dtype=dtype)
        self.window = config.window
        self.capacity = capacity
        self.filled = 0
        self.position = 0
        self.ring: RingStep | None = None
        self.memory: Tensor | None = None
        self.memory_mask: Tensor | None = None
        self.cross: Memories = {}

    def reserve(self, steps: int) -> int:
        """Make room for `steps` more positions and return where in the buffer they start."""
        if self.filled + steps > self.capacity:
            keep = min(self.filled, self.window - 1) if self.window else self.filled
            if keep + steps > self.capacity:
                raise ValueError(
                    f"the cache holds {self.capacity} positions; {self.filled} are used, "
                    f"{steps} more do not fit"
                )
            for buffer in (self.keys, self.values):
                buffer[:, :, :, :keep] = buffer[:, :, :, self.filled - keep : self.filled].clone()
            self.filled = keep
        return self.filled

    def store(self, layer: int, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Write a layer's keys and values [B, H, S, Dh] where `reserve` made room; those to attend to."""
        steps = key.shape[2]
        end = self.filled + steps
        self.keys[layer, :, :, self.filled : end] = key
        self.values[layer, :, :, self.filled : end] = value
        first = max(0, end - self.window) if self.window and steps == 1 else 0
        return (
            self.keys[layer, :, :, first:end].to(key.dtype),
            self.values[layer, :, :, first:end].to(key.dtype),
        )

    def advance(self, steps: int) -> None:
        """Count `steps` positions as written."""
        self.filled += steps
        self.position += steps


def rotary_angles(config: TransformerConfig, positions: Tensor) -> tuple[Tensor, Tensor]:
    """cos and sin [S, 1, 1, Dh/2] of positions [S], each pair of a head's width at a rate of its own."""
    half = config.head_width // 2
    places = torch.arange(half, dtype=torch.float64, device=positions.device)
    angles = positions[:, None] * config.rope_base ** (-places / half)  # [S, Dh/2]
    return angles.cos().float()[:, None, None], angles.sin().float()[:, None, None]


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Turn each pair (i, i + Dh/2) of the last axis; `cos` and `sin` are [S, 1, ..., Dh/2]-broadcastable."""
    first, second = x.chunk(2, dim=-1)
    return torch.cat((first * cos - second * sin, second * cos + first * sin), dim=-1)


class SelfAttention(nn.Module):
    """Self-attention with one fused projection, and rotary positions where it is given their angles."""

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.head_width = config.head_width
        self.qkv = nn.Linear(config.width, 3 * config.width, bias=False)
        self.out = nn.Linear(config.width, config.width, bias=False)

    def forward(
        self,
        x: Tensor,
        angles: tuple[Tensor, Tensor] | None,
        mask: Tensor | None,
        is_causal: bool,
        cache: Stored | None,
        layer: int,
        maps: list[Tensor] | None = None,
    ) -> Tensor:
        """x [B, S, D] -> [B, S, D]; `mask` [B or 1, 1, S, keys] is True where attention is allowed."""
        batch, steps, width = x.shape
        qkv = self.qkv(x).view(batch, steps, 3, self.heads, self.head_width)  # [B, S, 3, H, Dh]
        turned = qkv[:, :, :2]
        if angles is not None:
            turned = rotate(turned, *(table.to(qkv.dtype) for table in angles))  # [B, S, 2, H, Dh]
        query = turned[:, :, 0].transpose(1, 2)  # [B, H, S, Dh]
        key = turned[:, :, 1].transpose(1, 2)  # [B, H, S, Dh]
        value = qkv[:, :, 2].transpose(1, 2)  # [B, H, S, Dh]
        if cache is not None:
            key, value = cache.store(layer, key, value)
        if maps is not None:
            seen = causal_mask(steps, device=x.device) if is_causal else mask
            maps.append(attention_weights(attention_scores(query, key), self.head_width, seen))
        mixed = functional.scaled_dot_product_attention(
            query, key, value, attn_mask=mask, is_causal=is_causal
        )
        return self.out(mixed.transpose(1, 2).reshape(batch, steps, width))  # [B, S, D]


class CrossAttention(nn.Module):
    """Attention to a memory, to which one learned null slot is prepended unless the config leaves it out.

    The null slot is what a row without any memory sees: nothing to attend to must not become NaN, and
    "no condition" is then something the model can learn.
    """

    def __init__(self, config: TransformerConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.head_width = config.head_width
        self.null = nn.Parameter(torch.zeros(1, 1, config.width)) if config.null_slot else None
        self.query = nn.Linear(config.width, config.width, bias=False)
        self.key_value = nn.Linear(config.width, 2 * config.width, bias=False)
        self.out = nn.Linear(config.width, config.width, bias=False)

    def project(self, memory: Tensor | None, batch: int) -> tuple[Tensor, Tensor]:
        """Keys and values [B, H, 1 + M, Dh] of `memory` [B, M, D] (None: the null slot alone)."""
        slots = memory
        if self.null is not None:
            null = self.null.expand(batch, 1, -1)
            slots = null if memory is None else torch.cat((null.to(memory.dtype), memory), dim=1)
        assert slots is not None  # the transformer refuses a missing memory where there is no null slot
        both = self.key_value(slots).view(batch, slots.shape[1], 2, self.heads, self.head_width)
        return both[:, :, 0].transpose(1, 2), both[:, :, 1].transpose(1, 2)  # 2 x [B, H, 1 + M, Dh]

    def forward(self, x: Tensor, keys: Tensor, values: Tensor, mask: Tensor | None) -> Tensor:
        """x [B, S, D] -> [B, S, D]; `mask` is [B, 1, 1, 1 + M]."""
        batch, steps, width = x.shape
        query = self.query(x).view(batch, steps, self.heads, self.head_width).transpose(1, 2)  # [B, H, S, Dh]
        mixed = functional.scaled_dot_product_attention(query, keys, values, attn_mask=mask)
        return self.out(mixed.transpose(1, 2).reshape(batch, steps, width))  # [B, S, D]
