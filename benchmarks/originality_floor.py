"""What the overlap of `audiogen.originality` is worth: copies in disguise, strangers, and real tunes against real ones.

    python benchmarks/originality_floor.py train.jsonl test.jsonl --count 300 --exhaustive 10 --json originality.json

- *transposed*: training tunes moved by up to six semitones; *ornamented*: moved, and three notes in ten of an eighth or
  more divided into a note and a neighbour, or a triplet around it. They must be found, by name, with an overlap above
  0.8.
- *strangers*: the tunes of the second file, each against training tunes drawn at random.
- *real*: the tunes of the second file, each against the nearest of all training tunes. That is the floor under composed
  tunes: tune books share tunes under other names, so it is not small. `same_family` says how often the nearest one is
  of the same family where both files name families.
- *exhaustive*: tunes of the second file against every training tune: how often the index's candidates hold the nearest.
"""

from __future__ import annotations

import argparse
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from audiogen.data.corpus import CorpusTune, read_corpus
from audiogen.evaluation.tables import show_table, write_json
from audiogen.originality import COPY_SHARE, index_corpus
from symbolic_bridge.analysis.similarity import MelodyIndex, Overlap, line_of, line_overlap
from symbolic_bridge.spelling import spell
from symbolic_bridge.tune import Note, Tune

MOST_SEMITONES = 6
ORNAMENTED_SHARE = 0.3
SHORTEST_ORNAMENTED = Fraction(1, 8)
PERCENTILES = (5, 25, 50, 75, 90, 95, 99)
TRIPLET = 3


def main() -> None:
    """Index, measure, show."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("train", type=Path, help="what read_corpus takes")
    parser.add_argument("unseen", type=Path, help="the same")
    parser.add_argument("--count", type=int, default=300, help="tunes of each sort")
    parser.add_argument("--exhaustive", type=int, default=0, help="tunes searched without the index")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path, help="write the result here")
    chosen = parser.parse_args()
    rng = np.random.default_rng(chosen.seed)
    began = time.perf_counter()
    indexed = index_corpus(chosen.train)
    index = indexed.index
    built = time.perf_counter() - began
    trained, names = read_corpus(chosen.train).tunes, set(index.names)
    families = {item.key: item.family for item in trained}
    known = [item for item in trained if item.key in names]
    unseen = _drawn(read_corpus(chosen.unseen).tunes, chosen.count, rng)
    result: dict[str, Any] = {
        "tunes": len(index.names),
        "rejected": len(indexed.rejected),
        "reading_and_indexing_seconds": round(built, 1),
        "memory_mb": round(index.memory_bytes / 1e6, 2),
    }
    copies = _drawn(known, chosen.count, rng)
    for name, disguise in (("transposed", _transposed), ("ornamented", _ornamented)):
        found = [(item.key, index.nearest(disguise(tune, rng))) for item, tune in copies]
        result[name] = _distribution([overlap for _, overlap in found])
        result[name]["found_by_name"] = round(float(np.mean([key == o.name for key, o in found])), 4)
    strangers = [
        line_overlap(line_of(tune), index.line(int(number)), index.names[number])
        for (_, tune), number in zip(unseen, rng.integers(len(index.names), size=len(unseen)), strict=True)
    ]
    result["strangers"] = _distribution(strangers)
    began = time.perf_counter()
    real = [(item, index.nearest(tune)) for item, tune in unseen]
    result["milliseconds_a_search"] = round(1000 * (time.perf_counter() - began) / len(unseen), 1)
    result["real"] = _distribution([overlap for _, overlap in real])
    result["real"]["same_family"] = sum(
        bool(item.family) and item.family == families.get(o.name) for item, o in real
    )
    result["copies_among_real"] = [
        f"{item.key} {item.title!r}: {o.share:.2f} of it in {o.name}"
        for item, o in real
        if o.share > COPY_SHARE
    ]
    if chosen.exhaustive:
        result["exhaustive"] = _exhaustive(index, [tune for _, tune in unseen[: chosen.exhaustive]])
    _show(result)
    if chosen.json:
        write_json(chosen.json, result)


def _drawn(items: Any, count: int, rng: np.random.Generator) -> list[tuple[CorpusTune, Tune]]:
    """At most so many tunes that have a line, in an order drawn by chance."""
    found: list[tuple[CorpusTune, Tune]] = []
    for number in rng.permutation(len(items)).tolist():
        try:
            tune = Tune.from_abc(items[number].abc)
            line_of(tune)
        except ValueError:
            continue
        found.append((items[number], tune))
        if len(found) == count:
            break
    return found


def _transposed(tune: Tune, rng: np.random.Generator) -> Tune:
    return tune.transpose(int(rng.integers(-MOST_SEMITONES, MOST_SEMITONES + 1)))


def _ornamented(tune: Tune, rng: np.random.Generator) -> Tune:
    """Moved, and some notes divided; every bar keeps its length."""
    moved = _transposed(tune, rng)
    key = moved.header.key
    bars = []
    for bar in moved.bars:
        notes: list[Note] = []
        for note in bar.notes:
            plain = len(note.pitches) == 1 and not note.tie and note.duration >= SHORTEST_ORNAMENTED
            if not plain or rng.random() >= ORNAMENTED_SHARE:
                notes.append(note)
                continue
            neighbour = spell(note.pitches[0].midi + int(rng.choice((-2, 2))), key)
            parts = 2 if rng.random() < 0.5 else TRIPLET
            pitches = (note.pitches[0], neighbour, note.pitches[0])[:parts]
            notes += [replace(note, pitches=(pitch,), duration=note.duration / parts) for pitch in pitches]
        bars.append(replace(bar, notes=tuple(notes)))
    return replace(moved, bars=tuple(bars))


def _distribution(overlaps: list[Overlap]) -> dict[str, Any]:
    shares = np.array([overlap.share for overlap in overlaps])
    return {
        "tunes": len(shares),
        "mean": round(float(shares.mean()), 4),
        **{f"p{q}": round(float(np.percentile(shares, q)), 4) for q in PERCENTILES},
        "above_0.8": round(float((shares > COPY_SHARE).mean()), 4),
        "whole": round(float((shares == 1).mean()), 4),
    }


def _exhaustive(index: MelodyIndex, tunes: list[Tune]) -> dict[str, Any]:
    """The nearest of all tunes beside the nearest of the candidates."""
    rows = []
    for tune in tunes:
        line = line_of(tune)
        best = max(
            line_overlap(line, index.line(number), name).share for number, name in enumerate(index.names)
        )
        rows.append((best, index.nearest(tune).share))
    best, ours = np.array(rows).T
    return {
        "tunes": len(rows),
        "same": round(float((ours >= best - 1e-9).mean()), 4),
        "mean_best": round(float(best.mean()), 4),
        "mean_ours": round(float(ours.mean()), 4),
        "largest_miss": round(float((best - ours).max()), 4),
        "copies_missed": int(((best > COPY_SHARE) & (ours <= COPY_SHARE)).sum()),
    }


def _show(result: dict[str, Any]) -> None:
    columns = ("tunes", "mean", "p50", "p75", "p90", "p95", "p99", "above_0.8", "whole")
    rows = [
        [name, *(result[name][column] for column in columns)]
        for name in ("transposed", "ornamented", "strangers", "real")
    ]
    show_table("Overlap", ("sort", *columns), rows)
    facts = [[name, value] for name, value in result.items() if not isinstance(value, dict | list)]
    facts += [
        [f"{name} found by name", result[name]["found_by_name"]] for name in ("transposed", "ornamented")
    ]
    facts += [["real ones nearest to their own family", result["real"]["same_family"]]]
    facts += [[f"exhaustive: {name}", value] for name, value in result.get("exhaustive", {}).items()]
    show_table("Index", ("figure", "value"), facts)


if __name__ == "__main__":
    main()
