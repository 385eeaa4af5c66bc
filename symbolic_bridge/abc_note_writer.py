"""Notes to music code: the inside of a bar, with accidentals, lengths, tuplets and everything that stands on notes."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from symbolic_bridge.abc_fields import ACCIDENTALS, felt_beat, quoted_text
from symbolic_bridge.abc_lexer import odd_part
from symbolic_bridge.abc_symbols import SHORT_DECORATIONS
from symbolic_bridge.spelling import BarAccidentals
from symbolic_bridge.tune import Meter, Note, Pitch

MARKS = {alter: mark for mark, alter in ACCIDENTALS.items()}
_TUPLET_TIME = {3: 2, 5: 2, 6: 2, 7: 2, 9: 2}
_ONE = Fraction(1)


def length_text(factor: Fraction) -> str:
    """Length behind a note: "", "2", "3/2", "/", "/4"."""
    above = "" if factor.numerator == 1 else str(factor.numerator)
    if factor.denominator == 1:
        return above
    return above + "/" + ("" if factor.denominator == 2 else str(factor.denominator))


def _is_dyadic(value: Fraction) -> bool:
    return value.denominator & (value.denominator - 1) == 0


class NoteWriter:
    """Writes notes as a reader with the same accidentals in force will read them.

    Args:
        unit: unit note length in whole notes.
        short: signs of decorations, by name.
    """

    def __init__(self, unit: Fraction, short: dict[str, str]) -> None:
        self._unit = unit
        self._short = short

    def notes(
        self, notes: Sequence[Note], meter: Meter | None, accidentals: BarAccidentals, offset: Fraction
    ) -> str:
        """Notes beamed by the meter.

        Args:
            notes: of one bar.
            meter: in force.
            accidentals: in force; changed by what is written.
            offset: where in its measure the first note stands, in whole notes.
        """
        group = _group_length(meter)
        position = offset
        text = ""
        beat = None
        after_tuplet = False
        place = 0
        while place < len(notes):
            run, opening, ratio = self._tuplet(notes, place, meter)
            broken = "" if opening else self._broken(notes, place)
            run = 2 if broken else run
            for turn, note in enumerate(notes[place : place + run]):
                now = position // group
                # A tuplet or a broken pair is one group, whatever beat it reaches into.
                if beat is not None and turn == 0 and (now != beat or after_tuplet):
                    text += " "
                beat = now
                text += opening if turn == 0 else broken
                text += self._note(note, _ONE if broken else note.duration * ratio / self._unit, accidentals)
                position += note.duration
            place += run
            after_tuplet = bool(opening)
        return text

    def _tuplet(self, notes: Sequence[Note], place: int, meter: Meter | None) -> tuple[int, str, Fraction]:
        """Notes that a tuplet at `place` takes, its mark, and written over sounding length; (1, "", 1) for none."""
        first = notes[place].duration / self._unit
        count = odd_part(first.denominator)
        none = (1, "", _ONE)
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
        default = 3 if meter is not None and meter.is_compound and count in (5, 7, 9) else 2
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
        # abc2midi gives a rolled note behind a < another length.
        if "roll" in first.decorations or "roll" in second.decorations:
            return ""
        lengths = (first.duration / self._unit, second.duration / self._unit)
        return {(Fraction(3, 2), Fraction(1, 2)): ">", (Fraction(1, 2), Fraction(3, 2)): "<"}.get(lengths, "")

    def _note(self, note: Note, factor: Fraction, accidentals: BarAccidentals) -> str:
        text = "(" * (note.slur_starts - note.marks.count(".("))
        text += "".join(mark for mark in note.marks if mark[0] == "y" or mark == ".(")
        text += f'"{note.chord_symbol}"' if note.chord_symbol else ""
        text += "".join(quoted_text(words) for words in note.annotations)
        if note.graces or "{/" in note.marks:
            text += ("{/" if "{/" in note.marks else "{") + self._graces(note, accidentals) + "}"
        text += "".join(self._short.get(name) or _decoration(name) for name in note.decorations)
        text += self._pitches(note, factor, accidentals)
        accidentals.tie(note.pitches if note.tie else ())
        tie = "" if not note.tie else ".-" if ".-" in note.marks else "-"
        return text + tie + ")" * note.slur_ends

    def _graces(self, note: Note, accidentals: BarAccidentals) -> str:
        lengths = note.grace_lengths or (_ONE,) * len(note.graces)
        return "".join(
            _pitch(pitch, accidentals) + length_text(length)
            for pitch, length in zip(note.graces, lengths, strict=True)
        )

    def _pitches(self, note: Note, factor: Fraction, accidentals: BarAccidentals) -> str:
        length = length_text(factor)
        if note.is_rest:
            return ("x" if "x" in note.marks else "z") + length
        pitches = [_pitch(pitch, accidentals) for pitch in note.pitches]
        if note.length_ratios:
            lengths = [length_text(factor * ratio) for ratio in note.length_ratios]
            return "[" + "".join(map("".join, zip(pitches, lengths, strict=True))) + "]"
        return (pitches[0] if len(pitches) == 1 else "[" + "".join(pitches) + "]") + length


def signs_of_decorations(defined: Sequence[str]) -> dict[str, str]:
    """The short sign of each decoration that has one, but for the signs that the tune defines itself."""
    return {name: sign for sign, name in reversed(SHORT_DECORATIONS.items()) if sign not in defined}


def _decoration(name: str) -> str:
    return f"+{name}+" if "!" in name else f"!{name}!"


def _group_length(meter: Meter | None) -> Fraction:
    """Length that is written without a space: the felt beat, half a bar in 4/4."""
    return Fraction(1, 2) if meter == Meter(4, 4) else felt_beat(meter)


def _pitch(pitch: Pitch, accidentals: BarAccidentals) -> str:
    mark = ""
    if accidentals.needs_mark(pitch):
        mark = MARKS[pitch.alter]
        accidentals.write(pitch.letter, pitch.octave, pitch.alter)
    if pitch.octave >= 5:
        return mark + pitch.letter.lower() + "'" * (pitch.octave - 5)
    return mark + pitch.letter + "," * (4 - pitch.octave)
