"""Which instrument leads in a sound, as a distribution: a tagger of twelve tags that ships with us.

A softmax, linear in the mean and the spread of the levels of mel bands while something sounds, and in how fast they
change. The weights in `instrument_profiles.json` were fitted to SoundFont renderings of training tunes by
`benchmarks/fit_instrument_profiles.py`; the file names its data. It knows the instruments as two fonts have them: of
360 clips of valid tunes in these it names 0.96 rightly, of 180 in a font that it has not heard 0.37. So it says whether
our player sounds like what it was trained on, and little of recordings. It has heard both fonts through our codec too,
so that the codec is not taken for another instrument.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from audiogen.comparison.metrics.definition import Definition
from audiogen.loudness import SILENCE_RMS, active_rms
from symbolic_bridge.instruments import LEADS

PROFILES = Path(__file__).parent / "instrument_profiles.json"
BANDS, HOP_SECONDS, RATE = 40, 0.02, 24_000
FLOOR_DB = 60.0
# Decibels at which a feature counts as 1.
SCALE_DB = 20.0
FEATURES = tuple(f"{what} {band}" for what in ("mean", "spread", "rise", "fall") for band in range(BANDS))

DEFINITIONS = {
    "instrument_right": Definition(
        "instrument", "0 or 1", 1,
        "The likeliest leading instrument of the tagger is the one that was asked for. The floor is 1/12; the "
        "SoundFont route is the ceiling. It knows the fonts that our player learnt from, and hardly others.",
    ),
    "instrument_chance": Definition(
        "its probability", "0 ... 1", 1, "What the tagger gives to the instrument that was asked for."
    ),
}  # fmt: skip


@dataclass(frozen=True)
class InstrumentProfiles:
    """`weights` float [instruments, FEATURES], `bias` float [instruments]."""

    instruments: tuple[str, ...]
    weights: np.ndarray
    bias: np.ndarray
    source: str


@cache
def shipped_profiles() -> InstrumentProfiles:
    """The profiles of the package."""
    values = json.loads(PROFILES.read_text(encoding="utf-8"))
    return InstrumentProfiles(
        tuple(values["instruments"]),
        np.array([values["weights"][name] for name in values["instruments"]]),
        np.array(values["bias"]),
        values["source"],
    )


def timbre_features(samples: np.ndarray, sample_rate: int) -> np.ndarray:
    """What a mono sound [T] sounds like, whatever its level, float [FEATURES].

    Raises:
        ValueError: it is silent or shorter than a tenth of a second.
    """
    import librosa
    import soxr

    level = active_rms(samples, sample_rate)
    if len(samples) < 0.1 * sample_rate or level < SILENCE_RMS:
        raise ValueError("the sound is silent or shorter than a tenth of a second")
    sound = np.ascontiguousarray(samples, np.float32) / np.float32(level)
    if sample_rate != RATE:
        sound = soxr.resample(sound, sample_rate, RATE)
    mel = librosa.feature.melspectrogram(
        y=sound, sr=RATE, n_fft=1024, hop_length=round(HOP_SECONDS * RATE), n_mels=BANDS, fmin=80, fmax=11_000
    )
    loud = mel.sum(axis=0)  # [frames]
    bands = 10 * np.log10(mel + 1e-10)  # [bands, frames]
    bands = np.maximum(bands, bands.max() - FLOOR_DB)
    sounding = bands[:, loud > loud.max() * 10 ** (-FLOOR_DB / 20)]
    steps = np.diff(bands, axis=1, append=bands[:, -1:])
    overall = sounding.mean()
    return (
        np.concatenate(
            [sounding.mean(axis=1) - overall, sounding.std(axis=1), steps.clip(0).mean(axis=1) * 5,
             (-steps).clip(0).mean(axis=1) * 5]
        )
        / SCALE_DB
    )  # fmt: skip


def instrument_chances(
    samples: np.ndarray, sample_rate: int, profiles: InstrumentProfiles | None = None
) -> Mapping[str, float]:
    """Every instrument's probability to be the one that leads; errors as in `timbre_features`."""
    profiles = profiles or shipped_profiles()
    scores = profiles.weights @ timbre_features(samples, sample_rate) + profiles.bias
    chances = np.exp(scores - scores.max())
    chances /= chances.sum()
    return dict(zip(profiles.instruments, chances.tolist(), strict=True))


def instrument_figures(
    samples: np.ndarray, sample_rate: int, instrument: str | None
) -> dict[str, float | None]:
    """The figures of a mono sound; None where no instrument was asked for or nothing sounds."""
    found: dict[str, float | None] = dict.fromkeys(DEFINITIONS)
    if instrument not in LEADS:
        return found
    try:
        chances = instrument_chances(samples, sample_rate)
    except ValueError:
        return found
    found["instrument_right"] = float(max(chances, key=chances.__getitem__) == instrument)
    found["instrument_chance"] = chances[instrument]
    return found


def tag_divergence(reference: Mapping[str, float], made: Mapping[str, float]) -> float:
    """Kullback-Leibler divergence of the tags of a sound from those of the reference, nats; 0 where they agree.

    As for AudioGen (Kreuk et al. 2023, arXiv:2209.15352), whose tagger is PaSST; the tags here are twelve instruments.
    """
    return float(
        sum(chance * np.log(max(chance, 1e-6) / max(made[name], 1e-6)) for name, chance in reference.items())
    )
