"""Where tunes come from: JSON lines, ABC and MIDI files, TheSession's dump, folders of them, or music21's corpus."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from audiogen.data.corpus_abc import split_abc
from audiogen.data.corpus_items import UNKNOWN_LICENCE, CorpusTune, Rejected
from audiogen.data.corpus_json_lines import read_json_lines
from audiogen.data.corpus_thesession import DUMP_SUFFIXES, read_dump
from audiogen.data.families import melody_families, split_of
from audiogen.tune_files import MIDI_SUFFIXES
from symbolic_bridge.abc_encoding import text_of_bytes
from symbolic_bridge.tune import Tune

DEFAULT_SPLITS: Mapping[str, float] = {"train": 0.9, "valid": 0.04, "test": 0.06}
# Words in a licence that forbid or burden weights trained on it: weights under a free licence leave these out.
SHARE_ALIKE_LICENCES = ("GPL", "CC BY-SA", "ODbL")
# What is read in a folder; a file that is named may also end in anything else and is then taken for ABC.
FOLDER_SUFFIXES = (".abc", ".jsonl", *DUMP_SUFFIXES, *MIDI_SUFFIXES)
# Folders of music21's corpus that hold dance tunes in ABC, and the source name of each.
MUSIC21_FOLDERS = {"airdsAirs": "m21_airds", "oneills1850": "m21_oneill1850", "ryansMammoth": "m21_ryans"}
MUSIC21_LICENCE = "distributed with music21 (tunes public domain)"
MUSIC21_HINT = (
    "no tunes were named and music21, whose corpus is the default, is missing: pip install 'audiogen[corpus]'"
)


@dataclass(frozen=True)
class Corpus:
    """Tunes, and what was left out on the way."""

    tunes: tuple[CorpusTune, ...]
    rejected: tuple[Rejected, ...] = ()

    def without_licences(self, words: Sequence[str] = SHARE_ALIKE_LICENCES) -> Corpus:
        """The tunes whose licence holds none of these words; the others are added to `rejected`."""
        kept: list[CorpusTune] = []
        rejected = list(self.rejected)
        for tune in self.tunes:
            found = next((word for word in words if word.lower() in tune.licence.lower()), None)
            if found is None:
                kept.append(tune)
            else:
                rejected.append(Rejected(tune.key, f"licence {tune.licence!r} holds {found!r}"))
        return Corpus(tuple(kept), tuple(rejected))

    def with_families(self) -> Corpus:
        """Every tune in a family: the one it names, else one found by its melody (see `melody_families`)."""
        if all(tune.family for tune in self.tunes):
            return self
        found = melody_families(
            {tune.key: tune.abc for tune in self.tunes},
            stated={tune.key: tune.family for tune in self.tunes if tune.family},
            groups={tune.key: tune.group for tune in self.tunes if tune.group},
        )
        return replace(self, tunes=tuple(replace(tune, family=found[tune.key]) for tune in self.tunes))

    def split(
        self, shares: Mapping[str, float] = DEFAULT_SPLITS, seed: int = 0
    ) -> dict[str, tuple[CorpusTune, ...]]:
        """Tunes by split; no family is in two of them."""
        placed: dict[str, list[CorpusTune]] = {name: [] for name in shares}
        for tune in self.with_families().tunes:
            placed[split_of(tune.family, shares, seed)].append(tune)
        return {name: tuple(tunes) for name, tunes in placed.items()}


def read_corpus(*paths: str | Path | None) -> Corpus:
    """Read tunes.

    Args:
        paths: each a .jsonl file (objects with `source`, `id`, `abc` and perhaps `family`, `title`, `rhythm`,
            `licence`), TheSession's dump (.json or .csv), a MIDI file, a file of ABC, a folder of such files, or
            None for music21's corpus, which is also read when there are no paths.

    Returns:
        The tunes, and every item that holds none with the reason; items seen twice are kept once.

    Raises:
        ValueError: a path does not exist, music21 is asked for and missing, or nothing at all was found.
    """
    named = paths or (None,)
    items = [item for path in named for item in (_read_music21() if path is None else _read_path(Path(path)))]
    tunes: dict[str, CorpusTune] = {}
    rejected: list[Rejected] = []
    for item in items:
        if isinstance(item, Rejected):
            rejected.append(item)
        elif item.key in tunes:
            rejected.append(Rejected(item.key, "the same source and id came before"))
        else:
            tunes[item.key] = item
    if not tunes:
        reasons = f" ({rejected[0].item}: {rejected[0].reason})" if rejected else ""
        where = ", ".join(str(path or "music21") for path in named)
        raise ValueError(f"{where} holds no tunes{reasons}")
    return Corpus(tuple(tunes.values()), tuple(rejected))


def _read_path(path: Path) -> Iterator[CorpusTune | Rejected]:
    if path.is_dir():
        for file in sorted(found for found in path.rglob("*") if found.suffix.lower() in FOLDER_SUFFIXES):
            yield from _read_file(file, str(file.relative_to(path)))
    elif path.is_file():
        yield from _read_file(path, path.name)
    else:
        raise ValueError(f"{path}: no such file or folder of tunes")


def _read_file(path: Path, name: str) -> Iterator[CorpusTune | Rejected]:
    suffix = path.suffix.lower()
    if suffix in MIDI_SUFFIXES:
        yield _read_midi(path, name)
        return
    try:
        text = text_of_bytes(path.read_bytes())
    except OSError as error:
        yield Rejected(name, f"cannot be read ({error.strerror})")
        return
    except UnicodeDecodeError as error:
        yield Rejected(name, f"is not in {error.encoding}, as its first bytes promise")
        return
    if not text.strip() or "\0" in text:
        yield Rejected(name, "is no text" if text.strip() else "is empty")
    elif suffix == ".jsonl":
        yield from read_json_lines(text, name)
    elif suffix in DUMP_SUFFIXES:
        yield from read_dump(text, suffix, name)
    else:
        yield from split_abc(text, name.removesuffix(path.suffix), UNKNOWN_LICENCE)


def _read_midi(path: Path, name: str) -> CorpusTune | Rejected:
    """The melody of a MIDI file as ABC."""
    try:
        tune = Tune.from_midi(path)
        abc = tune.to_abc()
    except OSError as error:
        return Rejected(name, f"cannot be read ({error.strerror})")
    except (ValueError, EOFError) as error:
        return Rejected(name, str(error).removeprefix(f"{path}: "))
    return CorpusTune(name.removesuffix(path.suffix), "1", abc, title=tune.header.title)


def _read_music21() -> Iterator[CorpusTune | Rejected]:
    # Only the files are used: importing music21 takes seconds, and its own reader loses notes.
    spec = importlib.util.find_spec("music21")
    if spec is None or not spec.origin:
        raise ValueError(MUSIC21_HINT)
    corpus = Path(spec.origin).parent / "corpus"
    for folder, source in MUSIC21_FOLDERS.items():
        for file in sorted((corpus / folder).glob("*.abc")):
            for item in split_abc(text_of_bytes(file.read_bytes()), source, MUSIC21_LICENCE):
                yield replace(item, id=f"{file.stem}/{item.id}") if isinstance(item, CorpusTune) else item
