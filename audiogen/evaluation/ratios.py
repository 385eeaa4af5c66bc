"""Ratios that say when there is nothing to divide by."""

from __future__ import annotations


def ratio(part: float, whole: float) -> float | None:
    """part / whole to five digits; None where the whole is 0."""
    return round(part / whole, 5) if whole else None
