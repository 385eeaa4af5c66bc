"""Notation files and folders of them: reading with the file's name in every error, and writing whole or not at all."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from symbolic_bridge.tune import Tune

ABC_SUFFIXES = (".abc", ".txt")
MIDI_SUFFIXES = (".mid", ".midi")
MAX_BYTES = 20_000_000


def read_tunes(path: str | Path, strict: bool = False) -> list[Tune]:
    """Every tune of an ABC file, or the one melody of a MIDI file.

    Raises:
        ValueError: the file is missing, empty, binary or holds no tune; with line and column in ABC.
    """
    source = Path(path)
    suffix = source.suffix.lower()
    if suffix not in ABC_SUFFIXES + MIDI_SUFFIXES:
        raise ValueError(
            f"{source}: suffix {suffix!r} is not one of {', '.join((*ABC_SUFFIXES, *MIDI_SUFFIXES))}"
        )
    if not source.is_file():
        raise ValueError(f"{source}: {'is a folder' if source.is_dir() else 'no such file'}")
    size = source.stat().st_size
    if not 0 < size <= MAX_BYTES:
        raise ValueError(f"{source}: has {size} bytes; 1 to {MAX_BYTES} are read")
    try:
        if suffix in MIDI_SUFFIXES:
            return [Tune.from_midi(source)]
        from symbolic_bridge.abc_reader import read_tunes as read_abc

        return read_abc(_text(source), strict=strict)
    except (ValueError, EOFError) as error:
        message = str(error)
        raise ValueError(message if message.startswith(str(source)) else f"{source}: {message}") from error


def read_one_tune(path: str | Path) -> tuple[Tune, list[str]]:
    """The first tune of a file, and a warning where there are more."""
    tunes = read_tunes(path)
    notes = [f"{path}: holds {len(tunes)} tunes; only the first is taken"] if len(tunes) > 1 else []
    return tunes[0], notes


def tunes_in(path: str | Path) -> tuple[list[tuple[str, Tune]], list[tuple[str, str]]]:
    """Every tune of a file or of the notation files directly in a folder.

    Returns:
        The tunes as (name for its output, tune), and what was rejected as (file, reason).
    """
    source = Path(path)
    if source.is_dir():
        known = ABC_SUFFIXES[:1] + MIDI_SUFFIXES
        files = sorted(file for file in source.iterdir() if file.suffix.lower() in known)
        if not files:
            raise ValueError(f"{source}: holds no file with suffix {', '.join(known)}")
    else:
        files = [source]
    tunes: list[tuple[str, Tune]] = []
    rejected: list[tuple[str, str]] = []
    taken: set[str] = set()
    for file in files:
        try:
            found = read_tunes(file)
        except ValueError as error:
            rejected.append((str(file), str(error)))
            continue
        width = max(2, len(str(len(found))))
        for number, tune in enumerate(found, 1):
            ending = "" if len(found) == 1 else f"-{number:0{width}d}"
            choices = (
                file.stem,
                file.name.replace(".", "-"),
                *(f"{file.stem}-again{n}" for n in range(1, 10**6)),
            )
            name = next(f"{stem}{ending}" for stem in choices if f"{stem}{ending}" not in taken)
            taken.add(name)
            tunes.append((name, tune))
    return tunes, rejected


def check_tune_suffix(path: str | Path) -> None:
    """Refuse an output that is neither ABC nor MIDI."""
    allowed = ABC_SUFFIXES[:1] + MIDI_SUFFIXES
    if Path(path).suffix.lower() not in allowed:
        raise ValueError(f"{path}: suffix {Path(path).suffix!r} is not one of {', '.join(allowed)}")


def write_tunes(path: str | Path, tunes: Sequence[Tune]) -> None:
    """Write ABC with tunes numbered from 1, or one tune as MIDI.

    Raises:
        ValueError: an unknown suffix, or several tunes for a MIDI file.
        OSError: the folder is missing or unwritable, or the disk is full.
    """
    from codec.audio_files import replacing, write_bytes

    target = Path(path)
    check_tune_suffix(target)
    if target.suffix.lower() == ".abc":
        write_bytes(target, join_abc(tunes).encode())
        return
    if len(tunes) != 1:
        raise ValueError(f"{target}: a MIDI file holds one tune, not {len(tunes)}")
    with replacing(target) as temporary:
        tunes[0].to_midi(temporary)


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
    """How many tunes a file holds and every fault in it, with its place."""

    file: str
    tunes: int
    faults: tuple[str, ...]


def check_file(path: str | Path) -> FileReport:
    """What `tune check` says about one file."""
    try:
        tunes = read_tunes(path)
    except ValueError as error:
        return FileReport(str(path), 0, (str(error),))
    faults = (f"{path}: {tune.header.title}: {fault}" for tune in tunes for fault in tune.warnings)
    return FileReport(str(path), len(tunes), tuple(faults))


def _text(source: Path) -> str:
    """ABC text; UTF-8, else Latin-1, which old collections are in."""
    data = source.read_bytes()
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")
