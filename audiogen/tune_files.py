"""Notation files and folders of them: reading with the file's name in every error, and writing whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from audiogen.sheet_music import check_engraver, sheet_music
from symbolic_bridge.abc_blocks import split_tunes
from symbolic_bridge.abc_encoding import text_of_bytes
from symbolic_bridge.musicxml import musicxml_bytes, read_musicxml
from symbolic_bridge.tune import Tune

ABC_SUFFIXES = (".abc", ".txt")
MIDI_SUFFIXES = (".mid", ".midi")
MUSICXML_SUFFIXES = (".musicxml", ".mxl", ".xml")
SHEET_SUFFIX, ROLL_SUFFIX = ".svg", ".png"
READ_SUFFIXES = (*ABC_SUFFIXES, *MIDI_SUFFIXES, *MUSICXML_SUFFIXES)
# Text and XML in a folder may be anything.
FOLDER_SUFFIXES = (".abc", *MIDI_SUFFIXES, ".musicxml", ".mxl")
WRITTEN_SUFFIXES = (*FOLDER_SUFFIXES, SHEET_SUFFIX, ROLL_SUFFIX)
MAX_BYTES = 20_000_000


@dataclass(frozen=True)
class Book:
    """What a notation file holds: its tunes, and what is wrong with those that cannot be read, each with its place."""

    tunes: tuple[Tune, ...]
    faults: tuple[str, ...] = ()


def read_book(path: str | Path, part: str = "") -> Book:
    """Every tune of an ABC file, or the one melody of a MIDI or MusicXML file; a broken tune costs no other.

    Args:
        path: the file.
        part: name or number of the part of a MusicXML score to take; without it the first one with notes.

    Raises:
        ValueError: the file is missing, empty, binary or none of its tunes can be read; with line and column in ABC.
    """
    source = Path(path)
    suffix = source.suffix.lower()
    if suffix not in READ_SUFFIXES:
        raise ValueError(f"{source}: suffix {suffix!r} is not one of {', '.join(READ_SUFFIXES)}")
    if part and suffix not in MUSICXML_SUFFIXES:
        raise ValueError(f"{source}: has no parts to choose {part!r} from; MusicXML scores have")
    if not source.is_file():
        raise ValueError(f"{source}: {'is a folder' if source.is_dir() else 'no such file'}")
    size = source.stat().st_size
    if not 0 < size <= MAX_BYTES:
        raise ValueError(f"{source}: has {size} bytes; 1 to {MAX_BYTES} are read")
    tunes: list[Tune] = []
    faults: list[str] = []
    try:
        if suffix in MIDI_SUFFIXES:
            return Book((Tune.from_midi(source),))
        if suffix in MUSICXML_SUFFIXES:
            return Book((read_musicxml(source, part),))
        parts = split_tunes(text_of_bytes(source.read_bytes()))
    except (ValueError, EOFError) as error:
        raise ValueError(_named(source, error)) from error
    for part in parts:
        try:
            tunes.append(Tune.from_abc(part))
        except ValueError as error:
            faults.append(_named(source, error))
    if not tunes:
        raise ValueError(faults[0])
    return Book(tuple(tunes), tuple(faults))


def _named(source: Path, error: Exception) -> str:
    message = str(error)
    return message if message.startswith(str(source)) else f"{source}: {message}"


def read_one_tune(path: str | Path) -> tuple[Tune, list[str]]:
    """The first tune of a file that can be read, and a warning where there are more or broken ones."""
    book = read_book(path)
    notes = list(book.faults)
    count = len(book.tunes)
    if count > 1:
        notes.append(f"{path}: holds {count} tunes; only the first is taken")
    return book.tunes[0], notes


@dataclass(frozen=True)
class Collection:
    """Tunes as (name for its output, tune), what was rejected as (file, reason), and what was passed over."""

    tunes: tuple[tuple[str, Tune], ...]
    rejected: tuple[tuple[str, str], ...]
    skipped: tuple[str, ...]


def read_folder(path: str | Path) -> Collection:
    """Every tune of the notation files directly in a folder.

    Raises:
        ValueError: the folder holds no notation file.
    """
    folder = Path(path)
    entries = sorted(entry for entry in folder.iterdir() if not entry.name.startswith("."))
    files = [entry for entry in entries if entry.is_file() and entry.suffix.lower() in FOLDER_SUFFIXES]
    if not files:
        raise ValueError(f"{folder}: holds no file with suffix {', '.join(FOLDER_SUFFIXES)}")
    tunes: dict[str, Tune] = {}
    rejected: list[tuple[str, str]] = []
    for file in files:
        try:
            book = read_book(file)
        except ValueError as error:
            rejected.append((str(file), str(error)))
            continue
        rejected += [(str(file), fault) for fault in book.faults]
        width = max(2, len(str(len(book.tunes))))
        for number, tune in enumerate(book.tunes, 1):
            ending = "" if len(book.tunes) == 1 else f"-{number:0{width}d}"
            stems = (
                file.stem,
                file.name.replace(".", "-"),
                *(f"{file.stem}-again{n}" for n in range(1, 10**6)),
            )
            tunes[next(name for stem in stems if (name := f"{stem}{ending}") not in tunes)] = tune
    skipped = (str(entry) for entry in entries if entry not in files)
    return Collection(tuple(tunes.items()), tuple(rejected), tuple(skipped))


def check_tune_suffix(path: str | Path) -> None:
    """Refuse an output that is no kind of notation or picture, and pictures where nothing can draw them."""
    suffix = Path(path).suffix.lower()
    if suffix not in WRITTEN_SUFFIXES:
        raise ValueError(f"{path}: suffix {Path(path).suffix!r} is not one of {', '.join(WRITTEN_SUFFIXES)}")
    if suffix == SHEET_SUFFIX:
        check_engraver()
    if suffix == ROLL_SUFFIX:
        from audiogen.evaluation.pictures import check_matplotlib

        check_matplotlib()


def write_tunes(path: str | Path, tunes: Sequence[Tune]) -> None:
    """Write ABC with tunes numbered from 1, or one tune as MIDI, MusicXML, sheet music (SVG) or piano roll (PNG).

    Raises:
        ValueError: an unknown suffix, several tunes for a file that holds one, or a piano roll of fewer than two notes.
        OSError: the folder is missing or unwritable, or the disk is full.
    """
    from codec.audio_files import replacing, write_bytes

    target = Path(path)
    check_tune_suffix(target)
    suffix = target.suffix.lower()
    if suffix == ".abc":
        write_bytes(target, join_abc(tunes).encode())
        return
    if len(tunes) != 1:
        raise ValueError(f"{target}: a {suffix} file holds one tune, not {len(tunes)}")
    if suffix == SHEET_SUFFIX:
        write_bytes(target, sheet_music(tunes[0]).encode())
    elif suffix == ROLL_SUFFIX:
        from audiogen.evaluation.tune_pictures import draw_tune
        from symbolic_bridge.analysis import analyse

        draw_tune(target, analyse(tunes[0]))
    elif suffix in MIDI_SUFFIXES:
        with replacing(target) as temporary:
            tunes[0].to_midi(temporary)
    else:
        write_bytes(target, musicxml_bytes(tunes[0], compressed=suffix == ".mxl"))


def join_abc(tunes: Iterable[Tune]) -> str:
    """One ABC text of several tunes, numbered from 1 where there are several."""
    numbered = list(tunes)
    if len(numbered) > 1:
        numbered = [
            replace(tune, header=replace(tune.header, reference=n)) for n, tune in enumerate(numbered, 1)
        ]
    return "\n".join(tune.to_abc().rstrip("\n") + "\n" for tune in numbered)


@dataclass(frozen=True)
class FileReport:
    """How many tunes a file holds, every fault in it and what was kept without being interpreted, with their places."""

    file: str
    tunes: int
    faults: tuple[str, ...]
    kept: tuple[str, ...] = ()


def check_file(path: str | Path) -> FileReport:
    """What `tune check` says about one file."""
    try:
        book = read_book(path)
    except ValueError as error:
        return FileReport(str(path), 0, (str(error),))
    mended, kept = (
        tuple(f"{path}: {tune.header.title}: {text}" for tune in book.tunes for text in getattr(tune, name))
        for name in ("warnings", "kept")
    )
    return FileReport(str(path), len(book.tunes), (*book.faults, *mended), kept)
