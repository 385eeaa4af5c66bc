"""Rules of similarity: no key, pace or ornament hides a copy, and strangers share nothing."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from symbolic_bridge.analysis.similarity import (
    LEAST_MATCHED_SHARE,
    MOST_SKIPPED,
    Line,
    MelodyIndex,
    Overlap,
    _overlap_at,
    grams_of,
    line_of,
    overlap,
)
from symbolic_bridge.tune import Bar, Note, Tune

HEAD = "X:1\nT:t\nM:4/4\nL:1/8\nK:D\n"


def _random_tune(rng: np.random.Generator, bars: int = 16) -> Tune:
    scale = "DEFGABcdefgab"
    place, text = 5, []
    for _ in range(bars):
        row = []
        for _ in range(8):
            place = int(np.clip(place + rng.integers(-3, 4), 0, len(scale) - 1))
            row.append(scale[place])
        text.append("".join(row))
    return Tune.from_abc(HEAD + "|".join(text) + "|")


def _ornamented(tune: Tune, every: int) -> Tune:
    """Each so-many-th note as two: itself and the note before it."""
    bars: list[Bar] = []
    for bar in tune.bars:
        notes: list[Note] = []
        for place, note in enumerate(bar.notes):
            if place % every == every - 1:
                half = replace(note, duration=note.duration / 2)
                notes += [half, replace(half, pitches=bar.notes[place - 1].pitches)]
            else:
                notes.append(note)
        bars.append(replace(bar, notes=tuple(notes)))
    return replace(tune, bars=tuple(bars))


def _slow_share(line: Line, other: Line, fewest: int) -> float:
    """Overlap by walking through the matched notes of every translation."""
    matched: dict[tuple[int, int], list[tuple[int, int]]] = defaultdict(list)
    for own, (pitch, start) in enumerate(zip(line.pitches, line.starts, strict=True)):
        for their, (low, when) in enumerate(zip(other.pitches, other.starts, strict=True)):
            matched[int(pitch - low), int(start - when)].append((own, their))
    inside: set[int] = set()
    for pairs in matched.values():
        runs = [[pairs[0]]]
        for before, pair in pairwise(pairs):
            if pair[0] - before[0] > MOST_SKIPPED + 1 or pair[1] - before[1] > MOST_SKIPPED + 1:
                runs.append([])
            runs[-1].append(pair)
        for run in runs:
            span = 1 + max(run[-1][0] - run[0][0], run[-1][1] - run[0][1])
            if len(run) >= fewest and len(run) >= LEAST_MATCHED_SHARE * span:
                inside |= set(range(run[0][0], run[-1][0] + 1))
    return len(inside) / len(line.pitches)


def test_overlap_agrees_with_walking_through_every_translation(rng: np.random.Generator) -> None:
    shares = set()
    for _ in range(6):
        one, other = _random_tune(rng), _random_tune(rng)
        mixed = replace(one, bars=(*other.bars[:6], *one.bars[6:]))
        for fewest in (4, 8, 12):
            lines = line_of(mixed), line_of(_ornamented(other, 4))
            share = _overlap_at(*lines, "", fewest, 1.0).share
            assert share == pytest.approx(_slow_share(*lines, fewest))
            shares.add(share)
    assert len(shares) > 3


def test_a_transposed_copy_overlaps_wholly(rng: np.random.Generator) -> None:
    tune = _random_tune(rng)
    for semitones in (-5, 3, 7):
        found = overlap(tune.transpose(semitones), tune)
        assert (found.share, found.semitones) == (1.0, semitones)


def test_an_ornamented_copy_is_a_copy(rng: np.random.Generator) -> None:
    tune = _random_tune(rng)
    assert overlap(_ornamented(tune.transpose(2), 3), tune).share > 0.8
    assert overlap(tune, _ornamented(tune, 3)).share > 0.8


def test_the_pace_of_the_notation_does_not_matter(rng: np.random.Generator) -> None:
    tune = _random_tune(rng)
    halves = [
        replace(bar, notes=tuple(replace(n, duration=n.duration / 2) for n in bar.notes)) for bar in tune.bars
    ]
    assert overlap(replace(tune, bars=tuple(halves)), tune).share == 1.0


def test_strangers_share_next_to_nothing(rng: np.random.Generator) -> None:
    tunes = [_random_tune(rng) for _ in range(12)]
    shares = [overlap(a, b).share for a in tunes for b in tunes if a is not b]
    assert np.mean(shares) < 0.02


def test_a_part_taken_over_is_that_share(rng: np.random.Generator) -> None:
    one, other = _random_tune(rng), _random_tune(rng)
    mixed = replace(one, bars=(*other.bars[:4], *one.bars[4:]))
    found = overlap(mixed, other)
    assert found.share == pytest.approx(0.25, abs=0.1)
    assert found.longest >= 32


def test_the_index_finds_a_disguised_tune_among_many(rng: np.random.Generator) -> None:
    tunes = [(f"tune {number}", _random_tune(rng)) for number in range(60)]
    index = MelodyIndex.build(tunes)
    for name, tune in tunes[::7]:
        disguised = _ornamented(tune.transpose(4), 4)
        assert index.nearest(disguised).name == name
        assert index.nearest(disguised, without=frozenset({name})).share < 0.5


def test_the_index_agrees_with_asking_every_tune(rng: np.random.Generator) -> None:
    tunes = [(f"tune {number}", _random_tune(rng)) for number in range(40)]
    index = MelodyIndex.build(tunes)
    asked = replace(tunes[3][1], bars=(*tunes[9][1].bars[:5], *tunes[3][1].bars[5:]))
    best = max((overlap(asked, tune).share, name) for name, tune in tunes)
    found = index.nearest_many(asked, count=2)
    assert (found[0].share, found[0].name) == best
    assert [result.name for result in found] == ["tune 3", "tune 9"]


def test_nothing_found_is_said_plainly(rng: np.random.Generator) -> None:
    index = MelodyIndex.build([("one", _random_tune(rng))])
    assert index.nearest(Tune.from_abc(HEAD + "D8|D8|")) == Overlap("", 0.0, 0, 0)


def test_grams_know_no_key_and_no_repeated_note() -> None:
    plain = line_of(Tune.from_abc(HEAD + "DFAdfe dcBAGF|"))
    again = line_of(Tune.from_abc(HEAD + "DDFAdfe dccBAGF|").transpose(5))
    np.testing.assert_array_equal(grams_of(plain), grams_of(again))
    assert not len(grams_of(line_of(Tune.from_abc(HEAD + "DEFG|"))))


def test_an_index_is_the_same_after_saving(tmp_path: Path, rng: np.random.Generator) -> None:
    index = MelodyIndex.build([(f"tune {number}", _random_tune(rng)) for number in range(5)])
    index.save(tmp_path / "index.npz")
    loaded = MelodyIndex.load(tmp_path / "index.npz")
    assert loaded.names == index.names
    for name in ("offsets", "pitches", "starts", "grams", "owners"):
        np.testing.assert_array_equal(getattr(loaded, name), getattr(index, name))


def test_what_is_no_index_is_refused(tmp_path: Path) -> None:
    (tmp_path / "text.npz").write_text("no archive")
    np.savez(tmp_path / "other.npz", names=np.array(["a"]))
    for name in ("text.npz", "other.npz"):
        with pytest.raises(ValueError, match="is no index of melodies"):
            MelodyIndex.load(tmp_path / name)
    with pytest.raises(ValueError, match="at least 1 tune"):
        MelodyIndex.build([])
    with pytest.raises(ValueError, match="a share is 0"):
        Overlap("x", 1.5, 0, 0)
