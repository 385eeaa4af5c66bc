"""Text to ids for the small text encoder: known words by name, numbers in steps, all else by hashed pieces."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

from audiogen.text_words import frozen_words
from symbolic_bridge.prompt_numbers import number_at
from symbolic_bridge.prompt_tokens import Reading, tokenize
from symbolic_bridge.prompt_words import STOPWORDS

PAD = 0
UNKNOWN_NUMBER = 1
_SPECIAL = 2
# Numbers fall into steps of 10 up to 400, the range of tempos in beats a minute.
NUMBER_STEP, NUMBER_STEPS = 10, 41
# An unknown word is spelled by at most this many hashed trigrams, so that a long one cannot fill the window.
MOST_PIECES = 6
LEAST_BUCKETS = 64


@dataclass(frozen=True)
class TextTokenizer:
    """Turns text into ids below `size`, the same in every process and on every machine.

    Ids: 0 padding; 1 a number out of range; then the steps of 10 of the numbers 0 to 409; then `words` in their order;
    the rest are buckets in which the trigrams of every other word are hashed with CRC-32 (Python's own hash differs
    from process to process). Stop words that are not in `words` have no id.

    Raises:
        ValueError: `size` leaves fewer than 64 buckets, or a word stands twice.
    """

    size: int = 1024
    words: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.words:
            object.__setattr__(self, "words", frozen_words())
        if len(set(self.words)) != len(self.words):
            raise ValueError("the words of a text vocabulary must differ from each other")
        least = self.first_bucket + LEAST_BUCKETS
        if self.size < least:
            raise ValueError(
                f"text vocabulary of {self.size} ids; {len(self.words)} words need at least {least}"
            )
        object.__setattr__(
            self, "_ids", {word: index for index, word in enumerate(self.words, self._first_word)}
        )

    @property
    def _first_word(self) -> int:
        return _SPECIAL + NUMBER_STEPS

    @property
    def first_bucket(self) -> int:
        """The first id that hashed pieces of words get."""
        return self._first_word + len(self.words)

    def ids(self, text: str) -> list[int]:
        """Ids of a text in its order; empty for a text without words or numbers."""
        reading = Reading(tokenize(text))
        table: dict[str, int] = self.__dict__["_ids"]
        found: list[int] = []
        for index, token in enumerate(reading.tokens):
            if token.sort == "stop":
                continue
            number = number_at(reading, index) if token.sort == "number" else None
            word = token.word.replace(" ", "")  # "6 / 8"
            if word in table:
                found.append(table[word])
            elif number is not None:
                found.append(self._number_id(number[0]))
            elif token.word not in STOPWORDS:
                found += self._pieces(token.word)
        return found

    def _number_id(self, value: float) -> int:
        step = int(value // NUMBER_STEP)
        return _SPECIAL + step if 0 <= step < NUMBER_STEPS else UNKNOWN_NUMBER

    def _pieces(self, word: str) -> list[int]:
        framed = f"<{word}>"
        buckets = self.size - self.first_bucket
        pieces = [framed[start : start + 3] for start in range(len(framed) - 2)][:MOST_PIECES]
        return [self.first_bucket + zlib.crc32(piece.encode()) % buckets for piece in pieces]
