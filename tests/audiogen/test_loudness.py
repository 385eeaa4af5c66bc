"""Levels and loudness."""

from __future__ import annotations

import numpy as np
import pyloudnorm
import pytest
import torch

from audiogen.loudness import (
    MODEL_LEVEL_DBFS,
    MODEL_PEAK,
    active_rms,
    integrated_loudness,
    normalise,
    to_model_level,
    true_peak,
)
from codec.types import Waveform

RATE = 24000


def tone(seconds: float, amplitude: float = 0.1, frequency: float = 1000.0) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * frequency * np.arange(round(seconds * RATE)) / RATE).astype(
        np.float32
    )


def wave(*channels: np.ndarray) -> Waveform:
    return Waveform(torch.from_numpy(np.stack(channels))[None], RATE)


def test_quiet_sound_is_brought_to_the_target() -> None:
    levelled = normalise(wave(tone(3.0, 0.01))).samples[0].numpy()
    assert integrated_loudness(levelled, RATE) == pytest.approx(-14.0, abs=0.1)
    assert pyloudnorm.Meter(RATE).integrated_loudness(levelled.T) == pytest.approx(-14.0, abs=0.1)


def test_the_peak_wins_over_the_loudness() -> None:
    clicks = np.zeros(3 * RATE, dtype=np.float32)
    clicks[::4000] = 0.2
    levelled = normalise(wave(clicks)).samples.numpy()
    assert 20 * np.log10(true_peak(levelled)) == pytest.approx(-1.0, abs=0.05)
    assert integrated_loudness(levelled[0], RATE) < -14.0


def test_the_true_peak_lies_between_the_samples() -> None:
    # A quarter of the sample rate, 45 degrees off: every sample is 3 dB below the crest.
    samples = np.sin(2 * np.pi * 0.25 * np.arange(4800) + np.pi / 4)
    assert np.abs(samples).max() == pytest.approx(np.sqrt(0.5))
    assert true_peak(samples) == pytest.approx(1.0, abs=0.02)


def test_silence_and_nothing_stay_as_they_are() -> None:
    for length in (0, 100, RATE):
        silent = wave(np.zeros(length, dtype=np.float32))
        assert torch.equal(normalise(silent).samples, silent.samples)
    silence = np.zeros(RATE, dtype=np.float32)
    assert np.array_equal(to_model_level(silence, RATE), silence)
    assert active_rms(np.zeros(0), RATE) == 0.0


@pytest.mark.parametrize("seconds", [0.001, 0.1, 0.39, 0.41])
def test_short_clips_are_levelled_too(seconds: float) -> None:
    levelled = normalise(wave(tone(seconds, 0.01))).samples
    assert torch.isfinite(levelled).all()
    assert 0.05 < float(levelled.abs().max()) <= 0.9


def test_channels_share_one_gain_and_items_have_their_own() -> None:
    stereo = normalise(wave(tone(1.0, 0.02), tone(1.0, 0.01))).samples[0]
    assert float(stereo[0].abs().max() / stereo[1].abs().max()) == pytest.approx(2.0, rel=1e-4)
    both = Waveform(torch.cat([wave(tone(1.0, 0.02)).samples, wave(tone(1.0, 0.002)).samples]), RATE)
    levelled = normalise(both).samples
    assert torch.allclose(levelled[0], levelled[1], atol=1e-4)


def test_the_model_level_counts_sounding_parts_only_and_keeps_below_full_scale() -> None:
    half = np.concatenate([tone(1.0, 0.5), np.zeros(3 * RATE, dtype=np.float32)])
    levelled = to_model_level(half, RATE)
    assert 20 * np.log10(levelled[:RATE].std()) == pytest.approx(MODEL_LEVEL_DBFS, abs=0.1)
    clicks = np.full(RATE, 1e-3, dtype=np.float32)
    clicks[::12000] = 0.9
    assert np.abs(to_model_level(clicks, RATE, 30.0)).max() == pytest.approx(MODEL_PEAK, rel=1e-4)
