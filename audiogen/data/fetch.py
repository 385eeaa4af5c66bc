"""Fetching collections of tunes from where they are published."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from audiogen.data.corpus_items import CorpusTune, Rejected
from audiogen.data.corpus_thesession import DUMP_URL, read_dump
from audiogen.data.download import Downloaded, DownloadRules, download
from symbolic_bridge.abc_encoding import text_of_bytes


@dataclass(frozen=True)
class Fetched:
    """A dump that was fetched: how many settings of how many tunes it holds, and which rows hold none."""

    file: Downloaded
    settings: int
    tunes: int
    rejected: tuple[Rejected, ...]


def fetch_thesession(
    url: str = DUMP_URL,
    target: Path = Path("thesession.json"),
    rules: DownloadRules | None = None,
    *,
    sha256: str = "",
    progress: Callable[[float], None] | None = None,
) -> Fetched:
    """Fetch TheSession's dump; its format goes by the target's suffix, .json or .csv.

    Raises:
        ValueError: as `download`, or what came is no such dump; `target` is then as it was.
        OSError: as `download`.
    """
    items: list[CorpusTune | Rejected] = []

    def check(path: Path) -> None:
        items.extend(read_dump(text_of_bytes(path.read_bytes()), target.suffix, target.name))
        if not any(isinstance(item, CorpusTune) for item in items):
            found = next((item.reason for item in items if isinstance(item, Rejected)), "is empty")
            raise ValueError(f"{url}: what came {found}")

    file = download(url, target, rules, sha256=sha256, check=check, progress=progress)
    tunes = [item for item in items if isinstance(item, CorpusTune)]
    rejected = tuple(item for item in items if isinstance(item, Rejected))
    return Fetched(file, len(tunes), len({tune.group for tune in tunes}), rejected)
