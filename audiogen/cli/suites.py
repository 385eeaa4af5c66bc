"""`audiogen evaluate all`: the fixed suite and its page of results."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audiogen.cli.console import progress_bars, say
from audiogen.cli.figures import Jobs, TunesPath
from audiogen.cli.making import Device, Model


def evaluate_all(
    work: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for every sound; a broken-off run is resumed.")
    ],
    results: Annotated[
        Path, typer.Option(metavar="DIR", help="Folder for the page, its plot and its numbers.")
    ] = Path("docs/results"),
    tunes: TunesPath = None,
    recordings: Annotated[
        list[Path] | None,
        typer.Option(metavar="DIR", help="Folders that hold the suite's recordings, at any depth."),
    ] = None,
    reply: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A language model's replies: one a prompt, or a .jsonl."),
    ] = None,
    json_file: Annotated[
        Path | None, typer.Option("--json", metavar="OUT.json", help="Write all figures here too.")
    ] = None,
    model: Model = None,
    device: Device = None,
    jobs: Jobs = 1,
) -> None:
    """Run the fixed suite and write the page of results; the same commit and material give the same numbers.

    The suite is part of the package (audiogen/comparison/suite/suite.json): prompts for every route, a number of test
    tunes for the player, and recordings, known by their SHA-256, that are kept as tokens and as notes.

    \b
    Examples:
      audiogen evaluate all --work /tmp/suite --results docs/results
      audiogen evaluate all --work /tmp/suite --tunes test.jsonl --recordings audio/ --reply replies.jsonl
    """
    from audiogen.comparison.suite.run import SuiteMaterial, check_work, run_suite
    from audiogen.evaluation.tables import write_json
    from audiogen.generator import Generator

    check_work(work)
    material = SuiteMaterial(tunes, tuple(recordings or ()), tuple(reply or ()))
    with progress_bars() as progress:
        found = run_suite(work, results, Generator(model, device), material, jobs, progress)
    if json_file is not None:
        write_json(json_file, found.to_json())
    for line in found.errors:
        say(f"rejected: {line}")
    cells = found.comparison
    say(f"{results / 'README.md'}: {len(cells.cells)} cells, {cells.resumed} of them from before")
    if found.errors:
        raise typer.Exit(2)
