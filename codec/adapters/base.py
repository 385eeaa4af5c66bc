"""What every adapter does alike: checks, rate and channels before the network, length after it.

Axes: B batch, C channels, T samples, K codebooks, S frames.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

import torch
import torch.nn.functional as F
from torch import Tensor

from codec.audio_files import resample, with_channels
from codec.types import CodecSpec, Codes, Waveform


class ForeignCodec(ABC):
    """An `AudioCodec` around somebody else's network.

    A sound is coded in one piece, as the libraries do it: memory grows with its length.
    """

    def __init__(self, spec: CodecSpec, device: str) -> None:
        self._spec = spec
        self._device = torch.device(device)

    @property
    def spec(self) -> CodecSpec:
        """Rates, sizes and identity."""
        return self._spec

    @torch.inference_mode()
    def encode(self, waveform: Waveform, codebooks: int | None = None) -> Codes:
        """As `AudioCodec.encode`; each codec's class says how many frames there are.

        Fewer codebooks are the first of all: residual quantisers do not look ahead.

        Raises:
            ValueError: no samples, a sample that is not finite, or `codebooks` out of range.
        """
        wanted = self._spec.codebooks if codebooks is None else codebooks
        if not 1 <= wanted <= self._spec.codebooks:
            raise ValueError(f"codebooks is {codebooks}; 1 to {self._spec.codebooks} are allowed")
        if waveform.samples.shape[-1] == 0:
            raise ValueError("the waveform has no samples")
        if not torch.isfinite(waveform.samples).all():
            raise ValueError("the waveform holds samples that are not finite numbers")
        codes = self._encode(self._fitted(waveform))
        return Codes(codes.tokens[:, :wanted].cpu(), self._spec, codes.scales)

    @torch.inference_mode()
    def decode(self, codes: Codes) -> Waveform:
        """As `AudioCodec.decode`. A network that gives a few samples too few is filled up with zeros.

        Raises:
            ValueError: the codes are of another codec, or lack their scales.
        """
        if codes.spec.identity != self._spec.identity:
            raise ValueError(
                f"codes of codec {codes.spec.identity} cannot be decoded by codec {self._spec.identity}"
            )
        batch, length = codes.tokens.shape[0], codes.length_samples
        if length == 0:
            return Waveform(torch.zeros(batch, self._spec.channels, 0), self._spec.sample_rate)
        samples = self._decode(codes).reshape(batch, self._spec.channels, -1).float().cpu()
        samples = F.pad(samples, (0, length - samples.shape[-1]))  # cuts where the network gives more
        return Waveform(samples, self._spec.sample_rate)

    @abstractmethod
    def _encode(self, samples: Tensor) -> Codes:
        """Samples [B, C, T] of the codec's rate and channels, on its device, to codes of all codebooks."""

    @abstractmethod
    def _decode(self, codes: Codes) -> Tensor:
        """Codes of at least one frame to samples [B, C, T], or [B, T] if there is one channel."""

    def _fitted(self, waveform: Waveform) -> Tensor:
        """[B, C, T] in the codec's rate and channels; what fits neither directly goes through mono."""
        if waveform.samples.shape[1] != self._spec.channels:
            waveform = with_channels(with_channels(waveform, 1), self._spec.channels)
        return resample(waveform, self._spec.sample_rate).samples.float().to(self._device)
