"""Numbers in prompts: tempos, lengths, meters and forms."""

from __future__ import annotations

import re

from symbolic_bridge.attributes import MOST_SECTIONS, is_form, parse_meter
from symbolic_bridge.prompt_keys import MODE_WORDS, follows_key_word
from symbolic_bridge.prompt_tokens import Reading
from symbolic_bridge.prompt_words import METER_BOTTOMS, METER_TOPS
from symbolic_bridge.tune import Meter

_UNITS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
)  # fmt: skip
_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_NUMBER_WORDS = {word: float(value) for value, word in enumerate(_UNITS)} | {
    word: 10.0 * (index + 2) for index, word in enumerate(_TENS)
}
_SECONDS = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), 1.0),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), 60.0),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), 3600.0),
}
_BARS = {"bar", "bars", "measure", "measures"}
_PARTS = {"part", "parts", "section", "sections"}
# What is counted in numbers that are neither a meter nor seconds after minutes.
_COUNTED = _BARS | _PARTS | set(_SECONDS) | {"hundred", "note", "notes", "beat", "beats", "string", "strings"}
_PER_PART = re.compile(r"(?:(?:in|for|to|of) )?(?:each|(?:(?:an?|every|per) )?(?:part|section)s?)\b")
DEFAULT_FORM = "AABB"
_BPM = {"bpm", "bpms"}
_TEMPO_WORDS = {"tempo", "bpm", "speed", "pace", "metronome"}
# A bare "at 120" is a tempo between these.
_LOWEST_BARE_BPM, _HIGHEST_BARE_BPM = 30.0, 300.0


def number_at(reading: Reading, index: int) -> tuple[float, int] | None:
    """The number in digits or words at index and where it ends; None where there is none."""
    if not reading.is_free(index, index + 1):
        return None
    token = reading.tokens[index]
    if token.sort == "number":
        digits = re.sub(r",(?=\d{3}(?!\d))", "", token.text).replace(",", ".")
        return float(digits), index + 1
    if token.word not in _NUMBER_WORDS:
        return None
    value, end = _NUMBER_WORDS[token.word], index + 1
    if value >= 20 and reading.word(end) in _UNITS[1:10]:
        value, end = value + _NUMBER_WORDS[reading.word(end)], end + 1
    if reading.word(end) == "hundred":
        value, end = value * 100, end + 1
        skip = 1 if reading.word(end) == "and" else 0
        rest = number_at(reading, end + skip)
        if rest is not None and rest[0] < 100:
            value, end = value + rest[0], rest[1]
    return value, end


def _short(said: str) -> str:
    return said if len(said) <= 40 else said[:37] + "..."


def read_forms(reading: Reading) -> None:
    """Take forms ("AABB", "A A B B", "three parts", "a single part", "no repeats")."""
    index = 0
    while index < len(reading.tokens):
        index = max(index + 1, _read_letters(reading, index), _read_parts(reading, index))
    for index in range(len(reading.tokens) - 1):
        if reading.word(index) in ("no", "without") and reading.word(index + 1) in (
            "repeats",
            "repeat",
            "repetition",
        ):
            reading.take(index, index + 2)
            reading.values.setdefault("form", "AB")
            form = str(reading.values["form"])
            reading.values["form"] = re.sub(r"(.)\1+", r"\1", form)


def _read_letters(reading: Reading, index: int) -> int:
    token = reading.tokens[index]
    if token.sort != "word" or not reading.is_free(index, index + 1):
        return index + 1
    said_form = "form" in (reading.word(index - 2), reading.word(index - 1), reading.word(index + 1))
    if re.fullmatch("[A-H]{2,16}|[a-h]{2,16}", token.text) and is_form(token.text.upper()):
        # "aba" alone may be a word and "in AB" A flat; "ABA", "abba" and "AB" are forms; "ABC" is the notation.
        clear = len(token.text) >= 4 or (
            token.text.isupper() and token.text != "ABC" and not _is_a_flat(reading, index)
        )
        if said_form or clear:
            reading.give("form", token.text.upper(), token.text)
            reading.take(index, index + 2 if reading.word(index + 1) == "form" else index + 1)
            return index + 1
    end = index
    while end < min(len(reading.tokens), index + MOST_SECTIONS + 1) and re.fullmatch(
        "[A-H]", reading.tokens[end].text
    ):
        end += 1
    letters = "".join(token.text for token in reading.tokens[index:end])
    if len(letters) >= 3 and is_form(letters):
        reading.give("form", letters, reading.quote(index, end))
        reading.take(index, end)
        return end
    return index + 1


def _is_a_flat(reading: Reading, index: int) -> bool:
    """Whether "AB" at index is a key in capitals rather than a form."""
    keyed = follows_key_word(reading, index) or reading.word(index + 1) in MODE_WORDS
    return reading.word(index) == "ab" and keyed


def _read_parts(reading: Reading, index: int) -> int:
    # The letter A that opens a prompt is rather the article.
    if index and re.fullmatch("[A-H]", reading.tokens[index].text) and reading.word(index + 1) in _PARTS:
        said = reading.quote(index, index + 2)
        reading.note(f"{said!r} was left out; parts are asked for by a form such as {DEFAULT_FORM}")
        reading.take(index, index + 2)
        return index + 2
    number = (1.0, index + 1) if reading.word(index) == "single" else number_at(reading, index)
    if number is None or reading.word(number[1]) not in _PARTS:
        return index + 1
    count, end = number
    said = reading.quote(index, end + 1)
    reading.take(index, end + 1)
    if not (float(count).is_integer() and 1 <= count <= 8):
        reading.note(f"{_short(said)!r} was left out; a tune has 1 to 8 parts")
        return end + 1
    # Parts are repeated by custom, but "one part" is played once.
    form = "A" if count == 1 else "".join(2 * letter for letter in "ABCDEFGH"[: int(count)])
    reading.give("form", form, said)
    return end + 1


def read_tempos(reading: Reading) -> None:
    """Take tempos in numbers ("120 bpm", "120 beats a minute", "tempo 120", "at 120", "100-120 bpm")."""
    for index in range(len(reading.tokens)):
        number = number_at(reading, index)
        if number is None:
            continue
        value, end = number
        span_end = _tempo_unit_end(reading, end)
        start = index
        if span_end is None:
            second = _second_of_range(reading, index, end)
            if second is not None:
                low, (high, middle_end) = value, second
                span_end = _tempo_unit_end(reading, middle_end)
                if span_end is not None:
                    start -= reading.word(index - 1) == "between"
                    value = (low + high) / 2
                    reading.note(f"{reading.quote(start, span_end)!r} was taken as {value:g} bpm")
        if span_end is None:
            start = _tempo_word_start(reading, index)
            if start is None or reading.word(end) in _SECONDS or reading.word(end) in _BARS:
                continue
            if reading.word(start) == "at" and not _LOWEST_BARE_BPM <= value <= _HIGHEST_BARE_BPM:
                continue
            span_end = end
        reading.give("tempo_bpm", value, reading.quote(index, span_end))
        reading.take(start, span_end)


def _second_of_range(reading: Reading, index: int, end: int) -> tuple[float, int] | None:
    """The number after the one in [index, end): "100-120", "100 to 120", "between 100 and 120"."""
    joiners = {"to", "or", "\u2013", "-"} | ({"and"} if reading.word(index - 1) == "between" else set())
    return number_at(reading, end + (reading.word(end) in joiners))


def _tempo_unit_end(reading: Reading, end: int) -> int | None:
    """Where "bpm" or "beats a minute" after a number ends."""
    if reading.word(end) in _BPM:
        return end + 1
    if reading.word(end) in ("beats", "beat"):
        if reading.word(end + 1) in ("a", "per", "in", "each", "/") and reading.word(end + 2) in (
            "minute",
            "min",
        ):
            return end + 3
        return end + 2 if reading.word(end + 1) in ("minute", "min") else None
    return None


def _tempo_word_start(reading: Reading, index: int) -> int | None:
    """Where "tempo of", "bpm:" or "at" before a number starts."""
    back = index - 1
    while reading.word(back) in ("of", "is", ":", "around", "about", "at", "to", "roughly", "=") and back > 0:
        if reading.word(back - 1) not in _TEMPO_WORDS | {"of", "at", "around", "about", "is"}:
            break
        back -= 1
    if reading.word(back) in _TEMPO_WORDS and reading.is_free(back, index):
        return back
    follows = reading.word(index + 1)
    clear = (
        follows == ""
        or reading.tokens[index + 1].sort == "stop"
        or follows in ("on", "for", "with", "in", "and")
    )
    return index - 1 if reading.word(index - 1) == "at" and clear else None


def read_meters(reading: Reading) -> None:
    """Take meters in numbers ("6/8", "three four", "six eight time")."""
    for index, token in enumerate(reading.tokens):
        if token.sort == "ratio" and reading.is_free(index, index + 1):
            if reading.word(index + 1) in _SECONDS:
                continue
            reading.take(index, index + 1)
            try:
                meter = parse_meter(token.text)
            except ValueError as error:
                reading.note(f"{token.text!r} was left out: {error}")
                continue
            reading.give("meter", meter, token.text)
            continue
        top, bottom = METER_TOPS.get(token.word), METER_BOTTOMS.get(reading.word(index + 1))
        if top is None or bottom is None or not reading.is_free(index, index + 2):
            continue
        end = index + 2
        if reading.word(end) in _COUNTED:
            continue
        reading.give("meter", Meter(top, bottom), reading.quote(index, end))
        reading.take(index, end)


def read_lengths(reading: Reading) -> None:
    """Take lengths ("30 seconds", "half a minute", "1:30", "1 min 20", "a minute and a half", "16 bars")."""
    index = 0
    while index < len(reading.tokens):
        index = max(index + 1, _read_bars(reading, index), _read_seconds(reading, index))


def _read_bars(reading: Reading, index: int) -> int:
    number = number_at(reading, index)
    if number is None or reading.word(number[1]) not in _BARS:
        return index + 1
    count, end = number[0], number[1] + 1
    said = reading.quote(index, end)
    reading.take(index, end)
    if not float(count).is_integer():
        reading.note(f"{_short(said)!r} was left out; bars are counted in whole numbers")
    elif _is_per_part(reading, end) or reading.word(index - 2) in _PARTS:
        letters = set(str(reading.values.get("form", DEFAULT_FORM)))
        reading.note(f"{said!r} a part were taken as {int(count) * len(letters)} bars in all")
        reading.give("bars", int(count) * len(letters), said)
    else:
        reading.give("bars", int(count), said)
    return end


def _is_per_part(reading: Reading, end: int) -> bool:
    """Whether bars that end there are those of a part: "8 bars each", "8 bars a part", "8 bars in each part"."""
    after = " ".join(reading.word(index) for index in range(end, end + 3))
    return _PER_PART.match(after) is not None


def _read_seconds(reading: Reading, index: int) -> int:
    """Take one length in time at index."""
    if not reading.is_free(index, index + 1):
        return index + 1
    token = reading.tokens[index]
    if token.sort == "clock":
        minutes, seconds = token.text.split(":")
        total: float | None = 60.0 * int(minutes) + int(seconds)
        end = index + 1
        if reading.word(end) in ("min", "mins", "minutes", "minute", "m"):
            end += 1
    else:
        total, end = _amounts(reading, index)
    if total is None:
        return index + 1
    reading.give("duration_seconds", total, reading.quote(index, end))
    reading.take(index, end)
    return end


def _amounts(reading: Reading, index: int) -> tuple[float | None, int]:
    """The seconds of "2 minutes and 10 seconds", "1 min 20", "half a minute", "a minute and a half" at index."""
    first = _amount(reading, index)
    if first is None:
        return None, index + 1
    total, unit, end = first
    if (
        reading.word(end) == "and"
        and reading.word(end + 1) == "a"
        and reading.word(end + 2) in ("half", "quarter")
    ):
        return total + unit * (0.5 if reading.word(end + 2) == "half" else 0.25), end + 3
    skip = 1 if reading.word(end) in ("and", ",") else 0
    second = _amount(reading, end + skip)
    if second is not None and second[1] < unit:
        return total + second[0], second[2]
    bare = number_at(reading, end)
    if unit == 60 and bare is not None and 10 <= bare[0] < 60 and reading.word(bare[1]) not in _COUNTED:
        return total + bare[0], bare[1]
    return total, end


def _amount(reading: Reading, index: int) -> tuple[float, float, int] | None:
    """(seconds, seconds of its unit, end) of a number with a unit of time at index."""
    number = number_at(reading, index)
    word = reading.word(index)
    if number is not None:
        value, end = number
        if reading.word(end) == "and" and reading.word(end + 1) == "a" and reading.word(end + 2) == "half":
            value, end = value + 0.5, end + 3
    elif word == "half":
        value, end = 0.5, index + 1
        end += reading.word(end) in ("a", "an")
    elif word in ("quarter", "quarters") and reading.word(index + 1) == "of":
        value, end = 0.25, index + 2
        end += reading.word(end) in ("a", "an")
    elif word == "couple" and reading.word(index + 1) == "of":
        value, end = 2.0, index + 2
    elif word in ("a", "an") and reading.word(index + 1) in ("minute", "hour", "second"):
        value, end = 1.0, index + 1
    elif word in ("1/2", "1/4", "3/4"):
        value, end = int(word[0]) / int(word[2]), index + 1
        end += reading.word(end) in ("a", "an")
    else:
        return None
    unit = _SECONDS.get(reading.word(end))
    if unit is None or not reading.is_free(index, end + 1):
        return None
    return value * unit, unit, end + 1
