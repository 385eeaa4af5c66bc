"""How well melody families are found: against the families that a corpus states, and against titles.

    python benchmarks/melody_families.py tunes.jsonl --kinship 0.25 0.35 0.5 --json families.json

The families are found from the tunes' melodies alone and compared with the field `family` pair by pair: precision is
the share of pairs found that are stated, recall the share of stated pairs that are found. Stated families miss settings
that go by one title, so a second precision counts pairs of like titles (articles, endings and kinds left out) as right.
"""

from __future__ import annotations

import argparse
import difflib
import re
import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path

from audiogen.data.corpus import CorpusTune, read_corpus
from audiogen.data.families import KINSHIP, melody_families
from audiogen.evaluation.tables import show_table, write_json

LIKE_TITLES = 0.8
_NO_NAME = re.compile(r"\b(the|a|an|of|reel|jig|hornpipe|polka|waltz|march|strathspey|air)\b|[^a-z ]")


@dataclass(frozen=True)
class Agreement:
    """Found families beside stated ones; `precision_with_titles` also takes pairs of like titles for right."""

    kinship: float
    families: int
    stated_families: int
    largest: int
    precision: float
    recall: float
    precision_with_titles: float
    seconds: float


def main() -> None:
    """Find the families of a file's tunes at each kinship and tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tunes", type=Path, help="JSON lines of tunes that state their family")
    parser.add_argument("--kinship", type=float, nargs="+", default=[KINSHIP])
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    tunes = [tune for tune in read_corpus(options.tunes).tunes if tune.family]
    if not tunes:
        raise SystemExit(f"{options.tunes}: no tune states its family")
    rows = [agreement(tunes, kinship) for kinship in options.kinship]
    table = [asdict(row) for row in rows]
    show_table(
        f"Melody families of {options.tunes.name}", list(table[0]), [list(row.values()) for row in table]
    )
    if options.json:
        write_json(options.json, {"file": options.tunes.name, "tunes": len(tunes), "rows": table})


def agreement(tunes: list[CorpusTune], kinship: float) -> Agreement:
    """What is found at one kinship, and how it agrees with what is stated."""
    start = time.perf_counter()
    found = melody_families({tune.key: tune.abc for tune in tunes}, kinship)
    seconds = time.perf_counter() - start
    members: dict[str, list[CorpusTune]] = defaultdict(list)
    for tune in tunes:
        members[found[tune.key]].append(tune)
    pairs = [pair for family in members.values() for pair in combinations(family, 2)]
    stated = sum(first.family == second.family for first, second in pairs)
    right = sum(first.family == second.family or _like(first.title, second.title) for first, second in pairs)
    return Agreement(
        kinship, len(members), len({tune.family for tune in tunes}), max(map(len, members.values())),
        round(stated / max(1, len(pairs)), 4), round(stated / max(1, _pairs(tune.family for tune in tunes)), 4),
        round(right / max(1, len(pairs)), 4), round(seconds, 2),
    )  # fmt: skip


def _pairs(names: Iterable[Hashable]) -> int:
    return sum(count * (count - 1) // 2 for count in Counter(names).values())


def _like(first: str, second: str) -> bool:
    names = (_name(first), _name(second))
    return min(map(len, names)) > 3 and difflib.SequenceMatcher(None, *names).ratio() >= LIKE_TITLES


def _name(title: str) -> str:
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode().lower()
    return "".join(_NO_NAME.sub(" ", plain.split("--")[0].replace("'", "")).split())


if __name__ == "__main__":
    main()
