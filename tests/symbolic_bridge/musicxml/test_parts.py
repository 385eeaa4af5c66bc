"""Lengths, beams and chord symbols: the tables and sums beneath the writer."""

from __future__ import annotations

from fractions import Fraction
from xml.etree import ElementTree as ET

import pytest

from symbolic_bridge.abc_symbols import CHORD_SYMBOL
from symbolic_bridge.musicxml.beams import BeamPlace, beams
from symbolic_bridge.musicxml.chord_symbols import KINDS, harmony_element, symbol_of
from symbolic_bridge.musicxml.lengths import TYPES, note_values
from symbolic_bridge.musicxml.xml_tree import parse_xml


@pytest.mark.parametrize(
    ("length", "written"),
    [
        ("1/8", [("eighth", 0, 1, 1)]),
        ("7/16", [("quarter", 2, 1, 1)]),
        ("5/8", [("half", 0, 1, 1), ("eighth", 0, 1, 1)]),
        ("1/12", [("eighth", 0, 3, 2)]),
        ("3/80", [("32nd", 1, 5, 4)]),
        ("1/56", [("32nd", 0, 7, 4)]),
        ("12", [("maxima", 1, 1, 1)]),
    ],
)
def test_lengths_are_written_as_musicians_do(length: str, written: list[tuple[str, int, int, int]]) -> None:
    found = [(value.type, value.dots, value.actual, value.normal) for value in note_values(Fraction(length))]
    assert found == written


def test_written_notes_always_add_up_to_the_length() -> None:
    lengths = {Fraction(above, below) for above in range(1, 65) for below in range(1, 130)}
    values = {length: note_values(length) for length in lengths}
    assert all(sum(value.duration for value in found) == length for length, found in values.items() if found)
    assert sum(not found for found in values.values()) < 0.25 * len(values)


@pytest.mark.parametrize("length", ["1/2048", "1000", "1/1000000007", "341/1024"])
def test_what_no_note_can_say_has_no_written_form(length: str) -> None:
    assert note_values(Fraction(length)) == ()


def test_a_note_has_as_many_flags_as_halvings_below_a_quarter() -> None:
    assert [note_values(TYPES[name])[0].flags for name in ("half", "quarter", "eighth", "16th", "64th")] == [
        0,
        0,
        1,
        2,
        4,
    ]


def test_beams_join_the_notes_of_a_beat() -> None:
    places = [
        BeamPlace(flags, beat)
        for flags, beat in [(1, 0), (2, 0), (2, 0), (1, 1), (0, 1), (1, 1), (2, 2), (1, 2), (2, 2)]
    ]
    assert beams(places) == [
        ["begin"], ["continue", "begin"], ["end", "end"], [], [], [],
        ["begin", "forward hook"], ["continue"], ["end", "backward hook"],
    ]  # fmt: skip


def written(symbol: str) -> str:
    element = harmony_element(symbol)
    assert element is not None
    return symbol_of(parse_xml(ET.tostring(element)))


def test_every_suffix_comes_back_as_written() -> None:
    suffixes = [suffix for names in KINDS.values() for suffix in names] + [
        "7b9",
        "7(#9)",
        "add9",
        "7sus4",
        "odd",
    ]
    symbols = [
        f"{root}{suffix}{bass}"
        for root in ("C", "F#", "Bb", "E♭")
        for suffix in suffixes
        for bass in ("", "/G", "/c#")
    ]
    readable = [symbol for symbol in symbols if CHORD_SYMBOL.fullmatch(symbol)]
    assert len(readable) > 500
    assert [written(symbol) for symbol in readable] == readable


ROOT = "<root><root-step>{}</root-step></root>"


@pytest.mark.parametrize(
    ("inside", "symbol"),
    [
        (ROOT.format("C") + "<kind>major</kind>", "C"),
        (
            "<root><root-step>B</root-step><root-alter>-1</root-alter></root>"
            "<kind text='Maj7'>major-seventh</kind>",
            "Bbmaj7",
        ),
        (ROOT.format("D") + "<kind text=''>minor</kind><bass><bass-step>F</bass-step></bass>", "Dm/F"),
        (
            ROOT.format("G") + "<kind text='7'>dominant</kind><degree><degree-value>9</degree-value>"
            "<degree-alter>-1</degree-alter><degree-type>add</degree-type></degree>",
            "G7(b9)",
        ),
        (ROOT.format("H") + "<kind>major</kind>", ""),
        (ROOT.format("C") + "<kind>Tristan</kind>", ""),
        ("<numeral><numeral-root>2</numeral-root></numeral><kind>minor</kind>", ""),
    ],
)  # fmt: skip
def test_chords_of_others_are_spelled_from_kind_bass_and_degrees(inside: str, symbol: str) -> None:
    assert symbol_of(parse_xml(f"<harmony>{inside}</harmony>".encode())) == symbol


def test_what_begins_with_no_root_is_no_harmony() -> None:
    assert harmony_element("hello") is None
