"""Sound to `.agc` and back, in a stream: what is in memory does not grow with the length.

Every step takes chunks and gives chunks, and the steps are strung together. Both ways sound keeps its own sample
rate, channel count and exact length. Axes: B sounds side by side, C channels, T samples, K codebooks, S frames.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import BinaryIO

import numpy as np
import torch
from torch import Tensor

from codec.audio_files import replacing
from codec.chunks import regrouped, through
from codec.container import ContainerReader, ContainerWriter, Header
from codec.entropy import EntropyCoder
from codec.interface import AudioCodec
from codec.model import Codec
from codec.payload import CODINGS, ENTROPY_CODED, PLAIN_BITS, MakeCoder
from codec.rate_control import Depths, RateControl, check_bitrate, codebooks_within
from codec.resampling import HIGHEST_HZ, LOWEST_HZ, StreamResampler
from codec.sound_streams import Place, SoundReader, create_sound, open_sound, place_name
from codec.streaming import DecoderStream, EncoderStream
from codec.types import CheckpointError, Waveform
from codec.whole_coding import WholeDecoder, WholeEncoder

# Long blocks cost fewer bits, short ones let a listener at the other end of a pipe begin sooner.
BLOCK_SECONDS = 20
# A decoder may give a few samples more or less than it was given frames for.
SPARE_SECONDS = 1

# Told what share of the work is done, 0 ... 1.
Progress = Callable[[float], None]


@dataclass(frozen=True)
class Coded:
    """A sound that was coded or decoded: its `samples` a channel at its own rate, and what stands for it.

    `codebooks` is how many most of the frames have, `codebooks_mean` how many one has on average.
    """

    samples: int
    sample_rate: int
    channels: int
    batch: int
    codebooks: int
    codebooks_mean: float
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
    codec: AudioCodec, source: Place, target: Place, *, codebooks: int | None = None,
    bitrate_kbps: float | None = None, each_channel: bool = False, block_seconds: float = BLOCK_SECONDS,
    progress: Progress = _silent,
) -> Coded:  # fmt: skip
    """Code a sound into an `.agc`.

    Args:
        codec: does the work; whoever decodes needs one of the same identity.
        source: a sound file, or an open pipe.
        target: where to; a file appears, or is replaced, only when it is whole.
        codebooks: how many to use at most, all by default; fewer is a lower bitrate.
        bitrate_kbps: that the file stays within, for each channel with `each_channel`, where one codebook allows it.
            Our own codec gets as many codebooks in every block as fit; others as many as fit as plain bits.
        each_channel: code every channel by itself, at that many times the bitrate, instead of their mean.
        block_seconds: length of a block: how far behind a reader of the pipe is.
        progress: told how much is done, where the length is known.

    Raises:
        ValueError: the source is no sound, or broken; `codebooks` or the bitrate is out of range.
        OSError: the target cannot be written.
    """
    with open_sound(source) as sound, _output(target) as file:
        wishes = _Wishes(codebooks, bitrate_kbps, each_channel, block_seconds)
        return _encode(codec, sound, file, wishes, progress)


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


def decode_sound(codec: AudioCodec, source: Place) -> Waveform:
    """The sound of an `.agc` in memory, [1, C, T] in 32-bit floats; errors as in `decode_file`."""
    with _input(source) as file:
        reader = _reader(codec, file, place_name(source))
        chunks = list(_sound(codec, reader, Depths(), 0, _silent))
    return Waveform(torch.cat(chunks, dim=-1)[None], reader.header.sample_rate)


def round_trip(
    codec: AudioCodec, source: Place, target: Place, *, codebooks: int | None = None,
    bitrate_kbps: float | None = None, each_channel: bool = False, progress: Progress = _silent,
) -> RoundTrip:  # fmt: skip
    """Encode and decode again, through a temporary file; arguments and errors as in `encode_file` and `decode_file`."""
    with tempfile.TemporaryFile() as file:
        with open_sound(source) as sound:
            wishes = _Wishes(codebooks, bitrate_kbps, each_channel)
            encoded = _encode(codec, sound, file, wishes, lambda done: progress(done / 2))
        file.seek(0)
        decoded = _decode(codec, file, place_name(source), target, lambda done: progress(0.5 + done / 2))
    return RoundTrip(encoded, decoded)


@dataclass(frozen=True)
class _Wishes:
    """How a sound is to be coded."""

    codebooks: int | None
    bitrate_kbps: float | None
    each_channel: bool
    block_seconds: float = BLOCK_SECONDS

    def most_codebooks(self, codec: AudioCodec) -> int:
        """How many the encoder gives; of our own codec, blocks take what fits of them.

        Raises:
            ValueError: the bitrate is out of range.
        """
        most = codec.spec.codebooks if self.codebooks is None else self.codebooks
        if self.bitrate_kbps is None:
            return most
        if isinstance(codec, Codec):
            check_bitrate(self.bitrate_kbps)
            return most
        return min(most, codebooks_within(codec.spec, self.bitrate_kbps))


def codings_of(codec: AudioCodec) -> Mapping[int, MakeCoder]:
    """What coding numbers stand for with this codec."""
    guesser = codec.guesser if isinstance(codec, Codec) else None
    if guesser is None:
        return CODINGS
    coder = EntropyCoder(guesser)  # it keeps nothing from block to block, so that all sounds may share it
    return {**CODINGS, ENTROPY_CODED: lambda _: coder}


def _encode(
    codec: AudioCodec, sound: SoundReader, file: BinaryIO, wishes: _Wishes, progress: Progress
) -> Coded:
    began, spec, codings = time.perf_counter(), codec.spec, codings_of(codec)
    batch, most = sound.channels if wishes.each_channel else 1, wishes.most_codebooks(codec)
    encoder = (
        EncoderStream(codec, most, batch) if isinstance(codec, Codec) else WholeEncoder(codec, most, batch)
    )
    header = Header(
        spec.identity, sound.sample_rate, sound.channels, batch, most, spec.codebook_size,
        ENTROPY_CODED if ENTROPY_CODED in codings else PLAIN_BITS,
    )  # fmt: skip
    block_frames = max(1, min(header.max_block_frames, round(wishes.block_seconds * spec.frame_rate)))
    writer, counted, depths = ContainerWriter(file, header, codings), _Counter(sound, progress), Depths()
    control = None
    if wishes.bitrate_kbps is not None and isinstance(codec, Codec):
        control = RateControl(writer, wishes.bitrate_kbps * batch)
    chunks = through(encoder, _heard(counted.blocks(), sound, batch, codec), sound.name)
    for block in regrouped(chunks, block_frames):
        tokens = block.values.cpu().numpy()
        if control is None:
            writer.write(tokens)
        else:
            # The sound may end within the last frame.
            reached = int((depths.frames + tokens.shape[-1]) / spec.frame_rate * sound.sample_rate)
            tokens = control.write(tokens, min(reached, counted.samples), block.last)
        depths.count(tokens)
    progress(1.0)
    scales = encoder.scales if isinstance(encoder, WholeEncoder) else None
    writer.finish(counted.samples, None if scales is None else scales.cpu().numpy())
    return _coded(header, counted.samples, depths, spec.frame_rate, writer.bytes_written, began)


def _heard(
    blocks: Iterable[np.ndarray], sound: SoundReader, batch: int, codec: AudioCodec
) -> Iterator[Tensor]:
    """Blocks [C, T] of a sound as the codec hears them, [B, C, T]."""
    spec = codec.spec
    # Coded by itself, a channel is all that the codec hears, on every channel that it has.
    parts = 1 if batch > 1 else spec.channels
    mixed = (matched(torch.from_numpy(block), batch * parts) for block in blocks)
    heard = _resampled(mixed, (sound.sample_rate, spec.sample_rate), batch * parts, sound.name)
    return (chunk.unflatten(0, (batch, parts)).expand(-1, spec.channels, -1) for chunk in heard)


def _decode(codec: AudioCodec, file: BinaryIO, name: str, target: Place, progress: Progress) -> Coded:
    began, depths = time.perf_counter(), Depths()
    reader = _reader(codec, file, name)
    header = reader.header
    with create_sound(target, header.sample_rate, header.channels) as writer:
        for chunk in _sound(codec, reader, depths, _size(file), progress):
            writer.write(chunk.numpy())
    progress(1.0)
    return _coded(header, reader.samples, depths, codec.spec.frame_rate, reader.bytes_read, began)


def _reader(codec: AudioCodec, file: BinaryIO, name: str) -> ContainerReader:
    reader = ContainerReader(file, name, codings_of(codec))
    _refuse_other_codec(codec, reader.header, name)
    return reader


def _sound(
    codec: AudioCodec, reader: ContainerReader, depths: Depths, size: int, progress: Progress
) -> Iterator[Tensor]:
    """Chunks [C, T] of the original's rate, channel count and, all together, length."""
    spec, header = codec.spec, reader.header

    def told() -> Iterator[Tensor]:
        for block in reader.blocks():
            depths.count(block)
            yield torch.from_numpy(block)
            progress(min(1.0, reader.bytes_read / size) if size else 0.0)

    channels = spec.channels if header.batch == 1 else header.batch
    decoder = (
        DecoderStream(codec, header.batch)
        if isinstance(codec, Codec)
        else WholeDecoder(codec, header.batch, lambda: reader.scales)
    )
    decoded = through(decoder, told(), reader.name)
    heard = (chunk[0] if header.batch == 1 else chunk.mean(dim=1) for chunk in decoded)  # [C, T]
    sound = _resampled(heard, (spec.sample_rate, header.sample_rate), channels, reader.name)
    return (matched(chunk, header.channels) for chunk in _exact(sound, reader, spec.frame_rate))


def matched(samples: Tensor, channels: int) -> Tensor:
    """[C, T] samples with another number of channels: their mean, copied; unchanged where the number is right."""
    if samples.shape[0] == channels:
        return samples
    return samples.mean(dim=0, keepdim=True).expand(channels, -1)


def _resampled(
    chunks: Iterable[Tensor], rates: tuple[int, int], channels: int, name: str
) -> Iterable[Tensor]:
    """[C, T] chunks from one rate to another."""
    if rates[0] == rates[1]:
        return chunks
    for rate in rates:
        if not LOWEST_HZ <= rate <= HIGHEST_HZ:
            raise ValueError(f"{name}: is at {rate} Hz; {LOWEST_HZ} to {HIGHEST_HZ} Hz are allowed")
    return through(StreamResampler(*rates, channels), chunks, name)


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
            self.samples += block.shape[-1]
            yield block
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


def _coded(
    header: Header, samples: int, depths: Depths, frame_rate: Fraction, size: int, began: float
) -> Coded:
    return Coded(
        samples=samples,
        sample_rate=header.sample_rate,
        channels=header.channels,
        batch=header.batch,
        codebooks=depths.most_used,
        codebooks_mean=depths.mean,
        codebook_size=header.codebook_size,
        frames=depths.frames,
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
