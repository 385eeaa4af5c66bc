"""Values of single MusicXML elements: numbers, keys, meters, tempi, pitches and lengths."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

from symbolic_bridge.abc_fields import FieldError, read_endings
from symbolic_bridge.musicxml.drafts import Remarks
from symbolic_bridge.musicxml.lengths import TYPES, NoteValue
from symbolic_bridge.musicxml.xml_tree import Element
from symbolic_bridge.tune import LETTERS, MODE_SHARPS, SHARP_ORDER, Key, Meter, Pitch

_NUMBER = re.compile(r"[+-]?\d{1,9}(?:\.\d{1,9})?|[+-]?\.\d{1,9}")
_MODES = {"ionian": "major", "aeolian": "minor", "none": "major", "": "major"} | {
    mode: mode for mode in MODE_SHARPS
}
# A key on any letter with at most one accidental has no more sharps or flats than this.
_MOST_FIFTHS = 14
SLOWEST_WHOLES, FASTEST_WHOLES = 1, 1000


def fault(element: Element, found: str, allowed: str) -> ValueError:
    """The error of an element that cannot be read."""
    return ValueError(f"line {element.line}: found {found} in <{element.tag}>, allowed {allowed}")


def number(element: Element, default: Fraction | None = None) -> Fraction:
    """The number that an element holds; the default where it holds nothing.

    Raises:
        ValueError: it holds no number of up to nine digits before and behind the point.
    """
    text = element.text.strip()
    if not text and default is not None:
        return default
    if not _NUMBER.fullmatch(text):
        raise fault(element, repr(text[:40]), "a number")
    return Fraction(text)


def pitch_of(note: Element, remarks: Remarks) -> Pitch | None:
    """The pitch of a <note>, microtones moved to the nearest semitone; None for rests and notes without pitch.

    Raises:
        ValueError: step or octave is none that MusicXML has, or the alteration is above two semitones.
    """
    pitch = note.find("pitch")
    if pitch is None:
        return None
    step, alter, octave = pitch.text_of("step"), pitch.find("alter"), pitch.text_of("octave")
    if step not in tuple(LETTERS):
        raise fault(pitch, f"the step {step!r}", "A to G")
    if not re.fullmatch(r"\d", octave):
        raise fault(pitch, f"the octave {octave!r}", "0 to 9")
    semitones = number(alter, Fraction(0)) if alter else Fraction(0)
    if abs(semitones) > 2:
        raise fault(pitch, f"an alteration by {float(semitones):g} semitones", "-2 to 2")
    if semitones.denominator != 1:
        remarks.add("a microtone is moved to the nearest semitone", pitch.line)
    return Pitch(step, round(semitones), int(octave))


def place_of(note: Element) -> tuple[str, str]:
    """Staff and voice of a <note>, as their elements name them."""
    return note.text_of("staff") or "1", note.text_of("voice") or "1"


def written_length(note: Element) -> Fraction | None:
    """The length that type, dots and tuplet of a <note> say, in whole notes; None where it has no type."""
    name = note.text_of("type")
    dots = len(note.find_all("dot"))
    if name not in TYPES or dots > 4:
        return None
    change = note.find("time-modification")
    counts = [change.text_of(f"{part}-notes") if change else "1" for part in ("actual", "normal")]
    if not all(re.fullmatch(r"[1-9]\d{0,3}", count) for count in counts):
        return None
    return NoteValue(name, dots, int(counts[0]), int(counts[1])).duration


def key_of(element: Element, known: Mapping[tuple[tuple[str, int], ...], Key]) -> Key:
    """The key of a <key>.

    Args:
        element: the element.
        known: keys of signatures that are no row of sharps or flats, by `signature_of`.

    Raises:
        ValueError: fifths, mode, or a step of the signature is none that MusicXML has.
    """
    fifths = element.find("fifths")
    if fifths is None:
        return _listed_key(element, known)
    sharps = number(fifths)
    mode = _MODES.get(element.text_of("mode").lower())
    if mode is None:
        raise fault(element, f"the mode {element.text_of('mode')!r}", ", ".join(_MODES).rstrip(", "))
    place = int(sharps) - MODE_SHARPS[mode] + 1
    accidental = {-1: "b", 0: "", 1: "#"}.get(place // 7)
    if sharps.denominator != 1 or abs(sharps) > _MOST_FIFTHS or accidental is None:
        raise fault(element, f"{sharps} fifths", f"a {mode} key on A to G, Ab to Gb or A# to G#")
    return Key(SHARP_ORDER[place % 7] + accidental, mode)


def signature_of(signature: Mapping[str, int]) -> tuple[tuple[str, int], ...]:
    """A signature's alterations in the order of the letters, for looking it up."""
    return tuple(sorted((letter, alter) for letter, alter in signature.items() if alter))


def _listed_key(element: Element, known: Mapping[tuple[tuple[str, int], ...], Key]) -> Key:
    signature: dict[str, int] = {}
    letter = ""
    for child in element:
        if child.tag == "key-step":
            letter = child.text.strip()
        elif child.tag == "key-alter" and letter:
            alter = number(child)
            if letter not in LETTERS or alter.denominator != 1 or abs(alter) > 2:
                raise fault(element, f"{letter!r} altered by {float(alter):g}", "A to G by -2 to 2")
            signature[letter] = int(alter)
    wanted = signature_of(signature)
    return known.get(wanted, Key(extra=wanted))


def meter_of(element: Element) -> Meter | None:
    """The meter of a <time>, composite ones added up; None for free metre.

    Raises:
        ValueError: it is no meter that a tune can have.
    """
    if element.find("senza-misura"):
        return None
    beats = [child.text.strip() for child in element.find_all("beats")]
    units = [child.text.strip() for child in element.find_all("beat-type")]
    sums = [re.fullmatch(r"\d{1,3}(?:\s*\+\s*\d{1,3})*", text) for text in beats]
    if (
        beats
        and len(beats) == len(units)
        and all(sums)
        and all(re.fullmatch(r"[1-9]\d{0,2}", u) for u in units)
    ):
        unit = max(int(text) for text in units)
        total = sum(
            Fraction(sum(int(part) for part in text.split("+")), int(below))
            for text, below in zip(beats, units, strict=True)
        )
        if (total * unit).denominator == 1 and 1 <= total * unit <= 64 and unit in (1, 2, 4, 8, 16, 32):
            return Meter(int(total * unit), unit)
    found = " + ".join(f"{above}/{below}" for above, below in zip(beats, units, strict=False))
    raise fault(element, repr(found[:40]), "a meter of 1 to 64 over 1, 2, 4, 8, 16 or 32")


@dataclass(frozen=True)
class Speed:
    """A tempo in whole notes a minute, and the words beside it; None where only words or nothing stand there."""

    wholes_per_minute: Fraction | None
    words: str = ""


def speed_of(direction: Element) -> Speed:
    """The tempo that a <direction> (or a <sound>) sets: what its metronome shows, else what its sound plays."""
    words = " ".join(
        text for kind in direction.find_all("direction-type") for word in kind.find_all("words")
        if (text := " ".join(word.text.split()))
    )  # fmt: skip
    for kind in direction.find_all("direction-type"):
        metronome = kind.find("metronome")
        rate = _rate(metronome.text_of("per-minute")) if metronome else None
        if metronome and rate is not None and len(metronome.find_all("beat-unit")) == 1:
            dots = len(metronome.find_all("beat-unit-dot"))
            beat = TYPES.get(metronome.text_of("beat-unit"))
            if beat and dots <= 4:
                return Speed(_in_range(rate * beat * (2 - Fraction(1, 2**dots))), words)
    sound = direction if direction.tag == "sound" else direction.find("sound")
    rate = _rate(sound.get("tempo")) if sound else None
    return Speed(_in_range(rate / 4) if rate is not None else None, words)


def _rate(text: str) -> Fraction | None:
    """The number in "120" or "ca. 120"."""
    match = re.search(r"\d{1,4}(?:\.\d{1,17})?", text)
    return Fraction(match[0]) if match else None


def _in_range(wholes: Fraction) -> Fraction | None:
    return wholes if SLOWEST_WHOLES <= wholes <= FASTEST_WHOLES else None


def endings_of(ending: Element) -> tuple[int, ...]:
    """The passes of an <ending>.

    Raises:
        ValueError: its number names no pass from 1 to 9.
    """
    try:
        return read_endings(ending.get("number"))
    except FieldError as error:
        raise fault(ending, repr(error.found[:40]), error.allowed) from error
