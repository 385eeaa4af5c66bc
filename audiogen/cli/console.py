"""What commands say: results on stdout, progress and warnings on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from audiogen.progress import Progress


def say(text: str) -> None:
    """A line for the person at the terminal."""
    print(text, file=sys.stderr)


def warn(texts: Sequence[str]) -> None:
    """Warnings, one line each."""
    for text in texts:
        print(f"warning: {text}", file=sys.stderr)


def refuse_terminal() -> None:
    """Refuse to write sound or codes to a terminal.

    Raises:
        ValueError: stdout is one.
    """
    if sys.stdout.isatty():
        raise ValueError("-: stdout is a terminal, which the output would garble; use > FILE or | PROGRAM")


def print_json(value: Mapping[str, object] | Sequence[object]) -> None:
    """The one JSON value of `--json`."""
    print(json.dumps(value, ensure_ascii=False, indent=2, allow_nan=False))


@contextmanager
def progress_bars() -> Iterator[Progress]:
    """Bars on stderr, one for each stage; silent where stderr is no terminal."""
    if not sys.stderr.isatty():
        yield lambda stage, done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description:<10}"), BarColumn(), TextColumn("{task.percentage:>3.0f} %"))
    bars = Bars(*columns, TimeElapsedColumn(), console=Console(stderr=True), transient=True)
    tasks = {}

    def report(stage: str, done: float) -> None:
        # Not before there is something to show: what runs first may draw a bar of its own, and rich has one at a time.
        bars.start()
        if stage not in tasks:
            tasks[stage] = bars.add_task(stage, total=1.0)
        bars.update(tasks[stage], completed=done)

    try:
        yield report
    finally:
        bars.stop()


def one_line(error: BaseException) -> str:
    """The message of an exception on one line; files of an OSError by name."""
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    else:
        text = str(error) or type(error).__name__
    return " ".join(text.split())
