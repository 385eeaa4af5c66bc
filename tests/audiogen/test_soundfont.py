"""The SoundFont route, with the small font that pretty_midi brings."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from audiogen import soundfont
from audiogen.soundfont import Renderer, SoundfontError, find_soundfont
from symbolic_bridge.performance import Part, Performance, SoundedNote

RATE = 24000


def bundled_font() -> Path:
    spec = importlib.util.find_spec("pretty_midi")
    assert spec is not None, "the test extra installs pretty_midi"
    assert spec.origin
    return Path(spec.origin).parent / "TimGM6mb.sf2"


@pytest.fixture(scope="module")
def renderer() -> Iterator[Renderer]:
    with Renderer(bundled_font(), sample_rate=RATE) as opened:
        yield opened


def solo(*notes: SoundedNote, duration: float = 2.0, instrument: str = "fiddle") -> Performance:
    return Performance((Part("lead", instrument, notes),), (), (), 100.0, "reel", duration)


def test_opening_a_font_prints_nothing_on_standard_output_even_where_ci_is_set() -> None:
    code = f"from audiogen.soundfont import Renderer; Renderer({str(bundled_font())!r}).close()"
    environment = os.environ | {"CI": "true"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, check=True)
    assert done.stdout == b""


def test_a4_sounds_at_440_hz(renderer: Renderer) -> None:
    for instrument in ("fiddle", "flute", "piano"):
        samples = renderer.render_array(solo(SoundedNote(0.0, 2.0, 69, 90), instrument=instrument))
        steady = samples[RATE // 4 :]
        spectrum = np.abs(np.fft.rfft(steady * np.hanning(len(steady)), 8 * len(steady)))
        frequencies = np.fft.rfftfreq(8 * len(steady), 1 / RATE)
        near = (frequencies > 380) & (frequencies < 510)
        assert frequencies[near][spectrum[near].argmax()] == pytest.approx(440.0, abs=4.0)
        # Nothing but harmonics: the octave below is silent.
        below = (frequencies > 200) & (frequencies < 240)
        assert spectrum[below].max() < 0.05 * spectrum[near].max()


@pytest.mark.parametrize("duration", [0.5, 1.0, 1.23456])
def test_the_length_is_the_duration_exactly(renderer: Renderer, duration: float) -> None:
    waveform = renderer.render(solo(SoundedNote(0.1, 0.4, 60, 90), duration=duration))
    assert waveform.samples.shape == (1, 1, round(duration * RATE))
    assert waveform.sample_rate == RATE


@pytest.mark.parametrize("onset", [0.25, 0.5013, 1.0])
def test_sound_begins_when_the_note_begins(renderer: Renderer, onset: float) -> None:
    samples = renderer.render_array(solo(SoundedNote(onset, 1.5, 72, 127), instrument="piano"))
    first = np.flatnonzero(np.abs(samples) > 1e-3)[0] / RATE
    assert onset - 0.002 < first < onset + 0.010


def test_mono_is_the_mean_of_the_two_channels(renderer: Renderer) -> None:
    played, strings = solo(SoundedNote(0.1, 0.8, 60, 90), duration=1.0), {"fiddle": 48}
    with Renderer(bundled_font(), sample_rate=RATE, channels=2) as opened:
        stereo = opened.render_array(played, presets=strings)
        assert opened.render(played, presets=strings).samples.shape == (1, 2, RATE)
    assert stereo.shape == (2, RATE)
    assert np.abs(stereo[0] - stereo[1]).max() > 0.05  # the font has its strings on both sides
    assert np.array_equal(stereo.mean(axis=0), renderer.render_array(played, presets=strings))


def test_a_repeated_note_is_struck_again(renderer: Renderer) -> None:
    once = renderer.render_array(solo(SoundedNote(0.0, 2.0, 60, 100), instrument="piano"))
    twice = renderer.render_array(
        solo(SoundedNote(0.0, 1.2, 60, 100), SoundedNote(1.0, 2.0, 60, 100), instrument="piano")
    )
    # The first note's late end must not stop the second one.
    late = slice(round(1.5 * RATE), round(1.6 * RATE))
    assert np.abs(twice[late]).max() > np.abs(once[late]).max()


def test_the_same_performance_gives_the_same_samples_whatever_came_before(renderer: Renderer) -> None:
    tune = solo(*(SoundedNote(0.2 * step, 0.2 * step + 0.3, 60 + step, 90) for step in range(8)))
    first = renderer.render_array(tune)
    renderer.render_array(solo(SoundedNote(0.0, 2.0, 40, 120), instrument="cello"))
    assert np.array_equal(renderer.render_array(tune), first)


def test_parts_add_up(renderer: Renderer) -> None:
    low, high = SoundedNote(0.0, 1.0, 55, 80), SoundedNote(0.2, 1.0, 76, 80)
    both = Performance(
        (Part("lead", "fiddle", (high,)), Part("accompaniment", "guitar", (low,))), (), (), 100.0, "", 1.5
    )
    alone = renderer.render_array(solo(high, duration=1.5))
    backing = renderer.render_array(solo(low, duration=1.5, instrument="guitar"))
    assert np.allclose(renderer.render_array(both), alone + backing, atol=1e-5)


def test_presets_replace_an_instrument_and_an_unknown_one_is_refused(renderer: Renderer) -> None:
    note = SoundedNote(0.0, 1.0, 60, 90)
    as_flute = renderer.render_array(solo(note), presets={"fiddle": 73})
    assert np.array_equal(as_flute, renderer.render_array(solo(note, instrument="flute")))
    with pytest.raises(ValueError, match="kazoo"):
        renderer.render_array(solo(note, instrument="kazoo"))


def test_a_font_is_found_by_path_by_name_and_by_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    font = bundled_font()
    monkeypatch.delenv(soundfont.SOUNDFONT_VARIABLE, raising=False)
    assert find_soundfont(font) == font
    assert find_soundfont("TimGM6mb").name == "TimGM6mb.sf2"
    assert find_soundfont(None).is_file()
    copy = tmp_path / "mine.sf2"
    copy.write_bytes(b"")
    monkeypatch.setenv(soundfont.SOUNDFONT_VARIABLE, str(copy))
    assert find_soundfont(None) == copy


def test_a_missing_font_is_told_with_an_install_hint(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SoundfontError, match=r"'nowhere\.sf2'.*apt-get install"):
        find_soundfont("nowhere.sf2")
    monkeypatch.delenv(soundfont.SOUNDFONT_VARIABLE, raising=False)
    monkeypatch.setattr(soundfont, "_soundfont_folders", lambda: [])
    with pytest.raises(SoundfontError, match="pip install"):
        find_soundfont(None)


def test_a_file_that_is_no_soundfont_is_refused_quietly(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "broken.sf2"
    path.write_bytes(b"RIFF not really")
    with pytest.raises(SoundfontError, match=r"broken\.sf2"):
        Renderer(path)
    assert capfd.readouterr().err == ""
