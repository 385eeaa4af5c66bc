"""Entropy coding of codes: a small network guesses every code from those before it, and rANS spends its surprise.

A held note has much the same codes in every frame, so the codes of one frame say much about the next: the coded files
are about a quarter smaller than the plain bits. The reader must make exactly the guesses that the writer made, on
whatever machine, so the network counts in whole numbers: weights, activations and scores are integers small enough
for float32 products to be exact in any order of summation, and the exponential is a table.

docs/agc.md specifies it all. Range asymmetric numeral systems: Duda 2013. Axes: K codebooks, S frames, V entries,
D features, N rows.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext
from functools import cached_property

import numpy as np

from codec.payload import PlainBits

# Units of the integers: a weight of 1 is WEIGHT_UNIT, and so on. Largest values of 127 and at most LARGEST_FAN_IN
# inputs keep every sum under 2^24, where float32 stops being exact.
INPUT_UNIT, WEIGHT_UNIT, HIDDEN_UNIT, SCORE_UNIT = 32, 64, 16, 32
LARGEST = 127
LARGEST_FAN_IN = 512
LARGEST_BIAS = 2**22
LARGEST_ENTRY = 2**15 - 1  # of a codebook vector
# What the sums of each layer are divided by; powers of two, so that dividing the weights instead is exact.
DIVISORS = {
    "first": INPUT_UNIT * WEIGHT_UNIT // HIDDEN_UNIT,
    "second": WEIGHT_UNIT,
    "score": HIDDEN_UNIT * WEIGHT_UNIT // SCORE_UNIT,
}
# The best entry has the likelihood 2^LIKELIHOOD_BITS, and those SCORE_RANGE doublings behind it have none.
LIKELIHOOD_BITS, SCORE_RANGE = 15, 16
# Intervals are stretches of TOTAL, and every entry has at least 1 of it.
TOTAL_BITS = 16
TOTAL = 1 << TOTAL_BITS
STATE_LOW, WORD_BITS = 1 << 16, 16
# A block is cut into this many stretches that are guessed side by side, so that NumPy's calls are shared by them.
LANES = 8
# Rows that are guessed at once: more of them would fall out of the processor's cache.
ROWS = 128
_WORD = np.dtype("<u2")


@dataclass(frozen=True)
class GuesserConfig:
    """Shape of the network that guesses: two hidden layers, one such network a codebook.

    `scale`, a power of two, makes whole numbers of latents: best with a standard deviation near INPUT_UNIT.
    """

    codebooks: int
    codebook_size: int
    latent_size: int
    first_width: int = 160
    second_width: int = 96
    scale: float = 32.0

    def __post_init__(self) -> None:
        if min(vars(self).values()) <= 0 or self.codebook_size < 2:
            raise ValueError(f"every size must be at least 1, and 2 of entries: {self}")
        if max(2 * self.latent_size, self.first_width, self.second_width) > LARGEST_FAN_IN:
            raise ValueError(f"layers may have at most {LARGEST_FAN_IN} inputs: {self}")
        if self.codebook_size > TOTAL // 4:
            raise ValueError(f"codebook_size is {self.codebook_size}; at most {TOTAL // 4} is allowed")
        if not np.isfinite(self.scale) or np.frexp(self.scale)[0] != 0.5:
            raise ValueError(f"scale is {self.scale}; a power of two is needed")

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Names and shapes of the weights."""
        sizes = {
            "first": (self.first_width, 2 * self.latent_size),
            "second": (self.second_width, self.first_width),
            "score": (self.codebook_size, self.second_width),
        }
        return {
            f"{k}.{name}.{part}": size if part == "weight" else size[:1]
            for k in range(self.codebooks)
            for name, size in sizes.items()
            for part in ("weight", "bias")
        }


def integer_tables(vectors: np.ndarray, scale: float) -> np.ndarray:
    """Codebook vectors [K, V, D], as a codec ships them, as whole numbers."""
    shipped = vectors.astype(np.float16).astype(np.float32)
    return np.rint(shipped * np.float32(scale)).clip(-LARGEST_ENTRY, LARGEST_ENTRY)


class Guesser:
    """Likelihoods of every entry of a codebook, from the frame before and the coarser codes of this frame.

    Args:
        config: its shape.
        tables: codebook vectors as integers, [K, V, D].
        weights: integers by name: `k.first.weight` [H, 2 D], `k.first.bias`, `k.second.*`, `k.score.*`.
    """

    def __init__(self, config: GuesserConfig, tables: np.ndarray, weights: Mapping[str, np.ndarray]) -> None:
        self.config = config
        self.tables = tables.astype(np.float32)
        self.weights = weights
        self._layers = [[self._layer(k, name) for name in DIVISORS] for k in range(config.codebooks)]

    def _layer(self, k: int, name: str) -> np.ndarray:
        """Weights and biases as one matrix [inputs + 1, outputs + 1]; the last input and output are always 1."""
        weight, bias = self.weights[f"{k}.{name}.weight"], self.weights[f"{k}.{name}.bias"]
        layer = np.zeros((weight.shape[1] + 1, weight.shape[0] + 1), np.float32)
        layer[:-1, :-1], layer[-1, :-1] = weight.T, bias
        layer /= DIVISORS[name]
        layer[-1, -1] = 1
        return layer[:, :-1].copy() if name == "score" else layer

    def inputs(self, rows: int) -> np.ndarray:
        """Empty inputs [N, 2 D + 1]: for sums of the frame before, for those of this frame's coarser codes, and 1."""
        inputs = np.zeros((rows, 2 * self.config.latent_size + 1), np.float32)
        inputs[:, -1] = 1
        return inputs

    def cumulated(self, inputs: np.ndarray, k: int) -> np.ndarray:
        """[N, 2 D + 1] -> likelihoods of the entries of codebook k, added up along them, int32 [N, V]."""
        first, second, score = self._layers[k]
        hidden = bounded(np.floor(bounded(inputs, -LARGEST) @ first), 0)
        hidden = bounded(np.floor(hidden @ second), 0)
        scores = hidden @ score
        np.subtract(scores.max(axis=1, keepdims=True), scores, out=scores)
        likelihoods = self._powers.take(scores.astype(np.intp), mode="clip")  # [N, V]
        return np.cumsum(likelihoods, axis=1, dtype=np.int32, out=likelihoods)

    @cached_property
    def _powers(self) -> np.ndarray:
        """2^LIKELIHOOD_BITS times 2^(-i / SCORE_UNIT), rounded, by decimals: alike on every machine; then 0."""
        with localcontext() as context:
            context.prec = 40
            powers = (
                Decimal(2) ** (LIKELIHOOD_BITS - Decimal(i) / SCORE_UNIT)
                for i in range(SCORE_RANGE * SCORE_UNIT)
            )
            return np.array([*(int(power.to_integral_value()) for power in powers), 0], np.int32)


def bounded(values: np.ndarray, low: int) -> np.ndarray:
    """Within low ... LARGEST; np.clip takes longer to start than this takes."""
    return np.minimum(np.maximum(values, low), LARGEST)


class EntropyCoder:
    """Coding 1: blocks of codes to bytes and back; a block that cannot be guessed goes as plain bits."""

    def __init__(self, guesser: Guesser) -> None:
        self.guesser = guesser
        self._plain = PlainBits(guesser.config.codebook_size)
        self._spare = TOTAL - guesser.config.codebook_size

    def encode(self, codes: np.ndarray) -> bytes:
        """Codes int [K, S], K at most the guesser's, to bytes.

        Raises:
            ValueError: more codebooks than the guesser knows, or codes out of range.
        """
        starts, widths = self._intervals(codes)
        order = list(_order(codes.shape[1]))
        guessed = _squeeze(*(_in_order(values, order) for values in (starts, widths)))
        return guessed if len(guessed) < self.longest(*codes.shape) else self._plain.encode(codes)

    def decode(self, payload: bytes, codebooks: int, frames: int) -> np.ndarray:
        """What `encode` was given, int64 [K, S].

        Raises:
            ValueError: the data is too short, too long or altered.
        """
        if len(payload) == self.longest(codebooks, frames):
            return self._plain.decode(payload, codebooks, frames)
        reader = _Unsqueezer(payload, self.guesser.config.codebook_size)
        tables, size = self.guesser.tables, self.guesser.config.latent_size
        codes = np.zeros((codebooks, frames), np.int64)
        sums = np.zeros((min(LANES, frames), size), np.float32)
        for places in _order(frames):
            inputs = self.guesser.inputs(len(places))
            inputs[:, :size], partial = sums[: len(places)], inputs[:, size:-1]
            for k in range(codebooks):
                found = reader.take(self.guesser.cumulated(inputs, k))
                codes[k, places] = found
                partial += tables[k, found]
            sums = partial
        reader.finish()
        return codes

    def longest(self, codebooks: int, frames: int) -> int:
        """Bytes of a block at most: those of plain bits, which no guessed block has."""
        return self._plain.longest(codebooks, frames)

    def bits(self, codes: np.ndarray) -> np.ndarray:
        """How many bits each codebook takes of a block of codes [K, S] that is guessed, [K]."""
        _, widths = self._intervals(codes)
        return (TOTAL_BITS - np.log2(widths)).sum(axis=1)

    def _intervals(self, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Start and width of every code's interval, int64 [K, S]."""
        codebooks, frames = codes.shape
        config = self.guesser.config
        if not 1 <= codebooks <= config.codebooks:
            raise ValueError(f"{codebooks} codebooks; 1 to {config.codebooks} are allowed")
        if codes.size and not 0 <= int(codes.min()) <= int(codes.max()) < config.codebook_size:
            raise ValueError(
                f"codes range over {codes.min()} ... {codes.max()}; 0 ... {config.codebook_size - 1} are allowed"
            )
        starts, widths = np.zeros((2, codebooks, frames), np.int64)
        if not frames:
            return starts, widths
        chosen = [self.guesser.tables[k, row] for k, row in enumerate(codes)]  # K times [S, D]
        inputs, size = self.guesser.inputs(frames), config.latent_size
        inputs[1:, :size] = np.sum(chosen, axis=0)[:-1]
        inputs[next(_order(frames)), :size] = 0  # where the stretches begin
        for k, row in enumerate(codes):
            for rows in (slice(first, first + ROWS) for first in range(0, frames, ROWS)):
                cumulated = self.guesser.cumulated(inputs[rows], k)
                starts[k, rows], widths[k, rows] = self._interval(cumulated, row[rows])
            inputs[:, size:-1] += chosen[k]
        return starts, widths

    def _interval(self, cumulated: np.ndarray, codes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rows = np.arange(len(codes))
        total = cumulated[:, -1].astype(np.int64)
        above = cumulated[rows, codes].astype(np.int64)
        below = np.where(codes > 0, cumulated[rows, codes - 1], 0).astype(np.int64)
        starts = codes + below * self._spare // total
        return starts, codes + 1 + above * self._spare // total - starts


def _order(frames: int) -> Iterator[np.ndarray]:
    """Which frames are guessed side by side, step by step: one of each stretch of the block, longer stretches first."""
    count = min(LANES, frames)
    sizes = [frames // count + (lane < frames % count) for lane in range(count)]
    firsts = np.cumsum([0, *sizes[:-1]], dtype=np.int64)
    for step in range(max(sizes, default=0)):
        yield firsts[: sum(step < size for size in sizes)] + step


def _in_order(values: np.ndarray, order: list[np.ndarray]) -> list[int]:
    """[K, S] in the order that the reader meets them: by step, in it by codebook, in it by stretch."""
    return np.concatenate([np.zeros(0, np.int64), *(values[:, places].ravel() for places in order)]).tolist()


def _squeeze(starts: list[int], widths: list[int]) -> bytes:
    """rANS from the last code to the first: the last state, then the words in the order of reading."""
    state = STATE_LOW
    words: list[int] = []
    for start, width in zip(reversed(starts), reversed(widths), strict=True):
        if state >= width << WORD_BITS:
            words.append(state & (1 << WORD_BITS) - 1)
            state >>= WORD_BITS
        state = (state // width << TOTAL_BITS) + state % width + start
    return state.to_bytes(4, "little") + np.array(words[::-1], _WORD).tobytes()


class _Unsqueezer:
    """The reader's side of `_squeeze`."""

    def __init__(self, payload: bytes, entries: int) -> None:
        if len(payload) < 4 or len(payload) % _WORD.itemsize:
            raise ValueError(f"{len(payload)} bytes of entropy-coded codes cannot be whole")
        self._state = int.from_bytes(payload[:4], "little")
        self._words = iter(np.frombuffer(payload, _WORD, offset=4).tolist())
        self._entries, self._spare = range(entries), TOTAL - entries

    def take(self, cumulated: np.ndarray) -> list[int]:
        """The codes of the rows of likelihoods int32 [N, V], one after the other."""
        spare, entries, state = self._spare, self._entries, self._state
        found = []
        for row, total in zip(cumulated, cumulated[:, -1].tolist(), strict=True):
            below = memoryview(row)
            slot = state & TOTAL - 1
            code = bisect_right(entries, slot, key=lambda v: v + 1 + below[v] * spare // total)
            start = code + (below[code - 1] * spare // total if code else 0)
            width = code + 1 + below[code] * spare // total - start
            state = width * (state >> TOTAL_BITS) + slot - start
            if state < STATE_LOW:
                word = next(self._words, None)
                if word is None:
                    raise ValueError("entropy-coded codes end too early")
                state = state << WORD_BITS | word
            found.append(code)
        self._state = state
        return found

    def finish(self) -> None:
        """Refuse what was not written by `_squeeze`."""
        if self._state != STATE_LOW or next(self._words, None) is not None:
            raise ValueError("entropy-coded codes do not end where they should")
