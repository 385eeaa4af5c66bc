"""Music code to bars: the state that runs through the notes of one tune."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction

from symbolic_bridge.abc_checks import check_bars
from symbolic_bridge.abc_drafts import BarDraft, NoteDraft
from symbolic_bridge.abc_fields import (
    ACCIDENTALS,
    FieldError,
    decode_text,
    felt_tempo,
    read_endings,
    read_key,
    read_meter,
    read_tempo,
    read_unit,
)
from symbolic_bridge.abc_lexer import Token, length_factor, tokens
from symbolic_bridge.mending import Mender
from symbolic_bridge.spelling import BarAccidentals
from symbolic_bridge.tune import Bar, Header, Pitch

SHORT_DECORATIONS = {
    "~": "roll", ".": "staccato", "H": "fermata", "J": "slide", "L": "accent", "M": "lowermordent", "O": "coda",
    "P": "uppermordent", "R": "roll", "S": "segno", "T": "trill", "u": "upbow", "v": "downbow",
}  # fmt: skip
# Other names of the same marks in !...!.
DECORATION_SYNONYMS = {
    ">": "accent", "emphasis": "accent", "mordent": "lowermordent", "pralltriller": "uppermordent", "tr": "trill",
    "~": "roll", ".": "staccato",
}  # fmt: skip
CHORD_SYMBOL = re.compile(
    r"[A-G][#b♯♭]?(?:maj|min|dim|aug|sus|add|mi|ma|m|M|o|°|ø|[+^-]|[#b♯♭]?\d+|\([#b+-]?\d+\))*(?:/[A-Ga-g][#b♯♭]?)?"
)
_USER_SYMBOL = re.compile(r"\s*([~H-Wh-w])\s*=\s*[!+](.+)[!+]\s*$")
_TUPLET_TIME = {2: 3, 3: 2, 4: 3, 6: 2, 8: 3}


@dataclass
class _Waiting:
    """Marks that stand before the note they belong to."""

    graces: list[Pitch] = field(default_factory=list)
    decorations: list[str] = field(default_factory=list)
    chord_symbol: str = ""
    annotations: list[str] = field(default_factory=list)
    slur_starts: int = 0


@dataclass
class _Chord:
    """The inside of [CEG]."""

    line: int
    column: int
    pitches: list[Pitch] = field(default_factory=list)
    factor: Fraction | None = None
    tied: bool = False


class BodyReader:
    """Reads body lines in order; `finish` gives the bars."""

    def __init__(self, header: Header, mender: Mender, octave: int = 0) -> None:
        self.fields: list[tuple[str, str]] = []
        self.lyrics: list[tuple[str, str]] = []
        self._mender = mender
        self._octave = octave
        self._unit = header.unit
        self._meter = header.meter
        self._key = header.key
        self._accidentals = BarAccidentals(header.key)
        self._symbols = dict(SHORT_DECORATIONS)
        for letter, text in header.fields:
            if letter == "U":
                self._define_symbol(text)
        self._bars: list[BarDraft] = []
        self._bar = BarDraft()
        self._next = BarDraft()
        self._waiting = _Waiting()
        self._last: NoteDraft | None = None
        self._tuplet: tuple[Fraction, int] | None = None
        self._broken: Fraction | None = None
        self._chord: _Chord | None = None
        self._in_grace = False
        self._overlay = False
        self._voice = ""
        self._first_voice: str | None = None
        self._told: set[str] = set()
        self._line = 1
        self._handlers: dict[str, Callable[[Token], None]] = {
            "note": self._note, "rest": self._rest, "long_rest": self._long_rest, "bar": self._bar_line,
            "ending": self._ending, "number": self._number, "string": self._string, "field": self._inline_field,
            "tuplet": self._open_tuplet, "grace_open": self._open_grace, "grace_close": self._close_grace,
            "broken": self._broken_rhythm, "tie": self._tie, "slur_open": self._open_slur,
            "slur_close": self._close_slur, "chord_open": self._open_chord, "chord_close": self._close_chord,
            "decoration": self._decoration, "short": self._short_decoration, "overlay": self._open_overlay,
            "spacer": self._nothing, "line_break": self._nothing, "continuation": self._nothing,
            "unknown": self._unknown,
        }  # fmt: skip

    # -- lines ---------------------------------------------------------------------------------

    def music_line(self, pieces: list[tuple[int, str]]) -> None:
        """Read a line of music code.

        Args:
            pieces: line numbers and texts; more than one where a line was broken inside a mark.
        """
        line = "".join(text for _, text in pieces)
        starts, offset = [], 0
        for number, text in pieces:
            starts.append((offset, number))
            offset += len(text)
        shift = 0
        for token in tokens(line):
            while starts and starts[0][0] < token.column:
                shift, self._line = starts.pop(0)
            if self._silent() and not (token.kind == "field" and token.text[1] == "V"):
                continue
            if self._overlay and token.kind not in ("bar", "field"):
                continue
            self._handlers[token.kind](replace(token, column=token.column - shift) if shift else token)
        if self._in_grace or self._chord:
            self._fault(len(line) + 1 - shift, "end of line", "} or ] to close what was opened on this line")
            self._in_grace = False
            if self._chord:
                self._end_chord(Fraction(1))

    def field_line(self, letter: str, value: str, number: int, column: int) -> None:
        """Read an information field that stands on a line of its own."""
        self._line = number
        if letter == "V":
            self._switch_voice(value, column)
        elif not self._silent() or letter in "Ww":
            self._field(letter, value, column)

    def finish(self, end: tuple[int, int]) -> tuple[Bar, ...]:
        """Close the tune, whose text ends at line and column `end`, and check what shows only there."""
        if self._bar.notes or self._bars:
            self._hang_on_last()
        self._close_bar()
        for missing in self._missing():
            self._mender.mend(*end, "end of the tune", missing)
        if self._last and self._last.tie:
            self._untie(self._last, "end of the tune")
        check_bars(self._bars, self._mender)
        return tuple(draft.freeze() for draft in self._bars)

    def _missing(self) -> Iterator[str]:
        """What the marks at the end of the tune still ask for."""
        waiting = self._waiting
        if waiting.graces or waiting.chord_symbol or waiting.decorations or waiting.annotations:
            yield "a note after grace notes, chord symbols or decorations"
        if waiting.slur_starts:
            yield "a note after ("
        if self._broken:
            yield "a note after > or <"
        if self._tuplet:
            yield f"{self._tuplet[1]} more in the last tuplet"
        if self._bar.start_repeat:
            yield "notes after |:"
        if self._bar.endings:
            yield "notes after the number of an ending"

    # -- helpers -------------------------------------------------------------------------------

    def _fault(self, column: int, found: str, allowed: str) -> None:
        self._mender.mend(self._line, column, found, allowed)

    def _fault_once(self, topic: str, column: int, found: str, allowed: str) -> None:
        if topic not in self._told:
            self._told.add(topic)
            self._fault(column, found, allowed)

    def _nothing(self, token: Token) -> None:
        """Marks that only shape the printed page."""

    def _unknown(self, token: Token) -> None:
        self._fault(token.column, token.text, "notes, rests, bar lines and their marks")

    def _silent(self) -> bool:
        return self._first_voice is not None and self._voice != self._first_voice

    def _switch_voice(self, value: str, column: int) -> None:
        words = value.split()
        if not words:
            self._fault(column, value, "a voice's name after V:")
            return
        if self._first_voice is None and self._bars == [] and not self._bar.notes:
            self._voice = words[0]
            return
        if self._first_voice is None:
            self._first_voice = self._voice or words[0]
        self._voice = words[0]
        if self._silent():
            self._fault_once("voice", column, f"V:{words[0]}", f"one voice (kept {self._first_voice})")

    # -- fields --------------------------------------------------------------------------------

    def _inline_field(self, token: Token) -> None:
        letter, value = token.text[1], token.text[3:-1]
        if letter == "V":
            self._switch_voice(value, token.column + 3)
        else:
            self._field(letter, value, token.column + 3)

    def _field(self, letter: str, value: str, column: int) -> None:
        try:
            self._apply_field(letter, value)
        except FieldError as error:
            self._fault(column, error.found, error.allowed)

    def _bar_of_change(self) -> BarDraft:
        """The bar a change belongs to: this one while it is empty, else the next."""
        return self._next if self._bar.notes else self._bar

    def _apply_field(self, letter: str, value: str) -> None:
        if letter == "K":
            self._key, self._octave = read_key(value)
            self._accidentals.set_key(self._key)
            self._bar_of_change().key = self._key
        elif letter == "M":
            meter = read_meter(value)
            if meter is None:
                raise FieldError(value, "a meter such as 3/4 inside a tune")
            self._meter = meter
            self._bar_of_change().meter = meter
        elif letter == "L":
            self._unit = read_unit(value)
        elif letter == "Q":
            tempo = felt_tempo(read_tempo(value, self._unit), self._meter)
            if tempo is not None:
                self._bar_of_change().tempo_bpm = tempo
        elif letter == "P":
            self._bar_of_change().part = decode_text(value)
        elif letter == "U":
            self._define_symbol(value)
        elif letter in "wW":
            self.lyrics.append((letter, decode_text(value)))
        elif letter not in "rIXmsV+" and decode_text(value):
            self.fields.append((letter, decode_text(value)))

    def _define_symbol(self, text: str) -> None:
        match = _USER_SYMBOL.match(text)
        if not match:
            raise FieldError(text, "a definition such as U:T=!trill!")
        self._symbols[match[1]] = DECORATION_SYNONYMS.get(match[2], match[2])

    # -- notes ---------------------------------------------------------------------------------

    def _factor(self, text: str, column: int) -> Fraction | None:
        try:
            factor = length_factor(text)
        except ZeroDivisionError:
            factor = Fraction(0)
        if factor > 0:
            return factor
        self._fault(column, text, "a length above 0")
        return None

    def _pitch(self, token: Token) -> Pitch:
        match = token.match
        octave = 4 + (match["letter"] in "abcdefg") + match["octave"].count("'") - match["octave"].count(",")
        octave += self._octave
        if not 0 <= octave <= 9:
            self._fault(token.column, token.text, "pitches from C0 to G9")
            octave = min(max(octave, 0), 8)
        letter = match["letter"].upper()
        if match["accidental"]:
            alter = ACCIDENTALS[match["accidental"]]
            self._accidentals.write(letter, octave, alter)
        else:
            alter = self._accidentals.implied(letter, octave)
        return Pitch(letter, alter, octave)

    def _note(self, token: Token) -> None:
        pitch = self._pitch(token)
        if self._in_grace:
            self._waiting.graces.append(pitch)
            return
        factor = self._factor(token.match["length"], token.column)
        if self._chord:
            self._chord.pitches.append(pitch)
            self._chord.factor = self._chord.factor or factor
        elif factor:
            self._add((pitch,), factor, token.column)

    def _rest(self, token: Token) -> None:
        factor = self._factor(token.match["rest_length"], token.column)
        if self._in_grace or self._chord:
            self._fault(token.column, token.text, "notes inside {} and []")
        elif factor:
            self._add((), factor, token.column)

    def _long_rest(self, token: Token) -> None:
        """Z4: whole bars of rest."""
        count = int(token.match["bars"] or 1)
        if not 1 <= count <= 1000:
            self._fault(token.column, token.text, "1 to 1000 bars of rest")
            return
        length = (self._meter.bar_duration if self._meter else Fraction(1)) / self._unit
        for turn in range(count):
            if turn:
                self._close_bar()
            self._add((), length, token.column)

    def _add(self, pitches: tuple[Pitch, ...], factor: Fraction, column: int) -> None:
        duration = factor * self._unit
        if self._tuplet:
            ratio, left = self._tuplet
            duration *= ratio
            self._tuplet = (ratio, left - 1) if left > 1 else None
        if self._broken:
            duration *= self._broken
            self._broken = None
        last = self._last
        if last and last.tie and not self._crosses_repeat() and not _share_a_pitch(pitches, last.pitches):
            self._untie(last, "a tie to another pitch")
        self._accidentals.tie(())
        waiting, self._waiting = self._waiting, _Waiting()
        draft = NoteDraft(
            pitches, duration, self._line, column, tuple(waiting.graces), tuple(waiting.decorations),
            waiting.chord_symbol, tuple(waiting.annotations), waiting.slur_starts,
        )  # fmt: skip
        if not self._bar.notes:
            self._bar.full = self._meter.bar_duration if self._meter else None
        self._bar.notes.append(draft)
        self._last = draft

    def _crosses_repeat(self) -> bool:
        """Whether the last note's tie leads over a repeat sign or into an ending, so elsewhere than written."""
        if self._bar.notes or not self._bars:
            return False
        return self._bars[-1].end_repeat or bool(self._bar.endings) or self._bar.start_repeat

    def _untie(self, draft: NoteDraft, found: str) -> None:
        draft.tie = False
        self._mender.mend(draft.line, draft.column, found, "a tie to the same pitch")

    def _tie(self, token: Token) -> None:
        if self._chord:
            self._chord.tied = True
        elif self._in_grace:
            self._fault(token.column, token.text, "notes inside {}")
        elif self._last and self._last.pitches:
            self._last.tie = True
            self._accidentals.tie(self._last.pitches)
        else:
            self._fault(token.column, token.text, "a tie after a note")

    def _broken_rhythm(self, token: Token) -> None:
        strength = len(token.text)
        if not self._last or not self._bar.notes or self._broken or strength > 3:
            self._fault(token.column, token.text, "> >> >>> < << or <<< between two notes of a bar")
            return
        short = Fraction(1, 2**strength)
        first, second = (2 - short, short) if token.text[0] == ">" else (short, 2 - short)
        self._last.duration *= first
        self._broken = second

    def _open_tuplet(self, token: Token) -> None:
        if self._tuplet:
            self._fault(token.column, token.text, f"{self._tuplet[1]} more notes in the tuplet before")
        values = [int(part) if part else 0 for part in token.text[1:].split(":")]
        count, time, notes = (*values, 0, 0)[:3]
        if count < 2:
            self._fault(token.column, token.text, "a tuplet (2 to (9")
            return
        compound = self._meter is not None and self._meter.is_compound
        time = time or _TUPLET_TIME.get(count) or (3 if compound else 2)
        self._tuplet = (Fraction(time, count), notes or count)

    # -- groups --------------------------------------------------------------------------------

    def _open_grace(self, token: Token) -> None:
        if self._in_grace:
            self._fault(token.column, token.text, "} before another {")
        self._in_grace = True

    def _close_grace(self, token: Token) -> None:
        if not self._in_grace:
            self._fault(token.column, token.text, "{ before }")
        self._in_grace = False

    def _open_chord(self, token: Token) -> None:
        if self._in_grace:
            return
        if self._chord:
            self._fault(token.column, token.text, "] before another [")
            return
        self._chord = _Chord(self._line, token.column)

    def _close_chord(self, token: Token) -> None:
        if self._in_grace:
            return
        if not self._chord:
            self._fault(token.column, token.text, "[ before ]")
            return
        self._end_chord(self._factor(token.match["chord_length"], token.column) or Fraction(1))

    def _end_chord(self, outer: Fraction) -> None:
        chord, self._chord = self._chord, None
        assert chord is not None
        if not chord.pitches:
            self._fault(chord.column, "[]", "notes between [ and ]")
            return
        pitches = tuple(dict.fromkeys(chord.pitches))
        self._add(pitches, (chord.factor or Fraction(1)) * outer, chord.column)
        if chord.tied and self._last:
            self._last.tie = True
            self._accidentals.tie(pitches)

    def _open_slur(self, token: Token) -> None:
        self._waiting.slur_starts += 1

    def _close_slur(self, token: Token) -> None:
        if self._last:
            self._last.slur_ends += 1
        else:
            self._fault(token.column, token.text, "a note before )")

    def _open_overlay(self, token: Token) -> None:
        self._overlay = True
        self._fault_once("overlay", token.column, token.text, "one voice (kept the first of the bar)")

    # -- marks on notes ------------------------------------------------------------------------

    def _decoration(self, token: Token) -> None:
        name = token.match["bang"] or token.match["plus"]
        self._waiting.decorations.append(DECORATION_SYNONYMS.get(name, name))

    def _short_decoration(self, token: Token) -> None:
        name = self._symbols.get(token.text)
        if name is None:
            self._fault(
                token.column, token.text, "a decoration: . ~ H J L M O P R S T u v or one that U: defines"
            )
        elif name not in ("nil", "none"):
            self._waiting.decorations.append(name)

    def _string(self, token: Token) -> None:
        text = token.text.strip('"').strip()
        if not token.text.endswith('"') or len(token.text) < 2:
            self._fault(token.column, token.text, 'a second " on the same line')
        if not text:
            return
        if not CHORD_SYMBOL.fullmatch(text):
            self._waiting.annotations.append(decode_text(text))
        elif self._waiting.chord_symbol:
            self._fault(
                token.column, token.text, f"one chord symbol at a note (kept {self._waiting.chord_symbol})"
            )
        else:
            self._waiting.chord_symbol = text

    # -- bars ----------------------------------------------------------------------------------

    def _ending(self, token: Token) -> None:
        self._start_ending(token.text.strip('[" '), token.column)

    def _number(self, token: Token) -> None:
        if self._bar.notes or self._in_grace or self._chord:
            self._fault(token.column, token.text, "a number only after a note or a bar line")
        else:
            self._start_ending(token.text, token.column)

    def _start_ending(self, text: str, column: int) -> None:
        if self._bar.notes:
            self._close_bar()
        try:
            self._bar.endings = read_endings(text)
        except FieldError as error:
            self._fault(column, error.found, error.allowed)

    def _bar_line(self, token: Token) -> None:
        if self._in_grace or self._chord:
            self._fault(token.column, token.text, "} or ] before a bar line")
            self._in_grace = False
            if self._chord:
                self._end_chord(Fraction(1))
        self._overlay = False
        mark = token.text.lstrip(".")
        colons = set(mark) == {":"}
        ends = mark[0] == ":"
        starts = mark[-1] == ":" and (len(mark) > 1)
        double = "||" in mark or "|]" in mark or "[|" in mark
        if self._bar.notes:
            if self._broken:
                self._broken = None
                self._fault(token.column, token.text, "a note after > or <")
            if ends or double:
                self._hang_on_last()
            self._close_bar()
        if ends or double:
            self._mark_last(ends, double, token)
        if starts or colons:
            self._bar.start_repeat = True

    def _hang_on_last(self) -> None:
        """Words and marks on a part's closing bar line ("D.C.", a fermata) go to the note before it."""
        last, waiting = (self._bar.notes or self._bars[-1].notes)[-1], self._waiting
        last.annotations += tuple(waiting.annotations)
        last.decorations += tuple(waiting.decorations)
        waiting.annotations, waiting.decorations = [], []

    def _mark_last(self, ends: bool, double: bool, token: Token) -> None:
        if not self._bars:
            if ends:
                self._fault(token.column, token.text, "notes before a repeat sign")
            return
        self._bars[-1].end_repeat |= ends
        self._bars[-1].double_bar |= double

    def _close_bar(self) -> None:
        """Put the bar away if it holds notes and open the next."""
        self._accidentals.next_bar()
        if not self._bar.notes:
            return
        self._bars.append(self._bar)
        self._bar, self._next = self._next, BarDraft()


def _share_a_pitch(first: tuple[Pitch, ...], second: tuple[Pitch, ...]) -> bool:
    return bool({pitch.midi for pitch in first} & {pitch.midi for pitch in second})
