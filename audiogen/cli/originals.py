"""`compose --report` and `--refuse-copies`: composed tunes beside the tunes that the composer has learned from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from audiogen.progress import Progress

if TYPE_CHECKING:
    from symbolic_bridge.analysis.similarity import MelodyIndex
    from symbolic_bridge.tune import Tune

Made = TypeVar("Made")

Report = Annotated[
    bool,
    typer.Option("--report", help="Say which training tune is nearest to each, and how much they share."),
]
RefuseCopies = Annotated[
    float | None,
    typer.Option(
        metavar="SHARE",
        help="Draw again what has more than this in common with a training tune, 0 to 1; above 0.8 is a copy.",
    ),
]
Against = Annotated[
    Path | None,
    typer.Option(metavar="CORPUS", help="Tunes or an index to compare with, for a model of your own."),
]


@dataclass
class Originals:
    """Draws tunes; with an index, until they are no copies, and remembers what each shares with the nearest one."""

    index: MelodyIndex | None
    most_share: float = 1.0
    rows: list[dict[str, object]] = field(default_factory=list)

    def draw(self, write: Callable[[int], Made], seed: int, tune_of: Callable[[Made], Tune]) -> Made:
        """What is written with a seed, or with one that follows from it where that is too near a training tune.

        Args:
            write: makes something of a seed.
            seed: of the first draw, which so is the same as without an index.
            tune_of: the tune of what was made.

        Raises:
            CompositionError: every draw was too near one.
        """
        from audiogen.originality import draw_original, overlap_row
        from audiogen.seeds import stage_seed

        if self.index is None:
            return write(seed)
        drawn = draw_original(
            lambda draw: write(seed if draw == 0 else stage_seed(seed, f"draw {draw}")),
            tune_of,
            self.index,
            self.most_share,
        )
        row = overlap_row(self.index, tune_of(drawn.made), drawn.overlap)
        self.rows.append({**row, "draws": drawn.draws})
        return drawn.made

    def report(self) -> dict[str, object]:
        """The entry of `--json`; nothing without an index."""
        return {"originality": self.rows} if self.index is not None else {}

    def show(self) -> None:
        """The table on stdout; nothing without an index."""
        from audiogen.evaluation.tables import print_table
        from audiogen.originality import OVERLAP_COLUMNS, overlap_cells

        if self.index is not None:
            cells = [(*overlap_cells(row), str(row["draws"])) for row in self.rows]
            print_table(
                f"Nearest of {len(self.index.names)} training tunes", (*OVERLAP_COLUMNS, "draws"), cells
            )


def originals_of(
    model: str | None, report: bool, refuse_copies: float | None, against: Path | None, progress: Progress
) -> Originals:
    """What the options ask for.

    Raises:
        ValueError: the share is none, or there is nothing to compare with.
    """
    from audiogen.originality import training_index

    if refuse_copies is not None and not 0 <= refuse_copies <= 1:
        raise ValueError(f"--refuse-copies {refuse_copies:g}: a share of a tune's notes, 0 to 1, is needed")
    if not report and refuse_copies is None and against is None:
        return Originals(None)
    index = training_index(model, against, progress).index
    return Originals(index, 1.0 if refuse_copies is None else refuse_copies)
