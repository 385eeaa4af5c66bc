"""Rules of the performance box: it checks itself and goes to JSON and back."""

from __future__ import annotations

import json

import pytest

from symbolic_bridge.performance import BarSpan, ChordSpan, Part, Performance, SoundedNote

LEAD = Part("lead", "fiddle", (SoundedNote(0.1, 0.5, 62, 90), SoundedNote(0.5, 0.912345, 66, 70)))
PERFORMANCE = Performance(
    (LEAD, Part("accompaniment", "guitar", (SoundedNote(0.1, 0.9, 45, 60),))),
    (BarSpan(-0.4, 0.5, 2, 0), BarSpan(0.5, 1.4, 2, 1)),
    (ChordSpan(0.1, 1.4, 2, "major"),),
    116.0,
    "jig",
    2.4,
    ("moved",),
)


def test_json_gives_the_same_performance_back() -> None:
    again = Performance.from_json(PERFORMANCE.to_json())
    assert again == PERFORMANCE
    assert again.warnings == PERFORMANCE.warnings


def test_json_has_the_form_that_other_tools_read() -> None:
    data = json.loads(PERFORMANCE.to_json())
    assert data["parts"][0]["name"] == "lead"
    assert data["parts"][0]["instrument"] == "fiddle"
    assert data["parts"][0]["notes"][0] == [0.1, 0.5, 62, 90]
    assert {"bars", "chords", "tempo_bpm", "kind", "duration"} <= set(data)


def test_edited_json_may_hold_notes_alone() -> None:
    text = '{"parts": [{"notes": [[1, 2, 60, 80], [0, 1, 62, 80]]}]}'
    performance = Performance.from_json(text)
    assert [note.midi_pitch for note in performance.lead.notes] == [62, 60]
    assert performance.duration == 2.0
    assert performance.accompaniment is None


def test_the_lead_is_the_first_part() -> None:
    assert PERFORMANCE.lead is PERFORMANCE.parts[0]
    assert PERFORMANCE.accompaniment is PERFORMANCE.parts[1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not JSON: line 1"),
        ("[]", 'no list of "parts"'),
        ('{"parts": []}', "needs a lead"),
        ('{"parts": [{"name": "lead"}]}', 'parts.0. has no list of "notes"'),
        ('{"parts": [{"notes": [[0, 1, 60]]}]}', "a list of 4 values"),
        ('{"parts": [{"notes": [[0, 1, "C", 80]]}]}', "'C'; it must be a number"),
        ('{"parts": [{"notes": [[0, 1, 60.5, 80]]}]}', "60.5 must be a whole number"),
        ('{"parts": [{"notes": [[1, 1, 60, 80]]}]}', "onset < offset"),
        ('{"parts": [{"notes": [[0, NaN, 60, 80]]}]}', "onset < offset"),
        ('{"parts": [{"notes": [[0, 1, 128, 80]]}]}', "midi_pitch is 128"),
        ('{"parts": [{"notes": [[0, 1, 60, 0]]}]}', "velocity is 0"),
        ('{"parts": [{"notes": [[0, 3, 60, 80]]}], "duration": 2}', "beyond the end"),
        ('{"parts": [{"notes": []}], "duration": -1}', "duration is -1.0"),
        ('{"parts": [{"notes": []}], "bars": 3}', "bars is 3"),
        ('{"parts": [{"notes": []}], "chords": [[0, 1, 12, "major"]]}', "root is 12"),
        ('{"parts": [{"notes": []}], "chords": [[0, 1, 2, "sus"]]}', "'sus' is not one of"),
    ],
)
def test_damaged_json_is_refused_with_the_place(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Performance.from_json(text)


def test_notes_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="follows one at"):
        Part("lead", "fiddle", tuple(reversed(LEAD.notes)))
