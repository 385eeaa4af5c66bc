"""Renditions for the audio LM: a tune played by random players, rendered, and described."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from audiogen.data.corpus import CorpusTune
from audiogen.loudness import to_model_level
from audiogen.rooms import ROOMS, convolve, impulse_response
from audiogen.soundfont import Renderer
from symbolic_bridge.attributes import TuneAttributes
from symbolic_bridge.captions import write_caption
from symbolic_bridge.instruments import ACCOMPANIMENTS, INSTRUMENTS, LEADS
from symbolic_bridge.kinds import kind_of
from symbolic_bridge.moods import MOODS
from symbolic_bridge.perform import TEMPO_RANGE_BPM, perform
from symbolic_bridge.performance import Performance
from symbolic_bridge.tune import Tune

LEAD_WEIGHTS: Mapping[str, float] = {
    "fiddle": 5, "flute": 3, "whistle": 3, "accordion": 2, "pipes": 1.5, "concertina": 1.5, "harp": 1.5, "banjo": 1.5,
    "guitar": 1.5, "piano": 1.5, "cello": 1, "clarinet": 1,
}  # fmt: skip
ACCOMPANIMENT_WEIGHTS: Mapping[str, float] = {"none": 0.55, "guitar": 0.25, "piano": 0.1, "harp": 0.1}
STYLES = ("dry", "room")
STYLE_ROOM = "pub"


@dataclass(frozen=True)
class Recipe:
    """What a rendition may be.

    `leads` and `accompaniments`: weight of each instrument. `tempo_spread`: how far the tempo strays from that of the
    tune's kind, as a share. `transposition_semitones`: farthest move up or down. `room_share` and `mood_share`: how
    many renditions are heard in a room and follow a mood. `gain_db`: how far a rendition's level strays from the
    models', either way. `longest_seconds`: where a rendition is cut, at a bar line.
    """

    leads: Mapping[str, float] = field(default_factory=lambda: dict(LEAD_WEIGHTS))
    accompaniments: Mapping[str, float] = field(default_factory=lambda: dict(ACCOMPANIMENT_WEIGHTS))
    tempo_spread: float = 0.2
    transposition_semitones: int = 5
    room_share: float = 0.25
    mood_share: float = 0.5
    gain_db: float = 1.0
    longest_seconds: float = 60.0
    captions: int = 4

    def __post_init__(self) -> None:
        _check_weights("leads", self.leads, LEADS)
        _check_weights("accompaniments", self.accompaniments, ACCOMPANIMENTS)
        for name in ("tempo_spread", "room_share", "mood_share"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} is {getattr(self, name)}; 0 ... 1 is allowed")
        if not 0 <= self.transposition_semitones <= 12:
            raise ValueError(
                f"transposition_semitones is {self.transposition_semitones}; 0 ... 12 is allowed"
            )
        if not 0 <= self.gain_db <= 6:
            raise ValueError(f"gain_db is {self.gain_db}; 0 ... 6 is allowed")
        if self.longest_seconds < 5 or self.captions < 1:
            raise ValueError(
                f"longest_seconds is {self.longest_seconds} and captions {self.captions}; at least 5 and 1 are needed"
            )


def _check_weights(name: str, weights: Mapping[str, float], allowed: tuple[str, ...]) -> None:
    unknown = [key for key in weights if key not in allowed]
    if unknown:
        raise ValueError(f"{name} names {unknown[0]!r}, which is not one of {', '.join(allowed)}")
    if not weights or min(weights.values()) < 0 or sum(weights.values()) <= 0:
        raise ValueError(f"{name} {dict(weights)} must be weights of at least 0, one of them above")


@dataclass(frozen=True)
class Rendition:
    """One playing of a tune: `samples` float32 [T] at the models' level, and all that a condition may name."""

    performance: Performance
    samples: np.ndarray
    attributes: TuneAttributes
    style: int
    captions: tuple[str, ...]


def make_rendition(
    item: CorpusTune,
    recipe: Recipe,
    renderers: Sequence[Renderer],
    room: np.ndarray,
    rng: np.random.Generator,
) -> Rendition:
    """Play a tune once.

    Args:
        item: the tune.
        recipe: what may be drawn.
        renderers: open General MIDI fonts, one of which plays.
        room: impulse response of the style "room".
        rng: draws everything.

    Raises:
        ValueError: the tune cannot be read or played.
    """
    tune = Tune.from_abc(item.abc)
    lead = _draw(recipe.leads, rng)
    accompaniment = _draw(recipe.accompaniments, rng)
    tune = _transposed(tune, lead, recipe.transposition_semitones, rng)
    key = tune.header.key
    mood = _draw_mood(key.mode, recipe.mood_share, rng)
    pace = MOODS[mood].tempo_factor if mood else 1.0
    usual = kind_of(tune).tempo_in(tune.header.meter)
    spread = 1 + recipe.tempo_spread
    tempo = float(np.clip(usual * pace * spread ** rng.uniform(-1, 1), *TEMPO_RANGE_BPM))
    performance = _played(tune, lead, accompaniment, tempo, recipe.longest_seconds, rng)
    font = int(rng.integers(len(renderers)))
    in_room = bool(rng.random() < recipe.room_share)
    gain_db = float(rng.uniform(-recipe.gain_db, recipe.gain_db))
    samples = renderers[font].render_array(performance)
    if in_room:
        samples = convolve(samples, room)
    attributes = TuneAttributes(
        kind=performance.kind,
        meter=tune.header.meter,
        tonic=key.tonic,
        mode=key.mode,
        tempo_bpm=performance.tempo_bpm,
        tempo_is_felt=True,
        mood=mood,
        instrument=lead,
        accompaniment=accompaniment,
    )
    captions = tuple(write_caption(attributes, rng) for _ in range(recipe.captions))
    level = to_model_level(samples, renderers[font].sample_rate, gain_db)
    return Rendition(performance, level, attributes, len(STYLES) * font + in_room, captions)


def style_names(fonts: Sequence[str]) -> tuple[str, ...]:
    """Names of the styles in the order of their numbers: dry and in a room, font by font where there are several."""
    return STYLES if len(fonts) == 1 else tuple(f"{font} {style}" for font in fonts for style in STYLES)


def style_room(sample_rate: int) -> np.ndarray:
    """Impulse response of the style "room": always the same, because a condition names it."""
    return impulse_response(ROOMS[STYLE_ROOM], sample_rate, np.random.default_rng(0))


def _draw(weights: Mapping[str, float], rng: np.random.Generator) -> str:
    values = np.array(list(weights.values()), dtype=np.float64)
    return list(weights)[rng.choice(len(values), p=values / values.sum())]


def _draw_mood(mode: str, share: float, rng: np.random.Generator) -> str | None:
    """A mood whose mode is the tune's (moods without one suit every tune)."""
    fitting = [mood.id for mood in MOODS.values() if mood.mode_hint in (None, mode)]
    if not fitting or rng.random() >= share:
        return None
    return fitting[rng.integers(len(fitting))]


def _transposed(tune: Tune, lead: str, farthest: int, rng: np.random.Generator) -> Tune:
    """The tune in another key in which all of it lies within the instrument's range; as it is where none does."""
    pitches = [pitch.midi for bar in tune.bars for note in bar.notes for pitch in note.pitches]
    if not pitches or not farthest:
        return tune
    instrument = INSTRUMENTS[lead]
    fitting = [
        shift
        for shift in range(-farthest, farthest + 1)
        if instrument.lowest <= min(pitches) + shift and max(pitches) + shift <= instrument.highest
    ]
    shift = fitting[rng.integers(len(fitting))] if fitting else 0
    return tune.transpose(shift) if shift else tune


def _played(
    tune: Tune, lead: str, accompaniment: str, tempo: float, longest: float, rng: np.random.Generator
) -> Performance:
    seed = int(rng.integers(2**63))

    def play(seconds: float | None) -> Performance:
        return perform(
            tune,
            instrument=lead,
            accompaniment=accompaniment,
            tempo_bpm=tempo,
            duration_seconds=seconds,
            rng=np.random.default_rng(seed),
        )

    whole = play(None)
    return whole if whole.duration <= longest else play(longest)
