"""The plan that a tune in normal form follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import lru_cache

import numpy as np

from symbolic_bridge.analysis.cadences import KIND_OF_DEGREE, degree_of
from symbolic_bridge.harmony import BEAT_WEIGHT, HEAD_WEIGHT, bar_chords
from symbolic_bridge.normal_form import TICKS_PER_WHOLE, WHITE_TONICS, NormalBar, NormalTune, Part
from symbolic_bridge.normalise import CENTRE_PITCH
from symbolic_bridge.plans import (
    HIGHEST_LEVEL,
    LEVEL_SEMITONES,
    LONGEST_DISTANCE,
    LOWEST_LEVEL,
    MOST_NOTES,
    NO_CHORD,
    Plan,
    PlanBar,
    PlanPart,
    numeral,
)
from symbolic_bridge.tune import Key, Meter

# A bar is compared at moments so many ticks apart.
SLOT_TICKS = 3
VARIES_AT_LEAST = 0.5
# Bars at these distances may be varied; of those equally alike the one at the first distance is named. Repeats may be
# further off.
USUAL_DISTANCES = (8, 4, 2, 1, 16, 0, 12, 24, 6)
_RANK_COST = 0.01
PHRASE_BARS = 4
LEVEL_MOVE_SEMITONES = 2
_CADENCES = {"authentic": "full", "half": "half"}


def plan_of(tune: NormalTune) -> Plan:
    """The plan that a tune follows; `kind` and form are those of its signs, the tonic is left open."""
    bars = [bar for part in tune.parts for bar in written_bars(part)]
    relations = _relations(bars, bar_numbers(tune.parts))
    planned: list[PlanPart] = []
    at = 0
    for part in tune.parts:
        chords = _part_chords(tuple(written_bars(part)), tune.meter, tune.mode)
        closes = _closes(part)
        entries = []
        for offset, bar in enumerate(written_bars(part)):
            relation, of = relations[at + offset]
            if relation == "repeats":
                entries.append(PlanBar(relation, of))
                continue
            entries.append(_entry(bar, tune, relation, of, chords[offset], offset in closes))
        at += len(entries)
        first = len(part.bars)
        endings, place = [], first
        for ending in part.endings:
            endings.append(tuple(entries[place : place + len(ending)]))
            place += len(ending)
        pickup = sum(note.ticks for note in part.pickup)
        planned.append(PlanPart(tuple(entries[:first]), part.repeated, pickup, tuple(endings)))
    letters = "".join(
        "ABCDEFGH"[place] * (2 if part.repeated else 1) for place, part in enumerate(tune.parts)
    )
    return Plan(tune.kind, tune.meter, tune.mode, None, letters, tuple(planned))


def completed(plan: Plan, tune: NormalTune) -> Plan:
    """The plan with what it leaves open of its bars as it is heard in a tune that was written along it."""
    heard = iter(plan_of(tune).heard_bars())

    def filled(bars: tuple[PlanBar, ...]) -> tuple[PlanBar, ...]:
        return tuple(_filled(bar, next(heard)) for bar in bars)

    parts = tuple(
        replace(part, bars=filled(part.bars), endings=tuple(filled(ending) for ending in part.endings))
        for part in plan.parts
    )
    return replace(plan, parts=parts)


def _filled(bar: PlanBar, heard: PlanBar) -> PlanBar:
    if bar.relation == "repeats":
        return bar
    return PlanBar(
        bar.relation,
        bar.of,
        bar.cadence or heard.cadence,
        bar.chords or heard.chords,
        heard.level if bar.level is None else bar.level,
        bar.direction or heard.direction,
        heard.notes if bar.notes is None else bar.notes,
    )


def written_bars(part: Part) -> list[NormalBar]:
    """The bars that a plan has entries for: all but the pickup."""
    return [*part.bars, *(bar for ending in part.endings for bar in ending)]


def bar_numbers(parts: Sequence[Part | PlanPart]) -> list[int]:
    """The place of every written bar on the time line; second endings take the numbers of first endings."""
    numbers: list[int] = []
    now = 0
    for part in parts:
        numbers += range(now, now + len(part.bars))
        now += len(part.bars)
        for ending in part.endings:
            numbers += range(now, now + len(ending))
        now += len(part.endings[0]) if part.endings else 0
    return numbers


def _closes(part: Part) -> set[int]:
    """The written bars of a part with which phrases close: every fourth one and the last of every pass."""
    count, whole = len(part.bars), part.bar_count
    closing = {bar for bar in range(count) if bar % PHRASE_BARS == PHRASE_BARS - 1}
    if not part.endings:
        return closing | {whole - 1}
    return closing | {whole - 1, count + sum(len(ending) for ending in part.endings) - 1}


def _entry(
    bar: NormalBar, tune: NormalTune, relation: str, of: int | None, chord: str, closes: bool
) -> PlanBar:
    pitches = np.array([note.midi for note in bar if note.midi is not None])
    if not len(pitches):
        return PlanBar(relation, of, "none", (NO_CHORD,), 0, "level", 0)
    ticks = np.array([note.ticks for note in bar if note.midi is not None])
    mean = float((pitches * ticks).sum() / ticks.sum())
    level = round((mean - CENTRE_PITCH) / LEVEL_SEMITONES)
    move = int(pitches[-1] - pitches[0])
    direction = "up" if move > LEVEL_MOVE_SEMITONES else "down" if move < -LEVEL_MOVE_SEMITONES else "level"
    return PlanBar(
        relation,
        of,
        _cadence(bar, tune) if closes else "none",
        (chord,),
        min(HIGHEST_LEVEL, max(LOWEST_LEVEL, level)),
        direction,
        min(MOST_NOTES, len(pitches)),
    )


def _cadence(bar: NormalBar, tune: NormalTune) -> str:
    """How a phrase closes, by the degree of the note that sounds on the bar's last beat."""
    tonic = Key(WHITE_TONICS[tune.mode], tune.mode).tonic_pitch_class
    last_beat = int((tune.meter.bar_duration - tune.meter.beat_duration) * TICKS_PER_WHOLE)
    now, pitch = 0, None
    for note in bar:
        if now > last_beat:
            break
        pitch = note.midi if note.midi is not None else pitch
        now += note.ticks
    if pitch is None:
        return "none"
    return _CADENCES.get(KIND_OF_DEGREE[degree_of(pitch, tonic, tune.mode)], "none")


@lru_cache(maxsize=32768)
def _part_chords(bars: tuple[NormalBar, ...], meter: Meter, mode: str) -> tuple[str, ...]:
    """One chord for each bar, as numerals."""
    beat = int(meter.beat_duration * TICKS_PER_WHOLE)
    weights = np.zeros((len(bars), 12))
    for row, bar in enumerate(bars):
        now = 0
        for note in bar:
            if note.midi is not None:
                stress = HEAD_WEIGHT if now == 0 else BEAT_WEIGHT if now % beat == 0 else 1.0
                weights[row, note.midi % 12] += stress * note.ticks
            now += note.ticks
    key = Key(WHITE_TONICS[mode], mode)
    found = bar_chords(weights, key)
    return tuple(numeral(chord.root - key.tonic_pitch_class, chord.quality) for chord in found)


def _relations(bars: Sequence[NormalBar], numbers: Sequence[int]) -> list[tuple[str, int | None]]:
    """What each bar is to the bars before it, and the number (from 1) of the one it repeats or varies."""
    slots = max(1, max(sum(note.ticks for note in bar) for bar in bars) // SLOT_TICKS)
    heard = np.full((len(bars), slots), -1)
    for row, bar in enumerate(bars):
        now = 0
        for note in bar:
            heard[row, now // SLOT_TICKS : (now + note.ticks) // SLOT_TICKS] = note.midi or 0
            now += note.ticks
    found: list[tuple[str, int | None]] = [("new", None)]
    for row in range(1, len(bars)):
        # First endings are out of reach once the second have taken their numbers.
        distances = {
            other: numbers[row] - number
            for number, other in {numbers[other]: other for other in range(row)}.items()
            if 0 <= numbers[row] - number <= LONGEST_DISTANCE
        }
        equal = [other for other in distances if bars[other] == bars[row]]
        if equal:
            found.append(("repeats", min(equal, key=lambda other: _rank(distances[other])) + 1))
            continue
        alike = (heard[:row] == heard[row]).mean(axis=1)
        worth = {
            float(alike[other]) - _RANK_COST * _rank(distances[other]): other
            for other in distances
            if distances[other] in USUAL_DISTANCES and alike[other] >= VARIES_AT_LEAST
        }
        found.append(("varies", worth[max(worth)] + 1) if worth else ("new", None))
    return found


def _rank(distance: int) -> int:
    if distance in USUAL_DISTANCES:
        return USUAL_DISTANCES.index(distance)
    return len(USUAL_DISTANCES) + distance
