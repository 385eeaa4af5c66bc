"""Streams of one step foreseen one after another, each from those before it.

A step writes a code of each of K streams. Foreseen at once, they are drawn as if each knew nothing of the others; a
depth head draws stream k from what the body says of the step and from the codes of streams 0 ... k - 1, as the depth
transformers of RQ-Transformer (Lee et al. 2022, arXiv:2203.01941) and Moshi do. The codes are of a residual quantiser,
whose vectors add up, so their embeddings are added up too and a perceptron is enough.

Axes: B batch, K streams, T steps, D width, V codebook size.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class DepthHeads(nn.Module):
    """From what the body says of a step, and the codes of it that are known by now, to the logits of each stream."""

    def __init__(self, streams: int, codebook_size: int, width: int) -> None:
        super().__init__()
        self.known = nn.Linear(width, width, bias=False)
        self.stream = nn.Parameter(torch.zeros(streams, 1, width))
        self.norm = nn.RMSNorm(width)
        self.up = nn.Linear(width, 2 * width)
        self.down = nn.Linear(2 * width, width)
        self.heads = nn.ModuleList(nn.Linear(width, codebook_size, bias=False) for _ in range(streams))
        nn.init.normal_(self.known.weight, std=width**-0.5)
        nn.init.zeros_(self.down.weight)
        nn.init.zeros_(self.down.bias)
        for weight in self.heads.parameters():
            nn.init.normal_(weight, std=0.02)

    def all(self, hidden: Tensor, codes: Tensor) -> Tensor:
        """Every stream of steps whose codes are all known, as in training.

        Args:
            hidden: [B, T, D], of the body.
            codes: [B, K, T, D], embedded.

        Returns:
            [B, T, K, V].
        """
        before = codes.cumsum(1) - codes
        read = self._read(hidden[:, None] + self.known(before) + self.stream)  # [B, K, T, D]
        return torch.stack([head(row) for head, row in zip(self.heads, read.unbind(1), strict=True)], dim=2)

    def one(self, hidden: Tensor, before: Tensor, stream: int) -> Tensor:
        """One stream of one step: hidden [B, D], the sum of the embedded codes before it [B, D] -> [B, V]."""
        return self.heads[stream](self._read(hidden + self.known(before) + self.stream[stream]))

    def _read(self, x: Tensor) -> Tensor:
        return x + self.down(nn.functional.gelu(self.up(self.norm(x))))
