"""Spectral distances between two sounds, usable as losses and as figures. Axes: B batch, T samples, S frames."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
import torchaudio
from torch import Tensor, nn

from codec.spectrum import spectra

# Mel bands are wider than a quarter tone: trained on them alone, a prototype kept the pitch of only 0.83 of its
# notes. The long linear-frequency windows brought 0.98.
STFT_WINDOWS = (4096, 2048, 1024, 512)
MEL_WINDOW, MEL_HOP, MEL_BANDS = 1024, 256, 80
MEL_FLOOR = 1e-5
# 80 dB under full scale: what lies below is not heard, and its logarithm would be most of the loss.
STFT_FLOOR = 1e-4
# How far under the loudest band of its frame a band is taken for masked. With this part of the loss the others fell
# faster too: log-mel 0.60 on the valid pool after 2,600 steps, 0.64 without it.
MASKED_DB = 45.0
HEARD_WEIGHT = 2.0
EAR_BANDS = 32
UNHEARD_NEPERS = 0.06  # half a decibel: fluctuations under it need no likeness


def magnitudes(samples: Tensor, window: int, hop: int, floor: float) -> Tensor:
    """[B, T] -> [B, S, bins]. The floor is under the root: the gradient of a bare magnitude is infinite at zero."""
    spectrum = torch.view_as_real(spectra(samples, window, hop))
    return (spectrum.square().sum(-1) + floor**2).sqrt()


class LogMel(nn.Module):
    """Natural logarithm of an 80-band mel spectrogram (window 1024, hop 256): [B, T] -> [B, S, 80]."""

    bands: Tensor

    def __init__(self, sample_rate: int) -> None:
        super().__init__()
        bands = torchaudio.functional.melscale_fbanks(
            MEL_WINDOW // 2 + 1,
            0.0,
            sample_rate / 2,
            MEL_BANDS,
            sample_rate,
            norm="slaney",
            mel_scale="slaney",
        )
        self.register_buffer("bands", bands, persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        return (magnitudes(samples, MEL_WINDOW, MEL_HOP, 1e-7) @ self.bands).clamp_min(MEL_FLOOR).log()


def stft_distances(produced: Tensor, wanted: Tensor, window: int) -> tuple[Tensor, Tensor]:
    """Spectral convergence and mean log-magnitude difference (Yamamoto et al. 2020) of [B, T] sounds."""
    made, true = (
        magnitudes(sound * (2 / window), window, window // 4, STFT_FLOOR) for sound in (produced, wanted)
    )
    convergence = (made - true).square().sum((1, 2)).sqrt() / true.square().sum((1, 2)).sqrt().clamp_min(1e-3)
    return convergence.mean(), F.l1_loss((made + STFT_FLOOR).log(), (true + STFT_FLOOR).log())


class HeardLevels(nn.Module):
    """Levels in the bands of the inner ear, in nepers: [B, S, bins] log magnitudes -> [B, S, EAR_BANDS].

    Fourth-order gammatone bands spaced by their equivalent rectangular bandwidth (Glasberg & Moore 1990). What lies
    far under the loudest band of its frame is masked and comes out as one constant.
    """

    bands: Tensor

    def __init__(self, sample_rate: int, window: int) -> None:
        super().__init__()
        lowest, highest = (21.4 * math.log10(1 + 0.00437 * hz) for hz in (50.0, 0.48 * sample_rate))
        centres = (10 ** (torch.linspace(lowest, highest, EAR_BANDS) / 21.4) - 1) / 0.00437  # Hz
        widths = 1.019 * 24.7 * (0.00437 * centres + 1)
        frequencies = torch.arange(window // 2 + 1)[:, None] * (sample_rate / window)
        bands = (1 + ((frequencies - centres) / widths).square()) ** -4
        self.register_buffer("bands", bands, persistent=False)

    def forward(self, log_magnitudes: Tensor) -> Tensor:
        powers = (2 * log_magnitudes).exp() @ self.bands
        masked = powers.amax(-1, keepdim=True) * 10 ** (-MASKED_DB / 10) + MEL_FLOOR**2
        return 0.5 * (powers + masked).log()


def structure_distance(produced: Tensor, wanted: Tensor) -> Tensor:
    """One minus the local correlation of two [B, S, bands] level maps, over 3 x 3 neighbourhoods.

    The structure term of the Neurogram Similarity Index (Hines & Harte 2012), which ViSQOL pools: how levels rise and
    fall beside each other, whatever their mean. A figure of ViSQOL is no independent judge of what is trained on it.
    """

    def around(levels: Tensor) -> Tensor:
        padded = F.pad(levels[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
        rows = 0.25 * padded[:, :-2] + 0.5 * padded[:, 1:-1] + 0.25 * padded[:, 2:]
        return 0.25 * rows[..., :-2] + 0.5 * rows[..., 1:-1] + 0.25 * rows[..., 2:]

    mean_made, mean_true = around(produced), around(wanted)
    unheard = UNHEARD_NEPERS**2
    spread_made = (around(produced.square()) - mean_made.square()).clamp_min(0) + unheard
    spread_true = (around(wanted.square()) - mean_true.square()).clamp_min(0) + unheard
    together = around(produced * wanted) - mean_made * mean_true + unheard
    return 1 - (together / (spread_made * spread_true).sqrt()).mean()


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
        self.register_buffer("bands", bands * (window / 2) * (MEL_WINDOW / window) ** 2, persistent=False)

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
        self.log_mel = LogMel(sample_rate)

    def forward(self, produced: Tensor, wanted: Tensor) -> tuple[Tensor, dict[str, float]]:
        """Total and its parts for [B, T] sounds."""
        mel = F.l1_loss(self.log_mel(produced), self.log_mel(wanted))
        stft = produced.new_zeros(())
        for window in STFT_WINDOWS:
            convergence, log_magnitude = stft_distances(produced, wanted, window)
            stft = stft + (convergence + log_magnitude) / len(STFT_WINDOWS)
        return mel + stft, {"mel": float(mel.detach()), "stft": float(stft.detach())}
