"""`audiogen train`: training the three networks."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audiogen.cli.console import progress_bars, say
from audiogen.cli.data import Device, Tunes, say_rejected

if TYPE_CHECKING:
    from audiogen.data.corpus import CorpusTune, Rejected
    from audiogen.training import Split, TrainingPlan

train_app = typer.Typer(
    help="Train the networks from scratch; taken up again where it stopped.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


class Precision(StrEnum):
    """Of the matrix products."""

    fp32 = "fp32"
    bf16 = "bf16"


ValidTunes = Annotated[
    Path | None,
    typer.Option(metavar="PATH", help="Tunes to measure on; without it some melody families of --tunes."),
]
Work = Annotated[Path, typer.Option(metavar="DIR", help="Where everything is kept, and taken up again.")]
Minutes = Annotated[
    float | None,
    typer.Option(
        metavar="M",
        help="Stop each network then; the composer fits its schedule into it.",
    ),
]
Quick = Annotated[bool, typer.Option("--quick", help="The whole path in minutes, to see that it works.")]
Hours = Annotated[float, typer.Option(metavar="H", help="Hours of sound to train the codec on.")]
PoolFonts = Annotated[
    list[Path] | None,
    typer.Option(
        "--soundfont", metavar="FILE", help="Also render the codec's sound with this font; again for more."
    ),
]
PrecisionOption = Annotated[
    Precision, typer.Option(help="Of the matrix products; bf16 pays on a GPU and on CPUs with AVX512-BF16.")
]


@train_app.command("codec")
def train_codec(
    work: Work = Path("runs"),
    tunes: Tunes = None,
    valid: ValidTunes = None,
    minutes: Minutes = None,
    pool_hours: Hours = 16.0,
    soundfont: PoolFonts = None,
    device: Device = "cpu",
    precision: PrecisionOption = Precision.fp32,
    stereo: Annotated[
        bool, typer.Option("--stereo", help="Train a 48 kHz stereo codec; give it a --work of its own.")
    ] = False,
    quick: Quick = False,
) -> None:
    """Render sound and train the codec on it; weights in WORK/codec.

    \b
    Examples:
      audiogen train codec --work runs/ --tunes tunes.jsonl --device cuda
      audiogen train codec --work runs48/ --tunes tunes.jsonl --stereo
    """
    import codec
    from audiogen import training

    plan = _plan(work, minutes, device, precision, quick, pool_hours, soundfont)
    if stereo:
        plan = replace(plan, shape=codec.STEREO_48KHZ)
    split = training.read_split(tunes, valid)
    _finish(work, split.rejected + _train_codec(plan, split))


@train_app.command("lm")
def train_lm(
    work: Work = Path("runs"),
    tunes: Tunes = None,
    valid: ValidTunes = None,
    minutes: Minutes = None,
    device: Device = "cpu",
    precision: PrecisionOption = Precision.fp32,
    quick: Quick = False,
) -> None:
    """Render and encode tunes and train the player on them; needs the codec of WORK/codec.

    \b
    Example:
      audiogen train lm --work runs/ --tunes tunes.jsonl --device cuda
    """
    from audiogen import training

    plan = _plan(work, minutes, device, precision, quick)
    split = training.read_split(tunes, valid)
    _finish(work, split.rejected + training.train_player(plan, split))


@train_app.command("composer")
def train_composer(
    work: Work = Path("runs"),
    tunes: Tunes = None,
    valid: ValidTunes = None,
    minutes: Minutes = None,
    device: Device = "cpu",
    precision: PrecisionOption = Precision.fp32,
    quick: Quick = False,
    levels: Annotated[
        int, typer.Option(min=1, max=2, help="2: plans and notes (docs/plans.md); 1: notes alone.")
    ] = 2,
) -> None:
    """Train the composer on tunes; weights in WORK/composer.

    \b
    Example:
      audiogen train composer --work runs/ --tunes tunes.jsonl --minutes 30
    """
    from audiogen import training

    plan = _plan(work, minutes, device, precision, quick)
    split = training.read_split(tunes, valid)
    _compose_training(plan, split, quick, levels)
    _finish(work, split.rejected)


@train_app.command("all")
def train_all(
    work: Work = Path("runs"),
    tunes: Tunes = None,
    valid: ValidTunes = None,
    minutes: Minutes = None,
    pool_hours: Hours = 16.0,
    soundfont: PoolFonts = None,
    device: Device = "cpu",
    precision: PrecisionOption = Precision.fp32,
    quick: Quick = False,
) -> None:
    """Train codec, player and composer; `--model WORK/weights` then uses them.

    \b
    Examples:
      audiogen train all --quick --work try/
      audiogen train all --work runs/ --tunes tunes/ --device cuda
    """
    from audiogen import training

    plan = _plan(work, minutes, device, precision, quick, pool_hours, soundfont)
    split = training.read_split(tunes, valid)
    say(f"{len(split.train)} tunes to learn from, {len(split.valid)} to measure on")
    rejected = split.rejected + _train_codec(plan, split) + training.train_player(plan, split)
    # Last, because one process trains it: the others are not kept waiting.
    _compose_training(plan, split, quick)
    _finish(work, rejected)


def _plan(
    work: Path,
    minutes: float | None,
    device: str,
    precision: Precision,
    quick: bool,
    pool_hours: float = 16.0,
    fonts: list[Path] | None = None,
) -> TrainingPlan:
    from audiogen import training
    from audiogen.options import check_device

    if minutes is not None and not 0 < minutes < 1e6:
        raise ValueError(f"--minutes {minutes:g}: it must be above 0")
    if not 0 < pool_hours <= 1000:
        raise ValueError(f"--pool-hours {pool_hours:g}: it must be above 0 and at most 1000")
    missing = [str(font) for font in fonts or () if not font.is_file()]
    if missing:
        raise ValueError(f"--soundfont {missing[0]}: no such file")
    plan = training.TrainingPlan(
        work=work, device=check_device(device), precision=precision.value, pool_hours=pool_hours,
        fonts=tuple(fonts or ()),
    )  # fmt: skip
    plan = plan if minutes is None else replace(plan, minutes=minutes)
    return training.quick(plan) if quick else plan


def _train_codec(plan: TrainingPlan, split: Split) -> tuple[Rejected, ...]:
    from audiogen import training

    with progress_bars() as progress:
        return training.train_codec(plan, split, progress)


def _compose_training(plan: TrainingPlan, split: Split, quick: bool, levels: int = 2) -> None:
    """Train the composer on the split's tunes, which it reads from files; in one process, however many there are."""
    from audiogen.composer import ComposerConfig
    from audiogen.composer_training import ComposerTraining
    from audiogen.composer_training import train_composer as train
    from audiogen.data.corpus import Corpus
    from audiogen.originality import INDEX_NAME, index_tunes, save_index
    from codec import parallel

    parallel.join()
    if parallel.rank() > 0:
        return
    folder = plan.work / "composer"
    files = [folder / f"{name}.jsonl" for name in ("train", "valid")]
    folder.mkdir(parents=True, exist_ok=True)
    for path, tunes in zip(files, (split.train, split.valid), strict=True):
        _write_rows(path, tunes)
    settings = ComposerTraining(precision=plan.precision)
    if math.isfinite(plan.minutes):
        settings = replace(settings, max_minutes=plan.minutes)
    if quick:
        settings = replace(settings, max_steps=60)
    shape = ComposerConfig(levels=levels)
    report = train(files[0], files[1], folder, settings=settings, config=shape, device=plan.device)
    for reason, count in report.rejected.items():
        say(f"composer: {count} tunes left out: {reason}")
    # Beside the weights, so that their tunes can be told from copies.
    weights = plan.work / "weights"
    weights.mkdir(parents=True, exist_ok=True)
    save_index(weights / INDEX_NAME, index_tunes(Corpus(tuple(split.train))).index)


def _write_rows(path: Path, tunes: Iterable[CorpusTune]) -> None:
    from codec.audio_files import write_bytes

    rows = (json.dumps({"source": tune.source, "abc": tune.abc}, ensure_ascii=False) for tune in tunes)
    write_bytes(path, "".join(f"{row}\n" for row in rows).encode())


def _finish(work: Path, rejected: Iterable[Rejected]) -> None:
    """Copy what is trained so far into WORK/weights, where `--model` finds it, and say what was left out."""
    from audiogen.data.files import write_whole
    from codec import parallel

    if parallel.rank() > 0:
        return
    say_rejected(list(rejected))
    target = work / "weights"
    target.mkdir(parents=True, exist_ok=True)
    places = {
        "codec": work / "codec",
        "guesser": work / "codec",
        "player": work / "player",
        "composer": work / "composer" / "best",
    }
    found = []
    for name, folder in places.items():
        for file in (folder / f"{name}{suffix}" for suffix in (".json", ".safetensors")):
            if file.is_file():
                write_whole(target / file.name, partial(shutil.copyfile, file))
            else:
                # What is left of an earlier run would not fit.
                (target / file.name).unlink(missing_ok=True)
        if (target / f"{name}.safetensors").is_file():
            found.append(name)
    say(f"{target}: {', '.join(found) or 'nothing yet'}")
