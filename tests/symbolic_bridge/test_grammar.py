from __future__ import annotations

from fractions import Fraction
from itertools import pairwise

import numpy as np
import pytest

from symbolic_bridge.grammar import (
    LOOK_BACK_BARS,
    MAX_LEAP_SEMITONES,
    Grammar,
    PartPlan,
    TunePlan,
    Walker,
    feature_rows,
)
from symbolic_bridge.normal_form import WHITE_TONICS, bar_ticks
from symbolic_bridge.tune import Key, Meter
from symbolic_bridge.tune_tokens import METERS, Conditions, TokenError, decode, vocabulary

# Class of every id: its duration for notes, its own number for signs.
CLASSES = np.array([ticks or 1000 + index for index, ticks in enumerate(vocabulary().ticks)])


def meter_of(text: str) -> Meter:
    beats, unit = text.split("/")
    return Meter(int(beats), int(unit))


def plan(
    meter: str = "6/8", mode: str = "major", parts: tuple[tuple[int, bool], ...] = ((4, True), (4, True))
):
    return TunePlan(meter_of(meter), mode, tuple(PartPlan(*part) for part in parts))


def walk(outline: TunePlan, seed: int) -> list[int]:
    """A tune drawn without any model: first a class of tokens, then a token of it, so that rare classes occur."""
    table = vocabulary()
    conditions = Conditions("jig", str(outline.meter), outline.mode, len(outline.parts), 16, 3)
    ids = [table.ids[name] for name in conditions.names()]
    grammar, walker, rng = Grammar(outline), Walker(), np.random.default_rng(seed)
    for index in ids:
        walker.step(index)
    while walker.section != "end":
        allowed = np.flatnonzero(grammar.allowed(walker))
        kinds = np.unique(CLASSES[allowed])
        index = int(rng.choice(allowed[CLASSES[allowed] == rng.choice(kinds)]))
        ids.append(index)
        walker.step(index)
        assert len(ids) <= grammar.max_tokens
    return ids


CASES = [
    (meter, mode, parts)
    for meter in METERS
    for mode in ("major", "dorian")
    for parts in (((4, True), (4, True)), ((1, False),), ((8, False), (5, True), (4, False)))
]


@pytest.mark.parametrize(("meter", "mode", "parts"), CASES)
def test_whatever_the_grammar_allows_is_a_tune_whose_bars_add_up(meter: str, mode: str, parts) -> None:
    outline = plan(meter, mode, parts)
    full = int(outline.meter.bar_duration * 96)
    for seed in range(2):
        ids = walk(outline, seed)
        tune = decode(ids)
        assert Grammar(outline).accepts(ids)
        assert [(part.bar_count, part.repeated) for part in tune.parts] == list(parts)
        pickups = {bar_ticks(part.pickup) for part in tune.parts}
        assert len(pickups) == 1
        for part in tune.parts:
            closings = [ending[-1] for ending in part.endings] or [part.bars[-1]]
            for bar in (*part.bars, *(bar for ending in part.endings for bar in ending)):
                missing = pickups.copy().pop() if any(bar is closing for closing in closings) else 0
                assert bar_ticks(bar) == full - missing
        last = tune.parts[-1]
        final = (last.endings[-1] if last.endings else last.bars)[-1][-1]
        assert final.midi is not None
        assert final.midi % 12 == Key(WHITE_TONICS[mode], mode).tonic_pitch_class


def test_ties_lead_to_the_same_pitch_and_leaps_are_bounded() -> None:
    tied = 0
    for seed in range(8):
        for part in decode(walk(plan("4/4"), seed)).parts:
            notes = [note for bar in (*part.bars, *(part.endings[0] if part.endings else ())) for note in bar]
            for note, following in pairwise(notes):
                if note.tie:
                    tied += 1
                    assert following.midi == note.midi
            pitches = [note.midi for note in notes if note.midi is not None]
            leaps = [abs(a - b) for a, b in pairwise(pitches)]
            assert max(leaps) <= MAX_LEAP_SEMITONES
    assert tied


def test_triplets_come_in_threes_and_dotted_pairs_return_to_the_grid() -> None:
    triplets = 0
    for seed in range(8):
        for part in decode(walk(plan("2/4"), seed)).parts:
            for bar in part.all_bars():
                run = 0
                place = 0
                for note in bar:
                    if note.ticks in (4, 8):
                        run += 1
                        triplets += 1
                        assert note.midi is not None
                    else:
                        assert run % 3 == 0
                        run = 0
                        assert place % 3 == 0
                    place += note.ticks
                assert run % 3 == 0
    assert triplets


def test_both_endings_occur_and_only_in_repeated_parts() -> None:
    with_endings = 0
    for seed in range(16):
        first, second = decode(walk(plan("6/8", parts=((8, True), (8, False))), seed)).parts
        with_endings += bool(first.endings)
        assert not second.endings
        if first.endings:
            assert len(first.endings[0]) == len(first.endings[1])
    assert 0 < with_endings < 16


def test_pitches_stay_in_the_planned_range() -> None:
    outline = TunePlan(Meter(4, 4), "major", (PartPlan(8, True),), lowest=60, highest=76)
    for seed in range(5):
        pitches = [note.midi for note in decode(walk(outline, seed)).notes() if note.midi is not None]
        assert min(pitches) >= 60
        assert max(pitches) <= 76


def test_a_broken_row_is_not_accepted() -> None:
    outline = plan()
    grammar = Grammar(outline)
    ids = walk(outline, 1)
    assert grammar.accepts(ids)
    assert not grammar.accepts(ids[:-1])
    assert not grammar.accepts([*ids, vocabulary().end])
    for place in range(6, len(ids) - 1):
        if vocabulary().names[ids[place]] not in ("roll", "tie"):  # the only signs that may be left out
            assert not grammar.accepts(ids[:place] + ids[place + 1 :])


def test_the_place_in_the_bar_is_the_sum_of_its_notes_and_a_pickup_leads_to_the_bar_line() -> None:
    table = vocabulary()
    names = [*Conditions("jig", "6/8", "major", 1, 4, 3).names(), "part:A:once", "pickup:24", "note:72:12"]
    names += ["note:71:12", "bar:2", "note:72:36", "note:67:24", "note:67:12", "bar:1", "note:72:48", "end"]
    rows = feature_rows([table.ids[name] for name in names])
    assert rows[names.index("pickup:24"), 0] == 48
    assert rows[names.index("bar:2") - 1, 0] == 72
    assert rows[names.index("bar:2"), :2].tolist() == [0, 2]
    assert rows[names.index("note:67:24"), 0] == 60


def test_looking_back_finds_what_started_at_the_same_place() -> None:
    ids = walk(plan("2/4", parts=((16, False),)), 3)
    table = vocabulary()
    rows = feature_rows(ids)
    onsets: dict[tuple[int, int], int] = {}
    bar = position = 0
    for place, index in enumerate(ids):
        name = table.names[index]
        if name.startswith("pickup:"):
            position = 48 - int(name.split(":")[1])
        if name.startswith("bar:"):
            bar, position = bar + 1, 0
        if table.ticks[index]:
            onsets[bar, position] = index
            position += table.ticks[index]
        if bar:
            expected = [onsets.get((bar - back, position), 0) for back in LOOK_BACK_BARS]
            assert rows[place, 2:].tolist() == expected
    assert rows[:, 2:].any()


def test_an_impossible_plan_is_refused() -> None:
    with pytest.raises(ValueError, match="0 bars"):
        PartPlan(0, True)
    with pytest.raises(ValueError, match="meter 7/8"):
        plan("7/8")
    with pytest.raises(ValueError, match="mode"):
        plan(mode="blues")
    with pytest.raises(ValueError, match="0 parts"):
        plan(parts=())
    with pytest.raises(ValueError, match="at least 16"):
        TunePlan(Meter(4, 4), "major", (PartPlan(8, True),), lowest=60, highest=70)
    with pytest.raises(TokenError, match="nothing can follow"):
        Grammar(plan()).allowed(Walker())


def test_bars_of_the_decoded_tune_have_exact_fractions() -> None:
    tune = decode(walk(plan("9/8"), 2)).to_tune()
    full = [bar.duration for bar in tune.bars if not (bar.end_repeat or bar.double_bar or bar.start_repeat)]
    assert set(full) <= {Fraction(9, 8)}
