"""Whatever stands in a file of tunes: every item becomes a tune or is rejected, and cleaning copes with the tunes."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from audiogen.data.cleaning import clean
from audiogen.data.corpus import Corpus, CorpusTune, Rejected
from audiogen.data.corpus_abc import split_abc
from audiogen.data.corpus_json_lines import read_json_lines
from audiogen.data.corpus_thesession import read_csv_dump, read_json_dump
from symbolic_bridge.abc_encoding import text_of_bytes

# Text made of what ABC is made of, so that much of it gets as far as the notes.
PIECES = st.sampled_from(
    ["X:1\n", "X: 2", "T:a\n", "M:6/8\n", "M:none\n", "L:1/8\n", "K:G\n", "K:", "R:jig\n", "V:1\n", "[V:2]", "%",
     "|:", ":|", "|", "|1", "[2", "||", "GAB ", "d2e", "z4", "(3abc", "{g}", "~A3", "[CEG]2", "-", "^", "/", "&",
     '"Am"', "!trill!", "\\\n", "W:words\n", "9999999999", "é", "\r", "\x00", "\ufeff", '"', "{", "[", ",,,,", "P:A\n",
     "I:x\n", "%%abc\n", "\n", "\n\n"]
)  # fmt: skip
ABC = st.lists(PIECES, max_size=80).map("".join)
ROWS = st.lists(
    st.dictionaries(
        st.sampled_from(["tune_id", "setting_id", "name", "type", "meter", "mode", "abc", "source", "id"]),
        st.one_of(st.none(), st.integers(), ABC, st.lists(st.text(max_size=3), max_size=2)),
    ),
    max_size=4,
)


@settings(max_examples=300, deadline=None, database=None)
@given(st.binary(max_size=400))
def test_any_bytes_are_read_or_rejected(data: bytes) -> None:
    try:
        text = text_of_bytes(data)
    except UnicodeDecodeError:
        return
    for items in (
        split_abc(text, "f", "MIT"),
        read_json_lines(text, "f"),
        read_json_dump(text, "f"),
        read_csv_dump(text, "f"),
    ):
        assert all(isinstance(item, CorpusTune | Rejected) for item in items)


@settings(max_examples=400, deadline=None, database=None)
@given(st.lists(ABC, max_size=3))
def test_any_notation_is_kept_or_listed(texts: list[str]) -> None:
    items = [item for place, text in enumerate(texts) for item in split_abc(text, f"f{place}", "MIT")]
    items += [CorpusTune("raw", str(place), text) for place, text in enumerate(texts)]
    tunes = tuple(item for item in items if isinstance(item, CorpusTune))
    cleaned = clean(Corpus(tunes, tuple(item for item in items if isinstance(item, Rejected))))
    assert len(cleaned.tunes) + len(cleaned.report.rejections) == len(items)


@settings(max_examples=200, deadline=None, database=None)
@given(ROWS)
def test_any_rows_of_a_dump_are_read_or_rejected_one_by_one(rows: list[dict[str, object]]) -> None:
    items = list(read_json_dump(json.dumps(rows), "f"))
    assert len(items) == (len(rows) if any("setting_id" in row for row in rows) else 1)
