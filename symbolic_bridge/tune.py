"""The tune as written: a header and bars of notes, with exact durations.

Durations are `Fraction`s of a whole note; pitches keep their spelling. Reading and writing live in
`abc_reader`, `abc_writer` and `midi`; the methods of `Tune` are their doors.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from fractions import Fraction
from itertools import chain, count
from pathlib import Path

LETTERS = "CDEFGAB"
LETTER_SEMITONES = (0, 2, 4, 5, 7, 9, 11)
MODES = ("major", "minor", "dorian", "mixolydian", "lydian", "phrygian", "locrian")
# Sharps of the signature of a mode on C, relative to C major (circle of fifths).
MODE_SHARPS = {
    "major": 0, "mixolydian": -1, "dorian": -2, "minor": -3, "phrygian": -4, "locrian": -5, "lydian": 1,
}  # fmt: skip
SHARP_ORDER = "FCGDAEB"
# Bar lines that are drawn dotted or not at all, and mean no more than "|".
SPECIAL_BAR_LINES = (".|", "[|]")


@dataclass(frozen=True)
class Pitch:
    """A spelled pitch: letter A-G, alteration in semitones (-2 ... 2), octave (C4 is middle C, MIDI 60)."""

    letter: str
    alter: int
    octave: int

    @property
    def midi(self) -> int:
        """MIDI number."""
        return 12 * (self.octave + 1) + LETTER_SEMITONES[LETTERS.index(self.letter)] + self.alter


@dataclass(frozen=True)
class Key:
    """Tonic ("C", "F#", "Bb"), mode (one of MODES) and explicit extra accidentals ((letter, alter), ...)."""

    tonic: str = "C"
    mode: str = "major"
    extra: tuple[tuple[str, int], ...] = ()

    def __post_init__(self) -> None:
        if not self.tonic or self.tonic[0] not in LETTERS or self.tonic[1:] not in ("", "#", "b"):
            raise ValueError(f"tonic {self.tonic!r} is not a letter A-G with at most one # or b")
        if self.mode not in MODES:
            raise ValueError(f"mode {self.mode!r} is not one of {', '.join(MODES)}")

    @property
    def tonic_pitch_class(self) -> int:
        """0 for C ... 11 for B."""
        alter = {"": 0, "#": 1, "b": -1}[self.tonic[1:]]
        return (LETTER_SEMITONES[LETTERS.index(self.tonic[0])] + alter) % 12

    @property
    def sharps(self) -> int:
        """Sharps of the signature; negative for flats."""
        alter = {"": 0, "#": 7, "b": -7}[self.tonic[1:]]
        return SHARP_ORDER.index(self.tonic[0]) - 1 + alter + MODE_SHARPS[self.mode]

    @property
    def signature(self) -> dict[str, int]:
        """Alteration of each altered letter, extras included."""
        count = self.sharps
        altered = dict.fromkeys(LETTERS, 0)
        for turn in range(abs(count)):
            letter = SHARP_ORDER[turn % 7] if count > 0 else SHARP_ORDER[-1 - turn % 7]
            altered[letter] += 1 if count > 0 else -1
        altered.update(dict(self.extra))
        return {letter: alter for letter, alter in altered.items() if alter}


@dataclass(frozen=True)
class Meter:
    """Beats and beat unit: 6/8 is Meter(6, 8). `text` is another way of writing it ("C|", "2+3/8"), "" for none."""

    beats: int = 4
    unit: int = 4
    text: str = field(default="", compare=False)

    def __post_init__(self) -> None:
        if not (1 <= self.beats <= 64 and self.unit in (1, 2, 4, 8, 16, 32)):
            raise ValueError(f"meter {self.beats}/{self.unit} is not one of 1-64 over 1, 2, 4, 8, 16 or 32")

    @property
    def bar_duration(self) -> Fraction:
        """Length of a full bar in whole notes."""
        return Fraction(self.beats, self.unit)

    @property
    def is_compound(self) -> bool:
        """Whether beats group in threes (6/8, 9/8, 12/8)."""
        return self.unit >= 8 and self.beats % 3 == 0 and self.beats > 3

    @property
    def beat_duration(self) -> Fraction:
        """Length of the felt beat: a dotted quarter in 6/8, a quarter in 4/4, a half in 2/2."""
        return Fraction(3, self.unit) if self.is_compound else Fraction(1, self.unit)

    @property
    def felt_beats(self) -> int:
        """Felt beats of a full bar."""
        return round(self.bar_duration / self.beat_duration)

    @property
    def has_halves(self) -> bool:
        """Whether chords may change in the middle of a bar: it has two or four felt beats."""
        return self.felt_beats in (2, 4)

    def __str__(self) -> str:
        return f"{self.beats}/{self.unit}"


@dataclass(frozen=True)
class Note:
    """A note, a chord (several pitches) or a rest (none).

    `tie` says that it is tied to the next note of the same pitch. Graces are written before the note.
    `decorations` hold names: "roll" (~), "staccato" (.), "trill", "accent", "fermata" and whatever else
    stood between ! marks. `chord_symbol` ("Am7", "D/F#", "" for none) starts at this note.

    `lyrics` has a syllable a verse as a w: line writes it: "time-" goes on in the next note, "_" holds the one before,
    "" is no syllable. `length_ratios` are the lengths of a chord's pitches over `duration` where they are unequal,
    `grace_lengths` those of the graces in unit lengths where one is not 1; else empty. `marks` are marks that only
    shape the page, as written: "x" (an invisible rest), "y" (space before it), ".-", ".(" (dotted), "{/" (slashed).
    """

    pitches: tuple[Pitch, ...]
    duration: Fraction
    tie: bool = False
    graces: tuple[Pitch, ...] = ()
    decorations: tuple[str, ...] = ()
    chord_symbol: str = ""
    annotations: tuple[str, ...] = ()
    slur_starts: int = 0
    slur_ends: int = 0
    lyrics: tuple[str, ...] = ()
    length_ratios: tuple[Fraction, ...] = ()
    grace_lengths: tuple[Fraction, ...] = ()
    marks: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.duration <= 0:
            raise ValueError(f"note duration is {self.duration}; it must be above 0")

    @property
    def is_rest(self) -> bool:
        return not self.pitches


@dataclass(frozen=True)
class Bar:
    """The notes between two bar lines, with what its bar lines say.

    `start_repeat`: "|:" before it; `end_repeat`: ":|" after it; `endings`: the passes on which it is
    played when it opens a first/second ending ((1,), (2,), (1, 3), ...), else empty - later bars of the same ending
    have empty `endings` too, the ending lasts until a repeat sign, the next ending or a double bar.
    `double_bar`: "||" or "|]" after it. `meter`/`key`/`tempo_bpm`: changes that take effect at its start.
    `part`: label of a P: field standing at its start.
    `plays`: how often an `end_repeat` has its section played in all ("::|" three times). `overlays`: voices written
    over this bar's notes (&), each beginning with the bar. `lines`: fields, instructions and comments that stand before
    it and that nothing here interprets, as written. `clef`: the clef and other settings of a K: at its start.
    `bar_line`: the bar line after it where it is one of `SPECIAL_BAR_LINES`.
    """

    notes: tuple[Note, ...]
    start_repeat: bool = False
    end_repeat: bool = False
    endings: tuple[int, ...] = ()
    double_bar: bool = False
    meter: Meter | None = None
    key: Key | None = None
    tempo_bpm: float | None = None
    part: str = ""
    plays: int = 2
    overlays: tuple[tuple[Note, ...], ...] = ()
    lines: tuple[str, ...] = ()
    clef: str = ""
    bar_line: str = ""

    @property
    def duration(self) -> Fraction:
        """Sum of the notes' durations, in whole notes."""
        return sum((note.duration for note in self.notes), Fraction(0))


@dataclass(frozen=True)
class Header:
    """What stands above the notes. `tempo_bpm` counts felt beats (Meter.beat_duration) a minute.

    `meter` None is free metre (M:none). `fields` keeps every other header line, ((letter, text), ...), in order; the
    letter is "%%" for instructions to programs and "%" for comments. `clef` is what K: says besides the key
    ("clef=bass transpose=-2"); an `octave=` is not kept, since the pitches hold it.
    """

    title: str = "Untitled"
    reference: int = 1
    rhythm: str = ""
    meter: Meter | None = field(default_factory=Meter)
    unit: Fraction = Fraction(1, 8)
    key: Key = field(default_factory=Key)
    tempo_bpm: float | None = None
    fields: tuple[tuple[str, str], ...] = ()
    clef: str = ""


@dataclass(frozen=True)
class Voice:
    """A voice besides the first: its name as V: gives it, and its bars."""

    name: str
    bars: tuple[Bar, ...]


@dataclass(frozen=True)
class Tune:
    """A tune as written: the bars of its first voice, which is the melody, and its other voices.

    `warnings` lists what a lenient reading mended, `kept` the constructs that were kept as they stood without being
    interpreted, each with its place; neither takes part in equality. `lines` are like `Bar.lines`, behind the last bar.
    """

    header: Header
    bars: tuple[Bar, ...]
    warnings: tuple[str, ...] = field(default=(), compare=False)
    voices: tuple[Voice, ...] = ()
    kept: tuple[str, ...] = field(default=(), compare=False)
    lines: tuple[str, ...] = ()

    @property
    def first_voice(self) -> str:
        """The name of the first voice: the first that V: gives and no other voice has; "1" where none is given."""
        taken = {voice.name for voice in self.voices}
        given = (text.split(maxsplit=1) for letter, text in self.header.fields if letter == "V")
        names = chain((words[0] for words in given if words), map(str, count(1)))
        return next(name for name in names if name not in taken)

    @classmethod
    def from_abc(cls, text: str, strict: bool = False) -> Tune:
        """Read the first tune of ABC text.

        Args:
            text: ABC notation, standard 2.1.
            strict: raise on the first fault instead of mending it and listing it in `warnings`.

        Raises:
            AbcSyntaxError: nothing playable is found, or, with `strict`, anything is wrong.
        """
        from symbolic_bridge.abc_reader import read_tune

        return read_tune(text, strict=strict)

    def to_abc(self) -> str:
        """The tune as ABC text; reading it again gives an equal tune."""
        from symbolic_bridge.abc_writer import write_tune

        return write_tune(self)

    @classmethod
    def from_midi(cls, path: str | Path) -> Tune:
        """Read the melody of a MIDI file, quantised to sixteenths and triplets."""
        from symbolic_bridge.midi import read_midi

        return read_midi(path)

    def to_midi(self, path: str | Path) -> None:
        """Write the plain tune: repeats unfolded, no swing, no ornaments."""
        from symbolic_bridge.midi import write_midi

        write_midi(self, path)

    def unfold(self) -> Tune:
        """The tune as played: repeats and endings written out, no repeat signs left."""
        from symbolic_bridge.unfold import unfold_tune

        return unfold_tune(self)

    def transpose(self, semitones: int) -> Tune:
        """The tune moved by semitones, in the key with the fewest accidentals."""
        from symbolic_bridge.transpose import transpose_tune

        return transpose_tune(self, semitones)

    def with_header(self, **changes: object) -> Tune:
        """A copy with some header entries replaced."""
        return replace(self, header=replace(self.header, **changes))  # type: ignore[arg-type]
