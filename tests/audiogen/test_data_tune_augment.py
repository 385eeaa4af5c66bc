"""What augmentation of tunes may change, and what it must leave as it was."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import numpy as np
import pytest

from audiogen.data.tune_augment import (
    FIDDLE_RANGE,
    SESSION_SHARPS,
    has_exchangeable_parts,
    octave_shifts,
    on_white_notes,
    ornament_sites,
    reornamented,
    session_shifts,
    shifted,
    white_note_shift,
    with_ornaments,
    with_part_order,
)
from symbolic_bridge.normal_form import (
    HIGHEST_PITCH,
    LOWEST_PITCH,
    WHITE_TONICS,
    NormalBar,
    NormalNote,
    NormalTune,
    bar_ticks,
)
from symbolic_bridge.normalise import normalise
from symbolic_bridge.tune import Key, Tune
from symbolic_bridge.tune_tokens import decode, encode

JIG = (
    "X:1\nT:a\nM:6/8\nL:1/8\nK:Ador\nE|:A3 ~B3|cBB G2A|AAA BGd|e2e d2:|\n"
    "|:e3 edB|(3ded c G2A|A2A-A2B|1 cBA A2e:|2 cBA A3|]\n"
)
REEL = (
    "X:1\nT:a\nM:4/4\nL:1/8\nK:Edor\n|:~E2BE dEBE|EEBE AFDF|E3B dEBE|BABc dAFD:|\n"
    "|:~d3f ccec|defg afge|z2 fd ^ceec|BABc d2E2:|\n"
)
TWO_ALIKE = "X:1\nT:a\nM:6/8\nL:1/8\nK:G\n|:GAB dBG|cBA G3:|\n|:gfg edB|cAF G3:|\n"


def normal(abc: str, kind: str = "jig") -> NormalTune:
    return normalise(Tune.from_abc(abc), kind)


def outline(tune: NormalTune) -> list[tuple[int, bool, list[list[int]]]]:
    """What ornaments leave alone: how long every bar is, in which part, ending and order."""
    return [
        (
            bar_ticks(part.pickup),
            part.repeated,
            [[bar_ticks(bar) for bar in section] for section in (part.bars, *part.endings)],
        )
        for part in tune.parts
    ]


def at_beats(tune: NormalTune) -> list[int | None]:
    """The pitch that sounds at every beat, and before that of every pickup."""
    beat = 36 if tune.meter.is_compound else 24
    found: list[int | None] = []
    for part in tune.parts:
        for bar in part.all_bars():
            sounding = [note.midi for note in bar for _ in range(note.ticks)]
            found += sounding[::beat]
    return found


@pytest.mark.parametrize("mode", list(WHITE_TONICS))
@pytest.mark.parametrize("tonic", ["C", "F#", "Bb", "D", "G", "A", "Eb"])
def test_every_key_moves_the_shortest_way_to_the_white_notes_of_its_mode(tonic: str, mode: str) -> None:
    key = Key(tonic, mode)
    shift = white_note_shift(key)
    assert -5 <= shift <= 6
    moved = on_white_notes(Tune.from_abc(f'X:1\nK:{tonic}{mode}\n"G"{{a}}CDEFGABc|\n'))
    assert moved.header.key == Key(WHITE_TONICS[mode], mode)
    assert moved.header.key.sharps == 0
    assert all(pitch.alter == 0 for bar in moved.bars for note in bar.notes for pitch in note.pitches)


def test_a_tune_moves_to_white_notes_and_back_without_a_change() -> None:
    for abc in (JIG, REEL, TWO_ALIKE):
        tune = Tune.from_abc(abc)
        shift = white_note_shift(tune.header.key)
        assert on_white_notes(tune).transpose(-shift) == tune


def test_customary_keys_are_reached_within_the_range_and_no_others() -> None:
    tune = Tune.from_abc(REEL)
    shifts = session_shifts(tune)
    assert 0 in shifts
    for shift in range(-6, 6):
        moved = tune.transpose(shift)
        pitches = [pitch.midi for bar in moved.bars for note in bar.notes for pitch in note.pitches]
        fits = FIDDLE_RANGE[0] <= min(pitches) and max(pitches) <= FIDDLE_RANGE[1]
        assert (shift in shifts) == (fits and moved.header.key.sharps in SESSION_SHARPS)
    assert session_shifts(tune, lowest=60, highest=62) == ()


def test_an_octave_is_offered_only_where_all_notes_have_room() -> None:
    tune = normal(JIG)
    for shift in octave_shifts(tune):
        assert shifted(shifted(tune, shift), -shift) == tune
    lowest = min(note.midi for note in tune.notes() if note.midi is not None)
    highest = max(note.midi for note in tune.notes() if note.midi is not None)
    assert octave_shifts(tune) == tuple(
        shift for shift in (-12, 12) if lowest + shift >= LOWEST_PITCH and highest + shift <= HIGHEST_PITCH
    )
    with pytest.raises(ValueError, match="outside"):
        shifted(tune, 36)


def test_parts_change_places_only_where_they_begin_and_end_alike() -> None:
    tune = normal(TWO_ALIKE)
    assert has_exchangeable_parts(tune)
    swapped = with_part_order(tune, (1, 0))
    assert swapped.parts == tune.parts[::-1]
    assert with_part_order(swapped, (1, 0)) == tune
    other = normal(TWO_ALIKE.replace("cAF G3", "cAF D3"))
    assert not has_exchangeable_parts(other)
    assert with_part_order(other, (0, 1)) == other
    with pytest.raises(ValueError, match="may not change places"):
        with_part_order(other, (1, 0))
    for order in ((0,), (0, 0), (0, 1, 2), (1, 2)):
        with pytest.raises(ValueError, match="is no order of 2 parts"):
            with_part_order(tune, order)
    assert not has_exchangeable_parts(normal("X:1\nM:6/8\nL:1/8\nK:G\n|:GAB dBG|cBA G3:|\n"))


def test_every_order_of_parts_is_a_tune_that_can_be_written() -> None:
    tune = normal(TWO_ALIKE.replace("G3:|\n|:", "G3:|\n|:bab gfg|agf G3:|\n|:"))
    orders = {with_part_order(tune, order) for order in permutations(range(3))}
    assert len(orders) == 6
    assert all(decode(encode(other)) == other for other in orders)
    assert len({tuple(sorted(map(hash, other.parts))) for other in orders}) == 1


@pytest.mark.parametrize(("abc", "kind"), [(JIG, "jig"), (REEL, "reel")])
def test_every_figure_at_every_site_keeps_lengths_and_what_sounds_on_the_beat(abc: str, kind: str) -> None:
    tune = normal(abc, kind)
    sites = ornament_sites(tune)
    assert len(sites) >= 6
    for site in sites:
        bar = list(tune.parts[site.part].all_bars())[site.bar]
        here: NormalBar = bar[site.note : site.note + site.count]
        assert here not in site.figures
        for figure in site.figures:
            assert bar_ticks(figure) == bar_ticks(here)
            other = with_ornaments(tune, {site: figure})
            assert other != tune
            assert outline(other) == outline(tune)
            assert at_beats(other) == at_beats(tune)
            assert decode(encode(other)) == other
            again = [
                place for place in ornament_sites(other) if place.part == site.part and place.bar == site.bar
            ]
            assert any(place.note == site.note for place in again)


def test_the_sites_of_a_bar_are_its_long_notes_rolls_turns_and_repeated_notes() -> None:
    jig = normal("X:1\nM:6/8\nL:1/8\nK:C\n|:A3 ~B3|(3ded c BBc|AAA c3-|c3 A2G|B3 A3:|\n")
    found = [(site.bar, site.note, site.count) for site in ornament_sites(jig)]
    # The tied C, the last note of the part and the single eighths are left alone.
    assert found == [(0, 0, 1), (0, 1, 1), (1, 0, 3), (1, 4, 2), (2, 0, 3), (3, 1, 1), (4, 0, 1)]
    assert {len(site.figures) for site in ornament_sites(jig)} == {3}
    reel = normal("X:1\nM:4/4\nL:1/8\nK:C\n|:ABBA ^c2d2|A3B GE3|CDEF G4:|\n", "reel")
    found = [(site.bar, site.note, site.count, len(site.figures)) for site in ornament_sites(reel)]
    # Repeated notes across a beat are no figure, and no turn leads from a black note.
    assert found == [(0, 4, 1, 2), (0, 5, 1, 3), (1, 0, 1, 1), (1, 3, 1, 1)]


def test_a_pickup_and_what_is_no_site_cannot_be_changed() -> None:
    tune = normal("X:1\nM:6/8\nL:1/8\nK:C\nG2|:A3 B3|c3 C:|\n")
    assert all(site.bar > 0 for site in ornament_sites(tune))
    site = ornament_sites(tune)[0]
    with pytest.raises(ValueError, match="cannot stand"):
        with_ornaments(tune, {site: (NormalNote(60, 36),)})
    with pytest.raises(ValueError, match="cannot stand"):
        with_ornaments(normal(REEL, "reel"), {site: site.figures[0]})


def test_the_share_decides_how_much_changes_and_the_generator_what(rng: np.random.Generator) -> None:
    for abc, kind in ((JIG, "jig"), (REEL, "reel")):
        tune = normal(abc, kind)
        assert reornamented(tune, rng, share=0.0) == tune
        all_changed = reornamented(tune, rng, share=1.0)
        assert outline(all_changed) == outline(tune)
        assert at_beats(all_changed) == at_beats(tune)
        drawn = [reornamented(tune, np.random.default_rng(seed)) for seed in (1, 1, 2)]
        assert drawn[0] == drawn[1] != drawn[2]
        for seed in range(50):
            other = reornamented(tune, np.random.default_rng(seed), share=0.5)
            assert decode(encode(other)) == other
            assert outline(other) == outline(tune)
            assert at_beats(other) == at_beats(tune)


def test_rests_and_ties_stay(rng: np.random.Generator) -> None:
    tune = normal(REEL, "reel")
    for _ in range(20):
        other = reornamented(tune, rng, share=1.0)
        for kept in (lambda note: note.midi is None, lambda note: note.tie):
            assert Counter(filter(kept, other.notes())) == Counter(filter(kept, tune.notes()))
