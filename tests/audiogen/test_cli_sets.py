"""`audiogen compose --set`, `audiogen tune join`, and sets played by `audiogen generate --tune`."""

from __future__ import annotations

import json
import wave
from collections.abc import Callable
from pathlib import Path

import pytest

from audiogen.cli import run
from symbolic_bridge.tune import Tune

Command = Callable[..., tuple[int, str]]
AIR = "X:1\nT:Short\nR:air\nM:3/4\nL:1/4\nQ:1/4=90\nK:Em\n|:EGB|e2d|BAG|E3:|\n"


@pytest.fixture
def audiogen(here: Path, tiny_weights: Path, capfd: pytest.CaptureFixture[str]) -> Command:
    def command(*arguments: object) -> tuple[int, str]:
        capfd.readouterr()
        model = () if arguments[0] == "tune" else ("--model", tiny_weights)
        code = run([str(argument) for argument in (*arguments, *model)])
        captured = capfd.readouterr()
        return code, captured.out + captured.err

    return command


def read(path: Path) -> Tune:
    return Tune.from_abc(path.read_text(encoding="utf-8"), strict=True)


def parts(tune: Tune) -> int:
    """How many tunes of a set are under a title."""
    return sum(any(line.startswith("T:") for line in bar.lines) for bar in tune.bars)


def test_compose_writes_a_set_of_one_kind_in_several_keys(audiogen: Command, here: Path) -> None:
    assert audiogen("compose", "a jig in D", "--set", 3, "--seed", 1, "-o", "set.abc")[0] == 0
    made = read(here / "set.abc")
    assert parts(made) == 3
    assert made.header.rhythm == "jig"
    assert (made.header.key.tonic, made.header.key.mode) == ("D", "major")
    keys = [bar.key for bar in made.bars if bar.key]
    assert len(keys) == 2
    assert len({made.header.key, *keys}) == 3


def test_the_first_tune_of_a_set_is_the_one_of_the_seed(audiogen: Command, here: Path) -> None:
    audiogen("compose", "a jig", "--seed", 5, "-o", "one.abc")
    audiogen("compose", "a jig", "--set", 2, "--times", 1, "--seed", 5, "-o", "set.abc")
    alone, joined = read(here / "one.abc"), read(here / "set.abc")
    count = len(alone.bars)
    assert [bar.notes for bar in joined.bars[:count]] == [bar.notes for bar in alone.bars]
    again = here / "again.abc"
    audiogen("compose", "a jig", "--set", 2, "--times", 1, "--seed", 5, "-o", "again.abc")
    assert again.read_bytes() == (here / "set.abc").read_bytes()


def test_a_mode_that_was_asked_for_holds_in_the_whole_set(audiogen: Command, here: Path) -> None:
    assert audiogen("compose", "a sad jig", "--set", 3, "--seed", 2, "-o", "set.abc")[0] == 0
    made = read(here / "set.abc")
    assert {key.mode for key in [made.header.key, *(bar.key for bar in made.bars if bar.key)]} == {"minor"}


def test_several_sets_fill_one_file(audiogen: Command, here: Path) -> None:
    code, said = audiogen("compose", "a jig", "--set", 2, "-n", 2, "--seed", 1, "-o", "s.abc", "--json")
    assert code == 0
    assert json.loads(said)["tunes"] == 2
    text = (here / "s.abc").read_text(encoding="utf-8")
    assert text.count("X:") == 2
    assert text.count("P:A2") == 2


def test_join_puts_the_tunes_of_files_one_after_another(audiogen: Command, here: Path) -> None:
    (here / "air.abc").write_text(AIR, encoding="utf-8")
    code, said = audiogen("tune", "join", "kesh.abc", "air.abc", "kesh.abc", "-o", "set.abc", "--times", 3)
    assert code == 0
    assert "set.abc: 3 tunes, each 3 times" in said
    made = read(here / "set.abc")
    assert made.header.title == "The Kesh / Short / The Kesh"
    assert len(made.unfold().bars) == 3 * (32 + 8 + 32)
    assert audiogen("tune", "check", "set.abc")[0] == 0


def test_a_set_is_played_from_end_to_end(audiogen: Command, here: Path) -> None:
    (here / "air.abc").write_text(AIR, encoding="utf-8")
    audiogen("tune", "join", "air.abc", "air.abc", "-o", "set.abc", "--times", 1)
    code, said = audiogen(
        "generate", "on the flute", "--tune", "set.abc", "--seed", 1, "-o", "set.wav", "--json"
    )
    assert code == 0, said
    with wave.open(str(here / "set.wav")) as sound:
        seconds = sound.getnframes() / sound.getframerate()
    # Two airs of 8 bars of 3 beats at 90 a minute, between a breath before and the ring behind.
    assert seconds == pytest.approx(2 * 8 * 3 * 60 / 90 + 1.6, abs=0.1)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("compose", "a jig", "--set", 1), "--set 1: 2 to 13 tunes are allowed"),
        (("compose", "a jig", "--set", 14), "--set 14"),
        (("compose", "a jig", "--times", 2), "--times needs --set N"),
        (("compose", "a jig", "--set", 2, "--times", 0), "--times 0: 1 to 9 are allowed"),
        (("compose", "a jig", "--set", 2, "--chords", "G|D"), "it takes no --chords"),
        (("compose", "--set", 2, "--vary", "kesh.abc"), "it takes no --vary"),
        (("compose", "a jig", "--set", 2, "--save-plan", "p.json"), "it takes no --save-plan"),
        (("tune", "join", "kesh.abc"), "a set of 1: 2 to 13 tunes are needed"),
        (("tune", "join", "kesh.abc", "none.abc"), "none.abc: no such file"),
        (("tune", "join", "kesh.abc", "free.abc"), "'Free' is in free metre"),
        (("tune", "join", "kesh.abc", "half.abc"), "half.abc: line"),
        (("tune", "join", "kesh.abc", "kesh.abc", "--times", 12), "12 times through"),
    ],
)
def test_what_makes_no_set_is_refused_in_one_line(
    audiogen: Command, here: Path, arguments: tuple[object, ...], message: str
) -> None:
    (here / "free.abc").write_text("X:1\nT:Free\nM:none\nK:C\nCDE|\n", encoding="utf-8")
    (here / "half.abc").write_text("X:1\nT:a\nK:C\nCDE|\n\nX:2\nT:b\nK:C\n\n", encoding="utf-8")
    code, said = audiogen(*arguments, "-o", "out.abc")
    assert code == 2
    assert message in said
    assert "Traceback" not in said
    assert not (here / "out.abc").exists()


def test_a_set_is_no_sheet_or_score(audiogen: Command) -> None:
    code, said = audiogen("tune", "join", "kesh.abc", "kesh.abc", "-o", "set.musicxml")
    assert code == 2
    assert "set.musicxml: a set is written as .abc or .mid, .midi" in said
