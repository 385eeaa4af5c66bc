"""Downloading a file so that it is whole or not there, and an interrupted download goes on where it stopped.

What has come so far stands in NAME.part, and NAME.part.json says what it is a part of: the URL, and the ETag or date by
which the server tells whether the file has changed since. Only with one of these is a download resumed (HTTP Range,
RFC 9110 section 14); a server that ignores the range, or whose file is another one now, sends it from the beginning.
"""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO, NoReturn
from urllib.parse import urlsplit

from audiogen.data.files import write_whole

_PIECE_BYTES = 1 << 16
_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+)$")
# Asked too much or too early: worth waiting for. Other refusals (404 and the like) come again however often one asks.
_PASSING = frozenset({408, 425, 429})
_LONGEST_WAIT_SECONDS = 60.0
_NOT_SATISFIABLE = 416


@dataclass(frozen=True)
class DownloadRules:
    """How hard to try: `tries` in all, waiting 1, 2, 4 ... times `first_wait_seconds` between them."""

    max_bytes: int = 500_000_000
    timeout_seconds: float = 30.0
    tries: int = 5
    first_wait_seconds: float = 1.0

    def __post_init__(self) -> None:
        if self.max_bytes < 1 or self.tries < 1:
            raise ValueError(f"max_bytes {self.max_bytes} and tries {self.tries}: at least 1 is needed")
        if not 0 < self.timeout_seconds <= 3600 or not 0 <= self.first_wait_seconds <= 3600:
            waits = f"timeout_seconds {self.timeout_seconds} and first_wait_seconds {self.first_wait_seconds}"
            raise ValueError(f"{waits}: up to 3600 are allowed")


@dataclass(frozen=True)
class Downloaded:
    """A file that came whole; `resumed_bytes` of it were there from before."""

    path: Path
    size_bytes: int
    sha256: str
    resumed_bytes: int


@dataclass(frozen=True)
class _Origin:
    """What a partial file is a part of; `size_bytes` is 0 where the server does not say it."""

    url: str
    etag: str
    modified: str
    size_bytes: int

    @property
    def can_tell_changes(self) -> bool:
        return bool(self.etag or self.modified)


class _TooLarge(Exception):
    """A file of more bytes than are wanted."""


class _Passing(Exception):
    """A fault that may be gone at the next try."""

    def __init__(self, reason: str, wait_seconds: float = 0.0) -> None:
        super().__init__(reason)
        self.wait_seconds = wait_seconds


def download(
    url: str,
    target: Path,
    rules: DownloadRules | None = None,
    *,
    sha256: str = "",
    check: Callable[[Path], object] | None = None,
    progress: Callable[[float], None] | None = None,
    sleep: Callable[[float], object] = time.sleep,
) -> Downloaded:
    """Fetch a file over HTTP; on any error `target` is as it was before.

    Args:
        url: http or https.
        target: where the file goes; its folder is made.
        rules: limits and patience.
        sha256: what the file's hash must be; empty for no check.
        check: looks at the finished file under its temporary name, and raises ValueError to refuse it.
        progress: told the share that has come, where the server says the size.
        sleep: waits between tries.

    Raises:
        ValueError: the URL is none, the server refuses, the file is too large, or it fails a check.
        OSError: the connection failed at every try; what has come is kept, and the next call goes on from there.
    """
    rules, tell = rules or DownloadRules(), progress or (lambda done: None)
    _check_address(url)
    target.parent.mkdir(parents=True, exist_ok=True)
    part = partial_path(target)
    found = _resumable_bytes(part, url)
    for attempt in range(rules.tries):
        try:
            _fetch_rest(url, part, rules, tell)
            break
        except _Passing as fault:
            if attempt + 1 == rules.tries:
                kept = _resumable_bytes(part, url)
                where = f"; the next call goes on from the {kept} bytes in {part}" if kept else ""
                raise ConnectionError(f"{url}: {fault} (tries: {rules.tries}){where}") from fault
            wait = max(fault.wait_seconds, rules.first_wait_seconds * 2**attempt)
            sleep(min(wait, _LONGEST_WAIT_SECONDS))
    try:
        digest = _sha256(part)
        if sha256 and digest != sha256.lower():
            raise ValueError(f"{url}: the SHA-256 is {digest} where {sha256.lower()} was asked for")
        if check:
            check(part)
    except ValueError:
        # There is nothing to resume: what came is whole, and wrong.
        _forget(part)
        raise
    size = part.stat().st_size
    part.replace(target)
    _origin_path(part).unlink(missing_ok=True)
    return Downloaded(target, size, digest, min(found, size))


def _check_address(url: str) -> None:
    try:
        address = urlsplit(url)
        usable = address.scheme in ("http", "https") and address.hostname and address.port != 0
    except ValueError:
        usable = False
    if not usable or not url.isascii() or len(url.split()) != 1:
        raise ValueError(f"{url!r} is no address that begins with http:// or https://")


def partial_path(target: Path) -> Path:
    """Where a file is kept while it has not come whole."""
    return target.with_name(f"{target.name}.part")


def _origin_path(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _origin_path(part).unlink(missing_ok=True)


def _origin_of(part: Path) -> _Origin | None:
    """What is known of a partial file; None where that is too little to go on from it."""
    try:
        origin = _Origin(**json.loads(_origin_path(part).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return origin if part.is_file() and origin.can_tell_changes else None


def _resumable_bytes(part: Path, url: str) -> int:
    origin = _origin_of(part)
    return part.stat().st_size if origin and origin.url == url else 0


def _fetch_rest(url: str, part: Path, rules: DownloadRules, tell: Callable[[float], None]) -> None:
    """One request: what is missing of the partial file, or all of it.

    Raises:
        _Passing: it is worth another try.
        ValueError: it is not.
    """
    origin = _origin_of(part)
    have = _resumable_bytes(part, url)
    if origin and have and have == origin.size_bytes:
        return
    headers = {"User-Agent": "audiogen", "Accept-Encoding": "identity"}
    if origin and have:
        headers["Range"] = f"bytes={have}-"
        # A weak tag may not stand in If-Range; the answer's own tag is compared below either way.
        strong = origin.etag if not origin.etag.startswith("W/") else ""
        if strong or (origin.modified and not origin.etag):
            headers["If-Range"] = strong or origin.modified
    try:
        request = urllib.request.Request(url, headers=headers)
        with urllib.request.urlopen(request, timeout=rules.timeout_seconds) as response:
            start, total = _answered(response, url, origin, have, part)
            with open(part, "ab" if start else "wb") as file:
                _copy(response, file, start, total, rules, tell)
    except _TooLarge as error:
        _forget(part)
        raise ValueError(f"{url}: has {error} bytes; at most {rules.max_bytes} are fetched") from error
    except urllib.error.HTTPError as error:
        with error:
            _refuse(error, url, part)
    except (urllib.error.URLError, http.client.HTTPException, ConnectionError, TimeoutError) as error:
        reason = getattr(error, "reason", None) or error
        raise _Passing(f"the connection failed ({str(reason) or type(reason).__name__})") from error


def _answered(
    response: http.client.HTTPResponse, url: str, origin: _Origin | None, have: int, part: Path
) -> tuple[int, int]:
    """Where what the server sends begins, and the size of the whole (0 where it does not say)."""
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise ValueError(f"{url}: comes compressed, which was not asked for")
    etag, modified = response.headers.get("ETag", ""), response.headers.get("Last-Modified", "")
    if response.status == http.HTTPStatus.PARTIAL_CONTENT:
        place = _RANGE.match(response.headers.get("Content-Range", ""))
        total = int(place[2]) if place else 0
        same = origin in (_Origin(url, etag, modified, total), _Origin(url, etag, modified, 0))
        if not place or int(place[1]) != have or not same:
            # Another file by now, or another piece of it: nothing that has come is of use.
            _forget(part)
            raise _Passing("the file changed meanwhile")
        return have, total
    _forget(part)
    length = response.headers.get("Content-Length", "")
    total = int(length) if length.isdigit() else 0
    new = json.dumps(asdict(_Origin(url, etag, modified, total)))
    write_whole(_origin_path(part), lambda path: path.write_text(new, encoding="utf-8"))
    return 0, total


def _copy(
    response: http.client.HTTPResponse, file: BinaryIO, start: int, total: int, rules: DownloadRules,
    tell: Callable[[float], None],
) -> None:  # fmt: skip
    if total > rules.max_bytes:
        raise _TooLarge(str(total))
    size = start
    while piece := response.read(_PIECE_BYTES):
        size += len(piece)
        if size > rules.max_bytes:
            raise _TooLarge(f"more than {rules.max_bytes}")
        file.write(piece)
        if total:
            tell(min(1.0, size / total))
    if total and size != total:
        raise _Passing(f"{size} of {total} bytes came")


def _refuse(error: urllib.error.HTTPError, url: str, part: Path) -> NoReturn:
    """Tell a refusal that may pass from one that will not."""
    if error.code == _NOT_SATISFIABLE:
        # The file is shorter than what is here: it must be another one.
        _forget(part)
        raise _Passing("the file changed meanwhile") from error
    message = f"the server answers {error.code} {error.reason}"
    if error.code in _PASSING or error.code >= http.HTTPStatus.INTERNAL_SERVER_ERROR:
        asked = error.headers.get("Retry-After", "")
        raise _Passing(message, float(asked) if asked.isdigit() else 0.0) from error
    raise ValueError(f"{url}: {message}") from error


def _sha256(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
