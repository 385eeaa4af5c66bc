"""XML that would do harm is refused where it says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from symbolic_bridge.musicxml import xml_tree
from symbolic_bridge.musicxml.xml_tree import parse_xml

LAUGHS = "".join(f'<!ENTITY a{n + 1} "{f"&a{n};" * 10}">' for n in range(9))
BOMB = f'<?xml version="1.0"?><!DOCTYPE score [<!ENTITY a0 "ha">{LAUGHS}]><score>&a9;</score>'


def test_a_document_becomes_a_tree_with_lines_and_texts():
    root = parse_xml(b"<?xml version='1.0'?>\n<a x=' 1 '>\n <b>p<c/>q</b>\n <b/>\n</a>")
    assert (root.tag, root.get("x"), root.get("y", "none")) == ("a", "1", "none")
    assert [(child.tag, child.line) for child in root] == [("b", 3), ("b", 4)]
    assert root.text_of("b") == "pq"
    assert root.find("b", "c") is not None
    assert root.find("c", "b") is None


def test_a_document_type_that_only_names_its_dtd_is_passed_over():
    head = b'<!DOCTYPE score-partwise PUBLIC "-//Recordare//DTD" "http://nowhere.invalid/partwise.dtd">'
    assert parse_xml(head + b"<score-partwise>&amp;</score-partwise>").text == "&"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (BOMB, "declarations in the document type"),
        ("<!DOCTYPE a [<!ENTITY x SYSTEM 'file:///etc/hostname'>]><a>&x;</a>", "declarations"),
        ("<!DOCTYPE a [<!ENTITY % p SYSTEM 'http://nowhere.invalid/'> %p;]><a/>", "declarations"),
        ("<!DOCTYPE a SYSTEM 'nowhere.dtd'><a>&unknown;</a>", "entity 'unknown'"),
        ("<a>&unknown;</a>", "undefined entity"),
        ("<a><b></a>", "mismatched tag"),
        ("", "empty file"),
        ("no xml", "syntax error"),
        ("<?xml version='1.0' encoding='no-such'?><a/>", "unknown encoding"),
        ("<a/><a/>", "junk after document element"),
    ],
    ids=lambda text: text[:30],
)
def test_dangerous_or_broken_xml_is_refused(text: str, found: str) -> None:
    with pytest.raises(ValueError, match=found) as caught:
        parse_xml(text.encode())
    assert "\n" not in str(caught.value)


def test_an_outside_file_is_never_read(tmp_path: Path) -> None:
    secret = tmp_path / "secret.dtd"
    secret.write_text('<!ENTITY x "read">', encoding="utf-8")
    with pytest.raises(ValueError, match="entity 'x'"):
        parse_xml(f"<!DOCTYPE a SYSTEM '{secret.as_uri()}'><a>&x;</a>".encode())


def test_depth_number_and_size_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    depth = xml_tree.MAX_DEPTH
    assert parse_xml(b"<a>" * depth + b"</a>" * depth).tag == "a"
    with pytest.raises(ValueError, match="nested deeper"):
        parse_xml(b"<a>" * (depth + 1) + b"</a>" * (depth + 1))
    monkeypatch.setattr(xml_tree, "MAX_ELEMENTS", 100)
    with pytest.raises(ValueError, match="line 2: found too many elements"):
        parse_xml(b"<a>\n" + b"<b/>" * 100 + b"</a>")
    monkeypatch.setattr(xml_tree, "MAX_BYTES", 100)
    with pytest.raises(ValueError, match="101 bytes"):
        parse_xml(b"<a>" + b" " * 94 + b"</a>")


def test_other_encodings_are_read() -> None:
    text = "<?xml version='1.0' encoding='{}'?><a>é</a>"
    for encoding in ("utf-8", "utf-16", "iso-8859-1", "windows-1252"):
        assert parse_xml(text.format(encoding).encode(encoding)).text == "é"
