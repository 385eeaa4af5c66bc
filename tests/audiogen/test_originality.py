"""Rules of originality and of the commands on tunes: the nearest tune is named, and what fails is told."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from audiogen.cli import run
from audiogen.originality import index_corpus, is_copy, save_index
from symbolic_bridge.analysis.similarity import Overlap
from symbolic_bridge.tune import Tune

OTHER = """X:7
T:Other
R:reel
M:4/4
L:1/8
K:D
|:D2FA dAFA|G2BG F2AF|E2GE D2FD|EFGA B2AG|FAdA FADA|G2Bd cdec|d2AF GEFD|EDCE D4:|
"""


@pytest.fixture
def corpus(tmp_path: Path, kesh_abc: str) -> Path:
    rows = [
        {"source": "book", "id": "1", "abc": kesh_abc},
        {"source": "book", "id": "2", "abc": OTHER},
        {"source": "book", "id": "3", "abc": "X:3\nT:silent\nK:C\nz4|\n"},
    ]
    path = tmp_path / "corpus.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return path


@pytest.fixture
def kesh(tmp_path: Path, kesh_abc: str) -> Path:
    path = tmp_path / "kesh.abc"
    path.write_text(Tune.from_abc(kesh_abc).transpose(2).to_abc(), encoding="utf-8")
    return path


def test_tunes_without_notes_are_told_not_indexed(corpus: Path) -> None:
    indexed = index_corpus(corpus)
    assert indexed.index.names == ("book/1", "book/2")
    assert [item.item for item in indexed.rejected] == ["book/3"]


def test_a_folder_of_abc_is_a_corpus(tmp_path: Path, kesh_abc: str) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "session.abc").write_text(kesh_abc + "\n" + OTHER, encoding="utf-8")
    assert index_corpus(folder).index.nearest(Tune.from_abc(OTHER)).name == "session/7"


def test_a_kept_index_finds_the_same(corpus: Path, tmp_path: Path, kesh_abc: str) -> None:
    index = index_corpus(corpus).index
    save_index(tmp_path / "kept.npz", index)
    tune = Tune.from_abc(kesh_abc).transpose(-3)
    assert index_corpus(tmp_path / "kept.npz").index.nearest(tune) == index.nearest(tune)
    with pytest.raises(ValueError, match=r"suffix '.json' is not .npz"):
        save_index(tmp_path / "kept.json", index)


def test_only_more_than_four_fifths_is_a_copy() -> None:
    assert [is_copy(Overlap("x", share, 12, 0)) for share in (0.8, 0.81)] == [False, True]


def test_nearest_names_the_source_of_a_moved_copy(
    corpus: Path, kesh: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    kept = tmp_path / "kept.npz"
    assert (
        run(["tune", "nearest", str(kesh), "--tunes", str(corpus), "--keep-index", str(kept), "--json"]) == 0
    )
    said = capsys.readouterr()
    (row,) = json.loads(said.out)
    assert (row["nearest"], row["overlap"], row["semitones"], row["is_copy"]) == ("book/1", 1.0, 2, True)
    assert "book/3" in said.err
    assert run(["tune", "nearest", str(kesh), "--tunes", str(kept)]) == 0
    assert "book/1" in capsys.readouterr().out


def test_analyse_prints_one_object_a_tune(kesh: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["tune", "analyse", str(kesh), "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["key"]["tonic"], row["key"]["mode"], row["form"]["labels"]) == ("A", "major", "AABB")
    assert [phrase["cadence"] for phrase in row["phrases"]][-1] == "final"
    assert len(row["chords"]) == row["bars"] == 32


def test_analyse_shows_a_table_and_draws_a_picture(
    kesh: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    picture = tmp_path / "kesh.png"
    assert run(["tune", "analyse", str(kesh), "--picture", str(picture)]) == 0
    out = capsys.readouterr().out
    assert "A major" in out
    assert "AABB, 8 bars" in out
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_what_cannot_be_analysed_is_told_and_costs_no_other_tune(
    kesh: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    short = tmp_path / "short.abc"
    short.write_text("X:1\nT:short\nK:C\nC4|\n", encoding="utf-8")
    assert run(["tune", "analyse", str(short), str(kesh), "--json"]) == 2
    said = capsys.readouterr()
    assert len(json.loads(said.out)) == 1
    assert "short.abc: tune 'short' has 1 notes; 2 are needed" in said.err


def test_one_picture_is_of_one_tune(kesh: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "two.png"
    assert run(["tune", "analyse", str(kesh), str(kesh), "--picture", str(picture)]) == 2
    assert "--picture draws one tune; 2 were found" in capsys.readouterr().err
    assert run(["tune", "analyse", str(kesh), "--picture", str(tmp_path / "one.jpg")]) == 2
    assert "is not .png" in capsys.readouterr().err
    assert not picture.exists()
