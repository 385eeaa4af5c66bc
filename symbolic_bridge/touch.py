"""The touch: from notes in seconds to sounded notes, with articulation, ornaments, dynamics and small unevenness."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from symbolic_bridge.instruments import Instrument
from symbolic_bridge.ornaments import GRACE_SECONDS, GRACE_SHARE, neighbour, ornament_offsets
from symbolic_bridge.performance import SoundedNote
from symbolic_bridge.tune import Key, Pitch

# The last note is held longer than written; plucked strings are left to ring.
LAST_NOTE_EXTRA_SECONDS = {"sustained": 0.35, "plucked": 1.2}
_TIMING_NOISE_SECONDS = 0.004
_TIMING_NOISE_LIMIT_SECONDS = 0.01
# Share of the shorter neighbouring note that a note may be early or late by: order is never in doubt.
_TIMING_NOISE_SHARE = 0.12
# Bow changes and tongue strokes: silence before the next note, as a share of the note and at most in seconds.
_GAP_SHARES = {"sustained": 0.06, "plucked": 0.0}
_GAP_LIMIT_SECONDS = 0.03
# The same pitch again needs silence to be heard as a second note.
_REPEATED_GAP_SHARE, _REPEATED_GAP_LIMIT_SECONDS = 0.3, 0.035
_STACCATO_GATE = 0.5
_SHORTEST_SECONDS = 0.02
_DYNAMIC_NOISE = 2.5
_GRACE_SOFTER = 12
_VELOCITY_RANGE = (35, 120)
_OCTAVE_MOVES = (0, 12, -12, 24, -24, 36, -36)


@dataclass(frozen=True)
class Event:
    """A note to be played: seconds of the sound, pitches rising, the rest as written.

    `level`: velocity from its place in bar and phrase, before the unevenness of hands. `slurred`: bound to the next.
    """

    onset: float
    offset: float
    pitches: tuple[Pitch, ...]
    graces: tuple[Pitch, ...]
    decorations: tuple[str, ...]
    level: float
    slurred: bool
    key: Key


def octaves_to(midi: int, low: int, high: int) -> int:
    """Octaves, in semitones, that bring a pitch into a range of at least an octave."""
    if midi < low:
        return 12 * ((low - midi + 11) // 12)
    if midi > high:
        return -12 * ((midi - high + 11) // 12)
    return 0


def fit_range(events: Sequence[Event], player: Instrument) -> tuple[int, tuple[str, ...]]:
    """Octaves, in semitones, that the whole tune moves by to fit an instrument.

    They are the fewest that leave the fewest notes outside its range; those are then moved one by one.

    Returns:
        The move and warnings: none where every note fits as written.
    """
    pitches = np.array([pitch.midi for event in events for pitch in event.pitches])
    outside = {
        move: int(np.sum((pitches + move < player.lowest) | (pitches + move > player.highest)))
        for move in _OCTAVE_MOVES
    }
    move = min(_OCTAVE_MOVES, key=lambda candidate: outside[candidate])
    name = player.names[0]
    warnings = []
    if move:
        count = abs(move) // 12
        way = "up" if move > 0 else "down"
        warnings.append(f"the {name} plays the tune {count} octave{'s'[: count > 1]} {way}, to fit its range")
    if outside[move]:
        warnings.append(f"{outside[move]} notes outside the range of the {name} are moved by octaves")
    return move, tuple(warnings)


def play(
    events: Sequence[Event],
    player: Instrument,
    move: int,
    ornaments: bool,
    rng: np.random.Generator,
    detached: float = 1.0,
) -> tuple[SoundedNote, ...]:
    """Give events their touch: timing noise, dynamics, articulation and ornaments.

    Args:
        events: in order of onset.
        player: who plays; notes outside the range move by octaves.
        move: semitones by which everything moves first.
        ornaments: whether graces, rolls, trills and turns are played.
        rng: the source of unevenness. Each note is early or late by itself, so nothing accumulates.
        detached: the silence between notes against the usual; 0 binds them.

    Returns:
        Sounded notes in order of onset.
    """
    count = len(events)
    if not count:
        return ()
    onsets = np.array([event.onset for event in events])
    lengths = np.array([event.offset for event in events]) - onsets
    spacing = np.concatenate([lengths[:1], np.diff(onsets)])
    limit = np.minimum(_TIMING_NOISE_LIMIT_SECONDS, _TIMING_NOISE_SHARE * np.minimum(lengths, spacing))
    starts = np.maximum(
        onsets + np.clip(rng.normal(0, _TIMING_NOISE_SECONDS, count), -limit, limit), 0
    ).tolist()
    touched = np.array([event.level for event in events]) + rng.normal(0, _DYNAMIC_NOISE, count)
    velocities = np.clip(np.round(touched), *_VELOCITY_RANGE).astype(int).tolist()
    sounding = [_sounding(event.pitches, player, move) for event in events]
    notes: list[SoundedNote] = []
    for index, event in enumerate(events):
        start, velocity, pitches = starts[index], velocities[index], sounding[index]
        if index + 1 < count:
            repeated = bool(set(pitches) & set(sounding[index + 1]))
            stop = _release(event, start, starts[index + 1], repeated, player, detached)
        else:
            stop = event.offset + LAST_NOTE_EXTRA_SECONDS[player.decay]
        if ornaments and event.graces:
            graces = _sounding(event.graces, player, move)
            start = _add_graces(notes, graces, start, stop, velocity)
        for midi in pitches[:-1]:
            _append(notes, start, stop, midi, velocity)
        shape = ornament_offsets(event.decorations, event.offset - start) if ornaments else ((0.0, 0),)
        times = [min(start + after, stop) for after, _ in shape] + [stop]
        for turn, (_, step) in enumerate(shape):
            midi = pitches[-1]
            if step:
                midi = neighbour(event.pitches[-1], event.key, step) + move
                midi += octaves_to(midi, player.lowest, player.highest)
            _append(notes, times[turn], times[turn + 1], midi, velocity - _GRACE_SOFTER * abs(step))
    notes.sort(key=lambda note: note.onset)
    return tuple(notes)


def _sounding(pitches: Sequence[Pitch], player: Instrument, move: int) -> list[int]:
    """MIDI pitches in the player's range, none twice, in the order given."""
    moved = (pitch.midi + move for pitch in pitches)
    return list(dict.fromkeys(midi + octaves_to(midi, player.lowest, player.highest) for midi in moved))


def _release(
    event: Event, start: float, following: float, repeated: bool, player: Instrument, detached: float
) -> float:
    """When a note ends, in seconds: by its articulation, and before the next note begins."""
    length = event.offset - start
    gap = 0.0 if event.slurred else detached * min(_GAP_SHARES[player.decay] * length, _GAP_LIMIT_SECONDS)
    if "staccato" in event.decorations:
        gap = (1 - _STACCATO_GATE) * length
    stop = min(event.offset - gap, following)
    if repeated:
        stop = min(stop, following - min(_REPEATED_GAP_SHARE * length, _REPEATED_GAP_LIMIT_SECONDS))
    return max(stop, start + min(_SHORTEST_SECONDS, 0.5 * length))


def _add_graces(
    notes: list[SoundedNote], graces: Sequence[int], start: float, stop: float, velocity: int
) -> float:
    """Sound grace notes; returns when their note starts, in seconds.

    One grace is a cut on the beat and takes its time from its note; several come before the beat and take it
    from the note before, as far as there is one.
    """
    softer = max(1, velocity - _GRACE_SOFTER)
    wanted = GRACE_SECONDS * len(graces)
    begin = max(start - wanted, 0.0)
    if notes:
        before = notes[-1]
        begin = max(begin, before.offset - GRACE_SHARE * (before.offset - before.onset))
    if len(graces) == 1 or start - begin < _SHORTEST_SECONDS * len(graces):
        begin, start = start, start + min(wanted, GRACE_SHARE * (stop - start))
    if notes and notes[-1].offset > begin:
        notes[-1] = replace(notes[-1], offset=round(max(begin, notes[-1].onset + 0.001), 6))
    step = (start - begin) / len(graces)
    for turn, grace in enumerate(graces):
        _append(notes, begin + turn * step, begin + (turn + 1) * step, grace, softer)
    return start


def _append(notes: list[SoundedNote], onset: float, offset: float, midi: int, velocity: int) -> None:
    onset = round(onset, 6)
    notes.append(SoundedNote(onset, round(max(offset, onset + 0.001), 6), midi, max(1, min(127, velocity))))
