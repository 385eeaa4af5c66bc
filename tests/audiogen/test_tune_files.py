"""Notation files by their suffixes, as functions and as `tune convert`."""

from __future__ import annotations

from pathlib import Path

import pytest

from audiogen.cli import run
from audiogen.tune_files import READ_SUFFIXES, WRITTEN_SUFFIXES, read_book, read_folder, write_tunes
from symbolic_bridge.musicxml import musicxml_of_tune
from symbolic_bridge.tune import Tune
from symbolic_bridge.unfold import timed_notes

KESH = "X:1\nT:The Kesh\nR:jig\nM:6/8\nL:1/8\nK:G\nGAG GAB|ABA ABd|edd gdB|ABA G3|]\n"


@pytest.fixture
def kesh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Tune:
    """The tune in kesh.abc of a folder that the test stands in."""
    monkeypatch.chdir(tmp_path)
    Path("kesh.abc").write_text(KESH, encoding="utf-8")
    return Tune.from_abc(KESH)


@pytest.mark.parametrize("suffix", [suffix for suffix in WRITTEN_SUFFIXES if suffix in READ_SUFFIXES])
def test_what_is_written_is_read_again(kesh: Tune, suffix: str) -> None:
    assert run(["tune", "convert", "kesh.abc", f"out{suffix}"]) == 0
    assert run(["tune", "convert", f"out{suffix}", "back.abc"]) == 0
    again = read_book("back.abc").tunes[0]
    assert [(note.start, note.pitches) for note in timed_notes(again)] == [
        (note.start, note.pitches) for note in timed_notes(kesh)
    ]
    assert (again.header.title, again.header.key, again.header.meter) == (
        kesh.header.title, kesh.header.key, kesh.header.meter,
    )  # fmt: skip
    if suffix in (".abc", ".musicxml", ".mxl"):
        assert again == kesh


def test_sheet_music_is_drawn_but_not_read(kesh: Tune, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tune", "convert", "kesh.abc", "kesh.svg"]) == 0
    assert Path("kesh.svg").read_text(encoding="utf-8").startswith("<svg")
    assert run(["tune", "convert", "kesh.abc", "kesh.png"]) == 0
    assert Path("kesh.png").read_bytes().startswith(b"\x89PNG")
    assert run(["tune", "convert", "kesh.svg", "kesh.mid"]) == 2
    assert "'.svg' is not one of" in capsys.readouterr().err


def test_a_file_of_one_tune_takes_no_more(kesh: Tune) -> None:
    for suffix in WRITTEN_SUFFIXES:
        if suffix != ".abc":
            with pytest.raises(ValueError, match=f"a {suffix} file holds one tune, not 2"):
                write_tunes(f"two{suffix}", [kesh, kesh])
    assert [path.name for path in Path.cwd().iterdir()] == ["kesh.abc"]


def test_a_part_is_asked_for_by_name_where_there_are_parts(kesh: Tune) -> None:
    Path("kesh.xml").write_bytes(musicxml_of_tune(kesh))
    assert read_book("kesh.xml", "tune").tunes == read_book("kesh.xml", "1").tunes == (kesh,)
    with pytest.raises(ValueError, match=r"kesh.xml: part 'Drums' is not one of Tune"):
        read_book("kesh.xml", "Drums")
    with pytest.raises(ValueError, match=r"kesh.abc: has no parts"):
        read_book("kesh.abc", "Drums")


def test_without_an_engraver_nothing_is_begun(
    kesh: Tune, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert run(["tune", "convert", "missing.abc", "kesh.svg"]) == 2
    assert capsys.readouterr().err == "error: sheet music needs Verovio: pip install 'audiogen[sheet]'\n"
    assert not Path("kesh.svg").exists()


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "declarations in the document type"),
        (b"<score-partwise/>", "found no <part>"),
        (b"not XML", "line 1, column 1: found syntax error"),
    ],
)
def test_broken_scores_are_refused_by_name(
    kesh: Tune, capsys: pytest.CaptureFixture[str], data: bytes, found: str
) -> None:
    Path("bad.musicxml").write_bytes(data)
    assert run(["tune", "convert", "bad.musicxml", "out.abc"]) == 2
    message = capsys.readouterr().err
    assert message.count("\n") == 1
    assert "bad.musicxml" in message
    assert found in message
    assert not Path("out.abc").exists()


def test_a_folder_gives_scores_too(kesh: Tune) -> None:
    write_tunes("one.mxl", [kesh])
    write_tunes("two.musicxml", [kesh])
    Path("other.xml").write_text("<settings/>", encoding="utf-8")
    found = read_folder(Path.cwd())
    assert [name for name, _ in found.tunes] == ["kesh", "one", "two"]
    assert [Path(path).name for path in found.skipped] == ["other.xml"]
    assert not found.rejected
