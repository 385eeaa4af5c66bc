"""The header of an ABC tune: its fields up to the first K:."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from symbolic_bridge.abc_blocks import ADDED_FILE_FIELDS, FILE_FIELDS, MUSIC_LINE, Block
from symbolic_bridge.abc_fields import (
    FieldError,
    Tempo,
    decode_text,
    default_unit,
    felt_tempo,
    is_interpreted,
    key_settings,
    read_key,
    read_meter,
    read_reach,
    read_tempo,
    read_unit,
    read_user_symbol,
    without_octave,
)
from symbolic_bridge.abc_lexer import without_comment
from symbolic_bridge.abc_macros import Macros
from symbolic_bridge.errors import AbcSyntaxError
from symbolic_bridge.mending import Mender
from symbolic_bridge.tune import Header, Key, Meter

_FIELD = re.compile(r"\s*([A-Za-z+]):(.*)$", re.DOTALL)
# Blocks of text, PostScript or drawings for typesetters.
_BEGIN, _END = re.compile(r"%%begin(\w{1,20})"), re.compile(r"%%end(\w{1,20})")
FALLBACK_TITLE = "Untitled"
_KNOWN = frozenset("ABCDFGHIKLMNOPQRSTUVWXZmr")


@dataclass
class HeaderDraft:
    """Header values while they are being read.

    `octave` and `reach` say how notes are to be read; `octaves` are the shifts of single voices.
    """

    title: str = ""
    reference: int = 1
    rhythm: str = ""
    meter: Meter | None = field(default_factory=Meter)
    unit: Fraction | None = None
    tempo_place: tuple[int, int, str] | None = None
    tempo: Tempo = field(default_factory=lambda: Tempo(None))
    key: Key = field(default_factory=Key)
    clef: str = ""
    octave: int = 0
    octaves: dict[str, int] = field(default_factory=dict)
    reach: str = "pitch"
    fields: list[tuple[str, str]] = field(default_factory=list)
    lyrics: list[tuple[str, str]] = field(default_factory=list)
    macros: Macros = field(default_factory=Macros)
    seen: set[str] = field(default_factory=set)

    def add_text(self, letter: str, text: str) -> None:
        """Keep a text field: the first T: and R: have places of their own, lyrics stand behind all others."""
        if letter == "T" and not self.title:
            self.title = text
        elif letter == "R" and not self.rhythm:
            self.rhythm = text
        elif letter == "W":
            self.lyrics.append((letter, text))
        elif text:
            self.fields.append((letter, text))

    def freeze(self, more: Iterable[tuple[str, str]] = (), lyrics: Iterable[str] = ()) -> Header:
        """The header as a tune has it.

        Args:
            more: fields that were found in the body.
            lyrics: words below the tune that were found in the body.
        """
        unit = self.unit or default_unit(self.meter)
        words = [("Q", self.tempo.words)] if self.tempo.words else []
        below = [*self.lyrics, *(("W", text) for text in lyrics)]
        return Header(
            title=self.title or FALLBACK_TITLE, reference=self.reference, rhythm=self.rhythm, meter=self.meter,
            unit=unit, key=self.key, tempo_bpm=felt_tempo(self.tempo, self.meter),
            fields=(*self.fields, *more, *words, *below), clef=self.clef,
        )  # fmt: skip


def logical_lines(rows: Sequence[tuple[int, str]], mender: Mender) -> list[tuple[int, str]]:
    """The rows with each +: line joined to the field before it, and every line of a block for typesetters marked %%."""
    last_ends = {match[1]: place for place, (_, line) in enumerate(rows) if (match := _END.match(line))}
    joined: list[tuple[int, list[str]]] = []
    closing = ""
    for place, (number, line) in enumerate(rows):
        begin = _BEGIN.match(line)
        if begin and not closing and last_ends.get(begin[1], -1) > place:
            closing = f"%%end{begin[1]}"
        elif closing and line.startswith(closing):
            closing = ""
        elif closing and not line.startswith("%%"):
            line = f"%%{line}"
        elif line.lstrip().startswith("+:"):
            if joined and _FIELD.match(joined[-1][1][0]):
                joined[-1][1].append(line.lstrip()[2:].strip())
                continue
            mender.mend(number, 1, line.strip(), "+: after a text field")
            line = ""
        joined.append((number, [line]))
    return [(number, " ".join(parts)) for number, parts in joined]


def comment_of(line: str, code: str) -> str:
    """The comment behind the code of a line."""
    return line[len(code) :].lstrip("%").strip()


def read_header(block: Block, rows: list[tuple[int, str]], mender: Mender) -> tuple[HeaderDraft, int]:
    """Read up to and with the first K: line.

    Args:
        block: the tune.
        rows: its lines, cleaned and joined.
        mender: where faults go.

    Returns:
        The header, and the index in `rows` of the line behind it.

    Raises:
        AbcSyntaxError: there is no K:.
    """
    draft = HeaderDraft()
    own = set()
    for _, line in rows:
        own.add(line.lstrip()[:1])
        if line.lstrip().startswith("K:"):
            break
    for number, line in block.head:
        letter = line.lstrip()[0]
        if line.startswith("%%") or letter in ADDED_FILE_FIELDS or letter in FILE_FIELDS - own:
            _read_line(draft, number, line, mender)
    draft.seen.clear()
    for index, (number, line) in enumerate(rows):
        if _read_line(draft, number, line, mender):
            _check_header(draft, mender, rows[0][0])
            _read_tempo(draft, mender)
            return draft, index + 1
    number, text = block.lines[-1]
    raise AbcSyntaxError(number, len(text) + 1, "end of the tune", "a K: field and notes")


def _read_line(draft: HeaderDraft, number: int, line: str, mender: Mender) -> bool:
    """Read one line; whether it is the last of the header."""
    if line.startswith("%%"):
        _instruction(draft, ("%%", line[2:].rstrip()), number, mender)
        return False
    code = without_comment(line)
    if comment := comment_of(line, code):
        draft.fields.append(("%", comment))
    code = code.rstrip()
    if not code.strip():
        return False
    match = _FIELD.match(code)
    if not match:
        if MUSIC_LINE.match(code):
            raise AbcSyntaxError(number, 1, code.strip(), "a K: field before the notes")
        mender.mend(number, 1, code.strip(), "a header field such as T: or K:")
        return False
    column = match.start(2) + 1
    try:
        _read_field(draft, match[1], match[2], (number, column), mender)
    except FieldError as error:
        mender.mend(number, column, error.found, error.allowed)
    return match[1] == "K"


def _check_header(draft: HeaderDraft, mender: Mender, first_line: int) -> None:
    for letter, name in (("X", "X: (a number)"), ("T", "T: (a title)")):
        if letter not in draft.seen:
            mender.mend(first_line, 1, f"a header without {letter}:", name)


def _read_tempo(draft: HeaderDraft, mender: Mender) -> None:
    """Read Q: at last, since its old form counts in the unit length."""
    if draft.tempo_place:
        line, column, text = draft.tempo_place
        try:
            draft.tempo = read_tempo(text, draft.unit or default_unit(draft.meter))
        except FieldError as error:
            mender.mend(line, column, error.found, error.allowed)


def _read_field(draft: HeaderDraft, letter: str, value: str, place: tuple[int, int], mender: Mender) -> None:
    draft.seen.add(letter)
    if letter == "K":
        draft.key, draft.octave = read_key(value)
        draft.clef = key_settings(value)
    elif letter == "M":
        draft.meter = read_meter(value)
    elif letter == "L":
        draft.unit = read_unit(value)
    elif letter == "Q":
        draft.tempo_place = (*place, value)
    elif letter == "X":
        match = re.match(r"\s*(\d{1,9})", value)
        if not match:
            raise FieldError(value.strip(), "a number after X:")
        draft.reference = int(match[1])
    elif letter == "m":
        draft.macros.define(value)
    elif letter == "I":
        _instruction(draft, ("I", value.strip()), place[0], mender)
    elif letter == "V":
        name, text, octave = without_octave(value)
        if octave:
            draft.octaves[name] = octave
        draft.fields.append(("V", text))
    elif letter == "U":
        read_user_symbol(decode_text(value))
        draft.fields.append(("U", decode_text(value)))
    elif letter in "ws":
        raise FieldError(value.strip(), f"{letter}: below the music that it belongs to")
    else:
        if letter not in _KNOWN:
            mender.keep(place[0], place[1] - 2, f"{letter}:{value}")
        draft.add_text(letter, decode_text(value))


def _instruction(draft: HeaderDraft, entry: tuple[str, str], number: int, mender: Mender) -> None:
    """An instruction to a program (I: or %%)."""
    if reach := read_reach(entry[1]):
        draft.reach = reach
    if not is_interpreted(entry[1]):
        mender.keep(number, 1, ":".join(entry) if entry[0] == "I" else "".join(entry))
    if entry[1]:
        draft.fields.append(entry)
