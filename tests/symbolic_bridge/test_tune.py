"""Rules of the tune's own types."""

from __future__ import annotations

from fractions import Fraction

import pytest

from symbolic_bridge.spelling import spell
from symbolic_bridge.tune import Key, Meter, Note, Pitch, Tune

TEXT = "X:1\nT:t\nM:4/4\nL:1/8\nK:G\n|:GABc dedB:|\n"


def test_a_pitch_knows_its_midi_number():
    assert Pitch("C", 0, 4).midi == 60
    assert Pitch("B", 1, 3).midi == 60
    assert Pitch("A", -1, 4).midi == 68


@pytest.mark.parametrize(
    ("key", "signature"),
    [
        (Key("D"), {"F": 1, "C": 1}), (Key("A", "dorian"), {"F": 1}), (Key("E", "minor"), {"F": 1}),
        (Key("D", "mixolydian"), {"F": 1}), (Key("F"), {"B": -1}), (Key("Bb", "lydian"), {"B": -1}),
        (Key("C", "minor"), {"B": -1, "E": -1, "A": -1}), (Key("D", "major", (("C", 0),)), {"F": 1}),
    ],
)  # fmt: skip
def test_a_key_knows_its_signature(key: Key, signature: dict[str, int]):
    assert key.signature == signature


@pytest.mark.parametrize(("tonic", "mode"), [("H", "major"), ("", "major"), ("C##", "major"), ("C", "blue")])
def test_what_is_no_key_is_refused(tonic: str, mode: str):
    with pytest.raises(ValueError, match="is not"):
        Key(tonic, mode)


def test_meters_know_their_beat():
    assert Meter(6, 8).beat_duration == Meter(12, 8).beat_duration == Fraction(3, 8)
    assert Meter(3, 4).beat_duration == Fraction(1, 4)
    assert Meter(2, 2).beat_duration == Fraction(1, 2)
    assert not Meter(3, 8).is_compound
    assert Meter(9, 8).bar_duration == Fraction(9, 8)


@pytest.mark.parametrize(("beats", "unit"), [(0, 4), (4, 3), (65, 4), (4, 64)])
def test_what_is_no_meter_is_refused(beats: int, unit: int):
    with pytest.raises(ValueError, match=f"meter {beats}/{unit}"):
        Meter(beats, unit)


def test_a_note_needs_a_length():
    with pytest.raises(ValueError, match="above 0"):
        Note((), Fraction(0))


def test_the_doors_of_a_tune_lead_to_their_modules(tmp_path):
    tune = Tune.from_abc(TEXT)
    assert Tune.from_abc(tune.to_abc()) == tune
    assert len(tune.unfold().bars) == 2
    assert tune.transpose(2).header.key == Key("A")
    tune.to_midi(tmp_path / "t.mid")
    assert len(Tune.from_midi(tmp_path / "t.mid").bars) == 2
    assert tune.with_header(title="New").header.title == "New"


def test_warnings_take_no_part_in_equality():
    clean = Tune.from_abc("X:1\nT:t\nM:4/4\nL:1/8\nK:C\nC8|\n")
    mended = Tune.from_abc("X:1\nT:t\nM:4/4\nL:1/8\nK:C\nC8?|\n")
    assert mended.warnings
    assert clean == mended


@pytest.mark.parametrize(
    ("midi", "key", "name"),
    [
        (66, Key("G"), "F#"),
        (70, Key("F"), "Bb"),
        (70, Key("B"), "A#"),
        (68, Key("A", "minor"), "G#"),
        (61, Key("D"), "C#"),
    ],
)
def test_pitches_are_spelled_as_the_key_wants(midi: int, key: Key, name: str):
    pitch = spell(midi, key)
    assert pitch.midi == midi
    assert pitch.letter + {0: "", 1: "#", -1: "b"}[pitch.alter] == name
