"""Score frames as vectors: the one place where the bridge touches torch.

Axes: B batch, R score streams, S frames, D features.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from symbolic_bridge.frames import STREAM_SIZES


class ScoreConditioner(nn.Module):
    """Embeds score frames, one table a stream, summed; a learned vector stands for "no score was given"."""

    offsets: Tensor

    def __init__(self, width: int) -> None:
        super().__init__()
        sizes = list(STREAM_SIZES.values())
        # One table for all streams, each in its own rows: one lookup a frame instead of many.
        starts = torch.tensor([0, *sizes[:-1]]).cumsum(0)
        self.register_buffer("offsets", starts[:, None], persistent=False)
        self.table = nn.Embedding(sum(sizes), width)
        self.absent = nn.Parameter(torch.zeros(width))
        nn.init.normal_(self.table.weight, std=len(sizes) ** -0.5)

    def forward(self, frames: Tensor, given: Tensor) -> Tensor:
        """Embed.

        Args:
            frames: int64 [B, R, S], streams in the order of STREAM_SIZES.
            given: bool [B]; False drops the score of that row.

        Returns:
            [B, S, D].
        """
        if frames.shape[1] != len(STREAM_SIZES):
            raise ValueError(f"frames has {frames.shape[1]} streams; there must be {len(STREAM_SIZES)}")
        embedded = self.table(frames + self.offsets).sum(1)  # [B, S, D]
        return torch.where(given[:, None, None], embedded, self.absent)
