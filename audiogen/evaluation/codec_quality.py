"""How near the codec's sound is to the original, at which bitrate and speed, beside Opus and the untouched sound."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from audiogen.evaluation.clips import TestClip
from audiogen.evaluation.opus import Coded, opus_round_trip
from audiogen.evaluation.perceptual import Visqol
from audiogen.evaluation.ratios import ratio
from codec.metrics import log_mel_distance, pack_codes, stft_distance
from codec.model import Codec
from codec.types import Waveform

Progress = Callable[[str, float], None]
Coder = Callable[[Waveform], Coded]
UNTOUCHED = "untouched"
OPUS_KBPS = (6.0, 12.0, 16.0)
# What is averaged over clips, and what is divided only after adding up.
FIGURES = ("log_mel", "stft", "visqol")


def measure_codec(
    network: Codec,
    clips: Iterable[TestClip],
    *,
    total: int,
    opus_kbps: Iterable[float] = OPUS_KBPS,
    with_visqol: bool = True,
    every_count: bool = True,
    progress: Progress = lambda stage, done: None,
) -> dict[str, object]:
    """Send clips through each coder and compare with the original.

    Args:
        network: our codec.
        clips: sounds at its rate.
        total: about how many clips there are, for the progress.
        opus_kbps: nominal bitrates of Opus.
        with_visqol: score with ViSQOL too (all codebooks, Opus and the untouched sound; it takes seconds a clip).
        every_count: also measure every smaller number of codebooks, without ViSQOL.
        progress: told how much is done.

    Returns:
        JSON values: `by_coder` with mean figures, `kbps` (bytes of all coded files over their duration) and real-time
        factors; `by_group` the same by group of clips; `clips` with each one's figures.

    Raises:
        ValueError: there are no clips, or a tool is missing.
    """
    coders = _coders(network, opus_kbps, every_count)
    judge = Visqol() if with_visqol else None
    ours = _name(network.spec.codebooks, network.spec.codebooks)
    rows: list[dict[str, object]] = []
    names: list[tuple[str, str]] = []
    for number, clip in enumerate(clips):
        for name, coder in coders.items():
            coded = coder(clip.waveform)
            scored = judge is not None and (name in (ours, UNTOUCHED) or name.startswith("opus"))
            rows.append(
                {
                    "clip": clip.name,
                    "group": clip.group,
                    "coder": name,
                    "seconds": round(clip.waveform.seconds, 4),
                    "bytes": coded.size_bytes,
                    "log_mel": log_mel_distance(coded.waveform, clip.waveform),
                    "stft": stft_distance(coded.waveform, clip.waveform),
                    "visqol": judge.score(coded.waveform, clip.waveform)
                    if judge is not None and scored
                    else None,
                    "encode_seconds": round(coded.encode_seconds, 4),
                    "decode_seconds": round(coded.decode_seconds, 4),
                }
            )
        names.append((clip.group, clip.name))
        progress("codec", min(1.0, (number + 1) / max(1, total)))
    if not rows:
        raise ValueError("there are no clips to measure the codec on")
    groups = dict.fromkeys(group for group, _ in names)
    return {
        "figure": "codec",
        "codec": network.spec.identity,
        "clip_count": len(names),
        "bitrate_counts": "all bytes of the written file (ours: codes packed at their bits and 14 bytes of header)",
        "by_coder": _by_coder(rows, coders),
        "by_group": {
            group: _by_coder([row for row in rows if row["group"] == group], coders) for group in groups
        },
        "clips": rows,
    }


def _name(codebooks: int, most: int) -> str:
    return "codec" if codebooks == most else f"codec, {codebooks} codebooks"


def _coders(network: Codec, opus_kbps: Iterable[float], every_count: bool) -> dict[str, Coder]:
    most = network.spec.codebooks
    counts = range(most, 0, -1) if every_count else (most,)
    ours: dict[str, Coder] = {
        _name(k, most): lambda sound, k=k: _through_codec(network, sound, k) for k in counts
    }
    opus: dict[str, Coder] = {
        f"opus {kbps:g}": lambda sound, kbps=kbps: opus_round_trip(sound, kbps) for kbps in opus_kbps
    }
    return {**ours, **opus, UNTOUCHED: _untouched}


def _through_codec(network: Codec, sound: Waveform, codebooks: int) -> Coded:
    """Through a file of packed codes, whose bytes are counted on disk."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sound.codes"
        began = time.perf_counter()
        codes = network.encode(sound, codebooks)
        encoded = time.perf_counter()
        path.write_bytes(pack_codes(codes))
        size = path.stat().st_size
    started = time.perf_counter()
    back = network.decode(codes)
    ended = time.perf_counter()
    cut = Waveform(back.samples[..., : sound.samples.shape[-1]], back.sample_rate)
    return Coded(cut, size, encoded - began, ended - started)


def _untouched(sound: Waveform) -> Coded:
    """As 16-bit samples."""
    return Coded(sound, 2 * sound.samples.shape[-1], 0.0, 0.0)


def _by_coder(rows: list[dict[str, object]], coders: Iterable[str]) -> dict[str, Mapping[str, object]]:
    return {name: _means([row for row in rows if row["coder"] == name]) for name in coders}


def _means(rows: list[dict[str, object]]) -> dict[str, object]:
    seconds = _column(rows, "seconds").sum()
    found: dict[str, object] = {}
    for figure in FIGURES:
        values = _column(rows, figure)
        found[figure] = round(float(values.mean()), 5) if len(values) else None
    return {
        **found,
        "kbps": ratio(8 * _column(rows, "bytes").sum() / 1000, seconds),
        "encode_times_real_time": ratio(seconds, _column(rows, "encode_seconds").sum()),
        "decode_times_real_time": ratio(seconds, _column(rows, "decode_seconds").sum()),
    }


def _column(rows: list[dict[str, object]], name: str) -> np.ndarray:
    return np.array([row[name] for row in rows if row[name] is not None], float)
