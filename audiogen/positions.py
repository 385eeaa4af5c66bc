"""Sinusoidal positions, added to the input of a transformer (Vaswani et al. 2017, arXiv:1706.03762, section 3.5).

Axes: S positions, D width.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

BASE = 10000.0


def sinusoidal_positions(count: int, width: int) -> Tensor:
    """[S, D]: sines in the even columns and cosines in the odd ones; column pair i turns at 10000 ** (-2 i / D)."""
    columns = torch.arange(width)
    rates = BASE ** (-(columns - columns % 2).double() / width)  # [D]
    angles = torch.arange(count, dtype=torch.float64)[:, None] * rates
    return torch.where(columns % 2 == 0, angles.sin(), angles.cos()).float()


def musicgen_positions(start: int, count: int, width: int) -> Tensor:
    """[S, D] from `start` on: all cosines, then all sines, and the slowest pair turns at exactly 1 / 10000.

    In single precision throughout, as MusicGen was trained.
    """
    half = width // 2
    rates = torch.exp(torch.arange(half).float() * -(math.log(BASE) / (half - 1)))
    angles = torch.arange(start, start + count).float()[:, None] * rates  # [S, D/2]
    return torch.nn.functional.pad(torch.cat((angles.cos(), angles.sin()), dim=1), (0, width % 2))
