"""The composer beside an LSTM of folk-rnn's size and an n-gram, trained on the same tunes.

python benchmarks/composer_baselines.py train train.jsonl valid.jsonl --work baselines/ --minutes 30
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from audiogen.composer_data import cached_rows
from audiogen.evaluation.baselines.lstm_training import FolkRnnTrainer, FolkRnnTraining
from symbolic_bridge.normal_form import NormalTune
from symbolic_bridge.tune_tokens import decode


def main() -> None:
    """Train or measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(required=True)
    train = commands.add_parser("train", help="train the LSTM; taken up again where it stopped")
    train.add_argument("train", type=Path)
    train.add_argument("valid", type=Path)
    train.add_argument("--work", type=Path, required=True)
    train.add_argument("--minutes", type=float, default=30.0)
    train.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    train.set_defaults(run=_train)
    chosen = parser.parse_args()
    chosen.run(chosen)


def _train(chosen: argparse.Namespace) -> None:
    torch.set_num_threads(1)
    settings = FolkRnnTraining(max_minutes=chosen.minutes, precision=chosen.precision)
    tunes, valid = (_tunes(path, chosen.work) for path in (chosen.train, chosen.valid))
    trainer = FolkRnnTrainer(tunes, valid, chosen.work / "folkrnn", settings)
    trainer.run(lambda line: print(line, flush=True))


def _tunes(path: Path, work: Path) -> list[NormalTune]:
    return [decode(row) for row in cached_rows(path, work / f"{path.stem}_rows.safetensors").rows]


if __name__ == "__main__":
    main()
