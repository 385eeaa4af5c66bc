"""Bytes of ABC files to text."""

from __future__ import annotations

import codecs
import re

# UTF-32's mark begins with UTF-16's, so it is looked for first.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DECLARED = re.compile(
    rb"^(?:%%|I:)[ \t]*abc-charset[ \t]+(utf-8|us-ascii|iso-8859-\d+|windows-125\d)\b",
    re.MULTILINE | re.IGNORECASE,
)


def text_of_bytes(data: bytes) -> str:
    """Text of a file: by its byte order mark or `abc-charset`, else UTF-8, Windows-1252 or Latin-1, whichever fits.

    Raises:
        UnicodeDecodeError: a byte order mark promises an encoding that the rest is not in.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data.decode(encoding)
    declared = _DECLARED.search(data)
    # Nearly no Latin-1 text is UTF-8 by accident; Latin-1 takes every byte, so it comes last.
    for encoding in (*([declared[1].decode()] if declared else ()), "utf-8", "cp1252"):
        try:
            return data.decode(encoding)
        except (UnicodeDecodeError, LookupError):
            continue
    return data.decode("latin-1")
