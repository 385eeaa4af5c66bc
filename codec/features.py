"""Waveform to spectral features and spectra back to waveform, all on the frame clock.

Frame s covers samples [s * hop, (s + 1) * hop) and every analysis window is centred on the middle of its
frame, so a click at a frame's centre shows up in that frame. Axes: B batch, T samples, S frames, D features.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.spectrum import overlap_add

# (window samples, windows a frame, bins kept) of the three views the encoder looks through: long windows tell
# neighbouring semitones apart in the bass, short ones say when a note starts. Magnitudes only: codes that chase
# phase are hard to predict, and the decoder can invent phase.
VIEWS = ((4096, 1, 341), (2048, 1, 1025), (512, 2, 257))
# All windows are given in samples at this rate.
BASE_RATE_HZ = 24_000
# Above BASE_RATE_HZ, up to how many Hz how many bins make one number: nobody tells neighbouring bins up there apart,
# and the encoder's first layers, which have a weight for every number, would be most of a small codec.
POOLED = ((4_000, 1), (12_000, 4), (math.inf, 16))


def window_factor(sample_rate: int) -> int:
    """By how much a window has more samples at a rate than at BASE_RATE_HZ: 1 below 36 kHz, 2 at 44.1 and 48 kHz."""
    return max(1, round(sample_rate / BASE_RATE_HZ))


@dataclass(frozen=True)
class LogScale:
    """How magnitudes become the numbers that networks see: (log(magnitude + floor) - mean) / spread.

    The floor is 120 dB under full scale a bin: bands of the ear are heard down to 90 dB under it, and hold many bins.
    With a floor 20 dB higher, the quiet ends of spectra were lost: log-mel 0.64 against 0.44 after 1,000 steps.
    """

    floor: float = 1e-6
    mean: float = -10.5
    spread: float = 2.3

    def __post_init__(self) -> None:
        if self.floor <= 0 or self.spread <= 0:
            raise ValueError(f"floor and spread must be above 0: {self}")

    def standardise(self, log_magnitudes: Tensor) -> Tensor:
        return (log_magnitudes - self.mean) / self.spread

    def restore(self, standardised: Tensor) -> Tensor:
        return self.mean + self.spread * standardised


@dataclass(frozen=True)
class View:
    """One window length that the encoder looks through: `window` samples, `per_frame` windows a frame, and how many
    neighbouring bins make each of the numbers it sees, as runs of (bands, bins a band) from bin 0 up."""

    window: int
    per_frame: int
    runs: tuple[tuple[int, int], ...]

    @property
    def size(self) -> int:
        """Numbers a frame."""
        return self.per_frame * sum(bands for bands, _ in self.runs)

    def pooled(self, magnitudes: Tensor) -> Tensor:
        """[B, bins, N] -> [B, bands, N]: the root of the mean power where a band has more than one bin."""
        parts, start = [], 0
        for bands, width in self.runs:
            part = magnitudes[:, start : start + bands * width]
            if width > 1:
                part = part.square().unflatten(1, (bands, width)).mean(2).sqrt()
            parts.append(part)
            start += bands * width
        return parts[0] if len(parts) == 1 else torch.cat(parts, dim=1)


def views_at(sample_rate: int) -> tuple[View, ...]:
    """VIEWS at a rate: as long in seconds, and pooled above BASE_RATE_HZ."""
    factor = window_factor(sample_rate)
    if factor == 1:
        return tuple(View(window, per_frame, ((bins, 1),)) for window, per_frame, bins in VIEWS)
    views = []
    for window, per_frame, bins in VIEWS:
        long = window * factor
        kept = long // 2 + 1 if bins == window // 2 + 1 else bins
        runs, start = [], 0
        for up_to_hz, width in POOLED:
            end = kept if up_to_hz >= sample_rate / 2 else min(kept, round(up_to_hz * long / sample_rate))
            bands = (end - start) // width  # of what is left over the next run takes its share, or nobody
            if bands > 0:
                runs.append((bands, width))
                start += bands * width
        views.append(View(long, per_frame, tuple(runs)))
    return tuple(views)


class SpectralFeatures(nn.Module):
    """Log magnitudes of the three views, side by side: [B, T] -> [B, S, D] with T a multiple of `hop`."""

    def __init__(self, hop: int, scale: LogScale = LogScale(), sample_rate: int = BASE_RATE_HZ) -> None:
        super().__init__()
        self.hop, self.scale, self.views = hop, scale, views_at(sample_rate)
        self.size = sum(view.size for view in self.views)
        for view in self.views:
            self.register_buffer(f"window_{view.window}", torch.hann_window(view.window), persistent=False)

    @property
    def reach_samples(self) -> int:
        """Samples that the widest window sees before its frame, and as many after it."""
        return max((view.window - self.hop // view.per_frame) // 2 for view in self.views)

    def forward(self, samples: Tensor) -> Tensor:
        return self.framed(F.pad(samples, (self.reach_samples, self.reach_samples)))

    def framed(self, samples: Tensor) -> Tensor:
        """[B, reach + S * hop + reach] samples -> [B, S, D]."""
        seen = []
        for view in self.views:
            step = self.hop // view.per_frame
            beyond = self.reach_samples - (view.window - step) // 2
            inner = samples[:, beyond : samples.shape[-1] - beyond]
            taper = getattr(self, f"window_{view.window}")
            spectrum = torch.stft(inner, view.window, step, window=taper, center=False, return_complex=True)
            kept = sum(bands * width for bands, width in view.runs)
            magnitude = view.pooled(spectrum[:, :kept].abs() * (2 / view.window))
            log_magnitude = (magnitude + self.scale.floor).log()  # [B, bands, S * per_frame]
            numbers = log_magnitude.transpose(1, 2).unflatten(1, (-1, view.per_frame)).flatten(2)
            seen.append(self.scale.standardise(numbers))  # [B, S, size]
        return torch.cat(seen, dim=-1)  # [B, S, D]


class MagnitudeSpectra(nn.Module):
    """What the decoder has to predict: log magnitudes of one window, [B, T] -> [B, S, window // 2 + 1]."""

    taper: Tensor

    def __init__(self, window: int, hop: int, floor: float = LogScale.floor) -> None:
        super().__init__()
        if window % (2 * hop):
            raise ValueError(f"window {window} and hop {hop}: the window must be an even number of hops")
        self.window, self.hop, self.floor = window, hop, floor
        self.register_buffer("taper", torch.hann_window(window), persistent=False)

    @property
    def edge_samples(self) -> int:
        """Samples by which the window reaches over its frame on either side."""
        return (self.window - self.hop) // 2

    def forward(self, samples: Tensor) -> Tensor:
        spectra = self.spectra(F.pad(samples, (self.edge_samples, self.edge_samples)))
        return (spectra.abs() * (2 / self.window) + self.floor).log()

    def spectra(self, padded: Tensor) -> Tensor:
        """Complex spectra of the frames of [..., edge + S * hop + edge] samples, [..., S, bins]."""
        return torch.fft.rfft(padded.unfold(-1, self.window, self.hop) * self.taper)

    def synthesise(self, log_magnitudes: Tensor, phases: Tensor) -> Tensor:
        """Windowed overlap-add: [B, S, bins] log magnitudes and phases at the frames' centres -> [B, S * hop]."""
        return self.overlapped(self.frames(torch.polar(self.linear(log_magnitudes), phases)))

    def overlapped(self, frames: Tensor) -> Tensor:
        """The sound of tapered frames: [B, S, window] -> [B, S * hop]."""
        length = (frames.shape[1] - 1) * self.hop + self.window
        total = overlap_add(frames, self.hop, length)
        envelope = overlap_add(self.taper.square().expand(1, frames.shape[1], -1), self.hop, length)
        inner = slice(self.edge_samples, length - self.edge_samples)
        return total[:, inner] / envelope[:, inner].clamp_min(1e-6)  # [B, S * hop]

    def linear(self, log_magnitudes: Tensor) -> Tensor:
        """Log magnitudes as magnitudes on the scale of an unnormalised FFT; what is at the floor is nothing."""
        return (log_magnitudes.exp() - self.floor).clamp_min(0) * (self.window / 2)

    def frames(self, spectra: Tensor) -> Tensor:
        """Complex spectra [..., S, bins] -> tapered frames [..., S, window], ready to be overlapped and added."""
        # A frame's centre is half a window from its first sample: every odd bin changes its sign.
        signs = 1 - 2 * (torch.arange(spectra.shape[-1], device=spectra.device) % 2)
        return torch.fft.irfft(spectra * signs, n=self.window) * self.taper

    def phases(self, samples: Tensor) -> Tensor:
        """Phases at the frames' centres of [B, T] samples, [B, S, bins]."""
        padded = F.pad(samples, (self.edge_samples, self.edge_samples))
        frames = padded.unfold(-1, self.window, self.hop) * self.taper
        return torch.fft.rfft(frames.roll(self.window // 2, dims=-1)).angle()
