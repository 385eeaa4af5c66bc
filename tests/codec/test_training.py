"""A training can be stopped anywhere and goes on exactly; what it must not touch it does not touch."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from codec.losses import ReconstructionLoss, stft_distances
from codec.model import CodecConfig
from codec.pool import AudioPool
from codec.training import CodecTrainer, CodecTrainingConfig
from codec.types import CheckpointError

TINY = CodecConfig(
    codebooks=2,
    codebook_size=8,
    latent_size=4,
    encoder_width=8,
    encoder_blocks=1,
    decoder_width=8,
    decoder_blocks=1,
)
SHORT = CodecTrainingConfig(
    steps=4, adversarial_steps=2, finishing_steps=1, batch=2, crop_frames=10, adversarial_crop_frames=10,
    warmup_steps=1, quantizer_start_step=1, quantizer_start_clips=2,
)  # fmt: skip


@pytest.fixture
def pool(tmp_path: Path) -> AudioPool:
    folder = tmp_path / "pool"
    folder.mkdir()
    sound = np.random.default_rng(0).normal(0, 3000, 24_000).astype(np.int16)
    np.save(folder / "shard-00000.npy", sound)
    clips = [{"start": 0, "samples": 20_000}, {"start": 20_000, "samples": 4_000}]
    (folder / "shard-00000.json").write_text(json.dumps({"sample_rate": 24_000, "clips": clips}))
    return AudioPool(folder, 24_000)


def trainer(pool: AudioPool, folder: Path) -> CodecTrainer:
    return CodecTrainer(pool, pool, folder, SHORT, TINY, precision="fp32")


def state(made: CodecTrainer) -> dict[str, torch.Tensor]:
    return made.codec.state_dict() | {f"d.{k}": v for k, v in made.discriminators.state_dict().items()}


def test_a_resumed_run_is_the_run_that_never_stopped(pool: AudioPool, tmp_path: Path) -> None:
    whole = trainer(pool, tmp_path / "whole")
    whole.run()
    for stop in (2, 5, 6, None):
        parts = trainer(pool, tmp_path / "parts")
        parts.run(until_step=stop)
    assert parts.step == whole.step == 7
    for name, tensor in state(whole).items():
        assert torch.equal(tensor, state(parts)[name]), name


def test_a_folder_of_another_run_is_refused(pool: AudioPool, tmp_path: Path) -> None:
    trainer(pool, tmp_path).run(until_step=1)
    with pytest.raises(CheckpointError, match="steps 4, this one has 5; name another folder"):
        CodecTrainer(pool, pool, tmp_path, replace(SHORT, steps=5), TINY)
    with pytest.raises(CheckpointError, match="precision fp32, this one has bf16"):
        CodecTrainer(pool, pool, tmp_path, SHORT, TINY, precision="bf16")


def test_the_later_stages_leave_the_codes_alone(pool: AudioPool, tmp_path: Path) -> None:
    made = trainer(pool, tmp_path / "run")
    made.run(until_step=4)
    before = {name: tensor.clone() for name, tensor in made.codec.state_dict().items()}
    made.run()
    changed = {
        name for name, tensor in made.codec.state_dict().items() if not torch.equal(tensor, before[name])
    }
    assert changed
    assert all(name.startswith("decoder.") for name in changed)


def test_a_crop_lies_within_one_clip_and_a_short_clip_is_followed_by_silence(pool: AudioPool) -> None:
    crops = pool.crops(40, 8_000, torch.Generator().manual_seed(0))
    assert crops.shape == (40, 8_000)
    short = [row for row in crops if not row[4_000:].any()]
    assert short
    assert len(short) < 40


def test_a_pool_of_another_rate_is_refused(pool: AudioPool, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="24000 Hz; this codec takes 48000 Hz"):
        AudioPool(tmp_path / "pool", 48_000)


def test_an_empty_pool_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no shard"):
        AudioPool(tmp_path, 24_000)


def test_the_loss_of_a_sound_with_itself_is_nothing_and_noise_costs() -> None:
    sound = torch.randn(2, 24_000, generator=torch.Generator().manual_seed(0))
    loss = ReconstructionLoss(24_000)
    assert float(loss(sound, sound)[0]) < 1e-5
    assert float(loss(sound + 0.1 * torch.randn_like(sound), sound)[0]) > 0.05


def test_halving_the_level_costs_the_same_in_every_long_window() -> None:
    sound = torch.randn(1, 48_000, generator=torch.Generator().manual_seed(0))
    costs = [float(stft_distances(0.5 * sound, sound, window)[1]) for window in (4096, 2048)]
    assert costs == pytest.approx([np.log(2)] * 2, abs=0.02)
