"""Two channels: mid and side coded together, the side as cheaply as it is heard.

Mid is (left + right) / 2, side (left - right) / 2. The encoder sees the features of both side by side, and how they
lean on each other, without which left could not be told from right. The decoder makes the side of the mid's fine
structure, levels of its own in the ear's bands, and a lean a band: the cosine of the angle by which the side's phase is
ahead of the mid's. At a lean of 1 all is left, at -1 right, and at 0 the side is in quadrature, which keeps the powers
of left and right alike as decorrelated sound does. The levels of mid, side, left and right are so what the decoder
says:

    |left|^2  = mid^2 + side^2 + 2 mid side lean
    |right|^2 = mid^2 + side^2 - 2 mid side lean

Axes: B batch, C channels (left, right), T samples, S frames, D features.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.config import CodecConfig
from codec.ear import gammatone_bands
from codec.features import MagnitudeSpectra, SpectralFeatures
from codec.levels import MAGNITUDE_CEILING, BandLevels

# A side, or a mid, this share of the other's amplitude has no lean: nobody hears where it leans.
LEAST_SHARE = 1e-4
# A side this far under its mid is left out when sound is made: it is not heard, and mono comes back as mono.
SILENT_SIDE_DB = 40.0
# Under the root in the sine of the angle, whose gradient would else be infinite where all is on one channel.
LEAST_SINE_SQUARED = 1e-6


def side_by_side(samples: Tensor) -> Tensor:
    """Mid and side of left and right, [B, 2, T] -> [B, 2, T]; two equal channels have a side of exact zeros."""
    left, right = samples.unbind(1)
    return torch.stack([(left + right) / 2, (left - right) / 2], dim=1)


class Leans(nn.Module):
    """How mid and side lean on each other in bands of the ear, -1 (all right) ... 1 (all left).

    [B, 2, edge + S * hop + edge] mid and side -> [B, S, bands].
    """

    bands: Tensor

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.spectra = MagnitudeSpectra(config.head_window, config.hop_samples, config.magnitude_floor)
        bands = gammatone_bands(config.level_bands, config.head_window // 2 + 1, config.sample_rate)
        self.register_buffer("bands", bands, persistent=False)

    def forward(self, mid_and_side: Tensor) -> Tensor:
        spectra = self.spectra.spectra(mid_and_side) * (2 / self.spectra.window)
        mid, side = spectra.unbind(1)  # [B, S, bins]
        together = (mid.real * side.real + mid.imag * side.imag) @ self.bands
        powers = [(x.real.square() + x.imag.square()) @ self.bands for x in (mid, side)]
        least = LEAST_SHARE * (powers[0] + powers[1]) + self.spectra.floor**2
        return together / ((powers[0] * powers[1]).sqrt() + least)


class StereoFeatures(nn.Module):
    """Features of mid, of side, and their leans: [B, 2, T] -> [B, S, D] with T a multiple of the hop."""

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.views = SpectralFeatures(config.hop_samples, config.scale, config.sample_rate)
        self.leans = Leans(config)
        self.hop, self.reach_samples = config.hop_samples, self.views.reach_samples
        if self.reach_samples < self.leans.spectra.edge_samples:
            raise ValueError(f"head_window {config.head_window} is longer than the encoder's own windows")
        self.size = 2 * self.views.size + config.level_bands

    def forward(self, samples: Tensor) -> Tensor:
        return self.framed(F.pad(samples, (self.reach_samples, self.reach_samples)))

    def framed(self, samples: Tensor) -> Tensor:
        """[B, 2, reach + S * hop + reach] samples -> [B, S, D]."""
        both = side_by_side(samples)
        mid, side = self.views.framed(both.flatten(0, 1)).unflatten(0, (-1, 2)).unbind(1)  # [B, S, D]
        beyond = self.reach_samples - self.leans.spectra.edge_samples
        leans = self.leans(both[..., beyond : both.shape[-1] - beyond])
        return torch.cat([mid, side, leans], dim=-1)  # [B, S, D]


class SideHead(nn.Module):
    """The side of a mid: [B, S, bins] log magnitudes -> mid, side and lean [B, S, 3, bins]."""

    def __init__(self, config: CodecConfig) -> None:
        super().__init__()
        self.levels = BandLevels(config)
        self.lean = nn.Linear(config.decoder_width, config.level_bands)
        self.direct = nn.Linear(config.latent_size, config.level_bands)
        self.lowest, self.highest = math.log(config.magnitude_floor), math.log(MAGNITUDE_CEILING)

    def forward(self, mid: Tensor, latents: Tensor, body: Tensor) -> Tensor:
        # Bounded here too, so that the losses see a silent side as silent, however far it was lowered.
        side = self.levels(mid, latents, body).clamp(self.lowest, self.highest)
        lean = torch.tanh((self.direct(latents) + self.lean(body)).float())
        with torch.autocast(mid.device.type, enabled=False):
            spread = lean @ self.levels.spread  # [B, S, bins]; a bin's bands weigh 1 together
        return torch.stack([mid.float(), side, spread], dim=2)


def total_magnitudes(spectrum: Tensor) -> Tensor:
    """Log of the root of mid's power and side's: [B, S, 3, bins] -> [B, S, bins]."""
    mid, side, _ = spectrum.unbind(2)
    return 0.5 * torch.logaddexp(2 * mid, 2 * side)


def two_channels(spectrum: Tensor, phases: Tensor, spectra: MagnitudeSpectra) -> Tensor:
    """Complex spectra of left and right.

    Args:
        spectrum: [B, S, 3, bins], bounded.
        phases: of the mid, [B, S, bins].
        spectra: whose scale they are on.

    Returns:
        complex [B, C, S, bins].
    """
    mid, side, lean = spectrum.unbind(2)
    turned = torch.complex(lean, (1 - lean.square()).clamp_min(LEAST_SINE_SQUARED).sqrt())
    mids = torch.polar(spectra.linear(mid), phases)
    heard = side > mid - SILENT_SIDE_DB / 20 * math.log(10)
    sides = torch.polar(spectra.linear(side) * heard, phases) * turned
    return torch.stack([mids + sides, mids - sides], dim=1)


def four_views(spectrum: Tensor, spectra: MagnitudeSpectra) -> Tensor:
    """Log magnitudes of mid, side, left and right: [B, S, 3, bins] -> [B * 4, S, bins]."""
    mid, side, lean = spectrum.unbind(2)
    a, b = ((x.exp() - spectra.floor).clamp_min(0) for x in (mid, side))
    total, across = a.square() + b.square(), 2 * a * b * lean
    channels = [0.5 * ((total + sign * across).clamp_min(0) + spectra.floor**2).log() for sign in (1, -1)]
    return torch.stack([mid, side, *channels], dim=1).flatten(0, 1)
