"""What the augmentations must do to tones and noise, and what they must leave alone."""

from __future__ import annotations

import numpy as np
import pytest

from audiogen.data.augment import colour, narrow, respeed, vibrate

RATE = 24_000


def tone(frequency_hz: float, seconds: float = 2.0) -> np.ndarray:
    times = np.arange(round(seconds * RATE)) / RATE
    return (0.3 * np.sin(2 * np.pi * frequency_hz * times)).astype(np.float32)


def frequencies_hz(samples: np.ndarray) -> np.ndarray:
    """Momentary frequency of a tone, from its analytic signal, every 10 ms, without half a second at the ends."""
    spectrum = np.fft.fft(samples * np.hanning(len(samples)))
    spectrum[len(samples) // 2 :] = 0
    phases = np.unwrap(np.angle(np.fft.ifft(spectrum)))
    return np.diff(phases[RATE // 2 : -RATE // 2 : RATE // 100]) * 100 / (2 * np.pi)


def level_db(samples: np.ndarray) -> float:
    """Level of the middle, where the ends do not reach."""
    return float(20 * np.log10(samples[RATE // 4 : -RATE // 4].std()))


@pytest.mark.parametrize("depth_cents", [10.0, 40.0])
def test_vibrato_swings_by_its_depth_around_the_pitch(depth_cents: float) -> None:
    sound = tone(880.0)
    swung = vibrate(sound, RATE, 5.0, depth_cents)
    assert swung.shape == sound.shape
    assert swung.dtype == np.float32
    cents = 1200 * np.log2(frequencies_hz(swung) / 880.0)
    assert cents.max() == pytest.approx(depth_cents, abs=1.5)
    assert cents.min() == pytest.approx(-depth_cents, abs=1.5)
    assert abs(cents.mean()) < 1


def test_vibrato_swings_as_often_as_it_is_asked_to() -> None:
    frequencies = frequencies_hz(vibrate(tone(880.0), RATE, 5.0, 30.0))
    crossings = np.count_nonzero(np.diff(np.sign(frequencies - 880.0)))
    assert crossings == 10  # in the second in the middle


def test_vibrato_of_hardly_any_sound_changes_nothing() -> None:
    for count in (0, 1):
        sound = np.ones(count, np.float32)
        assert np.array_equal(vibrate(sound, RATE, 5.0, 30.0), sound)


@pytest.mark.parametrize("speed", [0.8, 1.25])
def test_another_speed_changes_pitch_and_length_together(speed: float) -> None:
    faster = respeed(tone(440.0), RATE, speed)
    assert faster.dtype == np.float32
    assert len(faster) == pytest.approx(2 * RATE / speed, abs=1)
    assert np.median(frequencies_hz(faster)) == pytest.approx(440.0 * speed, rel=1e-3)


def test_gains_are_those_of_the_knots_and_between_them_on_a_line() -> None:
    gains_db = np.array([6.0, -6.0])  # at 60 Hz and at half the rate
    halfway_hz = float(np.sqrt(60.0 * RATE / 2))
    for frequency, wanted in ((61.0, 6.0), (halfway_hz, 0.0), (11_800.0, -6.0)):
        sound = tone(frequency)
        assert level_db(colour(sound, RATE, gains_db)) - level_db(sound) == pytest.approx(wanted, abs=0.3)


def test_equal_gains_only_change_the_level() -> None:
    noise = np.random.default_rng(0).normal(0, 0.1, RATE).astype(np.float32)
    assert np.allclose(colour(noise, RATE, np.zeros(6)), noise, atol=1e-6)
    assert np.allclose(colour(noise, RATE, np.full(6, 20.0)), 10 * noise, atol=1e-5)


def test_a_narrow_band_keeps_its_middle_and_loses_the_rest() -> None:
    lost = {}
    for frequency in (50.0, 100.0, 200.0, 1000.0, 4000.0, 8000.0):
        sound = tone(frequency)
        narrowed = narrow(sound, RATE, 100.0, 4000.0)
        assert narrowed.shape == sound.shape
        lost[frequency] = level_db(sound) - level_db(narrowed)
    assert lost[1000.0] == pytest.approx(0, abs=0.01)
    assert lost[100.0] == pytest.approx(3, abs=0.2)
    assert lost[4000.0] == pytest.approx(3, abs=0.2)
    assert lost[50.0] == pytest.approx(24, abs=0.5)
    assert lost[200.0] < 0.1
    assert lost[8000.0] > 60
