"""The lag between score and sound: which shift makes two spectrograms agree best."""

from __future__ import annotations

import numpy as np
import torch

from codec.losses import MEL_FLOOR, MEL_WINDOW, LogMel, magnitudes

FRAME_SECONDS = 0.005
LARGEST_LAG_SECONDS = 0.2


def lag_seconds(produced: np.ndarray, wanted: np.ndarray, sample_rate: int) -> float:
    """How much later `produced` comes than `wanted`, seconds within +-LARGEST_LAG_SECONDS.

    The log-mel distance of the two, at a hop of 5 ms, is taken at every shift; the least one decides, refined by the
    parabola through its neighbours.

    Args:
        produced, wanted: sounds [T] at one level.
        sample_rate: Hz.

    Raises:
        ValueError: a sound is shorter than four times the largest lag.
    """
    made, true = (fine_log_mel(sound, sample_rate) for sound in (produced, wanted))  # [80, frames] each
    reach = round(LARGEST_LAG_SECONDS / FRAME_SECONDS)
    frames = min(made.shape[1], true.shape[1])
    if frames < 4 * reach:
        raise ValueError(
            f"{frames * FRAME_SECONDS:.2f} s of sound; {4 * LARGEST_LAG_SECONDS:g} s are needed for a lag"
        )
    # The same stretch of the wanted sound for every shift, so that the distances can be compared.
    middle = true[:, reach : frames - reach]
    distances = np.array(
        [
            float((made[:, reach + shift : frames - reach + shift] - middle).abs().mean())
            for shift in range(-reach, reach + 1)
        ]
    )
    best = int(distances.argmin())
    return (best - reach + _parabola_offset(distances, best)) * FRAME_SECONDS


@torch.no_grad()
def fine_log_mel(samples: np.ndarray, sample_rate: int) -> torch.Tensor:
    """`codec.losses.LogMel` of samples [T] with a frame every 5 ms: [80, S]."""
    sound = torch.from_numpy(np.ascontiguousarray(samples, np.float32))[None]
    spectrum = magnitudes(sound, MEL_WINDOW, round(FRAME_SECONDS * sample_rate), MEL_FLOOR)  # [1, S, bins]
    return (spectrum @ LogMel(sample_rate).bands).clamp_min(MEL_FLOOR).log()[0].T


def _parabola_offset(values: np.ndarray, place: int) -> float:
    """Where between its neighbours the minimum at `place` lies, -0.5 ... 0.5; 0 at the edges."""
    if not 0 < place < len(values) - 1:
        return 0.0
    left, middle, right = values[place - 1 : place + 2]
    curve = left - 2 * middle + right
    return float(0.5 * (left - right) / curve) if curve > 0 else 0.0
