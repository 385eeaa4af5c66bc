"""Phases from magnitudes: what they must do to sinusoids, and a slow reference."""

from __future__ import annotations

import math

import pytest
import torch

from codec.features import MagnitudeSpectra
from codec.phase import continue_phases, integrate_phases

WINDOW, HOP, RATE = 1920, 480, 24_000


def resynthesised(samples: torch.Tensor) -> torch.Tensor:
    spectra = MagnitudeSpectra(WINDOW, HOP)
    magnitudes = spectra(samples)
    return spectra.synthesise(magnitudes, integrate_phases(magnitudes, WINDOW, HOP))


def pitch_hz(samples: torch.Tensor) -> float:
    """Frequency of the strongest partial, by a parabola on a long spectrum."""
    log = torch.fft.rfft(samples * torch.hann_window(len(samples))).abs().log()
    peak = int(log.argmax())
    left, middle, right = log[peak - 1 : peak + 2].tolist()
    return (peak + 0.5 * (left - right) / (left - 2 * middle + right)) * RATE / len(samples)


@pytest.mark.parametrize("frequency", [110.0, 293.66, 440.0, 1234.5, 3000.0])
def test_a_sinusoid_keeps_its_pitch_and_its_steadiness(frequency: float) -> None:
    time = torch.arange(RATE * 2) / RATE
    rebuilt = resynthesised(0.3 * torch.sin(2 * math.pi * frequency * time)[None])[0]
    inner = rebuilt[RATE // 2 : -RATE // 2]
    assert abs(1200 * math.log2(pitch_hz(inner) / frequency)) < 5  # cents
    levels = inner.unfold(0, 1200, 1200).square().mean(-1).sqrt()
    assert float(levels.std() / levels.mean()) < 0.05


def test_two_notes_at_once_both_keep_their_pitch() -> None:
    time = torch.arange(RATE * 2) / RATE
    both = 0.2 * torch.sin(2 * math.pi * 440 * time) + 0.15 * torch.sin(2 * math.pi * 660.5 * time)
    spectrum = torch.fft.rfft(resynthesised(both[None])[0] * torch.hann_window(RATE * 2)).abs()
    for frequency in (440, 660.5):
        near = spectrum[int(2 * frequency) - 20 : int(2 * frequency) + 21]
        assert abs(int(near.argmax()) - 20) <= 1


def test_silence_stays_silent() -> None:
    assert float(resynthesised(torch.zeros(1, RATE)).abs().max()) < 1e-7


def test_the_vectorised_integration_agrees_with_plain_loops() -> None:
    magnitudes = torch.randn(1, 6, 12, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    fast = integrate_phases(magnitudes, 22, 4)
    slow = torch.zeros_like(fast)
    previous_phase, previous_frequency = [0.0] * 12, None
    for s in range(6):
        m = magnitudes[0, s].tolist()
        peaks = [k for k in range(1, 11) if m[k] > m[k - 1] and m[k] >= m[k + 1]] or [0]
        nearest = [min(peaks, key=lambda p, k=k: (abs(p - k), p)) for k in range(12)]

        def frequency_of(p: int, m: list[float] = m) -> float:
            if not 0 < p < 11:
                return p / 22
            bend = m[p - 1] - 2 * m[p] + m[p + 1]
            return (p + max(-0.5, min(0.5, 0.5 * (m[p - 1] - m[p + 1]) / bend))) / 22

        frequency = [frequency_of(nearest[k]) for k in range(12)]
        earlier = previous_frequency or frequency
        phase = [
            (previous_phase[nearest[k]] + math.pi * 4 * (earlier[nearest[k]] + frequency[k])) % (2 * math.pi)
            for k in range(12)
        ]
        slow[0, s] = torch.tensor(phase)
        previous_phase, previous_frequency = phase, frequency
    turned = (fast - slow).abs()
    assert float(torch.minimum(turned, 2 * math.pi - turned).max()) < 1e-6


def noise_magnitudes(batch: int = 2, frames: int = 30, bins: int = 41) -> torch.Tensor:
    return torch.randn(batch, frames, bins, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("size", [1, 7, 29, 30])
def test_chunks_have_the_phases_of_the_whole(size: int) -> None:
    magnitudes, state, phases = noise_magnitudes(), None, []
    for chunk in magnitudes.split(size, dim=1):
        integrated = continue_phases(chunk, 80, 20, state)
        state = integrated.state
        phases.append(integrated.phases)
    assert torch.equal(torch.cat(phases, dim=1), integrate_phases(magnitudes, 80, 20))


def test_a_batch_has_the_phases_of_its_sounds() -> None:
    magnitudes = noise_magnitudes(batch=3)
    alone = [integrate_phases(sound[None], 80, 20) for sound in magnitudes]
    assert torch.equal(torch.cat(alone), integrate_phases(magnitudes, 80, 20))


@pytest.mark.parametrize("slope", [0.0, 1.0, -1.0])
def test_frames_without_peaks_stand_still(slope: float) -> None:
    magnitudes = (slope * torch.arange(12.0)).expand(1, 5, 12)
    assert torch.equal(integrate_phases(magnitudes, 22, 4), torch.zeros(1, 5, 12))


def test_no_frames_have_no_phases() -> None:
    assert integrate_phases(torch.zeros(2, 0, 12), 22, 4).shape == (2, 0, 12)
