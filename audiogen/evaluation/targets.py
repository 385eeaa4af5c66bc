"""Whether the codec beats Opus, group by group: fewer bits, smaller distance, higher score."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from audiogen.evaluation.clips import RECORDING, RENDERING
from audiogen.evaluation.coders import OURS, Coder, opus_name
from audiogen.evaluation.judging import FIGURES

# Most that ours may spend, in kbps of the written files, and the nominal bitrate of the Opus it must beat.
RIVALS = {RENDERING: ((3.0, 16.0), (1.5, 8.0)), RECORDING: ((3.0, 12.0), (1.5, 8.0))}
JUDGED_BY = ("log_mel", "visqol")


@dataclass(frozen=True)
class Target:
    """One comparison; `met` is None where one of the two was not measured."""

    group: str
    figure: str
    at_most_kbps: float
    ours: str | None
    ours_kbps: float | None
    ours_value: float | None
    rival: str
    rival_kbps: float | None
    rival_value: float | None
    met: bool | None


def check_targets(
    groups: Mapping[str, str], by_group: Mapping[str, Mapping[str, Any]], coders: list[Coder]
) -> list[dict[str, object]]:
    """Each group against its rivals.

    Args:
        groups: the kind of each group, RENDERING or RECORDING.
        by_group: for each group and coder its mean figures and `kbps`.
        coders: what was measured.

    Returns:
        `Target` as JSON values.
    """
    found = []
    for group, kind in groups.items():
        figures = by_group[group]
        for limit, opus_kbps in RIVALS[kind]:
            ours, rival = best_within(figures, coders, limit), opus_name(opus_kbps)
            for figure in JUDGED_BY:
                mine = figures[ours][figure] if ours else None
                other = figures[rival][figure] if rival in figures else None
                found.append(
                    Target(
                        group, figure, limit, ours, figures[ours]["kbps"] if ours else None, mine, rival,
                        figures[rival]["kbps"] if rival in figures else None, other, _better(figure, mine, other),
                    )
                )  # fmt: skip
    return [asdict(target) for target in found]


def best_within(
    figures: Mapping[str, Mapping[str, Any]], coders: list[Coder], limit_kbps: float, family: str = OURS
) -> str | None:
    """That coder of a family which spends most of a bitrate, by the bytes it wrote."""
    spent = {coder.name: figures[coder.name]["kbps"] for coder in coders if coder.family == family}
    within = [name for name, kbps in spent.items() if kbps <= limit_kbps]
    return max(within, key=spent.__getitem__) if within else None


def _better(figure: str, mine: float | None, other: float | None) -> bool | None:
    if mine is None or other is None:
        return None
    return mine > other if FIGURES[figure] else mine < other
