"""The measures of one part to bars: a clock that runs through them, and what waits for the next note or bar."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from fractions import Fraction

from symbolic_bridge.abc_fields import felt_beat
from symbolic_bridge.abc_lyrics import syllable_of
from symbolic_bridge.abc_symbols import CHORD_SYMBOL
from symbolic_bridge.musicxml import marks
from symbolic_bridge.musicxml.chord_symbols import symbol_of
from symbolic_bridge.musicxml.drafts import BarDraft, NoteDraft, Remarks
from symbolic_bridge.musicxml.values import (
    endings_of,
    fault,
    key_of,
    meter_of,
    number,
    pitch_of,
    place_of,
    speed_of,
    written_length,
)
from symbolic_bridge.musicxml.writer import ONE_LENGTH
from symbolic_bridge.musicxml.xml_tree import Element
from symbolic_bridge.tune import Key, Meter, Pitch

# Longest note and longest measure, in whole notes: times in a damaged file can reach for ever.
LONGEST_NOTE, LONGEST_MEASURE = 64, 1024
# Gaps and overlaps shorter than this many whole notes come from files that round the lengths of tuplets.
_SLACK = Fraction(1, 256)
# Layout, and what another element of the same note has said already.
_ALWAYS_SILENT = ("print", "grouping", "link", "bookmark", "listening", "footnote", "level", "tuplet")
_VERSES = tuple("123456789")
# How often a section may be played.
_TIMES = tuple("23456789")


class MeasureReader:
    """Reads the measures of one voice in order; `bars` are what it has found.

    Args:
        voice: staff and voice whose notes are taken; others only move the clock.
        keys: see `values.key_of`.
        remarks: gets what is mended or left out.
        overlays: the voices that lie over this one.
        is_overlay: the voice lies over another one, which has the bars and all that hangs on them.
    """

    def __init__(
        self,
        voice: tuple[str, str],
        keys: Mapping[tuple[tuple[str, int], ...], Key],
        remarks: Remarks,
        overlays: Collection[str] = (),
        is_overlay: bool = False,
    ) -> None:
        self.bars: list[BarDraft] = []
        self.tempo_words = ""
        self.is_free = False
        self._voice = voice
        self._keys = keys
        self._remarks = remarks
        self._overlays, self._is_overlay = overlays, is_overlay
        self._divisions = Fraction(1)
        self._meter: Meter | None = Meter()
        self._bar, self._next = BarDraft(), BarDraft()
        self._clock = self._reached = self._longest = Fraction(0)
        self._graces: list[Pitch] = []
        self._last: NoteDraft | None = None
        self._taken = False
        # Slurs that are open, by number: the note that each began at; and those that wait for the note of their graces.
        self._slurs: dict[str, list[NoteDraft]] = {}
        self._grace_slurs: list[str] = []
        self._wedges: list[str] = []
        # What hangs on a place of the measure: place, what to do with the note that is found there.
        self._waiting: list[tuple[Fraction, Callable[[NoteDraft], None]]] = []
        self._chords: list[tuple[Fraction, str, int]] = []
        self._handlers: dict[str, Callable[[Element], None]] = {
            "attributes": self._attributes, "note": self._note, "backup": self._backup, "forward": self._forward,
            "harmony": self._harmony, "direction": self._direction, "sound": self._sound, "barline": self._bar_line,
        }  # fmt: skip
        if is_overlay:
            moving = ("note", "backup", "forward", "direction")
            self._handlers = {tag: handler for tag, handler in self._handlers.items() if tag in moving}
            self._handlers["attributes"] = self._divide

    def read(self, measure: Element) -> None:
        """Read one measure."""
        self._clock = self._reached = self._longest = Fraction(0)
        for child in measure:
            handler = self._handlers.get(child.tag)
            if handler:
                handler(child)
            elif child.tag not in _ALWAYS_SILENT and not self._is_overlay:
                self._leave_out(child)
        if not self._is_overlay:
            self._rest_until(self._longest)
        if not self._bar.notes and not self._is_overlay:
            self._bar.notes.append(
                NoteDraft(Fraction(0), self._meter.bar_duration if self._meter else Fraction(1))
            )
        self._hang()
        self.bars.append(self._bar)
        self._bar, self._next = self._next, BarDraft()

    def finish(self) -> None:
        """Close what the last measure left open."""
        for notes in self._slurs.values():
            for note in notes:
                note.slur_starts -= 1
                self._remarks.add("a slur that never ends is left out", 1)
        if self._graces:
            self._remarks.add("grace notes behind the last note are left out", 1)
        for index, bar in enumerate(self.bars[:-1]):
            after = self.bars[index + 1]
            if bar.ending_stops and not (bar.end_repeat or after.endings or after.start_repeat):
                # A tune says by a double bar that an ending is over.
                bar.double_bar = True

    def _leave_out(self, element: Element) -> None:
        self._remarks.add(f"<{element.tag}> is left out, which a tune cannot hold", element.line)

    # -- attributes ----------------------------------------------------------------------------

    def _bar_of_change(self, element: Element) -> BarDraft:
        """The bar that a change belongs to: this one before its first note, else the next."""
        if not self._bar.notes:
            return self._bar
        self._remarks.add("a change inside a bar takes effect at the next", element.line)
        return self._next

    def _divide(self, attributes: Element) -> None:
        for child in attributes.find_all("divisions"):
            self._divisions = number(child)
            if self._divisions <= 0:
                raise fault(child, f"{self._divisions}", "a number above 0")

    def _attributes(self, attributes: Element) -> None:
        self._divide(attributes)
        for child in attributes:
            if child.tag == "divisions" or child.get("number", "1") not in ("1", self._voice[0]):
                continue
            elif child.tag == "key":
                self._bar_of_change(child).key = key_of(child, self._keys)
            elif child.tag == "time":
                self._change_meter(child)
            elif child.tag == "transpose":
                self._remarks.add("a transposing instrument: pitches are taken as written", child.line)
            elif child.tag == "measure-style" and (child.find("measure-repeat") or child.find("beat-repeat")):
                self._leave_out(child)

    def _change_meter(self, time: Element) -> None:
        meter = meter_of(time)
        if meter is None and (self.bars or self._bar.notes):
            self._remarks.add("free metre inside a tune is left out", time.line)
            return
        self._meter = meter
        self._bar_of_change(time).meter = meter
        if meter is None:
            self.is_free = True

    # -- time ----------------------------------------------------------------------------------

    def _wholes(self, element: Element, longest: int = LONGEST_NOTE) -> Fraction:
        duration = element.find("duration")
        wholes = number(duration) / (4 * self._divisions) if duration else Fraction(0)
        if not 0 <= wholes <= longest:
            raise fault(element, f"a duration of {float(wholes):g} whole notes", f"0 to {longest}")
        return wholes

    def _advance(self, wholes: Fraction) -> None:
        self._clock += wholes
        if self._clock > LONGEST_MEASURE:
            raise ValueError(f"measure {len(self.bars) + 1} is longer than {LONGEST_MEASURE} whole notes")
        self._longest = max(self._longest, self._clock)

    def _backup(self, element: Element) -> None:
        self._clock = max(Fraction(0), self._clock - self._wholes(element, LONGEST_MEASURE))

    def _forward(self, element: Element) -> None:
        self._advance(self._wholes(element, LONGEST_MEASURE))

    def _rest_until(self, place: Fraction) -> None:
        """Fill what a voice leaves empty."""
        if place - self._reached > _SLACK:
            self._bar.notes.append(NoteDraft(self._reached, place - self._reached))
            self._last = self._bar.notes[-1]
            self._reached = place

    # -- notes ---------------------------------------------------------------------------------

    def _note(self, note: Element) -> None:
        if note.find("chord"):
            if self._taken:
                self._chord_note(note)
            return
        mine = place_of(note) == self._voice
        if note.find("cue"):
            self._remarks.add("cue notes are left out", note.line)
            mine = False
        self._taken = mine
        if note.find("grace"):
            pitch = pitch_of(note, self._remarks)
            if mine and pitch:
                self._graces.append(pitch)
                self._begin_grace_slurs(note)
            return
        start, wholes = self._clock, self._wholes(note)
        length = self._exact_length(note, wholes)
        self._advance(wholes)
        if not mine or length is None:
            return
        if self._reached - start > _SLACK:
            self._remarks.add("a note that begins before the one before it ends is left out", note.line)
            self._taken = False
            return
        self._rest_until(start)
        pitch = pitch_of(note, self._remarks)
        if note.find("unpitched"):
            self._remarks.add("a note without pitch becomes a rest", note.line)
        draft = NoteDraft(start, length, [pitch] if pitch else [], graces=tuple(self._graces))
        draft.is_hidden = note.get("print-object") == "no"
        self._graces = []
        for slur in self._grace_slurs:
            self._slurs.setdefault(slur, []).append(draft)
            draft.slur_starts += 1
        self._grace_slurs = []
        self._bar.notes.append(draft)
        self._last = draft
        self._reached = max(self._reached, start + wholes)
        self._marks(note, draft)
        self._syllables(note, draft)

    def _exact_length(self, note: Element, wholes: Fraction) -> Fraction | None:
        """What the note's signs say where its duration is that but for rounding, else its duration; None for none."""
        written = written_length(note)
        length = wholes
        if written is not None and abs(written - wholes) <= 1 / (4 * self._divisions):
            length = written
        if length > 0:
            return length
        self._remarks.add("a note without a length is left out", note.line)
        return None

    def _chord_note(self, note: Element) -> None:
        pitch = pitch_of(note, self._remarks)
        if pitch is None:
            return
        if note.find("grace"):
            self._remarks.add("a chord of grace notes is written one after another", note.line)
            self._graces.append(pitch)
        elif self._last and pitch not in self._last.pitches:
            self._last.pitches.append(pitch)
            self._marks(note, self._last)

    def _marks(self, note: Element, draft: NoteDraft) -> None:
        """Ties, slurs and decorations of a note."""
        draft.tie |= any(tie.get("type") == "start" for tie in note.find_all("tie"))
        for notations in note.find_all("notations"):
            for mark in notations:
                found = marks.decorations_of(mark)
                if found is not None:
                    # The notes of a chord repeat what is said of the chord.
                    is_repeated = note.find("chord") is not None
                    draft.decorations += [
                        name for name in found if not is_repeated or name not in draft.decorations
                    ]
                elif mark.tag == "tied":
                    draft.tie |= mark.get("type") == "start"
                elif mark.tag == "slur":
                    self._slur(mark, draft)
                elif mark.tag == "other-notation" and mark.text.strip() == ONE_LENGTH:
                    draft.goes_on |= mark.get("type") != "start"
                elif mark.tag not in _ALWAYS_SILENT:
                    self._leave_out(mark)

    def _slur(self, slur: Element, draft: NoteDraft) -> None:
        """Count a slur at the notes that it begins and ends at."""
        opened = self._slurs.setdefault(slur.get("number", "1"), [])
        if slur.get("type") == "start":
            opened.append(draft)
            draft.slur_starts += 1
        elif slur.get("type") == "stop" and opened:
            opened.pop()
            draft.slur_ends += 1

    def _begin_grace_slurs(self, note: Element) -> None:
        """A slur that begins at a grace note is its note's; one among the graces is theirs alone."""
        for notations in note.find_all("notations"):
            for slur in notations.find_all("slur"):
                if slur.get("type") == "start":
                    self._grace_slurs.append(slur.get("number", "1"))
                elif slur.get("number", "1") in self._grace_slurs:
                    self._grace_slurs.remove(slur.get("number", "1"))

    def _syllables(self, note: Element, draft: NoteDraft) -> None:
        """Words under a note, verse by verse."""
        for lyric in note.find_all("lyric"):
            number = lyric.get("number", "1")
            verse = int(number) if number in _VERSES else 1
            text = " ".join(" ".join(part.text.split()) for part in lyric.find_all("text")).strip()
            goes_on = lyric.text_of("syllabic") in ("begin", "middle")
            found = syllable_of(text, goes_on) if text and text != "-" else text
            found = found or ("_" if lyric.find("extend") else "")
            if found:
                draft.lyrics += [""] * (verse - len(draft.lyrics))
                draft.lyrics[verse - 1] = found

    # -- what stands at a place ----------------------------------------------------------------

    def _place(self, element: Element) -> Fraction:
        offset = element.find("offset")
        moved = number(offset) / (4 * self._divisions) if offset else Fraction(0)
        return max(Fraction(0), self._clock + moved)

    def _hang(self) -> None:
        """Give what waits to the notes of the measure: those at its place, else the next, else the last."""
        notes = self._bar.notes
        for place, give in self._waiting:
            following = next((note for note in notes if note.start >= place), notes[-1])
            give(self._note_at(place) or following)
        for place, symbol, line in self._chords:
            sounding = next((note for note in reversed(notes) if note.start <= place), notes[0])
            at_start = self._note_at(place)
            note = at_start or sounding
            if note.chord_symbol:
                self._remarks.add("a second chord symbol at one note is left out", line)
                continue
            if not at_start:
                self._remarks.add("a chord symbol moves to the beginning of its note", line)
            note.chord_symbol = symbol
        self._waiting, self._chords = [], []

    def _note_at(self, place: Fraction) -> NoteDraft | None:
        """The note that begins at a place, but for rounding."""
        nearest = min(self._bar.notes, key=lambda note: abs(note.start - place))
        return nearest if abs(nearest.start - place) <= _SLACK else None

    def _harmony(self, harmony: Element) -> None:
        if (harmony.text_of("staff") or self._voice[0]) != self._voice[0]:
            return
        symbol = symbol_of(harmony)
        if symbol:
            self._chords.append((self._place(harmony), symbol, harmony.line))
        elif harmony.text_of("kind") == "none":
            self._waiting.append((self._place(harmony), lambda note: note.annotations.append("N.C.")))
        else:
            self._leave_out(harmony)

    def _direction(self, direction: Element) -> None:
        if (direction.text_of("staff") or self._voice[0]) != self._voice[0]:
            return
        voice = direction.text_of("voice")
        if voice in self._overlays or (self._is_overlay and voice != self._voice[1]):
            return
        speed = speed_of(direction)
        is_tempo = direction.get("directive") == "yes" or speed.wholes_per_minute is not None
        if speed.wholes_per_minute is not None:
            self._set_tempo(speed.wholes_per_minute, direction)
        opens = is_tempo and not self.bars and not self._bar.notes
        if opens:
            self.tempo_words = f"{self.tempo_words} {speed.words}".strip()
        place = self._place(direction)
        for kind in direction.find_all("direction-type"):
            for mark in kind:
                if not (opens and mark.tag == "words"):
                    self._direction_mark(mark, place, direction)

    def _direction_mark(self, mark: Element, place: Fraction, direction: Element) -> None:
        text = " ".join(mark.text.split())
        if mark.tag == "words":
            self._words(text, place, direction)
        elif mark.tag == "rehearsal":
            self._bar_of_change(mark).part = text
        elif mark.tag in marks.SIGNS:
            self._decorate(place, [mark.tag])
        elif mark.tag == "dynamics":
            self._decorate(place, marks.dynamics_of(mark))
        elif mark.tag == "wedge":
            self._wedge(mark, place)
        elif mark.tag != "metronome" or speed_of(direction).wholes_per_minute is None:
            self._leave_out(mark)

    def _decorate(self, place: Fraction, names: list[str]) -> None:
        self._waiting.append((place, lambda note: note.decorations.extend(names)))

    def _words(self, text: str, place: Fraction, direction: Element) -> None:
        sound = direction.find("sound")
        if text in marks.JUMPS and sound and marks.JUMPS[text] in sound.attributes:
            self._decorate(place, [text])
            return
        sign = {"above": "^", "below": "_"}.get(direction.get("placement"), "")
        if not sign and CHORD_SYMBOL.fullmatch(text):
            # Words that could be taken for a chord.
            sign = "^"
        if sign + text:
            self._waiting.append((place, lambda note: note.annotations.append(sign + text)))

    def _wedge(self, wedge: Element, place: Fraction) -> None:
        kind = wedge.get("type")
        if kind in ("crescendo", "diminuendo"):
            self._wedges.append(kind)
            self._decorate(place, [f"{kind}("])
        elif kind == "stop" and self._wedges:
            self._decorate(place, [f"{self._wedges.pop()})"])

    def _sound(self, sound: Element) -> None:
        wholes = speed_of(sound).wholes_per_minute
        if wholes is not None:
            self._set_tempo(wholes, sound)

    def _set_tempo(self, wholes: Fraction, element: Element) -> None:
        self._bar_of_change(element).tempo_bpm = float(wholes / felt_beat(self._meter))

    # -- bar lines -----------------------------------------------------------------------------

    def _bar_line(self, line: Element) -> None:
        where = line.get("location", "right")
        style = line.text_of("bar-style")
        if where == "middle":
            self._leave_out(line)
            return
        closing = self._bar if where == "right" else self.bars[-1] if self.bars else None
        repeat, ending = line.find("repeat"), line.find("ending")
        if repeat and repeat.get("direction") == "forward":
            (self._bar if where == "left" else self._next).start_repeat = True
        elif repeat and repeat.get("direction") == "backward" and closing:
            closing.end_repeat = True
            times = repeat.get("times", "2")
            if times in _TIMES:
                closing.plays = int(times)
            else:
                self._remarks.add(f"a repeat {times!r} times is played twice", repeat.line)
        elif closing and style in ("light-light", "light-heavy", "heavy-light", "heavy-heavy"):
            closing.double_bar = True
        if ending and ending.get("type") == "start":
            self._bar.endings = endings_of(ending)
        elif ending and closing:
            closing.ending_stops = True
        for mark in line:
            if mark.tag in ("segno", "coda", "fermata") and where == "right":
                self._decorate(self._clock, [mark.tag])
