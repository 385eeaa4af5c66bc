"""Sets: tunes that are played one after another, each some times through, as one tune.

A set is written as the standard writes pieces of several parts. Every tune is a part under its own title; the P: of the
header says how often each is played ("A2B2C2"), so that all that reads tunes reads sets, and repeats stay repeats.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise

import numpy as np

from symbolic_bridge.abc_fields import encode_text, felt_beat, field_text
from symbolic_bridge.kinds import kind_of
from symbolic_bridge.tune import Bar, Key, Meter, Note, Tune
from symbolic_bridge.unfold import MOST_ORDERED_BARS, InForce, in_force, play_order

USUAL_TIMES, MOST_TIMES = 2, 9
# All that the standard allows; between two tunes there may be a rest with a label of its own.
_LABELS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
MOST_TUNES = len(_LABELS) // 2
# Keys that lie well on fiddles, flutes and pipes, and how readily one is taken.
SESSION_KEYS: dict[Key, float] = {
    Key("D"): 3, Key("G"): 3, Key("A"): 3, Key("E", "minor"): 2, Key("B", "minor"): 2, Key("A", "minor"): 1,
    Key("A", "dorian"): 2, Key("E", "dorian"): 2, Key("D", "mixolydian"): 1, Key("A", "mixolydian"): 1,
}  # fmt: skip
_TONICS = ("C", "Db", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
_LIFT_SEMITONES = 2
# Header fields that say something of a tune to people; a set has those of all its tunes.
_TEXT_FIELDS = "ABCDFGHNOSWZ"
_WRITTEN_LAST = "QW"


def related_keys(
    first: Key, count: int, rng: np.random.Generator, mode: str | None = None
) -> tuple[Key, ...]:
    """Keys for the tunes of a set: each differs from the one before by at most a sharp, or lifts it by a tone.

    Args:
        first: the key of the first tune.
        count: of tunes, the first among them.
        rng: draws, keys of sessions and keys not yet heard first.
        mode: one of `tune.MODES` that all of them are to have; None leaves it open.
    """
    keys = [first]
    while len(keys) < count:
        near = _neighbours(keys[-1], mode)
        at_home = [key for key in near if key in SESSION_KEYS] or near
        fresh = [key for key in at_home if key not in keys] or at_home
        weights = np.array([SESSION_KEYS.get(key, 1.0) for key in fresh])
        keys.append(fresh[int(rng.choice(len(fresh), p=weights / weights.sum()))])
    return tuple(keys)


def _neighbours(before: Key, mode: str | None) -> list[Key]:
    """The keys that may follow one, in a fixed order."""
    modes = [mode] if mode else ["major", "minor", "dorian", "mixolydian"]
    found = []
    for key in (Key(tonic, each) for each in modes for tonic in _TONICS):
        step = (key.tonic_pitch_class - before.tonic_pitch_class) % 12
        lifts = step == _LIFT_SEMITONES and key.mode == before.mode
        if (step or key.mode != before.mode) and (abs(key.sharps - before.sharps) <= 1 or lifts):
            found.append(key)
    return found


@dataclass(frozen=True)
class _Member:
    """A tune of a set.

    `tune`: its one voice without labels; `opening` and `closing`: what is in force in its first and its last bar;
    `speed`: whole notes a minute at its beginning, by its own tempo or that of its kind; `says_tempo`: whether it has
    one of its own; `missing`: what its last bar as played lacks of a full one, in whole notes.
    """

    tune: Tune
    rhythm: str
    opening: InForce
    closing: InForce
    speed: Fraction
    says_tempo: bool
    missing: Fraction
    warnings: tuple[str, ...]

    @property
    def has_pickup(self) -> bool:
        """Whether its first bar is short."""
        return _shortness(self.tune.bars[0], self.opening) > 0

    def tempo_bpm(self, meter: Meter | None) -> float:
        """Its tempo at the beginning in felt beats of a meter."""
        return float(self.speed / felt_beat(meter))


def join_tunes(tunes: Sequence[Tune], times: int = USUAL_TIMES) -> Tune:
    """One tune that plays several one after another.

    Keys, metres and tempos change where a tune begins; a tune without a tempo has that of its kind as soon as the tunes
    differ in theirs. A last bar that is short because a pickup completes it is filled up with a rest if the tune that
    follows has none. Voices besides the first are left out, with a warning.

    Args:
        tunes: at least two, at most `MOST_TUNES`.
        times: how often each is played, 1 to `MOST_TIMES`.

    Raises:
        ValueError: too few or too many tunes, times or bars; a tune without notes, or one in free metre.
    """
    if not 2 <= len(tunes) <= MOST_TUNES:
        raise ValueError(f"a set of {len(tunes)}: 2 to {MOST_TUNES} tunes are needed")
    if not 1 <= times <= MOST_TIMES:
        raise ValueError(f"{times} times through: 1 to {MOST_TIMES} are allowed")
    members = [_member(tune) for tune in tunes]
    count = times * sum(len(member.tune.bars) for member in members)
    if count > MOST_ORDERED_BARS:
        raise ValueError(f"a set of {count} bars: at most {MOST_ORDERED_BARS} are played")
    first = members[0]
    tempos_said = any(member.says_tempo or member.speed != first.speed for member in members)
    again = str(times) if times > 1 else ""
    labels = iter(_LABELS)
    order = next(labels)
    opening, *others = _labelled(first.tune, order)
    bars = [replace(opening, lines=(*_titles(first.tune), *opening.lines)), *others]
    order += again
    for before, member in pairwise(members):
        label = next(labels)
        if before.missing and not member.has_pickup:
            bars.append(Bar((Note((), before.missing),), part=label))
            order, label = order + label, next(labels)
        opening, *others = _labelled(member.tune, label)
        bars += [_opened(opening, before, member, tempos_said), *others]
        order += label + again
    header = replace(
        first.tune.header,
        title=" / ".join(member.tune.header.title for member in members),
        rhythm=first.rhythm,
        tempo_bpm=first.tempo_bpm(first.tune.header.meter) if tempos_said else None,
        fields=_header_fields(members, order),
    )
    warnings = tuple(text for member in members for text in member.warnings)
    return Tune(header, tuple(bars), warnings, lines=members[-1].tune.lines)


def _member(tune: Tune) -> _Member:
    header = tune.header
    name = f"{header.title!r}"
    if header.meter is None or any("M:none" in bar.lines for bar in tune.bars):
        raise ValueError(f"{name} is in free metre (M:none); the tunes of a set need one")
    if not any(note.pitches for bar in tune.bars for note in bar.notes):
        raise ValueError(f"{name} has no notes")
    warnings = tuple(f"{name}: {text}" for text in tune.warnings)
    if tune.voices:
        warnings += (f"{name}: only the first of its {1 + len(tune.voices)} voices is in the set",)
    alone = _without_parts(replace(tune, voices=()))
    states = in_force(alone)
    opening, kind = states[1], kind_of(tune)
    customary = Fraction(kind.tempo_in(opening.meter)) * felt_beat(opening.meter)
    last = play_order(alone)[-1]
    return _Member(
        alone,
        header.rhythm or kind.id,
        opening,
        states[-1],
        opening.speed or customary,
        any(state.speed is not None for state in states),
        _shortness(alone.bars[last], states[1 + last]),
        warnings,
    )


def _shortness(bar: Bar, state: InForce) -> Fraction:
    """What a bar lacks of a full one, in whole notes; 0 for a full or an overfull bar."""
    return max(state.meter.bar_duration - bar.duration, Fraction(0)) if state.meter else Fraction(0)


def _without_parts(tune: Tune) -> Tune:
    """A tune without labels: one that has some as it is played, with double bars where its parts end."""
    bars = tune.bars
    if any(bar.part for bar in bars):
        bars = tune.unfold().bars
        ends = [*(after.part != "" for after in bars[1:]), False]
        bars = tuple(
            replace(bar, part="", double_bar=bar.double_bar or ends_part)
            for bar, ends_part in zip(bars, ends, strict=True)
        )
    fields = tuple(entry for entry in tune.header.fields if entry[0] != "P")
    return replace(tune, header=replace(tune.header, fields=fields), bars=bars)


def _labelled(tune: Tune, label: str) -> list[Bar]:
    """The bars of a tune as a part: a label before them, at least a double bar behind."""
    bars = list(tune.bars)
    bars[0] = replace(bars[0], part=label)
    if not bars[-1].end_repeat:
        bars[-1] = replace(bars[-1], double_bar=True)
    return bars


def _opened(first: Bar, before: _Member, member: _Member, tempos_said: bool) -> Bar:
    """The first bar of a tune that follows another, with what its header says."""
    header, opening, closing = member.tune.header, member.opening, before.closing
    lines = [*before.tune.lines, *_titles(member.tune)]
    if member.rhythm != before.rhythm:
        lines.append(field_text("R", encode_text(member.rhythm)))
    signs = {"%%": "%%", "%": "% ", "I": "I:"}
    lines += [signs[letter] + text for letter, text in header.fields if letter in signs]
    changes_tempo = tempos_said and member.speed != (closing.speed or before.speed)
    return replace(
        first,
        key=opening.key if opening.key != closing.key else None,
        meter=opening.meter if opening.meter != closing.meter else None,
        tempo_bpm=member.tempo_bpm(opening.meter) if changes_tempo else None,
        clef=first.clef or (header.clef if header.clef != before.tune.header.clef else ""),
        lines=(*lines, *first.lines),
    )


def _titles(tune: Tune) -> list[str]:
    """The lines that name a tune of a set."""
    titles = (tune.header.title, *(text for letter, text in tune.header.fields if letter == "T"))
    return [field_text("T", encode_text(title)) for title in titles]


def _header_fields(members: Sequence[_Member], order: str) -> tuple[tuple[str, str], ...]:
    """The fields of the first tune, and the texts of the others where they are new; titles stand with their tunes."""
    first = members[0].tune
    fields = [
        (letter, text)
        for letter, text in first.header.fields
        if letter != "T" and (letter != "V" or text.split(maxsplit=1)[:1] == [first.first_voice])
    ]
    for member in members[1:]:
        for letter, text in member.tune.header.fields:
            if letter in _TEXT_FIELDS and (letter, text) not in fields:
                fields.append((letter, text))
    # In the order in which they are written, so that what is read again is equal.
    last = [entry for letter in _WRITTEN_LAST for entry in fields if entry[0] == letter]
    return (*(entry for entry in fields if entry not in last), ("P", order), *last)
