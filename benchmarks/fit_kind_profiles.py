"""Fit the profiles by which `symbolic_bridge.analysis.tune_kinds` estimates kinds, from tunes with rhythm fields.

    python benchmarks/fit_kind_profiles.py train.jsonl --source "8,014 training tunes" -o kind_profiles.json
    python benchmarks/fit_kind_profiles.py valid.jsonl --judge

Softmax regression; the strength of the pull towards zero is chosen on tunes left out. Tunes without a rhythm field that
names a kind do not count, nor do kinds of fewer than `--fewest` tunes. `--judge` says how often the shipped profiles
find the written kind, and how often a guess from metre and density does.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path

import numpy as np
import torch

from audiogen.data.corpus import read_corpus
from codec.audio_files import write_bytes
from symbolic_bridge.analysis.melody import melody_of
from symbolic_bridge.analysis.tune_kinds import FEATURES, estimate_kind, kind_features
from symbolic_bridge.kinds import kind_of, normalise_kind
from symbolic_bridge.tune import Tune

PULLS = (1e-6, 1e-5, 1e-4, 1e-3)
HELD_OUT_EVERY = 10
STEPS = 300


def main() -> None:
    """Read, choose the pull, fit on everything, write; or judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tunes", type=Path, help="what read_corpus takes")
    parser.add_argument("--judge", action="store_true", help="measure the shipped profiles on these tunes")
    parser.add_argument("--source", default="", help="a line for the file: which tunes these are")
    parser.add_argument("--fewest", type=int, default=20, help="tunes of a kind")
    parser.add_argument("-o", "--output", type=Path)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    tunes = named_tunes(chosen.tunes)
    if chosen.judge:
        judge(tunes)
        return
    if chosen.output is None or not chosen.source:
        parser.error("--source and -o are needed to fit")
    counts = Counter(kind for kind, _ in tunes)
    kinds = [kind for kind, count in counts.most_common() if count >= chosen.fewest]
    tunes = [(kind, tune) for kind, tune in tunes if kind in kinds]
    features = np.array([kind_features(melody_of(tune)) for _, tune in tunes])
    targets = np.array([kinds.index(kind) for kind, _ in tunes])
    inside = np.arange(len(targets)) % HELD_OUT_EVERY != 0
    losses = {}
    for pull in PULLS:
        weights, bias = fit(features[inside], targets[inside], pull, len(kinds))
        scores = features[~inside] @ weights.T + bias
        cost = torch.nn.functional.cross_entropy(torch.from_numpy(scores), torch.from_numpy(targets[~inside]))
        losses[pull] = float(cost)
        right = (scores.argmax(axis=1) == targets[~inside]).mean()
        print(f"pull {pull}: {losses[pull]:.4f} nats, {right:.4f} of {(~inside).sum()} left-out tunes right")
    weights, bias = fit(features, targets, min(losses, key=lambda pull: losses[pull]), len(kinds))
    values = {
        "source": f"{chosen.source}; {len(targets)} of them had a rhythm field that names a kind of at least "
        f"{chosen.fewest} tunes",
        "kinds": kinds,
        "features": FEATURES,
        "bias": bias.round(3).tolist(),
        "weights": dict(zip(kinds, weights.round(3).tolist(), strict=True)),
    }
    write_bytes(chosen.output, (json.dumps(values) + "\n").encode())


def named_tunes(path: Path) -> list[tuple[str, Tune]]:
    """Tunes whose rhythm field names a kind, with it."""
    found, left_out = [], 0
    for item in read_corpus(path).tunes:
        try:
            tune = Tune.from_abc(item.abc)
            melody_of(tune)
        except ValueError:
            left_out += 1
            continue
        kind = normalise_kind(tune.header.rhythm)
        if kind is not None:
            found.append((kind, tune))
    print(f"{len(found)} tunes with a kind, {left_out} that cannot be analysed")
    return found


def fit(features: np.ndarray, targets: np.ndarray, pull: float, kinds: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights [kinds, features] and bias [kinds] of the likeliest softmax."""
    inputs, classes = torch.from_numpy(features), torch.from_numpy(targets)
    weights = torch.zeros(kinds, features.shape[-1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(kinds, dtype=torch.float64, requires_grad=True)
    search = torch.optim.LBFGS([weights, bias], max_iter=STEPS, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        search.zero_grad()
        value = torch.nn.functional.cross_entropy(inputs @ weights.T + bias, classes)
        value = value + pull * weights.square().sum()
        value.backward()
        return value

    search.step(loss)
    return weights.detach().numpy(), bias.detach().numpy()


def judge(tunes: list[tuple[str, Tune]]) -> None:
    """Print how often kinds are found, one by one and in all."""
    counts, right, guessed = Counter[str](), Counter[str](), Counter[str]()
    for kind, tune in tunes:
        nameless = tune.with_header(rhythm="", title="")
        counts[kind] += 1
        right[kind] += estimate_kind(melody_of(nameless)).kind == kind
        guessed[kind] += kind_of(nameless).id == kind
    for kind, count in counts.most_common():
        print(
            f"{kind:12} {count:5}  {right[kind] / count:.3f}  from metre and density {guessed[kind] / count:.3f}"
        )
    total = counts.total()
    print(
        f"{'all':12} {total:5}  {right.total() / total:.3f}  from metre and density {guessed.total() / total:.3f}"
    )


if __name__ == "__main__":
    main()
