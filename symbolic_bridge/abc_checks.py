"""Faults of a tune that show only when all its bars have been read."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from symbolic_bridge.abc_drafts import BarDraft, NoteDraft
from symbolic_bridge.mending import Mender


def check_bars(bars: Sequence[BarDraft], mender: Mender, is_main: bool = True) -> None:
    """Mend and tell what is wrong with a whole voice; only one beside the first may hold nothing but rests."""
    if bars:
        if is_main:
            _check_pitches(bars, mender)
        _check_slurs(bars, mender)
        _check_endings(bars, mender)
        _check_lengths(bars, mender)


def _check_pitches(bars: Sequence[BarDraft], mender: Mender) -> None:
    if not any(note.pitches for bar in bars for note in bar.notes):
        first = bars[0].notes[0]
        mender.mend(first.line, first.column, "rests only", "notes (the tune has no notes to play)")


def _check_slurs(bars: Sequence[BarDraft], mender: Mender) -> None:
    """Drop slurs that never end; they may cross bars and repeats."""
    begun: list[NoteDraft] = []
    for bar in bars:
        for note in bar.notes:
            begun += [note] * note.slur_starts
            del begun[max(0, len(begun) - note.slur_ends) :]
    for note in begun:
        note.slur_starts -= 1
        if note.marks.count(".(") > note.slur_starts:
            dotted = len(note.marks) - 1 - note.marks[::-1].index(".(")
            note.marks = note.marks[:dotted] + note.marks[dotted + 1 :]
        mender.mend(note.line, note.column, "a slur that never ends", "a ) before the end of the tune")


def _check_endings(bars: Sequence[BarDraft], mender: Mender) -> None:
    """Tell first endings without a second.

    Where the tune stops with the ending, the second was cut off. Where more bars follow, the sign of the second was
    forgotten (7 of the 9229 tunes of our corpus, most of them fine for abc2midi), which strict readers take too.
    """
    opened = [index for index, bar in enumerate(bars) if bar.endings]
    for index, following in pairwise([*opened, len(bars)]):
        passes = {number for bar in bars[index : following + 1] for number in bar.endings}
        if 1 not in bars[index].endings or 2 in passes:
            continue
        cut_off = not any(bar.ends_section for bar in bars[index:-1])
        tell = mender.mend if cut_off else mender.remark
        first = bars[index].notes[0]
        tell(first.line, first.column, "a first ending", "a second ending after it")


def _check_lengths(bars: Sequence[BarDraft], mender: Mender) -> None:
    """Tell bars that disagree with the meter and are no pickup, no rest of one and no part's end."""
    last = len(bars) - 1
    for index, bar in enumerate(bars):
        if bar.full is None or bar.duration == bar.full:
            continue
        before = bars[index - 1] if index else None
        after = bars[index + 1] if index < last else None
        at_start = before is None or before.ends_section or bar.start_repeat or bool(bar.endings)
        at_end = after is None or bar.ends_section or after.start_repeat or bool(after.endings)
        if bar.duration < bar.full:
            halves = [
                other for other in (before, after) if other and other.duration + bar.duration == bar.full
            ]
            if at_start or at_end or halves:
                continue
        first = bar.notes[0]
        found = f"a bar of {bar.duration}"
        mender.mend(first.line, first.column, found, f"a bar of {bar.full} as the meter says")
