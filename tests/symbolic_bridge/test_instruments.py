"""Rules of the table of instruments."""

from __future__ import annotations

import pytest

from symbolic_bridge.instruments import (
    ACCOMPANIMENTS,
    INSTRUMENT_NAMES,
    INSTRUMENTS,
    LEADS,
    Instrument,
    instrument_of,
    normalise_instrument,
)


def test_twelve_instruments_lead_and_three_accompany() -> None:
    assert len(LEADS) == 12
    assert ACCOMPANIMENTS == ("none", "guitar", "harp", "piano")


def test_every_name_belongs_to_one_instrument() -> None:
    assert len(INSTRUMENT_NAMES) == sum(len(instrument.names) for instrument in INSTRUMENTS.values())
    for name, instrument_id in INSTRUMENT_NAMES.items():
        assert instrument_of(name).id == instrument_id


def test_every_instrument_can_hold_any_tune_folded_by_octaves() -> None:
    assert all(instrument.highest - instrument.lowest >= 12 for instrument in INSTRUMENTS.values())


def test_names_are_read_in_any_case_and_spacing() -> None:
    assert normalise_instrument("Tin  Whistle") == "whistle"
    assert normalise_instrument("violin") == "fiddle"
    assert normalise_instrument("kazoo") is None


def test_an_unknown_instrument_is_refused_with_the_list() -> None:
    with pytest.raises(ValueError, match="'kazoo' is not one of fiddle, flute"):
        instrument_of("kazoo")


def test_an_instrument_without_a_range_is_refused() -> None:
    with pytest.raises(ValueError, match="must span an octave"):
        Instrument("toy", ("toy",), 0, 60, 65)
