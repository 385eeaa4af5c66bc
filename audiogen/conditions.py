"""What the player may be told besides the score, and its numbering."""

from __future__ import annotations

import math
from dataclasses import dataclass

from symbolic_bridge.attributes import TuneAttributes
from symbolic_bridge.instruments import INSTRUMENTS
from symbolic_bridge.kinds import KINDS
from symbolic_bridge.moods import MOODS
from symbolic_bridge.prompts import parse_prompt
from symbolic_bridge.tune import MODES, Key

ACCOMPANIMENTS = ("none", "guitar", "piano", "harp")
STYLES = ("dry", "room")
TEMPO_STEPS_AN_OCTAVE = 6
LOWEST_TEMPO_BPM, TEMPO_BUCKETS = 40.0, 24
PITCH_CLASSES = 12


@dataclass(frozen=True)
class Conditions:
    """Attributes and text of a performance; None is "not said" and leaves the choice to the model.

    `style`: number of the recording's style, even ones dry and odd ones in a room. `tempo_bpm`: felt beats a minute.
    `tonic`: "D", "F#", "Bb".
    """

    text: str | None = None
    instrument: str | None = None
    accompaniment: str | None = None
    style: int | None = None
    tempo_bpm: float | None = None
    kind: str | None = None
    tonic: str | None = None
    mode: str | None = None
    mood: str | None = None


def conditions_of(wishes: TuneAttributes) -> Conditions:
    """What to tell the player of a piece: its attributes, a dry sound, and the words unless they were overruled."""
    return Conditions(
        text=wishes.text if _words_agree(wishes) else None,
        instrument=wishes.instrument,
        accompaniment=wishes.accompaniment,
        style=0,
        tempo_bpm=wishes.tempo_bpm,
        kind=wishes.kind,
        tonic=wishes.tonic,
        mode=wishes.mode,
        mood=wishes.mood,
    )


def _words_agree(wishes: TuneAttributes) -> bool:
    """Whether the prompt says nothing that an option or a file has overruled; else its words would only confuse."""
    if not wishes.text:
        return False
    said = parse_prompt(wishes.text)
    names = ("instrument", "accompaniment", "kind", "tonic", "mode", "mood")
    return all(getattr(said, name) in (None, getattr(wishes, name)) for name in names)


@dataclass(frozen=True)
class ConditionTables:
    """The order of every attribute's values that a model was trained with; it is saved with the model."""

    instrument: tuple[str, ...] = tuple(INSTRUMENTS)
    accompaniment: tuple[str, ...] = ACCOMPANIMENTS
    style: tuple[str, ...] = STYLES
    kind: tuple[str, ...] = tuple(KINDS)
    mode: tuple[str, ...] = MODES
    mood: tuple[str, ...] = tuple(MOODS)

    def __post_init__(self) -> None:
        for name, values in vars(self).items():
            object.__setattr__(self, name, tuple(values))  # JSON gives lists
            if len(set(values)) != len(values):
                raise ValueError(f"{name} has a value twice: {values}")

    @property
    def sizes(self) -> tuple[int, ...]:
        """How many ids each attribute has, 0 for "not said" included; tonic and tempo come last."""
        return (*(1 + len(values) for values in vars(self).values()), 1 + PITCH_CLASSES, 1 + TEMPO_BUCKETS)

    def ids(self, conditions: Conditions) -> list[int]:
        """One id an attribute, 0 where nothing was said.

        Raises:
            ValueError: a value the model was not trained with.
        """
        found = []
        for name, values in vars(self).items():
            value = getattr(conditions, name)
            if name == "style" and value is not None:
                value = values[value] if 0 <= value < len(values) else value
            if value is not None and value not in values:
                raise ValueError(f"{name} {value!r} is not one of {', '.join(values)}")
            found.append(0 if value is None else 1 + values.index(value))
        tonic = conditions.tonic
        found.append(0 if tonic is None else 1 + Key(tonic).tonic_pitch_class)
        return [*found, tempo_bucket(conditions.tempo_bpm)]


def tempo_bucket(tempo_bpm: float | None) -> int:
    """1 ... TEMPO_BUCKETS on a logarithmic scale from 40 beats a minute, 0 for None."""
    if tempo_bpm is None:
        return 0
    step = round(TEMPO_STEPS_AN_OCTAVE * math.log2(tempo_bpm / LOWEST_TEMPO_BPM))
    return 1 + min(max(step, 0), TEMPO_BUCKETS - 1)
