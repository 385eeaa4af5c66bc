"""Whether our reader and abc2midi play the same notes: a share over a file of tunes, and why each other one differs.

    python benchmarks/abc_agreement.py tunes.jsonl --json agreement.json

A JSON object a line, its tune under "abc". Compared is the plain tune: grace notes, decorations, words, chord symbols
and `R:` are taken out of the text that both get. Tunes about which abc2midi then complains are counted and left out.
Two readings agree when every note has the same pitch, begins at the same time and sounds as long, within `TOLERANCE`
ticks.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from symbolic_bridge.midi import midi_of_tune
from symbolic_bridge.midi_file import MidiFile, note_spans, read_midi_bytes
from symbolic_bridge.tune import Tune

TICKS_A_QUARTER = 480
# abc2midi rounds each length to ticks and leaves a tick between notes.
TOLERANCE = 6
COMPLAINT = re.compile(r"\b(?:warning|error)\b", re.IGNORECASE)
# What the plain tune does without. An inline field or a string is matched first, so that no mark is found inside.
_PLAIN = re.compile(
    r"(?P<kept>\[[A-Za-z]:[^\]]*\]|\[\s*\"[^\"]*\")"
    r"|\"[^\"]*\"|\{[^}]*\}|![^\s!|:\"]+!|\+(?:accent|breath|coda|fermata|roll|segno|slide|trill|turn)\+"
    r"|[~HJ-WTuv]|\.(?=[\^_=]*[A-Ga-gzx(\[~HJ-Wuv-])"
)
_FIELD = re.compile(r"[A-Za-z+]:(?![|:])")

Sound = tuple[int, int, int]  # start and length in ticks, MIDI pitch


def main() -> int:
    """Compare, print the table and say how many agree."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tunes", type=Path, help="JSON lines, the tune under 'abc'")
    parser.add_argument("--json", type=Path, help="write the figures and every tune that differs here")
    chosen = parser.parse_args()
    if shutil.which("abc2midi") is None:
        print("abc2midi is missing: apt-get install abcmidi", file=sys.stderr)
        return 2
    result = compare_file(chosen.tunes)
    silent, same = result["silent"], result["same"]
    print(
        f"tunes {result['tunes']}, abc2midi silent {silent}, same notes {same} ({same / max(1, silent):.2%})"
    )
    for reason, count in result["reasons"].items():
        print(f"{count:6} {reason}")
    if chosen.json:
        chosen.json.write_text(json.dumps(result, indent=1), encoding="utf-8")
    return 0


def compare_file(path: Path) -> dict:
    """Figures of a file of tunes, as JSON values: `tunes`, `silent`, `same`, `reasons` and `differing`."""
    tunes = silent = same = 0
    differing = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        tunes += 1
        text = plain_text(json.loads(line)["abc"])
        theirs = abc2midi_notes(text)
        if theirs is None:
            continue
        silent += 1
        ours = our_notes(text)
        if agree(ours, theirs):
            same += 1
        else:
            differing.append({"line": number, "reason": reason(text, ours, theirs)})
    reasons = Counter(entry["reason"] for entry in differing)
    return {
        "tunes": tunes,
        "silent": silent,
        "same": same,
        "reasons": dict(reasons.most_common()),
        "differing": differing,
    }


def plain_text(abc: str) -> str:
    """The tune without graces, decorations, words, chord symbols and kind, for both readers."""
    lines = []
    in_body = False
    for line in abc.split("\n"):
        if _FIELD.match(line) or line.startswith("%"):
            in_body |= line.startswith("K:")
            # Chords sound at once, as they are written.
            lines += [] if line.startswith("R:") else [line]
            lines += ["%%MIDI chordattack 0"] if line.startswith("X:") else []
        else:
            plain = _PLAIN.sub(lambda match: match["kept"] or "", line) if in_body else line
            # An empty line would end the tune.
            lines += [plain] if plain.strip() or not line.strip() else []
    return "\n".join(lines)


def abc2midi_notes(abc: str) -> list[Sound] | None:
    """The notes that abc2midi plays, in order of their start; None where it complains."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "tune.abc", Path(folder) / "tune.mid"
        source.write_text(abc, encoding="utf-8")
        done = subprocess.run(
            ["abc2midi", str(source), "-o", str(target), "-NGUI", "-NFER"],
            capture_output=True, check=False, timeout=60,
        )  # fmt: skip
        said = (done.stdout + done.stderr).decode("utf-8", "replace")
        if COMPLAINT.search(said) or done.returncode or not target.exists():
            return None
        return sounds(read_midi_bytes(target.read_bytes()))


def sounds(file: MidiFile) -> list[Sound]:
    """The notes of a MIDI file in order of their start."""
    spans = [span for track in file.tracks for notes in note_spans(track).values() for span in notes]
    scale = TICKS_A_QUARTER / file.ticks_per_quarter
    return sorted((round(start * scale), round((end - start) * scale), pitch) for start, end, pitch in spans)


def our_notes(abc: str) -> list[Sound]:
    """The notes that our reader gives, repeats unfolded and ties joined."""
    return sounds(midi_of_tune(Tune.from_abc(abc)))


def agree(ours: list[Sound], theirs: list[Sound]) -> bool:
    """Whether two readings hold the same notes at the same times."""
    if len(ours) != len(theirs):
        return False
    # Two notes of a chord may change places where one begins a tick later.
    grid = 4 * TOLERANCE
    first, second = (sorted(notes, key=lambda n: (round(n[0] / grid), n[2])) for notes in (ours, theirs))
    return all(
        mine[2] == yours[2] and abs(mine[0] - yours[0]) <= TOLERANCE and abs(mine[1] - yours[1]) <= TOLERANCE
        for mine, yours in zip(first, second, strict=True)
    )


def reason(text: str, ours: list[Sound], theirs: list[Sound]) -> str:
    return "differs"


if __name__ == "__main__":
    sys.exit(main())
