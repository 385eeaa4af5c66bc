"""Rebuilding the shipped weights: tunes -> renderings -> codec -> codes -> player, and tunes -> composer.

Everything lands in one work folder and is taken up there where it stopped:

    WORK/pool/{train,valid}    renderings, for the codec
    WORK/codec                 the codec's state, log and weights, and in the end its guesser's
    WORK/codes/{train,valid}   codes and score frames, for the player
    WORK/player                the player's
    WORK/composer              the composer's

On a machine with several cores and no GPU start it as `torchrun --nproc-per-node N -m audiogen train ...`.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import codec
from audiogen.conditions import ConditionTables
from audiogen.data.build import build_dataset
from audiogen.data.corpus import CorpusTune, Rejected, read_corpus
from audiogen.data.pool import build_audio_pool
from audiogen.data.shards import CodeShards
from audiogen.lm import LMConfig
from audiogen.lm_training import LMTrainer, LMTrainingConfig
from audiogen.progress import Progress
from audiogen.soundfont import find_soundfont
from codec import parallel
from codec.config import CodecConfig
from codec.entropy_training import FittedGuesser, GuesserTrainingConfig, fit_guesser
from codec.guesser_files import has_guesser, save_guesser
from codec.pool import AudioPool
from codec.training import CodecTrainer, CodecTrainingConfig

# Fonts in which no recording's licence binds weights; a font or instrument left out here is left to test on.
POOL_FONTS = ("FluidR3_GM.sf2", "MuseScore_General.sf3")
PLAYER_FONT = "FluidR3_GM.sf2"
SEED = 11
VALID_TUNES = 48


@dataclass(frozen=True)
class Split:
    """Tunes to learn from, tunes to measure on, and what was left out."""

    train: tuple[CorpusTune, ...]
    valid: tuple[CorpusTune, ...]
    rejected: tuple[Rejected, ...] = ()


@dataclass(frozen=True)
class TrainingPlan:
    """What `audiogen train` is asked to do.

    `minutes`: of each network, after which it stops at a checkpoint; the schedules count steps, so that a run taken up
    again is the same run. `fonts`: for the codec, on top of POOL_FONTS. `shape`: of the codec. `player_tunes`: how many
    tunes, drawn at random, the player learns from, `renditions` times each.
    """

    work: Path
    device: str = "cpu"
    precision: str = "fp32"
    minutes: float = math.inf
    pool_hours: float = 16.0
    player_tunes: int = 4800
    renditions: int = 1
    fonts: tuple[Path, ...] = ()
    shape: CodecConfig = field(default_factory=CodecConfig)
    codec: CodecTrainingConfig = field(default_factory=CodecTrainingConfig)
    guesser: GuesserTrainingConfig = field(default_factory=GuesserTrainingConfig)
    player: LMTrainingConfig = field(default_factory=LMTrainingConfig)


def read_split(train: Path | None, valid: Path | None) -> Split:
    """Tunes from files or folders; with no `valid`, a split of `train` by melody family.

    Tunes under share-alike licences are left out, so that the weights can be given away under CC BY 4.0.

    Raises:
        ValueError: nothing could be read.
    """
    corpus = read_corpus(train).without_licences()
    if valid is not None:
        measured = read_corpus(valid).without_licences()
        return Split(corpus.tunes, measured.tunes, corpus.rejected + measured.rejected)
    parts = corpus.split()
    return Split(parts["train"], parts["valid"], corpus.rejected)


def train_codec(
    plan: TrainingPlan, split: Split, progress: Progress = lambda stage, done: None
) -> tuple[Rejected, ...]:
    """Render pools where they are missing and train the codec in WORK/codec, and at the end of that its guesser.

    Returns what could not be rendered and why; the guesser is left out if it saves nothing. `progress` hears of the
    guesser; the codec draws a bar of its own.
    """
    parallel.join()
    rejected: list[Rejected] = []
    fonts: Sequence[str | Path] = [*(find_soundfont(name) for name in POOL_FONTS), *plan.fonts]
    rate, channels = plan.shape.sample_rate, plan.shape.channels
    for name, tunes, hours in (
        ("train", split.train, plan.pool_hours),
        ("valid", split.valid, min(0.4, plan.pool_hours)),
    ):
        pool = build_audio_pool(
            plan.work / "pool" / name, tunes=[tune.abc for tune in tunes], soundfonts=fonts, hours=hours,
            seed=SEED if name == "train" else SEED + 1, sample_rate=rate, channels=channels,
            worker=parallel.rank(), workers=parallel.processes(),
        )  # fmt: skip
        rejected += [
            Rejected(f"{name} pool, {count} times", reason) for reason, count in pool.rejected.items()
        ]
    parallel.wait_for_all()
    pools = [AudioPool(plan.work / "pool" / name, rate, channels) for name in ("train", "valid")]
    trainer = CodecTrainer(
        pools[0],
        pools[1],
        plan.work / "codec",
        plan.codec,
        plan.shape,
        device=plan.device,
        precision=plan.precision,
    )
    trainer.run(plan.minutes)
    if trainer.step >= trainer.total_steps and parallel.rank() == 0:
        rejected += _train_guesser(plan, pools, progress)
    parallel.wait_for_all()  # process 0 has the weights on disk now
    return tuple(rejected)


def _train_guesser(plan: TrainingPlan, pools: Sequence[AudioPool], progress: Progress) -> list[Rejected]:
    """Give the codec of WORK/codec a guesser, unless it has one; why not, if it saves nothing."""
    folder = plan.work / "codec"
    if has_guesser(folder):
        return []
    coder = codec.load_own(folder, plan.device)
    fitted = fit_guesser(coder, pools[0], pools[1], plan.guesser, lambda done: progress("guesser", done))
    if not fitted.pays:
        return [Rejected("guesser", _too_many_bits(fitted))]
    save_guesser(fitted.guesser, coder, folder, fitted.details)
    return []


def _too_many_bits(fitted: FittedGuesser) -> str:
    return f"{sum(fitted.bits):.1f} bits a frame of the valid pool; plain bits are {fitted.plain_bits:g}"


def train_player(plan: TrainingPlan, split: Split) -> tuple[Rejected, ...]:
    """Encode renditions where they are missing and train the player in WORK/player on the codec of WORK/codec.

    Returns the tunes that could not be played, and why.
    """
    parallel.join()
    rejected: list[Rejected] = []
    if not (plan.work / "codec").is_dir():
        raise ValueError(
            f"{plan.work / 'codec'}: no codec yet; run `audiogen train codec --work {plan.work}` first"
        )
    coder = codec.load(plan.work / "codec", plan.device)
    drawn = {"train": _draw(split.train, plan.player_tunes), "valid": _draw(split.valid, VALID_TUNES)}
    for name, tunes in drawn.items():
        built = build_dataset(
            plan.work / "codes" / name, tunes=tunes, codec=coder, seed=SEED, soundfonts=(PLAYER_FONT,),
            renditions=plan.renditions if name == "train" else 1, worker=parallel.rank(), workers=parallel.processes(),
        )  # fmt: skip
        rejected += built.rejected
    parallel.wait_for_all()
    shards = [CodeShards(plan.work / "codes" / name, coder.spec.identity) for name in ("train", "valid")]
    rate = coder.spec.frame_rate
    shape = LMConfig(
        codec_identity=coder.spec.identity,
        frame_rate=(rate.numerator, rate.denominator),
        tables=ConditionTables(style=shards[0].styles),
    )
    trainer = LMTrainer(
        shards[0], shards[1], plan.work / "player", plan.player, shape, plan.device, plan.precision
    )
    trainer.run(plan.minutes)
    parallel.wait_for_all()
    return tuple(rejected)


def _draw(tunes: Sequence[CorpusTune], count: int) -> list[CorpusTune]:
    """At most `count` tunes, always the same ones."""
    drawn = list(tunes)
    random.Random(0).shuffle(drawn)
    return drawn[:count]


def quick(plan: TrainingPlan) -> TrainingPlan:
    """The same path in a few minutes, to see that it works; what comes out is not worth hearing."""
    return replace(
        plan,
        pool_hours=0.25,
        player_tunes=64,
        codec=replace(
            plan.codec, steps=60, adversarial_steps=10, finishing_steps=10, quantizer_start_step=10
        ),
        guesser=replace(plan.guesser, steps=60, crops=64, valid_crops=16),
        player=replace(plan.player, steps=50, finishing_steps=10),
    )
