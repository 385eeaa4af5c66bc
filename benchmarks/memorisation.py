"""Whether the player repeats its training clips: their beginnings given, does it go on as they did?

    python benchmarks/memorisation.py --codes runs/codes -n 64 --json memorisation.json

As MusicGen measures it (Copet et al. 2023, section 4.4, after Carlini et al. 2022): the codes of a part of a training
clip are given, with the clip's words and without its score, which would say what comes; the likeliest codes of the next
five seconds are written. A clip counts as exact when all of the first codebook agree and as close when 80 % do. Beside
it stand valid clips, which cannot have been memorised: the floor.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from audiogen.data.shards import CodeShards
from audiogen.evaluation.tables import show_table, write_json
from audiogen.generator import Generator
from audiogen.guidance import Guidance
from audiogen.lm_training import describe_clip
from audiogen.player import Piece, Player, Sampling
from codec.types import Codes

PROMPT_SECONDS = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0)
WRITTEN_SECONDS = 5.0
CLOSE = 0.8
TOGETHER = 16
LIKELIEST = Sampling(temperature=0.0, guidance=Guidance())


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--codes", type=Path, required=True, help="folder with train/ and valid/ of shards")
    parser.add_argument("--model", help="folder of weights; else the shipped ones")
    parser.add_argument("-n", type=int, default=64, help="clips of each")
    parser.add_argument("--json", type=Path, help="write the result here")
    chosen = parser.parse_args()
    generator = Generator(chosen.model)
    found = []
    for name in ("train", "valid"):
        shards = CodeShards(chosen.codes / name, generator.codec.spec.identity)
        for seconds in PROMPT_SECONDS:
            agreement = agreements(generator.player, shards, chosen.n, seconds)
            found.append({
                "clips": name, "prompt_seconds": seconds, "count": len(agreement),
                "exact": float(np.mean(agreement == 1.0)), "close": float(np.mean(agreement >= CLOSE)),
                "mean_agreement": round(float(agreement.mean()), 4), "most": round(float(agreement.max()), 4),
            })  # fmt: skip
    show_table(
        f"First codebook of {WRITTEN_SECONDS:g} s written on",
        list(found[0]),
        [list(row.values()) for row in found],
    )
    if chosen.json:
        write_json(chosen.json, {"rows": found})


def agreements(player: Player, shards: CodeShards, count: int, prompt_seconds: float) -> np.ndarray:
    """Share of first-codebook codes that are those of the clip, float [clips]."""
    rate = float(shards.frame_rate)
    prompt, written = round(prompt_seconds * rate), round(WRITTEN_SECONDS * rate)
    start = (
        round(max(PROMPT_SECONDS) * rate) - prompt
    )  # so that all lengths are asked to go on in the same place
    clips = [clip for clip in shards.clips if clip.frames >= start + prompt + written]
    clips = clips[:: max(1, len(clips) // count)][:count]
    found: list[float] = []
    for first in range(0, len(clips), TOGETHER):
        group = clips[first : first + TOGETHER]
        codes = [torch.from_numpy(shards.clip_codes(clip).astype(np.int64)) for clip in group]
        pieces = [
            Piece(
                None, describe_clip(clip, 0.0), 0, written,
                before=Codes(own[None, :, start : start + prompt], shards.spec) if prompt else None,
            )
            for clip, own in zip(group, codes, strict=True)
        ]  # fmt: skip
        found += _agreement(player, pieces, codes, start + prompt)
    return np.array(found)


def _agreement(
    player: Player, pieces: Sequence[Piece], codes: Sequence[torch.Tensor], start: int
) -> list[float]:
    return [
        float(
            (played.codes.tokens[0, 0] == own[0, start : start + played.codes.tokens.shape[-1]])
            .float()
            .mean()
        )
        for played, own in zip(player.play_all(pieces, LIKELIEST), codes, strict=True)
    ]


if __name__ == "__main__":
    main()
