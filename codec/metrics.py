"""How far one sound is from another. Axes: B batch, C channels, T samples.

Sounds are compared sample by sample from their first one: nothing is shifted, so a delay counts as an error.

The `dac_` distances are those by which the Descript Audio Codec was evaluated (Kumar et al. 2023), so that figures can
be put beside published ones: descriptinc/descript-audio-codec c7cfc5d, `scripts/evaluate.py` and `dac/nn/loss.py`, and
the spectra of descriptinc/audiotools. `tests/codec/test_metrics.py` states them again in plain NumPy.
"""

from __future__ import annotations

from functools import cache

import numpy as np
import torch
import torchaudio
from torch import Tensor

from codec.losses import STFT_WINDOWS, LogMel, stft_distances
from codec.types import Waveform

# A codec fills up its last frame; anything longer is another sound.
LONGEST_DIFFERENCE_SECONDS = 0.1
SILENT_RMS = 1e-6
# Windows of the DAC distances with their mel bands; the hop is a quarter. Sounds are first brought to one of the rates.
DAC_BANDS = {2048: 150, 512: 80}
DAC_RATES = (22_050, 44_100)
DAC_FLOOR = 1e-5
# Identical sounds would be infinitely near, orthogonal ones infinitely far.
LARGEST_SI_SDR_DB = 100.0


@torch.no_grad()
def log_mel_distance(produced: Waveform, wanted: Waveform) -> float:
    """Mean absolute difference of two log-mel spectrograms (80 bands, natural logarithm; `codec.losses.LogMel`).

    Levels count; bring them together with `same_level` where they should not.

    Args:
        produced, wanted: sounds [B, C, T] of one rate, mixed down to mono; the longer one is cut at its end.

    Raises:
        ValueError: rates differ, or lengths by more than LONGEST_DIFFERENCE_SECONDS.
    """
    made, true = _aligned(produced, wanted)
    log_mel = LogMel(produced.sample_rate)
    return float((log_mel(made) - log_mel(true)).abs().mean())


@torch.no_grad()
def stft_distance(produced: Waveform, wanted: Waveform) -> float:
    """Spectral convergence plus log-magnitude difference, mean over the windows STFT_WINDOWS; as `log_mel_distance`."""
    made, true = _aligned(produced, wanted)
    parts = [sum(stft_distances(made, true, window)) for window in STFT_WINDOWS]
    return float(torch.stack([torch.as_tensor(part) for part in parts]).mean())


def dac_mel_distance(produced: Waveform, wanted: Waveform, sample_rate: int = DAC_RATES[0]) -> float:
    """Mel distance of the DAC: over the windows of DAC_BANDS, the sum of the mean absolute differences of mel
    magnitudes and of the decimal logarithms of their squares.

    Args:
        produced, wanted: as in `log_mel_distance`.
        sample_rate: to which both are brought first; the DAC's authors use each of DAC_RATES.

    Raises:
        ValueError: as `log_mel_distance`, or the sounds are shorter than half the longest window.
    """
    return _dac_distance(produced, wanted, sample_rate, mel=True)


def dac_stft_distance(produced: Waveform, wanted: Waveform, sample_rate: int = DAC_RATES[0]) -> float:
    """STFT distance of the DAC: as `dac_mel_distance`, on the bins of the spectra instead of mel bands."""
    return _dac_distance(produced, wanted, sample_rate, mel=False)


@torch.no_grad()
def si_sdr_db(produced: Waveform, wanted: Waveform) -> float:
    """Scale-invariant ratio of signal to distortion (Le Roux et al. 2019), dB; both sounds without their mean.

    A codec that invents its phases has no use for it: it is far below 0 however good the sound is.

    Returns:
        At most LARGEST_SI_SDR_DB either way; a silent sound is as far as can be.

    Raises:
        ValueError: as `log_mel_distance`.
    """
    made, true = (sound.double() - sound.double().mean() for sound in _aligned(produced, wanted))
    part = (made * true).sum() / true.square().sum().clamp_min(1e-20) * true
    signal, noise = float(part.square().sum()), float((made - part).square().sum())
    least = 10 ** (-LARGEST_SI_SDR_DB / 10)
    if signal <= least * noise or signal == 0:
        return -LARGEST_SI_SDR_DB
    return 10 * float(np.log10(signal / max(noise, least * signal)))


def same_level(produced: Waveform, wanted: Waveform) -> Waveform:
    """`produced` with the RMS of `wanted`; silence stays silence."""
    made, true = rms(produced), rms(wanted)
    if made < SILENT_RMS:
        return produced
    return Waveform(produced.samples * (true / made), produced.sample_rate)


def rms(waveform: Waveform) -> float:
    """Root of the mean square of all samples."""
    return float(waveform.samples.double().square().mean().sqrt()) if waveform.samples.numel() else 0.0


@torch.no_grad()
def _dac_distance(produced: Waveform, wanted: Waveform, sample_rate: int, mel: bool) -> float:
    rate = wanted.sample_rate
    sounds = [_julius_resample(sound, rate, sample_rate) for sound in _aligned(produced, wanted)]
    shortest = max(DAC_BANDS) // 2 + 1
    if sounds[0].shape[-1] < shortest:
        raise ValueError(
            f"a sound of {wanted.seconds:.3f} s is too short; {shortest / sample_rate:.3f} s are needed"
        )
    total = 0.0
    for window, bands in DAC_BANDS.items():
        made, true = (_dac_magnitudes(sound, window) for sound in sounds)  # [B, bins, S]
        if mel:
            filters = _mel_filters(sample_rate, window, bands)  # [bands, bins]
            made, true = filters @ made, filters @ true
        logarithms = 2 * (made.clamp_min(DAC_FLOOR).log10() - true.clamp_min(DAC_FLOOR).log10())
        total += float(logarithms.abs().mean() + (made - true).abs().mean())
    return total


def _dac_magnitudes(samples: Tensor, window: int) -> Tensor:
    """[B, T] -> [B, bins, S]: neither scaled nor floored, the edges reflected."""
    taper = torch.hann_window(window, device=samples.device)
    return torch.stft(samples, window, window // 4, window=taper, return_complex=True).abs()


def _julius_resample(samples: Tensor, rate: int, sample_rate: int) -> Tensor:
    """With the filter of the `julius` package (24 zeros, roll-off 0.945), by which audiotools resamples."""
    return torchaudio.functional.resample(
        samples,
        rate,
        sample_rate,
        lowpass_filter_width=24,
        rolloff=0.945,
        resampling_method="sinc_interp_hann",
    )


@cache
def _mel_filters(sample_rate: int, window: int, bands: int) -> Tensor:
    """librosa's default mel filters, [bands, bins]: on Slaney's scale, of equal areas, up to half the rate."""
    filters = torchaudio.functional.melscale_fbanks(
        window // 2 + 1, 0.0, sample_rate / 2, bands, sample_rate, norm="slaney", mel_scale="slaney"
    )
    return filters.T.contiguous()


def _aligned(produced: Waveform, wanted: Waveform) -> tuple[Tensor, Tensor]:
    """Both as [B, T] of one length."""
    if produced.sample_rate != wanted.sample_rate:
        raise ValueError(f"sounds at {produced.sample_rate} and {wanted.sample_rate} Hz cannot be compared")
    lengths = produced.samples.shape[-1], wanted.samples.shape[-1]
    if abs(lengths[0] - lengths[1]) > LONGEST_DIFFERENCE_SECONDS * wanted.sample_rate or not min(lengths):
        raise ValueError(
            f"sounds of {produced.seconds:.3f} s and {wanted.seconds:.3f} s cannot be compared; "
            f"{LONGEST_DIFFERENCE_SECONDS} s of difference are allowed"
        )
    end = min(lengths)
    return produced.samples[..., :end].mean(dim=1), wanted.samples[..., :end].mean(dim=1)  # [B, T]
