"""Waveform to spectral features and spectra back to waveform, all on the frame clock.

Frame s covers samples [s * hop, (s + 1) * hop) and every analysis window is centred on the middle of its
frame, so a click at a frame's centre shows up in that frame. Axes: B batch, T samples, S frames, D features.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from codec.spectrum import overlap_add

# (window samples, windows a frame, bins kept) of the three views the encoder looks through: long windows tell
# neighbouring semitones apart in the bass, short ones say when a note starts. Magnitudes only: codes that chase
# phase are hard to predict, and the decoder can invent phase.
VIEWS = ((4096, 1, 341), (2048, 1, 1025), (512, 2, 257))
LOG_FLOOR = 1e-4
MAGNITUDE_FLOOR = 1e-5  # 100 dB under full scale: silence for the decoder
LOG_MEAN, LOG_SCALE = -6.0, 3.0  # of log magnitudes over the training pool, rounded


class SpectralFeatures(nn.Module):
    """Log magnitudes of the three views, side by side: [B, T] -> [B, S, D] with T a multiple of `hop`."""

    def __init__(self, hop: int) -> None:
        super().__init__()
        self.hop = hop
        self.size = sum(per_frame * bins for _, per_frame, bins in VIEWS)
        for window, _, _ in VIEWS:
            self.register_buffer(f"window_{window}", torch.hann_window(window), persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        views = []
        for window, per_frame, bins in VIEWS:
            step = self.hop // per_frame
            edge = (window - step) // 2
            padded = F.pad(samples, (edge, edge))
            taper = getattr(self, f"window_{window}")
            spectrum = torch.stft(padded, window, step, window=taper, center=False, return_complex=True)
            magnitude = spectrum[:, :bins].abs() * (2 / window)
            log_magnitude = (magnitude + LOG_FLOOR).log()  # [B, bins, S * per_frame]
            batch, _, steps = log_magnitude.shape
            view = log_magnitude.transpose(1, 2).reshape(batch, steps // per_frame, per_frame * bins)
            views.append((view - LOG_MEAN) / LOG_SCALE)  # [B, S, per_frame * bins]
        return torch.cat(views, dim=-1)  # [B, S, D]


class MagnitudeSpectra(nn.Module):
    """What the decoder has to predict: log magnitudes of one window, [B, T] -> [B, S, window // 2 + 1]."""

    taper: Tensor

    def __init__(self, window: int, hop: int) -> None:
        super().__init__()
        if window % (2 * hop):
            raise ValueError(f"window {window} and hop {hop}: the window must be an even number of hops")
        self.window, self.hop = window, hop
        self.register_buffer("taper", torch.hann_window(window), persistent=False)

    def forward(self, samples: Tensor) -> Tensor:
        edge = (self.window - self.hop) // 2
        padded = F.pad(samples, (edge, edge))
        frames = padded.unfold(-1, self.window, self.hop) * self.taper  # [B, S, window]
        return (torch.fft.rfft(frames).abs() * (2 / self.window) + MAGNITUDE_FLOOR).log()

    def synthesise(self, log_magnitudes: Tensor, phases: Tensor) -> Tensor:
        """Windowed overlap-add: [B, S, bins] log magnitudes and phases at the frames' centres -> [B, S * hop]."""
        magnitudes = (log_magnitudes.exp() - MAGNITUDE_FLOOR).clamp_min(0) * (self.window / 2)
        # A frame's centre is half a window from its first sample: every odd bin changes its sign.
        signs = 1 - 2 * (torch.arange(magnitudes.shape[-1], device=phases.device) % 2)
        frames = torch.fft.irfft(torch.polar(magnitudes, phases) * signs, n=self.window) * self.taper
        edge = (self.window - self.hop) // 2
        length = (frames.shape[1] - 1) * self.hop + self.window
        total = overlap_add(frames, self.hop, length)
        envelope = overlap_add(self.taper.square().expand(1, frames.shape[1], -1), self.hop, length)
        inner = slice(edge, length - edge)
        return total[:, inner] / envelope[:, inner].clamp_min(1e-6)  # [B, S * hop]

    def phases(self, samples: Tensor) -> Tensor:
        """Phases at the frames' centres of [B, T] samples, [B, S, bins]."""
        edge = (self.window - self.hop) // 2
        frames = F.pad(samples, (edge, edge)).unfold(-1, self.window, self.hop) * self.taper
        return torch.fft.rfft(frames.roll(self.window // 2, dims=-1)).angle()
