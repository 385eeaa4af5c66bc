"""What the player plays against what it was given: pitch, sound, time and harmony, tune by tune.

Every figure stands between the SoundFont rendering of the same performance (ceiling) and something wrong on purpose
(floor): shuffled notes for pitches and chroma, another instrument for the sound.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
import torch

from audiogen.clip import Clip
from audiogen.comparison.metrics.adherence import key_right, tempo_right
from audiogen.comparison.metrics.instruments import instrument_figures
from audiogen.evaluation.chroma import chroma_agreement, score_chroma, shuffled_agreement, sound_chroma
from audiogen.evaluation.material import Picker, TestTune, at_model_level, mono, round_trip
from audiogen.evaluation.melody_summary import summarise
from audiogen.evaluation.note_matching import (
    NoteScore,
    at_other_times,
    heard_in,
    match_notes,
    onsets_alone,
    shuffled,
)
from audiogen.evaluation.pitch import (
    PitchJob,
    PitchTrack,
    chance_share,
    expected_range,
    heard_pitches,
    melody_notes,
    right_notes,
    track_pitches,
)
from audiogen.evaluation.timing import lag_seconds
from audiogen.generator import Generator
from audiogen.options import Options
from audiogen.progress import Progress
from audiogen.soundfont import Renderer
from codec.metrics import log_mel_distance, same_level
from codec.types import CheckpointError, Waveform
from symbolic_bridge.instruments import INSTRUMENTS, LEADS
from symbolic_bridge.performance import Performance, SoundedNote

# The sounds whose pitches are heard, in the order of their jobs.
HEARD = ("player", "soundfont", "codec")


@dataclass(frozen=True)
class MelodySettings:
    """How to measure.

    `seconds`: taken from each tune's start. `accompaniment`: "none", or what plays with the lead. `free`: also play
    without the tune, for its chroma. `pictures`: folder for PNG files of the first `picture_count` tunes. `sounds`:
    folder for the WAV files. `workers`: processes for pYIN.
    """

    count: int = 30
    seconds: float = 25.0
    seed: int = 0
    soundfont: str | None = None
    accompaniment: str = "none"
    free: bool = True
    pictures: Path | None = None
    picture_count: int = 4
    sounds: Path | None = None
    workers: int = 1


@dataclass(frozen=True)
class MelodyRow:
    """One tune. Notes are counted, distances are log-mel, lags are milliseconds (positive: the sound is late).

    `heard_notes` and `heard_onsets`: what our transcriber hears in the player's sound and in the SoundFont's, and the
    floor, against the lead that was played. `recovered`: by sound, how right tempo, key and instrument are that are
    heard in it, 0 ... 1.
    """

    tune: str
    instrument: str
    wrong_instrument: str
    seconds: float
    codebooks: int
    notes: int
    chord_notes: int
    right: dict[str, int]
    kept: int
    pitch_floor: float
    distance: dict[str, float]
    lag_ms: dict[str, float]
    chroma: dict[str, float]
    heard_notes: dict[str, NoteScore]
    heard_onsets: dict[str, NoteScore]
    recovered: dict[str, dict[str, float]]
    play_seconds: float


@dataclass(frozen=True)
class _Take:
    """One tune played, with all that was rendered beside it; every sound mono at one level, cut to `seconds`."""

    item: TestTune
    wrong: str
    clip: Clip
    notes: list[SoundedNote]
    chord_notes: int
    sounds: dict[str, Waveform] = field(default_factory=dict)

    @property
    def performance(self) -> Performance:
        assert self.clip.performance is not None, "only the free route has no performance"
        return self.clip.performance


@dataclass(frozen=True)
class _Figures:
    """What can be said of a take at once; fields as in `MelodyRow`."""

    distance: dict[str, float]
    lag_ms: dict[str, float]
    chroma: dict[str, float]
    heard_notes: dict[str, NoteScore]
    heard_onsets: dict[str, NoteScore]
    recovered: dict[str, dict[str, float]]


def measure_melody(
    generator: Generator,
    picker: Picker,
    settings: MelodySettings,
    progress: Progress = lambda stage, done: None,
) -> dict[str, object]:
    """Play tunes and compare.

    Returns:
        JSON values: totals, `by_instrument`, `tunes` (a row each) and `rejected`.

    Raises:
        ValueError: no tune could be played.
    """
    rows: list[MelodyRow] = []
    takes: list[tuple[_Take, _Figures]] = []
    jobs: list[PitchJob] = []
    rate = generator.codec.spec.sample_rate
    with Renderer(settings.soundfont, sample_rate=rate) as renderer:
        for item in picker.draw(settings.count):
            try:
                take = _play(generator, renderer, item, settings)
                figures = _Figures(
                    _distances(take), _lags(take), _chromas(take), *_heard(take), _recovered(take)
                )
            except CheckpointError:
                # Missing weights are no fault of the tune.
                raise
            except ValueError as error:
                picker.refuse(item.key, str(error))
                continue
            number = len(takes)
            span = expected_range(take.performance.lead)
            jobs += [PitchJob(mono(take.sounds[name]), rate, *span) for name in HEARD]
            takes.append((take, figures))
            if number < settings.picture_count:
                _draw(take, settings, number)
            if settings.sounds is not None:
                _write_sounds(take, settings.sounds, number)
            # Only the numbers are kept: sounds of many tunes would fill the memory.
            take.sounds.clear()
            progress("play", len(takes) / settings.count)
        font = renderer.path.name
    if not takes:
        raise ValueError(f"none of {len(picker.rejected)} tunes could be played: {picker.rejected[:1]}")
    tracks = track_pitches(jobs, settings.workers, lambda done: progress("pitch", done / len(jobs)))
    for index, parts in enumerate(takes):
        start = index * len(HEARD)
        rows.append(_row(*parts, tracks[start : start + len(HEARD)], settings))
    return {
        "figure": "melody",
        "codec": generator.codec.spec.identity,
        "soundfont": font,
        "seconds": settings.seconds,
        "seed": settings.seed,
        **summarise(rows),
        "by_instrument": {
            name: summarise([row for row in rows if row.instrument == name])
            for name in dict.fromkeys(row.instrument for row in rows)
        },
        "tunes": [asdict(row) for row in rows],
        "rejected": picker.rejected,
    }


def _play(generator: Generator, renderer: Renderer, item: TestTune, settings: MelodySettings) -> _Take:
    """Play one tune and render all it is compared with."""
    clip = generator.perform(
        item.tune,
        duration=settings.seconds,
        seed=settings.seed,
        instrument=item.instrument,
        accompaniment=settings.accompaniment,
    )
    if clip.performance is None or clip.codes is None:
        raise ValueError("the clip has no performance or no codes")
    notes, chords = melody_notes(clip.performance.lead.notes, settings.seconds)
    if not notes:
        raise ValueError(f"has no single notes in its first {settings.seconds:g} s")
    wrong = LEADS[(LEADS.index(item.instrument) + len(LEADS) // 2) % len(LEADS)]
    rendering = at_model_level(renderer.render(clip.performance))
    presets = {item.instrument: INSTRUMENTS[wrong].gm_program}
    books = clip.codes.tokens.shape[1]
    sounds = {
        "player": clip.waveform,
        "soundfont": rendering,
        "codec": round_trip(generator.codec, rendering),
        "codec_as_player": round_trip(generator.codec, rendering, books),
        "wrong": renderer.render(clip.performance, presets=presets),
    }
    if settings.free:
        sounds["free"] = _play_freely(generator, clip, settings)
    reference = _start(rendering, settings.seconds)
    levelled = {
        name: same_level(_start(sound, settings.seconds), reference) for name, sound in sounds.items()
    }
    return _Take(item, wrong, clip, notes, chords, levelled)


def _play_freely(generator: Generator, clip: Clip, settings: MelodySettings) -> Waveform:
    """The same attributes in words, without the tune."""
    wishes = clip.attributes
    prompt = f"a {wishes.kind} in {wishes.tonic} {wishes.mode} on the {wishes.instrument}"
    options = Options(
        duration=min(clip.seconds, settings.seconds), seed=settings.seed, route="free", tempo_bpm=wishes.tempo_bpm,
        instrument=wishes.instrument, accompaniment="none",
    )  # fmt: skip
    return generator.make(prompt, options).waveform


def _start(waveform: Waveform, seconds: float) -> Waveform:
    """The first `seconds` of a sound, mono [1, 1, T]."""
    samples = torch.from_numpy(np.ascontiguousarray(mono(waveform, seconds)))
    return Waveform(samples[None, None], waveform.sample_rate)


def _distances(take: _Take) -> dict[str, float]:
    sounds = take.sounds
    names = ("player", "codec", "codec_as_player", "wrong")
    return {name: log_mel_distance(sounds[name], sounds["soundfont"]) for name in names}


def _lags(take: _Take) -> dict[str, float]:
    """Milliseconds; the codec's own lag shows what the method and the codec add."""
    wanted = mono(take.sounds["soundfont"])
    rate = take.sounds["soundfont"].sample_rate
    return {name: 1000 * lag_seconds(mono(take.sounds[name]), wanted, rate) for name in ("player", "codec")}


def _chromas(take: _Take) -> dict[str, float]:
    chromas = {
        name: sound_chroma(mono(sound), sound.sample_rate)
        for name, sound in take.sounds.items()
        if name in ("player", "soundfont", "codec", "free")
    }
    notes = take.performance.lead.notes
    score = score_chroma(notes, chromas["soundfont"].shape[1])
    found = {name: chroma_agreement(chroma, score) for name, chroma in chromas.items()}
    return {**found, "floor": shuffled_agreement(chromas["soundfont"], score)}


def _heard(take: _Take) -> tuple[dict[str, NoteScore], dict[str, NoteScore]]:
    """What the transcriber hears: notes, and onsets whatever their pitch."""
    wanted = [(note.onset, float(note.midi_pitch)) for note in take.notes]
    found = {
        name: heard_in(mono(take.sounds[name]), take.sounds[name].sample_rate)
        for name in ("player", "soundfont")
    }
    rng = np.random.default_rng(0)
    notes = {name: match_notes(wanted, heard) for name, heard in found.items()}
    onsets = {name: match_notes(onsets_alone(wanted), onsets_alone(heard)) for name, heard in found.items()}
    notes["floor"] = match_notes(wanted, shuffled(wanted, rng))
    onsets["floor"] = match_notes(onsets_alone(wanted), onsets_alone(at_other_times(wanted, rng)))
    return notes, onsets


def _recovered(take: _Take) -> dict[str, dict[str, float]]:
    """What can be heard of tempo, key and instrument, in the player's sound and in the SoundFont's."""
    tempo, key = take.performance.tempo_bpm, take.item.tune.header.key
    found = {}
    for name in ("player", "soundfont"):
        samples, rate = mono(take.sounds[name]), take.sounds[name].sample_rate
        found[name] = {
            "tempo": tempo_right(samples, rate, tempo),
            "key": key_right(samples, rate, key),
            "instrument": instrument_figures(samples, rate, take.item.instrument)["instrument_right"] or 0.0,
        }
    return found


def _row(take: _Take, figures: _Figures, tracks: list[PitchTrack], settings: MelodySettings) -> MelodyRow:
    heard = dict(zip(HEARD, (heard_pitches(track, take.notes) for track in tracks), strict=True))
    right = {name: right_notes(pitches, take.notes) for name, pitches in heard.items()}
    codes = take.clip.codes
    return MelodyRow(
        tune=take.item.key,
        instrument=take.item.instrument,
        wrong_instrument=take.wrong,
        seconds=round(min(take.clip.seconds, settings.seconds), 3),
        codebooks=codes.tokens.shape[1] if codes is not None else 0,
        notes=len(take.notes),
        chord_notes=take.chord_notes,
        right={name: int(which.sum()) for name, which in right.items()},
        kept=int((right["player"] & right["soundfont"]).sum()),
        pitch_floor=chance_share(heard["player"], take.notes),
        **vars(figures),
        play_seconds=round(take.clip.timings.get("play", 0.0), 3),
    )


def _draw(take: _Take, settings: MelodySettings, number: int) -> None:
    if settings.pictures is None:
        return
    from audiogen.evaluation.pictures import draw_comparison

    titles = {"soundfont": "SoundFont rendering", "codec": "through the codec", "player": "player"}
    sounds = [(title, mono(take.sounds[name])) for name, title in titles.items()]
    draw_comparison(
        settings.pictures / f"melody-{number + 1:02d}.png",
        f"{take.item.tune.header.title} ({take.item.key}) on the {take.item.instrument}",
        sounds,
        take.sounds["player"].sample_rate,
        take.notes,
        min(settings.seconds, take.clip.seconds),
    )


def _write_sounds(take: _Take, folder: Path, number: int) -> None:
    from codec.audio_files import write_audio

    folder.mkdir(parents=True, exist_ok=True)
    for name, sound in take.sounds.items():
        write_audio(folder / f"melody-{number + 1:02d}-{name}.wav", sound)
