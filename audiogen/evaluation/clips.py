"""Sounds to judge a codec by: held-out tunes rendered with seen and unseen fonts, or a folder of recordings."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from audiogen.evaluation.material import TunePicker, at_model_level
from audiogen.soundfont import Renderer
from codec.audio_files import read_audio
from codec.types import Waveform
from symbolic_bridge.instruments import LEADS
from symbolic_bridge.perform import perform

AUDIO_SUFFIXES = (".wav", ".flac", ".ogg", ".mp3", ".opus")
# Every other clip is accompanied: codecs find one voice easier than two.
ACCOMPANIMENTS = ("none", "guitar")


@dataclass(frozen=True)
class TestClip:
    """A sound [1, 1, T] at the codec's rate and the models' level."""

    __test__ = False

    name: str
    group: str
    waveform: Waveform


def rendered_clips(
    picker: TunePicker, fonts: Sequence[str | Path | None], count: int, seconds: float, sample_rate: int
) -> Iterator[TestClip]:
    """`count` clips of each font; the group is the font's name.

    A font of one instrument is played within the range of the instrument its file name holds, if it does.
    """
    for font in fonts:
        with Renderer(font, sample_rate=sample_rate) as renderer:
            group = renderer.path.stem
            single = next((name for name in LEADS if name in group.lower()), None)
            rng = np.random.default_rng([picker.seed, 2])
            made = 0
            for item in picker.draw(count):
                instrument = single if single and len(renderer.programs) == 1 else item.instrument
                backing = ACCOMPANIMENTS[made % 2] if len(renderer.programs) > 1 else "none"
                try:
                    played = perform(
                        item.tune,
                        instrument=instrument,
                        accompaniment=backing,
                        duration_seconds=seconds,
                        rng=rng,
                    )
                    sound = at_model_level(renderer.render(played))
                except ValueError as error:
                    picker.refuse(item.key, str(error))
                    continue
                made += 1
                yield TestClip(f"{item.key} {instrument} {backing}", group, _cut(sound, seconds))


def recorded_clips(
    folder: Path, count: int, seconds: float, sample_rate: int, rejected: list[dict[str, str]]
) -> Iterator[TestClip]:
    """The middle of up to `count` sound files under a folder; unreadable ones are added to `rejected`.

    Raises:
        ValueError: the folder holds no sound files.
    """
    files = sorted(file for file in folder.rglob("*") if file.suffix.lower() in AUDIO_SUFFIXES)
    if not files:
        raise ValueError(f"{folder}: holds no files with suffix {', '.join(AUDIO_SUFFIXES)}")
    for file in files[:count]:
        try:
            sound = read_audio(file, sample_rate=sample_rate, channels=1)
        except ValueError as error:
            rejected.append({"tune": str(file.relative_to(folder)), "reason": str(error)})
            continue
        length = sound.samples.shape[-1]
        start = max(0, (length - round(seconds * sample_rate)) // 2)
        middle = Waveform(sound.samples[..., start:], sample_rate)
        group = file.parent.name if file.parent != folder else folder.name
        yield TestClip(str(file.relative_to(folder)), group, _cut(at_model_level(middle), seconds))


def _cut(sound: Waveform, seconds: float) -> Waveform:
    return Waveform(sound.samples[..., : round(seconds * sound.sample_rate)], sound.sample_rate)
