"""Melody families: settings of one tune belong together, and a split never divides them.

The method: a tune is the set of all runs of eight successive intervals in it, counted in steps of the scale. That is
the same in every key, mode and octave, and the same whether a part is repeated by a sign or written twice. Two tunes
are kin when they share a third of the runs of the shorter one, so that a tune without a part is still recognised; kin
of kin are one family (connected components). The comparison of all pairs is exact, one product of sparse matrices,
which takes half a second for 8,000 tunes; signatures that approximate it, such as MinHash, miss short tunes inside
long ones. `benchmarks/melody_families.py` measures it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

# Steps of the scale rather than semitones, taken from the letters alone: the same in every key and mode, and
# defined for ABC that is too damaged to be played.
_NOT_NOTES = re.compile(r'"[^"]*"|!.*?!|\+\w+\+|\{[^}]*\}|\[[A-Za-z]:[^\]]*\]|%.*')
_FIELD = re.compile(r"^[A-Za-z]:")
_NOTE = re.compile(r"([A-Ga-g])([,']*)")
_STEPS = {letter: step for step, letter in enumerate("CDEFGABcdefgab")}
RUN_INTERVALS = 8
# Intervals are written with five bits each, so that a run is one number.
_WIDEST = 15
_INTERVAL_SIZES = 32
# Scales and arpeggios that many tunes share say nothing about kinship.
COMMONEST_RUN = 300
KINSHIP = 0.35
_ROWS_AT_ONCE = 1000


def interval_profile(abc: str) -> tuple[int, ...]:
    """Scale steps between successive notes of ABC text; grace notes, chord symbols and lengths do not count."""
    steps: list[int] = []
    for line in abc.splitlines():
        if _FIELD.match(line):
            continue
        for letter, marks in _NOTE.findall(_NOT_NOTES.sub(" ", line)):
            steps.append(_STEPS[letter] + 7 * (marks.count("'") - marks.count(",")))
    return tuple(after - before for before, after in pairwise(steps))


def interval_runs(abc: str) -> NDArray[np.int64]:
    """The different runs of eight intervals of a tune, each a number, in order of size; a shorter tune is one."""
    profile = np.array(interval_profile(abc), dtype=np.int64)
    digits = np.clip(profile, -_WIDEST, _WIDEST) + _WIDEST
    length = min(RUN_INTERVALS, len(digits))
    if not length:
        return digits
    runs = np.lib.stride_tricks.sliding_window_view(digits, length)
    return np.unique(runs @ _INTERVAL_SIZES ** np.arange(length, dtype=np.int64))


def melody_families(
    abcs: Mapping[str, str],
    kinship: float = KINSHIP,
    stated: Mapping[str, str] | None = None,
    groups: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Group tunes whose melodies share much. The same tunes give the same families in whatever order they come.

    Args:
        abcs: ABC text by tune id.
        kinship: share of the shorter one's runs that makes kin, 0 ... 1.
        stated: families that are known already, by tune id. They are trusted: their tunes are not compared with
            each other, but tunes of no stated family may join them (and unite those that they are all kin to).
        groups: tunes that belong together, by tune id, whether or not they sound alike.

    Returns:
        Family name by tune id: the first stated one in it, else "melody-" and a hash of the family's first id.
    """
    keys = sorted(abcs)
    if not keys:
        return {}
    stated, groups = stated or {}, groups or {}
    known = np.array([key in stated for key in keys])
    links: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = [
        (first[~(known[first] & known[second])], second[~(known[first] & known[second])])
        for first, second in kin([interval_runs(abcs[key]) for key in keys], kinship)
    ]
    for names in (stated, groups):
        leaders: dict[str, int] = {}
        links.append(
            _columns(
                [
                    (leaders.setdefault(names[key], place), place)
                    for place, key in enumerate(keys)
                    if key in names
                ]
            )
        )
    first, second = (np.concatenate(side) for side in zip(*links, strict=True))
    graph = sparse.coo_array((np.ones(len(first), bool), (first, second)), shape=(len(keys), len(keys)))
    labels = connected_components(graph, directed=False)[1]
    names_of: dict[int, str] = {}
    for key, label in zip(keys, labels.tolist(), strict=True):
        if key in stated:
            names_of[label] = min(stated[key], names_of.get(label, stated[key]))
    for key, label in zip(keys, labels.tolist(), strict=True):
        names_of.setdefault(label, f"melody-{hashlib.sha256(key.encode()).hexdigest()[:12]}")
    return {key: names_of[label] for key, label in zip(keys, labels.tolist(), strict=True)}


def kin(
    runs: list[NDArray[np.int64]], kinship: float = KINSHIP
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Pairs of tunes, as their places in `runs`, that share at least `kinship` of the shorter one's runs.

    Yields:
        Pieces of (first, second), two arrays of one length with first < second.
    """
    # However many tunes have one melody, and however common its runs are for that, they are kin.
    leaders: dict[bytes, int] = {}
    twins = [(leaders.setdefault(own.tobytes(), place), place) for place, own in enumerate(runs) if len(own)]
    yield _columns([pair for pair in twins if pair[0] < pair[1]])
    sizes = np.array([len(own) for own in runs])
    numbers, columns = np.unique(np.concatenate(runs), return_inverse=True)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    holds = sparse.csr_array(
        (np.ones(len(columns), np.int32), columns, starts), shape=(len(runs), max(1, len(numbers)))
    )
    holds = holds[:, np.flatnonzero(np.bincount(columns, minlength=1) <= COMMONEST_RUN)]
    held = holds.T.tocsr()
    for start in range(0, len(runs), _ROWS_AT_ONCE):
        shared = (holds[start : start + _ROWS_AT_ONCE] @ held).tocoo()
        second, first = shared.row.astype(np.int64) + start, shared.col.astype(np.int64)
        is_kin = (first < second) & (shared.data >= kinship * np.minimum(sizes[first], sizes[second]))
        yield first[is_kin], second[is_kin]


def _columns(pairs: list[tuple[int, int]]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    first, second = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return first, second


def split_of(family: str, shares: Mapping[str, float], seed: int = 0) -> str:
    """The split a family belongs to, decided by a hash of its name: adding tunes moves no other family.

    Args:
        family: its name.
        shares: share of every split, adding up to 1.
        seed: another seed deals the families out anew.

    Raises:
        ValueError: the shares do not add up to 1.
    """
    if abs(sum(shares.values()) - 1) > 1e-9 or min(shares.values()) < 0:
        raise ValueError(f"split shares {dict(shares)} do not add up to 1")
    digest = hashlib.sha256(f"{seed}:{family}".encode()).digest()
    place = int.from_bytes(digest[:8], "big") / 2**64
    for name, share in shares.items():
        if place < share:
            return name
        place -= share
    return list(shares)[-1]
