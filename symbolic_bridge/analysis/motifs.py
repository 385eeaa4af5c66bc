"""Motifs: short figures of steps and rhythm that a tune returns to, on any degree of the scale.

Intervals are steps of the staff rather than semitones, so that a sequence through the scale counts as the same figure.
Only the first playing of each section is searched: a part that is repeated repeats everything.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from fractions import Fraction

from symbolic_bridge.analysis.form import Form
from symbolic_bridge.analysis.melody import Melody
from symbolic_bridge.tune import LETTERS

SHORTEST_MOTIF, LONGEST_MOTIF = 4, 12
MOST_MOTIFS = 5
FEWEST_OCCURRENCES = 2

Figure = tuple[tuple[int, ...], tuple[Fraction, ...]]


@dataclass(frozen=True)
class Motif:
    """`steps` between its notes on the staff, `rhythm`: durations over the first one's; where it stands.

    `occurrences`: index of the first note of each, rising, without overlaps; `bars`: the bar of the unfolded tune in
    which each begins.
    """

    steps: tuple[int, ...]
    rhythm: tuple[Fraction, ...]
    occurrences: tuple[int, ...]
    bars: tuple[int, ...]

    @property
    def notes(self) -> int:
        """How many notes it has."""
        return len(self.rhythm)


def find_motifs(melody: Melody, form: Form) -> tuple[Motif, ...]:
    """At most five motifs: again and again the figure that covers most notes which no motif before it covers.

    A figure has 4 to 12 notes, moves by at least two different intervals (a scale is no motif), stays within one
    section and occurs at least twice without overlap.
    """
    places = _places_of_figures(melody, _spans(melody, form))
    covered: set[int] = set()
    motifs: list[Motif] = []
    while len(motifs) < MOST_MOTIFS:
        best: tuple[int, int, Figure | None, list[int]] = (0, 0, None, [])
        for figure, starts in places.items():
            length = len(figure[1])
            # No figure can be worth more than all its notes: most need no closer look.
            if (len(starts) - 1) * length <= best[0]:
                continue
            free = _apart([start for start in starts if not _touches(covered, start, length)], length)
            worth = (len(free) - 1) * length
            if len(free) >= FEWEST_OCCURRENCES and (worth, length) > best[:2]:
                best = (worth, length, figure, free)
        if best[2] is None:
            break
        steps, rhythm = best[2]
        motifs.append(Motif(steps, rhythm, tuple(best[3]), tuple(int(melody.bar_of[n]) for n in best[3])))
        covered |= {note for start in best[3] for note in range(start, start + len(rhythm))}
    return tuple(motifs)


def _spans(melody: Melody, form: Form) -> list[tuple[int, int]]:
    """Notes [first, stop) of the first section of each letter."""
    full = melody.full_bars()
    bar_of = melody.bar_of
    spans, seen = [], set()
    for section in form.sections:
        if section.letter in seen:
            continue
        seen.add(section.letter)
        bars = full[section.start : section.start + section.bars]
        notes = [note for note, bar in enumerate(bar_of.tolist()) if bars[0] <= bar <= bars[-1]]
        if notes:
            spans.append((notes[0], notes[-1] + 1))
    return spans


def _places_of_figures(melody: Melody, spans: list[tuple[int, int]]) -> dict[Figure, list[int]]:
    """Where every figure that comes more than once begins."""
    staff = []
    for note in melody.notes:
        top = max(note.note.pitches, key=lambda pitch: pitch.midi)
        staff.append(7 * top.octave + LETTERS.index(top.letter))
    lengths = [note.duration for note in melody.notes]
    places: dict[Figure, list[int]] = defaultdict(list)
    for first, stop in spans:
        for start in range(first, stop - SHORTEST_MOTIF + 1):
            steps = tuple(staff[n + 1] - staff[n] for n in range(start, min(start + LONGEST_MOTIF, stop) - 1))
            rhythm = tuple(lengths[n] / lengths[start] for n in range(start, start + len(steps) + 1))
            for size in range(SHORTEST_MOTIF, len(rhythm) + 1):
                if len(set(steps[: size - 1])) > 1:
                    places[steps[: size - 1], rhythm[:size]].append(start)
    return {figure: starts for figure, starts in places.items() if len(starts) >= FEWEST_OCCURRENCES}


def _touches(covered: set[int], start: int, length: int) -> bool:
    return any(note in covered for note in range(start, start + length))


def _apart(starts: list[int], length: int) -> list[int]:
    """The starts without those that overlap the one kept before."""
    kept: list[int] = []
    for start in starts:
        if not kept or start >= kept[-1] + length:
            kept.append(start)
    return kept
