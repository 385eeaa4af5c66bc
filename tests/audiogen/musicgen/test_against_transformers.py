"""MusicGen in our engine against the transformers library, on small random checkpoints saved to disk."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

import audiogen
from audiogen.musicgen.generator import MusicGen
from codec.types import Waveform

VARIANTS = ("mono", "stereo", "melody", "same width")
PROMPT = "a lively jig on the fiddle"
FRAMES = 12
Get = Callable[[str], tuple[Any, Path]]


def load(folder: Path) -> MusicGen:
    found = audiogen.load(folder)
    assert isinstance(found, MusicGen)
    return found


def hum(seconds: float = 1.5) -> Waveform:
    """E, then A."""
    time = torch.arange(int(32_000 * seconds)) / 32_000
    pitch = torch.where(time < seconds / 2, 329.63, 440.0)
    return Waveform(torch.sin(2 * torch.pi * pitch * time)[None, None], 32_000)


def theirs(ours: MusicGen, melody: bool) -> dict[str, Tensor]:
    """What the library's model is given for PROMPT and the hum."""
    from audiogen.musicgen.text import melody_chroma

    ids = torch.tensor([ours.text.tokenizer(PROMPT)["input_ids"]])
    given = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    return given | ({"input_features": melody_chroma(hum(), 32_000)} if melody else {})


@pytest.mark.parametrize("variant", VARIANTS)
def test_logits_are_those_of_the_library(variant: str, musicgens: Get) -> None:
    model, folder = musicgens(variant)
    ours = load(folder)
    streams, melody = ours.model.config.streams, variant == "melody"
    steps = torch.randint(32, (1, streams, 9), generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        expected = model(**theirs(ours, melody), decoder_input_ids=steps[0]).logits
        told = ours.tell(PROMPT, hum() if melody else None, guided=False)
        found = ours.model(steps, told)[0].transpose(0, 1)  # [K, T, V]
    torch.testing.assert_close(found, expected[:, -9:], atol=1e-4, rtol=0.0)
    assert float(found.std()) > 0.1


@pytest.mark.parametrize("guidance", [1.0, 3.0])
@pytest.mark.parametrize("variant", VARIANTS)
def test_greedy_codes_are_those_of_the_library(
    variant: str, guidance: float, musicgens: Get, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, folder = musicgens(variant)
    ours = load(folder)
    melody, channels = variant == "melody", ours.model.config.channels
    decoded = []
    own = model.audio_encoder.decode
    monkeypatch.setattr(
        model.audio_encoder, "decode", lambda codes, **more: decoded.append(codes) or own(codes, **more)
    )
    steps = FRAMES + ours.model.config.streams // channels - 1
    sound = model.generate(
        **theirs(ours, melody), do_sample=False, guidance_scale=guidance, max_new_tokens=steps
    )
    told = ours.tell(PROMPT, hum() if melody else None, guided=guidance != 1.0)
    tokens = ours.play(told, FRAMES, guidance, lambda logits: logits.argmax(-1))  # [1, K, S]
    expected = torch.stack([codes[0, 0] for codes in decoded], dim=1).flatten(0, 1)[
        None
    ]  # left, right, left ...
    assert torch.equal(tokens, expected)
    assert len(tokens.unique()) > 8
    clip = ours.generate(
        PROMPT, duration=1.0, seed=1, melody=hum() if melody else None, temperature=0.0, guidance=guidance
    )
    assert clip.codes is not None
    assert torch.equal(clip.codes.tokens[0, :, :5], tokens[0, ::channels, :5])
    made = ours.codec.decode(type(clip.codes)(tokens[0, ::channels][None], clip.codes.spec))
    torch.testing.assert_close(made.samples[0, 0], sound[0, 0], atol=1e-4, rtol=1e-3)


def test_decoding_with_a_cache_equals_the_whole_forward(musicgens: Get) -> None:
    ours = load(musicgens("melody")[1])
    told = ours.tell(PROMPT, hum(), guided=True)
    steps = torch.randint(32, (2, 4, 9), generator=torch.Generator().manual_seed(4))
    assert told.prefix is not None
    with torch.no_grad():
        whole = ours.model(steps, told)
        cache = ours.model.body.new_cache(2, told.prefix.shape[1] + 9)
        pieces = [ours.model(steps[..., t : t + 1], told, cache) for t in range(9)]
    torch.testing.assert_close(torch.cat(pieces, dim=1), whole, atol=1e-4, rtol=1e-4)


def test_texts_of_several_lengths_do_not_change_each_other(musicgens: Get) -> None:
    ours = load(musicgens("mono")[1])
    both, mask = ours.text([PROMPT, "a slow air"])
    alone, _ = ours.text(["a slow air"])
    torch.testing.assert_close(both[1][mask[1]], alone[0], atol=1e-5, rtol=1e-5)
