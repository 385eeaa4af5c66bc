"""ABC text to tunes (standard 2.1, with the habits of real tune books)."""

from __future__ import annotations

import re

from symbolic_bridge.abc_blocks import BODY_FIELDS, FIELD, JUNK, Block, blocks
from symbolic_bridge.abc_body import Piece
from symbolic_bridge.abc_fields import FieldError, decode_text, read_reach
from symbolic_bridge.abc_header import HeaderDraft, comment_of, logical_lines, read_header
from symbolic_bridge.abc_lexer import without_comment
from symbolic_bridge.abc_voices import TuneBody
from symbolic_bridge.errors import AbcSyntaxError
from symbolic_bridge.mending import Mender
from symbolic_bridge.tune import Tune

# Beginnings and ends of lines that a mail program has broken inside a mark.
_BROKEN_START = re.compile(r"\s*(?:[/}\]]|\d+[^\s\d:]|\d+:|:(?!:)|\d+\s*\|)")
_STRING = re.compile(r'"[^"]*"')
_BROKEN_DIGIT = re.compile(r"[A-Ga-gz][,']*$")
_BROKEN_END = re.compile(r"[=^_]$|(?<![:|]):$|\{[^}]*$|\[(?!\|)[^\]:|\d\"]*$")
# Quoted-printable marks that mail programs left in music: a space at the end of a line, a "=", a line broken at
# a space (a natural whose note stands in the next line touches what is before it).
_MAIL_MARK = re.compile(r"=20$|=3D|(?<=\s)=$")


def read_tune(text: str, strict: bool = False) -> Tune:
    """Read the first tune of ABC text.

    Args:
        text: ABC notation; words around the tune are passed over.
        strict: raise on the first fault instead of mending it and listing it in `warnings`.

    Raises:
        AbcSyntaxError: nothing playable is found, or, with `strict`, anything is wrong.
    """
    return _read_block(blocks(text, strict)[0], strict)


def read_tunes(text: str, strict: bool = False) -> list[Tune]:
    """Read every tune of ABC text.

    Raises:
        AbcSyntaxError: as `read_tune`, for any tune of the text.
    """
    return [_read_block(block, strict) for block in blocks(text, strict)]


def _read_block(block: Block, strict: bool) -> Tune:
    mender = Mender(strict)
    cleaned = [(number, _cleaned(line, number, mender)) for number, line in block.lines]
    rows = logical_lines(cleaned, mender)
    draft, start = read_header(block, rows, mender)
    body = TuneBody(draft.freeze(), mender, draft.octave, draft.octaves, draft.reach)
    _BodyLines(body, draft, mender).read(rows[start:])
    last, text = block.lines[-1]
    end = (last, len(text) + 1)
    bars, voices, lines = body.finish(end)
    if not bars:
        raise AbcSyntaxError(*end, "end of the tune", "notes after the K: field")
    return Tune(
        draft.freeze(body.fields, body.lyrics), bars, mender.warnings, voices, mender.kept, tuple(lines)
    )


def _cleaned(line: str, number: int, mender: Mender) -> str:
    """The line without control characters, which are mended."""
    for match in JUNK.finditer(line):
        mender.mend(number, match.start() + 1, match[0], "text without control characters")
    return JUNK.sub("", line).rstrip()


class _BodyLines:
    """Tells the lines behind K: apart: instructions, comments, fields, music; joins those that were broken."""

    def __init__(self, body: TuneBody, draft: HeaderDraft, mender: Mender) -> None:
        self._body = body
        self._draft = draft
        self._mender = mender
        self._pieces: list[Piece] = []
        self._comments: list[tuple[int, str]] = []

    def read(self, rows: list[tuple[int, str]]) -> None:
        """Read all lines."""
        for number, line in rows:
            if line.startswith("%%"):
                self._flush()
                self._instruction(line, number)
            else:
                self._line(line, number)
        self._flush()

    def _instruction(self, line: str, number: int) -> None:
        if read_reach(line[2:]):
            self._body.field_line("I", line[2:], number, 3)
        elif line.strip("% "):
            self._body.keep_line(line, number)

    def _line(self, line: str, number: int) -> None:
        code = without_comment(line)
        comment = comment_of(line, code)
        if comment:
            self._comments.append((number, f"% {comment}"))
        code = code.rstrip()
        match = FIELD.match(code)
        if match and match[1] in BODY_FIELDS:
            comments, self._comments = self._comments, []
            self._flush()
            self._field(match[1], match[2], number, match.start(2) + 1)
            self._comments = comments
            self._keep_comments()
            return
        code = self._without_mail_marks(code, number)
        if not code:
            if comment:
                self._flush()
            return
        if self._pieces:
            before = self._pieces[-1]
            if _is_broken(before.text, code):
                self._mender.mend(number, 1, code[:10], "line breaks between notes, not inside a mark")
                # What was broken off must touch its beginning again.
                self._pieces[-1] = before._replace(text=before.text.rstrip("\\"))
            else:
                comments = [entry for entry in self._comments if entry[0] == number]
                self._comments = self._comments[: len(self._comments) - len(comments)]
                self._flush()
                self._comments = comments
        self._pieces.append(Piece(number, 0, code))

    def _field(self, letter: str, value: str, number: int, column: int) -> None:
        if letter == "m":
            try:
                self._draft.macros.define(value)
            except FieldError as error:
                self._mender.mend(number, column, error.found, error.allowed)
        elif letter in "TR" and not getattr(self._draft, {"T": "title", "R": "rhythm"}[letter]):
            self._draft.add_text(letter, decode_text(value))
        else:
            self._body.field_line(letter, value, number, column)

    def _flush(self) -> None:
        """Read the music that waits for a line that may belong to it, then keep its comments."""
        if self._pieces:
            goes_on = self._pieces[-1].text.endswith("\\")
            self._body.music_line([self._expanded(piece) for piece in self._pieces], goes_on)
            self._pieces = []
        self._keep_comments()

    def _keep_comments(self) -> None:
        for number, comment in self._comments:
            self._body.keep_line(comment, number)
        self._comments = []

    def _expanded(self, piece: Piece) -> Piece:
        try:
            return piece._replace(text=self._draft.macros.expand(piece.text))
        except FieldError as error:
            self._mender.mend(piece.number, 1, error.found, error.allowed)
            return piece

    def _without_mail_marks(self, line: str, number: int) -> str:
        """The line with what its quoted-printable marks stand for, other columns kept."""
        if "=" not in line:
            return line
        for match in _MAIL_MARK.finditer(line):
            self._mender.mend(number, match.start() + 1, match[0], "music without the marks of mail programs")
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
