"""One seed, and a generator of its own for each stage of the path."""

from __future__ import annotations

import secrets
import zlib

import numpy as np
import torch


def new_seed() -> int:
    """A seed for a person who named none: short enough to be typed again."""
    return secrets.randbelow(2**31)


def stage_seed(seed: int, stage: str) -> int:
    """The seed of one stage, 63 bits, from the seed of the whole."""
    sequence = np.random.SeedSequence([seed, zlib.crc32(stage.encode())])
    return int(sequence.generate_state(1, np.uint64)[0] >> np.uint64(1))


def stage_rng(seed: int, stage: str) -> np.random.Generator:
    """The NumPy generator of one stage."""
    return np.random.default_rng(stage_seed(seed, stage))


def stage_torch_rng(seed: int, stage: str) -> torch.Generator:
    """The torch generator of one stage, of the CPU."""
    return torch.Generator().manual_seed(stage_seed(seed, stage))
