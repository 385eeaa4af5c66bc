"""What people ask for, as tunes to measure on: our composer writes one for each prompt."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from audiogen.evaluation.material import TestTune
from symbolic_bridge.attributes import resolve
from symbolic_bridge.instruments import LEADS
from symbolic_bridge.prompts import parse_prompt

if TYPE_CHECKING:
    from audiogen.generator import Generator


@dataclass
class PromptPicker:
    """Writes a tune for each prompt in turn, for the instrument that it names; see `material.Picker`.

    Args:
        prompts: English.
        generator: whose composer writes.
        seed: of the first; the next has seed + 1 ...
    """

    prompts: tuple[str, ...]
    generator: Generator
    seed: int = 0
    rejected: list[dict[str, str]] = field(default_factory=list)

    def draw(self, count: int) -> Iterator[TestTune]:
        """At most `count` tunes; what our reader of prompts does not understand is refused."""
        for number, prompt in enumerate(self.prompts[:count]):
            try:
                asked = resolve(parse_prompt(prompt))
                tune = self.generator.write(asked, self.seed + number)
            except ValueError as error:
                self.refuse(prompt, str(error))
                continue
            instrument = asked.instrument if asked.instrument in LEADS else LEADS[number % len(LEADS)]
            yield TestTune(prompt, tune, instrument)

    def refuse(self, key: str, reason: str) -> None:
        """Note that a prompt could not be used."""
        self.rejected.append({"tune": key, "reason": reason})


def read_prompts(path: Path) -> tuple[str, ...]:
    """Prompts of a file: JSON lines with each under "prompt", or text with one a line.

    Raises:
        ValueError: a line is not what it should be, or there are no prompts.
        OSError: the file cannot be read.
    """
    lines = [(n, line.strip()) for n, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)]
    if path.suffix.lower() != ".jsonl":
        found = [line for _, line in lines if line]
    else:
        found = [_prompt_of(path, number, line) for number, line in lines if line]
    if not found:
        raise ValueError(f"{path}: holds no prompts; one a line is needed")
    return tuple(found)


def _prompt_of(path: Path, number: int, line: str) -> str:
    try:
        value = json.loads(line)
    except ValueError as error:
        raise ValueError(f"{path}, line {number}: is no JSON ({error})") from error
    prompt = value.get("prompt") if isinstance(value, dict) else None
    if not isinstance(prompt, str) or not prompt.strip():
        raise ValueError(f'{path}, line {number}: found no text under "prompt"')
    return prompt
