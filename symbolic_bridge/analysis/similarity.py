"""Melodic similarity that no transposition hides: how much of one tune is in another, and which of many is nearest.

Two tunes share a *run* where notes of one, moved by one interval in pitch and one in time, fall on notes of the other
(translational matching of point sets: Wiggins, Lemström, Meredith 2002). Between matched notes of a run at most
MOST_SKIPPED others may stand on either side, so that ornaments and small changes do not end it; a run counts from
FEWEST_MATCHED matched notes on, if LEAST_MATCHED_SHARE of the notes between its ends are matched in both tunes. The
*overlap* is the share of the notes of the first tune that lie within such runs. Times are in units of each tune's
commonest duration, tried at once, twice and half the pace: 2/4 in sixteenths is 4/4 in eighths.

Written bars count once each, since repeats add nothing. An index of runs of GRAM_INTERVALS intervals, repeated notes
left out, says which of thousands of tunes are worth matching. It is made to find copies: of overlaps too small for one
it gives a large one, not always the largest.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from symbolic_bridge.tune import Tune
from symbolic_bridge.unfold import timed_notes

FEWEST_MATCHED, MOST_SKIPPED = 12, 2
LEAST_MATCHED_SHARE = 0.6
GRAM_INTERVALS = 5
PACES = (1.0, 2.0, 0.5)
CANDIDATES = 48
FEWEST_NOTES = 2
# Positions within the commonest duration: triplets and thirty-seconds of any note fall on it.
_TICKS = 48
_WIDEST = 15


@dataclass(frozen=True)
class Line:
    """A melody for matching: `pitches` int [L], rising `starts` int [L] in 1/48 of the commonest duration."""

    pitches: np.ndarray
    starts: np.ndarray


@dataclass(frozen=True)
class Overlap:
    """How much of a tune is in another, `name`.

    `share` of its notes that lie within runs; `longest`: matched notes of the longest run, and `semitones` from the
    other tune up to this one there.
    """

    name: str
    share: float
    longest: int
    semitones: int

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise ValueError(f"the overlap with {self.name!r} is {self.share}; a share is 0 ... 1")


def line_of(tune: Tune) -> Line:
    """The top notes of a tune, every written bar once.

    Raises:
        ValueError: it has fewer than two notes.
    """
    notes = timed_notes(tune)
    if len(notes) < FEWEST_NOTES:
        raise ValueError(f"tune {tune.header.title!r} has {len(notes)} notes; {FEWEST_NOTES} are needed")
    durations = [note.duration for note in notes]
    # The quicker one of two that are as common, so that the choice does not hang on their order.
    unit = min(set(durations), key=lambda duration: (-durations.count(duration), duration))
    starts = [round(note.start / unit * _TICKS) for note in notes]
    return Line(np.array([max(note.pitches) for note in notes], np.int32), np.array(starts, np.int64))


def overlap(tune: Tune, other: Tune, fewest: int = FEWEST_MATCHED) -> Overlap:
    """How much of a tune is in another one.

    Args:
        tune: whose notes are counted.
        other: what they are looked for in; its title names the result.
        fewest: matched notes that make a run.
    """
    return line_overlap(line_of(tune), line_of(other), other.header.title, fewest)


def line_overlap(line: Line, other: Line, name: str, fewest: int = FEWEST_MATCHED) -> Overlap:
    """The same for lines; the pace that gives most."""
    found = [_overlap_at(line, other, name, fewest, pace) for pace in PACES]
    return max(found, key=lambda result: (result.share, result.longest))


def _overlap_at(line: Line, other: Line, name: str, fewest: int, pace: float) -> Overlap:
    moved = np.round(line.starts * pace).astype(np.int64)
    semitones = line.pitches[:, None] - other.pitches[None, :]  # [L, L of the other]
    ticks = moved[:, None] - other.starts[None, :]
    # One number for each translation: the pairs of notes that share it, in order, make its runs.
    vector = ((ticks << 9) + (semitones + 256)).ravel()
    order = np.argsort(vector, kind="stable")
    own, their = np.divmod(order, len(other.pitches))
    vector = vector[order]
    breaks = np.ones(len(order), bool)
    breaks[1:] = (
        (vector[1:] != vector[:-1])
        | (own[1:] - own[:-1] > MOST_SKIPPED + 1)
        | (their[1:] - their[:-1] > MOST_SKIPPED + 1)
    )
    first = np.flatnonzero(breaks)
    sizes = np.diff(np.append(first, len(order)))
    last = first + sizes - 1
    spans = np.maximum(own[last] - own[first], their[last] - their[first]) + 1
    runs = np.flatnonzero((sizes >= fewest) & (sizes >= LEAST_MATCHED_SHARE * spans))
    if not len(runs):
        return Overlap(name, 0.0, 0, 0)
    edges = np.zeros(len(line.pitches) + 1, int)
    np.add.at(edges, own[first[runs]], 1)
    np.add.at(edges, own[last[runs]] + 1, -1)
    inside = np.cumsum(edges[:-1]) > 0
    longest = runs[np.argmax(sizes[runs])]
    moved_by = int((vector[first[longest]] & 511) - 256)
    return Overlap(name, float(inside.mean()), int(sizes[longest]), moved_by)


def grams_of(line: Line) -> np.ndarray:
    """The different runs of five intervals of a line as numbers, sorted uint32; repeated notes count once."""
    moves = np.diff(line.pitches)
    moves = np.clip(moves[moves != 0], -_WIDEST, _WIDEST) + _WIDEST
    if len(moves) < GRAM_INTERVALS:
        return np.zeros(0, np.uint32)
    windows = np.lib.stride_tricks.sliding_window_view(moves, GRAM_INTERVALS)
    return np.unique(windows @ (2 * _WIDEST + 1) ** np.arange(GRAM_INTERVALS)).astype(np.uint32)


@dataclass(frozen=True)
class MelodyIndex:
    """Tunes to search: `names` and `titles`, their lines end to end (`offsets` [tunes + 1]), and their grams.

    `grams` is sorted, uint32 [G]; `owners` int32 [G] the tune each belongs to.
    """

    names: tuple[str, ...]
    titles: tuple[str, ...]
    offsets: np.ndarray
    pitches: np.ndarray
    starts: np.ndarray
    grams: np.ndarray
    owners: np.ndarray

    def __post_init__(self) -> None:
        if len(self.offsets) != len(self.names) + 1 or len(self.pitches) != len(self.starts):
            raise ValueError(
                f"an index of {len(self.names)} names has {len(self.offsets)} offsets, {len(self.pitches)} pitches and "
                f"{len(self.starts)} starts; one more offset than names and as many pitches as starts are needed"
            )
        if len(self.titles) != len(self.names):
            raise ValueError(f"an index of {len(self.names)} names has {len(self.titles)} titles")
        if len(self.grams) != len(self.owners):
            raise ValueError(f"an index has {len(self.grams)} grams of {len(self.owners)} owners")

    @classmethod
    def build(cls, tunes: Iterable[tuple[str, Tune]]) -> MelodyIndex:
        """Index tunes by name; those with fewer than two notes are refused.

        Raises:
            ValueError: there is no tune, or one has too few notes.
        """
        names: list[str] = []
        titles: list[str] = []
        lines: list[Line] = []
        for name, tune in tunes:
            lines.append(line_of(tune))
            names.append(name)
            titles.append(tune.header.title)
        if not lines:
            raise ValueError("an index of melodies needs at least 1 tune; 0 were given")
        return cls._of_lines(names, titles, lines)

    @classmethod
    def _of_lines(cls, names: Sequence[str], titles: Sequence[str], lines: Sequence[Line]) -> MelodyIndex:
        found = [grams_of(line) for line in lines]
        grams = np.concatenate(found)
        owners = np.repeat(np.arange(len(lines), dtype=np.int32), [len(own) for own in found])
        order = np.argsort(grams, kind="stable")
        return cls(
            names=tuple(names),
            titles=tuple(titles),
            offsets=np.cumsum([0, *(len(line.pitches) for line in lines)]),
            pitches=np.concatenate([line.pitches for line in lines]).astype(np.int16),
            starts=np.concatenate([line.starts for line in lines]).astype(np.int32),
            grams=grams[order],
            owners=owners[order],
        )

    @property
    def memory_bytes(self) -> int:
        """Bytes of the arrays."""
        return sum(
            array.nbytes for array in (self.offsets, self.pitches, self.starts, self.grams, self.owners)
        )

    def title_of(self, name: str) -> str:
        """The title of a tune that a search named; "" for no tune."""
        return self.titles[self.names.index(name)] if name else ""

    def line(self, number: int) -> Line:
        """The line of a tune."""
        span = slice(int(self.offsets[number]), int(self.offsets[number + 1]))
        return Line(self.pitches[span].astype(np.int32), self.starts[span].astype(np.int64))

    def candidates(self, line: Line, count: int = CANDIDATES) -> list[int]:
        """The tunes that share most grams with a line, rare grams counting more; best first."""
        own = grams_of(line)
        first = np.searchsorted(self.grams, own, side="left")
        stop = np.searchsorted(self.grams, own, side="right")
        scores = np.zeros(len(self.names))
        for begin, end in zip(first.tolist(), stop.tolist(), strict=True):
            if end > begin:
                scores[self.owners[begin:end]] += np.log(1 + len(self.names) / (end - begin))
        best = np.argsort(-scores, kind="stable")[:count]
        return [int(number) for number in best if scores[number] > 0]

    def nearest(self, tune: Tune, *, without: frozenset[str] = frozenset()) -> Overlap:
        """The indexed tune in which most of a tune is found; name "" and share 0 where there is none.

        Args:
            tune: what to look for.
            without: names not to be found (the tune itself).
        """
        return self.nearest_many(tune, count=1, without=without)[0]

    def nearest_many(
        self, tune: Tune, *, count: int, without: frozenset[str] = frozenset()
    ) -> tuple[Overlap, ...]:
        """The `count` tunes with the greatest overlap, most first; at least one entry."""
        line = line_of(tune)
        asked = [
            number
            for number in self.candidates(line, max(CANDIDATES, count) + len(without))
            if self.names[number] not in without
        ]
        found = [line_overlap(line, self.line(number), self.names[number]) for number in asked]
        found = [result for result in found if result.share > 0]
        found.sort(key=lambda result: (-result.share, -result.longest))
        return tuple(found[:count]) or (Overlap("", 0.0, 0, 0),)

    def save(self, path: str | Path) -> None:
        """Write the index as .npz: steps from note to note, which take a third of the room; grams are found anew."""
        firsts = self.offsets[:-1]
        waits = np.diff(self.starts, prepend=0)
        waits[firsts] = self.starts[firsts]
        kinds, places = np.unique(waits, return_inverse=True)
        with Path(path).open("wb") as file:
            np.savez_compressed(
                file,
                names=np.array(self.names),
                titles=np.array(self.titles),
                lengths=np.diff(self.offsets).astype(np.int32),
                moves=np.diff(self.pitches, prepend=0).astype(np.int8),
                waits=kinds.astype(np.int32),
                wait_places=places.astype(np.min_scalar_type(len(kinds))),
            )

    @classmethod
    def load(cls, path: str | Path) -> MelodyIndex:
        """Read what `save` wrote.

        Raises:
            ValueError: the file is no index of melodies.
        """
        try:
            with np.load(path, allow_pickle=False) as stored:
                names, titles = stored["names"].tolist(), stored["titles"].tolist()
                pitches = np.cumsum(stored["moves"], dtype=np.int32)
                waits = stored["waits"][stored["wait_places"]].astype(np.int64)
                ends = np.cumsum(stored["lengths"])[:-1]
                if len(stored["lengths"]) != len(names) or not len(names):
                    raise ValueError(f"{len(names)} names of {len(stored['lengths'])} tunes")
                lines = [
                    Line(own, np.cumsum(steps))
                    for own, steps in zip(np.split(pitches, ends), np.split(waits, ends), strict=True)
                ]
        except (KeyError, ValueError, IndexError, EOFError, zipfile.BadZipFile) as error:
            raise ValueError(f"{path}: is no index of melodies ({error})") from error
        return cls._of_lines(names, titles, lines)
