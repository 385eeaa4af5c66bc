"""How many entries of each codebook the codec uses on a pool of sound, and how evenly.

    python benchmarks/codec_entries.py --pool runs/pool/valid --frames 150000 --json entries.json

The pool is the one that `audiogen train codec --work runs/ --valid valid.jsonl` renders of the valid tunes. Perplexity
is e to the entropy of the codes: the number of entries that would be used if they were used equally often.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from audiogen.evaluation.tables import show_table, write_json
from codec.model import Codec
from codec.pool import AudioPool
from codec.weights import load_own

CROP_SECONDS = 4
CROPS_AT_ONCE = 16


def main() -> None:
    """Encode crops of the pool, count and tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--pool", type=Path, required=True, help="folder of shards, of the codec's rate and channels"
    )
    parser.add_argument("--frames", type=int, default=150_000)
    parser.add_argument("--model", help="folder of codec weights; else the shipped codec")
    parser.add_argument("--json", type=Path, help="write the result here")
    chosen = parser.parse_args()
    found = usage(load_own(chosen.model), chosen.pool, chosen.frames)
    result = {"frames": chosen.frames, "codebooks": found}
    rows = [list(entry.values()) for entry in found]
    show_table(f"{chosen.frames} frames of {chosen.pool}", ["codebook", "entries used", "perplexity"], rows)
    if chosen.json:
        write_json(chosen.json, result)


@torch.inference_mode()
def usage(network: Codec, folder: Path, frames: int) -> list[dict[str, float]]:
    """Share of the entries used and perplexity, a codebook at a time, over at least so many frames of random crops."""
    config = network.config
    pool = AudioPool(folder, config.sample_rate, config.channels)
    generator = torch.Generator().manual_seed(0)
    counts = torch.zeros(config.codebooks, config.codebook_size, dtype=torch.int64)
    while int(counts[0].sum()) < frames:
        crops = pool.crops(CROPS_AT_ONCE, CROP_SECONDS * config.sample_rate, generator)
        latents = network.encoder(crops)
        tokens = network.quantizer.encode(latents, config.codebooks)  # [B, K, S]
        for row, codes in zip(counts, tokens.transpose(0, 1), strict=True):
            row += codes.flatten().bincount(minlength=config.codebook_size)
    shares = counts / counts.sum(1, keepdim=True)
    entropies = torch.special.entr(shares).sum(1)
    return [
        {
            "codebook": number,
            "used": float((row > 0).float().mean()),
            "perplexity": float(entropy.exp()),
        }
        for number, (row, entropy) in enumerate(zip(counts, entropies, strict=True), 1)
    ]


if __name__ == "__main__":
    main()
