"""Fit the profiles by which `audiogen.transcription.barring` finds metre and bar lines, from written tunes.

    python benchmarks/fit_bar_profiles.py train.jsonl --source "8,014 training tunes" -o bar_profiles.json
    python benchmarks/fit_bar_profiles.py valid.jsonl --judge

From every tune one excerpt of 12 to 40 s, at a tempo near its kind's custom, on the grid that its commonest distance
makes. Conditional softmax over all barrings of an excerpt; the strength of the pull towards zero is chosen on tunes
left out. 4/4 stands for 2/2. `--judge` says how often the shipped profiles find metre, written value and bar lines of
exact notes; the floor is the commonest metre with the bar line before the first note.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch

from audiogen.data.corpus import read_corpus
from audiogen.transcription.barring import (
    FEATURES,
    METERS,
    VALUES,
    Barring,
    UnitNotes,
    barring_features,
    find_barring,
    hypotheses,
)
from codec.audio_files import write_bytes
from symbolic_bridge.analysis.melody import melody_of
from symbolic_bridge.kinds import kind_of
from symbolic_bridge.tune import Meter, Tune

PULLS = (1e-7, 1e-6, 1e-5)
HELD_OUT_EVERY = 10
STEPS = 150
SECONDS = (12.0, 40.0)
TEMPO_SPREAD = 0.15


def main() -> None:
    """Read, choose the pull, fit on everything, write; or judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tunes", type=Path, help="what read_corpus takes")
    parser.add_argument("--judge", action="store_true", help="measure the shipped profiles on these tunes")
    parser.add_argument("--source", default="", help="a line for the file: which tunes these are")
    parser.add_argument("--most", type=int, default=3000, help="tunes, spread over the file")
    parser.add_argument("-o", "--output", type=Path)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    excerpts = gather(chosen.tunes, chosen.most)
    if chosen.judge:
        judge(excerpts)
        return
    if chosen.output is None or not chosen.source:
        parser.error("--source and -o are needed to fit")
    options = hypotheses()
    rows = np.array([METERS.index(option.meter) for option in options])
    features = np.array(
        [[barring_features(notes, option) for option in options] for notes, _ in excerpts], np.float32
    )
    right = np.array([options.index(barring) for _, barring in excerpts])
    inside = np.arange(len(right)) % HELD_OUT_EVERY != 0
    losses = {}
    for pull in PULLS:
        weights = fit(features[inside], right[inside], rows, pull)
        scores = (features[~inside] * weights[rows]).sum(axis=-1)
        loss = torch.nn.functional.cross_entropy(torch.from_numpy(scores), torch.from_numpy(right[~inside]))
        losses[pull] = float(loss)
        share = (scores.argmax(axis=1) == right[~inside]).mean()
        print(
            f"pull {pull}: {losses[pull]:.4f} nats, {share:.4f} of {(~inside).sum()} left-out excerpts right"
        )
    weights = fit(features, right, rows, min(losses, key=lambda pull: losses[pull]))
    values = {
        "source": f"{chosen.source}; one excerpt of each of {len(right)} of them",
        "features": FEATURES,
        "weights": dict(zip(map(str, METERS), weights.round(3).tolist(), strict=True)),
    }
    write_bytes(chosen.output, (json.dumps(values) + "\n").encode())


def gather(path: Path, most: int) -> list[tuple[UnitNotes, Barring]]:
    """Excerpts with their true barring."""
    items = read_corpus(path).tunes
    rng = np.random.default_rng(0)
    found = []
    for item in items[:: max(1, len(items) // most)]:
        try:
            excerpt = excerpt_of(Tune.from_abc(item.abc), rng)
        except ValueError:
            continue
        if excerpt is not None:
            found.append(excerpt)
    print(f"{len(found)} excerpts")
    return found


def excerpt_of(tune: Tune, rng: np.random.Generator) -> tuple[UnitNotes, Barring] | None:
    """A stretch of a tune as its notes would be heard; None where its barring is none of the hypotheses."""
    melody = melody_of(tune)
    meters = {str(bar.meter) for bar in melody.bars}
    meter = next(iter(meters))
    if len(meters) > 1:
        return None
    known = next((each for each in METERS if str(each) == ("4/4" if meter == "2/2" else meter)), None)
    if known is None:
        return None
    beat = float(melody.bars[0].meter.beat_duration)
    bpm = kind_of(tune).tempo_in(melody.bars[0].meter) * rng.uniform(1 - TEMPO_SPREAD, 1 + TEMPO_SPREAD)
    whole_seconds = 60 / bpm / beat
    length = rng.uniform(*SECONDS) / whole_seconds
    total = melody.starts[-1] + melody.durations[-1]
    start = max(0.0, rng.uniform(-0.5, 1.0) * (total - length))
    chosen = np.flatnonzero((melody.starts >= start - 1e-9) & (melody.starts < start + length))
    if len(chosen) < 12:
        return None
    distances = np.diff(melody.starts[chosen])
    value = min(VALUES, key=lambda value: -np.isclose(distances, float(value)).sum())
    starts = melody.starts[chosen] / float(value)
    heads = np.array([float(bar.metric_start) for bar in melody.bars])
    line = heads[melody.bar_of[chosen[len(chosen) // 2]]] / float(value)
    bar_units = known.bar_duration / value
    if bar_units.denominator != 1 or bar_units < 2:
        return None
    first = Fraction(round((line - starts[0]) % float(bar_units))) % bar_units
    lengths = np.diff(starts, append=starts[-1] + melody.durations[chosen[-1]] / float(value))
    notes = UnitNotes(starts - starts[0], lengths, melody.pitches[chosen], whole_seconds * float(value))
    return notes, Barring(known, value, first)


def fit(features: np.ndarray, right: np.ndarray, rows: np.ndarray, pull: float) -> np.ndarray:
    """Weights [METERS, FEATURES] of the likeliest softmax over features [excerpts, hypotheses, FEATURES]."""
    inputs, targets = torch.from_numpy(features), torch.from_numpy(right)
    weights = torch.zeros(len(METERS), features.shape[-1], requires_grad=True)
    search = torch.optim.LBFGS([weights], max_iter=STEPS, line_search_fn="strong_wolfe")
    index = torch.from_numpy(rows)

    def loss() -> torch.Tensor:
        search.zero_grad()
        scores = torch.einsum("ehf,hf->eh", inputs, weights[index])
        value = torch.nn.functional.cross_entropy(scores, targets) + pull * weights.square().sum()
        value.backward()
        return value

    search.step(loss)
    return weights.detach().numpy()


def judge(excerpts: list[tuple[UnitNotes, Barring]]) -> None:
    """Print how often what is right."""
    counts: Counter[str] = Counter()
    common = Barring(Meter(4, 4), Fraction(1, 8), Fraction(0))
    for notes, true in excerpts:
        for name, found in (("found", find_barring(notes)), ("floor", common)):
            counts[f"{name}: metre"] += found.meter == true.meter
            counts[f"{name}: bar lines of that length"] += (found.bar_units, found.first_bar) == (
                true.bar_units, true.first_bar,
            )  # fmt: skip
            counts[f"{name}: all"] += found == true
    for name, count in counts.items():
        print(f"{name:40} {count / len(excerpts):.3f}")


if __name__ == "__main__":
    main()
