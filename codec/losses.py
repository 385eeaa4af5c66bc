"""Spectral distances between two sounds, usable as losses and as figures. Axes: B batch, T samples, S frames."""

from __future__ import annotations

import torch
import torch.nn.functional as F
import torchaudio
from torch import Tensor, nn

from codec.ear import EarLevels, neurogram_similarity
from codec.features import window_factor
from codec.spectrum import spectra

# Mel bands are wider than a quarter tone: trained on them alone, a prototype kept the pitch of only 0.83 of its
# notes. The long linear-frequency windows brought 0.98. As losses these and the mel window are as long in seconds at
# any rate (`codec.features.window_factor`).
STFT_WINDOWS = (4096, 2048, 1024, 512)
REFINING_WINDOWS = (*STFT_WINDOWS, 256)  # the shortest hears when a note starts
MEL_WINDOW, MEL_HOP, MEL_BANDS = 1024, 256, 80
MEL_FLOOR = 1e-5
# 80 dB under full scale: what lies below is not heard, and its logarithm would be most of the loss.
STFT_FLOOR = 1e-4
# How far under the loudest band of its frame a band is taken for masked. With this part of the loss the others fell
# faster too: log-mel 0.60 on the valid pool after 2,600 steps, 0.64 without it.
MASKED_DB = 70.0
HEARD_WEIGHT = 2.0
UNLIKENESS_WEIGHT = 5.0


def magnitudes(samples: Tensor, window: int, hop: int, floor: float) -> Tensor:
    """[B, T] -> [B, S, bins]. The floor is under the root: the gradient of a bare magnitude is infinite at zero."""
    spectrum = torch.view_as_real(spectra(samples, window, hop))
    return (spectrum.square().sum(-1) + floor**2).sqrt()


class LogMel(nn.Module):
    """Natural logarithm of an 80-band mel spectrogram: [B, T] -> [B, S, 80].

    Window 1024 and hop 256, or `factor` times that.
    """

    bands: Tensor

    def __init__(self, sample_rate: int, factor: int = 1) -> None:
        super().__init__()
        self.factor = factor
        bands = torchaudio.functional.melscale_fbanks(
            factor * MEL_WINDOW // 2 + 1,
            0.0,
            sample_rate / 2,
            MEL_BANDS,
            sample_rate,
            norm="slaney",
            mel_scale="slaney",
        )
        # Magnitudes of a tone grow with the window: divided by it, MEL_FLOOR means the same.
        self.register_buffer("bands", bands / factor, persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        window, hop = self.factor * MEL_WINDOW, self.factor * MEL_HOP
        return (magnitudes(samples, window, hop, 1e-7) @ self.bands).clamp_min(MEL_FLOOR).log()


def stft_distances(produced: Tensor, wanted: Tensor, window: int) -> tuple[Tensor, Tensor]:
    """Spectral convergence and mean log-magnitude difference (Yamamoto et al. 2020) of [B, T] sounds."""
    made, true = (
        magnitudes(sound * (2 / window), window, window // 4, STFT_FLOOR) for sound in (produced, wanted)
    )
    convergence = (made - true).square().sum((1, 2)).sqrt() / true.square().sum((1, 2)).sqrt().clamp_min(1e-3)
    return convergence.mean(), F.l1_loss((made + STFT_FLOOR).log(), (true + STFT_FLOOR).log())


class EarLoss(nn.Module):
    """Levels of the ear's bands: how far they are off, and how unlike they rise and fall beside each other."""

    def __init__(self, sample_rate: int, window: int) -> None:
        super().__init__()
        self.levels = EarLevels(sample_rate, window)

    def forward(self, produced: Tensor, wanted: Tensor) -> tuple[Tensor, dict[str, float]]:
        """Total and its parts for [B, S, bins] log magnitudes."""
        made, true = self.levels(produced), self.levels(wanted)
        level = F.l1_loss(made, true)
        unlikeness = 1 - neurogram_similarity(made, true)
        parts = {"level": float(level.detach()), "unlikeness": float(unlikeness.detach())}
        return level + UNLIKENESS_WEIGHT * unlikeness, parts


class MagnitudeLoss(nn.Module):
    """What encoder, quantiser and decoder learn from: magnitudes against magnitudes, no sound in between.

    Mel bands weigh frequencies as the ear does; single bins tell neighbouring pitches apart; convergence weighs loud
    partials; heard levels, and how they change from frame to frame, forgive what louder bands mask.
    """

    bands: Tensor

    def __init__(self, sample_rate: int, window: int) -> None:
        super().__init__()
        bands = torchaudio.functional.melscale_fbanks(
            window // 2 + 1, 0.0, sample_rate / 2, MEL_BANDS, sample_rate, norm="slaney", mel_scale="slaney"
        )
        # Scaled so that MEL_FLOOR means here what it means in LogMel.
        factor = window_factor(sample_rate)
        bands = bands * (window / 2) * (factor * MEL_WINDOW / window) ** 2 / factor
        self.register_buffer("bands", bands, persistent=False)

    def forward(self, produced: Tensor, wanted: Tensor) -> tuple[Tensor, dict[str, float]]:
        """Total and its parts for [B, S, bins] log magnitudes."""
        made, true = produced.exp(), wanted.exp()
        mel_made, mel_true = made @ self.bands, true @ self.bands
        mel = F.l1_loss(mel_made.clamp_min(MEL_FLOOR).log(), mel_true.clamp_min(MEL_FLOOR).log())
        masked = 10 ** (-MASKED_DB / 20) * mel_true.amax(-1, keepdim=True) + MEL_FLOOR
        heard_made, heard_true = (mel_made + masked).log(), (mel_true + masked).log()
        heard = F.l1_loss(heard_made, heard_true)
        change = F.l1_loss(heard_made.diff(dim=1), heard_true.diff(dim=1))
        # Half of it weighs every bin alike, half the loud ones: the peaks, from which pitch and phase follow.
        loudness = true.sqrt()
        difference = (produced - wanted).abs()
        bins = 0.5 * difference.mean() + 0.5 * (loudness * difference).sum() / loudness.sum()
        convergence = ((made - true).norm(dim=(1, 2)) / true.norm(dim=(1, 2)).clamp_min(0.1)).mean()
        parts = {"mel": mel, "bins": bins, "convergence": convergence, "heard": heard, "change": change}
        total = mel + bins + convergence + HEARD_WEIGHT * (heard + change)
        return total, {name: float(part.detach()) for name, part in parts.items()}


class ReconstructionLoss(nn.Module):
    """Distances of sounds, for the decoder's last polish and for validation: log-mel and multi-resolution STFT."""

    def __init__(self, sample_rate: int) -> None:
        super().__init__()
        self.factor = window_factor(sample_rate)
        self.log_mel = LogMel(sample_rate, self.factor)

    def forward(self, produced: Tensor, wanted: Tensor) -> tuple[Tensor, dict[str, float]]:
        """Total and its parts for [B, T] sounds."""
        mel = F.l1_loss(self.log_mel(produced), self.log_mel(wanted))
        stft = produced.new_zeros(())
        for window in REFINING_WINDOWS:
            convergence, log_magnitude = stft_distances(produced, wanted, self.factor * window)
            stft = stft + (convergence + log_magnitude) / len(REFINING_WINDOWS)
        return mel + stft, {"mel": float(mel.detach()), "stft": float(stft.detach())}
