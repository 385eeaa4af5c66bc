"""What is asked for: the attributes of a tune and of its performance."""

from __future__ import annotations

from dataclasses import dataclass

from symbolic_bridge.tune import Meter


@dataclass(frozen=True)
class TuneAttributes:
    """The words of a prompt as values; None where nothing was said and the kind's default is to be taken.

    `kind`: an id of `symbolic_bridge.kinds.KINDS` ("jig"). `tonic` "C", "F#", "Bb"; `mode` one of `tune.MODES`.
    `tempo_bpm`: felt beats a minute. `mood`: an id of `symbolic_bridge.prompts.MOODS`.
    `instrument`: an id of `symbolic_bridge.instruments.INSTRUMENTS`. `accompaniment`: "none", "guitar",
    "piano" or "harp". `form`: letters such as "AABB". `duration_seconds`: length asked for.
    `text`: the prompt itself. `unknown`: its words that no attribute holds.
    """

    text: str = ""
    kind: str | None = None
    meter: Meter | None = None
    tonic: str | None = None
    mode: str | None = None
    tempo_bpm: float | None = None
    mood: str | None = None
    instrument: str | None = None
    accompaniment: str | None = None
    form: str | None = None
    duration_seconds: float | None = None
    unknown: tuple[str, ...] = ()
