"""What the codec is trained against: nothing for the truth, and no more for what nobody hears."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from codec.discriminators import WINDOWS, SpectralDiscriminator, SpectralDiscriminators
from codec.losses import MASKED_DB, MEL_WINDOW, EarLoss, LogMel, MagnitudeLoss, ReconstructionLoss

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


def sinusoid(rate: int) -> Tensor:
    return 0.1 * torch.sin(2 * torch.pi * 1_000 * torch.arange(rate) / rate)[None]


def test_a_tone_has_the_same_mel_bands_at_twice_the_rate() -> None:
    once = LogMel(24_000)(sinusoid(24_000))[0, 20:-20].mean(0)
    twice = LogMel(48_000, factor=2)(sinusoid(48_000))[0, 20:-20].mean(0)
    hertz = [
        float((mel.bands * torch.arange(MEL_WINDOW * k // 2 + 1)[:, None]).sum(0)[int(level.argmax())])
        / float(mel.bands.sum(0)[int(level.argmax())])
        * 24_000
        / MEL_WINDOW
        for mel, level, k in ((LogMel(24_000), once, 1), (LogMel(48_000, factor=2), twice, 2))
    ]
    assert hertz == pytest.approx([1_000, 1_000], rel=0.1)
    assert float(twice.max()) == pytest.approx(float(once.max()), abs=0.5)


def test_windows_of_the_losses_follow_the_rate() -> None:
    assert [ReconstructionLoss(rate).log_mel.factor for rate in (16_000, 24_000, 44_100, 48_000)] == [
        1,
        1,
        2,
        2,
    ]
    for rate, factor in ((24_000, 1), (48_000, 2)):
        members = SpectralDiscriminators(2, sample_rate=rate).modules()
        windows = [member.window for member in members if isinstance(member, SpectralDiscriminator)]
        assert windows == [factor * window for window in WINDOWS]
