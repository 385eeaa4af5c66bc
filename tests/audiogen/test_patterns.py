"""Every codebook pattern against plain loops that say in words what stands at which step."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import pytest
import torch

from audiogen.patterns import PATTERNS, Pattern, pattern_of, stereo_delay

# What is written at a step: (stream, frame) pairs.
Steps = list[list[tuple[int, int]]]
SIZES = list(product((1, 2, 4, 6), (1, 2, 3, 9)))


def slow_delay(streams: int, frames: int) -> Steps:
    return [
        [(k, step - k) for k in range(streams) if 0 <= step - k < frames]
        for step in range(frames + streams - 1)
    ]


def slow_parallel(streams: int, frames: int) -> Steps:
    return [[(k, s) for k in range(streams)] for s in range(frames)]


def slow_flatten(streams: int, frames: int) -> Steps:
    return [[(k, s)] for s in range(frames) for k in range(streams)]


def slow_partial_flatten(streams: int, frames: int) -> Steps:
    steps: Steps = []
    for s in range(frames):
        steps.append([(0, s)])
        if streams > 1:
            steps.append([(k, s) for k in range(1, streams)])
    return steps


def slow_partial_delay(streams: int, frames: int) -> Steps:
    steps: Steps = [[(0, s)] for s in range(frames)]
    if streams > 1:
        steps.append([])
        for s in range(frames):
            steps[s + 1] += [(k, s) for k in range(1, streams)]
    return steps


def slow_coarse_first(streams: int, frames: int) -> Steps:
    coarse: Steps = [[(0, s)] for s in range(frames)]
    return coarse + [[(k, s) for k in range(1, streams)] for s in range(frames) if streams > 1]


SLOW: dict[str, Callable[[int, int], Steps]] = {
    "delay": slow_delay, "parallel": slow_parallel, "flatten": slow_flatten,
    "partial flatten": slow_partial_flatten, "partial delay": slow_partial_delay, "coarse-first": slow_coarse_first,
}  # fmt: skip


@pytest.mark.parametrize(("streams", "frames"), SIZES)
@pytest.mark.parametrize("name", PATTERNS)
def test_interleaving_equals_the_plain_loops(name: str, streams: int, frames: int) -> None:
    pattern, expected = pattern_of(name, streams), SLOW[name](streams, frames)
    codes = torch.arange(2 * streams * frames).view(2, streams, frames)
    steps = pattern.interleave(codes, fill=-1)
    assert steps.shape == (2, streams, len(expected)) == (2, streams, pattern.length(frames))
    for row, k, t in product(range(2), range(streams), range(len(expected))):
        here = [s for stream, s in expected[t] if stream == k]
        assert int(steps[row, k, t]) == (int(codes[row, k, here[0]]) if here else -1)


@pytest.mark.parametrize(("streams", "frames"), [*SIZES, (3, 0)])
@pytest.mark.parametrize("name", PATTERNS)
def test_deinterleaving_undoes_interleaving(name: str, streams: int, frames: int) -> None:
    codes = torch.arange(streams * frames).view(1, streams, frames)
    pattern = pattern_of(name, streams)
    assert torch.equal(pattern.deinterleave(pattern.interleave(codes, fill=-1)), codes)


@pytest.mark.parametrize("name", PATTERNS)
def test_the_clock_shows_a_frame_that_no_code_of_the_step_is_ahead_of(name: str) -> None:
    pattern = pattern_of(name, 4)
    steps, clock = pattern.steps_of(9), pattern.clock(9)
    lags = clock[steps] - torch.arange(9)  # [K, S]
    assert torch.equal(lags, torch.tensor(pattern.delays)[:, None].expand(4, 9))
    assert int(clock.max()) == pattern.clock_frames(9) - 1


@pytest.mark.parametrize("name", PATTERNS)
def test_a_window_of_training_is_a_part_of_the_whole(name: str) -> None:
    """Frames 5 ... 9 of a long clip, with the lead-in a pattern asks for and with a longer one."""
    pattern = pattern_of(name, 4)
    codes = torch.arange(4 * 10).view(1, 4, 10)
    whole, clock = pattern.interleave(codes, fill=-1), pattern.clock(10)
    kept = torch.nonzero((clock >= 5) & (clock < 10))[:, 0]
    for lead_in in {pattern.lead_in, 5}:
        before, itself, seen = pattern.training_pair(codes[..., 5 - lead_in :], lead_in, fill=-1)
        assert torch.equal(itself, whole[..., kept])
        assert torch.equal(before, whole[..., kept - 1])
        assert torch.equal(seen, clock[kept] - 5)


def test_only_the_passes_begin_with_nothing_before_them() -> None:
    assert torch.nonzero(pattern_of("delay", 4).begins(9)).tolist() == [[0]]
    assert torch.nonzero(pattern_of("coarse-first", 4).begins(9)).tolist() == [[0], [9]]


def test_left_and_right_lag_alike_in_stereo() -> None:
    codes = torch.arange(8 * 5).view(1, 8, 5)
    steps = stereo_delay(4).interleave(codes, fill=-1)
    mono = pattern_of("delay", 4)
    assert torch.equal(steps[:, 0::2], mono.interleave(codes[:, 0::2], fill=-1))
    assert torch.equal(steps[:, 1::2], mono.interleave(codes[:, 1::2], fill=-1))


@pytest.mark.parametrize(
    ("passes", "slots", "delays", "message"),
    [
        ((), (), (), "each needs one number a stream"),
        ((0, 0), (0,), (0, 0), "each needs one number a stream"),
        ((0, 2), (0, 0), (0, 0), r"passes are \(0, 2\); they must be 0, 1, ... without a gap"),
        ((0, 0), (0, 2), (0, 0), "slots of pass 0 are"),
        ((0, 0), (0, 0), (0, -1), "each must be 0 or above"),
        ((0, 1), (0, 0), (0, 1), "some stream of pass 1 must have none"),
    ],
)
def test_an_impossible_pattern_is_refused(
    passes: tuple[int, ...], slots: tuple[int, ...], delays: tuple[int, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Pattern(passes, slots, delays)


def test_what_does_not_fit_a_pattern_is_refused() -> None:
    with pytest.raises(ValueError, match="2 steps do not fit 4 streams; 3 are needed, and 1 more a frame"):
        pattern_of("delay", 4).deinterleave(torch.zeros(1, 4, 2))
    with pytest.raises(ValueError, match="7 steps do not fit 2 streams; 0 are needed, and 2 more"):
        pattern_of("flatten", 2).deinterleave(torch.zeros(1, 2, 7))
    with pytest.raises(ValueError, match=r"this pattern needs \[B, 4, ...\]"):
        pattern_of("delay", 4).interleave(torch.zeros(1, 3, 7), fill=0)
    with pytest.raises(ValueError, match="lead_in is 3; this pattern needs at least 4"):
        pattern_of("delay", 4).training_pair(torch.zeros(1, 4, 7), 3, fill=0)
    with pytest.raises(ValueError, match="pattern 'stack' is not one of delay"):
        pattern_of("stack", 4)
    with pytest.raises(ValueError, match="streams is 0"):
        pattern_of("delay", 0)
