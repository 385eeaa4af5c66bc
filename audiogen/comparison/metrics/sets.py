"""Distances between sets of sounds in an embedding: Frechet (FAD) and kernel (KAD).

FAD (Kilgour et al. 2019) compares two Gaussians; with few samples it is biased upwards, the more so the more
dimensions. KAD (Chung et al. 2025) is the unbiased estimate of the squared maximum mean discrepancy with a Gaussian
kernel as wide as the median distance within the reference, times 100; it may come out a little below 0 for equal sets.

The embedding that ships with us is our codec's encoder: the mean and the spread of its latents over each second. It
knows timbre and level rather than music, and it is the codec that our player speaks through: it favours that route in
so far as the codec's own losses are invisible to it. Other embeddings can be passed in; each figure names its own.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from audiogen.loudness import to_model_level
from codec.model import Codec

Embedding = Callable[[np.ndarray, int], np.ndarray]

SECONDS = 1.0
FEWEST = 2


def codec_embedding(network: Codec) -> tuple[str, Embedding]:
    """The name of our codec's embedding, and the function: mono [T] at a rate to [windows, features]."""
    rate = network.spec.sample_rate

    @torch.no_grad()
    def embed(samples: np.ndarray, sample_rate: int) -> np.ndarray:
        if sample_rate != rate:
            raise ValueError(f"sound at {sample_rate} Hz; the embedding takes {rate} Hz")
        whole = len(samples) // network.spec.hop_samples * network.spec.hop_samples
        levelled = to_model_level(samples[:whole].astype(np.float32), rate)
        latents = network.encoder(network.mixed(torch.from_numpy(levelled)[None, None]))[0].float()  # [S, D]
        frames = round(SECONDS * network.spec.frame_rate)
        count = latents.shape[0] // frames
        windows = latents[: count * frames].reshape(count, frames, -1)
        return torch.cat([windows.mean(dim=1), windows.std(dim=1)], dim=1).cpu().numpy()  # [windows, 2 D]

    return f"codec {network.spec.identity} latents, mean and spread of each second", embed


def frechet_distance(made: np.ndarray, real: np.ndarray) -> float:
    """FAD of embeddings [N, D] and [M, D]; 0 for equal sets.

    Raises:
        ValueError: fewer than two embeddings in either.
    """
    _check(made, real)
    difference = made.mean(axis=0) - real.mean(axis=0)
    first, second = (np.cov(rows, rowvar=False).reshape(rows.shape[1], -1) for rows in (made, real))
    # tr(sqrt(AB)) by the eigenvalues of the symmetric sqrt(A) B sqrt(A).
    values, vectors = np.linalg.eigh(first)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    inner = np.linalg.eigvalsh(root @ second @ root).clip(0)
    distance = difference @ difference + np.trace(first) + np.trace(second) - 2 * np.sqrt(inner).sum()
    return max(0.0, float(distance))


def kernel_distance(made: np.ndarray, real: np.ndarray) -> float:
    """KAD of embeddings [N, D] and [M, D]: 100 times the unbiased squared MMD.

    Raises:
        ValueError: fewer than two embeddings in either.
    """
    _check(made, real)
    within = _squares(real, real)
    upper = within[np.triu_indices(len(real), 1)]
    width = float(np.median(upper)) or 1.0  # the square of the median distance
    own = np.exp(-within / (2 * width))
    other = np.exp(-_squares(made, made) / (2 * width))
    across = np.exp(-_squares(made, real) / (2 * width))
    n, m = len(made), len(real)
    squared = (other.sum() - n) / (n * (n - 1)) + (own.sum() - m) / (m * (m - 1)) - 2 * float(across.mean())
    return 100 * float(squared)


def _check(made: np.ndarray, real: np.ndarray) -> None:
    if min(len(made), len(real)) < FEWEST:
        raise ValueError(f"{len(made)} and {len(real)} embeddings; at least {FEWEST} of each are needed")


def _squares(rows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Squared distances [N, M]."""
    square = (rows**2).sum(axis=1)[:, None] + (others**2).sum(axis=1)[None] - 2 * rows @ others.T
    return np.maximum(square, 0)
