"""ABC text cut into tunes: X: lines, blank lines, fences, and the fields that a file gives to all of its tunes."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from symbolic_bridge.errors import AbcSyntaxError

# Fields of a file's header that hold for all its tunes (ABC 2.1, section 2.2.2) ...
FILE_FIELDS = frozenset("ABCDFGHILMNOQRSZUm")
# ... and those of them that add to the tune's own instead of being replaced by one.
ADDED_FILE_FIELDS = frozenset("IUm")
# "|" and ":" behind a letter make it music, but for words and symbols, which may begin with an empty bar.
FIELD = re.compile(r"\s*([A-Za-z+]):(?:(?![|:])|(?<=[ws]:)(?=\|))(.*)$", re.DOTALL)
BODY_FIELDS = frozenset("BCDFGHIKLMNOPQRSTUVWXZmrsw+")
MUSIC_LINE = re.compile(r"[^|]*[A-Ga-gz][^|]*\|")
# Control characters, halves of characters and what stands for bytes that no encoding has.
JUNK = re.compile("[\x00-\x08\x0e-\x1f\x7f\ufffd\ud800-\udfff]")
_OPENING_FIELDS = "TMLKRQCSOZ"


@dataclass
class Block:
    """The lines of one tune with their numbers, and those of the file's header."""

    head: list[tuple[int, str]]
    lines: list[tuple[int, str]] = field(default_factory=list)

    @property
    def has_music(self) -> bool:
        """Whether a line stands behind a K: field."""
        return any(line.lstrip().startswith("K:") for _, line in self.lines)


def split_tunes(text: str) -> list[str]:
    """The text of each tune by itself, so that one broken tune need not cost the others.

    Each part has the fields of the file's header where they stood and empty lines for what is left out, so that line
    numbers stay those of the whole text.

    Raises:
        AbcSyntaxError: the text holds no tune at all.
    """
    parts = []
    for block in blocks(text):
        rows = dict([*block.head, *block.lines])
        parts.append("\n".join(rows.get(number, "") for number in range(1, block.lines[-1][0] + 1)))
    return parts


def blocks(text: str, strict: bool = False) -> list[Block]:
    """Cut text at X: lines, at fences and at blank lines that music does not follow.

    Args:
        text: ABC notation; words around the tunes are passed over.
        strict: every blank line behind the K: field ends a tune.

    Raises:
        TypeError: `text` is no str.
        AbcSyntaxError: it is empty or binary, or holds no tune.
    """
    lines = list(enumerate(_checked(text).split("\n"), 1))
    plain = [_plain(line) for _, line in lines]
    has_reference = any(line.startswith("X:") for line in plain)
    head = _file_header(lines) if has_reference else []
    found: list[Block] = []
    current: Block | None = None
    blank = False
    for (number, line), stripped in zip(lines, plain, strict=True):
        if stripped.startswith("```"):
            current, blank = None, False
            continue
        opens = stripped.startswith("X:")
        if not opens and current is None and not has_reference:
            match = FIELD.match(line)
            opens = match is not None and match[1] in _OPENING_FIELDS
        if opens:
            current, blank = Block(head), False
            found.append(current)
        if current is None:
            continue
        if not stripped:
            blank = True
            continue
        # A blank line ends a tune, but real files also have them inside.
        if blank and (not _goes_on(line) or (strict and current.has_music)):
            current = None
            continue
        blank = False
        current.lines.append((number, line))
    if not found:
        number, line = next(((n, ln) for n, ln in lines if ln.strip()), (1, ""))
        raise AbcSyntaxError(
            number, 1, line.strip(), "a header field such as X:1 or K:G at the start of a tune"
        )
    return found


def _plain(line: str) -> str:
    """A line as it will be read: stray control characters are mended later, and hide no X: from us."""
    return JUNK.sub("", line).strip()


def _checked(text: str) -> str:
    """The text with one kind of line end; refuses what is no text."""
    if not isinstance(text, str):
        raise TypeError(f"ABC must be a str, not {type(text).__name__}")
    text = text.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise AbcSyntaxError(1, 1, "", "ABC text beginning with X: (the text is empty)")
    junk = list(JUNK.finditer(text))
    # A few stray control characters occur in real tune books and are mended line by line.
    if len(junk) > max(3, len(text) // 200):
        place = junk[0].start()
        line = text.count("\n", 0, place) + 1
        column = place - text.rfind("\n", 0, place)
        raise AbcSyntaxError(line, column, junk[0][0], "ABC text (this looks like binary data)")
    return text


def _file_header(lines: list[tuple[int, str]]) -> list[tuple[int, str]]:
    """The fields and comments at the very start of a file, up to a blank line, if nothing else stands there."""
    head: list[tuple[int, str]] = []
    for number, line in lines:
        stripped = line.strip()
        if not stripped or stripped.startswith("X:"):
            break
        match = FIELD.match(line)
        if not match and not stripped.startswith("%"):
            return []
        head.append((number, line))
    return head


def _goes_on(line: str) -> bool:
    """Whether a line behind a blank one is still of the tune."""
    stripped = line.strip()
    if (match := FIELD.match(line)) and match[1] in BODY_FIELDS:
        return True
    return bool(MUSIC_LINE.match(stripped)) and not re.search(r"[a-z]{4} ", stripped)
