"""Contour: the shape of a line in one of nine words (Huron 1996), and how it moves from note to note.

Huron compares the first note, the mean of those between, and the last note. He leaves open how near counts as level;
here it is half a semitone.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

LEVEL_SEMITONES = 0.5
# Direction into the middle and out of it, -1 down, 0 level, 1 up, and the shape's name.
SHAPES = {
    (1, 1): "ascending", (-1, -1): "descending", (1, -1): "convex", (-1, 1): "concave", (0, 0): "horizontal",
    (0, 1): "horizontal-ascending", (0, -1): "horizontal-descending", (1, 0): "ascending-horizontal",
    (-1, 0): "descending-horizontal",
}  # fmt: skip
STEP_SEMITONES = 2


@dataclass(frozen=True)
class Contour:
    """`shape`: one of SHAPES. Shares of the intervals that go up, down or stay, and of steps (one or two semitones)."""

    shape: str
    up: float
    down: float
    level: float
    steps: float


def find_contour(pitches: np.ndarray) -> Contour:
    """The contour of a line of MIDI pitches, int [L].

    Raises:
        ValueError: there is no note.
    """
    line = np.asarray(pitches, float)
    if not len(line):
        raise ValueError("a contour needs at least 1 note; 0 were given")
    middle = line[1:-1].mean() if len(line) > 2 else (line[0] + line[-1]) / 2
    directions = tuple(
        0 if abs(move) <= LEVEL_SEMITONES else int(np.sign(move))
        for move in (middle - line[0], line[-1] - middle)
    )
    moves = np.diff(line)
    count = max(1, len(moves))
    sizes = np.abs(moves)
    return Contour(
        shape=SHAPES[directions[0], directions[1]],
        up=float((moves > 0).sum() / count),
        down=float((moves < 0).sum() / count),
        level=float((moves == 0).sum() / count),
        steps=float(((sizes > 0) & (sizes <= STEP_SEMITONES)).sum() / count),
    )
