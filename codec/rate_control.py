"""How many codebooks a block gets: fixed, or as many as fit into a bitrate that the whole file stays within.

Axes: B sounds side by side, K codebooks, S frames.
"""

from __future__ import annotations

import math
from collections import Counter

import numpy as np

from codec.container import CHECK_BYTES, ContainerWriter, end_of_file, varint
from codec.types import CodecSpec


def check_bitrate(bitrate_kbps: float) -> None:
    """Refuse what is no bitrate.

    Raises:
        ValueError: the bitrate is not above 0, or not a finite number.
    """
    if not 0 < bitrate_kbps < math.inf:
        raise ValueError(f"bitrate is {bitrate_kbps:g} kbps; a finite number above 0 is needed")


def codebooks_within(spec: CodecSpec, bitrate_kbps: float) -> int:
    """How many codebooks fit into a bitrate as plain bits, of codecs that cannot change that from block to block.

    Raises:
        ValueError: not even one fits, or the bitrate is no number.
    """
    each = spec.bitrate_kbps / spec.codebooks
    if not each <= bitrate_kbps < math.inf:
        raise ValueError(
            f"bitrate is {bitrate_kbps:g} kbps; this codec has {each:g} ... {spec.bitrate_kbps:g} kbps"
        )
    return min(int(bitrate_kbps / each + 1e-9), spec.codebooks)


class Depths:
    """How many codebooks the frames of a file had."""

    def __init__(self) -> None:
        self._frames: Counter[int] = Counter()

    def count(self, tokens: np.ndarray) -> None:
        """A block of codes [B, K, S]."""
        self._frames[tokens.shape[1]] += tokens.shape[2]

    @property
    def frames(self) -> int:
        """How many frames there were."""
        return self._frames.total()

    @property
    def most_used(self) -> int:
        """The number of codebooks that most frames had; 0 without a frame."""
        return max(self._frames, key=lambda depth: (self._frames[depth], depth), default=0)

    @property
    def mean(self) -> float:
        """Codebooks a frame."""
        return sum(depth * frames for depth, frames in self._frames.items()) / max(1, self.frames)


class RateControl:
    """Writes every block with the most codebooks with which all bytes so far, and an end, fit into the time so far.

    So what easy blocks save is spent in hard ones. Blocks that follow may cost what they like with one codebook.

    Args:
        writer: of the file.
        bitrate_kbps: that the bytes of the file over its duration stay at or below.
    """

    def __init__(self, writer: ContainerWriter, bitrate_kbps: float) -> None:
        check_bitrate(bitrate_kbps)
        self._writer, self._bytes_a_second = writer, bitrate_kbps * 1000 / 8
        self._depth: int | None = None  # of the block before

    def write(self, tokens: np.ndarray, samples: int, last: bool) -> np.ndarray:
        """Add a block.

        Args:
            tokens: codes with all codebooks, [B, K, S].
            samples: how long the sound is up to the end of this block, a channel at its own rate.
            last: whether no block follows. Else another must be able to begin, however short it is.

        Returns:
            the codes that were written, [B, k, S] with k <= K.
        """
        block = self._largest(tokens, self._allowed(samples, last))
        self._writer.write_packed(block)
        return tokens[:, : self._depth]

    def _allowed(self, samples: int, last: bool) -> int:
        """Bytes that a block may have."""
        seconds = samples / self._writer.header.sample_rate
        to_come = len(end_of_file(samples)) + CHECK_BYTES + (0 if last else self._shortest_block())
        return int(seconds * self._bytes_a_second) - self._writer.bytes_written - to_come - CHECK_BYTES

    def _largest(self, tokens: np.ndarray, allowed: int) -> bytes:
        """The block with the most codebooks that fit, searched from those of the block before."""
        most = tokens.shape[1]
        packed: dict[int, bytes] = {}

        def fits(depth: int) -> bool:
            packed[depth] = self._writer.packed(tokens[:, :depth])
            return len(packed[depth]) <= allowed

        depth = min(self._depth or self._first_guess(tokens, allowed), most)
        if fits(depth):
            while depth < most and fits(depth + 1):
                depth += 1
        else:
            while depth > 1:
                depth -= 1
                if fits(depth):
                    break
        self._depth = depth
        return packed[depth]

    def _first_guess(self, tokens: np.ndarray, allowed: int) -> int:
        """Codebooks that fit as plain bits."""
        bits = (self._writer.header.codebook_size - 1).bit_length()
        return max(1, 8 * allowed // max(1, tokens.shape[0] * tokens.shape[2] * bits))

    def _shortest_block(self) -> int:
        """Bytes that a block of a frame with one codebook may cost, and a number of samples that is longer by one."""
        header = self._writer.header
        payload = -(-(header.codebook_size - 1).bit_length() // 8)
        return len(varint(1)) * 2 + header.batch * (len(varint(payload)) + payload) + CHECK_BYTES + 1
