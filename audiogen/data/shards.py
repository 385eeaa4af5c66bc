"""Reading shards of codes back: random windows for training the audio LM."""

from __future__ import annotations

import json
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from audiogen.data.build import FORMAT
from symbolic_bridge.frames import STREAM_SIZES

if TYPE_CHECKING:
    from torch import Tensor

    from codec.types import CodecSpec


@dataclass(frozen=True)
class ShardClip:
    """One rendition in a shard; `start` and `frames` count codec frames."""

    shard: int
    start: int
    frames: int
    instrument: str
    accompaniment: str
    style: int
    tempo_bpm: float
    kind: str
    tonic: str
    mode: str
    mood: str | None
    captions: tuple[str, ...]
    source: str
    id: str
    family: str


@dataclass(frozen=True)
class Windows:
    """A batch: `codes` int64 [B, K, S], `frames` int64 [B, streams, S], and clip and start of every row.

    `starts` are counted from the beginning of the clip, so 0 means that the window holds the clip's first frame.
    """

    codes: Tensor
    frames: Tensor
    clips: tuple[ShardClip, ...]
    starts: tuple[int, ...]


class CodeShards:
    """The finished shards of a folder, held in memory (a million frames of 6 codebooks take 32 MB)."""

    def __init__(self, folder: str | Path, identity: str | None = None) -> None:
        """Open a folder.

        Args:
            folder: what `build_dataset` filled.
            identity: the codec's; None takes that of the first shard.

        Raises:
            ValueError: there are no shards, one is damaged, or one belongs to another codec.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load_file

        paths = sorted(Path(folder).glob("shard-*.json"))
        if not paths:
            raise ValueError(
                f"{folder}: no shards of codes (shard-*.json); make some with `audiogen data build`"
            )
        self._codes: list[np.ndarray] = []
        self._frames: list[np.ndarray] = []
        clips: list[ShardClip] = []
        specs: list[CodecSpec] = []
        for number, path in enumerate(paths):
            try:
                index = json.loads(path.read_text("utf-8"))
                specs.append(_check_index(path, index, identity or (specs[0].identity if specs else None)))
                tensors = load_file(path.with_suffix(".safetensors"))
                self._codes.append(tensors["codes"])
                self._frames.append(tensors["frames"])
                clips += [_read_clip(number, record) for record in index["clips"]]
            except (OSError, KeyError, TypeError, SafetensorError, json.JSONDecodeError) as error:
                raise ValueError(f"{path}: damaged shard ({error})") from error
            total = sum(clip.frames for clip in clips if clip.shard == number)
            if not self._codes[-1].shape[1] == self._frames[-1].shape[1] == total:
                raise ValueError(f"{path}: damaged shard (its clips hold {total} frames, its tensors do not)")
        self.spec: CodecSpec = specs[0]
        self.clips: tuple[ShardClip, ...] = tuple(clips)

    @property
    def frame_rate(self) -> Fraction:
        """Frames a second."""
        return self.spec.frame_rate

    @property
    def seconds(self) -> float:
        """Length of all clips together."""
        return float(sum(clip.frames for clip in self.clips) / self.frame_rate)

    def clip_codes(self, clip: ShardClip) -> np.ndarray:
        """A clip's codes, int16 [K, S]."""
        return self._codes[clip.shard][:, clip.start : clip.start + clip.frames]

    def clip_frames(self, clip: ShardClip) -> np.ndarray:
        """A clip's score frames, int16 [streams, S]."""
        return self._frames[clip.shard][:, clip.start : clip.start + clip.frames]

    def windows(self, batch: int, frames: int, rng: np.random.Generator) -> Windows:
        """Random windows, every place of every clip that is long enough being equally likely.

        Args:
            batch: how many, B.
            frames: length of each, S.
            rng: draws clips and places.

        Raises:
            ValueError: no clip is that long, or batch or frames is below 1.
        """
        import torch

        if batch < 1 or frames < 1:
            raise ValueError(f"batch is {batch} and frames {frames}; both must be at least 1")
        places = np.cumsum([max(0, clip.frames - frames + 1) for clip in self.clips])
        if not len(places) or places[-1] == 0:
            raise ValueError(f"no clip is {frames} frames long")
        chosen, starts = [], []
        for place in rng.integers(places[-1], size=batch).tolist():
            index = int(np.searchsorted(places, place, side="right"))
            chosen.append(self.clips[index])
            starts.append(place - (int(places[index - 1]) if index else 0))
        rows = [(clip, slice(start, start + frames)) for clip, start in zip(chosen, starts, strict=True)]
        codes = np.stack([self.clip_codes(clip)[:, row] for clip, row in rows]).astype(np.int64)  # [B, K, S]
        score = np.stack([self.clip_frames(clip)[:, row] for clip, row in rows]).astype(
            np.int64
        )  # [B, streams, S]
        return Windows(torch.from_numpy(codes), torch.from_numpy(score), tuple(chosen), tuple(starts))


def _check_index(path: Path, index: dict[str, Any], identity: str | None) -> CodecSpec:
    from codec.types import CodecSpec

    if index["format"] != FORMAT:
        raise ValueError(f"{path}: shard format {index['format']}; this version reads {FORMAT}")
    if index["streams"] != STREAM_SIZES:
        raise ValueError(f"{path}: score streams {index['streams']}; this version has {STREAM_SIZES}")
    spec = CodecSpec(**index["codec"])
    if identity is not None and spec.identity != identity:
        raise ValueError(f"{path}: codes of codec {spec.identity}; codec {identity} is needed")
    return spec


def _read_clip(shard: int, record: dict[str, Any]) -> ShardClip:
    names = [name for name in ShardClip.__dataclass_fields__ if name not in ("shard", "captions")]
    return ShardClip(
        shard=shard, captions=tuple(record["captions"]), **{name: record[name] for name in names}
    )
