"""How the inner ear divides a spectrum: levels in gammatone bands, and how alike two maps of levels are.

Axes: B batch, S frames; bands run from low to high.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LOWEST_HZ, HIGHEST_HZ = 50.0, 24_000.0
# ViSQOL ends 90 dB under the loudest band of a frame, and at 90 dB under full scale: what is as quiet as that still
# counts there. (It calls them 45 dB, because it takes 10 log10 of amplitudes.)
FLOOR_DB = 90.0
# Weights of a 3 x 3 neighbourhood in the Neurogram Similarity Index: centre, side, corner.
CENTRE, SIDE, CORNER = 0.6195, 0.0838, 0.0113
# Its constants, in squared nepers; the one of structure is larger than the original's 2.4e-5, for the gradient's sake.
INTENSITY_CONSTANT, STRUCTURE_CONSTANT = 5e-6, 3e-4


def gammatone_bands(count: int, bins: int, sample_rate: int) -> Tensor:
    """Power responses of fourth-order gammatone filters at every bin of a spectrum, [bins, count].

    Centres and widths after Slaney 1993 (Glasberg & Moore's equivalent rectangular bandwidths). Bands whose centre lies
    beyond half the sample rate hear the skirt of what lies below.
    """
    quality, narrowest_hz = 9.26449, 24.7
    offset = quality * narrowest_hz
    step = math.log((HIGHEST_HZ + offset) / (LOWEST_HZ + offset)) / count
    centres = (-offset + torch.exp(-step * torch.arange(1, count + 1)) * (HIGHEST_HZ + offset)).flip(0)  # Hz
    widths = 1.019 * (centres / quality + narrowest_hz)
    frequencies = torch.arange(bins)[:, None] * (sample_rate / 2 / (bins - 1))
    return (1 + ((frequencies - centres) / widths).square()) ** -4


class EarLevels(nn.Module):
    """Levels of gammatone bands in nepers of amplitude: [B, S, bins] log magnitudes -> [B, S, bands]."""

    bands: Tensor

    def __init__(self, sample_rate: int, window: int, count: int = 32) -> None:
        super().__init__()
        self.register_buffer("bands", gammatone_bands(count, window // 2 + 1, sample_rate), persistent=False)

    def forward(self, log_magnitudes: Tensor) -> Tensor:
        powers = 0.5 * ((2 * log_magnitudes).exp() @ self.bands)
        share = 10 ** (-FLOOR_DB / 10)
        floor = (powers.amax(-1, keepdim=True) * share).clamp_min(share)
        return 0.5 * torch.maximum(powers, floor).log()


def neurogram_similarity(produced: Tensor, wanted: Tensor) -> Tensor:
    """Neurogram Similarity Index (Hines & Harte 2012) of two [B, S, bands] maps of levels, a scalar of at most 1.

    Intensity times structure over 3 x 3 neighbourhoods, as ViSQOL (Chinen et al. 2020) has it: structure is how levels
    rise and fall together, and hardly any fluctuation is too small to count. A figure of ViSQOL is no independent
    judge of what is trained on it.
    """
    mean_made, mean_true = _around(produced), _around(wanted)
    spread_made = (_around(produced.square()) - mean_made.square()).clamp_min(0)
    spread_true = (_around(wanted.square()) - mean_true.square()).clamp_min(0)
    together = _around(produced * wanted) - mean_made * mean_true
    alike = (spread_made * spread_true).clamp_min(1e-12).sqrt()
    structure = (together + STRUCTURE_CONSTANT) / (alike + STRUCTURE_CONSTANT)
    lowest = torch.minimum(produced.amin((1, 2), keepdim=True), wanted.amin((1, 2), keepdim=True))
    made, true = mean_made - lowest, mean_true - lowest
    intensity = (2 * made * true + INTENSITY_CONSTANT) / (made.square() + true.square() + INTENSITY_CONSTANT)
    return (intensity * structure).mean()


def _around(levels: Tensor) -> Tensor:
    """Weighted mean of each point and its neighbours in time and frequency."""
    padded = F.pad(levels[:, None], (1, 1, 1, 1), mode="replicate")[:, 0]
    rows = padded[:, :-2] + padded[:, 2:]
    middle = padded[:, 1:-1]
    edges = CORNER * rows + SIDE * middle
    return edges[..., :-2] + edges[..., 2:] + SIDE * rows[..., 1:-1] + CENTRE * middle[..., 1:-1]
