"""Training the player: exact resume, the right targets, dropped conditions."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from audiogen.conditions import Conditions
from audiogen.data.build import FORMAT
from audiogen.data.shards import CodeShards
from audiogen.lm import HEARD_STREAMS, LMConfig
from audiogen.lm_training import LMTrainer, LMTrainingConfig, Told
from audiogen.patterns import PATTERNS
from audiogen.player import Sampling
from codec.types import CheckpointError, CodecSpec
from symbolic_bridge.frames import STREAM_SIZES

SPEC = CodecSpec(24_000, 480, 1, 3, 8, "tiny")
SHAPE = LMConfig(
    "tiny", streams=2, codebook_size=8, width=16, layers=1, heads=2, feedforward_width=16, cross_attention_every=1,
    window=8, look_ahead=2, hearing_frames=3, excerpt_frames=8, excerpt_pool=4, text_width=8, text_layers=1,
    text_tokens=6,
)  # fmt: skip
SHORT = LMTrainingConfig(steps=4, finishing_steps=0, batch=2, window_frames=12, warmup_steps=1)


@pytest.fixture
def shards(tmp_path: Path) -> CodeShards:
    rng = np.random.default_rng(0)
    lengths = (40, 25)
    sizes = np.array(list(STREAM_SIZES.values()))[:, None]
    tensors = {
        "codes": rng.integers(8, size=(3, sum(lengths))).astype(np.int16),
        "frames": (rng.random((len(STREAM_SIZES), sum(lengths))) * sizes).astype(np.int16),
    }
    about = {
        "instrument": "fiddle", "accompaniment": "none", "style": 0, "tempo_bpm": 120.0, "kind": "jig", "tonic": "D",
        "mode": "major", "mood": None, "captions": ["a jig", "a jig in D"], "source": "s", "family": "f",
    }  # fmt: skip
    clips = [about | {"id": str(i), "start": s, "frames": n} for i, (s, n) in enumerate(((0, 40), (40, 25)))]
    index = {
        "format": FORMAT,
        "build": "",
        "codec": asdict(SPEC),
        "streams": dict(STREAM_SIZES),
        "styles": ["dry", "room"],
        "clips": clips,
    }
    folder = tmp_path / "shards"
    folder.mkdir()
    save_file(tensors, folder / "shard-00000.safetensors")
    (folder / "shard-00000.json").write_text(json.dumps(index))
    return CodeShards(folder)


def trainer(shards: CodeShards, folder: Path, steps: int = 4) -> LMTrainer:
    config = replace(SHORT, steps=steps)
    return LMTrainer(shards, shards, folder, config, SHAPE, precision="fp32")


def test_a_resumed_run_is_the_run_that_never_stopped(shards: CodeShards, tmp_path: Path) -> None:
    whole = trainer(shards, tmp_path / "whole")
    whole.run()
    first = trainer(shards, tmp_path / "parts")
    first.run(max_minutes=0.0)
    assert first.step == 1
    rest = trainer(shards, tmp_path / "parts")
    rest.run()
    assert rest.step == whole.step == 4
    for name, tensor in whole.model.state_dict().items():
        assert torch.equal(tensor, rest.model.state_dict()[name]), name


@pytest.mark.parametrize("pattern", PATTERNS)
def test_a_player_of_every_pattern_learns(pattern: str, shards: CodeShards, tmp_path: Path) -> None:
    made = LMTrainer(shards, shards, tmp_path, replace(SHORT, steps=60), replace(SHAPE, pattern=pattern))
    losses = [made._descend() for _ in range(20)]
    assert np.mean(losses[-5:]) < np.mean(losses[:5])


def test_a_window_knows_what_came_before_it_and_nothing_before_the_clip(shards: CodeShards) -> None:
    windows = shards.windows(50, 12, torch.Generator().manual_seed(0), lead_in=2, look_ahead=3)
    assert windows.codes.shape == (50, 3, 14)
    assert windows.frames.shape == (50, len(STREAM_SIZES), 15)
    for row, (clip, start) in enumerate(zip(windows.clips, windows.starts, strict=True)):
        own = shards.clip_codes(clip)
        for place in range(14):
            frame = start - 2 + place
            expected = own[:, frame] if 0 <= frame < clip.frames else [SPEC.codebook_size] * 3
            assert windows.codes[row, :, place].tolist() == list(expected)
    assert 0 in windows.starts
    assert max(windows.starts) > 0


def test_dropping_everything_leaves_nothing_and_dropping_nothing_leaves_all(
    shards: CodeShards, tmp_path: Path
) -> None:
    made = trainer(shards, tmp_path)
    everything = made._all_of(made._draw(shards, 8, made.generator), made.generator)
    made.config = replace(
        SHORT, drop_score=0.0, drop_text=0.0, drop_attribute=0.0, drop_words=0.0, drop_all=0.0, late=0.0,
        drop_beside_excerpt=0.0, excerpt=1.0,
    )  # fmt: skip
    kept = made._drop(everything)
    assert kept.conditions == everything
    assert bool(kept.has_score.all())
    assert bool(kept.has_excerpt.all())
    made.config = replace(SHORT, drop_all=1.0, late=0.0)
    left = made._drop(everything)
    assert not left.has_score.any()
    assert not left.has_excerpt.any()
    assert all(value is None for entry in left.conditions for value in vars(entry).values())


def test_an_excerpt_is_of_the_same_clip(shards: CodeShards) -> None:
    windows = shards.windows(20, 12, torch.Generator().manual_seed(0), excerpt=9)
    for clip, excerpt in zip(windows.clips, windows.excerpts, strict=True):
        own = torch.from_numpy(shards.clip_codes(clip).astype(np.int64))
        assert any(torch.equal(own[:, s : s + 9], excerpt) for s in range(own.shape[1] - 8))


def test_some_windows_begin_before_their_clip(shards: CodeShards) -> None:
    windows = shards.windows(60, 12, torch.Generator().manual_seed(0), before=3)
    assert {-3, 0} < set(windows.starts)
    early = windows.starts.index(-3)
    assert (windows.codes[early, :, :3] == SPEC.codebook_size).all()
    assert (windows.frames[early, :, :3] == 0).all()


@pytest.mark.parametrize("late", [False, True])
def test_the_score_is_predicted_one_frame_beyond_what_is_told_of_it(
    late: bool, shards: CodeShards, tmp_path: Path
) -> None:
    """A model that knows the very next score frame by heart has no loss in its score, one that is a frame off has."""
    made = trainer(shards, tmp_path)
    windows = made._draw(shards, 4, torch.Generator().manual_seed(0))
    told = Told.of([Conditions()] * 4, score=True, late=late)
    back, ahead = SHAPE.late_frames, SHAPE.look_ahead
    first = 0 if late else back

    def loss_if_it_says(shift: int) -> float:
        said = windows.frames[..., first + ahead + shift :][..., : SHORT.window_frames]

        by_heart = {
            name: 50.0 * torch.nn.functional.one_hot(row, size)
            for (name, size), row in zip(STREAM_SIZES.items(), said.transpose(0, 1), strict=True)
        }
        made.model.pitch_logits = lambda hidden: by_heart["pitch"]  # type: ignore[method-assign]
        made.model.score_logits = lambda hidden, pitch: by_heart  # type: ignore[method-assign]
        return float(made._losses(windows, told).score.detach().sum())

    assert loss_if_it_says(1) < 0.01
    assert loss_if_it_says(0) > 1


def test_of_a_late_score_only_what_is_heard_counts_and_no_codes(shards: CodeShards, tmp_path: Path) -> None:
    made = trainer(shards, tmp_path)
    windows = made._draw(shards, 4, torch.Generator().manual_seed(0))
    with torch.no_grad():
        losses = made._losses(windows, Told.of([Conditions()] * 4, score=True, late=True))
    assert float(losses.codes.sum()) == 0
    counted = [name for name, loss in zip(STREAM_SIZES, losses.score.tolist(), strict=True) if loss > 0]
    assert counted == list(HEARD_STREAMS)


def test_training_lowers_the_loss(shards: CodeShards, tmp_path: Path) -> None:
    made = trainer(shards, tmp_path, steps=60)
    losses = [made._descend() for _ in range(30)]
    assert np.mean(losses[-5:]) < np.mean(losses[:5])


def test_a_player_does_not_go_on_with_the_codes_of_another_codec(shards: CodeShards, tmp_path: Path) -> None:
    trainer(shards, tmp_path / "run").run()
    with pytest.raises(CheckpointError, match="name another folder"):
        LMTrainer(shards, shards, tmp_path / "run", SHORT, replace(SHAPE, codec_identity="other"))


def test_in_finishing_a_window_hears_what_the_model_draws_and_others_what_was_played(
    shards: CodeShards, tmp_path: Path
) -> None:
    """A model that always draws the same codes is told these, after the step before the first."""
    made = trainer(shards, tmp_path)
    model, windows = made.model, made._draw(shards, 4, torch.Generator().manual_seed(2))
    told = Told.of(made._all_of(windows, made.generator), score=True)
    always = torch.tensor([3, 5])
    model.draw = lambda hidden, known, draw: always.expand(len(hidden), 2)  # type: ignore[method-assign]
    given: list[torch.Tensor] = []
    hidden = model.hidden
    model.hidden = lambda previous, *rest: given.append(previous) or hidden(previous, *rest)  # type: ignore[method-assign]
    made._losses(windows, told)
    (played,) = given
    given.clear()
    made._losses(windows, replace(told, self_fed=torch.tensor([True, False, True, False])))
    assert len(given) == 3
    heard = given[-1]
    for row in (1, 3):
        assert torch.equal(heard[row], played[row])
    for row in (0, 2):
        assert torch.equal(heard[row, :, 0], played[row, :, 0])
        sounding = played[row, :, 1:] != model.nothing
        assert torch.equal(heard[row, :, 1:][sounding], always[:, None].expand(2, 11)[sounding])
        assert (heard[row, :, 1:][~sounding] == model.nothing).all()


def test_windows_are_fed_by_the_model_only_in_finishing_and_where_they_have_a_score(
    shards: CodeShards, tmp_path: Path
) -> None:
    made = trainer(shards, tmp_path)
    made.config = replace(SHORT, finishing_steps=2, self_fed=1.0, late=0.3, drop_score=0.3)
    everything = made._all_of(made._draw(shards, 40, made.generator), made.generator)
    made.step = made.config.steps - 1
    assert not made._drop(everything).self_fed.any()
    made.step = made.config.steps
    told = made._drop(everything)
    assert torch.equal(told.self_fed, told.has_score & ~told.late)
    assert 0 < int(told.self_fed.sum()) < 40


def test_what_a_window_is_fed_is_drawn_as_often_as_the_model_says(shards: CodeShards, tmp_path: Path) -> None:
    logits = torch.tensor([0.0, 1.0, -0.5, -torch.inf])
    drawn = trainer(shards, tmp_path)._drawn(logits.expand(50_000, 1, 4))
    shares = torch.bincount(drawn.flatten(), minlength=4) / 50_000
    torch.testing.assert_close(shares, (logits / Sampling.temperature).softmax(0), atol=0.01, rtol=0)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_a_run_that_finishes_is_resumed_exactly_and_every_weight_learns(
    precision: str, shards: CodeShards, tmp_path: Path
) -> None:
    config = replace(SHORT, steps=2, finishing_steps=3, self_fed=1.0, late=0.0)

    def run(folder: str, *minutes: float) -> LMTrainer:
        for limit in minutes:
            made = LMTrainer(shards, shards, tmp_path / folder, config, SHAPE, precision=precision)
            made.run(limit)
        return made

    whole, parts = run("whole", math.inf), run("parts", 0.0, 0.0, 0.0, math.inf)
    assert whole.step == parts.step == config.total_steps == 5
    for name, weight in whole.model.named_parameters():
        assert torch.equal(weight, parts.model.get_parameter(name)), name
        assert weight.grad is not None, name


def test_the_rate_falls_along_a_cosine_and_a_lower_one_in_finishing() -> None:
    config = LMTrainingConfig(steps=100, finishing_steps=50, warmup_steps=10)
    rates = [config.rate(step) for step in range(config.total_steps)]
    assert rates[0] == pytest.approx(config.learning_rate / 10)
    assert max(rates) == pytest.approx(config.learning_rate, rel=0.03)
    assert rates[99] == pytest.approx(0.02 * config.learning_rate, rel=0.05)
    assert max(rates[100:]) == pytest.approx(config.finishing_rate, rel=0.1)
    assert rates[149] == pytest.approx(0.02 * config.finishing_rate, rel=0.1)


def test_what_writes_no_frame_a_step_is_not_finished(shards: CodeShards, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="writes no frame a step"):
        LMTrainer(
            shards, shards, tmp_path, replace(SHORT, finishing_steps=1), replace(SHAPE, pattern="flatten")
        )
