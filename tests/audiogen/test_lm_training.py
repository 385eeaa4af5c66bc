"""Training the player: exact resume, the right targets, dropped conditions."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from audiogen.data.build import FORMAT
from audiogen.data.shards import CodeShards
from audiogen.lm import LMConfig
from audiogen.lm_training import LMTrainer, LMTrainingConfig
from audiogen.patterns import PATTERNS
from codec.types import CheckpointError, CodecSpec
from symbolic_bridge.frames import STREAM_SIZES

SPEC = CodecSpec(24_000, 480, 1, 3, 8, "tiny")
SHAPE = LMConfig(
    "tiny", streams=2, codebook_size=8, width=16, layers=1, heads=2, feedforward_width=16, cross_attention_every=1,
    window=8, look_ahead=2, text_width=8, text_layers=1, text_tokens=6,
)  # fmt: skip
SHORT = LMTrainingConfig(steps=4, batch=2, window_frames=12, warmup_steps=1)


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
    told = made._told(made._draw(shards, 8, made.generator), made.generator)
    made.config = replace(SHORT, drop_score=0.0, drop_text=0.0, drop_attribute=0.0, drop_all=0.0)
    kept, has_score = made._drop(told)
    assert kept == told
    assert bool(has_score.all())
    made.config = replace(SHORT, drop_all=1.0)
    left, has_score = made._drop(told)
    assert not has_score.any()
    assert all(value is None for entry in left for value in vars(entry).values())


def test_training_lowers_the_loss(shards: CodeShards, tmp_path: Path) -> None:
    made = trainer(shards, tmp_path, steps=60)
    losses = [made._descend() for _ in range(30)]
    assert np.mean(losses[-5:]) < np.mean(losses[:5])


def test_a_player_does_not_go_on_with_the_codes_of_another_codec(shards: CodeShards, tmp_path: Path) -> None:
    trainer(shards, tmp_path / "run").run()
    with pytest.raises(CheckpointError, match="name another folder"):
        LMTrainer(shards, shards, tmp_path / "run", SHORT, replace(SHAPE, codec_identity="other"))
