"""Rules of the accompaniment: customary strokes, in range, softer than the lead, on the lead's clock."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from symbolic_bridge.accompaniment import PATTERNS, VOICINGS, pulse_of, voice
from symbolic_bridge.harmony import TRIADS, ScoreChord
from symbolic_bridge.instruments import INSTRUMENTS
from symbolic_bridge.perform import perform
from symbolic_bridge.performance import Part
from symbolic_bridge.tune import Meter, Tune


def _backing(
    body: str,
    *,
    rhythm: str = "polka",
    meter: str = "2/4",
    instrument: str = "guitar",
    swing: float | None = None,
) -> Part:
    tune = Tune.from_abc(f"X:1\nT:t\nR:{rhythm}\nM:{meter}\nL:1/8\nQ:60\nK:C\n{body}\n")
    performance = perform(
        tune, accompaniment=instrument, tempo_bpm=60, rng=np.random.default_rng(3), swing=swing
    )
    assert performance.accompaniment is not None
    return performance.accompaniment


@pytest.mark.parametrize("instrument", sorted(VOICINGS))
@pytest.mark.parametrize(
    ("rhythm", "meter", "body"),
    [
        ("reel", "4/4", "c2eg c'2ge|f2ac' a2fa|gbd'b gbd'g|c8|"),
        ("jig", "6/8", "ceg ceg|fac' fac'|gbd' gbd'|c6|"),
        ("slip jig", "9/8", "ceg ceg ceg|fac' fac' c3|"),
        ("waltz", "3/4", "c2e2g2|f2a2c'2|c6|"),
        ("air", "4/4", "c4e4|f4a4|c8|"),
        ("air", "6/8", "c3e3|f3a3|c6|"),
        ("air", "3/2", "c4e4g4|f4a4c'4|"),
        ("", "5/4", "c4e4g2|f4a4c'2|"),
        ("", "7/8", "c4e3|f4a3|"),
        ("", "none", "c4e3|f4a3g2|"),
    ],
)
def test_every_metre_can_be_accompanied_within_range(
    instrument: str, rhythm: str, meter: str, body: str
) -> None:
    part = _backing(body, rhythm=rhythm, meter=meter, instrument=instrument)
    player = INSTRUMENTS[instrument]
    assert len(part.notes) > 3
    assert all(player.lowest <= note.midi_pitch <= player.highest for note in part.notes)
    assert all(note.velocity <= 80 for note in part.notes)


def test_the_table_covers_every_instrument_and_feel() -> None:
    feels = {"duple", "jig", "waltz", "slow", "slow jig"}
    for instrument in VOICINGS:
        missing = {feel for feel in feels if (instrument, feel) not in PATTERNS}
        assert missing <= {"slow waltz"}
        assert INSTRUMENTS[instrument].can_accompany


def test_a_pulse_is_half_a_reel_bar_and_a_whole_waltz_bar() -> None:
    assert pulse_of(Meter(4, 4)) == (Fraction(1, 2), "duple")
    assert pulse_of(Meter(2, 2)) == (Fraction(1, 2), "duple")
    assert pulse_of(Meter(2, 4)) == (Fraction(1, 4), "duple")
    assert pulse_of(Meter(3, 4)) == (Fraction(3, 4), "waltz")
    assert pulse_of(Meter(9, 8)) == (Fraction(3, 8), "jig")


def test_the_guitar_plays_bass_on_the_beat_and_strums_between() -> None:
    part = _backing('"C"c4|"G"g4|"C"c4|')
    starts: dict[float, list[int]] = {}
    for note in part.notes:
        starts.setdefault(round((note.onset - 0.1) * 4) / 4, []).append(note.midi_pitch)
    assert [low % 12 for low in starts[0.0]] == [0]
    assert len(starts[0.5]) == 4
    # Root and fifth take turns while the chord stays.
    assert [low % 12 for low in starts[1.0]] == [7]
    assert [low % 12 for low in starts[2.0]] == [7]
    assert {pitch % 12 for pitch in starts[2.5]} == {7, 11, 2}


def test_a_slash_chord_has_its_bass() -> None:
    part = _backing('"D/F#"d4|"G"g4|')
    assert part.notes[0].midi_pitch % 12 == 6


def test_swing_is_shared_with_the_lead() -> None:
    body = '"C"c2c2 c2c2|c8|c8|'
    straight = _backing(body, rhythm="hornpipe", meter="4/4", instrument="harp", swing=1.0)
    swung = _backing(body, rhythm="hornpipe", meter="4/4", instrument="harp", swing=2.0)
    late = [b.onset - a.onset for a, b in zip(straight.notes, swung.notes, strict=True)]
    # At 60 beats a minute the second quaver moves from 1/2 to 2/3 of a second.
    assert late[:4] == pytest.approx([0, 1 / 6, 0, 1 / 6], abs=1e-4)


def test_held_notes_are_shared_with_the_lead() -> None:
    held = _backing('"C"c2!fermata!c2|"G"g4|"C"c4|')
    assert any(note.onset == pytest.approx(0.1 + 1 + 1.6, abs=0.01) for note in held.notes)


def test_the_accompaniment_is_silent_in_an_opening_pickup() -> None:
    part = _backing("G2|c4|e4|c2|")
    assert part.notes[0].onset > 0.9


def test_the_last_bar_is_one_stroke_that_rings() -> None:
    part = _backing('"C"c4|"C"c4|')
    last = [note for note in part.notes if note.onset > 2.05]
    assert {round(note.onset - 2.1, 1) for note in last} == {0.0}
    assert max(note.offset for note in last) > 5.0


@pytest.mark.parametrize("quality", sorted(TRIADS))
@pytest.mark.parametrize("instrument", sorted(VOICINGS))
def test_a_voicing_holds_all_chord_tones_in_rising_order(quality: str, instrument: str) -> None:
    before: tuple[int, ...] = ()
    for root in (0, 5, 7, 2, 11):
        chord = ScoreChord(Fraction(0), Fraction(1), root, quality, root)
        voices = voice(chord, VOICINGS[instrument], INSTRUMENTS[instrument], before)
        assert list(voices) == sorted(set(voices))
        assert {pitch % 12 for pitch in voices} == {(root + step) % 12 for step in TRIADS[quality]}
        if before:
            assert abs(sum(voices) - sum(before)) <= 7 * len(voices)
        before = voices


def test_only_accompanying_instruments_accompany() -> None:
    tune = Tune.from_abc("X:1\nT:t\nM:4/4\nL:1/8\nK:C\nc8|\n")
    with pytest.raises(ValueError, match="'fiddle' is not one of none, guitar"):
        perform(tune, accompaniment="fiddle", rng=np.random.default_rng(0))
