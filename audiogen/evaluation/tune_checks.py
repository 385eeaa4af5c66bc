"""Whether a tune is well formed: abc2midi as an independent judge, and our own count of every bar."""

from __future__ import annotations

import re
import shutil
import subprocess
import tempfile
from fractions import Fraction
from pathlib import Path

from symbolic_bridge.tune import Bar, Meter, Tune

HINT = "abc2midi is missing: apt-get install abcmidi (Debian, Ubuntu) or brew install abcmidi (macOS)"
COMPLAINT = re.compile(r"\b(warning|error)\b", re.IGNORECASE)
SECONDS_A_TUNE = 20


def find_abc2midi() -> str:
    """Path of the program.

    Raises:
        ValueError: it is not installed.
    """
    found = shutil.which("abc2midi")
    if found is None:
        raise ValueError(HINT)
    return found


def abc2midi_complaints(abc: str) -> list[str]:
    """What abc2midi has to say against one tune, line by line; empty where it reads it without a word."""
    program = find_abc2midi()
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "tune.abc", Path(folder) / "tune.mid"
        source.write_text(abc, encoding="utf-8")
        try:
            done = subprocess.run(
                [program, str(source), "-o", str(target)], capture_output=True, text=True, errors="replace",
                check=False, timeout=SECONDS_A_TUNE,
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return [f"no end after {SECONDS_A_TUNE} s"]
        lines = [line.strip() for line in (done.stdout + "\n" + done.stderr).splitlines()]
        complaints = [line for line in lines if COMPLAINT.search(line)]
        if done.returncode:
            complaints.append(f"exit code {done.returncode}")
        # It names the file after the tune's number when a file holds several.
        if not any(Path(folder).glob("*.mid")):
            complaints.append("no MIDI file was written")
    return complaints


def bar_faults(tune: Tune) -> list[str]:
    """Every played bar that does not add up, in the order of playing; numbers begin at 1.

    A bar must be as long as its metre says. Two things may stand in for it: a short bar and the pickup after it that
    completes it, and the opening pickup with the last bar. A tune without metre has no faults.
    """
    bars = tune.unfold().bars
    meters = _meters(tune.header.meter, bars)
    faults: list[str] = []
    pickup = Fraction(0)
    index = 0
    while index < len(bars):
        meter, length = meters[index], bars[index].duration
        full = meter.bar_duration if meter is not None else length
        following = bars[index + 1].duration if index + 1 < len(bars) else None
        if length == full:
            index += 1
        elif index == 0 and length < full:
            pickup = length
            index += 1
        elif following is not None and length + following == full:
            index += 2
        elif following is None and length + pickup == full:
            index += 1
        else:
            faults.append(f"bar {index + 1} lasts {length} of {full}")
            index += 1
    return faults


def strict_faults(abc: str) -> list[str]:
    """What our own reader has against the text in strict mode: the first fault, or the bars that do not add up."""
    try:
        return bar_faults(Tune.from_abc(abc, strict=True))
    except ValueError as error:
        return [str(error)]


def _meters(first: Meter | None, bars: tuple[Bar, ...]) -> list[Meter | None]:
    """The metre in force in each bar."""
    found = []
    current = first
    for bar in bars:
        current = bar.meter or current
        found.append(current)
    return found
