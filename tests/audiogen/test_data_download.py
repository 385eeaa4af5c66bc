"""A download is whole or not there, and goes on where it stopped if the server's file is still the same."""

from __future__ import annotations

import hashlib
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audiogen.data.download import DownloadRules, download, partial_path

Serve = Callable[..., Any]
ONE_TRY = DownloadRules(tries=1, timeout_seconds=5)


@pytest.fixture
def content(rng: np.random.Generator) -> bytes:
    return rng.bytes(200_000)


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "new" / "tunes.json"


def no_wait(seconds: float) -> None:
    """Instead of sleeping."""


def files_beside(target: Path) -> list[str]:
    return sorted(file.name for file in target.parent.iterdir())


def test_a_file_comes_whole(serve: Serve, content: bytes, target: Path) -> None:
    host = serve(content)
    shares: list[float] = []
    done = download(host.url, target, progress=shares.append)
    assert target.read_bytes() == content
    assert (done.path, done.size_bytes, done.resumed_bytes) == (target, len(content), 0)
    assert done.sha256 == hashlib.sha256(content).hexdigest()
    assert files_beside(target) == ["tunes.json"]
    assert shares == sorted(shares)
    assert shares[-1] == 1


@pytest.mark.parametrize(
    "options",
    [{}, {"strong": False}, {"tagged": False, "dated": True}, {"strong": False, "dated": True}],
    ids=["strong tag", "weak tag", "date", "weak tag and date"],
)
def test_a_cut_connection_is_taken_up_where_it_broke(
    serve: Serve, content: bytes, target: Path, options: dict[str, bool]
) -> None:
    host = serve(content, faults=[70_000, 50_000], **options)
    waits: list[float] = []
    download(host.url, target, sleep=waits.append)
    assert target.read_bytes() == content
    assert [asked.get("Range") for asked in host.asked] == [None, "bytes=70000-", "bytes=120000-"]
    assert waits == [1, 2]


def test_the_next_call_goes_on_where_the_last_one_stopped(serve: Serve, content: bytes, target: Path) -> None:
    host = serve(content, faults=[70_000])
    with pytest.raises(ConnectionError, match=r"70000 of 200000 bytes came.*70000 bytes in"):
        download(host.url, target, ONE_TRY)
    assert files_beside(target) == ["tunes.json.part", "tunes.json.part.json"]
    assert partial_path(target).read_bytes() == content[:70_000]
    assert download(host.url, target, ONE_TRY).resumed_bytes == 70_000
    assert target.read_bytes() == content
    assert files_beside(target) == ["tunes.json"]


def test_what_had_come_whole_before_it_could_be_named_is_not_fetched_again(
    serve: Serve, content: bytes, target: Path
) -> None:
    host = serve(content, faults=[199_000])
    with pytest.raises(ConnectionError):
        download(host.url, target, ONE_TRY)
    partial_path(target).write_bytes(content)
    assert download(host.url, target, ONE_TRY).size_bytes == len(content)
    assert len(host.asked) == 1


def test_a_server_that_ignores_ranges_sends_all_of_it_again(
    serve: Serve, content: bytes, target: Path
) -> None:
    host = serve(content, faults=[70_000], ranges=False)
    download(host.url, target, sleep=no_wait)
    assert target.read_bytes() == content
    assert host.asked[1]["Range"] == "bytes=70000-"


@pytest.mark.parametrize("strong", [True, False])
@pytest.mark.parametrize("size", [50_000, 200_000, 300_000])
def test_a_file_that_changed_meanwhile_is_fetched_anew(
    serve: Serve, content: bytes, target: Path, rng: np.random.Generator, size: int, strong: bool
) -> None:
    host = serve(content, faults=[70_000], strong=strong)
    with pytest.raises(ConnectionError):
        download(host.url, target, ONE_TRY)
    host.content = rng.bytes(size)
    download(host.url, target, sleep=no_wait)
    assert target.read_bytes() == host.content


def test_without_tag_and_date_nothing_is_taken_up(serve: Serve, content: bytes, target: Path) -> None:
    host = serve(content, faults=[70_000], tagged=False)
    download(host.url, target, sleep=no_wait)
    assert target.read_bytes() == content
    assert [asked.get("Range") for asked in host.asked] == [None, None]


def test_what_came_from_another_address_is_not_taken_up(serve: Serve, content: bytes, target: Path) -> None:
    host = serve(content, faults=[70_000])
    with pytest.raises(ConnectionError):
        download(host.url, target, ONE_TRY)
    download(host.url.replace("json/", "csv/"), target, ONE_TRY)
    assert host.asked[1].get("Range") is None
    assert target.read_bytes() == content


def test_a_file_of_unknown_size_comes_too(serve: Serve, content: bytes, target: Path) -> None:
    host = serve(content, sized=False)
    download(host.url, target, ONE_TRY)
    assert target.read_bytes() == content


@pytest.mark.parametrize("status", ["500", "503", "429"])
def test_a_server_in_trouble_is_asked_again_with_longer_and_longer_waits(
    serve: Serve, content: bytes, target: Path, status: str
) -> None:
    host = serve(content, faults=[status] * 3)
    waits: list[float] = []
    download(host.url, target, sleep=waits.append)
    assert target.read_bytes() == content
    assert waits == [1, 2, 4]


def test_a_server_says_how_long_to_wait_up_to_a_minute(serve: Serve, content: bytes, target: Path) -> None:
    for asked, wait in (("7", 7), ("9999", 60), ("tomorrow", 1)):
        waits: list[float] = []
        host = serve(content, faults=["503"], headers={"Retry-After": asked})
        download(host.url, target, sleep=waits.append)
        assert waits == [wait]


def test_trouble_that_does_not_end_is_told_with_the_number_of_tries(
    serve: Serve, content: bytes, target: Path
) -> None:
    host = serve(content, faults=["500"] * 9)
    with pytest.raises(ConnectionError, match=r"answers 500 .*\(tries: 3\)"):
        download(host.url, target, DownloadRules(tries=3), sleep=no_wait)
    assert len(host.asked) == 3
    assert files_beside(target) == []


@pytest.mark.parametrize("status", ["404", "403", "410"])
def test_a_refusal_is_told_at_once_and_leaves_what_was_there(
    serve: Serve, content: bytes, target: Path, status: str
) -> None:
    target.parent.mkdir()
    target.write_text("older")
    host = serve(content, faults=[status])
    with pytest.raises(ValueError, match=f"tunes.json: the server answers {status}"):
        download(host.url, target, sleep=no_wait)
    assert len(host.asked) == 1
    assert files_beside(target) == ["tunes.json"]
    assert target.read_text() == "older"


def test_nobody_at_the_address_is_told(target: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}/tunes.json"
        with pytest.raises(ConnectionError, match="the connection failed"):
            download(url, target, DownloadRules(tries=2), sleep=no_wait)


def test_a_server_that_falls_silent_is_given_up_after_the_timeout(
    serve: Serve, content: bytes, target: Path
) -> None:
    host = serve(content[:4096], pause_seconds=1.0)
    with pytest.raises(ConnectionError, match="timed out"):
        download(host.url, target, DownloadRules(tries=1, timeout_seconds=0.2))


@pytest.mark.parametrize("sized", [True, False])
def test_a_file_that_is_too_large_is_refused_and_nothing_is_left(
    serve: Serve, content: bytes, target: Path, sized: bool
) -> None:
    host = serve(content, sized=sized)
    with pytest.raises(ValueError, match="at most 100000 are fetched"):
        download(host.url, target, DownloadRules(max_bytes=100_000))
    assert files_beside(target) == []


def test_another_hash_than_was_asked_for_is_refused_and_nothing_is_left(
    serve: Serve, content: bytes, target: Path
) -> None:
    host = serve(content)
    download(host.url, target, sha256=hashlib.sha256(content).hexdigest().upper())
    with pytest.raises(ValueError, match="the SHA-256 is"):
        download(host.url, target.with_name("other.json"), sha256="0" * 64)
    assert files_beside(target) == ["tunes.json"]


def test_a_file_that_fails_its_check_never_gets_its_name(serve: Serve, target: Path) -> None:
    def check(path: Path) -> None:
        raise ValueError(f"{path.read_text()} is no tune")

    target.parent.mkdir()
    target.write_text("older")
    with pytest.raises(ValueError, match="<html> is no tune"):
        download(serve(b"<html>").url, target, check=check)
    assert files_beside(target) == ["tunes.json"]
    assert target.read_text() == "older"


def test_what_comes_compressed_unasked_is_refused(serve: Serve, content: bytes, target: Path) -> None:
    with pytest.raises(ValueError, match="compressed"):
        download(serve(content, headers={"Content-Encoding": "gzip"}).url, target)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "tunes.json",
        "file:///etc/passwd",
        "ftp://a/b",
        "http://",
        "http://a b/",
        "http://[",
        "http://a:x/",
        "http://ä/",
    ],
)
def test_what_is_no_web_address_is_refused(url: str, target: Path) -> None:
    with pytest.raises(ValueError, match=r"http:// or https://"):
        download(url, target)


@pytest.mark.parametrize(
    "changes", [{"tries": 0}, {"max_bytes": 0}, {"timeout_seconds": 0}, {"first_wait_seconds": -1}]
)
def test_rules_that_make_no_sense_are_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"needed|allowed"):
        DownloadRules(**changes)


def test_a_note_beside_a_partial_file_that_cannot_be_read_is_as_good_as_none(
    serve: Serve, content: bytes, target: Path
) -> None:
    target.parent.mkdir()
    partial_path(target).write_bytes(b"what?")
    for note in ("", "{", "[1]", '{"url": 1}'):
        partial_path(target).with_name("tunes.json.part.json").write_text(note)
        download(serve(content).url, target, ONE_TRY)
        assert target.read_bytes() == content
