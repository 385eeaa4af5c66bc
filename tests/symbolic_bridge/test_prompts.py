"""Prompts are read as a musician would; what is not understood is said."""

from __future__ import annotations

import time

import pytest

from symbolic_bridge.attributes import TuneAttributes
from symbolic_bridge.prompts import LONGEST_PROMPT, PromptError, describe, parse_key, parse_prompt
from symbolic_bridge.tune import Meter

# Every attribute that is not listed must stay None.
PROMPTS: dict[str, dict[str, object]] = {
    # The whole sentence.
    "a lively jig in D major on the fiddle": {
        "kind": "jig",
        "tonic": "D",
        "mode": "major",
        "mood": "lively",
        "instrument": "fiddle",
    },
    "a slow air in E minor on the flute": {
        "kind": "air",
        "tonic": "E",
        "mode": "minor",
        "instrument": "flute",
    },
    "a lively jig in D on the fiddle, with guitar": {
        "kind": "jig",
        "tonic": "D",
        "mood": "lively",
        "instrument": "fiddle",
        "accompaniment": "guitar",
    },
    "Could you please write me a gentle waltz for two fiddles in G?": {
        "kind": "waltz",
        "tonic": "G",
        "mood": "peaceful",
        "instrument": "fiddle",
    },
    "The tune should be happy. Use a tin whistle. Tempo 140. Key: G major.": {
        "tonic": "G",
        "mode": "major",
        "mood": "happy",
        "instrument": "whistle",
        "tempo_bpm": 140.0,
    },
    "I want a D dorian, 9/8, 110 bpm slip jig": {
        "kind": "slip jig",
        "tonic": "D",
        "mode": "dorian",
        "meter": Meter(9, 8),
        "tempo_bpm": 110.0,
    },
    "a trumpet march with piano accompaniment in Bb": {
        "kind": "march",
        "tonic": "Bb",
        "instrument": "clarinet",
        "accompaniment": "piano",
    },
    # Kinds.
    "slip jig": {"kind": "slip jig"},
    "hop jig in E flat major": {"kind": "slip jig", "tonic": "Eb", "mode": "major"},
    "a barn dance": {"kind": "barndance"},
    "some hornpipes": {"kind": "hornpipe"},
    "a Highland fling": {"kind": "fling"},
    "lullaby": {"kind": "lullaby"},
    "vals": {"kind": "waltz"},
    "a song in g": {"kind": "song", "tonic": "G"},
    "a reel song": {"kind": "reel"},
    "une gigue": {"kind": "jig"},
    "minuet in G": {"kind": "country dance", "tonic": "G", "meter": Meter(3, 4)},
    "minuet in 6/8": {"kind": "country dance", "meter": Meter(6, 8)},
    "something like a march for bagpipes": {"kind": "march", "instrument": "pipes"},
    "jig jig jig": {"kind": "jig"},
    # Keys and modes.
    "key of G": {"tonic": "G"},
    "Em reel": {"kind": "reel", "tonic": "E", "mode": "minor"},
    "a reel in A dorian": {"kind": "reel", "tonic": "A", "mode": "dorian"},
    "reel in Ador": {"kind": "reel", "tonic": "A", "mode": "dorian"},
    "a reel in a dor": {"kind": "reel", "tonic": "A", "mode": "dorian"},
    "polka in Bb": {"kind": "polka", "tonic": "Bb"},
    "polka in bb": {"kind": "polka", "tonic": "Bb"},
    "waltz in B flat": {"kind": "waltz", "tonic": "Bb"},
    "waltz in B-flat major": {"kind": "waltz", "tonic": "Bb", "mode": "major"},
    "waltz in B♭ minor": {"kind": "waltz", "tonic": "Bb", "mode": "minor"},
    "air in F sharp minor": {"kind": "air", "tonic": "F#", "mode": "minor"},
    "air in F#m": {"kind": "air", "tonic": "F#", "mode": "minor"},
    "air in F♯ minor": {"kind": "air", "tonic": "F#", "mode": "minor"},
    "jig E♭": {"kind": "jig", "tonic": "Eb"},
    "march in D mix": {"kind": "march", "tonic": "D", "mode": "mixolydian"},
    "reel in Gmix": {"kind": "reel", "tonic": "G", "mode": "mixolydian"},
    "E aeolian": {"tonic": "E", "mode": "minor"},
    "D ionian": {"tonic": "D", "mode": "major"},
    "song in g# major": {"kind": "song", "tonic": "Ab", "mode": "major"},
    "D jig": {"kind": "jig", "tonic": "D"},
    "jig in c": {"kind": "jig", "tonic": "C"},
    "C": {"tonic": "C"},
    "a phrygian tune": {"mode": "phrygian"},
    "Ab waltz": {"kind": "waltz", "tonic": "Ab"},
    "waltz in AB": {"kind": "waltz", "tonic": "Ab"},
    "AB minor waltz": {"kind": "waltz", "tonic": "Ab", "mode": "minor"},
    # The letter A and the article.
    "in A": {"tonic": "A"},
    "a polka in a, fast": {"kind": "polka", "tonic": "A", "tempo_factor": 1.2},
    "a polka in the key of a": {"kind": "polka", "tonic": "A"},
    "a polka in the key of a minor": {"kind": "polka", "tonic": "A", "mode": "minor"},
    "jig in a minor": {"kind": "jig", "tonic": "A", "mode": "minor"},
    "an A minor waltz": {"kind": "waltz", "tonic": "A", "mode": "minor"},
    "a minor waltz": {"kind": "waltz", "mode": "minor"},
    "a sad waltz in a minor key": {"kind": "waltz", "mode": "minor", "mood": "sad"},
    "a jig in a happy mood": {"kind": "jig", "mood": "happy"},
    "Play a reel in a quick tempo": {"kind": "reel", "tempo_factor": 1.15},
    "A reel": {"kind": "reel"},
    "I am after a jig": {"kind": "jig"},
    "jig in Am": {"kind": "jig", "tonic": "A", "mode": "minor"},
    # Tempo.
    "reel at 120 bpm": {"kind": "reel", "tempo_bpm": 120.0},
    "reel, 120bpm": {"kind": "reel", "tempo_bpm": 120.0},
    "120 beats a minute": {"tempo_bpm": 120.0},
    "120 beats per minute": {"tempo_bpm": 120.0},
    "march at 100": {"kind": "march", "tempo_bpm": 100.0},
    "jig at a tempo of one hundred and twenty": {"kind": "jig", "tempo_bpm": 120.0},
    "tempo: 90, air": {"kind": "air", "tempo_bpm": 90.0},
    "100-120 bpm reel": {"kind": "reel", "tempo_bpm": 110.0},
    "between 100 and 120 bpm": {"tempo_bpm": 110.0},
    "between 100 to 120 bpm": {"tempo_bpm": 110.0},
    "reel @ 100": {"kind": "reel", "tempo_bpm": 100.0},
    "reel ♩=120": {"kind": "reel", "tempo_bpm": 120.0},
    "♩. = 120, jig": {"kind": "jig", "tempo_bpm": 120.0},
    "reel q=120": {"kind": "reel", "tempo_bpm": 120.0},
    '"a reel at 120"': {"kind": "reel", "tempo_bpm": 120.0},
    "a slow jig": {"kind": "jig", "tempo_factor": 0.78},
    "Andante": {"tempo_factor": 0.82},
    "presto reel": {"kind": "reel", "tempo_factor": 1.4},
    "six eight jig half speed": {"kind": "jig", "meter": Meter(6, 8), "tempo_factor": 0.5},
    "slow reel at 100 bpm": {"kind": "reel", "tempo_bpm": 100.0},
    "half as fast reel": {"kind": "reel", "tempo_factor": 0.5},
    "a reel, twice as slow": {"kind": "reel", "tempo_factor": 0.5},
    "a reel, twice as fast": {"kind": "reel", "tempo_factor": 2.0},
    "a reel in double time": {"kind": "reel", "tempo_factor": 2.0},
    "a reel in half time": {"kind": "reel", "tempo_factor": 0.5},
    # Meter.
    "in 6/8": {"meter": Meter(6, 8)},
    "3 / 4": {"meter": Meter(3, 4)},
    "three four time": {"meter": Meter(3, 4)},
    "a tune in three-quarter time": {"meter": Meter(3, 4)},
    "waltz time": {"meter": Meter(3, 4)},
    "cut time": {"meter": Meter(2, 2)},
    # Mood.
    "something mysterious": {"mood": "mysterious"},
    "a haunting melody": {"mood": "mysterious"},
    "an energetic and happy reel": {"kind": "reel", "mood": "happy", "tempo_factor": 1.1},
    "a sad but fast jig": {"kind": "jig", "mood": "sad", "tempo_factor": 1.2},
    # Length.
    "30 seconds": {"duration_seconds": 30.0},
    "jig, 20s": {"kind": "jig", "duration_seconds": 20.0},
    "half a minute of polka": {"kind": "polka", "duration_seconds": 30.0},
    "a half-minute reel": {"kind": "reel", "duration_seconds": 30.0},
    "2 minutes": {"duration_seconds": 120.0},
    "a two minute reel": {"kind": "reel", "duration_seconds": 120.0},
    "a minute and a half": {"duration_seconds": 90.0},
    "one and a half minutes": {"duration_seconds": 90.0},
    "2.5 minutes": {"duration_seconds": 150.0},
    "1:30": {"duration_seconds": 90.0},
    "1 min 30 s": {"duration_seconds": 90.0},
    "1 min 20": {"duration_seconds": 80.0},
    "1 minute 20 seconds": {"duration_seconds": 80.0},
    "a 1 minute 32 bar jig": {"kind": "jig", "duration_seconds": 60.0, "bars": 32},
    "reel 1'30\"": {"kind": "reel", "duration_seconds": 90.0},
    "reel 1’30”": {"kind": "reel", "duration_seconds": 90.0},
    'reel 45"': {"kind": "reel", "duration_seconds": 45.0},
    "forty-five seconds": {"duration_seconds": 45.0},
    "ten minutes of reels": {"kind": "reel", "duration_seconds": 600.0},
    "16 bars": {"bars": 16},
    "a 32-bar jig in Ador": {"kind": "jig", "tonic": "A", "mode": "dorian", "bars": 32},
    "two parts of 8 bars": {"form": "AABB", "bars": 16},
    "a reel with 8 bars in each part": {"kind": "reel", "bars": 16},
    "8 bars a part, form ABAC": {"form": "ABAC", "bars": 24},
    "a reel with 8 bars in the first part": {"kind": "reel", "bars": 8},
    "a short polka": {"kind": "polka", "duration_seconds": 20.0},
    # Form.
    "AABB": {"form": "AABB"},
    "A B A C form reel": {"kind": "reel", "form": "ABAC"},
    "jig, aabb": {"kind": "jig", "form": "AABB"},
    "three parts": {"form": "AABBCC"},
    "a two-part jig without repeats": {"kind": "jig", "form": "AB"},
    "one part air": {"kind": "air", "form": "A"},
    "a single part air": {"kind": "air", "form": "A"},
    "AB waltz": {"kind": "waltz", "form": "AB"},
    "a waltz in Ab, AB": {"kind": "waltz", "tonic": "Ab", "form": "AB"},
    "a waltz of the form AB": {"kind": "waltz", "form": "AB"},
    # Who plays.
    "violin": {"instrument": "fiddle"},
    "penny whistle": {"instrument": "whistle"},
    "squeezebox polka": {"kind": "polka", "instrument": "accordion"},
    "melodeon": {"instrument": "accordion"},
    "jig on the box": {"kind": "jig", "instrument": "accordion"},
    "uilleann pipes & guitar": {"instrument": "pipes", "accompaniment": "guitar"},
    "low whistle lament": {"kind": "lament", "instrument": "flute"},
    "harp and flute": {"instrument": "flute", "accompaniment": "harp"},
    "harp": {"instrument": "harp"},
    "with guitar": {"accompaniment": "guitar"},
    "guitar and piano": {"instrument": "guitar", "accompaniment": "piano"},
    "waltz for guitar with harp": {"kind": "waltz", "instrument": "guitar", "accompaniment": "harp"},
    "a fiddle tune, guitar in the background": {"instrument": "fiddle", "accompaniment": "guitar"},
    "violin accompanied by harp": {"instrument": "fiddle", "accompaniment": "harp"},
    "guitar chords on the pipes": {"instrument": "pipes", "accompaniment": "guitar"},
    "flute and guitar accompaniment": {"instrument": "flute", "accompaniment": "guitar"},
    "solo guitar waltz": {"kind": "waltz", "instrument": "guitar", "accompaniment": "none"},
    "an unaccompanied fiddle": {"instrument": "fiddle", "accompaniment": "none"},
    "accompanied reel": {"kind": "reel", "accompaniment": "guitar"},
    "a jig with flute": {"kind": "jig", "instrument": "flute"},
    # Negations.
    "reel without guitar": {"kind": "reel", "accompaniment": "none"},
    "a very fast reel without guitar or piano": {
        "kind": "reel",
        "accompaniment": "none",
        "tempo_factor": 1.363,
    },
    "not too fast jig with no accompaniment": {"kind": "jig", "accompaniment": "none", "tempo_factor": 0.92},
    "no guitar accompaniment, a jig": {"kind": "jig", "accompaniment": "none"},
    "not a slow jig": {"kind": "jig", "tempo_factor": 1.08},
    "no guitar but piano, a jig": {"kind": "jig", "accompaniment": "piano"},
    "a reel, not D major but E minor": {"kind": "reel", "tonic": "E", "mode": "minor"},
    "not a reel but a jig": {"kind": "jig"},
    "a tune, anything but sad": {},
    # Nothing but a tune.
    "play me a tune": {},
    "music": {},
}
VALUES = tuple(
    name for name in TuneAttributes.__dataclass_fields__ if name not in ("text", "unknown", "notices")
)


def said(attributes: TuneAttributes) -> dict[str, object]:
    """The attributes that a prompt has set."""
    return {name: value for name in VALUES if (value := getattr(attributes, name)) not in (None, False)}


@pytest.mark.parametrize("prompt", PROMPTS)
def test_a_prompt_is_read_as_meant(prompt: str) -> None:
    attributes = parse_prompt(prompt)
    assert said(attributes) == PROMPTS[prompt]
    assert attributes.text == prompt


@pytest.mark.parametrize("prompt", PROMPTS)
def test_capitals_do_not_change_the_kind_or_the_players(prompt: str) -> None:
    small, large = parse_prompt(prompt), parse_prompt(prompt.upper())
    for name in ("kind", "mood", "instrument", "accompaniment", "meter", "tempo_bpm", "duration_seconds"):
        assert getattr(small, name) == getattr(large, name)


@pytest.mark.parametrize(
    ("prompt", "expected", "notice"),
    [
        ("a hapyp reel", {"kind": "reel", "mood": "happy"}, "'hapyp' was read as 'happy'"),
        ("fidle wlatz", {"kind": "waltz", "instrument": "fiddle"}, "'wlatz' was read as 'waltz'"),
        ("reel in D mixolidian", {"kind": "reel", "tonic": "D", "mode": "mixolydian"}, "'mixolydian'"),
        ("mournful lament on chello", {"kind": "lament", "mood": "sad", "instrument": "cello"}, "'cello'"),
        ("hornpip withot guitar", {"kind": "hornpipe", "accompaniment": "none"}, "'without'"),
        ("jig and reel", {"kind": "jig"}, "'reel' contradicts the kind already named"),
        ("reel in G and D", {"kind": "reel", "tonic": "G"}, "'D' contradicts the tonic"),
        ("jig at 100 bpm, 120 bpm", {"kind": "jig", "tempo_bpm": 100.0}, "'120 bpm' contradicts"),
        ("sad happy tune", {"mood": "sad"}, "'happy' contradicts the mood"),
        ("flute and fiddle", {"instrument": "flute"}, "'fiddle' was left out"),
        ("mandolin reel", {"kind": "reel", "instrument": "banjo"}, "'mandolin' is no instrument we have"),
        ("reel with bodhrán", {"kind": "reel"}, "'bodhran' is no instrument we have, nor is any near it"),
        ("flute with accordion accompaniment", {"instrument": "flute", "accompaniment": "guitar"}, "cannot"),
        ("a tango", {"kind": "polka"}, "'tango' is not among the kinds"),
        ("a long reel", {"kind": "reel", "duration_seconds": 90.0}, "'long' was taken as 90 seconds"),
        ("reel in 6/7", {"kind": "reel"}, "'6/7' was left out"),
        ("a jig of 99 parts", {"kind": "jig"}, "'99 parts' was left out"),
        ("a waltz with an A part and a B part", {"kind": "waltz"}, "'B part' was left out"),
        ("jig with 8 bars each", {"kind": "jig", "bars": 16}, "'8 bars' a part were taken as 16 bars in all"),
        ("not a reel, a tune", {}, "'reel' was left out"),
    ],
)  # fmt: skip
def test_what_was_guessed_or_left_out_is_told(prompt: str, expected: dict[str, object], notice: str) -> None:
    attributes = parse_prompt(prompt)
    assert said(attributes) == expected
    assert any(notice in told for told in attributes.notices), attributes.notices


@pytest.mark.parametrize(
    ("prompt", "unknown"),
    [
        (
            "a Breton jig about rain and my grandmother's kitchen",
            ("breton", "rain", "grandmother's", "kitchen"),
        ),
        ("une valse triste", ("une", "triste")),
        ("techno music", ("techno",)),
        ("reel 4x", ("4",)),
        ("waltz for two fiddles", ("two",)),
        ("three jigs", ("three",)),
        ("one jig", ()),
        ("waltz in K", ("k",)),
        ("a waltz in the key of H", ("h",)),
        ("a reel in a, b and in a", ()),
        ("hello, a marsh waltz by the manor", ("marsh", "manor")),
        ("a lively jig in D major on the fiddle, please", ()),
    ],
)
def test_words_that_no_attribute_holds_are_listed(prompt: str, unknown: tuple[str, ...]) -> None:
    attributes = parse_prompt(prompt)
    assert attributes.unknown == unknown
    assert attributes.notices == ()


@pytest.mark.parametrize("prompt", ["", " ", "\n\t  \r\n", "\u00a0"])
def test_an_empty_prompt_is_refused_with_an_example(prompt: str) -> None:
    with pytest.raises(PromptError, match="the prompt is empty; say what to play, for example"):
        parse_prompt(prompt)


@pytest.mark.parametrize(
    "prompt",
    [
        "the quarterly report", "120", "1 2 3 4", "😀😀", "速いワルツをください", "быстрый вальс", "ein schneller Mann",
        "!!!",
        "a", "A", "x" * 5000, "\x00\x01", "in 6/7 time", "3.14159", "...", "{}", "SELECT * FROM users",
    ],
)  # fmt: skip
def test_a_prompt_without_music_is_refused_with_what_could_be_said(prompt: str) -> None:
    with pytest.raises(PromptError, match=r"nothing musical was found in .*name a kind of tune") as caught:
        parse_prompt(prompt)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 450


@pytest.mark.parametrize("prompt", ["not a reel", "anything but sad"])
def test_a_prompt_of_nothing_but_refusals_is_refused(prompt: str) -> None:
    with pytest.raises(PromptError, match="says only what is not wanted"):
        parse_prompt(prompt)


@pytest.mark.parametrize(
    ("prompt", "rule"),
    [
        ("10 hours of reels", "duration is 36000 s; it must be above 0 and at most 600 s"),
        ("an hour of reels", "duration is 3600 s; it must be above 0 and at most 600 s"),
        ("0 seconds of polka", "duration is 0 s"),
        ("-5 seconds of jig", "duration is -5 s"),
        ("reel at 1000 bpm", "tempo is 1000; it must be 20 to 400"),
        ("reel at 0 bpm", "tempo is 0"),
        ("tempo -20 bpm", "tempo is -20"),
        ("a reel of 99999999999999999999 bars", "number of bars is 1e"),
        ("reel, " + "9" * 400 + " seconds", "duration is inf s"),
    ],
)
def test_a_value_out_of_range_is_refused_with_the_rule(prompt: str, rule: str) -> None:
    with pytest.raises(PromptError, match=rule):
        parse_prompt(prompt)


def test_a_very_long_prompt_is_read_quickly_and_a_longer_one_refused() -> None:
    started = time.process_time()
    for piece in ("jig ", "not or ", "1 ", "a ", "A ", "slwo fidle ", "and no guitar ", "in a minor "):
        text = ("reel " + piece * LONGEST_PROMPT)[:LONGEST_PROMPT]
        assert parse_prompt(text).kind is not None
    assert time.process_time() - started < 20
    with pytest.raises(PromptError, match="has 10001 characters; at most 10000"):
        parse_prompt("x" * 10_001)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ("D", ("D", None)), ("Em", ("E", "minor")), ("A", ("A", None)), ("a", ("A", None)), ("Am", ("A", "minor")),
        ("B flat major", ("Bb", "major")), ("Ador", ("A", "dorian")), ("a minor", ("A", "minor")),
        ("F# mixolydian", ("F#", "mixolydian")), ("E♭", ("Eb", None)), ("Bbm", ("Bb", "minor")), (" G ", ("G", None)),
    ],
)  # fmt: skip
def test_a_key_on_its_own_is_read(text: str, key: tuple[str, str | None]) -> None:
    assert parse_key(text) == key


@pytest.mark.parametrize("text", ["", "H", "D jig", "major", "C D", "12", "😀", "in D on the fiddle"])
def test_what_is_no_key_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a tonic and perhaps a mode"):
        parse_key(text)


@pytest.mark.parametrize(
    ("prompt", "line"),
    [
        ("a lively jig in D major on the fiddle with guitar, 30 seconds",
         "jig in D major, lively, fiddle with guitar, 30 s"),
        ("slow sad tune in a minor key, solo", "tune, minor mode, 22% slower than usual, sad, unaccompanied"),
        ("AABB reel in 4/4 at 100 bpm, 16 bars, 2:05 long", "reel, 4/4, 100 bpm, form AABB, 16 bars, 2 min 5 s"),
        ("a tune about rain", "tune"),
    ],
)  # fmt: skip
def test_the_description_tells_what_was_understood_and_no_more(prompt: str, line: str) -> None:
    assert describe(parse_prompt(prompt)) == line
