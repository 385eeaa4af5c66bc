"""Music code to notes: everything between two bar lines, with the marks that stand on notes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from fractions import Fraction

from symbolic_bridge.abc_drafts import BarDraft, NoteDraft
from symbolic_bridge.abc_fields import ACCIDENTALS, decode_text
from symbolic_bridge.abc_lexer import FINEST, LONGEST, Token, is_length, length_factor
from symbolic_bridge.abc_symbols import (
    CHORD_SYMBOL,
    DECORATION_SYNONYMS,
    MOST_TUPLET_NOTES,
    SHORT_DECORATIONS,
    TUPLET_TIME,
)
from symbolic_bridge.mending import Mender
from symbolic_bridge.spelling import BarAccidentals
from symbolic_bridge.tune import Header, Pitch

_ONE = Fraction(1)
_ALLOWED_LENGTH = f"a length above 0, of at most {LONGEST} whole notes and in parts of at most 1/{FINEST}"


@dataclass
class Waiting:
    """Marks that stand before the note they belong to."""

    graces: list[Pitch] = field(default_factory=list)
    grace_lengths: list[Fraction] = field(default_factory=list)
    decorations: list[str] = field(default_factory=list)
    chord_symbol: str = ""
    annotations: list[str] = field(default_factory=list)
    slur_starts: int = 0
    marks: list[str] = field(default_factory=list)


@dataclass
class _Chord:
    """The inside of [CEG]."""

    line: int
    column: int
    pitches: list[Pitch] = field(default_factory=list)
    factors: list[Fraction] = field(default_factory=list)
    tied: bool = False


@dataclass
class Overlay:
    """A voice written over bars that have notes already: what is to be filled, and where the main voice stood."""

    notes: list[NoteDraft]
    bars_left: list[BarDraft]
    last: NoteDraft | None
    accidentals: BarAccidentals


class NoteReader:
    """What is going on inside a bar, and a handler for each kind of token that makes or marks notes."""

    def __init__(self, header: Header, mender: Mender, octave: int, reach: str) -> None:
        self._mender = mender
        self._octave = octave
        self._unit = header.unit
        self._meter = header.meter
        self._key = header.key
        self._accidentals = BarAccidentals(header.key, reach)
        self._symbols = dict(SHORT_DECORATIONS)
        self._bars: list[BarDraft] = []
        self._bar = BarDraft()
        self._waiting = Waiting()
        self._last: NoteDraft | None = None
        self._tuplet: tuple[Fraction, int] | None = None
        self._broken: Fraction | None = None
        self._chord: _Chord | None = None
        self._in_grace = False
        self._overlay: Overlay | None = None
        # Notes of the music line that words may go with; None is a bar line.
        self._line_notes: list[NoteDraft | None] = []
        self._line = 1
        self._handlers: dict[str, Callable[[Token], None]] = {
            "note": self._note, "rest": self._rest, "string": self._string, "tuplet": self._open_tuplet,
            "grace_open": self._open_grace, "grace_close": self._close_grace, "broken": self._broken_rhythm,
            "tie": self._tie, "slur_open": self._open_slur, "slur_close": self._close_slur,
            "chord_open": self._open_chord, "chord_close": self._close_chord, "decoration": self._decoration,
            "short": self._short_decoration, "spacer": self._spacer, "line_break": self._nothing,
            "continuation": self._nothing, "unknown": self._unknown,
        }  # fmt: skip

    def _fault(self, column: int, found: str, allowed: str) -> None:
        self._mender.mend(self._line, column, found, allowed)

    def _nothing(self, token: Token) -> None:
        """Marks that only shape the printed page."""

    def _unknown(self, token: Token) -> None:
        self._fault(token.column, token.text, "notes, rests, bar lines and their marks")

    # -- notes ---------------------------------------------------------------------------------

    def _factor(self, text: str, column: int) -> Fraction | None:
        try:
            return length_factor(text)
        except ValueError:
            self._fault(column, text, _ALLOWED_LENGTH)
            return None

    def _pitch(self, token: Token) -> Pitch:
        match = token.match
        letter, marks, accidental = match["letter"], match["octave"], match["accidental"]
        octave = 4 + self._octave + (letter in "abcdefg")
        if marks:
            octave += marks.count("'") - marks.count(",")
        if not 0 <= octave <= 9:
            self._fault(token.column, token.text, "pitches from C0 to G9")
            octave = min(max(octave, 0), 8)
        letter = letter.upper()
        if accidental:
            alter = ACCIDENTALS[accidental]
            self._accidentals.write(letter, octave, alter)
        else:
            alter = self._accidentals.implied(letter, octave)
        return Pitch(letter, alter, octave)

    def _note(self, token: Token) -> None:
        pitch = self._pitch(token)
        factor = self._factor(token.match["length"], token.column)
        if self._in_grace:
            self._waiting.graces.append(pitch)
            self._waiting.grace_lengths.append(factor if factor and is_length(factor) else _ONE)
        elif self._chord:
            self._chord.pitches.append(pitch)
            self._chord.factors.append(factor or _ONE)
        elif factor:
            self._add((pitch,), factor, token.column)

    def _rest(self, token: Token) -> None:
        factor = self._factor(token.match["rest_length"], token.column)
        if self._in_grace or self._chord:
            self._fault(token.column, token.text, "notes inside {} and []")
        elif factor:
            if token.text[0] == "x":
                self._waiting.marks.append("x")
            self._add((), factor, token.column)

    def _add(
        self, pitches: tuple[Pitch, ...], factor: Fraction, column: int, ratios: tuple[Fraction, ...] = ()
    ) -> None:
        duration = factor * self._unit
        if self._tuplet:
            ratio, left = self._tuplet
            duration *= ratio
            self._tuplet = (ratio, left - 1) if left > 1 else None
        if self._broken:
            duration *= self._broken
            self._broken = None
        if not (is_length(duration) and all(is_length(duration * ratio) for ratio in ratios)):
            self._fault(column, f"a length of {duration} whole notes"[:60], _ALLOWED_LENGTH)
            duration, ratios = self._unit, ()
        last = self._last
        if last and last.tie and not self._crosses_repeat() and not _share_a_pitch(pitches, last.pitches):
            self._untie(last, "a tie to another pitch")
        self._accidentals.tie(())
        waiting, self._waiting = self._waiting, Waiting()
        draft = NoteDraft(
            pitches, duration, self._line, column, tuple(waiting.graces), tuple(waiting.decorations),
            waiting.chord_symbol, tuple(waiting.annotations), waiting.slur_starts, length_ratios=ratios,
            marks=tuple(waiting.marks),
        )  # fmt: skip
        if any(length != 1 for length in waiting.grace_lengths):
            draft.grace_lengths = tuple(waiting.grace_lengths)
        if self._overlay:
            self._overlay.notes.append(draft)
        else:
            if not self._bar.notes:
                self._bar.full = self._meter.bar_duration if self._meter else None
            self._bar.notes.append(draft)
            if pitches:
                self._line_notes.append(draft)
        self._last = draft

    def _crosses_repeat(self) -> bool:
        """Whether the last note's tie leads over a repeat sign or into an ending, so elsewhere than written."""
        if self._bar.notes or not self._bars:
            return False
        return self._bars[-1].end_repeat or bool(self._bar.endings) or self._bar.start_repeat

    def _untie(self, draft: NoteDraft, found: str) -> None:
        draft.tie = False
        draft.marks = tuple(mark for mark in draft.marks if mark != ".-")
        self._mender.mend(draft.line, draft.column, found, "a tie to the same pitch")

    def _tie(self, token: Token) -> None:
        if self._chord:
            self._chord.tied = True
        elif self._in_grace:
            self._fault(token.column, token.text, "notes inside {}")
        elif self._last and self._last.pitches:
            if token.text[0] == "." and not self._last.tie:
                self._last.marks += (".-",)
            self._last.tie = True
            self._accidentals.tie(self._last.pitches)
        else:
            self._fault(token.column, token.text, "a tie after a note")

    def _current_notes(self) -> list[NoteDraft]:
        return self._overlay.notes if self._overlay else self._bar.notes

    def _broken_rhythm(self, token: Token) -> None:
        strength = len(token.text)
        short = Fraction(1, 2 ** min(strength, 4))
        first, second = (2 - short, short) if token.text[0] == ">" else (short, 2 - short)
        last = self._last
        if not (last and self._current_notes() and not self._broken and strength <= 3) or not is_length(
            last.duration * first
        ):
            self._fault(token.column, token.text, "> >> >>> < << or <<< between two notes of a bar")
            return
        last.duration *= first
        self._broken = second

    def _open_tuplet(self, token: Token) -> None:
        if self._tuplet:
            self._fault(token.column, token.text, f"{self._tuplet[1]} more notes in the tuplet before")
            self._tuplet = None
        values = [int(part[:4]) if part else 0 for part in token.text[1:].split(":")]
        count, time, notes = (*values, 0, 0)[:3]
        if count < 2 or max(time, notes) > MOST_TUPLET_NOTES:
            self._fault(
                token.column, token.text, f"a tuplet (2 to (9, with at most {MOST_TUPLET_NOTES} notes"
            )
            return
        compound = self._meter is not None and self._meter.is_compound
        time = time or TUPLET_TIME.get(count) or (3 if compound else 2)
        self._tuplet = (Fraction(time, count), notes or count)

    # -- groups --------------------------------------------------------------------------------

    def _open_grace(self, token: Token) -> None:
        if self._in_grace:
            self._fault(token.column, token.text, "} before another {")
        self._in_grace = True
        if token.text == "{/" and "{/" not in self._waiting.marks:
            self._waiting.marks.append("{/")

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
        self._end_chord(self._factor(token.match["chord_length"], token.column) or _ONE)

    def _end_chord(self, outer: Fraction) -> None:
        chord, self._chord = self._chord, None
        assert chord is not None
        if not chord.pitches:
            self._fault(chord.column, "[]", "notes between [ and ]")
            return
        pitches, factors = tuple(chord.pitches), chord.factors
        # Standard 2.1: a chord lasts as long as its first note.
        ratios = tuple(factor / factors[0] for factor in factors) if len(set(factors)) > 1 else ()
        self._add(pitches, factors[0] * outer, chord.column, ratios)
        if chord.tied and self._last:
            self._last.tie = True
            self._accidentals.tie(pitches)

    def _open_slur(self, token: Token) -> None:
        self._waiting.slur_starts += 1
        if token.text[0] == ".":
            self._waiting.marks.append(".(")

    def _close_slur(self, token: Token) -> None:
        if self._last:
            self._last.slur_ends += 1
        else:
            self._fault(token.column, token.text, "a note before )")

    # -- marks on notes ------------------------------------------------------------------------

    def _spacer(self, token: Token) -> None:
        self._waiting.marks.append(token.text)

    def _decoration(self, token: Token) -> None:
        name = token.match["bang"] or token.match["plus"]
        self._waiting.decorations.append(DECORATION_SYNONYMS.get(name, name))

    def _short_decoration(self, token: Token) -> None:
        name = self._symbols.get(token.text)
        if name is None:
            self._fault(
                token.column, token.text, "a decoration: . ~ H J L M O P R S T u v or one that U: defines"
            )
            # Its sense is unknown, so it keeps its letter.
            name = token.text
        if name not in ("nil", "none"):
            self._waiting.decorations.append(name)

    def _string(self, token: Token) -> None:
        text = decode_text(token.text.strip('"'))
        if not token.text.endswith('"') or len(token.text) < 2:
            self._fault(token.column, token.text, 'a second " on the same line')
        if not text:
            return
        if CHORD_SYMBOL.fullmatch(text):
            if not self._waiting.chord_symbol:
                self._waiting.chord_symbol = text
                return
            self._mender.keep(self._line, token.column, token.text)
        self._waiting.annotations.append(text)


def _share_a_pitch(first: tuple[Pitch, ...], second: tuple[Pitch, ...]) -> bool:
    if len(first) == len(second) == 1:
        return first[0].midi == second[0].midi
    return bool({pitch.midi for pitch in first} & {pitch.midi for pitch in second})
