"""Other people's codecs behind our interface: what the libraries themselves give, code for code and sample for sample.

The checkpoints are small and random, saved to disk by the libraries, and loaded through the adapters. The references
below call nothing of ours.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from encodec.model import EncodecModel as PackageModel
from safetensors.torch import load_file, save_file
from torch import Tensor

import codec
from codec.adapters.encodec_codec import EncodecCodec
from codec.audio_files import resample

NAMES = ("mono", "musicgen", "stereo", "dac", "mimi")
ENCODECS = NAMES[:3]
HOPS = {"mono": 8, "musicgen": 8, "stereo": 8, "dac": 10, "mimi": 16}
CODEBOOKS = 4


def noise(length: int, channels: int = 1, batch: int = 1) -> Tensor:
    """[B, C, T], louder in some places than in others."""
    rng = torch.Generator().manual_seed(length)
    swell = 0.2 + torch.linspace(0, 6, length).sin() ** 2
    return 0.3 * swell * torch.randn(batch, channels, length, generator=rng)


@torch.inference_mode()
def library_codes(model: Any, samples: Tensor) -> list[tuple[Tensor, Tensor | None]]:
    """What the library makes of [B, C, T] samples: the codes [B, K, S] and scale [B, 1] of each segment."""
    if model.config.model_type == "dac":
        whole = F.pad(samples, (0, -samples.shape[-1] % 10))  # as DAC's own feature extractor does
        return [(model.encode(whole).audio_codes, None)]
    if model.config.model_type == "mimi":
        return [(model.encode(samples).audio_codes, None)]
    bandwidth = model.config.target_bandwidths[-1]
    out = model.encode(samples, bandwidth=bandwidth)
    pieces = [*zip(out.audio_codes, out.audio_scales, strict=True)]
    last, scale = pieces[-1]
    pieces[-1] = (last[..., : last.shape[-1] - out.last_frame_pad_length], scale)
    return pieces


@torch.inference_mode()
def library_sound(model: Any, pieces: list[tuple[Tensor, Tensor | None]]) -> Tensor:
    """[B, C, T] of what `library_codes` gives."""
    if model.config.model_type != "encodec":
        sound = model.decode(audio_codes=pieces[0][0]).audio_values
        return sound.reshape(len(sound), 1, -1)
    longest = pieces[0][0].shape[-1]
    missing = longest - pieces[-1][0].shape[-1]
    codes = torch.stack([F.pad(part, (0, longest - part.shape[-1])) for part, _ in pieces])
    return model.decode(codes, [scale for _, scale in pieces], last_frame_pad_length=missing).audio_values


def joined(pieces: list[tuple[Tensor, Tensor | None]]) -> Tensor:
    return torch.cat([part for part, _ in pieces], dim=-1)


@pytest.mark.parametrize("length", [400, 401, 721, 997, 1080, 4000])
@pytest.mark.parametrize("name", NAMES)
def test_codes_and_sound_are_the_library_s(
    name: str, length: int, foreign_models: dict[str, Any], foreign_codecs: dict[str, codec.AudioCodec]
) -> None:
    ours = foreign_codecs[name]
    samples = noise(length, ours.spec.channels, batch=2)
    # Lengths whose last segment lies inside the overlap are filled up to it; the others are left as they are.
    filled = F.pad(samples, (0, 760 - length)) if name == "stereo" and length == 721 else samples
    expected = library_codes(foreign_models[name], filled)
    codes = ours.encode(codec.Waveform(samples, ours.spec.sample_rate))
    assert torch.equal(codes.tokens, joined(expected))
    assert codes.tokens[0].unique().numel() > 16
    sound = library_sound(foreign_models[name], expected)
    decoded = ours.decode(codes).samples
    assert decoded.shape == (2, ours.spec.channels, codes.length_samples)
    assert codes.length_samples >= length
    torch.testing.assert_close(decoded[..., : sound.shape[-1]], sound, atol=1e-6, rtol=1e-5)
    assert not decoded[..., sound.shape[-1] :].any()
    if name == "stereo":
        assert codes.scales is not None
        assert torch.equal(
            codes.scales, torch.cat([scale for _, scale in expected if scale is not None], dim=1)
        )


@pytest.mark.parametrize("name", ["mono", "musicgen", "dac", "mimi"])
@pytest.mark.parametrize("length", [1, 7, 16, 17, 320, 333])
def test_a_sound_in_one_piece_has_as_many_frames_as_cover_it(
    name: str, length: int, foreign_codecs: dict[str, codec.AudioCodec]
) -> None:
    ours, hop = foreign_codecs[name], HOPS[name]
    codes = ours.encode(codec.Waveform(noise(length), ours.spec.sample_rate))
    assert codes.scales is None
    assert codes.tokens.shape == (1, CODEBOOKS, -(-length // hop))
    assert ours.decode(codes).samples.shape == (1, 1, codes.tokens.shape[-1] * hop)


@pytest.mark.parametrize(
    "length", [*range(1, 42), 359, 360, 361, 399, 400, 401, 719, 720, 721, 759, 760, 761, 801]
)
def test_the_codes_of_segments_alone_say_where_each_begins(
    length: int, foreign_codecs: dict[str, codec.AudioCodec]
) -> None:
    """Segments start every 360 samples; the decoded sound covers what was coded, and exceeds it by less than one
    overlap and one frame."""
    stereo = foreign_codecs["stereo"]
    codes = stereo.encode(codec.Waveform(noise(length, 2), 48_000))
    assert codes.scales is not None
    assert codes.scales.shape == (1, -(-length // 360))
    decoded = stereo.decode(codes)
    assert length <= decoded.samples.shape[-1] == codes.length_samples < length + 40 + 8
    assert decoded.seconds == codes.seconds


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("codebooks", [1, 2, 3])
def test_fewer_codebooks_are_the_library_s_fewer(
    name: str,
    codebooks: int,
    foreign_models: dict[str, Any],
    foreign_codecs: dict[str, codec.AudioCodec],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ours, model = foreign_codecs[name], foreign_models[name]
    samples = noise(350, ours.spec.channels)
    codes = ours.encode(codec.Waveform(samples, ours.spec.sample_rate), codebooks)
    with torch.inference_mode():
        if name == "dac":
            expected = model.encode(samples, n_quantizers=codebooks).audio_codes
        elif name == "mimi":
            expected = model.encode(samples, num_quantizers=codebooks).audio_codes
        else:
            kbps = codebooks * model.config.frame_rate * 5 / 1000 + 0.001  # 5 bits for each of 32 entries
            monkeypatch.setattr(model.config, "target_bandwidths", [kbps, *model.config.target_bandwidths])
            expected = model.encode(samples, bandwidth=kbps).audio_codes[0]
    assert torch.equal(codes.tokens, expected)
    sound = library_sound(model, [(expected, codes.scales)])
    torch.testing.assert_close(
        ours.decode(codes).samples[..., : sound.shape[-1]], sound, atol=1e-6, rtol=1e-5
    )


@pytest.mark.parametrize("name", NAMES)
def test_any_rate_and_channel_count_is_taken(name: str, foreign_codecs: dict[str, codec.AudioCodec]) -> None:
    ours = foreign_codecs[name]
    rate, channels = ours.spec.sample_rate, ours.spec.channels
    for found, source_rate in ((1, 8_000), (2, 44_100), (8, 96_000)):
        given = codec.Waveform(noise(3000, found), source_rate)
        fitting = (
            given.samples if found == channels else given.samples.mean(1, keepdim=True).repeat(1, channels, 1)
        )
        expected = ours.encode(
            codec.Waveform(resample(codec.Waveform(fitting, source_rate), rate).samples, rate)
        )
        assert torch.equal(ours.encode(given).tokens, expected.tokens)


@pytest.mark.parametrize("name", NAMES)
def test_silence_is_coded_and_decoded(name: str, foreign_codecs: dict[str, codec.AudioCodec]) -> None:
    ours = foreign_codecs[name]
    codes = ours.encode(codec.Waveform(torch.zeros(1, 1, 500), ours.spec.sample_rate))
    assert ours.decode(codes).samples.isfinite().all()


@pytest.mark.parametrize("name", NAMES)
def test_what_cannot_be_coded_is_refused(name: str, foreign_codecs: dict[str, codec.AudioCodec]) -> None:
    ours = foreign_codecs[name]
    with pytest.raises(ValueError, match="no samples"):
        ours.encode(codec.Waveform(torch.zeros(1, 1, 0), 8000))
    with pytest.raises(ValueError, match="not finite"):
        ours.encode(codec.Waveform(torch.tensor([[[0.0, float("nan")]]]), 8000))
    for codebooks in (0, CODEBOOKS + 1):
        with pytest.raises(ValueError, match=f"codebooks is {codebooks}; 1 to {CODEBOOKS} are allowed"):
            ours.encode(codec.Waveform(noise(50), 8000), codebooks)


def test_each_refuses_the_codes_of_every_other(foreign_codecs: dict[str, codec.AudioCodec]) -> None:
    codes = {name: ours.encode(codec.Waveform(noise(50), 8000)) for name, ours in foreign_codecs.items()}
    for name, ours in foreign_codecs.items():
        for other in set(NAMES) - {name}:
            with pytest.raises(ValueError, match="cannot be decoded by codec"):
                ours.decode(codes[other])


def test_no_frames_are_no_sound(foreign_codecs: dict[str, codec.AudioCodec]) -> None:
    spec = foreign_codecs["mimi"].spec
    empty = codec.Codes(torch.zeros(1, 2, 0, dtype=torch.int64), spec)
    assert foreign_codecs["mimi"].decode(empty).samples.shape == (1, 1, 0)


def test_segments_without_their_scales_are_refused(foreign_codecs: dict[str, codec.AudioCodec]) -> None:
    codes = foreign_codecs["stereo"].encode(codec.Waveform(noise(800, 2), 48_000))
    with pytest.raises(ValueError, match="codes of 3 segments come with 0 scales; each needs one"):
        foreign_codecs["stereo"].decode(codec.Codes(codes.tokens, codes.spec))


@pytest.mark.parametrize("name", NAMES)
def test_codes_are_saved_and_loaded_with_all_that_decoding_needs(
    name: str, foreign_codecs: dict[str, codec.AudioCodec], tmp_path: Path
) -> None:
    ours = foreign_codecs[name]
    codes = ours.encode(codec.Waveform(noise(800, batch=2), ours.spec.sample_rate))
    codes.save(tmp_path / "codes.npz")
    again = codec.Codes.load(tmp_path / "codes.npz")
    assert again.spec == codes.spec
    assert torch.equal(ours.decode(again).samples, ours.decode(codes).samples)


@pytest.mark.parametrize(
    ("sample_rate", "hop_samples", "frame_rate"),
    [(24_000, 320, Fraction(75)), (48_000, 320, Fraction(150)), (32_000, 640, Fraction(50)),
     (16_000, 320, Fraction(50)), (44_100, 512, Fraction(11_025, 128)), (24_000, 1920, Fraction(25, 2))],
)  # fmt: skip
def test_every_frame_rate_is_an_exact_fraction(
    sample_rate: int, hop_samples: int, frame_rate: Fraction
) -> None:
    assert codec.CodecSpec(sample_rate, hop_samples, 1, 8, 1024, "any").frame_rate == frame_rate


@pytest.mark.parametrize(
    ("channels", "normalize", "segment"),
    [(1, False, None), (1, True, None), (2, True, 0.02), (2, False, 0.02)],
)
def test_a_model_of_the_package_gives_its_own_codes_and_sound(
    channels: int,
    normalize: bool,
    segment: float | None,
    package_model: Callable[..., PackageModel],
    tmp_path: Path,
) -> None:
    model = package_model(channels, normalize=normalize, segment=segment, overlap=0.05)
    config = {
        "model_type": "encodec", "audio_channels": channels, "normalize": normalize, "chunk_length_s": segment,
        "overlap": 0.05, "num_filters": 4, "hidden_size": 16, "codebook_size": 32, "upsampling_ratios": [4, 2],
    }  # fmt: skip
    (tmp_path / "config.json").write_text(json.dumps(config))
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    ours = codec.load(tmp_path)
    samples = noise(2000, channels)
    with torch.inference_mode():
        pieces = model.encode(samples)
        sound = model.decode(pieces)
    codes = ours.encode(codec.Waveform(samples, 24_000))
    assert torch.equal(codes.tokens, torch.cat([part for part, _ in pieces], dim=-1))
    assert torch.equal(ours.decode(codes).samples, sound)


def test_any_way_of_naming_weights_gives_the_same_codec(
    foreign_folders: dict[str, Path], foreign_codecs: dict[str, codec.AudioCodec], tmp_path: Path
) -> None:
    """The library's names, the older ones of it that the hub has, and the package's."""
    for name in ENCODECS:
        ours, folder = foreign_codecs[name], tmp_path / name
        assert isinstance(ours, EncodecCodec)
        folder.mkdir()
        (folder / "config.json").write_bytes((foreign_folders[name] / "config.json").read_bytes())
        newer = load_file(foreign_folders[name] / "model.safetensors")
        older = {
            key.replace("parametrizations.weight.original0", "weight_g").replace(
                "parametrizations.weight.original1", "weight_v"
            ): value
            for key, value in newer.items()
        }
        package = ours._network.state_dict()
        assert not set(newer) & set(package)
        assert name == "stereo" or set(newer) != set(older)
        for tensors in (older, package):
            save_file(tensors, folder / "model.safetensors")
            assert codec.load(folder).spec == ours.spec


@pytest.mark.parametrize(("rate", "hop", "codebooks"), [(24_000, 320, 32), (48_000, 320, 16)])
def test_the_full_sized_models_of_the_package_fit_the_settings_on_the_hub(
    rate: int, hop: int, codebooks: int, tmp_path: Path
) -> None:
    """The settings are those of facebook/encodec_24khz and encodec_48khz; the shapes are the package's own."""
    build_model = {24_000: PackageModel.encodec_model_24khz, 48_000: PackageModel.encodec_model_48khz}[rate]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=".*weight_norm.*", category=FutureWarning)
        model = build_model(pretrained=False)
    stereo = {
        "sampling_rate": 48_000, "audio_channels": 2, "normalize": True, "chunk_length_s": 1.0, "overlap": 0.01,
        "norm_type": "time_group_norm", "use_causal_conv": False,
    }  # fmt: skip
    config = {"model_type": "encodec", **(stereo if rate == 48_000 else {})}
    (tmp_path / "config.json").write_text(json.dumps(config))
    save_file(model.state_dict(), tmp_path / "model.safetensors")
    spec = codec.load(tmp_path).spec
    assert (spec.sample_rate, spec.hop_samples, spec.codebooks, spec.codebook_size) == (
        rate,
        hop,
        codebooks,
        1024,
    )
    assert spec.overlap_samples == (480 if rate == 48_000 else 0)
