"""Synthetic rooms: impulse responses made of early reflections and a decaying noise tail."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

SPEED_OF_SOUND_METRES = 343.0
LATE_CUTOFF_HZ = 5000.0


@dataclass(frozen=True)
class Room:
    """A room: `decay_seconds` to -60 dB, `size_metres` (sets the first reflections), `wet` energy share 0 ... 1."""

    name: str
    decay_seconds: float
    size_metres: float
    wet: float

    def __post_init__(self) -> None:
        if self.decay_seconds <= 0 or self.size_metres <= 0:
            raise ValueError(f"room {self.name!r} needs a decay and a size above 0")
        if not 0 <= self.wet <= 1:
            raise ValueError(f"room {self.name!r} has wet {self.wet}; 0 ... 1 is allowed")


ROOMS = {
    "parlour": Room("parlour", 0.35, 4.0, 0.20),
    "pub": Room("pub", 0.55, 8.0, 0.25),
    "hall": Room("hall", 1.1, 18.0, 0.30),
    "church": Room("church", 2.0, 30.0, 0.35),
}


def impulse_response(room: Room, sample_rate: int, rng: np.random.Generator) -> np.ndarray:
    """One realisation of a room: float64 [T] that begins with the direct sound at sample 0 and has energy 1.

    Args:
        room: what to imitate.
        sample_rate: Hz.
        rng: draws the reflections, so that no two takes share a room exactly.
    """
    length = max(2, round(room.decay_seconds * sample_rate))
    seconds = np.arange(length) / sample_rate
    first_reflection = room.size_metres / SPEED_OF_SOUND_METRES
    decay = 10.0 ** (-3.0 * seconds / room.decay_seconds)
    tail = rng.standard_normal(length) * decay * (seconds >= first_reflection)
    tail = _low_passed(tail, sample_rate)
    reflections = rng.integers(4, 9)
    times = first_reflection * rng.uniform(0.5, 3.0, reflections)
    strengths = rng.uniform(0.3, 1.0, reflections) * rng.choice((-1.0, 1.0), reflections)
    early = np.zeros(length)
    np.add.at(early, np.minimum((times * sample_rate).astype(int), length - 1), strengths / (1 + 40 * times))
    wet = early * _share(early, 0.5 * room.wet) + tail * _share(tail, 0.5 * room.wet)
    wet[0] = np.sqrt(1.0 - room.wet)  # the direct sound
    return wet


def _low_passed(signal: np.ndarray, sample_rate: int) -> np.ndarray:
    # One-pole in effect: air and walls swallow the treble of what is reflected often.
    frequencies = np.fft.rfftfreq(len(signal), 1 / sample_rate)
    return np.fft.irfft(np.fft.rfft(signal) / (1 + frequencies / LATE_CUTOFF_HZ), len(signal))


def _share(signal: np.ndarray, energy: float) -> float:
    total = float(np.sum(signal**2))
    return float(np.sqrt(energy / total)) if total > 0 else 0.0


def convolve(samples: np.ndarray, impulse: np.ndarray) -> np.ndarray:
    """Samples [T] heard through an impulse response, cut to [T]; keeps float32."""
    size = 1 << (len(samples) + len(impulse) - 2).bit_length()
    spectrum = np.fft.rfft(samples, size) * np.fft.rfft(impulse, size)
    return np.fft.irfft(spectrum, size)[: len(samples)].astype(samples.dtype)


def tilt(samples: np.ndarray, sample_rate: int, decibels_per_octave: float) -> np.ndarray:
    """Tilt the spectrum of samples [T] around 1 kHz, zero phase; flat below 60 Hz and above 10 kHz."""
    size = 1 << (len(samples) + sample_rate // 10).bit_length()
    frequencies = np.clip(np.fft.rfftfreq(size, 1 / sample_rate), 60.0, 10_000.0)
    gains = 10.0 ** (decibels_per_octave * np.log2(frequencies / 1000.0) / 20.0)
    return np.fft.irfft(np.fft.rfft(samples, size) * gains, size)[: len(samples)].astype(samples.dtype)
