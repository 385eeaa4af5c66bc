"""The tables of `audiogen evaluate tunes`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from audiogen.evaluation.tables import show_table

DISTANCE_COLUMNS = (
    "feature", "composed from real", "real from real", "excess", "beyond", "composed", "real",
)  # fmt: skip
FOUND_COLUMNS = ("kind", "meter", "mode", "tonic", "form")
COPY_COLUMNS = ("tunes", "copies_share", "whole_share", "mean", "p50", "p75", "p90", "p95", "p99")


def show_tunes(figures: Mapping[str, Any]) -> None:
    """Everything of `tune_quality.measure_tunes` but the first checks, as far as it was measured."""
    if "distances" in figures:
        rows = [distance_row(name, distance) for name, distance in figures["distances"].items()]
        show_table("Distances from real tunes, with 95 % of the draws", DISTANCE_COLUMNS, rows)
        _show(
            "AABB heard in reels and jigs", tuple(figures["common_form"]), {"share": figures["common_form"]}
        )
    sides = {"asked": figures["asked"], **figures["found_again"]}
    _show("Kept as asked, and found again in the notes", FOUND_COLUMNS, sides)
    if "copies" in figures:
        copies = figures["copies"]
        sides = {name: copies[name] for name in ("composed", "real") if name in copies}
        _show(f"In one of {copies['training_tunes']} training tunes", COPY_COLUMNS, sides)
    if "likelihood" in figures:
        _show("Real tunes foreseen", ("bits_a_note", "tunes"), {"all": figures["likelihood"]})


def distance_row(name: str, distance: Mapping[str, Any]) -> list[object]:
    """A distance as a row under DISTANCE_COLUMNS; the last three: whether it is beyond the floor, and both means."""

    def bounded(part: str) -> str:
        return f"{distance[part]:.4f} ({distance[f'{part}_low']:.3f} to {distance[f'{part}_high']:.3f})"

    return [
        name.replace("_", " "), bounded("distance"), bounded("floor"), bounded("excess"), distance["beyond_floor"],
        distance["composed"], distance["real"],
    ]  # fmt: skip


def _show(title: str, columns: Sequence[str], sides: Mapping[str, Mapping[str, Any]]) -> None:
    rows = [[side, *(figures.get(column) for column in columns)] for side, figures in sides.items()]
    show_table(title, ["of", *(column.replace("_", " ") for column in columns)], rows)
