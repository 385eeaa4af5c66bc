"""Tunes of thesession.org: its public dump, in JSON or CSV, as the GitHub repository adactio/TheSession-data gives it.

A row is one setting of a tune: `tune_id, setting_id, name, type, meter, mode, abc, date, username`, in newer dumps
also `composer`; all are strings. `abc` is a body without a header, which is made of the other columns here.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping

from audiogen.data.corpus_items import CorpusTune, Rejected
from symbolic_bridge.kinds import KINDS, normalise_kind

SOURCE = "thesession"
DUMP_SUFFIXES = (".json", ".csv")
DUMP_URL = "https://raw.githubusercontent.com/adactio/TheSession-data/main/json/tunes.json"
# As the dump's LICENSE.md said in July 2026.
LICENCE = "ODbL 1.0 (thesession.org), not to be used with large language models"
LICENCE_NOTE = (
    "The tunes of thesession.org are under the Open Database License 1.0: what is made from them and passed on must "
    "name the source and stay under that licence. Their LICENSE.md also forbids use with large language models, "
    "training included. Every tune keeps this in its `licence`; trainings and `data clean --free` leave them out."
)
_NEEDED = ("setting_id", "abc")
_JSON_SHAPE = "a JSON list of objects with setting_id and abc, as TheSession's dump has"
_CSV_SHAPE = "a CSV file with the columns setting_id and abc, as TheSession's dump has"


def read_dump(text: str, suffix: str, name: str) -> Iterator[CorpusTune | Rejected]:
    """The settings of a dump by the suffix of its file, ".csv" or ".json"; `name` is for what is rejected."""
    yield from (read_csv_dump if suffix.lower() == ".csv" else read_json_dump)(text, name)


def read_json_dump(text: str, name: str) -> Iterator[CorpusTune | Rejected]:
    """The settings of a JSON dump; `name` is the file's, for what is rejected."""
    try:
        rows = json.loads(text)
    except (ValueError, RecursionError) as error:
        yield Rejected(name, f"is not JSON ({error})")
        return
    if not isinstance(rows, list) or not any(isinstance(row, dict) and "setting_id" in row for row in rows):
        yield Rejected(name, f"is not {_JSON_SHAPE}")
        return
    yield from _tunes((f"{name}[{place}]", row) for place, row in enumerate(rows))


def read_csv_dump(text: str, name: str) -> Iterator[CorpusTune | Rejected]:
    """The settings of a CSV dump; `name` is the file's, for what is rejected."""
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        if not set(_NEEDED) <= set(reader.fieldnames or ()):
            yield Rejected(name, f"is not {_CSV_SHAPE}")
            return
        yield from _tunes((f"{name}:{reader.line_num}", row) for row in reader)
    except csv.Error as error:
        yield Rejected(f"{name}:{reader.line_num}", f"is not CSV ({error}); what follows is not read")


def _tunes(rows: Iterable[tuple[str, object]]) -> Iterator[CorpusTune | Rejected]:
    for place, row in rows:
        if not isinstance(row, Mapping):
            yield Rejected(place, "is no setting (an object)")
            continue
        values = {key: _one_line(value) for key, value in row.items() if key and key != "abc"}
        missing = [key for key in _NEEDED if not str(row.get(key) or "").strip()]
        try:
            abc = "" if missing else _abc_of(values, str(row["abc"]))
        except ValueError as error:
            yield Rejected(place, str(error))
            continue
        if missing:
            yield Rejected(place, f"has no {missing[0]!r}")
            continue
        tune = values.get("tune_id") or values["setting_id"]
        yield CorpusTune(
            SOURCE, values["setting_id"], abc, "", values.get("name", ""), values.get("type", ""), LICENCE,
            f"{SOURCE}-{tune}",
        )  # fmt: skip


def _abc_of(values: Mapping[str, str], body: str) -> str:
    """A whole tune: a header from a row's columns, and its body."""
    kind = normalise_kind(values.get("type", ""))
    meter = values.get("meter") or (str(KINDS[kind].meter) if kind else "")
    if not meter:
        raise ValueError("has no 'meter', and no 'type' from which to tell it")
    if not values.get("mode"):
        raise ValueError("has no 'mode', which is the key")
    number = values["setting_id"]
    tune = values.get("tune_id", "")
    page = f"https://thesession.org/tunes/{tune}#setting{number}" if tune else ""
    fields = (
        ("X", number), ("T", values.get("name", "")), ("C", values.get("composer", "")),
        ("R", values.get("type", "")), ("M", meter), ("L", "1/8"), ("S", page), ("Z", values.get("username", "")),
        ("K", values["mode"]),
    )  # fmt: skip
    header = [f"{letter}:{value}" for letter, value in fields if value]
    # A second X: would begin another tune.
    lines = [line for line in body.splitlines() if line.strip() and not line.lstrip().startswith("X:")]
    return "\n".join([*header, *lines]) + "\n"


def _one_line(value: object) -> str:
    """A column's value as a field may hold it: one line, without beginning a comment."""
    return " ".join(str(value or "").split()).replace("%", "\\%")
