"""Sound to `.agc` and back, in a stream: what is in memory does not grow with the length.

Every step takes chunks and gives chunks, and the steps are strung together. Both ways sound keeps its own sample
rate, channel count and exact length. Axes: B sounds side by side, C channels, T samples, K codebooks, S frames.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO, Protocol

import numpy as np
import torch
from torch import Tensor

from codec.audio_files import replacing
from codec.container import ContainerReader, ContainerWriter, Header
from codec.interface import AudioCodec
from codec.model import Codec
from codec.resampling import HIGHEST_HZ, LOWEST_HZ, StreamResampler
from codec.sound_streams import Place, SoundReader, create_sound, open_sound, place_name
from codec.streaming import DecoderStream, EncoderStream
from codec.types import CheckpointError
from codec.whole_coding import WholeDecoder, WholeEncoder

# Long blocks cost fewer bits, short ones let a listener at the other end of a pipe begin sooner.
BLOCK_SECONDS = 20
# A decoder may give a few samples more or less than it was given frames for.
SPARE_SECONDS = 1

# Told what share of the work is done, 0 ... 1.
Progress = Callable[[float], None]


@dataclass(frozen=True)
class Coded:
    """A sound that was coded or decoded: its `samples` a channel at its own rate, and what stands for it."""

    samples: int
    sample_rate: int
    channels: int
    batch: int
    codebooks: int
    codebook_size: int
    frames: int
    frame_rate: Fraction
    identity: str
    bytes: int
    wall_seconds: float

    @property
    def seconds(self) -> float:
        """Length of the sound."""
        return self.samples / self.sample_rate

    @property
    def bitrate_kbps(self) -> float:
        """Bits a second of the whole file, in thousands."""
        return self.bytes * 8 / self.seconds / 1000


@dataclass(frozen=True)
class RoundTrip:
    """What became of a sound that was encoded and decoded again."""

    encoded: Coded
    decoded: Coded


def _silent(_: float) -> None:
    """Tell nobody."""


def encode_file(
    codec: AudioCodec, source: Place, target: Place, *, codebooks: int | None = None, each_channel: bool = False,
    block_seconds: float = BLOCK_SECONDS, progress: Progress = _silent,
) -> Coded:  # fmt: skip
    """Code a sound into an `.agc`.

    Args:
        codec: does the work; whoever decodes needs one of the same identity.
        source: a sound file, or an open pipe.
        target: where to; a file appears, or is replaced, only when it is whole.
        codebooks: how many to use, all by default; fewer is a lower bitrate.
        each_channel: code every channel by itself, at that many times the bitrate, instead of their mean.
        block_seconds: length of a block: how far behind a reader of the pipe is.
        progress: told how much is done, where the length is known.

    Raises:
        ValueError: the source is no sound, or broken; `codebooks` is out of range.
        OSError: the target cannot be written.
    """
    with open_sound(source) as sound, _output(target) as file:
        return _encode(codec, sound, file, _Wishes(codebooks, each_channel, block_seconds), progress)


def decode_file(codec: AudioCodec, source: Place, target: Place, *, progress: Progress = _silent) -> Coded:
    """Turn an `.agc` into sound of the original's rate, channel count and length.

    Args:
        codec: of the identity that the file names.
        source: an `.agc`, or an open pipe.
        target: a .wav, .flac, .ogg or .mp3, which appears, or is replaced, only when it is whole; or an open pipe,
            which gets WAV.
        progress: told how much is done, where the length is known.

    Raises:
        CheckpointError: the source is no `.agc`, damaged, or of another codec or version.
        ValueError: the target's format cannot hold the sound.
        OSError: a file cannot be read or written.
    """
    with _input(source) as file:
        return _decode(codec, file, place_name(source), target, progress)


def round_trip(
    codec: AudioCodec, source: Place, target: Place, *, codebooks: int | None = None, each_channel: bool = False,
    progress: Progress = _silent,
) -> RoundTrip:  # fmt: skip
    """Encode and decode again, through a temporary file; arguments and errors as in `encode_file` and `decode_file`."""
    with tempfile.TemporaryFile() as file:
        with open_sound(source) as sound:
            wishes = _Wishes(codebooks, each_channel)
            encoded = _encode(codec, sound, file, wishes, lambda done: progress(done / 2))
        file.seek(0)
        decoded = _decode(codec, file, place_name(source), target, lambda done: progress(0.5 + done / 2))
    return RoundTrip(encoded, decoded)


@dataclass(frozen=True)
class _Wishes:
    """How a sound is to be coded."""

    codebooks: int | None
    each_channel: bool
    block_seconds: float = BLOCK_SECONDS


def _encode(
    codec: AudioCodec, sound: SoundReader, file: BinaryIO, wishes: _Wishes, progress: Progress
) -> Coded:
    began, spec = time.perf_counter(), codec.spec
    batch = sound.channels if wishes.each_channel else 1
    wanted = spec.codebooks if wishes.codebooks is None else wishes.codebooks
    encoder = (
        EncoderStream(codec, wanted, batch)
        if isinstance(codec, Codec)
        else WholeEncoder(codec, wanted, batch)
    )
    header = Header(spec.identity, sound.sample_rate, sound.channels, batch, wanted, spec.codebook_size)
    block_frames = max(1, min(header.max_block_frames, round(wishes.block_seconds * spec.frame_rate)))
    writer = ContainerWriter(file, header)
    counted = _Counter(sound, progress)
    parts = 1 if wishes.each_channel else spec.channels
    mixed = (matched(torch.from_numpy(block), batch * parts) for block in counted.blocks())
    heard = _resampled(mixed, (sound.sample_rate, spec.sample_rate), batch * parts, sound.name)
    # Coded by itself, a channel is all that the codec hears, on every channel that it has.
    shaped = (
        chunk.unflatten(0, (batch, parts)).expand(-1, spec.channels, -1) for chunk in heard
    )  # [B, C, T]
    frames = 0
    for block in regrouped(_through(encoder, shaped, sound.name), block_frames):
        writer.write(block.cpu().numpy())
        frames += block.shape[-1]
    progress(1.0)
    scales = encoder.scales if isinstance(encoder, WholeEncoder) else None
    writer.finish(counted.samples, None if scales is None else scales.cpu().numpy())
    return _coded(header, counted.samples, frames, spec.frame_rate, writer.bytes_written, began)


def _decode(codec: AudioCodec, file: BinaryIO, name: str, target: Place, progress: Progress) -> Coded:
    began, spec = time.perf_counter(), codec.spec
    reader = ContainerReader(file, name)
    header = reader.header
    _refuse_other_codec(codec, header, name)
    size = _size(file)

    def told() -> Iterator[Tensor]:
        for block in reader.blocks():
            yield torch.from_numpy(block)
            progress(min(1.0, reader.bytes_read / size) if size else 0.0)

    channels = spec.channels if header.batch == 1 else header.batch
    decoder = (
        DecoderStream(codec, header.batch)
        if isinstance(codec, Codec)
        else WholeDecoder(codec, header.batch, lambda: reader.scales)
    )
    decoded = _through(decoder, told(), name)
    heard = (chunk[0] if header.batch == 1 else chunk.mean(dim=1) for chunk in decoded)  # [C, T]
    sound = _resampled(heard, (spec.sample_rate, header.sample_rate), channels, name)
    with create_sound(target, header.sample_rate, header.channels) as writer:
        for chunk in _exact(sound, reader, spec.frame_rate):
            writer.write(matched(chunk, header.channels).numpy())
    progress(1.0)
    return _coded(header, reader.samples, reader.frames, spec.frame_rate, reader.bytes_read, began)


def matched(samples: Tensor, channels: int) -> Tensor:
    """[C, T] samples with another number of channels: their mean, copied; unchanged where the number is right."""
    if samples.shape[0] == channels:
        return samples
    return samples.mean(dim=0, keepdim=True).expand(channels, -1)


class _Stage(Protocol):
    """Something that takes chunks, and gives what it can say so far; the last axis is time."""

    def push(self, chunk: Tensor, /) -> Tensor: ...

    def finish(self) -> Tensor: ...


def _through(stage: _Stage, chunks: Iterable[Tensor], name: str) -> Iterator[Tensor]:
    """What a stage makes of chunks; its faults get the name of the sound."""
    for chunk in chunks:
        with _named(name):
            given = stage.push(chunk)
        yield given
    with _named(name):
        given = stage.finish()
    yield given


@contextmanager
def _named(name: str) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error


def _resampled(
    chunks: Iterable[Tensor], rates: tuple[int, int], channels: int, name: str
) -> Iterable[Tensor]:
    """[C, T] chunks from one rate to another."""
    if rates[0] == rates[1]:
        return chunks
    for rate in rates:
        if not LOWEST_HZ <= rate <= HIGHEST_HZ:
            raise ValueError(f"{name}: is at {rate} Hz; {LOWEST_HZ} to {HIGHEST_HZ} Hz are allowed")
    return _through(StreamResampler(*rates, channels), chunks, name)


def regrouped(chunks: Iterable[Tensor], length: int) -> Iterator[Tensor]:
    """The same along the last axis in chunks of `length`, the last possibly shorter, none empty."""
    held: list[Tensor] = []
    count = 0
    for chunk in chunks:
        held.append(chunk)
        count += chunk.shape[-1]
        if count >= length:
            *whole, rest = torch.cat(held, dim=-1).split(length, dim=-1)
            if rest.shape[-1] == length:
                whole, rest = [*whole, rest], rest[..., :0]
            yield from whole
            held, count = [rest], rest.shape[-1]
    if count:
        yield torch.cat(held, dim=-1)


def _exact(chunks: Iterable[Tensor], reader: ContainerReader, frame_rate: Fraction) -> Iterator[Tensor]:
    """[C, T] chunks that together have as many samples as the file's end says, which is known only there."""
    rate = reader.header.sample_rate
    spare = SPARE_SECONDS * rate + int(rate / frame_rate)
    held, given = None, 0
    for chunk in chunks:
        held = chunk if held is None else torch.cat([held, chunk], dim=-1)
        ready = held.shape[-1] - spare
        if ready > 0:
            yield held[:, :ready]
            held, given = held[:, ready:], given + ready
    found = given + (0 if held is None else held.shape[-1])
    if held is None or not max(1, given) <= reader.samples <= found + rate / frame_rate:
        raise CheckpointError(
            f"{reader.name}: the end claims {reader.samples} samples; "
            f"its {reader.frames} frames hold {found} (at least 1 sample is needed)"
        )
    rest = reader.samples - given
    yield torch.nn.functional.pad(held, (0, max(0, rest - held.shape[-1])))[:, :rest]


class _Counter:
    """Counts the samples of a sound as they are read, and tells how much is done."""

    def __init__(self, sound: SoundReader, progress: Progress) -> None:
        self.samples = 0
        self._sound, self._progress = sound, progress

    def blocks(self) -> Iterator[np.ndarray]:
        for block in self._sound.blocks():
            yield block
            self.samples += block.shape[-1]
            if self._sound.samples:
                self._progress(min(1.0, self.samples / self._sound.samples))


def _refuse_other_codec(codec: AudioCodec, header: Header, name: str) -> None:
    spec = codec.spec
    if header.identity != spec.identity:
        raise CheckpointError(
            f"{name}: was coded by codec {header.identity}; this codec is {spec.identity}, name the other one"
        )
    if header.codebooks > spec.codebooks or header.codebook_size != spec.codebook_size:
        raise CheckpointError(
            f"{name}: has {header.codebooks} codebooks of {header.codebook_size}; "
            f"codec {spec.identity} has {spec.codebooks} of {spec.codebook_size}"
        )


def _coded(header: Header, samples: int, frames: int, frame_rate: Fraction, size: int, began: float) -> Coded:
    return Coded(
        samples=samples,
        sample_rate=header.sample_rate,
        channels=header.channels,
        batch=header.batch,
        codebooks=header.codebooks,
        codebook_size=header.codebook_size,
        frames=frames,
        frame_rate=frame_rate,
        identity=header.identity,
        bytes=size,
        wall_seconds=time.perf_counter() - began,
    )


@contextmanager
def _output(target: Place) -> Iterator[BinaryIO]:
    if not isinstance(target, str | Path):
        yield target
        return
    with replacing(target) as temporary, open(temporary, "wb") as file:
        yield file


@contextmanager
def _input(source: Place) -> Iterator[BinaryIO]:
    if not isinstance(source, str | Path):
        yield source
        return
    path = Path(source)
    if not path.is_file():
        raise CheckpointError(
            f"{path}: {'is a folder' if path.is_dir() else 'no such file'}; an .agc is needed"
        )
    with open(path, "rb") as file:
        yield file


def _size(file: BinaryIO) -> int:
    """Bytes of a file; 0 for a pipe, which does not say."""
    try:
        return os.fstat(file.fileno()).st_size
    except OSError:  # io.UnsupportedOperation, of what is in memory, is one
        return 0
