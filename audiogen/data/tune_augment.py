"""More tunes out of one: other keys, octaves, orders of parts and ornaments, each as a pure function.

Tunes as written move between keys; the rest works on the normal form, in which the composer learns. Nothing here draws
at random but `reornamented`, which is given its generator.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from symbolic_bridge.normal_form import (
    HIGHEST_PITCH,
    LOWEST_PITCH,
    TICKS_PER_WHOLE,
    WHITE_TONICS,
    NormalBar,
    NormalNote,
    NormalTune,
    Part,
    bar_ticks,
    shifted_part,
)
from symbolic_bridge.transpose import transpose_key
from symbolic_bridge.tune import LETTER_SEMITONES, Key, Tune

# Signatures in which dance tunes are printed, in sharps: from B flat major to E major.
SESSION_SHARPS = range(-2, 5)
# From the fiddle's lowest string to the top of its first position.
FIDDLE_RANGE = (55, 83)
_EIGHTH, _QUARTER, _DOTTED_QUARTER = TICKS_PER_WHOLE // 8, TICKS_PER_WHOLE // 4, 3 * TICKS_PER_WHOLE // 8


def on_white_notes(tune: Tune) -> Tune:
    """The tune moved the shortest way to the key without sharps or flats: C major, A minor, or D dorian and so on."""
    return tune.transpose(white_note_shift(tune.header.key))


def white_note_shift(key: Key) -> int:
    """Semitones, -5 ... 6, from a key to the one of its mode on white notes."""
    shift = (Key(WHITE_TONICS[key.mode], key.mode).tonic_pitch_class - key.tonic_pitch_class) % 12
    return shift if shift <= 6 else shift - 12


def session_shifts(
    tune: Tune, lowest: int = FIDDLE_RANGE[0], highest: int = FIDDLE_RANGE[1]
) -> tuple[int, ...]:
    """Semitones, -6 ... 5, that bring a tune to a customary key and keep it between two MIDI pitches."""
    pitches = [pitch.midi for bar in tune.bars for note in bar.notes for pitch in note.pitches]
    return tuple(
        shift
        for shift in range(-6, 6)
        if all(lowest <= pitch + shift <= highest for pitch in pitches)
        and transpose_key(tune.header.key, shift).sharps in SESSION_SHARPS
    )


def octave_shifts(tune: NormalTune) -> tuple[int, ...]:
    """An octave down and up, in semitones, as far as the normal form has room for them."""
    pitches = [note.midi for note in tune.notes() if note.midi is not None]
    return tuple(
        shift
        for shift in (-12, 12)
        if all(LOWEST_PITCH <= pitch + shift <= HIGHEST_PITCH for pitch in pitches)
    )


def shifted(tune: NormalTune, semitones: int) -> NormalTune:
    """The tune moved in pitch.

    Raises:
        ValueError: a note leaves the normal form's range.
    """
    return replace(tune, parts=tuple(shifted_part(part, semitones) for part in tune.parts))


def has_exchangeable_parts(tune: NormalTune) -> bool:
    """Whether parts may change places: their pickups agree, and the last is repeated and ends like the others.

    What ends the tune then still ends like an end.
    """
    outlines = {(bar_ticks(part.pickup), part.repeated, _final_pitch_class(part)) for part in tune.parts}
    return len(tune.parts) > 1 and len(outlines) == 1


def with_part_order(tune: NormalTune, order: Sequence[int]) -> NormalTune:
    """The tune with its parts in another order.

    Args:
        tune: whose parts may change places.
        order: places of the parts, from 0, each once.

    Raises:
        ValueError: the order is none of this tune's parts, or they may not change places.
    """
    if sorted(order) != list(range(len(tune.parts))):
        raise ValueError(f"{list(order)} is no order of {len(tune.parts)} parts")
    if list(order) != sorted(order) and not has_exchangeable_parts(tune):
        raise ValueError("the parts begin or end differently, so they may not change places")
    return replace(tune, parts=tuple(tune.parts[place] for place in order))


def _final_pitch_class(part: Part) -> int:
    *_, closing = part.all_bars()
    return -1 if closing[-1].midi is None else closing[-1].midi % 12


@dataclass(frozen=True)
class OrnamentSite:
    """A place where another figure may stand: `count` notes from `note` in the `bar`th of a part's `all_bars()`.

    `figures` are the others of the same length: the note held, rolled, repeated, or as a turn in triplets.
    """

    part: int
    bar: int
    note: int
    count: int
    figures: tuple[NormalBar, ...]


def ornament_sites(tune: NormalTune) -> tuple[OrnamentSite, ...]:
    """Every place where an ornament may change. Pickups, tied notes and the last note of a part stay as they are."""
    sites: list[OrnamentSite] = []
    for number, part in enumerate(tune.parts):
        first = 1 if part.pickup else 0
        lengths = [first + len(part.bars), *map(len, part.endings)]
        closings = {sum(lengths[:count]) - 1 for count in range(1 + bool(part.endings), len(lengths) + 1)}
        tied = False
        for place, bar in enumerate(part.all_bars()):
            if place >= first:
                free = bar[:-1] if place in closings else bar
                sites += [
                    OrnamentSite(number, place, note, count, figures)
                    for note, count, figures in _bar_sites(free, tune.meter.is_compound, tied)
                ]
            tied = bar[-1].tie
    return tuple(sites)


def _bar_sites(bar: NormalBar, compound: bool, tied: bool) -> list[tuple[int, int, tuple[NormalBar, ...]]]:
    """(note, count, other figures) of every site in a bar; `tied` to the bar before."""
    sites: list[tuple[int, int, tuple[NormalBar, ...]]] = []
    note = ticks = 0
    while note < len(bar):
        count = 1
        if not (tied if note == 0 else bar[note - 1].tie):
            for family in _figures(bar[note].midi, ticks, compound):
                here = next((figure for figure in family if bar[note : note + len(figure)] == figure), None)
                if here is not None:
                    count = len(here)
                    sites.append((note, count, tuple(figure for figure in family if figure != here)))
                    break
        ticks += bar_ticks(bar[note : note + count])
        note += count
    return sites


def _figures(midi: int | None, ticks: int, compound: bool) -> list[tuple[NormalBar, ...]]:
    """Families of figures on a pitch that may begin so many ticks into a bar; those of a family last equally long."""
    if midi is None:
        return []
    held, quarter, eighth = (NormalNote(midi, length) for length in (_DOTTED_QUARTER, _QUARTER, _EIGHTH))
    families: list[tuple[NormalBar, ...]] = []
    if compound and ticks % _DOTTED_QUARTER == 0:
        families.append(
            ((held,), (replace(held, roll=True),), (quarter, eighth), (eighth, eighth, eighth)),
        )
    elif not compound and ticks % _EIGHTH == 0:
        families.append(((held,), (replace(held, roll=True),)))
    if ticks % _DOTTED_QUARTER in (0, _EIGHTH) if compound else ticks % _QUARTER == 0:
        turn = [(NormalNote(midi, 8), NormalNote(upper, 8), NormalNote(midi, 8)) for upper in _upper(midi)]
        families.append(((quarter,), (replace(quarter, roll=True),), (eighth, eighth), *turn))
    return families


def _upper(midi: int) -> list[int]:
    """The white note above a white note, if the normal form has room for it."""
    if midi % 12 not in LETTER_SEMITONES:
        return []
    above = next(pitch for pitch in (midi + 1, midi + 2) if pitch % 12 in LETTER_SEMITONES)
    return [above] if above <= HIGHEST_PITCH else []


def with_ornaments(tune: NormalTune, chosen: Mapping[OrnamentSite, NormalBar]) -> NormalTune:
    """The tune with other figures at some of its sites; every bar lasts as long as before.

    Args:
        tune: the tune.
        chosen: the figure for each site that changes, one of its `figures`.

    Raises:
        ValueError: a site is none of this tune's, or a figure is none of its site's.
    """
    known = set(ornament_sites(tune))
    for site, figure in chosen.items():
        if site not in known or figure not in site.figures:
            raise ValueError(
                f"{figure} cannot stand at note {site.note} of bar {site.bar} of part {site.part}"
            )
    parts = []
    for number, part in enumerate(tune.parts):
        bars = list(part.all_bars())
        # From the last to the first, so that the numbers of earlier notes stay what they are.
        for site in sorted((site for site in chosen if site.part == number), key=lambda site: -site.note):
            bar = bars[site.bar]
            bars[site.bar] = bar[: site.note] + chosen[site] + bar[site.note + site.count :]
        parts.append(_with_bars(part, bars))
    return replace(tune, parts=tuple(parts))


def _with_bars(part: Part, bars: Sequence[NormalBar]) -> Part:
    """The part with other bars, in the order of `all_bars()`."""
    rest = list(bars)

    def take(count: int) -> tuple[NormalBar, ...]:
        taken = tuple(rest[:count])
        del rest[:count]
        return taken

    pickup = take(1)[0] if part.pickup else ()
    common = take(len(part.bars))
    return replace(
        part, pickup=pickup, bars=common, endings=tuple(take(len(ending)) for ending in part.endings)
    )


def reornamented(tune: NormalTune, rng: np.random.Generator, share: float = 0.3) -> NormalTune:
    """The tune with another figure at about a `share`, 0 ... 1, of its sites."""
    sites = [site for site in ornament_sites(tune) if rng.random() < share]
    return with_ornaments(tune, {site: site.figures[int(rng.integers(len(site.figures)))] for site in sites})
