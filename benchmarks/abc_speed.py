"""How many tunes a second are read on one core, by our reader, abc2midi and music21 in the same run.

    python benchmarks/abc_speed.py tunes.jsonl --json speed.json

A JSON object a line, its tune under "abc". Processor time is counted, the import of modules left out. Our reader gives
tunes, abc2midi writes MIDI files (one process for all tunes), music21 builds streams; nothing is cached. What fails is
counted as read.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from symbolic_bridge.abc_reader import read_tune


def main() -> int:
    """Read all tunes three times and print tunes a second with the ratios."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tunes", type=Path, help="JSON lines, the tune under 'abc'")
    parser.add_argument(
        "--music21", type=int, default=60, help="how many tunes music21 is given (it is slow)"
    )
    parser.add_argument("--json", type=Path, help="write the figures here")
    chosen = parser.parse_args()
    lines = chosen.tunes.read_text(encoding="utf-8").splitlines()
    texts = [json.loads(line)["abc"] for line in lines]
    rates = {"ours": rate(read_tune, texts)}
    if shutil.which("abc2midi"):
        rates["abc2midi"] = abc2midi_rate(texts)
    if chosen.music21:
        rates["music21"] = music21_rate(texts[:: max(1, len(texts) // chosen.music21)])
    for name, value in rates.items():
        print(f"{name:10} {value:8.1f} tunes a second, ours is {rates['ours'] / value:.2f} times as fast")
    if chosen.json:
        chosen.json.write_text(json.dumps({"tunes": len(texts), **rates}, indent=1), encoding="utf-8")
    return 0


def rate(read: Callable[[str], object], texts: Sequence[str]) -> float:
    """Tunes a second of processor time."""
    begun = time.process_time()
    for text in texts:
        try:
            read(text)
        except Exception as error:
            # Another library may raise whatever it likes.
            print(f"{type(error).__name__}: {str(error)[:80]}", file=sys.stderr)
    return len(texts) / (time.process_time() - begun)


def abc2midi_rate(texts: Sequence[str]) -> float:
    """Tunes a second of abc2midi on one file of all tunes."""
    numbered = (re.sub(r"^X:.*", f"X:{number}", text, count=1) for number, text in enumerate(texts, 1))
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "tunes.abc"
        source.write_text("\n\n".join(numbered), encoding="utf-8")
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(["abc2midi", str(source)], capture_output=True, check=False, cwd=folder)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return len(texts) / (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def music21_rate(texts: Sequence[str]) -> float:
    """Tunes a second of music21's ABC reader."""
    from music21 import converter

    def read(text: str) -> object:
        return converter.parseData(text, format="abc")

    read(texts[0])
    return rate(read, texts)


if __name__ == "__main__":
    sys.exit(main())
