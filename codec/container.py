"""`.agc` files: codes in blocks with checks, written and read without seeking. docs/agc.md is the specification.

Axes: B sounds coded side by side, K codebooks, S frames.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np

from codec.payload import CODINGS, PLAIN_BITS, MakeCoder, PayloadCoder
from codec.types import CheckpointError

MAGIC = b"AGC"
VERSION = 1
# Limits that keep a forged file from costing more memory than its own length.
MAX_BLOCK_CODES = 2**21
MAX_VARINT_BYTES = 8
CHECK_BYTES = 4
READ_BYTES = 65_536
# Smallest and largest value of each number in the header.
LIMITS = {
    "sample_rate": (1, 2**20),
    "channels": (1, 1024),
    "batch": (1, 1024),
    "codebooks": (1, 1024),
    "codebook_size": (1, 2**24),
    "coding": (0, 2**16),
}


@dataclass(frozen=True)
class Header:
    """What a reader must know before the first block.

    `batch` is the number of sounds coded side by side: 1 where the channels are mixed, or one for every channel.
    `codebooks` is the most that a block has.
    """

    identity: str
    sample_rate: int
    channels: int
    batch: int
    codebooks: int
    codebook_size: int
    coding: int = PLAIN_BITS

    def __post_init__(self) -> None:
        if not 1 <= len(self.identity.encode()) <= 255:
            raise ValueError(f"identity {self.identity!r} must have 1 to 255 bytes")
        for name, (low, high) in LIMITS.items():
            if not low <= getattr(self, name) <= high:
                raise ValueError(f"{name} is {getattr(self, name)}; {low} to {high} are allowed")
        if self.batch not in (1, self.channels):
            raise ValueError(f"batch is {self.batch}; 1 or the {self.channels} channels are allowed")
        if self.batch * self.codebooks > MAX_BLOCK_CODES:
            raise ValueError(f"{self.batch} x {self.codebooks} codes a frame; {MAX_BLOCK_CODES} are allowed")

    @property
    def max_block_frames(self) -> int:
        """Frames that one block may hold."""
        return MAX_BLOCK_CODES // (self.batch * self.codebooks)

    def to_bytes(self) -> bytes:
        """The header as it stands in the file, without its check."""
        identity = self.identity.encode()
        numbers = b"".join(varint(getattr(self, name)) for name in LIMITS)
        return MAGIC + bytes([VERSION, len(identity)]) + identity + numbers

    def coders(self, codings: Mapping[int, MakeCoder]) -> list[PayloadCoder]:
        """A coder for each of the sounds; ValueError if the coding is unknown."""
        if self.coding not in codings:
            known = ", ".join(map(str, codings))
            raise ValueError(f"coding is {self.coding}; with this codec {known} can be read and written")
        return [codings[self.coding](self.codebook_size) for _ in range(self.batch)]


def varint(value: int) -> bytes:
    """A number in as few bytes as it needs: 7 bits a byte, lowest first, the high bit says that more follow."""
    coded = bytearray()
    while value >= 0x80:
        coded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*coded, value])


class ContainerWriter:
    """Writes one `.agc` front to back: header at once, then `write` for every block, then `finish`.

    Whoever wants to know what a block costs before it is written calls `packed`, and `write_packed` with what it gave.

    Args:
        file: written in order, never seeked.
        header: what the file says of itself.
        codings: what coding numbers stand for.

    Raises:
        ValueError: the header's coding is none of them.
    """

    def __init__(self, file: BinaryIO, header: Header, codings: Mapping[int, MakeCoder] = CODINGS) -> None:
        self.header = header
        self.bytes_written = 0
        self._file = file
        self._coders = header.coders(codings)
        self._crc = 0
        self._put(header.to_bytes())

    def write(self, tokens: np.ndarray) -> None:
        """Add a block of codes, int [B, K, S], K up to the header's.

        Raises:
            ValueError: another shape, or codes out of range.
        """
        self.write_packed(self.packed(tokens))

    def packed(self, tokens: np.ndarray) -> bytes:
        """The bytes of a block, of which nothing is written yet; arguments and errors as in `write`."""
        header = self.header
        if tokens.ndim != 3 or len(tokens) != header.batch or not 1 <= tokens.shape[1] <= header.codebooks:
            raise ValueError(
                f"a block has shape {list(tokens.shape)}; [{header.batch}, 1 to {header.codebooks}, S] is needed"
            )
        _, codebooks, frames = tokens.shape
        if not 1 <= frames <= header.max_block_frames:
            raise ValueError(f"a block has {frames} frames; 1 to {header.max_block_frames} are allowed")
        check_codes(tokens, header.codebook_size)
        payloads = [coder.encode(codes) for coder, codes in zip(self._coders, tokens, strict=True)]
        parts = (varint(len(payload)) + payload for payload in payloads)
        return varint(frames) + varint(codebooks) + b"".join(parts)

    def write_packed(self, block: bytes) -> None:
        """Add a block that `packed` made."""
        self._put(block)
        self._file.flush()  # a listener at the other end of a pipe need not wait for the next block

    def finish(self, samples: int, scales: np.ndarray | None = None) -> None:
        """Add the end.

        Args:
            samples: how many a channel the sound had at its own rate.
            scales: float [B, N], the loudness of N segments, of codecs that code in segments.
        """
        self._put(end_of_file(samples, scales))
        self._file.flush()

    def _put(self, content: bytes) -> None:
        self._crc = zlib.crc32(content, self._crc)
        self._file.write(content + struct.pack("<I", self._crc))
        self.bytes_written += len(content) + CHECK_BYTES


def end_of_file(samples: int, scales: np.ndarray | None = None) -> bytes:
    """The end as it stands in the file, without its check; arguments as in `ContainerWriter.finish`."""
    count = 0 if scales is None else scales.shape[1]
    content = b"" if scales is None else scales.astype("<f4").tobytes()
    return varint(0) + varint(samples) + varint(count) + content


@dataclass
class _Source:
    """Bytes in order with their position and running check; every fault names the place."""

    file: BinaryIO
    name: str
    position: int = 0
    crc: int = 0
    frames: int = 0

    def take(self, count: int, what: str) -> bytes:
        """The next `count` bytes; memory never grows faster than the bytes arrive."""
        parts: list[bytes] = []
        missing = count
        while missing:
            part = self.file.read(min(missing, READ_BYTES))
            if not part:
                raise self.fault(f"is cut off in {what}; {missing} more bytes are needed")
            parts.append(part)
            missing -= len(part)
            self.position += len(part)
        content = b"".join(parts)
        self.crc = zlib.crc32(content, self.crc)
        return content

    def number(self, what: str) -> int:
        """The next varint."""
        value = 0
        for index in range(MAX_VARINT_BYTES):
            byte = self.take(1, what)[0]
            value |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                return value
        raise self.fault(f"{what} is a number of more than {MAX_VARINT_BYTES} bytes")

    def check(self, what: str) -> None:
        """Compare the running check with the one that is stored here."""
        wanted = self.crc
        (stored,) = struct.unpack("<I", self.take(CHECK_BYTES, f"the check of {what}"))
        if stored != wanted:
            raise self.fault(f"{what} is damaged: its check is {stored:08x}, its bytes give {wanted:08x}")
        self.crc = wanted  # checks are not part of what is checked: with them every check would be the same

    def fault(self, text: str) -> CheckpointError:
        return CheckpointError(f"{self.name}: at byte {self.position} (after {self.frames} frames): {text}")


class ContainerReader:
    """Reads one `.agc` front to back: the header at once, then `blocks`, after which `samples` and `scales` are known.

    `samples` is the length at the sound's own rate; `scales` is float32 [B, N], for codecs that code in segments.

    Args:
        file: read in order, never seeked.
        name: for messages.
        codings: what coding numbers stand for; asked at the first block.

    Raises:
        CheckpointError: no `.agc`, of a newer version, or a damaged header.
    """

    def __init__(self, file: BinaryIO, name: str, codings: Mapping[int, MakeCoder] = CODINGS) -> None:
        self.name = name
        self._codings = codings
        self._source = _Source(file, name)
        self.header = self._read_header()
        self.samples = 0
        self.scales: np.ndarray | None = None

    def blocks(self) -> Iterator[np.ndarray]:
        """The codes of one block after the other, int64 [B, K, S]; K may be another in each.

        Raises:
            CheckpointError: the file is cut off or altered, with the place.
        """
        source, header = self._source, self.header
        try:
            coders = header.coders(self._codings)
        except ValueError as error:
            raise source.fault(str(error)) from error
        while frames := source.number("a block"):
            if frames > header.max_block_frames:
                raise source.fault(
                    f"a block claims {frames} frames; 1 to {header.max_block_frames} are allowed"
                )
            codebooks = source.number("a block")
            if not 1 <= codebooks <= header.codebooks:
                raise source.fault(
                    f"a block claims {codebooks} codebooks; 1 to {header.codebooks} are allowed"
                )
            payloads = [self._payload(coder.longest(codebooks, frames)) for coder in coders]
            source.check("a block")
            try:
                pairs = zip(coders, payloads, strict=True)
                tokens = np.stack([coder.decode(payload, codebooks, frames) for coder, payload in pairs])
                check_codes(tokens, header.codebook_size)
            except ValueError as error:
                raise source.fault(f"the block before holds {error}") from error
            source.frames += frames
            yield tokens
        self._read_end()

    @property
    def frames(self) -> int:
        """Frames read so far."""
        return self._source.frames

    @property
    def bytes_read(self) -> int:
        """Bytes read so far."""
        return self._source.position

    def _read_end(self) -> None:
        source = self._source
        self.samples = source.number("the end")
        count = source.number("the end")
        if count > source.frames:
            raise source.fault(f"the end claims {count} scales; at most {source.frames} are allowed")
        content = source.take(4 * count * self.header.batch, "the end")
        source.check("the end")
        if source.file.read(1):
            raise source.fault("bytes follow after the end; none are allowed")
        if count:
            self.scales = np.frombuffer(content, "<f4").reshape(self.header.batch, count).astype(np.float32)
            if not np.isfinite(self.scales).all():
                raise source.fault("the end holds a scale that is not a finite number")

    def _payload(self, longest: int) -> bytes:
        length = self._source.number("a block")
        if length > longest:
            raise self._source.fault(f"a block claims {length} bytes of codes; at most {longest} are allowed")
        return self._source.take(length, "a block")

    def _read_header(self) -> Header:
        source = self._source
        start = b""
        while len(start) < len(MAGIC) and (part := source.file.read(len(MAGIC) - len(start))):
            start += part
        if not start:
            raise CheckpointError(f"{source.name}: is empty (0 bytes); an .agc file is needed")
        if not MAGIC.startswith(start):
            raise CheckpointError(f"{source.name}: is no .agc file: it starts with {start!r}, not {MAGIC!r}")
        source.position, source.crc = len(start), zlib.crc32(start)
        if len(start) < len(MAGIC):
            raise source.fault("is cut off in the header")
        version = source.take(1, "the header")[0]
        if version != VERSION:
            raise source.fault(f"is .agc of version {version}; this program reads version {VERSION}")
        identity = source.take(source.take(1, "the header")[0], "the header")
        numbers = {name: source.number("the header") for name in LIMITS}
        source.check("the header")
        try:
            return Header(identity.decode(), **numbers)
        except ValueError as error:
            raise source.fault(f"the header is not usable: {error}") from error


def check_codes(tokens: np.ndarray, codebook_size: int) -> None:
    """Refuse codes outside a codebook, [B, K, S].

    Raises:
        ValueError: with the first of them.
    """
    wrong = (tokens < 0) | (tokens >= codebook_size)
    if wrong.any():
        sound, codebook, frame = np.argwhere(wrong)[0]
        raise ValueError(
            f"code {tokens[sound, codebook, frame]} in frame {frame}, codebook {codebook}; "
            f"0 to {codebook_size - 1} are allowed"
        )
