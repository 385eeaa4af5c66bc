"""A comparison: what it writes, that it can be resumed and repeated, and what it refuses."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

import audiogen
from audiogen.cli import run
from audiogen.comparison.plan import Plan, folder_names
from audiogen.generator import Generator
from codec.audio_files import read_audio, write_audio
from codec.types import Waveform

Call = Callable[..., tuple[int, str, str]]
PROMPTS = ("a jig in G", "=HYPERLINK(1) an air in D")
TUNE = "X:1\nT:../x\nM:6/8\nK:G\n|:GAG GAB|ABA ABd|edd gdd|edB dBA|GAG GAB|ABA ABd|edd gdB|AGF G3:|"


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tiny_weights: Path
) -> Call:
    """Run `audiogen compare` with tiny weights in a folder that holds tune.abc."""
    monkeypatch.chdir(tmp_path)
    Path("tune.abc").write_text(TUNE, encoding="utf-8")

    def command(*arguments: object, weights: bool = True) -> tuple[int, str, str]:
        capfd.readouterr()
        extra = ("--model", tiny_weights, "--duration", 2) if weights else ()
        code = run(["compare", *map(str, (*arguments, *extra))])
        said = capfd.readouterr()
        return code, str(said.out), str(said.err)

    return command


def refused(outcome: tuple[int, str, str], *words: str) -> None:
    code, _, err = outcome
    assert code == 2, err
    assert all(word in err.splitlines()[-1] for word in words), err


def numbers(folder: str) -> Any:
    value = json.loads((Path(folder) / "comparison.json").read_text(encoding="utf-8"))
    value.pop("timings")
    return value


def test_a_comparison_is_written_resumed_and_the_same_when_repeated(call: Call) -> None:
    routes = ("--reply", "tune.abc", "--reference", "tune.abc")
    code, out, _ = call(*PROMPTS, *routes, "-o", "a", "--json")
    assert code == 0
    facts = json.loads(out)
    assert (facts["cells"], facts["resumed"], facts["errors"]) == (12, 0, [])
    names = {path.name for path in Path("a/sounds").iterdir()}
    assert names == {
        f"{n:02d}-{route}.wav" for n in (1, 2)
        for route in ("free", "tune", "soundfont", "llm-soundfont", "llm-tune", "reference")
    }  # fmt: skip
    with open("a/figures.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 12
    assert rows[6]["prompt"] == f"'{PROMPTS[1]}"
    # Whatever is lost is made again, and nothing else.
    Path("a/sounds/01-tune.wav").unlink()
    Path("a/cells/02-free.json").write_text("{", encoding="utf-8")
    before, page = numbers("a"), Path("a/report.html").read_bytes()
    code, out, _ = call(*PROMPTS, *routes, "-o", "a", "--json")
    assert json.loads(out)["resumed"] == 10
    assert numbers("a") == before
    assert call(*PROMPTS, *routes, "-o", "b")[0] == 0
    assert numbers("b") == before
    times = rb"<section><h2>Seconds of work.*?</section>"
    again = Path("b/report.html").read_bytes()
    assert re.sub(times, b"", again, flags=re.DOTALL) == re.sub(times, b"", page, flags=re.DOTALL)


def test_from_python_there_is_a_table_with_a_row_a_cell(tmp_path: Path, tiny_weights: Path) -> None:
    pytest.importorskip("pandas")
    found = audiogen.compare(
        ["a jig"], tmp_path / "a", routes=["soundfont"], duration=2, generator=Generator(tiny_weights)
    )
    frame = found.frame()
    assert frame.shape[0] == 1
    assert frame["pitch_right"].tolist() == [found.cells[1, "soundfont"].figures["pitch_right"]]


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="a folder in which not even root can make one")
def test_a_folder_that_cannot_be_made_is_refused_before_anything_is_played(call: Call) -> None:
    refused(call("a jig", "--routes", "soundfont", "-o", "/proc/report"), "/proc/report")


def test_other_weights_make_every_sound_anew(tmp_path: Path, tiny_weights: Path) -> None:
    def resumed(weights: Path) -> int:
        plan = {"routes": ["soundfont"], "duration": 2, "generator": Generator(weights)}
        return audiogen.compare(["a jig"], tmp_path / "report", **plan).resumed

    other = tmp_path / "other"
    shutil.copytree(tiny_weights, other)
    assert resumed(tiny_weights) == 0
    assert resumed(other) == 1  # the same weights elsewhere
    tensors = load_file(other / "player.safetensors")
    save_file({name: tensor + 1 for name, tensor in tensors.items()}, other / "player.safetensors")
    assert resumed(other) == 0


def test_the_page_loads_nothing_and_runs_nothing(call: Call) -> None:
    call("a jig <b>", "--routes", "soundfont", "-o", "a")
    page = Path("a/report.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in page
    assert "<script" not in page
    assert "a jig &lt;b&gt;" in page
    assert not re.search(r"""(?:src|href)="(?!data:)""", page)


def test_a_mixed_folder_of_sounds_is_told_file_by_file(call: Call) -> None:
    folder = Path("Other Model!")
    folder.mkdir()
    write_audio(folder / "01-good.wav", Waveform(torch.rand(1, 2, 44_100 * 3) * 0.1, 44_100))
    (folder / "02-broken.wav").write_bytes(b"RIFF")
    (folder / "notes.txt").write_text("x", encoding="utf-8")
    code, _, err = call("a jig", "an air", "a reel", "--routes", "soundfont", "--sounds", folder, "-o", "a")
    assert code == 2
    assert "rejected: prompt 2, other-model: " in err
    assert "02-broken.wav" in err
    assert "holds no WAV file for prompt 3" in err
    assert Path("a/report.html").is_file()
    sound = read_audio("a/sounds/01-other-model.wav")
    assert sound.seconds == pytest.approx(2, abs=0.01)


def test_a_recording_is_a_reference_too(call: Call) -> None:
    time = np.arange(24_000 * 3) / 24_000
    sine = torch.from_numpy(np.sin(2 * np.pi * 440 * time).astype(np.float32))[None, None]
    write_audio("take.wav", Waveform(0.3 * sine, 24_000))
    assert call("a jig", "--routes", "soundfont", "--reference", "take.wav", "-o", "a")[0] == 0
    assert numbers("a")["summary"]["reference"] == "reference"


def test_replies_may_stand_in_one_file_by_their_prompts(call: Call) -> None:
    rows = [{"prompt": "a jig in G", "reply": TUNE}, {"prompt": "another", "reply": "prose"}]
    Path("r.jsonl").write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    code, _, err = call("a jig in G", "a reel", "--routes", "llm-soundfont", "--reply", "r.jsonl", "-o", "a")
    assert code == 2
    assert "prompt 2, llm-soundfont: r.jsonl: holds no reply to the prompt 'a reel'" in err


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("-o", "a"), "PROMPT"),
        (("a jig", "--routes", "radio", "-o", "a"), "radio"),
        (("a jig", "--routes", "llm-tune", "-o", "a"), "--llm"),
        (("a jig", "--reply", "no.txt", "-o", "a"), "no.txt"),
        (("a jig", "--sounds", "no", "-o", "a"), "no"),
        (("a jig", "an air", "a reel", "--reply", "tune.abc", "--reply", "tune.abc", "-o", "a"), "2 replies"),
        (("a jig", "--llm", "m", "--reply", "tune.abc", "-o", "a"), "either"),
        (("a jig", "-o", "tune.abc"), "is a file"),
        (("a jig", "-o", "."), "tune.abc"),
        ((" ", "-o", "a"), "empty"),
        (("a jig", "--routes", "soundfont", "-o", "tune.abc/a"), "tune.abc"),
    ],
)
def test_what_cannot_be_compared_is_one_line(arguments: tuple[str, ...], word: str, call: Call) -> None:
    refused(call(*arguments), word)


def test_an_empty_folder_is_used_and_a_foreign_one_is_left_alone(call: Call) -> None:
    Path("empty").mkdir()
    assert call("a jig", "--routes", "soundfont", "-o", "empty")[0] == 0
    Path("empty/thesis.txt").write_text("mine", encoding="utf-8")
    refused(call("a jig", "--routes", "soundfont", "-o", "empty"), "thesis.txt")


def test_names_of_folders_become_plain_and_unlike(tmp_path: Path) -> None:
    folders = [tmp_path / name for name in ("A B", "x/a-b", "tune", "../<script>", "ä")]
    assert folder_names(folders) == ("a-b", "a-b-2", "tune-2", "script", "model")


def test_plans_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="prompts"):
        Plan(())
    with pytest.raises(ValueError, match="duration"):
        Plan(("a jig",), seconds=1.0)


def test_listeners_are_asked_blindly_and_their_answers_counted(call: Call) -> None:
    arguments = ("a jig", "an air", "--routes", "free,soundfont", "--listen", "-o", "a")
    assert call(*arguments)[0] == 0
    page = Path("a/listening.html").read_text(encoding="utf-8")
    key = json.loads(Path("a/listening-key.json").read_text(encoding="utf-8"))
    assert "soundfont" not in page.lower()
    assert page.count("<audio") == 4
    answers = {
        str(place): "first" if pair["first"] == "soundfont" else "second"
        for place, pair in enumerate(key["pairs"], 1)
    }
    facts = {
        "format": "audiogen listening answers",
        "test": key["test"],
        "listener": "<b>",
        "answers": answers,
    }
    Path("one.json").write_text(json.dumps(facts), encoding="utf-8")
    Path("two.json").write_text(json.dumps(facts | {"answers": {"1": "neither"}}), encoding="utf-8")
    code, out, _ = call("-o", "a", "--tally", "one.json", "--tally", "two.json", "--json", weights=False)
    assert code == 0
    assert json.loads(out) == [
        {"route": "free", "other": "soundfont", "wins": 0, "losses": 2, "neither": 1, "p": 0.5}
    ]
    for change, word in (
        ({"test": "x"}, "test"), ({"answers": {"9": "first"}}, "pairs 1 to 2"), ({"answers": {"1": "both"}}, "both"),
        ({"format": "y"}, "listening answers"),
    ):  # fmt: skip
        Path("bad.json").write_text(json.dumps(facts | change), encoding="utf-8")
        refused(call("-o", "a", "--tally", "bad.json", weights=False), "bad.json", word)
    shutil.rmtree("a")
    refused(call("-o", "a", "--tally", "one.json", weights=False), "listening-key.json")
