"""A simple accompaniment: strokes of bass and chord in the custom of a metre, an instrument and a kind."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from symbolic_bridge.harmony import TRIADS, ScoreChord
from symbolic_bridge.instruments import Instrument
from symbolic_bridge.kinds import Kind
from symbolic_bridge.performance import SoundedNote
from symbolic_bridge.timing import Clock, PlayedBar
from symbolic_bridge.tune import Meter


@dataclass(frozen=True)
class Stroke:
    """One stroke of a pattern; `at` and `length` in parts of the pulse.

    `what`: "bass" (root and fifth by turns), "chord" (all voices), "up" (the upper voices, from the top) or "0", "1",
    "2", "3": one voice of the chord, counted from below. `velocity` before the unevenness of hands.
    """

    at: Fraction
    length: Fraction
    what: str
    velocity: int


def _strokes(*rows: tuple[str, str, str, int]) -> tuple[Stroke, ...]:
    return tuple(
        Stroke(Fraction(at), Fraction(length), what, velocity) for at, length, what, velocity in rows
    )


# What is played in each pulse, by instrument and feel. A pulse is half a bar in 4/4 and 2/2, a quarter in 2/4, a
# dotted quarter in jigs, the bar in three-time.
PATTERNS: dict[tuple[str, str], tuple[Stroke, ...]] = {
    ("guitar", "duple"): _strokes(("0", "1/2", "bass", 66), ("1/2", "1/4", "chord", 56), ("3/4", "1/4", "up", 44)),
    ("guitar", "jig"): _strokes(("0", "2/3", "bass", 66), ("1/3", "1/3", "up", 42), ("2/3", "1/3", "chord", 54)),
    ("guitar", "waltz"): _strokes(("0", "1", "bass", 66), ("1/3", "1/3", "chord", 52), ("2/3", "1/3", "chord", 50)),
    ("guitar", "slow"): _strokes(
        ("0", "1", "bass", 60), ("1/4", "3/4", "1", 46), ("1/2", "1/2", "2", 48), ("3/4", "1/4", "3", 44)
    ),
    ("guitar", "slow jig"): _strokes(("0", "1", "bass", 60), ("1/3", "2/3", "1", 46), ("2/3", "1/3", "2", 46)),
    ("piano", "duple"): _strokes(("0", "1/2", "bass", 64), ("1/2", "2/5", "chord", 52)),
    ("piano", "jig"): _strokes(("0", "1/2", "bass", 64), ("2/3", "1/4", "chord", 50)),
    ("piano", "waltz"): _strokes(("0", "1/2", "bass", 64), ("1/3", "1/4", "chord", 50), ("2/3", "1/4", "chord", 48)),
    ("piano", "slow"): _strokes(("0", "1", "bass", 58), ("0", "1", "chord", 46), ("1/2", "1/2", "2", 40)),
    ("piano", "slow jig"): _strokes(("0", "1", "bass", 58), ("0", "1", "chord", 44)),
    ("harp", "duple"): _strokes(
        ("0", "1", "bass", 62), ("1/4", "3/4", "0", 48), ("1/2", "1/2", "1", 52), ("3/4", "1/4", "2", 48)
    ),
    ("harp", "jig"): _strokes(("0", "1", "bass", 62), ("1/3", "2/3", "0", 48), ("2/3", "1/3", "2", 50)),
    ("harp", "waltz"): _strokes(
        ("0", "1", "bass", 62), ("1/6", "5/6", "0", 46), ("1/3", "2/3", "1", 50), ("1/2", "1/2", "2", 46),
        ("2/3", "1/3", "1", 50), ("5/6", "1/6", "0", 44),
    ),
    ("harp", "slow"): _strokes(
        ("0", "1", "bass", 58), ("1/4", "3/4", "0", 46), ("1/2", "1/2", "1", 48), ("3/4", "1/4", "2", 46)
    ),
    ("harp", "slow jig"): _strokes(("0", "1", "bass", 58), ("1/3", "2/3", "1", 46), ("2/3", "1/3", "2", 46)),
}  # fmt: skip


@dataclass(frozen=True)
class Voicing:
    """Where an instrument puts its notes: lowest MIDI pitches of bass and chord, voices of a chord, strum spread."""

    bass_low: int
    chord_low: int
    voices: int
    spread_seconds: float


VOICINGS: dict[str, Voicing] = {
    "guitar": Voicing(bass_low=40, chord_low=50, voices=4, spread_seconds=0.008),
    "piano": Voicing(bass_low=36, chord_low=52, voices=3, spread_seconds=0.0),
    "harp": Voicing(bass_low=40, chord_low=50, voices=4, spread_seconds=0.006),
}
# The closing chord is struck once and left to ring beyond the last bar line.
_CLOSING_RING_SECONDS = 1.0
# Felt beats a minute below which a song or air gets broken chords.
_SLOW_BPM = 90.0
_DOWNBEAT_ACCENT = 5
_TIMING_NOISE_SECONDS = 0.003
_TIMING_NOISE_LIMIT_SECONDS = 0.007
_DYNAMIC_NOISE = 2.5
_VELOCITY_RANGE = (28, 90)
_GAP_SECONDS = 0.01
_SHORTEST_SECONDS = 0.03


def pulse_of(meter: Meter) -> tuple[Fraction, str]:
    """Length of the accompaniment's pulse in whole notes, and its feel: "duple", "jig" or "waltz"."""
    if meter.is_compound:
        return meter.beat_duration, "jig"
    if meter.beats % 3 == 0 and meter.beats <= 9:
        return Fraction(3, meter.unit), "waltz"
    if meter.beats % 4 == 0:
        return Fraction(2, meter.unit), "duple"
    return Fraction(1, meter.unit), "duple"


def accompany(
    bars: Sequence[PlayedBar],
    chords: Sequence[ScoreChord],
    clock: Clock,
    kind: Kind,
    instrument: Instrument,
    shifts: Sequence[float],
    end_seconds: float,
    rng: np.random.Generator,
) -> tuple[SoundedNote, ...]:
    """Accompany a tune on its own clock, so that swing and held notes are shared with the lead.

    Args:
        bars: one pass through the tune.
        chords: its harmony; where there is none, nothing is struck.
        clock: score positions to seconds.
        kind: the tune's kind; slow kinds get broken chords.
        instrument: guitar, piano or harp.
        shifts: seconds by which each pass is later than the clock says.
        end_seconds: when the last bar ends.
        rng: where unevenness of timing and touch comes from.

    Returns:
        Notes in order of onset.

    Raises:
        ValueError: the instrument does not accompany.
    """
    if instrument.id not in VOICINGS:
        raise ValueError(f"instrument {instrument.id!r} does not accompany; {', '.join(VOICINGS)} do")
    voicing = VOICINGS[instrument.id]
    strikes = _strikes(bars, chords, kind, instrument, voicing)
    onsets = clock.seconds([strike.start for strike in strikes])
    offsets = clock.seconds([strike.end for strike in strikes])
    closing = _closing_start(bars, clock, shifts, end_seconds)
    notes: list[SoundedNote] = []
    for shift in shifts:
        for strike, onset, offset in zip(strikes, onsets.tolist(), offsets.tolist(), strict=True):
            begin, stop = onset + shift, offset + shift
            if begin > closing + 1e-6:
                continue
            if begin > closing - 1e-6:
                stop = end_seconds + _CLOSING_RING_SECONDS
            elif stop > closing:
                stop = closing
            notes.extend(_struck(strike, begin, stop, voicing, instrument, rng))
    return tuple(sorted(notes, key=lambda note: (note.onset, note.midi_pitch)))


@dataclass(frozen=True)
class _Strike:
    """Pitches struck together (from the first to be touched to the last) from `start` to `end` in whole notes."""

    start: Fraction
    end: Fraction
    pitches: tuple[int, ...]
    velocity: int


def _closing_start(
    bars: Sequence[PlayedBar], clock: Clock, shifts: Sequence[float], end_seconds: float
) -> float:
    """When the last bar of the rendition begins; strokes after that are left out."""
    edges = clock.seconds([bar.start for bar in bars] + [bars[-1].end]) + shifts[-1]
    last = int(np.abs(edges[1:] - end_seconds).argmin())
    return float(edges[last])


def _strikes(
    bars: Sequence[PlayedBar],
    chords: Sequence[ScoreChord],
    kind: Kind,
    instrument: Instrument,
    voicing: Voicing,
) -> list[_Strike]:
    """All strokes of one pass, in order."""
    starts = [chord.start for chord in chords]
    strikes: list[_Strike] = []
    voices: tuple[int, ...] = ()
    voiced = -1
    for bar in bars:
        pulse, feel = pulse_of(bar.meter)
        if not kind.is_dance and kind.tempo_in(bar.meter) < _SLOW_BPM:
            feel = "slow jig" if feel == "jig" else "waltz" if feel == "waltz" else "slow"
        timed_pattern = [(s, s.at * pulse, s.length * pulse) for s in PATTERNS[instrument.id, feel]]
        turn, place = 0, bar.metric_start
        while place < bar.end:
            for stroke, after, length in timed_pattern:
                start = place + after
                if not bar.start <= start < bar.end:
                    continue
                found = bisect_right(starts, start) - 1
                if found < 0 or chords[found].end <= start:
                    continue
                if found != voiced:
                    voices, voiced = voice(chords[found], voicing, instrument, voices), found
                chord = chords[found]
                pitches = _pitches_of(stroke, chord, voices, voicing, instrument, turn)
                accent = _DOWNBEAT_ACCENT if start == bar.metric_start else 0
                # A string rings to the end of its chord at most.
                end = min(start + length, max(chord.end, start + pulse / 8))
                strikes.append(_Strike(start, end, pitches, stroke.velocity + accent))
            turn += 1
            place += pulse
    return strikes


def _pitches_of(
    stroke: Stroke,
    chord: ScoreChord,
    voices: tuple[int, ...],
    voicing: Voicing,
    instrument: Instrument,
    turn: int,
) -> tuple[int, ...]:
    if stroke.what == "bass":
        pitch_class = chord.bass
        if turn % 2 and chord.bass == chord.root:
            pitch_class = (chord.root + TRIADS[chord.quality][2]) % 12
        low = max(voicing.bass_low, instrument.lowest)
        return (low + (pitch_class - low) % 12,)
    if stroke.what == "chord":
        return voices
    if stroke.what == "up":
        return tuple(reversed(voices[-2:]))
    return (voices[min(int(stroke.what), len(voices) - 1)],)


def voice(
    chord: ScoreChord, voicing: Voicing, instrument: Instrument, before: tuple[int, ...]
) -> tuple[int, ...]:
    """Close voicing of a chord, rising, in the inversion nearest to the chord before."""
    tones = sorted((chord.root + step) % 12 for step in TRIADS[chord.quality])
    low = max(voicing.chord_low, instrument.lowest)
    candidates = []
    for tone in tones:
        pitch = low + (tone - low) % 12
        pitches = [pitch]
        while len(pitches) < voicing.voices:
            pitch = min(pitch + 1 + (other - pitch - 1) % 12 for other in tones)
            pitches.append(pitch)
        candidates.append(tuple(pitches))
    if not before:
        return min(candidates)
    return min(candidates, key=lambda pitches: (abs(sum(pitches) - sum(before)), pitches))


def _struck(
    strike: _Strike,
    begin: float,
    stop: float,
    voicing: Voicing,
    instrument: Instrument,
    rng: np.random.Generator,
) -> list[SoundedNote]:
    """The notes of one strike, seconds of the sound."""
    low, high = _VELOCITY_RANGE
    late = float(rng.normal(0, _TIMING_NOISE_SECONDS))
    late = max(-_TIMING_NOISE_LIMIT_SECONDS, min(_TIMING_NOISE_LIMIT_SECONDS, late))
    start = max(0.0, begin + late)
    touch = rng.normal(0, _DYNAMIC_NOISE, len(strike.pitches)).tolist()
    notes = []
    for place, pitch in enumerate(strike.pitches):
        onset = start + place * voicing.spread_seconds
        offset = max(stop - _GAP_SECONDS, onset + _SHORTEST_SECONDS)
        velocity = max(low, min(high, round(strike.velocity + touch[place])))
        notes.append(SoundedNote(round(onset, 6), round(offset, 6), pitch, velocity))
    return notes
