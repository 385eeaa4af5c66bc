"""Synthetic rooms."""

from __future__ import annotations

import numpy as np
import pytest

from audiogen.rooms import ROOMS, Room, convolve, impulse_response, tilt

RATE = 24000


@pytest.mark.parametrize("name", list(ROOMS))
def test_a_room_keeps_the_energy_and_lets_the_direct_sound_come_first(name: str) -> None:
    impulse = impulse_response(ROOMS[name], RATE, np.random.default_rng(1))
    assert np.sum(impulse**2) == pytest.approx(1.0, abs=0.05)
    assert np.argmax(np.abs(impulse)) == 0
    assert impulse[0] == pytest.approx(np.sqrt(1 - ROOMS[name].wet))


def test_a_room_decays_by_60_db_in_its_decay_time() -> None:
    impulse = impulse_response(Room("test", 1.0, 5.0, 0.5), RATE, np.random.default_rng(2))

    def level(start: float) -> float:
        return 10 * np.log10(np.mean(impulse[round(start * RATE) : round((start + 0.1) * RATE)] ** 2))

    assert level(0.2) - level(0.7) == pytest.approx(30.0, abs=3.0)


def test_the_generator_alone_decides_the_room() -> None:
    first, again, other = (
        impulse_response(ROOMS["pub"], RATE, np.random.default_rng(seed)) for seed in (3, 3, 4)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)


def test_convolution_agrees_with_the_slow_one_and_keeps_the_length() -> None:
    rng = np.random.default_rng(5)
    for length, taps in ((1, 1), (7, 3), (64, 64), (100, 1)):
        samples = rng.standard_normal(length).astype(np.float32)
        impulse = rng.standard_normal(taps)
        heard = convolve(samples, impulse)
        assert heard.dtype == np.float32
        assert np.allclose(heard, np.convolve(samples, impulse)[:length], atol=1e-4)


def test_a_tilt_raises_treble_against_bass() -> None:
    seconds = np.arange(RATE) / RATE
    for frequency, decibels in ((250.0, -4.0), (1000.0, 0.0), (4000.0, 4.0)):
        tone = np.sin(2 * np.pi * frequency * seconds)
        gain = 20 * np.log10(tilt(tone, RATE, 2.0)[2000:-2000].std() / tone[2000:-2000].std())
        assert gain == pytest.approx(decibels, abs=0.2)


def test_an_impossible_room_is_refused() -> None:
    with pytest.raises(ValueError, match=r"wet 1\.5"):
        Room("bad", 1.0, 5.0, 1.5)
    with pytest.raises(ValueError, match="above 0"):
        Room("bad", 0.0, 5.0, 0.5)
