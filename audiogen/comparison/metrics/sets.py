"""Distances between sets of sounds in an embedding: Frechet (FAD) and kernel (KAD).

FAD (Kilgour et al. 2019) compares two Gaussians; with few samples it is biased upwards, the more so the more
dimensions. KAD (Chung et al. 2025) is the unbiased estimate of the squared maximum mean discrepancy with a Gaussian
kernel as wide as the median distance within the reference, times 100; it may come out a little below 0 for equal sets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from audiogen.comparison.metrics.statistics import Interval

FEWEST = 2
FEWEST_TO_JACKKNIFE = 3
Z_95 = 1.96


def jackknife(
    distance: Callable[[np.ndarray, np.ndarray], float],
    made: Sequence[np.ndarray],
    real: Sequence[np.ndarray],
) -> Interval:
    """A distance of sets given sound by sound, and its 95 % interval; without width where there are few sounds.

    Args:
        distance: of embeddings.
        made, real: embeddings of each sound; the n-th of both are of one prompt.
    """
    whole = distance(np.concatenate(made), np.concatenate(real))
    count = min(len(made), len(real))
    if count < FEWEST_TO_JACKKNIFE:
        return Interval(whole, whole, whole, count)
    without = np.array([
        distance(np.concatenate([*made[:n], *made[n + 1 :]]), np.concatenate([*real[:n], *real[n + 1 :]]))
        for n in range(count)
    ])  # fmt: skip
    error = float(np.sqrt((count - 1) / count * np.square(without - without.mean()).sum()))
    return Interval(whole, whole - Z_95 * error, whole + Z_95 * error, count)


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
