"""Notes on a grid and its bars to a tune: pickup, ties, rests, spelling, repeats."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from audiogen.transcription.barring import Barring
from symbolic_bridge.analysis.form import Section, find_form
from symbolic_bridge.analysis.keys import estimate_key
from symbolic_bridge.analysis.melody import melody_of
from symbolic_bridge.analysis.tune_kinds import estimate_kind
from symbolic_bridge.spelling import spell
from symbolic_bridge.tune import Bar, Header, Key, Note, Tune


@dataclass(frozen=True)
class GridNote:
    """A note in whole notes from the first bar line; those of a pickup begin before 0."""

    start: Fraction
    end: Fraction
    pitch: int


def tune_of_notes(
    notes: Sequence[GridNote], barring: Barring, *, tempo_bpm: float, key: Key | None, title: str
) -> Tune:
    """The tune as it was played, without repeat signs.

    Args:
        notes: in order, none over another.
        barring: metre and length of the bars.
        tempo_bpm: felt beats a minute.
        key: None takes the one that the notes fit best.
        title: of the tune.
    """
    header = Header(title=title, meter=barring.meter, tempo_bpm=tempo_bpm, key=key or Key())
    tune = Tune(header, _bars(notes, barring.meter.bar_duration, header.key))
    melody = melody_of(tune)
    if key is None:
        header = replace(header, key=estimate_key(melody).key)
        tune = Tune(header, _bars(notes, barring.meter.bar_duration, header.key))
    return tune.with_header(rhythm=estimate_kind(melody).kind)


def _bars(notes: Sequence[GridNote], length: Fraction, key: Key) -> tuple[Bar, ...]:
    """Bars of a length; the last one is filled up with a rest."""
    bars: list[Bar] = []
    first = notes[0].start
    line = first if first < 0 else Fraction(0)
    following = Fraction(0) if first < 0 else length
    waiting = list(notes)
    while waiting:
        written: list[Note] = []
        now = line
        while waiting and waiting[0].start < following:
            note = waiting.pop(0)
            if note.start > now:
                written.append(Note((), note.start - now))
            end = min(note.end, following)
            written.append(Note((spell(note.pitch, key),), end - note.start, tie=note.end > following))
            now = end
            if note.end > following:
                waiting.insert(0, GridNote(following, note.end, note.pitch))
                break
        if now < following:
            written.append(Note((), following - now))
        bars.append(Bar(tuple(written)))
        line, following = following, following + length
    return tuple(bars)


def folded(tune: Tune, sections: Sequence[Section] | None = None) -> Tune:
    """The tune with a section that is played twice in a row written once, between repeat signs.

    Of the two the first stands. A tune in which nothing is repeated comes back as it is.

    Args:
        tune: as it was played.
        sections: of its full bars; None finds them.
    """
    melody = melody_of(tune)
    full = melody.full_bars()
    if sections is None:
        sections = find_form(melody).sections
    bars = list(tune.bars)
    keep: list[Bar] = list(bars[: full[0]])
    place = 0
    while place < len(sections):
        section = sections[place]
        own = bars[full[section.start] : full[section.start] + section.bars]
        again = sections[place + 1] if place + 1 < len(sections) else None
        if again is not None and again.letter == section.letter and again.bars == section.bars:
            own[0] = replace(own[0], start_repeat=True)
            own[-1] = replace(_without_tie(own[-1]), end_repeat=True)
            place += 1
        keep += own
        place += 1
    return replace(tune, bars=tuple(keep))


def _without_tie(bar: Bar) -> Bar:
    return replace(bar, notes=(*bar.notes[:-1], replace(bar.notes[-1], tie=False)))
