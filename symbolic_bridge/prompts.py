"""Free English to attributes: "a lively jig in D on the fiddle, with guitar"."""

from __future__ import annotations

from symbolic_bridge.attributes import TuneAttributes
from symbolic_bridge.kinds import KINDS
from symbolic_bridge.moods import MOODS, Mood
from symbolic_bridge.prompt_instruments import read_instruments
from symbolic_bridge.prompt_keys import BARE_MODES, MODE_WORDS, follows_key_word, parse_key, read_keys
from symbolic_bridge.prompt_numbers import number_at, read_forms, read_lengths, read_meters, read_tempos
from symbolic_bridge.prompt_tokens import Reading, Token, tokenize
from symbolic_bridge.prompt_words import (
    DEGREES,
    GENERIC_MUSIC,
    NEGATORS,
    NOT_TYPOS,
    PACES,
    STOPWORDS,
    WEAK_KINDS,
    Meaning,
    known_words,
    lexicon,
    longest_phrase,
    mendable_words,
)

__all__ = ["MOODS", "Mood", "PromptError", "describe", "parse_key", "parse_prompt"]

LONGEST_PROMPT = 10_000
EXAMPLE = '"a lively jig in D major on the fiddle, with guitar, 30 seconds"'
# How far to look back for a "not", and over which words.
_NEGATION_REACH = 5
_NEGATION_FILLERS = set(DEGREES) | {
    "a", "an", "the", "any", "of", "in", "that", "with", "to", "too", "be", "playing", "on", "for", "use", "using",
    "it", "or", "nor", "play", "sound", "sounding", "much", "make", "is",
}  # fmt: skip
_ALL_BUT = {"anything", "everything", "nothing", "all"}


class PromptError(ValueError):
    """A prompt from which no tune can be made; the message says what could be said."""


def parse_prompt(text: str) -> TuneAttributes:
    """Read a prompt.

    What is said twice differently holds as first said; that, mended misspellings and stand-ins for what we lack are
    told in `notices`, and words that no attribute holds in `unknown`.

    Args:
        text: free English, at most 10,000 characters.

    Raises:
        PromptError: the prompt is empty, too long, names nothing musical, or asks for a value out of range.
    """
    if not text.strip():
        raise PromptError(f"the prompt is empty; say what to play, for example {EXAMPLE}")
    if len(text) > LONGEST_PROMPT:
        raise PromptError(f"the prompt has {len(text)} characters; at most {LONGEST_PROMPT} are allowed")
    reading = Reading(tokenize(text))
    _mend(reading)
    read_forms(reading)
    read_tempos(reading)
    read_meters(reading)
    read_lengths(reading)
    read_keys(reading)
    mentions = _read_phrases(reading)
    read_instruments(reading, mentions)
    unknown = _unknown_words(reading)
    generic = any(token.word in GENERIC_MUSIC for token in reading.tokens)
    aside = f" ({'; '.join(reading.notices[:2])})" if reading.notices else ""
    if not reading.values and not reading.negated and not mentions and not generic:
        raise PromptError(
            f"nothing musical was found in {_shortened(text)!r}{aside}; name a kind of tune, a key, an instrument, "
            f"a tempo, a mood or a length, for example {EXAMPLE}"
        )
    if not reading.values and not generic and (reading.negated or not mentions):
        raise PromptError(
            f"{_shortened(text)!r} says only what is not wanted; say what to play, for example {EXAMPLE}"
        )
    if "tempo_bpm" in reading.values:
        reading.values.pop("tempo_factor", None)
    try:
        return TuneAttributes(
            text=text,
            unknown=unknown,
            notices=tuple(reading.notices),
            **reading.values,  # type: ignore[arg-type]
        )
    except ValueError as error:
        raise PromptError(f"prompt {_shortened(text)!r}: {error}") from error


def _shortened(text: str, most: int = 60) -> str:
    text = " ".join(text.split())
    return text if len(text) <= most else text[: most - 3] + "..."


def _mend(reading: Reading) -> None:
    """Replace words one letter away from a key word, with a notice for each."""
    known = known_words()
    for index, token in enumerate(reading.tokens):
        word = token.word
        if token.sort != "word" or not 4 <= len(word) <= 20:
            continue
        if word in known or word in STOPWORDS or word in NOT_TYPOS or word in MODE_WORDS:
            continue
        meant = next(
            (key for key in mendable_words().get(word[0], ()) if _is_one_letter_off(word, key)), None
        )
        # A regular inflection is another word, not a slip: "guitars" is in the tables, "marching" is not.
        if meant is None or word in (meant + "s", meant + "y", meant + "r", meant + "d", meant + "e"):
            continue
        reading.note(f"{token.text!r} was read as {meant!r}")
        reading.tokens[index] = Token(meant, meant, "word")


def _is_one_letter_off(word: str, key: str) -> bool:
    """Whether one letter inserted, dropped, changed or swapped with its neighbour turns word into key."""
    if abs(len(word) - len(key)) > 1 or word == key:
        return False
    start = 0
    while start < min(len(word), len(key)) and word[start] == key[start]:
        start += 1
    rest, wanted = word[start:], key[start:]
    return (
        rest[1:] == wanted
        or rest == wanted[1:]
        or rest[1:] == wanted[1:]
        or (len(rest) > 1 and rest[1::-1] == wanted[:2] and rest[2:] == wanted[2:])
    )


def _read_phrases(reading: Reading) -> list[tuple[int, int, Meaning]]:
    """Take the phrases of the lexicon; returns those about players, for `read_instruments`."""
    players: list[tuple[int, int, Meaning]] = []
    kinds: list[tuple[int, int, Meaning]] = []
    index = 0
    while index < len(reading.tokens):
        meaning, end = _phrase_at(reading, index)
        if meaning is None:
            index += 1
            continue
        reading.take(index, end)
        if _is_negated(reading, index, meaning.role):
            reading.negated.update(range(index, end))
        if meaning.role in ("instrument", "backing", "unaccompanied"):
            players.append((index, end, meaning))
        elif meaning.role == "kind":
            kinds.append((index, end, meaning))
            if reading.word(index) == "slow" and reading.word(index - 1) in DEGREES:
                # A slow air is just an air; a very slow air is more than that.
                _read_pace(reading, index, end, Meaning("pace", PACES["slow"]))
        else:
            _READERS[meaning.role](reading, index, end, meaning)
        index = end
    _read_kinds(reading, kinds)
    return players


def _phrase_at(reading: Reading, index: int) -> tuple[Meaning | None, int]:
    for end in range(min(len(reading.tokens), index + longest_phrase()), index, -1):
        if not reading.is_free(index, end):
            continue
        meaning = lexicon().get(tuple(token.word for token in reading.tokens[index:end]))
        if meaning is not None:
            return meaning, end
    return None, index + 1


def _is_negated(reading: Reading, index: int, role: str) -> bool:
    """Whether a "without", "no" or "not" reaches the phrase at index ("without guitar or piano", "not too fast")."""
    for back in range(index - 1, max(-1, index - 1 - _NEGATION_REACH), -1):
        word = reading.word(back)
        if word in NEGATORS or (word == "but" and reading.word(back - 1) in _ALL_BUT):
            return True
        if back in reading.negated:
            joiner = reading.word(back + 1)
            if back + 1 == index:
                return role == "backing"  # "no guitar accompaniment", but not "not too fast jig"
            return joiner in ("or", "nor") or (joiner == "and" and _under_without(reading, back))
        if reading.taken[back] or (word not in _NEGATION_FILLERS and word != "and"):
            return False
        if word == "and" and back - 1 not in reading.negated:
            return False
    return False


def _under_without(reading: Reading, index: int) -> bool:
    return any(reading.word(back) in ("without", "minus") for back in range(max(0, index - 4), index))


def _read_kinds(reading: Reading, kinds: list[tuple[int, int, Meaning]]) -> None:
    wanted = [entry for entry in kinds if entry[0] not in reading.negated]
    for start, end, _ in kinds:
        if start in reading.negated:
            reading.note(f"a kind cannot be ruled out: {reading.quote(start, end)!r} was left out")
    strong = [entry for entry in wanted if entry[2].value not in WEAK_KINDS]
    for start, end, meaning in strong or wanted:
        said = reading.quote(start, end)
        if reading.give("kind", meaning.value, said) and meaning.stand_in:
            reading.note(
                f"{meaning.stand_in!r} is not among the kinds we know; the nearest is {meaning.value!r}"
            )
            if meaning.meter is not None:
                reading.values.setdefault("meter", meaning.meter)


def _degree(reading: Reading, index: int) -> float:
    """The exponent that words such as "very" or "a bit" before index put on a pace; takes them."""
    exponent = 1.0
    for back in (index - 1, index - 2):
        word = reading.word(back)
        if word in DEGREES and reading.is_free(back, back + 1):
            exponent *= DEGREES[word]
        elif word not in ("a", "of"):
            break
    return exponent


def _read_pace(reading: Reading, start: int, end: int, meaning: Meaning) -> None:
    factor = float(meaning.value)  # type: ignore[arg-type]
    said = reading.quote(start, end)
    if start in reading.negated:
        # "not too fast" asks for a little less than usual, not for slow.
        factor = 0.92 if factor > 1 else 1.08
    else:
        factor = round(factor ** _degree(reading, start), 3)
    held = reading.values.get("tempo_factor")
    if isinstance(held, float) and (held < 1) == (factor < 1):
        return
    reading.give("tempo_factor", min(max(factor, 0.4), 2.0), said)


def _read_mood(reading: Reading, start: int, end: int, meaning: Meaning) -> None:
    said = reading.quote(start, end)
    if start in reading.negated:
        reading.note(f"a mood cannot be ruled out: {said!r} was left out")
        return
    held = reading.values.get("mood")
    lively = MOODS["lively"]
    # "happy and lively": the one is a mood, the other can be heard as a pace.
    if held not in (None, meaning.value) and "lively" in (held, meaning.value):
        reading.values["mood"] = held if meaning.value == "lively" else meaning.value
        reading.values.setdefault("tempo_factor", lively.tempo_factor)
        return
    reading.give("mood", meaning.value, said)


def _read_meter(reading: Reading, start: int, end: int, meaning: Meaning) -> None:
    if start in reading.negated:
        reading.note(f"a meter cannot be ruled out: {reading.quote(start, end)!r} was left out")
        return
    reading.give("meter", meaning.value, reading.quote(start, end))


def _read_length(reading: Reading, start: int, end: int, meaning: Meaning) -> None:
    if start in reading.negated or "duration_seconds" in reading.values or "bars" in reading.values:
        return
    seconds = float(meaning.value)  # type: ignore[arg-type]
    reading.note(f"{reading.quote(start, end)!r} was taken as {seconds:g} seconds")
    reading.values["duration_seconds"] = seconds


_READERS = {"pace": _read_pace, "mood": _read_mood, "meter": _read_meter, "length": _read_length}


def _unknown_words(reading: Reading) -> tuple[str, ...]:
    words: dict[str, None] = {}
    for index, token in enumerate(reading.tokens):
        if not reading.taken[index] and token.word not in BARE_MODES and not _is_trivial(reading, index):
            words.setdefault(token.word)
    return tuple(words)


def _is_trivial(reading: Reading, index: int) -> bool:
    """Whether the free word at index can go unheard: no number above one, no letter that is meant as a key."""
    token = reading.tokens[index]
    if token.sort in ("stop", "number", "ratio", "clock"):
        return token.sort == "stop"
    number = number_at(reading, index)
    if number is not None:
        return number[0] == 1
    if len(token.word) == 1:
        return token.word == "a" or not follows_key_word(reading, index)
    return token.word in STOPWORDS or token.word in NEGATORS


def _tempo_phrase(attributes: TuneAttributes) -> str:
    if attributes.tempo_bpm is not None:
        return f"{attributes.tempo_bpm:g} bpm"
    factor = attributes.tempo_factor
    if factor is None:
        return ""
    if factor == 1:
        return "usual tempo"
    return f"{abs(factor - 1):.0%} {'slower' if factor < 1 else 'faster'} than usual"


def _length_phrase(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < 90:
        return f"{seconds:g} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min" + (f" {rest} s" if rest else "")


def describe(attributes: TuneAttributes) -> str:
    """One line of what was understood: "jig in D major, lively, fiddle with guitar, 30 s"."""
    key = " ".join(part for part in (attributes.tonic, attributes.mode) if part)
    name = KINDS[attributes.kind].id if attributes.kind else "tune"
    backing = attributes.accompaniment
    players = attributes.instrument or ""
    if backing:
        players += (
            (" unaccompanied" if players else "unaccompanied") if backing == "none" else f" with {backing}"
        )
    parts = (
        name + (f" in {key}" if attributes.tonic else ""),
        f"{attributes.mode} mode" if attributes.mode and not attributes.tonic else "",
        str(attributes.meter) if attributes.meter else "",
        _tempo_phrase(attributes),
        attributes.mood or "",
        players.strip(),
        f"form {attributes.form}" if attributes.form else "",
        f"{attributes.bars} bars" if attributes.bars else "",
        _length_phrase(attributes.duration_seconds),
    )
    return ", ".join(part for part in parts if part)
