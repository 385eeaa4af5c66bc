"""Distances between sounds."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from codec.metrics import (
    DAC_BANDS,
    dac_mel_distance,
    dac_stft_distance,
    log_mel_distance,
    rms,
    same_level,
    si_sdr_db,
    stft_distance,
)
from codec.types import Waveform

RATE = 24_000


def noise(seed: int, samples: int = RATE) -> Waveform:
    generator = torch.Generator().manual_seed(seed)
    return Waveform(0.1 * torch.randn(1, 1, samples, generator=generator), RATE)


@pytest.mark.parametrize("distance", [log_mel_distance, stft_distance, dac_mel_distance, dac_stft_distance])
def test_a_sound_is_at_no_distance_from_itself_and_at_some_from_another(distance) -> None:
    assert distance(noise(1), noise(1)) == 0
    assert distance(noise(1), noise(2)) > 0.1


def test_the_log_mel_distance_of_a_gain_is_its_natural_logarithm() -> None:
    sound = noise(1)
    louder = Waveform(sound.samples * 2, RATE)
    assert log_mel_distance(louder, sound) == pytest.approx(0.6931, abs=1e-3)
    assert log_mel_distance(same_level(louder, sound), sound) < 1e-5


def test_a_delay_counts_as_an_error() -> None:
    clicks = torch.zeros(1, 1, RATE)
    clicks[..., ::6000] = 1.0
    late = Waveform(clicks.roll(2400, -1), RATE)
    assert log_mel_distance(late, Waveform(clicks, RATE)) > 0.1


def test_the_filled_up_last_frame_is_cut_off() -> None:
    sound = noise(1)
    longer = Waveform(torch.nn.functional.pad(sound.samples, (0, 479)), RATE)
    assert log_mel_distance(longer, sound) == 0


def test_sounds_of_other_lengths_and_rates_are_refused() -> None:
    with pytest.raises(ValueError, match=r"1\.000 s and 2\.000 s"):
        log_mel_distance(noise(1), noise(1, 2 * RATE))
    with pytest.raises(ValueError, match="24000 and 16000 Hz"):
        stft_distance(noise(1), Waveform(noise(1).samples, 16_000))


def test_silence_stays_silence_at_any_level() -> None:
    silence = Waveform(torch.zeros(1, 1, RATE), RATE)
    assert rms(same_level(silence, noise(1))) == 0


def slow_dac_distance(made: np.ndarray, true: np.ndarray, rate: int, mel: bool) -> float:
    """What descript-audio-codec's MelSpectrogramLoss and MultiScaleSTFTLoss say, one frame after another."""
    from librosa.filters import mel as librosa_mel

    total = 0.0
    for window, bands in DAC_BANDS.items():
        taper = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
        spectra = []
        for sound in (made, true):
            padded = np.pad(sound, window // 2, mode="reflect")
            starts = range(0, len(sound) + 1, window // 4)
            frames = [np.abs(np.fft.rfft(padded[at : at + window] * taper)) for at in starts]
            spectrum = np.array(frames)  # [S, bins]
            spectra.append(spectrum @ librosa_mel(sr=rate, n_fft=window, n_mels=bands).T if mel else spectrum)
        logs = [np.log10(np.maximum(spectrum, 1e-5) ** 2.0) for spectrum in spectra]
        total += np.abs(logs[0] - logs[1]).mean() + np.abs(spectra[0] - spectra[1]).mean()
    return float(total)


@pytest.mark.parametrize("rate", [22_050, 44_100])
@pytest.mark.parametrize(("distance", "mel"), [(dac_mel_distance, True), (dac_stft_distance, False)])
def test_the_dac_distances_are_those_of_a_slow_reference(distance, mel: bool, rate: int) -> None:
    made, true = (Waveform(noise(seed, 9000).samples, rate) for seed in (1, 2))
    slow = slow_dac_distance(made.samples[0, 0].numpy(), true.samples[0, 0].numpy(), rate, mel)
    assert distance(made, true, rate) == pytest.approx(slow, rel=1e-4)


def test_a_sound_too_short_for_the_dac_windows_is_refused() -> None:
    with pytest.raises(ValueError, match="too short"):
        dac_mel_distance(noise(1, 500), noise(2, 500))


def test_si_sdr_is_the_ratio_whatever_the_gain() -> None:
    sound, error = noise(1, 8 * RATE), noise(2, 8 * RATE)
    made = Waveform(3 * (sound.samples + 0.1 * error.samples), RATE)
    assert si_sdr_db(made, sound) == pytest.approx(20, abs=0.1)


def test_si_sdr_stays_within_its_bounds() -> None:
    silence = Waveform(torch.zeros(1, 1, RATE), RATE)
    assert si_sdr_db(noise(1), noise(1)) == 100
    assert si_sdr_db(silence, noise(1)) == si_sdr_db(noise(1), silence) == si_sdr_db(silence, silence) == -100
