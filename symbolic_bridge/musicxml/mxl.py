"""Compressed MusicXML (.mxl): a zip archive whose container file names the score."""

from __future__ import annotations

import io
import zipfile
import zlib

from symbolic_bridge.musicxml.xml_tree import MAX_BYTES, parse_xml

MEDIA_TYPE = "application/vnd.recordare.musicxml"
CONTAINER = "META-INF/container.xml"
SCORE = "score.musicxml"
MAX_FILES = 1000
# What DEFLATE can reach at most is 1032; scores compress by about 20.
MAX_RATIO = 200
_SUFFIXES = (".musicxml", ".xml")
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_CONTAINER_XML = (
    '<?xml version="1.0" encoding="UTF-8"?>\n'
    f'<container><rootfiles><rootfile full-path="{SCORE}" media-type="{MEDIA_TYPE}+xml"/></rootfiles></container>\n'
)


def pack(score: bytes) -> bytes:
    """An .mxl file of a score; the same score gives the same bytes."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in (
            ("mimetype", MEDIA_TYPE.encode()),
            (CONTAINER, _CONTAINER_XML.encode()),
            (SCORE, score),
        ):
            # The format wants its type first and readable without unpacking.
            how = zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED
            archive.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), data, how)
    return target.getvalue()


def unpack(data: bytes) -> bytes:
    """The score of an .mxl file.

    Raises:
        ValueError: no zip archive, a damaged or encrypted one, one without a score, or one that unpacks to more than
            MAX_BYTES, to MAX_RATIO times its size, or holds more than MAX_FILES files.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if len(archive.infolist()) > MAX_FILES:
                raise ValueError(
                    f"found {len(archive.infolist())} files in the archive; allowed are {MAX_FILES}"
                )
            return _read(archive, _score_name(archive))
    except (
        zipfile.BadZipFile,
        zlib.error,
        EOFError,
        OSError,
        NotImplementedError,
        UnicodeDecodeError,
    ) as error:
        raise ValueError(f"found a damaged archive ({error}); an .mxl file is a zip archive") from error


def _score_name(archive: zipfile.ZipFile) -> str:
    names = archive.namelist()
    if CONTAINER in names:
        container = parse_xml(_read(archive, CONTAINER))
        rootfiles = container.find("rootfiles")
        # The first one is the score, whatever else the archive offers (a PDF, sound).
        path = next((root.get("full-path") for root in rootfiles or () if root.tag == "rootfile"), "")
        if path not in names:
            raise ValueError(f"{CONTAINER} names the score {path!r}, which the archive does not hold")
        return path
    found = [name for name in names if name.lower().endswith(_SUFFIXES) and "/" not in name]
    if not found:
        raise ValueError(f"found no {CONTAINER} and no .musicxml or .xml file in the archive")
    return found[0]


def _read(archive: zipfile.ZipFile, name: str) -> bytes:
    """A file of the archive, never more of it than is allowed, whatever the archive says about its size."""
    entry = archive.getinfo(name)
    if entry.flag_bits & 1:
        raise ValueError(f"{name} is encrypted; allowed are readable archives")
    if entry.compress_type not in _COMPRESSIONS:
        raise ValueError(
            f"{name} is compressed by method {entry.compress_type}; allowed are 0 and 8 (deflate)"
        )
    limit = min(MAX_BYTES, max(100_000, entry.compress_size * MAX_RATIO))
    with archive.open(entry) as file:
        data = file.read(limit + 1)
    if len(data) > limit:
        raise ValueError(
            f"{name} unpacks to more than {limit} bytes; allowed are {MAX_BYTES}, and {MAX_RATIO} for one packed byte"
        )
    return data
