"""Form: which stretches of bars are parts, and which parts return, heard in the notes or read from the signs.

`find_form` looks at the notes alone. It lays sections end to end so that they cost least: a section that returns costs
what differs from its first playing, a new one what was never heard before, and both something for being there at all,
by how usual their length is. That is the shortest description of the tune in sections (minimum description length;
for melodies: Meredith, Lemström, Wiggins 2002, whose patterns need not fill the tune as parts must). The costs were
chosen on training tunes with repeat signs by `benchmarks/fit_form_costs.py`.

Pickups belong to no bar of a section; bar numbers count the full bars. A pair of parts played through twice (ABAB) is
one part of double length played twice to this search, since that is the shorter description.
"""

from __future__ import annotations

from dataclasses import dataclass
from string import ascii_uppercase

import numpy as np

from symbolic_bridge.analysis.melody import Melody

# A bar is heard at so many evenly spaced moments: all of its sixteenths and triplets.
SLOTS = 48
LONGEST_SECTION = 32
# Sections that agree less than this with the first one of their letter are variants of it.
VARIANT = 0.93
_KEPT_PATHS = 6
# Neighbouring stretches of at least so many bars that agree more than this are rather a part played twice.
_REPEATED_BARS, _ALIKE = 4, 0.75
_SHORT_BARS, _LONG_BARS = 4, 16


@dataclass(frozen=True)
class Section:
    """Bars [start, start + bars) of the full bars, its letter, and which variant of it: 0 for the first one heard.

    `likeness` is the mean similarity of its bars to those of the letter's first section, 1 for that one itself.
    """

    letter: str
    start: int
    bars: int
    variant: int = 0
    likeness: float = 1.0

    @property
    def label(self) -> str:
        """Letter with a prime for each variant: A, A', A''."""
        return self.letter + "'" * self.variant


@dataclass(frozen=True)
class Form:
    """The sections of a tune as played, in order, without gaps."""

    sections: tuple[Section, ...]

    @property
    def letters(self) -> str:
        """Such as AABB."""
        return "".join(section.letter for section in self.sections)

    @property
    def labels(self) -> str:
        """Letters with primes for variants, such as AA'BB."""
        return "".join(section.label for section in self.sections)

    @property
    def boundaries(self) -> tuple[int, ...]:
        """Full bars at which a section begins, the first one left out."""
        return tuple(section.start for section in self.sections[1:])

    def folded(self) -> Form:
        """The same without immediate repeats, each section where it first stood: AABB gives AB."""
        kept = [
            section
            for place, section in enumerate(self.sections)
            if place == 0 or self.sections[place - 1].letter != section.letter
        ]
        return Form(tuple(kept))


@dataclass(frozen=True)
class FormCosts:
    """What sections cost, in bars never heard before.

    `new` and `again`: a section, its letter's first or a later one; `mismatch`: a bar of a later one that has nothing
    in common with the first; `inner`: a new section that holds something played twice in a row. A new section of
    other than eight bars pays for its length besides.
    """

    new: float = 3.4
    again: float = 1.3
    mismatch: float = 1.7
    inner: float = 3.1
    four_bars: float = 0.5
    sixteen_bars: float = 4.1
    of_four: float = 3.4
    even: float = 1.9
    odd: float = 2.5
    short: float = 0.2
    long: float = 14.5

    def of_length(self, bars: int) -> float:
        """What a new section of so many bars pays for its length."""
        usual = {4: self.four_bars, 8: 0.0, 16: self.sixteen_bars}
        if bars in usual:
            return usual[bars]
        extra = self.short if bars < _SHORT_BARS else self.long if bars > _LONG_BARS else 0.0
        return extra + (self.of_four if bars % 4 == 0 else self.odd if bars % 2 else self.even)


DEFAULT_COSTS = FormCosts()


def bar_contents(melody: Melody) -> np.ndarray:
    """What is heard at SLOTS moments of every full bar: MIDI pitch, -1 in rests, -2 behind a short bar's end.

    Returns:
        int [full bars, SLOTS].
    """
    bars = [melody.bars[index] for index in melody.full_bars()]
    lengths = np.array([float(max(bar.meter.bar_duration, bar.duration)) for bar in bars])
    starts = np.array([float(bar.start) for bar in bars])
    ends = np.array([float(bar.end) for bar in bars])
    moments = starts[:, None] + (np.arange(SLOTS) + 0.5) / SLOTS * lengths[:, None]  # [bars, SLOTS]
    heard = melody.sounding(moments.ravel()).reshape(moments.shape)
    return np.where(moments < ends[:, None], heard, -2)


def bar_similarity(melody: Melody) -> np.ndarray:
    """Share of the time during which two full bars sound the same pitch, float [bars, bars], 1 on the diagonal.

    What one of two bars lacks, being cut short for a pickup, does not count; bars of different metres have 0 in common.
    """
    contents = bar_contents(melody)
    full = [melody.bars[index] for index in melody.full_bars()]
    lengths = np.array([float(bar.meter.bar_duration) for bar in full])
    found = np.zeros((len(full), len(full)))
    for row, own in enumerate(contents):
        both = (own != -2) & (contents != -2)
        same = (own == contents) & both
        found[row] = same.sum(axis=1) / np.maximum(both.sum(axis=1), 1)
    return found * (np.abs(lengths[:, None] - lengths[None, :]) < 1e-9)


def find_form(melody: Melody, costs: FormCosts = DEFAULT_COSTS) -> Form:
    """The form that the notes themselves show, with no look at repeat signs, double bars or part labels.

    Args:
        melody: what `melody_of` gives; whether repeats stood as signs or written out makes no difference.
        costs: of sections; others than the fitted ones.
    """
    return form_of_similarity(bar_similarity(melody), costs)


@dataclass(frozen=True)
class _Path:
    """Sections laid so far, as (start, bars, number of the letter); `firsts`: where each letter first stood."""

    cost: float
    sections: tuple[tuple[int, int, int], ...]
    firsts: tuple[tuple[int, int], ...]


def form_of_similarity(similarity: np.ndarray, costs: FormCosts = DEFAULT_COSTS) -> Form:
    """The cheapest sections for a matrix of bar similarities, float [bars, bars]."""
    count = len(similarity)
    heard = np.tril(similarity, -1).max(axis=1, initial=0.0)
    novelty = np.concatenate([[0.0], np.cumsum(1 - heard)])
    apart = np.zeros((count + 1, count + 1))
    for row in range(count):
        apart[row + 1, 1:] = apart[row, :-1] + 1 - similarity[row]
    inner = _inner_repeats(apart)
    paths: list[list[_Path]] = [[] for _ in range(count + 1)]
    paths[0] = [_Path(0.0, (), ())]
    for start in range(count):
        # A beam: a letter's cost depends on where it first stood, so that no exact programme is small.
        for path in sorted(paths[start], key=lambda path: path.cost)[:_KEPT_PATHS]:
            for bars in range(1, min(LONGEST_SECTION, count - start) + 1):
                stop = start + bars
                fresh = costs.new + costs.of_length(bars) + novelty[stop] - novelty[start]
                fresh += costs.inner * inner[bars][start]
                sections = (*path.sections, (start, bars, len(path.firsts)))
                paths[stop].append(_Path(path.cost + fresh, sections, (*path.firsts, (start, bars))))
                for letter, (first, length) in enumerate(path.firsts):
                    if length == bars:
                        differs = apart[stop, first + bars] - apart[start, first]
                        cost = path.cost + costs.again + costs.mismatch * differs
                        paths[stop].append(_Path(cost, (*path.sections, (start, bars, letter)), path.firsts))
        paths[start] = []
    best = min(paths[count], key=lambda path: path.cost)
    return Form(_labelled(best.sections, similarity))


def _inner_repeats(apart: np.ndarray) -> list[np.ndarray]:
    """How surely a stretch holds something played twice in a row, 0 ... 1: [bars][start], floats."""
    count = len(apart) - 1
    found = [np.zeros(count + 1) for _ in range(LONGEST_SECTION + 1)]
    for bars in range(2 * _REPEATED_BARS, min(LONGEST_SECTION, count) + 1):
        starts = count - bars + 1
        now = np.maximum(found[bars - 1][:starts], found[bars - 1][1 : starts + 1])
        half, odd = divmod(bars, 2)
        if not odd:
            places = np.arange(starts)
            differs = apart[places + bars, places + half] - apart[places + half, places]
            now = np.maximum(now, (1 - differs / half - _ALIKE) / (1 - _ALIKE))
        found[bars][:starts] = now
    return found


def _labelled(sections: tuple[tuple[int, int, int], ...], similarity: np.ndarray) -> tuple[Section, ...]:
    """Sections with letters, and with variants told apart by their likeness to the ones before."""
    found: list[Section] = []
    for start, bars, letter in sections:
        name = letter_name(letter)
        earlier = [section for section in found if section.letter == name]
        alike = [_likeness(similarity, start, section.start, bars) for section in earlier]
        if not earlier:
            found.append(Section(name, start, bars))
            continue
        nearest = int(np.argmax(alike))
        variant = earlier[nearest].variant
        if alike[nearest] < VARIANT:
            variant = 1 + max(section.variant for section in earlier)
        found.append(Section(name, start, bars, variant, round(alike[0], 4)))
    return tuple(found)


def _likeness(similarity: np.ndarray, start: int, other: int, bars: int) -> float:
    return float(np.mean([similarity[start + bar, other + bar] for bar in range(bars)]))


def letter_name(number: int) -> str:
    """A ... Z for 0 ... 25, then A1, B1 ..."""
    turn, place = divmod(number, len(ascii_uppercase))
    return ascii_uppercase[place] + (str(turn) if turn else "")


def written_form(melody: Melody) -> Form:
    """The form that signs say: repeats, double bars and part labels of the written tune, as played.

    Letters name written sections, so that a part written out twice has two; only signs make a letter return.
    """
    full = [melody.bars[index] for index in melody.full_bars()]
    starts = [place for place, bar in enumerate(full) if place == 0 or bar.bar_in_section == 0]
    numbers = {section: place for place, section in enumerate(dict.fromkeys(full[s].section for s in starts))}
    similarity = bar_similarity(melody)
    found: list[Section] = []
    for start, stop in zip(starts, [*starts[1:], len(full)], strict=True):
        name = letter_name(numbers[full[start].section])
        first = next((section for section in found if section.letter == name), None)
        shared = min(stop - start, first.bars) if first else 0
        likeness = _likeness(similarity, start, first.start, shared) if first and shared else 1.0
        variant = 1 if first and (likeness < VARIANT or first.bars != stop - start) else 0
        found.append(Section(name, start, stop - start, variant, round(likeness, 4)))
    return Form(tuple(found))
