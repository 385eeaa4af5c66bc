"""A prompt as a row of tokens, each of which is read once."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

_TOKEN = re.compile(
    r"(?P<clock>(?<![\d:])\d{1,3}:[0-5]\d(?![\d:]))"
    r"|(?P<ratio>(?<![\w/])\d{1,3}\s?/\s?\d{1,3}(?![\d/]))"
    r"|(?P<number>(?:(?<![\w.])-)?\d+(?:,\d{3}(?!\d))*(?:[.,]\d+)?)"
    r"|(?P<key>(?<![^\W_])[A-Ga-g]#[A-Za-z]*)"
    r"|(?P<word>[^\W\d_]+(?:'[^\W\d_]+)*|w/o)"
    r"|(?P<stop>[.,;:!?()\[\]\n\u2013\u2014|]+|\s-+\s)"
)

_QUOTES = str.maketrans("\u2018\u2019\u2032\u201c\u201d\u2033", "'''\"\"\"")


def plain(text: str) -> str:
    """Lower case without accents ("Bodhrán" -> "bodhran")."""
    decomposed = unicodedata.normalize("NFKD", text.lower())
    return "".join(mark for mark in decomposed if not unicodedata.combining(mark))


@dataclass(frozen=True)
class Token:
    """One token: `sort` is "clock", "ratio", "number", "key", "word" or "stop"; `word` is `text` made plain."""

    text: str
    word: str
    sort: str


def tokenize(text: str) -> list[Token]:
    """Split a prompt; flats and sharps become b and #, other signs words, hyphens separate words."""
    text = unicodedata.normalize("NFC", text).translate(_QUOTES)
    text = re.sub(r"(?<=[A-Ga-g])\s?\u266d", "b", text)
    text = re.sub(r"(?<=[A-Ga-g])\s?\u266f", "#", text)
    text = re.sub(r"\bw/o\b", "without", text)
    text = re.sub(r"@\s*(?=\d)", " at ", text)
    text = re.sub(r"(?:\u2669\.?|\b[Qq])\s*[=:]\s*(?=\d)", " tempo ", text)
    # 1'30" is a length; the " that closes a quoted passage is not.
    text = re.sub(r"(?<=\d)'\s?(?=[0-5]?\d(?!\d))", " min ", text)
    text = re.sub(r"(?<!\d)(\"[^\"]*\")|(?<=\d)(?:\"|'')", lambda found: found[1] or " s ", text)
    return [
        Token(found.group(), plain(found.group()), str(found.lastgroup)) for found in _TOKEN.finditer(text)
    ]


@dataclass
class Reading:
    """What is being understood: tokens, which of them are read, the values so far and the notices.

    `negated` holds indices of read tokens that stood under a "without" or "not".
    """

    tokens: list[Token]
    taken: list[bool] = field(default_factory=list)
    values: dict[str, object] = field(default_factory=dict)
    notices: list[str] = field(default_factory=list)
    negated: set[int] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.taken = [False] * len(self.tokens)

    def word(self, index: int) -> str:
        """The plain word at index; "" outside the prompt."""
        return self.tokens[index].word if 0 <= index < len(self.tokens) else ""

    def is_free(self, start: int, end: int) -> bool:
        """Whether tokens [start, end) exist and none has been read."""
        return start >= 0 and end <= len(self.tokens) and not any(self.taken[start:end])

    def take(self, start: int, end: int) -> None:
        """Mark tokens [start, end) as read."""
        self.taken[start:end] = [True] * (end - start)

    def quote(self, start: int, end: int) -> str:
        """Tokens [start, end) as they were written."""
        return " ".join(token.text for token in self.tokens[start:end])

    def note(self, notice: str) -> None:
        """Add a notice once."""
        if notice not in self.notices:
            self.notices.append(notice)

    def give(self, name: str, value: object, said: str) -> bool:
        """Set a value; a later, different one is left out with a notice. Returns whether the value holds now."""
        if name in self.values and self.values[name] != value:
            shown = self.values[name]
            self.note(
                f"{said!r} contradicts the {name.replace('_', ' ')} already named ({shown}) and was left out"
            )
            return False
        self.values[name] = value
        return True
