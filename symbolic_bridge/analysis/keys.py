"""Key and mode of a melody, as a distribution, from its sounding pitches alone: K: and signatures are not looked at.

A softmax over every tonic and mode, whose score is linear in what the melody does on each degree above that tonic: how
long the degree sounds, whether it is heard at all, how long on the first beats of bars, and whether it is the last
note, the goal of every fourth bar or the first full bar's first note. Tune keys hang on where a tune rests as much as
on its scale, which profiles of pitch classes alone (Krumhansl 1990) do not see: to them G major is D mixolydian.

The weights in `key_profiles.json` were fitted to the written keys of 7,852 training tunes by
`benchmarks/fit_key_profiles.py`; the file names its data. Lydian, phrygian and locrian are too rare there (one tune in
six hundred) to be learned, so no tune is ever said to be in them.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from symbolic_bridge.analysis.melody import Melody
from symbolic_bridge.transpose import transpose_key
from symbolic_bridge.tune import Key

PROFILES = Path(__file__).parent / "key_profiles.json"
# Rows of the features, in their order.
FEATURES = ("duration", "presence", "downbeats", "last", "fourth_bars", "first")
PHRASE_BARS = 4


@dataclass(frozen=True)
class KeyChance:
    """One key and its probability; `tonic` is a pitch class, 0 for C."""

    tonic: int
    mode: str
    probability: float


@dataclass(frozen=True)
class KeyEstimate:
    """Every key considered, likeliest first; the probabilities add up to 1."""

    chances: tuple[KeyChance, ...]

    def __post_init__(self) -> None:
        total = sum(chance.probability for chance in self.chances)
        if not self.chances or abs(total - 1) > 1e-6:
            raise ValueError(f"probabilities of {len(self.chances)} keys add up to {total:.6f}, not 1")

    @property
    def tonic(self) -> int:
        """Pitch class of the likeliest tonic."""
        return self.chances[0].tonic

    @property
    def mode(self) -> str:
        """The likeliest key's mode."""
        return self.chances[0].mode

    @property
    def probability(self) -> float:
        """Of the likeliest key."""
        return self.chances[0].probability

    @property
    def key(self) -> Key:
        """The likeliest key, spelled with the fewest accidentals."""
        return transpose_key(Key("C", self.mode), self.tonic)


@dataclass(frozen=True)
class KeyProfiles:
    """`weights` float [modes, features, 12 degrees in semitones above the tonic], `bias` float [modes]."""

    modes: tuple[str, ...]
    weights: np.ndarray
    bias: np.ndarray
    source: str


@cache
def shipped_profiles() -> KeyProfiles:
    """The profiles of the package."""
    return read_profiles(PROFILES, FEATURES)


def read_profiles(path: Path, features: Sequence[str]) -> KeyProfiles:
    """The profiles of a file; `features` are the rows of the weights."""
    values = json.loads(path.read_text(encoding="utf-8"))
    modes = tuple(values["modes"])
    weights = np.array([[values["weights"][mode][name] for name in features] for mode in modes])
    return KeyProfiles(modes, weights, np.array([values["bias"][mode] for mode in modes]), values["source"])


def key_features(melody: Melody) -> np.ndarray:
    """What each pitch class does in a melody, float [features, 12]; every row adds up to 1 (or is empty)."""
    found = np.zeros((len(FEATURES), 12))
    np.add.at(found[0], melody.pitches % 12, melody.durations)
    # The root lets a degree that is heard at all count, however little: one F natural rules out G major.
    found[1] = np.sqrt(found[0])
    full = [melody.bars[index] for index in melody.full_bars()]
    heads = melody.sounding(np.array([float(bar.metric_start) for bar in full]))
    beats = np.array([float(bar.meter.beat_duration) for bar in full])
    np.add.at(found[2], heads[heads >= 0] % 12, beats[heads >= 0])
    found[3, melody.pitches[-1] % 12] = 1
    goals = heads[PHRASE_BARS - 1 :: PHRASE_BARS]
    np.add.at(found[4], goals[goals >= 0] % 12, 1)
    first = heads[heads >= 0]
    found[5, (first[0] if len(first) else melody.pitches[0]) % 12] = 1
    return found / np.maximum(found.sum(axis=1, keepdims=True), 1e-12)


def by_tonic(features: np.ndarray) -> np.ndarray:
    """Features seen from each tonic: [..., features, 12] -> [..., 12 tonics, features, 12 degrees]."""
    turned = [np.roll(features, -tonic, axis=-1) for tonic in range(12)]
    return np.stack(turned, axis=-3)


def estimate_key(melody: Melody, profiles: KeyProfiles | None = None) -> KeyEstimate:
    """The key of a melody as a distribution over twelve tonics and the profiles' modes.

    Args:
        melody: what `melody_of` gives.
        profiles: others than the package's own.
    """
    profiles = profiles or shipped_profiles()
    scores = np.einsum("tfd,mfd->tm", by_tonic(key_features(melody)), profiles.weights) + profiles.bias
    chances = np.exp(scores - scores.max())
    chances /= chances.sum()
    order = np.argsort(-chances, axis=None, kind="stable")
    return KeyEstimate(
        tuple(
            KeyChance(int(tonic), profiles.modes[mode], float(chances[tonic, mode]))
            for tonic, mode in zip(*np.unravel_index(order, chances.shape), strict=True)
        )
    )
