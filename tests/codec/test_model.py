"""The codec's parts on a model small enough to be instant."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

import codec
from codec.config import STEREO_48KHZ, CodecConfig
from codec.features import VIEWS, MagnitudeSpectra, SpectralFeatures, View, views_at
from codec.quantizer import ResidualQuantizer
from codec.resampling import StreamResampler
from codec.weights import save_codec

TINY = CodecConfig(
    codebooks=3,
    codebook_size=16,
    latent_size=4,
    encoder_width=8,
    encoder_blocks=1,
    decoder_width=8,
    decoder_blocks=1,
)


@pytest.fixture
def tiny() -> codec.Codec:
    torch.manual_seed(0)
    model = codec.Codec(TINY).eval()
    model.quantizer.start(torch.randn(4, 50, 4), torch.Generator().manual_seed(0))
    return model


def noise(seconds: float, rate: int = 24_000, channels: int = 1) -> codec.Waveform:
    generator = torch.Generator().manual_seed(1)
    return codec.Waveform(0.1 * torch.randn(1, channels, int(seconds * rate), generator=generator), rate)


def test_a_frame_is_one_hop_of_samples(tiny: codec.Codec) -> None:
    codes = tiny.encode(noise(1.0))
    assert codes.tokens.shape == (1, 3, 50)
    assert tiny.decode(codes).samples.shape == (1, 1, 24_000)


def test_a_started_frame_counts_as_a_frame(tiny: codec.Codec) -> None:
    wave = noise(1.0)
    codes = tiny.encode(replace(wave, samples=wave.samples[..., :481]))
    assert codes.tokens.shape[-1] == 2


def test_any_rate_and_channel_count_may_come_in(tiny: codec.Codec) -> None:
    assert tiny.encode(noise(1.0, rate=44_100, channels=2)).tokens.shape == (1, 3, 50)
    assert tiny.encode(noise(1.01, rate=8_000, channels=8)).tokens.shape == (1, 3, 51)
    assert tiny.encode(noise(0.1, rate=44_101)).tokens.shape == (1, 3, 5)


def test_every_sound_of_a_batch_is_resampled_by_itself(tiny: codec.Codec) -> None:
    sounds = [noise(0.5, rate=44_100).samples, noise(0.5, rate=44_100).samples.flip(-1)]
    together = tiny.encode(codec.Waveform(torch.cat(sounds), 44_100)).tokens
    for sound, tokens in zip(sounds, together, strict=True):
        resampler = StreamResampler(44_100, 24_000, channels=1)
        at_home = torch.cat([resampler.push(sound[0]), resampler.finish()], dim=-1)
        assert torch.equal(tiny.encode(codec.Waveform(at_home[None], 24_000)).tokens[0], tokens)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_samples_that_are_no_numbers_are_refused(tiny: codec.Codec, value: float) -> None:
    samples = torch.zeros(1, 1, 900)
    samples[..., 7] = value
    with pytest.raises(ValueError, match="the waveform holds samples that are not finite numbers"):
        tiny.encode(codec.Waveform(samples, 24_000))


def test_fewer_codebooks_are_the_first_of_all_codebooks(tiny: codec.Codec) -> None:
    every, some = tiny.encode(noise(0.5)), tiny.encode(noise(0.5), codebooks=2)
    assert torch.equal(every.tokens[:, :2], some.tokens)
    assert tiny.decode(some).samples.isfinite().all()


def test_a_codebook_count_out_of_range_is_refused(tiny: codec.Codec) -> None:
    with pytest.raises(ValueError, match="codebooks is 4; 1 to 3 are allowed"):
        tiny.encode(noise(0.1), codebooks=4)


def test_no_samples_are_refused(tiny: codec.Codec) -> None:
    with pytest.raises(ValueError, match="no samples"):
        tiny.encode(codec.Waveform(torch.zeros(1, 1, 0), 24_000))


def test_codes_of_another_codec_are_refused(tiny: codec.Codec) -> None:
    codes = tiny.encode(noise(0.1))
    other = codec.Codes(codes.tokens, replace(codes.spec, identity="another"))
    with pytest.raises(ValueError, match="cannot be decoded"):
        tiny.decode(other)


def test_the_identity_ignores_the_decoder(tiny: codec.Codec) -> None:
    before = tiny._identity()
    torch.nn.init.normal_(tiny.decoder.head.weight)
    assert tiny._identity() == before
    torch.nn.init.normal_(tiny.encoder.leave.weight)
    assert tiny._identity() != before


def test_a_saved_codec_gives_the_same_codes_again(tiny: codec.Codec, tmp_path: Path) -> None:
    save_codec(tiny, tmp_path)
    first, second = codec.load(tmp_path), codec.load(tmp_path)
    codes = first.encode(noise(0.5))
    assert codes.spec == second.spec
    assert codes.spec.identity == tiny.spec.identity
    assert torch.equal(first.decode(codes).samples, second.decode(second.encode(noise(0.5))).samples)


def test_codes_survive_a_file(tiny: codec.Codec, tmp_path: Path) -> None:
    codes = tiny.encode(noise(0.5))
    codes.save(tmp_path / "codes.npz")
    again = codec.Codes.load(tmp_path / "codes.npz")
    assert torch.equal(again.tokens, codes.tokens)
    assert again.spec == codes.spec


@pytest.mark.parametrize("content", [b"", b"junk", b"PK\x03\x04 cut short"])
def test_a_damaged_file_of_codes_is_refused(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "codes.npz"
    path.write_bytes(content)
    with pytest.raises(codec.CheckpointError, match=r"codes\.npz"):
        codec.Codes.load(path)


def test_tokens_outside_the_codebook_are_refused(tiny: codec.Codec) -> None:
    with pytest.raises(ValueError, match=r"0 \.\.\. 15 are allowed"):
        codec.Codes(torch.full((1, 3, 2), 16), tiny.spec)


def test_a_click_at_a_frames_centre_shows_in_that_frame() -> None:
    features = SpectralFeatures(hop=480)
    samples = torch.zeros(1, 480 * 40)
    samples[0, 480 * 20 + 240] = 1.0
    energy = features(samples)[0].mean(-1)
    assert int(energy.argmax()) == 20
    assert torch.allclose(energy[20 - 3], energy[20 + 3], atol=1e-3)


def test_magnitudes_and_their_own_phases_rebuild_the_sound() -> None:
    samples = torch.randn(2, 480 * 30, generator=torch.Generator().manual_seed(0))
    spectra = MagnitudeSpectra(1920, 480)
    rebuilt = spectra.synthesise(spectra(samples), spectra.phases(samples))
    assert rebuilt.shape == samples.shape
    inner = slice(1920, -1920)
    assert torch.allclose(rebuilt[:, inner], samples[:, inner], atol=1e-3)


def test_a_window_that_is_no_even_number_of_hops_is_refused() -> None:
    with pytest.raises(ValueError, match="window 1921 and hop 480"):
        MagnitudeSpectra(1921, 480)


def test_the_future_beyond_the_look_ahead_does_not_matter(tiny: codec.Codec) -> None:
    tokens = torch.randint(16, (1, 3, 60), generator=torch.Generator().manual_seed(2))
    changed = tokens.clone()
    changed[..., 40:] = (changed[..., 40:] + 1) % 16
    first = tiny.decode(codec.Codes(tokens, tiny.spec)).samples
    second = tiny.decode(codec.Codes(changed, tiny.spec)).samples
    look_ahead = 3 * (TINY.decoder_blocks + 1) * 480 + (1920 - 480) // 2
    safe = 40 * 480 - look_ahead
    assert torch.allclose(first[..., :safe], second[..., :safe], atol=1e-6)
    assert not torch.allclose(first, second, atol=1e-3)


def slow_residual_encode(quantizer: ResidualQuantizer, point: torch.Tensor) -> list[int]:
    """Plain loops: at every depth the entry with the smallest distance to what is left."""
    tokens = []
    for book in quantizer.books:
        distances = [float((point - vector).square().sum()) for vector in book.vectors]
        tokens.append(distances.index(min(distances)))
        point = point - book.vectors[tokens[-1]]
    return tokens


def test_the_quantizer_agrees_with_plain_loops(tiny: codec.Codec) -> None:
    latents = torch.randn(1, 20, 4, generator=torch.Generator().manual_seed(3))
    tokens = tiny.quantizer.encode(latents, 3)
    for place in range(20):
        assert tokens[0, :, place].tolist() == slow_residual_encode(tiny.quantizer, latents[0, place])


def test_every_further_codebook_brings_the_latents_closer() -> None:
    generator = torch.Generator().manual_seed(0)
    quantizer = ResidualQuantizer(3, 32, 4)
    latents = torch.randn(4, 100, 4, generator=generator)
    quantizer.start(latents, generator)
    errors = [
        float((quantizer.decode(quantizer.encode(latents, k)) - latents).square().mean()) for k in (1, 2, 3)
    ]
    assert errors[0] > errors[1] > errors[2]


def test_quantizer_dropout_uses_only_the_codebooks_kept(tiny: codec.Codec) -> None:
    latents = torch.randn(2, 10, 4, generator=torch.Generator().manual_seed(4))
    kept = torch.tensor([1, 3])
    out = tiny.quantizer(latents, kept, torch.Generator().manual_seed(0), learn=False)
    for row, count in enumerate(kept.tolist()):
        expected = tiny.quantizer.decode(out.tokens[row : row + 1, :count])
        assert torch.allclose(out.latents[row : row + 1], expected, atol=1e-6)


def test_an_entry_out_of_use_restarts_from_data() -> None:
    generator = torch.Generator().manual_seed(0)
    quantizer = ResidualQuantizer(1, 8, 2)
    points = torch.randn(1, 400, 2, generator=generator)
    quantizer.start(points, generator)
    book = quantizer.books[0]
    book.vectors[5] = 1e3
    book.counts[5], book.sums[5] = 0.01, 10.0
    quantizer(points, torch.tensor([1]), generator)
    assert book.vectors[5].abs().max() < 10


def test_the_windows_are_as_long_at_any_rate_and_all_bins_are_kept_at_the_base_rate() -> None:
    base, double = views_at(24_000), views_at(48_000)
    assert [(view.window, view.per_frame, view.runs) for view in base] == [
        (window, per_frame, ((bins, 1),)) for window, per_frame, bins in VIEWS
    ]
    assert views_at(16_000) == base
    assert [view.window for view in double] == [2 * view.window for view in base]
    assert SpectralFeatures(960, sample_rate=48_000).size < SpectralFeatures(480).size
    for view in double[1:]:
        seen = sum(bands * width for bands, width in view.runs)
        assert view.window // 2 + 1 - 16 <= seen <= view.window // 2 + 1


def test_a_band_of_bins_has_the_root_of_their_mean_power() -> None:
    magnitudes = torch.rand(2, 11, 5, generator=torch.Generator().manual_seed(0))
    pooled = View(20, 1, ((3, 1), (2, 4))).pooled(magnitudes)
    assert pooled.shape == (2, 5, 5)
    assert torch.equal(pooled[:, :3], magnitudes[:, :3])
    for band in (0, 1):
        wanted = magnitudes[:, 3 + 4 * band : 7 + 4 * band].square().mean(1).sqrt()
        assert torch.allclose(pooled[:, 3 + band], wanted)


def test_the_stereo_codec_is_half_as_large_as_the_mono_one() -> None:
    mono, stereo = (
        sum(parameter.numel() for parameter in codec.Codec(config).parameters())
        for config in (CodecConfig(), STEREO_48KHZ)
    )
    assert stereo < 0.5 * mono
    assert stereo < 2_300_000
    spec = codec.Codec(STEREO_48KHZ).spec
    assert (spec.channels, spec.sample_rate, spec.frame_rate, spec.bitrate_kbps) == (2, 48_000, 50, 4.0)


def test_impossible_channels_are_refused() -> None:
    with pytest.raises(ValueError, match="channels is 3; 1 and 2 are allowed"):
        CodecConfig(channels=3)
    with pytest.raises(ValueError, match="channels is 0; it must be at least 1"):
        CodecConfig(channels=0)
    with pytest.raises(ValueError, match="level_bands is 0; a codec of 2 channels needs"):
        CodecConfig(channels=2, level_bands=0)
