"""The `.agc` container: what is written is read again, and no damage goes unnoticed."""

from __future__ import annotations

import io
import struct
import tracemalloc
import zlib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from codec import container
from codec.container import ContainerReader, ContainerWriter, Header, varint
from codec.payload import PlainBits
from codec.types import CheckpointError

HEADER = Header("0123456789abcdef", 44_100, 2, 1, 3, 1024)


def random_codes(header: Header, frames: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return rng.integers(0, header.codebook_size, (header.batch, header.codebooks, frames))


def written(header: Header, blocks: list[np.ndarray], samples: int = 1234) -> bytes:
    file = io.BytesIO()
    writer = ContainerWriter(file, header)
    for block in blocks:
        writer.write(block)
    writer.finish(samples)
    assert writer.bytes_written == len(file.getvalue())
    return file.getvalue()


def read(data: bytes) -> tuple[ContainerReader, list[np.ndarray]]:
    reader = ContainerReader(io.BytesIO(data), "a.agc")
    return reader, list(reader.blocks())


def refused(data: bytes, *words: str) -> str:
    with pytest.raises(CheckpointError) as caught:
        read(data)
    message = str(caught.value)
    assert message.startswith("a.agc: ")
    assert "\n" not in message
    for word in words:
        assert word in message, message
    return message


def checked(header: bytes, *parts: bytes) -> bytes:
    """A file of any parts with right checks: a forger's."""
    data, crc = b"", 0
    for part in (header, *parts):
        crc = zlib.crc32(part, crc)
        data += part + struct.pack("<I", crc)
    return data


@pytest.mark.parametrize("size", [1, 2, 3, 16, 1000, 1024, 65_536])
@pytest.mark.parametrize("batch", [1, 2])
def test_what_is_written_is_read_again(size: int, batch: int) -> None:
    header = replace(HEADER, codebook_size=size, batch=batch)
    blocks = [random_codes(header, frames, frames) for frames in (50, 1, 7)]
    reader, again = read(written(header, blocks))
    assert reader.header == header
    assert (reader.samples, reader.frames) == (1234, 58)
    for before, after in zip(blocks, again, strict=True):
        assert after.dtype == np.int64
        assert np.array_equal(before, after)


@pytest.mark.parametrize("batch", [1, 2])
def test_every_block_has_its_own_number_of_codebooks(batch: int) -> None:
    header = replace(HEADER, batch=batch)
    whole = random_codes(header, 12)
    blocks = [whole[:, :depth] for depth in (3, 1, 2, 3)]
    _, again = read(written(header, blocks))
    assert [block.shape for block in again] == [block.shape for block in blocks]
    for before, after in zip(blocks, again, strict=True):
        assert np.array_equal(before, after)


def test_a_block_can_be_packed_and_left_out() -> None:
    file = io.BytesIO()
    writer = ContainerWriter(file, HEADER)
    before, codes = writer.bytes_written, random_codes(HEADER, 20)
    block = writer.packed(codes)
    assert writer.bytes_written == before
    writer.packed(codes[:, :1])
    writer.write_packed(block)
    assert writer.bytes_written == before + len(block) + container.CHECK_BYTES
    writer.finish(1234)
    assert file.getvalue() == written(HEADER, [codes])


def test_plain_bits_are_the_codes_one_after_the_other() -> None:
    codes = random_codes(HEADER, 13)[0]  # [K, S]
    text = "".join(f"{code:010b}" for code in codes.T.flatten())
    text += "0" * (-len(text) % 8)
    slow = bytes(int(text[at : at + 8], 2) for at in range(0, len(text), 8))
    assert PlainBits(1024).encode(codes) == slow


def test_a_file_can_be_written_to_and_read_from_a_pipe() -> None:
    class Pipe(io.BytesIO):
        def seekable(self) -> bool:
            return False

        def seek(self, *_: Any) -> int:
            raise OSError("a pipe")

        def tell(self) -> int:
            raise OSError("a pipe")

        def read(self, size: int | None = -1, /) -> bytes:
            return super().read(1 if size else size)  # as little as a pipe may give

    pipe = Pipe()
    writer = ContainerWriter(pipe, HEADER)
    codes = random_codes(HEADER, 20)
    writer.write(codes)
    writer.finish(5)
    reader = ContainerReader(Pipe(pipe.getvalue()), "pipe")
    assert np.array_equal(next(reader.blocks()), codes)


def test_the_overhead_of_a_minute_is_below_ten_bits_a_second() -> None:
    header = replace(HEADER, codebooks=6)
    blocks = [random_codes(header, 1000) for _ in range(3)]  # 20 s each at 50 frames a second
    data = written(header, blocks, samples=60 * 44_100)
    assert (len(data) - 60 * 3000 / 8) * 8 / 60 < 10


def test_a_file_without_a_block_is_a_sound_without_samples() -> None:
    reader, blocks = read(written(HEADER, [], 0))
    assert (reader.samples, blocks) == (0, [])


def test_scales_of_segments_are_kept() -> None:
    header = replace(HEADER, batch=2)
    file = io.BytesIO()
    writer = ContainerWriter(file, header)
    writer.write(random_codes(header, 4))
    scales = np.array([[0.5, 1.0, 2.0], [3.0, 4.0, 5.0]], np.float32)
    writer.finish(7, scales)
    reader, _ = read(file.getvalue())
    assert reader.scales is not None
    assert np.array_equal(reader.scales, scales)
    assert read(written(HEADER, []))[0].scales is None
    forged = (varint(0), varint(7), varint(1))
    refused(checked(HEADER.to_bytes(), b"".join(forged)), "claims 1 scales; at most 0")
    codes = random_codes(HEADER, 1)[0]
    payload = PlainBits(1024).encode(codes)
    block = varint(1) + varint(3) + varint(len(payload)) + payload
    end = b"".join((*forged, struct.pack("<f", np.nan)))
    refused(checked(HEADER.to_bytes(), block, end), "a scale that is not a finite number")


def test_a_cut_at_any_byte_is_refused() -> None:
    data = written(HEADER, [random_codes(HEADER, 5), random_codes(HEADER, 3)])
    for length in range(len(data)):
        refused(data[:length], "cut off" if length else "is empty (0 bytes)")


def test_any_flipped_byte_is_refused() -> None:
    data = written(HEADER, [random_codes(HEADER, 5), random_codes(HEADER, 3)])
    for position in range(len(data)):
        for flip in (0x01, 0x80, 0xFF):
            altered = bytearray(data)
            altered[position] ^= flip
            refused(bytes(altered))


def test_blocks_in_another_order_twice_or_missing_are_refused() -> None:
    head = len(HEADER.to_bytes()) + 4
    one, two = (written(HEADER, [random_codes(HEADER, 5, seed)])[head:-8] for seed in (1, 2))
    whole = written(HEADER, [random_codes(HEADER, 5, 1), random_codes(HEADER, 5, 2)])
    size = len(one)
    assert len(two) == size
    first, second, end = (
        whole[head : head + size],
        whole[head + size : head + 2 * size],
        whole[head + 2 * size :],
    )
    for parts in ((second, first, end), (first, first, second, end), (second, end), (first, end), (end,)):
        refused(whole[:head] + b"".join(parts), "damaged")


def test_another_version_is_refused_by_number() -> None:
    data = bytearray(written(HEADER, []))
    data[3] = 2
    refused(bytes(data), "version 2; this program reads version 1", "byte 4")


@pytest.mark.parametrize("data", [b"RIFF\x00\x00\x00\x00WAVE", b"AG\x00", b"hello, world", bytes(100)])
def test_other_files_are_refused(data: bytes) -> None:
    refused(data, "is no .agc file")


def test_bytes_after_the_end_are_refused() -> None:
    data = written(HEADER, [random_codes(HEADER, 5)])
    refused(data + b"\x00", "bytes follow after the end", f"byte {len(data)}")


def test_codes_out_of_range_are_refused_in_and_out() -> None:
    wide, narrow = replace(HEADER, codebook_size=1024), replace(HEADER, codebook_size=1000)
    codes = np.zeros((1, 3, 8), np.int64)
    codes[0, 1, 6] = 1001
    payload = PlainBits(wide.codebook_size).encode(codes[0])
    block = varint(8) + varint(3) + varint(len(payload)) + payload
    refused(checked(narrow.to_bytes(), block), "code 1001 in frame 6, codebook 1; 0 to 999 are allowed")
    with pytest.raises(ValueError, match="code 1001 in frame 6, codebook 1; 0 to 999"):
        ContainerWriter(io.BytesIO(), narrow).write(codes)
    with pytest.raises(ValueError, match="code -1 in frame 0"):
        ContainerWriter(io.BytesIO(), narrow).write(codes - 1)


@pytest.mark.parametrize(
    ("block", "words"),
    [
        (varint(2**31), "claims 2147483648 frames; 1 to"),
        (varint(2**55), "frames; 1 to"),
        (b"\xff" * 12, "number of more than 8 bytes"),
        (varint(5) + varint(0), "claims 0 codebooks; 1 to 3 are allowed"),
        (varint(5) + varint(4), "claims 4 codebooks; 1 to 3 are allowed"),
        (
            varint(5) + varint(3) + varint(2**40),
            "claims 1099511627776 bytes of codes; at most 19 are allowed",
        ),
        (varint(HEADER.max_block_frames) + varint(3) + varint(2_600_000) + bytes(1000), "cut off"),
        (varint(5) + varint(3) + varint(18) + bytes(18), "18 bytes of codes; 5 frames need 19"),
    ],
)
def test_huge_claims_are_refused_without_the_memory(block: bytes, words: str) -> None:
    data = checked(HEADER.to_bytes(), block)
    tracemalloc.start()
    refused(data, words)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


@pytest.mark.parametrize(
    ("field", "value"),
    [("sample_rate", 0), ("channels", 5000), ("batch", 3), ("codebooks", 0), ("codebook_size", 2**30),
     ("coding", 2**17)],
)  # fmt: skip
def test_impossible_headers_are_refused_in_and_out(field: str, value: int) -> None:
    numbers = {name: getattr(HEADER, name) for name in container.LIMITS} | {field: value}
    with pytest.raises(ValueError, match=f"{field} is {value}"):
        Header(HEADER.identity, **numbers)
    identity = HEADER.identity.encode()
    header = b"AGC\x01" + bytes([len(identity)]) + identity + b"".join(map(varint, numbers.values()))
    refused(checked(header), f"{field} is {value}")
    refused(checked(b"AGC\x01\x02\xff\xfe" + header[5 + len(identity) :]), "the header is not usable")
    with pytest.raises(ValueError, match="identity"):
        replace(HEADER, identity="")


def test_a_coding_is_known_by_its_number() -> None:
    class Doubled(PlainBits):
        def encode(self, codes: np.ndarray) -> bytes:
            return super().encode(codes) * 2

        def decode(self, payload: bytes, codebooks: int, frames: int) -> np.ndarray:
            return PlainBits(1024).decode(payload[: len(payload) // 2], codebooks, frames)

        def longest(self, codebooks: int, frames: int) -> int:
            return 2 * super().longest(codebooks, frames)

    header, codes = replace(HEADER, coding=9), random_codes(HEADER, 5)
    file = io.BytesIO()
    writer = ContainerWriter(file, header, {9: Doubled})
    with pytest.raises(ValueError, match="coding is 9; with this codec 0 can be read"):
        ContainerWriter(io.BytesIO(), header)
    writer.write(codes)
    writer.finish(1)
    reader = ContainerReader(io.BytesIO(file.getvalue()), "a.agc", {9: Doubled})
    assert np.array_equal(next(reader.blocks()), codes)
    refused(file.getvalue(), "coding is 9; with this codec 0 can be read")


def test_blocks_of_another_shape_are_refused() -> None:
    writer = ContainerWriter(io.BytesIO(), HEADER)
    for shape in ((1, 4, 5), (1, 0, 5), (2, 3, 5), (3, 5)):
        with pytest.raises(ValueError, match=r"\[1, 1 to 3, S\] is needed"):
            writer.write(np.zeros(shape, np.int64))
    with pytest.raises(ValueError, match="a block has 0 frames"):
        writer.write(np.zeros((1, 3, 0), np.int64))
