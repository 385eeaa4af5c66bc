"""A whole comparison: cells, summary, report, and the same as JSON and CSV."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audiogen.comparison.cells import CELLS, SOUNDS, Cell, Shelf
from audiogen.comparison.listening import KEY, PAGE
from audiogen.comparison.making import EXCHANGES, CellMaker
from audiogen.comparison.metrics.embeddings import embedding_of
from audiogen.comparison.plan import Plan
from audiogen.comparison.report import report_page
from audiogen.comparison.summary import Summary, figures_rows, summarise
from audiogen.progress import Progress
from audiogen.version import VERSION
from codec.audio_files import write_bytes

if TYPE_CHECKING:
    import pandas

    from audiogen.generator import Generator
    from symbolic_bridge.analysis import MelodyIndex

REPORT, FIGURES, TABLE = "report.html", "comparison.json", "figures.csv"
_OURS = frozenset({SOUNDS, CELLS, EXCHANGES, REPORT, FIGURES, TABLE, PAGE, KEY})


@dataclass(frozen=True)
class Comparison:
    """A finished comparison; `cells` by number of the prompt and route, `resumed` of them were there before."""

    folder: Path
    plan: Plan
    cells: Mapping[tuple[int, str], Cell]
    summary: Summary
    resumed: int

    @property
    def report(self) -> Path:
        """The HTML page."""
        return self.folder / REPORT

    @property
    def errors(self) -> list[str]:
        """What could not be made, one line each."""
        return [f"prompt {n}, {route}: {cell.error}" for (n, route), cell in self.cells.items() if cell.error]

    def frame(self) -> pandas.DataFrame:
        """One row a cell: prompt, route, seed, seconds, error, figures. Needs pandas (extra `evaluate`)."""
        import pandas

        return pandas.DataFrame(figures_rows(self.plan, self.cells))


def check_folder(folder: Path) -> None:
    """Refuse a report folder that is a file or holds somebody else's files.

    Raises:
        ValueError: the message names the file.
    """
    if folder.exists() and not folder.is_dir():
        raise ValueError(f"{folder}: is a file; a report needs a folder")
    foreign = (
        sorted(path.name for path in folder.iterdir() if path.name not in _OURS) if folder.is_dir() else []
    )
    if foreign:
        raise ValueError(f"{folder}: holds {foreign[0]}, which no report has left; name another folder")


def compare(
    plan: Plan,
    folder: str | Path,
    generator: Generator,
    *,
    corpus: MelodyIndex | None = None,
    embedding: str = "codec",
    progress: Progress = lambda stage, done: None,
) -> Comparison:
    """Make what is not there yet, measure, and write report.html, comparison.json and figures.csv.

    Args:
        plan: what is compared.
        folder: where all of it is kept; an earlier run's cells with the same settings are taken as they are.
        generator: our weights.
        corpus: tunes against which originality is measured.
        embedding: of the distances of sets, a name that `metrics.embeddings.embedding_of` knows.
        progress: told each stage's name and how much of it is done.

    Raises:
        ValueError: the folder is somebody else's, matplotlib is missing, or nothing at all could be made.
        OSError: the folder cannot be written to.
    """
    target = Path(folder)
    check_folder(target)
    embed = embedding_of(embedding, generator.codec)
    shelf = Shelf(target)
    shelf.make()
    maker = CellMaker(plan, shelf, generator, corpus, progress)
    cells: dict[tuple[int, str], Cell] = {}
    resumed, total = 0, len(plan.prompts) * len(plan.columns)
    for number in range(1, len(plan.prompts) + 1):
        for route in plan.columns:
            cells[number, route], was_there = maker.cell(number, route)
            resumed += was_there
            progress("cells", len(cells) / total)
    if all(cell.error for cell in cells.values()):
        raise ValueError(f"nothing could be made: {next(iter(cells.values())).error}")
    summary = summarise(plan, shelf, cells, embed)
    found = Comparison(target, plan, cells, summary, resumed)
    write_bytes(target / FIGURES, _json(found).encode())
    write_bytes(target / TABLE, _csv(found).encode())
    write_bytes(target / REPORT, report_page(plan, shelf, cells, summary, progress).encode())
    return found


def _json(found: Comparison) -> str:
    """Everything but the sounds; `timings` stand apart, since they alone differ from run to run."""
    plan = found.plan
    cells = []
    timings: dict[str, Any] = {}
    for (number, route), cell in found.cells.items():
        facts = asdict(cell)
        timings[f"{number} {route}"] = facts.pop("timings")
        cells.append({"number": number, **facts})
    value = {
        "format": "audiogen comparison",
        "version": VERSION,
        "prompts": list(plan.prompts),
        "routes": list(plan.columns),
        "seconds": plan.seconds,
        "seed": plan.seed,
        "cells": cells,
        "summary": found.summary.to_json(),
        "timings": timings,
    }
    return json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def _csv(found: Comparison) -> str:
    rows = figures_rows(found.plan, found.cells)
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({name: _harmless(value) for name, value in row.items()} for row in rows)
    return text.getvalue()


def _harmless(value: Any) -> Any:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value[:1] in "=+-@\t\r" and value else value
