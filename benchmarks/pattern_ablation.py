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
from collections.abc import Sequence
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
from codec.types import CodecSpec, Codes
from symbolic_bridge.frames import ScoreFrames

COLUMNS = ("nats_given", "nats_text", "log_mel", "steps_a_frame", "times_real_time", "training_seconds")
STREAMS = 4


def main() -> None:
    """Train and measure a player of every pattern and tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--codes", type=Path, required=True, help="folder with train/ and valid/ of shards")
    parser.add_argument("--weights", type=Path, help="folder of the shards' codec; else the shipped one")
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seconds", type=float, default=math.inf, help="stop each training after so long")
    parser.add_argument("--window", type=int, default=160, help="frames of a window")
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--layers", type=int, default=4)
    parser.add_argument("--clips", type=int, default=8, help="to play, each as long as a window")
    parser.add_argument("--precision", choices=["fp32", "bf16"], default="fp32")
    parser.add_argument("--patterns", nargs="+", choices=PATTERNS, default=list(PATTERNS))
    parser.add_argument(
        "--depth", action="store_true", help="foresee the streams of a step one after another"
    )
    parser.add_argument("--json", type=Path, help="write the result here")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    sound = codec.load(chosen.weights)
    shards = [CodeShards(chosen.codes / name, sound.spec.identity) for name in ("train", "valid")]
    settings = {name: value for name, value in vars(chosen).items() if isinstance(value, int | str)}
    found: dict[str, dict[str, float]] = {}
    for pattern in chosen.patterns:
        found[pattern] = measure(pattern, shards, sound, chosen)
        rows = [[name, *(figures[column] for column in COLUMNS)] for name, figures in found.items()]
        show_table("Patterns", ("pattern", *(column.replace("_", " ") for column in COLUMNS)), rows)
        if chosen.json:
            write_json(chosen.json, {"settings": settings, "patterns": found})


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
    config = LMTrainingConfig(
        steps=chosen.steps, window_frames=chosen.window, warmup_steps=max(1, min(200, chosen.steps // 5)),
        checkpoint_minutes=math.inf,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        trainer = LMTrainer(
            shards[0], shards[1], Path(folder), config, shape(pattern, sound.spec, chosen), precision=chosen.precision
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
    """Play the beginnings of valid clips, as far apart as there are, from their scores."""
    distances, spent = [], 0.0
    for seed, clip in enumerate(valid.clips[:: max(1, len(valid.clips) // count)][:count]):
        score = ScoreFrames(valid.frame_rate, valid.clip_frames(clip)[:, :frames])
        began = time.perf_counter()
        piece = Piece(score, describe_clip(clip, 0.0), seed)
        codes = player.play(piece, Sampling(guidance=Guidance())).codes
        spent += time.perf_counter() - began
        true = torch.from_numpy(valid.clip_codes(clip)[None, :STREAMS, :frames].astype("int64"))
        distances.append(log_mel_distance(sound.decode(codes), sound.decode(Codes(true, sound.spec))))
    seconds = len(distances) * frames / float(valid.frame_rate)
    return {
        "log_mel": round(sum(distances) / len(distances), 3),
        "times_real_time": round(seconds / spent, 2),
    }


if __name__ == "__main__":
    main()
