"""Outlines of tunes - how many parts, how long each is and how often it is played - and how usual each is in a kind.

`composer_forms.json` holds what `audiogen data forms` counted in the training tunes whose licence allows it. A composer
draws from it where no form was asked for.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from symbolic_bridge.errors import AbcSyntaxError
from symbolic_bridge.kinds import kind_of
from symbolic_bridge.normalise import UnfitTuneError, normalise
from symbolic_bridge.plans import PlanPart
from symbolic_bridge.tune import Tune
from symbolic_bridge.tune_tokens import written_kind

SHIPPED_FORMS = Path(__file__).parent / "composer_forms.json"
# Rarer outlines are slips of the pen, or one tune's own.
FEWEST_TUNES = 3
# Shorter parts are what stands before a da capo, or an ending that signs do not name.
SHORTEST_PART_BARS = 4


@dataclass(frozen=True)
class Outline:
    """Parts in order: `bars` of each in its first playing, pickups left out, and how many `times` it is played."""

    bars: tuple[int, ...]
    times: tuple[int, ...]

    @property
    def runs(self) -> tuple[tuple[int, int], ...]:
        """As (part number, times in a row); see `composer_plan.form_runs`."""
        return tuple(enumerate(self.times))

    @property
    def played_bars(self) -> int:
        """Bars of one time through, repeats counted."""
        return sum(bars * times for bars, times in zip(self.bars, self.times, strict=True))

    def __str__(self) -> str:
        return " ".join(f"{bars}x{times}" for bars, times in zip(self.bars, self.times, strict=True))

    @classmethod
    def parse(cls, text: str) -> Outline:
        """The outline that `str` wrote: "8x2 8x2" is AABB with parts of eight bars."""
        parts = [tuple(map(int, part.split("x"))) for part in text.split()]
        bars, times = zip(*parts, strict=True)
        return cls(bars, times)


@dataclass(frozen=True)
class FormCounts:
    """Outlines by kind, each with the number of tunes that have it, and tunes left out by reason."""

    counts: Mapping[str, Mapping[str, int]]
    rejected: Mapping[str, int]

    @property
    def tunes(self) -> int:
        """How many are in the table."""
        return sum(sum(rows.values()) for rows in self.counts.values())

    def to_json(self) -> str:
        """The table, an outline a line."""
        return json.dumps(self.counts, indent=1) + "\n"


def count_forms(tunes: Sequence[str], progress: Callable[[float], None] = lambda done: None) -> FormCounts:
    """Count the outlines of ABC tunes, the commonest of each kind first; the rare ones of a kind are left out.

    Args:
        tunes: ABC text of each.
        progress: told the share that is done.
    """
    found: dict[str, Counter[str]] = {}
    rejected: Counter[str] = Counter()
    for number, abc in enumerate(tunes, 1):
        progress(number / len(tunes))
        try:
            tune = Tune.from_abc(abc)
            kind = written_kind(kind_of(tune).id)
            parts = normalise(tune, kind).parts
        except AbcSyntaxError:
            rejected["unreadable ABC"] += 1
            continue
        except UnfitTuneError as error:
            rejected[error.reason] += 1
            continue
        if min(part.bar_count for part in parts) < SHORTEST_PART_BARS:
            rejected["a very short part"] += 1
            continue
        outline = Outline(tuple(part.bar_count for part in parts), tuple(1 + part.repeated for part in parts))
        found.setdefault(kind, Counter())[str(outline)] += 1
    counts = {}
    for kind in sorted(found):
        usual = {outline: count for outline, count in found[kind].most_common() if count >= FEWEST_TUNES}
        rejected["a rare outline"] += found[kind].total() - sum(usual.values())
        if usual:
            counts[kind] = usual
    return FormCounts(counts, dict(rejected))


@cache
def _shipped() -> Mapping[str, tuple[tuple[Outline, int], ...]]:
    table = json.loads(SHIPPED_FORMS.read_text(encoding="utf-8"))
    return {
        kind: tuple((Outline.parse(text), count) for text, count in rows.items())
        for kind, rows in table.items()
    }


def draw_outline(
    kind: str,
    chance: float,
    *,
    planned: Sequence[PlanPart] = (),
    bars: int | None = None,
    most_played: int | None = None,
) -> Outline | None:
    """One of the outlines of a kind, each as often as tunes have it.

    Args:
        kind: an id of `kinds.KINDS`.
        chance: 0 ... 1, which one is taken.
        planned: parts that stand already.
        bars: written bars that were asked for; where no outline has so many, its form at least must have room in them.
        most_played: as many bars, repeats counted, as there is time for.

    Returns:
        None where none of them fits.
    """
    rows = _shipped().get(written_kind(kind), ())
    if planned:
        rows = [row for row in rows if _fits_plan(row[0], planned)]
    elif bars is not None:
        exact = [row for row in rows if sum(row[0].bars) == bars]
        rows = exact or [row for row in rows if SHORTEST_PART_BARS * len(row[0].bars) <= bars]
    elif most_played is not None:
        rows = [row for row in rows if row[0].played_bars <= most_played]
    left = chance * sum(count for _, count in rows)
    for outline, count in rows:
        left -= count
        if left < 0:
            return outline
    return rows[-1][0] if rows else None


def _fits_plan(outline: Outline, planned: Sequence[PlanPart]) -> bool:
    """Whether the parts of a plan can be played as often as an outline's."""
    return len(planned) == len(outline.times) and all(
        part.repeated in (None, times == 2) and (times == 2 or not part.endings)
        for part, times in zip(planned, outline.times, strict=True)
    )
