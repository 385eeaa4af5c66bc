"""What can be said of a sound alone: loudness, clipping, silence, the tail, and whether it is stuck.

Loudness is integrated loudness after ITU-R BS.1770-4 (pyloudnorm). The files of all our routes are brought to -14 LUFS
unless their true peak would pass -1 dBFS, so loudness tells the routes apart only where that happened.
"""

from __future__ import annotations

import numpy as np

from audiogen.comparison.metrics.definition import Definition
from audiogen.evaluation.chroma import sound_chroma
from audiogen.loudness import SILENCE_RMS, active_rms, integrated_loudness, true_peak

CLIPPED = 0.999
FRAME_SECONDS = 0.05
SILENT_DB, TAIL_SECONDS = -50.0, 0.5
# A second counts as a repetition where every tenth of it is like one earlier second, in pitch classes.
ALIKE, SECOND_POINTS = 0.99, 10

DEFINITIONS = {
    "loudness_lufs": Definition("loudness", "LUFS", 0, "Integrated loudness, ITU-R BS.1770.", 1),
    "true_peak_dbfs": Definition("true peak", "dBFS", 0, "Highest value between samples too, 4 times oversampled.", 1),
    "clipped_share": Definition(
        "clipped", "share of samples", -1, "Samples within 0.1 % of full scale; 0 is ideal.", 5
    ),
    "silent_share": Definition(
        "silence", "share of time", -1,
        "Frames of 50 ms more than 50 dB below the sounding level. Tunes have rests: compare with the SoundFont.", 3,
    ),
    "tail_db": Definition(
        "tail", "dB", -1,
        "Level of the last half second against the sounding level. A decayed ending is far below 0; noise or a cut-off "
        "ending is near it. A sound that is cut at a length on purpose scores near 0 too.", 1,
    ),
    "repeated_share": Definition(
        "repetition", "share of seconds", 0,
        "Seconds whose pitch classes equal those of an earlier second at every tenth (cosine above 0.99). Real tunes "
        "repeat parts; near 1 the sound is stuck.", 3,
    ),
}  # fmt: skip


def sound_figures(samples: np.ndarray, sample_rate: int) -> dict[str, float | None]:
    """The figures of a mono sound [T]; those of silence that have no meaning are None."""
    level = active_rms(samples, sample_rate)
    sounding = level > SILENCE_RMS
    peak = true_peak(samples)
    loudness = integrated_loudness(samples[None], sample_rate)
    return {
        "loudness_lufs": loudness if np.isfinite(loudness) else None,
        "true_peak_dbfs": _db(peak) if peak > SILENCE_RMS else None,
        "clipped_share": float((np.abs(samples) >= CLIPPED).mean()),
        "silent_share": _silent_share(samples, sample_rate, level) if sounding else 1.0,
        "tail_db": _tail(samples, sample_rate, level) if sounding else None,
        "repeated_share": repeated_share(samples, sample_rate) if sounding else None,
    }


def _db(ratio: float) -> float:
    return 20 * float(np.log10(max(ratio, 1e-10)))


def _silent_share(samples: np.ndarray, sample_rate: int, level: float) -> float:
    frame = max(1, round(FRAME_SECONDS * sample_rate))
    whole = len(samples) // frame * frame
    if not whole:
        return 0.0
    rms = np.sqrt(np.mean(samples[:whole].astype(np.float64).reshape(-1, frame) ** 2, axis=1))  # [frames]
    return float((rms < level * 10 ** (SILENT_DB / 20)).mean())


def _tail(samples: np.ndarray, sample_rate: int, level: float) -> float:
    end = samples[-round(TAIL_SECONDS * sample_rate) :].astype(np.float64)
    return _db(float(np.sqrt(np.mean(end**2))) / level)


def repeated_share(samples: np.ndarray, sample_rate: int) -> float | None:
    """Share of seconds that are like an earlier one; None for a sound of less than two seconds."""
    chroma = sound_chroma(samples, sample_rate)  # [12, points]
    seconds = chroma.shape[1] // SECOND_POINTS
    if seconds < 2:
        return None
    points = chroma[:, : seconds * SECOND_POINTS] / np.linalg.norm(
        chroma[:, : seconds * SECOND_POINTS], axis=0
    ).clip(1e-9)
    blocks = points.T.reshape(seconds, SECOND_POINTS, 12)
    likeness = np.einsum("ipc,jpc->ijp", blocks, blocks).min(axis=2)  # [seconds, seconds]
    earlier = [likeness[now, :now].max() > ALIKE for now in range(1, seconds)]
    return float(np.mean(earlier))
