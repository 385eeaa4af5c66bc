"""The player on a model small enough to be instant: its loop, its conditions, its files."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from audiogen.lm import AudioLM, LMConfig
from audiogen.patterns import PATTERNS
from audiogen.player import OPENING_FRAMES, Conditions, Player, save_player
from codec.types import CheckpointError, CodecSpec
from symbolic_bridge.frames import STREAM_SIZES, ScoreFrames

SPEC = CodecSpec(24_000, 480, 1, 6, 16, "tiny")
CONFIG = LMConfig(
    "tiny", streams=3, codebook_size=16, width=16, layers=2, heads=2, feedforward_width=32, cross_attention_every=1,
    window=8, look_ahead=2, hearing_frames=3, excerpt_frames=8, excerpt_pool=4, text_width=8, text_layers=1,
    text_tokens=6,
)  # fmt: skip
FIDDLE = Conditions(text="a jig", instrument="fiddle", kind="jig", tempo_bpm=120)


def build(pattern: str = "delay") -> Player:
    torch.manual_seed(0)
    model = AudioLM(replace(CONFIG, pattern=pattern)).eval()
    torch.nn.init.normal_(model.heads.weight)  # so that every input makes an audible difference
    return Player(model, SPEC)


@pytest.fixture
def player() -> Player:
    return build()


def score(pitch: int = 60, frames: int = 20) -> ScoreFrames:
    values = np.zeros((len(STREAM_SIZES), frames), np.int16)
    values[list(STREAM_SIZES).index("pitch"), 3:] = pitch
    return ScoreFrames(Fraction(50), values)


def play(
    player: Player, frames: ScoreFrames | None, conditions: Conditions = FIDDLE, **how: float
) -> torch.Tensor:
    arguments = {"temperature": 0.0, "frames_count": 20, "guidance": 1.0} | how
    return player.play(frames, conditions=conditions, **({"seed": 1} | arguments)).tokens  # type: ignore[arg-type]


def test_every_frame_gets_a_code_of_every_stream(player: Player) -> None:
    tokens = play(player, score())
    assert tokens.shape == (1, 3, 20)
    assert int(tokens.max()) < 16


@pytest.mark.parametrize("pattern", PATTERNS)
def test_decoding_with_a_cache_takes_the_likeliest_code_of_the_whole_sequence(pattern: str) -> None:
    """The slow reference: the model without a cache, over all steps at once, agrees with every choice."""
    player = build(pattern)
    tokens = play(player, score())
    form, nothing = player.model.pattern, player.model.nothing
    steps = form.interleave(tokens, nothing)  # [1, K, T]
    before = torch.cat([torch.full((1, 3, 1), nothing), steps[..., :-1]], dim=-1)
    before[..., form.begins(20)] = nothing
    prompting = player._prompting(score(), FIDDLE, 20, guided=False)
    added, memory, mask = player.model.condition(prompting)
    logits = player.model(before, added[:, form.clock(20)], memory, mask)  # [1, T, K, V]
    assert torch.equal(form.deinterleave(logits.argmax(-1).transpose(1, 2)), tokens)


def test_the_same_seed_plays_the_same_and_another_does_not(player: Player) -> None:
    first = play(player, score(), temperature=1.0, seed=5)
    assert torch.equal(first, play(player, score(), temperature=1.0, seed=5))
    assert not torch.equal(first, play(player, score(), temperature=1.0, seed=6))


def test_the_score_alone_changes_what_is_played(player: Player) -> None:
    assert not torch.equal(play(player, score(60)), play(player, score(67)))


@pytest.mark.parametrize(
    "change",
    [{"text": "a slow sad air"}, {"instrument": "flute"}, {"accompaniment": "harp"}, {"style": 1}, {"tempo_bpm": 60.0},
     {"kind": "reel"}, {"mode": "dorian"}, {"tonic": "Bb"}, {"mood": "sad"}],
)  # fmt: skip
def test_each_condition_alone_reaches_the_logits(player: Player, change: dict[str, object]) -> None:
    def added(conditions: Conditions) -> torch.Tensor:
        prompting = player._prompting(score(), conditions, 20, guided=False)
        sums, memory, mask = player.model.condition(prompting)
        previous = torch.zeros(1, 3, sums.shape[1], dtype=torch.long)
        return player.model(previous, sums, memory, mask)

    assert not torch.allclose(added(FIDDLE), added(replace(FIDDLE, **change)), atol=1e-4)


def test_more_guidance_plays_something_else(player: Player) -> None:
    assert not torch.equal(play(player, score()), play(player, score(), guidance=5.0))


def test_guidance_zero_forgets_the_score(player: Player) -> None:
    assert torch.equal(play(player, score(60), guidance=0.0), play(player, score(67), guidance=0.0))


def test_free_play_needs_no_score(player: Player) -> None:
    assert play(player, None).shape == (1, 3, 20)


def test_free_play_opens_with_none_of_the_codes_that_it_may_not_open_with(player: Player) -> None:
    opening = set(play(player, None)[0, 0].tolist())
    kept = player.play(
        None, conditions=FIDDLE, seed=1, frames_count=OPENING_FRAMES + 10, temperature=0.0, guidance=1.0,
        not_opening=opening,
    ).tokens  # fmt: skip
    assert not opening & set(kept[0, 0, :OPENING_FRAMES].tolist())


def test_a_performance_longer_than_the_cache_goes_on(player: Player) -> None:
    assert play(player, score(frames=60), frames_count=60).shape == (1, 3, 60)


def test_a_pattern_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="pattern 'zigzag' is not one of delay, parallel"):
        replace(CONFIG, pattern="zigzag")


def test_nothing_to_play_is_refused(player: Player) -> None:
    with pytest.raises(ValueError, match="0 frames to play"):
        player.play(None, conditions=FIDDLE, seed=1)


def test_frames_of_another_clock_are_refused(player: Player) -> None:
    frames = ScoreFrames(Fraction(25), score().values)
    with pytest.raises(ValueError, match="frames at 25 Hz; this player's codec runs at 50 Hz"):
        play(player, frames)


def test_another_codec_is_refused(player: Player) -> None:
    with pytest.raises(CheckpointError, match="trained on codec tiny; the codec at hand is other"):
        Player(player.model, replace(SPEC, identity="other"))


def test_a_saved_player_plays_the_same(player: Player, tmp_path: Path) -> None:
    player.model.half().float()  # what is saved is half precision
    save_player(player.model, tmp_path, {"step": 1})
    again = Player.load(tmp_path, SPEC)
    assert again.model.config == CONFIG
    assert torch.equal(play(player, score()), play(again, score()))


def test_the_look_ahead_is_seen_and_what_lies_beyond_it_is_not(player: Player) -> None:
    def first_logits(changed_frame: int) -> torch.Tensor:
        values = score().values.copy()
        values[0, changed_frame] = 90
        prompting = player._prompting(ScoreFrames(Fraction(50), values), FIDDLE, 20, guided=False)
        sums, memory, mask = player.model.condition(prompting)
        previous = torch.full((1, 3, sums.shape[1]), player.model.nothing)
        return player.model(previous, sums, memory, mask)[0, 4]

    assert not torch.allclose(first_logits(6), first_logits(7), atol=1e-5)
    assert torch.allclose(first_logits(7), first_logits(8), atol=1e-6)
