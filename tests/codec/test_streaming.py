"""Streams against the offline codec, on models small enough to be instant."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from typing import Any

import pytest
import torch
from torch import Tensor

import codec
from codec.model import CodecConfig
from codec.streaming import (
    PIECE_FRAMES,
    DecoderStream,
    EncoderStream,
    encoder_look_ahead_seconds,
    look_ahead_seconds,
)

TINY = CodecConfig(
    codebooks=3,
    codebook_size=16,
    latent_size=4,
    encoder_width=8,
    encoder_blocks=1,
    decoder_width=8,
    decoder_blocks=1,
)
OTHER = CodecConfig(
    sample_rate=16_000,
    hop_samples=200,
    codebooks=2,
    codebook_size=8,
    latent_size=5,
    encoder_width=6,
    encoder_blocks=3,
    decoder_width=10,
    decoder_blocks=2,
    head_window=800,
    level_bands=0,
)
STEREO = CodecConfig(
    sample_rate=48_000,
    hop_samples=960,
    codebooks=2,
    codebook_size=8,
    latent_size=6,
    encoder_width=8,
    encoder_blocks=2,
    decoder_width=8,
    decoder_blocks=1,
    head_window=3840,
    level_bands=8,
    channels=2,
)
# The promise is 1e-4; shapes as odd as these round less alike than the shipped one.
TOLERANCE = 1e-5
# Sizes of chunks, over and over; the last is all at once.
CHUNKINGS = [(1,), (7, 0, 13), (2, 3, 5, 0, 47), (50,), (100_000,)]


def random_codec(config: CodecConfig) -> codec.Codec:
    torch.manual_seed(0)
    model = codec.Codec(config).eval().requires_grad_(False)
    # Blocks that matter, and a sound within -1 ... 1.
    for name, parameter in model.named_parameters():
        if name.endswith(".scale"):
            torch.nn.init.normal_(parameter)
    if model.decoder.levels is not None:
        model.decoder.levels.direct.bias.add_(2.0 if config.channels == 1 else 0.5)
    if model.decoder.envelope is not None:
        torch.nn.init.normal_(model.decoder.envelope.head.weight, std=0.1)
    if model.decoder.side is not None:
        model.decoder.side.levels.direct.bias.add_(0.5)
    points = model.encoder(model.mixed(noise(40 * config.hop_samples, 2, config.channels)))
    model.quantizer.start(points, torch.Generator().manual_seed(0))
    return model


@pytest.fixture(scope="module", params=[TINY, OTHER, STEREO], ids=["tiny", "other", "stereo"])
def model(request: pytest.FixtureRequest) -> codec.Codec:
    return random_codec(request.param)


@pytest.fixture(scope="module")
def tiny() -> codec.Codec:
    return random_codec(TINY)


def noise(count: int, batch: int = 1, channels: int = 1) -> Tensor:
    return 0.1 * torch.randn(batch, channels, count, generator=torch.Generator().manual_seed(1))


def random_tokens(model: codec.Codec, frames: int, batch: int = 1, codebooks: int | None = None) -> Tensor:
    shape = batch, codebooks or model.config.codebooks, frames
    return torch.randint(model.config.codebook_size, shape, generator=torch.Generator().manual_seed(2))


def chunks(data: Tensor, sizes: tuple[int, ...]) -> Iterator[Tensor]:
    start = turn = 0
    while start < data.shape[-1]:
        size = sizes[turn % len(sizes)]
        yield data[..., start : start + size]
        start, turn = start + size, turn + 1


def streamed(stream: EncoderStream | DecoderStream, data: Tensor, sizes: tuple[int, ...]) -> Tensor:
    return torch.cat([*(stream.push(chunk) for chunk in chunks(data, sizes)), stream.finish()], dim=-1)


def encoded(model: codec.Codec, samples: Tensor, codebooks: int | None = None) -> Tensor:
    return model.encode(codec.Waveform(samples, model.config.sample_rate), codebooks).tokens


def decoded(model: codec.Codec, tokens: Tensor) -> Tensor:
    return model.decode(codec.Codes(tokens, model.spec)).samples


def tensors(state: Any) -> list[Tensor]:
    """All tensors in a state, however deep."""
    if isinstance(state, Tensor):
        return [state]
    if is_dataclass(state):
        state = tuple(getattr(state, field.name) for field in fields(state))
    return [tensor for part in state for tensor in tensors(part)] if isinstance(state, tuple) else []


def sizes_of(state: Any) -> tuple[int, int]:
    """Elements and bytes that a state keeps in memory."""
    found = tensors(state)
    assert found
    return sum(x.numel() for x in found), sum(x.untyped_storage().nbytes() for x in found)


@pytest.mark.parametrize("sizes", CHUNKINGS)
def test_any_chunking_gives_the_offline_codes(model: codec.Codec, sizes: tuple[int, ...]) -> None:
    samples = noise(60 * model.config.hop_samples + 11, batch=2, channels=model.config.channels)
    in_samples = tuple(size * 97 for size in sizes)
    tokens = streamed(EncoderStream(model, batch=2), samples, in_samples)
    expected = encoded(model, samples)
    assert tokens.shape == expected.shape
    assert float((tokens != expected).float().mean()) <= 1e-4


def test_single_samples_give_the_offline_codes(tiny: codec.Codec) -> None:
    samples = noise(5 * 480 + 1)
    assert torch.equal(streamed(EncoderStream(tiny), samples, (1,)), encoded(tiny, samples))


@pytest.mark.parametrize("count", [1, 2, 479, 480, 481, 960, 9_001, 24_000])
def test_every_length_gives_the_offline_codes(tiny: codec.Codec, count: int) -> None:
    tokens = streamed(EncoderStream(tiny), noise(count), (333,))
    assert tokens.shape[-1] == math.ceil(count / 480)
    assert torch.equal(tokens, encoded(tiny, noise(count)))


def test_chunks_of_other_numbers_of_codebooks_sound_as_their_latents_do(tiny: codec.Codec) -> None:
    stream, tokens = DecoderStream(tiny), random_tokens(tiny, 60)
    parts = [tokens[..., :20], tokens[:, :1, 20:45], tokens[:, :2, 45:]]
    sound = torch.cat([*(stream.push(part) for part in parts), stream.finish()], dim=-1)
    with torch.inference_mode():
        latents = torch.cat([tiny.quantizer.decode(part) for part in parts], dim=1)
        expected = tiny.decoder.synthesise(tiny.decoder(latents))[:, None]
    assert torch.allclose(sound, expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("sizes", CHUNKINGS)
def test_any_chunking_gives_the_offline_sound(model: codec.Codec, sizes: tuple[int, ...]) -> None:
    tokens = random_tokens(model, 90, batch=2)
    samples = streamed(DecoderStream(model, batch=2), tokens, sizes)
    expected = decoded(model, tokens)
    assert samples.shape == expected.shape
    assert 0.01 < float(expected.abs().max()) < 1
    assert torch.allclose(samples, expected, rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("frames", [1, 2, 3, 4, 7, 8, 9, 30])
def test_every_number_of_frames_gives_the_offline_sound(model: codec.Codec, frames: int) -> None:
    tokens = random_tokens(model, frames)
    samples = streamed(DecoderStream(model), tokens, (1,))
    assert samples.shape[-1] == frames * model.config.hop_samples
    assert torch.allclose(samples, decoded(model, tokens), rtol=0, atol=TOLERANCE)


def test_a_chunk_longer_than_a_piece_gives_what_short_ones_give(tiny: codec.Codec) -> None:
    frames = 2 * PIECE_FRAMES + 3
    tokens, samples = random_tokens(tiny, frames), noise(frames * 480 - 5)
    assert torch.equal(streamed(EncoderStream(tiny), samples, (10**9,)), encoded(tiny, samples))
    sounds = [streamed(DecoderStream(tiny), tokens, (size,)) for size in (10**9, 50)]
    assert torch.allclose(sounds[0], sounds[1], rtol=0, atol=TOLERANCE)


def test_no_sound_gives_no_codes_and_no_codes_no_sound(tiny: codec.Codec) -> None:
    encoder, decoder = EncoderStream(tiny, codebooks=2, batch=3), DecoderStream(tiny, batch=3)
    assert encoder.push(torch.zeros(3, 1, 0)).shape == (3, 2, 0)
    assert encoder.finish().shape == (3, 2, 0)
    assert decoder.push(torch.zeros(3, 2, 0, dtype=torch.int64)).shape == (3, 1, 0)
    assert decoder.finish().shape == (3, 1, 0)
    assert DecoderStream(tiny).finish().shape == (1, 1, 0)


def test_a_stereo_stream_takes_and_gives_two_channels() -> None:
    stereo = random_codec(STEREO)
    assert DecoderStream(stereo, batch=3).finish().shape == (3, 2, 0)
    assert EncoderStream(stereo, batch=3).push(torch.zeros(3, 2, 0)).shape == (3, 2, 0)
    with pytest.raises(ValueError, match=r"shape \(1, 1, 9\); \(1, 2, T\) is needed"):
        EncoderStream(stereo).push(torch.zeros(1, 1, 9))


def test_fewer_codebooks_stream_like_all(tiny: codec.Codec) -> None:
    samples = noise(4_000)
    tokens = streamed(EncoderStream(tiny, codebooks=2), samples, (700,))
    assert torch.equal(tokens, encoded(tiny, samples, codebooks=2))
    sound = streamed(DecoderStream(tiny), tokens.to(torch.int16), (2,))
    assert torch.allclose(sound, decoded(tiny, tokens), rtol=0, atol=TOLERANCE)


@pytest.mark.parametrize("place", [0, 1, 5, 13, 39, 40])
def test_a_new_stream_goes_on_from_a_state(model: codec.Codec, place: int) -> None:
    tokens, hop = random_tokens(model, 40, batch=2), model.config.hop_samples
    first = DecoderStream(model, batch=2)
    begun = first.push(tokens[..., :place])
    rest = streamed(DecoderStream(model, batch=2, state=first.state), tokens[..., place:], (6,))
    assert torch.allclose(torch.cat([begun, rest], -1), decoded(model, tokens), rtol=0, atol=TOLERANCE)

    samples, cut = noise(40 * hop, 2, model.config.channels), max(0, place * hop - 3)
    opened = EncoderStream(model, codebooks=2, batch=2)
    begun = opened.push(samples[..., :cut])
    rest = streamed(EncoderStream(model, batch=2, state=opened.state), samples[..., cut:], (777,))
    assert torch.equal(torch.cat([begun, rest], -1), encoded(model, samples, codebooks=2))


def test_a_state_can_be_gone_on_from_twice(tiny: codec.Codec) -> None:
    tokens = random_tokens(tiny, 40)
    first = DecoderStream(tiny)
    first.push(tokens[..., :20])
    state = first.state
    ends = [streamed(DecoderStream(tiny, state=state), tokens[..., 20:], (size,)) for size in (3, 20)]
    assert torch.allclose(ends[0], ends[1], rtol=0, atol=TOLERANCE)


def test_an_hour_of_codes_leaves_the_decoders_state_as_small_as_a_second() -> None:
    small = random_codec(
        CodecConfig(
            sample_rate=800,
            hop_samples=16,
            codebooks=1,
            codebook_size=4,
            latent_size=2,
            encoder_width=2,
            encoder_blocks=1,
            decoder_width=2,
            decoder_blocks=1,
            head_window=64,
        )
    )
    stream = DecoderStream(small)
    stream.push(random_tokens(small, 50))
    begun, tokens = sizes_of(stream.state), random_tokens(small, 5_000)
    for _ in range(3_600 * 50 // 5_000):
        assert stream.push(tokens).shape[-1] == 5_000 * 16
        assert sizes_of(stream.state) == begun


def test_minutes_of_sound_leave_the_encoders_state_as_small_as_a_second(tiny: codec.Codec) -> None:
    stream, samples = EncoderStream(tiny), noise(24_000)
    stream.push(samples)
    begun = sizes_of(stream.state)
    for _ in range(120):
        assert stream.push(samples).shape[-1] == 50
        assert sizes_of(stream.state) == begun


def test_the_shipped_shape_looks_less_than_half_a_second_ahead() -> None:
    shipped = codec.Codec(CodecConfig())
    assert 0 < look_ahead_seconds(shipped) <= 0.5
    assert 0 < encoder_look_ahead_seconds(shipped) <= 0.5


@pytest.mark.parametrize("place", [25, 40])
def test_the_decoders_look_ahead_is_exact(model: codec.Codec, place: int) -> None:
    hop, tokens = model.config.hop_samples, random_tokens(model, 60)
    changed = tokens.clone()
    changed[..., place:] = (changed[..., place:] + 1) % model.config.codebook_size
    apart = (decoded(model, tokens) != decoded(model, changed))[0, 0].nonzero()[:, 0]
    safe = place * hop - round(look_ahead_seconds(model) * model.config.sample_rate)
    assert safe > 0
    assert safe <= int(apart[0]) < safe + hop  # the window begins with almost nothing


@pytest.mark.parametrize("fraction", [0.3, 0.9])
def test_the_encoders_look_ahead_is_exact(model: codec.Codec, fraction: float) -> None:
    hop, channels = model.config.hop_samples, model.config.channels
    samples = noise(60 * hop, channels=channels)
    ahead = round(encoder_look_ahead_seconds(model) * model.config.sample_rate)
    first = 10  # the first frame that may see the change
    start = round((first + fraction) * hop) + ahead
    changed = samples.clone()
    changed[..., start:] += 100 * samples[..., start:].flip(-1)
    latents, others = (model.encoder(model.mixed(sound)) for sound in (samples, changed))
    assert int((latents != others).any(-1)[0].nonzero()[0]) == first
    assert torch.equal(encoded(model, samples)[..., :first], encoded(model, changed)[..., :first])


@pytest.mark.parametrize("frames", [1, 10, 40])
def test_a_decoder_gives_all_but_its_look_ahead_at_once(model: codec.Codec, frames: int) -> None:
    given = DecoderStream(model).push(random_tokens(model, frames)).shape[-1]
    ahead = round(look_ahead_seconds(model) * model.config.sample_rate)
    assert given == max(0, frames * model.config.hop_samples - ahead)


@pytest.mark.parametrize(
    ("samples", "message"),
    [
        (torch.zeros(1, 2, 9), r"shape \(1, 2, 9\); \(1, 1, T\) is needed"),
        (torch.zeros(2, 1, 9), r"shape \(2, 1, 9\); \(1, 1, T\) is needed"),
        (torch.zeros(9), r"shape \(9,\); \(1, 1, T\) is needed"),
        (torch.zeros(1, 1, 9, dtype=torch.int16), "samples are torch.int16; floating point"),
        (torch.tensor([[[0.0, math.nan]]]), r"sample 1 of this chunk \(sound 0, channel 0\) is nan"),
        (torch.tensor([[[math.inf, 0.0]]]), r"sample 0 of this chunk \(sound 0, channel 0\) is inf"),
    ],
)
def test_wrong_samples_are_refused_and_do_no_harm(tiny: codec.Codec, samples: Tensor, message: str) -> None:
    stream, good = EncoderStream(tiny), noise(9_000)
    first = stream.push(good[..., :5_000])
    with pytest.raises(ValueError, match=message):
        stream.push(samples)
    rest = streamed(stream, good[..., 5_000:], (500,))
    assert torch.equal(torch.cat([first, rest], -1), encoded(tiny, good))


@pytest.mark.parametrize(
    ("tokens", "message"),
    [
        (torch.zeros(2, 3, 4, dtype=torch.int64), "tokens are of 2 sounds; this stream runs 1"),
        (torch.zeros(1, 4, 4, dtype=torch.int64), "4 codebooks; 1 to 3 are allowed"),
        (torch.full((1, 3, 4), 16), r"0 \.\.\. 15 are allowed"),
        (torch.full((1, 3, 4), -1), r"0 \.\.\. 15 are allowed"),
        (torch.zeros(3, 4, dtype=torch.int64), r"must be \[B, K, S\]"),
        (torch.zeros(1, 3, 4), "tokens are torch.float32; integers are needed"),
        (torch.zeros(1, 3, 4, dtype=torch.bool), "tokens are torch.bool; integers are needed"),
    ],
)
def test_wrong_tokens_are_refused_and_do_no_harm(tiny: codec.Codec, tokens: Tensor, message: str) -> None:
    stream, good = DecoderStream(tiny), random_tokens(tiny, 30)
    first = stream.push(good[..., :12])
    with pytest.raises(ValueError, match=message):
        stream.push(tokens)
    rest = streamed(stream, good[..., 12:], (5,))
    assert torch.allclose(torch.cat([first, rest], -1), decoded(tiny, good), rtol=0, atol=TOLERANCE)


def test_nothing_goes_into_a_finished_stream(tiny: codec.Codec) -> None:
    encoder, decoder = EncoderStream(tiny), DecoderStream(tiny)
    for stream, chunk in ((encoder, noise(10)), (decoder, random_tokens(tiny, 1))):
        stream.finish()
        with pytest.raises(ValueError, match="the stream is finished"):
            stream.push(chunk)
        with pytest.raises(ValueError, match="the stream is finished"):
            stream.finish()
        with pytest.raises(ValueError, match="the stream is finished"):
            _ = stream.state


@pytest.mark.parametrize("codebooks", [0, 4, -1])
def test_a_codebook_count_out_of_range_is_refused(tiny: codec.Codec, codebooks: int) -> None:
    with pytest.raises(ValueError, match=rf"codebooks is {codebooks}; 1 to 3 are allowed"):
        EncoderStream(tiny, codebooks=codebooks)


def test_an_empty_batch_is_refused(tiny: codec.Codec) -> None:
    with pytest.raises(ValueError, match="batch is 0; it must be at least 1"):
        EncoderStream(tiny, batch=0)
    with pytest.raises(ValueError, match="batch is 0; it must be at least 1"):
        DecoderStream(tiny, batch=0)


def test_a_state_of_another_batch_codec_or_bitrate_is_refused(tiny: codec.Codec) -> None:
    encoder, decoder, other = EncoderStream(tiny, codebooks=2), DecoderStream(tiny), random_codec(OTHER)
    for refused in (
        lambda: EncoderStream(tiny, batch=2, state=encoder.state),
        lambda: EncoderStream(other, state=encoder.state),
        lambda: DecoderStream(tiny, batch=2, state=decoder.state),
        lambda: DecoderStream(other, state=decoder.state),
    ):
        with pytest.raises(ValueError, match="the state is of another codec or batch"):
            refused()
    with pytest.raises(ValueError, match="codebooks is 3; the state is of a stream with 2"):
        EncoderStream(tiny, codebooks=3, state=encoder.state)


@pytest.mark.slow
def test_the_shipped_codec_gives_the_same_for_all_chunkings() -> None:
    shipped, samples = codec.load(), noise(5 * 24_000)
    assert isinstance(shipped, codec.Codec)
    expected = encoded(shipped, samples)
    sounds = []
    for size in (1, 5, 50, 250):
        tokens = streamed(EncoderStream(shipped), samples, (size * 480,))
        assert float((tokens != expected).float().mean()) <= 1e-4
        sounds.append(streamed(DecoderStream(shipped), expected, (size,)))
    assert all(torch.allclose(sound, sounds[0], rtol=0, atol=1e-6) for sound in sounds)


@pytest.mark.slow
def test_the_shipped_codec_gives_the_offline_sound() -> None:
    shipped = codec.load()
    assert isinstance(shipped, codec.Codec)
    tokens = encoded(shipped, noise(20 * 24_000))
    sound = streamed(DecoderStream(shipped), tokens, (50,))
    assert torch.allclose(sound, decoded(shipped, tokens), rtol=0, atol=1e-4)
