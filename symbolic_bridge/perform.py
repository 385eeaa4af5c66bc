"""From a tune to its performance: repeats, tempo, swing, dynamics, ornaments and the small unevenness of hands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from math import isfinite

import numpy as np

from symbolic_bridge.accompaniment import accompany
from symbolic_bridge.harmony import ScoreChord, harmonise
from symbolic_bridge.instruments import ACCOMPANIMENTS, INSTRUMENTS, instrument_of
from symbolic_bridge.kinds import KINDS, Kind, kind_of, normalise_kind
from symbolic_bridge.performance import BarSpan, ChordSpan, Part, Performance
from symbolic_bridge.timing import FREE_METER, Clock, PlayedBar, Swing, build_clock, lay_out
from symbolic_bridge.touch import Event, fit_range, play
from symbolic_bridge.tune import Meter, Tune
from symbolic_bridge.unfold import TimedNote, timed_notes

START_SECONDS = 0.1
RING_SECONDS = 1.5
TEMPO_RANGE_BPM = (10.0, 600.0)
MAX_DURATION_SECONDS = 3600.0

_LEVEL = 82.0
_DOWNBEAT, _MID_BAR, _BEAT, _OFFBEAT = 10.0, 5.0, 2.0, -5.0
_ACCENT = 14.0
_PHRASE_ARCH = 7.0
_PHRASE_BARS = 4


@dataclass(frozen=True)
class _Score:
    """One pass through the unfolded tune on its clock; the events' times start at 0.

    `sections`: of every bar, counted anew in each tune of a set. `edges`: seconds of the bar lines, float [bars + 1].
    """

    bars: tuple[PlayedBar, ...]
    sections: tuple[int, ...]
    clock: Clock
    edges: np.ndarray
    events: tuple[Event, ...]
    chords: tuple[ScoreChord, ...]
    tempo_bpm: float
    kind: Kind
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class _Rendition:
    """Which bars of the score are played, and when.

    `bars`: index into the score's bars, for each bar played. `shifts`: seconds of the sound at which each pass
    through the tune starts. `end`: seconds of the sound at which the last bar ends.
    """

    bars: tuple[int, ...]
    shifts: tuple[float, ...]
    end: float


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
    arousal: float = 0.0,
) -> Performance:
    """Play a tune.

    Args:
        tune: the tune as written; its repeats are unfolded here.
        instrument: id or synonym of the lead's instrument.
        accompaniment: "none", "guitar", "piano" or "harp".
        tempo_bpm: felt beats a minute; None: the tune's own (Q:), else that of its kind.
        duration_seconds: length wanted, at most MAX_DURATION_SECONDS: the tune is repeated or cut at a bar line, and
            the result is within one bar plus the ring of it; None: the tune once with its repeats.
        rng: where the unevenness of timing and touch comes from; the same state gives the same performance.
        ornaments: whether graces, rolls, trills and turns are played.
        swing: length of the first of two quick notes over the second, 1 ... 3, in simple metres; None: that of
            the tune's kind.
        arousal: of the mood, -1 (quiet: notes are bound) ... 1 (excited: notes are detached); see `moods.Mood`.

    Returns:
        The performance; the first note starts about START_SECONDS in, RING_SECONDS follow the last bar line.

    Raises:
        ValueError: an unknown instrument, a tempo, duration, swing or arousal out of range, or a tune without notes.
    """
    player = instrument_of(instrument)
    if accompaniment not in ACCOMPANIMENTS:
        raise ValueError(f"accompaniment {accompaniment!r} is not one of {', '.join(ACCOMPANIMENTS)}")
    _check_range("tempo_bpm", tempo_bpm, *TEMPO_RANGE_BPM)
    _check_range("duration_seconds", duration_seconds, 0, MAX_DURATION_SECONDS)
    _check_range("swing", swing, 1, 3)
    _check_range("arousal", arousal, -1, 1)
    score = _prepare(tune, tempo_bpm, swing)
    rendition = _choose_bars(score, duration_seconds)
    events = _place_events(score, rendition)
    move, range_warnings = fit_range(events, player)
    # A generator of its own, so that the lead does not change when an accompaniment is added.
    backing_rng = np.random.default_rng(rng.integers(2**63))
    parts = [Part("lead", player.id, play(events, player, move, ornaments, rng, 1 + arousal))]
    if accompaniment != "none":
        backing = accompany(
            score.bars, score.chords, score.clock, score.kind, INSTRUMENTS[accompaniment], rendition.shifts,
            rendition.end, backing_rng,
        )  # fmt: skip
        parts.append(Part("accompaniment", accompaniment, backing))
    return Performance(
        tuple(parts),
        _bar_spans(score, rendition),
        _chord_spans(score, rendition),
        score.tempo_bpm,
        score.kind.id,
        round(rendition.end + RING_SECONDS, 6),
        (*score.warnings, *range_warnings),
    )


def _check_range(name: str, value: float | None, low: float, high: float) -> None:
    if value is not None and not (isfinite(value) and low <= value <= high and (low < 0 or value > 0)):
        limits = f"above 0 and at most {high:g}" if low == 0 else f"{low:g} ... {high:g}"
        raise ValueError(f"{name} is {value}; it must be {limits}")


def _prepare(tune: Tune, tempo_bpm: float | None, swing: float | None) -> _Score:
    """Unfold a tune once and put it on its clock."""
    kind = kind_of(tune)
    unfolded, bars = lay_out(tune)
    timed = timed_notes(unfolded)
    if not timed:
        raise ValueError(f"tune {tune.header.title!r} has no notes to play")
    members = _members(unfolded, bars, kind)
    start_bpm, whole_seconds, warnings = _tempos(unfolded, bars, kind, tempo_bpm)
    clock = build_clock(
        bars,
        whole_seconds,
        [(t.start, t.start + t.duration) for t in timed if "fermata" in t.note.decorations],
        [t.start for t in timed],
        [
            Swing(member.kind.swing if swing is None else swing, _swung_pair(member.kind, member.meter))
            for member in members
        ],
    )
    return _Score(
        bars,
        tuple(bar.section - member.section for bar, member in zip(bars, members, strict=True)),
        clock,
        clock.seconds([bar.start for bar in bars] + [bars[-1].end]),
        _events(timed, bars, clock),
        harmonise(unfolded, bars),
        start_bpm,
        kind,
        warnings,
    )


def _tempos(
    unfolded: Tune, bars: Sequence[PlayedBar], kind: Kind, tempo_bpm: float | None
) -> tuple[float, list[float], tuple[str, ...]]:
    """Felt beats a minute at the start, seconds of a whole note in each bar, and warnings.

    A change of metre keeps the note values' speed; a tempo asked for changes all tempos of the tune alike.
    """
    low, high = TEMPO_RANGE_BPM
    written = [unfolded.header.tempo_bpm, *(bar.tempo_bpm for bar in unfolded.bars)]
    unplayable = sorted({bpm for bpm in written if bpm is not None and not low <= bpm <= high})
    warnings = tuple(
        f"a tempo of {bpm:g} beats a minute is outside {low:g} ... {high:g} and is passed over"
        for bpm in unplayable
    )
    opening = unfolded.bars[0].tempo_bpm or unfolded.header.tempo_bpm
    own_bpm = kind.tempo_in(unfolded.header.meter) if opening is None or opening in unplayable else opening
    start_bpm = own_bpm if tempo_bpm is None else tempo_bpm
    whole = 60.0 / (start_bpm * float(bars[0].meter.beat_duration))
    whole_seconds = []
    for index, (bar, played) in enumerate(zip(unfolded.bars, bars, strict=True)):
        if index and bar.tempo_bpm is not None and bar.tempo_bpm not in unplayable:
            whole = 60.0 / (bar.tempo_bpm * start_bpm / own_bpm * float(played.meter.beat_duration))
        whole_seconds.append(whole)
    return start_bpm, whole_seconds, warnings


@dataclass(frozen=True)
class _Member:
    """A tune of a set: its kind, the metre it begins in, and the number of its first section."""

    kind: Kind
    meter: Meter
    section: int


def _members(unfolded: Tune, bars: Sequence[PlayedBar], kind: Kind) -> list[_Member]:
    """For each bar the tune of a set that it belongs to: one begins at a title (T:), and R: says of what kind it is."""
    member = _Member(kind, unfolded.header.meter or FREE_METER, bars[0].section)
    found = []
    for bar, played in zip(unfolded.bars, bars, strict=True):
        if any(line.startswith("T:") for line in bar.lines):
            rhythm = next((line[2:] for line in bar.lines if line.startswith("R:")), "")
            own = KINDS.get(normalise_kind(rhythm) or "", member.kind)
            member = _Member(own, played.meter, played.section)
        found.append(member)
    return found


def _swung_pair(kind: Kind, meter: Meter) -> Fraction:
    """Length of the pair of quick notes that swings: eighths, or sixteenths where a dance is written in 2/4."""
    return Fraction(1, 8) if kind.same_bar and meter == Meter(2, 4) else Fraction(1, 4)


def _events(timed: Sequence[TimedNote], bars: Sequence[PlayedBar], clock: Clock) -> tuple[Event, ...]:
    onsets = clock.seconds([t.start for t in timed]).tolist()
    offsets = clock.seconds([t.start + t.duration for t in timed]).tolist()
    events = []
    depth = 0
    levels = _levels(timed, bars).tolist()
    for t, onset, offset, level in zip(timed, onsets, offsets, levels, strict=True):
        spelled = {pitch.midi: pitch for pitch in t.note.pitches}
        level += _ACCENT if "accent" in t.note.decorations else 0.0
        depth = max(0, depth + t.note.slur_starts - t.note.slur_ends)
        events.append(
            Event(
                onset, offset, tuple(spelled[midi] for midi in sorted(t.pitches)), t.note.graces, t.note.decorations,
                level, depth > 0, bars[t.bar].key,
            )
        )  # fmt: skip
    return tuple(events)


def _levels(timed: Sequence[TimedNote], bars: Sequence[PlayedBar]) -> np.ndarray:
    """Velocities of notes from their places in bar and phrase, float [notes]."""
    owner = np.array([t.bar for t in timed])
    metric_starts = np.array([float(bar.metric_start) for bar in bars])
    lengths = np.array([float(bar.end) for bar in bars]) - metric_starts
    beat_lengths = np.array([float(bar.meter.beat_duration) for bar in bars])
    beats = np.array([bar.beats for bar in bars])
    phrase_bars = np.array([-1 if bar.is_pickup else bar.bar_in_section % _PHRASE_BARS for bar in bars])[
        owner
    ]
    places = np.array([float(t.start) for t in timed]) - metric_starts[owner]
    counted = places / beat_lengths[owner]
    beat = np.round(counted).astype(int)
    on_beat = np.abs(counted - beat) < 1e-6
    half_way = on_beat & (beats[owner] % 2 == 0) & (beat * 2 == beats[owner])
    accents = np.select([on_beat & (beat == 0), half_way, on_beat], [_DOWNBEAT, _MID_BAR, _BEAT], _OFFBEAT)
    phrase = np.where(phrase_bars < 0, 0.0, (phrase_bars + places / lengths[owner]) / _PHRASE_BARS)
    return _LEVEL + accents + _PHRASE_ARCH * (np.sin(np.pi * phrase) - 0.5)


def _choose_bars(score: _Score, duration_seconds: float | None) -> _Rendition:
    """All bars once, or whole passes and a cut at the bar line that comes nearest to a duration."""
    count = len(score.bars)
    length = float(score.edges[-1])
    if duration_seconds is None:
        return _Rendition(tuple(range(count)), (START_SECONDS,), START_SECONDS + length)
    wanted = max(duration_seconds - RING_SECONDS - START_SECONDS, 0.0)
    full_passes = int(wanted // length)
    rest = wanted - full_passes * length
    misses = np.abs(score.edges - rest)
    misses[0] = np.inf if not full_passes else misses[0]
    cut = int(misses.argmin())
    if cut and score.bars[cut - 1].is_pickup:
        # A pickup leads on: music ends with one only where the next bar line is too far off.
        later = cut + 1 if cut < count else cut
        cut = later if misses[later] <= float(np.diff(score.edges).max()) else cut
    bars = tuple(range(count)) * full_passes + tuple(range(cut))
    passes = full_passes + (cut > 0)
    end = full_passes * length + float(score.edges[cut])
    return _Rendition(
        bars, tuple(START_SECONDS + turn * length for turn in range(passes)), START_SECONDS + end
    )


def _place_events(score: _Score, rendition: _Rendition) -> list[Event]:
    """The events of every pass in seconds of the sound; none starts or sounds on beyond the last bar line."""
    end = rendition.end
    events = [
        replace(event, onset=event.onset + shift, offset=min(event.offset + shift, end))
        for shift in rendition.shifts
        for event in score.events
        if event.onset + shift < end - 1e-6
    ]
    # A cut may leave rests only, in which case there is nothing to hear but the ring.
    return events


def _bar_spans(score: _Score, rendition: _Rendition) -> tuple[BarSpan, ...]:
    """The bars as heard: a short bar and the pickup that completes it are one bar."""
    spans: list[BarSpan] = []
    count = len(score.bars)
    for place, index in enumerate(rendition.bars):
        bar = score.bars[index]
        shift = rendition.shifts[place // count]
        onset, offset = float(score.edges[index]) + shift, float(score.edges[index + 1]) + shift
        rate = (offset - onset) / float(bar.duration)
        missing = max(bar.meter.bar_duration - bar.duration, Fraction(0))
        before = score.bars[rendition.bars[place - 1]] if place else None
        beats = max(1, round(bar.duration / bar.meter.beat_duration))
        if (
            missing
            and bar.is_pickup
            and before is not None
            and before.duration == missing
            and not before.is_pickup
        ):
            spans[-1] = replace(spans[-1], offset=round(offset, 6), beats=bar.beats)
            continue
        if missing and bar.is_pickup and before is None:
            onset, beats = onset - float(missing) * rate, bar.beats
        elif missing and place == len(rendition.bars) - 1:
            # The last bar counts on through the ring.
            offset, beats = (
                offset + float(missing) * rate,
                bar.meter.felt_beats,
            )
        spans.append(BarSpan(round(onset, 6), round(offset, 6), max(1, beats), score.sections[index]))
    return tuple(spans)


def _chord_spans(score: _Score, rendition: _Rendition) -> tuple[ChordSpan, ...]:
    """The chords of every pass in seconds of the sound."""
    starts = score.clock.seconds([chord.start for chord in score.chords]).tolist()
    ends = score.clock.seconds([chord.end for chord in score.chords]).tolist()
    spans = []
    for shift in rendition.shifts:
        for chord, start, end in zip(score.chords, starts, ends, strict=True):
            onset, offset = start + shift, min(end + shift, rendition.end)
            if offset - onset > 1e-3:
                spans.append(ChordSpan(round(onset, 6), round(offset, 6), chord.root, chord.quality))
    return tuple(spans)
