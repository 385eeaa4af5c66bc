"""How long tunes are as tokens, beside ABC: the composer's tokens, ABC tokens as folk-rnn has them, and characters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from audiogen.data.corpus import CorpusTune
from audiogen.evaluation.baselines.abc_tokens import CONDITIONS, abc_of_tokens, abc_tokens, abc_vocabulary
from symbolic_bridge.kinds import kind_of
from symbolic_bridge.normal_form import NormalTune
from symbolic_bridge.normalise import UnfitTuneError, normalise
from symbolic_bridge.tune import Tune
from symbolic_bridge.tune_tokens import (
    CONDITION_NAMES,
    TokenError,
    decode,
    encode,
    vocabulary,
    written_kind,
)

COLUMNS = ("tunes", "notes_a_bar", "tokens_a_bar", "abc_tokens_a_bar", "abc_characters_a_bar", "tokens_a_tune",
           "abc_tokens_a_tune", "abc_characters_a_tune")  # fmt: skip


@dataclass
class _Sums:
    """Of one kind's tunes; conditions and "end" are not counted among tokens, nor the header among characters."""

    tunes: int = 0
    bars: int = 0
    notes: int = 0
    tokens: int = 0
    abc_tokens: int = 0
    abc_characters: int = 0

    def add(self, other: _Sums) -> None:
        for field in fields(self):
            setattr(self, field.name, getattr(self, field.name) + getattr(other, field.name))

    def figures(self) -> dict[str, float | int]:
        counts = {name: value for name, value in asdict(self).items() if name not in ("tunes", "bars")}
        return {
            "tunes": self.tunes,
            **{f"{name}_a_bar": round(value / self.bars, 3) for name, value in counts.items()},
            **{f"{name}_a_tune": round(value / self.tunes, 1) for name, value in counts.items()},
        }


def token_statistics(
    tunes: Sequence[CorpusTune], progress: Callable[[float], None] = lambda done: None
) -> dict[str, Any]:
    """Tokens and characters a bar, by kind and for all tunes that have a normal form, and whether nothing is lost.

    Written bars count once, pickups with the bar that they complete. Characters are those of the tune body as it came,
    without white space.

    Returns:
        JSON values: `by_kind`, `all`, `vocabulary` (sizes), `lossless` (shares of the tunes that come back equal from
        either kind of tokens) and `rejected` (counts by reason).

    Raises:
        ValueError: no tune has a normal form.
    """
    by_kind: dict[str, _Sums] = {}
    rejected: dict[str, int] = {}
    same = same_abc = 0
    for number, item in enumerate(tunes, 1):
        progress(number / len(tunes))
        try:
            read = Tune.from_abc(item.abc)
            tune = normalise(read, written_kind(kind_of(read).id))
            row, names = encode(tune), abc_tokens(tune)
        except ValueError as error:
            reason = _reason(error)
            rejected[reason] = rejected.get(reason, 0) + 1
            continue
        same += decode(row) == tune
        same_abc += normalise(Tune.from_abc(abc_of_tokens(names), strict=True), tune.kind) == tune
        sums = _Sums(
            tunes=1,
            bars=sum(len(part.bars) + sum(map(len, part.endings)) for part in tune.parts),
            notes=_notes(tune),
            tokens=len(row) - len(CONDITION_NAMES) - 1,
            abc_tokens=len(names) - len(CONDITIONS) - 1,
            abc_characters=_body_characters(item.abc),
        )
        by_kind.setdefault(tune.kind, _Sums()).add(sums)
    if not by_kind:
        raise ValueError(f"none of {len(tunes)} tunes has a normal form: {rejected}")
    total = _Sums()
    for sums in by_kind.values():
        total.add(sums)
    return {
        "by_kind": {
            kind: sums.figures() for kind, sums in sorted(by_kind.items(), key=lambda each: -each[1].tunes)
        },
        "all": total.figures(),
        "vocabulary": {"tokens": len(vocabulary()), "abc_tokens": len(abc_vocabulary())},
        "lossless": {"tokens": same / total.tunes, "abc_tokens": same_abc / total.tunes},
        "rejected": rejected,
    }


def _reason(error: ValueError) -> str:
    if isinstance(error, UnfitTuneError):
        return error.reason
    return "no token" if isinstance(error, TokenError) else "unreadable ABC"


def _notes(tune: NormalTune) -> int:
    return sum(1 for _ in tune.notes())


def _body_characters(abc: str) -> int:
    """Characters behind the header, without white space, comments and fields on lines of their own."""
    lines = abc.splitlines()
    key = next((number for number, line in enumerate(lines) if line.startswith("K:")), -1)
    body = (line.split("%")[0] for line in lines[key + 1 :] if line[1:2] != ":" or line[:1] in "|:")
    return sum(len("".join(line.split())) for line in body)
