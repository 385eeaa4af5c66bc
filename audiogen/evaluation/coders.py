"""What sounds are sent through: our codec, other codecs, Opus, and nothing at all."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import soundfile

from audiogen.evaluation.opus import Coded, opus_round_trip
from codec.coding import decode_sound, encode_file
from codec.interface import AudioCodec
from codec.types import CodecSpec, Waveform

OURS, OPUS, UNTOUCHED = "codec", "opus", "untouched"
# What ours is asked to stay within: the limits of `audiogen.evaluation.targets`.
OUR_KBPS = (3.0, 1.5)
OPUS_KBPS = (6.0, 8.0, 12.0, 16.0, 24.0, 32.0)
# Other codecs are measured up to here: beyond it nobody compares them with ours.
MOST_KBPS = 12.5


@dataclass(frozen=True)
class Coder:
    """One way for a sound to go: there and back at its own rate and length.

    `family` is shared by the bitrates of one codec.
    """

    name: str
    family: str
    run: Callable[[Waveform], Coded]


def codec_coders(
    family: str, network: AudioCodec, counts: Iterable[int], bitrates_kbps: Iterable[float] = ()
) -> list[Coder]:
    """One codec at several numbers of codebooks, that with all of them by the family's name alone, and at bitrates."""
    most = network.spec.codebooks
    counted = [
        Coder(
            family if count == most else f"{family}, {count} codebook{'s' if count > 1 else ''}",
            family,
            lambda sound, count=count: through_codec(network, sound, codebooks=count),
        )
        for count in counts
    ]
    rated = [
        Coder(
            f"{family} at {kbps:g} kbps",
            family,
            lambda sound, kbps=kbps: through_codec(network, sound, bitrate_kbps=kbps),
        )
        for kbps in bitrates_kbps
    ]
    return counted + rated


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
    return Coder(UNTOUCHED, UNTOUCHED, lambda sound: Coded(sound, 2 * sound.samples.numel(), 0.0, 0.0))


def through_codec(
    network: AudioCodec, sound: Waveform, codebooks: int | None = None, bitrate_kbps: float | None = None
) -> Coded:
    """A sound [1, C, T] to an `.agc` file and back. Times hold reading and writing it."""
    with tempfile.TemporaryDirectory() as folder:
        source, coded = Path(folder) / "sound.wav", Path(folder) / "sound.agc"
        soundfile.write(source, sound.samples[0].cpu().numpy().T, sound.sample_rate, subtype="FLOAT")
        began = time.perf_counter()
        encode_file(network, source, coded, codebooks=codebooks, bitrate_kbps=bitrate_kbps)
        encoded = time.perf_counter()
        back = decode_sound(network, coded)
        ended = time.perf_counter()
        return Coded(back, coded.stat().st_size, encoded - began, ended - encoded)
