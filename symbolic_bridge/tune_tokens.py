"""Music-informed tokens for the composer: a tune in normal form as a row of ids, and back without loss.

A row reads: conditions, parts, `end`. The conditions are one token each for kind, metre, mode, number of parts,
length in bars and density of notes. A part is `part:<label>:<once|repeat>`, perhaps `pickup:<ticks>` and its
notes, then bars. A bar is `bar:<bars left in this part, itself included>` and its notes; `ending:1` and
`ending:2` stand before the bars of first and second endings, and within the second the count starts again.
A note is ONE token, pitch and duration together (`note:72:12`, `rest:12`), with `roll` before it or `tie`
behind it where it has them: a reel's bar is 8 notes of nearly always the same length, so that a separate
duration would double the row for hardly any information.

Measured on 6,116 folk tunes: 7.4 tokens a bar, `bar` included (reels 8.4, jigs 6.5, polkas 5.3), 136 a tune.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cache

from symbolic_bridge.normal_form import (
    DURATIONS,
    HIGHEST_PITCH,
    LOWEST_PITCH,
    MAX_PART_BARS,
    MAX_PARTS,
    WHITE_TONICS,
    NormalBar,
    NormalNote,
    NormalTune,
    Part,
    bar_ticks,
)
from symbolic_bridge.tune import Meter

# Kinds with enough tunes to be learned; every other kind is written like its nearest relative.
WRITTEN_KINDS = (
    "reel", "jig", "hornpipe", "polka", "waltz", "slip jig", "slide", "strathspey", "march", "song", "air",
    "single jig", "set dance",
)  # fmt: skip
KIND_RELATIVES = {
    "lullaby": "air", "lament": "air", "mazurka": "waltz", "barndance": "hornpipe", "fling": "strathspey",
    "clog": "hornpipe", "planxty": "air", "morris": "march", "country dance": "march",
}  # fmt: skip
METERS = ("2/4", "3/4", "4/4", "2/2", "6/8", "9/8", "12/8", "3/8", "6/4", "3/2")
LABELS = "ABCDEFGH"
PICKUPS = (*range(3, 97, 3), 4, 8, 16)
LENGTH_STEP_BARS, MAX_LENGTH_BARS = 4, 64
# Notes per bar over eighths per bar; 2/4 in sixteenths goes up to 2.
DENSITY_EDGES = (0.55, 0.7, 0.85, 0.98, 1.4)
CONDITION_NAMES = ("kind", "meter", "mode", "parts", "length", "density")


class TokenError(ValueError):
    """Ids that are not a well-formed tune."""


@dataclass(frozen=True)
class Conditions:
    """What a tune is asked to be, each as it is said in one token."""

    kind: str
    meter: str
    mode: str
    parts: int
    length: int
    density: int

    def names(self) -> tuple[str, ...]:
        """The tokens, in their order in a row."""
        return tuple(f"{name}:{getattr(self, name)}" for name in CONDITION_NAMES)


@dataclass(frozen=True)
class Vocabulary:
    """Names of all ids, and tables over them. `pitch` and `ticks` are 0 where an id is no note (rest: pitch 0)."""

    names: tuple[str, ...]
    ids: dict[str, int]
    pitch: tuple[int, ...]
    ticks: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.names)

    @property
    def pad(self) -> int:
        """Fills rows up; never part of a tune."""
        return 0

    @property
    def end(self) -> int:
        """Closes a tune."""
        return 1

    def group(self, prefix: str) -> tuple[int, ...]:
        """Ids whose names begin with this."""
        return tuple(index for index, name in enumerate(self.names) if name.startswith(prefix))


@cache
def vocabulary() -> Vocabulary:
    """The one vocabulary; its order is part of the composer's checkpoint format."""
    names = ["pad", "end", "tie", "roll"]
    names += [f"kind:{kind}" for kind in WRITTEN_KINDS]
    names += [f"meter:{meter}" for meter in METERS]
    names += [f"mode:{mode}" for mode in WHITE_TONICS]
    names += [f"parts:{count}" for count in range(1, MAX_PARTS + 1)]
    names += [f"length:{bars}" for bars in range(LENGTH_STEP_BARS, MAX_LENGTH_BARS + 1, LENGTH_STEP_BARS)]
    names += [f"density:{level}" for level in range(len(DENSITY_EDGES) + 1)]
    names += [f"part:{label}:{times}" for label in LABELS for times in ("once", "repeat")]
    names += [f"pickup:{ticks}" for ticks in PICKUPS]
    names += ["ending:1", "ending:2"]
    names += [f"bar:{left}" for left in range(1, MAX_PART_BARS + 1)]
    notes = [("rest", 0, ticks) for ticks in DURATIONS]
    notes += [
        (f"note:{midi}", midi, ticks)
        for midi in range(LOWEST_PITCH, HIGHEST_PITCH + 1)
        for ticks in DURATIONS
    ]
    plain = len(names)
    names += [f"{name}:{ticks}" for name, _, ticks in notes]
    return Vocabulary(
        names=tuple(names),
        ids={name: index for index, name in enumerate(names)},
        pitch=(0,) * plain + tuple(pitch for _, pitch, _ in notes),
        ticks=(0,) * plain + tuple(ticks for _, _, ticks in notes),
    )


def written_kind(kind: str) -> str:
    """The kind whose token stands for this kind: itself, its relative, or the song.

    Args:
        kind: an id of `kinds.KINDS`.
    """
    return kind if kind in WRITTEN_KINDS else KIND_RELATIVES.get(kind, "song")


def length_bucket(bars: int) -> int:
    """Bars rounded to what a length token can say."""
    return min(MAX_LENGTH_BARS, max(LENGTH_STEP_BARS, LENGTH_STEP_BARS * round(bars / LENGTH_STEP_BARS)))


def density_bucket(notes: int, bars: float, meter: Meter) -> int:
    """0 (few notes) ... 5 (runs of sixteenths)."""
    filled = notes / max(bars, 0.25) / float(meter.bar_duration * 8)
    return sum(filled >= edge for edge in DENSITY_EDGES)


def conditions_of(tune: NormalTune) -> Conditions:
    """The conditions that a tune fulfils."""
    notes = list(tune.notes())
    bars = sum(part.bar_count for part in tune.parts)
    full = float(tune.meter.bar_duration * 96)
    return Conditions(
        kind=written_kind(tune.kind),
        meter=str(tune.meter),
        mode=tune.mode,
        parts=len(tune.parts),
        length=length_bucket(bars),
        density=density_bucket(
            sum(note.midi is not None for note in notes), bar_ticks(notes) / full, tune.meter
        ),
    )


def encode(tune: NormalTune) -> list[int]:
    """The row of a tune.

    Raises:
        TokenError: a metre or pickup has no token, or the kind is not one of `WRITTEN_KINDS`.
    """
    ids = vocabulary().ids
    if tune.kind not in WRITTEN_KINDS:
        raise TokenError(f"kind {tune.kind!r} has no token; see written_kind")
    names = list(conditions_of(tune).names())
    for label, part in zip(LABELS, tune.parts, strict=False):
        names.append(f"part:{label}:{'repeat' if part.repeated else 'once'}")
        if part.pickup:
            names += [f"pickup:{bar_ticks(part.pickup)}", *_note_names(part.pickup)]
        names += _bar_names(part.bars, part.bar_count)
        for number, ending in enumerate(part.endings, start=1):
            names += [f"ending:{number}", *_bar_names(ending, len(ending))]
    missing = [name for name in names if name not in ids]
    if missing:
        raise TokenError(f"there is no token for {missing[0]!r}")
    return [ids[name] for name in names] + [ids["end"]]


def _bar_names(bars: Sequence[NormalBar], count: int) -> list[str]:
    return [name for index, bar in enumerate(bars) for name in (f"bar:{count - index}", *_note_names(bar))]


def _note_names(bar: Iterable[NormalNote]) -> list[str]:
    names: list[str] = []
    for note in bar:
        if note.roll:
            names.append("roll")
        names.append(f"rest:{note.ticks}" if note.midi is None else f"note:{note.midi}:{note.ticks}")
        if note.tie:
            names.append("tie")
    return names


@dataclass
class _Reader:
    """A place in a row."""

    names: Sequence[str]
    at: int = 0

    @property
    def here(self) -> str:
        return self.names[self.at] if self.at < len(self.names) else ""

    def take(self, prefix: str) -> str:
        if not self.here.startswith(prefix):
            raise TokenError(f"token {self.at} is {self.here or 'missing'!r}; {prefix!r} must stand there")
        self.at += 1
        return self.names[self.at - 1].removeprefix(prefix)

    def notes(self) -> NormalBar:
        notes: list[NormalNote] = []
        while self.here.startswith(("note:", "rest:", "roll")):
            roll = self.here == "roll"
            self.at += roll
            if self.here.startswith("rest:") and not roll:
                notes.append(NormalNote(None, int(self.take("rest:"))))
                continue
            midi, ticks = self.take("note:").split(":")
            tie = self.here == "tie"
            self.at += tie
            notes.append(NormalNote(int(midi), int(ticks), tie, roll))
        if not notes:
            raise TokenError(f"token {self.at} is {self.here or 'missing'!r}; a note must stand there")
        return tuple(notes)

    def bars(self) -> tuple[NormalBar, ...]:
        bars: list[NormalBar] = []
        while self.here.startswith("bar:"):
            self.at += 1
            bars.append(self.notes())
        return tuple(bars)


def decode(ids: Sequence[int]) -> NormalTune:
    """The tune of a row; `decode(encode(tune)) == tune`.

    Raises:
        TokenError: the row is not well-formed; says at which token.
    """
    table = vocabulary().names
    wrong = [index for index in ids if not 0 <= index < len(table)]
    if wrong:
        raise TokenError(f"id {wrong[0]} is not one of the {len(table)} ids")
    reader = _Reader([table[index] for index in ids])
    values = {name: reader.take(f"{name}:") for name in CONDITION_NAMES}
    parts: list[Part] = []
    while reader.here.startswith("part:"):
        repeated = reader.take("part:").endswith("repeat")
        pickup: NormalBar = ()
        if reader.here.startswith("pickup:"):
            reader.at += 1
            pickup = reader.notes()
        bars = reader.bars()
        endings: list[tuple[NormalBar, ...]] = []
        while reader.here.startswith("ending:"):
            reader.at += 1
            endings.append(reader.bars())
        try:
            parts.append(Part(pickup, bars, repeated, tuple(endings)))
        except ValueError as error:
            raise TokenError(f"part {len(parts) + 1}: {error}") from error
    reader.take("end")
    if reader.at != len(ids):
        raise TokenError(f"{len(ids) - reader.at} tokens stand after the end")
    beats, unit = values["meter"].split("/")
    return NormalTune(
        kind=values["kind"], meter=Meter(int(beats), int(unit)), mode=values["mode"], parts=tuple(parts)
    )
