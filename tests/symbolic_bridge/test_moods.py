from __future__ import annotations

import pytest

from symbolic_bridge.moods import MOODS, Mood


@pytest.mark.parametrize("mood", MOODS.values(), ids=lambda mood: mood.id)
def test_valence_and_arousal_are_within_one_of_nothing(mood: Mood) -> None:
    assert -1 <= mood.valence <= 1
    assert -1 <= mood.arousal <= 1
    assert (mood.tempo_factor > 1) == (mood.arousal > 0)


def test_mode_follows_valence_and_tempo_follows_arousal() -> None:
    by_valence = sorted(MOODS.values(), key=lambda mood: mood.valence)
    modes = [mood.mode_hint for mood in by_valence]
    assert modes[0] == "minor"
    assert modes[-1] == "major"
    assert modes == sorted(modes, key=("minor", "dorian", None, "major").index)
    by_arousal = sorted(MOODS.values(), key=lambda mood: mood.arousal)
    assert [mood.tempo_factor for mood in by_arousal] == sorted(mood.tempo_factor for mood in by_arousal)
    assert MOODS["happy"].arousal > 0 > MOODS["sad"].arousal
