"""`audiogen data index`, `data tokens` and `data forms`: what is made of a corpus of tunes besides training data."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audiogen.cli.codecs import Json
from audiogen.cli.console import print_json, progress_bars, say
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


@app.command("tokens")
def tokens(
    tunes: Annotated[
        Path | None, typer.Argument(metavar="[TUNES]", help="A file or folder; without it music21's corpus.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Count the composer's tokens a bar by kind of tune, beside ABC's tokens and characters; see docs/tokens.md.

    \b
    Example:
      audiogen data tokens train.jsonl
    """
    from audiogen.data.corpus import read_corpus
    from audiogen.evaluation.tables import print_table
    from audiogen.evaluation.token_statistics import COLUMNS, token_statistics

    with progress_bars() as progress:
        found = token_statistics(read_corpus(tunes).tunes, lambda done: progress("tokens", done))
    if as_json:
        print_json(found)
        return
    rows = [
        [kind, *(row[column] for column in COLUMNS)]
        for kind, row in (*found["by_kind"].items(), ("all", found["all"]))
    ]
    print_table("Tokens of tunes", ["kind", *(column.replace("_", " ") for column in COLUMNS)], rows)
    sizes, lossless = found["vocabulary"], found["lossless"]
    for name in sizes:
        say(
            f"{name.replace('_', ' ')}: {sizes[name]} different ones; {lossless[name]:.2%} of the tunes come back equal"
        )
    for reason, count in found["rejected"].items():
        say(f"left out: {count}: {reason}")


@app.command("forms")
def forms(
    tunes: Annotated[Path, typer.Argument(metavar="TUNES", help="A file or folder, as `data index` takes.")],
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="OUT.json", help="The table that the composer draws from."),
    ],
    free: Free = False,
) -> None:
    """Count which parts tunes of each kind have, how long they are and how often they are played.

    A composer that is asked for no form draws one by such counts, those of audiogen/composer_forms.json.

    \b
    Example:
      audiogen data forms train.jsonl --free -o audiogen/composer_forms.json
    """
    from audiogen.composer_forms import count_forms
    from audiogen.data.corpus import read_corpus
    from codec.audio_files import check_writable, write_bytes

    check_writable(output, audio=False)
    corpus = read_corpus(tunes)
    corpus = corpus.without_licences() if free else corpus
    with progress_bars() as progress:
        found = count_forms([tune.abc for tune in corpus.tunes], lambda done: progress("forms", done))
    write_bytes(output, found.to_json().encode())
    say_left_out(corpus.rejected)
    for reason, count in found.rejected.items():
        say(f"left out: {count}: {reason}")
    say(f"{output}: {found.tunes} tunes of {len(found.counts)} kinds")
