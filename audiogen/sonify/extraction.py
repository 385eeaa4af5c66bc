"""The notation in a language model's reply: ABC, JSON notes or a chord grid, apart from the prose around it.

Only whole lines are told apart here; whether a line of ABC can be read is the reader's business.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from audiogen.sonify.chord_grid import grid_rows, is_grid_row

_FENCE = re.compile(r"\s*(`{3,}|~{3,})\s*([\w+-]*)\s*$")
_THOUGHT = re.compile(r"<think>.*?(?:</think>|\Z)", re.DOTALL | re.IGNORECASE)
# Marks of quotation, emphasis and code around a line.
_MARKDOWN = re.compile(r"^(?:\s*>\s?|\s*\*\*|\s*`)+|(?:\*\*|`)\s*$")
_HTML_BREAK = re.compile(r"<br\s*/?>\n?", re.IGNORECASE)
_ESCAPED_BREAKS = re.compile(r"X:\s*\d+\s*\\n")
# Bars in the middle of a sentence: two at least, or there would be too little to play.
_INLINE = re.compile(r"\|:?[^|\n]{3,200}(?:\|[^|\n]{3,200})+:?\|")
_FEWEST_NOTES = 4
_REFERENCE = re.compile(r"\s*X:\s*\d*\s*(?:%.*)?$")
_FIELD = re.compile(r"\s*([A-Za-z]):(?![|:])")
_OPENING_FIELDS = frozenset("TCMLQKRSOZN")
# What may stand in a line of music beside quoted text, !decorations! and [fields].
# Bounded, so that a line of nothing but brackets takes no quadratic time.
_ASIDE = re.compile(r'"[^"]{0,500}"|![^!\s]{0,40}!|\[[A-Za-z]:[^\]]{0,200}\]|(?<!\\)%.*$')
_MUSIC = re.compile(r"[\sA-Ga-gzZxXyuvTHLMOPSRJ0-9,'^_=/|:\[\](){}<>~.!&$*\\‖-]*$")
_NOTE = re.compile(r"[A-Ga-gzx]")
_PROSE_WORD = re.compile(r"[^\W\d_]{4,}")
_JSON_SIGN = re.compile(r"""["'](?:notes|melody|bars|pitch|abc|tunes)["']\s*:""")


@dataclass(frozen=True)
class Notation:
    """One piece of notation. `kind`: "abc", "json" or "chords"; `line`: where in the reply it begins, from 1."""

    kind: str
    text: str
    line: int


@dataclass(frozen=True)
class Extraction:
    """What was found in a reply. `remarks`: what was passed over; `mendings`: what had to be changed to get at it."""

    pieces: tuple[Notation, ...]
    remarks: tuple[str, ...] = ()
    mendings: tuple[str, ...] = ()


@dataclass
class _Block:
    """Lines of the reply, all inside one fence or all outside; `first` is the number of the first one."""

    first: int
    lines: list[str] = field(default_factory=list)
    language: str = ""
    fenced: bool = False


@dataclass
class _Draft:
    """A tune as its lines come; `gap` is the number of an empty line that has just been passed."""

    first: int
    lines: list[str] = field(default_factory=list)
    has_music: bool = False
    gap: int = 0


def extract(reply: str) -> Extraction:
    """Find the notation of a reply.

    Melodies win: a chord grid counts only where there is nothing else.

    Returns:
        The pieces in order, none where the reply is prose alone.
    """
    text = reply.removeprefix("\ufeff").replace("\r\n", "\n").replace("\r", "\n")
    remarks: list[str] = []
    mendings: list[str] = []
    if _THOUGHT.search(text):
        # The lines stay, so that places are those of the reply.
        text = _THOUGHT.sub(lambda match: "\n" * match[0].count("\n"), text)
        remarks.append("what the model thought aloud (<think>) was left out")
    text = _with_lines(text, mendings)
    pieces: list[Notation] = []
    for block in _blocks(text, mendings):
        pieces += _json_pieces(block) or _abc_pieces(block, pieces, mendings)
    if not pieces:
        pieces = [Notation("chords", grid, line) for grid, line in grid_rows(text)]
    if not pieces:
        pieces = list(_inline_pieces(text, mendings))
    if pieces:
        words = len(text.split()) - sum(len(piece.text.split()) for piece in pieces)
        if words > 0:
            remarks.append(f"{words} words around the notation were passed over")
    return Extraction(tuple(pieces), tuple(remarks), tuple(mendings))


def _with_lines(text: str, mendings: list[str]) -> str:
    """The text with true ends of lines, where a tune has them as HTML or as backslashes."""
    if _HTML_BREAK.search(text):
        text = _HTML_BREAK.sub("\n", text)
        mendings.append("<br> was taken for the end of a line")
    if _ESCAPED_BREAKS.search(text) and not _JSON_SIGN.search(text):
        text = text.replace("\\n", "\n")
        mendings.append("a backslash with n was taken for the end of a line")
    return text


def _inline_pieces(text: str, mendings: list[str]) -> Iterator[Notation]:
    """Bars that stand within sentences, where there is no other notation."""
    for number, line in enumerate(text.split("\n"), 1):
        for found in _INLINE.finditer(line):
            music = found[0]
            if _MUSIC.match(_ASIDE.sub(" ", music)) and len(_NOTE.findall(music)) >= _FEWEST_NOTES:
                mendings.append(f"line {number}: the bars within the sentence were taken for a tune")
                yield Notation("abc", music, number)


def _blocks(text: str, mendings: list[str]) -> Iterator[_Block]:
    """Runs of lines within and outside fences."""
    block, mark, opened = _Block(1), "", 0
    for number, line in enumerate(text.split("\n"), 1):
        fence = _FENCE.match(line)
        if mark and fence and fence[1].startswith(mark) and not fence[2]:
            yield block
            block, mark = _Block(number + 1), ""
        elif not mark and fence:
            yield block
            block, mark, opened = _Block(number + 1, language=fence[2].lower(), fenced=True), fence[1], number
        else:
            block.lines.append(line if mark else _MARKDOWN.sub("", line))
    if mark:
        mendings.append(f"line {opened}: a fence that is never closed; it was taken to end with the reply")
    yield block


def _json_pieces(block: _Block) -> list[Notation]:
    """The block's JSON from its first brace to its last; cut-off JSON goes on to the block's end."""
    text = "\n".join(block.lines)
    if not _JSON_SIGN.search(text):
        return []
    starts = [place for place in (text.find("{"), text.find("[")) if place >= 0]
    if not starts:
        return []
    start = min(starts)
    stop = max(text.rfind("}"), text.rfind("]")) + 1
    # Behind a cut the last brace is that of a note; what is left of the next one is of no use.
    return [Notation("json", text[start : max(stop, start + 1)], block.first + text.count("\n", 0, start))]


def _abc_pieces(block: _Block, before: list[Notation], mendings: list[str]) -> list[Notation]:
    """The block's tunes; a fence of bare music goes on with the tune of the fence before."""
    tunes = [draft for draft in _drafts(block, mendings) if draft.has_music]
    found: list[Notation] = []
    for draft in tunes:
        text = "\n".join(draft.lines)
        bare = not any(_FIELD.match(line) for line in draft.lines)
        last = found[-1] if found else before[-1] if before else None
        if bare and last is not None and last.kind == "abc":
            joined = Notation("abc", f"{last.text}\n{text}", last.line)
            (found if found else before)[-1] = joined
            mendings.append(
                f"line {draft.first}: music without a header, joined to the tune of line {last.line}"
            )
        else:
            found.append(Notation("abc", text, draft.first))
    return found


def _drafts(block: _Block, mendings: list[str]) -> Iterator[_Draft]:
    """Runs of ABC lines, each beginning with X:, another field or bare music."""
    draft: _Draft | None = None
    for number, line in enumerate(block.lines, block.first):
        kind = _kind_of_line(line, draft is not None, block.fenced)
        if kind == "empty":
            if draft is not None and not draft.gap:
                draft.gap = number
            continue
        named = _FIELD.match(line)
        opens = kind == "reference" or (
            named is not None and draft is not None and draft.has_music and draft.gap and named[1] in "XT"
        )
        if opens or (draft is None and kind in ("field", "music")):
            if draft is not None:
                yield draft
            draft = _Draft(number)
        if draft is None:
            continue
        if kind == "prose":
            if block.fenced:
                mendings.append(f"line {number}: {_shown(line)} is no ABC and was left out")
                continue
            yield draft
            draft = None
            continue
        if draft.gap:
            mendings.append(f"line {draft.gap}: an empty line inside a tune was left out")
            draft.gap = 0
        draft.lines.append(line)
        draft.has_music = draft.has_music or kind == "music"
    if draft is not None:
        yield draft


def _kind_of_line(line: str, inside: bool, fenced: bool) -> str:
    """ "empty", "reference" (X:), "field", "comment", "music" or "prose"."""
    if not line.strip():
        return "empty"
    if _REFERENCE.match(line):
        return "reference"
    named = _FIELD.match(line)
    if named and (inside or named[1] in _OPENING_FIELDS):
        return "field"
    if line.lstrip().startswith("%"):
        return "comment" if inside else "prose"
    return "music" if _is_music(line, inside, fenced) else "prose"


def _is_music(line: str, inside: bool, fenced: bool) -> bool:
    rest = _ASIDE.sub(" ", line)
    notes = len(_NOTE.findall(rest))
    if not inside and notes < _FEWEST_NOTES:
        return False
    if not notes:
        # Chord symbols and bar lines alone are a line of music too, where a tune is being written.
        return inside and "|" in line and not _PROSE_WORD.search(rest)
    if _MUSIC.match(rest) and ("|" in rest or (inside and fenced)):
        return inside or not is_grid_row(line)
    # A stray sign does not make prose of a line of bars.
    return inside and line.count("|") >= 2 and all(_MUSIC.match(word) for word in _PROSE_WORD.findall(rest))


def _shown(text: str) -> str:
    text = " ".join(text.split())
    return repr(text if len(text) <= 40 else text[:37] + "...")
