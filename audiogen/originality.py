"""Originality: the training tune nearest to a composed one, and how much of it the two share.

The overlap is the share of a tune's notes that lie in runs of at least twelve notes which the other tune has too, in
any key, at any of three paces, with small changes in between (`symbolic_bridge.analysis.similarity`). Among real tunes
it is not small: `benchmarks/originality_floor.py` measures what real tunes share with the training tunes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from audiogen.composer_plan import CompositionError
from audiogen.data.corpus import Corpus, Rejected, read_corpus
from audiogen.progress import Progress
from codec.audio_files import replacing
from symbolic_bridge.analysis.similarity import FEWEST_NOTES, MelodyIndex, Overlap
from symbolic_bridge.tune import Tune
from symbolic_bridge.unfold import timed_notes

INDEX_SUFFIX, INDEX_NAME = ".npz", "tunes.npz"
# The training tunes whose licences allow it, all those among them that the shipped composer has learned from.
SHIPPED_INDEX = Path(__file__).parent / "weights" / INDEX_NAME
# A tune of which more than this is in one other tune is a copy of it.
COPY_SHARE = 0.8
MOST_DRAWS = 8

Made = TypeVar("Made")


@dataclass(frozen=True)
class IndexedCorpus:
    """An index of a corpus's tunes, named "source/id", and the items that could not be indexed."""

    index: MelodyIndex
    rejected: tuple[Rejected, ...] = ()


def index_corpus(
    path: str | Path | None, progress: Progress = lambda stage, done: None, *, free: bool = False
) -> IndexedCorpus:
    """Index the tunes of a corpus, or load an index.

    Args:
        path: what `audiogen.data.corpus.read_corpus` takes, or an .npz file that `save_index` wrote.
        progress: told how much of the corpus is read.
        free: leave out tunes whose licence binds what is made from them.

    Raises:
        ValueError: the corpus holds no tune that can be indexed, or the file is no index.
    """
    if path is not None and Path(path).suffix.lower() == INDEX_SUFFIX:
        return IndexedCorpus(MelodyIndex.load(path))
    corpus = read_corpus(path)
    return index_tunes(corpus.without_licences() if free else corpus, progress)


def index_tunes(corpus: Corpus, progress: Progress = lambda stage, done: None) -> IndexedCorpus:
    """Index the tunes of a corpus that was read.

    Raises:
        ValueError: it holds no tune that can be indexed.
    """
    rejected = list(corpus.rejected)

    def readable() -> Iterator[tuple[str, Tune]]:
        for number, item in enumerate(corpus.tunes, 1):
            progress("index", number / len(corpus.tunes))
            try:
                tune = Tune.from_abc(item.abc)
            except ValueError as error:
                rejected.append(Rejected(item.key, str(error)))
                continue
            count = len(timed_notes(tune))
            if count < FEWEST_NOTES:
                rejected.append(Rejected(item.key, f"has {count} notes; {FEWEST_NOTES} are needed"))
            else:
                yield item.key, tune

    return IndexedCorpus(MelodyIndex.build(readable()), tuple(rejected))


def training_index(
    model: str | None, against: str | Path | None, progress: Progress = lambda stage, done: None
) -> IndexedCorpus:
    """The index of the tunes that a composer was trained on.

    Args:
        model: the composer's name or folder, which may hold `tunes.npz`; None or "shipped" for the shipped one.
        against: a corpus or an index instead.
        progress: see `index_corpus`.

    Raises:
        ValueError: the composer comes without an index and nothing else is named.
    """
    if against is not None:
        return index_corpus(against, progress)
    path = SHIPPED_INDEX if model in (None, "shipped") else Path(str(model)) / INDEX_NAME
    if not path.is_file():
        raise ValueError(
            f"{path}: no such file; name the tunes that the composer was trained on with --against"
        )
    return index_corpus(path)


def save_index(path: str | Path, index: MelodyIndex) -> None:
    """Write an index whole or not at all.

    Raises:
        ValueError: the suffix is not .npz.
    """
    target = Path(path)
    if target.suffix.lower() != INDEX_SUFFIX:
        raise ValueError(f"{target}: suffix {target.suffix!r} is not {INDEX_SUFFIX}")
    with replacing(target) as temporary:
        index.save(temporary)


def is_copy(overlap: Overlap) -> bool:
    """Whether a tune shares so much with another one that it is a setting of it."""
    return overlap.share > COPY_SHARE


def overlap_row(index: MelodyIndex, tune: Tune, overlap: Overlap) -> dict[str, object]:
    """What is told of a tune and the nearest one, as JSON values."""
    return {
        "title": tune.header.title,
        "nearest": overlap.name or None,
        "nearest_title": index.title_of(overlap.name) or None,
        "overlap": round(overlap.share, 4),
        "longest_run_notes": overlap.longest,
        "semitones": overlap.semitones,
        "is_copy": is_copy(overlap),
    }


OVERLAP_COLUMNS = ("title", "nearest", "its title", "overlap", "longest run", "semitones", "copy")


def overlap_cells(row: dict[str, object]) -> tuple[str, ...]:
    """The same as cells of a table, in the order of OVERLAP_COLUMNS."""
    return (
        str(row["title"]), str(row["nearest"] or "-"), str(row["nearest_title"] or "-"), f"{row['overlap']:.2f}",
        str(row["longest_run_notes"]), f"{row['semitones']:+d}", "yes" if row["is_copy"] else "no",
    )  # fmt: skip


@dataclass(frozen=True)
class Original(Generic[Made]):
    """What was made, the training tune nearest to it, and how many draws it took."""

    made: Made
    overlap: Overlap
    draws: int


def draw_original(
    write: Callable[[int], Made], tune_of: Callable[[Made], Tune], index: MelodyIndex, most_share: float
) -> Original[Made]:
    """Draw tunes until one has at most so much in common with any training tune.

    Args:
        write: makes a tune, or something that holds one, for each number of a draw, 0, 1, 2 ...
        tune_of: the tune of what was made.
        index: of the training tunes.
        most_share: 0 ... 1 of the tune's notes; 1 takes the first.

    Raises:
        CompositionError: none of MOST_DRAWS tunes is so far from all training tunes.
    """
    nearest = Overlap("", 0.0, 0, 0)
    for draw in range(MOST_DRAWS):
        made = write(draw)
        nearest = index.nearest(tune_of(made))
        if nearest.share <= most_share:
            return Original(made, nearest, draw + 1)
    raise CompositionError(
        f"each of {MOST_DRAWS} tunes has more than {most_share:g} of its notes in a training tune, the last one "
        f"{nearest.share:.2f} in {nearest.name}; allow more, or ask for something else"
    )
