"""Our codec's speed and memory beside EnCodec's 24 kHz model, on the same cores in the same run.

    python benchmarks/codec_speed.py --seconds 1 10 60 600 --threads 1 2 --json codec_speed.json

Every length and number of threads gets a process of its own in which the two take turns, so that a busy machine slows
both; medians of the rounds are given. Peak memory is that of a process that does one round trip with one codec. EnCodec
runs with random weights of the published shape: the time does not depend on the values, and nothing is downloaded. It
is asked for 3 kbps, about what the files of ours spend with all codebooks.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from encodec.model import EncodecModel

from audiogen.evaluation.tables import show_table, write_json
from codec.types import Waveform
from codec.weights import load_own

PEER_KBPS = 3.0
LEVEL = 0.1
# Sound that all rounds of one case together may hold, so that the peer is done with ten minutes in minutes.
ROUND_SECONDS = 60.0
OURS, PEER = "ours", "encodec"


def main() -> None:
    """Measure every case in a process of its own and tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, nargs="+", default=[1.0, 10.0, 60.0, 600.0], help="lengths")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--rounds", type=int, default=5, help="at most; fewer for long sounds")
    parser.add_argument("--model", help="folder of codec weights; else the shipped codec")
    parser.add_argument("--json", type=Path, help="write the result here")
    parser.add_argument("--case", choices=["speed", OURS, PEER], help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.case:
        torch.set_num_threads(chosen.threads[0])
        work = _speed if chosen.case == "speed" else _memory
        print(json.dumps(work(chosen, chosen.seconds[0])))
        return
    cases = []
    for threads in chosen.threads:
        for seconds in chosen.seconds:
            case: dict[str, Any] = {"threads": threads, "seconds": seconds}
            case |= _run_case(chosen, "speed", seconds, threads)
            case["peak_mb"] = {
                name: _run_case(chosen, name, seconds, threads)["peak_mb"] for name in (OURS, PEER)
            }
            cases.append(case)
            _show(cases)
    if chosen.json:
        write_json(chosen.json, {"peer": "EnCodec 24 kHz at 3 kbps, random weights", "cases": cases})


def _show(cases: list[dict[str, Any]]) -> None:
    columns = (
        "threads", "seconds", "encode x real time", "decode x real time", "encode / EnCodec", "decode / EnCodec",
        "both / EnCodec", "peak MB", "EnCodec peak MB",
    )  # fmt: skip
    rows = [
        [
            case["threads"], case["seconds"], case["times_real_time"]["encode"], case["times_real_time"]["decode"],
            case["ratio"]["encode"], case["ratio"]["decode"], case["ratio"]["both"],
            case["peak_mb"][OURS], case["peak_mb"][PEER],
        ]
        for case in cases
    ]  # fmt: skip
    show_table("Our codec beside EnCodec", columns, rows)


def _run_case(chosen: argparse.Namespace, case: str, seconds: float, threads: int) -> dict[str, Any]:
    words = [sys.executable, __file__, "--case", case, "--seconds", str(seconds), "--threads", str(threads)]
    words += ["--rounds", str(chosen.rounds)] + (["--model", chosen.model] if chosen.model else [])
    done = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout)


def _ways(chosen: argparse.Namespace, seconds: float, names: list[str]) -> dict[str, Callable[[], object]]:
    """What is timed: each codec's encoding and decoding of the same noise."""
    ours = load_own(chosen.model)
    generator = torch.Generator().manual_seed(0)
    samples = LEVEL * torch.randn(1, 1, round(seconds * ours.spec.sample_rate), generator=generator)
    ways: dict[str, Callable[[], object]] = {}
    if OURS in names:
        sound = Waveform(samples, ours.spec.sample_rate)
        codes = ours.encode(sound)
        ways |= {f"{OURS} encode": lambda: ours.encode(sound), f"{OURS} decode": lambda: ours.decode(codes)}
    if PEER in names:
        peer = EncodecModel.encodec_model_24khz(pretrained=False).eval()
        peer.set_target_bandwidth(PEER_KBPS)
        frames = peer.encode(samples)
        ways |= {
            f"{PEER} encode": lambda: peer.encode(samples),
            f"{PEER} decode": lambda: peer.decode(frames),
        }
    return ways


@torch.inference_mode()
def _speed(chosen: argparse.Namespace, seconds: float) -> dict[str, Any]:
    """Median wall seconds, times real time, and ratios."""
    ways = _ways(chosen, seconds, [OURS, PEER])  # the first calls plan and allocate
    spent: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(max(1, min(chosen.rounds, round(ROUND_SECONDS / seconds)))):
        for name, way in ways.items():
            began = time.perf_counter()
            way()
            spent[name].append(time.perf_counter() - began)
    wall = {name: statistics.median(values) for name, values in spent.items()}
    for name in (OURS, PEER):
        wall[f"{name} both"] = wall[f"{name} encode"] + wall[f"{name} decode"]
    directions = ("encode", "decode", "both")
    return {
        "rounds": len(spent[f"{OURS} encode"]),
        "wall_seconds": {name: round(value, 4) for name, value in wall.items()},
        "times_real_time": {way: round(seconds / wall[f"{OURS} {way}"], 1) for way in directions},
        "ratio": {way: round(wall[f"{PEER} {way}"] / wall[f"{OURS} {way}"], 1) for way in directions},
    }


@torch.inference_mode()
def _memory(chosen: argparse.Namespace, seconds: float) -> dict[str, Any]:
    """Peak memory of this process after one way there and back with one codec."""
    for way in _ways(chosen, seconds, [chosen.case]).values():
        way()
    return {"peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)}


if __name__ == "__main__":
    main()
