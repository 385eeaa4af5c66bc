"""Fit the profiles by which `audiogen.comparison.metrics.keys` hears the key of a sound.

    python benchmarks/fit_sound_key_profiles.py train.jsonl --source "training tunes" -o sound_key_profiles.json
    python benchmarks/fit_sound_key_profiles.py valid.jsonl --judge -n 150

Softmax regression on SoundFont renderings of twenty seconds, every other one accompanied, as `fit_key_profiles` does it
on notes. `--judge` says how often the shipped profiles are right, alone and accompanied.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from fit_key_profiles import MODES, choose, key_number, write_profiles

from audiogen.comparison.metrics.keys import FEATURES, likeliest_key, sound_key_features
from audiogen.evaluation.material import TunePicker, mono
from audiogen.soundfont import Renderer
from symbolic_bridge.analysis.keys import by_tonic
from symbolic_bridge.instruments import ACCOMPANIMENTS, LEADS
from symbolic_bridge.perform import perform

FONTS = ("FluidR3_GM.sf2", "MuseScore_General.sf3")
RATE, SECONDS = 24_000, 20.0
HELD_OUT_EVERY = 5


def main() -> None:
    """Render, choose the pull, fit on everything, write; or judge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tunes", type=Path, help="what read_corpus takes")
    parser.add_argument("--judge", action="store_true", help="measure the shipped profiles on these tunes")
    parser.add_argument("--fonts", nargs="+", default=list(FONTS))
    parser.add_argument("-n", type=int, default=1000, help="clips of each font")
    parser.add_argument("--source", default="", help="a line for the file: which tunes these are")
    parser.add_argument("-o", "--output", type=Path)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    if chosen.judge:
        tell(chosen)
        return
    if chosen.output is None or not chosen.source:
        parser.error("--source and -o are needed to fit")
    rows, keys = [], []
    for samples, key, _ in rendered(chosen):
        found = sound_key_features(samples, RATE)
        if found is not None:
            rows.append(by_tonic(found).reshape(12, -1))
            keys.append(key)
    fonts = ", ".join(chosen.fonts)
    source = f"{chosen.source}; {len(keys)} clips of {SECONDS:g} s in {fonts}, every other one accompanied"
    write_profiles(chosen.output, source, FEATURES, *choose(np.array(rows), np.array(keys), HELD_OUT_EVERY))


def rendered(chosen: argparse.Namespace) -> Iterator[tuple[np.ndarray, int, bool]]:
    """Samples, key as tonic * modes + mode, and whether it is accompanied; the leads take turns."""
    for number, font in enumerate(chosen.fonts):
        rng = np.random.default_rng(number)
        with Renderer(font, sample_rate=RATE) as renderer:
            for place, item in enumerate(TunePicker(chosen.tunes, number).draw(chosen.n)):
                key = key_number(item.tune)
                if key is None:
                    continue
                backing = "none" if place % 2 else str(rng.choice(ACCOMPANIMENTS))
                try:
                    played = perform(
                        item.tune, instrument=LEADS[place % len(LEADS)], accompaniment=backing,
                        duration_seconds=SECONDS, rng=rng,
                    )  # fmt: skip
                except ValueError:
                    continue
                samples = mono(renderer.render(played), SECONDS)
                yield samples, key, backing != "none"


def tell(chosen: argparse.Namespace) -> None:
    """Print how often tonic and mode are found."""
    right: dict[bool, list[bool]] = {False: [], True: []}
    for samples, key, accompanied in rendered(chosen):
        found = likeliest_key(samples, RATE)
        right[accompanied].append(found == (key // len(MODES), MODES[key % len(MODES)]))
    for accompanied, each in right.items():
        print(f"{'accompanied' if accompanied else 'alone':12} {len(each):5}  {np.mean(each):.3f}")


if __name__ == "__main__":
    main()
