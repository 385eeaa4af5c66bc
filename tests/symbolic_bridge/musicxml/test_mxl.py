"""Rules of compressed MusicXML."""

from __future__ import annotations

import contextlib
import io
import zipfile
from pathlib import Path

import pytest

from symbolic_bridge.musicxml import mxl, read_musicxml, write_musicxml
from symbolic_bridge.tune import Tune

KESH = "X:1\nT:Kesh\nM:6/8\nL:1/8\nK:G\nGAG GAB|ABA ABd|edd gdd|edB dBA|]\n"


def archive(files: dict[str, bytes], how: int = zipfile.ZIP_DEFLATED) -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", how) as written:
        for name, data in files.items():
            written.writestr(name, data)
    return target.getvalue()


def test_a_tune_survives_either_kind_of_file(tmp_path: Path) -> None:
    tune = Tune.from_abc(KESH)
    for name in ("kesh.musicxml", "kesh.mxl", "kesh.xml"):
        write_musicxml(tune, tmp_path / name)
        assert read_musicxml(tmp_path / name) == tune
    assert (tmp_path / "kesh.mxl").read_bytes()[:2] == b"PK"
    assert len(list(tmp_path.iterdir())) == 3


def test_the_type_comes_first_and_readable() -> None:
    data = mxl.pack(b"<score/>")
    with zipfile.ZipFile(io.BytesIO(data)) as found:
        assert found.namelist()[0] == "mimetype"
        assert found.infolist()[0].compress_type == zipfile.ZIP_STORED
    assert mxl.unpack(data) == b"<score/>"
    assert data == mxl.pack(b"<score/>")


def test_an_archive_without_a_container_gives_its_score() -> None:
    assert mxl.unpack(archive({"pages/1.xml": b"no", "song.xml": b"<a/>"})) == b"<a/>"


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"PK\x03\x04 nothing more", "damaged archive"),
        (archive({"readme.txt": b"hello"}), "found no META-INF"),
        (archive({mxl.CONTAINER: b"<container/>"}), "which the archive does not hold"),
        (archive({mxl.CONTAINER: b"<!DOCTYPE a [<!ENTITY b 'c'>]><a/>"}), "declarations"),
        (archive({f"{n}.xml": b"" for n in range(mxl.MAX_FILES + 1)}), "1001 files"),
        (archive({"a.xml": b"\0" * 30_000_000}), "unpacks to more than"),
        (archive({"a.xml": b"<a/>"}, zipfile.ZIP_BZIP2), "compressed by method 12"),
    ],
    ids=["cut", "empty", "unnamed", "entities", "many", "bomb", "method"],
)
def test_archives_that_hold_no_score_or_a_bomb_are_refused(data: bytes, found: str) -> None:
    with pytest.raises(ValueError, match=found):
        mxl.unpack(data)


def test_a_file_that_lies_about_its_size_is_read_no_further_than_allowed() -> None:
    data = bytearray(archive({"a.xml": b"\0" * 30_000_000}))
    for signature, place in ((b"PK\x03\x04", 22), (b"PK\x01\x02", 24)):
        at = data.index(signature) + place
        data[at : at + 4] = (10).to_bytes(4, "little")
    with pytest.raises(ValueError, match=r"damaged|unpacks"):
        mxl.unpack(bytes(data))


def test_every_cut_and_every_flipped_byte_is_read_or_refused() -> None:
    whole = mxl.pack(b"<score-partwise/>" * 20)
    for place in range(len(whole)):
        for data in (whole[:place], whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :]):
            with contextlib.suppress(ValueError):
                mxl.unpack(data)
