"""Sound in and out a second at a time, so that hours need little memory: files of any format, and pipes.

libsndfile can neither read nor write a pipe through soundfile, so plain WAV, which is what goes through pipes, is read
and written here; anything else that comes from a pipe is put into a temporary file first. Axes: C channels, T samples.
"""

from __future__ import annotations

import errno
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
import soundfile

from codec.audio_files import (
    check_length,
    check_samples,
    file_format,
    fix_ogg_serial,
    open_sound_file,
    replacing,
)

# A file by its path, or something open that is read or written in order, such as a pipe.
Place = str | Path | BinaryIO

MAX_BLOCK_VALUES = 2**20
COPY_BYTES = 65_536
# From here on a WAV's length stands for "until the end": what programs leave there that write to a pipe.
UNKNOWN_LENGTH = 0x7FFF0000
WAV_HEADER = struct.Struct("<4sI4s4sIHHIIHH4sI")
MAX_WAV_BYTES = 0xFFFFFFFF
PCM, FLOAT, EXTENSIBLE = 1, 3, 0xFFFE


@dataclass(frozen=True)
class SoundReader:
    """A sound that is open for reading; `samples` a channel as its header promises, None where it does not say."""

    name: str
    sample_rate: int
    channels: int
    samples: int | None
    _read: Callable[[int], np.ndarray]

    def blocks(self) -> Iterator[np.ndarray]:
        """One float32 block [C, T] after the other, of a second or less.

        Raises:
            ValueError: no samples, fewer than promised or one that is not finite, with the time.
        """
        block, done = max(1, min(self.sample_rate, MAX_BLOCK_VALUES // self.channels)), 0
        while len(array := self._read(block)):
            check_samples(array, done, self.sample_rate, self.name)
            done += len(array)
            yield np.ascontiguousarray(array.T)  # [C, T]
        check_length(done, self.samples or 0, self.sample_rate, self.name)


class SoundWriter(Protocol):
    """A sound that is open for writing."""

    def write(self, samples: np.ndarray) -> None:
        """Add samples float32 [C, T] within -1 ... 1 (beyond that they are clipped)."""
        ...


def place_name(place: Place) -> str:
    """What messages call a place."""
    return str(place) if isinstance(place, str | Path) else str(getattr(place, "name", "<pipe>"))


@contextmanager
def open_sound(source: Place) -> Iterator[SoundReader]:
    """Open a sound for reading in blocks.

    Args:
        source: a file of any format that libsndfile reads, or an open pipe.

    Raises:
        ValueError: it is missing, empty, no audio or cut off; here, or where it is found out while reading.
    """
    if isinstance(source, str | Path):
        with open_sound_file(source) as file:
            yield _file_reader(file, str(source))
        return
    name = place_name(source)
    start = _WavStart(source)
    layout = start.layout()
    if not start.bytes_read:
        raise ValueError(f"{name}: is empty (0 bytes); a sound is needed")
    if layout is not None:
        yield layout.reader(source, name)
        return
    with tempfile.NamedTemporaryFile(prefix="audiogen-") as spool:
        spool.write(start.bytes_read)
        shutil.copyfileobj(source, spool, COPY_BYTES)
        spool.flush()
        try:
            with open_sound_file(spool.name) as file:
                yield _file_reader(file, name)
        except ValueError as error:
            raise ValueError(str(error).replace(spool.name, name)) from error


@contextmanager
def create_sound(target: Place, sample_rate: int, channels: int) -> Iterator[SoundWriter]:
    """Open a sound for writing in blocks; a file appears, or is replaced, only when the block ends well.

    Args:
        target: a .wav, .flac, .ogg or .mp3 file (WAV and FLAC of 16 bits), or an open pipe, which gets WAV.
        sample_rate: in Hz.
        channels: how many.

    Raises:
        ValueError: an unknown suffix, or a format that cannot hold such a sound or so much of it.
        OSError: the folder is missing or unwritable, or the disk is full.
    """
    if not isinstance(target, str | Path):
        yield _WavWriter(target, sample_rate, channels, place_name(target))
        target.flush()
        return
    format_name, subtype = file_format(target, sample_rate, channels)
    with replacing(target) as temporary:
        if format_name == "WAV":
            with open(temporary, "wb") as file:
                writer = _WavWriter(file, sample_rate, channels, str(target))
                yield writer
                writer.finish()
            return
        try:
            with soundfile.SoundFile(
                temporary, "w", sample_rate, channels, subtype, format=format_name
            ) as file:
                yield _FileWriter(file)
        except soundfile.LibsndfileError as error:
            # libsndfile keeps the system's reason to itself.
            raise OSError(errno.EIO, f"cannot be written ({error.error_string})", str(target)) from error
        if format_name == "OGG":
            with open(temporary, "r+b") as file:
                fix_ogg_serial(file)


def _file_reader(file: soundfile.SoundFile, name: str) -> SoundReader:
    def read(count: int) -> np.ndarray:
        return file.read(count, dtype="float32", always_2d=True)

    return SoundReader(name, file.samplerate, file.channels, file.frames, read)


@dataclass(frozen=True)
class _FileWriter:
    file: soundfile.SoundFile

    def write(self, samples: np.ndarray) -> None:
        """Add samples [C, T]."""
        self.file.write(np.clip(samples.T, -1.0, 1.0))


class _WavWriter:
    """WAV of 16 bits whose header says "until the end", which `finish` replaces with the length in a file."""

    def __init__(self, file: BinaryIO, sample_rate: int, channels: int, name: str) -> None:
        self._file, self._name = file, name
        self._rate, self._channels = sample_rate, channels
        self._bytes = 0
        file.write(self._header(MAX_WAV_BYTES, MAX_WAV_BYTES))

    def write(self, samples: np.ndarray) -> None:
        """Add samples [C, T]."""
        scaled = np.rint(np.clip(samples.T, -1.0, 1.0) * 32767).astype("<i2")
        self._bytes += scaled.nbytes
        self._file.write(scaled.tobytes())

    def finish(self) -> None:
        """Go back and put the length into the header."""
        whole = self._bytes + WAV_HEADER.size - 8
        if whole > MAX_WAV_BYTES:
            raise ValueError(
                f"{self._name}: has {whole} bytes; a WAV holds at most {MAX_WAV_BYTES}, so write .flac"
            )
        self._file.seek(0)
        self._file.write(self._header(whole, self._bytes))

    def _header(self, whole: int, data: int) -> bytes:
        frame = 2 * self._channels
        layout = (16, PCM, self._channels, self._rate, self._rate * frame, frame, 16)
        return WAV_HEADER.pack(b"RIFF", whole, b"WAVE", b"fmt ", *layout, b"data", data)


@dataclass(frozen=True)
class _WavLayout:
    """What stands in a WAV's header; `data_bytes` None for "until the end"."""

    code: int
    channels: int
    sample_rate: int
    bits: int
    data_bytes: int | None

    @property
    def frame_bytes(self) -> int:
        """Bytes of one sample of every channel."""
        return self.channels * self.bits // 8

    @property
    def is_plain(self) -> bool:
        """Whether the samples are plain numbers."""
        known = {PCM: (8, 16, 24, 32), FLOAT: (32, 64)}
        return self.channels > 0 and self.sample_rate > 0 and self.bits in known.get(self.code, ())

    def reader(self, file: BinaryIO, name: str) -> SoundReader:
        """Read what follows the header."""
        left = self.data_bytes

        def read(count: int) -> np.ndarray:
            nonlocal left
            wanted = count * self.frame_bytes
            data = _read_up_to(file, wanted if left is None else min(wanted, left))
            left = None if left is None else left - len(data)
            return self._numbers(data[: len(data) - len(data) % self.frame_bytes]).reshape(-1, self.channels)

        samples = None if left is None else left // self.frame_bytes
        return SoundReader(name, self.sample_rate, self.channels, samples, read)

    def _numbers(self, data: bytes) -> np.ndarray:
        """Bytes to float32 within -1 ... 1."""
        if self.code == FLOAT:
            return np.frombuffer(data, f"<f{self.bits // 8}").astype(np.float32)
        if self.bits == 8:
            return (np.frombuffer(data, np.uint8).astype(np.float32) - 128) / 128
        if self.bits == 24:
            wide = np.zeros((len(data) // 3, 4), np.uint8)
            wide[:, 1:] = np.frombuffer(data, np.uint8).reshape(-1, 3)
            return (wide.view("<i4")[:, 0] / 2**31).astype(np.float32)
        return (np.frombuffer(data, f"<i{self.bits // 8}") / 2 ** (self.bits - 1)).astype(np.float32)


class _WavStart:
    """The header of a WAV that comes from a pipe; `bytes_read` is kept, for whoever else can make sense of it."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.bytes_read = b""

    def layout(self) -> _WavLayout | None:
        """The layout of the samples that come next, or None if this is no WAV of plain numbers."""
        head = self._take(12)
        if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return None
        fields = b""
        while len(chunk := self._take(8)) == 8:
            name, length = struct.unpack("<4sI", chunk)
            if name == b"data":
                break
            content = self._take(length + length % 2)
            fields = content if name == b"fmt " else fields
        if len(chunk) < 8 or len(fields) < 16:
            return None
        code, channels, rate, _, _, bits = struct.unpack("<HHIIHH", fields[:16])
        if code == EXTENSIBLE and len(fields) >= 26:
            (code,) = struct.unpack("<H", fields[24:26])
        layout = _WavLayout(
            code, channels, rate, bits, None if length == 0 or length >= UNKNOWN_LENGTH else length
        )
        return layout if layout.is_plain else None

    def _take(self, count: int) -> bytes:
        data = _read_up_to(self._file, count)
        self.bytes_read += data
        return data


def _read_up_to(file: BinaryIO, count: int) -> bytes:
    """`count` bytes, or fewer where the pipe ends; memory grows only with what arrives."""
    parts: list[bytes] = []
    while count and (part := file.read(min(count, COPY_BYTES))):
        parts.append(part)
        count -= len(part)
    return b"".join(parts)
