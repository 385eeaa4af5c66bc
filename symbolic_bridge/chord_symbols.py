"""Chords as symbols: those of a plan over its tune, those a tune may have, and a progression as it is typed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction

from symbolic_bridge.analysis.chords import chord_name, note_name
from symbolic_bridge.harmony import TRIADS, Richness, harmonise, is_no_chord, parse_chord
from symbolic_bridge.plans import MAX_CHORDS_A_BAR, NO_CHORD, PlanError, numeral, numeral_parts
from symbolic_bridge.spelling import spell
from symbolic_bridge.timing import lay_out
from symbolic_bridge.tune import Bar, Key, Note, Pitch, Tune
from symbolic_bridge.unfold import play_order

# The lowest root of a triad that is written out: G3.
LOWEST_ROOT = 55
_SUFFIXES = {"major": "", "minor": "m", "diminished": "dim"}


def symbol_of(name: str, key: Key) -> str:
    """The symbol of a chord in a key: "ii" in D is "Em"; "N.C." for none."""
    if name == NO_CHORD:
        return "N.C."
    step, quality = numeral_parts(name)
    return note_name(key.tonic_pitch_class + step, key) + _SUFFIXES[quality]


def with_chord_symbols(tune: Tune, chords: Sequence[Sequence[str]]) -> Tune:
    """The tune with chords over its notes, each written where it changes.

    Args:
        tune: repeats not unfolded.
        chords: for every bar none, one, or one for each half; names of `plans.NUMERALS`.
    """
    bars: list[Bar] = []
    latest = ""
    for bar, names in zip(tune.bars, chords, strict=True):
        symbols = [symbol_of(name, tune.header.key) for name in names]
        notes = list(bar.notes)
        if bar.start_repeat or bar.endings:
            # Where players jump to, the chord is said again.
            latest = ""
        if symbols and symbols[0] != latest and notes:
            notes[0] = replace(notes[0], chord_symbol=symbols[0])
        latest = symbols[0] if symbols else latest
        if len(symbols) > 1:
            now, half = notes[0].duration, bar.duration / 2
            for place in range(1, len(notes)):
                if now >= half:
                    notes[place] = replace(notes[place], chord_symbol=symbols[1])
                    latest = symbols[1]
                    break
                now += notes[place].duration
        bars.append(replace(bar, notes=tuple(notes)))
    return replace(tune, bars=tuple(bars))


def progression_of(tune: Tune, chords: Sequence[Sequence[str]]) -> Tune:
    """The tune's bars with chords in place of its notes, each named and written out as a triad.

    Args:
        tune: repeats not unfolded.
        chords: as `with_chord_symbols` takes them; a bar without any holds a rest.
    """
    key = tune.header.key
    bars = []
    for bar, names in zip(tune.bars, chords, strict=True):
        length = bar.duration / max(1, len(names))
        notes = tuple(Note(_triad(name, key), length) for name in names) or (Note((), length),)
        bars.append(replace(bar, notes=notes))
    return with_chord_symbols(replace(tune, bars=tuple(bars)), chords)


def _triad(name: str, key: Key) -> tuple[Pitch, ...]:
    if name == NO_CHORD:
        return ()
    step, quality = numeral_parts(name)
    root = LOWEST_ROOT + (key.tonic_pitch_class + step - LOWEST_ROOT) % 12
    return tuple(spell(root + tone, key) for tone in TRIADS[quality])


def harmonised(tune: Tune, richness: Richness) -> Tune:
    """The tune with chords of our own over its notes, in place of any that it has.

    Args:
        tune: repeats not unfolded; each bar gets the chords of its first playing.
        richness: how they are chosen, such as one of `harmony.RICHNESSES`.

    Raises:
        ValueError: the tune has no notes.
    """
    bare = replace(
        tune,
        bars=tuple(
            replace(bar, notes=tuple(replace(note, chord_symbol="") for note in bar.notes))
            for bar in tune.bars
        ),
    )
    played, bars = lay_out(bare)
    if not bars:
        raise ValueError(f"tune {tune.header.title!r} has no notes")
    chords = harmonise(played, bars, richness)
    written = [place for place in play_order(bare) if bare.bars[place].notes]
    new = list(bare.bars)
    done: set[int] = set()
    latest = ""
    for place, bar in zip(written, bars, strict=True):
        inside = [chord for chord in chords if chord.start < bar.end and chord.end > bar.start]
        if bar.bar_in_section == 0:
            # Where players jump to, the chord is said again; an upbeat has none.
            latest = ""
        if place not in done and not bar.is_pickup:
            names = [(chord.start - bar.start, chord_name(chord, bar.key)) for chord in inside]
            new[place], latest = _with_symbols(new[place], names, latest)
            done.add(place)
    return replace(bare, bars=tuple(new))


def _with_symbols(bar: Bar, names: Sequence[tuple[Fraction, str]], latest: str) -> tuple[Bar, str]:
    """The bar with each name that is another than the latest one at the first note from its moment on, and the last."""
    notes = list(bar.notes)
    starts = [sum((note.duration for note in notes[:place]), Fraction(0)) for place in range(len(notes))]
    for moment, name in names:
        place = next((place for place, start in enumerate(starts) if start >= moment), None)
        if name != latest and place is not None:
            notes[place] = replace(notes[place], chord_symbol=name)
            latest = name
    return replace(bar, notes=tuple(notes)), latest


def read_progression(text: str) -> tuple[tuple[str, ...], ...]:
    """The symbols of "G|C D|Em|D" bar by bar.

    Raises:
        PlanError: a bar has no chord or more than MAX_CHORDS_A_BAR, or a symbol is none; says which.
    """
    bars = [tuple(bar.split()) for bar in text.strip().strip("|").split("|")]
    for number, bar in enumerate(bars, start=1):
        if not 1 <= len(bar) <= MAX_CHORDS_A_BAR:
            raise PlanError(f"chords, bar {number}: it has {len(bar)}; 1 to {MAX_CHORDS_A_BAR} are allowed")
        for symbol in bar:
            if parse_chord(symbol) is None and not is_no_chord(symbol):
                raise PlanError(f"chords, bar {number}: {symbol!r} is no chord, such as G, Em, D7 or N.C.")
    return tuple(bars)


def home_of(progression: Sequence[Sequence[str]]) -> Key:
    """The key that a progression begins in: its first chord's, major or minor.

    Raises:
        PlanError: it has no chord at all.
    """
    for symbol in (symbol for bar in progression for symbol in bar):
        chord = parse_chord(symbol)
        if chord is not None:
            letter = symbol.strip("( ")[:2]
            tonic = letter if letter[1:] in ("#", "b") else letter[0]
            return Key(tonic[0].upper() + tonic[1:], "minor" if chord.quality == "minor" else "major")
    raise PlanError("chords: there is none but N.C.")


def as_numerals(progression: Sequence[Sequence[str]], key: Key) -> tuple[tuple[str, ...], ...]:
    """The chords of a progression by their degrees in a key."""
    found = []
    for bar in progression:
        chords = [parse_chord(symbol) for symbol in bar]
        found.append(
            tuple(
                NO_CHORD if chord is None else numeral(chord.root - key.tonic_pitch_class, chord.quality)
                for chord in chords
            )
        )
    return tuple(found)
