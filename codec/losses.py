"""Spectral distances between two sounds, usable as losses and as figures. Axes: B batch, T samples."""

from __future__ import annotations

import torch
import torch.nn.functional as F
import torchaudio
from torch import Tensor, nn

# Mel bands are wider than a quarter tone: trained on them alone, a prototype kept the pitch of only 0.83 of its
# notes. The long linear-frequency windows brought 0.98.
STFT_WINDOWS = (4096, 2048, 1024, 512)
MEL_FLOOR = 1e-5
# 80 dB under full scale: what lies below is not heard, and its logarithm would be most of the loss.
STFT_FLOOR = 1e-4


class LogMel(nn.Module):
    """Natural logarithm of an 80-band mel spectrogram (window 1024, hop 256): [B, T] -> [B, 80, frames]."""

    def __init__(self, sample_rate: int) -> None:
        super().__init__()
        self.mel = torchaudio.transforms.MelSpectrogram(
            sample_rate, n_fft=1024, hop_length=256, n_mels=80, power=1.0, norm="slaney", mel_scale="slaney"
        )

    def forward(self, samples: Tensor) -> Tensor:
        return self.mel(samples).clamp_min(MEL_FLOOR).log()


def stft_distances(produced: Tensor, wanted: Tensor, window: int) -> tuple[Tensor, Tensor]:
    """Spectral convergence and mean log-magnitude difference (Yamamoto et al. 2020) of [B, T] sounds."""
    taper = torch.hann_window(window, device=produced.device)
    both = torch.cat([produced, wanted])
    spectrum = torch.stft(both, window, window // 4, window=taper, return_complex=True)
    # Squares under a floor before the root: the gradient of a bare magnitude is infinite at zero.
    magnitude = (spectrum.real.square() + spectrum.imag.square() + STFT_FLOOR**2).sqrt() * (2 / window)
    made, true = magnitude.chunk(2)
    convergence = (made - true).square().sum((1, 2)).sqrt() / true.square().sum((1, 2)).sqrt().clamp_min(1e-3)
    floor = STFT_FLOOR
    return convergence.mean(), F.l1_loss((made + floor).log(), (true + floor).log())


class ReconstructionLoss(nn.Module):
    """What the codec learns from without discriminators: log-mel and multi-resolution STFT distances."""

    def __init__(self, sample_rate: int) -> None:
        super().__init__()
        self.log_mel = LogMel(sample_rate)

    def forward(self, produced: Tensor, wanted: Tensor) -> tuple[Tensor, dict[str, float]]:
        """Total and its parts for [B, T] sounds."""
        both = self.log_mel(torch.cat([produced, wanted]))
        made, true = both.chunk(2)
        mel = F.l1_loss(made, true)
        stft = produced.new_zeros(())
        for window in STFT_WINDOWS:
            convergence, log_magnitude = stft_distances(produced, wanted, window)
            stft = stft + (convergence + log_magnitude) / len(STFT_WINDOWS)
        return mel + stft, {"mel": float(mel.detach()), "stft": float(stft.detach())}
