"""Attributes of the prompt, recovered from the sound: tempo, key and mood.

Tempo: the autocorrelation of the spectral flux, at the wanted beat and its halves, doubles, thirds and triples against
all other tempi; people disagree on octaves of tempo in the same way. Key: by profiles fitted to renderings
(`metrics.keys`). Mood: what listeners hear in the mode and in how fast notes come (Gagnon & Peretz 2003).
"""

from __future__ import annotations

import numpy as np

from audiogen.comparison.metrics.definition import Definition
from audiogen.comparison.metrics.keys import likeliest_key
from audiogen.comparison.metrics.melody import onset_peaks
from audiogen.transcription.flux import HOP_SECONDS, onset_flux
from symbolic_bridge.moods import Mood
from symbolic_bridge.tune import MODE_SHARPS, Key

DEFINITIONS = {
    "tempo_right": Definition(
        "tempo", "0 or 1", 1,
        "The strongest pulse is within 6 % of the wanted felt beat or its half, double, third or triple. The floor, "
        "with a tempo drawn evenly on a logarithmic scale, is about a quarter.",
    ),
    "key_right": Definition(
        "key", "0 ... 1", 1,
        "1 where the estimated tonic and signature are those wanted, 0.5 where one of them is. The floor, a key drawn "
        "by chance, is 1/12.",
    ),
    "mood_right": Definition(
        "mood", "0 ... 1", 1,
        "Half for valence: the likelier mode, major or minor, is the mood's; half for arousal: onsets come faster, or "
        "slower, than the median of real tunes as the mood has it. A mood that is neutral in one counts the other "
        "alone. The floor is 0.5.",
    ),
}  # fmt: skip

# Peaks of the flux a second; the median of 60 SoundFont renderings of valid tunes.
MEDIAN_ONSETS_A_SECOND = 4.7
# Below this a mood is neutral.
NEUTRAL = 0.25
TEMPO_TOLERANCE = 0.06
_RATIOS = (1 / 3, 1 / 2, 1.0, 2.0, 3.0)
_LOWEST_BPM, _HIGHEST_BPM = 40.0, 480.0
# Modes with a minor third.
_MINOR = ("minor", "dorian")


def adherence_figures(
    samples: np.ndarray, sample_rate: int, key: Key | None, tempo_bpm: float | None, mood: Mood | None = None
) -> dict[str, float | None]:
    """The figures of a mono sound [T]; None for what was not asked for.

    Args:
        samples, sample_rate: the sound.
        key: wanted.
        tempo_bpm: wanted felt beats a minute.
        mood: wanted.
    """
    return {
        "tempo_right": None if tempo_bpm is None else tempo_right(samples, sample_rate, tempo_bpm),
        "key_right": None if key is None else key_right(samples, sample_rate, key),
        "mood_right": None if mood is None else mood_right(samples, sample_rate, mood),
    }


def tempo_right(samples: np.ndarray, sample_rate: int, tempo_bpm: float) -> float:
    """1 where the strongest pulse is the wanted one or a simple multiple, else 0."""
    flux = onset_flux(samples, sample_rate)
    if not flux.any():
        return 0.0
    centred = flux - flux.mean()
    size = 2 ** int(np.ceil(np.log2(2 * len(centred))))
    power = np.abs(np.fft.rfft(centred, size)) ** 2
    likeness = np.fft.irfft(power, size)[: len(centred)]
    shortest, longest = (round(60 / bpm / HOP_SECONDS) for bpm in (_HIGHEST_BPM, _LOWEST_BPM))
    longest = min(longest, len(likeness) - 1)
    if longest <= shortest:
        return 0.0
    lag = shortest + int(likeness[shortest : longest + 1].argmax())
    heard = 60 / (lag * HOP_SECONDS)
    return float(any(abs(heard / (tempo_bpm * ratio) - 1) <= TEMPO_TOLERANCE for ratio in _RATIOS))


def key_right(samples: np.ndarray, sample_rate: int, key: Key) -> float:
    """How right the key of a mono sound [T] is: 1 signature and tonic, 0.5 one of the two, else 0."""
    heard = likeliest_key(samples, sample_rate)
    if heard is None:
        return 0.0
    tonic, mode = heard
    signature = (tonic + 7 * MODE_SHARPS[mode]) % 12
    wanted = (7 * key.sharps) % 12
    return 0.5 * (tonic == key.tonic_pitch_class) + 0.5 * (signature == wanted)


def mood_right(samples: np.ndarray, sample_rate: int, mood: Mood) -> float | None:
    """How much of a mood is heard, 0 ... 1; None for a neutral mood, 0 for silence."""
    if max(abs(mood.valence), abs(mood.arousal)) < NEUTRAL:
        return None
    key = likeliest_key(samples, sample_rate)
    if key is None:
        return 0.0
    right = []
    if abs(mood.valence) >= NEUTRAL:
        right.append((key[1] in _MINOR) == (mood.valence < 0))
    if abs(mood.arousal) >= NEUTRAL:
        onsets = len(onset_peaks(onset_flux(samples, sample_rate))) * sample_rate / len(samples)
        right.append((onsets > MEDIAN_ONSETS_A_SECOND) == (mood.arousal > 0))
    return float(np.mean(right))
