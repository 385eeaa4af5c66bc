"""How many recorded replies of a language model become sound, and what was mended in them.

    python benchmarks/sonify_replies.py REPLIES.jsonl [--seconds 8]

REPLIES.jsonl holds {"id", "prompt", "reply"} a line. Every reply is played by both routes. Prints one JSON object.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

from audiogen.generator import Generator
from audiogen.sonify.conversation import strict_fault
from audiogen.sonify.exchange import Exchange, Round
from audiogen.sonify.reading import ReplyError
from audiogen.sonify.sonifier import BOTH, Manner, sonify, wanted_of


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("replies", type=Path)
    parser.add_argument("--seconds", type=float, default=8.0, help="length of each sound")
    arguments = parser.parse_args()
    generator = Generator()
    manner = Manner(route=BOTH, duration=arguments.seconds)
    rows = [json.loads(line) for line in arguments.replies.read_text(encoding="utf-8").splitlines()]
    played, strict, refused, mended, chords = 0, 0, {}, {}, []
    shortcomings: dict[str, int] = {}
    began = time.perf_counter()
    for row in rows:
        wanted, _ = wanted_of(row["prompt"])
        strict += not strict_fault(row["reply"], wanted)
        exchange = Exchange(row["prompt"], "abc", (Round((), row["reply"]),))
        try:
            found = sonify(exchange, manner, generator)
        except ReplyError as error:
            refused[row["id"]] = str(error)
            continue
        loudest = [
            float(clip.waveform.samples.abs().max()) for clips in found.clips.values() for clip in clips
        ]
        played += min(loudest) > 0.01
        if found.reading.mendings:
            mended[row["id"]] = list(found.reading.mendings)
        if not found.reading.is_melody:
            chords.append(row["id"])
        for aspect in {item.aspect for tune in found.shortcomings for item in tune}:
            shortcomings[aspect] = shortcomings.get(aspect, 0) + 1
    result = {
        "replies": len(rows), "played": played, "read_strictly": strict, "refused": refused, "chords_only": chords,
        "mended": mended, "replies_with_shortcoming": dict(sorted(shortcomings.items())),
        "wall_seconds": round(time.perf_counter() - began, 1),
    }  # fmt: skip
    print(json.dumps(result, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
