"""The small text encoder: word pieces to a memory for the player's cross-attention."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from audiogen.text_tokens import TextTokenizer
from audiogen.transformer import Transformer, TransformerConfig

PADDING = 0


class TextEncoder(nn.Module):
    """Texts -> memory [B, M, D] and its mask [B, M].

    It is trained with the player, on captions written from the attributes of each clip, so prompts work
    with no download.
    """

    def __init__(self, vocabulary: int, width: int, layers: int, out_width: int, max_tokens: int) -> None:
        super().__init__()
        self.max_tokens = max_tokens
        self.tokenizer = TextTokenizer(vocabulary - 1)
        self.embedding = nn.Embedding(vocabulary, width)
        self.body = Transformer(
            TransformerConfig(width, layers, heads=4, feedforward_width=4 * width, causal=False)
        )
        self.leave = nn.Linear(width, out_width, bias=False)
        nn.init.normal_(self.embedding.weight, std=1.0)

    def tokens(self, texts: Sequence[str | None]) -> Tensor:
        """Ids [B, M], 0 where there is no token; a missing text is an empty row, a long one is cut."""
        rows = [[] if text is None else self.tokenizer.ids(text)[: self.max_tokens] for text in texts]
        longest = max(1, *(len(row) for row in rows))
        return torch.tensor([[1 + i for i in row] + [PADDING] * (longest - len(row)) for row in rows])

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """[B, M] ids -> memory [B, M, D], mask [B, M] (True where a token stands)."""
        mask = tokens != PADDING
        return self.leave(self.body(self.embedding(tokens), padding_mask=mask)), mask
