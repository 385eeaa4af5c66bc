"""Short-time spectra with a backward pass of their own. Axes: B batch, T samples, S frames.

PyTorch differentiates a real FFT through a full complex one and a scatter; on two cores that was over half of a
training step of the codec. The gradient of a real FFT is an inverse real FFT, which is what is used here.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor


class _FrameSpectra(torch.autograd.Function):
    """[B, T] samples -> complex [B, S, window // 2 + 1] spectra of tapered frames, S = (T - window) // hop + 1."""

    @staticmethod
    def forward(ctx: Any, samples: Tensor, taper: Tensor, hop: int) -> Tensor:
        ctx.save_for_backward(taper)
        ctx.hop, ctx.length = hop, samples.shape[-1]
        return torch.fft.rfft(samples.unfold(-1, len(taper), hop) * taper)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        (taper,), window = ctx.saved_tensors, len(ctx.saved_tensors[0])
        # irfft counts every inner bin twice, for its mirror image; the gradient counts it once.
        weighted = gradients[0] * 0.5
        weighted[..., 0] *= 2
        weighted[..., -1] *= 2
        frames = torch.fft.irfft(weighted, n=window, norm="forward") * taper  # [B, S, window]
        return overlap_add(frames, ctx.hop, ctx.length), None, None


def overlap_add(frames: Tensor, hop: int, length: int) -> Tensor:
    """[B, S, window] -> [B, length]: frame s is added at sample s * hop."""
    batch, count, window = frames.shape
    if window % hop:
        covered = (count - 1) * hop + window
        total = F.fold(frames.transpose(1, 2), (1, covered), (1, window), stride=(1, hop))[:, 0, 0]
        return F.pad(total, (0, length - covered))
    # Every frame is window / hop whole pieces; piece p of frame s lands on piece s + p.
    pieces = frames.view(batch, count, window // hop, hop)
    total = frames.new_zeros(batch, count + window // hop - 1, hop)
    for p in range(window // hop):
        total[:, p : p + count] += pieces[:, :, p]
    flat = total.flatten(1)
    return F.pad(flat, (0, length - flat.shape[1]))  # [B, T]


def spectra(samples: Tensor, window: int, hop: int) -> Tensor:
    """Complex spectra of Hann frames centred on every `hop`-th sample, [B, T] -> [B, S, window // 2 + 1].

    The ends are mirrored, as by `torch.stft`.
    """
    padded = F.pad(samples[:, None], (window // 2, window // 2), mode="reflect")[:, 0]
    return _FrameSpectra.apply(padded, torch.hann_window(window, device=samples.device), hop)  # type: ignore[no-any-return]
