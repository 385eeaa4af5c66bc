"""MusicXML to tunes: one voice of one part of a score."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from fractions import Fraction

from symbolic_bridge.abc_fields import FieldError, default_unit, read_key, read_unit
from symbolic_bridge.musicxml.drafts import Remarks
from symbolic_bridge.musicxml.measures import MeasureReader
from symbolic_bridge.musicxml.values import signature_of
from symbolic_bridge.musicxml.xml_tree import Element, parse_xml
from symbolic_bridge.tune import Bar, Header, Key, Meter, Tune

MOST_BARS = 20000
_CREATORS = {"composer": "C", "lyricist": "A", "poet": "A", "transcriber": "Z", "": "C"}


def tune_of_musicxml(data: bytes, part: str = "", title: str = "Untitled") -> Tune:
    """Read a tune from a MusicXML document.

    A tune holds one voice. Of several parts the first one that has notes is taken, of a part the voice of its first
    staff that has most notes; `warnings` name what is left out.

    Args:
        data: the document.
        part: name, id or number (from 1) of the part to take.
        title: title of a score that has none.

    Raises:
        ValueError: no well-formed and safe XML, no score-partwise, no such part, no notes, or a value out of its
            range; with the line.
    """
    root = parse_xml(data)
    if root.tag != "score-partwise":
        raise ValueError(f"line {root.line}: found <{root.tag}>, allowed <score-partwise>")
    remarks = Remarks()
    chosen = _part(root, part, remarks)
    measures = chosen.find_all("measure")
    if len(measures) > MOST_BARS:
        raise ValueError(f"found {len(measures)} measures, allowed are {MOST_BARS}")
    fields = _kept_fields(root)
    reader = MeasureReader(_voice(measures, remarks), _known_keys(fields), remarks)
    for measure in measures:
        reader.read(measure)
    reader.finish()
    bars = [draft.freeze() for draft in reader.bars]
    if not any(note.pitches for bar in bars for note in bar.notes):
        raise ValueError(f"line {chosen.line}: found no notes, allowed is a part with at least one")
    header = _header(root, fields, bars[0], reader, title)
    # What holds from the beginning is the header's.
    bars[0] = replace(bars[0], meter=None, key=None, tempo_bpm=None)
    return Tune(header, tuple(bars), remarks.lines())


# -- parts and voices --------------------------------------------------------------------------


def _part(root: Element, wanted: str, remarks: Remarks) -> Element:
    parts = root.find_all("part")
    listed = root.find("part-list")
    names = {
        entry.get("id"): entry.text_of("part-name") or entry.get("id")
        for entry in (listed.find_all("score-part") if listed else [])
    }
    labels = [names.get(part.get("id")) or part.get("id") or f"part {n}" for n, part in enumerate(parts, 1)]
    if not parts:
        raise ValueError(f"line {root.line}: found no <part>, allowed is a score with at least one")
    if wanted:
        index = next(
            (
                place
                for place, (part, label) in enumerate(zip(parts, labels, strict=True))
                if wanted.lower() in (label.lower(), part.get("id").lower(), str(place + 1))
            ),
            None,
        )
        if index is None:
            raise ValueError(f"part {wanted!r} is not one of {', '.join(labels)} (or a number from 1)")
    else:
        index = next((place for place, part in enumerate(parts) if _note_counts(part.find_all("measure"))), 0)
    others = labels[:index] + labels[index + 1 :]
    if others and not wanted:
        remarks.add(
            f"took the part {labels[index]!r}; left out {', '.join(map(repr, others))}", parts[index].line
        )
    return parts[index]


def _note_counts(measures: list[Element]) -> Counter[tuple[str, str]]:
    """Sounding notes by staff and voice."""
    return Counter(
        (note.text_of("staff") or "1", note.text_of("voice") or "1")
        for measure in measures
        for note in measure.find_all("note")
        if note.find("pitch") and not note.find("cue")
    )


def _voice(measures: list[Element], remarks: Remarks) -> tuple[str, str]:
    """Staff and voice with most notes of the first staff that has any."""
    counts = _note_counts(measures)
    if not counts:
        return ("1", "1")
    first = min(counts, key=lambda place: (len(place[0]), place[0]))[0]
    chosen = max((place for place in counts if place[0] == first), key=lambda place: counts[place])
    others = [f"voice {voice} of staff {staff} ({counts[staff, voice]} notes)" for staff, voice in counts
              if (staff, voice) != chosen]  # fmt: skip
    if others:
        remarks.add(
            f"took voice {chosen[1]} of staff {chosen[0]}; left out {', '.join(others)}", measures[0].line
        )
    return chosen


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
