"""The delay pattern against plain loops."""

from __future__ import annotations

import pytest
import torch

from audiogen.patterns import delay, undelay


@pytest.mark.parametrize(("streams", "frames"), [(1, 1), (1, 7), (4, 1), (4, 2), (4, 9), (6, 30)])
def test_stream_k_runs_k_steps_late(streams: int, frames: int) -> None:
    tokens = torch.arange(2 * streams * frames).view(2, streams, frames)
    steps = delay(tokens, fill=-1)
    for row in range(2):
        for k in range(streams):
            for t in range(frames + streams - 1):
                expected = int(tokens[row, k, t - k]) if 0 <= t - k < frames else -1
                assert int(steps[row, k, t]) == expected


@pytest.mark.parametrize(("streams", "frames"), [(1, 1), (3, 0), (4, 9)])
def test_undelay_undoes_delay(streams: int, frames: int) -> None:
    tokens = torch.arange(streams * frames).view(1, streams, frames)
    assert torch.equal(undelay(delay(tokens, fill=-1)), tokens)


def test_too_few_steps_are_refused() -> None:
    with pytest.raises(ValueError, match="2 steps are too few for 4 streams"):
        undelay(torch.zeros(1, 4, 2))
