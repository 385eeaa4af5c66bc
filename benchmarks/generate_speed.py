"""How long a piece takes: each stage, several side by side against one by one, the first sound of a stream in a warm
process, and whole commands from a cold one.

    python benchmarks/generate_speed.py --seconds 20 --threads 2 --json speed.json

Wall seconds, medians of the rounds. The warm part makes one piece first that is not counted. The cold part starts
`audiogen generate` and `audiogen --help` as a person would, imports included.
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from audiogen.evaluation.tables import show_table, write_json
from audiogen.generator import Generator
from audiogen.options import Options

PROMPT = "a lively jig in D major on the fiddle"
HELP_ROUNDS = 5
# The command as the installed script runs it, whatever the path says.
COMMAND = (sys.executable, "-c", "from audiogen.cli import main; main()")


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=20.0, help="length of the piece")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--prompt", default=PROMPT)
    parser.add_argument("--model", help="folder of weights; else the shipped ones")
    parser.add_argument("--together", type=int, default=4, help="pieces side by side")
    parser.add_argument("--no-cold", action="store_true", help="leave the cold commands out")
    parser.add_argument("--json", type=Path, help="write the result here")
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    result: dict[str, Any] = {"prompt": chosen.prompt, "threads": chosen.threads}
    generator = Generator(chosen.model)
    stages = warm(generator, chosen.prompt, chosen.seconds, chosen.rounds)
    result["warm"] = stages
    result["first_sound_seconds"] = first_sound(generator, chosen.prompt, chosen.seconds, chosen.rounds)
    result["side_by_side"] = side_by_side(
        generator, chosen.prompt, chosen.seconds, chosen.together, chosen.rounds
    )
    rows = [[name, value["wall_seconds"], value["times_real_time"]] for name, value in stages.items()]
    show_table(f"Warm, {chosen.threads} threads", ("stage", "wall seconds", "times real time"), rows)
    show_table(
        f"{chosen.together} pieces", list(result["side_by_side"]), [list(result["side_by_side"].values())]
    )
    rows = [list(pair) for pair in result["first_sound_seconds"].items()]
    show_table("First sound of a stream, warm", ("from", "wall seconds"), rows)
    if not chosen.no_cold:
        result["cold_wall_seconds"] = cold(chosen.prompt, chosen.seconds, chosen.model)
        show_table(
            "Cold", ("command", "wall seconds"), [list(pair) for pair in result["cold_wall_seconds"].items()]
        )
    if chosen.json:
        write_json(chosen.json, result)


def warm(generator: Generator, prompt: str, seconds: float, rounds: int) -> dict[str, dict[str, float]]:
    """Median wall seconds of each stage and of all, for pieces of about `seconds`."""
    generator.generate(prompt, duration=seconds, seed=0)
    spent: dict[str, list[float]] = {}
    lengths: list[float] = []
    for seed in range(1, rounds + 1):
        began = time.perf_counter()
        clip = generator.generate(prompt, duration=seconds, seed=seed)
        timings = {**clip.timings, "all": time.perf_counter() - began}
        lengths.append(clip.seconds)
        for name, value in timings.items():
            spent.setdefault(name, []).append(value)
    length = statistics.mean(lengths)
    return {
        name: {
            "wall_seconds": round(statistics.median(values), 4),
            "times_real_time": round(length / max(statistics.median(values), 1e-9), 2),
        }
        for name, values in spent.items()
    }


def side_by_side(
    generator: Generator, prompt: str, seconds: float, count: int, rounds: int
) -> dict[str, float]:
    """Median wall seconds of playing several pieces in a batch and one after another, taken in turns."""
    spent: dict[str, list[float]] = {"one by one": [], "side by side": []}
    for number in range(rounds):
        options = Options(duration=seconds, seed=100 * number)
        began = time.perf_counter()
        for seed in range(count):
            generator.make(prompt, replace(options, seed=100 * number + seed))
        spent["one by one"].append(time.perf_counter() - began)
        began = time.perf_counter()
        list(generator.make_all([prompt] * count, options))
        spent["side by side"].append(time.perf_counter() - began)
    medians = {name: round(statistics.median(values), 3) for name, values in spent.items()}
    return {**medians, "times faster": round(medians["one by one"] / medians["side by side"], 3)}


def first_sound(generator: Generator, prompt: str, seconds: float, rounds: int) -> dict[str, float]:
    """Median wall seconds from the call to the first chunk of a stream, from a prompt and from a tune."""
    tune = generator.compose(prompt, seed=0)
    spent: dict[str, list[float]] = {"prompt": [], "tune": []}
    for seed in range(1, rounds + 1):
        for name, given in (("prompt", None), ("tune", tune)):
            began = time.perf_counter()
            next(generator.stream(prompt, Options(duration=seconds, seed=seed), tune=given))
            spent[name].append(time.perf_counter() - began)
    return {name: round(statistics.median(values), 3) for name, values in spent.items()}


def cold(prompt: str, seconds: float, model: str | None) -> dict[str, float]:
    """Wall seconds of whole commands, each in a process of its own; the help is the median of HELP_ROUNDS."""
    with tempfile.TemporaryDirectory() as folder:
        words = [
            "generate",
            prompt,
            "-o",
            str(Path(folder) / "out.wav"),
            "--duration",
            f"{seconds:g}",
            "--seed",
            "1",
        ]
        generate = _timed([*words, *(["--model", model] if model else [])])
    helps = [_timed(["--help"]) for _ in range(HELP_ROUNDS)]
    return {"audiogen generate": round(generate, 3), "audiogen --help": round(statistics.median(helps), 3)}


def _timed(words: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run([*COMMAND, *words], check=True, capture_output=True)
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
