"""The ear's bands and the likeness of levels, against slow references."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from codec.ear import (
    CENTRE,
    CORNER,
    FLOOR_DB,
    INTENSITY_CONSTANT,
    SIDE,
    STRUCTURE_CONSTANT,
    EarLevels,
    gammatone_bands,
    neurogram_similarity,
)

RATE, WINDOW = 24_000, 1920
BINS = WINDOW // 2 + 1


def tone(at: int, level: float = 2.0) -> Tensor:
    """Log magnitudes [1, S, bins] of one steady partial over near silence."""
    spectrum = torch.full((1, 20, BINS), -13.0)
    spectrum[..., at - 1 : at + 2] = level
    return spectrum


def test_a_partial_is_loudest_in_the_band_of_its_frequency() -> None:
    bands = gammatone_bands(32, BINS, RATE)
    assert (bands.max(0).values <= 1).all()
    peaks = bands.argmax(0)
    assert (peaks.diff() >= 0).all()
    low, high = (EarLevels(RATE, WINDOW)(tone(at)).argmax(-1) for at in (80, 400))
    assert (low < high).all()


def test_bands_are_those_of_visqol() -> None:
    """Centres as its log shows them for 32 bands from 50 Hz to 24 kHz, in Hz."""
    centres = gammatone_bands(32, 24_001, 48_000).argmax(0).float()
    shown = torch.tensor(
        [50.0, 92, 140, 195, 258, 331, 415, 512, 622, 750, 896, 1065, 1259, 1481, 1737, 2032]
    )
    assert torch.allclose(centres[:16], shown, atol=1.5)


def test_what_is_far_under_the_loudest_band_is_silence() -> None:
    levels = EarLevels(RATE, WINDOW)(tone(80))
    assert float(levels.amax() - levels.amin()) == pytest.approx(FLOOR_DB / 20 * math.log(10), rel=1e-3)


def test_likeness_is_what_plain_loops_compute() -> None:
    generator = torch.Generator().manual_seed(0)
    made, true = (torch.randn(1, 5, 4, generator=generator) for _ in range(2))
    lowest = min(float(made.min()), float(true.min()))
    weights = [[CORNER, SIDE, CORNER], [SIDE, CENTRE, SIDE], [CORNER, SIDE, CORNER]]

    def mean(values: Tensor, frame: int, band: int) -> float:
        return sum(
            weights[i][j] * float(values[0, min(max(frame + i - 1, 0), 4), min(max(band + j - 1, 0), 3)])
            for i in range(3)
            for j in range(3)
        )

    found = []
    for frame in range(5):
        for band in range(4):
            a, b = mean(made, frame, band), mean(true, frame, band)
            spread_a = max(0.0, mean(made**2, frame, band) - a * a)
            spread_b = max(0.0, mean(true**2, frame, band) - b * b)
            together = mean(made * true, frame, band) - a * b
            structure = (together + STRUCTURE_CONSTANT) / (
                math.sqrt(spread_a * spread_b) + STRUCTURE_CONSTANT
            )
            a, b = a - lowest, b - lowest
            intensity = (2 * a * b + INTENSITY_CONSTANT) / (a * a + b * b + INTENSITY_CONSTANT)
            found.append(intensity * structure)
    assert float(neurogram_similarity(made, true)) == pytest.approx(sum(found) / len(found), abs=1e-4)


def test_a_map_is_like_itself_and_its_gradient_is_finite_even_for_silence() -> None:
    levels = torch.full((1, 6, 8), -10.0, requires_grad=True)
    likeness = neurogram_similarity(levels, torch.full((1, 6, 8), -10.0))
    assert float(likeness.detach()) == pytest.approx(1, abs=1e-4)
    likeness.backward()
    assert levels.grad is not None
    assert levels.grad.isfinite().all()
