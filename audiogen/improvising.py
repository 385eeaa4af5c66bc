"""What the player makes up: the bars that it plays in, and the tune that came of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from math import ceil, floor

import numpy as np

from audiogen.inner_melody import (
    START_SECONDS,
    MelodyGround,
    chords_of,
    notes_of,
    regular_bars,
    tune_of_melody,
    whole_seconds,
)
from audiogen.journey import Journey
from audiogen.melody_form import NEVER, PHRASE_BARS, PHRASES, SECTION_BARS, SECTIONS, Form
from audiogen.options import FREE_SECONDS
from symbolic_bridge.attributes import TuneAttributes
from symbolic_bridge.chord_symbols import home_of
from symbolic_bridge.frames import ScoreFrames, score_frames
from symbolic_bridge.harmony import parse_chord
from symbolic_bridge.performance import Part, Performance
from symbolic_bridge.tune import Meter, Tune

# After the last note, for what rings on.
RING_SECONDS = 0.4
SHORTEST_LAST_SECONDS = 0.4
# How many training tunes are in each of the commoner keys.
COMMON_KEYS: Mapping[str, Mapping[str, int]] = {
    "major": {"G": 2853, "D": 2475, "A": 637, "C": 213, "F": 131, "Bb": 119},
    "minor": {"E": 376, "A": 308, "G": 119, "D": 82, "B": 57},
    "dorian": {"A": 200, "E": 84, "D": 22, "G": 20},
    "mixolydian": {"D": 126, "A": 91, "G": 9},
}


def in_key_of(progression: Sequence[Sequence[str]], wishes: TuneAttributes) -> TuneAttributes:
    """The same with the key of the chords, if there are any, where none was asked for."""
    if not progression or wishes.tonic is not None:
        return wishes
    home = home_of(progression)
    return replace(wishes, tonic=home.tonic, mode=wishes.mode or home.mode)


def in_a_key(wishes: TuneAttributes, rng: np.random.Generator) -> TuneAttributes:
    """The same with a key where there is none, one that tunes are often in."""
    if wishes.tonic is not None:
        return wishes
    modes = [mode for mode in COMMON_KEYS if wishes.mode in (None, mode)] or list(COMMON_KEYS)
    keys = [(tonic, mode, count) for mode in modes for tonic, count in COMMON_KEYS[mode].items()]
    counts = np.array([count for _, _, count in keys], float)
    tonic, mode, _ = keys[int(rng.choice(len(keys), p=counts / counts.sum()))]
    return replace(wishes, tonic=tonic, mode=wishes.mode or mode)


def backing(journey: Journey, frame_rate: Fraction) -> Performance:
    """The bars, and the chords that were asked for, of what is to be made up; a whole number of frames long.

    What is gone on from goes on in its bars.
    """
    wishes = journey.attributes
    assert wishes.meter is not None
    assert wishes.tempo_bpm is not None
    first = START_SECONDS
    if journey.heard is not None and journey.heard.melody is not None:
        given = float(journey.heard.codes.tokens.shape[-1] / frame_rate)
        length = whole_seconds(wishes.meter, wishes.tempo_bpm) * float(wishes.meter.bar_duration)
        first = journey.heard.melody.first_bar - given
        first += ceil((START_SECONDS - first) / length) * length
    return regular_bars(
        wishes.meter,
        wishes.tempo_bpm,
        round((wishes.duration_seconds or FREE_SECONDS) * frame_rate) / float(frame_rate),
        kind=wishes.kind or "reel",
        instrument=wishes.instrument or "fiddle",
        chords=[[parse_chord(name) for name in bar] for bar in journey.options.progression],
        first=first,
    )


def melody_ground(
    bars: Performance, wishes: TuneAttributes, frame_rate: Fraction, progression_bars: int = 0
) -> MelodyGround:
    """How a melody is made up in these bars, to an ending on a beat where there is time for one.

    Args:
        bars: from `backing`.
        wishes: complete attributes.
        frame_rate: of the player's codec.
        progression_bars: length of the chords that were asked for; what returns does so where these do as well,
            and parts close where they return.
    """
    assert wishes.meter is not None
    first = bars.bars[0].onset if bars.bars else START_SECONDS
    whole = whole_seconds(wishes.meter, bars.tempo_bpm) * float(frame_rate)  # frames
    first_frame = first * float(frame_rate)
    letters, part_bars = PHRASES, PHRASE_BARS
    if progression_bars and 2 * PHRASE_BARS % progression_bars:
        letters, part_bars = SECTIONS, 0 if SECTION_BARS % progression_bars else SECTION_BARS
    part_frames = whole * float(wishes.meter.bar_duration) * part_bars
    beat = whole * float(wishes.meter.beat_duration)
    while beat < SHORTEST_LAST_SECONDS * frame_rate:
        beat *= 2
    end = int((bars.duration - RING_SECONDS) * frame_rate)
    begin = round(first_frame + floor((end - beat - first_frame) / beat) * beat)
    # Before the last note there must be time for as much.
    last_note = (begin, end) if begin >= max(0, first_frame) + beat else (NEVER, NEVER)
    return MelodyGround(
        score_frames(bars, frame_rate),
        quaver_frames=whole / 8,
        form=Form(first_frame, part_frames, last_note, letters, close_frames=beat),
        key=wishes.key,
        accompanied=(wishes.accompaniment or "none") != "none",
        by_halves=wishes.meter.has_halves,
    )


def improvised(
    frames: ScoreFrames, bars: Performance, wishes: TuneAttributes
) -> tuple[Performance, Tune | None]:
    """The performance and the tune of a melody that the player made up.

    Args:
        frames: as the player drew them.
        bars: what it was made up in.
        wishes: complete attributes.
    """
    lead = Part("lead", bars.lead.instrument, notes_of(frames))
    seconds = float(frames.frames / frames.frame_rate)
    chords = chords_of(frames)
    performance = replace(bars, parts=(lead,), chords=chords, duration=max(seconds, bars.duration))
    meter = wishes.meter or Meter(4, 4)
    earlier, first = next(
        ((count, bar.onset) for count, bar in enumerate(bars.bars) if bar.onset >= 0), (0, START_SECONDS)
    )
    title = wishes.text or "Improvisation"
    tune = tune_of_melody(
        lead.notes,
        meter,
        bars.tempo_bpm,
        key=wishes.key,
        title=title,
        first=first,
        earlier_bars=earlier,
        chords=chords,
    )
    return performance, None if tune is None else tune.with_header(rhythm=bars.kind)
