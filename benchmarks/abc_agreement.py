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
from itertools import pairwise
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
    r"|\"[^\"]*\"|![^\s!|:\"]+!|\+(?:accent|breath|coda|fermata|roll|segno|slide|trill|turn)\+"
    r"|[~HJ-WTuv]|\.(?=[\^_=]*[A-Ga-gzx(\[~HJ-Wuv-])"
)
_GRACES = re.compile(r"\{[^}]*\}")
_BAR_LINE = re.compile(r"(?:\[\||\||:(?=[|:]))[|:\]]*(?P<ending>\s*\[?\d)?|(?<=\s)\[(?P<late>\d)")
IMPLIED_START = "a repeat without |: begins at the latest double bar here, elsewhere for abc2midi"
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
    print(f"tunes {result['tunes']}")
    for name, suffix in (("as they stand", ""), ("starts of repeats written out", "_with_starts")):
        silent, same = result["silent" + suffix], result["same" + suffix]
        print(f"{name}: abc2midi silent {silent}, same notes {same} ({same / max(1, silent):.2%})")
    for reason, count in result["reasons"].items():
        print(f"{count:6} {reason}")
    if chosen.json:
        chosen.json.write_text(json.dumps(result, indent=1), encoding="utf-8")
    return 0


def compare_file(path: Path) -> dict:
    """Figures of a file of tunes, as JSON values: counts, `reasons` with their numbers, and `differing`."""
    counts = Counter(tunes=0, silent=0, same=0, silent_with_starts=0, same_with_starts=0)
    differing = []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        counts["tunes"] += 1
        text = plain_text(json.loads(line)["abc"])
        found = compare(text)
        started = with_starts(text)
        found_with_starts = found if started == text else compare(started)
        counts["silent"] += found is not None
        counts["same"] += found is True
        counts["silent_with_starts"] += found_with_starts is not None
        counts["same_with_starts"] += found_with_starts is True
        for differs, shown in ((found, text), (found_with_starts, started)):
            if differs is False:
                why = IMPLIED_START if found_with_starts else reason(shown)
                differing.append({"line": number, "with_starts": shown is started, "reason": why})
    reasons = Counter(entry["reason"] for entry in differing if not entry["with_starts"])
    return {**counts, "reasons": dict(reasons.most_common()), "differing": differing}


def compare(text: str) -> bool | None:
    """Whether the two readings agree; None where abc2midi complains."""
    theirs = abc2midi_notes(text)
    return None if theirs is None else agree(our_notes(text), theirs)


def plain_text(abc: str) -> str:
    """The tune without graces, decorations, words, chord symbols and kind, for both readers."""
    head, body = [], []
    for line in abc.split("\n"):
        lines = body if body else head
        if line.startswith("K:") and not body:
            lines = body
        lines += [] if line.startswith("R:") else [line]
        # Chords sound at once, as they are written.
        lines += ["%%MIDI chordattack 0"] if line.startswith("X:") else []
    # Graces and decorations may stand on both sides of a line's end and of each other.
    text, before = "\n".join(body), ""
    while text != before:
        before = text
        text = "\n".join(
            part
            if _FIELD.match(part) or part.startswith("%")
            else _PLAIN.sub(lambda match: match["kept"] or "", part)
            for part in _GRACES.sub("", text).split("\n")
        )
    # An empty line would end the tune.
    return "\n".join([*head, *(line for line in text.split("\n") if line.strip())]) + "\n"


def with_starts(text: str) -> str:
    """The plain tune with |: wherever a repeat begins that only its end marks.

    It begins where the standard has it (4.8): at the latest double bar, end of a repeat or beginning of the tune. This
    works on the text alone, so that no reader has a say.
    """
    place = text.index("\nK:") + 1 if "\nK:" in text else 0
    body = text[place:]
    inserted: list[int] = []
    begins, opened, ending = body.find("\n") + 1, False, False
    for match in _BAR_LINE.finditer(body):
        mark = match[0]
        if match.start() < begins:
            continue
        if mark[0] == ":" or (match["ending"] and not ending):
            if not opened:
                inserted.append(begins)
            opened = True
        if mark[0] == ":" and not match["ending"]:
            opened = False
        ending = bool(match["ending"])
        if mark.endswith(":") and len(mark) > 1:
            opened = True
        elif mark[0] == ":" or "||" in mark or "|]" in mark:
            begins = match.end()
            opened = opened and ending
    for position in reversed(inserted):
        body = body[:position] + "|:" + body[position:]
    return text[:place] + body


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


def reason(text: str) -> str:
    """What sets a tune apart whose readings differ although the starts of its repeats are written out."""
    tune = Tune.from_abc(text)
    if tune.voices:
        return "voices with repeats of their own"
    if any(bar.part for bar in tune.bars):
        return "part labels inside repeats"
    bars = tune.bars
    for bar, after in pairwise([*bars, bars[0]]):
        if bar.notes[-1].tie and (bar.end_repeat or after.endings or after.start_repeat):
            return "a tie over a repeat sign"
    if any(bar.endings for bar in bars):
        return "endings"
    return "other"


if __name__ == "__main__":
    sys.exit(main())
