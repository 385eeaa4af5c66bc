"""Score frames: the performance sampled on the codec's frame clock."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from math import ceil
from pathlib import Path

import numpy as np

from symbolic_bridge.performance import Performance, SoundedNote

# Vocabulary of every stream. 0 always means "nothing": no note, no chord, no bar.
STREAM_SIZES = {
    "pitch": 128,  # lead's MIDI pitch
    "age": 32,  # frames since the lead's onset, 1-based: 1 ... 15 exact, then on a logarithmic scale
    "remaining": 32,  # frames to the end of the lead's note or, in silence, to the next onset; same scale
    "next_pitch": 128,  # pitch of the lead's next note
    "velocity": 64,  # lead's velocity // 2
    "chord": 49,  # 1 + root * 4 + quality
    "strum_age": 32,  # frames since the accompaniment last struck; same scale as age
    "strum_low": 128,  # lowest accompaniment pitch struck then
    "beat": 65,  # 1 + position in the bar in 1/64 of the bar
    "section": 9,  # 1 for A ... 8
    # Between the centres of two frames, in tenths: 1 + the place of the time since the earlier centre.
    "onset_place": 11,  # of the lead's onset
    "end_place": 11,  # of the end of the lead's note, were it not cut by the next or made to last a frame
    "strum_place": 11,  # of the accompaniment's last strike
}
QUALITIES = ("major", "minor", "dominant", "diminished")
PLACES, VELOCITY_STEP = 10, 2
FORMAT_VERSION = 2

# Fewest frames of each bucket: 0 ... 15 exact, then two buckets to the octave (16, 23, 32, 45, 64 ... 2896).
_EXACT = 16
BUCKET_LOWER_BOUNDS = tuple(
    b if b < _EXACT else round(_EXACT * 2 ** ((b - _EXACT) / 2)) for b in range(STREAM_SIZES["age"])
)
# Notes of one strum are spread over some milliseconds and still are one strike.
_STRIKE_SPREAD_SECONDS = 0.06
# A note that starts on a frame's centre belongs to that frame, whatever the last bit of the float says.
_CENTRE_TOLERANCE = 1e-6


def frame_bucket(frames: np.ndarray) -> np.ndarray:
    """Bucket 0 ... 31 of counts of frames: the last one whose lower bound is not above the count."""
    return np.searchsorted(np.asarray(BUCKET_LOWER_BOUNDS), frames, side="right") - 1


def chord_value(root: int, quality: str) -> int:
    """What the stream of chords holds for a chord: root 0 ... 11, one of QUALITIES."""
    return 1 + root * len(QUALITIES) + QUALITIES.index(quality)


def chord_of_value(value: int) -> tuple[int, str] | None:
    """Root and quality of a value of the stream of chords, None for no chord; the inverse of `chord_value`."""
    root, quality = divmod(value - 1, len(QUALITIES))
    return (root, QUALITIES[quality]) if value else None


def bucket_lower_bound(bucket: int) -> int:
    """Fewest frames in a bucket, so that `frame_bucket(bucket_lower_bound(b)) == b`."""
    return BUCKET_LOWER_BOUNDS[bucket]


@dataclass(frozen=True)
class ScoreFrames:
    """One integer per stream and frame; frame s is sampled at its centre, (s + 1/2) / frame_rate seconds.

    `values` is int16 [len(STREAM_SIZES), S], rows in the order of STREAM_SIZES.

    Raises:
        ValueError: another shape or type, a value outside its stream's vocabulary, or a frame rate not above 0.
    """

    frame_rate: Fraction
    values: np.ndarray

    def __post_init__(self) -> None:
        if self.frame_rate <= 0:
            raise ValueError(f"frame_rate is {self.frame_rate}; it must be above 0")
        if self.values.dtype != np.int16 or self.values.ndim != 2 or len(self.values) != len(STREAM_SIZES):
            raise ValueError(
                f"values is {self.values.dtype} {list(self.values.shape)}; it must be int16 [{len(STREAM_SIZES)}, S]"
            )
        for (name, size), row in zip(STREAM_SIZES.items(), self.values, strict=True):
            if row.size and not (row.min() >= 0 and row.max() < size):
                raise ValueError(
                    f"stream {name!r} holds {row.min()} ... {row.max()}; it must be 0 ... {size - 1}"
                )

    @property
    def frames(self) -> int:
        """Number of frames, S."""
        return self.values.shape[1]

    def stream(self, name: str) -> np.ndarray:
        """One stream by name, int16 [S].

        Raises:
            ValueError: there is no such stream.
        """
        if name not in STREAM_SIZES:
            raise ValueError(f"stream {name!r} is not one of {', '.join(STREAM_SIZES)}")
        return self.values[list(STREAM_SIZES).index(name)]

    def slice(self, start: int, stop: int) -> ScoreFrames:
        """Frames start ... stop - 1; beyond the ends they are all "nothing", so the length is stop - start.

        Raises:
            ValueError: stop is below start.
        """
        if stop < start:
            raise ValueError(f"slice {start} ... {stop} is backwards")
        values = np.zeros((len(STREAM_SIZES), stop - start), np.int16)
        low, high = max(start, 0), min(stop, self.frames)
        if low < high:
            values[:, low - start : high - start] = self.values[:, low:high]
        return ScoreFrames(self.frame_rate, values)

    def save(self, path: str | Path) -> None:
        """Write as .npz (no pickle); `load` gives an equal box."""
        rate = np.array([self.frame_rate.numerator, self.frame_rate.denominator], np.int64)
        with open(path, "wb") as file:
            np.savez_compressed(
                file,
                version=np.array(FORMAT_VERSION),
                frame_rate=rate,
                streams=np.array(list(STREAM_SIZES)),
                values=self.values,
            )

    @classmethod
    def load(cls, path: str | Path) -> ScoreFrames:
        """Read what `save` wrote.

        Raises:
            FileNotFoundError: there is no such file.
            ValueError: the file is damaged, of another version or holds other streams.
        """
        try:
            # numpy leaves a file that it opened itself open when the archive is damaged.
            with open(path, "rb") as file, np.load(file, allow_pickle=False) as archive:
                version = int(archive["version"])
                streams = tuple(str(name) for name in archive["streams"])
                numerator, denominator = (int(number) for number in archive["frame_rate"])
                values = archive["values"]
            if version != FORMAT_VERSION or streams != tuple(STREAM_SIZES):
                raise ValueError(f"version {version}, streams {', '.join(streams)}")
            return cls(Fraction(numerator, denominator), values)
        except (ValueError, TypeError, KeyError, EOFError, ZeroDivisionError) as error:
            raise ValueError(f"{path} holds no score frames of version {FORMAT_VERSION}: {error}") from error
        except (zipfile.BadZipFile, zlib.error, NotImplementedError) as error:
            raise ValueError(f"{path} is a damaged .npz file: {error}") from error

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ScoreFrames):
            return NotImplemented
        return self.frame_rate == other.frame_rate and np.array_equal(self.values, other.values)

    __hash__ = None  # type: ignore[assignment]


def score_frames(performance: Performance, frame_rate: Fraction, frames: int | None = None) -> ScoreFrames:
    """Sample a performance on a frame clock.

    Where lead notes overlap, the one that started last counts, the highest of those struck together. A note
    too short to hold any frame's centre is given the frame it starts in or the next.

    Args:
        performance: what is played; its first part is the lead, the others accompany.
        frame_rate: frames a second, exact.
        frames: how many frames; None: as many as cover `performance.duration`.

    Returns:
        Score frames, values int16 [len(STREAM_SIZES), frames].

    Raises:
        ValueError: frame_rate is not above 0 or frames is negative.
    """
    if frame_rate <= 0:
        raise ValueError(f"frame_rate is {frame_rate}; it must be above 0")
    if frames is None:
        frames = ceil(performance.duration * frame_rate)
    if frames < 0:
        raise ValueError(f"frames is {frames}; it must not be negative")
    rate = float(frame_rate)
    rows = {name: np.zeros(frames, np.int64) for name in STREAM_SIZES}
    _sample_lead(rows, performance.parts[0].notes if performance.parts else (), rate)
    _sample_strikes(rows, [note for part in performance.parts[1:] for note in part.notes], rate)
    for chord in performance.chords:
        start, stop = _first_frames([chord.onset, chord.offset], rate)
        rows["chord"][start:stop] = chord_value(chord.root, chord.quality)
    for bar in performance.bars:
        start, stop = _first_frames([bar.onset, bar.offset], rate)
        centres = (np.arange(start, min(stop, frames)) + 0.5) / rate
        place = np.floor((centres - bar.onset) / (bar.offset - bar.onset) * 64 + _CENTRE_TOLERANCE)
        rows["beat"][start:stop] = 1 + np.clip(place, 0, 63)
        rows["section"][start:stop] = 1 + min(bar.section, STREAM_SIZES["section"] - 2)
    return ScoreFrames(frame_rate, np.stack(list(rows.values())).astype(np.int16))


def _first_frames(seconds: Sequence[float] | np.ndarray, rate: float) -> np.ndarray:
    """First frame whose centre is not before each time, not below 0."""
    return np.maximum(np.ceil(np.asarray(seconds, float) * rate - 0.5 - _CENTRE_TOLERANCE), 0).astype(
        np.int64
    )


def _places(seconds: Sequence[float] | np.ndarray, rate: float) -> np.ndarray:
    """Where between the centres of two frames each time lies, 1 ... PLACES; the later is that of `_first_frames`."""
    clock = np.asarray(seconds, float) * rate - 0.5 - _CENTRE_TOLERANCE  # whole at the centres of frames
    return 1 + ((clock - np.ceil(clock) + 1) * PLACES).astype(np.int64).clip(0, PLACES - 1)


def seconds_of(frame: int, place: int, rate: float) -> float:
    """The time of a note's beginning or end whose first frame and place are told, the middle of what they may mean."""
    return max(0.0, (frame - 0.5 + (place - 0.5) / PLACES) / rate)


def _sample_lead(rows: dict[str, np.ndarray], lead: Sequence[SoundedNote], rate: float) -> None:
    """Fill pitch, age, remaining, next_pitch, velocity, onset_place and end_place, each [S]."""
    frames = len(rows["pitch"])
    if not lead or not frames:
        return
    notes = sorted(lead, key=lambda note: (note.onset, note.midi_pitch))
    first = _first_frames([note.onset for note in notes], rate)
    last = np.maximum(_first_frames([note.offset for note in notes], rate), first + 1)
    pitches = np.array([note.midi_pitch for note in notes])
    owner = np.full(frames, -1)
    for index, (start, stop) in enumerate(zip(first.tolist(), last.tolist(), strict=True)):
        owner[start:stop] = index
    clock = np.arange(frames)
    sounding = owner >= 0
    playing = owner[sounding]
    rows["pitch"][sounding] = pitches[playing]
    rows["age"][sounding] = frame_bucket(clock[sounding] - first[playing] + 1)
    velocities = np.array([note.velocity for note in notes]) // VELOCITY_STEP
    rows["velocity"][sounding] = np.clip(velocities, 1, STREAM_SIZES["velocity"] - 1)[playing]
    rows["onset_place"][sounding] = _places([note.onset for note in notes], rate)[playing]
    rows["end_place"][sounding] = _places([note.offset for note in notes], rate)[playing]
    # A run of one owner ends where the owner changes; the last run may go on beyond the last frame.
    following = np.searchsorted(first, clock, side="right")
    has_next = following < len(notes)
    upcoming = np.minimum(following, len(notes) - 1)
    # The last of those that start in the same frame is the one that will be seen there.
    upcoming = np.searchsorted(first, first[upcoming], side="right") - 1
    rows["next_pitch"][has_next] = pitches[upcoming[has_next]]
    changes = np.flatnonzero(np.diff(owner)) + 1
    run = np.searchsorted(changes, clock, side="right")
    run_ends = np.append(changes, frames)
    if owner[-1] >= 0:
        cut = first[following[-1]] if has_next[-1] else last[owner[-1]]
        run_ends[-1] = max(min(last[owner[-1]], cut), frames)
    elif has_next[-1]:
        run_ends[-1] = first[following[-1]]
    awaited = sounding | has_next
    rows["remaining"][awaited] = frame_bucket(run_ends[run] - clock)[awaited]


def _sample_strikes(rows: dict[str, np.ndarray], notes: Sequence[SoundedNote], rate: float) -> None:
    """Fill strum_age, strum_low and strum_place, each [S]."""
    if not notes:
        return
    ordered = sorted(notes, key=lambda note: note.onset)
    strikes: list[tuple[float, int]] = []
    for note in ordered:
        if strikes and note.onset - strikes[-1][0] < _STRIKE_SPREAD_SECONDS:
            strikes[-1] = (strikes[-1][0], min(strikes[-1][1], note.midi_pitch))
        else:
            strikes.append((note.onset, note.midi_pitch))
    first = _first_frames([onset for onset, _ in strikes], rate)
    lows = np.array([low for _, low in strikes])
    clock = np.arange(len(rows["strum_age"]))
    struck = np.searchsorted(first, clock, side="right") - 1
    heard = struck >= 0
    rows["strum_age"][heard] = frame_bucket(clock[heard] - first[struck[heard]] + 1)
    rows["strum_low"][heard] = lows[struck[heard]]
    rows["strum_place"][heard] = _places([onset for onset, _ in strikes], rate)[struck[heard]]
