"""Rules of key estimation: the notes decide, every key alike, and the chances are a distribution."""

from __future__ import annotations

import numpy as np
import pytest

from symbolic_bridge.analysis.keys import (
    FEATURES,
    KeyChance,
    KeyEstimate,
    by_tonic,
    estimate_key,
    key_features,
    shipped_profiles,
)
from symbolic_bridge.analysis.melody import melody_of
from symbolic_bridge.tune import Key, Tune

DORIAN = (
    "X:1\nT:d\nM:4/4\nL:1/8\nK:Edor\n|:E2BE dEBE|E2BE AFDF|E2BE dEBE|BABc dAFD:|\n"
    "|:d2fd c2ec|defg afge|d2fd c2ec|BABc dAFE:|\n"
)
MIXOLYDIAN = (
    "X:1\nT:m\nM:4/4\nL:1/8\nK:Amix\n|:eA AG A2 Bd|eA AB G2 Bd|eA AB c2 de|dB GB A4:|\n"
    "|:a2 ag efge|ag ea g2 ge|a2 ag efge|dB GB A4:|\n"
)
MINOR = "X:1\nT:i\nM:6/8\nL:1/8\nK:Am\n|:A2B c2d|e2f e2d|c2B A2G|E2E E2G|A2B c2d|e2f e2d|c2B A2^G|A3 A3:|\n"


@pytest.mark.parametrize(
    ("abc", "tonic", "mode"),
    [(DORIAN, "E", "dorian"), (MIXOLYDIAN, "A", "mixolydian"), (MINOR, "A", "minor")],
)
def test_modes_are_told_apart(abc: str, tonic: str, mode: str) -> None:
    key = estimate_key(melody_of(Tune.from_abc(abc))).key
    assert (key.tonic, key.mode) == (tonic, mode)


def test_the_chances_add_up_and_the_likeliest_comes_first(kesh_abc: str) -> None:
    estimate = estimate_key(melody_of(Tune.from_abc(kesh_abc)))
    chances = [chance.probability for chance in estimate.chances]
    assert len(chances) == 12 * len(shipped_profiles().modes)
    assert sum(chances) == pytest.approx(1)
    assert chances == sorted(chances, reverse=True)
    assert estimate.key == Key("G")
    assert estimate.probability > 0.9


def test_a_moved_tune_has_a_moved_key_with_the_same_probability(kesh_abc: str) -> None:
    tune = Tune.from_abc(kesh_abc)
    still = estimate_key(melody_of(tune))
    for semitones in range(-6, 7):
        moved = estimate_key(melody_of(tune.transpose(semitones)))
        assert (moved.tonic - still.tonic - semitones) % 12 == 0
        assert moved.probability == pytest.approx(still.probability)


def test_the_written_key_is_not_looked_at(kesh_abc: str) -> None:
    tune = Tune.from_abc(kesh_abc)
    lying = tune.with_header(key=Key("Eb", "locrian"))
    assert lying.header.key != tune.header.key
    assert estimate_key(melody_of(lying)) == estimate_key(melody_of(tune))


def test_features_are_shares_and_turn_with_the_tonic(kesh_abc: str) -> None:
    features = key_features(melody_of(Tune.from_abc(kesh_abc)))
    assert features.shape == (len(FEATURES), 12)
    np.testing.assert_allclose(features.sum(axis=1), 1)
    turned = by_tonic(features)
    for tonic in range(12):
        for degree in range(12):
            np.testing.assert_array_equal(turned[tonic, :, degree], features[:, (tonic + degree) % 12])


def test_chances_that_do_not_add_up_are_refused() -> None:
    with pytest.raises(ValueError, match=r"add up to 0\.5"):
        KeyEstimate((KeyChance(0, "major", 0.5),))
