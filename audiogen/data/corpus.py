"""Where tunes come from: JSON lines, ABC files and folders, or the ABC files that music21 brings."""

from __future__ import annotations

import importlib.util
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from audiogen.data.families import melody_families, split_of

DEFAULT_SPLITS: Mapping[str, float] = {"train": 0.9, "valid": 0.04, "test": 0.06}
UNKNOWN_LICENCE = "unknown"
# Words in a licence that forbid or burden weights trained on it: weights under a free licence leave these out.
SHARE_ALIKE_LICENCES = ("GPL", "CC BY-SA", "ODbL")
# Folders of music21's corpus that hold dance tunes in ABC, and the source name of each.
MUSIC21_FOLDERS = {"airdsAirs": "m21_airds", "oneills1850": "m21_oneill1850", "ryansMammoth": "m21_ryans"}
MUSIC21_LICENCE = "distributed with music21 (tunes public domain)"
MUSIC21_HINT = (
    "no tunes were named and music21, whose corpus is the default, is missing: pip install 'audiogen[corpus]'"
)
# Fields of a file's head that hold for all its tunes.
_FILE_FIELDS = "LMQRC"
_REQUIRED_KEYS = ("source", "id", "abc")


@dataclass(frozen=True)
class CorpusTune:
    """One tune of a corpus; `family` is empty until it is known. `key` tells it from all others."""

    source: str
    id: str
    abc: str
    family: str = ""
    title: str = ""
    rhythm: str = ""
    licence: str = UNKNOWN_LICENCE

    @property
    def key(self) -> str:
        return f"{self.source}/{self.id}"


@dataclass(frozen=True)
class Rejected:
    """An item that was left out, and why."""

    item: str
    reason: str


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
        unknown = {tune.key: tune.abc for tune in self.tunes if not tune.family}
        found = melody_families(unknown)
        # A prefix keeps found names apart from given ones.
        tunes = tuple(
            tune if tune.family else replace(tune, family=f"melody-{found[tune.key]}") for tune in self.tunes
        )
        return replace(self, tunes=tunes)

    def split(
        self, shares: Mapping[str, float] = DEFAULT_SPLITS, seed: int = 0
    ) -> dict[str, tuple[CorpusTune, ...]]:
        """Tunes by split; no family is in two of them."""
        placed: dict[str, list[CorpusTune]] = {name: [] for name in shares}
        for tune in self.with_families().tunes:
            placed[split_of(tune.family, shares, seed)].append(tune)
        return {name: tuple(tunes) for name, tunes in placed.items()}


def read_corpus(path: str | Path | None = None) -> Corpus:
    """Read tunes.

    Args:
        path: a .jsonl file (objects with `source`, `id`, `abc` and perhaps `family`, `title`, `rhythm`,
            `licence`), a file of ABC, a folder of such files, or None for music21's corpus.

    Returns:
        The tunes, and every item that holds none with the reason; items seen twice are kept once.

    Raises:
        ValueError: the path does not exist, music21 is asked for and missing, or nothing at all was found.
    """
    items = _read_music21() if path is None else _read_path(Path(path))
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
        raise ValueError(f"{path or 'music21'} holds no tunes{reasons}")
    return Corpus(tuple(tunes.values()), tuple(rejected))


def _read_path(path: Path) -> Iterator[CorpusTune | Rejected]:
    if path.is_dir():
        for file in sorted(found for found in path.rglob("*") if found.suffix.lower() in (".abc", ".jsonl")):
            yield from _read_file(file, str(file.relative_to(path)))
    elif path.is_file():
        yield from _read_file(path, path.name)
    else:
        raise ValueError(f"{path}: no such file or folder of tunes")


def _read_file(path: Path, name: str) -> Iterator[CorpusTune | Rejected]:
    try:
        text = _decode(path.read_bytes())
    except OSError as error:
        yield Rejected(name, f"cannot be read ({error.strerror})")
        return
    if not text.strip() or "\0" in text:
        yield Rejected(name, "is no text" if text.strip() else "is empty")
    elif path.suffix.lower() == ".jsonl":
        yield from _read_json_lines(text, name)
    else:
        yield from split_abc(text, name.removesuffix(path.suffix), UNKNOWN_LICENCE)


def _decode(data: bytes) -> str:
    # Old ABC collections are Latin-1; nearly no Latin-1 text is UTF-8 by accident.
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _read_json_lines(text: str, name: str) -> Iterator[CorpusTune | Rejected]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        place = f"{name}:{number}"
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            yield Rejected(place, f"is not JSON ({error})")
            continue
        missing = [key for key in _REQUIRED_KEYS if not isinstance(record, dict) or key not in record]
        if missing:
            yield Rejected(place, f"has no {missing[0]!r}")
            continue
        values = {
            key: str(record.get(key) or "") for key in ("source", "id", "abc", "family", "title", "rhythm")
        }
        yield CorpusTune(**values, licence=str(record.get("licence") or UNKNOWN_LICENCE))


def split_abc(text: str, source: str, licence: str) -> Iterator[CorpusTune | Rejected]:
    """The tunes of an ABC file; each begins at its X: field."""
    pieces = re.split(r"^(?=X:)", text.replace("\r\n", "\n").replace("\r", "\n"), flags=re.MULTILINE)
    head = [line for line in pieces[0].splitlines() if line[1:2] == ":" and line[0] in _FILE_FIELDS]
    if len(pieces) == 1:
        yield Rejected(source, "holds no X: field, with which a tune begins")
    seen: dict[str, int] = {}
    for piece in pieces[1:]:
        first, _, rest = piece.partition("\n")
        identifier = first[2:].strip() or "0"
        seen[identifier] = seen.get(identifier, 0) + 1
        if seen[identifier] > 1:
            identifier = f"{identifier}.{seen[identifier]}"
        if not re.search(r"^K:", rest, flags=re.MULTILINE):
            yield Rejected(f"{source}/{identifier}", "has no K: field, after which the notes begin")
            continue
        abc = "\n".join([first, *head, rest.rstrip()]) + "\n"
        yield CorpusTune(source, identifier, abc, "", _field(rest, "T"), _field(rest, "R"), licence)


def _field(text: str, letter: str) -> str:
    found = re.search(rf"^{letter}:(.*)$", text, flags=re.MULTILINE)
    return found.group(1).strip() if found else ""


def _read_music21() -> Iterator[CorpusTune | Rejected]:
    # Only the files are used: importing music21 takes seconds, and its own reader loses notes.
    spec = importlib.util.find_spec("music21")
    if spec is None or not spec.origin:
        raise ValueError(MUSIC21_HINT)
    corpus = Path(spec.origin).parent / "corpus"
    for folder, source in MUSIC21_FOLDERS.items():
        for file in sorted((corpus / folder).glob("*.abc")):
            for item in split_abc(_decode(file.read_bytes()), source, MUSIC21_LICENCE):
                yield replace(item, id=f"{file.stem}/{item.id}") if isinstance(item, CorpusTune) else item
