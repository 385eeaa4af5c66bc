"""Discriminators that look at complex spectra at several resolutions (EnCodec, Défossez et al. 2022; smaller).

Period discriminators are left out: on two cores they cost more than they gave.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.features import BASE_RATE_HZ, window_factor

WINDOWS = (2048, 512)  # samples at BASE_RATE_HZ


class SpectralDiscriminator(nn.Module):
    """[B, T] -> score map and the inner activations, for one window length."""

    taper: Tensor

    def __init__(self, window: int, channels: int) -> None:
        super().__init__()
        self.window = window
        self.register_buffer("taper", torch.hann_window(window), persistent=False)
        norm = nn.utils.parametrizations.weight_norm
        layers = [nn.Conv2d(2, channels, (3, 9), padding=(1, 4))]
        for dilation in (1, 2):
            layers.append(
                nn.Conv2d(
                    channels, channels, (3, 9), stride=(1, 2), dilation=(dilation, 1), padding=(dilation, 4)
                )
            )
        layers.append(nn.Conv2d(channels, channels, (3, 3), stride=(1, 2), padding=(1, 1)))
        self.layers = nn.ModuleList(norm(layer) for layer in layers)
        self.last = norm(nn.Conv2d(channels, 1, (3, 3), padding=(1, 1)))

    def forward(self, samples: Tensor) -> tuple[Tensor, list[Tensor]]:
        hop = self.window // 4
        spectrum = torch.stft(
            samples, self.window, hop, window=self.taper, normalized=True, return_complex=True
        )
        x = torch.view_as_real(spectrum).permute(0, 3, 2, 1)  # [B, 2, frames, bins]
        activations = []
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
            activations.append(x)
        return self.last(x), activations


class SpectralDiscriminators(nn.Module):
    """One discriminator a window length, which is as long in seconds at any rate."""

    def __init__(self, channels: int = 16, sample_rate: int = BASE_RATE_HZ) -> None:
        super().__init__()
        windows = [window_factor(sample_rate) * window for window in WINDOWS]
        self.members = nn.ModuleList(SpectralDiscriminator(window, channels) for window in windows)

    def forward(self, samples: Tensor) -> list[tuple[Tensor, list[Tensor]]]:
        return [member(samples) for member in self.members]


def discriminator_loss(discriminators: SpectralDiscriminators, produced: Tensor, wanted: Tensor) -> Tensor:
    """Hinge loss of telling [B, T] produced sounds from true ones, averaged over the members."""
    total = produced.new_zeros(())
    for (made, _), (true, _) in zip(discriminators(produced), discriminators(wanted), strict=True):
        total = total + F.relu(1 + made).mean() + F.relu(1 - true).mean()
    return total / len(WINDOWS)


def generator_losses(
    discriminators: SpectralDiscriminators, produced: Tensor, wanted: Tensor
) -> tuple[Tensor, Tensor]:
    """How badly the discriminators are fooled, and how far apart their activations lie (feature matching)."""
    with torch.no_grad():
        references = discriminators(wanted)
    deceit = produced.new_zeros(())
    matching = produced.new_zeros(())
    for (made, inner), (_, wanted_inner) in zip(discriminators(produced), references, strict=True):
        deceit = deceit - made.mean()
        for ours, theirs in zip(inner, wanted_inner, strict=True):
            matching = matching + F.l1_loss(ours, theirs) / theirs.abs().mean().clamp_min(1e-3) / len(inner)
    return deceit / len(WINDOWS), matching / len(WINDOWS)
