"""The lines of one voice to bars: bar lines, endings, overlays, fields inside the tune, words."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from typing import NamedTuple

from symbolic_bridge.abc_blocks import BODY_FIELDS
from symbolic_bridge.abc_checks import check_bars
from symbolic_bridge.abc_drafts import BarDraft
from symbolic_bridge.abc_fields import (
    FieldError,
    decode_text,
    felt_beat,
    felt_tempo,
    field_text,
    has_key,
    is_interpreted,
    key_settings,
    quoted_text,
    read_endings,
    read_key,
    read_meter,
    read_reach,
    read_tempo,
    read_unit,
    read_user_symbol,
)
from symbolic_bridge.abc_lexer import Token, tokens
from symbolic_bridge.abc_lyrics import place_symbols, place_words
from symbolic_bridge.abc_notes import NoteReader, Overlay
from symbolic_bridge.abc_symbols import CHORD_SYMBOL, DECORATION_SYNONYMS
from symbolic_bridge.mending import Mender
from symbolic_bridge.spelling import BarAccidentals
from symbolic_bridge.tune import SPECIAL_BAR_LINES, Bar, Header

_COMMENT = re.compile(r"%(?!%)")
# What names a tune of a set and says its kind.
_OPENS_A_TUNE = ("T:", "R:")
MOST_PLAYS = 9
# Bars of rest that one Z, and that all of a voice, may stand for.
MOST_RESTING_BARS, MOST_RESTING_BARS_IN_ALL = 1000, 5000


class Piece(NamedTuple):
    """A part of a line of music code: the line's number, how many characters stand before the part, the text."""

    number: int
    offset: int
    text: str


class BodyReader(NoteReader):
    """Reads the lines of a voice in order; `finish` gives the bars."""

    def __init__(self, header: Header, mender: Mender, octave: int = 0, reach: str = "pitch") -> None:
        super().__init__(header, mender, octave, reach)
        for letter, text in header.fields:
            if letter == "U":
                self._define_symbol(text)
        # What the bar that follows this one will begin with.
        self._next = BarDraft()
        self._goes_on = False
        self._verses = 0
        self._resting_bars = 0
        self._handlers |= {
            "bar": self._bar_line, "ending": self._ending, "number": self._number, "field": self._inline_field,
            "overlay": self._open_overlay, "long_rest": self._long_rest,
        }  # fmt: skip

    @property
    def has_notes(self) -> bool:
        """Whether anything has been read that sounds or rests."""
        return bool(self._bars or self._bar.notes)

    # -- lines ---------------------------------------------------------------------------------

    def music_line(self, pieces: list[Piece], goes_on: bool = False) -> None:
        """Read a line of music code.

        Args:
            pieces: more than one where a line was broken inside a mark.
            goes_on: the next line of music belongs to this one for the words under it.
        """
        if not self._goes_on:
            self._line_notes, self._verses = [], 0
        self._goes_on = goes_on
        if len(pieces) == 1:
            self._line, shift, line = pieces[0].number, -pieces[0].offset, pieces[0].text
            starts: list[tuple[int, Piece]] = []
        else:
            line, shift, starts = "".join(piece.text for piece in pieces), 0, []
            position = 0
            for piece in pieces:
                starts.append((position, piece))
                position += len(piece.text)
            starts.reverse()
        handlers = self._handlers
        for token in tokens(line):
            while starts and starts[-1][0] < token.column:
                position, piece = starts.pop()
                self._line, shift = piece.number, position - piece.offset
            handlers[token.kind](token._replace(column=token.column - shift) if shift else token)
        if self._in_grace or self._chord:
            self._fault(len(line) + 1 - shift, "end of line", "} or ] to close what was opened on this line")
            self._in_grace = False
            if self._chord:
                self._end_chord(Fraction(1))

    def field_line(self, letter: str, value: str, number: int, column: int) -> None:
        """Read an information field that stands on a line of its own."""
        self._line = number
        self._field(letter, value, column)

    def keep_line(self, text: str, number: int, column: int = 1) -> None:
        """Keep an instruction, a comment or a field that is not interpreted, before the bar that follows."""
        if not (is_interpreted(text[2:]) or _COMMENT.match(text) or text.startswith(_OPENS_A_TUNE)):
            self._mender.keep(number, column, text)
        self._bar_of_change().lines.append(text)

    def set_reach(self, reach: str) -> None:
        """Say how far accidentals reach from here on: "pitch", "octave" or "not"."""
        self._accidentals.reach = reach

    def finish(self, end: tuple[int, int], is_main: bool = True) -> tuple[tuple[Bar, ...], list[str]]:
        """Close the voice, whose text ends at line and column `end`, and check what shows only there.

        Args:
            end: line and column.
            is_main: a voice beside the first may hold rests only.

        Returns:
            The bars, and lines kept behind the last of them.
        """
        self._end_overlay()
        if self._bar.notes or self._bars:
            self._hang_on_last()
        self._close_bar()
        for missing in self._missing():
            self._mender.mend(*end, "end of the tune", missing)
        if self._last and self._last.tie:
            self._untie(self._last, "end of the tune")
        check_bars(self._bars, self._mender, is_main)
        return tuple(draft.freeze() for draft in self._bars), self._bar.lines + self._next.lines

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

    # -- fields --------------------------------------------------------------------------------

    def _inline_field(self, token: Token) -> None:
        letter = token.text[1]
        if letter in BODY_FIELDS:
            self._field(letter, token.text[3:-1], token.column + 3)
        else:
            # Without its brackets it would be music.
            self.keep_line(token.text, self._line, token.column)

    def _field(self, letter: str, value: str, column: int) -> None:
        try:
            self._apply_field(letter, value, column)
        except FieldError as error:
            self._fault(column, error.found, error.allowed)

    def _bar_of_change(self) -> BarDraft:
        """The bar a change belongs to: this one while it is empty, else the next."""
        return self._next if self._bar.notes else self._bar

    def _apply_field(self, letter: str, value: str, column: int) -> None:
        if letter == "K":
            bar = self._bar_of_change()
            settings = key_settings(value)
            key, self._octave = read_key(value)
            bar.clef = settings
            if has_key(value):
                self._key = bar.key = key
                self._accidentals.set_key(key)
        elif letter == "M":
            before, self._meter, bar = felt_beat(self._meter), read_meter(value), self._bar_of_change()
            # Of several at one bar the last holds.
            bar.lines = [line for line in bar.lines if line != "M:none"]
            if self._meter is None:
                self.keep_line("M:none", self._line, column - 2)
            bar.meter = self._meter
            if bar.tempo_bpm is not None:
                bar.tempo_bpm *= float(before / felt_beat(self._meter))
        elif letter == "L":
            self._unit = read_unit(value)
        elif letter == "Q":
            tempo = read_tempo(value, self._unit)
            speed = felt_tempo(tempo, self._meter)
            if speed is not None:
                self._bar_of_change().tempo_bpm = speed
            if tempo.words:
                self.keep_line(f"Q:{quoted_text(tempo.words)}", self._line, column - 2)
        elif letter == "P":
            self._bar_of_change().part = decode_text(value)
        elif letter == "U":
            self._define_symbol(value)
        elif letter == "w":
            self._words(value, column)
        elif letter == "s":
            self._symbol_line(value, column)
        elif letter == "I" and (reach := read_reach(value)):
            self.set_reach(reach)
        elif value.strip():
            self.keep_line(field_text(letter, value.strip()), self._line, max(1, column - 2))

    def _define_symbol(self, text: str) -> None:
        sign, name = read_user_symbol(text)
        self._symbols[sign] = name

    def _words(self, value: str, column: int) -> None:
        """Give the syllables of a w: line to the notes of the music line above it."""
        placed, rest = place_words(decode_text(value), self._line_notes)
        for index, syllable in placed:
            note = self._line_notes[index]
            assert note is not None
            note.lyrics += ("",) * (self._verses - len(note.lyrics)) + (syllable,)
        self._verses += 1
        if rest:
            self._fault(column, rest, "no more syllables than notes in the line above")

    def _symbol_line(self, value: str, column: int) -> None:
        """Give the marks of an s: line to the notes of the music line above it."""
        placed, rest = place_symbols(value, self._line_notes)
        for index, mark in placed:
            note = self._line_notes[index]
            assert note is not None
            inner = mark[1:-1]
            if mark[0] == '"' and CHORD_SYMBOL.fullmatch(inner) and not note.chord_symbol:
                note.chord_symbol = inner
            elif mark[0] == '"' and inner.strip():
                note.annotations += (decode_text(inner),)
            elif len(mark) > 2 and not set(inner) & set(' \t|:"'):
                note.decorations += (DECORATION_SYNONYMS.get(inner, inner),)
            else:
                self._fault(column, mark, 'marks such as !trill!, "Am" or *')
        if rest:
            self._fault(column, rest, "no more symbols than notes in the line above")

    # -- bars ----------------------------------------------------------------------------------

    def _long_rest(self, token: Token) -> None:
        """Z4: whole bars of rest; X4 the same, not printed."""
        count = int(token.match["bars"][:5] or 1)
        if not 1 <= count <= MOST_RESTING_BARS:
            self._fault(token.column, token.text, f"1 to {MOST_RESTING_BARS} bars of rest")
            return
        if self._resting_bars + count > MOST_RESTING_BARS_IN_ALL:
            allowed = f"at most {MOST_RESTING_BARS_IN_ALL} bars of rest in a voice"
            self._fault(token.column, token.text, allowed)
            return
        self._resting_bars += count
        length = (self._meter.bar_duration if self._meter else Fraction(1)) / self._unit
        for turn in range(count):
            if turn:
                self._close_bar()
            if token.text[0] == "X":
                self._waiting.marks.append("x")
            self._add((), length, token.column)

    def _ending(self, token: Token) -> None:
        self._start_ending(token.text.strip('[" '), token.column)

    def _number(self, token: Token) -> None:
        if self._bar.notes or self._in_grace or self._chord:
            self._fault(token.column, token.text, "a number only after a note or a bar line")
        else:
            self._start_ending(token.text, token.column)

    def _start_ending(self, text: str, column: int) -> None:
        if self._bar.notes:
            self._end_overlay()
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
        if self._overlay and self._overlay.bars_left:
            self._next_overlay_bar()
            return
        self._end_overlay()
        mark = token.text.lstrip(".")
        special = token.text if token.text in SPECIAL_BAR_LINES else ""
        colons = set(mark) == {":"}
        ends = mark[0] == ":"
        starts = mark[-1] == ":" and (len(mark) > 1)
        double = not special and ("||" in mark or "|]" in mark or "[|" in mark)
        if self._bar.notes:
            if self._broken:
                self._fault(token.column, token.text, "a note after > or <")
            if ends or double:
                self._hang_on_last()
            self._close_bar()
            self._bars[-1].bar_line = special
        if ends or double:
            self._mark_last(ends, double, token)
        if ends and not colons and self._bars:
            colons_before = len(mark) - len(mark.lstrip(":"))
            self._bars[-1].plays = min(max(self._bars[-1].plays, colons_before + 1), MOST_PLAYS)
        if starts or colons:
            self._bar.start_repeat = True

    def _hang_on_last(self) -> None:
        """Words and marks on a part's closing bar line ("D.C.", a fermata) go to the note before it."""
        last, waiting = (self._bar.notes or self._bars[-1].notes)[-1], self._waiting
        # What looks like a chord symbol is one where there is none, as readers of what is written will find.
        symbols = [] if last.chord_symbol else [x for x in waiting.annotations if CHORD_SYMBOL.fullmatch(x)]
        if symbols:
            last.chord_symbol = symbols[0]
            waiting.annotations.remove(symbols[0])
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
        self._line_notes.append(None)
        self._bar, self._next = self._next, BarDraft()

    # -- overlays ------------------------------------------------------------------------------

    def _open_overlay(self, token: Token) -> None:
        """Go back to the beginning of the bar (&), or of an earlier one (&&, &&& ...), with another voice."""
        back = token.text.count("&") - 1
        self._end_overlay()
        if not self._bar.notes or back > len(self._bars) or self._in_grace or self._chord:
            self._fault(token.column, token.text, "notes of as many bars before &")
            return
        if "(" in token.text or ")" in token.text:
            self._fault(token.column, token.text, "& without brackets")
        bars = [*self._bars[len(self._bars) - back :], self._bar]
        self._overlay = Overlay([], bars, self._last, self._accidentals)
        self._next_overlay_bar()

    def _next_overlay_bar(self) -> None:
        assert self._overlay is not None
        bar = self._overlay.bars_left.pop(0)
        self._overlay.notes = []
        bar.overlays.append(self._overlay.notes)
        self._accidentals = BarAccidentals(self._key, self._overlay.accidentals.reach)
        self._last = None

    def _end_overlay(self) -> None:
        """Go on with the main voice where it stood."""
        if self._overlay:
            self._last, self._accidentals = self._overlay.last, self._overlay.accidentals
            self._overlay = None
