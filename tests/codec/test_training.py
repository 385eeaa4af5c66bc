"""A training can be stopped anywhere and goes on exactly; what it must not touch it does not touch."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from codec.losses import ReconstructionLoss, stft_distances
from codec.model import CodecConfig, Sketch
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


STEREO = replace(TINY, sample_rate=48_000, hop_samples=960, head_window=3840, level_bands=16, channels=2)


@pytest.fixture
def pool(tmp_path: Path) -> AudioPool:
    folder = tmp_path / "pool"
    folder.mkdir()
    sound = np.random.default_rng(0).normal(0, 3000, 24_000).astype(np.int16)
    np.save(folder / "shard-00000.npy", sound)
    clips = [{"start": 0, "samples": 20_000}, {"start": 20_000, "samples": 4_000}]
    (folder / "shard-00000.json").write_text(json.dumps({"sample_rate": 24_000, "clips": clips}))
    return AudioPool(folder, 24_000)


@pytest.fixture
def stereo_pool(tmp_path: Path) -> AudioPool:
    """Panned tones over a little noise, and a clip that is the same on both channels."""
    rng, rate, seconds = np.random.default_rng(0), 48_000, 2
    times, clips = np.arange(seconds * rate) / rate, []
    for _ in range(12):
        gains = rng.uniform(0, 0.2, (3, 2))
        tones = np.sin(2 * np.pi * rng.uniform(100, 3_000, 3) * times[:, None])  # [T, tones]
        clips.append(tones @ gains + rng.normal(0, 0.002, (len(times), 2)))
    clips.append(np.repeat(clips[0].mean(axis=1, keepdims=True), 2, axis=1))
    folder = tmp_path / "stereo"
    folder.mkdir()
    np.save(folder / "shard-00000.npy", np.round(np.concatenate(clips) * 32767).astype(np.int16))
    index = [{"start": n * len(times), "samples": len(times)} for n in range(len(clips))]
    text = json.dumps({"sample_rate": rate, "channels": 2, "clips": index})
    (folder / "shard-00000.json").write_text(text)
    return AudioPool(folder, rate, channels=2)


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


def test_crops_of_two_channels_keep_them_apart(stereo_pool: AudioPool) -> None:
    crops = stereo_pool.crops(30, 4_800, torch.Generator().manual_seed(0))
    assert crops.shape == (30, 2, 4_800)
    sides = (crops[:, 0] - crops[:, 1]).square().mean(-1)
    assert int((sides > 0).sum()) > 20
    assert (crops.square().mean(-1) > 0).all()


def test_a_pool_of_other_channels_is_refused(pool: AudioPool, stereo_pool: AudioPool, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="channels is 2; this codec takes 1"):
        AudioPool(tmp_path / "stereo", 48_000)
    with pytest.raises(ValueError, match="channels is 1; this codec takes 2"):
        AudioPool(tmp_path / "pool", 24_000, channels=2)
    with pytest.raises(ValueError, match="the pool has 1 channels; this codec takes 2"):
        CodecTrainer(stereo_pool, pool, tmp_path / "run", SHORT, STEREO)


def test_a_resumed_stereo_run_is_the_run_that_never_stopped(
    stereo_pool: AudioPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CodecTrainer, "validate", lambda _: {})  # takes longer than all the steps
    whole = CodecTrainer(stereo_pool, stereo_pool, tmp_path / "whole", SHORT, STEREO)
    whole.run()
    for stop in (2, 5, None):
        parts = CodecTrainer(stereo_pool, stereo_pool, tmp_path / "parts", SHORT, STEREO)
        parts.run(until_step=stop)
    for name, tensor in state(whole).items():
        assert torch.equal(tensor, state(parts)[name]), name


def test_the_loss_of_a_stereo_codec_falls_and_mono_stays_in_the_middle(
    stereo_pool: AudioPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(CodecTrainer, "validate", lambda _: {})
    steps = replace(
        SHORT, steps=120, adversarial_steps=4, finishing_steps=4, batch=4, crop_frames=20, warmup_steps=10,
        quantizer_start_step=200, learning_rate=3e-4,
    )  # fmt: skip
    shape = replace(STEREO, latent_size=16, encoder_width=24, decoder_width=24)
    made = CodecTrainer(stereo_pool, stereo_pool, tmp_path / "run", steps, shape)
    crops = stereo_pool.crops(8, 48_000, torch.Generator().manual_seed(1))
    mono = crops.mean(1, keepdim=True).expand(-1, 2, -1)

    @torch.no_grad()
    def heard(samples: torch.Tensor) -> Sketch:
        return made.codec.decoder(made.codec.encoder(samples))

    losses = []
    for stop in (1, 128):
        made.run(until_step=stop)
        views = made.codec.decoder.produced_views(heard(crops).spectrum)
        losses.append(float(made.magnitude_loss(views, made.codec.decoder.true_views(crops))[0]))
    assert losses[1] < 0.9 * losses[0]
    left, right = made.codec.decoder.synthesise(heard(mono)).unbind(1)
    assert float((left - right).norm()) < 0.2 * float((left + right).norm())


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
