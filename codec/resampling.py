"""Changing the sample rate chunk by chunk, in memory that depends neither on the length nor on the two rates.

torchaudio's resampler keeps one filter for every phase of the rates' common period: for 44,101 -> 24,000 Hz, which have
no common divisor, these are gigabytes. SoX's resampler interpolates its filter instead, and does not delay the sound.

Axes: C channels, T samples.
"""

from __future__ import annotations

import numpy as np
import soxr
import torch
from torch import Tensor

LOWEST_HZ, HIGHEST_HZ = 1_000, 384_000


class StreamResampler:
    """Samples at one rate in, the same sound at another rate out: T samples become ceil(T * to_rate / from_rate).

    What comes out does not depend on the chunks that went in.
    """

    def __init__(self, from_rate_hz: int, to_rate_hz: int, channels: int) -> None:
        """Start a sound.

        Args:
            from_rate_hz: of the samples that go in.
            to_rate_hz: of those that come out.
            channels: C of both.

        Raises:
            ValueError: a rate outside LOWEST_HZ ... HIGHEST_HZ, or no channels.
        """
        for name, rate in (("from_rate_hz", from_rate_hz), ("to_rate_hz", to_rate_hz)):
            if not LOWEST_HZ <= rate <= HIGHEST_HZ:
                raise ValueError(f"{name} is {rate}; {LOWEST_HZ} to {HIGHEST_HZ} are allowed")
        if channels < 1:
            raise ValueError(f"channels is {channels}; it must be at least 1")
        self._from, self._to, self._channels = from_rate_hz, to_rate_hz, channels
        self._taken_samples = self._given_samples = 0
        self._finished = False
        self._soxr = None
        if from_rate_hz != to_rate_hz:
            self._soxr = soxr.ResampleStream(from_rate_hz, to_rate_hz, channels, dtype="float32")

    def push(self, samples: Tensor | np.ndarray) -> Tensor:
        """Take samples [C, T], T possibly 0, and give those float32 [C, T'] that they settle.

        Raises:
            ValueError: another channel count, a sample that is not finite, or a finished stream. The stream stays as
                it was.
        """
        self._refuse_finished()
        chunk = self._checked(samples)
        self._taken_samples += chunk.shape[1]
        return self._given(self._through(chunk, last=False))

    def finish(self) -> Tensor:
        """End the sound: the remaining samples [C, T'].

        Raises:
            ValueError: the stream is finished already.
        """
        self._refuse_finished()
        self._finished = True
        # SoX rounds the length to the nearest; a little silence makes sure that it does not come out one short.
        silence = np.zeros((self._channels, 2 * -(-self._from // self._to)), np.float32)
        rest = self._through(silence, last=True)
        total = -(-self._taken_samples * self._to // self._from)
        return self._given(rest[:, : total - self._given_samples])

    def _through(self, chunk: np.ndarray, last: bool) -> np.ndarray:
        """[C, T] -> [C, T']."""
        if self._soxr is None:
            return chunk
        return self._soxr.resample_chunk(np.ascontiguousarray(chunk.T), last).T

    def _given(self, chunk: np.ndarray) -> Tensor:
        self._given_samples += chunk.shape[1]
        return torch.from_numpy(np.array(chunk, order="C"))

    def _refuse_finished(self) -> None:
        if self._finished:
            raise ValueError("the stream is finished; another sound needs a new stream")

    def _checked(self, samples: Tensor | np.ndarray) -> np.ndarray:
        array = samples.detach().cpu().numpy() if isinstance(samples, Tensor) else np.asarray(samples)
        if array.ndim != 2 or len(array) != self._channels:
            raise ValueError(f"samples have shape {array.shape}; ({self._channels}, T) is needed")
        if not np.issubdtype(array.dtype, np.floating):
            raise ValueError(f"samples are {array.dtype}; floating point numbers are needed")
        with np.errstate(over="ignore"):  # what overflows is refused below
            array = array.astype(np.float32)
        finite = np.isfinite(array)
        if not finite.all():
            channel, place = np.argwhere(~finite)[0].tolist()
            raise ValueError(
                f"sample {place} of this chunk (channel {channel}) is {array[channel, place]}; samples must be finite"
            )
        return array
