"""From a tune to its performance: repeats, tempo, swing, dynamics, ornaments and the small unevenness of hands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import isfinite, pi, sin

import numpy as np

from symbolic_bridge.accompaniment import accompany
from symbolic_bridge.harmony import ScoreChord, harmonise
from symbolic_bridge.instruments import ACCOMPANIMENTS, INSTRUMENTS, Instrument, instrument_of
from symbolic_bridge.kinds import Kind, kind_of
from symbolic_bridge.ornaments import GRACE_SECONDS, GRACE_SHARE, neighbour, ornament_offsets
from symbolic_bridge.performance import BarSpan, ChordSpan, Part, Performance, SoundedNote
from symbolic_bridge.timing import FREE_METER, Clock, PlayedBar, build_clock, lay_out
from symbolic_bridge.tune import Key, Meter, Pitch, Tune
from symbolic_bridge.unfold import timed_notes

START_SECONDS = 0.1
RING_SECONDS = 1.5
TEMPO_RANGE_BPM = (10.0, 600.0)
MAX_DURATION_SECONDS = 3600.0

# The last note is held longer than written; plucked strings are left to ring.
_LAST_NOTE_EXTRA_SECONDS = {"sustained": 0.35, "plucked": 1.2}
_TIMING_NOISE_SECONDS = 0.004
_TIMING_NOISE_LIMIT_SECONDS = 0.01
# Share of the shorter neighbouring note that a note may be early or late by: order is never in doubt.
_TIMING_NOISE_SHARE = 0.12
_REPEATED_NOTE_GAP_SECONDS = 0.03
_GATES = {"sustained": 0.95, "plucked": 1.0}
_SLURRED_GATE = 1.0
_STACCATO_GATE = 0.5
_SHORTEST_SECONDS = 0.02

_LEVEL = 82.0
_DOWNBEAT, _MID_BAR, _BEAT, _OFFBEAT = 10.0, 5.0, 2.0, -5.0
_ACCENT = 14.0
_PHRASE_ARCH = 7.0
_PHRASE_BARS = 4
_DYNAMIC_NOISE = 2.5
_GRACE_SOFTER = 12.0
_VELOCITY_RANGE = (35, 120)


@dataclass(frozen=True)
class _Event:
    """A note of one pass through the tune, before the hands: times in seconds, the rest as written."""

    onset: float
    offset: float
    pitches: tuple[Pitch, ...]
    graces: tuple[Pitch, ...]
    decorations: tuple[str, ...]
    level: float
    slurred: bool
    bar: int


@dataclass(frozen=True)
class _Score:
    """One pass through the unfolded tune on its clock."""

    bars: tuple[PlayedBar, ...]
    clock: Clock
    events: tuple[_Event, ...]
    chords: tuple[ScoreChord, ...]
    tempo_bpm: float
    kind: Kind
    warnings: tuple[str, ...]


def perform(
    tune: Tune,
    *,
    instrument: str = "fiddle",
    accompaniment: str = "none",
    tempo_bpm: float | None = None,
    duration_seconds: float | None = None,
    rng: np.random.Generator,
    ornaments: bool = True,
    swing: float | None = None,
) -> Performance:
    """Play a tune.

    Args:
        tune: the tune as written; its repeats are unfolded here.
        instrument: id or synonym of the lead's instrument.
        accompaniment: "none", "guitar", "piano" or "harp".
        tempo_bpm: felt beats a minute; None: the tune's own (Q:), else that of its kind.
        duration_seconds: length wanted, at most MAX_DURATION_SECONDS: the tune is repeated or cut at a bar line, and the
            result is within one bar plus the ring of it; None: the tune once with its repeats.
        rng: where the unevenness of timing and touch comes from; the same state gives the same performance.
        ornaments: whether graces, rolls, trills and turns are played.
        swing: length of the first of two quick notes over the second, 1 ... 3; None: that of the tune's kind.

    Returns:
        The performance; the first note starts about START_SECONDS in, RING_SECONDS are left after the last bar.

    Raises:
        ValueError: an unknown instrument, a tempo, duration or swing out of range, or a tune without notes.
    """
    player = instrument_of(instrument)
    if accompaniment not in ACCOMPANIMENTS:
        raise ValueError(f"accompaniment {accompaniment!r} is not one of {', '.join(ACCOMPANIMENTS)}")
    _check_range("tempo_bpm", tempo_bpm, *TEMPO_RANGE_BPM)
    _check_range("duration_seconds", duration_seconds, 0, MAX_DURATION_SECONDS)
    _check_range("swing", swing, 1, 3)
    score = _prepare(tune, tempo_bpm, swing)
    passes = _choose_bars(score, duration_seconds)
    events = _repeat_events(score, passes)
    spans = _bar_spans(score, passes)
    end = max(START_SECONDS + passes[-1].offset, events[-1].offset if events else 0.0)
    duration = round(end + RING_SECONDS, 6)
    moved, range_warnings = fit_range([e.pitches for e in events], player)
    keys = [score.bars[e.bar].key for e in events]
    notes = _play(events, keys, moved, player, ornaments, rng)
    parts = [Part("lead", player.id, notes)]
    chords = _chord_spans(score, passes)
    if accompaniment != "none":
        backing = accompany(spans, chords, score.kind, INSTRUMENTS[accompaniment], rng)
        parts.append(Part("accompaniment", accompaniment, backing))
    return Performance(
        tuple(parts),
        tuple(spans),
        tuple(chords),
        score.tempo_bpm,
        score.kind.id,
        duration,
        (*score.warnings, *range_warnings),
    )


def _check_range(name: str, value: float | None, low: float, high: float) -> None:
    if value is not None and not (isfinite(value) and low <= value <= high and value > 0):
        raise ValueError(f"{name} is {value}; it must be above 0 and within {low:g} ... {high:g}")


def _prepare(tune: Tune, tempo_bpm: float | None, swing: float | None) -> _Score:
    """Unfold a tune once and put it on its clock."""
    kind = kind_of(tune)
    unfolded, bars = lay_out(tune)
    timed = timed_notes(unfolded)
    if not timed:
        raise ValueError(f"tune {tune.header.title!r} has no notes to play")
    warnings: list[str] = []
    meter = tune.header.meter
    written_bpm = tune.header.tempo_bpm
    if written_bpm is not None and not TEMPO_RANGE_BPM[0] <= written_bpm <= TEMPO_RANGE_BPM[1]:
        warnings.append(
            f"the tune's tempo of {written_bpm:g} beats a minute is not playable; its kind's is taken"
        )
        written_bpm = None
    own_bpm = written_bpm or kind.tempo_in(meter)
    start_bpm = tempo_bpm or own_bpm
    whole_seconds: list[float] = []
    whole = 60.0 / (start_bpm * float(bars[0].meter.beat_duration))
    for bar, played in zip(unfolded.bars, bars, strict=True):
        if bar.tempo_bpm and TEMPO_RANGE_BPM[0] <= bar.tempo_bpm <= TEMPO_RANGE_BPM[1]:
            # A tempo asked for changes all tempos of the tune alike.
            whole = 60.0 / (bar.tempo_bpm * start_bpm / own_bpm * float(played.meter.beat_duration))
        whole_seconds.append(whole)
    clock = build_clock(
        bars,
        whole_seconds,
        [(t.start, t.start + t.duration) for t in timed if "fermata" in t.note.decorations],
        [t.start for t in timed],
        kind.swing if swing is None else swing,
        _swung_pair(kind, meter or FREE_METER),
    )
    onsets = clock.seconds([t.start for t in timed])
    offsets = clock.seconds([t.start + t.duration for t in timed])
    slurs = _slurred([t.note.slur_starts for t in timed], [t.note.slur_ends for t in timed])
    events = []
    for index, t in enumerate(timed):
        spelled = {pitch.midi: pitch for pitch in t.note.pitches}
        level = _level(bars, t.bar, t.start) + (_ACCENT if "accent" in t.note.decorations else 0.0)
        events.append(
            _Event(
                float(onsets[index]),
                float(offsets[index]),
                tuple(spelled[midi] for midi in sorted(t.pitches)),
                t.note.graces,
                t.note.decorations,
                level,
                slurs[index],
                t.bar,
            )
        )
    chords = harmonise(unfolded, bars)
    return _Score(bars, clock, tuple(events), chords, start_bpm, kind, tuple(warnings))


def _swung_pair(kind: Kind, meter: Meter) -> Fraction:
    """Length of the pair of quick notes that swings: eighths, or sixteenths where a dance is written in 2/4."""
    return Fraction(1, 8) if kind.same_bar and meter == Meter(2, 4) else Fraction(1, 4)


def _slurred(starts: Sequence[int], ends: Sequence[int]) -> list[bool]:
    """Whether each note is bound to the next one by a slur."""
    depth, bound = 0, []
    for begin, end in zip(starts, ends, strict=True):
        depth = max(0, depth + begin - end)
        bound.append(depth > 0)
    return bound


def _level(bars: Sequence[PlayedBar], bar_index: int, start: Fraction) -> float:
    """Velocity of a note from its place in bar and phrase."""
    bar = bars[bar_index]
    beat = bar.meter.beat_duration
    place = start - bar.metric_start
    if place == 0:
        accent = _DOWNBEAT
    elif place % beat == 0:
        accent = _MID_BAR if bar.beats % 2 == 0 and place / beat == bar.beats // 2 else _BEAT
    else:
        accent = _OFFBEAT
    within = float(place / max(bar.end - bar.metric_start, Fraction(1, 64)))
    phrase = ((bar_index % _PHRASE_BARS) + within) / _PHRASE_BARS
    return _LEVEL + accent + _PHRASE_ARCH * (sin(pi * phrase) - 0.5)


@dataclass(frozen=True)
class _PlayedBarTime:
    """A bar of the whole rendition: which bar of which pass, seconds from the rendition's start."""

    index: int
    shift: float
    onset: float
    offset: float


def _choose_bars(score: _Score, duration_seconds: float | None) -> list[_PlayedBarTime]:
    """Bars to play, in order: all of them once, or whole passes and a cut at the bar line nearest to a duration."""
    edges = score.clock.seconds([bar.start for bar in score.bars] + [score.bars[-1].end])
    length = score.clock.length_seconds
    once = [_PlayedBarTime(i, 0.0, float(edges[i]), float(edges[i + 1])) for i in range(len(score.bars))]
    if duration_seconds is None:
        return once
    wanted = max(duration_seconds - START_SECONDS - RING_SECONDS, 0.0)
    bars: list[_PlayedBarTime] = []
    shift = 0.0
    while not bars or bars[-1].offset < wanted:
        bars.extend(replace(b, shift=shift, onset=b.onset + shift, offset=b.offset + shift) for b in once)
        shift += length
    # A pickup leads on: music does not end with one.
    ends = [i for i, bar in enumerate(bars) if not score.bars[bar.index].is_pickup] or [len(bars) - 1]
    last = min(ends, key=lambda i: abs(bars[i].offset - wanted))
    return bars[: last + 1]


def _repeat_events(score: _Score, bars: Sequence[_PlayedBarTime]) -> list[_Event]:
    """The events of the chosen bars, in seconds of the sound; none sounds beyond the last bar line."""
    end = bars[-1].offset
    shifts = sorted({bar.shift for bar in bars})
    events: list[_Event] = []
    for shift in shifts:
        for event in score.events:
            if event.onset + shift < end - 1e-6:
                events.append(
                    replace(
                        event,
                        onset=event.onset + shift + START_SECONDS,
                        offset=min(event.offset + shift, end) + START_SECONDS,
                    )
                )
    return events


def _bar_spans(score: _Score, bars: Sequence[_PlayedBarTime]) -> list[BarSpan]:
    """The bars as heard. A short bar and the pickup that completes it are one bar."""
    spans: list[BarSpan] = []
    for place, timed in enumerate(bars):
        bar = score.bars[timed.index]
        onset, offset = timed.onset + START_SECONDS, timed.offset + START_SECONDS
        if bar.duration <= 0:
            continue
        rate = (offset - onset) / float(bar.duration)
        full = bar.meter.bar_duration
        before = score.bars[bars[place - 1].index] if place else None
        if bar.is_pickup and before is not None and before.duration + bar.duration == full and spans:
            merged = max(1, round(full / bar.meter.beat_duration))
            spans[-1] = replace(spans[-1], offset=offset, beats=merged)
            continue
        if bar.is_pickup and not spans:
            onset -= float(bar.start - bar.metric_start) * rate
        if place == len(bars) - 1 and bar.duration < full:
            # The last bar counts on through the ring.
            offset += float(full - bar.duration) * rate
        beats = (
            bar.beats
            if bar.is_pickup and not spans
            else max(1, round(bar.duration / bar.meter.beat_duration))
        )
        if place == len(bars) - 1 and bar.duration < full:
            beats = max(1, round(full / bar.meter.beat_duration))
        spans.append(BarSpan(round(onset, 6), round(offset, 6), beats, bar.section))
    return spans


def _chord_spans(score: _Score, bars: Sequence[_PlayedBarTime]) -> list[ChordSpan]:
    """The chords of the chosen bars in seconds of the sound."""
    end = bars[-1].offset
    starts = score.clock.seconds([chord.start for chord in score.chords])
    ends = score.clock.seconds([chord.end for chord in score.chords])
    spans = []
    for shift in sorted({bar.shift for bar in bars}):
        for chord, onset, offset in zip(score.chords, starts.tolist(), ends.tolist(), strict=True):
            onset, offset = onset + shift, min(offset + shift, end)
            if offset - onset > 1e-3:
                spans.append(
                    ChordSpan(
                        round(onset + START_SECONDS, 6),
                        round(offset + START_SECONDS, 6),
                        chord.root,
                        chord.quality,
                    )
                )
    return spans


def fit_range(
    chords: Sequence[tuple[Pitch, ...]], instrument: Instrument
) -> tuple[list[tuple[int, ...]], tuple[str, ...]]:
    """Semitones to move each note by, so that an instrument can play it.

    The tune moves as a whole by the fewest octaves that leave the fewest notes outside; what is outside still is moved
    note by note.

    Returns:
        For each chord the moves of its pitches, all multiples of 12, and warnings about moves.
    """
    low, high = instrument.lowest, instrument.highest

    def outside(shift: int) -> int:
        return sum(not low <= p.midi + shift <= high for pitches in chords for p in pitches)

    shift = min((0, 12, -12, 24, -24, 36, -36), key=outside)
    warnings = []
    if shift:
        word = f"{abs(shift) // 12} octave{'s' if abs(shift) > 12 else ''} {'up' if shift > 0 else 'down'}"
        warnings.append(f"the tune is played {word} to fit the range of the {instrument.names[0]}")
    if outside(shift):
        warnings.append(
            f"{outside(shift)} notes are outside the range of the {instrument.names[0]} and are moved by octaves"
        )
    return [tuple(shift + fold(p.midi + shift, low, high) for p in pitches) for pitches in chords], tuple(
        warnings
    )


def fold(midi: int, low: int, high: int) -> int:
    """Octaves, in semitones, that bring a pitch into a range of at least an octave."""
    if midi < low:
        return 12 * -((midi - low) // 12)
    if midi > high:
        return -12 * -((high - midi) // 12)
    return 0


def _play(
    events: Sequence[_Event],
    keys: Sequence[Key],
    moves: Sequence[tuple[int, ...]],
    player: Instrument,
    ornaments: bool,
    rng: np.random.Generator,
) -> tuple[SoundedNote, ...]:
    """Give the events their touch: timing noise, dynamics, gates and ornaments."""
    count = len(events)
    onsets = np.array([event.onset for event in events])
    lengths = np.array([event.offset - event.onset for event in events])
    before = np.concatenate([lengths[:1], np.diff(onsets)])
    limit = np.minimum(_TIMING_NOISE_LIMIT_SECONDS, _TIMING_NOISE_SHARE * np.minimum(lengths, before))
    played = onsets + np.clip(rng.normal(0, _TIMING_NOISE_SECONDS, count), -limit, limit)
    velocities = np.array([event.level for event in events]) + rng.normal(0, _DYNAMIC_NOISE, count)
    velocities = np.clip(np.round(velocities), *_VELOCITY_RANGE).astype(int)
    notes: list[SoundedNote] = []
    for index, event in enumerate(events):
        start = float(played[index])
        following = float(played[index + 1]) if index + 1 < count else None
        last = index + 1 == count
        stop = _release(event, start, following, events[index + 1] if not last else None, player)
        velocity = int(velocities[index])
        pitches = [p.midi + move for p, move in zip(event.pitches, moves[index], strict=True)]
        if ornaments and event.graces:
            graces = [_into_range(grace.midi + moves[index][-1], player) for grace in event.graces]
            start = _add_graces(notes, graces, start, stop, velocity)
        for midi in pitches[:-1]:
            _append(notes, start, stop, midi, velocity)
        shape = ornament_offsets(event.decorations, stop - start) if ornaments else ((0.0, 0),)
        times = [start + offset for offset, _ in shape] + [stop]
        for turn, (_, step) in enumerate(shape):
            midi = pitches[-1]
            if step:
                midi = _into_range(neighbour(event.pitches[-1], keys[index], step) + moves[index][-1], player)
            softer = _GRACE_SOFTER if step else 0.0
            _append(notes, times[turn], times[turn + 1], midi, velocity - int(softer))
    notes.sort(key=lambda note: note.onset)
    return tuple(notes)


def _release(
    event: _Event, start: float, following: float | None, next_event: _Event | None, player: Instrument
) -> float:
    """When a note ends: by its articulation, before the next one of the same pitch, the last one held on."""
    length = event.offset - start
    if following is None or next_event is None:
        return event.offset + _LAST_NOTE_EXTRA_SECONDS[player.decay]
    gate = _SLURRED_GATE if event.slurred else _GATES[player.decay]
    if "staccato" in event.decorations:
        gate = _STACCATO_GATE
    if "tenuto" in event.decorations:
        gate = _SLURRED_GATE
    stop = start + gate * length
    if {p.midi for p in event.pitches} & {p.midi for p in next_event.pitches}:
        stop = min(stop, following - min(_REPEATED_NOTE_GAP_SECONDS, 0.3 * length))
    return max(min(stop, following), start + _SHORTEST_SECONDS)


def _add_graces(
    notes: list[SoundedNote], graces: list[int], start: float, stop: float, velocity: int
) -> float:
    """Sound grace notes; returns when the main note starts.

    One grace is a cut on the beat and takes its time from its note; several come before the beat and take it
    from the note before, as far as there is one.
    """
    softer = max(1, velocity - int(_GRACE_SOFTER))
    if len(graces) == 1:
        length = min(GRACE_SECONDS, GRACE_SHARE * (stop - start))
        _append(notes, start, start + length, graces[0], softer)
        return start + length
    earliest = start - GRACE_SECONDS * len(graces)
    if notes:
        previous = notes[-1]
        earliest = max(earliest, previous.offset - GRACE_SHARE * (previous.offset - previous.onset))
    earliest = max(earliest, 0.0)
    if start - earliest < _SHORTEST_SECONDS * len(graces):
        earliest, start = start, start + min(GRACE_SECONDS * len(graces), GRACE_SHARE * (stop - start))
    if notes and notes[-1].offset > earliest:
        notes[-1] = replace(notes[-1], offset=round(earliest, 6))
    step = (start - earliest) / len(graces)
    for turn, grace in enumerate(graces):
        _append(notes, earliest + turn * step, earliest + (turn + 1) * step, grace, softer)
    return start


def _append(notes: list[SoundedNote], onset: float, offset: float, midi: int, velocity: int) -> None:
    onset = round(onset, 6)
    notes.append(SoundedNote(onset, round(max(offset, onset + 0.001), 6), midi, max(1, min(127, velocity))))


def _into_range(midi: int, instrument: Instrument) -> int:
    return midi + fold(midi, instrument.lowest, instrument.highest)
