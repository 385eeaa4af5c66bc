"""Tunes in normal form as tokens of ABC, after folk-rnn: pitch, length, bar line and tuplet are a token each.

folk-rnn (Sturm, Santos, Ben-Tal, Korshunova 2016, arXiv:1604.08723) reads ABC in one key, cut into such tokens, and
knows metre and mode from the first two. Here kind, metre, mode, number of parts and length in bars stand first, as
they do in `symbolic_bridge.tune_tokens`, so that both are told the same. An eighth has no token for its length.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

from symbolic_bridge.abc_note_writer import length_text
from symbolic_bridge.normal_form import (
    DURATIONS,
    HIGHEST_PITCH,
    LOWEST_PITCH,
    MAX_PARTS,
    TICKS_PER_WHOLE,
    WHITE_TONICS,
    NormalTune,
)
from symbolic_bridge.tune import LETTER_SEMITONES, LETTERS
from symbolic_bridge.tune_tokens import (
    LENGTH_STEP_BARS,
    MAX_LENGTH_BARS,
    METERS,
    WRITTEN_KINDS,
    TokenError,
    conditions_of,
)

CONDITIONS = ("kind", "meter", "mode", "parts", "length")
BAR_SIGNS = ("|", "||", "|]", "|:", ":|", "::", "||:", ":||:", ":|]", "|1", ":|2", "|2")
TUPLETS = ("(3", "(3:2:2", "(3:2:4", "(3:2:5")
MARKS = (">", "<", "~", "-")
_TOKEN = re.compile(r":?\|+[:\]]?\d?|::|\(\d(?::\d*){0,2}|[\^_=]?[A-Ga-gz][,']*|\d*/\d*|\d+|\S")
_UNIT = Fraction(1, 8)


@dataclass(frozen=True)
class AbcVocabulary:
    """Names of all ids; `pad` fills rows up, `end` closes a tune."""

    names: tuple[str, ...]
    ids: dict[str, int]
    pad: int = 0
    end: int = 1

    def __len__(self) -> int:
        return len(self.names)


@cache
def abc_vocabulary() -> AbcVocabulary:
    """The one vocabulary of ABC tokens."""
    names = ["pad", "end", *(f"kind:{kind}" for kind in WRITTEN_KINDS), *(f"meter:{m}" for m in METERS)]
    names += [f"mode:{mode}" for mode in WHITE_TONICS]
    names += [f"parts:{count}" for count in range(1, MAX_PARTS + 1)]
    names += [f"length:{bars}" for bars in range(LENGTH_STEP_BARS, MAX_LENGTH_BARS + 1, LENGTH_STEP_BARS)]
    names += [*BAR_SIGNS, *TUPLETS, *MARKS, *_lengths(), "z"]
    names += [mark + name for name in _letters() for mark in ("", "^", "_", "=")]
    return AbcVocabulary(tuple(names), {name: index for index, name in enumerate(names)})


def _lengths() -> list[str]:
    """How the lengths of the normal form are written, plain and in a triplet."""
    written = (
        length_text(Fraction(ticks, TICKS_PER_WHOLE) / _UNIT * times)
        for times in (Fraction(1), Fraction(3, 2))
        for ticks in DURATIONS
    )
    return [text for text in dict.fromkeys(written) if text]


def _letters() -> list[str]:
    """ABC's letters from the lowest to the highest pitch of the normal form, the neighbours included."""
    found = []
    for octave in range(LOWEST_PITCH // 12 - 1, HIGHEST_PITCH // 12):
        for letter, semitones in zip(LETTERS, LETTER_SEMITONES, strict=True):
            if LOWEST_PITCH - 1 <= 12 * (octave + 1) + semitones <= HIGHEST_PITCH + 1:
                found.append(
                    letter.lower() + "'" * (octave - 5) if octave >= 5 else letter + "," * (4 - octave)
                )
    return found


def condition_names(kind: str, meter: str, mode: str, parts: int, length: int) -> tuple[str, ...]:
    """What a model is told before it writes, in order."""
    return tuple(
        f"{name}:{value}" for name, value in zip(CONDITIONS, (kind, meter, mode, parts, length), strict=True)
    )


def abc_tokens(tune: NormalTune) -> list[str]:
    """Conditions, body and "end".

    Raises:
        TokenError: something in the tune has no token.
    """
    told = conditions_of(tune)
    text = tune.to_tune().to_abc()
    body = text[text.index("\n", text.index("\nK:") + 1) :]
    names = [
        *condition_names(told.kind, told.meter, told.mode, told.parts, told.length),
        *_TOKEN.findall(body),
        "end",
    ]
    missing = [name for name in names if name not in abc_vocabulary().ids]
    if missing:
        raise TokenError(f"there is no token for {missing[0]!r}")
    return names


def abc_of_tokens(names: Sequence[str]) -> str:
    """The ABC text that tokens stand for, well formed or not; the inverse of `abc_tokens` where they are a tune.

    Raises:
        TokenError: the conditions are not all there, in their order.
    """
    given = [name.partition(":") for name in names[: len(CONDITIONS)]]
    if tuple(kind for kind, _, _ in given) != CONDITIONS:
        raise TokenError(f"tokens begin with {list(names[: len(CONDITIONS)])}, not with {CONDITIONS}")
    kind, meter, mode = (value for _, _, value in given[:3])
    body = "".join(
        # Spaces, so that a length that wrongly follows a bar line is not taken for the number of an ending.
        f" {name} " if name in BAR_SIGNS else name
        for name in names[len(CONDITIONS) :]
        if name != "end"
    )
    key = f"{WHITE_TONICS[mode]} {mode}"
    return f"X:1\nT:Untitled\nR:{kind}\nM:{meter}\nL:{_UNIT}\nK:{key}\n{body.strip()}\n"
