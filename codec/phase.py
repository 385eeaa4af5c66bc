"""Phases for magnitudes: every spectral peak is a sinusoid that turns at its own frequency.

Codes hold no phase. A network that only sees codes cannot invent it either: for a held note its input, and so its
output, is the same in every frame, while the phases of a sinusoid differ from frame to frame by its frequency times
the hop. So phases are integrated: Single Pass Spectrogram Inversion (Beauregard, Harish & Wyse 2015), in the zero-phase
convention, where all bins of one peak's main lobe share one phase.

Axes: B batch, S frames, F bins.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


def integrate_phases(log_magnitudes: Tensor, window: int, hop: int) -> Tensor:
    """Phases at the frames' centres for [B, S, F] log magnitudes, [B, S, F]."""
    peaks = _nearest_peaks(log_magnitudes)  # [B, S, F]
    frequency = _peak_frequencies(log_magnitudes, window).gather(-1, peaks)  # cycles a sample, per bin
    before = torch.cat([frequency[:, :1], frequency[:, :-1]], dim=1).gather(-1, peaks)
    # Mean frequency over the hop: what a glide between two frames comes to.
    advance = (math.pi * hop) * (before + frequency)
    phases = torch.empty_like(log_magnitudes)
    now = torch.zeros_like(log_magnitudes[:, 0])
    for s in range(log_magnitudes.shape[1]):
        now = torch.remainder(now.gather(-1, peaks[:, s]) + advance[:, s], 2 * math.pi)
        phases[:, s] = now
    return phases


def _nearest_peaks(log_magnitudes: Tensor) -> Tensor:
    """Index of the peak nearest to every bin, int64 [B, S, F]; a frame without peaks has one at bin 0."""
    inner = log_magnitudes[..., 1:-1]
    is_peak = torch.zeros_like(log_magnitudes, dtype=torch.bool)
    is_peak[..., 1:-1] = (inner > log_magnitudes[..., :-2]) & (inner >= log_magnitudes[..., 2:])
    bins = log_magnitudes.shape[-1]
    places = torch.arange(bins, device=log_magnitudes.device).expand_as(log_magnitudes)
    far = 2 * bins
    left = torch.where(is_peak, places, -far).cummax(-1).values
    right = torch.where(is_peak, places, far).flip(-1).cummin(-1).values.flip(-1)
    nearest = torch.where(places - left <= right - places, left, right)
    return torch.where((nearest >= 0) & (nearest < bins), nearest, 0)


def _peak_frequencies(log_magnitudes: Tensor, window: int) -> Tensor:
    """Frequency of a sinusoid whose peak is at each bin, cycles a sample, from a parabola through three bins."""
    left, middle, right = log_magnitudes[..., :-2], log_magnitudes[..., 1:-1], log_magnitudes[..., 2:]
    curvature = left - 2 * middle + right
    shift = torch.where(curvature < -1e-9, 0.5 * (left - right) / curvature, 0.0).clamp(-0.5, 0.5)
    shift = torch.nn.functional.pad(shift, (1, 1))
    return (torch.arange(log_magnitudes.shape[-1], device=shift.device) + shift) / window
