"""Training the codec: first everything against magnitudes, then the decoder's sound against discriminators, then
the decoder against the distances alone, which takes a third of the time a step.

The later stages leave encoder and quantiser alone, so codes keep their meaning and a language model trained on
them keeps its codec.
"""

from __future__ import annotations

import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from codec import parallel
from codec.components import start_from_components
from codec.discriminators import SpectralDiscriminators, discriminator_loss, generator_losses
from codec.losses import EarLoss, MagnitudeLoss, ReconstructionLoss
from codec.model import Codec, CodecConfig
from codec.pool import AudioPool
from codec.training_log import log_entry, steps_with_bar
from codec.training_state import Progress, TrainingState, run_settings
from codec.weights import save_codec


def one_by_one(samples: Tensor) -> Tensor:
    """Left and right as sounds of their own, [B, C, T] -> [B * C, T]; mono [B, T] as it is."""
    return samples.flatten(0, -2)


@dataclass(frozen=True)
class CodecTrainingConfig:
    """How long and how hard to train. Steps, not minutes, set the schedule, so that a resumed run is the same run."""

    steps: int = 15_000
    adversarial_steps: int = 900
    finishing_steps: int = 1500
    batch: int = 6  # of each process
    crop_frames: int = 100
    adversarial_crop_frames: int = 50
    learning_rate: float = 1e-3
    adversarial_learning_rate: float = 4e-4
    warmup_steps: int = 300
    start_batches: int = 64  # whose frames the direct paths are regressed on
    # Until then latents pass unquantised, so that codebooks start from good ones.
    quantizer_start_step: int = 500
    quantizer_start_clips: int = 256
    commitment_weight: float = 0.2
    refining_ear_weight: float = 1.5  # of the ear's loss in the later stages; 1 in the first
    full_depth_share: float = 0.5  # of clips that keep every codebook in quantiser dropout
    checkpoint_minutes: float = 4.0
    seed: int = 0

    def __post_init__(self) -> None:
        if min(self.steps, self.batch, self.crop_frames, self.adversarial_crop_frames) < 1:
            raise ValueError(f"steps, batch and crops must all be at least 1: {self}")


class CodecTrainer:
    """One training run in one folder, which it resumes from if it has been there before.

    Args:
        pool: training sound.
        valid: sound to measure on.
        folder: for the state, the log and the weights.
        config: of the run.
        shape: of the codec.
        device: "cpu" or "cuda".
        precision: "fp32" or "bf16" for the matrix products.
    """

    def __init__(
        self, pool: AudioPool, valid: AudioPool, folder: Path, config: CodecTrainingConfig,
        shape: CodecConfig | None = None, device: str = "cpu", precision: str = "fp32",
    ) -> None:  # fmt: skip
        self.pool, self.valid, self.folder, self.config = pool, valid, folder, config
        self.device, self.precision = torch.device(device), precision
        torch.manual_seed(config.seed)
        self.codec = Codec(shape or CodecConfig()).to(self.device)
        made = self.codec.config
        for given in (pool, valid):
            if given.channels != made.channels:
                raise ValueError(f"the pool has {given.channels} channels; this codec takes {made.channels}")
        self.discriminators = SpectralDiscriminators(sample_rate=made.sample_rate).to(self.device)
        self.magnitude_loss = MagnitudeLoss(made.sample_rate, made.head_window).to(self.device)
        self.ear_loss = EarLoss(made.sample_rate, made.head_window).to(self.device)
        self.loss = ReconstructionLoss(made.sample_rate).to(self.device)
        self.generator = torch.Generator()  # seeded anew for every step
        self.optimizer = torch.optim.AdamW(
            self.codec.parameters(), lr=config.learning_rate, betas=(0.8, 0.99), fused=True
        )
        self.decoder_optimizer = torch.optim.AdamW(
            self.codec.decoder.parameters(), lr=config.adversarial_learning_rate, betas=(0.8, 0.99)
        )
        self.discriminator_optimizer = torch.optim.AdamW(
            self.discriminators.parameters(), lr=config.adversarial_learning_rate, betas=(0.8, 0.99)
        )
        self.state = TrainingState(
            {"codec": self.codec, "discriminators": self.discriminators},
            {
                "codec": self.optimizer,
                "decoder": self.decoder_optimizer,
                "discriminators": self.discriminator_optimizer,
            },
        )
        self.settings = run_settings(config, made, precision)
        self.step = self.state.load(folder, self.settings).step if (folder / "state.json").is_file() else 0

    @property
    def total_steps(self) -> int:
        return self.config.steps + self.config.adversarial_steps + self.config.finishing_steps

    def run(self, max_minutes: float = math.inf, until_step: int | None = None) -> None:
        """Train until the end, a step or a time, whichever comes first; the state is saved on the way out."""
        config = self.config
        started = saved = time.monotonic()
        stop = min(self.total_steps, until_step or self.total_steps)
        try:
            for _ in steps_with_bar("codec", lambda: self.step, stop):
                parallel.seed_step(self.generator, config.seed, self.step)
                parts = self._reconstruct() if self.step < config.steps else self._refine()
                self.step += 1
                now = time.monotonic()
                if self.step % 100 == 0:
                    log_entry(self.folder, {"step": self.step, "seconds": round(now - started, 1), **parts})
                if self.step == config.steps:
                    self._checkpoint()
                if now - saved > config.checkpoint_minutes * 60:
                    saved = now
                    self._checkpoint()
                if parallel.agree(now - started > max_minutes * 60):
                    break
        finally:
            self._checkpoint()

    def _reconstruct(self) -> dict[str, float]:
        """One step of encoder, quantiser and decoder."""
        config, codec = self.config, self.codec
        if self.step == 0:
            start_from_components(
                codec, torch.cat([self._crops(config.crop_frames) for _ in range(config.start_batches)])
            )
            parallel.share_first(list(codec.parameters()))
        samples = self._crops(config.crop_frames)
        decay = 0.5 + 0.5 * math.cos(math.pi * self.step / config.steps)
        self._set_rate(
            self.optimizer, config.learning_rate * min(1, (self.step + 1) / config.warmup_steps) * decay
        )
        with self._autocast():
            latents = codec.encoder(samples)
        latents, commitment = latents.float(), samples.new_zeros(())
        if self.step >= config.quantizer_start_step:
            if self.step == config.quantizer_start_step:
                self._start_quantizer()
            quantized = codec.quantizer(latents, self._kept(len(samples)), self.generator)
            latents, commitment = quantized.latents, quantized.commitment
        with self._autocast():
            produced = codec.decoder(latents).spectrum
        views, true = codec.decoder.produced_views(produced), codec.decoder.true_views(samples)
        distance, parts = self.magnitude_loss(views, true)
        ear, heard = self.ear_loss(views, true)
        self._descend(self.optimizer, distance + ear + config.commitment_weight * commitment, codec)
        return parts | heard | {"commitment": float(commitment.detach())}

    @torch.no_grad()
    def _start_quantizer(self) -> None:
        config = self.config
        rounds = range(0, config.quantizer_start_clips, config.batch)
        latents = torch.cat([self.codec.encoder(self._crops(config.crop_frames)) for _ in rounds])
        self.codec.quantizer.start(latents, self.generator)

    def _refine(self) -> dict[str, float]:
        """One step of the decoder with the codes frozen; until they rest, every second time of the discriminators."""
        config, codec = self.config, self.codec
        samples = self._crops(config.adversarial_crop_frames)
        adversarial = self.step < config.steps + config.adversarial_steps
        begun = config.steps if adversarial else config.steps + config.adversarial_steps
        done = (self.step - begun) / (config.adversarial_steps if adversarial else config.finishing_steps)
        for optimizer in (self.decoder_optimizer, self.discriminator_optimizer):
            self._set_rate(
                optimizer, config.adversarial_learning_rate * (0.5 + 0.5 * math.cos(math.pi * done))
            )
        with torch.no_grad(), self._autocast():
            latents = codec.encoder(samples)
        with torch.no_grad():
            kept = self._kept(len(samples))
            quantized = codec.quantizer(latents.float(), kept, self.generator, learn=False)
        with self._autocast():
            sketch = codec.decoder(quantized.latents)
        sound = codec.decoder.synthesise(sketch)
        produced, wanted = one_by_one(sound), one_by_one(samples)
        parts: dict[str, float] = {}
        if adversarial and self.step % 2 == 0:
            with self._autocast():
                loss = discriminator_loss(self.discriminators, produced.detach(), wanted)
            self._descend(self.discriminator_optimizer, loss, self.discriminators)
            parts["discriminators"] = float(loss.detach())
        distance, measured = self.loss(produced, wanted)
        true = codec.decoder.true_views(samples)
        likeness, _ = self.magnitude_loss(codec.decoder.produced_views(sketch.spectrum), true)
        # Of the sound, not of the magnitudes that were meant: the phases do not always let them sound.
        ear, heard = self.ear_loss(codec.decoder.true_views(sound), true)
        # The spectral distances keep the upper hand: they hold pitch and timbre, the discriminators texture.
        total = 5.0 * distance + likeness + config.refining_ear_weight * ear
        named: dict[str, Tensor] = {}
        if adversarial:
            with self._autocast():
                deceit, matching = generator_losses(self.discriminators, produced, wanted)
            total = total + deceit + matching
            named = {"deceit": deceit, "matching": matching}
        self._descend(self.decoder_optimizer, total, codec.decoder)
        return parts | measured | heard | {name: float(value.detach()) for name, value in named.items()}

    def _crops(self, frames: int) -> Tensor:
        samples = frames * self.codec.config.hop_samples
        return self.pool.crops(self.config.batch, samples, self.generator).to(self.device)

    def _kept(self, clips: int) -> Tensor:
        """How many codebooks each clip keeps in this step, [B]."""
        depth = self.codec.config.codebooks
        kept = torch.randint(1, depth + 1, (clips,), generator=self.generator)
        kept[torch.rand(clips, generator=self.generator) < self.config.full_depth_share] = depth
        return kept.to(self.device)

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.precision == "bf16")

    @staticmethod
    def _set_rate(optimizer: torch.optim.Optimizer, rate: float) -> None:
        for group in optimizer.param_groups:
            group["lr"] = rate

    @staticmethod
    def _descend(optimizer: torch.optim.Optimizer, loss: Tensor, module: nn.Module) -> None:
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        parallel.average_gradients(module)
        nn.utils.clip_grad_norm_(module.parameters(), 1.0)
        optimizer.step()

    def _checkpoint(self) -> None:
        if parallel.rank() > 0:
            return
        figures = self.validate()
        self.state.save(self.folder, Progress(self.step, self.settings))
        save_codec(
            self.codec, self.folder, {"step": self.step, "valid": figures, "training": asdict(self.config)}
        )
        log_entry(self.folder, {"step": self.step, "valid": figures})

    @torch.no_grad()
    def validate(self) -> dict[str, float]:
        """Distances on fixed crops of the valid pool, with all codebooks, and the share of entries in use."""
        codec, fixed = self.codec, torch.Generator().manual_seed(1)
        totals: dict[str, float] = {}
        used: list[set[int]] = [set() for _ in range(codec.config.codebooks)]
        rounds = 6
        for _ in range(rounds):
            samples = self.valid.crops(8, 200 * codec.config.hop_samples, fixed).to(self.device)
            latents = codec.encoder(samples)
            tokens = codec.quantizer.encode(latents, codec.config.codebooks)
            if self.step > self.config.quantizer_start_step:
                latents = codec.quantizer.decode(tokens)
            produced = codec.decoder.synthesise(codec.decoder(latents))
            _, parts = self.loss(one_by_one(produced), one_by_one(samples))
            for name, value in parts.items():
                totals[name] = totals.get(name, 0) + value / rounds
            for depth, entries in enumerate(used):
                entries.update(tokens[:, depth].flatten().tolist())
        share = sum(len(entries) for entries in used) / (len(used) * codec.config.codebook_size)
        return {name: round(value, 4) for name, value in totals.items()} | {"codebook_use": round(share, 4)}
