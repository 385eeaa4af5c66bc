"""What a figure is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Definition:
    """`better`: +1 where more is better, -1 where less is, 0 where neither; `digits` shown."""

    title: str
    unit: str
    better: int
    text: str
    digits: int = 2
