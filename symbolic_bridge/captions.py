"""Attributes back to English: varied captions to train the text encoder on.

Every caption reads back: `parse_prompt` finds in it the values it names, so that what a user types and what the
encoder has learned from are the same language.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from symbolic_bridge.attributes import TuneAttributes, resolve
from symbolic_bridge.instruments import INSTRUMENTS
from symbolic_bridge.kinds import KINDS
from symbolic_bridge.moods import MOODS
from symbolic_bridge.prompt_tokens import plain
from symbolic_bridge.prompt_words import lexicon

# Pace words by upper bound of tempo over usual tempo; between 0.9 and 1.1 a pace is rarely worth a word.
_PACE_WORDS: tuple[tuple[float, tuple[str, ...]], ...] = (
    (0.72, ("very slow", "extremely slow", "largo", "really slow")),
    (0.9, ("slow", "leisurely", "unhurried", "adagio", "slow-paced", "quite slow")),
    (1.1, ("steady", "moderate", "medium tempo")),
    (1.25, ("fast", "quick", "brisk", "allegro", "fast-paced", "rather fast")),
    (9.9, ("very fast", "rapid", "furious", "presto", "really fast")),
)
_NOUNS = ("tune", "melody", "piece of music", "folk tune", "piece", "traditional tune", "track")
_OPENINGS = (
    "",
    "",
    "",
    "",
    "play ",
    "write ",
    "please play ",
    "give me ",
    "I'd like ",
    "compose ",
    "generate ",
    "make ",
)
_MAJOR, _MINOR = (
    ("{} major", "{} major", "{}", "{} maj", "{}major"),
    ("{} minor", "{} minor", "{}m", "{} min", "{}min"),
)
_MODE_FORMS = {
    "major": _MAJOR, "minor": _MINOR, "dorian": ("{} dorian", "{} dor", "{}dor", "{} Dorian"),
    "mixolydian": ("{} mixolydian", "{} mix", "{}mix", "{} Mixolydian"), "lydian": ("{} lydian", "{} lyd"),
    "phrygian": ("{} phrygian", "{} phr"), "locrian": ("{} locrian", "{} loc"),
}  # fmt: skip
_BACKED = (
    "with {}", "with {} accompaniment", "with {} chords", "accompanied by {}", "backed by {}", "and {} accompaniment",
    "with a {}", "with {} backing", "with simple {} chords",
)  # fmt: skip
_ALONE = (
    "unaccompanied",
    "without accompaniment",
    "with no accompaniment",
    "solo",
    "no accompaniment",
    "on its own",
)
_TIMES = ("in {}", "in {} time", "{} time", "in {}")
_TEMPOS = (
    "at {} bpm",
    "{} bpm",
    "{} beats per minute",
    "at {} beats a minute",
    "tempo {}",
    "at a tempo of {}",
)
_LEADS = ("on the {}", "on {}", "for {}", "played on the {}", "for the {}", "played on {}")
_LASTING = ("{}", "{} long", "lasting {}", "of {}")
# How often an attribute that is set is named.
_CHANCES = {
    "kind": 0.9, "key": 0.5, "mood": 0.8, "instrument": 0.8, "accompaniment": 0.6, "tempo": 0.6, "meter": 0.2,
    "form": 0.15, "duration_seconds": 0.15, "bars": 0.15,
}  # fmt: skip


@dataclass(frozen=True)
class Caption:
    """A caption and the fields of `TuneAttributes` that it names."""

    text: str
    named: frozenset[str]


def write_caption(attributes: TuneAttributes, rng: np.random.Generator) -> str:
    """English for some of the attributes, in varied words and order.

    Args:
        attributes: what is to be told; fields that are None are not spoken of.
        rng: chooses what is named and how.
    """
    return compose_caption(attributes, rng).text


def compose_caption(attributes: TuneAttributes, rng: np.random.Generator) -> Caption:
    """A caption together with the names of the fields that it tells."""
    writers = {name: writer for name, writer in _WRITERS.items() if _is_set(attributes, name)}
    chosen = [name for name in writers if rng.random() < _CHANCES[name]]
    if not chosen and writers:
        chosen = [_pick(tuple(writers), rng)]
    phrases = {name: writers[name](attributes, rng) for name in chosen}
    phrases = {name: phrase for name, phrase in phrases.items() if phrase.text}
    named = frozenset(field for phrase in phrases.values() for field in phrase.fields)
    if "instrument" in phrases and rng.random() < 0.2:
        # "a fiddle jig": the instrument as an adjective.
        name = (
            phrases["instrument"]
            .text.split(" the ")[-1]
            .split(" a ")[-1]
            .removeprefix("on ")
            .removeprefix("for ")
        )
        phrases["instrument"] = replace(phrases["instrument"], text=name, before=True)
    adjectives = [phrase.text for name, phrase in phrases.items() if phrase.before and name != "kind"]
    noun = phrases["kind"].text if "kind" in phrases else _pick(_NOUNS, rng)
    tail = [phrase.text for name, phrase in phrases.items() if not phrase.before and name != "kind"]
    text = _join(adjectives, noun, tail, rng)
    if rng.random() < 0.3:
        text = text.lower()
    elif rng.random() < 0.4:
        text = text[0].upper() + text[1:]
    return Caption(text, named)


@dataclass(frozen=True)
class _Phrase:
    """Words for one attribute; `before` the noun ("slow") or after it ("at 90 bpm"); `fields` it names."""

    text: str
    fields: tuple[str, ...]
    before: bool = False


def _pick(options: Sequence[str], rng: np.random.Generator) -> str:
    return options[int(rng.integers(len(options)))]


def _join(adjectives: list[str], noun: str, tail: list[str], rng: np.random.Generator) -> str:
    order = rng.permutation(len(tail))
    tail = [tail[int(index)] for index in order]
    separator = " and " if len(adjectives) == 2 and rng.random() < 0.2 else _pick((" ", ", "), rng)
    head = separator.join([*adjectives[:-1], adjectives[-1]]) + " " + noun if adjectives else noun
    style = rng.random()
    if style < 0.2:
        # Keywords in any order: "D major, jig, fiddle".
        parts = [head, *tail]
        return ", ".join(parts[int(index)] for index in rng.permutation(len(parts)))
    article = "an" if head[0].lower() in "aeiou" else "a"
    opening = _pick(_OPENINGS, rng)
    text = f"{opening}{article} {head}"
    for phrase in tail:
        text += _pick((" ", " ", ", "), rng) + phrase
    return text


def _is_set(attributes: TuneAttributes, name: str) -> bool:
    if name == "key":
        return attributes.tonic is not None or attributes.mode is not None
    if name == "tempo":
        return attributes.tempo_bpm is not None or attributes.tempo_factor is not None
    return getattr(attributes, name) is not None


def _speakable(names: tuple[str, ...], role: str, value: str) -> tuple[str, ...]:
    """Those names that read back as the value itself: singular, no stand-ins."""
    found = []
    for name in names:
        meaning = lexicon().get(tuple(plain(name).replace("-", " ").split()))
        singular = not name.endswith("s") or name == "pipes" or name.endswith(("pipes", "morris"))
        if (
            meaning is not None
            and (meaning.role, meaning.value, meaning.stand_in) == (role, value, "")
            and singular
        ):
            found.append(name)
    return tuple(found)


def _kind(attributes: TuneAttributes, rng: np.random.Generator) -> _Phrase:
    kind = KINDS[attributes.kind or ""]
    names = _speakable(kind.names, "kind", kind.id) or (kind.id,)
    name = names[0] if rng.random() < 0.7 else _pick(names, rng)
    return _Phrase(name, ("kind",), before=True)


def _tonic(tonic: str, rng: np.random.Generator) -> str:
    if len(tonic) == 1 or rng.random() < 0.4:
        return tonic
    word = "flat" if tonic[1] == "b" else "sharp"
    return _pick((f"{tonic[0]} {word}", f"{tonic[0]}-{word}"), rng)


def _key(attributes: TuneAttributes, rng: np.random.Generator) -> _Phrase:
    tonic, mode = attributes.tonic, attributes.mode
    if tonic is None:
        article = "the" if mode not in ("major", "minor") else "a"
        return _Phrase(f"in {article} {mode} {'mode' if article == 'the' else 'key'}", ("mode",))
    spelled = _tonic(tonic, rng)
    pattern = "{}" if mode is None else _pick(_MODE_FORMS[mode], rng)
    if len(spelled) > 2 and not pattern.startswith("{} ") and pattern != "{}":
        pattern = "{} " + (mode or "")
    # A bare tonic says major only when filled in by `resolve`, so it names the tonic alone.
    fields = ("tonic",) if pattern == "{}" else ("tonic", "mode")
    return _Phrase(_pick(("in {}", "in {}", "in the key of {}"), rng).format(pattern.format(spelled)), fields)


def _mood(attributes: TuneAttributes, rng: np.random.Generator) -> _Phrase:
    words = tuple(
        word for word in MOODS[attributes.mood or ""].words if not word.endswith("ly") or word == "lively"
    )
    return _Phrase(words[0] if rng.random() < 0.4 else _pick(words, rng), ("mood",), before=True)


def _instrument(attributes: TuneAttributes, rng: np.random.Generator) -> _Phrase:
    instrument = INSTRUMENTS[attributes.instrument or ""]
    names = tuple(
        name
        for name in _speakable(instrument.names, "instrument", instrument.id)
        if not name.endswith(("er", "ist")) or name == instrument.id
    )
    name = names[0] if rng.random() < 0.6 else _pick(names, rng)
    return _Phrase(_pick(_LEADS, rng).format(name), ("instrument",))


def _accompaniment(attributes: TuneAttributes, rng: np.random.Generator) -> _Phrase:
    name = attributes.accompaniment or "none"
    pattern = _pick(_ALONE, rng) if name == "none" else _pick(_BACKED, rng)
    return _Phrase(pattern.format(name), ("accompaniment",))


def pace_of(attributes: TuneAttributes) -> float | None:
    """Tempo over the kind's usual tempo; None where no tempo is set."""
    if attributes.tempo_factor is not None and attributes.tempo_bpm is None:
        return attributes.tempo_factor
    if attributes.tempo_bpm is None:
        return None
    full = resolve(attributes)
    assert full.tempo_bpm is not None
    assert full.kind is not None
    return full.tempo_bpm / KINDS[full.kind].tempo_in(full.meter)


def _tempo(attributes: TuneAttributes, rng: np.random.Generator) -> _Phrase:
    pace = pace_of(attributes)
    assert pace is not None
    if attributes.tempo_bpm is not None and rng.random() < 0.5:
        return _Phrase(_pick(_TEMPOS, rng).format(_spoken_bpm(attributes)), ("tempo_bpm",))
    if 0.9 <= pace < 1.1 and rng.random() < 0.7:
        return _Phrase("", ())
    words = next(words for bound, words in _PACE_WORDS if pace < bound)
    if attributes.kind == "air":
        words = tuple(word for word in words if word != "slow")  # "slow air" is the name of the kind
    return _Phrase(_pick(words, rng), ("tempo_factor",), before=True)


def _spoken_bpm(attributes: TuneAttributes) -> int:
    """The tempo as musicians say it: a reel of 208 felt beats is "at 104"."""
    said = attributes.tempo_bpm
    assert said is not None
    if not attributes.tempo_is_felt or attributes.kind is None:
        return round(said)
    kind = KINDS[attributes.kind]
    counted = round(said / kind.counted_tempo_in(attributes.meter or kind.meter, 1.0))
    heard = resolve(replace(attributes, tempo_bpm=float(max(counted, 20)), tempo_is_felt=False)).tempo_bpm
    return counted if heard is not None and abs(heard - said) <= 2 * kind.counted_beats else round(said)


def _meter(attributes: TuneAttributes, rng: np.random.Generator) -> _Phrase:
    return _Phrase(_pick(_TIMES, rng).format(attributes.meter), ("meter",))


def _form(attributes: TuneAttributes, rng: np.random.Generator) -> _Phrase:
    return _Phrase(_pick(("form {}", "{} form", "in the form {}"), rng).format(attributes.form), ("form",))


def _duration(attributes: TuneAttributes, rng: np.random.Generator) -> _Phrase:
    seconds = attributes.duration_seconds
    assert seconds is not None
    amounts = [f"{seconds:g} seconds", f"{seconds:g} s"]
    if seconds == int(seconds) and seconds < 3600:
        amounts.append(f"{int(seconds) // 60}:{int(seconds) % 60:02d}")
    if seconds % 60 == 0:
        amounts.append(f"{seconds / 60:g} minute{'s' if seconds > 60 else ''}")
    if seconds == 30:
        amounts.append("half a minute")
    if seconds == 90:
        amounts.append("a minute and a half")
    return _Phrase(_pick(_LASTING, rng).format(_pick(amounts, rng)), ("duration_seconds",))


def _bars(attributes: TuneAttributes, rng: np.random.Generator) -> _Phrase:
    return _Phrase(_pick(("{} bars", "{} bars long", "of {} bars"), rng).format(attributes.bars), ("bars",))


_WRITERS: dict[str, Callable[[TuneAttributes, np.random.Generator], _Phrase]] = {
    "mood": _mood, "tempo": _tempo, "kind": _kind, "key": _key, "instrument": _instrument,
    "accompaniment": _accompaniment, "meter": _meter, "form": _form, "duration_seconds": _duration, "bars": _bars,
}  # fmt: skip
