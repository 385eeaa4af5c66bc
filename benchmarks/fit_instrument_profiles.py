"""Fit the tagger of `audiogen.comparison.metrics.instruments` to renderings of tunes.

    python benchmarks/fit_instrument_profiles.py train.jsonl --source "training tunes" -o instrument_profiles.json
    python benchmarks/fit_instrument_profiles.py valid.jsonl --judge --fonts TimGM6mb.sf2

Softmax regression on clips of six seconds, half of them with an accompaniment; each instrument in each font as often.
Every clip counts twice, as it is and through our codec, with all its codebooks or as many as the player writes: else
what the tagger hears in our player is the codec.
`--judge` says how often the shipped profiles find the leading instrument.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from audiogen.comparison.metrics.instruments import FEATURES, RATE, instrument_chances, timbre_features
from audiogen.evaluation.material import TunePicker, at_model_level, mono, round_trip
from audiogen.generator import Generator
from audiogen.soundfont import Renderer
from codec.audio_files import write_bytes
from codec.types import Waveform
from symbolic_bridge.instruments import ACCOMPANIMENTS, LEADS
from symbolic_bridge.perform import perform

FONTS = ("FluidR3_GM.sf2", "MuseScore_General.sf3")
SECONDS = 6.0
PULLS = (1e-4, 1e-3, 1e-2)
HELD_OUT_EVERY = 5


def main() -> None:
    """Render, choose the pull, fit on everything, write; or judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tunes", type=Path, help="what read_corpus takes")
    parser.add_argument("--judge", action="store_true", help="measure the shipped profiles on these tunes")
    parser.add_argument("--fonts", nargs="+", default=list(FONTS))
    parser.add_argument("-n", type=int, default=480, help="clips of each font")
    parser.add_argument("--source", default="", help="a line for the file: which tunes these are")
    parser.add_argument("-o", "--output", type=Path)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    if chosen.judge:
        judge(chosen)
        return
    if chosen.output is None or not chosen.source:
        parser.error("--source and -o are needed to fit")
    rows, names, places = [], [], []
    generator = Generator()
    streams = (generator.player.model.config.streams, generator.codec.spec.codebooks)
    for place, (name, samples, rate) in enumerate(rendered(chosen)):
        sound = at_model_level(Waveform(torch.from_numpy(samples)[None, None], rate))
        coded = round_trip(generator.codec, sound, streams[place // len(LEADS) % 2])
        for each in (sound, coded):
            rows.append(timbre_features(mono(each), each.sample_rate))
            names.append(name)
            places.append(place)
    features = np.array(rows)
    targets = np.array([LEADS.index(name) for name in names])
    inside = np.array(places) // len(LEADS) % HELD_OUT_EVERY != 0
    losses = {}
    for pull in PULLS:
        weights, bias = fit(features[inside], targets[inside], pull)
        scores = features[~inside] @ weights.T + bias
        losses[pull] = float(
            torch.nn.functional.cross_entropy(torch.from_numpy(scores), torch.from_numpy(targets[~inside]))
        )
        right = (scores.argmax(axis=1) == targets[~inside]).mean()
        print(f"pull {pull}: {losses[pull]:.4f} nats, {right:.4f} of {(~inside).sum()} left-out clips right")
    weights, bias = fit(features, targets, min(losses, key=lambda pull: losses[pull]))
    values = {
        "source": f"{chosen.source}; {1 + places[-1]} clips of {SECONDS:g} s in {', '.join(chosen.fonts)}, plain and "
        "through our codec",
        "instruments": LEADS,
        "features": FEATURES,
        "bias": bias.round(3).tolist(),
        "weights": dict(zip(LEADS, weights.round(3).tolist(), strict=True)),
    }
    write_bytes(chosen.output, (json.dumps(values) + "\n").encode())


def rendered(chosen: argparse.Namespace) -> Iterator[tuple[str, np.ndarray, int]]:
    """Lead, samples and rate of clips: the tunes in any order, the leads in turn."""
    for number, font in enumerate(chosen.fonts):
        rng = np.random.default_rng(number)
        with Renderer(font, sample_rate=RATE) as renderer:
            for place, item in enumerate(TunePicker(chosen.tunes, number).draw(chosen.n)):
                backing = "none" if place // len(LEADS) % 2 else str(rng.choice(ACCOMPANIMENTS))
                try:
                    played = perform(
                        item.tune, instrument=LEADS[place % len(LEADS)], accompaniment=backing,
                        duration_seconds=SECONDS, rng=rng,
                    )  # fmt: skip
                except ValueError:
                    continue
                sound = renderer.render(played)
                yield LEADS[place % len(LEADS)], mono(sound, SECONDS), sound.sample_rate


def fit(features: np.ndarray, targets: np.ndarray, pull: float) -> tuple[np.ndarray, np.ndarray]:
    """Weights [leads, features] and bias [leads] of the likeliest softmax."""
    inputs, classes = torch.from_numpy(features).double(), torch.from_numpy(targets)
    weights = torch.zeros(len(LEADS), features.shape[-1], dtype=torch.float64, requires_grad=True)
    bias = torch.zeros(len(LEADS), dtype=torch.float64, requires_grad=True)
    search = torch.optim.LBFGS([weights, bias], max_iter=300, line_search_fn="strong_wolfe")

    def loss() -> torch.Tensor:
        search.zero_grad()
        value = torch.nn.functional.cross_entropy(inputs @ weights.T + bias, classes)
        value = value + pull * weights.square().sum()
        value.backward()
        return value

    search.step(loss)
    return weights.detach().numpy(), bias.detach().numpy()


def judge(chosen: argparse.Namespace) -> None:
    """Print how often the lead is found, one by one and in all."""
    counts, right = Counter[str](), Counter[str]()
    for name, samples, rate in rendered(chosen):
        chances = instrument_chances(samples, rate)
        counts[name] += 1
        right[name] += max(chances, key=chances.__getitem__) == name
    for name, count in counts.items():
        print(f"{name:12} {count:5}  {right[name] / count:.3f}")
    print(f"{'all':12} {counts.total():5}  {right.total() / counts.total():.3f}")


if __name__ == "__main__":
    main()
