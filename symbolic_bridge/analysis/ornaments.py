"""Ornaments as the notation has them: graces, decorations, and triplets that decorate a plain note.

How ornaments sound is the business of `symbolic_bridge.ornaments`; this is where they stand.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise

from symbolic_bridge.analysis.melody import Melody

# Decorations that add notes; others are articulation, dynamics or signs.
ORNAMENT_NAMES = (
    "roll", "trill", "turn", "turnx", "invertedturn", "invertedturnx", "mordent", "lowermordent", "uppermordent",
    "pralltriller", "slide",
)  # fmt: skip
# A triplet decorates when it is quicker than the beat's halves and moves by no more than this from note to note.
WIDEST_STEP_SEMITONES = 4
_LONGEST_TRIPLET_NOTE = Fraction(1, 12)


@dataclass(frozen=True)
class Ornament:
    """`kind`: "grace", a decoration's name or "triplet"; `note`: index of the ornamented (first) note; `notes`: added.

    `notes` counts what is written: the graces, 3 for a triplet, 0 for a sign.
    """

    kind: str
    note: int
    bar: int
    notes: int


def find_ornaments(melody: Melody) -> tuple[Ornament, ...]:
    """Every ornament of a melody as played, in order."""
    found: list[Ornament] = []
    for index, note in enumerate(melody.notes):
        if note.note.graces:
            found.append(Ornament("grace", index, note.bar, len(note.note.graces)))
        found += [
            Ornament(name, index, note.bar, 0) for name in note.note.decorations if name in ORNAMENT_NAMES
        ]
    found += [
        Ornament("triplet", index, melody.notes[index].bar, 3) for index in _decorative_triplets(melody)
    ]
    return tuple(sorted(found, key=lambda ornament: ornament.note))


def count_ornaments(ornaments: Sequence[Ornament]) -> dict[str, int]:
    """How often each kind occurs, commonest first."""
    return dict(Counter(ornament.kind for ornament in ornaments).most_common())


def _decorative_triplets(melody: Melody) -> list[int]:
    """First notes of three equal quick notes that fill the time of one plain note and move by small steps.

    Passages of triplets are the tune itself: a triplet with another one before or behind it is none.
    """
    starts = [index for index in range(len(melody.notes) - 2) if _is_triplet(melody, index)]
    firsts: list[int] = []
    for index in starts:
        if not firsts or index >= firsts[-1] + 3:
            firsts.append(index)
    return [index for index in firsts if index - 3 not in firsts and index + 3 not in firsts]


def _is_triplet(melody: Melody, index: int) -> bool:
    notes = melody.notes[index : index + 3]
    duration = notes[0].duration
    third = duration.denominator % 3 == 0 and duration <= _LONGEST_TRIPLET_NOTE
    even = all(note.duration == duration for note in notes)
    joined = all(a.start + a.duration == b.start for a, b in pairwise(notes))
    moves = abs(melody.pitches[index + 1 : index + 3] - melody.pitches[index : index + 2])
    # On a place of the plain grid, so that the last two of one triplet and the first of the next are none.
    on_grid = notes[0].start.denominator % 3 != 0
    return bool(third and even and joined and on_grid and moves.max() <= WIDEST_STEP_SEMITONES)
