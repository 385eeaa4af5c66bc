"""`audiogen tune`: notation files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audiogen.cli.codecs import Json
from audiogen.cli.console import print_json, progress_bars, say, warn

if TYPE_CHECKING:
    from audiogen.data.corpus import Rejected
    from symbolic_bridge.tune import Tune

app = typer.Typer(
    help="Read, check, convert, analyse and compare notation.", no_args_is_help=True, rich_markup_mode=None
)


@app.command("convert")
def convert(
    source: Annotated[
        Path, typer.Argument(metavar="IN", help="A file: .abc, .mid, .musicxml, .mxl or .xml.")
    ],
    target: Annotated[
        Path,
        typer.Argument(
            metavar="OUT", help="Output: .abc, .mid, .musicxml, .mxl; .svg is sheet music, .png a piano roll."
        ),
    ],
    transpose: Annotated[int, typer.Option(metavar="SEMITONES", help="Move the tune up or down.")] = 0,
    part: Annotated[
        str, typer.Option(metavar="NAME|NUMBER", help="Part of a MusicXML score; else the first with notes.")
    ] = "",
) -> None:
    """Convert tunes between ABC, MIDI and MusicXML, or draw their sheet music or piano roll.

    Tunes that cannot be read are listed, and the exit code is then 2.

    \b
    Examples:
      audiogen tune convert kesh.abc kesh.mid
      audiogen tune convert kesh.abc kesh-in-a.abc --transpose 2
      audiogen tune convert kesh.abc kesh.svg
      audiogen tune convert kesh.mid kesh.png
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


@app.command("join")
def join(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILES...", help="ABC, MIDI or MusicXML files, in order.")
    ],
    target: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="An .abc or .mid file.")],
    times: Annotated[int, typer.Option(metavar="T", help="How often each tune is played.")] = 2,
) -> None:
    """Join all tunes of the files to a set: one tune that plays them one after another.

    Each is a part with its own title, key, metre and tempo. A tune that cannot be read or be part of a set stops it.

    \b
    Example:
      audiogen tune join kesh.abc morrisons.abc -o set.abc --times 3; audiogen generate --tune set.abc
    """
    from audiogen.tune_files import ABC_SUFFIXES, MIDI_SUFFIXES, read_book, write_tunes
    from symbolic_bridge.tune_sets import join_tunes

    if target.suffix.lower() not in (ABC_SUFFIXES[0], *MIDI_SUFFIXES):
        raise ValueError(f"{target}: a set is written as {ABC_SUFFIXES[0]} or {', '.join(MIDI_SUFFIXES)}")
    tunes: list[Tune] = []
    for path in files:
        book = read_book(path)
        if book.faults:
            raise ValueError(book.faults[0])
        tunes += book.tunes
    joined = join_tunes(tunes, times)
    warn([f"{target}: {text}" for text in joined.warnings])
    write_tunes(target, [joined])
    say(f"{target}: {len(tunes)} tunes, each {times} time{'s' * (times != 1)}")


@app.command("harmonise")
def harmonise_file(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A file: .abc, .mid or .musicxml.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="Output: .abc, .musicxml, .mid or .svg.")],
    richness: Annotated[
        str,
        typer.Option(
            metavar="R",
            help="plain: three chords, one a bar; usual: those of the mode; rich: sevenths and dominants too.",
        ),
    ] = "usual",
) -> None:
    """Write chords over tunes, in place of those they have.

    \b
    Example:
      audiogen tune harmonise kesh.abc kesh-chords.abc --richness rich
    """
    from audiogen.tune_files import check_tune_suffix, read_book, write_tunes
    from symbolic_bridge.chord_symbols import harmonised
    from symbolic_bridge.harmony import RICHNESSES

    if richness not in RICHNESSES:
        raise ValueError(f"--richness {richness}: one of {', '.join(RICHNESSES)} is needed")
    check_tune_suffix(target)
    book = read_book(source)
    write_tunes(target, [harmonised(tune, RICHNESSES[richness]) for tune in book.tunes])
    say(f"{target}: {len(book.tunes)} tune{'s' * (len(book.tunes) != 1)}")
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

    What is kept as it stands without being interpreted is listed as well; it is no fault.

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
            fine = (f"{report.file}: {report.tunes} tune{'s' * (report.tunes != 1)}, no fault",)
            print("\n".join((*(report.faults or fine), *report.kept)))
    if any(report.faults for report in reports):
        raise typer.Exit(2)


@app.command("analyse")
def analyse_files(
    files: Annotated[list[Path], typer.Argument(metavar="FILES...", help="ABC or MIDI files.")],
    as_json: Json = False,
    picture: Annotated[
        Path | None,
        typer.Option(
            metavar="OUT.png", help="Draw the one tune as a piano roll with bars, parts and chords."
        ),
    ] = None,
) -> None:
    """Say what tunes are made of: key, form, phrases, cadences, motifs, contour, range, density, chords, ornaments.

    The key is estimated from the notes alone and the form from the bars alone; what is written stands beside them.
    Tunes that cannot be read or analysed are listed, and the exit code is then 2.

    \b
    Examples:
      audiogen tune analyse kesh.abc --picture kesh.png
      audiogen tune analyse session/*.abc --json
    """
    from audiogen.evaluation.tables import print_table
    from audiogen.evaluation.tune_pictures import draw_tune
    from audiogen.tune_report import analysis_json, analysis_rows
    from symbolic_bridge.analysis import TuneAnalysis, analyse

    tunes, faults = _read_all(files)
    found: list[tuple[Path, TuneAnalysis]] = []
    for path, tune in tunes:
        try:
            found.append((path, analyse(tune)))
        except ValueError as error:
            faults.append(f"{path}: {error}")
    if picture is not None:
        if len(found) != 1:
            raise ValueError(f"--picture draws one tune; {len(found)} were found in the files")
        draw_tune(picture, found[0][1])
    if as_json:
        print_json([{"file": str(path), **analysis_json(analysis)} for path, analysis in found])
    else:
        for path, analysis in found:
            title = f"{path}: {analysis.melody.tune.header.title}"
            print_table(title, ("analysis", "found"), analysis_rows(analysis))
    _tell_faults(faults)


@app.command("nearest")
def nearest(
    files: Annotated[list[Path], typer.Argument(metavar="FILES...", help="ABC or MIDI files.")],
    tunes: Annotated[
        Path | None,
        typer.Option(
            metavar="CORPUS", help=".jsonl, .abc, a folder, or a kept index; else music21's corpus."
        ),
    ] = None,
    keep_index: Annotated[
        Path | None, typer.Option(metavar="OUT.npz", help="Keep the index, for --tunes another time.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Find the tune of a corpus that is nearest to each tune of the files, in any key, and how much they share.

    The overlap is the share of a tune's notes within runs of at least twelve that the other tune has too, with small
    changes in between; above 0.8 a tune is called a copy.

    \b
    Example:
      audiogen tune nearest composed.abc --tunes train.jsonl --keep-index train.npz
    """
    from audiogen.evaluation.tables import print_table
    from audiogen.originality import OVERLAP_COLUMNS, index_corpus, overlap_cells, overlap_row, save_index

    read, faults = _read_all(files)
    with progress_bars() as progress:
        indexed = index_corpus(tunes, progress)
    if keep_index is not None:
        save_index(keep_index, indexed.index)
    say_left_out(indexed.rejected)
    rows = []
    for path, tune in read:
        try:
            overlap = indexed.index.nearest(tune)
        except ValueError as error:
            faults.append(f"{path}: {error}")
            continue
        rows.append({"file": str(path), **overlap_row(indexed.index, tune, overlap)})
    if as_json:
        print_json(rows)
    else:
        title = f"Nearest of {len(indexed.index.names)} tunes"
        print_table(title, OVERLAP_COLUMNS, [overlap_cells(row) for row in rows])
    _tell_faults(faults)


def say_left_out(items: Sequence[Rejected]) -> None:
    """How many items of a corpus could not be used, and the first of them."""
    if items:
        say(f"{len(items)} items of the corpus were left out; the first: {items[0].item}: {items[0].reason}")


def _read_all(files: list[Path]) -> tuple[list[tuple[Path, Tune]], list[str]]:
    """Every tune of the files with its file, and what cannot be read."""
    from audiogen.tune_files import read_book

    tunes: list[tuple[Path, Tune]] = []
    faults: list[str] = []
    for path in files:
        try:
            book = read_book(path)
        except ValueError as error:
            faults.append(str(error))
            continue
        faults += book.faults
        tunes += [(path, tune) for tune in book.tunes]
    return tunes, faults


def _tell_faults(faults: list[str]) -> None:
    for fault in faults:
        say(f"rejected: {fault}")
    if faults:
        raise typer.Exit(2)
