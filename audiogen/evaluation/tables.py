"""Results for people: tables on stderr or stdout, JSON in a file."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

WIDTH = 140
Justify = Literal["left", "right"]


def show_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table of figures on stderr; numbers are rounded, None is a dash."""
    _print_table(title, columns, rows, "right", stderr=True)


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table of words on stdout, where it is the result of a command."""
    _print_table(title, columns, rows, "left", stderr=False)


def _print_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], justify: Justify, *, stderr: bool
) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(title), title_justify="left")
    for place, column in enumerate(columns):
        table.add_column(escape(column), justify="left" if place == 0 else justify)
    for row in rows:
        table.add_row(*(escape(_cell(value)) for value in row))
    console = Console(stderr=stderr)
    # A file or pipe has no width; the guess of 80 would break every heading and row.
    (console if console.is_terminal else Console(stderr=stderr, width=WIDTH)).print(table)


def summary_rows(result: Mapping[str, Any], columns: Sequence[str], group: str) -> list[list[object]]:
    """One row for each member of a group of results, then one for all where there is one; each led by its name."""
    parts = [
        [name, *(part.get(column) for column in columns)] for name, part in result.get(group, {}).items()
    ]
    total = ["all", *(result.get(column) for column in columns)]
    return [*parts, total] if any(column in result for column in columns) else parts


def write_json(path: Path, result: Mapping[str, Any]) -> None:
    """Write a result whole or not at all."""
    from codec.audio_files import write_bytes

    write_bytes(path, (json.dumps(result, ensure_ascii=False, indent=1, allow_nan=False) + "\n").encode())


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:.0f}"
    return str(value)
