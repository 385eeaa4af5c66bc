"""Recordings to tunes, on sounds made here and on renderings by the SoundFont of pretty_midi."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Sequence
from fractions import Fraction
from functools import cache
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

import audiogen
from audiogen.cli import run
from audiogen.soundfont import Renderer
from audiogen.transcription import TranscriptionError, hear_notes, transcribe
from audiogen.transcription.barring import (
    FEATURES,
    METERS,
    Barring,
    barring_features,
    find_barring,
    hypotheses,
    shipped_profiles,
    unit_notes,
)
from audiogen.transcription.grid import find_grid
from audiogen.transcription.notes import HIGHEST_PITCH, LOWEST_PITCH, harmonic_contrast
from audiogen.transcription.transcribe import LONGEST_SECONDS
from audiogen.transcription.writing_down import GridNote, folded, tune_of_notes
from symbolic_bridge.analysis.melody import melody_of
from symbolic_bridge.perform import perform
from symbolic_bridge.performance import Performance
from symbolic_bridge.tune import Key, Meter, Tune

RATE = 24000


def tones(notes: Sequence[tuple[float, float, float]], rate: int = RATE) -> np.ndarray:
    """Plucked tones: (onset, length, MIDI pitch)."""
    total = max(onset + length for onset, length, _ in notes) + 0.2
    sound = np.zeros(int(total * rate), np.float32)
    for onset, length, pitch in notes:
        time = np.arange(int(length * rate)) / rate
        hertz = 440.0 * 2 ** ((pitch - 69) / 12)
        partials = range(1, int(0.45 * rate / hertz))
        tone = sum(np.sin(2 * np.pi * hertz * number * time) / number for number in partials)
        envelope = np.minimum(1, time / 0.005) * np.exp(-8 * time) * np.minimum(1, (length - time) / 0.01)
        start = int(onset * rate)
        sound[start : start + len(time)] += (0.3 * tone * envelope).astype(np.float32)
    return sound


def scale(step: float, pitches: Sequence[int]) -> list[tuple[float, float, int]]:
    return [(0.3 + number * step, 0.95 * step, pitch) for number, pitch in enumerate(pitches)]


def bundled_font() -> Path:
    spec = importlib.util.find_spec("pretty_midi")
    assert spec is not None
    assert spec.origin
    return Path(spec.origin).parent / "TimGM6mb.sf2"


@pytest.fixture
def kesh_sound(kesh_abc: str) -> np.ndarray:
    return rendered(kesh_abc)


def kesh_played(abc: str) -> Performance:
    rng = np.random.default_rng(0)
    return perform(Tune.from_abc(abc), instrument="flute", accompaniment="none", rng=rng)


@cache
def rendered(abc: str) -> np.ndarray:
    with Renderer(bundled_font(), sample_rate=RATE) as renderer:
        return renderer.render_array(kesh_played(abc))


@pytest.mark.parametrize("pitch", [LOWEST_PITCH + 2, 55, 69, 81, HIGHEST_PITCH - 8])
def test_a_tone_stands_out_at_its_pitch_and_not_an_octave_off(pitch: int) -> None:
    contrast, level = harmonic_contrast(tones([(0.0, 1.0, pitch)]), RATE)
    heard = contrast[60] - contrast[60, pitch - LOWEST_PITCH]
    assert contrast.shape == (len(level), HIGHEST_PITCH - LOWEST_PITCH + 1)
    assert heard.argmax() == pitch - LOWEST_PITCH
    octaves = [p - LOWEST_PITCH for p in (pitch - 12, pitch + 12) if LOWEST_PITCH <= p <= HIGHEST_PITCH]
    assert all(heard[place] < -5 for place in octaves)


def test_notes_are_heard_at_their_pitch_and_time_the_same_pitch_twice_too() -> None:
    wanted = scale(0.25, [62, 64, 66, 66, 69, 74, 62, 62])
    heard = hear_notes(tones(wanted), RATE)
    assert [note.pitch for note in heard] == [pitch for *_, pitch in wanted]
    assert max(abs(note.onset - onset) for note, (onset, *_) in zip(heard, wanted, strict=True)) < 0.05
    assert all(before.offset <= after.onset + 1e-9 for before, after in pairwise(heard))


@pytest.mark.parametrize("cents", [-35, -20, 20, 35])
def test_a_recording_out_of_tune_keeps_its_pitches(cents: int) -> None:
    wanted = scale(0.25, [62, 64, 66, 67, 69, 74, 71, 62])
    sound = tones([(onset, length, pitch + cents / 100) for onset, length, pitch in wanted])
    assert [note.pitch for note in hear_notes(sound, RATE)] == [pitch for *_, pitch in wanted]


@pytest.mark.parametrize("swing", [1.0, 1.7])
@pytest.mark.parametrize("unit", [0.13, 0.2])
def test_places_are_found_whatever_the_tempo_and_swing(unit: float, swing: float) -> None:
    rng = np.random.default_rng(0)
    lengths = [1, 1, 1, 1, 2, 1, 1, 1, 1, 1, 1, 4, 1, 1, 1, 1, 2, 2, 1, 1, 1, 1, 1, 1, 2, 4]
    places = np.cumsum([0, *lengths])
    long = 2 * swing / (1 + swing)
    times = unit * (places // 2 * 2 + places % 2 * long) + rng.normal(0, 0.004, len(places))
    grid = find_grid(times.tolist())
    assert [float(place - grid.places[0]) for place in grid.places] == (places - places[0]).tolist()
    assert grid.unit_seconds == pytest.approx(unit, rel=0.02)
    assert (grid.swing == 1) == (swing == 1)


def test_a_tempo_that_drifts_is_followed() -> None:
    steps = 0.2 * np.linspace(1.0, 1.15, 60)
    grid = find_grid(np.concatenate([[0.0], np.cumsum(steps)]).tolist())
    assert [float(b - a) for a, b in pairwise(grid.places)] == [1.0] * 60


def test_every_hypothesis_has_whole_bars_and_finite_features() -> None:
    notes = unit_notes(
        [Fraction(place) for place in range(24)], Fraction(24), [60 + p % 7 for p in range(24)], 0.2
    )
    options = hypotheses()
    assert len(set(options)) == len(options)
    assert {option.meter for option in options} == set(METERS)
    for option in options:
        assert 0 <= option.first_bar < option.bar_units
        values = barring_features(notes, option)
        assert values.shape == (len(FEATURES),)
        assert np.isfinite(values).all()
    assert shipped_profiles().weights.shape == (len(METERS), len(FEATURES))
    assert find_barring(notes, meter=Meter(9, 8)).meter == Meter(9, 8)
    assert find_barring(notes, meter=Meter(5, 4)).meter == Meter(5, 4)


def test_pickups_ties_and_rests_are_written_down() -> None:
    eighth = Fraction(1, 8)
    notes = [
        GridNote(-eighth, Fraction(0), 69),
        GridNote(Fraction(0), 5 * eighth, 74),
        GridNote(5 * eighth, 8 * eighth, 73),
        GridNote(9 * eighth, 11 * eighth, 74),
    ]
    barring = Barring(Meter(6, 8), eighth, Fraction(1))
    tune = tune_of_notes(notes, barring, tempo_bpm=116, key=Key("D"), title="T")
    assert [str(bar.duration) for bar in tune.bars] == ["1/8", "3/4", "3/4"]
    assert melody_of(tune).pitches.tolist() == [69, 74, 73, 74]
    assert melody_of(tune).durations.tolist() == [0.125, 0.625, 0.375, 0.25]
    assert tune.bars[1].notes[-1].tie
    assert tune.bars[2].notes[1].is_rest
    assert melody_of(Tune.from_abc(tune.to_abc())).pitches.tolist() == [69, 74, 73, 74]


def test_what_is_played_twice_is_written_once(kesh_abc: str) -> None:
    written = Tune.from_abc(kesh_abc)
    unfolded = melody_of(written).tune
    short = folded(unfolded)
    assert len(short.bars) < len(unfolded.bars)
    assert melody_of(short).pitches.tolist() == melody_of(written).pitches.tolist()
    plain = Tune.from_abc("X:1\nT:t\nM:4/4\nL:1/4\nK:C\nCDEF|GABc|dcBA|GFED|\n")
    assert folded(plain) == plain


def test_a_tune_that_is_played_is_written_down(kesh_abc: str, kesh_sound: np.ndarray) -> None:
    found = transcribe(kesh_sound, RATE)
    wanted = kesh_played(kesh_abc).parts[0].notes
    right = [
        any(n.pitch == note.midi_pitch and abs(n.onset - note.onset) < 0.05 for n in found.notes)
        for note in wanted
    ]
    assert np.mean(right) > 0.85
    assert len(found.notes) <= len(wanted)
    assert len(found.tune.bars) < len(found.as_played.bars)
    assert str(found.tune.header.meter) == "6/8"
    assert (found.tune.header.key.tonic, found.tune.header.key.mode) == ("G", "major")
    assert found.tune.header.rhythm == "jig"
    known = transcribe(kesh_sound, RATE, meter=Meter(12, 8), key=Key("D"))
    assert (known.tune.header.meter, known.tune.header.key) == (Meter(12, 8), Key("D"))


def test_other_rates_are_heard_alike(kesh_sound: np.ndarray) -> None:
    import soxr

    part = kesh_sound[: 12 * RATE]
    there = transcribe(soxr.resample(part, RATE, 48000), 48000)
    here = transcribe(part, RATE)
    assert sum(a.pitch == b.pitch for a, b in zip(there.notes, here.notes, strict=False)) > 0.9 * len(
        here.notes
    )


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (np.zeros(RATE, np.float32), "silent"),
        (np.zeros(0, np.float32), "silent"),
        (np.full(RATE, 0.5, np.float32), "0 notes were heard"),
        (tones(scale(0.3, [60, 62])), "2 notes were heard; a tune needs at least 4"),
    ],
)
def test_a_sound_without_a_tune_is_refused(samples: np.ndarray, message: str) -> None:
    with pytest.raises(TranscriptionError, match=message):
        transcribe(samples, RATE)


def test_more_than_half_an_hour_is_refused_before_it_is_heard() -> None:
    with pytest.raises(TranscriptionError, match="at most 1800 s"):
        transcribe(np.ones(int(LONGEST_SECONDS) + 1, np.float32), 1)


def test_the_command_writes_what_the_library_hears(
    tmp_path: Path, kesh_sound: np.ndarray, capsys: pytest.CaptureFixture[str]
) -> None:
    sound, target = tmp_path / "kesh.wav", tmp_path / "heard.abc"
    soundfile.write(sound, np.stack([kesh_sound, kesh_sound], axis=1), RATE)
    assert run(["transcribe", str(sound), "-o", str(target), "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    found = audiogen.transcribe(sound)
    assert target.read_text(encoding="utf-8") == found.tune.to_abc()
    assert (facts["meter"], facts["key"], facts["notes"]) == ("6/8", "G major", len(found.notes))
    assert run(["transcribe", str(sound), "-o", str(target), "--no-fold", "--meter", "6/8"]) == 0
    assert Tune.from_abc(target.read_text(encoding="utf-8")).bars[0].start_repeat is False


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["text.wav", "-o", "a.abc"], "text.wav"),
        (["none.wav", "-o", "a.abc"], "none.wav"),
        (["silent.wav", "-o", "a.abc"], "silent.wav: the sound is silent"),
        (["silent.wav", "-o", "a.txt"], "a.txt"),
        (["silent.wav", "-o", "a.abc", "--meter", "six"], "six"),
        (["silent.wav", "-o", "a.abc", "--key", "H"], "H"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("text.wav").write_text("no sound", encoding="utf-8")
    soundfile.write("silent.wav", np.zeros(RATE), RATE)
    assert run(["transcribe", *words]) == 2
    error = capsys.readouterr().err.strip()
    assert message in error
    assert len(error.splitlines()) == 1
    assert not Path("a.abc").exists()
