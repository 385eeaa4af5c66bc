"""The loop that writes codes step by step, for every language model of codes and every pattern.

Axes: B batch, K streams, S frames, T steps, V codebook size.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from audiogen.patterns import Pattern

PROGRESS_STEPS = 25


def decode(
    pattern: Pattern,
    frames: int,
    rows: int,
    nothing: int,
    logits_of: Callable[[int, Tensor], Tensor],
    draw: Callable[[Tensor], Tensor],
    *,
    device: torch.device | str = "cpu",
    progress: Callable[[float], None] = lambda done: None,
) -> Tensor:
    """Write codes.

    Args:
        pattern: of the streams.
        frames: how many, S.
        rows: how many pieces at once, B.
        nothing: the code that stands where none is.
        logits_of: told the step's number and the codes of the step before it, int64 [B, K, 1], gives [B, K, V].
        draw: logits [B, K, V] to codes [B, K].
        device: of the codes.
        progress: told the share done, now and then.

    Returns:
        int64 [B, K, S].
    """
    length = pattern.length(frames)
    holds = pattern.holds(frames).to(device)
    begins = pattern.begins(frames).tolist()
    steps = torch.full((rows, pattern.streams, length), nothing, device=device)
    empty = steps[:, :, :1].clone()  # [B, K, 1]
    for t in range(length):
        drawn = draw(logits_of(t, empty if begins[t] else steps[:, :, t - 1 : t]))
        steps[:, :, t] = torch.where(holds[:, t], drawn, nothing)
        if t % PROGRESS_STEPS == 0:
            progress(t / length)
    progress(1.0)
    return pattern.deinterleave(steps)


def guided(logits: Tensor, weight: float) -> Tensor:
    """Classifier-free guidance (Ho & Salimans 2022): [2 B, ...], the told rows before the untold, -> [B, ...]."""
    told, untold = logits.chunk(2)
    return untold + weight * (told - untold)
