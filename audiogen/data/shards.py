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
    import torch
    from torch import Tensor

    from codec.types import CodecSpec

BEGINNING_SHARE = 0.1  # of windows that start where their clip does, as every performance will


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
    """A batch of windows: `codes` int64 [B, K, lead_in + S], `frames` int64 [B, streams, look_back + S + look_ahead].

    Before a clip's first frame and after its last, codes are `codebook_size` and score frames 0. `starts` are counted
    from the beginning of each row's clip. `excerpts` int64 [B, K, E] are of the same clips, elsewhere.
    """

    codes: Tensor
    frames: Tensor
    excerpts: Tensor
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
        styles: set[tuple[str, ...]] = set()
        for number, path in enumerate(paths):
            try:
                index = json.loads(path.read_text("utf-8"))
                specs.append(_check_index(path, index, identity or (specs[0].identity if specs else None)))
                styles.add(tuple(index["styles"]))
                tensors = load_file(path.with_suffix(".safetensors"))
                self._codes.append(tensors["codes"])
                self._frames.append(tensors["frames"])
                clips += [_read_clip(number, record) for record in index["clips"]]
            except (OSError, KeyError, TypeError, SafetensorError, json.JSONDecodeError) as error:
                raise ValueError(f"{path}: damaged shard ({error})") from error
            total = sum(clip.frames for clip in clips if clip.shard == number)
            if not self._codes[-1].shape[1] == self._frames[-1].shape[1] == total:
                raise ValueError(f"{path}: damaged shard (its clips hold {total} frames, its tensors do not)")
        if not clips:
            raise ValueError(f"{folder}: the shards hold no clip; see the reasons in its report.json")
        if len(styles) > 1:
            raise ValueError(f"{folder}: its shards differ in their styles: {sorted(styles)}")
        self.spec: CodecSpec = specs[0]
        self.styles: tuple[str, ...] = styles.pop()
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

    def windows(
        self,
        batch: int,
        frames: int,
        generator: torch.Generator,
        *,
        lead_in: int = 0,
        look_ahead: int = 0,
        look_back: int = 0,
        before: int = 0,
        excerpt: int = 0,
    ) -> Windows:
        """Random windows, every clip being as likely as it is long, a tenth of them at a clip's beginning.

        Args:
            batch: how many, B.
            frames: length of each, S.
            generator: draws clips and places.
            lead_in: frames of codes before each window.
            look_ahead, look_back: frames of score after and before each window.
            before: half the windows at a clip's beginning begin so many frames before it.
            excerpt: frames of each excerpt, E.

        Raises:
            ValueError: batch or frames is below 1.
        """
        import torch

        if batch < 1 or frames < 1:
            raise ValueError(f"batch is {batch} and frames {frames}; both must be at least 1")
        ends = np.cumsum([clip.frames for clip in self.clips])
        picks = torch.randint(int(ends[-1]), (batch,), generator=generator).tolist()
        chosen = [self.clips[int(np.searchsorted(ends, pick, side="right"))] for pick in picks]
        shares = torch.rand(batch, 3, generator=generator).tolist()
        starts = [
            (-before if place < 0.5 else 0) if first < BEGINNING_SHARE
            else int(place * max(1, clip.frames - frames + 1))
            for (first, place, _), clip in zip(shares, chosen, strict=True)
        ]  # fmt: skip
        rows = list(zip(chosen, starts, strict=True))
        nothing = self.spec.codebook_size
        codes = [
            _cut(self.clip_codes(clip), start - lead_in, start + frames, nothing) for clip, start in rows
        ]
        score = [
            _cut(self.clip_frames(clip), start - look_back, start + frames + look_ahead, 0)
            for clip, start in rows
        ]
        excerpts = []
        for clip, (_, _, place) in zip(chosen, shares, strict=True):
            start = int(place * max(1, clip.frames - excerpt + 1))
            excerpts.append(_cut(self.clip_codes(clip), start, start + excerpt, nothing))
        codes, score, excerpts = (torch.from_numpy(np.stack(cuts)) for cuts in (codes, score, excerpts))
        return Windows(codes, score, excerpts, tuple(chosen), tuple(starts))


def _cut(rows: np.ndarray, start: int, stop: int, fill: int) -> np.ndarray:
    """Columns start ... stop - 1 as int64, `fill` where there are none."""
    cut = np.full((len(rows), stop - start), fill, np.int64)
    low, high = max(start, 0), min(stop, rows.shape[1])
    cut[:, low - start : high - start] = rows[:, low:high]
    return cut


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
