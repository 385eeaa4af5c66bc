"""Distances between sounds and the bytes of codes."""

from __future__ import annotations

import pytest
import torch

from codec.metrics import log_mel_distance, pack_codes, rms, same_level, stft_distance, unpack_codes
from codec.types import CodecSpec, Codes, Waveform

RATE = 24_000


def spec(identity: str = "0123456789abcdef", codebooks: int = 6, size: int = 1024) -> CodecSpec:
    return CodecSpec(RATE, 480, 1, codebooks, size, identity)


def noise(seed: int, samples: int = RATE) -> Waveform:
    generator = torch.Generator().manual_seed(seed)
    return Waveform(0.1 * torch.randn(1, 1, samples, generator=generator), RATE)


@pytest.mark.parametrize("distance", [log_mel_distance, stft_distance])
def test_a_sound_is_at_no_distance_from_itself_and_at_some_from_another(distance) -> None:
    assert distance(noise(1), noise(1)) == 0
    assert distance(noise(1), noise(2)) > 0.1


def test_the_log_mel_distance_of_a_gain_is_its_natural_logarithm() -> None:
    sound = noise(1)
    louder = Waveform(sound.samples * 2, RATE)
    assert log_mel_distance(louder, sound) == pytest.approx(0.6931, abs=1e-3)
    assert log_mel_distance(same_level(louder, sound), sound) < 1e-5


def test_a_delay_counts_as_an_error() -> None:
    clicks = torch.zeros(1, 1, RATE)
    clicks[..., ::6000] = 1.0
    late = Waveform(clicks.roll(2400, -1), RATE)
    assert log_mel_distance(late, Waveform(clicks, RATE)) > 0.1


def test_the_filled_up_last_frame_is_cut_off() -> None:
    sound = noise(1)
    longer = Waveform(torch.nn.functional.pad(sound.samples, (0, 479)), RATE)
    assert log_mel_distance(longer, sound) == 0


def test_sounds_of_other_lengths_and_rates_are_refused() -> None:
    with pytest.raises(ValueError, match=r"1\.000 s and 2\.000 s"):
        log_mel_distance(noise(1), noise(1, 2 * RATE))
    with pytest.raises(ValueError, match="24000 and 16000 Hz"):
        stft_distance(noise(1), Waveform(noise(1).samples, 16_000))


def test_silence_stays_silence_at_any_level() -> None:
    silence = Waveform(torch.zeros(1, 1, RATE), RATE)
    assert rms(same_level(silence, noise(1))) == 0


@pytest.mark.parametrize(
    ("codebooks", "frames", "size"), [(6, 50, 1024), (1, 7, 1024), (3, 11, 1000), (2, 5, 2)]
)
def test_packed_codes_come_back_and_take_their_bits(codebooks: int, frames: int, size: int) -> None:
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(0, size, (1, codebooks, frames), generator=generator)
    codes = Codes(tokens, spec(size=size))
    data = pack_codes(codes)
    assert torch.equal(unpack_codes(data, codes.spec).tokens, tokens)
    assert len(data) == 14 + -(-codebooks * frames * (size - 1).bit_length() // 8)


def test_packed_codes_of_another_codec_or_cut_off_are_refused() -> None:
    data = pack_codes(Codes(torch.zeros(1, 6, 5, dtype=torch.long), spec()))
    with pytest.raises(ValueError, match="are not of codec fedcba"):
        unpack_codes(data, spec("fedcba9876543210"))
    with pytest.raises(ValueError, match="hold 36 bytes"):
        unpack_codes(data[:-2], spec())
    with pytest.raises(ValueError, match="header alone has 14"):
        unpack_codes(data[:5], spec())
    with pytest.raises(ValueError, match="2 sounds"):
        pack_codes(Codes(torch.zeros(2, 1, 5, dtype=torch.long), spec()))
