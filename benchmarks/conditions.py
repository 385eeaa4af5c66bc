"""What each condition of the player is worth: nats of a frame's codes with it and without it.

    python benchmarks/conditions.py --codes runs/codes --json conditions.json

On fixed windows of valid clips. `left out`: everything is told but this one; `alone`: nothing else is. A condition that
changes nothing between "everything" and "left out" may still count alone, because others imply it.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import replace
from pathlib import Path

import torch

from audiogen.conditions import Conditions
from audiogen.data.shards import CodeShards
from audiogen.evaluation.tables import show_table, write_json
from audiogen.generator import Generator
from audiogen.lm_training import LMTrainer, LMTrainingConfig, Told
from codec.types import CodecSpec

WINDOWS = 8


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--codes", type=Path, required=True, help="folder with valid/ of shards")
    parser.add_argument("--model", help="folder of weights; else the shipped ones")
    parser.add_argument("--rounds", type=int, default=20, help=f"of {WINDOWS} windows each")
    parser.add_argument("--json", type=Path, help="write the result here")
    chosen = parser.parse_args()
    generator = Generator(chosen.model)
    shards = CodeShards(chosen.codes / "valid", generator.codec.spec.identity)
    found = measure(generator, shards, generator.codec.spec, chosen.rounds)
    rows = [[name, figures["left out"], figures["alone"]] for name, figures in found.items()]
    show_table("Nats of a frame's codes", ("condition", "left out", "alone"), rows)
    if chosen.json:
        write_json(chosen.json, {"rounds": chosen.rounds, "windows": WINDOWS, "conditions": found})


@torch.inference_mode()
def measure(
    generator: Generator, shards: CodeShards, spec: CodecSpec, rounds: int
) -> dict[str, dict[str, float]]:
    """Name -> nats left out and alone; the first row is everything and nothing."""
    with tempfile.TemporaryDirectory() as folder:
        trainer = LMTrainer(shards, shards, Path(folder), LMTrainingConfig(), generator.player.model.config)
    trainer.model = generator.player.model
    names = list(vars(Conditions()))
    told = {
        "everything": (lambda given: Told.of(given, score=True, excerpt=True),
                       lambda given: Told.of([Conditions()] * len(given), score=False)),
        "score": (lambda given: Told.of(given, score=False, excerpt=True),
                  lambda given: Told.of([Conditions()] * len(given), score=True)),
        "excerpt": (lambda given: Told.of(given, score=True),
                    lambda given: Told.of([Conditions()] * len(given), score=False, excerpt=True)),
        "all words": (lambda given: Told.of([Conditions()] * len(given), score=True, excerpt=True),
                      lambda given: Told.of(given, score=False)),
        **{name: (
            lambda given, name=name: Told.of([replace(g, **{name: None}) for g in given], score=True, excerpt=True),
            lambda given, name=name: Told.of([Conditions(**{name: getattr(g, name)}) for g in given], score=False),
        ) for name in names},
    }  # fmt: skip
    totals = {name: {"left out": 0.0, "alone": 0.0} for name in told}
    generator_of_windows = torch.Generator().manual_seed(1)
    for _ in range(rounds):
        windows = trainer._draw(shards, WINDOWS, generator_of_windows)
        given = trainer._all_of(windows, generator_of_windows)
        for name, (without, alone) in told.items():
            for side, what in (("left out", without), ("alone", alone)):
                totals[name][side] += float(trainer._losses(windows, what(given)).codes.sum()) / rounds
    return {name: {side: round(value, 4) for side, value in sides.items()} for name, sides in totals.items()}


if __name__ == "__main__":
    main()
