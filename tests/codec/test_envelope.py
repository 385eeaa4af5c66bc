"""Gains along a frame's window."""

from __future__ import annotations

import pytest
import torch

import codec
from codec.config import CodecConfig
from codec.envelope import GAIN_LIMIT, Envelope
from codec.model import Sketch

CONFIG = CodecConfig(
    codebooks=2, codebook_size=8, latent_size=8, encoder_width=8, encoder_blocks=1, decoder_width=8, decoder_blocks=1
)  # fmt: skip


def test_an_untrained_envelope_changes_nothing() -> None:
    envelope = Envelope(CONFIG)
    frames = torch.randn(2, 3, CONFIG.head_window)
    assert torch.equal(envelope.shape(frames, envelope(torch.randn(2, 3, 8))), frames)


def test_gains_are_straight_lines_between_the_knots() -> None:
    envelope = Envelope(CONFIG)
    rising = torch.linspace(-2, 1, CONFIG.envelope_knots)
    shaped = envelope.shape(torch.ones(CONFIG.head_window), rising).log()
    places = (torch.arange(CONFIG.head_window) + 0.5) / CONFIG.head_window
    assert torch.allclose(shaped, -2 + 3 * places, atol=1e-5)


def test_gains_stay_within_the_limit() -> None:
    envelope = Envelope(CONFIG)
    torch.nn.init.normal_(envelope.head.weight, std=100.0)
    assert float(envelope(torch.randn(1, 50, 8)).detach().abs().max()) <= GAIN_LIMIT


def test_a_decoder_can_silence_what_comes_before_a_note() -> None:
    torch.manual_seed(0)
    decoder = codec.Codec(CONFIG).requires_grad_(False).decoder
    sketch = Sketch(torch.full((1, 20, CONFIG.head_window // 2 + 1), -5.0))
    gains = torch.zeros(1, 20, CONFIG.envelope_knots)
    half = CONFIG.envelope_knots // 2
    gains[:, :9], gains[:, 9, :half], gains[:, 10, : half - 4] = -4.0, -4.0, -4.0
    even, shaped = (
        decoder.synthesise(x)[0].unflatten(0, (20, -1)) for x in (sketch, sketch._replace(log_gains=gains))
    )
    change = (shaped.square().mean(1) / even.square().mean(1)).log10() * 10  # dB by frame
    assert float(change[:7].max()) < -30
    assert float(change[13:].abs().max()) < 0.1


def test_a_codec_without_knots_has_no_envelope_and_one_knot_is_refused() -> None:
    assert codec.Codec(CodecConfig(**{**vars(CONFIG), "envelope_knots": 0})).decoder.envelope is None
    with pytest.raises(ValueError, match="envelope_knots is 1"):
        CodecConfig(envelope_knots=1)
