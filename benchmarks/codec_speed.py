"""Our codec's speed beside EnCodec's 24 kHz model, both ways, in one process, taken in turns.

    python benchmarks/codec_speed.py --seconds 10 --rounds 5 --threads 1 --json codec_speed.json

EnCodec runs with random weights of the published shape: the time does not depend on the values, and nothing is
downloaded. It is asked for 3 kbps, which is what ours has. The medians of the rounds are given; turns are taken so
that a busy machine slows both.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from encodec.model import EncodecModel

from audiogen.evaluation.tables import show_table, write_json
from codec.model import Codec, CodecConfig
from codec.types import Waveform
from codec.weights import load

PEER_KBPS = 3.0
LEVEL = 0.1


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=10.0, help="length of the sound")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument(
        "--model", help="folder of codec weights; 'random' for random ones; else the shipped codec"
    )
    parser.add_argument("--json", type=Path, help="write the result here")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    ours = Codec(CodecConfig()).eval() if chosen.model == "random" else load(chosen.model)
    result = measure(ours, chosen.seconds, chosen.rounds) | {"threads": chosen.threads}
    names = list(result["times_real_time"])
    rows = [[name, result["wall_seconds"][name], result["times_real_time"][name]] for name in names]
    show_table("Codec speed", ("what", "wall seconds", "times real time"), rows)
    show_table(
        "Ours over EnCodec", ("way", "times as fast"), [list(pair) for pair in result["ratio"].items()]
    )
    if chosen.json:
        write_json(chosen.json, result)


def measure(ours: Codec, seconds: float, rounds: int) -> dict[str, dict[str, float]]:
    """Median wall seconds, times real time, and ratios of both ways."""
    peer = EncodecModel.encodec_model_24khz(pretrained=False).eval()
    peer.set_target_bandwidth(PEER_KBPS)
    generator = torch.Generator().manual_seed(0)
    samples = LEVEL * torch.randn(1, 1, round(seconds * ours.spec.sample_rate), generator=generator)
    sound = Waveform(samples, ours.spec.sample_rate)
    with torch.inference_mode():
        codes, frames = ours.encode(sound), peer.encode(samples)
        ways: dict[str, Callable[[], object]] = {
            "encode": lambda: ours.encode(sound),
            "encodec encode": lambda: peer.encode(samples),
            "decode": lambda: ours.decode(codes),
            "encodec decode": lambda: peer.decode(frames),
        }
        spent: dict[str, list[float]] = {name: [] for name in ways}
        for way in ways.values():
            way()  # The first call plans and allocates.
        for _ in range(rounds):
            for name, way in ways.items():
                began = time.perf_counter()
                way()
                spent[name].append(time.perf_counter() - began)
    wall = {name: statistics.median(values) for name, values in spent.items()}
    return {
        "wall_seconds": {name: round(value, 4) for name, value in wall.items()},
        "times_real_time": {name: round(seconds / value, 1) for name, value in wall.items()},
        "ratio": {way: round(wall[f"encodec {way}"] / wall[way], 2) for way in ("encode", "decode")},
    }


if __name__ == "__main__":
    main()
