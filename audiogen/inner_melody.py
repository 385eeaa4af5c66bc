"""The inner melody: the lead that the player thinks of before it sounds, drawn so that it is a melody.

The network says how likely each score stream is; notes and rests are drawn from that where one begins, and held until
they are over. Bars are given, chords may be. What the form says comes back is not drawn again but played as it was.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from math import ceil

import numpy as np
import torch
from torch import Tensor

from audiogen.melody_form import SECTION_BARS, SECTIONS, Form
from audiogen.transcription.barring import Barring
from audiogen.transcription.writing_down import GridNote, folded, tune_of_notes
from symbolic_bridge.analysis.cadences import scale_of
from symbolic_bridge.analysis.form import Section
from symbolic_bridge.chord_symbols import with_chord_symbols
from symbolic_bridge.frames import (
    STREAM_SIZES,
    VELOCITY_STEP,
    ScoreFrames,
    chord_of_value,
    chord_value,
    frame_bucket,
    seconds_of,
)
from symbolic_bridge.harmony import TRIADS, Chord
from symbolic_bridge.performance import BarSpan, ChordSpan, Part, Performance, SoundedNote
from symbolic_bridge.plans import NO_CHORD, numeral
from symbolic_bridge.tune import Key, Meter, Tune

ROWS = {name: row for row, name in enumerate(STREAM_SIZES)}
# What is drawn where a note begins, and stays.
NOTE_STREAMS = ("velocity", "onset_place", "end_place")
BACK_STREAMS: tuple[str, ...] = ("chord", "strum_age", "strum_low", "strum_place")
# The note that the model would rather not end is cut so that a long bucket cannot freeze the melody.
LONGEST_NOTE_FRAMES = 200
# What folk instruments play.
LOWEST_PITCH, HIGHEST_PITCH = 36, 100
START_SECONDS = 0.1
UNLIKELY_NATS = 4.0
MOST_OFF_QUAVERS = 0.2  # as players stray from the beat, and swing
LENGTHS = np.arange(1, LONGEST_NOTE_FRAMES + 1)
LENGTH_BUCKETS = frame_bucket(LENGTHS)
NO_FORM = Form()
# How often the chord changes at a bar line and in the middle of a bar in 1,035 accompanied training clips, most of them
# of two or four beats a bar. These are 97 % of all changes; left to itself the network, which is told of the chord
# before, hardly ever leaves it.
CHORD_CHANGES = 0.57, 0.25
MIDDLE_OF_BAR = STREAM_SIZES["beat"] // 2
# Written values of what was played; silence of a quaver or more is a rest.
GRID, REST_UNITS = Fraction(1, 16), 2
QUAVER_REACH = 0.3  # of a quaver
FEWEST_NOTES = 2


@dataclass(frozen=True)
class MelodyGround:
    """What an inner melody stands on, and how it is drawn.

    `bars`: frames of which only the streams of beats, sections and, unless they are all 0, chords count.
    `quaver_frames`: length of a quaver, counted from where the form begins; notes that end off that grid are less
    likely by UNLIKELY_NATS. `form`: what comes back, what closes a section, and the last note. `key`: pitches and
    chords outside of it are less likely by as much, and closing and last notes are its tonic. `accompanied`: whether
    strums are drawn. `by_halves`: chords may change in the middle of a bar. `temperature` of the draws.
    """

    bars: ScoreFrames
    quaver_frames: float = 1.0
    form: Form = NO_FORM
    key: Key | None = None
    accompanied: bool = False
    by_halves: bool = True
    temperature: float = 0.8


@dataclass(frozen=True)
class _Span:
    """A note or, with pitch 0, a rest: where it begins and ends, and its frame at the beginning, int64 [R]."""

    begin: int
    end: int
    values: np.ndarray

    @property
    def pitch(self) -> int:
        return int(self.values[ROWS["pitch"]])


class InnerMelody:
    """Draws one score frame after another.

    Args:
        settings: bars and chords, as long as the melody or longer.
        seed: the same seed and the same logits give the same melody.
        last: the score frame before the first that is drawn, int64 [R].
    """

    def __init__(self, settings: MelodyGround, seed: int, last: np.ndarray) -> None:
        self.settings = settings
        self.generator = torch.Generator().manual_seed(seed)
        self.now = last.copy()
        self.place = -1
        self.left = 0  # frames of the note or rest that are still to come
        self.age = self.strum_age = 0
        self.form = settings.form
        self._first = round(self.form.first_frame)
        self._quaver = ceil(settings.quaver_frames)
        self.bias, self.chord_bias = (torch.zeros(STREAM_SIZES[name]) for name in ("pitch", "chord"))
        self.home = 0  # the chord of the tonic
        if settings.key is not None:
            tonic, scale = settings.key.tonic_pitch_class, scale_of(settings.key.mode)
            inside = {(tonic + step) % 12 for step in scale}
            unlikely = -UNLIKELY_NATS * settings.temperature
            self.bias[[pitch % 12 not in inside for pitch in range(len(self.bias))]] = unlikely
            self.bias[0] = 0.0  # a rest
            outside = [not tones_of(chord) <= inside for chord in range(len(self.chord_bias))]
            self.chord_bias[outside] = unlikely
            quality = next(name for name, tones in TRIADS.items() if set(tones) <= set(scale))
            self.home = chord_value(tonic, quality)
        self._has_chords = bool(settings.bars.stream("chord").any())
        self.spans: list[_Span] = []  # without gaps, from place 0 on
        self.backs: list[np.ndarray] = []  # of every frame, its streams BACK_STREAMS

    def pitch(self, logits: Tensor) -> int:
        """Settle the pitch of the next frame; `logits` [128]."""
        self.place += 1
        if self.left > 0:
            return int(self.now[ROWS["pitch"]])
        upcoming = int(self.now[ROWS["next_pitch"]])
        closes = self.form.closes(self.place)
        if self.place >= self.form.last_note[0]:
            return upcoming if self.place == self.form.last_note[0] else 0
        if (source := self.form.source(self.place)) is not None:
            return self._span(source).pitch
        if self.place < self._first and not self.now[ROWS["pitch"]]:
            return 0
        allowed = torch.zeros(STREAM_SIZES["pitch"], dtype=torch.bool)
        if upcoming:
            allowed[upcoming] = True
        else:
            allowed[LOWEST_PITCH : HIGHEST_PITCH + 1] = True
        # A rest follows a note, not another rest, and leaves time for a note before the part is over.
        room = self.form.boundary(self.place) - self.place
        if self.now[ROWS["pitch"]] and room > 2 * self._quaver and not closes:
            allowed[0] = True
        return self._draw(logits.cpu() + self.bias, allowed)

    def frame(self, pitch: int, logits: Mapping[str, Tensor]) -> np.ndarray:
        """The next frame, int64 [R], once its pitch is settled; `logits` of the other streams, [size] each."""
        now = self.now.copy()
        if self.left == 0:
            self._begin(now, pitch, logits)
        self.left -= 1
        self.age += 1
        now[ROWS["age"]] = frame_bucket(np.array(self.age)) if pitch else 0
        over = self.place >= self.form.last_note[1]
        now[ROWS["remaining"]] = 0 if over else frame_bucket(np.array(self.left + 1))
        self._back(now, logits)
        self.now = now
        return now

    def _begin(self, now: np.ndarray, pitch: int, logits: Mapping[str, Tensor]) -> None:
        """A note or a rest: how long it lasts, how loud it is, and what comes after it."""
        source = self.form.source(self.place)
        span = None if source is None else self._span(source)
        room = self.form.boundary(self.place) - self.place
        if self.place >= self.form.last_note[0] or self.form.closes(self.place):
            self.left = room
        elif self.place < self._first and not pitch:
            self.left = min(self._first - self.place, room)
        elif span is None or source is None:
            room -= 0 if pitch else self._quaver
            self.left = min(self._draw_length(logits["remaining"]), room)
        else:
            self.left = min(span.end - source, room)
            # A part may be a frame longer than the one that comes back in it.
            self.left += self.form.source(self.place + self.left) == span.end - 1
        self.age = 0
        self.spans.append(_Span(self.place, self.place + self.left, now))
        now[ROWS["pitch"]] = pitch
        for name in NOTE_STREAMS:
            if not pitch:
                now[ROWS[name]] = 0
            else:
                now[ROWS[name]] = self._draw_some(name, logits) if span is None else span.values[ROWS[name]]
        if self.place >= self.form.last_note[0]:
            now[ROWS["next_pitch"]] = 0
        elif pitch or not now[ROWS["next_pitch"]]:
            following = self._following(self.place + self.left, pitch)
            now[ROWS["next_pitch"]] = following or self._draw_pitch(logits["next_pitch"])

    def _draw_length(self, logits: Tensor) -> int:
        """Frames of a note or rest that begins here; where its bucket leaves them open, to the nearest quaver."""
        quavers = (self.place + LENGTHS - self.form.first_frame) / self.settings.quaver_frames
        off = np.abs(quavers - np.round(quavers))
        order = np.lexsort((off, LENGTH_BUCKETS))
        best = order[np.unique(LENGTH_BUCKETS[order], return_index=True)[1]]  # of each bucket
        bias = torch.full_like(logits, -torch.inf, device="cpu")
        bias[LENGTH_BUCKETS[best]] = torch.where(
            torch.from_numpy(off[best] > MOST_OFF_QUAVERS), -UNLIKELY_NATS * self.settings.temperature, 0.0
        ).to(bias.dtype)
        bucket = self._draw(logits.cpu() + bias, torch.isfinite(bias))
        return int(LENGTHS[best[bucket - 1]])

    def _draw_pitch(self, logits: Tensor) -> int:
        playable = torch.zeros(STREAM_SIZES["next_pitch"], dtype=torch.bool)
        playable[LOWEST_PITCH : HIGHEST_PITCH + 1] = True
        return self._draw(logits.cpu() + self.bias, playable)

    def _span(self, place: int) -> _Span:
        """What was played at an earlier place."""
        return self.spans[bisect_right(self.spans, place, key=lambda span: span.begin) - 1]

    def _following(self, place: int, before: int) -> int | None:
        """The pitch of the first note from a place on, where what comes back, closes or ends there tells it."""
        while place < self.form.last_note[0] and not self.form.closes(place):
            source = self.form.source(place)
            if source is None or source >= self.spans[-1].end:
                return None
            span = self._span(source)
            if span.pitch:
                return span.pitch
            place += span.end - source
        key = self.settings.key
        return nearest(before, key.tonic_pitch_class) if key is not None and before else None

    def _back(self, now: np.ndarray, logits: Mapping[str, Tensor]) -> None:
        """Bars as given, chords as given or drawn, strums drawn where there is an accompaniment."""
        bars = self.settings.bars
        given = bars.slice(self.place, self.place + 1).values[:, 0]
        for name in ("beat", "section"):
            now[ROWS[name]] = given[ROWS[name]]
        source = self.form.source(self.place)
        earlier = (
            None if source is None else dict(zip(BACK_STREAMS, self.backs[source].tolist(), strict=True))
        )
        if self._has_chords:
            now[ROWS["chord"]] = given[ROWS["chord"]]
        elif earlier is not None:
            now[ROWS["chord"]] = earlier["chord"]
        else:
            now[ROWS["chord"]] = self._chord(int(given[ROWS["beat"]]), logits["chord"])
        if self.settings.accompanied:
            if earlier is not None and source == self.form.source(self.place - 1):
                earlier["strum_age"] = 0  # told twice, where this part is a frame longer
            self._strum(now, logits, earlier)
        self.backs.append(now[[ROWS[name] for name in BACK_STREAMS]])

    def _chord(self, beat: int, logits: Tensor) -> int:
        """The chord of a frame in bars: it stays but at bar lines and in their middle, where another may follow."""
        held, before = int(self.now[ROWS["chord"]]), int(self.now[ROWS["beat"]])
        if not beat:
            return 0
        ends = self.place >= self.form.last_note[0]
        if self.home and (ends or not held or self.form.closes(self.place)):
            return self.home
        chance = 1.0 if not held else 0.0
        if held and not ends:
            if beat < before:
                chance = CHORD_CHANGES[0]
            elif self.settings.by_halves and before <= MIDDLE_OF_BAR < beat:
                chance = CHORD_CHANGES[1]
        if not chance or float(torch.rand((), generator=self.generator)) >= chance:
            return held
        others = torch.ones(STREAM_SIZES["chord"], dtype=torch.bool)
        others[[0, held]] = False
        return self._draw(logits.cpu() + self.chord_bias, others)

    def _strum(
        self, now: np.ndarray, logits: Mapping[str, Tensor], earlier: Mapping[str, int] | None
    ) -> None:
        """The accompaniment strikes, as it did `earlier` or as it is drawn, or what it struck grows older."""
        older = int(frame_bucket(np.array(self.strum_age + 1))) if self.strum_age else 0
        if self.place > self.form.last_note[0]:
            strum = older
        elif earlier is not None:
            strum = 1 if earlier["strum_age"] == 1 else older
        else:
            allowed = torch.zeros(STREAM_SIZES["strum_age"], dtype=torch.bool)
            allowed[[1, older]] = True
            strum = self._draw(logits["strum_age"], allowed)
        now[ROWS["strum_age"]] = strum
        self.strum_age = 1 if strum == 1 else self.strum_age + (strum > 0)
        if strum != 1:
            return
        now[ROWS["strum_place"]] = (
            self._draw_some("strum_place", logits) if earlier is None else earlier["strum_place"]
        )
        tones = tones_of(int(now[ROWS["chord"]])) or set(range(12))
        if earlier is not None and earlier["strum_low"] % 12 in tones:
            now[ROWS["strum_low"]] = earlier["strum_low"]
        else:
            lows = torch.tensor([low > 0 and low % 12 in tones for low in range(STREAM_SIZES["strum_low"])])
            now[ROWS["strum_low"]] = self._draw(logits["strum_low"], lows)

    def _draw_some(self, name: str, logits: Mapping[str, Tensor]) -> int:
        """A value of a stream that is not "nothing"."""
        allowed = torch.ones(STREAM_SIZES[name], dtype=torch.bool)
        allowed[0] = False
        return self._draw(logits[name], allowed)

    def _draw(self, logits: Tensor, allowed: Tensor) -> int:
        chances = (logits.double().cpu() / self.settings.temperature).masked_fill(~allowed, -torch.inf)
        return int(torch.multinomial(chances.softmax(-1), 1, generator=self.generator))


def tones_of(chord: int) -> set[int]:
    """Pitch classes of the triad that a value of the stream of chords stands for; none of "no chord"."""
    found = chord_of_value(chord)
    return set() if found is None else {(found[0] + tone) % 12 for tone in TRIADS[found[1]]}


def nearest(pitch: int, pitch_class: int) -> int:
    """The pitch of a class that lies nearest, of two as near the lower, among those that are played."""
    inside = range(LOWEST_PITCH, HIGHEST_PITCH + 1)
    return min((each for each in inside if each % 12 == pitch_class), key=lambda each: abs(each - pitch))


def regular_bars(
    meter: Meter,
    tempo_bpm: float,
    seconds: float,
    *,
    kind: str = "reel",
    instrument: str = "fiddle",
    chords: Sequence[Sequence[Chord | None]] = (),
    first: float = START_SECONDS,
) -> Performance:
    """Bars of one length, in parts of eight that follow AABB, as a performance whose lead has nothing to play yet.

    Args:
        meter: of the bars.
        tempo_bpm: felt beats a minute.
        seconds: length of the performance.
        kind, instrument: what it is and who leads.
        chords: bar by bar, over and over; None is no chord.
        first: when one of the bars begins, in seconds; there are others before it, down to the first that begins
            before the sound does.
    """
    length = whole_seconds(meter, tempo_bpm) * float(meter.bar_duration)
    first -= max(0, ceil((first - START_SECONDS) / length)) * length
    bars: list[BarSpan] = []
    spans: list[ChordSpan] = []
    while (onset := first + len(bars) * length) < seconds:
        names = chords[len(bars) % len(chords)] if chords else ()
        for number, chord in enumerate(names):
            if chord is not None:
                step = length / len(names)
                spans.append(
                    ChordSpan(onset + number * step, onset + (number + 1) * step, chord.root, chord.quality)
                )
        part = SECTIONS[len(bars) // SECTION_BARS % len(SECTIONS)]
        bars.append(BarSpan(onset, onset + length, meter.felt_beats, ord(part) - ord("A")))
    return Performance((Part("lead", instrument, ()),), tuple(bars), tuple(spans), tempo_bpm, kind, seconds)


def whole_seconds(meter: Meter, tempo_bpm: float) -> float:
    """How long a whole note lasts."""
    return 60.0 / tempo_bpm / float(meter.beat_duration)


def notes_of(frames: ScoreFrames) -> tuple[SoundedNote, ...]:
    """The lead's notes as the frames tell them.

    A note begins where its pitch begins, or where its age is 1. Without places, times are on the frame clock.
    """
    rate = float(frames.frame_rate)
    pitch, age, velocity, onset_place, end_place = (
        frames.stream(name) for name in ("pitch", "age", "velocity", "onset_place", "end_place")
    )

    def seconds(frame: int, place: int) -> float:
        return seconds_of(frame, place, rate) if place else frame / rate

    begins = np.flatnonzero((np.diff(pitch, prepend=0) != 0) | ((age == 1) & (pitch > 0))).tolist()
    notes = []
    for start, stop in pairwise([*begins, frames.frames]):
        if not pitch[start]:
            continue
        if stop == frames.frames:
            end_of_note = 0
        elif pitch[stop]:
            end_of_note = int(onset_place[stop])
        else:
            end_of_note = int(end_place[start])
        loudness = min(127, VELOCITY_STEP * int(velocity[start]) + VELOCITY_STEP // 2)
        onset, offset = seconds(start, int(onset_place[start])), seconds(stop, end_of_note)
        notes.append(SoundedNote(onset, offset, int(pitch[start]), loudness))
    return tuple(notes)


def chords_of(frames: ScoreFrames) -> tuple[ChordSpan, ...]:
    """The chords as the frames tell them, on the frame clock."""
    rate, chord = float(frames.frame_rate), frames.stream("chord")
    begins = np.flatnonzero(np.diff(chord, prepend=-1)).tolist()
    return tuple(
        ChordSpan(start / rate, stop / rate, *found)
        for start, stop in pairwise([*begins, frames.frames])
        if (found := chord_of_value(int(chord[start])))
    )


def tune_of_melody(
    notes: Sequence[SoundedNote],
    meter: Meter,
    tempo_bpm: float,
    *,
    key: Key | None,
    title: str,
    first: float = START_SECONDS,
    earlier_bars: int = 0,
    chords: Sequence[ChordSpan] = (),
) -> Tune | None:
    """What was played in regular bars as a tune, in quavers and, where they are far off, sixteenths.

    It is None if it was but a note.

    Args:
        notes: of the lead, in order.
        meter, tempo_bpm: of its bars.
        key: None takes the one that the notes fit best.
        title: of the tune.
        first: when the first bar begins, in seconds.
        earlier_bars: how many bars there were before it.
        chords: written over the bars and their halves in which they are in force.
    """
    unit = whole_seconds(meter, tempo_bpm) * float(GRID)

    def place_of(seconds: float) -> int:
        exact = max(0.0, (seconds - first) / unit)
        quaver = 2 * round(exact / 2)
        return quaver if abs(exact - quaver) <= 2 * QUAVER_REACH else round(exact)

    # Of two notes at one place the later stays.
    placed = {place_of(note.onset): note for note in notes}
    if len(placed) < FEWEST_NOTES:
        return None
    written = []
    for place, following in zip(placed, [*list(placed)[1:], None], strict=True):
        note = placed[place]
        heard = max(place + 1, place_of(note.offset))
        end = heard if following is None or following - heard >= REST_UNITS else following
        written.append(GridNote(place * GRID, end * GRID, note.midi_pitch))
    barring = Barring(meter, GRID, Fraction(0))
    played = tune_of_notes(written, barring, tempo_bpm=tempo_bpm, key=key, title=title)
    named = with_chord_symbols(played, _chord_names(played, chords, first, unit))
    return folded(named, _sections(played, earlier_bars))


def _chord_names(tune: Tune, chords: Sequence[ChordSpan], first: float, unit: float) -> list[list[str]]:
    """For every bar none, one, or one for each half, as `with_chord_symbols` takes them; `unit` is a grid's seconds."""
    tonic = tune.header.key.tonic_pitch_class

    def name_at(moment: float) -> str | None:
        if not chords or moment >= chords[-1].offset:
            return None
        inside = [chord for chord in chords if chord.onset <= moment < chord.offset]
        return numeral((inside[0].root - tonic) % 12, inside[0].quality) if inside else NO_CHORD

    names: list[list[str]] = []
    onset = first
    for bar in tune.bars:
        length = float(bar.duration / GRID) * unit
        # A little later, since chords begin on the frame clock.
        halves = [name_at(onset + length / 16), name_at(onset + length * 9 / 16)]
        names.append(list(dict.fromkeys(name for name in halves if name is not None)))
        onset += length
    return names


def _sections(tune: Tune, earlier_bars: int) -> list[Section]:
    """Its sections of SECTION_BARS; those of one letter have the same pitches bar by bar, since lengths are rounded."""
    letters: dict[tuple, str] = {}
    sections: list[Section] = []
    edges = range(-(earlier_bars % SECTION_BARS), len(tune.bars) + SECTION_BARS, SECTION_BARS)
    for edge, following in pairwise(edges):
        bars = tune.bars[max(edge, 0) : following]
        pitches = tuple(tuple(note.pitches for note in bar.notes) for bar in bars)
        letter = letters.setdefault(pitches, chr(ord("A") + len(letters)))
        sections.append(Section(letter, max(edge, 0), len(bars)))
    return sections
