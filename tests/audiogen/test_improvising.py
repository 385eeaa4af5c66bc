"""What a melody is made up in: where it begins, what comes back and where it ends."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from audiogen.improvising import (
    COMMON_KEYS,
    RING_SECONDS,
    SHORTEST_LAST_SECONDS,
    in_a_key,
    in_key_of,
    melody_ground,
)
from audiogen.inner_melody import START_SECONDS, MelodyGround, regular_bars, whole_seconds
from audiogen.melody_form import NEVER
from symbolic_bridge.attributes import TuneAttributes
from symbolic_bridge.tune import Key, Meter

RATE = Fraction(50)


def ground(
    seconds: float, tempo_bpm: float, meter: Meter, progression_bars: int = 0, **wishes: str
) -> MelodyGround:
    attributes = TuneAttributes(meter=meter, tempo_bpm=tempo_bpm, **wishes)  # type: ignore[arg-type]
    return melody_ground(regular_bars(meter, tempo_bpm, seconds), attributes, RATE, progression_bars)


@pytest.mark.parametrize("tempo_bpm", [20, 60, 117, 400])
@pytest.mark.parametrize("meter", [Meter(4, 4), Meter(6, 8), Meter(3, 8), Meter(7, 8)])
@pytest.mark.parametrize("seconds", [8.0, 60.0])
def test_the_last_note_has_time_to_sound_and_to_ring_and_lies_in_the_sound(
    tempo_bpm: float, meter: Meter, seconds: float
) -> None:
    begin, end = ground(seconds, tempo_bpm, meter).form.last_note
    assert 5 < begin < end
    assert end == pytest.approx((seconds - RING_SECONDS) * 50, abs=1)
    beat = 50 * whole_seconds(meter, tempo_bpm) * float(meter.beat_duration)
    assert SHORTEST_LAST_SECONDS * 50 - 1 <= end - begin <= max(4 * SHORTEST_LAST_SECONDS * 50, 2 * beat) + 1
    beats = (begin - START_SECONDS * 50) / beat
    assert abs(beats - round(beats)) * beat <= 1


def test_what_is_too_short_for_an_ending_has_none() -> None:
    """Before the last note there is as much time as it takes."""
    assert ground(0.8, 117, Meter(4, 4)).form.last_note == (NEVER, NEVER)
    assert ground(1.6, 251, Meter(4, 4)).form.last_note != (NEVER, NEVER)
    for seconds in np.arange(0.8, 4, 0.1).tolist():
        begin, end = ground(seconds, 100, Meter(6, 8)).form.last_note
        assert begin == NEVER or begin - 5 >= min(end - begin, 0.6 * 50) - 1


@pytest.mark.parametrize(
    ("progression_bars", "part_bars"), [(0, 2), (1, 2), (2, 2), (4, 2), (8, 8), (3, 0), (16, 0)]
)
def test_phrases_and_parts_return_only_where_the_chords_do(progression_bars: int, part_bars: int) -> None:
    bar = 4 * 60 / 120 * 50
    form = ground(180, 120, Meter(4, 4), progression_bars).form
    assert form.part_frames == pytest.approx(part_bars * bar)
    came_back = [(place, form.source(place)) for place in range(5, 8000, 7)]
    assert any(source is not None for _, source in came_back) == (part_bars > 0)
    for place, source in came_back:
        assert source is None or (place - source) % (bar * max(1, progression_bars)) == 0


def test_a_key_is_settled_where_none_was_asked_for() -> None:
    free, jig = TuneAttributes(), TuneAttributes(tonic="Eb", mode="minor")
    drawn = [in_a_key(free, np.random.default_rng(seed)) for seed in range(40)]
    assert {each.tonic for each in drawn} >= {"G", "D"}
    assert all(each.tonic in COMMON_KEYS[each.mode or ""] for each in drawn)
    assert in_a_key(free, np.random.default_rng(3)) == drawn[3]
    assert in_a_key(jig, np.random.default_rng(0)) == jig
    sad = in_a_key(TuneAttributes(mode="minor"), np.random.default_rng(0))
    assert sad.mode == "minor"
    assert sad.tonic in COMMON_KEYS["minor"]
    rare = in_a_key(TuneAttributes(mode="lydian"), np.random.default_rng(0))
    assert rare.mode == "lydian"
    assert rare.tonic is not None


def test_chords_settle_the_key_that_was_not_asked_for() -> None:
    assert in_key_of([("Em",), ("D",)], TuneAttributes()) == TuneAttributes(tonic="E", mode="minor")
    assert in_key_of([("G",), ("C",)], TuneAttributes(mode="mixolydian")) == TuneAttributes(
        tonic="G", mode="mixolydian"
    )
    assert in_key_of([("G",), ("C",)], TuneAttributes(tonic="D")) == TuneAttributes(tonic="D")
    assert in_key_of((), TuneAttributes()) == TuneAttributes()


def test_a_key_that_was_asked_for_is_kept_and_none_is_made_up() -> None:
    assert ground(20, 120, Meter(4, 4), tonic="Bb", mode="dorian").key == Key("Bb", "dorian")
    assert ground(20, 120, Meter(4, 4), tonic="A").key == Key("A")
    assert ground(20, 120, Meter(4, 4)).key is None
