"""Levels: the fixed one the models work at, and the loudness of finished files."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from codec.types import Waveform

# Chosen so that music with 20 dB between its RMS and its peaks still fits under full scale.
MODEL_LEVEL_DBFS = -23.0
MODEL_PEAK = 0.98
FRAME_SECONDS = 0.05
GATE_DB = 30.0
SILENCE_RMS = 1e-6
# ITU-R BS.1770 measures in blocks of 400 ms: shorter sound is padded with itself.
SHORTEST_SECONDS = 0.4
TRUE_PEAK_OVERSAMPLING = 4


def active_rms(samples: np.ndarray, sample_rate: int) -> float:
    """RMS of the sounding part of samples [T]: frames of 50 ms less than 30 dB below the loudest one."""
    frame = max(1, round(FRAME_SECONDS * sample_rate))
    whole = len(samples) // frame * frame
    if whole == 0:
        return float(np.sqrt(np.mean(samples**2))) if len(samples) else 0.0
    powers = np.mean(samples[:whole].astype(np.float64).reshape(-1, frame) ** 2, axis=1)  # [frames]
    return float(np.sqrt(np.mean(powers[powers >= powers.max() * 10 ** (-GATE_DB / 10)])))


def to_model_level(samples: np.ndarray, sample_rate: int, offset_db: float = 0.0) -> np.ndarray:
    """Samples [T] at the level the models are trained at; silence stays silence.

    Args:
        samples: mono sound.
        sample_rate: Hz.
        offset_db: deliberate departure from the level, for training data.
    """
    level = active_rms(samples, sample_rate)
    if level < SILENCE_RMS:
        return samples
    gain = 10 ** ((MODEL_LEVEL_DBFS + offset_db) / 20) / level
    peak = float(np.abs(samples).max())
    return (samples * min(gain, MODEL_PEAK / peak)).astype(samples.dtype)


def true_peak(samples: np.ndarray) -> float:
    """Highest absolute value of samples [..., T] between the samples too, by fourfold oversampling."""
    if samples.size == 0:
        return 0.0
    spectrum = np.fft.rfft(samples.astype(np.float64), axis=-1)
    length = samples.shape[-1]
    dense = np.fft.irfft(spectrum, TRUE_PEAK_OVERSAMPLING * length, axis=-1) * TRUE_PEAK_OVERSAMPLING
    return float(max(np.abs(dense).max(), np.abs(samples).max()))


def normalise(waveform: Waveform, target_lufs: float = -14.0, true_peak_dbfs: float = -1.0) -> Waveform:
    """Bring sound to a loudness unless its true peak would pass a limit; then the peak decides.

    Every item of the batch gets one gain of its own, the same for its channels. Silence is returned as it is.

    Args:
        waveform: samples [B, C, T].
        target_lufs: integrated loudness (ITU-R BS.1770).
        true_peak_dbfs: highest allowed true peak.
    """
    import torch

    from codec.types import Waveform

    arrays = waveform.samples.detach().cpu().numpy()
    levelled = [array * _gain(array, waveform.sample_rate, target_lufs, true_peak_dbfs) for array in arrays]
    if not levelled:
        return waveform
    samples = torch.from_numpy(np.stack(levelled).astype(np.float32))
    return Waveform(samples.to(waveform.samples.device), waveform.sample_rate)


def _gain(samples: np.ndarray, sample_rate: int, target_lufs: float, true_peak_dbfs: float) -> float:
    """Gain for samples [C, T]."""
    peak = true_peak(samples)
    if peak < SILENCE_RMS:
        return 1.0
    allowed = 10 ** (true_peak_dbfs / 20) / peak
    loudness = integrated_loudness(samples, sample_rate)
    if not np.isfinite(loudness):  # all of it below the absolute gate of -70 LUFS
        return 1.0
    return min(10 ** ((target_lufs - loudness) / 20), allowed)


def integrated_loudness(samples: np.ndarray, sample_rate: int) -> float:
    """Integrated loudness in LUFS of samples [C, T]; -inf where everything is below the gate."""
    import pyloudnorm

    shortest = ceil(SHORTEST_SECONDS * sample_rate) + 1
    if samples.shape[-1] < shortest:
        samples = np.tile(samples, ceil(shortest / max(1, samples.shape[-1])))
    meter = pyloudnorm.Meter(sample_rate)
    # pyloudnorm takes the logarithm of the gated power and warns where nothing passes the gate.
    with np.errstate(divide="ignore", invalid="ignore"):
        return float(meter.integrated_loudness(samples.T.astype(np.float64)))
