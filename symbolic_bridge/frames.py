"""Score frames: the performance sampled on the codec's frame clock."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

# Vocabulary of every stream. 0 always means "nothing": no note, no chord, no bar.
STREAM_SIZES = {
    "pitch": 128,  # lead's MIDI pitch
    "age": 32,  # frames since the lead's onset, 1-based: 1 ... 15 exact, then on a logarithmic scale
    "remaining": 32,  # frames to the end of the lead's note or, in silence, to the next onset; same scale
    "next_pitch": 128,  # pitch of the lead's next note
    "velocity": 16,  # lead's velocity // 8
    "chord": 49,  # 1 + root * 4 + quality
    "strum_age": 32,  # frames since the accompaniment last struck; same scale as age
    "strum_low": 128,  # lowest accompaniment pitch struck then
    "beat": 65,  # 1 + position in the bar in 1/64 of the bar
    "section": 9,  # 1 for A ... 8
}


@dataclass(frozen=True)
class ScoreFrames:
    """One integer per stream and frame; frame s is sampled at its centre, (s + 1/2) / frame_rate seconds.

    `values` is int16 [len(STREAM_SIZES), S], rows in the order of STREAM_SIZES.
    """

    frame_rate: Fraction
    values: np.ndarray
