"""Audio files in and out: WAV, FLAC, OGG Vorbis and MP3 through libsndfile, never half-written.

torchaudio's own loading and saving need FFmpeg libraries, so files go through soundfile.
"""

from __future__ import annotations

import io
import os
import struct
import tempfile
import unicodedata
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
import torch
from torchaudio.functional import resample as torchaudio_resample

from codec.types import Waveform

# What each suffix is written as: libsndfile's format and subtype.
WRITABLE = {
    ".wav": ("WAV", "PCM_16"),
    ".flac": ("FLAC", "PCM_16"),
    ".ogg": ("OGG", "VORBIS"),
    ".mp3": ("MP3", "MPEG_LAYER_III"),
}
METADATA_FIELDS = ("title", "comment", "software", "artist", "date", "album", "license")
# The only rates that MPEG layer III knows.
MP3_RATES = (8000, 11025, 12000, 16000, 22050, 24000, 32000, 44100, 48000)
# Highest rate and channel count of each format; libvorbis crashes above its rate rather than refuse it.
LIMITS = {"WAV": (2**20, 1024), "FLAC": (655_350, 8), "OGG": (192_000, 255), "MP3": (48_000, 2)}
OGG_SERIAL = 1
_MIRRORED_BYTES = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def read_audio(path: str | Path, sample_rate: int | None = None, channels: int | None = None) -> Waveform:
    """Read a sound file whole.

    Args:
        path: WAV, FLAC, OGG, MP3 or anything else that libsndfile reads.
        sample_rate: resample to this many Hz; None keeps the file's.
        channels: 1 mixes down to mono; None keeps the file's.

    Returns:
        The sound, samples float32 [1, C, T].

    Raises:
        ValueError: the file is missing, empty, no audio, truncated, without frames or not finite.
    """
    with open_sound_file(path) as file:
        rate = file.samplerate
        array = file.read(dtype="float32", always_2d=True)
        check_samples(array, 0, rate, str(path))
        check_length(len(array), file.frames, rate, str(path))
    waveform = Waveform(torch.from_numpy(np.ascontiguousarray(array.T))[None], rate)  # [1, C, T]
    if channels is not None:
        waveform = with_channels(waveform, channels)
    return waveform if sample_rate is None else resample(waveform, sample_rate)


@contextmanager
def open_sound_file(path: str | Path) -> Iterator[soundfile.SoundFile]:
    """A sound file open for reading; what libsndfile finds wrong in it, now or in the block, is a ValueError.

    Raises:
        ValueError: the file is missing, empty, no audio or a WAV that was cut off.
    """
    source = Path(path)
    if source.is_dir():
        raise ValueError(f"{source}: is a folder; a sound file is needed")
    if not source.is_file():
        raise ValueError(f"{source}: no such file")
    if source.stat().st_size == 0:
        raise ValueError(f"{source}: is empty (0 bytes); a sound file is needed")
    try:
        with soundfile.SoundFile(source) as file:
            _refuse_truncated_riff(source)
            yield file
    except soundfile.LibsndfileError as error:
        raise ValueError(f"{source}: not readable as audio ({error.error_string})") from error


def check_samples(array: np.ndarray, first: int, sample_rate: int, name: str) -> None:
    """Refuse samples [T, C] that are not finite, with the time; sample 0 of the array is the sound's `first`."""
    finite = np.isfinite(array).all(axis=1)
    if not finite.all():
        seconds = (first + int(np.argmin(finite))) / sample_rate
        raise ValueError(f"{name}: sample at {seconds:.3f} s is not a finite number")


def check_length(found: int, promised: int, sample_rate: int, name: str) -> None:
    """Refuse a sound without samples, or with fewer than its header promised."""
    if found == 0:
        raise ValueError(f"{name}: holds no sound (0 samples)")
    if found < promised:
        raise ValueError(
            f"{name}: is cut off at {found / sample_rate:.3f} s; "
            f"its header promises {promised / sample_rate:.3f} s"
        )


def write_audio(path: str | Path, waveform: Waveform, metadata: Mapping[str, str] | None = None) -> None:
    """Write one sound; the suffix names the format: .wav and .flac (16 bit), .ogg, .mp3.

    The same input gives the same bytes. An existing file is replaced in one step, and only once the new
    one is whole.

    Args:
        path: where to.
        waveform: samples [1, C, T] within -1 ... 1 (beyond that they are clipped).
        metadata: of METADATA_FIELDS; an empty text and a field that the format has no place for are left out
            (WAV, FLAC and OGG keep title, comment and software; MP3 title and comment).

    Raises:
        ValueError: unknown suffix or field, a batch of several sounds, no samples or a non-finite sample.
        OSError: the folder is missing or unwritable, or the disk is full.
    """
    target = Path(path)
    samples = waveform.samples
    if samples.shape[0] != 1 or samples.shape[-1] == 0:
        raise ValueError(
            f"{target}: samples have shape {list(samples.shape)}; [1, C, T] with T above 0 is needed"
        )
    array = samples[0].detach().cpu().float().numpy().T  # [T, C]
    if not np.isfinite(array).all():
        raise ValueError(f"{target}: the sound holds samples that are not finite numbers")
    rate = waveform.sample_rate
    format_name, subtype = file_format(target, rate, array.shape[1])
    unknown = set(metadata or {}) - set(METADATA_FIELDS)
    if unknown:
        raise ValueError(f"metadata {sorted(unknown)} unknown; allowed are {', '.join(METADATA_FIELDS)}")

    buffer = io.BytesIO()
    with soundfile.SoundFile(
        buffer, "w", samplerate=rate, channels=array.shape[1], format=format_name, subtype=subtype
    ) as file:
        for name, text in (metadata or {}).items():
            # libsndfile refuses empty texts, and marks the tags of an MP3 as Latin-1, whatever they hold.
            if text:
                setattr(file, name, _plain(text) if format_name == "MP3" else text)
        file.write(np.clip(array, -1.0, 1.0))
    if format_name == "OGG":
        fix_ogg_serial(buffer)
    write_bytes(target, buffer.getvalue())


def _plain(text: str) -> str:
    """The nearest ASCII text: signs and accents of notation and of names in letters, the rest as "?"."""
    signs = text.replace("♭", "b").replace("♯", "#").replace("\u2019", "'")
    letters = (c for c in unicodedata.normalize("NFKD", signs) if not unicodedata.combining(c))
    return "".join(letters).encode("ascii", "replace").decode("ascii")


def check_writable(path: str | Path, audio: bool = True) -> None:
    """Refuse an output before the work is done rather than after.

    Raises:
        ValueError: with `audio`, a suffix that `write_audio` does not know; or the path is a folder.
        OSError: the folder does not exist or cannot be written to.
    """
    target = Path(path)
    if audio:
        _format_of(target)
    if target.is_dir():
        raise ValueError(f"{target}: is a folder; a file name is needed")
    handle, temporary = _open_beside(target)
    os.close(handle)
    os.unlink(temporary)


@contextmanager
def replacing(path: str | Path) -> Iterator[Path]:
    """A temporary file in the target's folder that becomes the target when the block ends, or goes if it fails.

    Raises:
        OSError: with the target's name, when the folder is missing or unwritable or the disk is full.
    """
    target = Path(path)
    handle, name = _open_beside(target)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o666 & ~_umask())
        os.replace(temporary, target)
    except BaseException as error:
        # BaseException: Ctrl-C must not leave the temporary file behind either.
        temporary.unlink(missing_ok=True)
        if isinstance(error, OSError) and error.filename in (None, name):
            raise OSError(error.errno, error.strerror, str(target)) from error
        raise


def write_bytes(path: str | Path, data: bytes) -> None:
    """Write a file whole or not at all; errors as in `replacing`."""
    with replacing(path) as temporary:
        temporary.write_bytes(data)


def resample(waveform: Waveform, sample_rate: int) -> Waveform:
    """The same sound at another rate (windowed-sinc interpolation); unchanged where the rate is right."""
    if sample_rate < 1:
        raise ValueError(f"sample_rate is {sample_rate}; it must be at least 1 Hz")
    if waveform.sample_rate == sample_rate:
        return waveform
    return Waveform(torchaudio_resample(waveform.samples, waveform.sample_rate, sample_rate), sample_rate)


def with_channels(waveform: Waveform, channels: int) -> Waveform:
    """The same sound with another number of channels: mono is the mean, mono is copied to many."""
    present = waveform.samples.shape[1]
    if present == channels:
        return waveform
    if channels == 1:
        return Waveform(waveform.samples.mean(dim=1, keepdim=True), waveform.sample_rate)
    if present == 1:
        return Waveform(waveform.samples.repeat(1, channels, 1), waveform.sample_rate)
    raise ValueError(f"{present} channels cannot be made into {channels}; only to or from mono")


def file_format(path: str | Path, sample_rate: int, channels: int) -> tuple[str, str]:
    """libsndfile's format and subtype for a file that is to be written.

    Raises:
        ValueError: an unknown suffix, or a format that cannot hold such a sound.
    """
    target = Path(path)
    format_name, subtype = _format_of(target)
    if format_name == "MP3" and sample_rate not in MP3_RATES:
        allowed = ", ".join(map(str, MP3_RATES))
        raise ValueError(f"{target}: MP3 cannot hold {sample_rate} Hz; it can hold {allowed}")
    rates, most = LIMITS[format_name]
    if not 1 <= sample_rate <= rates or channels > most:
        raise ValueError(
            f"{target}: {format_name} cannot hold {channels} channels at {sample_rate} Hz; "
            f"it can hold {most} at up to {rates} Hz"
        )
    return format_name, subtype


def _format_of(target: Path) -> tuple[str, str]:
    if target.suffix.lower() not in WRITABLE:
        raise ValueError(f"{target}: suffix {target.suffix!r} is not one of {', '.join(WRITABLE)}")
    return WRITABLE[target.suffix.lower()]


def _open_beside(target: Path) -> tuple[int, str]:
    """A temporary file in the target's folder; errors name the target, not the temporary file."""
    try:
        return tempfile.mkstemp(prefix=f".{target.name[:40]}.", suffix=target.suffix, dir=target.parent)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from error


def _umask() -> int:
    """The process's umask, which can only be read by setting it (mkstemp ignores it and uses 0600)."""
    current = os.umask(0o022)
    os.umask(current)
    return current


def _refuse_truncated_riff(source: Path) -> None:
    """libsndfile shortens a WAV that was cut off without a word: compare its header with its size."""
    with open(source, "rb") as file:
        head = file.read(12)
        if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"WAVE":
            return
        size = source.stat().st_size
        position = 12
        while position + 8 <= size:
            file.seek(position)
            name, length = struct.unpack("<4sI", file.read(8))
            # 0 and 0xFFFFFFFF are what programs that write to a pipe leave there.
            if name == b"data" and length not in (0, 0xFFFFFFFF) and position + 8 + length > size:
                raise ValueError(
                    f"{source}: is cut off: its header promises {length} bytes of sound, "
                    f"{size - position - 8} are there"
                )
            position += 8 + length + length % 2


def fix_ogg_serial(file: BinaryIO) -> None:
    """Give an Ogg stream serial number OGG_SERIAL (RFC 3533), page by page and in place.

    libsndfile draws the serial number from the clock, so that the same sound would give other bytes each time.
    """
    position = 0
    while len(head := _read_at(file, position, 27)) == 27:
        segments = file.read(head[26])
        page = bytearray(head + segments + file.read(sum(segments)))
        struct.pack_into("<I", page, 14, OGG_SERIAL)
        struct.pack_into("<I", page, 22, 0)
        struct.pack_into("<I", page, 22, _ogg_crc(page))
        file.seek(position)
        file.write(page)
        position += len(page)


def _read_at(file: BinaryIO, position: int, count: int) -> bytes:
    file.seek(position)
    return file.read(count)


def _ogg_crc(page: bytearray) -> int:
    """Ogg's CRC-32: zlib's with every byte and the result mirrored, from 0 and without the final inversion."""
    mirrored = zlib.crc32(page.translate(_MIRRORED_BYTES), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{mirrored:032b}"[::-1], 2)
