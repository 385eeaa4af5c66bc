"""Resampling chunk by chunk: lengths, places, and independence of the chunks."""

from __future__ import annotations

import math
import resource

import numpy as np
import pytest
import torch

from codec.resampling import StreamResampler

RATES = [
    (44_100, 24_000), (44_101, 24_000), (24_000, 44_100), (8_000, 24_000), (192_000, 24_000), (24_000, 23_999),
    (1_000, 384_000), (384_000, 1_000), (383_999, 1_000), (24_000, 24_000),
]  # fmt: skip
CHUNKINGS = [(1,), (7, 0, 997), (480,), (24_000,)]


def resampled(
    samples: torch.Tensor, from_hz: int, to_hz: int, sizes: tuple[int, ...] = (4_096,)
) -> torch.Tensor:
    stream = StreamResampler(from_hz, to_hz, len(samples))
    parts, start, turn = [], 0, 0
    while start < samples.shape[1]:
        size = sizes[turn % len(sizes)]
        parts.append(stream.push(samples[:, start : start + size]))
        start, turn = start + size, turn + 1
    return torch.cat([*parts, stream.finish()], dim=1)


def noise(count: int, channels: int = 2) -> torch.Tensor:
    return torch.randn(channels, count, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(("from_hz", "to_hz"), RATES)
@pytest.mark.parametrize("sizes", CHUNKINGS)
def test_any_chunking_gives_the_same_samples(from_hz: int, to_hz: int, sizes: tuple[int, ...]) -> None:
    samples = noise(3_001)
    whole = resampled(samples, from_hz, to_hz, (len(samples[0]),))
    assert torch.equal(resampled(samples, from_hz, to_hz, sizes), whole)


@pytest.mark.parametrize(("from_hz", "to_hz"), RATES)
@pytest.mark.parametrize("count", [0, 1, 2, 7, 100, 1_000, 3_001])
def test_the_length_is_rounded_up(from_hz: int, to_hz: int, count: int) -> None:
    assert resampled(noise(count), from_hz, to_hz).shape == (2, math.ceil(count * to_hz / from_hz))


@pytest.mark.parametrize(("from_hz", "to_hz"), [pair for pair in RATES if min(pair) > 1_000])
def test_a_sine_keeps_its_frequency_and_its_place(from_hz: int, to_hz: int) -> None:
    def sine(rate: int) -> torch.Tensor:
        return torch.sin(2 * math.pi * 997 * torch.arange(rate, dtype=torch.float64) / rate)[None].float()

    middle = slice(to_hz // 4, -to_hz // 4)
    produced = resampled(sine(from_hz), from_hz, to_hz)[:, middle]
    assert torch.allclose(produced, sine(to_hz)[:, middle], atol=2e-5)


def test_what_the_lower_rate_cannot_hold_is_left_out() -> None:
    sine = torch.sin(2 * math.pi * 15_000 * torch.arange(48_000, dtype=torch.float64) / 48_000)[None]
    assert float(resampled(sine, 48_000, 24_000)[:, 1_000:-1_000].abs().max()) < 1e-5


def test_equal_rates_pass_everything_through_at_once() -> None:
    stream, samples = StreamResampler(24_000, 24_000, 2), noise(100)
    assert torch.equal(stream.push(samples), samples)
    assert stream.finish().shape == (2, 0)


def test_arrays_and_tensors_are_alike() -> None:
    samples = noise(1_000)
    stream = StreamResampler(44_100, 24_000, 2)
    parts = torch.cat([stream.push(samples.double().numpy()), stream.finish()], dim=1)
    assert torch.equal(parts, resampled(samples, 44_100, 24_000))


def test_rates_without_a_common_divisor_take_little_memory() -> None:
    chunk = noise(44_101, channels=1)
    stream = StreamResampler(44_101, 24_000, 1)
    before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    given = sum(stream.push(chunk).shape[1] for _ in range(60)) + stream.finish().shape[1]
    assert given == 60 * 24_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib < 50 * 1024


@pytest.mark.parametrize(("from_hz", "to_hz"), [(999, 24_000), (24_000, 384_001), (0, 24_000), (24_000, -1)])
def test_rates_out_of_range_are_refused(from_hz: int, to_hz: int) -> None:
    with pytest.raises(ValueError, match="1000 to 384000 are allowed"):
        StreamResampler(from_hz, to_hz, 1)


def test_no_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="channels is 0; it must be at least 1"):
        StreamResampler(44_100, 24_000, 0)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (torch.zeros(3, 10), r"shape \(3, 10\); \(2, T\) is needed"),
        (torch.zeros(10), r"shape \(10,\); \(2, T\) is needed"),
        (np.zeros((2, 10), np.int16), "samples are int16; floating point"),
        (torch.tensor([[0.0, 0.0], [0.0, math.nan]]), r"sample 1 of this chunk \(channel 1\) is nan"),
        (torch.tensor([[math.inf, 0.0], [0.0, 0.0]]), r"sample 0 of this chunk \(channel 0\) is inf"),
        (np.full((2, 10), 1e300), r"sample 0 of this chunk \(channel 0\) is inf"),
    ],
)
def test_a_wrong_chunk_is_refused_and_does_no_harm(samples: torch.Tensor, message: str) -> None:
    stream, good = StreamResampler(44_100, 24_000, 2), noise(1_000)
    first = stream.push(good[:, :500])
    with pytest.raises(ValueError, match=message):
        stream.push(samples)
    rest = [stream.push(good[:, 500:]), stream.finish()]
    assert torch.equal(torch.cat([first, *rest], dim=1), resampled(good, 44_100, 24_000))


def test_nothing_goes_into_a_finished_stream() -> None:
    stream = StreamResampler(44_100, 24_000, 1)
    stream.finish()
    with pytest.raises(ValueError, match="the stream is finished"):
        stream.push(noise(1, channels=1))
    with pytest.raises(ValueError, match="the stream is finished"):
        stream.finish()
