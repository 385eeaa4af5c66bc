"""What sounds are sent through: our codec, other codecs, Opus, and nothing at all."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from audiogen.evaluation.opus import Coded, opus_round_trip
from codec.audio_files import resample, with_channels
from codec.interface import AudioCodec
from codec.metrics import pack_codes
from codec.types import CodecSpec, Codes, Waveform

OURS, OPUS, UNTOUCHED = "codec", "opus", "untouched"
OPUS_KBPS = (6.0, 8.0, 12.0, 16.0, 24.0, 32.0)
# Other codecs are measured up to here: beyond it nobody compares them with ours.
MOST_KBPS = 12.5


@dataclass(frozen=True)
class Coder:
    """One way for a mono sound to go: there and back at its own rate and length.

    `family` is shared by the bitrates of one codec; `codebooks` is 0 where there are none.
    """

    name: str
    family: str
    run: Callable[[Waveform], Coded]
    codebooks: int = 0


def file_bytes(codes: Codes, sound: Waveform) -> bytes:
    """The file that the codes of a sound are written to; every bitrate in the evaluation is counted on it."""
    del sound  # packed codes name neither its rate nor its length
    return pack_codes(codes)


def codec_coders(family: str, network: AudioCodec, counts: Iterable[int]) -> list[Coder]:
    """One codec at several numbers of codebooks; that with all of them goes by the family's name alone."""
    most = network.spec.codebooks
    return [
        Coder(
            family if count == most else f"{family}, {count} codebook{'s' if count > 1 else ''}",
            family,
            lambda sound, count=count: through_codec(network, sound, count),
            count,
        )
        for count in counts
    ]


def usual_counts(spec: CodecSpec) -> list[int]:
    """Numbers of codebooks to measure another codec at: all, and 2, 4, 8 ...; most first, up to MOST_KBPS.

    These are what EnCodec was trained for; it refuses others.
    """
    each_kbps = spec.bitrate_kbps / spec.codebooks
    powers = {2**power for power in range(1, spec.codebooks.bit_length())} | {spec.codebooks}
    counts = [count for count in powers if count <= spec.codebooks and count * each_kbps <= MOST_KBPS]
    return sorted(counts, reverse=True) or [min(powers)]


def short_names(names: Iterable[str]) -> dict[str, str]:
    """What other codecs are called in tables, each with the name or folder it was given by."""
    found: dict[str, str] = {}
    # Names that are short already come first: a folder's gives way to them.
    for name in sorted(dict.fromkeys(names), key=lambda name: Path(name).name != name):
        short = Path(name).name
        found[name if short in found or short in (OURS, OPUS, UNTOUCHED) else short] = name
    return found


def opus_coders(rates_kbps: Iterable[float]) -> list[Coder]:
    """Opus at these nominal bitrates."""
    return [
        Coder(opus_name(kbps), OPUS, lambda sound, kbps=kbps: opus_round_trip(sound, kbps))
        for kbps in rates_kbps
    ]


def opus_name(kbps: float) -> str:
    """What Opus at a nominal bitrate is called in tables."""
    return f"{OPUS} {kbps:g}"


def untouched() -> Coder:
    """The sound itself, counted as 16-bit samples: the ceiling of every figure."""
    return Coder(UNTOUCHED, UNTOUCHED, lambda sound: Coded(sound, 2 * sound.samples.shape[-1], 0.0, 0.0))


def through_codec(network: AudioCodec, sound: Waveform, codebooks: int) -> Coded:
    """A mono sound [1, 1, T] to codes and back. Times are those of the codec alone, without the file."""
    began = time.perf_counter()
    codes = network.encode(sound, codebooks)
    encoded = time.perf_counter()
    size = len(file_bytes(codes, sound))
    started = time.perf_counter()
    back = network.decode(codes)
    ended = time.perf_counter()
    mono = resample(with_channels(back, 1), sound.sample_rate)
    cut = Waveform(mono.samples[..., : sound.samples.shape[-1]], sound.sample_rate)
    return Coded(cut, size, encoded - began, ended - started)
