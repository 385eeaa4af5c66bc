"""Mid, side and lean: what two channels must come back as, on models small enough to be instant."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

import codec
from codec.config import CodecConfig
from codec.model import Sketch
from codec.stereo import Leans, four_views, side_by_side
from codec.weights import load_own, save_codec

TINY = CodecConfig(
    codebooks=3,
    codebook_size=16,
    latent_size=4,
    encoder_width=8,
    encoder_blocks=1,
    decoder_width=8,
    decoder_blocks=1,
    channels=2,
)
FRAMES, HOP = 40, 480
BINS = TINY.head_window // 2 + 1
LOG_FLOOR = math.log(TINY.magnitude_floor)


@pytest.fixture(scope="module")
def tiny() -> codec.Codec:
    torch.manual_seed(0)
    model = codec.Codec(TINY).eval().requires_grad_(False)
    model.quantizer.start(torch.randn(4, 50, 4), torch.Generator().manual_seed(0))
    return model


def noise(channels: int, frames: int = FRAMES, seed: int = 1) -> Tensor:
    return 0.1 * torch.randn(1, channels, frames * HOP, generator=torch.Generator().manual_seed(seed))


def tone(hz: float, left: float, right: float) -> Tensor:
    """A steady tone [1, 2, T] with an amplitude a channel."""
    sound = torch.sin(2 * math.pi * hz * torch.arange(FRAMES * HOP) / 24_000)
    return torch.stack([left * sound, right * sound])[None]


def encoded(model: codec.Codec, samples: Tensor) -> Tensor:
    return model.encode(codec.Waveform(samples, 24_000)).tokens


def spectrum_of(model: codec.Codec, samples: Tensor, lean: float) -> Tensor:
    """The true magnitudes of mid and side with one lean everywhere, [1, S, 3, bins]."""
    both = model.decoder.spectra(side_by_side(samples)).transpose(1, 2)  # [1, S, 2, bins]
    return torch.cat([both, torch.full_like(both[:, :, :1], lean)], dim=2)


def levels(samples: Tensor) -> list[float]:
    """Of left and right, [1, 2, T], in decibels, without the ends."""
    inner = samples[0, :, 5 * HOP : -5 * HOP]
    return (20 * inner.square().mean(-1).sqrt().clamp_min(1e-9).log10()).tolist()


def test_two_channels_come_back_as_two(tiny: codec.Codec) -> None:
    codes = tiny.encode(codec.Waveform(noise(2), 24_000))
    assert codes.spec.channels == 2
    assert codes.tokens.shape == (1, 3, FRAMES)
    assert tiny.decode(codes).samples.shape == (1, 2, FRAMES * HOP)
    empty = replace(codes, tokens=codes.tokens[..., :0])
    assert tiny.decode(empty).samples.shape == (1, 2, 0)


def test_mono_is_heard_on_both_channels_and_so_is_the_mean_of_many(tiny: codec.Codec) -> None:
    mono = noise(1)
    assert torch.equal(encoded(tiny, mono), encoded(tiny, mono.repeat(1, 2, 1)))
    many = noise(6)
    assert torch.equal(encoded(tiny, many), encoded(tiny, many.mean(1, keepdim=True)))


def test_left_and_right_can_be_told_apart(tiny: codec.Codec) -> None:
    panned = tone(500, 0.3, 0.1)
    assert not torch.allclose(tiny.encoder(panned), tiny.encoder(panned.flip(1)), atol=1e-3)


@pytest.mark.parametrize(
    ("left", "right", "lean"), [(0.3, 0.0, 1), (0.0, 0.3, -1), (0.3, 0.1, 1), (0.2, -0.1, 1), (0.2, 0.2, 0)]
)
def test_a_panned_tone_keeps_its_lean_and_its_levels(
    tiny: codec.Codec, left: float, right: float, lean: int
) -> None:
    sound = tone(500, left, right)
    leans = Leans(TINY)(torch.nn.functional.pad(side_by_side(sound), (720, 720)))
    heard = leans[0, 5:-5, int(tiny.decoder.side.levels.bands[40].argmax())]  # type: ignore[union-attr]
    assert torch.allclose(heard, torch.tensor(float(lean)), atol=1e-3)
    made = tiny.decoder.synthesise(Sketch(spectrum_of(tiny, sound, lean)))
    for found, wanted in zip(levels(made), levels(sound), strict=True):
        assert found == pytest.approx(wanted, abs=0.3) or max(found, wanted) < -55


def test_sound_without_a_lean_has_as_much_left_as_right(tiny: codec.Codec) -> None:
    sound = noise(2)
    assert Leans(TINY)(torch.nn.functional.pad(side_by_side(sound), (720, 720))).abs().mean() < 0.3
    left, right = levels(tiny.decoder.synthesise(Sketch(spectrum_of(tiny, sound, 0.0))))
    assert left == pytest.approx(right, abs=0.5)
    assert left == pytest.approx(levels(sound)[0], abs=2)


def test_what_the_losses_see_is_what_the_formulas_say() -> None:
    generator = torch.Generator().manual_seed(0)
    mid, side = (torch.rand(1, 3, BINS, generator=generator) + 0.1 for _ in range(2))
    lean = 2 * torch.rand(1, 3, BINS, generator=generator) - 1
    model = codec.Codec(TINY)
    views = four_views(torch.stack([mid.log(), side.log(), lean], dim=2), model.decoder.spectra)
    angle = torch.arccos(lean)
    left = (mid + torch.polar(side, angle)).abs()
    right = (mid - torch.polar(side, angle)).abs()
    assert torch.allclose(views, torch.cat([mid, side, left, right]).log(), atol=2e-3)


def test_true_views_are_those_of_mid_side_left_and_right(tiny: codec.Codec) -> None:
    sound = torch.cat([noise(2), noise(2, seed=2)])
    views = tiny.decoder.true_views(sound)
    assert views.shape == (8, FRAMES, BINS)
    left, right = sound[1, 0], sound[1, 1]
    for view, wanted in zip(views[4:], ((left + right) / 2, (left - right) / 2, left, right), strict=True):
        assert torch.allclose(view, tiny.decoder.spectra(wanted[None])[0], atol=1e-4)


@pytest.mark.parametrize("under_db", [45.0, 200.0])
def test_a_side_that_nobody_hears_is_silent(tiny: codec.Codec, under_db: float) -> None:
    mid = tiny.decoder.spectra(noise(1)[:, 0])
    side = (mid - under_db / 20 * math.log(10)).clamp_min(LOG_FLOOR)
    sound = tiny.decoder.synthesise(Sketch(torch.stack([mid, side, torch.full_like(mid, 0.5)], dim=2)))
    assert float(sound.abs().max()) > 0.05
    assert torch.equal(sound[:, 0], sound[:, 1])


def test_silence_stays_silent(tiny: codec.Codec) -> None:
    silence = torch.zeros(1, 2, FRAMES * HOP)
    assert float(tiny.decoder.synthesise(Sketch(spectrum_of(tiny, silence, 0.0))).abs().max()) < 1e-7
    assert tiny.encoder(silence).isfinite().all()


@pytest.mark.parametrize("lean", [-1.0, 0.0, 1.0])
def test_gradients_are_finite_for_silence_and_for_all_on_one_channel(tiny: codec.Codec, lean: float) -> None:
    for level in (LOG_FLOOR, -3.0):
        spectrum = torch.full((1, 4, 3, BINS), level)
        spectrum[:, :, 2] = lean
        spectrum.requires_grad_()
        loss = (
            tiny.decoder.produced_views(spectrum).square().sum()
            + tiny.decoder.synthesise(Sketch(spectrum)).sum()
        )
        loss.backward()
        assert spectrum.grad is not None
        assert spectrum.grad.isfinite().all()
        spectrum.grad = None


def test_a_saved_stereo_codec_gives_the_same_sound_again(tiny: codec.Codec, tmp_path: Path) -> None:
    save_codec(tiny, tmp_path)
    first, second = load_own(tmp_path), load_own(tmp_path)
    assert first.config == TINY
    codes = first.encode(codec.Waveform(noise(2), 24_000))
    assert torch.equal(first.decode(codes).samples, second.decode(codes).samples)
