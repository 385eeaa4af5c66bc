"""What importers of tunes give: a tune of a corpus, or an item that was left out and why."""

from __future__ import annotations

from dataclasses import dataclass

UNKNOWN_LICENCE = "unknown"


@dataclass(frozen=True)
class CorpusTune:
    """One tune of a corpus; `key` tells it from all others.

    `family` names its melody family and is empty until that is known. `group` names what its source files it under
    (settings of one tune, say): tunes of one group are kin, but their kin may also stand outside of it.
    """

    source: str
    id: str
    abc: str
    family: str = ""
    title: str = ""
    rhythm: str = ""
    licence: str = UNKNOWN_LICENCE
    group: str = ""

    @property
    def key(self) -> str:
        return f"{self.source}/{self.id}"


@dataclass(frozen=True)
class Rejected:
    """An item that was left out, and why."""

    item: str
    reason: str
