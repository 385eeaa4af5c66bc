"""`audiogen data`: fetching tunes, cleaning them and building shards of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

import typer

from audiogen.cli.codecs import Json
from audiogen.cli.console import print_json, progress_bars, say
from audiogen.progress import Progress

if TYPE_CHECKING:
    from audiogen.data.cleaning import Cleaned, CleaningReport, CleaningRules
    from audiogen.data.corpus import Rejected

app = typer.Typer(help="Fetch, clean and build training data.", no_args_is_help=True, rich_markup_mode=None)
REJECTIONS_SHOWN = 20
_SPELLINGS_SHOWN, _SPELLING_LENGTH = 4, 30


class Collection(StrEnum):
    """What can be fetched."""

    thesession = "thesession"


Tunes = Annotated[
    Path | None,
    typer.Option(
        metavar="PATH", help="File or folder of tunes (docs/data.md says which); without it music21's corpus."
    ),
]
Device = Annotated[str, typer.Option(metavar="D", help="cpu or cuda.")]
Inputs = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="[TUNES]...",
        help="Files and folders: ABC, MIDI, .jsonl, TheSession's dump. Without: music21's corpus.",
    ),
]
MinBars = Annotated[int, typer.Option(metavar="N", help="Shorter tunes are left out.")]
MaxBars = Annotated[int, typer.Option(metavar="N", help="Longer tunes are left out.")]
MinNotes = Annotated[int, typer.Option(metavar="N", help="Tunes of fewer notes are left out.")]
OddBars = Annotated[
    float,
    typer.Option(metavar="SHARE", help="Tunes with more bars than this that do not add up are left out."),
]
Likeness = Annotated[
    float,
    typer.Option(metavar="SHARE", help="How much settings of one tune must share to be taken for the same."),
]
Free = Annotated[
    bool,
    typer.Option(
        "--free", help="Leave out tunes whose licence binds what is made from them (GPL, CC BY-SA, ODbL)."
    ),
]


@app.command("fetch")
def fetch(
    collection: Annotated[Collection, typer.Argument(metavar="COLLECTION", help="thesession")],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", metavar="FILE", help="Where it goes: .json or .csv, as the address ends."
        ),
    ] = None,
    url: Annotated[str | None, typer.Option(metavar="URL", help="Another address of the dump.")] = None,
    sha256: Annotated[str, typer.Option(metavar="HEX", help="Refuse the file unless this is its hash.")] = "",
    max_mb: Annotated[int, typer.Option(metavar="N", help="Fetch at most this many megabytes.")] = 500,
    timeout: Annotated[
        float, typer.Option(metavar="S", help="Give a silent server up after S seconds.")
    ] = 30.0,
    tries: Annotated[int, typer.Option(metavar="N", help="How often a failed connection is tried.")] = 5,
    as_json: Json = False,
) -> None:
    """Fetch the tunes of thesession.org; an interrupted download goes on where it stopped.

    \b
    Examples:
      audiogen data fetch thesession
      audiogen data fetch thesession -o session.csv --url https://example.org/tunes.csv
    """
    from audiogen.data.corpus_thesession import DUMP_SUFFIXES, DUMP_URL, LICENCE, LICENCE_NOTE
    from audiogen.data.download import DownloadRules, partial_path
    from audiogen.data.fetch import fetch_thesession

    address = url or DUMP_URL
    target = output or Path(f"{collection.value}{Path(urlsplit(address).path).suffix or DUMP_SUFFIXES[0]}")
    if target.suffix.lower() not in DUMP_SUFFIXES:
        raise ValueError(
            f"{target}: name the file with -o; its suffix must be one of {', '.join(DUMP_SUFFIXES)}"
        )
    rules = DownloadRules(max_bytes=max_mb * 1_000_000, timeout_seconds=timeout, tries=tries)
    say(LICENCE_NOTE)
    try:
        with progress_bars() as progress:
            fetched = fetch_thesession(
                address, target, rules, sha256=sha256, progress=_bar(progress, "download")
            )
    except KeyboardInterrupt:
        say(f"{partial_path(target)}: what has come is kept; the same command goes on from there")
        raise
    file = fetched.file
    if as_json:
        print_json(
            {
                "output": str(target), "url": address, "bytes": file.size_bytes, "resumed_bytes": file.resumed_bytes,
                "sha256": file.sha256, "settings": fetched.settings, "tunes": fetched.tunes,
                "rejected": [asdict(item) for item in fetched.rejected], "licence": LICENCE,
            }
        )  # fmt: skip
        return
    say(
        f"{target}: {fetched.settings} settings of {fetched.tunes} tunes, {file.size_bytes / 1e6:.1f} MB, "
        f"SHA-256 {file.sha256}"
    )
    say_rejected(fetched.rejected)


@app.command("report")
def report(
    tunes: Inputs = None,
    min_bars: MinBars = 4,
    max_bars: MaxBars = 256,
    min_notes: MinNotes = 16,
    odd_bars: OddBars = 0.25,
    likeness: Likeness = 0.9,
    free: Free = False,
    as_json: Json = False,
) -> None:
    """Say what is in a collection, and what cleaning it would leave out and why; nothing is written.

    \b
    Examples:
      audiogen data report tunes/
      audiogen data report thesession.json --json
    """
    cleaned = _clean(tunes, _rules(min_bars, max_bars, min_notes, odd_bars, likeness, free))
    if as_json:
        print_json(cleaned.report.to_json())
    else:
        _show(cleaned.report, "--json")


@app.command("clean")
def clean(
    output: Annotated[
        Path,
        typer.Option(
            "-o", "--output", metavar="OUT", help="A .jsonl file, or a folder for train, valid and test."
        ),
    ],
    tunes: Inputs = None,
    min_bars: MinBars = 4,
    max_bars: MaxBars = 256,
    min_notes: MinNotes = 16,
    odd_bars: OddBars = 0.25,
    likeness: Likeness = 0.9,
    free: Free = False,
    seed: Annotated[int, typer.Option(metavar="N", help="Another seed deals the families out anew.")] = 0,
    as_json: Json = False,
) -> None:
    """Leave out duplicates and what cannot be learnt from; find melody families, and split by them.

    Everything left out is listed with its reason in OUT.report.json, beside OUT. All that takes tunes reads OUT.

    \b
    Examples:
      audiogen data clean thesession.json mine/ -o clean/
      audiogen data clean tunes.abc -o clean.jsonl --free
    """
    from audiogen.data.corpus import Corpus
    from audiogen.data.corpus_json_lines import write_json_lines
    from audiogen.evaluation.tables import write_json

    is_file = output.suffix.lower() == ".jsonl"
    if output.is_dir() if is_file else output.is_file():
        raise ValueError(
            f"{output}: is a {'folder' if is_file else 'file'}; a .jsonl file or a folder is needed"
        )
    cleaned = _clean(tunes, _rules(min_bars, max_bars, min_notes, odd_bars, likeness, free))
    files = {output: cleaned.tunes}
    if not is_file:
        files = {
            output / f"{name}.jsonl": part for name, part in Corpus(cleaned.tunes).split(seed=seed).items()
        }
    (output.parent if is_file else output).mkdir(parents=True, exist_ok=True)
    for path, part in files.items():
        write_json_lines(path, part, cleaned.kinds)
    written = {str(path): len(part) for path, part in files.items()}
    named = output if output.name else output.resolve()
    report_path = named.with_name(f"{named.name.removesuffix('.jsonl')}.report.json")
    result = {"output": written, **cleaned.report.to_json()}
    write_json(report_path, result)
    if as_json:
        print_json(result)
        return
    _show(cleaned.report, str(report_path))
    for name, count in written.items():
        say(f"{name}: {count} tunes")
    say(f"{report_path}: the report")


def _rules(
    min_bars: int, max_bars: int, min_notes: int, odd_bars: float, likeness: float, free: bool
) -> CleaningRules:
    from audiogen.data.cleaning import CleaningRules

    return CleaningRules(min_bars, max_bars, min_notes, odd_bars, likeness, free)


def _clean(paths: list[Path] | None, rules: CleaningRules) -> Cleaned:
    from audiogen.data.cleaning import clean as clean_corpus
    from audiogen.data.corpus import read_corpus

    corpus = read_corpus(*(paths or ()))
    with progress_bars() as progress:
        return clean_corpus(corpus, rules, _bar(progress, "cleaning"))


def _show(report: CleaningReport, where: str) -> None:
    """The report as tables, and the first of what was left out; `where` all of it stands."""
    from audiogen.evaluation.tables import show_table

    show_table("Left out", ("reason", "items"), [*report.reasons.items(), ("in all", len(report.rejections))])
    spellings: dict[str, list[str]] = {}
    for name, (_, kind) in report.written_kinds.items():
        if name and kind:
            spellings.setdefault(kind, []).append(name)
    rows = [(kind, count, _listed(spellings.get(kind, []))) for kind, count in report.kinds.items()]
    show_table("Kept", ("kind", "tunes", "written as"), [*rows, ("in all", report.kept, "")])
    show_table("Licences of what is kept", ("licence", "tunes"), list(report.licences.items()))
    sizes = report.families.values()
    say(f"{len(sizes)} melody families, the largest of {max(sizes, default=0)} tunes")
    if report.unknown_kinds:
        names = [f"{name} ({count})" for name, count in report.unknown_kinds.items()]
        say(f"rhythm fields that name no kind: {_listed(names)}")
    for item in report.rejections[:REJECTIONS_SHOWN]:
        say(f"rejected: {item.item}: {item.reason.value}: {item.detail}")
    if len(report.rejections) > REJECTIONS_SHOWN:
        say(f"rejected: {len(report.rejections) - REJECTIONS_SHOWN} more; see {where}")


def _listed(names: list[str]) -> str:
    shown = [name if len(name) <= _SPELLING_LENGTH else f"{name[:_SPELLING_LENGTH]}..." for name in names]
    return ", ".join(shown[:_SPELLINGS_SHOWN]) + (" ..." if len(names) > _SPELLINGS_SHOWN else "")


@app.command("build")
def build(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="DIR", help="Folder for the shards.")],
    tunes: Tunes = None,
    soundfont: Annotated[
        list[str] | None,
        typer.Option(metavar="FONT", help="Name or file, .sf2 or .sf3; again for more, drawn at random."),
    ] = None,
    renditions: Annotated[int, typer.Option(metavar="N", help="How often each tune is played.")] = 1,
    limit: Annotated[int | None, typer.Option(metavar="N", help="Take only the first N tunes.")] = None,
    seed: Annotated[int, typer.Option(metavar="N", help="Of all that is drawn.")] = 0,
    worker: Annotated[int, typer.Option(metavar="I", help="Which of --workers this process is, from 0.")] = 0,
    workers: Annotated[int, typer.Option(metavar="N", help="How many processes share the folder.")] = 1,
    model: Annotated[str | None, typer.Option(help="Name or folder of codec weights.")] = None,
    device: Device = "cpu",
    as_json: Json = False,
) -> None:
    """Render tunes with random instrument, font, tempo, key, accompaniment, room and gain; encode them into shards.

    Tunes are split by melody family into DIR/train, DIR/valid and DIR/test. An interrupted build goes on where it
    stopped. What was left out, and why, is said at the end and stands in each report.json.

    \b
    Example:
      audiogen data build --tunes session.jsonl -o shards/ --renditions 2
    """
    import codec
    from audiogen.data.build import build_dataset
    from audiogen.data.corpus import read_corpus

    if limit is not None and limit < 1:
        raise ValueError(f"--limit {limit}: at least 1 is needed")
    corpus = read_corpus(tunes)
    if limit is not None:
        corpus = replace(corpus, tunes=corpus.tunes[:limit])
    network = codec.load(model, device)
    report: dict[str, object] = {"output": str(output)}
    rejected = list(corpus.rejected)
    with progress_bars() as progress:
        for name, part in corpus.split().items():
            if not part:
                continue
            done = build_dataset(
                output / name,
                tunes=part,
                codec=network,
                seed=seed,
                soundfonts=soundfont or (None,),
                renditions=renditions,
                worker=worker,
                workers=workers,
                left_out=corpus.rejected,
                progress=_bar(progress, name),
            )
            rejected += done.rejected
            report[name] = {
                "clips": done.clips,
                "seconds": round(done.seconds, 1),
                "shards_written": done.written,
                "shards_found": done.skipped,
                "rejected": len(done.rejected),
            }
    report["rejected"] = [asdict(item) for item in rejected]
    if as_json:
        print_json(report)
        return
    for name, entry in report.items():
        if isinstance(entry, dict):
            say(
                f"{output / name}: {entry['clips']} clips, {entry['seconds']} s, {entry['rejected']} rejected"
            )
    say_rejected(rejected)


def _bar(progress: Progress, name: str) -> Callable[[float], None]:
    return lambda done: progress(name, done)


def say_rejected(rejected: Sequence[Rejected]) -> None:
    """The first of what was left out, and how much more there is."""
    for item in rejected[:REJECTIONS_SHOWN]:
        say(f"rejected: {item.item}: {item.reason}")
    if len(rejected) > REJECTIONS_SHOWN:
        say(f"rejected: {len(rejected) - REJECTIONS_SHOWN} more; see report.json")
