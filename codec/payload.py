"""How a block of codes becomes bytes: a small interface, and its first coding, plain bits.

A container names its coding by number and makes one coder for every sound in it, so that a coder may keep state
from block to block. Axes: K codebooks, S frames.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

import numpy as np

PLAIN_BITS = 0


class PayloadCoder(Protocol):
    """Codes of one sound to bytes and back, block by block in order."""

    def encode(self, codes: np.ndarray) -> bytes:
        """The bytes of a block of codes, int [K, S]."""
        ...

    def decode(self, payload: bytes, frames: int) -> np.ndarray:
        """The codes int64 [K, S] of a block of `frames` frames.

        Raises:
            ValueError: no encoder writes such bytes.
        """
        ...

    def longest(self, frames: int) -> int:
        """Bytes that a block of so many frames has at most: a reader refuses more before it reads them."""
        ...


class PlainBits:
    """Every code in the same number of bits: frame by frame, coarsest codebook first, highest bit first."""

    def __init__(self, codebooks: int, codebook_size: int) -> None:
        self.codebooks = codebooks
        self.bits = (codebook_size - 1).bit_length()

    def encode(self, codes: np.ndarray) -> bytes:
        """The bytes of a block of codes, int [K, S]; the last byte is filled up with zeros."""
        shifts = np.arange(self.bits)[::-1]
        bits = (codes.T[..., None] >> shifts) & 1  # [S, K, bits]
        return np.packbits(bits.astype(np.uint8)).tobytes()

    def decode(self, payload: bytes, frames: int) -> np.ndarray:
        """The codes int64 [K, S]; ValueError unless the payload has exactly the length they need."""
        if len(payload) != self.longest(frames):
            raise ValueError(f"{len(payload)} bytes of codes; {frames} frames need {self.longest(frames)}")
        count = frames * self.codebooks * self.bits
        bits = np.unpackbits(np.frombuffer(payload, np.uint8), count=count)
        weights = 1 << np.arange(self.bits, dtype=np.int64)[::-1]
        return (bits.reshape(frames, self.codebooks, self.bits) @ weights).T  # [K, S]

    def longest(self, frames: int) -> int:
        """Bytes of a block of so many frames."""
        return -(-frames * self.codebooks * self.bits // 8)


# Makes a coder from the number of codebooks and their size.
MakeCoder = Callable[[int, int], PayloadCoder]
# What a container's coding number stands for. A coder that needs more than these two numbers, such as a codec's own
# weights, is given to the container by whoever opens it: `CODINGS | {1: ...}`.
CODINGS: Mapping[int, MakeCoder] = {PLAIN_BITS: PlainBits}
