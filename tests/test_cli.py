"""The command line: what it writes, what it prints where, and one line for everything that cannot be done."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from audiogen.cli import run
from audiogen.tune_files import read_folder
from codec.audio_files import write_audio
from codec.types import Waveform

ROOT = Path(__file__).parents[1]
POSIX = pytest.mark.skipif(sys.platform == "win32", reason="signals and file limits of POSIX")


@dataclass(frozen=True)
class Outcome:
    """What a command left."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@pytest.fixture
def call(here: Path, capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    def command(*arguments: object) -> Outcome:
        capfd.readouterr()
        code = run([str(argument) for argument in arguments])
        said = capfd.readouterr()
        return Outcome(code, str(said.out), str(said.err))

    return command


@pytest.fixture
def make(call: Callable[..., Outcome], tiny_weights: Path) -> Callable[..., Outcome]:
    """As `call`, with untrained weights."""
    return lambda *arguments: call(*arguments, "--model", tiny_weights)


def refused(outcome: Outcome, *words: str) -> None:
    """One clear line on stderr, exit code 2, nothing on stdout."""
    assert outcome.code == 2, outcome.err
    lines = [line for line in outcome.err.splitlines() if line.startswith("error: ")]
    assert len(lines) == 1, outcome.err
    assert "Traceback" not in outcome.err
    assert outcome.out == ""
    for word in words:
        assert word in lines[0]


def test_generate_writes_a_wav_and_says_what_it_understood(make: Callable[..., Outcome], here: Path) -> None:
    done = make(
        "generate", "a lively jig in D on the fiddle, sparkly", "-o", "a.wav", "--duration", 2, "--seed", 7
    )
    assert done.code == 0, done.err
    assert done.out == ""
    assert "understood: jig in D" in done.err
    assert "not understood: sparkly" in done.err
    assert "seed 7" in done.err
    with soundfile.SoundFile(here / "a.wav") as file:
        assert file.frames > 24000
        facts = json.loads(file.copy_metadata()["comment"])
    assert facts["prompt"] == "a lively jig in D on the fiddle, sparkly"
    assert facts["seed"] == 7
    assert facts["version"]


def test_a_seed_is_drawn_and_told_where_none_is_given(make: Callable[..., Outcome], here: Path) -> None:
    first = make("generate", "a jig", "--duration", 1, "-o", "a.wav", "--json").json
    again = make("generate", "a jig", "--duration", 1, "-o", "b.wav", "--json", "--seed", first["seed"]).json
    assert again["seed"] == first["seed"]
    assert (here / "a.wav").read_bytes() == (here / "b.wav").read_bytes()


def test_json_is_one_object_on_stdout_and_nothing_else(make: Callable[..., Outcome]) -> None:
    done = make("generate", "a waltz in G", "-o", "a.flac", "--duration", 2, "--seed", 1, "--json")
    report = done.json
    assert report["output"] == "a.flac"
    assert report["seed"] == 1
    assert report["attributes"]["kind"] == "waltz"
    assert 1 < report["seconds"] < 7
    assert {"load", "compose", "perform", "play", "decode"} <= set(report["wall_seconds"])


def test_several_are_numbered_with_seeds_that_count_up(make: Callable[..., Outcome], here: Path) -> None:
    done = make(
        "generate", "a jig", "-n", 2, "-o", "a.ogg", "--duration", 1, "--seed", 5, "--json", "--keep", "kept"
    )
    assert [(entry["output"], entry["seed"]) for entry in done.json] == [("a-01.ogg", 5), ("a-02.ogg", 6)]
    assert (here / "kept" / "02" / "codes.npz").is_file()
    assert (here / "a-01.ogg").read_bytes() != (here / "a-02.ogg").read_bytes()


@pytest.mark.parametrize(
    ("flag", "value", "other"),
    [
        ("--instrument", "fiddle", "flute"),
        ("--tempo", "90", "130"),
        ("--key", "D", "G"),
        ("--accompaniment", "none", "guitar"),
        ("--duration", "2", "8"),
        ("--route", "tune", "free"),
        ("--chords", "G|D", "Em|Bm"),
        ("--guidance", "1", "score=9"),
        ("--seed", "1", "2"),
    ],
)
def test_each_flag_changed_alone_changes_the_sound(
    make: Callable[..., Outcome], here: Path, flag: str, value: str, other: str
) -> None:
    fixed = {"--duration": "2", "--seed": "1"}
    for name, choice in (("a.wav", value), ("b.wav", other)):
        flags = [part for pair in (fixed | {flag: choice}).items() for part in pair]
        assert make("generate", "a jig", "-o", name, *flags).code == 0
    assert (here / "a.wav").read_bytes() != (here / "b.wav").read_bytes()


def test_several_prompts_make_a_file_each(make: Callable[..., Outcome], here: Path) -> None:
    made = make(
        "generate", "a jig", "a reel", "-n", "2", "--seed", "4", "--duration", "1", "-o", "p.wav", "--json"
    )
    reports = json.loads(made.out)
    assert [report["output"] for report in reports] == ["p-01.wav", "p-02.wav", "p-03.wav", "p-04.wav"]
    assert [report["seed"] for report in reports] == [4, 5, 6, 7]
    assert [report["attributes"]["kind"] for report in reports] == ["jig", "jig", "reel", "reel"]


def test_a_recording_is_gone_on_from_and_taken_after(make: Callable[..., Outcome], here: Path) -> None:
    make("generate", "a jig", "--seed", "1", "--duration", "2", "-o", "first.wav")
    made = make(
        "generate", "--continue", "first.wav", "--duration", "1", "--seed", "2", "-o", "on.wav", "--json"
    )
    report = json.loads(made.out)
    assert report["route"] == "free"
    assert report["seconds"] - report["given_seconds"] == pytest.approx(1.0, abs=0.05)
    plain, after = (
        json.loads(
            make("generate", "a jig", "--seed", "3", "--duration", "1", "-o", out, "--json", *more).out
        )
        for out, more in (
            ("plain.wav", []),
            ("after.wav", ["--style-from", "first.wav", "--guidance", "excerpt=3"]),
        )
    )
    assert plain["title"] == after["title"]
    assert (here / "plain.wav").read_bytes() != (here / "after.wav").read_bytes()


def test_a_recording_without_sound_is_refused_by_name(make: Callable[..., Outcome], here: Path) -> None:
    write_audio(here / "silent.wav", Waveform(torch.zeros(1, 1, 24_000), 24_000))
    for option in ("--continue", "--style-from"):
        refused(make("generate", "a jig", option, "silent.wav", "-o", "a.wav"), "silent.wav: is silent")
    assert not (here / "a.wav").exists()


def test_kept_folders_go_on_from_an_edit(make: Callable[..., Outcome], here: Path) -> None:
    done = make("generate", "a jig", "--duration", 2, "--seed", 3, "-o", "a.wav", "--keep", "kept", "--json")
    assert done.json["kept"] == "kept"
    again = make("generate", "--from", "kept", "-o", "b.wav", "--json").json
    assert (again["seed"], again["route"]) == (3, "tune")
    assert (here / "a.wav").read_bytes() == (here / "b.wav").read_bytes()
    several = make("generate", "--from", "kept", "-n", 2, "-o", "n.wav", "--json").json
    assert [entry["seed"] for entry in several] == [3, 4]
    path = here / "kept" / "tune.abc"
    path.write_text((here / "kesh.abc").read_text(encoding="utf-8"), encoding="utf-8")
    edited = make("generate", "--from", "kept", "-o", "c.wav", "--json").json
    assert edited["title"] == "The Kesh"
    assert (here / "b.wav").read_bytes() != (here / "c.wav").read_bytes()


def test_compose_writes_one_file_of_many_tunes(make: Callable[..., Outcome], here: Path) -> None:
    done = make("compose", "a reel in A dorian", "-n", 3, "-o", "reels.abc", "--seed", 2, "--json")
    assert done.json["tunes"] == 3
    text = (here / "reels.abc").read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if line.startswith("X:")] == ["X:1", "X:2", "X:3"]
    assert text.count("K:Ador") == 3
    assert run(["tune", "check", "reels.abc"]) == 0


def test_perform_plays_a_folder_and_lists_what_it_cannot(make: Callable[..., Outcome], here: Path) -> None:
    folder = here / "tunes"
    folder.mkdir()
    (folder / "a.abc").write_text((here / "kesh.abc").read_text(encoding="utf-8"), encoding="utf-8")
    (folder / "b.abc").write_text("no tune at all", encoding="utf-8")
    (folder / "c.mid").write_bytes(b"MThd\x00")
    done = make("perform", folder, "-o", "out", "--duration", 2, "--seed", 1, "--json")
    assert done.code == 2
    assert [entry["output"] for entry in done.json["outputs"]] == [str(Path("out") / "a.wav")]
    assert [Path(entry["file"]).name for entry in done.json["rejected"]] == ["b.abc", "c.mid"]
    assert "b.abc" in done.err
    assert sorted(path.name for path in (here / "out").iterdir()) == ["a.wav"]


def test_a_broken_tune_costs_no_other_tune_of_its_book(call: Callable[..., Outcome], here: Path) -> None:
    whole = (here / "kesh.abc").read_text(encoding="utf-8")
    (here / "book.abc").write_text(f"{whole}\nX:2\nT:Broken\nK:C\n\n{whole}", encoding="utf-8")
    done = call("tune", "convert", "book.abc", "out.abc")
    assert done.code == 2
    assert "out.abc: 2 tunes" in done.err
    assert "rejected: book.abc: " in done.err
    assert (here / "out.abc").read_text(encoding="utf-8").count("T:The Kesh") == 2
    checked = call("tune", "check", "book.abc", "--json")
    assert checked.code == 2
    assert (checked.json[0]["tunes"], len(checked.json[0]["faults"])) == (2, 1)


def test_a_folder_is_not_begun_where_one_of_its_kept_paths_would_replace_a_file(
    make: Callable[..., Outcome], here: Path
) -> None:
    mine = here / "kept" / "kesh" / "tune.abc"
    mine.parent.mkdir(parents=True)
    mine.write_text("X:1\n", encoding="utf-8")
    (here / "tunes").mkdir()
    (here / "kesh.abc").rename(here / "tunes" / "kesh.abc")
    refused(make("perform", "tunes", "-o", "out", "--keep", "kept"), "tune.abc", "--keep would replace")
    assert mine.read_text(encoding="utf-8") == "X:1\n"
    assert not (here / "out").exists()


def test_no_file_of_a_folder_takes_the_output_of_another(call: Callable[..., Outcome], here: Path) -> None:
    text = (here / "kesh.abc").read_text(encoding="utf-8")
    folder = here / "tunes"
    folder.mkdir()
    for name in ("x.abc", "x-01.abc", "a.abc", "a-mid.abc"):
        (folder / name).write_text(text * 2 if name == "x.abc" else text, encoding="utf-8")
    assert call("tune", "convert", "tunes/a.abc", "tunes/a.mid").code == 0
    (folder / "notes.doc").write_text("not music", encoding="utf-8")
    found = read_folder(folder)
    assert len({name for name, _ in found.tunes}) == len(found.tunes) == 6
    assert not found.rejected
    assert found.skipped == (str(folder / "notes.doc"),)


def test_perform_moves_a_tune_into_the_instruments_range_with_a_warning(
    make: Callable[..., Outcome], here: Path
) -> None:
    (here / "low.abc").write_text("X:1\nT:Low\nM:4/4\nL:1/4\nK:C\nC,,D,,E,,F,,|C,,4|]\n", encoding="utf-8")
    done = make("perform", "low.abc", "-o", "low.wav", "--instrument", "whistle", "--duration", 2)
    assert done.code == 0, done.err
    assert "warning:" in done.err
    assert "octave" in done.err


def test_tunes_are_converted_and_checked(call: Callable[..., Outcome], here: Path) -> None:
    assert call("tune", "convert", "kesh.abc", "kesh.mid").code == 0
    assert (here / "kesh.mid").read_bytes()[:4] == b"MThd"
    assert call("tune", "convert", "kesh.mid", "back.abc").code == 0
    assert call("tune", "convert", "kesh.abc", "up.abc", "--transpose", 2).code == 0
    assert "K:A" in (here / "up.abc").read_text(encoding="utf-8")
    assert call("tune", "check", "kesh.abc", "up.abc").out.count("no fault") == 2
    (here / "bad.abc").write_text("X:1\nT:Bad\nM:4/4\nL:1/4\nK:C\nABC|?@|\n", encoding="utf-8")
    bad = call("tune", "check", "kesh.abc", "bad.abc", "--json")
    assert bad.code == 2
    assert [bool(report["faults"]) for report in bad.json] == [False, True]


def test_data_build_goes_on_where_it_stopped(make: Callable[..., Outcome], here: Path, kesh_abc: str) -> None:
    tunes = here / "tunes"
    tunes.mkdir()
    for number in range(3):
        (tunes / f"{number}.abc").write_text(kesh_abc.replace("GAG", "GBG"[number] * 3), encoding="utf-8")
    (tunes / "broken.abc").write_text("X:1\nT:Broken\nK:G\n", encoding="utf-8")
    first = make("data", "build", "--tunes", tunes, "-o", "shards", "--json").json
    parts = [entry for entry in first.values() if isinstance(entry, dict)]
    assert sum(part["clips"] for part in parts) == 3
    assert sum(part["shards_written"] for part in parts) == len(parts)
    assert any("broken" in entry["item"] for entry in first["rejected"])
    again = make("data", "build", "--tunes", tunes, "-o", "shards", "--json").json
    parts = [entry for entry in again.values() if isinstance(entry, dict)]
    assert sum(part["shards_written"] for part in parts) == 0
    assert sum(part["clips"] for part in parts) == 3


def test_info_names_instruments_and_kinds(call: Callable[..., Outcome]) -> None:
    facts = call("info", "--json").json
    assert "fiddle" in facts["instruments"]
    assert "jig" in facts["kinds"]
    assert facts["version"]
    assert "torch" in call("info").out


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["generate"], ["PROMPT"]),
        (["generate", ""], ["empty"]),
        (["generate", "quarterly tax return"], ["nothing musical"]),
        (["generate", "a jig", "--duration", "0"], ["duration 0 s"]),
        (["generate", "a jig", "--duration", "-3"], ["duration -3 s"]),
        (["generate", "a jig", "--duration", "nan"], ["duration nan s"]),
        (["generate", "a jig", "--duration", "36000"], ["36000"]),
        (["generate", "a jig for 10 hours"], ["36000"]),
        (["generate", "a jig", "--duration", "soon"], ["--duration"]),
        (["generate", "a jig", "--tempo", "5000"], ["tempo 5000"]),
        (["generate", "a jig", "--key", "H"], ["key 'H'"]),
        (["generate", "a jig", "--instrument", "kazoo"], ["kazoo", "fiddle"]),
        (["generate", "a jig", "--accompaniment", "drums"], ["drums", "guitar"]),
        (["generate", "a jig", "--route", "radio"], ["radio", "soundfont"]),
        (["generate", "a jig", "--seed", "-1"], ["seed -1"]),
        (["generate", "a jig", "-n", "0"], ["-n 0"]),
        (["generate", "a jig", "-o", "nowhere/a.wav"], ["nowhere/a.wav", "No such file or directory"]),
        (["generate", "a jig", "-o", "a.aac"], ["'.aac'", ".wav"]),
        (["generate", "a jig", "--tune", "no.abc"], ["no.abc: no such file"]),
        (["generate", "--from", "nowhere"], ["nowhere: no such folder"]),
        (["generate", "a jig", "--from", "nowhere"], ["takes no PROMPT"]),
        (["generate", "a jig", "--continue", "no.wav"], ["no.wav"]),
        (["generate", "a jig", "--style-from", "kesh.abc"], ["kesh.abc"]),
        (["generate", "a jig", "--chords", "G|Q"], ["chords, bar 2: 'Q' is no chord"]),
        (["generate", "a jig", "--tune", "kesh.abc", "--chords", "G"], ["chords are for a new tune"]),
        (["generate", "a jig", "--guidance", "much"], ["guidance 'much' is no number"]),
        (["generate", "a jig", "--guidance", "colour=2"], ["'colour'", "score, attributes, text, excerpt"]),
        (["generate", "a jig", "tax return"], ["prompt 2 of 2, 'tax return'"]),
        (["generate", "a jig", "a reel", "-o", "-"], ["takes no -n or second PROMPT"]),
        (["generate", "a jig", "--keep", "kesh.abc"], ["kesh.abc: is a file"]),
        (["generate", "a jig", "--model", "nowhere"], ["nowhere: no such folder of weights"]),
        (["generate", "a jig", "--device", "warp"], ["warp"]),
        (["generate", "a jig", "--colour", "red"], ["--colour"]),
        (["compose", "a jig", "-o", "a.pdf"], ["'.pdf'", ".abc"]),
        (["compose", "a jig", "-n", "2", "-o", "a.mid"], ["a.mid"]),
        (["perform", "no.abc", "-o", "a.wav"], ["no.abc: no such file"]),
        (["perform", ".", "-o", "out", "--duration", "0"], ["duration 0 s"]),
        (["tune", "convert", "kesh.abc", "kesh.pdf"], ["'.pdf'"]),
        (["tune", "convert", "kesh.abc", "k.abc", "--transpose", "99"], ["99"]),
        (["codec", "roundtrip", "no.wav", "out.wav", "--model", "nowhere"], ["nowhere"]),
        (["train", "codec", "--minutes", "0"], ["--minutes 0"]),
        (["train", "codec", "--soundfont", "none.sf2"], ["none.sf2: no such file"]),
        (["sing"], ["sing"]),
    ],
    ids=lambda value: " ".join(value)[:40],
)
def test_bad_input_gets_one_line_and_leaves_nothing(
    call: Callable[..., Outcome], here: Path, arguments: list[str], words: list[str]
) -> None:
    refused(call(*arguments), *words)
    assert [path.name for path in here.iterdir()] == ["kesh.abc"]


BROKEN_TUNES: dict[str, bytes] = {
    "empty.abc": b"",
    "binary.abc": bytes(range(256)),
    "prose.abc": b"Dear Sir, I regret to inform you\n",
    "headless.abc": b"X:1\nT:Only a head\nK:G\n",
    "empty.mid": b"",
    "text.mid": b"this is no MIDI",
    "cut.mid": b"MThd\x00\x00\x00\x06\x00\x01\x00\x02\x01\xe0MTrk\x00\x00\x10\x00",
}


@pytest.mark.parametrize("name", list(BROKEN_TUNES))
def test_broken_notation_is_refused_by_name(call: Callable[..., Outcome], here: Path, name: str) -> None:
    (here / name).write_bytes(BROKEN_TUNES[name])
    refused(call("perform", name, "-o", "a.wav"), name)
    refused(call("generate", "a jig", "--tune", name, "-o", "a.wav"), name)
    refused(call("tune", "convert", name, "a.mid"), name)
    assert not (here / "a.wav").exists()
    assert not (here / "a.mid").exists()


def test_ten_thousand_bars_are_refused_or_cut(make: Callable[..., Outcome], here: Path) -> None:
    text = "X:1\nT:Long\nR:jig\nM:6/8\nL:1/8\nK:D\n" + "dAF DFA|\n" * 10_000
    (here / "long.abc").write_text(text, encoding="utf-8")
    refused(make("perform", "long.abc", "-o", "a.wav"), "long.abc", "at most 600 s", "duration")
    assert not (here / "a.wav").exists()
    assert make("perform", "long.abc", "-o", "a.wav", "--duration", 3).code == 0


def test_broken_sound_is_refused_by_name(make: Callable[..., Outcome], here: Path) -> None:
    write_audio(here / "whole.wav", Waveform(torch.zeros(1, 1, 24000), 24000))
    (here / "cut.wav").write_bytes((here / "whole.wav").read_bytes()[:2000])
    (here / "empty.wav").write_bytes(b"")
    (here / "noise.wav").write_bytes(np.random.default_rng(0).bytes(3000))
    for name in ("cut.wav", "empty.wav", "noise.wav"):
        refused(make("codec", "roundtrip", name, "out.wav"), name)
    assert not (here / "out.wav").exists()


def test_an_existing_output_is_replaced_only_by_a_whole_one(make: Callable[..., Outcome], here: Path) -> None:
    (here / "a.wav").write_bytes(b"old")
    refused(make("perform", "kesh.abc", "-o", "a.wav", "--instrument", "kazoo"), "kazoo")
    assert (here / "a.wav").read_bytes() == b"old"
    assert make("perform", "kesh.abc", "-o", "a.wav", "--duration", 1).code == 0
    assert soundfile.info(here / "a.wav").frames > 24000


def test_a_missing_extra_is_named_with_how_to_install_it(
    call: Callable[..., Outcome], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fluidsynth", None)
    refused(call("perform", "kesh.abc", "-o", "a.wav", "--route", "soundfont"), "pip install", "soundfont")


def start(here: Path, *arguments: str, before: str = "") -> subprocess.Popen[str]:
    """A command in a process of its own."""
    program = f"{before}\nfrom audiogen.cli import main\nmain()"
    return subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        cwd=here,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@POSIX
def test_a_full_disk_is_one_line_and_leaves_nothing(here: Path, tiny_weights: Path) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))"
    arguments = ("perform", "kesh.abc", "-o", "a.wav", "--duration", "2", "--model", str(tiny_weights))
    process = start(here, *arguments, before=limit)
    out, err = process.communicate()
    refused(Outcome(process.returncode, out, err), "a.wav", "too large")
    assert [path.name for path in here.iterdir()] == ["kesh.abc"]


@POSIX
def test_an_interrupt_leaves_nothing_half_written(here: Path, tiny_weights: Path) -> None:
    # Ctrl-C at the worst moment: the new file is whole under its temporary name and not yet renamed.
    worst = (
        "import os, signal; os.replace = lambda *_: os.kill(os.getpid(), signal.SIGINT); "
        # A test run in the background has been told to ignore Ctrl-C, and its children with it.
        "signal.signal(signal.SIGINT, signal.default_int_handler)"
    )
    arguments = ("perform", "kesh.abc", "-o", "a.wav", "--model", str(tiny_weights), "--duration", "2")
    process = start(here, *arguments, before=worst)
    _, err = process.communicate()
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert "error: interrupted" in err
    assert [path.name for path in here.iterdir()] == ["kesh.abc"]


def test_every_command_teaches_with_an_example(call: Callable[..., Outcome]) -> None:
    commands = [
        ["generate"], ["compose"], ["perform"], ["sonify"], ["compare"],
        ["tune", "convert"], ["tune", "check"], ["tune", "join"], ["codec", "roundtrip"],
        ["data", "build"], ["train", "codec"], ["train", "lm"], ["train", "composer"], ["train", "all"],
    ]  # fmt: skip
    for command in [[], *commands]:
        done = call(*command, "--help")
        assert done.code == 0
        assert f"  audiogen {' '.join(command)}".rstrip() in done.out, command


def test_help_comes_in_half_a_second() -> None:
    # Of this process and its children, so that a busy machine does not count; a cold disk is not measured.
    program = (
        "import time; began = time.process_time(); import audiogen.cli as c; c.run(['--help']); "
        "import sys; print(time.process_time() - began, file=sys.stderr)"
    )
    seconds = [
        float(
            subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT).stderr
        )
        for _ in range(3)
    ]
    assert min(seconds) < 0.5
