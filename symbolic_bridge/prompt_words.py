"""The words that prompts are read with: one table per meaning, and the lexicon that joins them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from symbolic_bridge.instruments import INSTRUMENTS
from symbolic_bridge.kinds import KINDS
from symbolic_bridge.moods import MOODS
from symbolic_bridge.tune import Meter


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


@dataclass(frozen=True)
class Meaning:
    """What a phrase means: `role` says which attribute it speaks of; `stand_in` names what we lack, else "".

    `meter`: the metre of a stand-in that is not the usual one of the kind it became.
    """

    role: str
    value: str | float | Meter
    stand_in: str = ""
    meter: Meter | None = None


# Factors on the kind's usual tempo.
PACES = {
    "very slow": 0.65, "slow": 0.78, "slowly": 0.78, "slower": 0.85, "slow-moving": 0.78, "slow-paced": 0.78,
    "unhurried": 0.85, "leisurely": 0.85, "relaxed tempo": 0.9, "easy-going": 0.9, "lazy": 0.85, "half speed": 0.5,
    "half tempo": 0.5, "half the speed": 0.5, "half the tempo": 0.5, "half as fast": 0.5, "half as quick": 0.5,
    "half time": 0.5, "twice as slow": 0.5, "steady": 0.95, "steadily": 0.95, "medium tempo": 1.0, "medium": 1.0,
    "moderate": 1.0, "moderate tempo": 1.0, "moderately paced": 1.0, "normal tempo": 1.0, "usual tempo": 1.0,
    "mid-tempo": 1.0, "midtempo": 1.0, "brisk": 1.12, "briskly": 1.12, "quick": 1.15, "quickly": 1.15, "quicker": 1.12,
    "fast": 1.2, "faster": 1.15, "fast-paced": 1.2, "rapid": 1.3, "rapidly": 1.3, "speedy": 1.25, "furious": 1.4,
    "breakneck": 1.45, "high speed": 1.3, "double speed": 2.0, "double tempo": 2.0, "double time": 2.0,
    "twice as fast": 2.0, "twice as quick": 2.0, "twice the speed": 2.0, "twice the tempo": 2.0, "swift": 1.2,
    "hurried": 1.2, "largo": 0.6, "grave": 0.55, "lento": 0.65, "larghetto": 0.68, "adagio": 0.7, "adagietto": 0.75,
    "andante": 0.82, "andantino": 0.88, "moderato": 0.98, "allegretto": 1.06, "allegro": 1.18, "vivace": 1.28,
    "vivo": 1.28, "presto": 1.4, "prestissimo": 1.55,
}  # fmt: skip
# "very" strengthens a pace, "a bit" weakens it: exponents on its factor.
DEGREES = {
    "very": 1.7, "really": 1.5, "extremely": 2.2, "super": 1.8, "incredibly": 2.0, "so": 1.3, "too": 1.0, "quite": 1.0,
    "rather": 0.9, "fairly": 0.8, "pretty": 0.9, "moderately": 0.6, "somewhat": 0.6, "slightly": 0.4, "bit": 0.5,
    "little": 0.5, "insanely": 2.0, "particularly": 1.3, "overly": 1.0, "medium": 0.5, "ever": 1.0,
}  # fmt: skip
METERS = {
    "common time": Meter(4, 4), "cut time": Meter(2, 2), "cut common": Meter(2, 2), "alla breve": Meter(2, 2),
    "waltz time": Meter(3, 4), "triple time": Meter(3, 4), "jig time": Meter(6, 8), "slip jig time": Meter(9, 8),
    "polka time": Meter(2, 4), "reel time": Meter(4, 4), "march time": Meter(4, 4), "three quarter time": Meter(3, 4),
    "three quarters time": Meter(3, 4), "duple time": Meter(2, 4), "compound duple": Meter(6, 8),
}  # fmt: skip
METER_TOPS = {"two": 2, "three": 3, "four": 4, "five": 5, "six": 6, "seven": 7, "nine": 9, "twelve": 12}
METER_BOTTOMS = {"two": 2, "four": 4, "eight": 8, "quarter": 4, "quarters": 4, "eighth": 8, "eighths": 8}
LENGTHS_SECONDS = {"short": 20.0, "brief": 20.0, "long": 90.0, "lengthy": 90.0}
UNACCOMPANIED = (
    "unaccompanied", "solo", "a cappella", "a capella", "alone", "by itself", "on its own", "on their own",
    "single instrument", "soloist",
)  # fmt: skip
ACCOMPANIMENT_WORDS = (
    "accompaniment", "accompaniments", "accompanied", "accompanying", "backing", "backed", "backup", "chords",
    "chordal", "accompanist", "strumming", "rhythm section", "harmonies",
)  # fmt: skip
NEGATORS = {
    "no", "not", "without", "never", "minus", "nor", "neither", "don't", "isn't", "w/o", "omit", "exclude", "excluding",
    "lacking", "avoid", "skip", "hold", "sans", "except", "nothing",
}  # fmt: skip

# Things we lack, and the nearest we have; "" where nothing comes near.
INSTRUMENT_STAND_INS = {
    "mandolin": "banjo", "mandola": "banjo", "bouzouki": "guitar", "cittern": "guitar", "ukulele": "guitar",
    "lute": "guitar", "electric guitar": "guitar", "bass guitar": "guitar", "sitar": "guitar", "zither": "harp",
    "dulcimer": "harp", "hammered dulcimer": "harp", "autoharp": "harp", "psaltery": "harp", "kantele": "harp",
    "lyre": "harp", "harpsichord": "piano", "organ": "accordion", "keyboard": "piano", "synth": "piano",
    "synthesizer": "piano", "celesta": "piano", "marimba": "piano", "xylophone": "piano", "glockenspiel": "piano",
    "viola": "fiddle", "hardanger fiddle": "fiddle", "nyckelharpa": "fiddle", "hurdy gurdy": "pipes",
    "hurdy-gurdy": "pipes", "strings": "fiddle", "string quartet": "fiddle", "orchestra": "fiddle",
    "double bass": "cello", "bass": "cello", "viola da gamba": "cello", "trombone": "cello", "tuba": "cello",
    "trumpet": "clarinet", "cornet": "clarinet", "horn": "clarinet", "french horn": "clarinet",
    "saxophone": "clarinet", "sax": "clarinet", "oboe": "clarinet", "bassoon": "clarinet", "recorder": "whistle",
    "piccolo": "whistle", "ocarina": "whistle", "fife": "whistle", "low whistle": "flute", "pan flute": "flute",
    "pan pipes": "flute", "panpipes": "flute", "harmonica": "concertina", "mouth organ": "concertina",
    "bandoneon": "concertina", "harmonium": "accordion", "voice": "flute", "vocals": "flute", "singer": "flute",
    "choir": "flute", "singing": "flute", "bodhran": "", "drum": "", "drums": "", "percussion": "", "spoons": "",
    "bones": "", "tambourine": "", "brass band": "clarinet", "jaw harp": "", "jew's harp": "",
}  # fmt: skip
KIND_STAND_INS = {
    "tango": "polka", "tarantella": "jig", "gigue": "jig", "saltarello": "jig", "jota": "waltz", "landler": "waltz",
    "hambo": "mazurka", "polska": "mazurka", "springar": "mazurka", "polonaise": "mazurka", "galop": "polka",
    "redowa": "waltz", "sarabande": "air", "pavane": "air", "nocturne": "air", "serenade": "air", "pibroch": "lament",
    "rant": "reel", "breakdown": "reel", "hoedown": "reel", "fandango": "waltz", "csardas": "polka", "hora": "reel",
    "halling": "reel", "foxtrot": "barndance", "ragtime": "barndance", "cakewalk": "barndance", "shanty": "song",
    "sea shanty": "song", "anthem": "song", "fanfare": "march", "requiem": "lament", "rondo": "country dance",
    "varsovienne": "mazurka", "gavotte": "country dance", "minuet": "country dance", "bourree": "country dance",
    "two-step": "country dance", "quadrille": "country dance", "retreat march": "march", "bolero": "waltz",
}  # fmt: skip
# Metres of stand-ins that are not the usual one of the kind they become.
STAND_IN_METERS = {"minuet": Meter(3, 4), "sarabande": Meter(3, 4)}
EXTRA_INSTRUMENTS = {
    "highland pipes": "pipes", "great highland bagpipe": "pipes", "highland bagpipes": "pipes", "small pipes": "pipes",
    "northumbrian smallpipes": "pipes", "northumbrian pipes": "pipes", "bag pipes": "pipes", "bag pipe": "pipes",
    "squeeze box": "accordion", "diatonic accordion": "accordion", "d whistle": "whistle", "tin-whistle": "whistle",
    "transverse flute": "flute", "flutist": "flute", "gaelic harp": "harp", "folk harp": "harp", "harpist": "harp",
    "banjoist": "banjo", "5-string banjo": "banjo", "accordionist": "accordion", "classical guitar": "guitar",
    "nylon guitar": "guitar", "fiddle player": "fiddle", "fiddling": "fiddle", "grand piano": "piano",
    "violin cello": "cello", "the box": "accordion", "button box": "accordion",
}  # fmt: skip
# Names of kinds that mean something else in most English sentences.
AMBIGUOUS_NAMES = {"german", "highland", "highlands", "port", "retreat", "box", "xmas", "carolan", "keening"}
# Kinds said of anything: they give way to another kind without a word.
WEAK_KINDS = {"song"}

STOPWORDS = _words(
    """
    a an the this that these those some any one it its it's is be are am was were will would should could can may
    please i i'd i'm me my we us our you your he she they them his her their there here and or but so then than
    also just only too very really quite rather fairly pretty somewhat slightly bit little more less most much
    many lot lots of in on at to for from by with as into onto over under about around like such up down out off
    through while without not no never nor neither don't isn't w/o minus omit exclude avoid skip hold sans except
    nothing nice good great lovely beautiful kind sort type style way want wants like need give make makes made
    create creates generate generates write writes compose composes composed let's let get got hear play plays
    played playing player perform performed performing feature features featuring using use uses use have has
    having do does did set key mode scale tempo speed pace beat beats bpm minute minutes second seconds time times
    meter metre signature form structure part parts section sections bar bars measure measures long length lasting
    last lasts duration instrument instruments lead melody tune tunes music musical song songs piece pieces track
    track clip audio sound sounds sounding recording composition number something anything everything thing
    traditional trad folk session feel feeling mood atmosphere vibe character tone sharp flat natural repeat
    repeats repeated each every per all both two three four five six seven eight nine ten which who what when
    where how if first new old hello hi hey thanks thank could maybe perhaps possibly about approximately roughly
    exactly full whole single simple well really totally super extremely incredibly moderately particularly overly
    ever accompaniment accompanied accompanying background behind underneath backing minor major dance dances
    dancing lilt instrumental short style around again along be being
    """
)
# Words that show that music is meant, though no attribute holds them.
GENERIC_MUSIC = _words(
    """
    tune tunes music musical song songs melody melodies piece track composition folk trad dance instrumental
    session
    """
)
# Real words one letter from a key word: never mended.
NOT_TYPOS = _words(
    """
    quit flue star viol wald hart bras band brig clog solo sole lass mach vale soli grad stat stats
    marsh match larch matches mayor manor miner minors majors slice slime slides slid fluke flume reed reef real
    reels heel keel feel jug jog wig air hair lair aim haste waist pole polar lament lamb lame flat sold bland
    gland happen harpy tenor tender gender bender render fender sweep sweat swept sweets sober drive drives diving
    droving lovely livery lonely longing lodging card calf balm palm silent salient bright fright bride brick
    quack quirk quiet quite quota fasts feast beast coast slog plow glow glower flower plower steamy study stead
    stray ready strain string strings strung strong swing sting stings staring stirring bonus guilty whittle
    thistle missile piano's plane plain plans flats flags flute's furor forest solids soles cells hello jello
    fellow bellow yellow mellow colour color grace graze gravy graves great grade brave crave wilds wield world
    would could drums dreams dream cream mystery party patty harps sharp shard share hooks horns thorn corn worn
    light might night eight weight sight tight sounds round pound mound bound found hound wound grind grounds
    organs organic lower mower tower power shore short sport start smart chart darn dare wart warm worm storm
    swarm spoke speed spend spends seedy speech
    """
)


def _plurals(name: str) -> tuple[str, ...]:
    return (name,) if name.endswith("s") else (name, name + "s")


def _key(phrase: str) -> tuple[str, ...]:
    return tuple(phrase.replace("-", " ").split())


@cache
def lexicon() -> dict[tuple[str, ...], Meaning]:
    """Every phrase, split into lower-case words without accents or hyphens, and what it means."""
    from symbolic_bridge.prompt_tokens import plain

    table: dict[tuple[str, ...], Meaning] = {}

    def add(phrase: str, meaning: Meaning) -> None:
        table.setdefault(_key(plain(phrase)), meaning)

    for phrase, meter in METERS.items():
        add(phrase, Meaning("meter", meter))
    for name, nearest in INSTRUMENT_STAND_INS.items():
        for form in _plurals(name):
            add(form, Meaning("instrument", nearest, name))
    for name, nearest in KIND_STAND_INS.items():
        for form in _plurals(name):
            add(form, Meaning("kind", nearest, name, STAND_IN_METERS.get(name)))
    for instrument in INSTRUMENTS.values():
        for name in (instrument.id, *instrument.names):
            for form in _plurals(name) if name not in AMBIGUOUS_NAMES else ():
                add(form, Meaning("instrument", instrument.id))
    for name, instrument_id in EXTRA_INSTRUMENTS.items():
        add(name, Meaning("instrument", instrument_id))
    for kind in KINDS.values():
        for name in (kind.id, *kind.names):
            for form in _plurals(name) if name not in AMBIGUOUS_NAMES else ():
                add(form, Meaning("kind", kind.id))
    for phrase, factor in PACES.items():
        add(phrase, Meaning("pace", factor))
    for mood in MOODS.values():
        for word in mood.words:
            add(word, Meaning("mood", mood.id))
    for phrase in UNACCOMPANIED:
        add(phrase, Meaning("unaccompanied", phrase))
    for phrase in ACCOMPANIMENT_WORDS:
        add(phrase, Meaning("backing", phrase))
    for phrase, seconds in LENGTHS_SECONDS.items():
        add(phrase, Meaning("length", seconds))
    return table


@cache
def known_words() -> frozenset[str]:
    """Every word of the lexicon's phrases."""
    return frozenset(word for phrase in lexicon() for word in phrase)


@cache
def longest_phrase() -> int:
    """Words in the longest phrase of the lexicon."""
    return max(len(phrase) for phrase in lexicon())


@cache
def mendable_words() -> dict[str, tuple[str, ...]]:
    """Words of 5 letters or more that a misspelling may be mended to, by first letter."""
    words = {word for phrase in lexicon() for word in phrase if len(word) >= 5 and word.isalpha()}
    words |= {"dorian", "mixolydian", "lydian", "phrygian", "aeolian", "ionian", "locrian", "minor", "major"}
    words |= {"minute", "minutes", "second", "seconds", "without"}
    words -= STOPWORDS - {"minor", "major", "minute", "minutes", "second", "seconds", "without"}
    by_letter: dict[str, list[str]] = {}
    for word in sorted(words):
        by_letter.setdefault(word[0], []).append(word)
    return {letter: tuple(group) for letter, group in by_letter.items()}
