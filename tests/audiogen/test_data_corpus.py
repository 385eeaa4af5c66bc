"""Where tunes come from, what is left out on the way, and how a corpus is split."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from audiogen.data import corpus as corpus_module
from audiogen.data.corpus import Corpus, CorpusTune, Rejected, read_corpus
from audiogen.data.corpus_json_lines import write_json_lines
from symbolic_bridge.tune import Tune

KESH = (
    "X:1\nT:The Kesh\nR:jig\nM:6/8\nK:G\n|:GAG GAB|ABA ABd|edd gdd|edB dBA|GAG GAB|ABA ABd|edd gdB|AGF G3:|\n"
)
MAGGIE = (
    "X:2\nT:Drowsy Maggie\nM:4/4\nR:reel\nK:Edor\n"
    "|:E2BE dEBE|E2BE AFDF|E2BE dEBE|BABc dAFD|\nd2fd c2ec|defg afge|BABc dAFA:|\n"
)


def tune(key: str, abc: str, **values: str) -> CorpusTune:
    source, _, identifier = key.partition("/")
    return CorpusTune(source, identifier, abc, **values)


def test_no_family_is_divided_by_a_split() -> None:
    tunes = [tune(f"s/{n}", KESH, family=f"f{n // 3}") for n in range(300)]
    splits = Corpus(tuple(tunes)).split({"train": 0.8, "test": 0.2})
    families = {name: {item.family for item in items} for name, items in splits.items()}
    assert families["train"].isdisjoint(families["test"])
    assert len(families["train"]) + len(families["test"]) == 100
    assert 10 <= len(families["test"]) <= 30


def test_tunes_that_state_no_family_join_the_one_they_sound_like() -> None:
    tunes = (
        tune("s/1", KESH, family="17"),
        tune("t/1", KESH),
        tune("t/2", MAGGIE, group="g"),
        tune("t/3", "", group="g"),
    )
    families = [item.family for item in Corpus(tunes).with_families().tunes]
    assert families[:2] == ["17", "17"]
    assert families[2] == families[3] != "17"


def test_json_lines_are_read_and_faults_are_reported(tmp_path: Path) -> None:
    good = {"source": "s", "id": "1", "abc": KESH, "family": 17, "title": "The Kesh", "licence": "MIT"}
    lines = [
        json.dumps(good),
        "{broken",
        json.dumps({"source": "s", "abc": KESH}),
        "",
        json.dumps(good),
        "[1]",
    ]
    path = tmp_path / "tunes.jsonl"
    path.write_text("\n".join(lines), "utf-8")
    corpus = read_corpus(path)
    assert corpus.tunes == (CorpusTune("s", "1", KESH, "17", "The Kesh", "", "MIT"),)
    places = {item.item: item.reason for item in corpus.rejected}
    assert set(places) == {"tunes.jsonl:2", "tunes.jsonl:3", "s/1", "tunes.jsonl:6"}
    assert "'id'" in places["tunes.jsonl:3"]
    assert "came before" in places["s/1"]


def test_an_abc_folder_is_read_file_by_file_with_its_file_fields(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "b.abc").write_text("%abc-2.1\nL:1/16\n\n" + KESH + "\n" + MAGGIE, "utf-8")
    (tmp_path / "a.abc").write_bytes(KESH.replace("The Kesh", "Le Kesh franc\u00e9").encode("latin-1"))
    (tmp_path / "c.abc").write_text("nothing here", "utf-8")
    (tmp_path / "notes.txt").write_text("X:1", "utf-8")
    corpus = read_corpus(tmp_path)
    assert [item.title for item in corpus.tunes] == ["Le Kesh franc\u00e9", "The Kesh", "Drowsy Maggie"]
    assert corpus.tunes[2].abc.startswith("X:2\nL:1/16\nT:Drowsy Maggie\n")
    assert corpus.tunes[2].rhythm == "reel"
    assert [item.item for item in corpus.rejected] == ["c"]


def test_burdened_licences_are_left_out_with_a_reason() -> None:
    tunes = (tune("a/1", KESH, licence="MIT"), tune("b/1", MAGGIE, licence="CC BY-SA 4.0"))
    kept = Corpus(tunes).without_licences()
    assert [item.key for item in kept.tunes] == ["a/1"]
    assert kept.rejected == (Rejected("b/1", "licence 'CC BY-SA 4.0' holds 'CC BY-SA'"),)


def test_nothing_to_read_is_an_error_that_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="no such file"):
        read_corpus(tmp_path / "absent")
    with pytest.raises(ValueError, match="holds no tunes"):
        read_corpus(tmp_path)
    monkeypatch.setattr(corpus_module.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ValueError, match=r"audiogen\[corpus\]"):
        read_corpus()


def test_the_default_corpus_is_read_without_importing_music21(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "music21" / "corpus" / "airdsAirs"
    folder.mkdir(parents=True)
    (folder / "book1.abc").write_text(KESH + "\n" + MAGGIE, "utf-8")
    spec = type("Spec", (), {"origin": str(tmp_path / "music21" / "__init__.py")})
    monkeypatch.setattr(corpus_module.importlib.util, "find_spec", lambda name: spec)
    corpus = read_corpus()
    assert [item.key for item in corpus.tunes] == ["m21_airds/book1/1", "m21_airds/book1/2"]


def test_a_midi_file_is_a_tune(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    Tune.from_abc(KESH).to_midi(tmp_path / "deep" / "kesh.mid")
    (tmp_path / "broken.MIDI").write_bytes(b"MThd\0\0")
    corpus = read_corpus(tmp_path)
    assert [item.key for item in corpus.tunes] == ["deep/kesh/1"]
    pitches = [note.pitches[0].midi for bar in Tune.from_abc(corpus.tunes[0].abc).bars for note in bar.notes]
    unfolded = Tune.from_abc(KESH).unfold()
    assert pitches == [note.pitches[0].midi for bar in unfolded.bars for note in bar.notes]
    assert [item.item for item in corpus.rejected] == ["broken.MIDI"]


def test_what_is_no_text_is_rejected_by_name(tmp_path: Path) -> None:
    (tmp_path / "binary.abc").write_bytes(b"X:1\n\0\0\0")
    (tmp_path / "blank.abc").write_bytes(b" \n\n")
    (tmp_path / "torn.abc").write_bytes(b"\xff\xfeX\0:\0\xd8")
    (tmp_path / "good.abc").write_text(KESH, "utf-8")
    reasons = {item.item: item.reason for item in read_corpus(tmp_path).rejected}
    assert reasons == {
        "binary.abc": "is no text",
        "blank.abc": "is empty",
        "torn.abc": "is not in utf-16-le, as its first bytes promise",
    }


def test_tunes_are_the_same_when_written_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "tunes.jsonl"
    tunes = (
        tune("s/1", KESH, family="f", title="one\u2028two\x85three", rhythm="jig", licence="MIT"),
        tune("s/2", MAGGIE),
    )
    write_json_lines(path, tunes, {"s/1": "jig"})
    assert read_corpus(path) == Corpus(tunes)
    assert [json.loads(line).get("kind") for line in path.read_text("utf-8").split("\n")[:2]] == ["jig", None]
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_corpus(path) == Corpus(tunes)
