"""Audio files: what is written is read again, and what is broken is refused by name."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from codec import audio_files
from codec.audio_files import (
    check_writable,
    read_audio,
    replacing,
    resample,
    with_channels,
    write_audio,
    write_bytes,
)
from codec.types import Waveform

RATE = 24000


def tone(seconds: float = 0.5, channels: int = 1, rate: int = RATE) -> Waveform:
    """A quiet A4."""
    time_seconds = torch.arange(round(seconds * rate)) / rate
    return Waveform(0.3 * torch.sin(2 * torch.pi * 440 * time_seconds).repeat(1, channels, 1), rate)


@pytest.mark.parametrize(
    ("suffix", "tolerance"), [(".wav", 4e-5), (".flac", 4e-5), (".ogg", 0.05), (".mp3", 0.05)]
)
def test_what_is_written_is_read_again(tmp_path: Path, suffix: str, tolerance: float) -> None:
    sound = tone()
    write_audio(tmp_path / f"a{suffix}", sound)
    again = read_audio(tmp_path / f"a{suffix}")
    assert again.sample_rate == RATE
    assert abs(again.samples.shape[-1] - sound.samples.shape[-1]) <= 1200
    length = min(again.samples.shape[-1], sound.samples.shape[-1])
    inner = slice(2400, length - 2400)
    assert (again.samples[..., inner] - sound.samples[..., inner]).abs().max() < tolerance


@pytest.mark.parametrize("suffix", list(audio_files.WRITABLE))
def test_the_same_sound_gives_the_same_bytes(tmp_path: Path, suffix: str) -> None:
    first, second = tmp_path / f"a{suffix}", tmp_path / f"b{suffix}"
    write_audio(first, tone(), {"title": "a jig", "comment": "seed 1"})
    time.sleep(1.1)  # libsndfile's own Ogg serial number follows the clock
    write_audio(second, tone(), {"title": "a jig", "comment": "seed 1"})
    assert first.read_bytes() == second.read_bytes()


@pytest.mark.parametrize("suffix", list(audio_files.WRITABLE))
def test_metadata_is_in_the_file(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    write_audio(path, tone(), {"title": "Áine’s jig", "comment": '{"seed": 7}', "software": "audiogen 0"})
    with soundfile.SoundFile(path) as file:
        found = file.copy_metadata()
    assert found["title"] == ("Aine's jig" if suffix == ".mp3" else "Áine’s jig")
    assert found["comment"] == '{"seed": 7}'
    assert suffix == ".mp3" or found["software"].startswith("audiogen 0")


def test_samples_beyond_full_scale_are_clipped_and_do_not_wrap(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.wav", Waveform(torch.tensor([[[1.5, -1.5, 0.0]]]), RATE))
    assert read_audio(tmp_path / "a.wav").samples.flatten().tolist() == pytest.approx([1, -1, 0], abs=1e-4)


def test_stereo_survives_and_mixes_down(tmp_path: Path) -> None:
    sound = tone(channels=2)
    sound.samples[:, 1] = 0
    write_audio(tmp_path / "a.flac", sound)
    assert read_audio(tmp_path / "a.flac").samples.shape[1] == 2
    mono = read_audio(tmp_path / "a.flac", channels=1)
    assert torch.allclose(mono.samples, sound.samples.mean(1, keepdim=True), atol=1e-4)
    with pytest.raises(ValueError, match="3 channels cannot be made into 2"):
        with_channels(tone(channels=3), 2)


def test_resampling_keeps_length_and_pitch() -> None:
    sound = resample(tone(rate=44100), RATE)
    assert sound.sample_rate == RATE
    assert sound.samples.shape[-1] == RATE // 2
    spectrum = torch.fft.rfft(sound.samples[0, 0]).abs()
    assert spectrum.argmax() * 2 == 440  # bins of 2 Hz
    assert resample(sound, RATE) is sound
    with pytest.raises(ValueError, match="sample_rate is 0"):
        resample(sound, 0)


def test_broken_files_are_refused_by_name(tmp_path: Path) -> None:
    write_audio(tmp_path / "whole.wav", tone())
    data = (tmp_path / "whole.wav").read_bytes()
    (tmp_path / "cut.wav").write_bytes(data[: len(data) // 2])
    (tmp_path / "head.wav").write_bytes(data[:20])
    (tmp_path / "empty.wav").write_bytes(b"")
    (tmp_path / "text.wav").write_text("this is no sound")
    (tmp_path / "noise.mp3").write_bytes(np.random.default_rng(0).bytes(5000))
    soundfile.write(tmp_path / "none.wav", np.zeros((0, 1)), RATE)
    samples = np.zeros(100, np.float32)
    samples[50] = np.nan
    soundfile.write(tmp_path / "nan.wav", samples, RATE, subtype="FLOAT")
    cases = {
        "missing.wav": "no such file",
        "cut.wav": "cut off",
        "head.wav": "not readable as audio",
        "empty.wav": "is empty",
        "text.wav": "not readable as audio",
        "noise.mp3": "not readable as audio",
        "none.wav": "no sound",
        "nan.wav": "at 0.002 s is not a finite number",
    }
    for name, reason in cases.items():
        with pytest.raises(ValueError, match=rf"{name}.*{reason}"):
            read_audio(tmp_path / name)
    with pytest.raises(ValueError, match="is a folder"):
        read_audio(tmp_path)


def test_truncated_flac_is_refused(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.flac", Waveform(torch.rand(1, 1, RATE) - 0.5, RATE))
    data = (tmp_path / "a.flac").read_bytes()
    (tmp_path / "a.flac").write_bytes(data[: len(data) // 2])
    with pytest.raises(ValueError, match=r"a\.flac"):
        read_audio(tmp_path / "a.flac")


def test_what_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"'\.aac' is not one of \.wav, \.flac, \.ogg, \.mp3"):
        write_audio(tmp_path / "a.aac", tone())
    with pytest.raises(ValueError, match="is needed"):
        write_audio(tmp_path / "a.wav", Waveform(torch.zeros(2, 1, 10), RATE))
    with pytest.raises(ValueError, match="not finite"):
        write_audio(tmp_path / "a.wav", Waveform(torch.full((1, 1, 10), torch.nan), RATE))
    with pytest.raises(ValueError, match="MP3 cannot hold 12345 Hz"):
        write_audio(tmp_path / "a.mp3", tone(rate=12345))
    with pytest.raises(ValueError, match="metadata"):
        write_audio(tmp_path / "a.wav", tone(), {"colour": "green"})
    with pytest.raises(FileNotFoundError, match=r"no/a\.wav"):
        write_audio(tmp_path / "no" / "a.wav", tone())
    with pytest.raises(FileNotFoundError, match=r"no/a\.wav"):
        check_writable(tmp_path / "no" / "a.wav")
    with pytest.raises(ValueError, match="is a folder"):
        check_writable(tmp_path, audio=False)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    write_bytes(path, b"old")

    def interrupted() -> None:
        with replacing(path) as temporary:
            temporary.write_bytes(b"ne")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert [file.name for file in tmp_path.iterdir()] == ["a.bin"]
    assert path.read_bytes() == b"old"


@pytest.mark.skipif(
    sys.platform == "win32", reason="needs a limit on file sizes, which Windows does not have"
)
def test_a_full_disk_is_one_error_and_leaves_nothing(tmp_path: Path) -> None:
    program = (
        "import resource, sys; from pathlib import Path\n"
        "from codec.audio_files import write_bytes\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "try:\n    write_bytes(Path(sys.argv[1]), bytes(5000))\n"
        "except OSError as error:\n    print(error.filename)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "a.bin")], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(tmp_path / "a.bin")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(sys.platform == "win32", reason="permission bits mean something else on Windows")
def test_a_written_file_has_the_usual_permissions(tmp_path: Path) -> None:
    write_bytes(tmp_path / "a", b"x")
    (tmp_path / "b").write_bytes(b"x")
    assert os.stat(tmp_path / "a").st_mode == os.stat(tmp_path / "b").st_mode


def test_the_tags_of_an_mp3_are_readable_whatever_the_prompt_holds(tmp_path: Path) -> None:
    path = tmp_path / "a.mp3"
    write_audio(path, Waveform(torch.zeros(1, 1, 24000), 24000), {"title": "Énora’s jig in E♭"})
    assert b"Enora's jig in Eb" in path.read_bytes()
    with soundfile.SoundFile(path) as file:
        assert file.copy_metadata()["title"] == "Enora's jig in Eb"


@pytest.mark.parametrize(
    ("name", "rate", "channels", "reason"),
    [
        ("a.mp3", 44_100, 8, "MP3 cannot hold 8 channels at 44100 Hz; it can hold 2 at up to 48000 Hz"),
        ("a.ogg", 300_000, 1, "OGG cannot hold 1 channels at 300000 Hz; it can hold 255 at up to 192000 Hz"),
        ("a.flac", 44_100, 9, "FLAC cannot hold 9 channels"),
        ("a.wav", 2**24, 1, "WAV cannot hold 1 channels at 16777216 Hz"),
    ],
)
def test_a_format_is_asked_only_for_what_it_can_hold(
    tmp_path: Path, name: str, rate: int, channels: int, reason: str
) -> None:
    with pytest.raises(ValueError, match=reason):
        write_audio(tmp_path / name, Waveform(torch.zeros(1, channels, 100), rate))
    assert list(tmp_path.iterdir()) == []


def test_a_wav_that_a_pipe_left_without_a_length_is_read_to_its_end(tmp_path: Path) -> None:
    write_audio(tmp_path / "a.wav", tone())
    data = bytearray((tmp_path / "a.wav").read_bytes())
    data[4:8] = data[40:44] = b"\xff\xff\xff\xff"
    (tmp_path / "a.wav").write_bytes(data)
    assert read_audio(tmp_path / "a.wav").samples.shape[-1] == RATE // 2


def test_ogg_checksums_are_those_of_the_standard() -> None:
    def slow(page: bytearray) -> int:
        crc = 0
        for byte in page:
            crc ^= byte << 24
            for _ in range(8):
                crc = ((crc << 1) ^ (0x04C11DB7 if crc & 0x80000000 else 0)) & 0xFFFFFFFF
        return crc

    for length in (0, 1, 4, 100, 999):
        page = bytearray(np.random.default_rng(length).bytes(length))
        assert audio_files._ogg_crc(page) == slow(page)


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_an_empty_text_is_left_out_of_the_file(tmp_path: Path, suffix: str) -> None:
    write_audio(tmp_path / f"a{suffix}", tone(), {"title": "", "comment": "here"})
    with soundfile.SoundFile(tmp_path / f"a{suffix}") as file:
        assert (file.title, file.comment) == ("", "here")
