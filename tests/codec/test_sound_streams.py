"""Sound in blocks: pipes say the same as libsndfile, and files are written whole or not at all."""

from __future__ import annotations

import io
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import pytest
import soundfile

from codec import sound_streams
from codec.sound_streams import create_sound, open_sound

RATE = 8_000


class Pipe(io.RawIOBase):
    """Gives its bytes in order, as few at a time as it likes."""

    def __init__(self, data: bytes) -> None:
        self._data = io.BytesIO(data)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1, /) -> bytes:
        return self._data.read(min(size, 777) if size >= 0 else -1)


def piped(data: bytes) -> BinaryIO:
    return cast(BinaryIO, Pipe(data))


def noise(samples: int, channels: int) -> np.ndarray:
    return (0.3 * np.random.default_rng(0).standard_normal((samples, channels))).astype(np.float32)


def wav(array: np.ndarray, **options: Any) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, array, RATE, format=options.pop("format", "WAV"), **options)
    return file.getvalue()


def heard(source: BinaryIO | Path) -> np.ndarray:
    with open_sound(source) as sound:
        blocks = list(sound.blocks())
        assert all(block.shape[1] <= sound.sample_rate for block in blocks)
        return np.concatenate(blocks, axis=1).T


@pytest.mark.parametrize("format_name", ["WAV", "WAVEX"])
@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("channels", [1, 3])
def test_a_pipe_says_the_same_as_a_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format_name: str, subtype: str, channels: int
) -> None:
    data = wav(noise(20_001, channels), subtype=subtype, format=format_name)
    (tmp_path / "a.wav").write_bytes(data)
    monkeypatch.setattr(sound_streams.tempfile, "NamedTemporaryFile", None)  # a pipe of WAV needs no disk
    from_pipe = heard(piped(data))
    from_file = heard(tmp_path / "a.wav")
    assert from_pipe.shape == (20_001, channels)
    assert np.array_equal(from_pipe, from_file)


@pytest.mark.parametrize("format_name", ["FLAC", "OGG", "AIFF", "RF64"])
def test_other_formats_come_through_a_pipe_too(tmp_path: Path, format_name: str) -> None:
    data = wav(noise(20_001, 2), format=format_name)
    (tmp_path / "a").write_bytes(data)
    assert np.array_equal(heard(piped(data)), heard(tmp_path / "a"))


def test_a_wav_of_packed_samples_comes_through_a_pipe_too(tmp_path: Path) -> None:
    data = wav(noise(20_001, 1), subtype="ULAW")
    (tmp_path / "a.wav").write_bytes(data)
    assert np.array_equal(heard(piped(data)), heard(tmp_path / "a.wav"))


@pytest.mark.parametrize("length", [0, 0x7FFFFFFF, 0xFFFFFFFF])
def test_a_pipe_without_a_length_is_read_to_its_end(length: int) -> None:
    data = bytearray(wav(noise(20_001, 2), subtype="PCM_16"))
    data[40:44] = length.to_bytes(4, "little")
    with open_sound(piped(bytes(data))) as sound:
        assert sound.samples is None
        assert sum(block.shape[1] for block in sound.blocks()) == 20_001


def test_what_follows_the_samples_is_not_heard() -> None:
    data = wav(noise(1000, 1), subtype="PCM_16") + b"LIST\x04\x00\x00\x00abcd"
    assert len(heard(piped(data))) == 1000


def test_a_pipe_that_ends_early_is_refused_with_the_time() -> None:
    data = wav(noise(20_000, 1), subtype="PCM_16")
    with pytest.raises(ValueError, match=r"is cut off at 1\.000 s; its header promises 2\.500 s"):
        heard(piped(data[: 44 + 16_000]))


@pytest.mark.parametrize("data", [b"", b"RIFF", b"hello, world, this is text", wav(noise(9, 1))[:30]])
def test_a_pipe_of_something_else_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match=r"<pipe>: (not readable as audio|is empty)"):
        heard(piped(data))


@pytest.mark.parametrize("suffix", [".wav", ".flac"])
def test_what_is_written_in_blocks_is_the_sound(tmp_path: Path, suffix: str) -> None:
    array = noise(20_001, 3) * 2
    with create_sound(tmp_path / f"a{suffix}", RATE, 3) as sound:
        for block in np.array_split(array, 7):
            sound.write(block.T)
    again, rate = soundfile.read(tmp_path / f"a{suffix}", dtype="float32", always_2d=True)
    assert rate == RATE
    assert np.abs(again - array.clip(-1, 1)).max() < 5e-5
    assert [path.name for path in tmp_path.iterdir()] == [f"a{suffix}"]


def test_a_wav_longer_than_its_header_can_say_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sound_streams, "MAX_WAV_BYTES", 1000)

    def too_much() -> None:
        with create_sound(tmp_path / "a.wav", RATE, 1) as sound:
            sound.write(np.zeros((1, 600), np.float32))

    with pytest.raises(
        ValueError, match=r"a\.wav: has 1236 bytes; a WAV holds at most 1000, so write \.flac"
    ):
        too_much()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(
    sys.platform == "win32", reason="needs a limit on file sizes, which Windows does not have"
)
@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg"])
def test_a_full_disk_is_one_error_and_leaves_nothing(tmp_path: Path, suffix: str) -> None:
    program = (
        "import resource, sys; import numpy as np\n"
        "from codec.sound_streams import create_sound\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (5000, 5000))\n"
        "try:\n"
        "    with create_sound(sys.argv[1], 44100, 1) as sound:\n"
        "        for _ in range(10): sound.write(np.random.rand(1, 44100).astype(np.float32))\n"
        "except OSError as error:\n    print(error.filename)\n"
    )
    path = tmp_path / f"a{suffix}"
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == str(path)
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_keeps_the_old_file(tmp_path: Path) -> None:
    (tmp_path / "a.flac").write_bytes(b"old")

    def broken() -> Iterator[np.ndarray]:
        yield np.zeros((1, 100), np.float32)
        raise KeyboardInterrupt

    def write() -> None:
        with create_sound(tmp_path / "a.flac", RATE, 1) as sound:
            for block in broken():
                sound.write(block)

    with pytest.raises(KeyboardInterrupt):
        write()
    assert [path.name for path in tmp_path.iterdir()] == ["a.flac"]
    assert (tmp_path / "a.flac").read_bytes() == b"old"
