"""What the commands of `audiogen evaluate` share: options, tables on stderr, and the JSON file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from audiogen.cli.console import warn

JsonFile = Annotated[Path | None, typer.Option("--json", metavar="OUT.json", help="Write all figures here.")]
TunesPath = Annotated[
    Path | None,
    typer.Option(
        "--tunes",
        metavar="PATH",
        help="Unseen tunes: .jsonl, .abc, a folder; else music21's held-out ones.",
    ),
]
Count = Annotated[int, typer.Option("-n", "--count", min=1, metavar="COUNT", help="How many tunes.")]
Seconds = Annotated[float, typer.Option(min=2.0, max=600.0, metavar="S", help="Length taken of each.")]
Instruments = Annotated[
    list[str] | None,
    typer.Option("--instrument", metavar="I", help="Lead; again for more, taken in turn; else all leads."),
]
Soundfont = Annotated[str | None, typer.Option(metavar="FONT", help="File or name; else the best installed.")]
Jobs = Annotated[int, typer.Option(min=1, metavar="N", help="Processes for what takes longest.")]
Pictures = Annotated[Path | None, typer.Option(metavar="DIR", help="Draw the first tunes as PNG files here.")]


def check_output(path: Path | None) -> None:
    """Refuse a file that could not be written, before the work rather than after."""
    if path is not None:
        from codec.audio_files import check_writable

        check_writable(path, audio=False)


def report(
    title: str, result: dict[str, Any], columns: tuple[str, ...], group: str, json_file: Path | None
) -> None:
    """Show the last table, and finish."""
    show(title, result, columns, group)
    finish(result, json_file)


def finish(result: dict[str, Any], json_file: Path | None) -> None:
    """Say what was left out, and write everything."""
    from audiogen.evaluation.tables import write_json

    warn(
        [
            f"left out {item.get('tune') or item.get('file')}: {item['reason']}"
            for item in result.get("rejected", ())
        ]
    )
    if json_file is not None:
        write_json(json_file, result)


def show_list(title: str, items: list[dict[str, Any]]) -> None:
    """A table with a row for each item; all have the same names."""
    from audiogen.evaluation.tables import show_table

    heads = list(items[0]) if items else []
    show_table(title, [head.replace("_", " ") for head in heads], [list(item.values()) for item in items])


def show(title: str, result: dict[str, Any], columns: tuple[str, ...], group: str) -> None:
    """A table with a row for each member of a group of figures, and one for all."""
    from audiogen.evaluation.tables import show_table, summary_rows

    heads = [group.removeprefix("by_"), *(column.replace("_", " ") for column in columns)]
    show_table(title, heads, summary_rows(result, columns, group))
