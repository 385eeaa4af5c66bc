"""How conditions are numbered."""

from __future__ import annotations

import pytest

from audiogen.conditions import TEMPO_BUCKETS, Conditions, ConditionTables, tempo_bucket


def test_what_is_not_said_is_zero() -> None:
    assert ConditionTables().ids(Conditions()) == [0] * 8


def test_every_value_has_an_id_of_its_own_within_the_sizes() -> None:
    tables = ConditionTables()
    for place, (name, values) in enumerate(vars(tables).items()):
        if name == "style":
            ids = [tables.ids(Conditions(style=number))[place] for number in range(len(values))]
        else:
            ids = [tables.ids(Conditions(**{name: value}))[place] for value in values]
        assert ids == list(range(1, len(values) + 1))
        assert tables.sizes[place] == len(values) + 1


def test_an_unknown_value_is_refused_with_what_is_allowed() -> None:
    with pytest.raises(ValueError, match="instrument 'kazoo' is not one of fiddle"):
        ConditionTables().ids(Conditions(instrument="kazoo"))


def test_tempo_is_counted_in_sixths_of_an_octave_and_never_leaves_its_buckets() -> None:
    assert [tempo_bucket(bpm) for bpm in (40, 80, 160)] == [1, 7, 13]
    assert tempo_bucket(1.0) == 1
    assert tempo_bucket(10_000.0) == TEMPO_BUCKETS == ConditionTables().sizes[-1] - 1


def test_a_table_with_a_value_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="mode has a value twice"):
        ConditionTables(mode=("major", "major"))
