"""What the codebook pattern is worth: small players trained alike but for their pattern, on the same clips.

    python benchmarks/pattern_ablation.py --codes runs/codes --steps 1000 --json patterns.json

The six patterns of MusicGen's table 4 (Copet et al. 2023). Every player is trained on the same number of windows, drawn
by the same seed, and told the same; `--seconds` gives each the same time instead. Figures: nats of all codes of a frame
on valid windows, which add up to the likelihood of the same codes whatever the pattern is, with everything given and
from the text alone; log-mel distance of what it plays from the scores of valid clips to the clips as the codec decodes
them with as many codebooks; steps a frame, and times real time in playing on one thread. What a thousand steps say of
the order of the patterns need not hold after ten thousand.
"""

from __future__ import annotations

import argparse
import math
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

import codec
from audiogen.data.shards import CodeShards
from audiogen.evaluation.tables import show_table, write_json
from audiogen.guidance import Guidance
from audiogen.lm import LMConfig
from audiogen.lm_training import LMTrainer, LMTrainingConfig, describe_clip
from audiogen.patterns import PATTERNS, pattern_of
from audiogen.player import Piece, Player, Sampling
from codec.interface import AudioCodec
from codec.metrics import log_mel_distance
from codec.types import CodecSpec, Codes, Waveform
from symbolic_bridge.frames import ScoreFrames

COLUMNS = ("nats_given", "nats_text", "log_mel", "steps_a_frame", "times_real_time", "training_seconds")
STREAMS = 4


def main() -> None:
    """Train and measure a player of every pattern and tell."""
    parser = small_players(__doc__)
    parser.add_argument("--seconds", type=float, default=math.inf, help="stop each training after so long")
    parser.add_argument("--patterns", nargs="+", choices=PATTERNS, default=list(PATTERNS))
    parser.add_argument(
        "--depth", action="store_true", help="foresee the streams of a step one after another"
    )
    chosen = parser.parse_args()
    sound, shards = opened(chosen)
    tell(
        "Patterns",
        COLUMNS,
        ((name, measure(name, shards, sound, chosen)) for name in chosen.patterns),
        chosen,
    )


def small_players(description: str | None) -> argparse.ArgumentParser:
    """What is asked for where small players are trained alike and compared."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--codes", type=Path, required=True, help="folder with train/ and valid/ of shards")
    parser.add_argument("--weights", type=Path, help="folder of the shards' codec; else the shipped one")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--window", type=int, default=160, help="frames of a window")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--clips", type=int, default=8, help="to play, each as long as a window")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--json", type=Path, help="write the result here")
    return parser


def opened(chosen: argparse.Namespace) -> tuple[AudioCodec, list[CodeShards]]:
    """The codec, and the shards to train and to measure on; from now on one thread works."""
    torch.set_num_threads(1)
    sound = codec.load(chosen.weights)
    return sound, [CodeShards(chosen.codes / name, sound.spec.identity) for name in ("train", "valid")]


def tell(
    title: str,
    columns: Sequence[str],
    measured: Iterable[tuple[str, Mapping[str, float]]],
    chosen: argparse.Namespace,
) -> None:
    """Show and write what there is each time that another player is measured."""
    settings = {name: value for name, value in vars(chosen).items() if isinstance(value, int | str)}
    found: dict[str, Mapping[str, float]] = {}
    for name, figures in measured:
        found[name] = figures
        rows = [[each, *(values[column] for column in columns)] for each, values in found.items()]
        show_table(title, ("player", *(column.replace("_", " ") for column in columns)), rows)
        if chosen.json:
            write_json(chosen.json, {"settings": settings, "players": found})


def alike(chosen: argparse.Namespace, **other: float) -> LMTrainingConfig:
    """How every small player is trained."""
    return LMTrainingConfig(
        steps=chosen.steps, finishing_steps=0, window_frames=chosen.window,
        warmup_steps=max(1, min(200, chosen.steps // 5)), checkpoint_minutes=math.inf, **other,
    )  # fmt: skip


def shape(pattern: str, spec: CodecSpec, chosen: argparse.Namespace) -> LMConfig:
    """A small player; its attention reaches over the whole window, so that no pattern sees less of it than another."""
    frames = chosen.window + 2 * STREAMS
    return LMConfig(
        spec.identity, (spec.frame_rate.numerator, spec.frame_rate.denominator), STREAMS, spec.codebook_size,
        chosen.width, chosen.layers, heads=4, feedforward_width=3 * chosen.width, cross_attention_every=chosen.layers,
        window=pattern_of(pattern, STREAMS).length(frames), pattern=pattern, depth=chosen.depth,
    )  # fmt: skip


def measure(
    pattern: str, shards: Sequence[CodeShards], sound: AudioCodec, chosen: argparse.Namespace
) -> dict[str, float]:
    """Train a player of the pattern and measure it."""
    with tempfile.TemporaryDirectory() as folder:
        trainer = LMTrainer(
            shards[0], shards[1], Path(folder), alike(chosen), shape(pattern, sound.spec, chosen),
            precision=chosen.precision,
        )  # fmt: skip
        began = time.perf_counter()
        trainer.run(chosen.seconds / 60)
        spent = time.perf_counter() - began
        valid = trainer.validate()
    player = Player(trainer.model.eval().requires_grad_(False), sound.spec)
    return {
        "nats_given": round(sum(valid["given"]), 3),
        "nats_text": round(sum(valid["text"]), 3),
        **play(player, shards[1], sound, chosen.clips, chosen.window),
        "steps_a_frame": trainer.model.pattern.steps_a_frame,
        "training_seconds": round(spent, 1),
    }


def play(player: Player, valid: CodeShards, sound: AudioCodec, count: int, frames: int) -> dict[str, float]:
    """What the player makes of the beginnings of valid clips."""
    clips = list(played(player, valid, sound, count, frames))
    return {
        "log_mel": round(sum(log_mel_distance(clip.made, clip.wanted) for clip in clips) / len(clips), 3),
        "times_real_time": times_real_time(clips),
    }


@dataclass(frozen=True)
class PlayedClip:
    """A clip played from its score, the same from its true codes, and the seconds that playing took."""

    score: ScoreFrames
    made: Waveform
    wanted: Waveform
    spent: float


def played(
    player: Player, valid: CodeShards, sound: AudioCodec, count: int, frames: int
) -> Iterator[PlayedClip]:
    """Play the beginnings of valid clips, as far apart as there are, from their scores."""
    for seed, clip in enumerate(valid.clips[:: max(1, len(valid.clips) // count)][:count]):
        score = ScoreFrames(valid.frame_rate, valid.clip_frames(clip)[:, :frames])
        began = time.perf_counter()
        codes = player.play(Piece(score, describe_clip(clip, 0.0), seed), Sampling(guidance=Guidance())).codes
        spent = time.perf_counter() - began
        true = torch.from_numpy(valid.clip_codes(clip)[None, :STREAMS, :frames].astype("int64"))
        yield PlayedClip(score, sound.decode(codes), sound.decode(Codes(true, sound.spec)), spent)


def times_real_time(clips: Sequence[PlayedClip]) -> float:
    """Of playing alone."""
    return round(
        sum(clip.score.frames / float(clip.score.frame_rate) for clip in clips)
        / sum(clip.spent for clip in clips),
        2,
    )


if __name__ == "__main__":
    main()
