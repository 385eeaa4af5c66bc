"""What is wrong with a tune that can be read: against the prompt, and against what real tunes do.

The limits are the outermost percent of 500 tunes of our training corpus, which is wide: a tune within all of them may
still be dull, one outside of one may be fine. Of those tunes 16 in 100 have no repeats; all else is at most 1 in 100.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from audiogen.evaluation.tune_checks import bar_faults
from symbolic_bridge.analysis import (
    Melody,
    MelodyIndex,
    estimate_key,
    find_form,
    melody_of,
    note_name,
    overlap,
)
from symbolic_bridge.analysis.cadences import scale_of
from symbolic_bridge.attributes import TuneAttributes
from symbolic_bridge.kinds import kind_of
from symbolic_bridge.tune import Key, Tune

__all__ = ["Shortcoming", "diagnose"]

_NARROWEST, _WIDEST = 12, 28
_LARGEST_LEAP, _LEAP, _MOST_LEAPS = 19, 7, 0.2
_LEAST_DISTINCT, _MOST_OF_ONE_PITCH, _FEWEST_PITCHES = 0.42, 0.342, 7
_LONGEST_RUN, _MOST_REPEATED = 7, 0.28
_MOST_OUTSIDE = 0.134
# How sure the key must be before it is held against the header.
_SURE, _IMPROBABLE = 0.9, 0.02
# Too short a tune shows neither form nor monotony.
_FEWEST_BARS = 8
_COPY_SHARE = 0.5
_MOST_NAMED = 3


@dataclass(frozen=True)
class Shortcoming:
    """One thing that is wrong. `aspect`: bars, key, meter, kind, length, form, range, leaps, monotony or copying."""

    aspect: str
    detail: str

    def __str__(self) -> str:
        return f"{self.aspect}: {self.detail}"


def diagnose(
    tune: Tune,
    wanted: TuneAttributes,
    *,
    examples: Sequence[str] = (),
    corpus: MelodyIndex | None = None,
) -> tuple[Shortcoming, ...]:
    """List the shortcomings of a tune.

    Args:
        tune: as read from a reply.
        wanted: what the prompt says; what it leaves open is not held against the tune.
        examples: ABC that the model was shown, which it should not copy.
        corpus: tunes that it should not copy either.
    """
    try:
        melody = melody_of(tune)
    except ValueError as error:
        return (Shortcoming("length", str(error)),)
    found = [
        *_bars(tune),
        *_beside_the_prompt(tune, wanted),
        *_key_as_heard(melody, tune.header.key),
        *_form(melody, tune, wanted),
        *_range_and_leaps(melody),
        *_monotony(melody, tune),
        *_copying(tune, examples, corpus),
    ]
    return tuple(found)


def _bars(tune: Tune) -> Iterator[Shortcoming]:
    wrong = bar_faults(tune)
    if wrong:
        rest = f" and {len(wrong) - _MOST_NAMED} more" if len(wrong) > _MOST_NAMED else ""
        yield Shortcoming("bars", f"{', '.join(wrong[:_MOST_NAMED])}{rest}, as played")


def _beside_the_prompt(tune: Tune, wanted: TuneAttributes) -> Iterator[Shortcoming]:
    key = tune.header.key
    if wanted.tonic is not None and Key(wanted.tonic).tonic_pitch_class != key.tonic_pitch_class:
        yield Shortcoming("key", f"{key.tonic} {key.mode}, where {wanted.tonic} was asked for")
    elif wanted.mode is not None and wanted.mode != key.mode:
        yield Shortcoming("key", f"{key.tonic} {key.mode}, where {wanted.mode} was asked for")
    meter = tune.header.meter
    if wanted.meter is not None and wanted.meter != meter:
        yield Shortcoming("meter", f"{meter or 'free metre'}, where {wanted.meter} was asked for")
    kind = kind_of(tune).id
    if wanted.kind is not None and wanted.kind != kind:
        yield Shortcoming("kind", f"a {kind}, where a {wanted.kind} was asked for")
    bars = sum(bool(bar.notes) for bar in tune.bars)
    # Pickups and second endings are written as bars of their own.
    if wanted.bars is not None and not wanted.bars <= bars <= wanted.bars * 1.25 + 1:
        yield Shortcoming("length", f"{bars} bars are written, where {wanted.bars} were asked for")


def _key_as_heard(melody: Melody, written: Key) -> Iterator[Shortcoming]:
    inside = {(written.tonic_pitch_class + step) % 12 for step in scale_of(written.mode)}
    inside |= {
        Key(letter + {1: "#", -1: "b", 0: ""}[alter]).tonic_pitch_class for letter, alter in written.extra
    }
    outside = float(np.mean([pitch % 12 not in inside for pitch in melody.pitches.tolist()]))
    if outside > _MOST_OUTSIDE:
        yield Shortcoming(
            "key",
            f"{outside:.0%} of the notes are foreign to {written.tonic} {written.mode}, as it is written",
        )
    heard = estimate_key(melody)
    chances = [
        chance.probability
        for chance in heard.chances
        if (chance.tonic, chance.mode) == (written.tonic_pitch_class, written.mode)
    ]
    if not written.extra and heard.probability > _SURE and sum(chances) < _IMPROBABLE:
        sounds = f"{note_name(heard.tonic, Key('C'))} {heard.mode}"
        yield Shortcoming("key", f"written in {written.tonic} {written.mode}, it sounds in {sounds}")


def _form(melody: Melody, tune: Tune, wanted: TuneAttributes) -> Iterator[Shortcoming]:
    full = melody.full_bars()
    if len(full) < _FEWEST_BARS:
        yield Shortcoming("length", f"{len(full)} bars; tunes have at least {_FEWEST_BARS}")
        return
    form = find_form(melody)
    repeated = any(bar.end_repeat for bar in tune.bars) or len(set(form.letters)) < len(form.letters)
    if not repeated:
        yield Shortcoming("form", f"no part comes twice ({form.letters})")
    if wanted.form is not None and wanted.form != form.letters:
        yield Shortcoming("form", f"{form.letters} by ear, where {wanted.form} was asked for")


def _range_and_leaps(melody: Melody) -> Iterator[Shortcoming]:
    lowest, highest = int(melody.pitches.min()), int(melody.pitches.max())
    if highest - lowest > _WIDEST:
        yield Shortcoming("range", f"{highest - lowest} semitones; real tunes stay within {_WIDEST}")
    if highest - lowest < _NARROWEST and len(melody.full_bars()) >= _FEWEST_BARS:
        yield Shortcoming("range", f"{highest - lowest} semitones; real tunes span at least {_NARROWEST}")
    leaps = np.abs(np.diff(melody.pitches))
    largest = int(np.argmax(leaps))
    if leaps[largest] > _LARGEST_LEAP:
        bar = int(melody.bar_of[largest + 1]) + 1
        yield Shortcoming("leaps", f"one of {leaps[largest]} semitones into bar {bar} as played")
    share = float((leaps > _LEAP).mean())
    if share > _MOST_LEAPS:
        yield Shortcoming("leaps", f"{share:.0%} of the steps are wider than a fifth")


def _monotony(melody: Melody, tune: Tune) -> Iterator[Shortcoming]:
    pitches = melody.pitches.tolist()
    contents = [tuple((note.pitches, note.duration) for note in bar.notes) for bar in tune.bars if bar.notes]
    distinct = len(set(contents)) / len(contents)
    if len(contents) >= _FEWEST_BARS and distinct < _LEAST_DISTINCT:
        yield Shortcoming("monotony", f"of {len(contents)} written bars only {len(set(contents))} differ")
    pitch, count = Counter(pitches).most_common(1)[0]
    if count / len(pitches) > _MOST_OF_ONE_PITCH:
        name = note_name(pitch, tune.header.key)
        yield Shortcoming("monotony", f"{count / len(pitches):.0%} of the notes are the same {name}")
    if len(set(pitches)) < _FEWEST_PITCHES and len(contents) >= _FEWEST_BARS:
        yield Shortcoming("monotony", f"only {len(set(pitches))} different pitches")
    run = longest = 1
    for before, after in pairwise(pitches):
        run = run + 1 if before == after else 1
        longest = max(longest, run)
    if longest > _LONGEST_RUN:
        yield Shortcoming("monotony", f"one pitch {longest} times in a row")
    repeated = float((np.diff(melody.pitches) == 0).mean())
    if repeated > _MOST_REPEATED:
        yield Shortcoming("monotony", f"{repeated:.0%} of the notes repeat the one before")


def _copying(tune: Tune, examples: Sequence[str], corpus: MelodyIndex | None) -> Iterator[Shortcoming]:
    for text in examples:
        other = Tune.from_abc(text)
        share = overlap(tune, other).share
        if share > _COPY_SHARE:
            yield Shortcoming("copying", f"{share:.0%} of it is in the example {other.header.title!r}")
    if corpus is not None:
        nearest = corpus.nearest(tune)
        if nearest.share > _COPY_SHARE:
            yield Shortcoming("copying", f"{nearest.share:.0%} of it is in {nearest.name} of the corpus")
