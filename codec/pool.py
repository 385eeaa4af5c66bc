"""A pool of training sound: folders of int16 shards, opened without reading them into memory.

A shard is `shard-NNNNN.npy`, [T] or of two channels [T, C], clips one after another, with `shard-NNNNN.json` saying
where each clip starts.
`audiogen train codec` renders such pools.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor


@dataclass(frozen=True)
class Clip:
    """One clip of a shard, in samples."""

    shard: int
    start: int
    samples: int


class AudioPool:
    """Random crops of the clips in a folder.

    Raises:
        ValueError: the folder holds no shards, or shards of another sample rate or channel count.
    """

    def __init__(self, folder: Path, sample_rate: int, channels: int = 1) -> None:
        self.channels = channels
        indexes = sorted(folder.glob("shard-*.json"))
        if not indexes:
            raise ValueError(f"{folder}: no shard-*.json; `audiogen train codec` renders such a pool")
        self.shards: list[np.ndarray] = []
        self.clips: list[Clip] = []
        for number, index in enumerate(indexes):
            description = json.loads(index.read_text(encoding="utf-8"))
            if description["sample_rate"] != sample_rate:
                raise ValueError(
                    f"{index}: {description['sample_rate']} Hz; this codec takes {sample_rate} Hz"
                )
            found = description.get("channels", 1)
            if found != channels:
                raise ValueError(f"{index}: channels is {found}; this codec takes {channels}")
            self.shards.append(np.load(index.with_suffix(".npy"), mmap_mode="r", allow_pickle=False))
            self.clips += [Clip(number, clip["start"], clip["samples"]) for clip in description["clips"]]
        self._ends = np.cumsum([clip.samples for clip in self.clips])

    @property
    def samples(self) -> int:
        """Length of the whole pool."""
        return int(self._ends[-1])

    def crops(self, count: int, samples: int, generator: torch.Generator) -> Tensor:
        """`count` random crops, float32 [B, T], or [B, C, T] of two channels.

        A clip shorter than a crop is followed by silence.
        """
        batch = (
            torch.zeros(count, samples) if self.channels == 1 else torch.zeros(count, self.channels, samples)
        )
        places = torch.randint(self.samples, (count,), generator=generator)
        for row, place in enumerate(places.tolist()):
            clip = self.clips[int(np.searchsorted(self._ends, place, side="right"))]
            slack = max(clip.samples - samples, 0)
            offset = int(torch.randint(slack + 1, (), generator=generator))
            taken = min(samples, clip.samples)
            start = clip.start + offset
            sound = np.asarray(self.shards[clip.shard][start : start + taken], dtype=np.float32) / 32768
            batch[row, ..., :taken] = torch.from_numpy(sound.T)
        return batch
