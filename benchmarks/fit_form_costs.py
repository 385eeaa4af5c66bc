"""Choose the costs by which `symbolic_bridge.analysis.form` finds forms, on tunes whose repeat signs say the form.

    python benchmarks/fit_form_costs.py train.jsonl --tunes 600 --steps 300

A random walk on a logarithmic scale that never goes down. Its aim is the share of forms found exactly (letters and
bars) with the signs hidden, among the tunes in which every part is repeated, plus half the share among all tunes: a
part without a repeat sign may hold a repeat written out, which the signs do not tell.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path

import numpy as np

from audiogen.data.corpus import read_corpus
from symbolic_bridge.analysis.form import (
    DEFAULT_COSTS,
    Form,
    FormCosts,
    bar_similarity,
    form_of_similarity,
    written_form,
)
from symbolic_bridge.analysis.melody import melody_of
from symbolic_bridge.tune import Tune

CHANGED_SHARE, STEP = 0.4, 0.35


def main() -> None:
    """Walk, and print every costs that were better than all before."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("path", type=Path, help="what read_corpus takes")
    parser.add_argument("--tunes", type=int, default=600)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    rng = np.random.default_rng(chosen.seed)
    rows = gather(chosen.path, chosen.tunes, rng)
    best = DEFAULT_COSTS
    aim, text = judge(rows, best)
    print(f"start: {text}")
    for step in range(chosen.steps):
        values = {
            name: value * float(np.exp(rng.normal(0, STEP))) if rng.random() < CHANGED_SHARE else value
            for name, value in asdict(best).items()
        }
        costs = FormCosts(**values)
        reached, text = judge(rows, costs)
        if reached > aim:
            print(f"step {step}: {text}\n  { ({name: round(value, 2) for name, value in values.items()}) }")
        if reached >= aim:
            aim, best = reached, costs


def gather(path: Path, count: int, rng: np.random.Generator) -> list[tuple[np.ndarray, Form, bool]]:
    """Bar similarities, the form that the signs say, and whether every part is repeated, of so many tunes."""
    items = read_corpus(path).tunes
    rows = []
    for index in rng.permutation(len(items))[:count].tolist():
        try:
            melody = melody_of(Tune.from_abc(items[index].abc))
        except ValueError:
            continue
        form = written_form(melody)
        rows.append((bar_similarity(melody), form, every_part_repeated(form)))
    return rows


def every_part_repeated(form: Form) -> bool:
    """Whether each letter stands at least twice."""
    return all(form.letters.count(section.letter) > 1 for section in form.sections)


def judge(rows: list[tuple[np.ndarray, Form, bool]], costs: FormCosts) -> tuple[float, str]:
    """The aim, and the two shares in words."""
    right = []
    for similarity, written, _ in rows:
        found = form_of_similarity(similarity, costs)
        right.append((found.letters, found.boundaries) == (written.letters, written.boundaries))
    repeated = [same for same, row in zip(right, rows, strict=True) if row[2]]
    shares = float(np.mean(repeated)), float(np.mean(right))
    text = f"{shares[0]:.4f} of {len(repeated)} with every part repeated, {shares[1]:.4f} of all {len(rows)}"
    return shares[0] + shares[1] / 2, text


if __name__ == "__main__":
    main()
