"""What the codec's choices are worth: small codecs trained alike but for one choice, on the same sound.

    python benchmarks/codec_ablations.py --pool runs/pool --steps 1000 --json ablations.json --picture ablations.png

Every variant is trained for the same number of steps on the pool that `audiogen train codec` renders, and measured on
crops of its valid part at every number of codebooks. Bitrates are those of plain bits. What a thousand steps say of the
order of the variants need not hold after ten thousand.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from audiogen.evaluation.perceptual import Visqol
from audiogen.evaluation.pictures import new_figure
from audiogen.evaluation.tables import show_table, write_json
from codec.ear import EarLevels, neurogram_similarity
from codec.metrics import log_mel_distance
from codec.model import Codec, CodecConfig
from codec.pool import AudioPool
from codec.quantizer import Quantized
from codec.training import CodecTrainer, CodecTrainingConfig
from codec.types import Waveform

CROP_SECONDS = 2
CLIP_SECONDS = 4
LOW_KBPS, HIGH_KBPS = 1.5, 4.0


@dataclass(frozen=True)
class Variant:
    """A choice: what differs from the shipped shape, how it quantises, and the steps of the later stages."""

    name: str
    shape: Mapping[str, Any] = field(default_factory=dict)
    scalar: bool = False
    refining: Mapping[str, int] = field(default_factory=dict)


OLD_SCALE = {"feature_floor": 1e-4, "magnitude_floor": 1e-5, "log_mean": -6.0, "log_spread": 3.0}
REFINING_STEPS = 200
VARIANTS = (
    Variant("shipped shape: 50 Hz, residual codebooks"),
    Variant("25 frames a second", {"hop_samples": 960, "codebooks": 16}),
    Variant("75 frames a second", {"hop_samples": 320, "codebooks": 5}),
    # Eight groups of five numbers with four levels each: 1,024 codes a group, as a codebook has.
    Variant("finite scalar quantiser", {"latent_size": 40}, scalar=True),
    Variant("no levels of their own for the ear's bands", {"level_bands": 0}),
    Variant("floor of magnitudes 20 to 40 dB higher", OLD_SCALE),
    Variant("then without discriminators", refining={"finishing_steps": REFINING_STEPS}),
    Variant(
        "the same, no gains along the window",
        {"envelope_knots": 0},
        refining={"finishing_steps": REFINING_STEPS},
    ),
    Variant("then with discriminators", refining={"adversarial_steps": REFINING_STEPS}),
)


class ScalarQuantizer(nn.Module):
    """Finite scalar quantisation (Mentzer et al. 2023) in groups, in the place of `codec.quantizer.ResidualQuantizer`.

    Every latent is bounded and rounded to one of LEVELS; a group of them is one code. Nothing is learnt or started.
    """

    LEVELS, GROUP = 4, 5

    def __init__(self, codebooks: int) -> None:
        super().__init__()
        self.groups = codebooks
        self.register_buffer("places", self.LEVELS ** torch.arange(self.GROUP), persistent=False)

    def start(self, latents: Tensor, generator: torch.Generator) -> None:
        """Nothing to start."""

    def _levels(self, latents: Tensor) -> Tensor:
        """[B, S, D] -> level of every number, 0 ... LEVELS - 1 before rounding, [B, S, K, GROUP]."""
        bounded = (torch.tanh(latents) + 1) / 2 * (self.LEVELS - 1e-3) - 0.5 + 5e-4
        return bounded.unflatten(-1, (self.groups, self.GROUP))

    def _latents(self, levels: Tensor) -> Tensor:
        return ((levels + 0.5) / self.LEVELS * 2 - 1).flatten(-2)

    def encode(self, latents: Tensor, codebooks: int) -> Tensor:
        """[B, S, D] latents -> [B, K, S] tokens."""
        levels = self._levels(latents).round().long()
        return (levels * self.places).sum(-1).transpose(1, 2)[:, :codebooks]

    def decode(self, tokens: Tensor) -> Tensor:
        """[B, K, S] tokens -> [B, S, D] latents; groups that were not sent are in the middle."""
        levels = tokens.transpose(1, 2)[..., None] // self.places % self.LEVELS
        latents = self._latents(levels.float())
        return torch.nn.functional.pad(latents, (0, (self.groups - tokens.shape[1]) * self.GROUP))

    def forward(
        self, latents: Tensor, kept: Tensor, generator: torch.Generator, learn: bool = True
    ) -> Quantized:
        """As `ResidualQuantizer.forward`."""
        levels = self._levels(latents)
        rounded = levels + (levels.round() - levels).detach()
        sent = torch.arange(self.groups, device=kept.device) < kept[:, None]  # [B, K]
        through = self._latents(rounded) * sent.repeat_interleave(self.GROUP, 1)[:, None]
        tokens = (levels.round().long() * self.places).sum(-1).transpose(1, 2)
        return Quantized(through, tokens, latents.new_zeros(()))


def main() -> None:
    """Train and measure every variant and tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--pool", type=Path, required=True, help="folder with train/ and valid/ of rendered sound"
    )
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--clips", type=int, default=16, help="to measure on")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--only", nargs="+", type=int, help="numbers of the variants, from 0")
    parser.add_argument("--json", type=Path, help="write the result here")
    parser.add_argument("--picture", type=Path, help="draw quality against bitrate here, as PNG")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    rate = CodecConfig().sample_rate
    pools = [AudioPool(chosen.pool / name, rate) for name in ("train", "valid")]
    clips = pools[1].crops(chosen.clips, CLIP_SECONDS * rate, torch.Generator().manual_seed(2))
    found = []
    for number in chosen.only or range(len(VARIANTS)):
        variant = VARIANTS[number]
        began = time.perf_counter()
        network = train(variant, pools, chosen.steps, chosen.precision)
        minutes = (time.perf_counter() - began) / 60
        found.append(
            {"variant": variant.name, "minutes": round(minutes, 1), "rates": measure(network, clips)}
        )
        _show(found)
        if chosen.json:
            write_json(chosen.json, {"steps": chosen.steps, "clips": chosen.clips, "variants": found})
    if chosen.picture:
        _draw(found, chosen.picture)


def train(variant: Variant, pools: list[AudioPool], steps: int, precision: str) -> Codec:
    """A codec of the variant after so many steps."""
    shape = replace(CodecConfig(), **variant.shape)
    frames = CROP_SECONDS * shape.sample_rate // shape.hop_samples
    stages = {"adversarial_steps": 0, "finishing_steps": 0} | dict(variant.refining)
    config = replace(
        CodecTrainingConfig(), steps=steps, crop_frames=frames, adversarial_crop_frames=frames // 2,
        warmup_steps=min(200, steps // 5), quantizer_start_step=steps // 4, **stages,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        trainer = CodecTrainer(pools[0], pools[1], Path(folder), config, shape, precision=precision)
        if variant.scalar:
            trainer.codec.quantizer = ScalarQuantizer(shape.codebooks)  # type: ignore[assignment]
        trainer.run()
    return trainer.codec.eval()


@torch.inference_mode()
def measure(network: Codec, clips: Tensor) -> list[dict[str, float]]:
    """Log-mel distance and the ear's likeness of [B, T] clips at every number of codebooks; ViSQOL at two."""
    config = network.config
    ear = EarLevels(config.sample_rate, config.head_window)
    latents = network.encoder(clips)
    each_kbps = config.sample_rate / config.hop_samples * 10 / 1000
    judged = {max(1, int(kbps / each_kbps + 1e-9)) for kbps in (LOW_KBPS, HIGH_KBPS)}
    rates = []
    for count in range(1, config.codebooks + 1):
        chosen = network.quantizer.decode(network.quantizer.encode(latents, count))
        sound = network.decoder.synthesise(network.decoder(chosen))[:, : clips.shape[1]]
        levels = (ear(network.decoder.spectra(_whole_frames(x, config.hop_samples))) for x in (sound, clips))
        entry = {
            "kbps": round(count * each_kbps, 3),
            "log_mel": log_mel_distance(*(Waveform(x[:, None], config.sample_rate) for x in (sound, clips))),
            "likeness": float(neurogram_similarity(*levels)),
        }
        if count in judged:
            entry["visqol"] = _visqol(sound, clips, config.sample_rate)
        rates.append(entry)
    return rates


def _whole_frames(samples: Tensor, hop: int) -> Tensor:
    return samples[:, : samples.shape[1] // hop * hop]


def _visqol(produced: Tensor, wanted: Tensor, rate: int) -> float:
    scores = [
        Visqol(Waveform(true[None, None], rate)).score(Waveform(made[None, None], rate))
        for made, true in zip(produced, wanted, strict=True)
        if float(true.abs().max()) > 1e-3
    ]
    return sum(scores) / len(scores)


def _show(found: list[dict[str, Any]]) -> None:
    rows = []
    for entry in found:
        judged = [rate for rate in entry["rates"] if "visqol" in rate]
        rows += [
            [entry["variant"], rate["kbps"], rate["log_mel"], rate["likeness"], rate["visqol"]]
            for rate in judged
        ]
    show_table("The codec's choices", ("variant", "kbps", "log-mel", "likeness", "ViSQOL"), rows)


def _draw(found: list[dict[str, Any]], path: Path) -> None:
    figure = new_figure(12, 5)
    axes = figure.subplots(1, 2)
    for entry in found:
        for axis, name in zip(axes, ("log_mel", "likeness"), strict=True):
            axis.plot(
                [rate["kbps"] for rate in entry["rates"]], [rate[name] for rate in entry["rates"]], marker=".",
                label=entry["variant"],
            )  # fmt: skip
    for axis, title in zip(
        axes, ("log-mel distance (lower is better)", "likeness (higher is better)"), strict=True
    ):
        axis.set(xlabel="kbit/s, plain bits", title=title)
        axis.grid(alpha=0.3)
    axes[0].legend(fontsize=8)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main()
