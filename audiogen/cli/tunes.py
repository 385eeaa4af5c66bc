"""`audiogen tune`: notation files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from audiogen.cli.codecs import Json
from audiogen.cli.console import print_json, say, warn

app = typer.Typer(help="Read, check and convert notation.", no_args_is_help=True, rich_markup_mode=None)


@app.command("convert")
def convert(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="A file: .abc, .mid, .musicxml, .mxl or .xml.")
    ],
    target: Annotated[
        Path,
        typer.Argument(metavar="OUT", help="Output: .abc, .mid, .musicxml, .mxl, or .svg for sheet music."),
    ],
    transpose: Annotated[int, typer.Option(metavar="SEMITONES", help="Move the tune up or down.")] = 0,
    part: Annotated[
        str, typer.Option(metavar="NAME|NUMBER", help="Part of a MusicXML score; else the first with notes.")
    ] = "",
) -> None:
    """Convert tunes between ABC, MIDI and MusicXML, or draw their sheet music.

    Tunes that cannot be read are listed, and the exit code is then 2.

    \b
    Examples:
      audiogen tune convert kesh.abc kesh.mid
      audiogen tune convert kesh.abc kesh-in-a.abc --transpose 2
      audiogen tune convert kesh.abc kesh.svg
      audiogen tune convert band.mxl fiddle.abc --part Fiddle
    """
    from audiogen.tune_files import check_tune_suffix, read_book, write_tunes

    if not -36 <= transpose <= 36:
        raise ValueError(f"--transpose {transpose}: -36 to 36 semitones are allowed")
    check_tune_suffix(target)
    book = read_book(source, part)
    tunes = [tune.transpose(transpose) if transpose else tune for tune in book.tunes]
    for tune in tunes:
        warn([f"{source}: {tune.header.title}: {text}" for text in tune.warnings])
    write_tunes(target, tunes)
    say(f"{target}: {len(tunes)} tune{'s' * (len(tunes) != 1)}")
    for fault in book.faults:
        say(f"rejected: {fault}")
    if book.faults:
        raise typer.Exit(2)


@app.command("check")
def check(
    files: Annotated[list[Path], typer.Argument(metavar="FILES...", help="ABC, MIDI or MusicXML files.")],
    as_json: Json = False,
) -> None:
    """Say what is wrong in notation files, with line and column; exit code 2 if anything is.

    \b
    Example:
      audiogen tune check session/*.abc
    """
    from audiogen.tune_files import check_file

    reports = [check_file(path) for path in files]
    if as_json:
        print_json([asdict(report) for report in reports])
    else:
        for report in reports:
            print(
                "\n".join(
                    report.faults
                    or (f"{report.file}: {report.tunes} tune{'s' * (report.tunes != 1)}, no fault",)
                )
            )
    if any(report.faults for report in reports):
        raise typer.Exit(2)
