"""The player on a model small enough to be instant: its loop, its conditions, its files."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from audiogen.depth import DepthHeads
from audiogen.guidance import Guidance
from audiogen.inner_melody import MelodyGround, regular_bars
from audiogen.lm import AudioLM, LMConfig, Prompting
from audiogen.patterns import PATTERNS
from audiogen.player import Conditions, Piece, Player, Sampling, save_player
from audiogen.playing import Run
from codec.types import CheckpointError, CodecSpec, Codes
from symbolic_bridge.frames import STREAM_SIZES, ScoreFrames, score_frames
from symbolic_bridge.tune import Meter

SPEC = CodecSpec(24_000, 480, 1, 6, 16, "tiny")
CONFIG = LMConfig(
    "tiny", streams=3, codebook_size=16, width=16, layers=2, heads=2, feedforward_width=32, cross_attention_every=1,
    window=8, look_ahead=2, hearing_frames=3, excerpt_frames=8, excerpt_pool=4, text_width=8, text_layers=1,
    text_tokens=6,
)  # fmt: skip
FIDDLE = Conditions(text="a jig", instrument="fiddle", kind="jig", tempo_bpm=120)


def build(pattern: str = "delay", depth: bool = False) -> Player:
    torch.manual_seed(0)
    model = AudioLM(replace(CONFIG, pattern=pattern, depth=depth)).eval()
    for weight in (
        model.heads.heads.parameters() if isinstance(model.heads, DepthHeads) else [model.heads.weight]
    ):
        torch.nn.init.normal_(weight)  # so that every input makes an audible difference
    return Player(model, SPEC)


@pytest.fixture(params=[("delay", False), ("parallel", True)], ids=["delay", "depth"])
def player(request: pytest.FixtureRequest) -> Player:
    return build(*request.param)


def score(pitch: int = 60, frames: int = 20) -> ScoreFrames:
    values = np.zeros((len(STREAM_SIZES), frames), np.int16)
    values[list(STREAM_SIZES).index("pitch"), 3:] = pitch
    return ScoreFrames(Fraction(50), values)


GREEDY = Sampling(temperature=0.0, guidance=Guidance.all(1.0))
DRAWN = Sampling(temperature=1.0, guidance=Guidance.all(1.0))


def play(
    player: Player,
    frames: ScoreFrames | None,
    conditions: Conditions = FIDDLE,
    sampling: Sampling = GREEDY,
    seed: int = 1,
    **how: Any,
) -> torch.Tensor:
    settings: dict[str, Any] = {"count": 20} | how
    piece = Piece(frames, conditions, seed, **settings)
    return player.play(piece, sampling).codes.tokens


def guided(weight: float) -> Sampling:
    return Sampling(temperature=0.0, guidance=Guidance.all(weight))


def told(player: Player, frames: ScoreFrames, conditions: Conditions, **how: Any) -> Prompting:
    settings: dict[str, Any] = {"count": 20} | how
    return Run(player.model, SPEC, [Piece(frames, conditions, 1, **settings)], GREEDY).prompting


def test_every_frame_gets_a_code_of_every_stream(player: Player) -> None:
    tokens = play(player, score())
    assert tokens.shape == (1, 3, 20)
    assert int(tokens.max()) < 16


@pytest.mark.parametrize("depth", [False, True])
@pytest.mark.parametrize("pattern", PATTERNS)
def test_decoding_with_a_cache_takes_the_likeliest_code_of_the_whole_sequence(
    pattern: str, depth: bool
) -> None:
    """The slow reference: the model without a cache, over all steps at once, agrees with every choice."""
    player = build(pattern, depth)
    tokens = play(player, score())
    form, nothing = player.model.pattern, player.model.nothing
    steps = form.interleave(tokens, nothing)  # [1, K, T]
    before = torch.cat([torch.full((1, 3, 1), nothing), steps[..., :-1]], dim=-1)
    before[..., form.begins(20)] = nothing
    prompting = told(player, score(), FIDDLE)
    added, memory, mask = player.model.condition(prompting)
    hidden = player.model.hidden(before, added[:, form.clock(20)], memory, mask)
    logits = player.model.code_logits(hidden, steps)  # [1, T, K, V]
    assert torch.equal(form.deinterleave(logits.argmax(-1).transpose(1, 2)), tokens)


def test_the_same_seed_plays_the_same_and_another_does_not(player: Player) -> None:
    first = play(player, score(), sampling=DRAWN, seed=5)
    assert torch.equal(first, play(player, score(), sampling=DRAWN, seed=5))
    assert not torch.equal(first, play(player, score(), sampling=DRAWN, seed=6))


def test_the_score_alone_changes_what_is_played(player: Player) -> None:
    assert not torch.equal(play(player, score(60)), play(player, score(67)))


@pytest.mark.parametrize(
    "change",
    [{"text": "a slow sad air"}, {"instrument": "flute"}, {"accompaniment": "harp"}, {"style": 1}, {"tempo_bpm": 60.0},
     {"kind": "reel"}, {"mode": "dorian"}, {"tonic": "Bb"}, {"mood": "sad"}],
)  # fmt: skip
def test_each_condition_alone_reaches_the_logits(player: Player, change: dict[str, object]) -> None:
    def added(conditions: Conditions) -> torch.Tensor:
        prompting = told(player, score(), conditions)
        sums, memory, mask = player.model.condition(prompting)
        previous = torch.zeros(1, 3, sums.shape[1], dtype=torch.long)
        hidden = player.model.hidden(previous, sums, memory, mask)
        return player.model.code_logits(hidden, previous)

    assert not torch.allclose(added(FIDDLE), added(replace(FIDDLE, **change)), atol=1e-4)


def test_more_guidance_plays_something_else(player: Player) -> None:
    assert not torch.equal(play(player, score()), play(player, score(), sampling=guided(5.0)))


def test_guidance_zero_forgets_the_score(player: Player) -> None:
    assert torch.equal(
        play(player, score(60), sampling=guided(0.0)), play(player, score(67), sampling=guided(0.0))
    )


def test_free_play_needs_no_score(player: Player) -> None:
    assert play(player, None).shape == (1, 3, 20)


def test_a_performance_longer_than_the_cache_goes_on(player: Player) -> None:
    assert play(player, score(frames=60), count=60).shape == (1, 3, 60)


def test_a_pattern_that_is_not_known_is_refused() -> None:
    with pytest.raises(ValueError, match="pattern 'zigzag' is not one of delay, parallel"):
        replace(CONFIG, pattern="zigzag")


def test_nothing_to_play_is_refused(player: Player) -> None:
    with pytest.raises(ValueError, match="0 frames to play"):
        player.play(Piece(None, FIDDLE, seed=1))


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
    assert again.model.config == player.model.config
    assert torch.equal(play(player, score()), play(again, score()))


def test_the_look_ahead_is_seen_and_what_lies_beyond_it_is_not(player: Player) -> None:
    def first_logits(changed_frame: int) -> torch.Tensor:
        values = score().values.copy()
        values[0, changed_frame] = 90
        prompting = told(player, ScoreFrames(Fraction(50), values), FIDDLE)
        sums, memory, mask = player.model.condition(prompting)
        previous = torch.full((1, 3, sums.shape[1]), player.model.nothing)
        hidden = player.model.hidden(previous, sums, memory, mask)
        return player.model.code_logits(hidden, previous)[0, 4]

    assert not torch.allclose(first_logits(6), first_logits(7), atol=1e-5)
    assert torch.allclose(first_logits(7), first_logits(8), atol=1e-6)


def test_pieces_side_by_side_come_out_as_they_would_alone(player: Player) -> None:
    """Of different lengths, scores, words and seeds, drawn and guided."""
    flute = Conditions(text="a slow air", instrument="flute")
    pieces = [Piece(score(60), FIDDLE, 1, 20), Piece(score(67), flute, 2, 13), Piece(None, flute, 3, 17)]
    drawn = Sampling(temperature=1.0, guidance=Guidance(2.0, 1.5, 0.5))
    together = player.play_all(pieces, drawn)
    for piece, played in zip(pieces, together, strict=True):
        alone = player.play(piece, drawn)
        assert torch.equal(alone.codes.tokens, played.codes.tokens)


def test_no_pieces_are_refused(player: Player) -> None:
    with pytest.raises(ValueError, match="no pieces to play"):
        player.play_all([])


def test_each_weight_of_guidance_pushes_by_its_own_condition(player: Player) -> None:
    """The slow reference: the chain of four conditions, each level computed by itself."""
    excerpt = Codes(torch.randint(16, (1, 3, 8), generator=torch.Generator().manual_seed(3)), SPEC)
    piece = Piece(score(), FIDDLE, 1, 1, excerpt=excerpt)
    levels = [
        Piece(None, Conditions(), 1, 1),
        Piece(score(), Conditions(), 1, 1),
        Piece(score(), replace(FIDDLE, text=None), 1, 1),
        Piece(score(), FIDDLE, 1, 1),
        piece,
    ]

    def first_logits(each: Piece, guidance: Guidance) -> torch.Tensor:
        seen: list[torch.Tensor] = []
        run = Run(player.model, SPEC, [each], Sampling(temperature=0.0, guidance=guidance))
        run._draw = lambda logits, _: seen.append(logits.clone()) or logits.argmax(-1)  # type: ignore[method-assign, assignment]
        list(run.chunks())
        return seen[0]

    plain = [first_logits(each, Guidance()) for each in levels]
    weights = (2.0, 1.5, 0.5, 3.0)
    expected = plain[0] + sum(w * (plain[i + 1] - plain[i]) for i, w in enumerate(weights))
    assert torch.allclose(first_logits(piece, Guidance(*weights)), expected, atol=1e-4)


def test_what_was_before_is_gone_on_from_as_if_it_had_been_played(player: Player) -> None:
    whole = play(player, score(frames=40), count=40)
    before = Codes(whole[..., :15], SPEC)
    rest = play(player, score(frames=40), count=25, before=before)
    assert torch.equal(rest, whole[..., 15:])
    other = Codes(torch.randint(16, (1, 3, 15), generator=torch.Generator().manual_seed(0)), SPEC)
    assert not torch.equal(play(player, score(frames=40), count=25, before=other), rest)


def test_of_a_long_past_only_the_end_is_heard(player: Player) -> None:
    """Two windows of it: what lies before makes no difference, and costs nothing."""
    past = torch.randint(16, (1, 3, 200), generator=torch.Generator().manual_seed(0))
    heard = Codes(past, SPEC)
    changed = Codes(torch.cat((past[..., :100].flip(-1), past[..., 100:]), dim=-1), SPEC)
    assert torch.equal(play(player, None, before=heard), play(player, None, before=changed))
    run = Run(player.model, SPEC, [Piece(None, FIDDLE, 1, 5, before=heard)], GREEDY)
    assert run.given == 2 * CONFIG.window


def test_the_excerpt_alone_changes_what_is_played(player: Player) -> None:
    one, other = (
        Codes(torch.randint(16, (1, 3, 8), generator=torch.Generator().manual_seed(n)), SPEC) for n in (1, 2)
    )
    assert not torch.equal(play(player, score(), excerpt=one), play(player, score(), excerpt=other))
    assert not torch.equal(play(player, score(), excerpt=one), play(player, score()))


def test_of_an_excerpt_no_more_is_heard_than_the_model_was_trained_on(player: Player) -> None:
    long = torch.randint(16, (1, 3, 50), generator=torch.Generator().manual_seed(1))
    assert torch.equal(
        play(player, score(), excerpt=Codes(long, SPEC)),
        play(player, score(), excerpt=Codes(long[..., :8], SPEC)),
    )


def test_codes_of_another_codec_are_not_gone_on_from(player: Player) -> None:
    codes = Codes(torch.zeros(1, 3, 4, dtype=torch.long), replace(SPEC, identity="other"))
    both: tuple[dict[str, Any], ...] = ({"before": codes}, {"excerpt": codes})
    for how in both:
        with pytest.raises(ValueError, match="codes of codec other; this player is for codec tiny"):
            play(player, score(), **how)


def bars(frames: int = 60) -> MelodyGround:
    return MelodyGround(score_frames(regular_bars(Meter(6, 8), 120, frames / 50), Fraction(50)))


def test_the_inner_melody_is_the_score_that_the_sound_was_played_from(player: Player) -> None:
    """The slow reference: all steps at once, without a cache, told the frames that were made up, choose the same."""
    played = player.play(Piece(None, FIDDLE, 1, 30, melody=bars()), GREEDY)
    assert played.frames is not None
    assert played.frames.frames == 30
    model, lead_in = player.model, CONFIG.look_ahead + 1
    tokens = torch.cat((torch.full((1, 3, lead_in), model.nothing), played.codes.tokens), dim=-1)
    form, nothing = model.pattern, model.nothing
    steps = form.interleave(tokens, nothing)
    before = torch.cat([torch.full((1, 3, 1), nothing), steps[..., :-1]], dim=-1)
    values = torch.from_numpy(played.frames.values).long()[None]
    values = torch.nn.functional.pad(values, (lead_in, 10))[
        ..., : form.clock_frames(37 - 4) + CONFIG.look_ahead + 4
    ]
    prompting = model.prompting([FIDDLE], values, torch.tensor([True]))
    added, memory, mask = model.condition(prompting)
    clock = form.clock(tokens.shape[-1])
    known = clock < 30  # beyond that the score that was made up reaches past the end
    hidden = model.hidden(before[..., known], added[:, clock[known]], memory, mask)
    logits = model.code_logits(hidden, steps[..., known])
    wanted = steps[..., known].transpose(1, 2)
    counted = (wanted != nothing) & (torch.arange(len(known))[known] >= lead_in + 3)[None, :, None]
    assert torch.equal(logits.argmax(-1)[counted], wanted[counted])


def test_melodies_side_by_side_come_out_as_they_would_alone(player: Player) -> None:
    pieces = [Piece(None, FIDDLE, seed, count, melody=bars()) for seed, count in ((1, 30), (2, 20))]
    together = player.play_all(pieces, DRAWN)
    for piece, played in zip(pieces, together, strict=True):
        alone = player.play(piece, DRAWN)
        assert torch.equal(alone.codes.tokens, played.codes.tokens)
        assert alone.frames == played.frames
    assert together[0].frames != together[1].frames
    with pytest.raises(ValueError, match="with and without an inner melody"):
        player.play_all([pieces[0], Piece(None, FIDDLE, 1, 20)])


def test_an_inner_melody_goes_on_from_a_score(player: Player) -> None:
    before = Codes(torch.zeros(1, 3, 10, dtype=torch.long), SPEC)
    on = player.play(Piece(score(64, 10), FIDDLE, 1, 30, melody=bars(), before=before), DRAWN)
    assert on.codes.tokens.shape == (1, 3, 30)
    assert on.frames is not None


def test_an_inner_melody_needs_a_frame_a_step() -> None:
    with pytest.raises(ValueError, match="a pattern that writes a frame a step"):
        build("flatten").play(Piece(None, FIDDLE, 1, 20, melody=bars()))
