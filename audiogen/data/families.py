"""Melody families: settings of one tune belong together, and a split never divides them."""

from __future__ import annotations

import hashlib
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from itertools import pairwise

# Steps of the scale rather than semitones, taken from the letters alone: the same in every key and mode, and
# defined for ABC that is too damaged to be played.
_NOT_NOTES = re.compile(r'"[^"]*"|!.*?!|\+\w+\+|\{[^}]*\}|\[[A-Za-z]:[^\]]*\]|%.*')
_FIELD = re.compile(r"^[A-Za-z]:")
_NOTE = re.compile(r"([A-Ga-g])([,']*)")
_STEPS = {letter: step for step, letter in enumerate("CDEFGABcdefgab")}
SHINGLE_INTERVALS = 6
# Scales and arpeggios that many tunes share say nothing about kinship.
COMMONEST_SHINGLE = 60
KINSHIP = 0.35


def interval_profile(abc: str) -> tuple[int, ...]:
    """Scale steps between successive notes of ABC text; grace notes, chord symbols and lengths do not count."""
    steps: list[int] = []
    for line in abc.splitlines():
        if _FIELD.match(line):
            continue
        for letter, marks in _NOTE.findall(_NOT_NOTES.sub(" ", line)):
            steps.append(_STEPS[letter] + 7 * (marks.count("'") - marks.count(",")))
    return tuple(after - before for before, after in pairwise(steps))


def melody_families(abcs: Mapping[str, str], kinship: float = KINSHIP) -> dict[str, str]:
    """Group tunes whose melodies share much.

    Two tunes are kin when they share at least `kinship` of the shorter one's runs of six intervals; kin of kin
    are one family. The same tunes give the same families in whatever order they come.

    Args:
        abcs: ABC text by tune id.
        kinship: share that makes kin, 0 ... 1.

    Returns:
        Family name by tune id; the name is a hash of the family's first id.
    """
    shingles = {key: _shingles(interval_profile(abcs[key])) for key in sorted(abcs)}
    places: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for key, own in shingles.items():
        for shingle in own:
            places[shingle].append(key)
    parent = {key: key for key in shingles}

    def root(key: str) -> str:
        while parent[key] != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    for key, own in shingles.items():
        shared: Counter[str] = Counter()
        for shingle in own:
            if len(places[shingle]) <= COMMONEST_SHINGLE:
                shared.update(other for other in places[shingle] if other < key)
        for other, count in shared.items():
            if count >= kinship * min(len(own), len(shingles[other])):
                first, second = sorted((root(key), root(other)))
                parent[second] = first
    return {key: hashlib.sha256(root(key).encode()).hexdigest()[:12] for key in shingles}


def _shingles(intervals: Sequence[int]) -> frozenset[tuple[int, ...]]:
    if 0 < len(intervals) < SHINGLE_INTERVALS:
        return frozenset([tuple(intervals)])
    return frozenset(
        tuple(intervals[start : start + SHINGLE_INTERVALS])
        for start in range(len(intervals) - SHINGLE_INTERVALS + 1)
    )


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
