"""The player turned round: what it says of a sound is what the network, asked all at once, would say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from audiogen.conditions import Conditions
from audiogen.inner_melody import ROWS
from audiogen.listening import listen
from audiogen.lm import HEARD_STREAMS, AudioLM, LMConfig
from audiogen.player import Player
from codec.types import CodecSpec, Codes
from symbolic_bridge.frames import STREAM_SIZES

SPEC = CodecSpec(24_000, 480, 1, 6, 16, "tiny")
CONFIG = LMConfig(
    "tiny", streams=3, codebook_size=16, width=16, layers=2, heads=2, feedforward_width=32, cross_attention_every=1,
    window=8, look_ahead=2, hearing_frames=3, text_width=8, text_layers=1, text_tokens=6,
)  # fmt: skip


@pytest.fixture
def player() -> Player:
    torch.manual_seed(0)
    player = Player(AudioLM(CONFIG).eval(), SPEC)
    torch.nn.init.normal_(player.model.score_head.weight)  # so that what is heard changes what is said
    return player


def codes(frames: int, seed: int = 0) -> Codes:
    return Codes(torch.randint(16, (1, 3, frames), generator=torch.Generator().manual_seed(seed)), SPEC)


def test_what_is_said_is_the_likeliest_when_all_is_seen_at_once(player: Player) -> None:
    """The slow reference: one pass without a cache over the codes and the late score that came out."""
    count, model = 30, player.model
    frames = listen(player, codes(count))
    length = count + CONFIG.hearing_frames
    late = torch.zeros(1, len(STREAM_SIZES), length + CONFIG.look_ahead, dtype=torch.long)
    heard = torch.from_numpy(frames.values).long()
    for name in HEARD_STREAMS:
        late[0, ROWS[name], CONFIG.late_frames :] = heard[ROWS[name]][
            : length + CONFIG.look_ahead - CONFIG.late_frames
        ]
    prompting = model.prompting([Conditions()], late, torch.tensor([True]), late=torch.tensor([True]))
    added, memory, mask = model.condition(prompting)
    tokens = torch.nn.functional.pad(codes(count).tokens, (0, CONFIG.hearing_frames), value=model.nothing)
    steps = model.pattern.interleave(tokens, model.nothing)[..., :length]
    before = torch.nn.functional.pad(steps[..., :-1], (1, 0), value=model.nothing)
    pitches = model.pitch_logits(model.hidden(before, added, memory, mask))[0].argmax(-1)
    assert pitches[CONFIG.hearing_frames - 1 :][:count].tolist() == frames.stream("pitch").tolist()


def test_a_note_ages_and_begins_again(player: Player) -> None:
    frames = listen(player, codes(60))
    pitch, age = frames.stream("pitch"), frames.stream("age")
    assert ((age == 0) == (pitch == 0)).all()
    assert (age[1:][(pitch[1:] != pitch[:-1]) & (pitch[1:] > 0)] == 1).all()
    assert (np.diff(age.astype(int))[(pitch[1:] == pitch[:-1]) & (age[1:] > 1)] >= 0).all()


def test_what_is_said_follows_the_sound(player: Player) -> None:
    assert listen(player, codes(60)) != listen(player, codes(60, seed=1))


def test_what_cannot_be_listened_to_is_refused(player: Player) -> None:
    other = Codes(codes(8).tokens, replace(SPEC, identity="other"))
    with pytest.raises(ValueError, match="codes of codec other; this player is for codec tiny"):
        listen(player, other)
    flat = Player(AudioLM(replace(CONFIG, pattern="flatten")).eval(), SPEC)
    with pytest.raises(ValueError, match="a pattern that writes a frame a step"):
        listen(flat, codes(8))
