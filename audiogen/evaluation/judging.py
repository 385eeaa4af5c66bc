"""How near sounds are to the original, by every measure there is, in processes of their own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from audiogen.evaluation.perceptual import Visqol
from codec.metrics import (
    DAC_RATES,
    dac_mel_distance,
    dac_stft_distance,
    log_mel_distance,
    si_sdr_db,
    stft_distance,
)
from codec.types import Waveform

# Every figure, and whether more of it is better. All but `side_log_mel` are of the channels' mean.
FIGURES = {
    "log_mel": False,
    "side_log_mel": False,
    "stft": False,
    "dac_mel": False,
    "dac_stft": False,
    "dac_mel_44k": False,
    "dac_stft_44k": False,
    "si_sdr_db": True,
    "visqol": True,
}


@dataclass(frozen=True)
class JudgeJob:
    """One original and what came of it, as files of float32 samples [C, T] at one rate."""

    original: Path
    produced: tuple[Path, ...]
    sample_rate: int
    with_visqol: bool


def judge(job: JudgeJob) -> list[dict[str, float | None]]:
    """The FIGURES of each produced sound.

    `visqol` is None where it was not asked for; `side_log_mel`, the log-mel distance of half the difference of left and
    right, where the sound has no two channels.
    """
    # Processes share the cores among themselves; threads on top of them would only wait for each other.
    torch.set_num_threads(1)
    wanted = load_sound(job.original, job.sample_rate)
    visqol = Visqol(wanted) if job.with_visqol else None
    found: list[dict[str, float | None]] = []
    for path in job.produced:
        made = load_sound(path, job.sample_rate)
        figures: dict[str, float | None] = {
            "log_mel": log_mel_distance(made, wanted),
            "side_log_mel": log_mel_distance(_side(made), _side(wanted)) if _is_stereo(wanted) else None,
            "stft": stft_distance(made, wanted),
            "dac_mel": dac_mel_distance(made, wanted),
            "dac_stft": dac_stft_distance(made, wanted),
            "dac_mel_44k": dac_mel_distance(made, wanted, DAC_RATES[1]),
            "dac_stft_44k": dac_stft_distance(made, wanted, DAC_RATES[1]),
            "si_sdr_db": si_sdr_db(made, wanted),
            "visqol": visqol.score(made) if visqol else None,
        }
        found.append({name: value and round(value, 5) for name, value in figures.items()})
    return found


def _is_stereo(sound: Waveform) -> bool:
    return sound.samples.shape[1] == 2


def _side(sound: Waveform) -> Waveform:
    left, right = sound.samples[:, :1], sound.samples[:, 1:]
    return Waveform((left - right) / 2, sound.sample_rate)


def save_sound(path: Path, sound: Waveform) -> None:
    """Leave a sound [1, C, T] for `load_sound`."""
    np.save(path, sound.samples[0].cpu().float().numpy())


def load_sound(path: Path, sample_rate: int) -> Waveform:
    """What `save_sound` left."""
    return Waveform(torch.from_numpy(np.load(path, allow_pickle=False))[None], sample_rate)
