"""Chord grids ("| D | Am7 | G/B C | D |"): found among prose, and written out as a tune of chords."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction

from symbolic_bridge.harmony import TRIADS, parse_chord
from symbolic_bridge.spelling import spell
from symbolic_bridge.tune import Bar, Header, Key, Meter, Note, Pitch, Tune

_CHORD = re.compile(
    r"[A-G][#b♯♭]?(?:maj|min|dim|aug|sus|add|m|M|°|ø|\+|-)*(?:5|6|7|9|11|13)?(?:sus[24]?|add\d+|[#b]\d+|b5|maj7)*"
    r"(?:/[A-G][#b♯♭]?)?$"
)
_REST = ("N.C.", "NC", "n.c.", "-")
_SAME = ("%", "𝄎", "/")
_TIMES = re.compile(r"[(\[]?\s*(?:x|×)\s*(\d)\s*[)\]]?|(\d)\s*(?:x|×)", re.IGNORECASE)
_MARKS = re.compile(r"[*_`]|\|?:\||\|:")
_BAR_LINES = re.compile(r"[|‖]+")
# What stands between the chords of a progression that is written without bar lines.
_DASHES = re.compile(r"\s+[-–—→>]+\s+|,\s+")
_FEWEST_IN_PROGRESSION = 3
# The lowest pitch of a chord; the voices above it stand as near as they can.
_LOWEST = 52
_MOST_TIMES = 4
_FEWEST_CHORDS = 2


def is_grid_row(line: str) -> bool:
    """Whether a line is bars of nothing but chord symbols, at least two of them."""
    cells = _cells(line)
    names = [name for cell in cells for name in cell]
    if "|" not in line or len(names) < _FEWEST_CHORDS:
        return False
    return (
        all(_CHORD.match(name) or name in (*_REST, *_SAME) for name in names)
        and sum(bool(_CHORD.match(name)) for name in names) >= _FEWEST_CHORDS
    )


def grid_rows(text: str) -> Iterator[tuple[str, int]]:
    """The grid of a text as one piece, (rows, line of the first): a part that is played twice stands twice."""
    rows: list[str] = []
    part: list[str] = []
    first, times = 0, 1
    for number, line in enumerate(text.split("\n"), 1):
        heading, row = _split_row(line)
        if heading:
            rows += part * times
            said = _TIMES.search(heading)
            times = min(max(int(said[1] or said[2]), 1), _MOST_TIMES) if said else 1
            part = []
        if row:
            first = first or number
            part.append(_MARKS.sub("|", row).strip())
    rows += part * times
    if rows:
        yield "\n".join(rows), first


def _split_row(line: str) -> tuple[str, str]:
    """What stands before the chords of a line, and the chords between bar lines; "" where there are none."""
    bar_line = line.find("|")
    if bar_line >= 0:
        if is_grid_row(line[bar_line:]):
            return line[:bar_line].strip(" *_#\t"), line[bar_line:]
        return ("", line) if is_grid_row(line) else (line.strip(" *_#\t"), "")
    heading, _, chords = line.rpartition(":")
    names = _DASHES.split(chords.strip(" *_`.\t"))
    if len(names) >= _FEWEST_IN_PROGRESSION and all(_CHORD.match(name) for name in names):
        return heading.strip(" *_#\t"), f"| {' | '.join(names)} |"
    return line.strip(" *_#\t"), ""


def tune_of_grid(grid: str, key: Key, meter: Meter, tempo_bpm: float | None = None, title: str = "") -> Tune:
    """The grid as a tune whose notes are the chords themselves, each under its symbol.

    Args:
        grid: rows of bars between "|"; the chords of a bar share it evenly; "%" is the bar before again.
        key: of the header, and for the spelling of the chords.
        meter: of every bar.
        tempo_bpm: felt beats a minute.
        title: of the header.

    Raises:
        ValueError: no bar holds a chord.
    """
    bars: list[Bar] = []
    before: tuple[Note, ...] = ()
    for row in grid.split("\n"):
        for cell in _cells(row):
            if cell and all(name in _SAME for name in cell) and before:
                notes = before
            else:
                notes = _notes(cell, key, meter.bar_duration)
            bars.append(Bar(notes))
            before = notes
    if not any(note.pitches for bar in bars for note in bar.notes):
        raise ValueError("the chord grid holds no chord that can be read")
    header = Header(title=title or "Chords", meter=meter, key=key, tempo_bpm=tempo_bpm)
    return Tune(header, tuple(bars))


def opening_key(grid: str) -> Key:
    """The key of the first chord, for a grid whose key nobody names.

    Raises:
        ValueError: no chord can be read.
    """
    for name in (name for row in grid.split("\n") for cell in _cells(row) for name in cell):
        chord = parse_chord(name)
        if chord is not None:
            root = spell(chord.root, Key())
            mode = "minor" if chord.quality == "minor" else "major"
            return Key(root.letter + {0: "", 1: "#", -1: "b"}[root.alter], mode)
    raise ValueError("the chord grid holds no chord that can be read")


def _cells(row: str) -> list[list[str]]:
    """The names in each bar of a row."""
    plain = _MARKS.sub("|", row)
    return [cell.split() for cell in _BAR_LINES.split(plain) if cell.strip()]


def _notes(names: list[str], key: Key, bar: Fraction) -> tuple[Note, ...]:
    length = bar / max(1, len(names))
    notes: list[Note] = []
    for name in names:
        chord = parse_chord(name)
        if chord is None:
            notes.append(Note((), length))
            continue
        notes.append(Note(_voiced(chord.root, chord.quality, key), length, chord_symbol=name))
    return tuple(notes)


def _voiced(root: int, quality: str, key: Key) -> tuple[Pitch, ...]:
    """A triad in close position above _LOWEST, lowest first, so that neighbouring chords lie close together."""
    pitches = sorted(_LOWEST + (root + step - _LOWEST) % 12 for step in TRIADS[quality])
    return tuple(spell(pitch, key) for pitch in pitches)
