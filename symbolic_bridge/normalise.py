"""From a tune as written to its normal form.

What the composer does not write is left out and counted in `NormalReport`: graces, chord symbols, all but the top
note of chords, decorations other than rolls. Bars that a line end split are joined, a lone short bar before a
repeat sign becomes the pickup of what follows, and the octave is the one that puts the mean pitch nearest B flat 4.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from symbolic_bridge.normal_form import (
    DURATIONS,
    HIGHEST_PITCH,
    LOWEST_PITCH,
    MAX_PART_BARS,
    MAX_PARTS,
    TICKS_PER_WHOLE,
    WHITE_TONICS,
    NormalBar,
    NormalNote,
    NormalTune,
    Part,
    bar_ticks,
    shifted_part,
)
from symbolic_bridge.tune import Bar, Key, Tune

CENTRE_PITCH = 70


class UnfitTuneError(ValueError):
    """A tune that the normal form cannot hold; `reason` is a short category for counting."""

    def __init__(self, reason: str, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else reason)
        self.reason = reason


@dataclass
class NormalReport:
    """What `normalise` left out of a tune, by name."""

    dropped: dict[str, int] = field(default_factory=dict)

    def count(self, what: str, number: int = 1) -> None:
        """Add to a count."""
        if number:
            self.dropped[what] = self.dropped.get(what, 0) + number


@dataclass
class _Section:
    """Bars between two part boundaries while a tune is being read."""

    opened: bool = False
    repeated: bool = False
    bars: list[list[NormalNote]] = field(default_factory=list)
    endings: list[list[list[NormalNote]]] = field(default_factory=list)


def normalise(tune: Tune, kind: str, report: NormalReport | None = None) -> NormalTune:
    """Bring a tune to its normal form.

    Args:
        tune: as written, repeats not unfolded.
        kind: id of its kind.
        report: gets counts of what is left out.

    Raises:
        UnfitTuneError: free or changing metre, changing key, bars that do not add up, a duration finer than the
            grid, a range too wide, more endings, bars or parts than the form holds.
    """
    report = report or NormalReport()
    meter, key = tune.header.meter, tune.header.key
    if meter is None:
        raise UnfitTuneError("free metre")
    if key.extra:
        raise UnfitTuneError("extra accidentals in the key")
    for bar in tune.bars:
        if bar.meter not in (None, meter):
            raise UnfitTuneError("metre changes", str(bar.meter))
        if bar.key not in (None, key):
            raise UnfitTuneError("key changes", f"{bar.key}")
    shift = Key(WHITE_TONICS[key.mode], key.mode).tonic_pitch_class - key.tonic_pitch_class
    full = int(meter.bar_duration * TICKS_PER_WHOLE)
    sections = _attach_pickups(_sections(tune, shift, report), full)
    parts: list[Part] = []
    for section in sections:
        parts += _parts_of(section, full)
    if not 1 <= len(parts) <= MAX_PARTS:
        raise UnfitTuneError("number of parts", str(len(parts)))
    parts = _in_octave([_without_loose_ties(part) for part in parts])
    return NormalTune(kind=kind, meter=meter, mode=key.mode, parts=tuple(parts))


def _without_loose_ties(part: Part) -> Part:
    """A tie holds only to a next note of the same pitch in the same pass."""

    def tied(bars: tuple[NormalBar, ...], following: NormalBar) -> tuple[NormalBar, ...]:
        notes = [note for bar in bars for note in bar]
        after = [*notes[1:], following[0] if following else None]
        fixed = iter(
            replace(note, tie=note.tie and nxt is not None and nxt.midi == note.midi)
            for note, nxt in zip(notes, after, strict=True)
        )
        return tuple(tuple(next(fixed) for _ in bar) for bar in bars)

    endings = tuple(tied(ending, ()) for ending in part.endings)
    head = tied(((part.pickup,) if part.pickup else ()) + part.bars, endings[0][0] if endings else ())
    pickup = head[0] if part.pickup else ()
    return replace(part, pickup=pickup, bars=head[1 if part.pickup else 0 :], endings=endings)


def _in_octave(parts: list[Part]) -> list[Part]:
    """The parts moved by octaves so that their mean pitch is nearest the centre."""
    pitches = [
        note.midi for part in parts for bar in part.all_bars() for note in bar if note.midi is not None
    ]
    if not pitches:
        raise UnfitTuneError("no notes")
    shift = 12 * round((CENTRE_PITCH - sum(pitches) / len(pitches)) / 12)
    if min(pitches) + shift < LOWEST_PITCH or max(pitches) + shift > HIGHEST_PITCH:
        raise UnfitTuneError(
            "range", f"MIDI {min(pitches) + shift} ... {max(pitches) + shift} in normal form"
        )
    return [shifted_part(part, shift) for part in parts]


def _normal_bar(bar: Bar, shift: int, report: NormalReport) -> list[NormalNote]:
    notes: list[NormalNote] = []
    for note in bar.notes:
        ticks = note.duration * TICKS_PER_WHOLE
        if ticks.denominator != 1:
            raise UnfitTuneError("duration", str(note.duration))
        report.count("graces", len(note.graces))
        report.count("chord notes", max(0, len(note.pitches) - 1))
        report.count("decorations", sum(name != "roll" for name in note.decorations))
        report.count("chord symbols", bool(note.chord_symbol))
        midi = max(pitch.midi for pitch in note.pitches) + shift if note.pitches else None
        roll = midi is not None and "roll" in note.decorations
        pieces = _split_ticks(int(ticks))
        for index, piece in enumerate(pieces):
            tied = midi is not None and (index < len(pieces) - 1 or note.tie)
            notes.append(NormalNote(midi, piece, tied, roll and index == 0))
    return _join_ties(notes)


def _split_ticks(ticks: int) -> list[int]:
    pieces: list[int] = []
    while ticks:
        fitting = [duration for duration in DURATIONS if duration <= ticks]
        if not fitting:
            raise UnfitTuneError("duration", f"{ticks} ticks are left over")
        pieces.append(fitting[-1])
        ticks -= fitting[-1]
    return pieces


def _join_ties(notes: Sequence[NormalNote]) -> list[NormalNote]:
    """Tied notes of one pitch in one bar become one where a single duration can say it."""
    joined: list[NormalNote] = []
    for note in notes:
        last = joined[-1] if joined else None
        if last is not None and last.tie and last.midi == note.midi and last.ticks + note.ticks in DURATIONS:
            joined[-1] = NormalNote(last.midi, last.ticks + note.ticks, note.tie, last.roll)
        elif last is not None and last.tie and last.midi != note.midi:
            joined[-1] = replace(last, tie=False)
            joined.append(note)
        else:
            joined.append(note)
    return joined


def _sections(tune: Tune, shift: int, report: NormalReport) -> list[_Section]:
    """Cut at repeat signs, double bars and part labels."""
    sections = [_Section()]

    def close() -> None:
        if sections[-1].bars or sections[-1].endings:
            sections.append(_Section())

    for index, bar in enumerate(tune.bars):
        following = tune.bars[index + 1] if index + 1 < len(tune.bars) else None
        if bar.start_repeat or (bar.part and not sections[-1].opened):
            close()
            sections[-1].opened = bar.start_repeat
        section = sections[-1]
        if bar.endings:
            if len(section.endings) == 2 or bar.endings != (len(section.endings) + 1,):
                raise UnfitTuneError("endings", str(bar.endings))
            section.endings.append([])
        notes = _normal_bar(bar, shift, report)
        if notes:
            (section.endings[-1] if section.endings else section.bars).append(notes)
        section.repeated |= bar.end_repeat
        if following is not None and following.endings and not following.start_repeat:
            continue
        in_second = len(section.endings) == 2 and len(section.endings[1]) >= len(section.endings[0])
        # A double bar inside |: ... :| divides phrases, not parts.
        if bar.end_repeat or in_second or (bar.double_bar and not (section.opened and not section.endings)):
            close()
    return [section for section in sections if section.bars or section.endings]


def _attach_pickups(sections: list[_Section], full: int) -> list[_Section]:
    """A lone short bar before a repeat sign is the pickup of what follows."""
    result: list[_Section] = []
    lone: list[NormalNote] | None = None
    for section in sections:
        if lone is not None:
            section.bars.insert(0, lone)
            lone = None
        bare = not section.repeated and not section.endings and len(section.bars) == 1
        if bare and bar_ticks(section.bars[0]) < full:
            lone = section.bars[0]
        else:
            result.append(section)
    if lone is not None:
        raise UnfitTuneError("bars that do not add up", "a short bar stands alone at the end")
    return result


def _whole_bars(bars: list[list[NormalNote]], full: int) -> list[list[NormalNote]]:
    """Join neighbours that a line end or a double bar split in the middle of a bar."""
    joined: list[list[NormalNote]] = []
    for bar in bars:
        if joined and bar_ticks(joined[-1]) < full and bar_ticks(joined[-1]) + bar_ticks(bar) == full:
            joined[-1] = _join_ties([*joined[-1], *bar])
        else:
            joined.append(bar)
    return joined


def _trim(bar: list[NormalNote], ticks: int) -> list[NormalNote]:
    """The bar without its last `ticks` ticks; a note that reaches into them is shortened."""
    keep = bar_ticks(bar) - ticks
    kept: list[NormalNote] = []
    for note in bar:
        left = keep - bar_ticks(kept)
        if left <= 0:
            break
        if note.ticks <= left:
            kept.append(note)
        elif left in DURATIONS:
            kept.append(replace(note, ticks=left, tie=False))
        else:
            raise UnfitTuneError("bars that do not add up", "a last bar that cannot make room for the pickup")
    if kept[-1].tie:
        kept[-1] = replace(kept[-1], tie=False)
    return kept


def _parts_of(section: _Section, full: int) -> list[Part]:
    section.repeated |= len(section.endings) == 2
    if len(section.endings) == 1:
        raise UnfitTuneError("endings", "a first without a second")
    bars = _whole_bars(section.bars, full)
    pickup: list[NormalNote] = []
    if len(bars) + len(section.endings) > 1 and bars and bar_ticks(bars[0]) < full:
        pickup, bars = bars[0], bars[1:]
    endings = [_whole_bars(ending, full) for ending in section.endings]
    closings = endings if endings else [bars]
    for group in [bars, *endings]:
        for bar in group:
            is_closing = any(group is closing for closing in closings) and bar is group[-1]
            if bar_ticks(bar) > full or (bar_ticks(bar) < full and not is_closing):
                raise UnfitTuneError("bars that do not add up", f"{bar_ticks(bar)} ticks where {full} fit")
    if not all(closings):
        raise UnfitTuneError("bars that do not add up", "a part or an ending has no bars")
    if pickup and section.repeated:
        for closing in closings:
            if bar_ticks(closing[-1]) == full:
                # Sloppy but common: the last bar is full and the pickup comes again on top.
                closing[-1] = _trim(closing[-1], bar_ticks(pickup))
    if len(bars) > MAX_PART_BARS or (len(bars) > 16 and len(bars) % 8 == 0 and not section.repeated):
        return _split_long(pickup, bars, section)
    frozen = tuple(tuple(tuple(bar) for bar in ending) for ending in endings)
    count = len(bars) + (len(endings[0]) if endings else 0)
    if count > MAX_PART_BARS:
        raise UnfitTuneError("part too long", f"{count} bars")
    return [Part(tuple(pickup), tuple(tuple(bar) for bar in bars), section.repeated, frozen)]


def _split_long(pickup: list[NormalNote], bars: list[list[NormalNote]], section: _Section) -> list[Part]:
    """A long part without repeats is taken as parts of eight bars."""
    if section.repeated or len(bars) % 8:
        raise UnfitTuneError("part too long", f"{len(bars)} bars")
    eights = [bars[start : start + 8] for start in range(0, len(bars), 8)]
    return [
        Part(tuple(pickup) if index == 0 else (), tuple(tuple(bar) for bar in eight), False)
        for index, eight in enumerate(eights)
    ]
