"""Random clips for codec training: what may sound in the pool, each kind drawn by its own function."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from audiogen.data.augment import colour, narrow, respeed, vibrate
from audiogen.loudness import to_model_level
from audiogen.rooms import ROOMS, convolve, impulse_response, tilt
from audiogen.soundfont import Renderer
from symbolic_bridge.instruments import INSTRUMENTS, LEADS
from symbolic_bridge.performance import Part, Performance, SoundedNote

# Sounding ranges of General MIDI's families of eight programs, melodic ones only.
FAMILY_RANGES = (
    (24, 104), (50, 100), (36, 96), (40, 88), (26, 62), (36, 98), (36, 92), (36, 88),
    (44, 90), (58, 100), (36, 96), (36, 92), (40, 90), (43, 92),
)  # fmt: skip
MELODIC_PROGRAMS = 8 * len(FAMILY_RANGES)
# Fonts of a single recorded instrument, by file name.
SINGLE_RANGES = {
    "iowa_violin": (55, 98),
    "iowa_alto-flute": (55, 91),
    "iowa_cello": (36, 81),
    "iowa_double-bass": (28, 64),
    "iowa_clarinet": (50, 91),
}
FOLK_SHARE = 0.65
SINGLE_FONT_SHARE = 0.25
SCALE = (0, 2, 4, 5, 7, 9, 11)
HARMONY_SHIFTS = (-12, -9, -5, -4, -3, 3, 4, 5, 7, 12)
BACKING_PROGRAMS = (0, 24, 25, 46, 15, 48)
LEAD_INSTRUMENT = "voice"
# Of two channels: how many layers are moved from where the font has them, and how many clips are mono after all.
PLACED_SHARE = 0.7
MONO_SHARE = 0.1


@dataclass(frozen=True)
class Voice:
    """A sound: an open font, a program and the range it is good in."""

    renderer: Renderer
    program: int
    lowest: int
    highest: int

    @property
    def label(self) -> str:
        return f"{self.renderer.path.stem}:{self.program}"


@dataclass(frozen=True)
class Layer:
    """Notes for one voice, with a gain in decibels."""

    voice: Voice
    notes: tuple[SoundedNote, ...]
    gain_db: float = 0.0


@dataclass(frozen=True)
class Clip:
    """Finished sound float32 [T], or of two channels [C, T], and where it came from."""

    samples: np.ndarray
    kind: str
    instrument: str
    room: str


class ClipMaker:
    """Draws clips; holds the open fonts and the tunes."""

    def __init__(self, renderers: Sequence[Renderer], tunes: Sequence[str]) -> None:
        """Args:
        renderers: fonts of one rate and channel count, which the clips get; at least one must be a General MIDI font.
        tunes: ABC texts; may be empty where no kind of clip that needs them is asked for.
        """
        self.full = [renderer for renderer in renderers if len(renderer.programs) > 1]
        self.single = [renderer for renderer in renderers if len(renderer.programs) == 1]
        if not self.full:
            raise ValueError("at least one of the SoundFonts must be a General MIDI font")
        self.tunes = tunes
        self.sample_rate, self.channels = self.full[0].sample_rate, self.full[0].channels

    def make(self, kind: str, seconds: float, rng: np.random.Generator) -> Clip:
        """One clip.

        Args:
            kind: a key of CLIP_KINDS.
            seconds: its length.
            rng: draws everything.

        Raises:
            ValueError: the kind is unknown, or the tune drawn cannot be played.
        """
        if kind not in CLIP_KINDS:
            raise ValueError(f"clip kind {kind!r} is not one of {', '.join(CLIP_KINDS)}")
        length = round(seconds * self.sample_rate)
        layers = CLIP_KINDS[kind](self, seconds, rng)
        if not layers:
            return Clip(self._background(length, rng), kind, "", "")
        mix = np.zeros(self._shape(length), dtype=np.float32)
        for layer in layers:
            mix += 10 ** (layer.gain_db / 20) * self._varied(layer, seconds, rng)
        room = str(rng.choice(list(ROOMS))) if rng.random() < 0.5 else ""
        if room:
            # One response a channel: they share the direct sound, and each has reflections of its own.
            mix = _by_channel(
                lambda sound: convolve(sound, impulse_response(ROOMS[room], self.sample_rate, rng)), mix
            )
        mix = self._mastered(mix, rng)
        if rng.random() < 0.25:
            mix += self._coloured_noise(length, float(rng.uniform(-80, -50)), rng)
        if self.channels == 2 and rng.random() < MONO_SHARE:
            mix[:] = mix.mean(axis=0)
        return Clip(mix, kind, "+".join(layer.voice.label for layer in layers), room)

    def _mastered(self, mix: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """Another balance of treble and bass, a narrower band, and the level; alike on all channels."""
        rate = self.sample_rate
        if rng.random() < 0.5:
            slope = float(np.clip(rng.normal(0, 0.8), -2, 2))
            mix = _by_channel(lambda sound: tilt(sound, rate, slope), mix)
        if rng.random() < 0.1:
            lowest, highest = float(rng.uniform(20, 150)), float(rng.uniform(0.15, 0.45)) * rate
            mix = _by_channel(lambda sound: narrow(sound, rate, lowest, highest), mix)
        # As one sound after the other, so that both get the gain that the louder one needs.
        offset = float(np.clip(rng.normal(0, 3), -6, 6))
        return to_model_level(mix.reshape(-1), rate, offset).reshape(mix.shape)

    def voice(self, rng: np.random.Generator) -> Voice:
        """A random sound: often a folk instrument, sometimes any melodic program."""
        if self.single and rng.random() < SINGLE_FONT_SHARE:
            renderer = self.single[rng.integers(len(self.single))]
            lowest, highest = SINGLE_RANGES.get(renderer.path.stem, (48, 84))
            return Voice(renderer, next(iter(renderer.programs)), lowest, highest)
        renderer = self.full[rng.integers(len(self.full))]
        if rng.random() < FOLK_SHARE:
            instrument = INSTRUMENTS[LEADS[rng.integers(len(LEADS))]]
            return Voice(renderer, instrument.gm_program, instrument.lowest, instrument.highest)
        return self.program_voice(int(rng.integers(MELODIC_PROGRAMS)), rng)

    def program_voice(self, program: int, rng: np.random.Generator) -> Voice:
        """A given program of a random General MIDI font."""
        lowest, highest = FAMILY_RANGES[program // 8]
        return Voice(self.full[rng.integers(len(self.full))], program, lowest, highest)

    def excerpt(self, seconds: float, rng: np.random.Generator) -> tuple[Performance, float]:
        """A random tune performed, and the onset of a random note to begin at."""
        from symbolic_bridge.perform import perform
        from symbolic_bridge.tune import Tune

        if not self.tunes:
            raise ValueError("there are no tunes to draw from")
        tune = Tune.from_abc(self.tunes[int(rng.integers(len(self.tunes)))])
        backing = "guitar" if rng.random() < 0.5 else "none"
        played = perform(tune, instrument="piano", accompaniment=backing, tempo_bpm=None, rng=rng)
        # Begin at a note, and where the tune is long enough to fill the clip.
        onsets = [
            note.onset for note in played.parts[0].notes if note.onset < max(0.1, played.duration - seconds)
        ]
        return played, onsets[rng.integers(len(onsets))] if onsets else 0.0

    def _varied(self, layer: Layer, seconds: float, rng: np.random.Generator) -> np.ndarray:
        """A layer as its font plays it, or at another speed, with vibrato, with another body; placed on the stage."""
        length, rate = round(seconds * self.sample_rate), self.sample_rate
        speed = float(np.exp(rng.uniform(-0.25, 0.25))) if rng.random() < 0.4 else 1.0
        notes = tuple(replace(n, onset=n.onset * speed, offset=n.offset * speed) for n in layer.notes)
        sound = self._render(replace(layer, notes=notes), seconds * speed + 0.01)
        if speed != 1.0:
            sound = _by_channel(lambda channel: respeed(channel, rate, speed), sound)
        if rng.random() < 0.15:
            swing = float(rng.uniform(4, 7)), float(rng.uniform(5, 45))
            sound = _by_channel(lambda channel: vibrate(channel, rate, *swing), sound)
        if rng.random() < 0.5:
            gains_db = rng.normal(0, 4, int(rng.integers(6, 16)))
            sound = _by_channel(lambda channel: colour(channel, rate, gains_db), sound)
        if self.channels == 2:
            sound = placed(sound, float(rng.uniform(-1, 1)) if rng.random() < PLACED_SHARE else 0.0)
        return sound[..., :length]

    def _render(self, layer: Layer, seconds: float) -> np.ndarray:
        part = Part("lead", LEAD_INSTRUMENT, layer.notes)
        # The last note may ring on past the clip's end, where it is cut: codecs meet cut notes at every crop.
        end = max([seconds, *(note.offset for note in layer.notes)])
        performance = Performance((part,), (), (), 100.0, "", end)
        presets = {LEAD_INSTRUMENT: layer.voice.program}
        samples = layer.voice.renderer.render_array(performance, presets=presets)
        return samples[..., : round(seconds * self.sample_rate)]

    def _shape(self, length: int) -> tuple[int, ...]:
        """Of sound: [T], or of two channels [C, T]."""
        return (length,) if self.channels == 1 else (self.channels, length)

    def _background(self, length: int, rng: np.random.Generator) -> np.ndarray:
        if rng.random() < 0.4:
            return np.zeros(self._shape(length), dtype=np.float32)
        return self._coloured_noise(length, float(rng.uniform(-85, -35)), rng)

    def _coloured_noise(self, length: int, level_db: float, rng: np.random.Generator) -> np.ndarray:
        """Noise of its own on every channel: [T] or [C, T]."""
        white = rng.standard_normal(self._shape(length))
        slope = float(rng.uniform(-6, 1))
        noise = _by_channel(lambda sound: tilt(sound, self.sample_rate, slope), white)
        return (noise / noise.std() * 10 ** (level_db / 20)).astype(np.float32)


def _by_channel(change: Callable[[np.ndarray], np.ndarray], sound: np.ndarray) -> np.ndarray:
    """A change of [T] made to [T], or to every channel of [C, T]."""
    return change(sound) if sound.ndim == 1 else np.stack([change(channel) for channel in sound])


def placed(sound: np.ndarray, place: float) -> np.ndarray:
    """Sound [C, T] moved on the stage, from -1, all left, to 1, all right, by a balance of constant power."""
    angle = (place + 1) * np.pi / 4
    gains = np.sqrt(2.0) * np.array([[np.cos(angle)], [np.sin(angle)]])
    return (sound * gains).astype(np.float32)


def fit(notes: Sequence[SoundedNote], shift: int, voice: Voice) -> tuple[SoundedNote, ...]:
    """Notes moved by `shift` semitones and then by the octaves that suit the voice; strays are folded in."""
    if not notes:
        return ()
    middle = float(np.median([note.midi_pitch for note in notes])) + shift
    home = (voice.lowest + voice.highest) / 2
    shift += 12 * round((home - middle) / 12)
    return tuple(replace(note, midi_pitch=_fold(note.midi_pitch + shift, voice)) for note in notes)


def _fold(pitch: int, voice: Voice) -> int:
    while pitch < voice.lowest:
        pitch += 12
    while pitch > voice.highest:
        pitch -= 12
    return pitch


def window(notes: Sequence[SoundedNote], start: float, stretch: float, seconds: float) -> list[SoundedNote]:
    """The notes that begin within `seconds` after `start`, slowed down by `stretch`, on the clip's own clock."""
    chosen = [note for note in notes if start <= note.onset < start + seconds / stretch]
    return [
        replace(note, onset=(note.onset - start) * stretch, offset=(note.offset - start) * stretch)
        for note in chosen
    ]


def _tune(maker: ClipMaker, seconds: float, rng: np.random.Generator) -> list[Layer]:
    played, start = maker.excerpt(seconds, rng)
    stretch = float(rng.uniform(0.75, 1.35))
    shift = int(rng.integers(-6, 6))
    voice = maker.voice(rng)
    lead = fit(window(played.parts[0].notes, start, stretch, seconds), shift, voice)
    layers = [Layer(voice, lead)]
    for part in played.parts[1:]:
        backing = maker.program_voice(int(rng.choice(BACKING_PROGRAMS)), rng)
        notes = [
            replace(n, midi_pitch=n.midi_pitch + shift) for n in window(part.notes, start, stretch, seconds)
        ]
        layers.append(Layer(backing, tuple(notes), float(rng.uniform(-9, 0))))
    return layers


def _ensemble(maker: ClipMaker, seconds: float, rng: np.random.Generator) -> list[Layer]:
    """A tune, a second part that follows it at an interval with gaps, and sometimes a bass."""
    played, start = maker.excerpt(seconds, rng)
    stretch = float(rng.uniform(0.8, 1.5))
    lead = window(played.parts[0].notes, start, stretch, seconds)
    shift = int(rng.integers(-6, 6))
    first, second = maker.voice(rng), maker.voice(rng)
    kept = [note for note in lead if rng.random() < 0.7]
    harmony = fit(kept, shift + int(rng.choice(HARMONY_SHIFTS)), second)
    layers = [Layer(first, fit(lead, shift, first)), Layer(second, harmony, float(rng.uniform(-8, 0)))]
    if rng.random() < 0.5:
        low = maker.program_voice(int(rng.choice((32, 33, 42, 43, 58))), rng)
        roots = [
            SoundedNote(span.onset, span.offset, 36 + span.root, int(rng.integers(50, 100)))
            for span in played.chords
        ]
        layers.append(
            Layer(low, fit(window(roots, start, stretch, seconds), shift, low), float(rng.uniform(-8, 0)))
        )
    return layers


def _notes(maker: ClipMaker, seconds: float, rng: np.random.Generator) -> list[Layer]:
    """Isolated notes and chords over the whole range, at any velocity, some ringing into the next."""
    voice = (
        maker.voice(rng)
        if rng.random() < 0.4
        else maker.program_voice(int(rng.integers(MELODIC_PROGRAMS)), rng)
    )
    chord_share = float(rng.choice((0.0, 0.2, 0.8)))
    notes: list[SoundedNote] = []
    clock = float(rng.uniform(0, 0.3))
    while clock < seconds:
        duration = float(np.exp(rng.uniform(np.log(0.08), np.log(2.5))))
        size = int(rng.integers(2, 5)) if rng.random() < chord_share else 1
        pitches = rng.choice(np.arange(voice.lowest, voice.highest + 1), size, replace=False)
        velocity = int(rng.integers(20, 128))
        notes += [SoundedNote(clock, clock + duration, int(pitch), velocity) for pitch in pitches]
        clock += duration * float(rng.uniform(0.6, 1.5)) + float(rng.choice((0.0, 0.0, rng.uniform(0, 0.6))))
    return [Layer(voice, tuple(notes))]


def _melody(maker: ClipMaker, seconds: float, rng: np.random.Generator) -> list[Layer]:
    """A random walk through a scale, with a drone or broken chords below it half of the time."""
    voice = maker.voice(rng)
    tonic = int(rng.integers(12))
    ladder = [pitch for pitch in range(voice.lowest, voice.highest + 1) if (pitch - tonic) % 12 in SCALE]
    beat = float(rng.uniform(0.12, 0.6))
    place = len(ladder) // 2
    notes, clock = [], 0.0
    while clock < seconds:
        duration = beat * float(rng.choice((0.5, 1, 1, 1, 2, 3)))
        place = int(np.clip(place + rng.integers(-3, 4), 0, len(ladder) - 1))
        if rng.random() > 0.06:
            length = duration * float(rng.uniform(0.7, 1.05))
            notes.append(SoundedNote(clock, clock + length, ladder[place], int(rng.integers(50, 120))))
        clock += duration
    layers = [Layer(voice, tuple(notes))]
    if rng.random() < 0.5:
        backing = maker.program_voice(int(rng.choice(BACKING_PROGRAMS)), rng)
        step = beat * float(rng.choice((1, 2, 4)))
        chords = [
            SoundedNote(onset, onset + step, 48 + (tonic + tone) % 12 + 12 * int(rng.integers(0, 2)), 70)
            for onset in np.arange(0, seconds, step).tolist()
            for tone in rng.choice((0, 4, 7, 5, 9), int(rng.integers(1, 4)), replace=False).tolist()
        ]
        layers.append(Layer(backing, tuple(chords), float(rng.uniform(-8, 0))))
    return layers


def _quiet(maker: ClipMaker, seconds: float, rng: np.random.Generator) -> list[Layer]:
    """Nothing but silence or soft noise."""
    return []


CLIP_KINDS: Mapping[str, Callable[[ClipMaker, float, np.random.Generator], list[Layer]]] = {
    "tune": _tune,
    "ensemble": _ensemble,
    "notes": _notes,
    "melody": _melody,
    "quiet": _quiet,
}


def open_fonts(paths: Sequence[str | Path], sample_rate: int, channels: int = 1) -> list[Renderer]:
    """Open every font of a list."""
    return [Renderer(path, sample_rate=sample_rate, channels=channels) for path in paths]
