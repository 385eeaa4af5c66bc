"""Chord symbols as <harmony> and back.

The kind's `text` keeps the symbol as it was written, so our own files give it back letter for letter; symbols of
others are spelled from their kind, bass and degrees.
"""

from __future__ import annotations

import re
from xml.etree import ElementTree as ET

from symbolic_bridge.abc_symbols import CHORD_SYMBOL
from symbolic_bridge.musicxml.xml_tree import Element

# Kinds with the suffixes that mean them; the first one is how we spell the kind.
KINDS: dict[str, tuple[str, ...]] = {
    "major": ("", "maj", "M"),
    "minor": ("m", "min", "mi", "-"),
    "augmented": ("aug", "+"),
    "diminished": ("dim", "o", "°"),
    "dominant": ("7",),
    "major-seventh": ("maj7", "M7", "ma7"),
    "minor-seventh": ("m7", "min7", "mi7", "-7"),
    "diminished-seventh": ("dim7", "o7", "°7"),
    "augmented-seventh": ("aug7", "+7"),
    "half-diminished": ("m7b5", "min7b5", "ø", "ø7"),
    "major-minor": ("mmaj7", "mM7", "minmaj7"),
    "major-sixth": ("6", "maj6"),
    "minor-sixth": ("m6", "min6"),
    "dominant-ninth": ("9",),
    "major-ninth": ("maj9", "M9"),
    "minor-ninth": ("m9", "min9"),
    "dominant-11th": ("11",),
    "major-11th": ("maj11", "M11"),
    "minor-11th": ("m11", "min11"),
    "dominant-13th": ("13",),
    "major-13th": ("maj13", "M13"),
    "minor-13th": ("m13", "min13"),
    "suspended-second": ("sus2",),
    "suspended-fourth": ("sus4", "sus"),
    "power": ("5",),
}
_KIND_OF = {suffix: kind for kind, suffixes in KINDS.items() for suffix in suffixes}
_ALTERS = {"": 0, "#": 1, "♯": 1, "+": 1, "b": -1, "♭": -1, "-": -1}
_SIGNS = {0: "", 1: "#", -1: "b"}
_SYMBOL = re.compile(r"([A-G])([#b♯♭]?)([^/]*)(?:/([A-Ga-g])([#b♯♭]?))?")
_DEGREE = re.compile(r"\(?(add|sus)?([#b♯♭+-]?)(\d{1,2})\)?")


def harmony_element(symbol: str) -> ET.Element | None:
    """The <harmony> of a chord symbol; None for what begins with no root, which only words can show."""
    match = _SYMBOL.fullmatch(symbol)
    if not match:
        return None
    root, alter, suffix, bass, bass_alter = match.groups()
    harmony = ET.Element("harmony", {"print-frame": "no"})
    _step(ET.SubElement(harmony, "root"), "root", root + alter)
    kind, degrees = _kind_of(suffix)
    ET.SubElement(harmony, "kind", {"text": suffix}).text = kind
    if bass:
        _step(ET.SubElement(harmony, "bass"), "bass", bass + bass_alter)
    for value, change, how in degrees:
        # Its sign stands in the kind's text already.
        degree = ET.SubElement(harmony, "degree", {"print-object": "no"})
        ET.SubElement(degree, "degree-value").text = str(value)
        ET.SubElement(degree, "degree-alter").text = str(change)
        ET.SubElement(degree, "degree-type").text = how
    return harmony


def _step(parent: ET.Element, name: str, written: str) -> None:
    """The step and alteration of a root or bass; `written` is kept where it is spelled otherwise ("e", "F♯")."""
    step, alter = written[0].upper(), _ALTERS[written[1:]]
    kept = {} if written == step + _SIGNS[alter] else {"text": written}
    ET.SubElement(parent, f"{name}-step", kept).text = step
    if alter:
        ET.SubElement(parent, f"{name}-alter").text = str(alter)


def _kind_of(suffix: str) -> tuple[str, list[tuple[int, int, str]]]:
    """Kind and degrees (value, alteration, add or alter) of what stands behind the root; kind "other" if unknown."""
    for length in range(len(suffix), -1, -1):
        kind = _KIND_OF.get(suffix[:length])
        if kind is None:
            continue
        degrees, place = [], length
        while match := _DEGREE.match(suffix, place):
            value, place = int(match[3]), match.end()
            how = "alter" if value == 5 and match[2] else "add"
            degrees.append((value, _ALTERS[match[2]], how))
        if place == len(suffix):
            return kind, degrees
    return "other", []


def symbol_of(harmony: Element) -> str:
    """The chord symbol of a <harmony>; "" where it has no root or spells no symbol that ABC could hold."""
    root = _name(harmony, "root")
    kind = harmony.find("kind")
    if not root or kind is None:
        return ""
    bass = _name(harmony, "bass")
    tail = _degrees(harmony) + (f"/{bass}" if bass else "")
    written = kind.attributes.get("text", "")
    known = " ".join(kind.text.split())
    choices = [written] if written or known == "major" else []
    choices += [KINDS[known][0]] if known in KINDS else []
    return next((name for suffix in choices if CHORD_SYMBOL.fullmatch(name := root + suffix + tail)), "")


def _name(harmony: Element, part: str) -> str:
    step, alter = harmony.find(part, f"{part}-step"), harmony.text_of(part, f"{part}-alter") or "0"
    if step is None or step.text.strip() not in tuple("ABCDEFG") or alter not in ("0", "1", "-1"):
        return ""
    plain, written = step.text.strip() + _SIGNS[int(alter)], step.get("text")
    same = written[:1].upper() == plain[0] and _ALTERS.get(written[1:]) == int(alter)
    return written if same else plain


def _degrees(harmony: Element) -> str:
    """Degrees of a stranger's chord that its kind does not say: "(b9)"."""
    text = ""
    for degree in harmony.find_all("degree"):
        value, alter = degree.text_of("degree-value"), degree.text_of("degree-alter") or "0"
        if degree.get("print-object") == "no" or degree.text_of("degree-type") == "subtract":
            continue
        if value.isdecimal() and alter in ("0", "1", "-1"):
            sign = _SIGNS[int(alter)]
            text += f"({sign}{value})" if sign else f"add{value}"
    return text
