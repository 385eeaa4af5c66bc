"""Rate control: the whole file stays within the bitrate, and spends it."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from codec.coding import codings_of, decode_file, encode_file
from codec.container import ContainerReader, ContainerWriter, Header
from codec.entropy import GuesserConfig
from codec.entropy_training import TrainableGuesser
from codec.guesser_files import codec_tables
from codec.model import Codec, CodecConfig
from codec.rate_control import Depths, RateControl, codebooks_within
from codec.types import CodecSpec

RATE = 24_000


@pytest.fixture(scope="module")
def codec() -> Codec:
    """Eight codebooks of 1,024 entries at 50 frames a second, untrained, with a guesser."""
    torch.manual_seed(0)
    shape = CodecConfig(
        latent_size=8, encoder_width=8, encoder_blocks=1, decoder_width=8, decoder_blocks=1
    )  # fmt: skip
    made = Codec(shape).eval().requires_grad_(False)
    made.quantizer.start(torch.randn(40, 50, 8), torch.Generator().manual_seed(0))
    config = GuesserConfig(8, 1024, 8, first_width=16, second_width=12)
    made.guesser = TrainableGuesser(config, codec_tables(made, config.scale)).guesser()
    return made


def easy_and_hard(seconds: float) -> np.ndarray:
    """Noise that stops and goes on every third of a second or so, and a long silence."""
    rng = np.random.default_rng(round(10 * seconds))
    samples = (0.2 * rng.standard_normal(round(seconds * 44_100))).astype(np.float32)
    for start in range(0, len(samples), 30_000):
        samples[start : start + int(rng.integers(25_000))] = 0
    samples[len(samples) // 2 : len(samples) * 3 // 4] = 0
    return samples


@pytest.mark.parametrize("seconds", [2.0, 3.337, 20.0, 20.01, 40.013, 60.0])
def test_the_whole_file_stays_within_the_bitrate_and_spends_it(
    codec: Codec, tmp_path: Path, seconds: float
) -> None:
    source = tmp_path / "a.wav"
    soundfile.write(source, easy_and_hard(seconds), 44_100)
    before = 0.0
    for bitrate in (0.5, 1, 1.5, 2, 3):
        coded = encode_file(codec, source, tmp_path / "a.agc", bitrate_kbps=bitrate)
        assert coded.bytes == (tmp_path / "a.agc").stat().st_size
        one = encode_file(codec, source, tmp_path / "b.agc", codebooks=1)
        assert coded.bitrate_kbps <= bitrate or coded.bytes == one.bytes
        assert before <= coded.codebooks_mean
        before = coded.codebooks_mean
        with open(tmp_path / "a.agc", "rb") as file:
            blocks = list(ContainerReader(file, "a.agc", codings_of(codec)).blocks())
        assert sum(block.shape[1] * block.shape[2] for block in blocks) == round(before * coded.frames)
        if len(blocks) == 1 and blocks[0].shape[1] < 8:
            more = encode_file(codec, source, tmp_path / "b.agc", codebooks=blocks[0].shape[1] + 1)
            assert more.bitrate_kbps > bitrate or blocks[0].shape[1] == 1
    assert before > 2


def test_short_last_blocks_stay_within_the_bitrate_too(codec: Codec, tmp_path: Path) -> None:
    """A block costs more than a short time allows, and so does the padding of the last frame."""
    for samples in range(48_000, 50_000, 97):
        soundfile.write(tmp_path / "a.wav", easy_and_hard(3)[:samples], 24_000)
        coded = encode_file(codec, tmp_path / "a.wav", tmp_path / "a.agc", bitrate_kbps=2, block_seconds=1)
        assert coded.bitrate_kbps <= 2


def test_the_bitrate_is_for_each_channel(codec: Codec, tmp_path: Path) -> None:
    both = np.stack([easy_and_hard(5), easy_and_hard(5)[::-1]], axis=1)
    soundfile.write(tmp_path / "a.wav", both, 44_100)
    coded = encode_file(codec, tmp_path / "a.wav", tmp_path / "a.agc", bitrate_kbps=1.5, each_channel=True)
    assert 2 < coded.bitrate_kbps <= 3


def test_blocks_of_other_numbers_of_codebooks_decode_to_the_sound_in_full_length(
    codec: Codec, tmp_path: Path
) -> None:
    soundfile.write(tmp_path / "a.wav", easy_and_hard(6.5), 44_100)
    coded = encode_file(codec, tmp_path / "a.wav", tmp_path / "a.agc", bitrate_kbps=2, block_seconds=0.5)
    assert coded.codebooks_mean != coded.codebooks
    decoded = decode_file(codec, tmp_path / "a.agc", tmp_path / "b.wav")
    assert (decoded.samples, decoded.codebooks, decoded.codebooks_mean) == (
        coded.samples, coded.codebooks, coded.codebooks_mean
    )  # fmt: skip
    assert soundfile.info(tmp_path / "b.wav").frames == soundfile.info(tmp_path / "a.wav").frames


def test_few_blocks_are_packed_more_than_twice(rng: np.random.Generator) -> None:
    class Counting(ContainerWriter):
        packs = 0

        def packed(self, tokens: np.ndarray) -> bytes:
            self.packs += 1
            return super().packed(tokens)

    writer = Counting(io.BytesIO(), Header("x", 1000, 1, 1, 8, 1024))
    control = RateControl(writer, 1.6)
    for block in range(1, 31):
        control.write(rng.integers(0, 1024, (1, 8, 50)), 1000 * block, last=False)
    assert writer.packs <= 2 * 30 + 5
    assert writer.bytes_written * 8 / 30 / 1000 <= 1.6


@pytest.mark.parametrize("bitrate", [0.0, -1.0, float("inf"), float("nan")])
def test_what_is_no_bitrate_is_refused(codec: Codec, tmp_path: Path, bitrate: float) -> None:
    soundfile.write(tmp_path / "a.wav", easy_and_hard(2), 44_100)
    with pytest.raises(ValueError, match=r"bitrate is .* kbps; a finite number above 0 is needed"):
        encode_file(codec, tmp_path / "a.wav", tmp_path / "a.agc", bitrate_kbps=bitrate)
    assert [path.name for path in tmp_path.iterdir()] == ["a.wav"]


def test_other_codecs_get_the_codebooks_that_fit_as_plain_bits() -> None:
    spec = CodecSpec(24_000, 480, 1, 3, 16, "x")
    fitting = [(0.2, 1), (0.39, 1), (0.4, 2), (0.6, 3), (24, 3)]
    assert [codebooks_within(spec, bitrate) for bitrate, _ in fitting] == [depth for _, depth in fitting]
    for bitrate in (0.19, 0, -1, float("inf"), float("nan")):
        with pytest.raises(ValueError, match=r"this codec has 0\.2 \.\.\. 0\.6 kbps"):
            codebooks_within(spec, bitrate)


def test_depths_count_frames() -> None:
    depths = Depths()
    assert (depths.most_used, depths.mean, depths.frames) == (0, 0, 0)
    for depth, frames in ((3, 10), (5, 4), (3, 1), (5, 7), (1, 3)):
        depths.count(np.zeros((2, depth, frames)))
    assert (depths.most_used, depths.frames) == (5, 25)
    assert depths.mean == (33 + 55 + 3) / 25
