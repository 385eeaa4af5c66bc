"""What every codec offers, audiogen's own and others': all that a player, a container or an evaluation may rely on.

Axes: B batch, C channels, T samples, K codebooks, S frames.
"""

from __future__ import annotations

from typing import Protocol

from codec.types import CodecSpec, Codes, Waveform


class AudioCodec(Protocol):
    """A codec: sound to codes and back. `codec.load` returns one."""

    @property
    def spec(self) -> CodecSpec:
        """Rates, sizes and identity."""
        ...

    def encode(self, waveform: Waveform, codebooks: int | None = None) -> Codes:
        """Code a sound of any rate and channel count.

        Args:
            waveform: samples [B, C, T]; it is resampled, and mixed to the channels of the spec.
            codebooks: how many of the codebooks to use, all by default; fewer is a lower bitrate.

        Returns:
            tokens [B, K, S] with K = codebooks, and enough frames to cover the sound.

        Raises:
            ValueError: no samples, or `codebooks` out of range.
        """
        ...

    def decode(self, codes: Codes) -> Waveform:
        """The sound of codes: samples [B, C, T] at the spec's rate, T = codes.length_samples.

        Raises:
            ValueError: the codes are of another codec.
        """
        ...
