"""Tunes to ABC text in the layout that tune books use."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from symbolic_bridge.abc_fields import ACCIDENTALS, encode_text, felt_beat
from symbolic_bridge.abc_symbols import SHORT_DECORATIONS
from symbolic_bridge.spelling import BarAccidentals
from symbolic_bridge.tune import Bar, Header, Key, Meter, Note, Pitch, Tune

BARS_A_LINE = 4
MODE_SUFFIXES = {
    "major": "", "minor": "m", "dorian": "dor", "mixolydian": "mix", "lydian": "lyd", "phrygian": "phr",
    "locrian": "loc",
}  # fmt: skip
_MARKS = {alter: mark for mark, alter in ACCIDENTALS.items()}
_TUPLET_TIME = {3: 2, 5: 2, 6: 2, 7: 2, 9: 2}


def write_tune(tune: Tune) -> str:
    """Write a tune; reading the text again gives an equal tune.

    Raises:
        ValueError: a bar holds no notes, which ABC cannot write.
    """
    for number, bar in enumerate(tune.bars, 1):
        if not bar.notes:
            raise ValueError(
                f"bar {number} of {tune.header.title!r} holds no notes; a bar needs a note or a rest"
            )
    lines = _header_lines(tune.header)
    lines += _BodyWriter(tune).lines()
    lines += [f"{letter}: {encode_text(text)}" for letter, text in tune.header.fields if letter in "Ww"]
    return "\n".join(lines) + "\n"


def _header_lines(header: Header) -> list[str]:
    extra = [(letter, encode_text(text)) for letter, text in header.fields if letter not in "QWw"]
    lines = [f"X:{header.reference}", f"T:{encode_text(header.title)}"]
    lines += [f"T:{text}" for letter, text in extra if letter == "T"]
    lines += [f"R:{encode_text(header.rhythm)}"] if header.rhythm else []
    lines += [f"{letter}:{text}" for letter, text in extra if letter != "T"]
    lines += [f"M:{header.meter or 'none'}", f"L:{header.unit}"]
    words = next((_quoted(text) for letter, text in header.fields if letter == "Q"), "")
    speed = tempo_text(header.tempo_bpm, header.meter) if header.tempo_bpm is not None else ""
    if words or speed:
        lines.append("Q:" + f"{words} {speed}".strip())
    lines.append(f"K:{key_text(header.key)}")
    return lines


def _quoted(text: str) -> str:
    """Text between quotation marks, its own ones written as entities."""
    inner = encode_text(text).replace('"', "&quot;")
    return f'"{inner}"'


def key_text(key: Key) -> str:
    """Value of K: for a key: "Ador", "D =c"."""
    extras = "".join(f" {_MARKS[alter]}{letter.lower()}" for letter, alter in key.extra)
    return key.tonic + MODE_SUFFIXES[key.mode] + extras


def tempo_text(tempo_bpm: float, meter: Meter | None) -> str:
    """Value of Q: for felt beats a minute, in the beat that gives a whole number if one does."""
    beat = felt_beat(meter)
    for unit in (beat, Fraction(1, 4), Fraction(1, 8), Fraction(1, 2), Fraction(3, 8)):
        rate = round(Fraction(tempo_bpm) * beat / unit)
        if float(rate * unit / beat) == tempo_bpm:
            return f"{unit}={rate}"
    return f"{beat}={tempo_bpm!r}"


def length_text(factor: Fraction) -> str:
    """Length behind a note: "", "2", "3/2", "/", "/4"."""
    above = "" if factor.numerator == 1 else str(factor.numerator)
    if factor.denominator == 1:
        return above
    return above + "/" + ("" if factor.denominator == 2 else str(factor.denominator))


def _is_dyadic(value: Fraction) -> bool:
    return value.denominator & (value.denominator - 1) == 0


def _odd_part(number: int) -> int:
    return number // (number & -number)


class _BodyWriter:
    """Writes the bars in order, keeping the accidentals in force as the reader will."""

    def __init__(self, tune: Tune) -> None:
        self._bars = tune.bars
        self._unit = tune.header.unit
        self._meter = tune.header.meter
        self._accidentals = BarAccidentals(tune.header.key)
        defined = {text.split("=")[0].strip() for letter, text in tune.header.fields if letter == "U"}
        self._short = {
            name: mark for mark, name in reversed(SHORT_DECORATIONS.items()) if mark not in defined
        }  # fmt: skip

    def lines(self) -> list[str]:
        """The body's lines."""
        lines: list[str] = []
        line = ""
        count = 0
        for index, bar in enumerate(self._bars):
            before = self._bars[index - 1] if index else None
            if bar.part:
                lines += [line] if line else []
                lines.append(f"P: {encode_text(bar.part)}")
                line, count = "", 0
            line += self._opening(bar, line)
            line += self._bar(bar, before)
            after = self._bars[index + 1] if index + 1 < len(self._bars) else None
            count += self._meter is None or bar.duration >= self._meter.bar_duration
            full = count >= BARS_A_LINE and not self._ends_part(index + 1)
            breaks = (
                after is None or bool(after.part) or ((full or self._ends_part(index)) and not after.endings)
            )
            line += self._closing(bar, after, breaks)
            if breaks:
                lines.append(line)
                line, count = "", 0
        return lines

    def _ends_part(self, index: int) -> bool:
        """Whether a bar closes a part: a single bar left of a part stays on the line before it."""
        bar = self._bars[min(index, len(self._bars) - 1)]
        return bar.end_repeat or bar.double_bar or index >= len(self._bars) - 1

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
        if starts:
            table = {
                (False, False): " |:",
                (False, True): " ||:",
                (True, False): " ::",
                (True, True): " :||:",
            }
        else:
            last = "|]" if after is None else "||"
            table = {
                (False, False): " |",
                (False, True): " " + last,
                (True, False): " :|",
                (True, True): " :|]",
            }
        ending = after is not None and bool(after.endings) and not breaks
        return table[bar.end_repeat, bar.double_bar] + ("" if breaks or ending else " ")

    def _bar(self, bar: Bar, before: Bar | None) -> str:
        self._accidentals.next_bar()
        changes = ""
        if bar.meter:
            self._meter = bar.meter
            changes += f"[M:{bar.meter}]"
        if bar.tempo_bpm is not None:
            changes += f"[Q:{tempo_text(bar.tempo_bpm, self._meter)}]"
        if bar.key:
            self._accidentals.set_key(bar.key)
            changes += f"[K:{key_text(bar.key)}]"
        return changes + self._notes(bar, before)

    def _notes(self, bar: Bar, before: Bar | None) -> str:
        group = self._group_length()
        position = self._pickup_offset(bar, before)
        text = ""
        beat = None
        after_tuplet = False
        place = 0
        while place < len(bar.notes):
            run, opening, ratio = self._tuplet(bar.notes, place)
            broken = "" if opening else self._broken(bar.notes, place)
            run = 2 if broken else run
            for turn, note in enumerate(bar.notes[place : place + run]):
                now = position // group
                # A tuplet or a broken pair is one group, whatever beat it reaches into.
                if beat is not None and turn == 0 and (now != beat or after_tuplet):
                    text += " "
                beat = now
                text += opening if turn == 0 else broken
                text += self._note(note, Fraction(1) if broken else note.duration * ratio / self._unit)
                position += note.duration
            place += run
            after_tuplet = bool(opening)
        return text

    def _group_length(self) -> Fraction:
        """Length that is written without a space: the felt beat, half a bar in 4/4."""
        if self._meter == Meter(4, 4):
            return Fraction(1, 2)
        return felt_beat(self._meter)

    def _pickup_offset(self, bar: Bar, before: Bar | None) -> Fraction:
        """Where in its measure a bar begins: short bars at the start of a part are pickups."""
        missing = self._meter.bar_duration - bar.duration if self._meter else Fraction(0)
        starts = before is None or before.end_repeat or before.double_bar or bar.start_repeat
        return missing if missing > 0 and starts else Fraction(0)

    def _tuplet(self, notes: Sequence[Note], place: int) -> tuple[int, str, Fraction]:
        """Notes that a tuplet at `place` takes, its mark, and written over sounding length; (1, "", 1) for none."""
        first = notes[place].duration / self._unit
        count = _odd_part(first.denominator)
        none = (1, "", Fraction(1))
        if count not in _TUPLET_TIME:
            return none
        total = Fraction(0)
        turn = 0
        for note in notes[place : place + 9]:
            turn += 1
            total += note.duration / self._unit
            if not _is_dyadic(note.duration / self._unit * count):
                return none
            if _is_dyadic(total):
                break
        else:
            return none
        compound = self._meter is not None and self._meter.is_compound
        default = 3 if compound and count in (5, 7, 9) else 2
        ratio = Fraction(count, _TUPLET_TIME[count])
        if default == 3 and all(
            _is_dyadic(n.duration / self._unit * count / 3) for n in notes[place : place + turn]
        ):
            ratio = Fraction(count, 3)
        if turn == count and ratio == Fraction(count, default):
            return turn, f"({count}", ratio
        time = ratio.denominator if ratio.numerator == count else int(count / ratio)
        return turn, f"({count}:{time}:{turn}", ratio

    def _broken(self, notes: Sequence[Note], place: int) -> str:
        """ ">" or "<" where two notes share two units as 3:1 or 1:3, else ""."""
        if place + 1 >= len(notes):
            return ""
        first, second = notes[place], notes[place + 1]
        if first.tie or first.slur_ends or second.slur_starts or first.is_rest or second.is_rest:
            return ""
        lengths = (first.duration / self._unit, second.duration / self._unit)
        return {(Fraction(3, 2), Fraction(1, 2)): ">", (Fraction(1, 2), Fraction(3, 2)): "<"}.get(lengths, "")

    def _note(self, note: Note, factor: Fraction) -> str:
        text = "(" * note.slur_starts
        text += f'"{note.chord_symbol}"' if note.chord_symbol else ""
        for words in note.annotations:
            text += _quoted(words)
        if note.graces:
            text += "{" + "".join(self._pitch(pitch) for pitch in note.graces) + "}"
        text += "".join(self._short.get(name) or f"!{name}!" for name in note.decorations)
        pitches = [self._pitch(pitch) for pitch in note.pitches]
        length = length_text(factor)
        if len(pitches) > 1:
            text += "[" + "".join(pitches) + "]" + length
        else:
            text += (pitches[0] if pitches else "z") + length
        self._accidentals.tie(note.pitches if note.tie else ())
        return text + ("-" if note.tie else "") + ")" * note.slur_ends

    def _pitch(self, pitch: Pitch) -> str:
        mark = ""
        if self._accidentals.needs_mark(pitch):
            mark = _MARKS[pitch.alter]
            self._accidentals.write(pitch.letter, pitch.octave, pitch.alter)
        if pitch.octave >= 5:
            return mark + pitch.letter.lower() + "'" * (pitch.octave - 5)
        return mark + pitch.letter + "," * (4 - pitch.octave)
