"""Keys and modes in prompts: "D major", "in Em", "A dor", "B flat", "a minor key"."""

from __future__ import annotations

import re

from symbolic_bridge.prompt_tokens import Reading
from symbolic_bridge.tune import Key

MODE_WORDS = {
    "major": "major", "maj": "major", "ionian": "major", "ion": "major", "dur": "major", "minor": "minor",
    "min": "minor", "aeolian": "minor", "aeol": "minor", "aeo": "minor", "moll": "minor", "dorian": "dorian",
    "dor": "dorian", "mixolydian": "mixolydian", "mixo": "mixolydian", "mix": "mixolydian", "myxolydian": "mixolydian",
    "lydian": "lydian", "lyd": "lydian", "phrygian": "phrygian", "phr": "phrygian", "phryg": "phrygian",
    "locrian": "locrian", "loc": "locrian",
}  # fmt: skip
# Said without a tonic these mean nothing else in English.
BARE_MODES = {
    "major", "minor", "dorian", "mixolydian", "mixo", "lydian", "phrygian", "aeolian", "ionian", "locrian",
}  # fmt: skip
_NAME = re.compile(r"([a-g])(#|b|flat|sharp)?(m|[a-z]{3,10})?")
_KEY_PREFIXES = {"in", "of", "key", "is", "key's"}
_AFTER_ARTICLE = {
    "key",
    "mode",
    "scale",
    "mood",
    "feel",
    "feeling",
    "sound",
    "tone",
    "way",
    "tonality",
    "flavour",
    "flavor",
}
_AFTER_KEY = {
    "on", "for", "with", "at", "by", "played", "and", "about", "please", "without", "lasting", "using", "from", "to",
    "featuring", "but", "or",
}  # fmt: skip
_WHISTLE_WORDS = {
    "whistle",
    "tin",
    "penny",
    "low",
    "flute",
    "harmonica",
    "part",
    "section",
    "string",
    "pipes",
    "chord",
    "clarinet",
}
# Enharmonic names for keys beyond seven sharps or flats.
_RESPELLED = {
    "G#": "Ab", "D#": "Eb", "A#": "Bb", "E#": "F", "B#": "C", "Fb": "E", "Cb": "B", "Db": "C#", "Gb": "F#", "Ab": "G#",
    "C#": "Db", "F#": "Gb", "Eb": "D#", "Bb": "A#",
}  # fmt: skip


def read_keys(reading: Reading) -> None:
    """Take every key and mode; the first tonic and the first mode hold."""
    index = 0
    while index < len(reading.tokens):
        index = max(index + 1, _read_tonic(reading, index))
    for index in range(len(reading.tokens)):
        if reading.is_free(index, index + 1) and reading.word(index) in BARE_MODES:
            _give(reading, "mode", MODE_WORDS[reading.word(index)], index, index + 1)
            reading.take(index, index + 1)
    tonic, mode = reading.values.get("tonic"), reading.values.get("mode")
    if isinstance(tonic, str):
        spelled = _respell(tonic, mode if isinstance(mode, str) else "major")
        if spelled != tonic:
            reading.note(f"{tonic} {mode or 'major'} is written as {spelled} {mode or 'major'}")
            reading.values["tonic"] = spelled


def _respell(tonic: str, mode: str) -> str:
    return _RESPELLED.get(tonic, tonic) if abs(Key(tonic, mode).sharps) > 7 else tonic


def parse_key(text: str) -> tuple[str, str | None]:
    """Read one key such as "Em", "D major", "B flat", "Ador"; the mode is None where none is named.

    Raises:
        ValueError: the text is no key.
    """
    from symbolic_bridge.prompt_tokens import tokenize

    reading = Reading(tokenize("in " + text.strip()))
    read_keys(reading)
    tonic, mode = reading.values.get("tonic"), reading.values.get("mode")
    two_keys = any("contradicts" in notice for notice in reading.notices)
    if not isinstance(tonic, str) or two_keys or not all(reading.taken[1:]):
        raise ValueError(
            f"key {text!r} is not a tonic and perhaps a mode, such as D, Em, B flat major or A dorian"
        )
    return tonic, mode if isinstance(mode, str) else None


def named_key(text: str) -> Key:
    """As `parse_key`, major where no mode is named."""
    tonic, mode = parse_key(text)
    return Key(tonic, mode or "major")


def _split_name(word: str) -> tuple[str, str, str | None] | None:
    """("b", "b", "minor") of "bbm"; None where the word is no key name. The letter stays lower case."""
    found = _NAME.fullmatch(word)
    if found is None:
        return None
    letter, accidental, suffix = found.groups()
    if suffix is not None and suffix != "m" and suffix not in MODE_WORDS:
        return None
    mode = None if suffix is None else "minor" if suffix == "m" else MODE_WORDS[suffix]
    return letter, {"flat": "b", "sharp": "#"}.get(accidental or "", accidental or ""), mode


def _read_tonic(reading: Reading, index: int) -> int:
    """Take a key that starts at index; returns where reading goes on."""
    token = reading.tokens[index]
    if token.sort not in ("word", "key") or not reading.is_free(index, index + 1):
        return index + 1
    named = _split_name(token.word)
    if named is None:
        return index + 1
    letter, accidental, mode = named
    end = index + 1
    # "B flat", "F sharp".
    if not accidental and mode is None and reading.word(end) in ("flat", "sharp"):
        accidental = {"flat": "b", "sharp": "#"}[reading.word(end)]
        end += 1
    has_mode = mode is not None
    if mode is None:
        if reading.word(end) == "natural" and reading.word(end + 1) in MODE_WORDS:
            end += 1
        if reading.word(end) in MODE_WORDS and reading.is_free(end, end + 1):
            mode = MODE_WORDS[reading.word(end)]
            end += 1
            has_mode = True
    if not _is_key(reading, index, end, bool(accidental), has_mode):
        return index + 1
    start = index
    while (
        start > 0 and reading.word(start - 1) in ("in", "the", "key", "of") and not reading.taken[start - 1]
    ):
        start -= 1
    if reading.word(end) in ("key", "scale", "mode"):
        end += 1
    tonic = letter.upper() + accidental
    if "not" in (reading.word(start - 1), reading.word(start - 2)):
        reading.note(f"a key cannot be ruled out: {reading.quote(index, end)!r} was left out")
        reading.take(start, end)
        return end
    if _give(reading, "tonic", tonic, index, end) and mode is not None:
        _give(reading, "mode", mode, index, end)
    reading.take(start, end)
    return end


def follows_key_word(reading: Reading, index: int) -> bool:
    """Whether the word before index announces a key: "in", "key of", "key:"."""
    before = reading.word(index - 1)
    return before in _KEY_PREFIXES or (before in ("", ":", "=") and reading.word(index - 2) == "key")


def _is_key(reading: Reading, index: int, end: int, accidental: bool, has_mode: bool) -> bool:
    """Whether the letter at index is a key rather than the article, an English word or a letter."""
    token = reading.tokens[index]
    before, after = reading.word(index - 1), reading.word(end)
    prefixed = follows_key_word(reading, index)
    capital = token.text[0].isupper()
    if token.word == "am":
        return prefixed or (token.text == "Am" and index > 0)
    if token.word == "a" and not accidental:
        return _is_key_of_a(reading, index, end, has_mode, prefixed)
    if len(token.word) == 1 and not accidental and not has_mode:
        if after in _WHISTLE_WORDS and not (prefixed and after == "flute"):
            return False
        return prefixed or capital or before in ("to", "from")
    if token.word in ("be", "ad", "ab", "eb", "bb", "db", "gb", "cb", "fb") and not has_mode:
        return prefixed or capital
    return True


def _is_key_of_a(reading: Reading, index: int, end: int, has_mode: bool, prefixed: bool) -> bool:
    """The letter A: a key, or the article?"""
    shouting = not any(character.islower() for token in reading.tokens for character in token.text)
    capital = reading.tokens[index].text == "A" and not shouting
    first = index == 0 or reading.tokens[index - 1].sort == "stop"
    after = reading.word(end)
    ends_clause = end >= len(reading.tokens) or reading.tokens[end].sort == "stop" or after in _AFTER_KEY
    before = reading.word(index - 1)
    if (before == "of" and reading.word(index - 2) == "key") or before == "key":
        return True
    if has_mode:
        if before in ("a", "an", "the"):
            return True
        if capital and not first:
            return True
        if after in _AFTER_ARTICLE:
            return False
        # "A dorian reel" opens with a key more often than with an article; "A minor reel" too.
        return capital or ends_clause or (prefixed and after not in _AFTER_ARTICLE)
    if capital and not first:
        return prefixed or ends_clause
    return prefixed and ends_clause


def _give(reading: Reading, name: str, value: str, start: int, end: int) -> bool:
    return reading.give(name, value, reading.quote(start, end))
