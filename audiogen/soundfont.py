"""The SoundFont route: a performance rendered by FluidSynth.

FluidSynth is an optional extra. Everything here imports it when it is first needed, so that the learned
routes run without it.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from symbolic_bridge.performance import Part, Performance

if TYPE_CHECKING:
    from codec.types import Waveform

SOUNDFONT_VARIABLE = "AUDIOGEN_SOUNDFONT"
SOUNDFONT_SUFFIXES = (".sf2", ".sf3")
SOUNDFONT_FOLDERS = (
    "/usr/share/sounds/sf2",
    "/usr/share/sounds/sf3",
    "/usr/share/soundfonts",
    "/usr/local/share/sounds/sf2",
    "/usr/local/share/soundfonts",
    "/opt/homebrew/share/soundfonts",
    "~/Library/Audio/Sounds/Banks",
    "~/.local/share/soundfonts",
)
# Best first: the fonts tried when none is named.
PREFERRED_SOUNDFONTS = (
    "FluidR3_GM.sf2",
    "MuseScore_General.sf3",
    "FluidR3Mono_GM.sf3",
    "TimGM6mb.sf2",
    "default-GM.sf3",
    "default-GM.sf2",
)
INSTALL_HINT = (
    "the SoundFont route needs FluidSynth and a SoundFont: pip install 'audiogen[soundfont]' and "
    "apt-get install libfluidsynth3 (Debian, Ubuntu) or brew install fluid-synth (macOS)"
)
# FluidSynth renders in blocks of 64 samples and applies every event at the start of the next one.
BLOCK_SAMPLES = 64
GAIN = 0.5
CHANNELS = 32
DRUM_CHANNEL = 9
LOG_LEVELS = 5


class SoundfontError(ValueError):
    """No SoundFont, no FluidSynth library, or a file that is not a SoundFont."""


def find_soundfont(name: str | Path | None = None) -> Path:
    """Find a SoundFont file.

    Args:
        name: a path, a file name in one of the usual folders (suffix optional) or None for the file that the
            environment variable AUDIOGEN_SOUNDFONT names, else the best font of the system, else the small
            one inside the installed pretty_midi package.

    Raises:
        SoundfontError: nothing fits.
    """
    wanted = name or os.environ.get(SOUNDFONT_VARIABLE)
    folders = [folder for folder in _soundfont_folders() if folder.is_dir()]
    if wanted:
        path = Path(wanted).expanduser()
        if path.is_file():
            return path
        suffixes = ("",) if path.suffix in SOUNDFONT_SUFFIXES else SOUNDFONT_SUFFIXES
        candidates = [folder / f"{path}{suffix}" for suffix in suffixes for folder in folders]
        if path.parent == Path(".") and (found := _first_file(candidates)):
            return found
        raise SoundfontError(
            f"SoundFont {str(wanted)!r} is neither a file nor in the usual folders; {INSTALL_HINT}"
        )
    candidates = [folder / preferred for preferred in PREFERRED_SOUNDFONTS for folder in folders]
    candidates += [
        path for folder in folders for path in sorted(folder.iterdir()) if path.suffix in SOUNDFONT_SUFFIXES
    ]
    if found := _first_file(candidates):
        return found
    raise SoundfontError(f"no SoundFont was found; {INSTALL_HINT}")


def _soundfont_folders() -> list[Path]:
    folders = [Path(folder).expanduser() for folder in SOUNDFONT_FOLDERS]
    # find_spec reads no code of the package: pretty_midi's import is slow and warns.
    spec = importlib.util.find_spec("pretty_midi")
    if spec is not None and spec.origin:
        folders.append(Path(spec.origin).parent)
    return folders


def _first_file(candidates: list[Path]) -> Path | None:
    return next((path for path in candidates if path.is_file()), None)


def _load_fluidsynth() -> ModuleType:
    """The pyfluidsynth module.

    Raises:
        SoundfontError: it or the FluidSynth library is not installed.
    """
    try:
        # Where the variable CI is set, the package prints on import: never into our standard output.
        with contextlib.redirect_stdout(sys.stderr):
            import fluidsynth
    except (ImportError, OSError) as error:
        raise SoundfontError(f"{INSTALL_HINT} ({error})") from error
    return fluidsynth


class Renderer:
    """A SoundFont kept open, because loading a large one takes seconds.

    Reverb and chorus are off and the gain is fixed: rooms and levels are added where they are wanted.
    The same performance gives the same samples, whatever was rendered before. Not to be shared by threads.
    """

    def __init__(
        self, soundfont: str | Path | None = None, *, sample_rate: int = 24000, channels: int = 1
    ) -> None:
        """Open a font.

        Args:
            soundfont: anything `find_soundfont` takes.
            sample_rate: Hz, 8,000 to 96,000 (FluidSynth's limits).
            channels: 1 mixes down to mono; 2 keeps the places that the font gives its sounds.

        Raises:
            SoundfontError: there is no FluidSynth, no such font, or the file is not a SoundFont.
        """
        if not 8000 <= sample_rate <= 96000:
            raise ValueError(f"sample_rate is {sample_rate}; FluidSynth renders 8000 ... 96000 Hz")
        if channels not in (1, 2):
            raise ValueError(f"channels is {channels}; 1 and 2 are allowed")
        fluidsynth = _load_fluidsynth()
        self.path = find_soundfont(soundfont)
        self.sample_rate, self.channels = sample_rate, channels
        _check_header(self.path)
        _silence_log(fluidsynth)
        self._calls = _Calls.bind(fluidsynth)
        self._fluidsynth = fluidsynth
        # This one only holds the font. Every rendering gets a fresh synthesiser that borrows it, because voices
        # keep traces of what they played before, and the same performance must give the same samples.
        self._keeper = self._new_synth()
        identifier = self._keeper.sfload(str(self.path))
        if identifier == -1:
            self._keeper.delete()
            raise SoundfontError(f"{self.path} is not a SoundFont that FluidSynth can read")
        self._font = fluidsynth.fluid_synth_get_sfont_by_id(self._keeper.synth, identifier)
        get_preset = fluidsynth.fluid_sfont_get_preset
        self._programs = frozenset(program for program in range(128) if get_preset(self._font, 0, program))

    def _new_synth(self) -> Any:
        return self._fluidsynth.Synth(
            gain=GAIN,
            samplerate=float(self.sample_rate),
            channels=CHANNELS,
            **{"synth.reverb.active": 0, "synth.chorus.active": 0},
        )

    @property
    def programs(self) -> frozenset[int]:
        """The programs (0 ... 127) of bank 0 that the font has."""
        return self._programs

    def close(self) -> None:
        """Give the font's memory back."""
        self._keeper.delete()

    def __enter__(self) -> Renderer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def render(self, performance: Performance, *, presets: Mapping[str, int] | None = None) -> Waveform:
        """Play a performance.

        Args:
            performance: what to play; events land on the nearest 64-sample block (within 1.4 ms at 24 kHz).
            presets: General MIDI program by instrument id, where it is not the instrument's own.

        Returns:
            Samples [1, C, round(duration * sample_rate)], neither normalised nor clipped.

        Raises:
            ValueError: an instrument is unknown or the font lacks its program.
        """
        import torch

        from codec.types import Waveform

        samples = self.render_array(performance, presets=presets)
        return Waveform(torch.from_numpy(samples).view(1, self.channels, -1), self.sample_rate)

    def render_array(
        self, performance: Performance, *, presets: Mapping[str, int] | None = None
    ) -> np.ndarray:
        """As `render`, but the samples alone: float32 [T], or of two channels [C, T]. Needs no torch."""
        channels = [channel for channel in range(CHANNELS) if channel % 16 != DRUM_CHANNEL]
        if len(performance.parts) > len(channels):
            raise ValueError(
                f"performance has {len(performance.parts)} parts; at most {len(channels)} are allowed"
            )
        programs = [self._program_for(part.instrument, presets or {}) for part in performance.parts]
        synth = self._new_synth()
        font = self._calls.add_font(synth.synth, self._font)
        try:
            for channel, program in zip(channels, programs, strict=False):
                synth.program_select(channel, font, 0, program)
            return self._play(synth, performance, channels)
        finally:
            # Taken back first: deleting a synthesiser deletes the fonts it still holds.
            self._calls.remove_font(synth.synth, self._font)
            synth.delete()

    def _play(self, synth: Any, performance: Performance, channels: list[int]) -> np.ndarray:
        total = round(performance.duration * self.sample_rate)
        events: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
        for channel, part in zip(channels, performance.parts, strict=False):
            self._schedule(part, channel, events)
        blocks = -(-total // BLOCK_SAMPLES)
        stereo = np.zeros((2, blocks * BLOCK_SAMPLES), dtype=np.float32)  # [left/right, T]
        position = 0
        for block in [*sorted(block for block in events if block < blocks), blocks]:
            self._fill(synth, stereo, position, block)
            position = block
            # Ends (velocity 0) sort before starts, so a repeated note is struck again.
            for velocity, channel, key in sorted(events.get(block, ())):
                if velocity:
                    synth.noteon(channel, key, velocity)
                else:
                    synth.noteoff(channel, key)
        return stereo.mean(axis=0)[:total] if self.channels == 1 else stereo[:, :total]

    def _program_for(self, instrument: str, presets: Mapping[str, int]) -> int:
        program = presets[instrument] if instrument in presets else _general_midi_program(instrument)
        if program in self._programs:
            return program
        if len(self._programs) == 1:
            return next(iter(self._programs))
        raise ValueError(f"{self.path.name} has no program {program}, which {instrument!r} asks for")

    def _schedule(self, part: Part, channel: int, events: dict[int, list[tuple[int, int, int]]]) -> None:
        """Add a part's events: block -> (velocity or 0 for the end, channel, key)."""
        rate = self.sample_rate / BLOCK_SAMPLES
        starts: dict[int, list[int]] = defaultdict(list)
        for note in part.notes:
            starts[note.midi_pitch].append(round(note.onset * rate))
        for blocks in starts.values():
            blocks.sort()
        for note in part.notes:
            start = round(note.onset * rate)
            end = max(round(note.offset * rate), start + 1)
            events[start].append((note.velocity, channel, note.midi_pitch))
            # Where the same key is struck again before this note ends, the later note owns the key's end.
            struck_again = next((other for other in starts[note.midi_pitch] if start < other <= end), None)
            events[end if struck_again is None else struck_again].append((0, channel, note.midi_pitch))

    def _fill(self, synth: Any, stereo: np.ndarray, first_block: int, end_block: int) -> None:
        length = (end_block - first_block) * BLOCK_SAMPLES
        if length > 0:
            left, right = (stereo[side, first_block * BLOCK_SAMPLES :].ctypes.data for side in (0, 1))
            self._calls.write_float(synth.synth, length, left, 0, 1, right, 0, 1)


def render(
    performance: Performance,
    *,
    soundfont: str | Path | None = None,
    sample_rate: int = 24000,
    presets: Mapping[str, int] | None = None,
) -> Waveform:
    """Play one performance: `Renderer.render` with a font opened for this call only."""
    with Renderer(soundfont, sample_rate=sample_rate) as renderer:
        return renderer.render(performance, presets=presets)


def _general_midi_program(instrument: str) -> int:
    from symbolic_bridge.instruments import INSTRUMENTS

    if instrument not in INSTRUMENTS:
        raise ValueError(f"instrument {instrument!r} is not one of {', '.join(INSTRUMENTS)}")
    return INSTRUMENTS[instrument].gm_program


def _check_header(path: Path) -> None:
    # FluidSynth would go on to try such a file as another format, whose library writes to stderr.
    with open(path, "rb") as file:
        header = file.read(12)
    if header[:4] != b"RIFF" or header[8:] != b"sfbk":
        raise SoundfontError(f"{path} is not a SoundFont: it does not begin with RIFF ... sfbk")


def _silence_log(fluidsynth: ModuleType) -> None:
    """Keep FluidSynth from writing to the C-level stderr; failures are told by return values."""
    set_log_function = fluidsynth.cfunc(
        "fluid_set_log_function",
        ctypes.c_void_p,
        ("level", ctypes.c_int, 1),
        ("function", ctypes.c_void_p, 1),
        ("data", ctypes.c_void_p, 1),
    )
    for level in range(LOG_LEVELS):
        set_log_function(level, None, None)


@dataclass(frozen=True)
class _Calls:
    """Functions of the C library that its Python package does not offer."""

    write_float: Callable[..., int]
    add_font: Callable[..., int]
    remove_font: Callable[..., int]

    @classmethod
    def bind(cls, fluidsynth: ModuleType) -> _Calls:
        pointer, integer = ctypes.c_void_p, ctypes.c_int
        font = (("synth", pointer, 1), ("font", pointer, 1))
        return cls(
            # The package's own reader gives dithered 16-bit samples; the dither depends on what came before.
            write_float=fluidsynth.cfunc(
                "fluid_synth_write_float",
                integer,
                ("synth", pointer, 1),
                ("length", integer, 1),
                ("left", pointer, 1),
                ("left_offset", integer, 1),
                ("left_step", integer, 1),
                ("right", pointer, 1),
                ("right_offset", integer, 1),
                ("right_step", integer, 1),
            ),
            add_font=fluidsynth.cfunc("fluid_synth_add_sfont", integer, *font),
            remove_font=fluidsynth.cfunc("fluid_synth_remove_sfont", integer, *font),
        )
