"""How near the codec's sound is to the original, at which bitrate and speed, beside Opus and other codecs.

All sounds are coded first, one after another, so that nothing disturbs the times; they wait in a folder until
processes of their own compare them with the originals.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from audiogen.evaluation.clips import TestClip
from audiogen.evaluation.codec_pictures import draw_pictures
from audiogen.evaluation.coded_clips import CodedClip, code_clips
from audiogen.evaluation.coders import (
    OPUS_KBPS,
    OUR_KBPS,
    OURS,
    Coder,
    codec_coders,
    opus_coders,
    untouched,
    usual_counts,
)
from audiogen.evaluation.judging import FIGURES, judge
from audiogen.evaluation.perceptual import require_visqol
from audiogen.evaluation.pictures import new_figure
from audiogen.evaluation.ratios import ratio
from audiogen.evaluation.targets import check_targets
from audiogen.evaluation.workers import in_processes
from audiogen.progress import Progress
from codec.interface import AudioCodec

BITRATE_COUNTS = "all bytes of the written file over the length of the sound"


@dataclass(frozen=True)
class QualitySettings:
    """What to compare.

    `codebooks`: numbers of ours, most first; empty for all of them. `our_kbps`: bitrates that ours is to stay within.
    `others`: other codecs by their names. `opus_kbps`: nominal bitrates of Opus. `visqol`: score with ViSQOL too, which
    takes most of the time. `workers`: processes that compare. `pictures`: folder for PNG files, spectrograms of the
    first `picture_count` clips of each group and one plot of quality against bitrate.
    """

    codebooks: tuple[int, ...] = ()
    our_kbps: tuple[float, ...] = OUR_KBPS
    others: Mapping[str, AudioCodec] = field(default_factory=dict)
    opus_kbps: tuple[float, ...] = OPUS_KBPS
    visqol: bool = True
    workers: int = 1
    pictures: Path | None = None
    picture_count: int = 2


def measure_codec(
    network: AudioCodec,
    clips: Iterable[TestClip],
    *,
    total: int,
    settings: QualitySettings | None = None,
    progress: Progress = lambda stage, done: None,
) -> dict[str, object]:
    """Send clips through each coder and compare with the original.

    Args:
        network: our codec.
        clips: sounds of one rate and number of channels.
        total: about how many clips there are, for the progress.
        settings: what to compare; the defaults of `QualitySettings` where None.
        progress: told how much is done.

    Returns:
        JSON values: `by_coder` with mean figures, `kbps` and real-time factors; `by_group` the same by group of clips;
        `groups` with what each group is; `targets`; `clips` with each one's figures.

    Raises:
        ValueError: there are no clips, a codec refuses a number of codebooks, or a tool is missing.
    """
    settings = settings or QualitySettings()
    if settings.visqol:
        require_visqol()
    if settings.pictures is not None:
        # A missing package is told before the work rather than after.
        new_figure(1, 1)
    coders = _coders(network, settings)
    with tempfile.TemporaryDirectory() as folder:
        coded = code_clips(
            clips,
            coders,
            Path(folder),
            settings.visqol,
            lambda n: progress("code", min(1.0, n / max(1, total))),
        )
        if not coded:
            raise ValueError("there are no clips to measure the codec on")
        judged = in_processes(
            judge, [each.job for each in coded], settings.workers, lambda n: progress("judge", n / len(coded))
        )
        for each, found in zip(coded, judged, strict=True):
            for row, figures in zip(each.rows, found, strict=True):
                row.update(figures)
        result = _result(network, coded, coders)
        if settings.pictures is not None:
            draw_pictures(settings.pictures, result, coders, coded, settings.picture_count)
    return result


def _coders(network: AudioCodec, settings: QualitySettings) -> list[Coder]:
    counts = settings.codebooks or tuple(range(network.spec.codebooks, 0, -1))
    others = [
        coder
        for name, other in settings.others.items()
        for coder in codec_coders(name, other, usual_counts(other.spec))
    ]
    return [
        *codec_coders(OURS, network, sorted(set(counts), reverse=True), settings.our_kbps),
        *others,
        *opus_coders(settings.opus_kbps),
        untouched(),
    ]


def _result(network: AudioCodec, coded: Sequence[CodedClip], coders: list[Coder]) -> dict[str, Any]:
    rows = [row for each in coded for row in each.rows]
    groups: dict[str, list[CodedClip]] = {}
    for each in coded:
        groups.setdefault(each.group, []).append(each)
    by_group = {group: _by_coder([row for row in rows if row["group"] == group], coders) for group in groups}
    return {
        "figure": "codec",
        "codec": network.spec.identity,
        "clip_count": len(coded),
        "sample_rate": coded[0].job.sample_rate,
        "bitrate_counts": BITRATE_COUNTS,
        "groups": {group: _describe(clips) for group, clips in groups.items()},
        "targets": check_targets({group: clips[0].kind for group, clips in groups.items()}, by_group, coders),
        "by_coder": _by_coder(rows, coders),
        "by_group": by_group,
        "clips": rows,
    }


def _describe(clips: Sequence[CodedClip]) -> dict[str, object]:
    """What a group is; `lossy_source_clips` came from files that were already coded with losses."""
    return {
        "kind": clips[0].kind,
        "clips": len(clips),
        "seconds": round(sum(clip.seconds for clip in clips), 3),
        "lossy_source_clips": sum(clip.lossy_source for clip in clips),
    }


def _by_coder(rows: Sequence[dict[str, Any]], coders: Iterable[Coder]) -> dict[str, dict[str, float | None]]:
    return {coder.name: _means([row for row in rows if row["coder"] == coder.name]) for coder in coders}


def _means(rows: Sequence[dict[str, Any]]) -> dict[str, float | None]:
    """Figures are averaged over clips; bitrates and speeds are divided only after adding up."""
    seconds = _column(rows, "seconds").sum()
    found: dict[str, float | None] = {}
    for figure in FIGURES:
        values = _column(rows, figure)
        found[figure] = round(float(values.mean()), 5) if len(values) else None
    return {
        **found,
        "kbps": ratio(8 * _column(rows, "bytes").sum() / 1000, seconds),
        "encode_times_real_time": ratio(seconds, _column(rows, "encode_seconds").sum()),
        "decode_times_real_time": ratio(seconds, _column(rows, "decode_seconds").sum()),
    }


def _column(rows: Sequence[dict[str, Any]], name: str) -> np.ndarray:
    return np.array([row[name] for row in rows if row[name] is not None], float)
