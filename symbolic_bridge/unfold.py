"""Repeats, endings and part orders written out, and the notes of a tune on one time line."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from symbolic_bridge.abc_fields import felt_beat
from symbolic_bridge.tune import Bar, Key, Meter, Note, Tune

# A part order that asks for more bars is an attack.
MOST_ORDERED_BARS = 100_000


@dataclass(frozen=True)
class TimedNote:
    """A sounding note (or chord) of a tune as played; `start` and `duration` in whole notes.

    `bar` is the index of its bar in the unfolded tune; `note` is the note as written there (the first one of a
    chain of tied notes, so that its graces and decorations stay with the beginning).
    """

    start: Fraction
    duration: Fraction
    pitches: tuple[int, ...]
    bar: int
    note: Note


@dataclass(frozen=True)
class Sound:
    """A pitch that sounds from `start` to `end` (whole notes from the start), begun in bar `bar` (an index)."""

    start: Fraction
    end: Fraction
    midi: int
    bar: int


def unfold_tune(tune: Tune) -> Tune:
    """The tune as played: no repeat signs, no endings, no part order left.

    Voices of as many bars as the first follow its signs, others their own.
    """
    order = play_order(tune)
    voices = []
    for voice in tune.voices:
        alone = replace(tune, bars=voice.bars, voices=())
        own = order if len(voice.bars) == len(tune.bars) else play_order(alone)
        voices.append(replace(voice, bars=_played(alone, own)))
    fields = tuple(entry for entry in tune.header.fields if entry[0] != "P")
    header = replace(tune.header, fields=fields)
    return replace(tune, header=header, bars=_played(tune, order), voices=tuple(voices))


def _played(tune: Tune, order: Sequence[int]) -> tuple[Bar, ...]:
    """The bars of a tune's first voice in an order, each with the changes that it needs there."""
    opening, *states = in_force(tune)
    bars: list[Bar] = []
    now = opening
    for index in order:
        bar, state = tune.bars[index], states[index]
        bars.append(
            replace(
                bar,
                start_repeat=False, end_repeat=False, endings=(), plays=2,
                meter=state.meter if state.meter != now.meter else None,
                key=state.key if state.key != now.key else None,
                tempo_bpm=state.tempo_bpm if state.speed != now.speed else None,
            )
        )  # fmt: skip
        now = state
    return tuple(bars)


@dataclass(frozen=True)
class InForce:
    """Meter, key and tempo in force; `speed` is the latter in whole notes a minute, None where none was said."""

    meter: Meter | None
    key: Key
    speed: Fraction | None

    @property
    def tempo_bpm(self) -> float | None:
        """In felt beats of the meter."""
        return None if self.speed is None else float(self.speed / felt_beat(self.meter))


def in_force(tune: Tune) -> list[InForce]:
    """What is in force before the first bar, and in every written bar; a change of meter keeps the notes' speed."""

    def speed_of(tempo_bpm: float | None, meter: Meter | None) -> Fraction | None:
        return None if tempo_bpm is None else Fraction(tempo_bpm) * felt_beat(meter)

    header = tune.header
    state = InForce(header.meter, header.key, speed_of(header.tempo_bpm, header.meter))
    states = [state]
    for bar in tune.bars:
        meter = bar.meter or state.meter
        state = InForce(meter, bar.key or state.key, speed_of(bar.tempo_bpm, meter) or state.speed)
        states.append(state)
    return states


def play_order(tune: Tune) -> tuple[int, ...]:
    """Indices of the written bars in the order in which they sound."""
    groups = _part_groups(tune)
    order: list[int] = []
    for start, stop in groups:
        order.extend(_repeat_order(tune.bars, start, stop))
    return tuple(order)


def part_of_bars(tune: Tune) -> tuple[int, ...]:
    """For every written bar the number of its section: 0 for A, 1 for B ...

    A section begins at a P: label, at a start of a repeat, and behind a repeat sign or double bar (an ending
    belongs to what it ends). What is shorter than two bars makes no section of its own: a pickup belongs to what
    follows it.
    """
    bars = tune.bars
    starts = []
    for index in range(1, len(bars)):
        bar, before = bars[index], bars[index - 1]
        closed = (before.end_repeat or before.double_bar) and not bar.endings
        if bar.part or bar.start_repeat or closed:
            starts.append(index)
    kept = [0]
    for start, stop in zip(starts, [*starts, len(bars)][1:], strict=True):
        if bars[start].part or (start - kept[-1] >= 2 and (stop - start >= 2 or stop < len(bars))):
            kept.append(start)
    ends = [*kept[1:], len(bars)]
    return tuple(
        section
        for section, (start, stop) in enumerate(zip(kept, ends, strict=True))
        for _ in range(start, stop)
    )


def _part_groups(tune: Tune) -> list[tuple[int, int]]:
    """Runs of bars [start, stop) in the order that a header's P: asks for; the whole tune without one."""
    whole = [(0, len(tune.bars))]
    text = next((value for letter, value in tune.header.fields if letter == "P"), "")
    wanted = expand_parts(text)
    labels = [(index, bar.part) for index, bar in enumerate(tune.bars) if bar.part]
    if not wanted or not labels:
        return whole
    stops = [index for index, _ in labels[1:]] + [len(tune.bars)]
    spans = {}
    for (start, label), stop in zip(labels, stops, strict=True):
        spans.setdefault(label, (start, stop))
    if labels[0][0] > 0 and wanted[0] not in spans:
        spans[wanted[0]] = (0, labels[0][0])
    # An order that leaves parts out is a label or a remark, not an order.
    if set(wanted) != set(spans):
        return whole
    lead_in = [(0, labels[0][0])] if labels[0][0] > 0 and (0, labels[0][0]) not in spans.values() else []
    order = lead_in + [spans[label] for label in wanted]
    return order if sum(stop - start for start, stop in order) <= MOST_ORDERED_BARS else whole


def expand_parts(text: str) -> tuple[str, ...]:
    """Labels in order of playing: "A2(BC)2" gives A A B C B C. Empty when the text is no part order."""
    text = re.sub(r"[\s.]", "", text)
    if not re.fullmatch(r"[A-Za-z0-9()]*", text) or len(text) > 200:
        return ()
    stack: list[list[str]] = [[]]
    last: list[str] = []
    place = 0
    while place < len(text):
        char = text[place]
        place += 1
        if char == "(":
            stack.append([])
            last = []
        elif char == ")":
            if len(stack) < 2:
                return ()
            last = stack.pop()
            stack[-1].extend(last)
        elif char.isdigit():
            stack[-1].extend(last * (int(char) - 1))
            last = []
        else:
            last = [char]
            stack[-1].append(char)
        if len(stack[-1]) > 1000:
            return ()
    return tuple(stack[0]) if len(stack) == 1 else ()


def _repeat_order(bars: tuple[Bar, ...], start: int, stop: int) -> list[int]:
    """Order of play of the bars [start, stop): sections one after another, each as often as its signs say."""
    order: list[int] = []
    place = start
    while place < stop:
        section = _section(bars, place, stop)
        order.extend(section[0])
        place = section[1]
    return order


def _section(bars: tuple[Bar, ...], start: int, stop: int) -> tuple[list[int], int]:
    """Order of play of the section that begins at `start`, and where the next one begins."""
    index = start
    opened = bars[start].start_repeat
    while index < stop:
        bar = bars[index]
        if index > start and bar.start_repeat:
            return list(range(start, index)), index
        if bar.endings:
            return _with_endings(bars, start, index, stop)
        if bar.end_repeat:
            return list(range(start, index + 1)) * bar.plays, index + 1
        if bar.double_bar and not opened and index + 1 < stop and not bars[index + 1].endings:
            # Standard 2.1: without |: the repeat goes back to the latest double bar.
            return list(range(start, index + 1)), index + 1
        index += 1
    return list(range(start, stop)), stop


def _with_endings(bars: tuple[Bar, ...], start: int, first: int, stop: int) -> tuple[list[int], int]:
    """A section [start, first) with endings from `first` on."""
    blocks: list[tuple[tuple[int, ...], int, int]] = []
    taken: set[int] = set()
    index = first
    while index < stop and bars[index].endings and not taken & set(bars[index].endings):
        passes = bars[index].endings
        end = _ending_stop(bars, index, stop, blocks[0][2] - blocks[0][1] if blocks else 0)
        blocks.append((passes, index, end))
        taken |= set(passes)
        index = end
    body = list(range(start, first))
    order: list[int] = []
    for turn in range(1, max(taken) + 1):
        block = next(((begin, end) for passes, begin, end in blocks if turn in passes), None)
        if block:
            order.extend(body + list(range(*block)))
    return order, index


def _ending_stop(bars: tuple[Bar, ...], start: int, stop: int, usual: int) -> int:
    """Where the ending that begins at `start` is over.

    `usual` is the length of the first ending: a last ending with no sign behind it is taken to be as long, when a
    repeat sign far behind it would otherwise be swallowed.
    """
    index = start
    while index < stop:
        bar = bars[index]
        if index > start and (bar.start_repeat or bar.endings):
            return index
        if bar.double_bar and not bar.end_repeat:
            return index + 1
        if bar.end_repeat:
            far = usual and index + 1 - start > usual + 1
            return start + usual if far else index + 1
        index += 1
    return stop


def timed_notes(tune: Tune) -> list[TimedNote]:
    """The notes of an unfolded tune in order of their start, ties merged, rests left out.

    Args:
        tune: a tune as `unfold_tune` gives it; repeat signs, if any are left, are passed over.
    """
    found: list[TimedNote] = []
    # MIDI pitch -> index in `found` of the note that a tie holds.
    held: dict[int, int] = {}
    now = Fraction(0)
    for bar_index, bar in enumerate(tune.bars):
        for note in bar.notes:
            new_held: dict[int, int] = {}
            fresh: list[int] = []
            for midi in dict.fromkeys(pitch.midi for pitch in note.pitches):
                if midi in held:
                    new_held[midi] = held[midi]
                else:
                    fresh.append(midi)
            for index in set(new_held.values()):
                found[index] = replace(found[index], duration=now + note.duration - found[index].start)
            if fresh:
                found.append(TimedNote(now, note.duration, tuple(fresh), bar_index, note))
                new_held.update(dict.fromkeys(fresh, len(found) - 1))
            now += note.duration
            held = new_held if note.tie else {}
    return found


def layers(bars: Sequence[Bar]) -> list[list[tuple[Note, ...]]]:
    """The notes of every bar: first of the voice itself, then of each voice written over it (none where it pauses)."""
    depth = max((len(bar.overlays) for bar in bars), default=0)
    over = [[(*bar.overlays, *[()] * depth)[layer] for bar in bars] for layer in range(depth)]
    return [[bar.notes for bar in bars], *over]


def sounds(bars: Sequence[Bar], notes: Sequence[Sequence[Note]]) -> list[Sound]:
    """What sounds in a layer of unfolded bars, pitch by pitch, ties merged, in order of their start.

    Args:
        bars: the bars of the voice.
        notes: those of the layer, for each bar, as `layers` gives them.
    """
    found: list[Sound] = []
    held: dict[tuple[int, int], int] = {}
    reached = start = Fraction(0)
    for index, bar in enumerate(bars):
        now = start
        for note in notes[index]:
            if now != reached:
                held = {}
            new: dict[tuple[int, int], int] = {}
            for key, length in _lengths(note):
                if key in held:
                    new[key] = held[key]
                    found[new[key]] = replace(found[new[key]], end=now + length)
                else:
                    new[key] = len(found)
                    found.append(Sound(now, now + length, key[0], index))
            now += note.duration
            reached = now
            held = new if note.tie else {}
        start += bar.duration
    return sorted(found, key=lambda sound: (sound.start, sound.midi))


def _lengths(note: Note) -> Iterator[tuple[tuple[int, int], Fraction]]:
    """For each pitch of a note its MIDI number, which of its unisons it is, and how long it sounds."""
    seen: Counter[int] = Counter()
    for pitch, ratio in zip(note.pitches, note.length_ratios or (1,) * len(note.pitches), strict=True):
        yield (pitch.midi, seen[pitch.midi]), note.duration * ratio
        seen[pitch.midi] += 1
