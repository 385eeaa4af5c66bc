"""Entropy coding: what goes in comes out, in fewer bits where the codes can be guessed, alike on every machine."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from codec.entropy import LANES, TOTAL, EntropyCoder, Guesser, GuesserConfig
from codec.entropy_training import GuesserTrainingConfig, TrainableGuesser, draw_frames, train_guesser

CONFIG = GuesserConfig(codebooks=3, codebook_size=32, latent_size=8, first_width=16, second_width=12)


@pytest.fixture(scope="module")
def tables() -> np.ndarray:
    return np.random.default_rng(0).integers(
        -60, 61, (CONFIG.codebooks, CONFIG.codebook_size, CONFIG.latent_size)
    )


@pytest.fixture(scope="module")
def held_notes() -> torch.Tensor:
    """Codes [N, K, S] that mostly stay what they were."""
    generator = torch.Generator().manual_seed(0)
    codes = torch.randint(CONFIG.codebook_size, (40, CONFIG.codebooks, 50), generator=generator)
    for frame in range(1, 50):
        stays = torch.rand(40, generator=generator) < 0.8
        codes[stays, :, frame] = codes[stays, :, frame - 1]
    return codes


@pytest.fixture(scope="module")
def trained(tables: np.ndarray, held_notes: torch.Tensor) -> TrainableGuesser:
    training = GuesserTrainingConfig(steps=800, batch=256, learning_rate=1e-2)
    return train_guesser(CONFIG, tables, held_notes, training)


@pytest.fixture(scope="module")
def coder(trained: TrainableGuesser) -> EntropyCoder:
    return EntropyCoder(trained.guesser())


@pytest.mark.parametrize("frames", [0, 1, 2, LANES, LANES + 1, 50, 203])
@pytest.mark.parametrize("codebooks", [1, 3])
def test_what_goes_in_comes_out(coder: EntropyCoder, frames: int, codebooks: int) -> None:
    tokens = np.random.default_rng(frames).integers(0, CONFIG.codebook_size, (codebooks, frames))
    block = coder.encode(tokens)
    assert np.array_equal(coder.decode(block.data, codebooks, frames), tokens)


def test_codes_that_can_be_guessed_take_fewer_bits(coder: EntropyCoder, held_notes: torch.Tensor) -> None:
    tokens = held_notes[0].repeat(1, 4).numpy()
    block = coder.encode(tokens)
    assert 8 * len(block.data) < 0.7 * tokens.size * np.log2(CONFIG.codebook_size)
    # What each codebook is said to take is what the bytes hold, but for the states at their end.
    assert block.bits.sum() == pytest.approx(8 * len(block.data), abs=32 * LANES)


def test_whole_numbers_guess_as_the_trained_network_does(
    trained: TrainableGuesser, coder: EntropyCoder, held_notes: torch.Tensor
) -> None:
    before, now = draw_frames(held_notes, 300, torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted = trained(before, now)
    tables = coder.guesser.tables
    previous = np.zeros((300, CONFIG.latent_size), np.float32)
    for k, codes in enumerate(before.numpy().T):
        previous[codes >= 0] += tables[k, codes[codes >= 0]]
    partial = np.zeros_like(previous)
    for k in range(CONFIG.codebooks):
        counts = coder.guesser.counts(coder.guesser.context(previous, partial), k)
        bits = -np.log2(counts[np.arange(300), now[:, k]] / TOTAL).mean()
        assert bits == pytest.approx(float(wanted[k]), rel=0.05)
        partial = partial + tables[k, now[:, k]]


def test_counts_are_above_nothing_and_add_up(tables: np.ndarray) -> None:
    rng = np.random.default_rng(3)
    shapes = {"first": (16, 16), "second": (12, 16), "score": (32, 12)}
    weights = {
        f"{k}.{name}.{part}": rng.integers(-127, 128, shape if part == "weight" else shape[:1])
        for k in range(3)
        for name, shape in shapes.items()
        for part in ("weight", "bias")
    }
    guesser = Guesser(CONFIG, tables, weights)
    counts = guesser.counts(rng.integers(-127, 128, (100, 16)).astype(np.float32), 0)
    assert counts.min() >= 1
    assert (counts.sum(axis=1) == TOTAL).all()


def test_the_order_of_summation_changes_nothing(tables: np.ndarray) -> None:
    """Largest weights and inputs, shuffled: float32 sums stay exact, so that every machine guesses alike."""
    rng = np.random.default_rng(4)
    config = GuesserConfig(codebooks=1, codebook_size=64, latent_size=250, first_width=500, second_width=500)
    inputs = np.full((4, 500), 127.0, np.float32)
    order = rng.permutation(500)
    shapes = {"first": (500, 500), "second": (500, 500), "score": (64, 500)}
    weights = {
        f"0.{name}.{part}": rng.integers(-127, 128, shape if part == "weight" else shape[:1])
        for name, shape in shapes.items()
        for part in ("weight", "bias")
    }
    shuffled = dict(weights)
    for name in ("second", "score"):
        shuffled[f"0.{name}.weight"] = weights[f"0.{name}.weight"][:, order]
    for name in ("first", "second"):
        if name == "first":
            shuffled["0.first.weight"] = weights["0.first.weight"][order]
            shuffled["0.first.bias"] = weights["0.first.bias"][order]
        else:
            shuffled["0.second.weight"] = shuffled["0.second.weight"][order]
            shuffled["0.second.bias"] = weights["0.second.bias"][order]
    empty = np.zeros((1, 64, 250))
    first, second = (Guesser(config, empty, each).counts(inputs, 0) for each in (weights, shuffled))
    assert np.array_equal(first, second)


def test_altered_bytes_are_refused_or_decoded_to_other_codes(coder: EntropyCoder) -> None:
    tokens = np.random.default_rng(5).integers(0, CONFIG.codebook_size, (3, 20))
    data = coder.encode(tokens).data
    for place in range(len(data)):
        altered = bytearray(data)
        altered[place] ^= 0x40
        try:
            decoded = coder.decode(bytes(altered), 3, 20)
        except ValueError:
            continue
        assert not np.array_equal(decoded, tokens)
    for end in range(len(data)):
        with pytest.raises(ValueError, match="entropy-coded"):
            coder.decode(data[:end], 3, 20)


def test_codes_and_sizes_out_of_range_are_refused(coder: EntropyCoder) -> None:
    with pytest.raises(ValueError, match=r"0 \.\.\. 31 are allowed"):
        coder.encode(np.full((3, 2), 32))
    with pytest.raises(ValueError, match="1 to 3 are allowed"):
        coder.encode(np.zeros((4, 2), np.int64))
    with pytest.raises(ValueError, match="at most 512 inputs"):
        GuesserConfig(codebooks=1, codebook_size=16, latent_size=300)
