"""Phases for magnitudes: every spectral peak is a sinusoid that turns at its own frequency.

Codes hold no phase. A network that only sees codes cannot invent it either: for a held note its input, and so its
output, is the same in every frame, while the phases of a sinusoid differ from frame to frame by its frequency times
the hop. So phases are integrated: Single Pass Spectrogram Inversion (Beauregard, Harish & Wyse 2015), in the zero-phase
convention, where all bins of one peak's main lobe share one phase.

Only the peaks are integrated; at the end every bin takes the phase of the peak nearest to it.
Axes: B batch, S frames, F bins, P peaks of all frames and sounds one after another, earlier frames first.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class PhaseState:
    """The last frame of a stream: `phases` in radians and `frequencies` in cycles a sample, both [B, F]."""

    phases: Tensor
    frequencies: Tensor


@dataclass(frozen=True)
class IntegratedPhases:
    """`phases` [B, S, F] at the frames' centres, and the `state` from which the next frames go on."""

    phases: Tensor
    state: PhaseState


@dataclass(frozen=True)
class _Peaks:
    """Peaks of rows of bins laid end to end: their `places` [P] in there, and how many bins each rules, `spans` [P]."""

    places: Tensor
    spans: Tensor


def integrate_phases(log_magnitudes: Tensor, window: int, hop: int) -> Tensor:
    """Phases at the frames' centres for [B, S, F] log magnitudes of a whole sound, [B, S, F]."""
    if not log_magnitudes.shape[1]:
        return torch.empty_like(log_magnitudes)
    return continue_phases(log_magnitudes, window, hop, None).phases


def continue_phases(
    log_magnitudes: Tensor, window: int, hop: int, state: PhaseState | None
) -> IntegratedPhases:
    """Phases of the frames that follow those of `state`; chunk after chunk they are those of the whole sound.

    Args:
        log_magnitudes: [B, S, F], at least one frame.
        window: samples of the analysis window.
        hop: samples from frame to frame.
        state: what the call for the frames before returned; None at the start of a sound.
    """
    rows = log_magnitudes.transpose(0, 1).contiguous()  # [S, B, F]
    peaks = _find_peaks(rows)
    at_peaks = _peak_frequencies(rows, peaks.places, window)
    frequencies = at_peaks.repeat_interleave(peaks.spans).view_as(rows)  # [S, B, F]
    first = frequencies[0] if state is None else state.frequencies
    earlier = torch.cat([first[None], frequencies[:-1]]).flatten()[peaks.places]  # [P]
    # Mean frequency over the hop: what a glide between two frames comes to.
    advances = (math.pi * hop) * (earlier + at_peaks)
    start = torch.zeros_like(rows[0]) if state is None else state.phases
    turned = _turn(start.flatten(), advances, peaks, len(rows))
    phases = turned.repeat_interleave(peaks.spans).view_as(rows)
    return IntegratedPhases(phases.transpose(0, 1), PhaseState(phases[-1].clone(), frequencies[-1].clone()))


def _turn(now: Tensor, advances: Tensor, peaks: _Peaks, frames: int) -> Tensor:
    """Phase of every peak [P]: that of the bin it stands on in the frame before, and its advance.

    Args:
        now: [B * F] phases before the first of the frames.
        advances: [P] radians.
        peaks: of the frames.
        frames: how many frames.
    """
    size = len(now)
    frame = peaks.places // size
    counts = frame.bincount(minlength=frames)
    # A peak of the first frame starts from a bin, any other one from that peak of the frame before which rules its bin.
    number = torch.arange(len(frame), device=now.device)
    ruler = number.repeat_interleave(peaks.spans)[(peaks.places - size).clamp_min(0)]
    sources = torch.where(frame > 0, ruler - (counts.cumsum(0) - counts)[frame - 1], peaks.places)
    turned, sizes = [], counts.tolist()
    for source, advance in zip(sources.split(sizes), advances.split(sizes), strict=True):
        now = torch.remainder(now.index_select(0, source) + advance, 2 * math.pi)
        turned.append(now)
    return torch.cat(turned)


def _find_peaks(log_magnitudes: Tensor) -> _Peaks:
    """Peaks of [S, B, F] log magnitudes; they rule the bins nearest to them, the lower of two as near.

    A row without peaks gets one at bin 0.
    """
    bins = log_magnitudes.shape[-1]
    inner = log_magnitudes[..., 1:-1]
    is_peak = torch.zeros_like(log_magnitudes, dtype=torch.bool)
    is_peak[..., 1:-1] = (inner > log_magnitudes[..., :-2]) & (inner >= log_magnitudes[..., 2:])
    is_peak[..., 0] = ~is_peak.any(-1)
    places = is_peak.flatten().nonzero()[:, 0]  # [P]
    left, right = places[:-1], places[1:]
    row = right // bins
    begins = torch.where(left // bins == row, (left + right) // 2 + 1, row * bins)
    edges = places.new_tensor([0]), places.new_tensor([is_peak.numel()])
    return _Peaks(places, torch.cat([edges[0], begins, edges[1]]).diff())


def _peak_frequencies(log_magnitudes: Tensor, places: Tensor, window: int) -> Tensor:
    """Frequencies of sinusoids that peak at [P] places, cycles a sample, from a parabola through three bins."""
    flat, bin_number = log_magnitudes.flatten(), places % log_magnitudes.shape[-1]
    left, middle, right = flat[(places - 1).clamp_min(0)], flat[places], flat[places + 1]
    curvature = left - 2 * middle + right
    bent = (curvature < -1e-9) & (bin_number > 0)
    shift = torch.where(bent, 0.5 * (left - right) / curvature, 0.0).clamp(-0.5, 0.5)
    return (bin_number + shift) / window
