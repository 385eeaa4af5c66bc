"""Clips of recordings, coders, targets and the measurement of codecs from end to end."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch

from audiogen.cli import run
from audiogen.evaluation.clips import RECORDING, RENDERING, TestClip, is_lossy, recorded_clips, sound_files
from audiogen.evaluation.codec_pictures import drawn_coders, log_spectrogram
from audiogen.evaluation.codec_quality import QualitySettings, measure_codec
from audiogen.evaluation.coders import codec_coders, opus_coders, short_names, untouched, usual_counts
from audiogen.evaluation.judging import FIGURES
from audiogen.evaluation.targets import best_within, check_targets
from audiogen.evaluation.workers import in_processes
from codec.audio_files import write_audio
from codec.model import Codec, CodecConfig
from codec.types import CodecSpec, Codes, Waveform

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


@pytest.fixture(scope="module")
def network() -> Codec:
    torch.manual_seed(0)
    model = Codec(TINY).eval().requires_grad_(False)
    model.quantizer.start(torch.randn(4, 50, 4), torch.Generator().manual_seed(0))
    return model


def burst(seconds: float = 1.0) -> Waveform:
    time = torch.arange(round(seconds * RATE)) / RATE
    envelope = torch.exp(-((time - seconds / 2) ** 2) / 0.002)
    return Waveform((0.5 * envelope * torch.sin(2 * torch.pi * 440 * time))[None, None], RATE)


class FaithfulCodec:
    """Another codec, in stereo at twice the rate, that gives back what it was given last."""

    spec = CodecSpec(2 * RATE, 960, 2, 4, 16, "faithful")

    def encode(self, waveform: Waveform, codebooks: int | None = None) -> Codes:
        self.sound = waveform.samples
        frames = -(-self.sound.shape[-1] // self.spec.hop_samples)
        return Codes(torch.zeros(1, codebooks or 4, frames, dtype=torch.long), self.spec)

    def decode(self, codes: Codes) -> Waveform:
        return Waveform(self.sound, 2 * RATE)


def test_the_codec_is_measured_at_every_count_of_codebooks_by_group(network: Codec) -> None:
    clips = [TestClip("one", "a", burst(), RENDERING), TestClip("two", "b", burst(), RECORDING, True)]
    settings = QualitySettings(our_kbps=(0.6,), opus_kbps=(), visqol=False)
    result: Any = measure_codec(network, clips, total=2, settings=settings)
    assert list(result["by_coder"]) == ["codec", "codec, 1 codebook", "codec at 0.6 kbps", "untouched"]
    assert result["by_coder"]["untouched"]["log_mel"] == result["by_coder"]["untouched"]["dac_mel"] == 0
    assert result["by_coder"]["untouched"]["kbps"] == 384
    # 50 frames a second of 2 codes of 4 bits, and what the container says about them.
    kbps = {name: figures["kbps"] for name, figures in result["by_coder"].items()}
    assert 0.4 < kbps["codec"] < 1.2
    assert kbps["codec"] - kbps["codec, 1 codebook"] == pytest.approx(50 * 4 / 1000)
    assert kbps["codec at 0.6 kbps"] <= max(0.6, kbps["codec, 1 codebook"])
    assert list(result["by_group"]) == ["a", "b"]
    assert result["groups"]["b"] == {"kind": RECORDING, "clips": 1, "seconds": 1.0, "lossy_source_clips": 1}
    assert set(FIGURES) <= set(result["clips"][0])


def test_without_clips_there_is_nothing_to_measure(network: Codec) -> None:
    with pytest.raises(ValueError, match="no clips"):
        measure_codec(network, [], total=0, settings=QualitySettings(opus_kbps=(), visqol=False))


@pytest.mark.parametrize("workers", [1, 2])
def test_work_in_processes_comes_back_in_order(workers: int) -> None:
    told: list[int] = []
    assert in_processes(abs, [-3, 1, -2], workers, told.append) == [3, 1, 2]
    assert told == [1, 2, 3]


def test_another_codec_of_any_rate_and_channels_is_compared_at_the_clips(network: Codec) -> None:
    settings = QualitySettings(
        others={"faithful": FaithfulCodec()}, our_kbps=(), opus_kbps=(), visqol=False, codebooks=(1,)
    )
    result: Any = measure_codec(network, [TestClip("one", "a", burst())], total=1, settings=settings)
    assert list(result["by_coder"]) == ["codec, 1 codebook", "faithful", "faithful, 2 codebooks", "untouched"]
    assert result["by_coder"]["faithful"]["log_mel"] < 0.2
    assert result["by_coder"]["faithful"]["kbps"] > result["by_coder"]["faithful, 2 codebooks"]["kbps"]


@pytest.mark.skipif(shutil.which("opusenc") is None, reason="opus-tools are not installed")
def test_pictures_are_drawn_of_each_group_and_of_quality_against_bitrate(
    network: Codec, tmp_path: Path
) -> None:
    pytest.importorskip("matplotlib")
    clips = [TestClip("one", "my group", burst()), TestClip("two", "my group", burst())]
    settings = QualitySettings(opus_kbps=(12.0,), visqol=False, pictures=tmp_path / "png", picture_count=1)
    measure_codec(network, clips, total=2, settings=settings)
    names = {file.name for file in (tmp_path / "png").iterdir()}
    assert names == {"my_group-01.png", "quality.png", "quality-by-group.png"}
    assert (tmp_path / "png" / "quality.png").read_bytes()[:4] == b"\x89PNG"


@pytest.mark.skipif(shutil.which("opusenc") is None, reason="opus-tools are not installed")
def test_stereo_is_compared_as_middle_and_side(network: Codec) -> None:
    left = burst().samples
    wide = Waveform(torch.cat([left, left.roll(RATE // 2, dims=-1)], dim=1), RATE)
    settings = QualitySettings(
        others={"faithful": FaithfulCodec()}, our_kbps=(), opus_kbps=(64.0,), visqol=False, codebooks=(1,)
    )
    found: Any = measure_codec(network, [TestClip("one", "a", wide)], total=1, settings=settings)["by_coder"]
    assert found["untouched"]["side_log_mel"] == 0
    assert found["untouched"]["kbps"] == pytest.approx(2 * 16 * RATE / 1000)
    # One channel has no side; Opus at this bitrate keeps it.
    assert found["opus 64"]["side_log_mel"] < 0.5 < found["codec, 1 codebook"]["side_log_mel"]
    mono: Any = measure_codec(network, [TestClip("one", "a", burst())], total=1, settings=settings)
    assert mono["by_coder"]["opus 64"]["side_log_mel"] is None


def test_a_spectrogram_shows_a_tone_at_its_frequency_and_level() -> None:
    time = torch.arange(RATE) / RATE
    level = log_spectrogram(torch.sin(2 * torch.pi * 1000 * time).numpy(), RATE)
    row = int(level[:, level.shape[1] // 2].argmax())
    low, high = (40 * (RATE / 2 / 40) ** (edge / len(level)) for edge in (row, row + 1))
    assert low <= 1000 <= high


def test_other_codecs_are_measured_at_powers_of_two_and_all() -> None:
    assert usual_counts(CodecSpec(24_000, 320, 1, 32, 1024, "encodec")) == [16, 8, 4, 2]
    assert usual_counts(CodecSpec(44_100, 512, 1, 9, 1024, "dac")) == [9, 8, 4, 2]
    assert usual_counts(CodecSpec(24_000, 480, 1, 1, 1024, "one")) == [1]
    assert usual_counts(CodecSpec(24_000, 24, 1, 4, 1024, "huge")) == [2]


def test_folders_of_codecs_go_by_their_last_part_while_it_is_free() -> None:
    assert short_names(["a/mimi", "a/dac", "b/dac", "x/opus", "mimi"]) == {
        "mimi": "mimi",
        "a/mimi": "a/mimi",
        "dac": "a/dac",
        "b/dac": "b/dac",
        "x/opus": "x/opus",
    }


@pytest.mark.skipif(shutil.which("opusenc") is None, reason="opus-tools are not installed")
def test_the_command_measures_a_folder_and_tells_what_it_could_not_read(
    tmp_path: Path, tiny_weights: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "notes").mkdir()
    write_audio(tmp_path / "notes" / "a.wav", burst())
    (tmp_path / "notes" / "b.wav").write_bytes(b"not audio")
    words = [str(tmp_path), "--model", str(tiny_weights), "--no-visqol", "--opus", "8"]
    assert run(["evaluate", "codec", *words, "--json", str(tmp_path / "out.json")]) == 0
    result = json.loads((tmp_path / "out.json").read_text())
    assert [each["group"] for each in result["targets"]] == ["notes"] * 4
    assert [each["file"] for each in result["rejected"]] == ["notes/b.wav"]
    assert "left out notes/b.wav" in capsys.readouterr().err


def figures(kbps: float, log_mel: float, visqol: float | None) -> dict[str, float | None]:
    return {"kbps": kbps, "log_mel": log_mel, "visqol": visqol}


def test_targets_compare_the_most_codebooks_within_the_bitrate_with_the_rival_of_the_kind(
    network: Codec,
) -> None:
    coders = [*codec_coders("codec", network, (2, 1)), *opus_coders((8.0, 12.0)), untouched()]
    part = {
        "codec": figures(3.01, 0.1, 4.6),
        "codec, 1 codebook": figures(1.5, 0.5, 4.0),
        "opus 8": figures(9.0, 1.0, 4.0),
        "opus 12": figures(13.0, 0.5, 3.9),
        "untouched": figures(384, 0.0, 4.7),
    }
    found = check_targets({"violin": RECORDING, "font": RENDERING}, {"violin": part, "font": part}, coders)
    short = [(each["group"], each["rival"], each["figure"], each["ours"], each["met"]) for each in found]
    one = "codec, 1 codebook"
    assert short == [
        ("violin", "opus 12", "log_mel", one, False),
        ("violin", "opus 12", "visqol", one, True),
        ("violin", "opus 8", "log_mel", one, True),
        ("violin", "opus 8", "visqol", one, False),
        ("font", "opus 16", "log_mel", one, None),
        ("font", "opus 16", "visqol", one, None),
        ("font", "opus 8", "log_mel", one, True),
        ("font", "opus 8", "visqol", one, False),
    ]
    assert best_within(part, coders, 0.1) is None
    assert drawn_coders(part, coders) == ["untouched", "codec", one, "opus 12"]


def test_files_are_grouped_by_sub_folder_and_bad_ones_are_told(tmp_path: Path) -> None:
    for folder in ("a", "b/deep"):
        (tmp_path / folder).mkdir(parents=True)
        write_audio(tmp_path / folder / "x.wav", burst())
    (tmp_path / "b" / "text.wav").write_bytes(b"not audio")
    (tmp_path / "b" / "notes.txt").write_text("left alone")
    groups = sound_files([tmp_path])
    assert {name: len(files) for name, files in groups.items()} == {"a": 1, "b": 2}
    rejected: list[dict[str, str]] = []
    clips = list(recorded_clips(groups, 1, 0.5, RATE, rejected))
    assert [(clip.group, clip.kind, clip.lossy_source) for clip in clips] == [
        ("a", RECORDING, False),
        ("b", RECORDING, False),
    ]
    assert [item["file"] for item in rejected] == ["b/text.wav"]
    assert list(sound_files([tmp_path / "a" / "x.wav"])) == ["a"]
    with pytest.raises(ValueError, match="no such file or folder"):
        sound_files([tmp_path / "none"])
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="holds no files with suffix"):
        sound_files([tmp_path / "empty"])


@pytest.mark.parametrize(("count", "pieces"), [(1, 1), (2, 2), (9, 3)])
def test_a_long_recording_gives_pieces_that_do_not_overlap(tmp_path: Path, count: int, pieces: int) -> None:
    write_audio(
        tmp_path / "a.wav",
        Waveform(torch.randn(1, 1, 3 * RATE, generator=torch.Generator().manual_seed(0)), RATE),
    )
    clips = list(recorded_clips(sound_files([tmp_path]), count, 1.0, RATE, []))
    assert [clip.waveform.samples.shape[-1] for clip in clips] == [RATE] * pieces
    sounds = {clip.waveform.samples.numpy().tobytes() for clip in clips}
    assert len(sounds) == pieces


def test_sources_that_were_coded_with_losses_are_known(tmp_path: Path) -> None:
    for name in ("a.wav", "a.flac", "a.ogg", "a.mp3"):
        write_audio(tmp_path / name, burst())
    soundfile.write(tmp_path / "a.au", burst().samples[0, 0].numpy(), RATE, subtype="ULAW")
    lossy = {file.name for file in tmp_path.iterdir() if is_lossy(file)}
    assert lossy == {"a.ogg", "a.mp3", "a.au"}
