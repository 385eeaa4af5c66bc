"""ABC files: encodings, several tunes a file, and the fields that a file gives to its tunes."""

from __future__ import annotations

import pytest

from audiogen.data.corpus_abc import field_of, split_abc
from audiogen.data.corpus_items import CorpusTune, Rejected
from symbolic_bridge.abc_encoding import text_of_bytes

KESH = "X:1\nT:The Kesh\nR:jig\nM:6/8\nK:G\n|:GAG GAB|ABA ABd|edd gdd|edB dBA:|\n"
MAGGIE = "X:2\nT:Drowsy Maggie\nM:4/4\nK:Edor\n|:E2BE dEBE|E2BE AFDF|E2BE dEBE|BABc dAFD:|\n"


def tunes_of(text: str) -> list[CorpusTune]:
    return [item for item in split_abc(text, "f", "MIT") if isinstance(item, CorpusTune)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "latin-1", "cp1252"])
def test_text_is_read_in_whatever_encoding_it_was_written(encoding: str) -> None:
    text = KESH.replace("The Kesh", "Port Uí Mhuirgheasa, déanta")
    assert text_of_bytes(text.encode(encoding)) == text


def test_windows_quotation_marks_are_read_and_bytes_of_no_encoding_too() -> None:
    assert text_of_bytes(b"T:Mary\x92s \x93Fancy\x94") == "T:Mary\u2019s \u201cFancy\u201d"
    assert text_of_bytes(b"T:\x81\xe9") == "T:\x81\xe9"


def test_a_declared_charset_outranks_what_the_bytes_look_like() -> None:
    polish = "%%abc-charset iso-8859-2\nT:Ołów\n"
    assert text_of_bytes(polish.encode("iso-8859-2")) == polish
    # A file that declares wrongly, or something unknown, is read as if it had declared nothing.
    wrong = "%%abc-charset utf-8\nT:Rín\n"
    assert text_of_bytes(wrong.encode("latin-1")) == wrong
    odd = "%%abc-charset unicode_escape\nT:Rín\n"
    assert text_of_bytes(odd.encode()) == odd


def test_a_broken_promise_of_an_encoding_is_refused() -> None:
    with pytest.raises(UnicodeDecodeError):
        text_of_bytes(b"\xff\xfeX\x00:\x00\xd8")


def test_tunes_without_a_key_and_numbers_given_twice_are_handled() -> None:
    items = list(split_abc(KESH + "\n" + MAGGIE.replace("X:2", "X:1") + "\nX:3\nT:no notes\n", "f", "MIT"))
    assert [getattr(item, "id", None) for item in items] == ["1", "1.2", None]
    assert items[2] == Rejected("f/3", "has no K: field, after which the notes begin")


def test_every_end_of_line_divides_lines() -> None:
    for end in ("\n", "\r\n", "\r"):
        assert [tune.title for tune in tunes_of((KESH + "\n" + MAGGIE).replace("\n", end))] == [
            "The Kesh",
            "Drowsy Maggie",
        ]


def test_a_file_gives_its_fields_to_tunes_that_lack_them() -> None:
    head = "%abc-2.1\nM:4/4\nR:reel\nC:trad.\nU:T=!trill!\nL:1/16\n\nSome words.\n\n"
    kesh, maggie = tunes_of(head + KESH + "\n" + MAGGIE.replace("K:", "U:H=!fermata!\nK:"))
    assert kesh.abc.startswith("X:1\nC:trad.\nU:T=!trill!\nL:1/16\nT:The Kesh\nR:jig\nM:6/8\n")
    assert (kesh.rhythm, maggie.rhythm) == ("jig", "reel")
    assert "U:T=!trill!" in maggie.abc
    assert "U:H=!fermata!" in maggie.abc
    assert maggie.abc.count("M:") == 1


def test_words_between_tunes_belong_to_none() -> None:
    text = KESH + "\nThis tune was learned from a bee.\n\n" + MAGGIE + "\nAnd this from a cab.\n"
    assert [tune.abc for tune in tunes_of(text)] == [KESH, MAGGIE]


def test_a_tune_may_begin_without_a_number_or_be_indented() -> None:
    assert [(tune.id, tune.title) for tune in tunes_of(KESH.removeprefix("X:1\n"))] == [("0", "The Kesh")]
    assert [tune.id for tune in tunes_of("  X: 7\nT:a\nK:C\nCDEF|\n")] == ["7"]


def test_a_file_without_tunes_is_rejected_with_the_place() -> None:
    (item,) = split_abc("nothing here", "f", "MIT")
    assert isinstance(item, Rejected)
    assert item.item == "f"
    assert "line 1" in item.reason


def test_the_first_field_of_a_letter_is_found() -> None:
    assert field_of(KESH + "R:reel\n", "R") == "jig"
    assert field_of(KESH, "Q") == ""
