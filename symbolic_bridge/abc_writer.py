"""Tunes to ABC text in the layout that tune books use."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from symbolic_bridge.abc_fields import (
    encode_text,
    felt_beat,
    field_text,
    quoted_text,
    read_reach,
)
from symbolic_bridge.abc_lyrics import words_text
from symbolic_bridge.abc_note_writer import MARKS, NoteWriter, signs_of_decorations
from symbolic_bridge.spelling import BarAccidentals
from symbolic_bridge.tune import Bar, Header, Key, Meter, Note, Tune

BARS_A_LINE = 4
MODE_SUFFIXES = {
    "major": "", "minor": "m", "dorian": "dor", "mixolydian": "mix", "lydian": "lyd", "phrygian": "phr",
    "locrian": "loc",
}  # fmt: skip
_TEMPO_UNITS = tuple(
    Fraction(*pair) for pair in ((1, 4), (1, 8), (1, 2), (3, 8), (1, 16), (3, 16), (3, 4), (1, 1))
)
# Fields whose text stands in the file as it is.
_RAW = ("V", "I")


def write_tune(tune: Tune) -> str:
    """Write a tune; reading the text again gives an equal tune.

    Raises:
        ValueError: a bar holds no notes, which ABC cannot write.
    """
    lines = _header_lines(tune.header)
    for name, bars in [(tune.first_voice, tune.bars), *((voice.name, voice.bars) for voice in tune.voices)]:
        for number, bar in enumerate(bars, 1):
            if not bar.notes:
                raise ValueError(
                    f"bar {number} of {tune.header.title!r} holds no notes; a bar needs a note or a rest"
                )
        lines += [f"V:{name}"] if tune.voices else []
        lines += _VoiceWriter(tune.header, bars).lines()
    lines += tune.lines
    lines += [field_text(letter, encode_text(text)) for letter, text in tune.header.fields if letter == "W"]
    return "\n".join(lines) + "\n"


def _header_lines(header: Header) -> list[str]:
    lines = [f"X:{header.reference}", f"T:{encode_text(header.title)}"]
    later = [(letter, text) for letter, text in header.fields if letter not in ("Q", "W")]
    while later and later[0][0] == "T":
        lines.append(field_text("T", encode_text(later.pop(0)[1])))
    lines += [f"R:{encode_text(header.rhythm)}"] if header.rhythm else []
    for letter, text in later:
        if letter[0] == "%":
            lines.append(f"%%{text}" if letter == "%%" else f"% {text}")
        else:
            lines.append(field_text(letter, text if letter in _RAW else encode_text(text)))
    lines += [f"M:{meter_text(header.meter)}", f"L:{header.unit}"]
    words = next((quoted_text(text) for letter, text in header.fields if letter == "Q"), "")
    speed = tempo_text(header.tempo_bpm, header.meter) if header.tempo_bpm is not None else ""
    if words or speed:
        lines.append("Q:" + f"{words} {speed}".strip())
    lines.append(f"K:{key_text(header.key)} {header.clef}".rstrip())
    return lines


def key_text(key: Key) -> str:
    """Value of K: for a key: "Ador", "D =c"."""
    extras = "".join(f" {MARKS[alter]}{letter.lower()}" for letter, alter in key.extra)
    return key.tonic + MODE_SUFFIXES[key.mode] + extras


def meter_text(meter: Meter | None) -> str:
    """Value of M: for a meter."""
    return (meter.text or str(meter)) if meter else "none"


def tempo_text(tempo_bpm: float, meter: Meter | None) -> str:
    """Value of Q: for felt beats a minute, in the beat that gives a whole number if one does."""
    beat = felt_beat(meter)
    for unit in (beat, *_TEMPO_UNITS):
        rate = round(Fraction(tempo_bpm) * beat / unit)
        if float(rate * unit / beat) == tempo_bpm:
            return f"{_with_slash(unit)}={rate}"
    return f"{_with_slash(beat)}={tempo_bpm!r}"


def _with_slash(length: Fraction) -> str:
    """A whole number before "=" is no length to a reader of Q:."""
    return f"{length.numerator}/{length.denominator}"


class _VoiceWriter:
    """Writes the bars of a voice in order, keeping the accidentals in force as the reader will."""

    def __init__(self, header: Header, bars: Sequence[Bar]) -> None:
        self._bars = bars
        self._meter = header.meter
        self._key = header.key
        reaches = [read_reach(text) for letter, text in header.fields if letter in ("I", "%%")]
        self._reach = next((reach for reach in reversed(reaches) if reach), "pitch")
        self._accidentals = BarAccidentals(header.key, self._reach)
        defined = [text.split("=")[0].strip() for letter, text in header.fields if letter == "U"]
        self._writer = NoteWriter(header.unit, signs_of_decorations(defined))

    def lines(self) -> list[str]:
        """The lines of music code, fields that stand between them, and words below them."""
        lines: list[str] = []
        line = ""
        count = 0
        notes: list[Note] = []
        for index, bar in enumerate(self._bars):
            before = self._bars[index - 1] if index else None
            lines += self._lines_before(bar)
            line += self._opening(bar, line) + self._bar(bar, before)
            notes += [note for note in bar.notes if note.pitches]
            after = self._bars[index + 1] if index + 1 < len(self._bars) else None
            count += self._meter is None or bar.duration >= self._meter.bar_duration
            full = count >= BARS_A_LINE and not self._ends_part(index + 1)
            breaks = after is None or _needs_line(after) or full or self._ends_part(index)
            breaks = breaks and (after is None or not after.endings or _needs_line(after))
            line += self._closing(bar, after, breaks)
            if breaks:
                lines += [line, *_word_lines(notes)]
                line, count, notes = "", 0, []
        return lines

    def _ends_part(self, index: int) -> bool:
        """Whether a bar closes a part: a single bar left of a part stays on the line before it."""
        bar = self._bars[min(index, len(self._bars) - 1)]
        return bar.end_repeat or bar.double_bar or index >= len(self._bars) - 1

    def _lines_before(self, bar: Bar) -> list[str]:
        """Lines that stand before the line of a bar."""
        lines = [f"P:{encode_text(bar.part)}"] if bar.part else []
        if bar.meter and _is_long(meter_text(bar.meter)):
            lines.append(f"M:{meter_text(bar.meter)}")
        lines += bar.lines
        if _is_long(bar.clef):
            lines.append("K:" + _key_and_clef(bar))
        return [field_text("P", line[2:]) if line[:2] == "P:" else line for line in lines]

    def _opening(self, bar: Bar, line: str) -> str:
        """What stands before a bar and has not been written with the bar line before it."""
        text = "|:" if bar.start_repeat and not line else ""
        if bar.endings:
            numbers = ",".join(str(number) for number in bar.endings)
            text += f"{numbers} " if line.endswith("|") else f"[{numbers} "
        return text

    def _closing(self, bar: Bar, after: Bar | None, breaks: bool) -> str:
        """The bar line behind a bar, with the repeat sign of the next bar on the same line."""
        starts = after is not None and after.start_repeat and not breaks
        text = f" {bar.bar_line}" if bar.bar_line else ""
        if bar.end_repeat:
            double, simple = bar.double_bar, bar.plays == 2 and not bar.double_bar
            closing = ("||:" if double else "|:") if starts else "|]" if double else "|"
            text += " ::" if starts and simple else f" {':' * (bar.plays - 1)}{closing}"
        elif bar.double_bar:
            text += " ||:" if starts else " |]" if after is None else " ||"
        elif starts or not text:
            text += " |:" if starts else " |"
        ending = after is not None and bool(after.endings) and not breaks
        return text + ("" if breaks or ending else " ")

    def _bar(self, bar: Bar, before: Bar | None) -> str:
        self._accidentals.next_bar()
        changes = ""
        if "M:none" in bar.lines:
            self._meter = None
        if bar.meter:
            self._meter = bar.meter
            changes += "" if _is_long(meter_text(bar.meter)) else f"[M:{meter_text(bar.meter)}]"
        if bar.tempo_bpm is not None:
            changes += f"[Q:{tempo_text(bar.tempo_bpm, self._meter)}]"
        if bar.key:
            self._key = bar.key
            self._accidentals.set_key(bar.key)
        if (bar.key or bar.clef) and not _is_long(bar.clef):
            changes += f"[K:{_key_and_clef(bar)}]"
        offset = self._pickup_offset(bar, before)
        text = changes + self._writer.notes(bar.notes, self._meter, self._accidentals, offset)
        for overlay in bar.overlays:
            over = BarAccidentals(self._key, self._reach)
            text += " & " + self._writer.notes(overlay, self._meter, over, offset)
        return text

    def _pickup_offset(self, bar: Bar, before: Bar | None) -> Fraction:
        """Where in its measure a bar begins: short bars at the start of a part are pickups."""
        missing = self._meter.bar_duration - bar.duration if self._meter else Fraction(0)
        starts = before is None or before.end_repeat or before.double_bar or bar.start_repeat
        return missing if missing > 0 and starts else Fraction(0)


def _key_and_clef(bar: Bar) -> str:
    return f"{key_text(bar.key) if bar.key else ''} {bar.clef}".strip()


def _is_long(value: str) -> bool:
    """Whether a value can't stand in an inline field."""
    return "|" in value or "]" in value or len(value) > 250


def _needs_line(bar: Bar) -> bool:
    """Whether lines stand before a bar, so that it begins one itself."""
    return bool(
        bar.part or bar.lines or _is_long(bar.clef) or (bar.meter and _is_long(meter_text(bar.meter)))
    )


def _word_lines(notes: Sequence[Note]) -> list[str]:
    """The w: lines below a line of music, one for each verse."""
    verses = max((len(note.lyrics) for note in notes), default=0)
    syllables = [[note.lyrics[verse : verse + 1] for note in notes] for verse in range(verses)]
    return [f"w: {encode_text(words_text(''.join(s) for s in verse))}" for verse in syllables]
