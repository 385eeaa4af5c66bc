"""Codecs that cannot code in a stream, as stages of one: they gather all there is and answer at the end.

Axes: B sounds side by side, C channels, T samples, K codebooks, S frames.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from codec.interface import AudioCodec
from codec.types import Codes, Waveform

# The networks of other codecs keep about a megabyte for a second of sound, and more inside.
MAX_SECONDS = 600


class WholeEncoder:
    """Samples [B, C, T] in, codes [B, K, S] out, all at the end; then `scales` [B, N] are those of the codes."""

    def __init__(self, codec: AudioCodec, codebooks: int, batch: int) -> None:
        self.scales: Tensor | None = None
        self._codec, self._codebooks, self._batch = codec, codebooks, batch
        self._chunks: list[Tensor] = []
        self._seconds = 0.0

    def push(self, samples: Tensor) -> Tensor:
        """Keep the samples; no codes yet.

        Raises:
            ValueError: the sound is longer than such a codec is given.
        """
        self._seconds += samples.shape[-1] / self._codec.spec.sample_rate
        if self._seconds > MAX_SECONDS:
            raise ValueError(
                f"this codec cannot code in a stream and is given at most {MAX_SECONDS} s of sound"
            )
        self._chunks.append(samples.clone())
        return torch.zeros(self._batch, self._codebooks, 0, dtype=torch.int64)

    def finish(self) -> Tensor:
        """The codes of it all."""
        whole = Waveform(torch.cat(self._chunks, dim=-1), self._codec.spec.sample_rate)
        codes = self._codec.encode(whole, self._codebooks)
        self.scales = codes.scales
        return codes.tokens.cpu()


class WholeDecoder:
    """Codes [B, K, S] in, samples [B, C, T] out, all at the end, when `scales` is asked for those of the codes."""

    def __init__(self, codec: AudioCodec, batch: int, scales: Callable[[], np.ndarray | None]) -> None:
        self._codec, self._batch, self._scales = codec, batch, scales
        self._chunks: list[Tensor] = []
        self._seconds = 0.0

    def push(self, tokens: Tensor) -> Tensor:
        """Keep the codes; no samples yet.

        Raises:
            ValueError: there are more than such a codec is given.
        """
        spec = self._codec.spec
        self._seconds += float(tokens.shape[-1] / spec.frame_rate)
        if self._seconds > 1.02 * MAX_SECONDS:  # segments overlap, and the last frame is filled up
            raise ValueError(
                f"this codec cannot decode in a stream and is given at most {MAX_SECONDS} s of codes"
            )
        self._chunks.append(tokens)
        return torch.zeros(self._batch, spec.channels, 0)

    def finish(self) -> Tensor:
        """The sound of it all."""
        if not self._chunks:
            return torch.zeros(self._batch, self._codec.spec.channels, 0)
        scales = self._scales()
        codes = Codes(
            torch.cat(self._chunks, dim=-1),
            self._codec.spec,
            None if scales is None else torch.from_numpy(scales),
        )
        return self._codec.decode(codes).samples.cpu()
