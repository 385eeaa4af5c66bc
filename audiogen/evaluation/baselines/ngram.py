"""An n-gram of tune tokens with interpolated modified Kneser-Ney smoothing (Chen and Goodman 1999).

Orders below the highest count in how many ways an n-gram is continued to the left; at the beginning of a row, where
there is but one way, they count how often it occurs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

_LEAST_DISCOUNT = 0.1


@dataclass(frozen=True)
class _Order:
    """The n-grams of one length: `keys` int64 [G] sorted, number of its context times V + 1 plus its last id.

    `masses` float [G]: counts less their discounts. `totals`, `backoff` float [contexts]: counts in all, and the
    share left to the order below.
    """

    keys: np.ndarray
    masses: np.ndarray
    totals: np.ndarray
    backoff: np.ndarray

    def numbers(self, keys: np.ndarray) -> np.ndarray:
        """The numbers of n-grams by key, -1 for those never seen."""
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return np.where(self.keys[places] == keys, places, -1)


class NGram:
    """Probabilities of the next id given the `order - 1` before it.

    Args:
        rows: of ids below `vocabulary_size`.
        vocabulary_size: V.
        order: ids in an n-gram.
    """

    def __init__(self, rows: Sequence[Sequence[int]], vocabulary_size: int, order: int) -> None:
        if order < 1 or vocabulary_size < 1 or not rows:
            raise ValueError(
                f"{len(rows)} rows, {vocabulary_size} ids, order {order}; each must be at least 1"
            )
        self.vocabulary_size, self.order = vocabulary_size, order
        self._width = vocabulary_size + 1
        words, counted = self._joined(rows)
        numbers, keys = [np.zeros(len(words), np.int64)], []
        for _ in range(order):
            found, number = np.unique(np.roll(numbers[-1], 1) * self._width + words, return_inverse=True)
            keys.append(found)
            numbers.append(number)
        self._orders = []
        for length in range(1, order + 1):
            counts = np.bincount(numbers[length][counted], minlength=len(keys[length - 1])).astype(float)
            if length < order:
                opening = np.zeros(len(counts), bool)
                begins = np.roll(words, length - 1) == vocabulary_size
                opening[numbers[length][counted & begins]] = True
                _, first = np.unique(numbers[length + 1][counted], return_index=True)
                ways = np.bincount(numbers[length][counted][first], minlength=len(counts))
                counts = np.where(opening, counts, ways)
            contexts = len(keys[length - 2]) if length > 1 else 1
            self._orders.append(self._smoothed(keys[length - 1], counts, contexts))

    @property
    def size(self) -> int:
        """How many n-grams of all lengths have been counted."""
        return sum(len(order.keys) for order in self._orders)

    def _joined(self, rows: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
        """All rows end to end, each behind `order - 1` signs of its beginning, and which places hold ids of rows."""
        before = [self.vocabulary_size] * max(1, self.order - 1)
        words = np.concatenate([np.array([*before, *row], np.int64) for row in rows])
        return words, words < self.vocabulary_size

    def _smoothed(self, keys: np.ndarray, counts: np.ndarray, contexts: int) -> _Order:
        ones, twos, threes, fours = (max(1, int((counts == n).sum())) for n in (1, 2, 3, 4))
        share = ones / (ones + 2 * twos)
        raw = (
            0.0,
            1 - 2 * share * twos / ones,
            2 - 3 * share * threes / twos,
            3 - 4 * share * fours / threes,
        )
        discounts = np.array([0.0, *(float(np.clip(d, _LEAST_DISCOUNT, n)) for n, d in enumerate(raw) if n)])
        taken = np.minimum(discounts[np.minimum(counts, 3).astype(int)], counts)
        context = keys // self._width
        totals = np.bincount(context, counts, minlength=contexts)
        left = np.bincount(context, taken, minlength=contexts)
        return _Order(keys, counts - taken, totals, left / np.maximum(totals, 1e-12))

    def probabilities(self, row: Sequence[int]) -> np.ndarray:
        """The probability of every id of a row given those before it, float [L]."""
        words, counted = self._joined([row])
        chances = np.full(len(words), 1 / self.vocabulary_size)
        context = np.zeros(len(words), np.int64)
        for order in self._orders:
            before = np.roll(context, 1)
            known = before >= 0
            number = np.where(known, order.numbers(before * self._width + words), -1)
            total = np.where(known, order.totals[before], 0.0)
            mass = np.where(number >= 0, order.masses[number], 0.0)
            mixed = mass / np.maximum(total, 1e-12) + order.backoff[before] * chances
            chances = np.where(total > 0, mixed, chances)
            context = number
        return chances[counted]

    def distribution(self, row: Sequence[int]) -> np.ndarray:
        """The probabilities of all ids that may follow a row, float [V]."""
        history = [self.vocabulary_size] * self.order + list(row)
        chances = np.full(self.vocabulary_size, 1 / self.vocabulary_size)
        for length, order in enumerate(self._orders):
            context = 0
            for place, lower in enumerate(self._orders[:length]):
                key = context * self._width + history[len(history) - length + place]
                context = int(lower.numbers(np.array([key]))[0])
                if context < 0:
                    return chances
            if not order.totals[context]:
                return chances
            first, stop = np.searchsorted(order.keys, np.array([context, context + 1]) * self._width)
            chances = chances * order.backoff[context]
            following = order.keys[first:stop] - context * self._width
            masses = order.masses[first:stop] / order.totals[context]
            inside = following < self.vocabulary_size
            chances[following[inside]] += masses[inside]
        return chances

    def write(self, row: Sequence[int], end: int, most: int, rng: np.random.Generator) -> list[int]:
        """Go on from a row until the id `end` is drawn, or to `most` ids."""
        written = list(row)
        while len(written) < most and (not written or written[-1] != end):
            chances = self.distribution(written)
            written.append(int(rng.choice(self.vocabulary_size, p=chances / chances.sum())))
        return written
