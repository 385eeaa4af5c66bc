"""Attention over bars, and the command that draws it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from audiogen.attention_maps import bar_attention, over_bars
from audiogen.cli import run
from audiogen.conditions import conditions_of
from audiogen.generator import Generator


def test_steps_are_added_up_over_bars_as_plain_loops_do(rng: np.random.Generator) -> None:
    weights = np.tril(rng.random((9, 9)))
    weights /= weights.sum(axis=1, keepdims=True)
    owner = [0, 0, 0, 1, 1, 2, 2, 2, None]
    inside = np.array([[float(bar == number) for bar in owner] for number in range(3)])
    found = over_bars(weights, inside)
    for row in range(3):
        sums = [
            sum(weights[i, j] for i in range(9) for j in range(9) if owner[i] == row and owner[j] == column)
            for column in range(3)
        ]
        np.testing.assert_allclose(found[row], np.array(sums) / sum(sums))


@pytest.fixture
def generator(tiny_weights: Path) -> Generator:
    return Generator(tiny_weights)


def test_no_bar_attends_to_a_later_one(generator: Generator) -> None:
    clip = generator.generate("a jig in G", duration=6, seed=1)
    found = bar_attention(generator.player, clip)
    bars = len(found.bars)
    assert bars > 2
    assert found.weights.shape == (3, 2, bars, bars)
    np.testing.assert_allclose(found.weights.sum(-1), 1.0)
    assert not np.triu(found.weights, 1).any()


def test_every_step_shares_out_all_of_its_attention_in_every_layer(generator: Generator) -> None:
    clip = generator.generate("a jig in G", duration=1, seed=1)
    assert clip.frames is not None
    assert clip.codes is not None
    player = generator.player
    maps = player.attention(clip.frames, conditions_of(clip.attributes), clip.codes)
    steps = player.model.pattern.length(clip.codes.tokens.shape[-1])
    assert [tuple(layer.shape) for layer in maps] == [(2, steps, steps)] * 3
    for layer in maps:
        torch.testing.assert_close(layer.sum(-1), torch.ones(2, steps))


def test_a_route_without_a_tune_or_a_long_clip_is_refused(generator: Generator) -> None:
    sampled = generator.generate("a jig in G", duration=1, seed=1, route="soundfont")
    with pytest.raises(ValueError, match="this is route soundfont"):
        bar_attention(generator.player, sampled)


def test_the_command_leaves_pictures_numbers_and_the_clip(tiny_weights: Path, tmp_path: Path) -> None:
    out = tmp_path / "maps"
    words = [
        "info",
        "--attention",
        "a jig in G",
        "--duration",
        "4",
        "--seed",
        "1",
        "--model",
        str(tiny_weights),
    ]
    assert run([*words, "-o", str(out)]) == 0
    assert {path.name for path in out.iterdir()} == {
        "attention.json", "clip.wav", "layer-1.png", "layer-2.png", "layer-3.png"
    }  # fmt: skip
    found = json.loads((out / "attention.json").read_text())
    assert len(found["weights"][0][0]) == len(found["bars"])


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--attention", "a jig"], "needs -o DIR"),
        (["--attention", "a jig", "-o", "out", "--duration", "90"], "at most 35 s"),
        (["--attention", " ", "-o", "out"], "prompt"),
        (["--seed", "1"], "belong to --attention"),
    ],
)
def test_bad_use_is_refused(words: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["info", *words]) == 2
    assert message in capsys.readouterr().err
