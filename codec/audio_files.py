"""Audio files in and out: WAV, FLAC, OGG Vorbis and MP3 through libsndfile, never half-written.

torchaudio's own loading and saving need FFmpeg libraries, so files go through soundfile.
"""

from __future__ import annotations

import io
import os
import struct
import tempfile
import unicodedata
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

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
OGG_SERIAL = 1
OGG_CRC_POLYNOMIAL = 0x04C11DB7


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
    source = Path(path)
    if source.is_dir():
        raise ValueError(f"{source}: is a folder; a sound file is needed")
    if not source.is_file():
        raise ValueError(f"{source}: no such file")
    if source.stat().st_size == 0:
        raise ValueError(f"{source}: is empty (0 bytes); a sound file is needed")
    try:
        with soundfile.SoundFile(source) as file:
            expected, rate = file.frames, file.samplerate
            array = file.read(dtype="float32", always_2d=True)
    except soundfile.LibsndfileError as error:
        raise ValueError(f"{source}: not readable as audio ({error.error_string})") from error
    if len(array) == 0:
        raise ValueError(f"{source}: holds no sound (0 samples)")
    if len(array) < expected:
        raise ValueError(
            f"{source}: is cut off at {len(array) / rate:.3f} s; its header promises {expected / rate:.3f} s"
        )
    _refuse_truncated_riff(source)
    finite = np.isfinite(array).all(axis=1)
    if not finite.all():
        raise ValueError(f"{source}: sample at {int(np.argmin(finite)) / rate:.3f} s is not a finite number")
    waveform = Waveform(torch.from_numpy(np.ascontiguousarray(array.T))[None], rate)  # [1, C, T]
    if channels is not None:
        waveform = with_channels(waveform, channels)
    return waveform if sample_rate is None else resample(waveform, sample_rate)


def write_audio(path: str | Path, waveform: Waveform, metadata: Mapping[str, str] | None = None) -> None:
    """Write one sound; the suffix names the format: .wav and .flac (16 bit), .ogg, .mp3.

    The same input gives the same bytes. An existing file is replaced in one step, and only once the new
    one is whole.

    Args:
        path: where to.
        waveform: samples [1, C, T] within -1 ... 1 (beyond that they are clipped).
        metadata: of METADATA_FIELDS; a field that the format has no place for is left out by libsndfile
            (WAV, FLAC and OGG keep title, comment and software; MP3 title and comment).

    Raises:
        ValueError: unknown suffix or field, a batch of several sounds, no samples or a non-finite sample.
        OSError: the folder is missing or unwritable, or the disk is full.
    """
    target = Path(path)
    format_name, subtype = _format_of(target)
    samples = waveform.samples
    if samples.shape[0] != 1 or samples.shape[-1] == 0:
        raise ValueError(
            f"{target}: samples have shape {list(samples.shape)}; [1, C, T] with T above 0 is needed"
        )
    array = samples[0].detach().cpu().float().numpy().T  # [T, C]
    if not np.isfinite(array).all():
        raise ValueError(f"{target}: the sound holds samples that are not finite numbers")
    rate = waveform.sample_rate
    if format_name == "MP3" and rate not in MP3_RATES:
        raise ValueError(f"{target}: MP3 cannot hold {rate} Hz; it can hold {', '.join(map(str, MP3_RATES))}")
    unknown = set(metadata or {}) - set(METADATA_FIELDS)
    if unknown:
        raise ValueError(f"metadata {sorted(unknown)} unknown; allowed are {', '.join(METADATA_FIELDS)}")

    buffer = io.BytesIO()
    with soundfile.SoundFile(
        buffer, "w", samplerate=rate, channels=array.shape[1], format=format_name, subtype=subtype
    ) as file:
        for name, text in (metadata or {}).items():
            # libsndfile marks the tags of an MP3 as Latin-1, whatever they hold.
            setattr(file, name, _plain(text) if format_name == "MP3" else text)
        file.write(np.clip(array, -1.0, 1.0))
    data = buffer.getvalue()
    write_bytes(target, _with_fixed_serial(data) if format_name == "OGG" else data)


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


def _ogg_crc_table() -> list[int]:
    table = []
    for byte in range(256):
        value = byte << 24
        for _ in range(8):
            value = ((value << 1) ^ (OGG_CRC_POLYNOMIAL if value & 0x80000000 else 0)) & 0xFFFFFFFF
        table.append(value)
    return table


def _with_fixed_serial(data: bytes) -> bytes:
    """The same Ogg stream under serial number OGG_SERIAL (RFC 3533).

    libsndfile draws the serial number from the clock, so that the same sound would give other bytes each time.
    """
    table = _ogg_crc_table()
    pages = bytearray(data)
    position = 0
    while position < len(pages):
        segments = pages[position + 26]
        body = sum(pages[position + 27 : position + 27 + segments])
        end = position + 27 + segments + body
        struct.pack_into("<I", pages, position + 14, OGG_SERIAL)
        struct.pack_into("<I", pages, position + 22, 0)
        crc = 0
        for byte in pages[position:end]:
            crc = ((crc << 8) & 0xFFFFFFFF) ^ table[(crc >> 24) ^ byte]
        struct.pack_into("<I", pages, position + 22, crc)
        position = end
    return bytes(pages)
