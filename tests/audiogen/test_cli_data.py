"""`audiogen data`: what fetching and cleaning write, say and refuse."""

from __future__ import annotations

import inspect
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from audiogen.cli import data, run
from audiogen.data.cleaning import CleaningRules, Reason
from audiogen.data.corpus import read_corpus

ROOT = Path(__file__).parents[2]
BARS = ["GAG GAB", "ABA ABd", "edd gdd", "edB dBA", "GAG GAB", "ABA ABd", "edd gdB", "AGF G3"]
# Like a dump of TheSession: two settings of one tune, and one row that cannot be used.
DUMP = [
    {
        "tune_id": "9001", "setting_id": str(9100 + place), "name": "Test, The", "type": "jig", "meter": "6/8",
        "mode": "Gmajor", "abc": "|:" + "|".join(bars) + ":|", "date": "2020-01-02 03:04:05", "username": "somebody",
    }
    for place, bars in enumerate([BARS, BARS[::-1], [""]])
]  # fmt: skip
DUMP[2]["abc"] = ""

Serve = Callable[..., Any]
Call = Callable[..., tuple[int, str, str]]


@pytest.fixture
def call(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Call:
    """Run a command in an empty folder: exit code, stdout, stderr."""
    monkeypatch.chdir(tmp_path)

    def command(*arguments: object) -> tuple[int, str, str]:
        capfd.readouterr()
        code = run(["data", *map(str, arguments)])
        said = capfd.readouterr()
        return code, said.out, said.err

    return command


@pytest.fixture
def tunes(tmp_path: Path) -> Path:
    """A folder with three tunes, two of them the same, and a file that holds none."""
    folder = tmp_path / "tunes"
    folder.mkdir()
    jig = "X:1\nT:a jig\nR:double jig\nM:6/8\nL:1/8\nK:G\n" + "|".join(BARS) + "|]\n"
    reel = "X:3\nT:a reel\nR:fandango\nM:4/4\nL:1/8\nK:D\nABcd efga|gfed cBAG|FAdf afdA|GBdg bgdB|ceAc d4|]\n"
    (folder / "book.abc").write_text(f"{jig}\n{jig.replace('X:1', 'X:2')}\n{reel}", "utf-8")
    (folder / "empty.abc").write_text("", "utf-8")
    return folder


def test_a_dump_is_fetched_with_its_licence_said(call: Call, serve: Serve) -> None:
    host = serve(json.dumps(DUMP).encode())
    code, out, err = call("fetch", "thesession", "--url", host.url)
    assert (code, out) == (0, "")
    assert "Open Database License" in err
    assert "large language models" in err
    assert "thesession.json: 2 settings of 1 tunes" in err
    assert "rejected: thesession.json[2]: has no 'abc'" in err
    corpus = read_corpus("thesession.json")
    assert [tune.key for tune in corpus.tunes] == ["thesession/9100", "thesession/9101"]
    assert corpus.without_licences().tunes == ()


def test_what_was_fetched_is_told_as_json(call: Call, serve: Serve) -> None:
    content = json.dumps(DUMP).encode()
    host = serve(content, faults=[100])
    code, out, _ = call("fetch", "thesession", "--url", host.url, "-o", "a.json", "--tries", 1)
    assert (code, out) == (2, "")
    code, out, _ = call("fetch", "thesession", "--url", host.url, "-o", "a.json", "--json")
    told = json.loads(out)
    assert code == 0
    assert (told["output"], told["bytes"], told["resumed_bytes"]) == ("a.json", len(content), 100)
    assert (told["settings"], told["tunes"], len(told["rejected"])) == (2, 1, 1)
    assert "ODbL" in told["licence"]


def test_the_format_goes_by_the_address_or_the_output(call: Call, serve: Serve, tmp_path: Path) -> None:
    host = serve(b"setting_id,type,meter,mode,abc\n7,jig,6/8,Gmajor,GAG GAB|ABA ABd|\n")
    address = host.url.replace("json/tunes.json", "csv/tunes.csv")
    assert call("fetch", "thesession", "--url", address)[0] == 0
    assert [tune.key for tune in read_corpus("thesession.csv").tunes] == ["thesession/7"]
    code, _, err = call("fetch", "thesession", "--url", host.url.replace(".json", ".db"))
    assert code == 2
    assert "thesession.db: name the file with -o; its suffix must be one of .json, .csv" in err
    assert sorted(file.name for file in tmp_path.iterdir()) == ["thesession.csv"]


@pytest.mark.parametrize(
    "content", [b"<html>log in first</html>", b"[]", b"", b"version https://git-lfs.github.com/spec/v1\n"]
)
def test_what_is_no_dump_is_refused_and_nothing_is_left(
    call: Call, serve: Serve, tmp_path: Path, content: bytes
) -> None:
    (tmp_path / "thesession.json").write_text("older")
    code, out, err = call("fetch", "thesession", "--url", serve(content).url)
    assert (code, out) == (2, "")
    assert "tunes.json: what came is not" in err
    assert [file.name for file in tmp_path.iterdir()] == ["thesession.json"]
    assert (tmp_path / "thesession.json").read_text() == "older"


def test_bad_addresses_and_numbers_are_one_line(call: Call) -> None:
    for arguments in (
        ["--url", "file:///etc/passwd.json"],
        ["--tries", 0],
        ["--timeout", 0],
        ["--max-mb", 0],
    ):
        code, out, err = call("fetch", "thesession", *arguments)
        assert (code, out) == (2, "")
        assert sum(line.startswith("error: ") for line in err.splitlines()) == 1
    assert call("fetch", "elsewhere")[0] == 2


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_an_interrupt_leaves_what_has_come_and_the_same_command_goes_on(
    call: Call, serve: Serve, tmp_path: Path
) -> None:
    rows = [DUMP[0] | {"setting_id": str(number)} for number in range(2000)]
    host = serve(json.dumps(rows).encode(), pause_seconds=0.02)
    # A test run in the background has been told to ignore Ctrl-C, and its children with it.
    program = (
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from audiogen.cli import main; main()"
    )
    arguments = ["data", "fetch", "thesession", "--url", host.url]
    process = subprocess.Popen(
        [sys.executable, "-c", program, *arguments],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        stderr=subprocess.PIPE,
        text=True,
    )
    part = tmp_path / "thesession.json.part"
    patience = time.monotonic() + 60
    while not (part.is_file() and part.stat().st_size) and time.monotonic() < patience:
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert "thesession.json.part: what has come is kept" in err
    assert "Traceback" not in err
    kept = part.stat().st_size
    assert 0 < kept < len(host.content)
    host.pause_seconds = 0.0
    code, out, err = call("fetch", "thesession", "--url", host.url, "--json")
    assert code == 0, err
    assert json.loads(out)["resumed_bytes"] == kept
    assert (tmp_path / "thesession.json").read_bytes() == host.content


def test_a_report_says_what_is_kept_and_what_is_not_and_writes_nothing(call: Call, tunes: Path) -> None:
    before = sorted(tunes.rglob("*"))
    code, out, err = call("report", "tunes")
    assert (code, out) == (0, "")
    assert "rejected: book/2: duplicate: has the notes of book/1" in err
    assert "rejected: empty.abc: no tune: is empty" in err
    assert "rhythm fields that name no kind: fandango (1)" in err
    assert "double jig" in err
    assert sorted(tunes.rglob("*")) == before
    told = json.loads(call("report", "tunes", "--json")[1])
    assert told["reasons"] == {"no tune": 1, "duplicate": 1}
    assert told["kept"] == 2


def test_a_folder_gets_the_splits_and_its_neighbour_the_report(
    call: Call, tunes: Path, tmp_path: Path
) -> None:
    code, _, err = call("clean", tunes, "-o", "out/clean")
    assert code == 0, err
    names = {file.name for file in (tmp_path / "out" / "clean").iterdir()}
    assert names == {"train.jsonl", "valid.jsonl", "test.jsonl"}
    assert {tune.key for tune in read_corpus("out/clean").tunes} == {"book/1", "book/3"}
    report = json.loads((tmp_path / "out" / "clean.report.json").read_text("utf-8"))
    assert [item["item"] for item in report["rejections"]] == ["empty.abc", "book/2"]
    assert sum(report["output"].values()) == report["kept"] == 2


def test_a_file_gets_all_tunes_with_family_and_kind(call: Call, tunes: Path, tmp_path: Path) -> None:
    code, out, _ = call("clean", tunes, "-o", "clean.jsonl", "--json")
    assert code == 0
    assert json.loads(out) == json.loads((tmp_path / "clean.report.json").read_text("utf-8"))
    rows = [json.loads(line) for line in (tmp_path / "clean.jsonl").read_text("utf-8").splitlines()]
    assert [(row["id"], row["kind"], row["licence"]) for row in rows] == [
        ("1", "jig", "unknown"),
        ("3", "reel", "unknown"),
    ]
    assert all(row["family"] for row in rows)


def test_several_collections_are_cleaned_together_and_bound_ones_left_out(
    call: Call, tunes: Path, tmp_path: Path
) -> None:
    (tmp_path / "thesession.json").write_text(json.dumps(DUMP), "utf-8")
    told = json.loads(call("report", "thesession.json", tunes, "--json")[1])
    assert told["sources"] == {"thesession": 2, "book": 1}
    told = json.loads(call("report", "thesession.json", tunes, "--free", "--json")[1])
    assert told["sources"] == {"book": 2}
    assert told["reasons"]["licence"] == 2


def test_outputs_and_rules_that_make_no_sense_are_refused(call: Call, tunes: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder.jsonl").mkdir()
    for arguments, word in (
        (["-o", "file"], "file: is a file"),
        (["-o", "folder.jsonl"], "is a folder"),
        (["-o", "x", "--min-bars", 9, "--max-bars", 3], "min_bars"),
        (["-o", "x", "--likeness", 2], "likeness"),
    ):
        code, out, err = call("clean", tunes, *arguments)
        assert (code, out) == (2, "")
        assert word in err
    assert call("report", "absent")[0] == 2
    assert not (tmp_path / "x").exists()


def test_the_commands_clean_by_the_usual_rules() -> None:
    usual = CleaningRules()
    for command in (data.clean, data.report):
        given = {name: entry.default for name, entry in inspect.signature(command).parameters.items()}
        rules = (
            given["min_bars"],
            given["max_bars"],
            given["min_notes"],
            given["odd_bars"],
            given["likeness"],
            given["free"],
        )
        assert CleaningRules(*rules) == usual


def test_every_command_teaches_with_an_example(call: Call) -> None:
    for name in ("fetch", "report", "clean", "build"):
        code, out, _ = call(name, "--help")
        assert code == 0
        assert f"  audiogen data {name}" in out


def test_the_commands_and_options_of_the_documentation_exist(call: Call) -> None:
    text = (ROOT / "docs" / "data.md").read_text("utf-8")
    lines = re.findall(r"^audiogen data (\w+)([^#\n]*)", text, flags=re.MULTILINE)
    assert {name for name, _ in lines} == {"fetch", "report", "clean"}
    for name, arguments in lines:
        _, out, _ = call(name, "--help")
        assert all(option in out for option in re.findall(r"(?<!\S)--?[a-z-]+", arguments))
    help_texts = "".join(call(name, "--help")[1] for name in ("fetch", "report", "clean", "build"))
    assert all(option in help_texts for option in re.findall(r"`(--[a-z-]+)", text) if option != "--valid")
    assert all(f"| {reason.value}" in text or f", {reason.value} |" in text for reason in Reason)
