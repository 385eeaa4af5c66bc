"""The measurements from end to end, on tiny networks and stand-ins whose right answer is known."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from audiogen.clip import Clip
from audiogen.evaluation import long_play
from audiogen.evaluation.clips import rendered_clips
from audiogen.evaluation.gate import GateSettings, measure_gate
from audiogen.evaluation.material import TunePicker, at_model_level
from audiogen.evaluation.melody import MelodySettings, measure_melody
from audiogen.evaluation.opus import COMMANDS, OpusError, opus_round_trip
from audiogen.options import Options
from audiogen.soundfont import SoundfontError, find_soundfont, render
from codec.model import Codec, CodecConfig
from codec.types import Waveform
from symbolic_bridge.attributes import TuneAttributes
from symbolic_bridge.perform import perform
from symbolic_bridge.tune import Tune

RATE = 24_000
TINY = CodecConfig(
    codebooks=2,
    codebook_size=16,
    latent_size=4,
    encoder_width=8,
    encoder_blocks=1,
    decoder_width=8,
    decoder_blocks=1,
)
KESH = "X:1\nT:One\nR:jig\nM:6/8\nL:1/8\nK:G\n|:GFG GAB|ABA ABd|edd gdd|edB dBA|GFG GAB|ABA ABd|edd gdB|AGF G3:|\n"
UNPLAYABLE = "X:2\nT:Two\nM:6/8\nL:1/8\nK:G\nz6|z6|\n"


@pytest.fixture(scope="module")
def network() -> Codec:
    torch.manual_seed(0)
    model = Codec(TINY).eval().requires_grad_(False)
    model.quantizer.start(torch.randn(4, 50, 4), torch.Generator().manual_seed(0))
    return model


@pytest.fixture
def tunes(tmp_path: Path) -> Path:
    path = tmp_path / "tunes.abc"
    path.write_text(KESH + "\n" + UNPLAYABLE, encoding="utf-8")
    return path


def font() -> str:
    """The small font, which loads at once.

    A machine without FluidSynth or font has no SoundFont route, which other tests say.
    """
    try:
        return str(find_soundfont("TimGM6mb.sf2"))
    except SoundfontError as error:
        pytest.skip(str(error))


class FaithfulGenerator:
    """Plays exactly what the SoundFont plays, louder and 20 ms late."""

    def __init__(self, network: Codec, soundfont: str) -> None:
        self.codec, self.soundfont = network, soundfont

    def perform(self, tune: Tune, **wishes: Any) -> Clip:
        played = perform(
            tune,
            instrument=wishes["instrument"],
            duration_seconds=wishes["duration"],
            rng=np.random.default_rng(1),
        )
        sound = render(played, soundfont=self.soundfont)
        late = Waveform(2.0 * sound.samples.roll(480, -1), RATE)
        return Clip(
            attributes=TuneAttributes(), asked=TuneAttributes(), tune=tune, performance=played, frames=None,
            codes=self.codec.encode(sound, 1), waveform=late, seed=0, route="tune", composed=False,
            timings={"play": 1.0},
        )  # fmt: skip


class FadingGenerator(FaithfulGenerator):
    """Plays what the SoundFont plays, by and by 12 dB quieter."""

    def make(self, prompt: None, options: Options, tune: Tune) -> Clip:
        clip = self.perform(tune, instrument=options.instrument, duration=options.duration)
        samples = clip.waveform.samples.roll(480, -1)
        fall = torch.logspace(0, -0.6, samples.shape[-1])
        return replace(clip, waveform=Waveform(samples * fall, RATE))


def test_an_untrained_codec_loses_the_pitch_that_the_rendering_has(network: Codec, tunes: Path) -> None:
    picker = TunePicker(tunes, instruments=("flute",))
    result: Any = measure_gate(network, picker, GateSettings(count=1, seconds=4, soundfont=font()))
    assert result["solo_count"] == len(result["solos"]) == 1
    assert result["measures"]["pitch_50"]["right_before"] > 0.9
    assert result["measures"]["pitch_50"]["kept"] < 0.5
    assert {each["untouched"] for each in result["measures"].values()} == {1}
    assert result["target"]["met"] is False
    assert list(result["by_group"]) == ["flute"]
    assert [item["tune"] for item in result["rejected"]] in ([], ["tunes/2"])


def test_a_player_that_plays_the_rendering_reaches_the_ceiling_and_its_lag_is_found(
    network: Codec, tunes: Path, tmp_path: Path
) -> None:
    picker = TunePicker(tunes, instruments=("flute",))
    settings = MelodySettings(
        count=1, seconds=4, soundfont=font(), free=False, pictures=tmp_path / "png", sounds=tmp_path / "wav"
    )
    generator: Any = FaithfulGenerator(network, font())
    result: Any = measure_melody(generator, picker, settings)
    assert result["pitch_of_ceiling"] == pytest.approx(1.0, abs=0.1)
    assert result["pitch_floor"] < 0.6
    assert result["lag_ms_median"] == pytest.approx(20, abs=4)
    assert result["log_mel"] < result["log_mel_wrong_instrument"]
    assert result["chroma_player"] == pytest.approx(result["chroma_soundfont"], abs=0.1)
    assert result["chroma_floor"] < result["chroma_soundfont"]
    assert result["note_f1_of_ceiling"] == pytest.approx(1.0, abs=0.1)
    assert result["onset_f1_floor"] < result["onset_f1_ceiling"]
    for what in ("tempo", "key", "instrument"):
        assert result[f"{what}_recovered"] == result[f"{what}_recovered_ceiling"], what
    assert result["tunes"][0]["codebooks"] == 1
    assert (tmp_path / "png" / "melody-01.png").is_file()
    assert (tmp_path / "wav" / "melody-01-player.wav").is_file()


def test_what_changes_from_the_first_part_to_the_last_is_found(
    network: Codec, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    book = tmp_path / "book.abc"
    book.write_text("\n".join(KESH.replace("X:1", f"X:{n}") for n in range(1, 9)), encoding="utf-8")
    monkeypatch.setattr(long_play, "PART_SECONDS", 6.0)
    generator: Any = FadingGenerator(network, font())
    picker = TunePicker(book, instruments=("flute",))
    result: Any = long_play.measure_long(generator, picker, count=1, seconds=20)
    assert result["sets_played"] == 1
    assert len(result["sets"][0]["tunes"]) == 4
    assert result["soundfont_pitch_first"] > 0.8
    assert abs(result["player_pitch_change"] - result["soundfont_pitch_change"]) < 0.1
    assert result["player_loudness_db_change"] - result["soundfont_loudness_db_change"] == pytest.approx(
        -12 * 14 / 20, abs=1.5
    )
    assert abs(result["player_centroid_share_change"] - result["soundfont_centroid_share_change"]) < 0.05
    assert result["player_lag_ms_change"] == pytest.approx(0, abs=8)
    with pytest.raises(ValueError, match="at least 12 are needed"):
        long_play.measure_long(generator, picker, count=1, seconds=11)


def test_a_tune_that_cannot_be_played_is_told_and_another_is_drawn(tunes: Path) -> None:
    picker = TunePicker(tunes, seed=1, instruments=("fiddle", "flute"))
    drawn = []
    for item in picker.draw(1):
        if item.key.endswith("/2"):
            picker.refuse(item.key, "no notes")
            continue
        drawn.append((item.key, item.instrument))
    assert drawn == [("tunes/1", "fiddle")]


def burst() -> Waveform:
    time = torch.arange(2 * RATE) / RATE
    envelope = torch.exp(-((time - 1.0) ** 2) / 0.002)
    return Waveform((0.5 * envelope * torch.sin(2 * torch.pi * 440 * time))[None, None], RATE)


@pytest.mark.skipif(shutil.which("opusenc") is None, reason="opus-tools are not installed")
def test_opus_comes_back_in_time_and_smaller() -> None:
    sound = burst()
    coded = opus_round_trip(sound, 32)
    assert coded.waveform.samples.shape == sound.samples.shape
    spectrum = torch.fft.rfft(sound.samples[0, 0]).conj() * torch.fft.rfft(coded.waveform.samples[0, 0])
    lag = int(torch.fft.irfft(spectrum).argmax())
    assert min(lag, 2 * RATE - lag) <= 24
    assert 0 < coded.size_bytes < 2 * sound.samples.shape[-1]


def test_without_a_tool_opus_says_how_to_install_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(OpusError, match="apt-get install opus-tools"):
        opus_round_trip(burst(), 12)
    assert set(COMMANDS) == {"opusenc", "ffmpeg"}


def test_rendered_clips_have_the_length_and_group_asked_for(tunes: Path) -> None:
    clips = list(rendered_clips(TunePicker(tunes, instruments=("flute",)), [font()], 1, 3.0, RATE))
    assert [clip.group for clip in clips] == ["TimGM6mb"]
    # A tune is cut at a bar line, never longer than asked for.
    assert 2.0 <= clips[0].waveform.seconds <= 3.0
    wide = next(rendered_clips(TunePicker(tunes, instruments=("flute",)), [font()], 1, 3.0, RATE, channels=2))
    assert wide.waveform.samples.shape == (1, 2, clips[0].waveform.samples.shape[-1])


def test_levels_of_the_models_do_not_depend_on_the_gain() -> None:
    quiet = Waveform(burst().samples * 0.1, RATE)
    assert torch.allclose(at_model_level(quiet).samples, at_model_level(burst()).samples, atol=1e-5)
