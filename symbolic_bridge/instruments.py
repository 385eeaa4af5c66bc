"""The instruments a tune can be played on: names, General MIDI programs and real ranges."""

from __future__ import annotations

import re
from dataclasses import dataclass

ROLES = ("lead", "accompaniment", "both")
DECAYS = ("sustained", "plucked")


@dataclass(frozen=True)
class Instrument:
    """One instrument.

    `names`: words that mean it, lower case, the first is the usual one. `gm_program`: 0-based General MIDI program.
    `lowest`/`highest`: sounding range as MIDI pitches. `role`: what it may play, one of ROLES.
    `decay`: "sustained" while bowed or blown, or "plucked", ringing on by itself.
    """

    id: str
    names: tuple[str, ...]
    gm_program: int
    lowest: int
    highest: int
    role: str = "lead"
    decay: str = "sustained"

    def __post_init__(self) -> None:
        if not 0 <= self.gm_program <= 127:
            raise ValueError(f"gm_program of {self.id!r} is {self.gm_program}; it must be 0 ... 127")
        if not 0 <= self.lowest <= self.highest - 12 <= 115:
            raise ValueError(
                f"range of {self.id!r} is {self.lowest}-{self.highest}; it must span an octave in 0 ... 127"
            )
        if self.role not in ROLES or self.decay not in DECAYS:
            raise ValueError(
                f"role {self.role!r} or decay {self.decay!r} of {self.id!r} is not in {ROLES}, {DECAYS}"
            )

    @property
    def can_lead(self) -> bool:
        return self.role in ("lead", "both")

    @property
    def can_accompany(self) -> bool:
        return self.role in ("accompaniment", "both")


_TABLE = (
    Instrument("fiddle", ("fiddle", "violin", "fiddles", "violins", "fiddler", "violinist"), 40, 55, 100),
    Instrument(
        "flute",
        ("flute", "wooden flute", "irish flute", "simple-system flute", "flutes", "flautist"),
        73,
        60,
        96,
    ),
    # Played at written pitch like the corpus's other instruments, not an octave above as a real D whistle sounds.
    Instrument(
        "whistle",
        (
            "whistle",
            "tin whistle",
            "tinwhistle",
            "penny whistle",
            "pennywhistle",
            "recorder",
            "feadog",
            "whistles",
        ),
        74,
        62,
        88,
    ),
    Instrument(
        "pipes",
        (
            "pipes",
            "uilleann pipes",
            "uillean pipes",
            "union pipes",
            "bagpipe",
            "bagpipes",
            "smallpipes",
            "piper",
        ),
        109,
        62,
        86,
    ),
    Instrument(
        "accordion",
        (
            "accordion",
            "button accordion",
            "piano accordion",
            "melodeon",
            "squeezebox",
            "box",
            "accordeon",
            "accordions",
        ),
        21,
        53,
        93,
    ),
    Instrument(
        "concertina", ("concertina", "anglo concertina", "english concertina", "bandoneon"), 23, 55, 96
    ),
    Instrument("banjo", ("banjo", "tenor banjo", "mandolin", "banjos"), 105, 43, 84, decay="plucked"),
    Instrument(
        "guitar",
        ("guitar", "acoustic guitar", "steel-string guitar", "guitars", "guitarist"),
        25,
        40,
        84,
        role="both",
        decay="plucked",
    ),
    Instrument(
        "harp",
        ("harp", "celtic harp", "irish harp", "lever harp", "clarsach", "harps", "harper"),
        46,
        36,
        93,
        "both",
        "plucked",
    ),
    Instrument(
        "piano",
        ("piano", "pianoforte", "keyboard", "upright piano", "pianist"),
        0,
        21,
        108,
        "both",
        "plucked",
    ),
    # A practical top, so that fiddle tunes go down an octave to where the cello sings.
    Instrument("cello", ("cello", "violoncello", "'cello", "cellos", "cellist"), 42, 36, 76),
    Instrument("clarinet", ("clarinet", "clarinets", "clarinettist"), 71, 50, 91),
)

INSTRUMENTS: dict[str, Instrument] = {instrument.id: instrument for instrument in _TABLE}
LEADS: tuple[str, ...] = tuple(instrument.id for instrument in _TABLE if instrument.can_lead)
ACCOMPANIMENTS: tuple[str, ...] = (
    "none",
    *(instrument.id for instrument in _TABLE if instrument.can_accompany),
)
INSTRUMENT_NAMES: dict[str, str] = {name: instrument.id for instrument in _TABLE for name in instrument.names}


def normalise_instrument(text: str) -> str | None:
    """Id of the instrument that `text` names ("Tin Whistle" -> "whistle"); None where it names none."""
    return INSTRUMENT_NAMES.get(re.sub(r"[\s_]+", " ", text.strip().lower()))


def instrument_of(name: str) -> Instrument:
    """The instrument of an id or a synonym.

    Raises:
        ValueError: no instrument has that name; the message lists the ids.
    """
    found = normalise_instrument(name)
    if found is None:
        raise ValueError(f"instrument {name!r} is not one of {', '.join(INSTRUMENTS)}")
    return INSTRUMENTS[found]
