"""Drawing ids from logits: temperature, top-k, top-p, with an explicit generator."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor


def filter_logits(logits: Tensor, *, top_k: int = 0, top_p: float = 1.0) -> Tensor:
    """Set to minus infinity what top-k and top-p leave out.

    Args:
        logits: [..., V].
        top_k: keep the k most likely (ties with the k-th are kept); 0 keeps all.
        top_p: keep the smallest set of most likely ids whose probability reaches this (nucleus sampling,
            Holtzman et al. 2019, arXiv:1904.09751), taken among what top-k left; 1 keeps all.

    Returns:
        [..., V].
    """
    size = logits.shape[-1]
    if 0 < top_k < size:
        threshold = logits.topk(top_k, dim=-1).values[..., -1:]  # [..., 1]
        logits = logits.masked_fill(logits < threshold, -math.inf)
    if top_p < 1.0:
        ordered, order = logits.sort(dim=-1, descending=True, stable=True)
        probabilities = ordered.softmax(dim=-1)
        # What comes before an id must not have reached top_p yet; so the most likely id is always kept.
        before = probabilities.cumsum(dim=-1) - probabilities
        dropped = torch.zeros_like(logits, dtype=torch.bool).scatter(-1, order, before >= top_p)
        dropped.scatter_(-1, order[..., :1], False)
        logits = logits.masked_fill(dropped, -math.inf)
    return logits


def sample(
    logits: Tensor,
    *,
    temperature: float = 1.0,
    top_k: int = 0,
    top_p: float = 1.0,
    generator: torch.Generator | Sequence[torch.Generator] | None = None,
) -> Tensor:
    """Draw one id per row.

    Args:
        logits: [..., V]; minus infinity forbids an id.
        temperature: 0 takes the most likely id; otherwise logits are divided by it before the filters.
        top_k, top_p: see `filter_logits`.
        generator: of the logits' device, or one for each row of the first axis; needed unless the temperature is 0.

    Returns:
        int64 [...].

    Raises:
        ValueError: an argument is out of range, or a row forbids every id.
    """
    if not (math.isfinite(temperature) and temperature >= 0.0):
        raise ValueError(f"temperature is {temperature}; it must be 0 or above")
    if top_k < 0:
        raise ValueError(f"top_k is {top_k}; it must be 0 (all) or above")
    if not 0.0 < top_p <= 1.0:
        raise ValueError(f"top_p is {top_p}; it must be in (0, 1]")
    logits = logits.float()
    best = logits.max(dim=-1)
    if not bool(torch.isfinite(best.values).all()):
        raise ValueError("a row of logits has no finite maximum; at least one id must be allowed, none NaN")
    if temperature == 0.0:
        return best.indices
    if generator is None:
        raise ValueError("sampling at a temperature above 0 needs a generator")
    # The maximum is taken off first so that a tiny temperature cannot overflow to infinity.
    logits = filter_logits((logits - best.values[..., None]) / temperature, top_k=top_k, top_p=top_p)
    # Gumbel trick in its exponential form: no multinomial, hence no host synchronisation.
    if isinstance(generator, torch.Generator):
        noise = torch.empty_like(logits).exponential_(generator=generator)
    else:
        rows = (
            torch.empty_like(row).exponential_(generator=own)
            for row, own in zip(logits, generator, strict=True)
        )
        noise = torch.stack(list(rows))
    return (logits.softmax(dim=-1) / noise.clamp_min(1e-30)).argmax(dim=-1)
