"""MusicXML to tunes: parts and staves become voices, further voices of a staff overlays."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from symbolic_bridge.abc_fields import FieldError, default_unit, read_key, read_unit
from symbolic_bridge.musicxml.drafts import Remarks
from symbolic_bridge.musicxml.measures import MeasureReader
from symbolic_bridge.musicxml.values import place_of, signature_of
from symbolic_bridge.musicxml.xml_tree import Element, parse_xml
from symbolic_bridge.tune import Bar, Header, Key, Meter, Tune, Voice

MOST_BARS = 20000
# Each staff and each overlay costs a walk through its part.
MOST_STAVES, MOST_OVERLAYS, MOST_NAMED = 32, 7, 5
_NOT_A_NAME = re.compile(r"[^\w.-]+")
_CREATORS = {"composer": "C", "lyricist": "A", "poet": "A", "transcriber": "Z", "": "C"}


def tune_of_musicxml(data: bytes, part: str = "", title: str = "Untitled") -> Tune:
    """Read a tune from a MusicXML document.

    The first staff that has notes is the tune; every other staff, of this part or another, is a further voice of it. Of
    the voices on one staff the one that stands in most measures has the bars, and the others are overlays. `warnings`
    name what is left out.

    Args:
        data: the document.
        part: name, id or number (from 1) of the only part to take.
        title: title of a score that has none.

    Raises:
        ValueError: no well-formed and safe XML, no score-partwise, no such part, no notes, or a value out of its
            range; with the line.
    """
    root = parse_xml(data)
    if root.tag != "score-partwise":
        raise ValueError(f"line {root.line}: found <{root.tag}>, allowed <score-partwise>")
    remarks = Remarks()
    fields = _kept_fields(root)
    keys = _known_keys(fields)
    chosen = _parts(root, part)
    staves = [staff for label, each in chosen for staff in _staves(label, each.find_all("measure"))]
    if not staves:
        raise ValueError(f"line {chosen[0][1].line}: found no notes, allowed is a part with at least one")
    if len(staves) > MOST_STAVES:
        names = ", ".join(repr(staff.name) for staff in staves[MOST_STAVES:][:MOST_NAMED])
        remarks.add(
            f"{len(staves) - MOST_STAVES} staves are left out: {names}", staves[MOST_STAVES].measures[0].line
        )
    (reader, bars), *others = [_read_staff(staff, keys, remarks) for staff in staves[:MOST_STAVES]]
    header = _header(root, fields, bars[0], reader, title)
    # What holds from the beginning is the header's.
    bars[0] = replace(bars[0], meter=None, key=None, tempo_bpm=None)
    names = _plain_names([staff.name for staff in staves[1:MOST_STAVES]])
    voices = tuple(
        Voice(name, (_unlike(found[0], header), *found[1:]))
        for name, (_, found) in zip(names, others, strict=True)
    )
    return Tune(header, tuple(bars), remarks.lines(), voices)


# -- parts, staves and voices ------------------------------------------------------------------


@dataclass(frozen=True)
class _Staff:
    """A staff that has notes; `voices` by how many measures they stand in, most first."""

    name: str
    number: str
    voices: tuple[str, ...]
    measures: list[Element]


def _parts(root: Element, wanted: str) -> list[tuple[str, Element]]:
    """The parts to take and their names."""
    parts = root.find_all("part")
    listed = root.find("part-list")
    names = {
        entry.get("id"): entry.text_of("part-name") or entry.get("id")
        for entry in (listed.find_all("score-part") if listed else [])
    }
    labels = [names.get(part.get("id")) or part.get("id") or f"part {n}" for n, part in enumerate(parts, 1)]
    if not parts:
        raise ValueError(f"line {root.line}: found no <part>, allowed is a score with at least one")
    if not wanted:
        return list(zip(labels, parts, strict=True))
    for place, (part, label) in enumerate(zip(parts, labels, strict=True)):
        if wanted.lower() in (label.lower(), part.get("id").lower(), str(place + 1)):
            return [(label, part)]
    raise ValueError(f"part {wanted!r} is not one of {', '.join(labels)} (or a number from 1)")


def _staves(label: str, measures: list[Element]) -> list[_Staff]:
    """The staves of a part that have sounding notes, from the top."""
    held: Counter[tuple[str, str]] = Counter()
    sounding: set[str] = set()
    for measure in measures:
        notes = [note for note in measure.find_all("note") if not note.find("cue")]
        held.update({place_of(note) for note in notes})
        sounding |= {place_of(note)[0] for note in notes if note.find("pitch")}
    numbers = sorted(sounding, key=lambda number: (len(number), number))
    return [
        _Staff(
            label if place == 0 else f"{label} {number}",
            number,
            tuple(
                voice
                for staff, voice in sorted(held, key=lambda place: (-held[place], len(place[1]), place[1]))
                if staff == number
            ),
            measures,
        )
        for place, number in enumerate(numbers)
    ]


def _read_staff(
    staff: _Staff, keys: Mapping[tuple[tuple[str, int], ...], Key], remarks: Remarks
) -> tuple[MeasureReader, list[Bar]]:
    """The bars of a staff, and the reader that has read its first voice."""
    if len(staff.measures) > MOST_BARS:
        raise ValueError(f"found {len(staff.measures)} measures, allowed are {MOST_BARS}")
    first = MeasureReader((staff.number, staff.voices[0]), keys, remarks, staff.voices[1:])
    others = [
        MeasureReader((staff.number, voice), keys, remarks, is_overlay=True)
        for voice in staff.voices[1 : 1 + MOST_OVERLAYS]
    ]
    left_out = staff.voices[1 + MOST_OVERLAYS :]
    if left_out:
        remarks.add(f"{len(left_out)} voices of staff {staff.number} are left out", staff.measures[0].line)
    for reader in (first, *others):
        for measure in staff.measures:
            reader.read(measure)
        reader.finish()
    bars = []
    for place, draft in enumerate(first.bars):
        overlays = (reader.bars[place].freeze().notes for reader in others)
        bars.append(replace(draft.freeze(), overlays=tuple(notes for notes in overlays if notes)))
    return first, bars


def _unlike(first: Bar, header: Header) -> Bar:
    """A voice's first bar without what the header says already."""
    return replace(
        first,
        meter=None if first.meter == header.meter else first.meter,
        key=None if first.key == header.key else first.key,
        tempo_bpm=None if first.tempo_bpm == header.tempo_bpm else first.tempo_bpm,
    )


def _plain_names(labels: Sequence[str]) -> list[str]:
    """Names of voices as V: can have them, each another."""
    names: list[str] = []
    for place, label in enumerate(labels, 2):
        plain = _NOT_A_NAME.sub("_", label).strip("_") or f"V{place}"
        while plain in names:
            plain += f"_{place}"
        names.append(plain)
    return names


# -- header ------------------------------------------------------------------------------------


def _kept_fields(root: Element) -> list[tuple[str, str]]:
    """ABC header fields that our writer put into <miscellaneous>."""
    kept = root.find("identification", "miscellaneous")
    return [
        (entry.get("name")[4:], " ".join(entry.text.split()))
        for entry in (kept or ())
        if len(entry.get("name")) == 5 and entry.get("name").startswith("abc-")
    ]


def _known_keys(fields: list[tuple[str, str]]) -> dict[tuple[tuple[str, int], ...], Key]:
    keys: list[Key] = []
    for letter, text in fields:
        if letter == "K":
            try:
                keys.append(read_key(text)[0])
            except FieldError:
                # Somebody else's field; the signature itself stands in the part.
                continue
    return {signature_of(key.signature): key for key in keys}


def _header(
    root: Element, fields: list[tuple[str, str]], first: Bar, reader: MeasureReader, title: str
) -> Header:
    own = dict(fields)
    meter = None if reader.is_free else first.meter or Meter()
    texts = [entry for entry in fields if entry[0] not in "XRLK"]
    if not texts:
        texts = _credits(root)
        texts += [("Q", reader.tempo_words)] if reader.tempo_words else []
    reference = own.get("X", "1")
    return Header(
        title=root.text_of("work", "work-title") or root.text_of("movement-title") or title,
        reference=int(reference) if reference.isdecimal() and len(reference) < 10 else 1,
        rhythm=own.get("R", ""),
        meter=meter,
        unit=_unit(own.get("L", ""), meter),
        key=first.key or Key(),
        tempo_bpm=first.tempo_bpm,
        fields=tuple(texts),
    )


def _unit(text: str, meter: Meter | None) -> Fraction:
    try:
        return read_unit(text)
    except FieldError:
        return default_unit(meter)


def _credits(root: Element) -> list[tuple[str, str]]:
    """Who wrote it, as ABC's fields have it."""
    found = []
    for entry in root.find("identification") or ():
        text = " ".join(entry.text.split())
        if entry.tag == "creator" and text:
            found.append((_CREATORS.get(entry.get("type"), "Z"), text))
        elif entry.tag == "source" and text:
            found.append(("S", text))
    return found
