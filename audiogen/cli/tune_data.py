"""`audiogen data index` and `data tokens`: what is made of a corpus of tunes besides training data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audiogen.cli.console import progress_bars, say
from audiogen.cli.data import Free, app
from audiogen.cli.tunes import say_left_out


@app.command("index")
def index(
    tunes: Annotated[
        Path, typer.Argument(metavar="TUNES", help="A file or folder: ABC, MIDI, .jsonl, TheSession's dump.")
    ],
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT.npz", help="Beside a model's weights: tunes.npz.")
    ],
    free: Free = False,
) -> None:
    """Keep the melodies of tunes, to find copies of them: for `compose --report`, `tune nearest` and `evaluate tunes`.

    \b
    Example:
      audiogen data index train.jsonl -o runs/weights/tunes.npz
    """
    from audiogen.originality import index_corpus, save_index

    with progress_bars() as progress:
        indexed = index_corpus(tunes, progress, free=free)
    save_index(output, indexed.index)
    say_left_out(indexed.rejected)
    say(f"{output}: {len(indexed.index.names)} tunes, {output.stat().st_size / 1000:.0f} kB")
