"""What one tune is like, in histograms and numbers whose distributions over many tunes can be compared.

All of it is of the tune as played. Pitches are counted above the written tonic, lengths in felt beats, positions in
shares of the bar, so that neither key nor tempo counts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from symbolic_bridge.analysis import find_contour, find_form, find_phrases, find_range, melody_of
from symbolic_bridge.analysis.cadences import find_cadences
from symbolic_bridge.analysis.contour import SHAPES, STEP_SEMITONES
from symbolic_bridge.analysis.form import Form, bar_contents, bar_similarity, written_form
from symbolic_bridge.analysis.keys import estimate_key
from symbolic_bridge.analysis.melody import TOLERANCE, Melody
from symbolic_bridge.analysis.tune_kinds import estimate_kind
from symbolic_bridge.kinds import kind_of, normalise_kind
from symbolic_bridge.tune import Key, Tune

WIDEST_INTERVAL = 12
# Upper ends of the classes of lengths, in felt beats; the last class is open.
LENGTH_EDGES = (0.13, 0.2, 0.26, 0.3, 0.35, 0.42, 0.55, 0.7, 0.8, 1.05, 1.4, 1.6, 2.1, 3.1)
PLACES_IN_BAR = 24
LONGEST_PHRASE = 9
CADENCES = ("authentic", "final", "half", "imperfect", "open")
# Distances at which phrases of folk tunes answer each other.
BARS_BACK = (1, 2, 4, 8)
_SHAPES = tuple(dict.fromkeys(SHAPES.values()))


@dataclass(frozen=True)
class TuneFeatures:
    """`histograms`: float arrays that add up to 1; `numbers` by name.

    What the tune says of itself, and what is found in its notes alone: `signs` and `form` (letters), `kind` (a
    guess where the rhythm field has none) and `found_kind`, `key` and `found_key`.
    """

    histograms: dict[str, np.ndarray]
    numbers: dict[str, float]
    form: str
    signs: str
    kind: str
    kind_is_written: bool
    found_kind: str
    meter: str
    key: Key
    found_key: Key
    notes: int


def tune_features(tune: Tune) -> TuneFeatures:
    """Features of one tune.

    Raises:
        ValueError: the tune has fewer than two notes, or too many bars.
    """
    melody = melody_of(tune)
    form = find_form(melody)
    phrases = find_phrases(melody, form)
    key = tune.header.key
    cadences = find_cadences(melody, phrases, key.tonic_pitch_class, key.mode)
    intervals = np.diff(melody.pitches)
    onsets = onset_grid(melody)
    histograms = {
        "pitch_class": _shares((melody.pitches - key.tonic_pitch_class) % 12, 12, melody.durations),
        "interval": _shares(
            np.clip(intervals, -WIDEST_INTERVAL, WIDEST_INTERVAL) + WIDEST_INTERVAL, 2 * WIDEST_INTERVAL + 1
        ),
        "length": _shares(np.digitize(_beats(melody), LENGTH_EDGES), len(LENGTH_EDGES) + 1),
        "place_in_bar": onsets.sum(axis=0) / max(1, onsets.sum()),
        "cadence": _shares(np.array([CADENCES.index(c.kind) for c in cadences]), len(CADENCES)),
        "cadence_degree": _shares(np.array([c.degree or 0 for c in cadences]), 8),
        "phrase_bars": _shares(
            np.clip([round(phrase.bars) for phrase in phrases], 0, LONGEST_PHRASE), LONGEST_PHRASE + 1
        ),
        "phrase_shape": _shares(
            np.array([_SHAPES.index(find_contour(melody.pitches[p.first : p.stop]).shape) for p in phrases]),
            len(_SHAPES),
        ),
    }
    return TuneFeatures(
        histograms=histograms,
        numbers=_numbers(melody, intervals, onsets, form),
        form=form.letters,
        signs=written_form(melody).letters,
        kind=kind_of(tune).id,
        kind_is_written=normalise_kind(tune.header.rhythm) is not None,
        found_kind=estimate_kind(melody).kind,
        meter=str(tune.header.meter),
        key=key,
        found_key=estimate_key(melody).key,
        notes=len(melody.notes),
    )


def onset_grid(melody: Melody) -> np.ndarray:
    """Whether a note starts in each of PLACES_IN_BAR equal places of each full bar, bool [bars, places]."""
    full = melody.full_bars()
    grid = np.zeros((len(full), PLACES_IN_BAR), bool)
    rows = {bar: row for row, bar in enumerate(full)}
    for start, bar in zip(melody.starts.tolist(), melody.bar_of.tolist(), strict=True):
        if bar in rows:
            played = melody.bars[bar]
            share = (start - float(played.start) + TOLERANCE) / float(played.meter.bar_duration)
            grid[rows[bar], min(PLACES_IN_BAR - 1, int(share * PLACES_IN_BAR))] = True
    return grid


def _numbers(melody: Melody, intervals: np.ndarray, onsets: np.ndarray, form: Form) -> dict[str, float]:
    sizes = np.abs(intervals)
    extent, alike = find_range(melody), bar_similarity(melody)
    beats = sum(float(bar.duration / bar.meter.beat_duration) for bar in melody.bars)
    different = len({row.tobytes() for row in bar_contents(melody)})
    found = {
        "bars": float(len(onsets)),
        "notes_a_beat": len(melody.notes) / beats,
        "range_semitones": float(extent.semitones),
        "median_pitch_above_tonic": float((extent.median - melody.tune.header.key.tonic_pitch_class) % 12),
        "step_share": float(((sizes > 0) & (sizes <= STEP_SEMITONES)).mean()),
        "repeat_share": float((sizes == 0).mean()),
        "mean_interval": float(sizes.mean()),
        "lengths": float(len(set(np.round(melody.durations, 6).tolist()))),
        "groove": groove(onsets),
        "distinct_bars": different / len(onsets),
        "sections": float(len(form.sections)),
        "final_on_tonic": float(melody.pitches[-1] % 12 == melody.tune.header.key.tonic_pitch_class),
    }
    for back in BARS_BACK:
        # A tune too short to look so far back has nothing in common there.
        found[f"like_{back}_bars_back"] = float(np.diag(alike, -back).mean()) if len(alike) > back else 0.0
    return found


def groove(onsets: np.ndarray) -> float:
    """Mean agreement of the onsets of two bars, over all pairs of bars (Wu and Yang 2020, arXiv:2008.01307).

    A single bar agrees with itself: 1.

    Args:
        onsets: bool [bars, places].
    """
    count = len(onsets)
    if count < 2:
        return 1.0
    ones = onsets.sum(axis=0)
    # Pairs of bars that differ at a place: those with an onset there times those without.
    differing = float((ones * (count - ones)).sum())
    return 1 - differing / (count * (count - 1) / 2) / onsets.shape[1]


def _beats(melody: Melody) -> np.ndarray:
    """The notes' lengths in felt beats, float [L]."""
    beats = np.array([float(bar.meter.beat_duration) for bar in melody.bars])
    return melody.durations / beats[melody.bar_of]


def _shares(values: np.ndarray, size: int, weights: np.ndarray | None = None) -> np.ndarray:
    counts = np.bincount(np.asarray(values, int), weights, minlength=size).astype(float)
    return counts / max(1e-12, counts.sum())
