"""What the codec is trained against: nothing for the truth, and no more for what nobody hears."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from codec.losses import MASKED_DB, EarLoss, MagnitudeLoss

RATE, WINDOW = 24_000, 1920
BINS = WINDOW // 2 + 1
NEPERS_A_DB = 0.1151


@pytest.fixture
def loss() -> MagnitudeLoss:
    return MagnitudeLoss(RATE, WINDOW)


def tone(frames: int = 20, at: int = 80, level: float = 2.0) -> Tensor:
    """Log magnitudes [1, S, bins] of one steady partial over near silence."""
    spectrum = torch.full((1, frames, BINS), -13.0)
    spectrum[..., at - 1 : at + 2] = level
    return spectrum


def test_true_magnitudes_cost_nothing(loss: MagnitudeLoss) -> None:
    total, parts = loss(tone(), tone())
    assert float(total) == 0
    assert set(parts.values()) == {0.0}


def test_a_masked_partial_is_not_heard_but_counts_as_a_level(loss: MagnitudeLoss) -> None:
    with_masked, with_heard = tone(), tone()
    with_masked[..., 200:203] = 2.0 - (MASKED_DB + 15) * NEPERS_A_DB
    with_heard[..., 200:203] = 2.0 - (MASKED_DB - 25) * NEPERS_A_DB
    masked, heard = (loss(other, tone())[1] for other in (with_masked, with_heard))
    assert masked["heard"] < 0.1 * heard["heard"]
    assert masked["mel"] > 0.1 * heard["mel"] > 0


def test_a_tremble_costs_more_than_a_steady_error_of_the_same_size(loss: MagnitudeLoss) -> None:
    signs = torch.ones(20)
    signs[::2] = -1
    steady, trembling = tone() + 0.2, tone() + 0.2 * signs[:, None]
    constant, changing = (loss(other, tone())[1] for other in (steady, trembling))
    assert constant["heard"] == pytest.approx(changing["heard"], rel=0.2)
    assert constant["change"] < 0.1 * changing["change"]


def test_its_gradient_is_finite_even_for_silence(loss: MagnitudeLoss) -> None:
    silence = torch.full((1, 10, BINS), -11.5)
    produced = silence.clone().requires_grad_()
    loss(produced, silence)[0].backward()
    assert produced.grad is not None
    assert produced.grad.isfinite().all()


def test_the_ear_forgives_nothing_but_the_truth(loss: MagnitudeLoss) -> None:
    ear = EarLoss(RATE, WINDOW)
    noise = torch.randn(1, 30, BINS, generator=torch.Generator().manual_seed(0)) - 4
    total, parts = ear(noise, noise)
    assert float(total) == pytest.approx(0, abs=1e-5)
    assert parts["level"] == 0
    louder, later = (ear(other, noise)[1] for other in (noise + 0.7, noise.roll(3, 1)))
    assert louder["level"] == pytest.approx(0.7, abs=1e-3)
    assert louder["unlikeness"] < 0.1 < 0.3 < later["unlikeness"]
