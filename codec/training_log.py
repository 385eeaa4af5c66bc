"""What a training shows of itself: a bar on stderr and a log in its folder, both of the first process alone."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from codec import parallel


def steps_with_bar(title: str, step: Callable[[], int], stop: int) -> Iterator[None]:
    """Once for every step up to `stop`, with a bar.

    Args:
        title: of the bar.
        step: how many are done.
        stop: how many there are to be.
    """
    columns = (TextColumn(title), BarColumn(), TextColumn("{task.completed:.0f}/{task.total:.0f} steps"))
    console = Console(stderr=True)
    with Progress(*columns, TimeRemainingColumn(), console=console, disable=parallel.rank() > 0) as bar:
        task = bar.add_task("", total=stop, completed=step())
        while step() < stop:
            yield
            bar.update(task, completed=step())


def log_entry(folder: Path, entry: dict[str, object]) -> None:
    """Add a line to a training's log.jsonl."""
    if parallel.rank() > 0:
        return
    folder.mkdir(parents=True, exist_ok=True)
    with open(folder / "log.jsonl", "a", encoding="utf-8") as file:
        file.write(json.dumps(entry) + "\n")
