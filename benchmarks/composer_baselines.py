"""The composer beside an LSTM of folk-rnn's size and n-grams, trained on the same tunes.

    python benchmarks/composer_baselines.py train train.jsonl valid.jsonl --work baselines/ --minutes 37
    for model in ngram-abc ngram-ours lstm shipped; do
        python benchmarks/composer_baselines.py measure $model train.jsonl valid.jsonl test.jsonl --work baselines/
    done
    python benchmarks/composer_baselines.py table test.jsonl --work baselines/ --json baselines.json

`train` trains the LSTM for so many minutes, on one core, and goes on where it stopped; the n-grams take seconds and are
counted by `measure`. A model is one of these, "shipped" or a folder with a composer. All read the tunes that have a
normal form, the networks with the composer's augmentation, and all are told kind, metre, mode, number of parts and
length, which cost no bits; composers are also told which parts are repeated.

- *bits a note*: of everything else, over the number of notes and rests, which is the same for all tokens.
- *sound*: of tunes written for the conditions of test tunes, those which abc2midi reads without a word and our reader
  in strict mode, and whose bars all add up. The LSTM and the n-grams write without a grammar, as folk-rnn does.
- *distances*: of these tunes to the test tunes, over the floor of test tunes to test tunes (`tune_distances`).
- *copies*: with more than 80 % of their notes in one training tune; the test tunes' own share is the floor.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from audiogen.composer import load_composer
from audiogen.composer_data import cached_rows
from audiogen.composer_plan import CompositionError, check_meter
from audiogen.evaluation.baselines.contestants import (
    NO_TUNE,
    ComposerContestant,
    Contestant,
    FolkRnnContestant,
    NGramContestant,
)
from audiogen.evaluation.baselines.lstm import FolkRnn
from audiogen.evaluation.baselines.lstm_training import FolkRnnTrainer, FolkRnnTraining
from audiogen.evaluation.tables import show_table, write_json
from audiogen.evaluation.tune_copies import copy_figures, nearest_tunes
from audiogen.evaluation.tune_distances import FEWEST_TUNES, compare_tunes
from audiogen.evaluation.tune_orders import common_form
from audiogen.evaluation.tune_quality import features, judge
from audiogen.originality import save_index
from symbolic_bridge.analysis.similarity import MelodyIndex
from symbolic_bridge.kinds import KINDS
from symbolic_bridge.normal_form import NormalTune
from symbolic_bridge.tune import Tune
from symbolic_bridge.tune_tokens import decode

BASELINES = ("ngram-abc", "ngram-ours", "lstm")
SHOWN_DISTANCES = ("pitch_class", "interval", "length", "place_in_bar", "cadence", "form", "bars",
                   "range_semitones", "distinct_bars", "like_8_bars_back")  # fmt: skip


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
    measure = commands.add_parser("measure", help="one model; kept in WORK/measured")
    measure.add_argument("model", help=f"{', '.join(BASELINES)}, shipped, or a folder with a composer")
    for name in ("train", "valid", "test"):
        measure.add_argument(name, type=Path)
    measure.add_argument("--work", type=Path, required=True)
    measure.add_argument("--count", type=int, default=200, help="tunes that it writes")
    measure.add_argument("--seed", type=int, default=0)
    measure.set_defaults(run=_measure)
    table = commands.add_parser("table", help="everything that was measured")
    table.add_argument("test", type=Path, help="for the floor of the copies")
    table.add_argument("--work", type=Path, required=True)
    table.add_argument("--json", type=Path)
    table.set_defaults(run=_table)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    chosen.run(chosen)


def _train(chosen: argparse.Namespace) -> None:
    settings = FolkRnnTraining(max_minutes=chosen.minutes, precision=chosen.precision)
    tunes, valid = (_tunes(path, chosen.work) for path in (chosen.train, chosen.valid))
    trainer = FolkRnnTrainer(tunes, valid, chosen.work / "folkrnn", settings)
    trainer.run(lambda line: print(line, flush=True))


def _measure(chosen: argparse.Namespace) -> None:
    train, valid, test = (_tunes(path, chosen.work) for path in (chosen.train, chosen.valid, chosen.test))
    contestant = _contestant(chosen.model, train, valid, chosen.work)
    index = _index(train, chosen.work / "index.npz")
    possible = [tune for tune in test if _can_be_asked(tune)]
    order = np.random.default_rng(chosen.seed).permutation(len(possible))
    like = [possible[int(place)] for place in np.resize(order, chosen.count)]
    figures = _figures(contestant, valid, test, like, index, chosen.seed)
    figures["tunes"] = {"train": len(train), "valid": len(valid), "test": len(test), "written": len(like)}
    name = Path(chosen.model).resolve().name if Path(chosen.model).is_dir() else chosen.model
    target = chosen.work / "measured" / f"{name}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    write_json(target, figures)


def _index(train: Sequence[NormalTune], path: Path) -> MelodyIndex:
    """Of the training tunes as the models read them; kept for the next model."""
    if not path.is_file():
        save_index(path, MelodyIndex.build((str(n), tune.to_tune()) for n, tune in enumerate(train)))
    return MelodyIndex.load(path)


def _contestant(
    model: str, train: Sequence[NormalTune], valid: Sequence[NormalTune], work: Path
) -> Contestant:
    if model == "lstm":
        return FolkRnnContestant(FolkRnn.load(work / "folkrnn" / "best"))
    if model in BASELINES:
        return NGramContestant(train, valid, own_tokens=model == "ngram-ours")
    return ComposerContestant(model, load_composer(None if model == "shipped" else model))


def _table(chosen: argparse.Namespace) -> None:
    files = sorted((chosen.work / "measured").glob("*.json"))
    if not files:
        raise SystemExit(f"{chosen.work}: nothing was measured yet")
    rows = [json.loads(path.read_text(encoding="utf-8")) for path in files]
    rows.sort(key=lambda row: -row["bits_a_note"]["test"])
    index = MelodyIndex.load(chosen.work / "index.npz")
    floor = copy_figures(nearest_tunes(index, [t.to_tune() for t in _tunes(chosen.test, chosen.work)]))
    _show(rows, floor)
    if chosen.json:
        write_json(chosen.json, {"models": rows, "copies_of_test_tunes": floor})


def _can_be_asked(tune: NormalTune) -> bool:
    try:
        check_meter(KINDS[tune.kind], tune.meter)
    except CompositionError:
        return False
    return len(tune.parts) <= 8


def _figures(
    contestant: Contestant, valid: Sequence[NormalTune], test: Sequence[NormalTune],
    like: Sequence[NormalTune], index: MelodyIndex, seed: int,
) -> dict[str, Any]:  # fmt: skip
    """Everything about one model, as JSON values."""
    began = time.perf_counter()
    bits = {
        name: round(contestant.bits_a_note(tunes), 4) for name, tunes in (("valid", valid), ("test", test))
    }
    scored = time.perf_counter()
    texts = contestant.write(like, seed)
    seconds = time.perf_counter() - scored
    judged = judge(texts, len(texts))
    tunes = []
    for text in filter(lambda text: text != NO_TUNE, texts):
        try:
            tunes.append(Tune.from_abc(text))
        except ValueError:
            continue  # already counted by `judge`
    made, real = (
        features(side, 1, "analyse", lambda stage, done: None).features
        for side in (tunes, [tune.to_tune() for tune in test])
    )
    return {
        "model": contestant.name,
        "tokens": contestant.tokens,
        "parameters": contestant.parameters,
        "bits_a_note": bits,
        "scoring_tunes_a_second": round((len(valid) + len(test)) / (scored - began), 1),
        "sound_share": judged["sound_share"],
        "seconds_a_tune": round(seconds / len(texts), 4),
        "read": len(tunes),
        "common_form": common_form(made, real),
        # A model that writes next to no tunes has no distances.
        "distances": compare_tunes(made, real, seed=seed) if len(made) >= FEWEST_TUNES else {},
        "copies": copy_figures(nearest_tunes(index, tunes)),
        "faults": judged["faults"][:5],
    }


def _show(rows: list[dict[str, Any]], floor: dict[str, Any]) -> None:
    columns = ("model", "tokens", "parameters", "bits valid", "bits test", "sound", "s a tune", "AABB", "real AABB",
               "mean overlap", "copies")  # fmt: skip
    cells = [
        [row["model"], row["tokens"], row["parameters"], row["bits_a_note"]["valid"], row["bits_a_note"]["test"],
         row["sound_share"], row["seconds_a_tune"], row["common_form"]["composed"], row["common_form"]["real"],
         row["copies"].get("mean"), row["copies"].get("copies_share")]
        for row in rows
    ]  # fmt: skip
    cells.append(["test tunes", *[None] * 8, floor["mean"], floor["copies_share"]])
    show_table("Models of tunes", columns, cells)
    near = [row for row in rows if row["distances"]]
    excesses = [
        [name.replace("_", " "), near[-1]["distances"][name]["floor"],
         *(f"{row['distances'][name]['excess']:.4f}{'*' * row['distances'][name]['beyond_floor']}" for row in near)]
        for name in (SHOWN_DISTANCES if near else ())
    ]  # fmt: skip
    names = [f"{row['model']} {row['tokens']}" for row in near]
    show_table("Distances over the floor; * surely beyond it", ("feature", "floor", *names), excesses)


def _tunes(path: Path, work: Path) -> list[NormalTune]:
    return [decode(row) for row in cached_rows(path, work / f"{path.stem}_rows.safetensors").rows]


if __name__ == "__main__":
    main()
