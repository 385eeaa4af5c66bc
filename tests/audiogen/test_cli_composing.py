"""`audiogen compose` with plans, chords and tunes to go on from, and `audiogen tune harmonise`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from audiogen.cli import run
from symbolic_bridge.plans import Plan
from symbolic_bridge.tune import Tune

Command = Callable[..., tuple[int, str]]


@pytest.fixture
def compose(here: Path, tiny_weights: Path, capfd: pytest.CaptureFixture[str]) -> Command:
    def command(*arguments: object) -> tuple[int, str]:
        capfd.readouterr()
        code = run(
            [str(argument) for argument in ("compose", *arguments, "--model", tiny_weights, "--seed", 1)]
        )
        return code, capfd.readouterr().err

    return command


def tune(path: Path) -> Tune:
    return Tune.from_abc(path.read_text(encoding="utf-8"), strict=True)


def test_a_saved_plan_can_be_edited_and_given_again(compose: Command, here: Path) -> None:
    assert compose("a jig in G", "-o", "a.abc", "--save-plan", "plan.json")[0] == 0
    values = json.loads((here / "plan.json").read_text())
    values["parts"][0]["bars"][0] = {"chords": ["V"], "notes": 3}
    (here / "plan.json").write_text(json.dumps(values))
    code, said = compose("--plan", "plan.json", "-o", "b.abc", "--save-plan", "followed.json")
    assert code == 0, said
    assert "no kind of tune was named" not in said
    first, second = (Plan.from_json((here / name).read_text()) for name in ("plan.json", "followed.json"))
    assert second.parts[0].bars[0].chords == ("V",)
    assert second.all_bars()[1:] == first.all_bars()[1:]
    assert tune(here / "b.abc").header.key == tune(here / "a.abc").header.key


def test_chords_say_the_key_where_the_prompt_does_not(compose: Command, here: Path) -> None:
    assert compose("a jig", "--chords", "Em|D|Em|Bm", "-o", "a.abc")[0] == 0
    made = tune(here / "a.abc")
    assert (made.header.key.tonic, made.header.key.mode) == ("E", "minor")
    assert {note.chord_symbol for bar in made.bars for note in bar.notes} == {"", "Em", "D", "Bm"}
    assert compose("a jig", "--chords", "Em|D G", "--chords-only", "-o", "b.abc")[0] == 0
    triads = [note for bar in tune(here / "b.abc").bars for note in bar.notes if note.pitches]
    assert {len(note.pitches) for note in triads} == {3}
    assert {note.chord_symbol for note in triads} == {"Em", "D", "G"}


def test_infill_changes_the_named_bars_and_vary_and_start_go_on_from_a_tune(
    compose: Command, here: Path
) -> None:
    assert compose("--infill", "kesh.abc", "--bars", "5-6", "-o", "a.abc")[0] == 0
    old, new = tune(here / "kesh.abc"), tune(here / "a.abc")
    assert [place for place, (a, b) in enumerate(zip(old.bars, new.bars, strict=True)) if a != b] == [4, 5]
    assert compose("--vary", "kesh.abc", "--strength", "0.3", "-o", "b.abc")[0] == 0
    assert len(tune(here / "b.abc").bars) == len(old.bars)
    (here / "phrase.abc").write_text("X:1\nT:P\nR:jig\nM:6/8\nL:1/8\nK:G\nGAG GAB|ABA ABd|\n")
    assert compose("--start", "phrase.abc", "-o", "c.abc")[0] == 0
    begun = tune(here / "c.abc")
    assert [bar.notes for bar in begun.bars[:2]] == [bar.notes for bar in tune(here / "phrase.abc").bars]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "nothing to write"),
        (("a jig", "--plan", "p.json", "--start", "kesh.abc"), "--plan and --start: only one of them"),
        (("a jig", "--plan", "none.json"), "none.json: No such file"),
        (("a jig", "--plan", "kesh.abc"), "kesh.abc: line 1, column 1: not JSON"),
        (("--infill", "kesh.abc"), "--infill FILE needs --bars A-B"),
        (("--infill", "kesh.abc", "--bars", "x"), "--bars x: a range such as 5-8"),
        (("--infill", "kesh.abc", "--bars", "5-99"), "the tune has bars 1 to 16"),
        (("a jig", "--infill", "kesh.abc", "--bars", "5"), "no PROMPT"),
        (("--vary", "kesh.abc", "--strength", "2"), "strength is 2"),
        (("a jig", "--strength", "0.5"), "--strength needs --vary"),
        (("--vary", "kesh.abc", "--density", "dense"), "keep to the tune"),
        (("a reel", "--start", "kesh.abc"), "is a jig in 6/8"),
        (("a jig", "--chords", "G|H"), "bar 2: 'H' is no chord"),
        (("a jig", "--range", "low"), "two notes such as D4-B5"),
        (("a jig", "--range", "D4-E4"), "at least 16 semitones"),
        (("a jig", "--density", "thick"), "density 'thick'"),
        (("a jig", "--save-plan", "p.json", "-n", "2"), "leave -n out"),
    ],
)
def test_what_cannot_be_composed_is_one_line_and_leaves_no_file(
    compose: Command, here: Path, arguments: tuple[str, ...], message: str
) -> None:
    code, said = compose(*arguments, "-o", "a.abc")
    assert code == 2, said
    assert message in said
    assert "Traceback" not in said
    assert not (here / "a.abc").exists()


def test_harmonise_writes_more_chords_the_richer_it_is_asked_to(
    here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    counts = []
    for richness in ("plain", "usual", "rich"):
        assert run(["tune", "harmonise", "kesh.abc", "out.abc", "--richness", richness]) == 0
        notes = [note for bar in tune(here / "out.abc").bars for note in bar.notes]
        counts.append(len([note for note in notes if note.chord_symbol]))
        if richness == "plain":
            assert {note.chord_symbol for note in notes} <= {"", "G", "D", "C"}
    assert 0 < counts[0] <= counts[1] <= counts[2]
    assert counts[0] < counts[2]
    assert run(["tune", "harmonise", "kesh.abc", "out.abc", "--richness", "lush"]) == 2
    assert "one of plain, usual, rich" in capfd.readouterr().err
