"""Attributes check themselves, travel as JSON and are completed by the kind's defaults."""

from __future__ import annotations

import json
import math

import pytest

from symbolic_bridge.attributes import TuneAttributes, is_form, parse_meter, resolve
from symbolic_bridge.tune import Meter

FULL = TuneAttributes(
    text="x", kind="jig", meter=Meter(6, 8), tonic="Bb", mode="dorian", tempo_bpm=111.5, mood="sad", instrument="flute",
    accompaniment="harp", form="AABB", duration_seconds=30.0, unknown=("rain",), notices=("a note",), bars=16,
)  # fmt: skip


@pytest.mark.parametrize("attributes", [FULL, TuneAttributes(), resolve(FULL), resolve(TuneAttributes())])
def test_attributes_survive_json(attributes: TuneAttributes) -> None:
    assert TuneAttributes.from_json(attributes.to_json()) == attributes


@pytest.mark.parametrize("seconds", [0.0, -1.0, math.nan, math.inf, 601.0])
def test_a_duration_outside_ten_minutes_is_refused(seconds: float) -> None:
    with pytest.raises(ValueError, match=r"duration is .* must be above 0 and at most 600 s"):
        TuneAttributes(duration_seconds=seconds)


@pytest.mark.parametrize("tempo_bpm", [0.0, 19.0, 401.0, -100.0, math.nan, math.inf])
def test_a_tempo_outside_20_to_400_is_refused(tempo_bpm: float) -> None:
    with pytest.raises(ValueError, match=r"tempo is .* must be 20 to 400"):
        TuneAttributes(tempo_bpm=tempo_bpm)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("kind", "tango"), ("mood", "blue"), ("instrument", "kazoo"), ("accompaniment", "flute"), ("form", "BBA"),
        ("form", "ACB"), ("form", ""), ("form", "A" * 17), ("mode", "jazz"), ("tonic", "H"), ("bars", 0),
    ],
)  # fmt: skip
def test_a_value_outside_its_table_is_refused_and_quoted(name: str, value: object) -> None:
    with pytest.raises(ValueError, match=repr(value)):
        TuneAttributes(**{name: value})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        ({"colour": "red"}, "unknown attribute 'colour'"), ({"tempo_bpm": "fast"}, "'tempo_bpm' is 'fast'"),
        ({"tempo_bpm": True}, "'tempo_bpm' is True"), ({"meter": "six"}, "'six'"), ({"unknown": [1]}, "list of str"),
        ({"text": None}, "'text' is None"), ({"duration_seconds": -3}, "-3"), ({"tempo_is_felt": 1}, "bool is needed"),
    ],
)  # fmt: skip
def test_edited_json_that_is_wrong_is_refused(edit: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        TuneAttributes.from_json(json.dumps(json.loads(FULL.to_json()) | edit))


@pytest.mark.parametrize("text", ["[]", "", "3", "{", "null"])
def test_what_is_not_a_json_object_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"object is needed|line 1 column"):
        TuneAttributes.from_json(text)


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        (TuneAttributes(kind="jig"), {"meter": Meter(6, 8), "instrument": "fiddle", "accompaniment": "guitar"}),
        (TuneAttributes(kind="air"), {"accompaniment": "none", "instrument": "flute", "mode": None, "tonic": None}),
        (TuneAttributes(meter=Meter(3, 4)), {"kind": "waltz"}),
        (TuneAttributes(meter=Meter(9, 8)), {"kind": "slip jig"}),
        (TuneAttributes(meter=Meter(3, 2)), {"kind": "song", "tempo_bpm": 84.0}),
        (TuneAttributes(meter=Meter(3, 2), tempo_factor=0.5), {"kind": "song", "tempo_bpm": 42.0}),
        (TuneAttributes(meter=Meter(6, 4)), {"kind": "song"}),
        (TuneAttributes(tempo_factor=0.7), {"kind": "air", "tempo_bpm": 66.0}),
        (TuneAttributes(mood="sad"), {"kind": "air", "mode": "minor"}),
        (TuneAttributes(kind="jig", mood="sad"), {"mode": "minor"}),
        (TuneAttributes(kind="jig", mood="sad", tonic="D"), {"mode": "major", "tonic": "D"}),
        (TuneAttributes(kind="reel", tempo_bpm=105.0), {"tempo_bpm": 210.0}),
        (TuneAttributes(kind="reel", tempo_bpm=200.0), {"tempo_bpm": 200.0}),
        (TuneAttributes(kind="jig", tempo_bpm=100.0, tempo_factor=2.0), {"tempo_bpm": 100.0}),
        (TuneAttributes(), {"kind": "jig"}),
    ],
)  # fmt: skip
def test_resolving_fills_the_kinds_defaults(attributes: TuneAttributes, expected: dict[str, object]) -> None:
    resolved = resolve(attributes)
    assert {name: getattr(resolved, name) for name in expected} == expected
    assert resolve(resolved) == resolved


def test_slow_is_slower_than_usual_for_every_kind() -> None:
    from symbolic_bridge.kinds import KINDS

    for kind in KINDS:
        slow, usual, fast = (
            resolve(TuneAttributes(kind=kind, tempo_factor=factor)) for factor in (0.6, None, 1.3)
        )
        assert slow.tempo_bpm
        assert usual.tempo_bpm
        assert fast.tempo_bpm
        assert slow.tempo_bpm < usual.tempo_bpm < fast.tempo_bpm
        assert resolve(slow) == slow


def test_a_form_starts_at_a_and_skips_no_letter() -> None:
    assert all(map(is_form, ("A", "AABB", "ABAC", "ABCABC")))
    assert not any(map(is_form, ("", "B", "AC", "aabb", "ABZ")))


@pytest.mark.parametrize("text", ["6", "6/7", "0/4", "a/b", "", "6/8/9"])
def test_what_is_no_meter_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="meter"):
        parse_meter(text)
