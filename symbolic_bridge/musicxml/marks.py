"""Decorations and the MusicXML elements that show them: one table, read in both directions.

A name that the table lacks is kept as an <other-articulation>, so that no decoration is lost on the way.
"""

from __future__ import annotations

from xml.etree import ElementTree as ET

from symbolic_bridge.musicxml.xml_tree import Element

# Decoration, the group of <notations> it stands in, its element.
_ROWS = (
    ("trill", "ornaments", "trill-mark"),
    ("lowermordent", "ornaments", "mordent"),
    ("uppermordent", "ornaments", "inverted-mordent"),
    ("turn", "ornaments", "turn"),
    ("invertedturn", "ornaments", "inverted-turn"),
    ("staccato", "articulations", "staccato"),
    ("accent", "articulations", "accent"),
    ("tenuto", "articulations", "tenuto"),
    ("wedge", "articulations", "staccatissimo"),
    ("marcato", "articulations", "strong-accent"),
    ("breath", "articulations", "breath-mark"),
    # A slide up into the note, with no note to start from.
    ("slide", "articulations", "scoop"),
    ("upbow", "technical", "up-bow"),
    ("downbow", "technical", "down-bow"),
    ("open", "technical", "open-string"),
    ("thumb", "technical", "thumb-position"),
    ("snap", "technical", "snap-pizzicato"),
    ("plus", "technical", "stopped"),
)
_ELEMENTS = {name: (group, tag) for name, group, tag in _ROWS}
_DECORATIONS = {tag: name for name, _, tag in _ROWS}
_GROUPS = ("ornaments", "articulations", "technical")
_FINGERS = ("0", "1", "2", "3", "4", "5")
DYNAMICS = (
    "pppppp", "ppppp", "pppp", "ppp", "pp", "p", "mp", "mf", "f", "ff", "fff", "ffff", "fffff", "ffffff", "sf", "sfz",
    "sffz", "sfp", "sfpp", "fp", "rf", "rfz", "fz", "n", "pf", "sfzp",
)  # fmt: skip
# What stands above the staff rather than at a note: decoration -> attribute of <sound> that tells it from mere words.
JUMPS = {
    "D.C.": "dacapo", "dacapo": "dacapo", "D.C.alfine": "dacapo", "D.C.alcoda": "dacapo", "D.S.": "dalsegno",
    "D.S.alfine": "dalsegno", "D.S.alcoda": "dalsegno", "fine": "fine", "dacoda": "tocoda",
}  # fmt: skip
SIGNS = ("segno", "coda")
WEDGES = {
    "crescendo(": "crescendo", "<(": "crescendo", "diminuendo(": "diminuendo", ">(": "diminuendo",
    "crescendo)": "stop", "<)": "stop", "diminuendo)": "stop", ">)": "stop",
}  # fmt: skip
# An Irish roll has no sign of its own in MusicXML: a turn shows it, a name beside it tells it from a turn.
_ROLL = "roll"


def is_direction(decoration: str) -> bool:
    """Whether a decoration is written above the staff instead of at its note."""
    return decoration in JUMPS or decoration in SIGNS or decoration in WEDGES


def add_decoration(notations: ET.Element, decoration: str) -> None:
    """Put a decoration of a note into its <notations>."""
    if decoration == "fermata":
        ET.SubElement(notations, "fermata")
    elif decoration == "invertedfermata":
        ET.SubElement(notations, "fermata", type="inverted")
    elif decoration == "arpeggio":
        ET.SubElement(notations, "arpeggiate")
    elif decoration in DYNAMICS:
        ET.SubElement(ET.SubElement(notations, "dynamics"), decoration)
    elif decoration in _FINGERS:
        ET.SubElement(ET.SubElement(notations, "technical"), "fingering").text = decoration
    elif decoration == _ROLL:
        ornaments = ET.SubElement(notations, "ornaments")
        ET.SubElement(ornaments, "turn")
        ET.SubElement(ornaments, "other-ornament").text = _ROLL
    elif decoration in _ELEMENTS:
        group, tag = _ELEMENTS[decoration]
        ET.SubElement(ET.SubElement(notations, group), tag)
    else:
        ET.SubElement(ET.SubElement(notations, "articulations"), "other-articulation").text = decoration


def decorations_of(notation: Element) -> list[str] | None:
    """The decorations that a child of <notations> stands for; None where it is of another kind."""
    if notation.tag == "fermata":
        return ["invertedfermata" if notation.get("type") == "inverted" else "fermata"]
    if notation.tag == "arpeggiate":
        return ["arpeggio"]
    if notation.tag == "dynamics":
        return dynamics_of(notation)
    if notation.tag not in _GROUPS:
        return None
    names = [name for mark in notation if (name := _decoration_of(mark))]
    return [_ROLL if name == "turn" else name for name in names if name != _ROLL] if _ROLL in names else names


def dynamics_of(dynamics: Element) -> list[str]:
    """The names in a <dynamics>."""
    return [mark.tag for mark in dynamics if mark.tag in DYNAMICS]


def _decoration_of(mark: Element) -> str:
    """The decoration of one ornament, articulation or technical mark; "" for what belongs to another mark."""
    if mark.tag in _DECORATIONS:
        return _DECORATIONS[mark.tag]
    if mark.tag in ("other-ornament", "other-articulation", "other-technical", "fingering"):
        text = mark.text.strip()
        # ABC writes decorations between ! marks, where these cannot stand.
        return text if text and not set(text) & set(' \t\r\n!|:"') else ""
    # The accidental or the line of a trill; strings and frets are no decoration.
    return "" if mark.tag in ("accidental-mark", "wavy-line", "string", "fret") else mark.tag
