"""The key of a sound: tonic and mode, from how long each pitch class sounds, low and high.

A softmax over 12 tonics and four modes, linear in the mean chroma below and above 260 Hz and in its root, with one set
of weights a mode for all tonics, as in `symbolic_bridge.analysis.keys`. The weights in `sound_key_profiles.json` were
fitted to SoundFont renderings of training tunes, half of them accompanied, by `benchmarks/fit_sound_key_profiles.py`;
the file names its data. The profiles of listeners (Krumhansl 1990, p. 30) know neither overtones nor the modes of folk
tunes, and find a third as many keys in accompanied ones.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np

from audiogen.evaluation.chroma import HIGHEST_HZ, LOWEST_HZ, sound_chroma
from symbolic_bridge.analysis.keys import KeyProfiles, by_tonic, read_profiles

PROFILES = Path(__file__).parent / "sound_key_profiles.json"
MIDDLE_HZ = 260.0
FEATURES = ("low", "high", "root of low", "root of high")
# Points with less than this share of the loudest one's energy are silent.
SILENT_SHARE = 1e-5


@cache
def shipped_profiles() -> KeyProfiles:
    """The profiles of the package."""
    return read_profiles(PROFILES, FEATURES)


def sound_key_features(samples: np.ndarray, sample_rate: int) -> np.ndarray | None:
    """What each pitch class does in a mono sound [T], float [FEATURES, 12]; None for silence."""
    bands = (
        sound_chroma(samples, sample_rate, LOWEST_HZ, MIDDLE_HZ),
        sound_chroma(samples, sample_rate, MIDDLE_HZ, HIGHEST_HZ),
    )
    energy = np.sum(bands, axis=(0, 1))  # [points]
    if not energy.any():
        return None
    sounding = energy > SILENT_SHARE * energy.max()
    # Every moment counts alike, or loud notes would drown the others.
    shares = [(np.sqrt(band / energy.clip(1e-30)))[:, sounding].mean(axis=1) for band in bands]
    shares = [share / max(share.sum(), 1e-9) for share in shares]
    return np.stack([*shares, *(np.sqrt(share) for share in shares)])


def likeliest_key(samples: np.ndarray, sample_rate: int) -> tuple[int, str] | None:
    """Tonic 0 ... 11 and mode of a mono sound [T]; None for silence."""
    features = sound_key_features(samples, sample_rate)
    if features is None:
        return None
    profiles = shipped_profiles()
    scores = np.einsum("tfd,mfd->tm", by_tonic(features), profiles.weights) + profiles.bias
    tonic, mode = np.unravel_index(int(scores.argmax()), scores.shape)
    return int(tonic), profiles.modes[int(mode)]
