"""ABC text to tunes (standard 2.1, with the habits of real tune books)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from fractions import Fraction

from symbolic_bridge.abc_body import BodyReader
from symbolic_bridge.abc_fields import (
    FieldError,
    Tempo,
    decode_text,
    default_unit,
    felt_tempo,
    read_key,
    read_meter,
    read_tempo,
    read_unit,
)
from symbolic_bridge.abc_lexer import without_comment
from symbolic_bridge.errors import AbcSyntaxError
from symbolic_bridge.mending import Mender
from symbolic_bridge.tune import Header, Key, Meter, Tune

_FIELD = re.compile(r"\s*([A-Za-z+]):(?![|:])(.*)$", re.DOTALL)
_HEADER_FIELD = re.compile(r"\s*([A-Za-z+]):(.*)$", re.DOTALL)
_BODY_FIELDS = frozenset("BCDFGHIKLMNOPQRSTUVWXZmrsw+")
_MUSIC_LINE = re.compile(r"[^|]*[A-Ga-gz][^|]*\|")
_JUNK = re.compile("[\x00-\x08\x0e-\x1f\x7f\ufffd]")
# Beginnings and ends of lines that a mail program has broken inside a mark.
_BROKEN_START = re.compile(r"\s*(?:[/}\]]|\d+[^\s\d:]|\d+:|:(?!:)|\d+\s*\|)")
_STRING = re.compile(r'"[^"]*"')
_BROKEN_DIGIT = re.compile(r"[A-Ga-gz][,']*$")
_BROKEN_END = re.compile(r"[=^_]$|(?<![:|]):$|\{[^}]*$|\[(?!\|)[^\]:|\d\"]*$")
# Quoted-printable marks that mail programs left in music: a space at the end of a line, a "=", a line broken at
# a space (a natural whose note stands in the next line touches what is before it).
_MAIL_MARK = re.compile(r"=20$|=3D|(?<=\s)=$")
_FALLBACK_TITLE = "Untitled"


@dataclass
class _Block:
    """The lines of one tune with their numbers."""

    lines: list[tuple[int, str]] = field(default_factory=list)


def read_tune(text: str, strict: bool = False) -> Tune:
    """Read the first tune of ABC text.

    Args:
        text: ABC notation; words around the tune are passed over.
        strict: raise on the first fault instead of mending it and listing it in `warnings`.

    Raises:
        AbcSyntaxError: nothing playable is found, or, with `strict`, anything is wrong.
    """
    return _read_block(_blocks(_checked(text), strict)[0], strict)


def read_tunes(text: str, strict: bool = False) -> list[Tune]:
    """Read every tune of ABC text.

    Raises:
        AbcSyntaxError: as `read_tune`, for any tune of the text.
    """
    return [_read_block(block, strict) for block in _blocks(_checked(text), strict)]


def split_tunes(text: str) -> list[str]:
    """The text of each tune by itself, so that one broken tune need not cost the others.

    Each part is padded with empty lines, so that line numbers stay those of the whole text.

    Raises:
        AbcSyntaxError: the text holds no tune at all.
    """
    parts = []
    for block in _blocks(_checked(text), strict=False):
        first = block.lines[0][0]
        last = block.lines[-1][0]
        rows = dict(block.lines)
        parts.append(
            "\n" * (first - 1) + "\n".join(rows.get(number, "") for number in range(first, last + 1))
        )
    return parts


def _checked(text: str) -> str:
    """The text with one kind of line end; refuses what is no text."""
    if not isinstance(text, str):
        raise TypeError(f"ABC must be a str, not {type(text).__name__}")
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise AbcSyntaxError(1, 1, "", "ABC text beginning with X: (the text is empty)")
    junk = list(_JUNK.finditer(text))
    # A few stray control characters occur in real tune books and are mended line by line.
    if len(junk) > max(3, len(text) // 200):
        place = junk[0].start()
        line = text.count("\n", 0, place) + 1
        column = place - text.rfind("\n", 0, place)
        raise AbcSyntaxError(line, column, junk[0][0], "ABC text (this looks like binary data)")
    return text


def _cleaned(line: str, number: int, mender: Mender) -> str:
    """The line without control characters, which are mended."""
    for match in _JUNK.finditer(line):
        mender.mend(number, match.start() + 1, match[0], "text without control characters")
    return _JUNK.sub("", line)


def _is_field(line: str) -> re.Match[str] | None:
    return _FIELD.match(line)


def _blocks(text: str, strict: bool) -> list[_Block]:
    """Cut the text at X: lines, at fences and at blank lines that music does not follow."""
    lines = list(enumerate(text.split("\n"), 1))
    has_reference = any(line.lstrip().startswith("X:") for _, line in lines)
    blocks: list[_Block] = []
    current: _Block | None = None
    blank = False
    for number, line in lines:
        stripped = line.strip()
        if stripped.startswith("```"):
            current, blank = None, False
            continue
        if stripped.startswith("X:"):
            current = _Block()
            blocks.append(current)
            blank = False
        elif (
            current is None and not has_reference and (match := _is_field(line)) and match[1] in "TMLKRQCSOZ"
        ):
            current = _Block()
            blocks.append(current)
        if current is None:
            continue
        if not stripped:
            blank = True
            continue
        if blank:
            # A blank line ends a tune, but real files also have them inside.
            going_on = (_is_field(line) and stripped[0] in _BODY_FIELDS) or (
                _MUSIC_LINE.match(stripped) and not re.search(r"[a-z]{4} ", stripped)
            )
            if not going_on or (strict and _has_music(current)):
                current = None
                continue
            blank = False
        current.lines.append((number, line))
    if not blocks:
        number, line = next(((n, ln) for n, ln in lines if ln.strip()), (1, ""))
        raise AbcSyntaxError(
            number, 1, line.strip(), "a header field such as X:1 or K:G at the start of a tune"
        )
    return blocks


def _has_music(block: _Block) -> bool:
    """Whether a line of the block stands behind its K: field."""
    return any(line.lstrip().startswith("K:") for _, line in block.lines)


@dataclass
class _HeaderDraft:
    """Header values while they are being read."""

    title: str = ""
    reference: int = 1
    rhythm: str = ""
    meter: Meter | None = field(default_factory=Meter)
    unit: Fraction | None = None
    tempo_text: tuple[int, int, str] | None = None
    key: Key = field(default_factory=Key)
    octave: int = 0
    fields: list[tuple[str, str]] = field(default_factory=list)
    lyrics: list[tuple[str, str]] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)


def _read_block(block: _Block, strict: bool) -> Tune:
    mender = Mender(strict)
    draft = _HeaderDraft()
    body_start = _read_header(block, draft, mender)
    unit = draft.unit or default_unit(draft.meter)
    tempo = Tempo(None)
    if draft.tempo_text:
        line, column, text = draft.tempo_text
        try:
            tempo = read_tempo(text, unit)
        except FieldError as error:
            mender.mend(line, column, error.found, error.allowed)
    header = Header(
        title=draft.title or _FALLBACK_TITLE, reference=draft.reference, rhythm=draft.rhythm, meter=draft.meter,
        unit=unit, key=draft.key, tempo_bpm=felt_tempo(tempo, draft.meter), fields=tuple(draft.fields),
    )  # fmt: skip
    body = BodyReader(header, mender, draft.octave)
    rows = [(number, _cleaned(raw, number, mender)) for number, raw in block.lines[body_start:]]
    _read_body(body, rows, mender)
    last, text = block.lines[-1]
    bars = body.finish((last, len(text) + 1))
    if not any(bar.notes for bar in bars):
        raise AbcSyntaxError(last, len(text) + 1, "end of the tune", "notes after the K: field")
    for letter, value in body.fields:
        _add_text(draft, letter, value)
    words = [("Q", tempo.words)] if tempo.words else []
    fields = (*draft.fields, *words, *draft.lyrics, *body.lyrics)
    header = replace(header, title=draft.title or _FALLBACK_TITLE, rhythm=draft.rhythm, fields=fields)
    return Tune(header, bars, tuple(mender.warnings))


def _add_text(draft: _HeaderDraft, letter: str, text: str) -> None:
    """Keep a text field: the first T: and R: have places of their own, lyrics stand behind all others."""
    if letter == "T" and not draft.title:
        draft.title = text
    elif letter == "R" and not draft.rhythm:
        draft.rhythm = text
    elif letter in "Ww":
        draft.lyrics.append((letter, text))
    elif text and letter not in "Vrsm":
        draft.fields.append((letter, text))


def _read_header(block: _Block, draft: _HeaderDraft, mender: Mender) -> int:
    """Read up to and with the first K: line; gives the index of the line behind it."""
    last_letter = ""
    for index, (number, raw) in enumerate(block.lines):
        line = without_comment(_cleaned(raw, number, mender)).rstrip()
        if not line.strip():
            continue
        match = _HEADER_FIELD.match(line)
        if not match:
            if _MUSIC_LINE.match(line):
                raise AbcSyntaxError(number, 1, line.strip(), "a K: field before the notes")
            mender.mend(number, 1, line.strip(), "a header field such as T: or K:")
            continue
        letter, value = match[1], match[2]
        column = match.start(2) + 1
        if letter == "+" and last_letter:
            if draft.fields and draft.fields[-1][0] == last_letter:
                joined = f"{draft.fields[-1][1]} {decode_text(value)}".strip()
                draft.fields[-1] = (last_letter, joined)
            else:
                mender.mend(number, 1, line.strip(), "+: after a text field")
            continue
        last_letter = letter
        try:
            _read_header_field(draft, letter, value, (number, column))
        except FieldError as error:
            mender.mend(number, column, error.found, error.allowed)
        if letter == "K":
            _check_header(draft, mender, block.lines[0][0])
            return index + 1
    number, text = block.lines[-1]
    raise AbcSyntaxError(number, len(text) + 1, "end of the tune", "a K: field and notes")


def _check_header(draft: _HeaderDraft, mender: Mender, first_line: int) -> None:
    for letter, name in (("X", "X: (a number)"), ("T", "T: (a title)")):
        if letter not in draft.seen:
            mender.mend(first_line, 1, f"a header without {letter}:", name)


def _read_header_field(draft: _HeaderDraft, letter: str, value: str, place: tuple[int, int]) -> None:
    draft.seen.add(letter)
    if letter == "K":
        draft.key, draft.octave = read_key(value)
    elif letter == "M":
        draft.meter = read_meter(value)
    elif letter == "L":
        draft.unit = read_unit(value)
    elif letter == "Q":
        draft.tempo_text = (*place, value)
    elif letter == "X":
        match = re.match(r"\s*(\d{1,9})", value)
        if not match:
            raise FieldError(value.strip(), "a number after X:")
        draft.reference = int(match[1])
    else:
        _add_text(draft, letter, decode_text(value))


def _read_body(body: BodyReader, rows: list[tuple[int, str]], mender: Mender) -> None:
    """Read the lines behind K:, joining those that were broken inside a mark."""
    pieces: list[tuple[int, str]] = []

    def flush() -> None:
        if pieces:
            body.music_line(pieces)
            pieces.clear()

    for number, raw in rows:
        line = without_comment(raw).rstrip()
        match = _is_field(line)
        if match and match[1] in _BODY_FIELDS:
            flush()
            body.field_line(match[1], match[2], number, match.start(2) + 1)
            continue
        line = _without_mail_marks(line, number, mender)
        if not line:
            continue
        if pieces:
            before = pieces[-1][1]
            if _is_broken(before, line):
                mender.mend(number, 1, line[:10], "line breaks between notes, not inside a mark")
                # What was broken off must touch its beginning again.
                pieces[-1] = (pieces[-1][0], before.rstrip("\\"))
            else:
                flush()
        pieces.append((number, line))
    flush()


def _without_mail_marks(line: str, number: int, mender: Mender) -> str:
    """The line with what its quoted-printable marks stand for, other columns kept."""
    for match in _MAIL_MARK.finditer(line):
        mender.mend(number, match.start() + 1, match[0], "music without the marks of mail programs")
    return _MAIL_MARK.sub(lambda match: "  =" if match[0] == "=3D" else "", line).rstrip()


def _is_broken(before: str, line: str) -> bool:
    """Whether a mark begins at the end of one line and goes on in the next."""
    # What stands in quotation marks is words, whatever brackets are in it.
    if _BROKEN_END.search(_STRING.sub("", before)):
        return True
    if before.endswith("\\"):
        return False
    digit = line.lstrip()[0].isdigit() and _BROKEN_DIGIT.search(before)
    return bool(digit or _BROKEN_START.match(line))
