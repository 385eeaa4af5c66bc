"""Fit the profiles by which `symbolic_bridge.analysis.keys` estimates keys, from tunes with written keys.

    python benchmarks/fit_key_profiles.py train.jsonl --source "8,014 training tunes of ..." -o key_profiles.json

Softmax regression with one set of weights a mode, shared by all tonics, so that no key is favoured; the strength of
the pull towards zero is chosen on tunes left out. Tunes whose key changes, or whose mode is none of the four, do not
count.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from audiogen.data.corpus import read_corpus
from codec.audio_files import write_bytes
from symbolic_bridge.analysis.keys import FEATURES, by_tonic, key_features
from symbolic_bridge.analysis.melody import melody_of
from symbolic_bridge.tune import Tune

MODES = ("major", "minor", "dorian", "mixolydian")
PULLS = (1e-7, 1e-6, 1e-5, 1e-4)
HELD_OUT_EVERY = 10
STEPS = 200


def main() -> None:
    """Read, choose the pull, fit on everything, write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tunes", type=Path, help="what read_corpus takes")
    parser.add_argument("--source", required=True, help="a line for the file: which tunes these are")
    parser.add_argument("-o", "--output", type=Path, required=True)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    features, keys = gather(chosen.tunes)
    source = f"{chosen.source}; {len(keys)} of them were of one key and a mode named here"
    write_profiles(chosen.output, source, FEATURES, *choose(features, keys, HELD_OUT_EVERY))


def choose(features: np.ndarray, keys: np.ndarray, held_out_every: int) -> tuple[np.ndarray, np.ndarray]:
    """Weights and bias of all, with the pull that foresees best what was left out."""
    inside = np.arange(len(keys)) % held_out_every != 0
    losses = {}
    for pull in PULLS:
        weights, bias = fit(features[inside], keys[inside], pull)
        losses[pull], right = judge(features[~inside], keys[~inside], weights, bias)
        print(f"pull {pull}: {losses[pull]:.4f} nats, {right:.4f} of {(~inside).sum()} left out right")
    return fit(features, keys, min(losses, key=lambda pull: losses[pull]))


def write_profiles(
    output: Path, source: str, names: Sequence[str], weights: np.ndarray, bias: np.ndarray
) -> None:
    """Write what `symbolic_bridge.analysis.keys.read_profiles` reads; `names` are the rows of the features."""
    rows = weights.reshape(len(MODES), len(names), 12).round(3).tolist()
    values = {
        "source": source,
        "modes": MODES,
        "bias": dict(zip(MODES, bias.round(3).tolist(), strict=True)),
        "weights": {mode: dict(zip(names, row, strict=True)) for mode, row in zip(MODES, rows, strict=True)},
    }
    write_bytes(output, (json.dumps(values) + "\n").encode())


def key_number(tune: Tune) -> int | None:
    """The written key as tonic * modes + mode; None where it changes or its mode is none of MODES."""
    key = tune.header.key
    if key.mode not in MODES or key.extra or any(bar.key not in (None, key) for bar in tune.bars):
        return None
    return key.tonic_pitch_class * len(MODES) + MODES.index(key.mode)


def gather(path: Path) -> tuple[np.ndarray, np.ndarray]:
    """Features [tunes, 12 tonics, features * 12] and the written keys [tunes] as tonic * modes + mode."""
    rows, keys, left_out = [], [], 0
    for item in read_corpus(path).tunes:
        try:
            tune = Tune.from_abc(item.abc)
            melody = melody_of(tune)
        except ValueError:
            left_out += 1
            continue
        key = key_number(tune)
        if key is None:
            left_out += 1
            continue
        rows.append(by_tonic(key_features(melody)).reshape(12, -1))
        keys.append(key)
    print(f"{len(keys)} tunes, {left_out} left out")
    return np.array(rows), np.array(keys)


def fit(features: np.ndarray, keys: np.ndarray, pull: float) -> tuple[np.ndarray, np.ndarray]:
    """Weights [modes, features * 12] and bias [modes] of the likeliest softmax."""
    inputs, targets = torch.from_numpy(features), torch.from_numpy(keys)
    weights = torch.zeros(len(MODES), features.shape[-1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(len(MODES), dtype=torch.float64, requires_grad=True)
    search = torch.optim.LBFGS([weights, bias], max_iter=STEPS, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        search.zero_grad()
        scores = (inputs @ weights.T + bias).flatten(1)  # [tunes, 12 * modes]
        value = torch.nn.functional.cross_entropy(scores, targets) + pull * weights.square().sum()
        value.backward()
        return value

    search.step(loss)
    return weights.detach().numpy(), bias.detach().numpy()


def judge(
    features: np.ndarray, keys: np.ndarray, weights: np.ndarray, bias: np.ndarray
) -> tuple[float, float]:
    """Nats that the written key costs on average, and the share of tunes whose likeliest key it is."""
    scores = (features @ weights.T + bias).reshape(len(features), -1)
    scores -= scores.max(axis=1, keepdims=True)
    nats = np.log(np.exp(scores).sum(axis=1)) - scores[np.arange(len(keys)), keys]
    return float(nats.mean()), float((scores.argmax(axis=1) == keys).mean())


if __name__ == "__main__":
    main()
