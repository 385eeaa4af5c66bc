"""The two boxes of the audio side, and what describes them.

Axes: B batch, C channels, T samples, K codebooks, S frames.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict, dataclass
from fractions import Fraction
from math import log2
from pathlib import Path

import numpy as np
import torch
from torch import Tensor


class CheckpointError(ValueError):
    """A folder or file of weights or codes that is missing, damaged or of another version."""


@dataclass(frozen=True)
class CodecSpec:
    """What two programs must agree on to exchange codes.

    `frame_rate` is defined here once, exactly; every other module takes it from here.
    `identity` is the hash of encoder and quantiser: codes of one identity mean the same sound.
    `overlap_samples` is what each segment of a sound shares with the next, for codecs that code in segments.
    """

    sample_rate: int
    hop_samples: int
    channels: int
    codebooks: int
    codebook_size: int
    identity: str
    overlap_samples: int = 0

    def __post_init__(self) -> None:
        if self.overlap_samples < 0:
            raise ValueError(f"overlap_samples is {self.overlap_samples}; it must be at least 0")
        for name in ("sample_rate", "hop_samples", "channels", "codebooks", "codebook_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}; it must be at least 1")

    @property
    def frame_rate(self) -> Fraction:
        """Frames per second."""
        return Fraction(self.sample_rate, self.hop_samples)

    @property
    def bitrate_kbps(self) -> float:
        """Bits per second of raw codes with all codebooks, in thousands."""
        return float(self.frame_rate) * self.codebooks * log2(self.codebook_size) / 1000


@dataclass(frozen=True)
class Waveform:
    """Sound: `samples` is float32 [B, C, T], nominally within -1 ... 1, at `sample_rate` Hz."""

    samples: Tensor
    sample_rate: int

    def __post_init__(self) -> None:
        if self.samples.ndim != 3:
            raise ValueError(f"samples has shape {tuple(self.samples.shape)}; it must be [B, C, T]")
        if self.sample_rate < 1:
            raise ValueError(f"sample_rate is {self.sample_rate}; it must be at least 1 Hz")

    @property
    def seconds(self) -> float:
        """Length of the sound."""
        return self.samples.shape[-1] / self.sample_rate


@dataclass(frozen=True)
class Codes:
    """Discrete audio: `tokens` is int64 [B, K, S], each in 0 ... codebook_size - 1.

    K may be less than the spec's codebooks: a lower bitrate of the same codec.
    `scales` is float32 [B, N], the loudness of each of N segments, for codecs that code in segments; else None.
    """

    tokens: Tensor
    spec: CodecSpec
    scales: Tensor | None = None

    def __post_init__(self) -> None:
        if self.tokens.ndim != 3:
            raise ValueError(f"tokens has shape {tuple(self.tokens.shape)}; it must be [B, K, S]")
        if not 1 <= self.tokens.shape[1] <= self.spec.codebooks:
            raise ValueError(
                f"tokens has {self.tokens.shape[1]} codebooks; 1 to {self.spec.codebooks} are allowed"
            )
        if self.tokens.numel() and not (
            int(self.tokens.min()) >= 0 and int(self.tokens.max()) < self.spec.codebook_size
        ):
            raise ValueError(
                f"tokens range over {int(self.tokens.min())} ... {int(self.tokens.max())}; "
                f"0 ... {self.spec.codebook_size - 1} are allowed"
            )
        if self.scales is not None and (self.scales.ndim != 2 or len(self.scales) != len(self.tokens)):
            raise ValueError(
                f"scales has shape {tuple(self.scales.shape)}; it must be [B, N] with B = {len(self.tokens)}"
            )

    @property
    def length_samples(self) -> int:
        """Samples of the decoded sound, at the codec's rate: all frames, less what segments share."""
        shared = 0 if self.scales is None else (self.scales.shape[1] - 1) * self.spec.overlap_samples
        return self.tokens.shape[-1] * self.spec.hop_samples - shared

    @property
    def seconds(self) -> float:
        """Length of the sound the codes stand for."""
        return self.length_samples / self.spec.sample_rate

    def save(self, path: str | Path) -> None:
        """Write an `.npz` that any NumPy can open: `tokens` int16 or int32, `spec` as JSON text, `scales` if any."""
        dtype = np.int16 if self.spec.codebook_size <= 2**15 else np.int32
        arrays = {
            "tokens": self.tokens.cpu().numpy().astype(dtype),
            "spec": np.array(json.dumps(asdict(self.spec))),
        }
        if self.scales is not None:
            arrays["scales"] = self.scales.cpu().numpy().astype(np.float32)
        with open(path, "wb") as file:
            np.savez_compressed(file, **arrays)

    @classmethod
    def load(cls, path: str | Path) -> Codes:
        """Read what `save` wrote.

        Raises:
            CheckpointError: the file is missing, damaged or not of this format.
        """
        try:
            # The file is opened here because np.load leaves it open when it is damaged.
            with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
                tokens = torch.from_numpy(arrays["tokens"].astype(np.int64))
                scales = torch.from_numpy(arrays["scales"]) if "scales" in arrays.files else None
                return cls(tokens, CodecSpec(**json.loads(str(arrays["spec"]))), scales)
        except (OSError, KeyError, ValueError, TypeError, EOFError, zipfile.BadZipFile) as error:
            raise CheckpointError(f"{path}: not a readable file of codes ({error})") from error
