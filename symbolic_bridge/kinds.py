"""Kinds of tune (reel, jig, air ...): their names, metres, tempos, swing and customary playing.

Tempos are sociable session speeds in *felt beats* a minute, where the felt beat is `Meter.beat_duration`: the
quarter in 4/4, 3/4 and 2/4, the half in 2/2, the dotted quarter in 6/8, 9/8 and 12/8. Musicians count a reel in
halves whichever way it is written, so "a reel at 105" is 210 felt beats in 4/4 and 105 in 2/2; `Kind.tempo_in` gives
the felt beats for the metre at hand and `Kind.counted_tempo_in` turns a spoken tempo into them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

from symbolic_bridge.tune import Meter, Tune

STRAIGHT = 1.0

# Felt beats a minute where neither the kind nor its usual metre says anything.
METER_TEMPOS: dict[tuple[int, int], float] = {
    (4, 4): 112.0, (2, 2): 72.0, (2, 4): 100.0, (3, 4): 120.0, (3, 8): 200.0, (6, 8): 108.0, (9, 8): 112.0,
    (12, 8): 116.0, (3, 2): 84.0, (6, 4): 160.0, (4, 2): 80.0, (5, 4): 112.0, (7, 8): 220.0,
}  # fmt: skip
FALLBACK_TEMPO_BPM = 108.0
# These write the same bar with other note values when a kind says so.
_SAME_BAR = (Meter(4, 4), Meter(2, 2), Meter(2, 4))


@dataclass(frozen=True)
class Kind:
    """One kind of tune.

    `names`: spellings that mean it, lower case, the first is the usual one. `meter`: the usual metre; `tempo_bpm`: felt
    beats a minute in it. `tempos`: felt beats a minute in other metres. `same_bar`: 4/4, 2/2 and 2/4 are ways to
    write the same bar, which then lasts the same time. `swing`: length of the first of each pair of quick notes over
    the second (1 is straight). `counted_beats`: felt beats of the usual metre in one beat as musicians count it.
    `accompaniment`: the customary one; `bars`: customary length with every letter of `form` counted once.
    """

    id: str
    names: tuple[str, ...]
    meter: Meter
    tempo_bpm: float
    swing: float = STRAIGHT
    same_bar: bool = False
    tempos: tuple[tuple[Meter, float], ...] = ()
    counted_beats: int = 1
    form: str = "AABB"
    instrument: str = "fiddle"
    accompaniment: str = "guitar"
    bars: int = 16
    is_dance: bool = True

    def __post_init__(self) -> None:
        if not 20 <= self.tempo_bpm <= 400:
            raise ValueError(
                f"tempo of kind {self.id!r} is {self.tempo_bpm}; it must be 20 ... 400 beats a minute"
            )
        if not 1 <= self.swing <= 3:
            raise ValueError(f"swing of kind {self.id!r} is {self.swing}; it must be 1 ... 3")

    def tempo_in(self, meter: Meter | None) -> float:
        """Customary felt beats a minute in `meter` (None: free metre, counted like the usual one)."""
        if meter is None or meter == self.meter:
            return self.tempo_bpm
        for known, tempo_bpm in self.tempos:
            if known == meter:
                return tempo_bpm
        if self.same_bar and meter in _SAME_BAR and self.meter in _SAME_BAR:
            return self.tempo_bpm * meter.beats / self.meter.beats
        if (
            meter.is_compound == self.meter.is_compound
            and meter.unit == self.meter.unit
            and not self.same_bar
        ):
            return self.tempo_bpm
        return METER_TEMPOS.get((meter.beats, meter.unit), FALLBACK_TEMPO_BPM)

    def counted_tempo_in(self, meter: Meter | None, counted_bpm: float) -> float:
        """Felt beats a minute in `meter` for a tempo as musicians say it ("a reel at 105" -> 210 in 4/4)."""
        return counted_bpm * self.counted_beats * self.tempo_in(meter) / self.tempo_bpm


def _meters(**tempos: float) -> tuple[tuple[Meter, float], ...]:
    """Rows such as m6_8=100 as (Meter(6, 8), 100.0)."""
    return tuple(
        (Meter(int(name[1:].split("_")[0]), int(name.split("_")[1])), float(bpm))
        for name, bpm in tempos.items()
    )


_C, _CUT, _DUPLE, _TRIPLE, _JIG = Meter(4, 4), Meter(2, 2), Meter(2, 4), Meter(3, 4), Meter(6, 8)

_TABLE = (
    Kind("reel", ("reel", "reels", "ríl"), _C, 208, same_bar=True, counted_beats=2),
    Kind("jig", ("jig", "double jig", "doublejig", "jigs", "dbl jig", "irish jig"), _JIG, 116,
         tempos=_meters(m12_8=116, m9_8=120, m3_8=348)),
    Kind("single jig", ("single jig", "singlejig", "single jigs"), _JIG, 122, tempos=_meters(m12_8=122)),
    Kind("slip jig", ("slip jig", "slipjig", "hop jig", "hopjig", "slip jigs", "slip-jig", "hop slip jig"),
         Meter(9, 8), 124),
    Kind("slide", ("slide", "slides", "kerry slide"), Meter(12, 8), 136, tempos=_meters(m6_8=136)),
    Kind("hornpipe", ("hornpipe", "hornpipes", "horn pipe", "horn-pipe"), _C, 160, 1.7, True, counted_beats=2,
         tempos=_meters(m3_2=92)),
    Kind("polka", ("polka", "polkas", "kerry polka"), _DUPLE, 126),
    Kind("waltz", ("waltz", "waltzes", "valse", "vals"), _TRIPLE, 138, tempos=_meters(m3_8=138)),
    Kind("march", ("march", "marches", "quickstep", "quick step", "retreat"), _C, 108,
         tempos=_meters(m2_2=76, m6_8=104, m2_4=100, m3_4=96, m12_8=104)),
    Kind("air", ("air", "airs", "slow air", "slow airs", "aisling", "sean nós", "sean-nós"), _C, 66,
         tempos=_meters(m2_2=42, m3_4=76, m6_8=46, m2_4=56, m9_8=50, m12_8=50, m3_2=60), form="AB", instrument="flute",
         accompaniment="none", is_dance=False),
    Kind("strathspey", ("strathspey", "strathspeys", "strath"), _C, 126, same_bar=True),
    Kind("mazurka", ("mazurka", "mazurkas", "mazourka", "varsovienne"), _TRIPLE, 138, 1.3),
    Kind("barndance", ("barndance", "barn dance", "barndances", "barn dances", "schottische", "highland schottische"),
         _C, 156, 1.5, True, counted_beats=2),
    Kind("lullaby", ("lullaby", "lullabies", "cradle song", "berceuse", "suantraí"), _TRIPLE, 76,
         tempos=_meters(m4_4=66, m6_8=44, m2_4=56, m2_2=42), form="AB", instrument="harp",
         accompaniment="none", is_dance=False),
    Kind("lament", ("lament", "laments", "caoineadh", "goltraí", "elegy", "dirge", "keening"), _C, 54,
         tempos=_meters(m3_4=60, m6_8=38, m2_4=48, m2_2=36), form="AB", instrument="cello", accompaniment="none",
         is_dance=False),
    Kind("fling", ("fling", "highland fling", "highlands", "flings"), _C, 164, 1.4, True, counted_beats=2),
    Kind("set dance", ("set dance", "setdance", "set dances", "long dance", "longdance"), _C, 140, 1.4, True,
         counted_beats=2, tempos=_meters(m6_8=100, m9_8=110, m3_4=120)),
    Kind("clog", ("clog", "clog dance", "clogs"), _C, 156, 1.7, True, counted_beats=2),
    Kind("song", ("song", "ballad", "songs", "ballads", "folk song", "folksong", "carol", "xmas",
                  "christmas carol", "hymn"),
         _C, 104, tempos=_meters(m2_2=66, m3_4=108, m6_8=72, m2_4=84, m9_8=76, m12_8=76, m3_2=84, m6_4=104),
         instrument="flute", is_dance=False),
    Kind("planxty", ("planxty", "planxties", "carolan tune", "carolan"), _JIG, 92,
         tempos=_meters(m4_4=116, m2_2=72, m3_4=116, m2_4=88, m9_8=96), instrument="harp", accompaniment="harp",
         is_dance=False),
    Kind("morris", ("morris", "morris dance", "morris tune", "morris jig"), _C, 116, 1.15,
         tempos=_meters(m6_8=104, m2_2=66, m2_4=96, m9_8=104, m3_4=116), instrument="accordion"),
    Kind("country dance", ("country dance", "english country dance", "playford", "longways", "gavotte", "minuet",
                           "quadrille", "cotillion", "bourrée", "bourree", "two-step", "two step", "walkaround"),
         _C, 116, tempos=_meters(m6_8=108, m2_2=84, m2_4=104, m9_8=108, m3_4=124, m3_2=92)),
)  # fmt: skip

KINDS: dict[str, Kind] = {kind.id: kind for kind in _TABLE}
KIND_NAMES: dict[str, str] = {name: kind.id for kind in _TABLE for name in kind.names}
# Further spellings that rhythm fields have. They are no `names`, since in a prompt they may mean something else.
_FIELD_SPELLINGS: dict[str, tuple[str, ...]] = {
    "reel": ("rant", "rants", "breakdown", "hoedown"),
    "jig": ("treble jig", "jigg", "gigue", "giga"),
    "hornpipe": ("three-two", "three two", "triple hornpipe", "cornphíopa"),
    "polka": ("polca",),
    "waltz": ("walz", "valzer"),
    "march": ("marche", "marsch"),
    "air": ("fonn mall",),
    "mazurka": ("mazurca", "varsoviana"),
    "barndance": ("schottisches", "germans"),
    "fling": ("highland",),
    "set dance": ("set-dance", "rince fada"),
    "song": ("shanty", "amhrán"),
    "country dance": (
        "contra dance",
        "contredanse",
        "galop",
        "gallop",
        "cotillon",
        "lancers",
        "menuet",
        "rigadoon",
    ),
}
FIELD_NAMES: dict[str, str] = KIND_NAMES | {
    name: kind for kind, names in _FIELD_SPELLINGS.items() for name in names
}

# The kind that a metre suggests where nothing else does.
METER_KINDS: dict[tuple[int, int], str] = {
    (6, 8): "jig", (9, 8): "slip jig", (12, 8): "slide", (3, 4): "waltz", (3, 8): "waltz", (2, 4): "polka",
    (4, 4): "reel", (2, 2): "reel", (3, 2): "song", (6, 4): "song",
}  # fmt: skip
# A bar of a reel runs in eight quick notes; fewer than this a bar, and the tune is rather sung or walked to.
_RUNNING_NOTES_PER_BAR = 5.0
# Title endings that name a kind; other kinds' names occur in titles with other meanings.
_TITLE_KINDS = (
    "reel",
    "jig",
    "slip jig",
    "hornpipe",
    "polka",
    "waltz",
    "strathspey",
    "lament",
    "march",
    "lullaby",
    "mazurka",
)


def normalise_kind(text: str) -> str | None:
    """Id of the first kind that a rhythm field names ("Hop, Slip jig" -> "slip jig"); None where it names none."""
    plain = re.sub(r"\(.*", "", text.lower().replace("_", " "))
    for piece in re.split(r"[,;/&+]| or | and ", plain):
        words = re.sub(r"\s+", " ", piece).strip(" .:-")
        if words in FIELD_NAMES:
            return FIELD_NAMES[words]
        # The noun that the others describe stands last: a highland reel is a reel.
        inside = [
            (match.end(), len(name), name)
            for name in FIELD_NAMES
            for match in re.finditer(rf"(?<!\w){re.escape(name)}(?!\w)", words)
        ]
        if inside:
            return FIELD_NAMES[max(inside)[2]]
    return None


def kind_of(tune: Tune) -> Kind:
    """The tune's kind: from its rhythm field, else from the end of its title, else from its metre and note density."""
    named = normalise_kind(tune.header.rhythm)
    if named is not None:
        return KINDS[named]
    meter = tune.header.meter
    titled = _kind_in_title(tune.header.title)
    if titled is not None and (meter is None or meter.is_compound == titled.meter.is_compound):
        return titled
    if meter is None:
        return KINDS["air"]
    guess = METER_KINDS.get((meter.beats, meter.unit), "song")
    running = _notes_per_bar(tune, meter.bar_duration) >= _RUNNING_NOTES_PER_BAR
    if guess == "reel" and not running:
        guess = "song"
    if guess == "polka" and running:
        guess = "reel"
    return KINDS[guess]


def _kind_in_title(title: str) -> Kind | None:
    words = re.sub(r"[^\w ]", "", title.lower())
    endings = [kind for kind in _TITLE_KINDS if words == kind or words.endswith(f" {kind}")]
    return KINDS[max(endings, key=len)] if endings else None


def _notes_per_bar(tune: Tune, bar_duration: Fraction) -> float:
    total = sum((bar.duration for bar in tune.bars), Fraction(0))
    notes = sum(1 for bar in tune.bars for note in bar.notes if not note.is_rest)
    return float(notes / (total / bar_duration)) if total else 0.0
