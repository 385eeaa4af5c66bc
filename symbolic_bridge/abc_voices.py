"""The tune body: its lines given to the voices that V: names, each with a reader of its own."""

from __future__ import annotations

import re
from collections.abc import Mapping

from symbolic_bridge.abc_body import BodyReader, Piece
from symbolic_bridge.abc_fields import decode_text, read_reach, without_octave
from symbolic_bridge.mending import Mender
from symbolic_bridge.tune import Bar, Header, Voice

_VOICE_MARK = re.compile(r"\[V:([^\]|]{0,300})\]")
_SETTING = re.compile(r"\w+\s*=")
MOST_VOICES = 64
# Music that stands before any V: belongs to the voice of this name.
FIRST_NAME = "1"


class TuneBody:
    """Hands each line to its voice.

    `fields` are declarations of voices that stand in the body, `lyrics` the words below the tune (W:).

    Args:
        header: the tune's header.
        mender: where faults go.
        octave: octaves that K: moves all notes by.
        octaves: octaves that V: moves the notes of single voices by.
        reach: how far accidentals reach.
    """

    def __init__(
        self, header: Header, mender: Mender, octave: int, octaves: Mapping[str, int], reach: str
    ) -> None:
        self.fields: list[tuple[str, str]] = []
        self.lyrics: list[str] = []
        self._header = header
        self._mender = mender
        self._octave = octave
        self._octaves = dict(octaves)
        self._reach = reach
        declared = [without_octave(text)[0] for letter, text in header.fields if letter == "V"]
        self._declared = set(declared)
        self._readers: dict[str, BodyReader] = {}
        for name in declared[:MOST_VOICES]:
            self._reader(name)
        self._name = declared[0] if declared else ""
        self._current = self._reader(self._name)

    def _reader(self, name: str) -> BodyReader:
        if name not in self._readers:
            octave = self._octaves.get(name, self._octave)
            self._readers[name] = BodyReader(self._header, self._mender, octave, self._reach)
        return self._readers[name]

    def music_line(self, pieces: list[Piece], goes_on: bool) -> None:
        """Read a line of music code, whose voice may change inside it."""
        if not any("[V:" in piece.text for piece in pieces):
            self._current.music_line(pieces, goes_on)
            return
        for piece in pieces:
            place = 0
            for match in _VOICE_MARK.finditer(piece.text):
                self._part_of_line(piece, place, match.start(), goes_on)
                self._switch(match[1], piece.number, piece.offset + match.start(1) + 1)
                place = match.end()
            self._part_of_line(piece, place, len(piece.text), goes_on)

    def _part_of_line(self, piece: Piece, start: int, stop: int, goes_on: bool) -> None:
        text = piece.text[start:stop]
        if text.strip():
            self._current.music_line([Piece(piece.number, piece.offset + start, text)], goes_on)

    def field_line(self, letter: str, value: str, number: int, column: int) -> None:
        """Read an information field that stands on a line of its own."""
        if letter == "V":
            self._switch(value, number, column)
        elif letter == "W":
            self.lyrics.append(decode_text(value))
        elif letter == "I" and (reach := read_reach(value)):
            self._reach = reach
            for reader in self._readers.values():
                reader.set_reach(reach)
        else:
            self._current.field_line(letter, value, number, column)

    def keep_line(self, text: str, number: int, column: int = 1) -> None:
        """Keep an instruction or a comment before the next bar of the voice that is being read."""
        self._current.keep_line(text, number, column)

    def _switch(self, value: str, number: int, column: int) -> None:
        name, text, octave = without_octave(value)
        if octave:
            self._octaves[name] = octave
        if not name:
            self._mender.mend(number, column, value, "a voice's name after V:")
            return
        if name not in self._readers:
            if not self._name:
                self._name_first(name)
            elif len(self._readers) >= MOST_VOICES:
                self._mender.mend(number, column, name, f"at most {MOST_VOICES} voices")
                return
        if name not in self._declared or _SETTING.search(text[len(name) :]):
            self._declare(name, text)
        self._name, self._current = name, self._reader(name)

    def _name_first(self, name: str) -> None:
        """Give the voice that has been read without a name so far its own: `name`, unless it has notes by now."""
        reader = self._readers.pop("")
        first = FIRST_NAME if reader.has_notes else name
        self._readers = {first: reader, **self._readers}
        if first != name:
            self._declare(first, first)

    def _declare(self, name: str, text: str) -> None:
        self._declared.add(name)
        if ("V", text) not in (*self._header.fields, *self.fields):
            self.fields.append(("V", text))

    def finish(self, end: tuple[int, int]) -> tuple[tuple[Bar, ...], tuple[Voice, ...], list[str]]:
        """Close the tune, whose text ends at line and column `end`.

        Returns:
            The bars of the first voice that has notes, the other voices, and lines kept behind the last bars.
        """
        bars: tuple[Bar, ...] = ()
        voices: list[Voice] = []
        lines: list[str] = []
        for name, reader in self._readers.items():
            found, left = reader.finish(end, is_main=not bars)
            lines += left
            if found and bars:
                voices.append(Voice(name, found))
            bars = bars or found
        return bars, tuple(voices), lines
