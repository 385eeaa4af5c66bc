"""Entropy coding of codes: a small network guesses every code from those before it, and rANS spends its surprise.

A held note has much the same codes in every frame, so the codes of one frame say much about the next: the coded files
are about a quarter smaller than the plain bits. The reader must make exactly the guesses that the writer made, on
whatever machine, so the network counts in whole numbers: weights, activations and scores are integers small enough
for float32 products to be exact in any order of summation, and the exponential is a table.

Range asymmetric numeral systems: Duda 2013; several interleaved states: Giesen 2014. Axes: K codebooks, S frames,
V entries, D features, N rows, L lanes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, getcontext
from functools import cached_property

import numpy as np

# Units of the integers: a latent of 1 is INPUT_UNIT, a weight of 1 is WEIGHT_UNIT, and so on. Largest values of 127
# and at most LARGEST_FAN_IN inputs keep every sum under 2^24, where float32 stops being exact.
INPUT_UNIT, WEIGHT_UNIT, HIDDEN_UNIT, SCORE_UNIT = 32, 64, 16, 32
LARGEST = 127
LARGEST_FAN_IN = 512
LARGEST_BIAS = 2**22
# Probabilities are counts out of TOTAL; scores that are SCORE_RANGE doublings behind the best get the least count, 1.
TOTAL_BITS = 16
TOTAL = 1 << TOTAL_BITS
SCORE_RANGE = 20
STATE_LOW, WORD_BITS = 1 << 16, 16
# A block is cut into this many stretches that are decoded side by side, so that NumPy's calls are shared by them.
LANES = 4
_WORD = np.dtype("<u2")


@dataclass(frozen=True)
class GuesserConfig:
    """Shape of the network that guesses: two hidden layers, one such network a codebook."""

    codebooks: int
    codebook_size: int
    latent_size: int
    first_width: int = 160
    second_width: int = 96

    def __post_init__(self) -> None:
        if min(vars(self).values()) < 1:
            raise ValueError(f"every size must be at least 1: {self}")
        if max(2 * self.latent_size, self.first_width, self.second_width) > LARGEST_FAN_IN:
            raise ValueError(f"layers may have at most {LARGEST_FAN_IN} inputs: {self}")
        if self.codebook_size > TOTAL // 4:
            raise ValueError(f"codebook_size is {self.codebook_size}; at most {TOTAL // 4} is allowed")


class Guesser:
    """Counts out of TOTAL for every entry of a codebook, from the frame before and the coarser codes of this frame.

    Args:
        config: its shape.
        tables: codebook vectors as integers in INPUT_UNIT, int [K, V, D].
        weights: integers by name: `k.first.weight` [H, 2 D], `k.first.bias`, `k.second.*`, `k.score.*`.
    """

    def __init__(self, config: GuesserConfig, tables: np.ndarray, weights: Mapping[str, np.ndarray]) -> None:
        self.config = config
        self.tables = tables.astype(np.float32)
        self._layers = [
            [
                (weights[f"{k}.{name}.weight"].astype(np.float32).T.copy(), weights[f"{k}.{name}.bias"].astype(np.float32))
                for name in ("first", "second", "score")
            ]
            for k in range(config.codebooks)
        ]  # fmt: skip

    def context(self, previous: np.ndarray, partial: np.ndarray) -> np.ndarray:
        """[N, D] sums of the frame before and of this frame's coarser codes -> inputs [N, 2 D]."""
        return np.clip(np.concatenate([previous, partial], axis=1), -LARGEST, LARGEST)

    def counts(self, context: np.ndarray, k: int) -> np.ndarray:
        """[N, 2 D] -> int64 [N, V], each at least 1, rows adding up to TOTAL."""
        first, second, score = self._layers[k]
        hidden = _activate(context @ first[0] + first[1], INPUT_UNIT * WEIGHT_UNIT // HIDDEN_UNIT)
        hidden = _activate(hidden @ second[0] + second[1], WEIGHT_UNIT)
        scores = np.floor((hidden @ score[0] + score[1]) * (SCORE_UNIT / (HIDDEN_UNIT * WEIGHT_UNIT)))
        behind = scores.max(axis=1, keepdims=True) - scores
        likelihoods = self._powers.take(
            np.minimum(behind, SCORE_RANGE * SCORE_UNIT).astype(np.int32)
        )  # [N, V]
        # Whole numbers in float64: sums are exact, and a product is rounded alike everywhere.
        spare = TOTAL - likelihoods.shape[1]
        counts = 1 + np.floor(likelihoods * (spare / likelihoods.sum(axis=1, keepdims=True)))
        counts[np.arange(len(counts)), scores.argmax(axis=1)] += TOTAL - counts.sum(axis=1)
        return counts.astype(np.int64)

    @cached_property
    def _powers(self) -> np.ndarray:
        """2^24 times 2^(-i / SCORE_UNIT), rounded, the same on every machine; beyond SCORE_RANGE doublings 0."""
        getcontext().prec = 40
        values = [
            int((Decimal(2) ** (24 - Decimal(i) / SCORE_UNIT)).to_integral_value())
            for i in range(SCORE_RANGE * SCORE_UNIT + 1)
        ]
        return np.array([*values[:-1], 0], np.float64)


def _activate(sums: np.ndarray, divisor: int) -> np.ndarray:
    return np.clip(np.floor(sums * (1 / divisor)), 0, LARGEST)


@dataclass(frozen=True)
class CodedBlock:
    """The bytes of a block and how many bits each codebook took of them, [K]."""

    data: bytes
    bits: np.ndarray


class EntropyCoder:
    """Blocks of codes to bytes and back; every block stands alone."""

    def __init__(self, guesser: Guesser) -> None:
        self.guesser = guesser

    def encode(self, tokens: np.ndarray) -> CodedBlock:
        """Tokens int [K, S], K at most the guesser's, to bytes.

        Raises:
            ValueError: more codebooks than the guesser knows, or codes out of range.
        """
        codebooks, frames = tokens.shape
        config = self.guesser.config
        if not 1 <= codebooks <= config.codebooks:
            raise ValueError(f"{codebooks} codebooks; 1 to {config.codebooks} are allowed")
        if tokens.size and not 0 <= int(tokens.min()) <= int(tokens.max()) < config.codebook_size:
            raise ValueError(
                f"codes range over {tokens.min()} ... {tokens.max()}; 0 ... {config.codebook_size - 1} are allowed"
            )
        counts, starts = self._intervals(tokens)
        bits = (TOTAL_BITS - np.log2(np.maximum(counts, 1))).sum(axis=1)
        words, states = _squeeze(counts, starts, _lanes(frames))
        return CodedBlock(states.astype("<u4").tobytes() + words.tobytes(), bits)

    def decode(self, data: bytes, codebooks: int, frames: int) -> np.ndarray:
        """What `encode` was given, int64 [K, S].

        Raises:
            ValueError: the data is too short, too long or altered.
        """
        lanes = _lanes(frames)
        header = 4 * len(lanes)
        if len(data) < header or (len(data) - header) % _WORD.itemsize:
            raise ValueError(f"{len(data)} bytes of entropy-coded codes cannot be whole")
        words = np.frombuffer(data, _WORD, offset=header).astype(np.int64)
        states = np.frombuffer(data, "<u4", count=len(lanes)).astype(np.int64)
        tables, size = self.guesser.tables, self.guesser.config.latent_size
        tokens = np.zeros((codebooks, frames), np.int64)
        previous = np.zeros((len(lanes), size), np.float32)
        used = 0
        for step in range(max((len(lane) for lane in lanes), default=0)):
            active = sum(step < len(lane) for lane in lanes)
            places = np.array([lane.start + step for lane in lanes[:active]])
            partial = np.zeros((active, size), np.float32)
            rows = np.arange(active)
            for k in range(codebooks):
                ends = self.guesser.counts(self.guesser.context(previous[:active], partial), k).cumsum(axis=1)
                slots = states[:active] & (TOTAL - 1)
                found = (ends <= slots[:, None]).sum(axis=1)
                start = np.where(found > 0, ends[rows, found - 1], 0)
                states[:active] = (
                    (ends[rows, found] - start) * (states[:active] >> TOTAL_BITS) + slots - start
                )
                hungry = (states[:active] < STATE_LOW).nonzero()[0]
                if used + len(hungry) > len(words):
                    raise ValueError(f"entropy-coded codes end at frame {int(places[0])} of {frames}")
                states[hungry] = (states[hungry] << WORD_BITS) | words[used : used + len(hungry)]
                used += len(hungry)
                tokens[k, places] = found
                partial += tables[k, found]
            previous[:active] = partial
        if used != len(words) or (states != STATE_LOW).any():
            raise ValueError("entropy-coded codes do not end where they should")
        return tokens

    def _intervals(self, tokens: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Count of every code, and the counts before it, int64 [K, S]."""
        frames = tokens.shape[1]
        chosen = np.stack([self.guesser.tables[k, codes] for k, codes in enumerate(tokens)])  # [K, S, D]
        previous = np.zeros_like(chosen[0])
        for lane in _lanes(frames):
            previous[lane.start + 1 : lane.stop] = chosen[:, lane.start : lane.stop - 1].sum(axis=0)
        partial = np.zeros_like(previous)
        counts, starts = np.zeros_like(tokens), np.zeros_like(tokens)
        rows = np.arange(frames)
        for k, codes in enumerate(tokens):
            table = self.guesser.counts(self.guesser.context(previous, partial), k)  # [S, V]
            counts[k] = table[rows, codes]
            starts[k] = table.cumsum(axis=1)[rows, codes] - counts[k]
            partial = partial + chosen[k]
        return counts, starts


def _lanes(frames: int) -> list[range]:
    """The stretches of a block, longest first, so that those still going are always the first ones."""
    count = min(LANES, frames)
    ends = [0]
    for lane in range(count):
        ends.append(ends[-1] + frames // count + (lane < frames % count))
    return [range(start, stop) for start, stop in zip(ends, ends[1:], strict=False)]


def _squeeze(counts: np.ndarray, starts: np.ndarray, lanes: list[range]) -> tuple[np.ndarray, np.ndarray]:
    """rANS from the last code to the first, in the exact reverse of the decoder's order: words and states."""
    states = [STATE_LOW] * len(lanes)
    words: list[int] = []
    codebooks = len(counts)
    widths, lows = counts.T.tolist(), starts.T.tolist()  # [S][K]
    for step in range(max((len(lane) for lane in lanes), default=0) - 1, -1, -1):
        active = [number for number, lane in enumerate(lanes) if step < len(lane)]
        for k in range(codebooks - 1, -1, -1):
            for number in reversed(active):
                place = lanes[number].start + step
                width, state = widths[place][k], states[number]
                if state >= width << WORD_BITS:
                    words.append(state & 0xFFFF)
                    state >>= WORD_BITS
                states[number] = (state // width << TOTAL_BITS) + state % width + lows[place][k]
    return np.array(words[::-1], _WORD), np.array(states, np.int64)
