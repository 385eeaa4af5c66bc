"""Spectral flux: how much a sound rises, moment by moment (Böck & Widmer 2013: log-mel, with a maximum filter over the
bands against vibrato). This module imports no torch.
"""

from __future__ import annotations

import numpy as np

HOP_SECONDS = 0.005
WINDOW_SECONDS = 0.046
# Flux is the rise over so many hops.
RISE_FRAMES = 6
MEL_BANDS = 138
LOWEST_HZ = 30.0
MAX_FILTER_BANDS = 3
# Bands under this power count as silent: what rises out of it is not heard, and codecs leave any noise there.
POWER_FLOOR = 1e-3
# Mean rise of the bands, in dB, from which on there is an onset; a softened attack of half that is still the same one.
HEARD_DB = 0.5


def onset_flux(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """How much the bands of a sound [T] rise, dB, float [frames]; frame f is centred at f * HOP_SECONDS."""
    import librosa

    window = 2 * round(WINDOW_SECONDS * sample_rate / 2)
    mel = librosa.feature.melspectrogram(
        y=np.ascontiguousarray(samples, np.float32), sr=sample_rate, n_fft=2 ** int(np.ceil(np.log2(2 * window - 1))),
        win_length=window, hop_length=round(HOP_SECONDS * sample_rate), n_mels=MEL_BANDS, fmin=LOWEST_HZ,
    )  # fmt: skip
    # The reference is absolute: relative to the loudest, a click elsewhere would change what is heard here.
    level = librosa.power_to_db(mel, ref=1.0, amin=POWER_FLOOR, top_db=None)
    return librosa.onset.onset_strength(S=level, lag=RISE_FRAMES, max_size=MAX_FILTER_BANDS, center=False)


def rise_before(flux: np.ndarray, peak: int) -> float:
    """The frame, with a fraction, where the flux before a peak reaches half of it."""
    half = flux[peak] / 2
    frame = peak
    while frame > 0 and flux[frame - 1] > half:
        frame -= 1
    if frame == 0:
        return 0.0
    return frame - 1 + float((half - flux[frame - 1]) / (flux[frame] - flux[frame - 1]))
