"""Sound to `.agc` and back: exact lengths, any rate and channel count, whole files or none."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from codec.audio_files import read_audio
from codec.chunks import regrouped
from codec.coding import codings_of, decode_file, decode_sound, encode_file, matched, round_trip
from codec.container import ContainerReader, ContainerWriter, Header
from codec.entropy import GuesserConfig
from codec.entropy_training import GuesserTrainingConfig, train_guesser
from codec.guesser_files import codec_tables
from codec.model import Codec, CodecConfig
from codec.types import CheckpointError, CodecSpec, Codes, Waveform

ROOT = Path(__file__).parents[2]
RATE = 24_000


def tiny_codec(seed: int = 0) -> Codec:
    torch.manual_seed(seed)
    shape = CodecConfig(
        codebooks=3, codebook_size=16, latent_size=8, encoder_width=8, encoder_blocks=1, decoder_width=8,
        decoder_blocks=1,
    )  # fmt: skip
    codec = Codec(shape).eval().requires_grad_(False)
    codec.decoder.head.bias.data -= 1.5  # untrained it would be far too loud, and all of it clipped
    codec.quantizer.start(torch.randn(4, 50, 8), torch.Generator().manual_seed(seed))
    return codec


@pytest.fixture(scope="module")
def codec() -> Codec:
    return tiny_codec()


@pytest.fixture(scope="module")
def guessing(codec: Codec) -> Codec:
    """The same codec with a guesser of its codes of noise."""
    found = tiny_codec()
    tokens = codec.encode(Waveform(torch.from_numpy(noise(RATE * 4, 8)).T[:, None], RATE)).tokens
    shape = GuesserConfig(3, 16, 8, first_width=16, second_width=12)
    training = GuesserTrainingConfig(steps=150, batch=256, learning_rate=1e-2)
    found.guesser = train_guesser(shape, codec_tables(found, shape.scale), tokens, training).guesser()
    return found


def noise(samples: int, channels: int = 1, seed: int = 0) -> np.ndarray:
    return (0.2 * np.random.default_rng(seed).standard_normal((samples, channels))).astype(np.float32)


def sound(path: Path, array: np.ndarray, rate: int = RATE, subtype: str = "FLOAT") -> Path:
    soundfile.write(path, array, rate, subtype=subtype)
    return path


def tokens_of(path: Path, codec: Codec | None = None) -> torch.Tensor:
    codings = codings_of(codec or tiny_codec())
    with open(path, "rb") as file:
        return torch.from_numpy(
            np.concatenate(list(ContainerReader(file, str(path), codings).blocks()), axis=-1)
        )


def test_sound_in_memory_is_that_of_the_file(codec: Codec, tmp_path: Path) -> None:
    encode_file(codec, sound(tmp_path / "a.wav", noise(10_017, 2), 16_000), tmp_path / "a.agc")
    decode_file(codec, tmp_path / "a.agc", tmp_path / "b.wav")
    decoded, written = decode_sound(codec, tmp_path / "a.agc"), read_audio(tmp_path / "b.wav")
    assert (decoded.sample_rate, decoded.samples.shape) == (16_000, (1, 2, 10_017))
    assert torch.allclose(decoded.samples, written.samples, atol=1 / 2**15)


class SegmentCodec:
    """A codec that is not ours: stereo, in segments of 100 samples with a loudness each, and unable to stream."""

    spec = CodecSpec(RATE, 50, 2, 2, 256, "segments")

    def encode(self, waveform: Waveform, codebooks: int | None = None) -> Codes:
        samples = torch.nn.functional.pad(waveform.samples, (0, -waveform.samples.shape[-1] % 100))
        scales = samples.unfold(-1, 100, 100).abs().amax(dim=(1, 3)) + 1e-3  # [B, N]
        levels = samples[..., ::50] / scales.repeat_interleave(2, dim=-1)[:, None]  # [B, C, S]
        return Codes((levels * 127 + 128).long()[:, : codebooks or 2], self.spec, scales)

    def decode(self, codes: Codes) -> Waveform:
        assert codes.scales is not None
        levels = (codes.tokens - 128) / 127 * codes.scales.repeat_interleave(2, dim=-1)[:, None]
        return Waveform(levels.repeat_interleave(50, dim=-1).float(), RATE)


def test_a_file_holds_the_codes_that_the_codec_gives(codec: Codec, tmp_path: Path) -> None:
    source = sound(tmp_path / "a.wav", noise(RATE * 3 + 17))
    coded = encode_file(codec, source, tmp_path / "a.agc", block_seconds=1)
    codes = codec.encode(read_audio(source))
    assert torch.equal(tokens_of(tmp_path / "a.agc"), codes.tokens)
    assert (coded.frames, coded.codebooks, coded.samples) == (codes.tokens.shape[-1], 3, RATE * 3 + 17)
    size = (tmp_path / "a.agc").stat().st_size
    assert coded.bytes == size
    assert coded.bitrate_kbps == pytest.approx(size * 8 / coded.seconds / 1000)


@pytest.mark.parametrize("channels", [1, 2])
def test_a_file_with_guessed_codes_holds_the_same_codes_in_fewer_bytes(
    codec: Codec, guessing: Codec, tmp_path: Path, channels: int
) -> None:
    source = sound(tmp_path / "a.wav", noise(RATE * 6 + 100, channels, seed=5))
    sizes = []
    for number, each in enumerate((codec, guessing)):
        coded = encode_file(each, source, tmp_path / f"{number}.agc", each_channel=True, block_seconds=2.5)
        decode_file(guessing, tmp_path / f"{number}.agc", tmp_path / f"{number}.wav")
        sizes.append(coded.bytes)
    assert torch.equal(tokens_of(tmp_path / "0.agc"), tokens_of(tmp_path / "1.agc", guessing))
    assert (tmp_path / "0.wav").read_bytes() == (tmp_path / "1.wav").read_bytes()
    assert sizes[1] < sizes[0] - 10 * channels
    with pytest.raises(CheckpointError, match=r"1\.agc: .*coding is 1; with this codec 0 can be read"):
        decode_file(codec, tmp_path / "1.agc", tmp_path / "b.wav")


def test_no_damage_of_a_file_with_guessed_codes_goes_unnoticed(guessing: Codec, tmp_path: Path) -> None:
    source = sound(tmp_path / "a.wav", noise(RATE))
    encode_file(guessing, source, tmp_path / "a.agc", block_seconds=0.6)
    data = (tmp_path / "a.agc").read_bytes()
    plain = encode_file(tiny_codec(), source, tmp_path / "b.agc", block_seconds=0.6)
    assert len(data) < plain.bytes
    altered = [data[:length] for length in range(len(data))]
    for position in range(len(data)):
        for flip in (0x01, 0xFF):
            flipped = bytearray(data)
            flipped[position] ^= flip
            altered.append(bytes(flipped))
    codings = codings_of(guessing)
    for broken in altered:
        with pytest.raises(CheckpointError, match=r"^a\.agc: "):
            list(ContainerReader(io.BytesIO(broken), "a.agc", codings).blocks())


def test_a_decoded_file_is_what_the_codec_decodes(codec: Codec, tmp_path: Path) -> None:
    source = sound(tmp_path / "a.wav", noise(RATE * 2 + 5))
    encode_file(codec, source, tmp_path / "a.agc", block_seconds=0.5)
    decode_file(codec, tmp_path / "a.agc", tmp_path / "b.wav")
    whole = codec.decode(codec.encode(read_audio(source))).samples[..., : RATE * 2 + 5].clamp(-1, 1)
    assert (read_audio(tmp_path / "b.wav").samples - whole).abs().max() < 2e-4


@pytest.mark.parametrize("rate", [8_000, 11_025, 22_050, 24_000, 44_100, 192_000])
@pytest.mark.parametrize(("channels", "each"), [(1, False), (2, False), (2, True), (8, False), (8, True)])
def test_rate_channels_and_exact_length_come_back(
    codec: Codec, tmp_path: Path, rate: int, channels: int, each: bool
) -> None:
    length = rate // 2 + 7
    source = sound(tmp_path / "a.wav", noise(length, channels), rate)
    coded = encode_file(codec, source, tmp_path / "a.agc", each_channel=each)
    assert coded.batch == (channels if each else 1)
    decode_file(codec, tmp_path / "a.agc", tmp_path / "b.wav")
    found = soundfile.info(tmp_path / "b.wav")
    assert (found.samplerate, found.channels, found.frames) == (rate, channels, length)


@pytest.mark.parametrize("length", [1, 2, 479, 480, 481, 960])
@pytest.mark.parametrize("rate", [8_000, 24_000, 192_000])
def test_the_shortest_sounds_keep_their_length(codec: Codec, tmp_path: Path, length: int, rate: int) -> None:
    source = sound(tmp_path / "a.wav", noise(length), rate)
    round_trip(codec, source, tmp_path / "b.wav")
    assert soundfile.info(tmp_path / "b.wav").frames == length


def test_each_channel_is_coded_as_if_it_were_alone(codec: Codec, tmp_path: Path) -> None:
    both = noise(RATE, 2)
    source = sound(tmp_path / "a.wav", both)
    encode_file(codec, source, tmp_path / "a.agc", each_channel=True)
    tokens = tokens_of(tmp_path / "a.agc")
    for channel in range(2):
        alone = codec.encode(Waveform(torch.from_numpy(both[:, channel].copy())[None, None], RATE)).tokens
        assert torch.equal(tokens[channel], alone[0])
    round_trip(codec, source, tmp_path / "b.wav")
    mixed = read_audio(tmp_path / "b.wav").samples
    assert torch.equal(mixed[0, 0], mixed[0, 1])


def test_a_codec_that_cannot_stream_and_codes_in_segments_fits_too(tmp_path: Path) -> None:
    other = SegmentCodec()
    array = np.repeat(noise(400, 2), 50, axis=0)  # constant within a frame, so that all of it survives
    source = sound(tmp_path / "a.wav", array)
    for each in (False, True):
        encode_file(other, source, tmp_path / "a.agc", each_channel=each)
        decode_file(other, tmp_path / "a.agc", tmp_path / "b.wav")
        decoded, _ = soundfile.read(tmp_path / "b.wav", dtype="float32")
        assert np.abs(decoded - array.clip(-1, 1)).max() < 0.02
    mono = sound(tmp_path / "m.wav", array[:, 0])
    round_trip(other, mono, tmp_path / "b.wav")
    assert soundfile.info(tmp_path / "b.wav").channels == 1
    with pytest.raises(ValueError, match=r"a\.wav: this codec cannot code in a stream.* 600 s"):
        encode_file(
            other, sound(tmp_path / "a.wav", np.zeros(1000 * 601), 1000, "PCM_16"), tmp_path / "c.agc"
        )


@pytest.mark.parametrize(
    "array",
    [np.zeros(5000), np.full(5000, 0.7), np.sign(noise(5000)) * 1.0, 50 * noise(5000), np.full(5000, 1e-30)],
    ids=["silence", "dc", "clipped", "beyond full scale", "nearly nothing"],
)
def test_extreme_sounds_go_through(codec: Codec, tmp_path: Path, array: np.ndarray) -> None:
    source = sound(tmp_path / "a.wav", array)
    round_trip(codec, source, tmp_path / "b.wav")
    decoded = read_audio(tmp_path / "b.wav").samples
    assert decoded.shape[-1] == 5000
    assert decoded.isfinite().all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_samples_that_are_no_numbers_are_refused_with_the_time(
    codec: Codec, tmp_path: Path, value: float
) -> None:
    array = noise(3 * RATE)
    array[RATE * 5 // 2] = value
    source = sound(tmp_path / "a.wav", array)
    with pytest.raises(ValueError, match=r"a\.wav: sample at 2\.500 s is not a finite number"):
        encode_file(codec, source, tmp_path / "a.agc")
    with open(source, "rb") as pipe, pytest.raises(ValueError, match=r"at 2\.500 s"):
        encode_file(codec, io.BytesIO(pipe.read()), tmp_path / "a.agc")
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_samples_too_large_to_be_mixed_are_refused_by_name(codec: Codec, tmp_path: Path) -> None:
    source = sound(tmp_path / "a.wav", np.full((100, 8), 3e38))
    with pytest.raises(ValueError, match=r"a\.wav: "):
        encode_file(codec, source, tmp_path / "a.agc")


def test_broken_sound_is_refused_and_leaves_nothing(codec: Codec, tmp_path: Path) -> None:
    whole = sound(tmp_path / "whole.wav", noise(RATE), subtype="PCM_16").read_bytes()
    cases = {
        "text.wav": (b"this is no sound", "not readable as audio"),
        "cut.wav": (whole[:20_000], "is cut off"),
        "empty.wav": (b"", "is empty"),
        "none.wav": (whole[:40] + bytes(4), "holds no sound"),
    }
    for name, (data, reason) in cases.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(ValueError, match=rf"{name}.*{reason}"):
            encode_file(codec, tmp_path / name, tmp_path / "a.agc")
        with pytest.raises(ValueError, match=reason):
            encode_file(codec, io.BytesIO(data), tmp_path / "a.agc")
    slow = sound(tmp_path / "slow.wav", noise(500), 500)
    with pytest.raises(ValueError, match=r"slow\.wav: is at 500 Hz; 1000 to 384000 Hz are allowed"):
        encode_file(codec, slow, tmp_path / "a.agc")
    with pytest.raises(ValueError, match="codebooks is 4; 1 to 3"):
        encode_file(codec, tmp_path / "whole.wav", tmp_path / "a.agc", codebooks=4)
    assert not (tmp_path / "a.agc").exists()
    assert {path.name for path in tmp_path.iterdir()} == {*cases, "whole.wav", "slow.wav"}


def test_no_damage_of_a_file_goes_unnoticed_or_leaves_sound(codec: Codec, tmp_path: Path) -> None:
    encode_file(codec, sound(tmp_path / "a.wav", noise(3000)), tmp_path / "a.agc", block_seconds=0.05)
    data = (tmp_path / "a.agc").read_bytes()
    (tmp_path / "b.wav").write_bytes(b"old")
    before = {path.name for path in tmp_path.iterdir()}
    altered = [data[:length] for length in range(0, len(data), 7)]
    for position in range(0, len(data), 3):
        flipped = bytearray(data)
        flipped[position] ^= 0x10
        altered.append(bytes(flipped))
    for broken in [*altered, data + b"x", b"hello"]:
        (tmp_path / "a.agc").write_bytes(broken)
        with pytest.raises(CheckpointError, match=r"a\.agc: ") as caught:
            decode_file(codec, tmp_path / "a.agc", tmp_path / "b.wav")
        assert "\n" not in str(caught.value)
    assert {path.name for path in tmp_path.iterdir()} == before
    assert (tmp_path / "b.wav").read_bytes() == b"old"


def forged(codec: Codec, path: Path, header: Header, frames: int, samples: int) -> Path:
    with open(path, "wb") as file:
        writer = ContainerWriter(file, header)
        if frames:
            writer.write(np.zeros((header.batch, header.codebooks, frames), np.int64))
        writer.finish(samples)
    return path


def test_files_that_do_not_fit_the_codec_or_themselves_are_refused(codec: Codec, tmp_path: Path) -> None:
    fits = Header(codec.spec.identity, RATE, 1, 1, 3, 16)
    cases = [
        (
            replace(fits, identity="ffff"),
            10,
            4800,
            f"coded by codec ffff; this codec is {codec.spec.identity}",
        ),
        (replace(fits, codebooks=4), 10, 4800, "has 4 codebooks of 16; .* has 3 of 16"),
        (replace(fits, codebook_size=15), 10, 4800, "has 3 codebooks of 15"),
        (fits, 10, 2**31, "claims 2147483648 samples; its 10 frames hold 4800"),
        (fits, 10, 0, "claims 0 samples"),
        (fits, 0, 0, "claims 0 samples; its 0 frames hold 0"),
        (fits, 200, 1000, "claims 1000 samples; its 200 frames hold 96000"),
        (replace(fits, sample_rate=500), 10, 100, "is at 500 Hz"),
    ]
    for header, frames, samples, reason in cases:
        path = forged(codec, tmp_path / "a.agc", header, frames, samples)
        with pytest.raises(ValueError, match=rf"a\.agc: .*{reason}"):
            decode_file(codec, path, tmp_path / "b.wav")
    path = forged(codec, tmp_path / "a.agc", replace(fits, channels=9), 10, 4800)
    with pytest.raises(ValueError, match=r"b\.flac: FLAC cannot hold 9 channels"):
        decode_file(codec, path, tmp_path / "b.flac")
    with pytest.raises(CheckpointError, match=r"c\.agc: no such file"):
        decode_file(codec, tmp_path / "c.agc", tmp_path / "b.wav")
    assert [path.name for path in tmp_path.iterdir()] == ["a.agc"]


@pytest.mark.parametrize("suffix", [".wav", ".flac", ".ogg", ".mp3"])
def test_every_format_can_be_decoded_to(codec: Codec, tmp_path: Path, suffix: str) -> None:
    source = sound(tmp_path / "a.wav", noise(RATE * 2, 2))
    encode_file(codec, source, tmp_path / "a.agc")
    for name in ("b", "c"):
        decode_file(codec, tmp_path / "a.agc", tmp_path / f"{name}{suffix}")
    found = soundfile.info(tmp_path / f"b{suffix}")
    assert (found.samplerate, found.channels, found.frames) == (RATE, 2, RATE * 2)
    assert (tmp_path / f"b{suffix}").read_bytes() == (tmp_path / f"c{suffix}").read_bytes()


def test_pipes_give_the_same_as_files(codec: Codec, tmp_path: Path) -> None:
    source = sound(tmp_path / "a.wav", noise(50_000, 2), 44_100, "PCM_16")
    encode_file(codec, source, tmp_path / "a.agc")
    decode_file(codec, tmp_path / "a.agc", tmp_path / "b.wav")
    coded, decoded = io.BytesIO(), io.BytesIO()
    encode_file(codec, io.BytesIO(source.read_bytes()), coded)
    assert coded.getvalue() == (tmp_path / "a.agc").read_bytes()
    decode_file(codec, io.BytesIO(coded.getvalue()), decoded)
    assert decoded.getvalue()[44:] == (tmp_path / "b.wav").read_bytes()[44:]
    assert decoded.getvalue()[40:44] == b"\xff\xff\xff\xff"


def test_progress_is_told_up_to_the_end(codec: Codec, tmp_path: Path) -> None:
    told: list[float] = []
    round_trip(codec, sound(tmp_path / "a.wav", noise(RATE * 3)), tmp_path / "b.wav", progress=told.append)
    assert told == sorted(told)
    assert 0 < told[0] < 0.5
    assert told[-1] == 1


def test_chunks_are_regrouped_without_loss() -> None:
    whole = torch.arange(100)[None]
    for sizes in ([100], [1] * 100, [0, 7, 93], [50, 50], [33, 0, 33, 34]):
        pieces = list(regrouped(whole.split(sizes, dim=-1), 10))
        assert [piece.values.shape[-1] for piece in pieces] == [10] * 10
        assert [piece.last for piece in pieces] == [False] * 9 + [True]
        assert torch.equal(torch.cat([piece.values for piece in pieces], dim=-1), whole)
    assert [piece.values.shape[-1] for piece in regrouped(whole.split(40, dim=-1), 30)] == [30, 30, 30, 10]
    assert list(regrouped([], 5)) == []


def test_channels_are_matched_by_their_mean() -> None:
    samples = torch.tensor([[1.0, 2.0], [3.0, 6.0]])
    assert matched(samples, 2) is samples
    assert matched(samples, 1).tolist() == [[2.0, 4.0]]
    assert matched(samples, 3).tolist() == [[2.0, 4.0]] * 3


MEMORY = """
import resource, sys
from pathlib import Path
sys.path.insert(0, "tests/codec")
import torch
from test_coding import RATE, noise, tiny_codec
import soundfile
from codec.coding import decode_file, encode_file
torch.set_num_threads(1)
codec, folder = tiny_codec(), Path(sys.argv[1])
def peak(minutes):
    with soundfile.SoundFile(folder / "a.wav", "w", 16000, 2, "PCM_16") as file:
        for second in range(round(minutes * 60)):
            file.write(noise(16000, 2, second))
    encode_file(codec, folder / "a.wav", folder / "a.agc")
    decode_file(codec, folder / "a.agc", folder / "b.wav")
    assert soundfile.info(folder / "b.wav").frames == round(minutes * 60) * 16000
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
print(peak(1.5), peak(6))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="the resource module is POSIX")
def test_memory_does_not_grow_with_the_length(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", MEMORY, str(tmp_path)], capture_output=True, text=True, cwd=ROOT, check=False,
        env=os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    short, long = map(int, done.stdout.split())
    # 4.5 minutes of decoded stereo are 70 MB as float32.
    assert long - short < 15, (short, long)
