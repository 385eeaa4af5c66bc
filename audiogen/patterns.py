"""The delay pattern: how K parallel code streams become one sequence of steps (MusicGen, Copet et al. 2023).

At step t stream k holds the code of frame t - k, so within a step every stream may lean on what the coarser
streams said of the same frame in earlier steps. S frames take S + K - 1 steps.
"""

from __future__ import annotations

import torch
from torch import Tensor


def delay(tokens: Tensor, fill: int) -> Tensor:
    """[B, K, S] codes -> [B, K, S + K - 1] steps; places without a frame hold `fill`."""
    batch, streams, frames = tokens.shape
    steps = tokens.new_full((batch, streams, frames + streams - 1), fill)
    for k in range(streams):
        steps[:, k, k : k + frames] = tokens[:, k]
    return steps


def undelay(steps: Tensor) -> Tensor:
    """[B, K, S + K - 1] steps -> [B, K, S] codes, the inverse of `delay`.

    Raises:
        ValueError: fewer than K - 1 steps.
    """
    streams, length = steps.shape[1:]
    frames = length - streams + 1
    if frames < 0:
        raise ValueError(
            f"{length} steps are too few for {streams} streams; at least {streams - 1} are needed"
        )
    return torch.stack([steps[:, k, k : k + frames] for k in range(streams)], dim=1)
