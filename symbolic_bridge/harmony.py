"""Harmony: chord symbols read, and chords inferred where a tune has none.

Inference is a Viterbi search: each half bar (or bar) takes one of the triads that its mode customarily uses, so that
chord notes fit the melody, chords change seldom and rather on bar lines, and sections begin and end at home.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from functools import cache

import numpy as np

from symbolic_bridge.timing import PlayedBar
from symbolic_bridge.tune import LETTER_SEMITONES, LETTERS, Bar, Key, Tune

_ALTERATIONS = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}
_SYMBOL = re.compile(r"\(?([A-Ga-g])([#♯b♭]?)([^/\\()\s]*)(?:[/\\]([A-Ga-g])([#♯b♭]?))?.*")
# What stands behind the root, first match counts; sevenths that are no dominants keep their triad.
_QUALITY_PATTERNS = (
    (re.compile(r"(dim|o|°|ø|m7b5|m7-5|min7b5)"), "diminished"),
    (re.compile(r"(maj|ma|M|Δ|\^)"), "major"),
    (re.compile(r"(min|mi|m|-)"), "minor"),
    (re.compile(r"(7|9|11|13|dom)"), "dominant"),
    (re.compile(r"(aug|\+|sus|add|6|5|2|4|\*|\?|!|'|,|;|$)"), "major"),
)
NO_CHORD_NAMES = ("n.c.", "nc", "n.c", "no chord", "tacet")
TRIADS = {"major": (0, 4, 7), "minor": (0, 3, 7), "dominant": (0, 4, 7), "diminished": (0, 3, 6)}

# A written chord holds at most so many bars; a tune silent for longer is harmonised there.
_SYMBOL_HOLD_BARS = 4

# Semitones above the tonic, quality and what choosing it costs, per mode. Costs are in units of the fit, where a
# segment that is all root scores 1 and one that is all foreign scores _FOREIGN.
_MODE_TRIADS: dict[str, tuple[tuple[int, str, float], ...]] = {
    "major": (
        (0, "major", 0.0), (7, "major", 0.05), (5, "major", 0.08), (9, "minor", 0.18), (2, "minor", 0.2),
        (4, "minor", 0.4),
    ),
    "minor": (
        (0, "minor", 0.0), (10, "major", 0.06), (3, "major", 0.16), (5, "minor", 0.14), (8, "major", 0.18),
        (7, "minor", 0.2), (7, "major", 0.25),
    ),
    "dorian": (
        (0, "minor", 0.0), (10, "major", 0.05), (5, "major", 0.14), (3, "major", 0.18), (7, "minor", 0.16),
        (2, "minor", 0.35),
    ),
    "mixolydian": (
        (0, "major", 0.0), (10, "major", 0.06), (5, "major", 0.1), (7, "minor", 0.18), (2, "minor", 0.22),
        (7, "major", 0.25), (9, "minor", 0.25),
    ),
    "lydian": (
        (0, "major", 0.0), (2, "major", 0.1), (7, "major", 0.08), (9, "minor", 0.18), (4, "minor", 0.25),
    ),
    "phrygian": (
        (0, "minor", 0.0), (1, "major", 0.08), (10, "minor", 0.12), (3, "major", 0.18), (5, "minor", 0.18),
    ),
    "locrian": (
        (0, "diminished", 0.2), (1, "major", 0.1), (3, "minor", 0.1), (5, "minor", 0.1), (6, "major", 0.15),
        (8, "major", 0.12),
    ),
}  # fmt: skip
# Sevenths on the fifth degree and dominants of the second, fifth, sixth and fourth; they want to fall by a fifth.
_DOMINANTS = (
    (7, "dominant", 0.12), (2, "dominant", 0.3), (9, "dominant", 0.34), (4, "dominant", 0.36), (0, "dominant", 0.32),
)  # fmt: skip
_SEVENTH, _SEVENTH_FIT, _RESOLVED, _UNRESOLVED = 10, 0.7, -0.12, 0.25
_ROOT_FIT, _THIRD_FIT, _FIFTH_FIT, _FOREIGN = 1.0, 0.9, 0.75, -0.6
_CHANGE_AT_BAR, _CHANGE_IN_BAR = 0.16, 0.42
_LEADING_HOME = -0.08
_SECTION_START_HOME, _SECTION_END_HOME, _BEFORE_END_TENSION = -0.2, -0.5, -0.12
# A note counts more where it is heard as the chord: at the head of the segment and on beats.
HEAD_WEIGHT, BEAT_WEIGHT = 2.0, 1.4
_TOLERANCE = 1e-7


@dataclass(frozen=True)
class Chord:
    """Pitch class of the root, quality (major, minor, dominant, diminished), pitch class of the bass."""

    root: int
    quality: str
    bass: int


@dataclass(frozen=True)
class ScoreChord:
    """A chord in force from `start` to `end` (whole notes from the start of the unfolded tune)."""

    start: Fraction
    end: Fraction
    root: int
    quality: str
    bass: int


@dataclass(frozen=True)
class Richness:
    """How chords are chosen.

    `chords`: how many of a mode's triads, the commonest first; 0 for all. `by_halves`: whether a bar of two or four
    beats may hold two. `change`: what a change costs, against the usual. `dominants`: whether sevenths on the fifth and
    dominants of other degrees are among the choices.
    """

    chords: int = 0
    by_halves: bool = True
    change: float = 1.0
    dominants: bool = False


RICHNESSES = {
    "plain": Richness(chords=3, by_halves=False),
    "usual": Richness(),
    "rich": Richness(change=0.55, dominants=True),
}


def is_no_chord(symbol: str) -> bool:
    """Whether a symbol says that nothing is to be played ("N.C.")."""
    return symbol.strip().lstrip("^_<>@").lower() in NO_CHORD_NAMES


def parse_chord(symbol: str) -> Chord | None:
    """Read a chord symbol: "Am7", "D/F#", "Bb", "F#m", "Gdim", "(Em)". None where it is none ("N.C.", "Fine")."""
    found = _SYMBOL.fullmatch(symbol.strip())
    if found is None or is_no_chord(symbol):
        return None
    letter, alteration, kind, bass_letter, bass_alteration = found.groups()
    quality = next((name for pattern, name in _QUALITY_PATTERNS if pattern.match(kind)), None)
    if quality is None:
        return None
    root = _pitch_class(letter, alteration)
    bass = _pitch_class(bass_letter, bass_alteration) if bass_letter else root
    return Chord(root, quality, bass)


def _pitch_class(letter: str, alteration: str) -> int:
    return (LETTER_SEMITONES[LETTERS.index(letter.upper())] + _ALTERATIONS[alteration]) % 12


def harmonise(
    tune: Tune, bars: Sequence[PlayedBar], richness: Richness = RICHNESSES["usual"]
) -> tuple[ScoreChord, ...]:
    """The chords of an unfolded tune: its symbols, and inferred ones where it has none for long.

    Args:
        tune: an unfolded tune, as `timing.lay_out` gives it.
        bars: its bars on the grid, one for each.
        richness: of the inferred ones.

    Returns:
        Chords in order, without overlap; nothing sounds in an opening pickup nor after "N.C.".
    """
    written = _written_spans(tune, bars)
    inferred = _infer(tune, bars, richness)
    chords: list[ScoreChord] = []
    turn = 0
    for chord in inferred:
        # Written spans take their time from the inferred ones.
        start = chord.start
        while turn < len(written) and written[turn][1] <= start:
            turn += 1
        place = turn
        while place < len(written) and written[place][0] < chord.end:
            if written[place][0] > start:
                chords.append(ScoreChord(start, written[place][0], chord.root, chord.quality, chord.bass))
            start = max(start, written[place][1])
            place += 1
        if start < chord.end:
            chords.append(ScoreChord(start, chord.end, chord.root, chord.quality, chord.bass))
    chords += [
        ScoreChord(start, end, chord.root, chord.quality, chord.bass)
        for start, end, chord in written
        if chord is not None
    ]
    return _joined(sorted(chords, key=lambda chord: chord.start))


def _joined(chords: Sequence[ScoreChord]) -> tuple[ScoreChord, ...]:
    """Neighbouring spans of one chord as one span."""
    joined: list[ScoreChord] = []
    for chord in chords:
        last = joined[-1] if joined else None
        same = last and (last.root, last.quality, last.bass) == (chord.root, chord.quality, chord.bass)
        if last and same and last.end == chord.start:
            joined[-1] = ScoreChord(last.start, chord.end, chord.root, chord.quality, chord.bass)
        else:
            joined.append(chord)
    return tuple(joined)


def _written_spans(tune: Tune, bars: Sequence[PlayedBar]) -> list[tuple[Fraction, Fraction, Chord | None]]:
    """(start, end, chord) of what the symbols say; the chord is None for "N.C."."""
    changes: list[tuple[Fraction, int, Chord | None]] = []
    for index, (bar, notes) in enumerate(zip(bars, tune.bars, strict=True)):
        now = bar.start
        for note in notes.notes:
            chord = parse_chord(note.chord_symbol) if note.chord_symbol else None
            silent = any(is_no_chord(text) for text in (note.chord_symbol, *note.annotations))
            if chord is not None or silent:
                changes.append((now, index, chord))
            now += note.duration
    spans = []
    for place, (start, index, chord) in enumerate(changes):
        limit = bars[min(index + _SYMBOL_HOLD_BARS, len(bars)) - 1].end
        end = changes[place + 1][0] if place + 1 < len(changes) else bars[-1].end
        if min(end, limit) > start:
            spans.append((start, min(end, limit), chord))
    return spans


@dataclass(frozen=True)
class _Segment:
    """A stretch that takes one chord. `weights` float [12]: how much of each pitch class is heard in it."""

    start: Fraction
    end: Fraction
    key: Key
    weights: np.ndarray
    opens_bar: bool
    opens_section: bool
    ends_section: bool


def _segments(tune: Tune, bars: Sequence[PlayedBar], by_halves: bool) -> list[_Segment]:
    segments: list[_Segment] = []
    for index, (bar, notes) in enumerate(zip(bars, tune.bars, strict=True)):
        if bar.is_pickup and index == 0:
            continue
        following = bars[index + 1].bar_in_section if index + 1 < len(bars) else -1
        opens = bar.bar_in_section == 0 and not bar.is_pickup
        closes = following <= bar.bar_in_section and not bar.is_pickup
        halves = 2 if by_halves and bar.meter.has_halves and bar.duration == bar.meter.bar_duration else 1
        length = bar.duration / halves
        weights = _weights(bar, notes, halves)
        for half in range(halves):
            start = bar.start + half * length
            segments.append(
                _Segment(
                    start,
                    start + length,
                    bar.key,
                    weights[half],
                    half == 0,
                    half == 0 and opens,
                    closes and half == halves - 1,
                )
            )
    return segments


def _weights(bar: PlayedBar, notes: Bar, halves: int) -> np.ndarray:
    """How much of each pitch class is heard in each half of a bar, float [halves, 12]; the top notes count."""
    weights = np.zeros((halves, 12))
    length, beat = float(bar.duration) / halves, float(bar.meter.beat_duration)
    # Beats count from the metric start, which a pickup begins after.
    lead_in, now = float(bar.start - bar.metric_start), 0.0
    for note in notes.notes:
        end = now + float(note.duration)
        for half in range(halves if note.pitches else 0):
            start = half * length
            shared = min(end, start + length) - max(now, start)
            if shared > _TOLERANCE:
                if abs(now - start) < _TOLERANCE:
                    shared *= HEAD_WEIGHT
                elif abs((now + lead_in) / beat - round((now + lead_in) / beat)) < _TOLERANCE:
                    shared *= BEAT_WEIGHT
                weights[half, note.pitches[-1].midi % 12] += shared
        now = end
    return weights


@dataclass(frozen=True)
class _Choices:
    """The chords of a key: `roots` int [N], `costs` float [N], `fit` float [N, 12], `home` bool [N]."""

    roots: np.ndarray
    qualities: tuple[str, ...]
    costs: np.ndarray
    fit: np.ndarray
    home: np.ndarray


@cache
def _choices(key: Key, richness: Richness) -> _Choices:
    rows = _MODE_TRIADS[key.mode]
    if richness.chords:
        rows = tuple(sorted(rows, key=lambda row: row[2])[: richness.chords])
    if richness.dominants:
        rows += _DOMINANTS
    roots = np.array([(key.tonic_pitch_class + step) % 12 for step, _, _ in rows])
    fit = np.full((len(rows), 12), _FOREIGN)
    for row, (root, (_, quality, _)) in enumerate(zip(roots, rows, strict=True)):
        if quality == "dominant":
            fit[row, (root + _SEVENTH) % 12] = _SEVENTH_FIT
        for tone, score in zip(TRIADS[quality], (_ROOT_FIT, _THIRD_FIT, _FIFTH_FIT), strict=True):
            fit[row, (root + tone) % 12] = score
    return _Choices(
        roots,
        tuple(quality for _, quality, _ in rows),
        np.array([cost for _, _, cost in rows]),
        fit,
        roots == key.tonic_pitch_class,
    )


def bar_chords(weights: np.ndarray, key: Key) -> list[ScoreChord]:
    """One chord for each bar of one section; chord n lasts from n to n + 1.

    Args:
        weights: float [bars, 12], how much of each pitch class is heard in each bar.
        key: in force.
    """
    last = len(weights) - 1
    return _cheapest(
        [
            _Segment(Fraction(bar), Fraction(bar + 1), key, row, True, bar == 0, bar == last)
            for bar, row in enumerate(weights)
        ]
    )


def _infer(tune: Tune, bars: Sequence[PlayedBar], richness: Richness) -> list[ScoreChord]:
    """The chords of a tune without any symbols."""
    segments = _segments(tune, bars, richness.by_halves)
    return _cheapest(segments, richness) if segments else []


def _cheapest(segments: Sequence[_Segment], richness: Richness = RICHNESSES["usual"]) -> list[ScoreChord]:
    """The cheapest sequence of triads, one a segment; there is at least one segment."""
    choices = {key: _choices(key, richness) for key in dict.fromkeys(segment.key for segment in segments)}
    moves: dict[tuple[Key, Key, bool], np.ndarray] = {}
    total = _local_cost(segments, 0, choices[segments[0].key])
    origins: list[np.ndarray] = []
    for index in range(1, len(segments)):
        before, now = segments[index - 1], segments[index]
        place = (before.key, now.key, now.opens_bar)
        if place not in moves:
            moves[place] = _move_costs(choices[before.key], choices[now.key], now.opens_bar, richness.change)
        routes = total[:, None] + moves[place]
        origins.append(routes.argmin(axis=0))
        total = routes.min(axis=0) + _local_cost(segments, index, choices[now.key])
    path = [int(total.argmin())]
    for origin in reversed(origins):
        path.append(int(origin[path[-1]]))
    chords = []
    for segment, choice in zip(segments, reversed(path), strict=True):
        table = choices[segment.key]
        root = int(table.roots[choice])
        chords.append(ScoreChord(segment.start, segment.end, root, table.qualities[choice], root))
    return chords


def _local_cost(segments: Sequence[_Segment], index: int, table: _Choices) -> np.ndarray:
    """What each chord costs in a segment, float [N]: misfit, rarity, and place in the section."""
    segment = segments[index]
    heard = segment.weights.sum()
    cost = table.costs.copy()
    if heard > 0:
        cost -= table.fit @ segment.weights / heard
    if segment.opens_section:
        cost += _SECTION_START_HOME * table.home
    if segment.ends_section:
        cost += _SECTION_END_HOME * table.home
    elif index + 1 < len(segments) and segments[index + 1].ends_section:
        tension = (table.roots - table.roots[0]) % 12
        cost += _BEFORE_END_TENSION * np.isin(tension, (7, 10))
    return cost


def _move_costs(before: _Choices, now: _Choices, at_bar: bool, change: float) -> np.ndarray:
    """What it costs to go from one chord to another, float [N before, N now]."""
    same_root = before.roots[:, None] == now.roots[None, :]
    same = same_root & np.array([[a == b for b in now.qualities] for a in before.qualities])
    cost = np.where(same, 0.0, change * (_CHANGE_AT_BAR if at_bar else _CHANGE_IN_BAR))
    falling_fifth = (before.roots[:, None] - now.roots[None, :]) % 12 == 7
    dominant = np.array([quality == "dominant" for quality in before.qualities])[:, None]
    cost += np.where(falling_fifth, _RESOLVED, np.where(same, 0.0, _UNRESOLVED)) * dominant
    return cost + _LEADING_HOME * (falling_fifth & now.home[None, :])
