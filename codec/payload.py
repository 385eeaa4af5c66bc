"""How a block of codes becomes bytes: a small interface, and its first coding, plain bits.

A container names its coding by number. Every block stands alone, whatever came before it. Axes: K codebooks, S frames.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np

PLAIN_BITS, ENTROPY_CODED = 0, 1


class PayloadCoder(Protocol):
    """Codes of one sound to bytes and back, block by block."""

    def encode(self, codes: np.ndarray) -> bytes:
        """The bytes of a block of codes, int [K, S]."""
        ...

    def decode(self, payload: bytes, codebooks: int, frames: int) -> np.ndarray:
        """The codes int64 [K, S] of a block.

        Raises:
            ValueError: no encoder writes such bytes.
        """
        ...

    def longest(self, codebooks: int, frames: int) -> int:
        """Bytes that such a block has at most: a reader refuses more before it reads them."""
        ...


class PlainBits:
    """Every code in the same number of bits: frame by frame, coarsest codebook first, highest bit first."""

    def __init__(self, codebook_size: int) -> None:
        self.bits = (codebook_size - 1).bit_length()

    def encode(self, codes: np.ndarray) -> bytes:
        """The bytes of a block of codes, int [K, S]; the last byte is filled up with zeros."""
        shifts = np.arange(self.bits)[::-1]
        bits = (codes.T[..., None] >> shifts) & 1  # [S, K, bits]
        return np.packbits(bits.astype(np.uint8)).tobytes()

    def decode(self, payload: bytes, codebooks: int, frames: int) -> np.ndarray:
        """The codes int64 [K, S]; ValueError unless the payload has exactly the length they need."""
        needed = self.longest(codebooks, frames)
        if len(payload) != needed:
            raise ValueError(f"{len(payload)} bytes of codes; {frames} frames need {needed}")
        bits = np.unpackbits(np.frombuffer(payload, np.uint8), count=frames * codebooks * self.bits)
        weights = 1 << np.arange(self.bits, dtype=np.int64)[::-1]
        return (bits.reshape(frames, codebooks, self.bits) @ weights).T  # [K, S]

    def longest(self, codebooks: int, frames: int) -> int:
        """Bytes of a block of so many frames."""
        return -(-frames * codebooks * self.bits // 8)


# Makes a coder from the size of a codebook.
MakeCoder = Callable[[int], PayloadCoder]
# What a container's coding number stands for. A coder that needs more than that, such as a codec's own weights, is
# given to the container by whoever opens it: `CODINGS | {1: ...}`.
CODINGS: Mapping[int, MakeCoder] = {PLAIN_BITS: PlainBits}
