"""Rules of sheet music."""

from __future__ import annotations

import sys
from xml.etree import ElementTree as ET

import pytest

from audiogen.sheet_music import sheet_music
from symbolic_bridge.tune import Tune

SVG = "{http://www.w3.org/2000/svg}"
JIG = """X:1
T:The Kesh
C:Trad.
R:jig
M:6/8
L:1/8
K:G
D|:"G"GAG {c}GAB|"D"~A2A (3ABc d|1 edd "C"g2D:|2 .e2 d !trill!g3|]
"""


def drawn(svg: str) -> dict[str, int]:
    """How often each class of Verovio's elements occurs."""
    counts: dict[str, int] = {}
    for element in ET.fromstring(svg).iter(f"{SVG}g"):
        for name in element.get("class", "").split():
            counts[name] = counts.get(name, 0) + 1
    return counts


def test_every_note_and_mark_is_drawn() -> None:
    tune = Tune.from_abc(JIG)
    svg = sheet_music(tune)
    found = drawn(svg)
    notes = [note for bar in tune.bars for note in bar.notes]
    assert found["note"] == sum(len(note.pitches) + len(note.graces) for note in notes)
    assert found["measure"] == len(tune.bars)
    assert (found["harm"], found["ending"], found["tuplet"], found["trill"], found["turn"]) == (3, 2, 1, 1, 1)
    text = "".join(ET.fromstring(svg).itertext())
    assert "The Kesh" in text
    assert "Trad." in text


def test_the_same_tune_gives_the_same_picture() -> None:
    assert sheet_music(Tune.from_abc(JIG)) == sheet_music(Tune.from_abc(JIG))


def test_the_picture_needs_nothing_from_outside() -> None:
    svg = sheet_music(Tune.from_abc(JIG))
    links = [
        value
        for element in ET.fromstring(svg).iter()
        for name, value in element.items()
        if name.endswith("href")
    ]
    assert links
    assert all(link.startswith("#") for link in links)
    assert "url(http" not in svg


def test_a_long_tune_is_one_page_and_an_endless_one_is_refused() -> None:
    bars = "GAG GAB|"
    assert drawn(sheet_music(Tune.from_abc(JIG.replace("D|:", bars * 300))))["page-margin"] == 1
    with pytest.raises(ValueError, match="'The Kesh' takes 2 pages; one SVG holds one page"):
        sheet_music(Tune.from_abc(JIG.replace("D|:", bars * 2500)))


def test_without_the_extra_one_line_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setitem(sys.modules, "verovio", None)
    with pytest.raises(ValueError, match=r"pip install 'audiogen\[sheet\]'"):
        sheet_music(Tune.from_abc(JIG))


def test_every_voice_has_a_staff_and_every_overlay_a_layer() -> None:
    body = "V:1\nV:2 clef=bass\nK:D\nV:1\nd6 & F6|a6|]\nV:2\nD,6|A,,6|]\n"
    found = drawn(sheet_music(Tune.from_abc("X:1\nT:t\nM:6/8\nL:1/8\n" + body)))
    assert (found["measure"], found["staff"], found["layer"], found["note"]) == (2, 4, 5, 5)
