"""Where tunes come from, their families and their splits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from audiogen.data import corpus as corpus_module
from audiogen.data.corpus import Corpus, CorpusTune, Rejected, read_corpus, split_abc
from audiogen.data.families import interval_profile, melody_families, split_of

KESH = (
    "X:1\nT:The Kesh\nR:jig\nM:6/8\nK:G\n|:GAG GAB|ABA ABd|edd gdd|edB dBA|GAG GAB|ABA ABd|edd gdB|AGF G3:|\n"
)
# The same melody a fourth lower in another key, with an ornament, a chord symbol and other lengths.
KESH_IN_D = (
    'X:9\nT:Kesh\nM:6/8\nK:D\n"D"{e}DED DEF|EFE EFA|BAA dAA|BAF AF>E|DED DEF|EFE EFA|BAA dAF|EDC D3|\n'
)
MAGGIE = (
    "X:2\nT:Drowsy Maggie\nM:4/4\nR:reel\nK:Edor\n"
    "|:E2BE dEBE|E2BE AFDF|E2BE dEBE|BABc dAFD|\nd2fd c2ec|defg afge|BABc dAFA:|\n"
)


def tune(key: str, abc: str, **values: str) -> CorpusTune:
    source, _, identifier = key.partition("/")
    return CorpusTune(source, identifier, abc, **values)


def test_the_profile_ignores_key_lengths_graces_and_chord_symbols() -> None:
    assert interval_profile(KESH) == interval_profile(KESH_IN_D)
    assert interval_profile("X:1\nK:C\nC2 c'|[K:G] C, % d e\n") == (14, -21)


def test_settings_of_one_melody_are_one_family_whatever_their_order() -> None:
    abcs = {"a/1": KESH, "b/9": KESH_IN_D, "a/2": MAGGIE}
    families = melody_families(abcs)
    assert families["a/1"] == families["b/9"] != families["a/2"]
    assert melody_families(dict(reversed(abcs.items()))) == families


def test_no_family_is_divided_by_a_split() -> None:
    tunes = [tune(f"s/{n}", KESH, family=f"f{n // 3}") for n in range(300)]
    splits = Corpus(tuple(tunes)).split({"train": 0.8, "test": 0.2})
    families = {name: {item.family for item in items} for name, items in splits.items()}
    assert families["train"].isdisjoint(families["test"])
    assert len(families["train"]) + len(families["test"]) == 100
    assert 10 <= len(families["test"]) <= 30


def test_the_split_of_a_family_follows_from_its_name_and_the_seed() -> None:
    shares = {"train": 0.5, "valid": 0.25, "test": 0.25}
    before = [split_of(f"f{n}", shares) for n in range(50)]
    assert before == [split_of(f"f{n}", shares) for n in range(50)]
    assert set(before) == set(shares)
    assert before != [split_of(f"f{n}", shares, seed=1) for n in range(50)]
    with pytest.raises(ValueError, match="add up to 1"):
        split_of("f", {"train": 0.5})


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


def test_tunes_without_a_key_and_numbers_given_twice_are_handled() -> None:
    items = list(split_abc(KESH + "\n" + MAGGIE.replace("X:2", "X:1") + "\nX:3\nT:no notes\n", "f", "MIT"))
    assert [getattr(item, "id", None) for item in items] == ["1", "1.2", None]
    assert isinstance(items[2], Rejected)
    assert "K:" in items[2].reason


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
