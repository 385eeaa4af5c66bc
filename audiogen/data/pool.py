"""Pools of rendered audio for codec training: int16 shards that can be memory-mapped, with JSON indexes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audiogen.data.clips import ClipMaker, open_fonts
from audiogen.data.files import fingerprint, write_whole

DEFAULT_SHARES: Mapping[str, float] = {
    "tune": 0.58,
    "ensemble": 0.12,
    "notes": 0.20,
    "melody": 0.07,
    "quiet": 0.03,
}
CLIP_SECONDS = (6.0, 12.0)
PEAK = 0.99
# How many clips in a row may be refused before the tunes themselves must be at fault.
REFUSALS_IN_A_ROW = 200


@dataclass(frozen=True)
class PoolReport:
    """Shards written by this call, shards found finished, and how many clips were refused for which reason."""

    written: int
    skipped: int
    rejected: Mapping[str, int]


def build_audio_pool(
    folder: str | Path,
    *,
    tunes: Sequence[str],
    soundfonts: Sequence[str | Path],
    hours: float,
    seed: int,
    sample_rate: int = 24000,
    channels: int = 1,
    shard_seconds: float = 900.0,
    shares: Mapping[str, float] = DEFAULT_SHARES,
    worker: int = 0,
    workers: int = 1,
) -> PoolReport:
    """Render random clips into `shard-NNNNN.npy` (int16 [T] or [T, C], clips end to end) and `shard-NNNNN.json`.

    A shard depends on the seed, its number, the tunes and the fonts alone, so the work can be spread over
    processes, stopped and taken up again; shards with an index are finished and are left alone.

    Args:
        folder: where shards go; made if need be.
        tunes: ABC texts.
        soundfonts: fonts, at least one of them General MIDI.
        hours: length of the whole pool, over all workers.
        seed: of everything random.
        sample_rate: Hz.
        channels: 1, or 2 for stereo.
        shard_seconds: length of a shard.
        shares: share of each kind of clip (keys of `clips.CLIP_KINDS`).
        worker: which of the workers this is; it renders the shards whose number leaves this remainder.
        workers: how many share the work.

    Raises:
        ValueError: an argument is out of range, no tune can be played, or the folder holds another pool.
    """
    if not (hours > 0 and shard_seconds >= CLIP_SECONDS[1] and 0 <= worker < workers):
        raise ValueError(
            f"hours {hours}, shard_seconds {shard_seconds}, worker {worker} of {workers}: hours must be above 0, "
            f"shards at least {CLIP_SECONDS[1]} s, and the worker below the count"
        )
    if channels not in (1, 2):
        raise ValueError(f"channels is {channels}; 1 and 2 are allowed")
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    count = max(1, round(hours * 3600 / shard_seconds))
    mine = range(worker, count, workers)
    names = [Path(font).name for font in soundfonts]
    settings = [seed, sample_rate, shard_seconds, dict(shares), names, list(tunes)]
    # Mono pools have the fingerprint that they had before there were others.
    build = fingerprint(settings if channels == 1 else [*settings, channels])
    todo = [number for number in mine if not _is_finished(folder / f"shard-{number:05d}.json", build)]
    rejected: Counter[str] = Counter()
    if todo:
        renderers = open_fonts(soundfonts, sample_rate, channels)
        maker = ClipMaker(renderers, tunes)
        for number in todo:
            rng = np.random.default_rng([seed, number])
            rejected += _write_shard(folder, number, build, maker, shares, shard_seconds, rng)
        for renderer in renderers:
            renderer.close()
    return PoolReport(len(todo), len(mine) - len(todo), dict(rejected))


def _is_finished(index: Path, build: str) -> bool:
    if not index.exists():
        return False
    if json.loads(index.read_text(encoding="utf-8")).get("build") != build:
        raise ValueError(
            f"{index}: comes from other tunes, fonts or settings; take another folder or delete it"
        )
    return True


def _write_shard(
    folder: Path,
    number: int,
    build: str,
    maker: ClipMaker,
    shares: Mapping[str, float],
    seconds: float,
    rng: np.random.Generator,
) -> Counter[str]:
    kinds = list(shares)
    weights = np.array([shares[kind] for kind in kinds], dtype=np.float64)
    wanted = round(seconds * maker.sample_rate)
    pieces: list[np.ndarray] = []
    index: list[dict[str, object]] = []
    rejected: Counter[str] = Counter()
    total, refused_in_a_row = 0, 0
    while total < wanted:
        kind = kinds[rng.choice(len(kinds), p=weights / weights.sum())]
        try:
            clip = maker.make(kind, float(rng.uniform(*CLIP_SECONDS)), rng)
        except ValueError as error:
            rejected[f"{kind}: {error}"] += 1
            refused_in_a_row += 1
            if refused_in_a_row >= REFUSALS_IN_A_ROW:
                raise
            continue
        refused_in_a_row = 0
        pieces.append(np.round(np.clip(clip.samples.T, -PEAK, PEAK) * 32767).astype(np.int16))
        size = len(pieces[-1])
        index.append(
            {"start": total, "samples": size, "kind": kind, "instrument": clip.instrument, "room": clip.room}
        )
        total += size
    path = folder / f"shard-{number:05d}.npy"
    write_whole(path, lambda part: _save_array(part, np.concatenate(pieces)))
    format_: dict[str, object] = {"build": build, "sample_rate": maker.sample_rate}
    if maker.channels > 1:
        format_["channels"] = maker.channels
    text = json.dumps({**format_, "clips": index, "rejected": dict(rejected)}, indent=1)
    # Written last: a shard with an index is a whole shard.
    write_whole(path.with_suffix(".json"), lambda part: part.write_text(text))
    return rejected


def _save_array(path: Path, array: np.ndarray) -> None:
    with open(path, "wb") as file:
        np.save(file, array, allow_pickle=False)
