"""Entropy coding: what goes in comes out, in fewer bits where the codes can be guessed, alike on every machine."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from codec.entropy import LANES, TOTAL, EntropyCoder, Guesser, GuesserConfig, integer_tables
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


def random_weights(config: GuesserConfig, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """As large as they may be."""
    return {name: rng.integers(-127, 128, shape) for name, shape in config.shapes().items()}


@pytest.mark.parametrize("frames", [0, 1, 2, LANES - 1, LANES, LANES + 1, 50, 203])
@pytest.mark.parametrize("codebooks", [1, 3])
@pytest.mark.parametrize("held", [True, False])
def test_what_goes_in_comes_out(
    coder: EntropyCoder, held_notes: torch.Tensor, frames: int, codebooks: int, held: bool
) -> None:
    codes = np.random.default_rng(frames).integers(0, CONFIG.codebook_size, (codebooks, frames))
    if held:
        codes = held_notes[0, :codebooks].repeat(1, 5)[:, :frames].numpy()
    assert np.array_equal(coder.decode(coder.encode(codes), codebooks, frames), codes)


def test_codes_that_can_be_guessed_take_fewer_bits(coder: EntropyCoder, held_notes: torch.Tensor) -> None:
    codes = held_notes[0].repeat(1, 4).numpy()
    size = 8 * len(coder.encode(codes))
    assert size < 0.7 * codes.size * np.log2(CONFIG.codebook_size)
    # What each codebook is said to take is what the bytes hold, but for the state at their end.
    assert coder.bits(codes).sum() == pytest.approx(size, abs=32)


def test_noise_never_takes_more_than_plain_bits(coder: EntropyCoder) -> None:
    for frames in range(60):
        codes = np.random.default_rng(frames).integers(0, CONFIG.codebook_size, (3, frames))
        assert len(coder.encode(codes)) <= -(-3 * 5 * frames // 8)


def test_the_block_is_the_numbers_of_the_specification(coder: EntropyCoder, held_notes: torch.Tensor) -> None:
    """docs/agc.md in plain Python, a code at a time."""
    codes = held_notes[1].repeat(1, 2)[:, :75].numpy()
    payload = coder.encode(codes)
    assert np.array_equal(slow_decode(coder.guesser, payload, 3, 75), codes)


def slow_decode(guesser: Guesser, payload: bytes, codebooks: int, frames: int) -> np.ndarray:
    lanes, first = [], 0
    for lane in range(min(8, frames)):
        length = frames // min(8, frames) + (lane < frames % min(8, frames))
        lanes.append(range(first, first + length))
        first += length
    state, words = int.from_bytes(payload[:4], "little"), list(payload[4:])
    codes = np.full((codebooks, frames), -1)
    tables = guesser.tables.astype(int)
    for step in range(len(lanes[0])):
        for k in range(codebooks):
            for lane in lanes:
                if step >= len(lane):
                    continue
                frame = lane[step]
                before, now = np.zeros((2, 8), int)
                for j in range(codebooks if step else 0):
                    before += tables[j, codes[j, frame - 1]]
                for j in range(k):
                    now += tables[j, codes[j, frame]]
                likelihoods = slow_likelihoods(guesser, k, [*before, *now])
                slot, total = state % 2**16, sum(likelihoods)
                starts = [v + sum(likelihoods[:v]) * (2**16 - 32) // total for v in range(33)]
                codes[k, frame] = code = max(v for v in range(32) if starts[v] <= slot)
                start, end = starts[code], starts[code + 1]
                state = (end - start) * (state // 2**16) + slot - start
                if state < 2**16:
                    state = state * 2**16 + words.pop(0) + 256 * words.pop(0)
    assert (state, words) == (2**16, [])
    return codes


def slow_likelihoods(guesser: Guesser, k: int, inputs: list[int]) -> list[int]:
    values = [max(-127, min(127, int(value))) for value in inputs]
    for name, divisor in (("first", 128), ("second", 64), ("score", 32)):
        weight, bias = (guesser.weights[f"{k}.{name}.{part}"].tolist() for part in ("weight", "bias"))
        sums = [
            b + sum(w * v for w, v in zip(row, values, strict=True))
            for row, b in zip(weight, bias, strict=True)
        ]
        if name != "score":
            values = [max(0, min(127, value // divisor)) for value in sums]
    behind = [(max(sums) - value) // 32 for value in sums]
    return [round(2 ** (15 - steps / 32)) if steps < 512 else 0 for steps in behind]


def test_whole_numbers_guess_as_the_trained_network_does(
    trained: TrainableGuesser, coder: EntropyCoder, held_notes: torch.Tensor
) -> None:
    before, now = draw_frames(held_notes, 300, torch.Generator().manual_seed(1))
    with torch.no_grad():
        wanted = trained(before, now)
    tables, size = coder.guesser.tables, CONFIG.latent_size
    inputs = coder.guesser.inputs(300)
    for k, codes in enumerate(before.numpy().T):
        inputs[codes >= 0, :size] += tables[k, codes[codes >= 0]]
    for k in range(CONFIG.codebooks):
        _, widths = coder._interval(coder.guesser.cumulated(inputs, k), now[:, k].numpy())
        assert -np.log2(widths / TOTAL).mean() == pytest.approx(float(wanted[k]), rel=0.05)
        inputs[:, size:-1] += tables[k, now[:, k]]


def test_intervals_are_above_nothing_and_fill_the_whole(tables: np.ndarray, rng: np.random.Generator) -> None:
    guesser = Guesser(CONFIG, tables, random_weights(CONFIG, rng))
    inputs = guesser.inputs(100)
    inputs[:, :-1] = rng.integers(-127, 128, (100, 16))
    cumulated = guesser.cumulated(inputs, 0)
    reached = np.zeros(100)
    for code in range(CONFIG.codebook_size):
        starts, widths = EntropyCoder(guesser)._interval(cumulated, np.full(100, code))
        assert widths.min() >= 1
        assert np.array_equal(starts, reached)
        reached = starts + widths
    assert (reached == TOTAL).all()


def test_the_order_of_summation_changes_nothing(rng: np.random.Generator) -> None:
    """Largest weights and inputs, shuffled: float32 sums stay exact, so that every machine guesses alike."""
    config = GuesserConfig(codebooks=1, codebook_size=64, latent_size=250, first_width=500, second_width=500)
    weights = random_weights(config, rng)
    order = rng.permutation(500)
    shuffled = {name: values[order] if "score" not in name else values for name, values in weights.items()}
    for name in ("second", "score"):
        shuffled[f"0.{name}.weight"] = shuffled[f"0.{name}.weight"][:, order]
    empty = np.zeros((1, 64, 250))
    found = []
    for each in (weights, shuffled):
        guesser = Guesser(config, empty, each)
        inputs = guesser.inputs(4)
        inputs[:, :-1] = 127
        found.append(guesser.cumulated(inputs, 0))
        assert np.array_equal(guesser.cumulated(inputs[:1], 0), found[-1][:1])
    assert np.array_equal(*found)


def test_codebooks_become_whole_numbers_from_their_shipped_precision() -> None:
    vectors = np.array([[[0.1, -0.5001, 1e4]]], np.float32)
    assert integer_tables(vectors, 4.0).tolist() == [[[0, -2, 32767]]]


def test_altered_bytes_are_refused_or_decoded_to_other_codes(
    coder: EntropyCoder, held_notes: torch.Tensor
) -> None:
    tokens = held_notes[2, :, :20].numpy()
    data = coder.encode(tokens)
    assert len(data) < coder.longest(3, 20)
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
    for wrong, words in (
        ({"latent_size": 300}, "at most 512 inputs"), ({"codebook_size": 2**15}, "at most 16384"),
        ({"scale": 3.0}, "a power of two"), ({"codebooks": 0}, "at least 1"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=words):
            replace(CONFIG, **wrong)
