"""Tunes as JSON lines, our own format: one object a line, with `source`, `id`, `abc` and what else is known."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from audiogen.data.corpus_items import UNKNOWN_LICENCE, CorpusTune, Rejected
from audiogen.data.files import write_whole

_NEEDED = ("source", "id", "abc")
_FIELDS = ("source", "id", "abc", "family", "title", "rhythm")


def read_json_lines(text: str, name: str) -> Iterator[CorpusTune | Rejected]:
    """The tunes of a .jsonl file; `name` is the file's, for what is rejected."""
    # Not splitlines(): a string in JSON may hold U+2028 and other ends of lines as they are.
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        place = f"{name}:{number}"
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            yield Rejected(place, f"is not JSON ({error})")
            continue
        missing = [key for key in _NEEDED if not isinstance(record, dict) or key not in record]
        if missing:
            yield Rejected(place, f"has no {missing[0]!r}")
            continue
        values = {key: str(record.get(key) or "") for key in _FIELDS}
        yield CorpusTune(**values, licence=str(record.get("licence") or UNKNOWN_LICENCE))


def write_json_lines(path: Path, tunes: Iterable[CorpusTune], kinds: Mapping[str, str] | None = None) -> None:
    """Write tunes whole or not at all; each gets its `kind` where `kinds` has one for its key."""
    kinds = kinds or {}
    rows = [
        {
            **{name: getattr(tune, name) for name in _FIELDS if name != "abc"},
            **({"kind": kinds[tune.key]} if tune.key in kinds else {}),
            "licence": tune.licence,
            "abc": tune.abc,
        }
        for tune in tunes
    ]
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    write_whole(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
