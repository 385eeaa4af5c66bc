"""A blind listening test of a comparison: level-matched pairs in random order on one page, and the tally of answers.

The page names no route: it holds the sounds of every pair under a number, and the answers that it saves are numbers and
"first", "second" or "neither". Which sound was which is in `listening-key.json` beside it, which is not to be sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

from audiogen.comparison.cells import Cell, Shelf, key_of
from audiogen.comparison.metrics.statistics import binomial_p
from audiogen.comparison.page import audio, document, text
from audiogen.comparison.plan import Plan, cell_name
from audiogen.loudness import integrated_loudness
from audiogen.seeds import stage_rng
from codec.audio_files import write_bytes
from codec.types import Waveform

PAGE, KEY = "listening.html", "listening-key.json"
KEY_FORMAT, ANSWERS_FORMAT = "audiogen listening key", "audiogen listening answers"
CHOICES = ("first", "second", "neither")
MOST_PAIRS = 200

SCRIPT = """
const answers = {};
const total = document.querySelectorAll('fieldset').length;
const place = 'audiogen-listening-' + document.body.querySelector('main').dataset.test;
function show() {
  document.getElementById('count').textContent = Object.keys(answers).length + ' of ' + total + ' answered';
}
for (const input of document.querySelectorAll('input[type=radio]')) {
  input.addEventListener('change', () => { answers[input.name] = input.value; keep(); show(); });
}
function keep() { try { localStorage.setItem(place, JSON.stringify(answers)); } catch (refused) { return; } }
function recall() {
  let kept = {};
  try { kept = JSON.parse(localStorage.getItem(place) || '{}'); } catch (refused) { return; }
  for (const input of document.querySelectorAll('input[type=radio]')) {
    if (kept[input.name] === input.value) { input.checked = true; answers[input.name] = input.value; }
  }
}
document.getElementById('save').addEventListener('click', () => {
  const listener = document.getElementById('listener').value;
  const facts = { format: FORMAT, test: document.querySelector('main').dataset.test, listener, answers };
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([JSON.stringify(facts, null, 1)], { type: 'application/json' }));
  link.download = 'answers.json';
  link.click();
});
// One sound at a time.
document.addEventListener('play', event => {
  for (const sound of document.querySelectorAll('audio')) { if (sound !== event.target) sound.pause(); }
}, true);
recall();
show();
"""


@dataclass(frozen=True)
class Pair:
    """Two sounds to compare: the prompt's number, and the routes in the order in which they are heard."""

    number: int
    first: str
    second: str


@dataclass(frozen=True)
class Preference:
    """How often `route` was preferred to `other`; `p` two-sided, of as many wins by chance; "neither" counts apart."""

    route: str
    other: str
    wins: int
    losses: int
    neither: int
    p: float


def pairs_of(plan: Plan, cells: Mapping[tuple[int, str], Cell]) -> list[Pair]:
    """Every two routes on every prompt that both have sound for, in an order drawn from the plan's seed.

    Raises:
        ValueError: there are no pairs, or more than MOST_PAIRS.
    """
    rng = stage_rng(plan.seed, "listening")
    pairs = []
    for number in range(1, len(plan.prompts) + 1):
        sounding = [route for route in plan.columns if not cells[number, route].error]
        for both in combinations(sounding, 2):
            first, second = both if rng.integers(2) else both[::-1]
            pairs.append(Pair(number, first, second))
    if not 1 <= len(pairs) <= MOST_PAIRS:
        raise ValueError(
            f"{len(pairs)} pairs of sounds; 1 to {MOST_PAIRS} make a listening test: choose --routes"
        )
    return [pairs[place] for place in rng.permutation(len(pairs))]


def write_listening_test(plan: Plan, shelf: Shelf, cells: Mapping[tuple[int, str], Cell]) -> Path:
    """Write the page and its key into the report's folder; the page's path.

    Raises:
        ValueError: as `pairs_of`.
    """
    pairs = pairs_of(plan, cells)
    test = f"{plan.seed}-{len(pairs)}-{_fingerprint(plan, pairs)}"
    sounds = _matched({(p.number, route): shelf.sound(cell_name(p.number, route)) for p in pairs
                       for route in (p.first, p.second)})  # fmt: skip
    fieldsets = "".join(
        _fieldset(place, plan.prompts[pair.number - 1], sounds[pair.number, pair.first],
                  sounds[pair.number, pair.second])
        for place, pair in enumerate(pairs, 1)
    )  # fmt: skip
    body = (
        f'<main data-test="{text(test)}"><h1>Which do you prefer?</h1>'
        "<p>Listen to both sounds of each pair, as often as you like, and choose. The order is random and all sounds "
        "are equally loud. Your answers stay in this browser until you save them as a file.</p>"
        f'{fieldsets}<p><label>Your name or a number: <input id="listener" maxlength="80"></label></p>'
        '<p><span id="count"></span> <button id="save" type="button">Save my answers</button></p></main>'
    )
    script = f"const FORMAT = {json.dumps(ANSWERS_FORMAT)};{SCRIPT}"
    write_bytes(shelf.folder / PAGE, document("Listening test", body, script).encode())
    rows = [{"number": pair.number, "first": pair.first, "second": pair.second} for pair in pairs]
    key = {"format": KEY_FORMAT, "test": test, "prompts": list(plan.prompts), "pairs": rows}
    write_bytes(shelf.folder / KEY, (json.dumps(key, ensure_ascii=False, indent=1) + "\n").encode())
    return shelf.folder / PAGE


def _fingerprint(plan: Plan, pairs: Sequence[Pair]) -> str:
    return key_of({"prompts": plan.prompts, "seconds": plan.seconds, "pairs": [str(pair) for pair in pairs]})[
        :8
    ]


def _matched(sounds: Mapping[tuple[int, str], Waveform]) -> dict[tuple[int, str], Waveform]:
    """The sounds turned down to the loudness of the quietest, so that none is preferred for its level."""
    levels = {
        name: integrated_loudness(sound.samples[0].numpy(), sound.sample_rate)
        for name, sound in sounds.items()
    }
    quietest = min(levels.values())
    return {
        name: Waveform(sound.samples * 10 ** ((quietest - levels[name]) / 20), sound.sample_rate)
        for name, sound in sounds.items()
    }


def _fieldset(place: int, prompt: str, first: Waveform, second: Waveform) -> str:
    choices = "".join(
        f'<label><input type="radio" name="{place}" value="{choice}"> {choice}</label> ' for choice in CHOICES
    )
    return (
        f'<fieldset class="card"><legend>{place}. {text(prompt)}</legend>'
        f"<p>first {audio(first, f'pair {place}, first')}</p><p>second {audio(second, f'pair {place}, second')}</p>"
        f"<p>{choices}</p></fieldset>"
    )


def tally(key_file: Path, answer_files: Sequence[Path]) -> list[Preference]:
    """Count the answers of all listeners.

    Raises:
        ValueError: a file cannot be read, is of another test, or answers what was not asked.
    """
    key = _read(key_file, KEY_FORMAT)
    pairs = key.get("pairs")
    if not isinstance(pairs, list):
        raise ValueError(f"{key_file}: has no pairs")
    counts: dict[tuple[str, str], dict[str, int]] = {}
    for pair in pairs:
        counts.setdefault(_sorted(pair), {"wins": 0, "losses": 0, "neither": 0})
    for file in answer_files:
        answers = _read(file, ANSWERS_FORMAT)
        if answers.get("test") != key.get("test"):
            raise ValueError(
                f"{file}: answers the test {answers.get('test')!r}; the key is of {key.get('test')!r}"
            )
        for place, choice in _answers(file, answers, len(pairs)):
            pair = pairs[place - 1]
            both = _sorted(pair)
            if choice == "neither":
                counts[both]["neither"] += 1
            else:
                counts[both]["wins" if pair[choice] == both[0] else "losses"] += 1
    return [
        Preference(*both, **count, p=binomial_p(count["wins"], count["wins"] + count["losses"]))
        for both, count in sorted(counts.items())
    ]


def _sorted(pair: Mapping[str, Any]) -> tuple[str, str]:
    first, second = sorted((str(pair["first"]), str(pair["second"])))
    return first, second


def _answers(file: Path, answers: Mapping[str, Any], count: int) -> list[tuple[int, str]]:
    given = answers.get("answers")
    if not isinstance(given, dict):
        raise ValueError(f"{file}: has no answers")
    found = []
    for place, choice in given.items():
        if not (place.isdecimal() and 1 <= int(place) <= count and choice in CHOICES):
            raise ValueError(
                f"{file}: pair {place!r} is answered {choice!r}; pairs 1 to {count} take {', '.join(CHOICES)}"
            )
        found.append((int(place), choice))
    return found


def _read(file: Path, kind: str) -> dict[str, Any]:
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{file}: cannot be read as JSON ({error})") from error
    if not isinstance(value, dict) or value.get("format") != kind:
        raise ValueError(f"{file}: is no {kind.removeprefix('audiogen ')}")
    return value
