"""Values of ABC information fields: key, meter, unit length, tempo, text, endings."""

from __future__ import annotations

import html
import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction

from symbolic_bridge.abc_blocks import JUNK
from symbolic_bridge.abc_symbols import DECORATION_SYNONYMS, USER_SYMBOL
from symbolic_bridge.tune import LETTERS, Key, Meter

MODE_NAMES = {
    "": "major", "maj": "major", "ion": "major", "m": "minor", "min": "minor", "aeo": "minor",
    "dor": "dorian", "mix": "mixolydian", "lyd": "lydian", "phr": "phrygian", "loc": "locrian",
}  # fmt: skip
ACCIDENTALS = {"^^": 2, "^": 1, "=": 0, "_": -1, "__": -2}
# The pipe scale sounds A mixolydian whether the signature is printed (Hp) or not (HP).
PIPE_KEY = Key("A", "mixolydian")

_KEY = re.compile(r"([A-Ga-g])([#b♯♭]?)\s*([A-Za-z]*)")
_EXTRA = re.compile(r"(\^\^|\^|__|_|=)\s*([A-Ga-g])(?![A-Za-z])")
_SETTING = re.compile(
    r"(?:clef|middle|m|transpose|t|octave|stafflines|staffscale|score|sound|shift|style|gchords|"
    r"name|nm|snm|subname|stem|cue|instrument|map)\s*=\s*(\"[^\"]*\"|\S+)|"
    r"(?:treble|bass|tenor|alto|baritone|mezzo|soprano|perc)[1-5]?(?:[+-]8)?(?![A-Za-z])"
)
_OCTAVE = re.compile(r"octave\s*=\s*([+-]?\d)")
_METER_SUM = re.compile(r"\(?\s*(\d{1,3}(?:\s*\+\s*\d{1,3})*)\s*\)?\s*/\s*(\d{1,3})$")
_NUMBER = r"(\d{1,6}(?:\.\d{1,20})?)"
_TEMPO_BEATS = re.compile(r"(\d{1,4}/\d{1,4}(?:[\s+]+\d{1,4}/\d{1,4})*)[\s+]*=\s*" + _NUMBER)
_TEMPO_UNIT = re.compile(r"[A-Ca-c](\d{0,4})(?:/(\d{1,4}))?\s*=\s*" + _NUMBER)
_TEMPO_BARE = re.compile(_NUMBER + "$")
_PROGRAM = re.compile(r"\s*MIDI[\s=]+program\s+(?:\d{1,2}\s+)?(\d{1,3})\s*$")
_TRANSPOSE = re.compile(r"\b(?:transpose|t)\s*=\s*([+-]?\d{1,2})\b")
_CLEF_OCTAVE = re.compile(r"(?:treble|bass|tenor|alto|baritone|mezzo|soprano)[1-5]?([+-])8")
_REACH = re.compile(r"\s*propagate-accidentals\s+(not|octave|pitch)\b")
# Longer values of K:, M:, L: and Q: are no such thing, and some would take the expressions here for ever.
LONGEST_VALUE = 300
_QUOTED = re.compile(r'"([^"]*)"')
_NAMED_METERS = {
    "C": Meter(4, 4, "C"), "c": Meter(4, 4, "C"), "C|": Meter(2, 2, "C|"), "c|": Meter(2, 2, "C|"),
}  # fmt: skip
_COMBINING = {
    "'": "\u0301", "`": "\u0300", "^": "\u0302", '"': "\u0308", "~": "\u0303", "c": "\u0327", ",": "\u0327",
    "u": "\u0306", "v": "\u030c", "H": "\u030b", "r": "\u030a", "=": "\u0304", ";": "\u0328", ".": "\u0307",
}  # fmt: skip
_LIGATURES = {
    "aa": "å", "AA": "Å", "ae": "æ", "AE": "Æ", "oe": "œ", "OE": "Œ", "ss": "ß", "/o": "ø", "/O": "Ø",
    "/l": "ł", "/L": "Ł", "/d": "đ", "/D": "Đ",
}  # fmt: skip
_ESCAPE = re.compile(
    r"\\(?:u([0-9a-fA-F]{4})|(aa|AA|ae|AE|oe|OE|ss|/[oOlLdD])|(['`^\"~cuvHr,;=.])([A-Za-z])|([\\%&]))"
)


class FieldError(ValueError):
    """A field value that cannot be read; `allowed` says what could stand there."""

    def __init__(self, found: str, allowed: str) -> None:
        self.found = found
        self.allowed = allowed
        super().__init__(f"found {found[:40]!r}, allowed {allowed}")


@dataclass(frozen=True)
class Tempo:
    """Q: field: whole notes a minute (None when only words stand there) and its words."""

    wholes_per_minute: Fraction | None
    words: str = ""


def read_key(text: str) -> tuple[Key, int]:
    """Read the value of K:.

    Returns:
        The key, and the octave shift asked for by `octave=`.

    Raises:
        FieldError: the value is no key.
    """
    _check_size(text)
    octave = _OCTAVE.search(text)
    shift = int(octave[1]) if octave else 0
    rest = _SETTING.sub(" ", text).strip()
    if rest == "" or rest.lower().startswith("none"):
        return Key(extra=_extras(rest[4:])), shift
    if rest[:2] in ("HP", "Hp"):
        return PIPE_KEY, shift
    match = _KEY.match(rest)
    if not match:
        if rest[0] in "^_=" and _EXTRA.match(rest):
            return Key(extra=_extras(rest)), shift
        raise FieldError(text, "a key such as G, Am, D mixolydian, Hp or none")
    letter, accidental, word = match[1], match[2], match[3]
    tonic = letter.upper() + accidental.replace("♯", "#").replace("♭", "b")
    tail = rest[match.end() :]
    if word.lower()[:3] == "exp":
        return _explicit_key(tonic, tail), shift
    mode = MODE_NAMES.get("m" if word.lower() == "m" else word.lower()[:3])
    if mode is None:
        raise FieldError(text, "a mode: maj, min, m, ion, aeo, dor, mix, lyd, phr, loc or exp")
    if _EXTRA.sub("", tail).strip():
        raise FieldError(text, "accidentals such as ^f _b or clef settings after the mode")
    return Key(tonic, mode, _extras(tail)), shift


def key_settings(text: str) -> str:
    """What the value of K: says besides the key, such as "clef=bass stafflines=1"; `octave=` is left out.

    Raises:
        FieldError: there is so much of it that a key beside it would find no room.
    """
    found = (match[0] for match in _SETTING.finditer(text))
    settings = " ".join(setting for setting in found if not setting.startswith("octave"))
    if len(settings) > LONGEST_VALUE // 2:
        raise FieldError(text, f"clef settings of at most {LONGEST_VALUE // 2} characters")
    return settings


def read_reach(text: str) -> str | None:
    """How far accidentals reach, as an instruction "propagate-accidentals octave" says; None for other ones."""
    match = _REACH.match(text)
    return match[1] if match else None


def has_key(text: str) -> bool:
    """Whether the value of K: names a key, or says nothing but settings such as "clef=bass"."""
    return not text.strip() or _SETTING.sub("", text).strip() != ""


def without_octave(text: str) -> tuple[str, str, int]:
    """Read the value of V:.

    Returns:
        The name of the voice, the value without `octave=`, and the octaves that its notes are moved by.
    """
    octave = _OCTAVE.search(text[:LONGEST_VALUE])
    plain = " ".join(_OCTAVE.sub("", text, count=1).split()) if octave else text.strip()
    return next(iter(plain.split(maxsplit=1)), ""), plain, int(octave[1]) if octave else 0


def read_program(text: str) -> int | None:
    """The General MIDI program that an instruction "MIDI program 74" or "MIDI program 1 74" sets.

    Returns:
        Its number from 0, as abc2midi counts, or None for other instructions.
    """
    match = _PROGRAM.match(text)
    return int(match[1]) if match and int(match[1]) < 128 else None


def is_interpreted(text: str) -> bool:
    """Whether an instruction (%% or I:) has a meaning here beyond being kept."""
    return read_reach(text) is not None or read_program(text) is not None


def is_clef(settings: str) -> bool:
    """Whether the value of V: or K: sets a clef or a transposition."""
    return "clef" in settings or sounding_shift(settings) != 0


def sounding_shift(settings: str) -> int:
    """Semitones that a clef's settings ("clef=treble-8", "transpose=-2") move the sound by."""
    transpose = _TRANSPOSE.search(settings)
    octave = _CLEF_OCTAVE.search(settings)
    return (int(transpose[1]) if transpose else 0) + (int(octave[1] + "12") if octave else 0)


def read_user_symbol(text: str) -> tuple[str, str]:
    """The sign and the decoration of a U: field.

    Raises:
        FieldError: the value defines no decoration.
    """
    match = USER_SYMBOL.match(text[:LONGEST_VALUE])
    if not match:
        raise FieldError(text, "a definition such as U:T=!trill!")
    return match[1], DECORATION_SYNONYMS.get(match[2], match[2])


def _check_size(text: str) -> None:
    if len(text) > LONGEST_VALUE:
        raise FieldError(text, f"a value of at most {LONGEST_VALUE} characters")


def _extras(text: str) -> tuple[tuple[str, int], ...]:
    found = {letter.upper(): ACCIDENTALS[mark] for mark, letter in _EXTRA.findall(text)}
    return tuple(found.items())


def _explicit_key(tonic: str, tail: str) -> Key:
    """A key whose signature is exactly the accidentals written (K:D exp ^f)."""
    wanted = dict.fromkeys(LETTERS, 0) | dict(_extras(tail))
    base = Key(tonic).signature
    return Key(tonic, "major", tuple((k, v) for k, v in wanted.items() if v != base.get(k, 0)))


def read_meter(text: str) -> Meter | None:
    """Read the value of M:; None is free metre.

    Raises:
        FieldError: the value is no meter.
    """
    _check_size(text)
    value = text.strip()
    if value in _NAMED_METERS:
        return _NAMED_METERS[value]
    if value.lower() in ("", "none"):
        return None
    match = _METER_SUM.match(value)
    if match:
        beats, unit = sum(int(part) for part in match[1].split("+")), int(match[2])
        if 1 <= beats <= 64 and unit in (1, 2, 4, 8, 16, 32):
            plain = match[1].isdigit() and "(" not in value
            return Meter(beats, unit, "" if plain else "".join(value.split()))
    raise FieldError(text, "a meter: C, C|, none or 1-64 over 1, 2, 4, 8, 16 or 32")


def read_unit(text: str) -> Fraction:
    """Read the value of L:.

    Raises:
        FieldError: the value is no note length.
    """
    _check_size(text)
    match = re.match(r"\s*(\d{1,3})\s*(?:/\s*(\d{1,3}))?\s*$", text)
    if match and 1 <= int(match[1]) <= 64 and 1 <= int(match[2] or 1) <= 512:
        return Fraction(int(match[1]), int(match[2] or 1))
    raise FieldError(text, "a note length such as 1/8")


def default_unit(meter: Meter | None) -> Fraction:
    """Unit note length where no L: is given: 1/16 in meters below 3/4, else 1/8."""
    return Fraction(1, 16) if meter and meter.bar_duration < Fraction(3, 4) else Fraction(1, 8)


def read_tempo(text: str, unit: Fraction) -> Tempo:
    """Read the value of Q: in any of its forms.

    Args:
        text: `1/4=120`, `3/8=110`, `"Allegro" 1/4=120`, `C3=80` (old), `120` (old), words alone.
        unit: unit note length, which the old form C3 counts in. A bare number counts quarters, as players of
            ABC have it, though the standard says unit notes: reels with Q:180 and jigs with Q:160 are common.

    Raises:
        FieldError: the value is no tempo.
    """
    _check_size(text)
    words = decode_text(" ".join(_QUOTED.findall(text)))
    rest = _QUOTED.sub(" ", text).strip()
    if not rest:
        return Tempo(None, words)
    if match := _TEMPO_BEATS.match(rest):
        length = sum(
            (Fraction(part) for part in match[1].replace("+", " ").split() if int(part.split("/")[1])),
            Fraction(0),
        )
        rate = Fraction(match[2])
    elif match := _TEMPO_UNIT.match(rest):
        length = unit * int(match[1] or 1) / (int(match[2] or 1) or 1)
        rate = Fraction(match[3])
    elif match := _TEMPO_BARE.match(rest):
        length, rate = Fraction(1, 4), Fraction(match[1])
    elif re.fullmatch(r"[A-Za-z][A-Za-z .'-]*", rest):
        return Tempo(None, (words + " " + rest).strip())
    else:
        raise FieldError(text, 'a tempo such as 1/4=120, 120 or "Allegro"')
    wholes = length * rate
    if not 1 <= wholes <= 1000:
        raise FieldError(text, "a tempo from 1 to 1000 whole notes a minute")
    return Tempo(wholes, words)


def felt_tempo(tempo: Tempo, meter: Meter | None) -> float | None:
    """Tempo in felt beats a minute (quarters in free metre)."""
    if tempo.wholes_per_minute is None:
        return None
    return float(tempo.wholes_per_minute / felt_beat(meter))


def felt_beat(meter: Meter | None) -> Fraction:
    """Felt beat of a meter in whole notes; a quarter in free metre."""
    return meter.beat_duration if meter else Fraction(1, 4)


def read_endings(text: str) -> tuple[int, ...]:
    """Read an ending's numbers: `1`, `2,3`, `1-3`, `1.`.

    Raises:
        FieldError: no number from 1 to 9 in it, or a falling range.
    """
    passes: list[int] = []
    _check_size(text)
    for part in re.split(r"[,.]", text.replace(" ", "")):
        if not part:
            continue
        first, _, last = part.partition("-")
        if not (first.isdigit() and (not last or last.isdigit())):
            raise FieldError(text, "ending numbers such as 1, 1,3 or 1-3")
        if len(first) > 3 or len(last) > 3:
            raise FieldError(text, "ending numbers 1 to 9, ranges rising")
        numbers = range(int(first), int(last or first) + 1)
        if not numbers or numbers[0] < 1 or numbers[-1] > 9:
            raise FieldError(text, "ending numbers 1 to 9, ranges rising")
        passes.extend(numbers)
    if not passes:
        raise FieldError(text, "ending numbers such as 1, 1,3 or 1-3")
    return tuple(dict.fromkeys(passes))


def decode_text(text: str) -> str:
    """Text of a field with ABC's escapes and HTML entities turned into characters."""

    def plain(match: re.Match[str]) -> str:
        code, ligature, accent, letter, literal = match.groups()
        if code:
            return chr(int(code, 16))
        if ligature:
            return _LIGATURES[ligature]
        if literal:
            return literal
        return unicodedata.normalize("NFC", letter + _COMBINING[accent])

    if "\\" not in text and "&" not in text:
        return " ".join(text.split())
    return " ".join(JUNK.sub("", html.unescape(_ESCAPE.sub(plain, text))).split())


def encode_text(text: str) -> str:
    """Text of a field so that `decode_text` gives it back."""
    flat = " ".join(text.split()).replace("\\", "\\\\").replace("%", "\\%")
    return flat.replace("&", "&amp;") if html.unescape(flat) != flat else flat


def quoted_text(text: str) -> str:
    """Text between quotation marks, its own ones written as entities."""
    inner = encode_text(text).replace('"', "&quot;")
    return f'"{inner}"'


def field_text(letter: str, value: str) -> str:
    """An information field as a line; "|" or ":" behind the letter would make it music."""
    return f"{letter}: {value}" if value[:1] in ("|", ":") else f"{letter}:{value}"
