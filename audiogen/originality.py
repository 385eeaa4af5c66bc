"""Originality: the training tune nearest to a composed one, and how much of it the two share.

The overlap is the share of a tune's notes that lie in runs of at least twelve notes which the other tune has too, in
any key, at any of three paces, with small changes in between (`symbolic_bridge.analysis.similarity`). Among real tunes
it is not small: `benchmarks/originality_floor.py` measures what real tunes share with the training tunes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from audiogen.data.corpus import Rejected, read_corpus
from codec.audio_files import replacing
from symbolic_bridge.analysis.similarity import FEWEST_NOTES, MelodyIndex, Overlap
from symbolic_bridge.tune import Tune
from symbolic_bridge.unfold import timed_notes

INDEX_SUFFIX = ".npz"
# A tune of which more than this is in one other tune is a copy of it.
COPY_SHARE = 0.8

Progress = Callable[[str, float], None]


@dataclass(frozen=True)
class IndexedCorpus:
    """An index of a corpus's tunes, named "source/id", and the items that could not be indexed."""

    index: MelodyIndex
    rejected: tuple[Rejected, ...] = ()


def index_corpus(path: str | Path | None, progress: Progress = lambda stage, done: None) -> IndexedCorpus:
    """Index the tunes of a corpus, or load an index.

    Args:
        path: what `audiogen.data.corpus.read_corpus` takes, or an .npz file that `save_index` wrote.
        progress: told how much of the corpus is read.

    Raises:
        ValueError: the corpus holds no tune that can be indexed, or the file is no index.
    """
    if path is not None and Path(path).suffix.lower() == INDEX_SUFFIX:
        return IndexedCorpus(MelodyIndex.load(path))
    corpus = read_corpus(path)
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
