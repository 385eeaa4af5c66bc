"""Tunes to MusicXML 4.0 (score-partwise), in the order of elements that its schema asks for.

Every voice is a part, and every overlay a further voice of its part. What MusicXML has no element for stands in
<miscellaneous>, under names such as "abc-R" (a header field R:), so that reading the file again gives the same tune.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import lcm
from xml.etree import ElementTree as ET

from symbolic_bridge.abc_fields import felt_beat
from symbolic_bridge.abc_lyrics import text_of_syllable
from symbolic_bridge.abc_writer import key_text
from symbolic_bridge.musicxml import marks
from symbolic_bridge.musicxml.beams import BeamPlace, beams
from symbolic_bridge.musicxml.chord_symbols import harmony_element
from symbolic_bridge.musicxml.lengths import NoteValue, note_values
from symbolic_bridge.spelling import BarAccidentals
from symbolic_bridge.tune import Bar, Header, Key, Meter, Note, Pitch, Tune

_HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    '<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD MusicXML 4.0 Partwise//EN" '
    '"http://www.musicxml.org/dtds/partwise.dtd">\n'
)
_ACCIDENTALS = {-2: "flat-flat", -1: "flat", 0: "natural", 1: "sharp", 2: "double-sharp"}
_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_PLACEMENTS = {"^": "above", "_": "below"}
# Text of <other-notation> that ties written notes to the one length that they came from.
ONE_LENGTH = "one length"
MOST_SLURS = 16
# A tune whose notes lie lower than this on the average is written in the bass clef.
_BASS_CLEF_BELOW = 55


def musicxml_of_tune(tune: Tune) -> bytes:
    """The tune as a MusicXML document in UTF-8."""
    score = ET.Element("score-partwise", version="4.0")
    _write_header(score, tune)
    for number, bars in enumerate((tune.bars, *(voice.bars for voice in tune.voices)), 1):
        part = ET.SubElement(score, "part", id=f"P{number}")
        _PartWriter(tune.header, bars, is_first=number == 1).write(part)
    for element in score.iter():
        if element.text:
            element.text = _ILLEGAL.sub("\ufffd", element.text)
        for name, value in element.attrib.items():
            element.attrib[name] = _ILLEGAL.sub("\ufffd", value)
    ET.indent(score, " ")
    return (_HEAD + ET.tostring(score, encoding="unicode") + "\n").encode()


def _add(parent: ET.Element, tag: str, text: object = "", **attributes: str) -> ET.Element:
    """A new last child."""
    child = ET.SubElement(parent, tag, attributes)
    if text != "":
        child.text = str(text)
    return child


def number_text(value: float) -> str:
    """A number without needless decimals, exact."""
    return str(int(value)) if value == int(value) else repr(float(value))


# -- header ------------------------------------------------------------------------------------


def _write_header(score: ET.Element, tune: Tune) -> None:
    header = tune.header
    _add(_add(score, "work"), "work-title", header.title)
    identification = _add(score, "identification")
    for letter, text in header.fields:
        if letter == "C":
            _add(identification, "creator", text, type="composer")
    encoding = _add(identification, "encoding")
    _add(encoding, "software", "audiogen")
    for element in ("accidental", "beam"):
        _add(encoding, "supports", element=element, type="yes")
    miscellaneous = _add(identification, "miscellaneous")
    for letter, text in _kept_fields(tune):
        _add(miscellaneous, "miscellaneous-field", text, name=f"abc-{letter}")
    composers = [text for letter, text in header.fields if letter == "C"]
    for kind, text, side, size in (
        ("title", header.title, "center", "22"),
        ("rhythm", header.rhythm, "left", "10"),
        ("composer", ", ".join(composers), "right", "10"),
    ):
        if text:
            credit = _add(score, "credit", page="1")
            _add(credit, "credit-type", kind)
            _add(credit, "credit-words", text, justify=side, valign="top", **{"font-size": size})
    listed = _add(score, "part-list")
    if not tune.voices:
        _add(_add(listed, "score-part", id="P1"), "part-name", "Tune", **{"print-object": "no"})
        return
    for number, name in enumerate((tune.first_voice, *(voice.name for voice in tune.voices)), 1):
        _add(_add(listed, "score-part", id=f"P{number}"), "part-name", name)


def _kept_fields(tune: Tune) -> Iterator[tuple[str, str]]:
    header = tune.header
    yield "X", str(header.reference)
    if header.rhythm:
        yield "R", header.rhythm
    yield "L", str(header.unit)
    # The mode of a key whose signature is no row of sharps or flats.
    bars = [*tune.bars, *(bar for voice in tune.voices for bar in voice.bars)]
    keys = [header.key, *(bar.key for bar in bars if bar.key)]
    for text in dict.fromkeys(key_text(key) for key in keys if key.extra):
        yield "K", text
    yield from header.fields


# -- the part ----------------------------------------------------------------------------------


@dataclass
class _Piece:
    """A written note: all of a tune's note, or one of the tied notes that its length takes.

    `value` is None for a length without a written form; `start` is its place in the bar in whole notes.
    """

    note: Note
    duration: Fraction
    value: NoteValue | None
    start: Fraction
    is_first: bool = True
    is_last: bool = True
    tuplet_starts: bool = False
    tuplet_stops: bool = False


@dataclass
class _Line:
    """One voice on the staff, the bars' notes or an overlay of them, and what a reader keeps in mind of it.

    `number` as MusicXML counts voices; `place` in `notes` of the next one. `open_words`: verses amid a word.
    """

    number: int
    notes: list[Note]
    accidentals: BarAccidentals
    place: int = 0
    tied_in: tuple[int, ...] = ()
    slurs: list[int] = field(default_factory=list)
    is_grace_slur: bool = False
    open_words: set[int] = field(default_factory=set)


class _PartWriter:
    """Writes the measures in order, keeping accidentals, ties and slurs as a reader will."""

    def __init__(self, header: Header, bars: Sequence[Bar], is_first: bool) -> None:
        self._header, self._bars, self._is_first = header, bars, is_first
        self._meter = header.meter
        written = [layer for bar in bars for layer in (bar.notes, *bar.overlays)]
        self._divisions = lcm(
            *((piece.duration * 4).denominator for notes in written for piece in _pieces(notes))
        )
        layers = 1 + max((len(bar.overlays) for bar in bars), default=0)
        self._lines = [
            _Line(
                number + 1, [note for bar in bars for note in _layer(bar, number)], BarAccidentals(header.key)
            )
            for number in range(layers)
        ]
        self._line = self._lines[0]

    def write(self, part: ET.Element) -> None:
        """Write every bar."""
        bars = self._bars
        stops = _ending_stops(bars)
        number = 0 if bars and self._is_implicit(0, self._header.meter) else 1
        for index, bar in enumerate(bars):
            self._meter = bar.meter or self._meter
            measure = _add(part, "measure", number=str(number + index))
            if self._is_implicit(index, self._meter):
                measure.set("implicit", "yes")
            self._write_left(measure, index)
            self._write_attributes(measure, index)
            self._write_bar_directions(measure, index)
            self._write_notes(measure, index)
            self._write_right(measure, index, stops.get(index, ()))

    def _is_implicit(self, index: int, meter: Meter | None) -> bool:
        """Whether a bar is a pickup, or the rest of a measure that a bar line inside it cuts."""
        bars = self._bars
        bar, full = bars[index], meter.bar_duration if meter else Fraction(0)
        if bar.duration >= full:
            return False
        before = bars[index - 1] if index else None
        return before is None or before.duration + bar.duration == full or self._opens_section(index)

    def _opens_section(self, index: int) -> bool:
        bars = self._bars
        return (
            not index or bars[index].start_repeat or bars[index - 1].end_repeat or bars[index - 1].double_bar
        )

    # -- bar lines -----------------------------------------------------------------------------

    def _write_left(self, measure: ET.Element, index: int) -> None:
        bar = self._bars[index]
        if not bar.start_repeat and not bar.endings:
            return
        line = _add(measure, "barline", location="left")
        if bar.start_repeat:
            _add(line, "bar-style", "heavy-light")
        if bar.endings:
            _add(line, "ending", number=_passes(bar), type="start")
        if bar.start_repeat:
            _add(line, "repeat", direction="forward")

    def _write_right(self, measure: ET.Element, index: int, ending: tuple[str, str] | tuple[()]) -> None:
        bar = self._bars[index]
        if not bar.end_repeat and not bar.double_bar and not ending:
            return
        line = _add(measure, "barline", location="right")
        if bar.end_repeat:
            _add(line, "bar-style", "light-heavy")
        elif bar.double_bar:
            is_last = index == len(self._bars) - 1
            _add(line, "bar-style", "light-heavy" if is_last else "light-light")
        if ending:
            _add(line, "ending", number=ending[0], type=ending[1])
        if bar.end_repeat:
            times = {"times": str(bar.plays)} if bar.plays != 2 else {}
            _add(line, "repeat", direction="backward", **times)

    # -- what changes at a bar -----------------------------------------------------------------

    def _write_attributes(self, measure: ET.Element, index: int) -> None:
        header, bar = self._header, self._bars[index]
        first = index == 0
        key = bar.key or (header.key if first else None)
        if not (first or bar.key or bar.meter):
            return
        attributes = _add(measure, "attributes")
        if first:
            _add(attributes, "divisions", self._divisions)
        if key:
            for line in self._lines:
                line.accidentals.set_key(key)
            _write_key(attributes, key)
        if bar.meter or first:
            time = _add(attributes, "time")
            if self._meter:
                _add(time, "beats", self._meter.beats)
                _add(time, "beat-type", self._meter.unit)
            else:
                _add(time, "senza-misura")
        if first:
            clef = _add(attributes, "clef")
            sign, line = self._clef()
            _add(clef, "sign", sign)
            _add(clef, "line", line)

    def _clef(self) -> tuple[str, int]:
        pitches = [pitch.midi for note in self._lines[0].notes for pitch in note.pitches]
        low = pitches and sum(pitches) / len(pitches) < _BASS_CLEF_BELOW
        return ("F", 4) if low else ("G", 2)

    def _write_bar_directions(self, measure: ET.Element, index: int) -> None:
        header, bar = self._header, self._bars[index]
        if bar.part:
            _add(_direction(measure, "above"), "rehearsal", bar.part)
        opens = index == 0 and self._is_first
        tempo = header.tempo_bpm if opens and bar.tempo_bpm is None else bar.tempo_bpm
        words = " ".join(text for letter, text in header.fields if letter == "Q") if opens else ""
        if tempo is None and not words:
            return
        direction = _add(measure, "direction", placement="above", directive="yes")
        if words:
            _add(_add(direction, "direction-type"), "words", words)
        if tempo is not None:
            beat = felt_beat(self._meter if bar.tempo_bpm is not None else header.meter)
            metronome = _add(_add(direction, "direction-type"), "metronome")
            value = note_values(beat)[0]
            _add(metronome, "beat-unit", value.type)
            for _ in range(value.dots):
                _add(metronome, "beat-unit-dot")
            _add(metronome, "per-minute", number_text(tempo))
            _add(direction, "sound", tempo=number_text(float(Fraction(tempo) * beat * 4)))

    # -- notes ---------------------------------------------------------------------------------

    def _write_notes(self, measure: ET.Element, index: int) -> None:
        bar = self._bars[index]
        offset = self._pickup_offset(index)
        written = Fraction(0)
        for line, notes in zip(self._lines, (bar.notes, *bar.overlays), strict=False):
            self._line = line
            if written:
                _add(_add(measure, "backup"), "duration", int(written * 4 * self._divisions))
            self._line.accidentals.next_bar()
            pieces = _pieces(notes)
            self._write_line(measure, pieces, offset)
            written = sum((piece.duration for piece in pieces), Fraction(0))
        self._line = self._lines[0]

    def _write_line(self, measure: ET.Element, pieces: Sequence[_Piece], offset: Fraction) -> None:
        """Notes from the beginning of a bar, which begins at `offset` of its measure."""
        group = Fraction(1, 2) if self._meter == Meter(4, 4) else felt_beat(self._meter)
        states = beams(
            [
                BeamPlace(
                    piece.value.flags if piece.value and piece.note.pitches else 0,
                    int((piece.start + offset) // group),
                )
                for piece in pieces
            ]
        )
        for piece, beam in zip(pieces, states, strict=True):
            if piece.is_first:
                self._write_before(measure, piece.note)
            self._write_piece(measure, piece, beam)

    def _pickup_offset(self, index: int) -> Fraction:
        """Where in its measure a bar begins: short bars at the start of a part are pickups."""
        bar = self._bars[index]
        missing = self._meter.bar_duration - bar.duration if self._meter else Fraction(0)
        return missing if missing > 0 and self._opens_section(index) else Fraction(0)

    def _write_before(self, measure: ET.Element, note: Note) -> None:
        """Chord symbol, words, marks above the staff and graces, which all come before their note.

        A chord symbol belongs to no voice, so that an overlay cannot have one.
        """
        before = len(measure)
        if note.chord_symbol and self._line.number == 1:
            harmony = harmony_element(note.chord_symbol)
            if harmony is None:
                _add(_direction(measure, "above"), "words", note.chord_symbol)
            else:
                measure.append(harmony)
        for text in note.annotations:
            placement = _PLACEMENTS.get(text[:1], "")
            _add(_direction(measure, placement), "words", text[1:] if placement else text)
        for name in note.decorations:
            _write_direction_mark(measure, name)
        if self._line.number > 1:
            for direction in measure[before:]:
                _put_voice(direction, self._line.number)
        for turn, pitch in enumerate(note.graces):
            self._write_grace(measure, pitch, turn, len(note.graces))
        # ABC's ({g}A) joins the graces to their note: a slur that begins and ends there.
        self._line.is_grace_slur = bool(note.graces and note.slur_starts) and note.slur_ends > len(
            self._line.slurs
        )
        if self._line.is_grace_slur:
            self._open_slur(_add(measure[-len(note.graces)], "notations"))

    def _write_grace(self, measure: ET.Element, pitch: Pitch, turn: int, count: int) -> None:
        element = _add(measure, "note")
        _add(element, "grace")
        _write_pitch(element, pitch)
        _add(element, "voice", self._line.number)
        _add(element, "type", "16th" if count > 1 else "eighth")
        self._write_accidental(element, pitch)
        if count > 1:
            state = "begin" if turn == 0 else "end" if turn == count - 1 else "continue"
            for level in (1, 2):
                _add(element, "beam", state, number=str(level))

    def _write_piece(self, measure: ET.Element, piece: _Piece, beam: Sequence[str]) -> None:
        note = piece.note
        tied_in = self._line.tied_in
        self._line.tied_in = self._tied_out(piece)
        for turn, pitch in enumerate(note.pitches or (None,)):
            element = _add(measure, "note")
            if turn:
                _add(element, "chord")
            if pitch is None:
                _add(element, "rest")
                if "x" in note.marks:
                    element.set("print-object", "no")
            else:
                _write_pitch(element, pitch)
            _add(element, "duration", int(piece.duration * 4 * self._divisions))
            ties = []
            if pitch is not None:
                ties = ["stop"] * (pitch.midi in tied_in) + ["start"] * (pitch.midi in self._tied_out(piece))
            for kind in ties:
                _add(element, "tie", type=kind)
            _add(element, "voice", self._line.number)
            self._write_value(element, piece.value, pitch)
            if turn == 0:
                for level, state in enumerate(beam, 1):
                    _add(element, "beam", state, number=str(level))
            self._write_notations(element, piece, ties, is_lead=turn == 0)
            if turn == 0 and piece.is_first:
                self._write_lyrics(element, note)
        if piece.is_last:
            self._line.accidentals.tie(note.pitches if note.tie else ())
            self._line.place += 1
        elif note.pitches:
            self._line.accidentals.tie(note.pitches)

    def _tied_out(self, piece: _Piece) -> tuple[int, ...]:
        """MIDI numbers that a piece ties to the next; all of a chord's where the tie leads to no note beside it."""
        own = tuple(pitch.midi for pitch in piece.note.pitches)
        if not piece.is_last:
            return own
        if not piece.note.tie:
            return ()
        following = self._line.notes[self._line.place + 1 : self._line.place + 2]
        shared = {pitch.midi for note in following for pitch in note.pitches}
        return tuple(midi for midi in own if midi in shared) or own

    def _write_value(self, element: ET.Element, value: NoteValue | None, pitch: Pitch | None) -> None:
        if value:
            _add(element, "type", value.type)
            for _ in range(value.dots):
                _add(element, "dot")
        if pitch is not None:
            self._write_accidental(element, pitch)
        if value and value.actual > 1:
            change = _add(element, "time-modification")
            _add(change, "actual-notes", value.actual)
            _add(change, "normal-notes", value.normal)

    def _write_accidental(self, element: ET.Element, pitch: Pitch) -> None:
        if self._line.accidentals.needs_mark(pitch):
            self._line.accidentals.write(pitch.letter, pitch.octave, pitch.alter)
            if pitch.alter in _ACCIDENTALS:
                _add(element, "accidental", _ACCIDENTALS[pitch.alter])

    def _write_notations(self, element: ET.Element, piece: _Piece, ties: list[str], is_lead: bool) -> None:
        notations = ET.Element("notations")
        for kind in ties:
            _add(notations, "tied", type=kind)
        if is_lead:
            note = piece.note
            self._write_slurs(notations, piece)
            for kind, here in (("start", piece.tuplet_starts), ("stop", piece.tuplet_stops)):
                if here:
                    _add(notations, "tuplet", type=kind, number="1")
            if piece.is_first:
                for name in note.decorations:
                    if not marks.is_direction(name):
                        marks.add_decoration(notations, name)
            if not (piece.is_first and piece.is_last):
                kind = "start" if piece.is_first else "stop" if piece.is_last else "single"
                _add(notations, "other-notation", ONE_LENGTH, type=kind)
        if len(notations):
            element.append(notations)

    def _write_lyrics(self, element: ET.Element, note: Note) -> None:
        """The syllables of a note; one is in the middle of a word where the one before it goes on."""
        for verse, syllable in enumerate(note.lyrics):
            if not syllable:
                continue
            lyric = _add(element, "lyric", number=str(verse + 1))
            if syllable == "_":
                _add(lyric, "extend")
                continue
            text, goes_on = ("-", True) if syllable == "-" else text_of_syllable(syllable)
            inside = verse in self._line.open_words
            kind = ("middle" if inside else "begin") if goes_on else "end" if inside else "single"
            _add(lyric, "syllabic", kind)
            _add(lyric, "text", text)
            (self._line.open_words.add if goes_on else self._line.open_words.discard)(verse)

    def _open_slur(self, notations: ET.Element) -> None:
        self._line.slurs.append(min(len(self._line.slurs) + 1, MOST_SLURS))
        _add(notations, "slur", type="start", number=str(self._line.slurs[-1]))

    def _write_slurs(self, notations: ET.Element, piece: _Piece) -> None:
        """What ends at a note was opened before it; only where nothing is open does a slur end where it begins."""
        ends = piece.note.slur_ends if piece.is_last else 0
        early = min(ends, len(self._line.slurs))
        for _ in range(early):
            _add(notations, "slur", type="stop", number=str(self._line.slurs.pop()))
        for _ in range(piece.note.slur_starts - self._line.is_grace_slur if piece.is_first else 0):
            self._open_slur(notations)
        for _ in range(ends - early):
            _add(
                notations, "slur", type="stop", number=str(self._line.slurs.pop() if self._line.slurs else 1)
            )


def _layer(bar: Bar, number: int) -> Sequence[Note]:
    """The bar's notes, or those of its overlay of that number, if it has one."""
    layers = (bar.notes, *bar.overlays)
    return layers[number] if number < len(layers) else ()


def _pieces(notes: Sequence[Note]) -> list[_Piece]:
    """Notes of a bar as written notes, with the brackets of their tuplets."""
    pieces: list[_Piece] = []
    now = Fraction(0)
    for note in notes:
        values = note_values(note.duration)
        if not values:
            pieces.append(_Piece(note, note.duration, None, now))
            now += note.duration
        for turn, value in enumerate(values):
            is_first, is_last = turn == 0, turn == len(values) - 1
            pieces.append(_Piece(note, value.duration, value, now, is_first, is_last))
            now += value.duration
    _bracket_tuplets(pieces)
    return pieces


def _bracket_tuplets(pieces: Sequence[_Piece]) -> None:
    """Mark where tuplets begin and end: a tuplet is over when its notes fill a plain length."""
    opened: _Piece | None = None
    for index, piece in enumerate(pieces):
        actual = piece.value.actual if piece.value else 1
        if actual == 1:
            continue
        if opened is None:
            opened, piece.tuplet_starts = piece, True
        end = piece.start + piece.duration - opened.start
        following = pieces[index + 1].value if index + 1 < len(pieces) else None
        is_full = end.denominator & (end.denominator - 1) == 0
        if is_full or following is None or following.actual != actual:
            opened, piece.tuplet_stops = None, True


def _write_key(attributes: ET.Element, key: Key) -> None:
    element = _add(attributes, "key")
    if not key.extra:
        _add(element, "fifths", key.sharps)
        _add(element, "mode", key.mode)
        return
    for letter, alter in key.signature.items():
        _add(element, "key-step", letter)
        _add(element, "key-alter", alter)


def _write_pitch(element: ET.Element, pitch: Pitch) -> None:
    child = _add(element, "pitch")
    _add(child, "step", pitch.letter)
    if pitch.alter:
        _add(child, "alter", pitch.alter)
    _add(child, "octave", pitch.octave)


def _direction(measure: ET.Element, placement: str) -> ET.Element:
    """The <direction-type> of a new direction."""
    direction = _add(measure, "direction", **({"placement": placement} if placement else {}))
    return _add(direction, "direction-type")


def _put_voice(direction: ET.Element, voice: int) -> None:
    """Say whose a direction is; <voice> stands before <sound>."""
    element = ET.Element("voice")
    element.text = str(voice)
    sounds = [place for place, child in enumerate(direction) if child.tag == "sound"]
    direction.insert(sounds[0] if sounds else len(direction), element)


def _write_direction_mark(measure: ET.Element, name: str) -> None:
    """A decoration that stands above or below the staff, if it is one."""
    if name in marks.SIGNS:
        _add(_direction(measure, "above"), name)
    elif name in marks.WEDGES:
        _add(_direction(measure, "below"), "wedge", type=marks.WEDGES[name])
    elif name in marks.JUMPS:
        _add(_direction(measure, "above"), "words", name)
        attribute = marks.JUMPS[name]
        value = "yes" if attribute in ("dacapo", "fine") else "segno" if attribute == "dalsegno" else "coda"
        _add(measure[-1], "sound", **{attribute: value})


def _passes(bar: Bar) -> str:
    return ",".join(str(number) for number in bar.endings)


def _ending_stops(bars: Sequence[Bar]) -> dict[int, tuple[str, str]]:
    """Bars that close an ending, with its numbers and type: "stop" at a sign, "discontinue" where it just fades."""
    stops: dict[int, tuple[str, str]] = {}
    opened = ""
    for index, bar in enumerate(bars):
        if bar.endings:
            opened = _passes(bar)
        after = bars[index + 1] if index + 1 < len(bars) else None
        signed = bar.end_repeat or bar.double_bar
        if opened and (signed or after is None or after.endings or after.start_repeat):
            stops[index] = (opened, "stop" if signed else "discontinue")
            opened = ""
    return stops
