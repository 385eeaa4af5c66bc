"""Residual vector quantiser with codebooks kept by exponential moving averages.

Residual quantisation and quantiser dropout: SoundStream (Zeghidour et al. 2021); moving averages: van den Oord
et al. 2017, appendix. Codebooks start from data and entries that fall out of use restart from data: without
restarts one prototype used 4 of 1,024 entries.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from codec.parallel import processes, share_first, sum_over_all

DECAY = 0.97
DEAD_BELOW = 0.2  # share of the average use under which an entry restarts
RESTART_USES = 0.5  # share of the average use an entry restarts with: if nothing comes, it is dead again soon


@dataclass(frozen=True)
class Quantized:
    """`latents` [B, S, D] with straight-through gradients, `tokens` [B, K, S], scalar `commitment` loss."""

    latents: Tensor
    tokens: Tensor
    commitment: Tensor


class Codebook(nn.Module):
    """`size` vectors of `dim`; finds the nearest and, when told to, learns from what it was shown."""

    vectors: Tensor
    counts: Tensor
    sums: Tensor

    def __init__(self, size: int, dim: int) -> None:
        super().__init__()
        self.register_buffer("vectors", torch.zeros(size, dim))
        # Learning state: saved by the trainer with everything else, left out of shipped weights.
        self.register_buffer("counts", torch.ones(size))
        self.register_buffer("sums", torch.zeros(size, dim))

    def nearest(self, points: Tensor) -> Tensor:
        """Index of the nearest vector to each of [N, D] points, [N]."""
        distances = self.vectors.square().sum(-1) - 2 * points @ self.vectors.T
        return distances.argmin(-1)

    @torch.no_grad()
    def learn(self, points: Tensor, tokens: Tensor, generator: torch.Generator) -> None:
        """Move the vectors toward the points they were nearest to; restart the dead ones from data."""
        size = len(self.vectors)
        counts = sum_over_all(torch.bincount(tokens, minlength=size).float())
        sums = sum_over_all(torch.zeros_like(self.sums).index_add_(0, tokens, points))
        self.counts.lerp_(counts, 1 - DECAY)
        self.sums.lerp_(sums, 1 - DECAY)
        self.vectors.copy_(self.sums / self.counts.clamp_min(1e-6)[:, None])
        uses = len(points) * processes() / size
        dead = (self.counts < DEAD_BELOW * uses).nonzero()[:, 0]
        if len(dead):
            fresh = points[torch.randint(len(points), (len(dead),), generator=generator)]
            share_first([fresh])
            self._restart(dead, fresh, RESTART_USES * uses)

    @torch.no_grad()
    def start(self, points: Tensor, generator: torch.Generator) -> None:
        """Take `size` random points as vectors and refine them by a few rounds of k-means."""
        size = len(self.vectors)
        chosen = torch.randint(len(points), (size,), generator=generator)
        self.vectors.copy_(points[chosen])
        for _ in range(5):
            tokens = self.nearest(points)
            counts = torch.bincount(tokens, minlength=size)
            sums = torch.zeros_like(self.sums).index_add_(0, tokens, points)
            used = counts > 0
            self.vectors[used] = sums[used] / counts[used, None]
        self._restart(torch.arange(size), self.vectors.clone(), len(points) / size)

    def _restart(self, entries: Tensor, points: Tensor, uses: float) -> None:
        self.vectors[entries] = points
        self.counts[entries] = uses
        self.sums[entries] = points * uses


class ResidualQuantizer(nn.Module):
    """K codebooks, each coding what the ones before it left over."""

    def __init__(self, codebooks: int, size: int, dim: int) -> None:
        super().__init__()
        self.codebooks = nn.ModuleList(Codebook(size, dim) for _ in range(codebooks))

    @property
    def books(self) -> list[Codebook]:
        """The codebooks, coarsest first."""
        return [book for book in self.codebooks if isinstance(book, Codebook)]

    def start(self, latents: Tensor, generator: torch.Generator) -> None:
        """Start every codebook from what the ones before it leave of [B, S, D] latents."""
        residual = latents.flatten(0, 1)  # [B * S, D]
        for book in self.books:
            book.start(residual, generator)
            share_first([book.vectors, book.counts, book.sums])
            residual = residual - book.vectors[book.nearest(residual)]

    def encode(self, latents: Tensor, codebooks: int) -> Tensor:
        """[B, S, D] latents -> [B, K, S] tokens with the first `codebooks` codebooks."""
        residual = latents.flatten(0, 1)  # [B * S, D]
        streams = []
        for book in self.books[:codebooks]:
            tokens = book.nearest(residual)
            residual = residual - book.vectors[tokens]
            streams.append(tokens.view(latents.shape[:2]))
        return torch.stack(streams, dim=1)  # [B, K, S]

    def decode(self, tokens: Tensor) -> Tensor:
        """[B, K, S] tokens -> [B, S, D] latents."""
        books = self.books
        return torch.stack([books[k].vectors[tokens[:, k]] for k in range(tokens.shape[1])]).sum(0)

    def forward(
        self, latents: Tensor, kept: Tensor, generator: torch.Generator, learn: bool = True
    ) -> Quantized:
        """Quantise in training: clip b is decoded from its first kept[b] codebooks (quantiser dropout).

        Args:
            latents: [B, S, D].
            kept: [B], 1 ... K.
            generator: chooses the data that codebooks start and restart from.
            learn: whether the codebooks move.
        """
        points = latents.flatten(0, 1)  # [B * S, D]
        residual = points.detach()
        total = torch.zeros_like(residual)
        commitment = latents.new_zeros(())
        streams = []
        per_point = kept.repeat_interleave(latents.shape[1])[:, None]  # [B * S, 1]
        for depth, book in enumerate(self.books):
            tokens = book.nearest(residual)
            chosen = book.vectors[tokens]
            if learn:
                book.learn(residual, tokens, generator)
            wanted = per_point > depth
            commitment = commitment + ((points - total - chosen).square() * wanted).mean()
            total = total + chosen * wanted
            residual = residual - chosen
            streams.append(tokens.view(latents.shape[:2]))
        through = points + (total - points).detach()
        return Quantized(through.view_as(latents), torch.stack(streams, dim=1), commitment)
