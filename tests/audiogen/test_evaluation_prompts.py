"""Prompts to measure on: read from text and JSON lines, composed for in turn, and refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from audiogen.evaluation.prompts import PromptPicker, read_prompts
from audiogen.generator import Generator


def test_prompts_are_read_one_a_line_or_from_json_lines(tmp_path: Path) -> None:
    (tmp_path / "plain.txt").write_text("a jig in D\n\n a slow air \n")
    (tmp_path / "rows.jsonl").write_text('{"id": 1, "prompt": "a jig in D"}\n{"prompt": "a slow air"}\n')
    for name in ("plain.txt", "rows.jsonl"):
        assert [prompt.strip() for prompt in read_prompts(tmp_path / name)] == ["a jig in D", "a slow air"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"prompt": "a jig"}\n{"prompt": 3}\n', 'line 2: found no text under "prompt"'),
        ("a jig\n", "line 1: is no JSON"),
        ("\n", "holds no prompts"),
    ],
)
def test_what_holds_no_prompts_is_refused_with_its_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(text)
    with pytest.raises(ValueError, match=message):
        read_prompts(path)


def test_each_prompt_gets_a_tune_of_its_own_on_the_instrument_that_it_names(tiny_weights: Path) -> None:
    prompts = ("a jig in D on the flute", "qwertz uiop", "a reel in A dorian on the banjo", "a waltz")
    generator = Generator(tiny_weights)
    picker = PromptPicker(prompts, generator, seed=3)
    drawn = list(picker.draw(3))
    assert [(item.key, item.instrument) for item in drawn] == [(prompts[0], "flute"), (prompts[2], "banjo")]
    assert str(drawn[1].tune.header.key.mode) == "dorian"
    assert [item["tune"] for item in picker.rejected] == ["qwertz uiop"]
    assert [item.tune for item in PromptPicker(prompts, generator, seed=3).draw(3)] == [
        item.tune for item in drawn
    ]
