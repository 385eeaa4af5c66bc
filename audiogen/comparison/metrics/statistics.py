"""How sure a mean is, and whether two routes differ: bootstrap intervals and paired sign-flip tests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np

RESAMPLES = 2000
CONFIDENCE = 0.95
# Up to so many pairs every sign is tried, above it as many random ones as RESAMPLES.
MOST_EXACT_PAIRS = 12


@dataclass(frozen=True)
class Interval:
    """A mean of `count` values and its 95 % bootstrap interval; both ends are the mean for a single value."""

    mean: float
    low: float
    high: float
    count: int


def bootstrap(values: Sequence[float], rng: np.random.Generator) -> Interval:
    """The mean with its percentile bootstrap interval.

    Raises:
        ValueError: there are no values.
    """
    array = np.asarray(values, float)
    if not len(array):
        raise ValueError("no values to take a mean of")
    draws = rng.integers(0, len(array), (RESAMPLES, len(array)))
    means = array[draws].mean(axis=1)
    edge = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(means, [edge, 100 - edge])
    return Interval(float(array.mean()), float(low), float(high), len(array))


def paired_p(first: Sequence[float], second: Sequence[float], rng: np.random.Generator) -> float:
    """Two-sided p of a paired sign-flip permutation test that two routes have the same mean; 1 for equal values.

    With five pairs the least p there is is 0.0625: no difference of five prompts is significant at 0.05.

    Raises:
        ValueError: different counts, or none.
    """
    difference = np.asarray(first, float) - np.asarray(second, float)
    if len(first) != len(second) or not len(difference):
        raise ValueError(f"{len(first)} and {len(second)} values; pairs are needed")
    observed = abs(difference.mean())
    if len(difference) <= MOST_EXACT_PAIRS:
        signs = np.array(list(product((-1, 1), repeat=len(difference))))
        extreme = np.abs((signs * difference).mean(axis=1)) >= observed - 1e-12
        return float(extreme.mean())
    signs = rng.choice((-1, 1), (RESAMPLES, len(difference)))
    extreme = np.abs((signs * difference).mean(axis=1)) >= observed - 1e-12
    # The observed one counts as one of the draws, so that p is never 0.
    return float((extreme.sum() + 1) / (RESAMPLES + 1))


def binomial_p(wins: int, trials: int) -> float:
    """Two-sided p of so many wins in trials of even chance (exact)."""
    from scipy.stats import binomtest

    if trials == 0:
        return 1.0
    return float(binomtest(wins, trials, 0.5).pvalue)
