"""`audiogen evaluate all`: the fixed suite and its page of results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audiogen.cli.console import progress_bars, say
from audiogen.cli.making import Device, Model


def evaluate_all(
    work: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for every sound; a broken-off run is resumed.")
    ],
    results: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for the page, its plot and its numbers.")
    ] = Path("docs/results"),
    reply: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A language model's replies: one a prompt, or a .jsonl."),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="OUT.json", help="Write all figures here too.")
    ] = None,
    model: Model = None,
    device: Device = None,
) -> None:
    """Run the fixed suite by every route and write the page of results; the same commit gives the same numbers.

    The prompts are part of the package (audiogen/comparison/suite.json) and stay the same from version to version.

    \b
    Example:
      audiogen evaluate all --work /tmp/suite --results docs/results
    """
    from audiogen.comparison.comparison import check_folder
    from audiogen.comparison.suite import run_suite
    from audiogen.evaluation.tables import write_json
    from audiogen.generator import Generator

    check_folder(work)
    with progress_bars() as progress:
        found = run_suite(work, results, Generator(model, device), tuple(reply or ()), progress)
    if json_file is not None:
        write_json(json_file, found.summary.to_json())
    for line in found.errors:
        say(f"rejected: {line}")
    say(f"{results / 'README.md'}: {len(found.cells)} cells, {found.resumed} of them from before")
    if found.errors:
        raise typer.Exit(2)
