"""Rules of the baselines: ABC tokens lose nothing, an n-gram's probabilities add up, the LSTM learns and resumes."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch

from audiogen.cli import run
from audiogen.composer import Composer, ComposerConfig
from audiogen.data.corpus import CorpusTune
from audiogen.evaluation.baselines.abc_tokens import CONDITIONS, abc_of_tokens, abc_tokens, abc_vocabulary
from audiogen.evaluation.baselines.contestants import (
    ComposerContestant,
    FolkRnnContestant,
    NGramContestant,
    attributes_of,
)
from audiogen.evaluation.baselines.lstm import FolkRnn, FolkRnnConfig, batch_of
from audiogen.evaluation.baselines.lstm_training import FolkRnnTrainer, FolkRnnTraining, bits_a_note, ids_of
from audiogen.evaluation.baselines.ngram import NGram
from audiogen.evaluation.token_statistics import token_statistics
from codec.types import CheckpointError
from symbolic_bridge.normal_form import NormalTune
from symbolic_bridge.normalise import normalise
from symbolic_bridge.tune import Tune
from symbolic_bridge.tune_tokens import TokenError

TINY = FolkRnnConfig(width=12, layers=2, dropout=0.1)
STEPS = FolkRnnTraining(max_steps=8, batch_tokens=150, checkpoint_minutes=1000.0, learning_rate=1e-2)
RICH = """X:1
R:reel
M:4/4
L:1/8
K:C
|:G2|(3EDC E>G A<c~e2|=f^fg2 z_B,G,2-|G,2c'3/2d'/2 e4|1 C4 C2:|2 C6||
|:ge|c4 c2 c2|C8|c4 c2:|
"""


@pytest.fixture
def tunes(kesh_abc: str) -> list[NormalTune]:
    kesh = normalise(Tune.from_abc(kesh_abc), "jig")
    return [kesh, normalise(Tune.from_abc(RICH), "reel")]


def test_tunes_come_back_from_abc_tokens_as_they_were(tunes: list[NormalTune]) -> None:
    for tune in tunes:
        names = abc_tokens(tune)
        assert names[: len(CONDITIONS)][0] == f"kind:{tune.kind}"
        assert normalise(Tune.from_abc(abc_of_tokens(names), strict=True), tune.kind) == tune


def test_a_length_behind_a_bar_line_does_not_become_an_ending(tunes: list[NormalTune]) -> None:
    told = abc_tokens(tunes[0])[: len(CONDITIONS)]
    assert "| 2" in abc_of_tokens([*told, "c", "|", "2", "d"])
    with pytest.raises(TokenError, match="tokens begin with"):
        abc_of_tokens(["c", "2"])


def test_the_probabilities_of_an_n_gram_add_up_and_agree_with_its_distribution(
    rng: np.random.Generator,
) -> None:
    rows = [rng.integers(0, 5, size=rng.integers(1, 9)).tolist() for _ in range(20)]
    for order in (1, 2, 4):
        model = NGram(rows, 6, order)
        for history in ([], [5], [0, 1], *rows[:5]):
            chances = model.distribution(history)
            assert chances.sum() == pytest.approx(1)
            assert chances.min() > 0
            one_by_one = [model.probabilities([*history, index])[-1] for index in range(6)]
            np.testing.assert_allclose(chances, one_by_one)


def test_a_higher_order_remembers_more() -> None:
    rows = [[0, 1, 2, 0, 2, 1, 3]] * 10
    bits = [-np.log2(NGram(rows, 4, order).probabilities(rows[0])).sum() for order in (1, 2, 3)]
    assert bits[0] > bits[1] > bits[2]
    assert NGram(rows, 4, 3).write([0, 1], 3, 20, np.random.default_rng(0))[:3] == [0, 1, 2]
    with pytest.raises(ValueError, match="order 0"):
        NGram(rows, 4, 0)


def test_what_the_lstm_is_told_is_not_scored(tunes: list[NormalTune]) -> None:
    rows = [ids_of(tune) for tune in tunes]
    inputs, targets = batch_of(rows)
    for row, own in zip(rows, targets, strict=True):
        assert own[own >= 0].tolist() == row[len(CONDITIONS) :]
    assert inputs.shape == targets.shape


def test_the_lstm_has_the_size_of_folk_rnn() -> None:
    assert sum(weights.numel() for weights in FolkRnn().parameters()) == pytest.approx(5.6e6, rel=0.05)


def test_bits_are_those_of_all_tokens_over_the_notes(tunes: list[NormalTune]) -> None:
    torch.manual_seed(0)
    model = FolkRnn(TINY).eval()
    bits = notes = 0.0
    for tune in tunes:
        row = ids_of(tune)
        logits = model(torch.tensor([row[:-1]]))[0].detach().log_softmax(-1)[0]
        for place in range(len(CONDITIONS), len(row)):
            bits -= float(logits[place - 1, row[place]]) / math.log(2)
        notes += sum(1 for _ in tune.notes())
    assert bits_a_note(model, tunes) == pytest.approx(bits / notes, rel=1e-4)


def test_a_training_goes_on_where_it_stopped(tunes: list[NormalTune], tmp_path: Path) -> None:
    notes: list[str] = []
    whole = FolkRnnTrainer(tunes, tunes, tmp_path / "whole", STEPS, TINY)
    whole.run(notes.append)
    FolkRnnTrainer(tunes, tunes, tmp_path / "parts", STEPS, TINY).run(notes.append, stop_after_steps=3)
    resumed = FolkRnnTrainer(tunes, tunes, tmp_path / "parts", STEPS, TINY)
    assert resumed.state.step == 3
    resumed.run(notes.append)
    for one, other in zip(whole.model.parameters(), resumed.model.parameters(), strict=True):
        torch.testing.assert_close(one, other)
    assert "bits a note" in notes[-1]
    with pytest.raises(CheckpointError, match="was made with the network"):
        FolkRnnTrainer(tunes, tunes, tmp_path / "parts", STEPS, FolkRnnConfig(width=8, layers=1))


def test_saved_weights_write_the_same(tunes: list[NormalTune], tmp_path: Path) -> None:
    model = FolkRnn(TINY).half().float().eval()
    model.save(tmp_path)
    told = [abc_tokens(tune)[: len(CONDITIONS)] for tune in tunes]
    written = [
        each.write(told, generator=torch.Generator().manual_seed(1), most=30)
        for each in (model, FolkRnn.load(tmp_path))
    ]
    assert written[0] == written[1]
    assert all(len(row) <= 30 for row in written[0])


def test_all_contestants_foresee_and_write_the_same_tunes(tunes: list[NormalTune]) -> None:
    composer = Composer(ComposerConfig(width=24, layers=1, heads=2, feedforward_width=32)).eval()
    contestants = [
        NGramContestant(tunes, tunes, own_tokens=False),
        NGramContestant(tunes, tunes, own_tokens=True),
        FolkRnnContestant(FolkRnn(TINY)),
        ComposerContestant("composer", composer),
    ]
    for contestant in contestants:
        assert contestant.parameters > 0
        assert contestant.bits_a_note(tunes) > 0
        texts = contestant.write(tunes[:1], 0)
        assert len(texts) == 1
    # What an n-gram has seen twice over it knows by heart.
    assert contestants[0].bits_a_note(tunes) < contestants[2].bits_a_note(tunes)


def test_a_composer_is_asked_for_form_and_length_of_the_tune(tunes: list[NormalTune]) -> None:
    order = attributes_of(tunes[0])
    assert (order.kind, order.form, order.bars, order.tonic, order.mode) == ("jig", "AABB", 16, "C", "major")


def test_token_statistics_count_bars_once_and_name_what_is_left_out(kesh_abc: str) -> None:
    bad = "X:3\nT:b\nM:6/8\nK:G\nGAB GA|GAB GABc|\n"
    found = token_statistics([CorpusTune("a", "1", kesh_abc), CorpusTune("a", "2", bad)])
    jig = found["by_kind"]["jig"]
    assert jig == found["all"]
    # 16 bars of a token for the bar and one a note, and a sign for each of the two parts.
    assert jig["tokens_a_tune"] == 16 + jig["notes_a_tune"] + 2
    assert found["lossless"] == {"tokens": 1.0, "abc_tokens": 1.0}
    assert found["rejected"] == {"bars that do not add up": 1}
    with pytest.raises(ValueError, match="none of 1 tunes"):
        token_statistics([CorpusTune("a", "2", bad)])


def test_data_tokens_prints_a_table_or_json(
    kesh_abc: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "kesh.abc"
    path.write_text(kesh_abc, encoding="utf-8")
    assert run(["data", "tokens", str(path)]) == 0
    said = capsys.readouterr()
    assert "jig" in said.out
    assert "100.00% of the tunes come back equal" in said.err
    assert run(["data", "tokens", str(path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["vocabulary"]["tokens"] == 1031


def test_abc_tokens_have_ids_of_their_own() -> None:
    table = abc_vocabulary()
    assert [table.ids[name] for name in table.names] == list(range(len(table)))
