"""Sounds to judge a codec by: held-out tunes rendered with seen and unseen fonts, or a folder of recordings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from audiogen.evaluation.material import TunePicker, at_model_level
from audiogen.soundfont import Renderer
from codec.audio_files import read_audio, resample
from codec.types import Waveform
from symbolic_bridge.instruments import LEADS, instrument_of
from symbolic_bridge.perform import perform

RENDERING, RECORDING = "rendering", "recording"
# Beginnings of libsndfile's names of sample formats that lose nothing; FLAC is PCM there.
LOSSLESS = ("PCM_", "FLOAT", "DOUBLE", "ALAC_")
# Every other clip is accompanied: codecs find one voice easier than two.
ACCOMPANIMENTS = ("none", "guitar")


@dataclass(frozen=True)
class TestClip:
    """A sound [1, C, T] at the models' level.

    `kind` is RENDERING or RECORDING; `lossy_source` says that it came from a file that was already coded with losses.
    """

    __test__ = False

    name: str
    group: str
    waveform: Waveform
    kind: str = RENDERING
    lossy_source: bool = False


def rendered_clips(
    picker: TunePicker,
    fonts: Sequence[str | Path | None],
    count: int,
    seconds: float,
    sample_rate: int,
    channels: int = 1,
) -> Iterator[TestClip]:
    """`count` clips of each font; the group is the font's name.

    A font of one instrument is played within the range of the instrument its file name holds, if it does.
    """
    for font in fonts:
        with Renderer(font, sample_rate=sample_rate, channels=channels) as renderer:
            group = renderer.path.stem
            single = _named_lead(group)
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
    groups: Mapping[str, Mapping[Path, str]],
    count: int,
    seconds: float,
    sample_rate: int,
    rejected: list[dict[str, str]],
    channels: int = 1,
) -> Iterator[TestClip]:
    """Pieces of recordings, spread evenly over each of them.

    Every file gives at least one piece, longer ones as many as bring their group to about `count`; pieces do not
    overlap.

    Args:
        groups: what `sound_files` found.
        count: pieces wanted of each group.
        seconds: longest piece.
        sample_rate: of the clips.
        rejected: receives the files that cannot be read, with the reason.
        channels: of the clips.
    """
    for group, files in groups.items():
        pieces = -(-count // len(files))
        for file, name in files.items():
            try:
                recording = read_audio(file, channels=channels)
                for number, piece in enumerate(_spread(recording, seconds, pieces), 1):
                    sound = at_model_level(resample(piece, sample_rate))
                    label = f"{name} {number}" if pieces > 1 else name
                    yield TestClip(label, group, sound, RECORDING, is_lossy(file))
            except ValueError as error:
                rejected.append({"file": name, "reason": str(error)})


def sound_files(paths: Sequence[Path]) -> dict[str, dict[Path, str]]:
    """Sound files by group, each with the name it goes by.

    A folder is searched to any depth and its files grouped by its sub-folders; a single file, or one directly in the
    folder, belongs to the folder it is in.

    Raises:
        ValueError: a path does not exist, or a folder holds no sound files.
    """
    groups: dict[str, dict[Path, str]] = {}
    suffixes = sound_suffixes()
    for path in paths:
        if not path.exists():
            raise ValueError(f"{path}: no such file or folder")
        files = (
            [path]
            if path.is_file()
            else sorted(file for file in path.rglob("*") if file.suffix.lower() in suffixes)
        )
        if not files:
            raise ValueError(f"{path}: holds no files with suffix {', '.join(suffixes)}")
        for file in files:
            inner = file.relative_to(path) if path.is_dir() else Path(file.name)
            group = inner.parts[0] if len(inner.parts) > 1 else file.resolve().parent.name
            groups.setdefault(group, {}).setdefault(file, str(inner))
    return groups


def sound_suffixes() -> tuple[str, ...]:
    """What names of files end with that libsndfile reads; raw samples do not say what they are."""
    names = {f".{name.lower()}" for name in soundfile.available_formats() if name != "RAW"}
    return tuple(sorted(names | {".aif", ".oga", ".opus"}))


def is_lossy(file: Path) -> bool:
    """Whether a sound file was coded with losses before we saw it: MP3, Vorbis, Opus, ADPCM and the like.

    Raises:
        ValueError: it cannot be read.
    """
    try:
        subtype = soundfile.info(file).subtype
    except soundfile.LibsndfileError as error:
        raise ValueError(f"{file}: not readable as audio ({error.error_string})") from error
    return not subtype.startswith(LOSSLESS)


def _spread(sound: Waveform, seconds: float, pieces: int) -> Iterator[Waveform]:
    """Up to that many pieces that do not overlap, each from the middle of its share of the sound."""
    length, wanted = sound.samples.shape[-1], round(seconds * sound.sample_rate)
    pieces = max(1, min(pieces, length // wanted))
    for number in range(pieces):
        start = max(0, round((number + 0.5) * length / pieces - wanted / 2))
        yield _cut(Waveform(sound.samples[..., start:], sound.sample_rate), seconds)


def _named_lead(text: str) -> str | None:
    """The lead instrument that a font's name holds, if it holds one."""
    words = text.lower()
    return next(
        (lead for lead in LEADS if any(name in words for name in (lead, *instrument_of(lead).names))), None
    )


def _cut(sound: Waveform, seconds: float) -> Waveform:
    return Waveform(sound.samples[..., : round(seconds * sound.sample_rate)], sound.sample_rate)
