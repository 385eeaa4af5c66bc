"""Making rendered sound more varied than the fonts it was rendered with: other speeds, vibrato, bodies and bandwidths.

A codec trained on two synthesizers learns those two; a third sounded 0.2 ViSQOL worse to it. Every function takes and
gives float32 samples [T].
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import soxr
from scipy import ndimage

# Vibrato is read between the samples; a cubic spline does that well up to a quarter of the rate it works at.
OVERSAMPLING = 2


def vibrate(samples: np.ndarray, sample_rate: int, rate_hz: float, depth_cents: float) -> np.ndarray:
    """Pitch that swings by `depth_cents` to either side, `rate_hz` times a second."""
    if len(samples) < 2:
        return samples
    dense = soxr.resample(samples, sample_rate, OVERSAMPLING * sample_rate)
    times = np.arange(len(samples)) / sample_rate
    # The delay whose derivative is the relative change of frequency.
    swing = (2 ** (depth_cents / 1200) - 1) / (2 * np.pi * rate_hz) * np.sin(2 * np.pi * rate_hz * times)
    places = (times + swing) * (OVERSAMPLING * sample_rate)
    return ndimage.map_coordinates(dense, places[None], order=3, mode="nearest").astype(np.float32)


def respeed(samples: np.ndarray, sample_rate: int, speed: float) -> np.ndarray:
    """Played `speed` times as fast, as a tape is: pitch, formants and tempo move together; [T / speed]."""
    return soxr.resample(samples, sample_rate * speed, sample_rate).astype(np.float32)


def colour(samples: np.ndarray, sample_rate: int, gains_db: np.ndarray) -> np.ndarray:
    """Through a smooth zero-phase equaliser: gains at frequencies spaced evenly by octaves, 60 Hz to half the rate."""
    knots = np.geomspace(60.0, sample_rate / 2, len(gains_db))
    return _filtered(samples, sample_rate, lambda hz: np.interp(np.log(hz), np.log(knots), gains_db))


def narrow(samples: np.ndarray, sample_rate: int, lowest_hz: float, highest_hz: float) -> np.ndarray:
    """Without what lies outside of a band, as old recordings and lossy coders leave it; 24 dB an octave."""
    return _filtered(
        samples, sample_rate,
        lambda hz: -10 * np.log10((1 + (lowest_hz / hz) ** 8) * (1 + (hz / highest_hz) ** 24)),
    )  # fmt: skip


def _filtered(
    samples: np.ndarray, sample_rate: int, gain_db: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    size = 1 << (len(samples) + sample_rate // 10).bit_length()
    hz = np.maximum(np.fft.rfftfreq(size, 1 / sample_rate), 20.0)
    gains = 10.0 ** (gain_db(hz) / 20)
    return np.fft.irfft(np.fft.rfft(samples, size) * gains, size)[: len(samples)].astype(np.float32)
