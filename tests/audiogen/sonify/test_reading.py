"""Replies to tunes: every kind of reply in replies.jsonl, strictly and leniently, and what no reply may do."""

from __future__ import annotations

import json
import time
from contextlib import suppress
from fractions import Fraction
from typing import Any

import pytest

from audiogen.sonify.reading import MOST_NOTES, MOST_REPLY_CHARACTERS, ReplyError, read_reply
from symbolic_bridge import Tune
from symbolic_bridge.attributes import TuneAttributes
from symbolic_bridge.prompts import parse_prompt

Rows = dict[str, dict[str, Any]]
NOTHING = TuneAttributes()
HEADER = "X:1\nT:t\nM:4/4\nL:1/8\nK:D\n"


def test_every_reply_with_notation_becomes_tunes_and_every_other_is_refused(replies: Rows) -> None:
    for name, row in replies.items():
        wanted = parse_prompt(row["prompt"])
        if row["kind"] == "none":
            with pytest.raises(ReplyError, match=r"empty|prose"):
                read_reply(row["reply"], wanted)
            continue
        reading = read_reply(row["reply"], wanted)
        assert len(reading.tunes) == row.get("tunes", 1), name
        assert all(any(note.pitches for bar in tune.bars for note in bar.notes) for tune in reading.tunes), (
            name
        )


def test_whatever_is_mended_is_listed_and_refused_by_a_strict_reading(replies: Rows) -> None:
    for name, row in replies.items():
        if row["kind"] == "none":
            continue
        wanted = parse_prompt(row["prompt"])
        if row.get("mended"):
            assert read_reply(row["reply"], wanted).mendings, name
            if name != "fast":  # too fast to be played is no fault of the notation
                with pytest.raises(ReplyError):
                    read_reply(row["reply"], wanted, strict=True)
        elif name not in ("open_fence", "json_thirds"):
            assert not read_reply(row["reply"], wanted, strict=True).mendings, name


def test_wrappings_change_nothing_of_the_tune(replies: Rows) -> None:
    plain = read_reply(replies["abc"]["reply"], NOTHING).tunes[0]
    for name in ("fence", "open_fence", "two_fences", "gap", "quoted", "think", "html", "json_abc"):
        assert read_reply(replies[name]["reply"], NOTHING).tunes[0] == plain, name


def test_a_missing_key_and_meter_come_from_the_prompt(replies: Rows) -> None:
    reading = read_reply(replies["headerless"]["reply"], parse_prompt("a jig in D dorian"))
    header = reading.tunes[0].header
    assert (header.key.tonic, header.key.mode, str(header.meter)) == ("D", "dorian", "6/8")
    assert any("no K: field" in text for text in reading.mendings)


def test_faults_name_the_line_of_the_reply() -> None:
    reply = f"Here you are:\n\n```abc\n{HEADER}|:DEFG ABcd|dcBA GFE|d8:|\n```"
    with pytest.raises(ReplyError, match="line 9, column"):
        read_reply(reply, NOTHING, strict=True)


def test_a_broken_tune_costs_no_other(replies: Rows) -> None:
    broken = replies["abc"]["reply"] + '\n\n```json\n{"notes": [{"pitch": "Q", "beats": 1}]}\n```'
    reading = read_reply(broken, NOTHING)
    assert len(reading.tunes) == 1
    assert any("left out" in text for text in reading.mendings)


def test_the_pickup_of_json_notes_is_where_fewest_notes_cross_bar_lines() -> None:
    beats = [("A4", 1), ("F5", 2), ("E5", 1), ("D5", 3), ("D5", 2)]
    text = json.dumps(
        {"meter": "3/4", "key": "D minor", "notes": [{"pitch": p, "beats": b} for p, b in beats]}
    )
    bars = read_reply(text, NOTHING, strict=True).tunes[0].bars
    assert [bar.duration for bar in bars] == [Fraction(n, 4) for n in (1, 3, 3, 2)]


def test_thirds_of_a_beat_are_exact_and_said(replies: Rows) -> None:
    reading = read_reply(replies["json_thirds"]["reply"], NOTHING)
    assert reading.tunes[0].bars[0].notes[0].duration == Fraction(1, 12)
    assert reading.mendings == ("3 notes of 0.333 beats were taken to last 1/3",)


def test_a_chord_grid_is_played_as_its_chords(replies: Rows) -> None:
    reading = read_reply(replies["chords"]["reply"], parse_prompt(replies["chords"]["prompt"]))
    tune = reading.tunes[0]
    assert not reading.is_melody
    assert "no melody" in reading.mendings[0]
    assert len(tune.bars) == 16  # the part is played twice
    first = tune.bars[0].notes[0]
    assert sorted(pitch.midi % 12 for pitch in first.pitches) == [2, 6, 9]
    assert [note.chord_symbol for note in tune.bars[7].notes] == ["D/F#", "A"]
    assert Tune.from_abc(tune.to_abc(), strict=True) == tune


@pytest.mark.parametrize("tempo", ["9" * 400, "1e400", "0", "-5"])
def test_absurd_tempi_are_mended(tempo: str) -> None:
    text = f'{{"tempo_bpm": {tempo}, "notes": [{{"pitch": "A4", "beats": 4}}]}}'
    reading = read_reply(text, NOTHING)
    assert reading.mendings
    assert (reading.tunes[0].header.tempo_bpm or 100) <= 400


def test_a_hundred_thousand_notes_are_refused_in_seconds() -> None:
    began = time.monotonic()
    with pytest.raises(ReplyError, match=f"100000 notes; {MOST_NOTES} are allowed"):
        read_reply(HEADER + "GABc dcBA|\n" * 12_500, NOTHING)
    assert time.monotonic() - began < 60


def test_an_overlong_reply_is_refused() -> None:
    with pytest.raises(ReplyError, match="characters"):
        read_reply("a " * MOST_REPLY_CHARACTERS, NOTHING)


@pytest.mark.parametrize(
    "text",
    ["[" * 50_000 + '"notes":', '{"notes": [' + "[" * 50_000, "{" * 100_000 + '"pitch":', HEADER + "[K:" * 60_000,
     HEADER + '"' * 99_999, "|" * 100_000, HEADER + "!a" * 50_000 + "|", "```\n" * 30_000, "<think>" * 20_000],
    ids=["lists", "nested", "objects", "fields", "quotes", "bars", "marks", "fences", "thoughts"],
)  # fmt: skip
def test_hostile_replies_take_no_long_time(text: str) -> None:
    began = time.monotonic()
    with suppress(ReplyError):
        read_reply(text, NOTHING)
    assert time.monotonic() - began < 10
