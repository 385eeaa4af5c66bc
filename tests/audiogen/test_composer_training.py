from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from audiogen.composer import Composer, ComposerConfig
from audiogen.composer_data import (
    IGNORED,
    UNSCORED_TOKENS,
    Batch,
    PlannedBatch,
    augmented,
    batches_of,
    cached_rows,
    read_rows,
)
from audiogen.composer_network import NOTE_FEATURES
from audiogen.composer_training import ComposerTrainer, ComposerTraining, train_composer
from codec.types import CheckpointError
from symbolic_bridge.normal_form import bar_ticks
from symbolic_bridge.plan_analysis import plan_of
from symbolic_bridge.plan_tokens import DEPTHS, SLOTS, encode_plan
from symbolic_bridge.tune_tokens import conditions_of, decode, encode, vocabulary

TINY = ComposerConfig(
    width=16, layers=1, heads=2, feedforward_width=32, dropout=0.1,
    plan_width=16, plan_layers=1, plan_heads=2, plan_feedforward_width=32,
)  # fmt: skip
SETTINGS = ComposerTraining(
    max_steps=12, batch_tokens=200, learning_rate=1e-2, final_rate=1e-3, checkpoint_minutes=1000.0
)
BODIES = (
    "|:dfa afd|gfg e2A|dfa afd|e2d d3:|\n|:a2f d2f|g2e c2e|a2f dfa|gec d3:|",
    "|:DFA DFA|ded cBA|BGE EFA|B2A D3:|\n|:d2f fed|cAG FGA|BcB BAG|AFE D3:|",
    "A|dfa afd|gfg e2A|dfa afd|e2d d2:|",
    "dfa afd|gfg e2A|dfa afd|e2d d3|]",
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    path = tmp_path / "tunes.jsonl"
    entries = [{"source": "own", "abc": f"X:1\nT:T\nR:jig\nM:6/8\nL:1/8\nK:D\n{body}\n"} for body in BODIES]
    entries.append({"source": "nottingham", "abc": entries[0]["abc"]})
    entries.append({"source": "own", "abc": "X:1\nT:T\nM:6/8\nL:1/8\nK:D\ndfa|dfad|dfa afd|d6|]\n"})
    entries.append({"source": "own", "abc": "nothing"})
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries), encoding="utf-8")
    return path


def test_every_tune_is_used_or_counted_with_its_reason(data: Path, tmp_path: Path) -> None:
    read = read_rows(data)
    assert len(read.rows) == len(BODIES)
    assert read.rejected == {"licence": 1, "bars that do not add up": 1, "unreadable ABC": 1}
    cache = tmp_path / "rows.safetensors"
    assert cached_rows(data, cache) == read
    assert cached_rows(data, cache) == read
    data.write_text(data.read_text().splitlines()[0] + "\n")
    assert len(cached_rows(data, cache).rows) == 1


def test_a_file_without_usable_tunes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "none.jsonl"
    path.write_text(json.dumps({"source": "nottingham", "abc": ""}) + "\n")
    with pytest.raises(ValueError, match="no tune in it can be used"):
        cached_rows(path, tmp_path / "rows.safetensors")


def test_augmentation_keeps_the_music_of_every_part(data: Path) -> None:
    changed = 0
    for row in read_rows(data).rows:
        tune = decode(row)
        for seed in range(30):
            other = augmented(tune, np.random.default_rng(seed))
            changed += other != tune
            assert decode(encode(other)) == other
            lengths = sorted([n.ticks for bar in part.all_bars() for n in bar] for part in tune.parts)
            assert lengths == sorted(
                [n.ticks for bar in part.all_bars() for n in bar] for part in other.parts
            )
            assert {bar_ticks(part.pickup) for part in other.parts} == {
                bar_ticks(p.pickup) for p in tune.parts
            }
    assert changed


def test_targets_are_the_next_ids_without_what_is_always_given(data: Path) -> None:
    rows = sorted(read_rows(data).rows, key=len)
    batch = Batch.of(rows)
    for place, row in enumerate(rows):
        size = len(row) - 1
        assert batch.ids[place, :size].tolist() == list(row[:-1])
        targets = batch.targets[place].tolist()
        assert targets[: UNSCORED_TOKENS - 1] == [IGNORED] * (UNSCORED_TOKENS - 1)
        assert targets[UNSCORED_TOKENS - 1 : size] == list(row[UNSCORED_TOKENS:])
        assert set(targets[size:]) <= {IGNORED}
        assert vocabulary().names[targets[UNSCORED_TOKENS - 1]].startswith("density:")


def test_an_epoch_visits_every_tune_once_in_batches_of_bounded_size() -> None:
    lengths = np.array([10, 50, 30, 30, 90, 12, 11, 400])
    groups = batches_of(lengths, 100, np.random.default_rng(0))
    assert sorted(int(index) for group in groups for index in group) == list(range(len(lengths)))
    assert all(len(group) == 1 or len(group) * lengths[group].max() <= 100 for group in groups)


def test_training_lowers_the_loss_and_keeps_the_best(data: Path, tmp_path: Path) -> None:
    lines: list[str] = []
    settings = replace(SETTINGS, max_steps=60)
    report = train_composer(data, data, tmp_path / "run", settings=settings, config=TINY, note=lines.append)
    assert report.steps == 60
    assert report.train_tunes == len(BODIES)
    untrained = ComposerTrainer(
        read_rows(data).rows, read_rows(data).rows, tmp_path / "other", settings, TINY
    )
    assert report.bits_per_note < 0.7 * untrained.validate().total
    assert "bits a note" in lines[-1]
    assert Composer.load(tmp_path / "run" / "best").config == TINY


def test_copied_bars_cost_nothing_and_a_plan_settles_the_structure(data: Path, tmp_path: Path) -> None:
    tunes = [decode(row) for row in read_rows(data).rows]
    batch = PlannedBatch.of(tunes)
    alone = Batch.of([encode(tune) for tune in tunes])
    left_out = (batch.notes.targets == IGNORED) & (alone.targets != IGNORED)
    # Six notes of a bar that is a copy, and the token behind it; the second tune has none.
    assert left_out.sum(dim=1).tolist() == [7, 0, 7, 7]
    scored = alone.targets != IGNORED
    ids = alone.targets[scored]
    structural = torch.tensor(
        [not name.startswith(("note", "rest", "tie", "roll")) for name in vocabulary().names]
    )
    assert torch.equal(batch.structure[scored][structural[ids]], ids[structural[ids]])
    trainer = ComposerTrainer(read_rows(data).rows, read_rows(data).rows, tmp_path, SETTINGS, TINY)
    bits = trainer.validate()
    assert 0 < bits.plan < bits.total


def test_tunes_are_learned_along_plans_of_every_depth_and_along_none(data: Path) -> None:
    tunes = [decode(row) for row in read_rows(data).rows] * 30
    drawn = PlannedBatch.of(tunes, np.random.default_rng(0))
    untold = [not row.any() for row in drawn.notes.features[..., 6:]]
    assert 10 <= sum(untold) <= 48
    assert all(drawn.structure[place].any() != nothing for place, nothing in enumerate(untold))
    lengths = {
        len(encode_plan(plan_of(tunes[0]), conditions_of(tunes[0]), depth)) for depth in DEPTHS.values()
    }
    of_the_first = drawn.plans.targets[:: len(BODIES)]
    assert {int((row != IGNORED).sum()) + UNSCORED_TOKENS for row in of_the_first} == lengths


def test_a_plan_to_a_depth_leaves_the_rest_open(data: Path) -> None:
    tunes = [decode(row) for row in read_rows(data).rows]
    structure = PlannedBatch.of(tunes, depth=DEPTHS["structure"]).notes.features
    whole = PlannedBatch.of(tunes).notes.features
    first, open_slots = NOTE_FEATURES + 2, len(SLOTS) - DEPTHS["structure"]
    assert torch.equal(structure[..., first : first + 2], whole[..., first : first + 2])
    assert not structure[..., first + 2 : first + 2 + open_slots].any()
    assert whole[..., first + 2 : first + 2 + open_slots].any()


def test_one_level_trains_without_plans_and_gives_two_levels_its_start(data: Path, tmp_path: Path) -> None:
    rows = read_rows(data).rows
    one = replace(TINY, levels=1)
    train_composer(data, data, tmp_path / "one", settings=SETTINGS, config=one, note=lambda line: None)
    learned = Composer.load(tmp_path / "one" / "best")
    assert learned.planner is None
    trainer = ComposerTrainer(rows, rows, tmp_path / "two", SETTINGS, TINY)
    trainer.start_from(learned)
    assert torch.equal(trainer.model.tokens.own, learned.tokens.own)
    # Nothing of the plan is heard yet: what two levels write without one is what one level writes.
    batch = Batch.of(rows)
    with torch.no_grad():
        assert torch.allclose(
            trainer.model.eval()(batch.ids, batch.features), learned(batch.ids, batch.features)
        )
    other = Composer(replace(TINY, width=8, levels=1))
    with pytest.raises(CheckpointError, match="no weights of"):
        trainer.start_from(other)


def test_a_resumed_run_equals_an_unbroken_one(data: Path, tmp_path: Path) -> None:
    rows = read_rows(data).rows
    whole = ComposerTrainer(rows, rows, tmp_path / "whole", SETTINGS, TINY)
    whole.run(lambda line: None)
    broken = ComposerTrainer(rows, rows, tmp_path / "broken", SETTINGS, TINY)
    broken.run(lambda line: None, stop_after_steps=5)
    torch.manual_seed(123)
    again = ComposerTrainer(rows, rows, tmp_path / "broken", SETTINGS, TINY)
    assert again.resume()
    assert again.state.step == 5
    again.run(lambda line: None)
    assert again.state.step == whole.state.step == SETTINGS.max_steps
    for (name, one), other in zip(
        whole.model.state_dict().items(), again.model.state_dict().values(), strict=True
    ):
        assert torch.equal(one, other), name


def test_a_state_of_another_run_is_refused(data: Path, tmp_path: Path) -> None:
    rows = read_rows(data).rows
    ComposerTrainer(rows, rows, tmp_path, SETTINGS, TINY).save()
    with pytest.raises(CheckpointError, match="network"):
        ComposerTrainer(rows, rows, tmp_path, SETTINGS, replace(TINY, width=32)).resume()
    with pytest.raises(CheckpointError, match="seed 0"):
        ComposerTrainer(rows, rows, tmp_path, replace(SETTINGS, seed=1), TINY).resume()
    assert not ComposerTrainer(rows, rows, tmp_path / "new", SETTINGS, TINY).resume()


def test_settings_check_themselves() -> None:
    with pytest.raises(ValueError, match="precision"):
        ComposerTraining(precision="int8")
    with pytest.raises(ValueError, match="max_minutes"):
        ComposerTraining(max_minutes=0)
    with pytest.raises(ValueError, match="final_rate"):
        ComposerTraining(final_rate=1.0)
