"""`audiogen codec`: sound to tokens and back."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audiogen.cli.console import print_json, say

if TYPE_CHECKING:
    from codec.types import CodecSpec

app = typer.Typer(
    help="Sound to tokens and back with the shipped codec.", no_args_is_help=True, rich_markup_mode=None
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else there.")]


@app.command("roundtrip")
def roundtrip(
    source: Annotated[Path, typer.Argument(metavar="IN", help="A WAV, FLAC, OGG or MP3 file.")],
    target: Annotated[Path, typer.Argument(metavar="OUT", help="Output; .wav, .flac, .ogg or .mp3.")],
    bitrate: Annotated[
        float | None, typer.Option(metavar="KBPS", help="Use fewer codebooks to get to at most this bitrate.")
    ] = None,
    model: Annotated[str | None, typer.Option(help="Name or folder of codec weights.")] = None,
    as_json: Json = False,
) -> None:
    """Encode a sound file to codes and decode it again, to hear what the codec keeps.

    \b
    Example:
      audiogen codec roundtrip fiddle.wav coded.wav --json
    """
    from codec.audio_files import check_writable, read_audio, write_audio
    from codec.weights import load

    check_writable(target)
    network = load(model)
    spec = network.spec
    waveform = read_audio(source, sample_rate=spec.sample_rate, channels=spec.channels)
    began = time.perf_counter()
    codes = network.encode(waveform, codebooks=_codebooks(spec, bitrate))
    encoded = time.perf_counter()
    decoded = network.decode(codes)
    ended = time.perf_counter()
    decoded = type(decoded)(decoded.samples[..., : waveform.samples.shape[-1]], decoded.sample_rate)
    write_audio(target, decoded, {"software": "audiogen"})
    used = codes.tokens.shape[1]
    report = {
        "input": str(source),
        "output": str(target),
        "seconds": round(waveform.seconds, 3),
        "bitrate_kbps": spec.bitrate_kbps * used / spec.codebooks,
        "frame_rate": float(spec.frame_rate),
        "codebooks": used,
        "codebook_size": spec.codebook_size,
        "sample_rate": spec.sample_rate,
        "identity": spec.identity,
        "wall_seconds": {"encode": round(encoded - began, 3), "decode": round(ended - encoded, 3)},
    }
    if as_json:
        print_json(report)
    else:
        say(
            f"{target}: {report['seconds']} s at {report['bitrate_kbps']:g} kbps "
            f"({used} x {spec.codebook_size}, {report['frame_rate']:g} frames a second)"
        )


@app.command("list")
def list_codecs(as_json: Json = False) -> None:
    """List the codecs that `--model` can name."""
    from audiogen.info import describe_codec
    from codec.weights import SHIPPED_NAME, load

    found = [describe_codec(load(), SHIPPED_NAME)]
    if as_json:
        print_json(found)
        return
    for entry in found:
        print("  ".join(f"{name}={value}" for name, value in entry.items()))


def _codebooks(spec: CodecSpec, bitrate: float | None) -> int | None:
    """How many codebooks fit into the bitrate; None for all."""
    if bitrate is None:
        return None
    each = spec.bitrate_kbps / spec.codebooks
    if not each <= bitrate < float("inf"):
        raise ValueError(f"--bitrate {bitrate:g}: this codec has {each:g} ... {spec.bitrate_kbps:g} kbps")
    count = int(bitrate / each + 1e-9)
    return min(count, spec.codebooks)
