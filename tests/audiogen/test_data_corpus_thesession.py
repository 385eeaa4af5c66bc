"""TheSession's dump: its two formats say the same, headers are made of columns, and bad rows are told."""

from __future__ import annotations

import csv
import io
import json

import pytest

from audiogen.data.corpus_items import CorpusTune, Rejected
from audiogen.data.corpus_thesession import LICENCE, read_csv_dump, read_json_dump
from symbolic_bridge.tune import Key, Meter, Tune

COLUMNS: tuple[str, ...] = (
    "tune_id",
    "setting_id",
    "name",
    "type",
    "meter",
    "mode",
    "abc",
    "date",
    "username",
    "composer",
)
BODY = '|:"G"GAG GAB|"D"ABA ABd|\r\nedd gdd|1 edB dBA:|2 edB AGF||\r\n'
ROW = {
    "tune_id": "9001", "setting_id": "9100", "name": 'Test "One", The', "type": "jig", "meter": "6/8", "mode": "Gmajor",
    "abc": BODY, "date": "2020-01-02 03:04:05", "username": "somebody", "composer": "Nobody Ní Dhúill",
}  # fmt: skip
REEL = ROW | {
    "setting_id": "9101",
    "type": "reel",
    "meter": "4/4",
    "mode": "Edorian",
    "abc": "E2BE dEBE|E2BE AFDF||",
}


def as_csv(rows: list[dict[str, str]]) -> str:
    file = io.StringIO(newline="")
    writer = csv.DictWriter(file, COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def tunes_of(rows: list[dict[str, str]]) -> list[CorpusTune | Rejected]:
    return list(read_json_dump(json.dumps(rows), "tunes.json"))


def test_both_formats_give_the_same_tunes() -> None:
    rows = [ROW, REEL]
    assert list(read_csv_dump(as_csv(rows), "tunes.csv")) == tunes_of(rows)
    assert len(tunes_of(rows)) == 2


def test_the_header_is_made_of_the_columns() -> None:
    (item,) = tunes_of([ROW])
    assert isinstance(item, CorpusTune)
    assert item.abc == (
        'X:9100\nT:Test "One", The\nC:Nobody Ní Dhúill\nR:jig\nM:6/8\nL:1/8\n'
        "S:https://thesession.org/tunes/9001#setting9100\nZ:somebody\nK:Gmajor\n"
        '|:"G"GAG GAB|"D"ABA ABd|\nedd gdd|1 edB dBA:|2 edB AGF||\n'
    )
    tune = Tune.from_abc(item.abc, strict=True)
    assert (tune.header.meter, tune.header.key, tune.header.rhythm) == (Meter(6, 8), Key("G"), "jig")
    assert len(tune.bars) == 5


def test_settings_of_a_tune_are_a_group_under_the_licence_of_the_dump() -> None:
    first, second = tunes_of([ROW, REEL])
    assert isinstance(first, CorpusTune)
    assert isinstance(second, CorpusTune)
    assert first.group == second.group == "thesession-9001"
    assert (first.key, second.key) == ("thesession/9100", "thesession/9101")
    assert first.licence == LICENCE
    assert "ODbL" in LICENCE


@pytest.mark.parametrize(
    ("mode", "key"),
    [
        ("Gmajor", Key("G")),
        ("Bminor", Key("B", "minor")),
        ("Edorian", Key("E", "dorian")),
        ("Amixolydian", Key("A", "mixolydian")),
        ("F#minor", Key("F#", "minor")),
        ("Bbmajor", Key("Bb")),
    ],
)
def test_the_mode_is_the_key(mode: str, key: Key) -> None:
    (item,) = tunes_of([ROW | {"mode": mode}])
    assert isinstance(item, CorpusTune)
    assert Tune.from_abc(item.abc).header.key == key


def test_a_missing_meter_follows_from_the_type() -> None:
    (item,) = tunes_of([ROW | {"meter": "", "type": "slip jig"}])
    assert isinstance(item, CorpusTune)
    assert "\nM:9/8\n" in item.abc


def test_columns_cannot_begin_lines_comments_or_other_tunes() -> None:
    (item,) = tunes_of([ROW | {"name": "100% a\nK:C\r\nb", "abc": "X:5\nGAG GAB|\n\nX: 6\nABA ABd|"}])
    assert isinstance(item, CorpusTune)
    tune = Tune.from_abc(item.abc)
    assert tune.header.title == "100% a K:C b"
    assert tune.header.key == Key("G")
    assert len(tune.bars) == 2


def test_rows_that_lack_what_is_needed_are_rejected_by_place() -> None:
    rows = [
        ROW,
        REEL | {"abc": " "},
        REEL | {"mode": ""},
        REEL | {"meter": "", "type": "?"},
        {"setting_id": "9"},
    ]
    rejected = [item for item in tunes_of(rows) if isinstance(item, Rejected)]
    assert [item.item for item in rejected] == [f"tunes.json[{place}]" for place in (1, 2, 3, 4)]
    assert [item.reason.split("'")[1] for item in rejected] == ["abc", "mode", "meter", "abc"]
    assert list(read_json_dump(json.dumps([ROW, "x"]), "t"))[1] == Rejected(
        "t[1]", "is no setting (an object)"
    )


def test_numbers_for_identities_are_as_good_as_strings() -> None:
    (item,) = read_json_dump(json.dumps([ROW | {"tune_id": 9001, "setting_id": 9100}]), "tunes.json")
    assert item == tunes_of([ROW])[0]


def test_files_of_another_format_are_rejected_whole() -> None:
    for text in (
        "{}",
        "[]",
        '[{"a": 1}]',
        "[1",
        "version https://git-lfs.github.com/spec/v1\nsize 1\n",
        "[" * 100_000,
        f"[{'9' * 5000}]",
    ):
        (item,) = read_json_dump(text, "x.json")
        assert isinstance(item, Rejected)
        assert item.item == "x.json"
    (item,) = read_csv_dump("name,abc\na,b\n", "x.csv")
    assert item == Rejected(
        "x.csv", "is not a CSV file with the columns setting_id and abc, as TheSession's dump has"
    )


def test_a_row_of_a_csv_file_that_is_too_long_ends_the_reading_with_its_place() -> None:
    text = as_csv([ROW, REEL | {"abc": "A" * (csv.field_size_limit() + 1)}])
    first, second = read_csv_dump(text, "x.csv")
    assert isinstance(first, CorpusTune)
    assert isinstance(second, Rejected)
    assert second.item.startswith("x.csv:")
