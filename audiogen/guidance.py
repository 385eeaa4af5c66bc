"""Classifier-free guidance towards several conditions, each with a weight of its own."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass
from itertools import pairwise

CONDITIONS = ("score", "attributes", "text", "excerpt")


@dataclass(frozen=True)
class Guidance:
    """How far the logits are pushed by each condition: 0 forgets it, 1 follows it as trained, more exaggerates it.

    The conditions are told one after another, in the order of CONDITIONS, and each step is weighted:
    l(nothing) + sum over c of weight(c) (l(up to c) - l(up to the one before)), which with one weight for all is Ho &
    Salimans 2022, arXiv:2207.12598, and with two is that of Brooks et al. 2023, arXiv:2211.09800. Every distinct
    weight in that order costs one pass more.

    Raises:
        ValueError: a weight is not finite or below 0.
    """

    score: float = 1.0
    attributes: float = 1.0
    text: float = 1.0
    excerpt: float = 1.0

    def __post_init__(self) -> None:
        for name, weight in vars(self).items():
            if not (math.isfinite(weight) and weight >= 0):
                raise ValueError(f"guidance of {name} is {weight}; it must be 0 or above")

    @classmethod
    def all(cls, weight: float) -> Guidance:
        """One weight for everything."""
        return cls(*[weight] * len(CONDITIONS))

    def levels(self, present: Collection[str] = CONDITIONS) -> tuple[tuple[frozenset[str], float], ...]:
        """The passes that are needed: what each is told, and the factor of its logits; the factors add up to 1.

        Args:
            present: the conditions that there are; the others cost nothing.
        """
        chain = [name for name in CONDITIONS if name in present]
        weights = [1.0, *(getattr(self, name) for name in chain), 0.0]
        levels = [
            (frozenset(chain[:told]), before - after)
            for told, (before, after) in enumerate(pairwise(weights))
        ]
        return tuple((told, factor) for told, factor in levels if factor != 0.0)


def parse_guidance(text: str, default: float = 1.0) -> Guidance:
    """Read "1.5" or "score=2,text=1"; what is not named has the default weight.

    Raises:
        ValueError: no number, an unknown condition, one named twice, or a weight out of range.
    """
    if "=" not in text:
        return Guidance.all(_weight(text))
    weights: dict[str, float] = {}
    for item in text.split(","):
        name, _, value = (part.strip() for part in item.partition("="))
        if name not in CONDITIONS:
            raise ValueError(f"guidance of {name!r}: it can be given to {', '.join(CONDITIONS)}")
        if name in weights:
            raise ValueError(f"guidance of {name} is given twice")
        weights[name] = _weight(value)
    return Guidance(**{name: weights.get(name, default) for name in CONDITIONS})


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"guidance {text!r} is no number; give one such as 1.5, or score=2,text=1") from None
