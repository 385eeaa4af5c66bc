"""Notes heard against notes played: precision, recall and F1, as mir_eval.transcription defines them without offsets.

A note is right when its onset is within 50 ms and its pitch within 50 cents of one that was played; every note pairs
with one other at most, and the largest such pairing counts (Raffel et al. 2014). mir_eval is not needed for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

ONSET_SECONDS = 0.05
PITCH_SEMITONES = 0.5
# Sums of fractions must not decide.
_SLACK = 1e-9


@dataclass(frozen=True)
class NoteScore:
    """How many notes were `right`, `played` and `heard`."""

    right: int
    played: int
    heard: int

    @property
    def f1(self) -> float:
        """2 right / (played + heard); 1 where there is nothing to hear and nothing was heard."""
        total = self.played + self.heard
        return 2 * self.right / total if total else 1.0


def pooled(scores: Iterable[NoteScore]) -> NoteScore:
    """The notes of several sounds together."""
    counts = [(score.right, score.played, score.heard) for score in scores]
    return NoteScore(*(sum(column) for column in zip(*counts, strict=True))) if counts else NoteScore(0, 0, 0)


def heard_in(samples: np.ndarray, sample_rate: int) -> list[tuple[float, float]]:
    """What our transcriber hears in a mono sound [T], as `match_notes` takes it."""
    from audiogen.transcription import hear_notes

    return [(note.onset, float(note.pitch)) for note in hear_notes(samples, sample_rate)]


def match_notes(played: Sequence[tuple[float, float]], heard: Sequence[tuple[float, float]]) -> NoteScore:
    """Score notes given as (onset in seconds, MIDI pitch)."""
    from scipy.sparse import csr_matrix
    from scipy.sparse.csgraph import maximum_bipartite_matching

    if not played or not heard:
        return NoteScore(0, len(played), len(heard))
    one, other = np.array(played, float), np.array(heard, float)
    near = np.abs(one[:, None, 0] - other[None, :, 0]) <= ONSET_SECONDS + _SLACK
    alike = np.abs(one[:, None, 1] - other[None, :, 1]) <= PITCH_SEMITONES + _SLACK
    pairs = maximum_bipartite_matching(csr_matrix(near & alike), perm_type="column")
    return NoteScore(int((pairs >= 0).sum()), len(played), len(heard))


def shuffled(notes: Sequence[tuple[float, float]], rng: np.random.Generator) -> list[tuple[float, float]]:
    """The same onsets with the pitches in any order: the floor."""
    pitches = rng.permutation([pitch for _, pitch in notes])
    return [(onset, float(pitch)) for (onset, _), pitch in zip(notes, pitches, strict=True)]


def onsets_alone(notes: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """The same notes on one pitch, so that only when they begin counts."""
    return [(onset, 0.0) for onset, _ in notes]


def at_other_times(
    notes: Sequence[tuple[float, float]], rng: np.random.Generator
) -> list[tuple[float, float]]:
    """As many notes at any times between the first and the last: the floor of onsets."""
    onsets = np.sort(rng.uniform(notes[0][0], notes[-1][0], len(notes))) if notes else []
    return [(float(onset), pitch) for onset, (_, pitch) in zip(onsets, notes, strict=True)]
