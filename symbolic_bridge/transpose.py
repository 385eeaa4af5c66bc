"""Tunes moved by semitones, in the key with the fewest accidentals."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from symbolic_bridge.spelling import spell
from symbolic_bridge.tune import LETTER_SEMITONES, LETTERS, Bar, Key, Note, Pitch, Tune

_ROOT = re.compile(r"([A-Ga-g])([#b♯♭]?)")
_SIGNS = {"": 0, "#": 1, "♯": 1, "b": -1, "♭": -1}
_NAMES = {0: "", 1: "#", -1: "b"}


@dataclass(frozen=True)
class _Move:
    """A transposition between two keys: `steps` letters up (0 ... 6) and `semitones`."""

    steps: int
    semitones: int
    target: Key


def transpose_tune(tune: Tune, semitones: int) -> Tune:
    """The tune moved by semitones; pitches, graces, chord symbols and keys move together.

    Args:
        tune: any tune.
        semitones: up (positive) or down, at most 60 either way.

    Raises:
        TypeError: `semitones` is no whole number.
        ValueError: it is out of range, or a note would leave MIDI's 0 ... 127.
    """
    if isinstance(semitones, bool) or not isinstance(semitones, int):
        raise TypeError(f"semitones must be an int, not {semitones!r}")
    if not -60 <= semitones <= 60:
        raise ValueError(f"semitones is {semitones}; it must be from -60 to 60")
    if semitones == 0:
        return tune
    key = tune.header.key
    return replace(
        tune,
        header=replace(tune.header, key=_move(key, semitones).target),
        bars=_bars(tune.bars, key, semitones),
        voices=tuple(replace(voice, bars=_bars(voice.bars, key, semitones)) for voice in tune.voices),
    )


def _bars(bars: Sequence[Bar], key: Key, semitones: int) -> tuple[Bar, ...]:
    """The bars of a voice that begins in a key."""
    move = _move(key, semitones)
    moved: list[Bar] = []
    for bar in bars:
        if bar.key:
            move = _move(bar.key, semitones)
        moved.append(
            replace(
                bar,
                key=move.target if bar.key else None,
                notes=tuple(_note(note, move) for note in bar.notes),
                overlays=tuple(tuple(_note(note, move) for note in overlay) for overlay in bar.overlays),
            )
        )
    return tuple(moved)


def transpose_key(key: Key, semitones: int) -> Key:
    """The key moved by semitones, spelled with the fewest accidentals (a tie keeps to the sharp or flat side)."""
    wanted = (key.tonic_pitch_class + semitones) % 12
    candidates = [
        Key(letter + sign, key.mode)
        for letter in LETTERS
        for sign in ("", "#", "b")
        if (LETTER_SEMITONES[LETTERS.index(letter)] + _SIGNS[sign]) % 12 == wanted
    ]
    flat_side = key.sharps < 0
    best = min(candidates, key=lambda option: (abs(option.sharps), (option.sharps < 0) != flat_side))
    if not key.extra:
        return best
    steps = (LETTERS.index(best.tonic[0]) - LETTERS.index(key.tonic[0])) % 7
    old, new = Key(key.tonic, key.mode).signature, best.signature
    extra = []
    for letter, alter in key.extra:
        moved = LETTERS[(LETTERS.index(letter) + steps) % 7]
        extra.append((moved, max(-2, min(2, new.get(moved, 0) + alter - old.get(letter, 0)))))
    return replace(best, extra=tuple(extra))


def _move(key: Key, semitones: int) -> _Move:
    target = transpose_key(key, semitones)
    return _Move((LETTERS.index(target.tonic[0]) - LETTERS.index(key.tonic[0])) % 7, semitones, target)


def _note(note: Note, move: _Move) -> Note:
    return replace(
        note,
        pitches=tuple(_pitch(pitch, move) for pitch in note.pitches),
        graces=tuple(_pitch(pitch, move) for pitch in note.graces),
        chord_symbol=transpose_chord_symbol(note.chord_symbol, move.steps, move.semitones),
    )


def _pitch(pitch: Pitch, move: _Move) -> Pitch:
    midi = pitch.midi + move.semitones
    if not 0 <= midi <= 127:
        raise ValueError(
            f"{pitch} moved by {move.semitones} semitones is MIDI {midi}; notes end at 0 and 127"
        )
    letter, alter = _degree(pitch.letter, midi % 12, move.steps)
    if abs(alter) > 1 and abs(pitch.alter) <= 1:
        # A plain note must not become a double sharp or flat.
        return spell(midi, move.target)
    if abs(alter) > 2:
        return spell(midi, move.target)
    return Pitch(letter, alter, (midi - alter - LETTER_SEMITONES[LETTERS.index(letter)]) // 12 - 1)


def _degree(letter: str, pitch_class: int, steps: int) -> tuple[str, int]:
    """Letter `steps` above, with the alteration (-6 ... 5) that gives the pitch class."""
    index = (LETTERS.index(letter) + steps) % 7
    return LETTERS[index], (pitch_class - LETTER_SEMITONES[index] + 6) % 12 - 6


def transpose_chord_symbol(symbol: str, steps: int, semitones: int) -> str:
    """A chord symbol such as "F#m7/C#" moved by letters and semitones."""
    parts = symbol.split("/")
    moved = [_chord_root(part, steps, semitones) for part in parts[:1]]
    # Behind a slash only a bass note moves: "C6/9" names an interval there.
    moved += [_chord_root(part, steps, semitones) if _ROOT.match(part) else part for part in parts[1:]]
    return "/".join(moved)


def _chord_root(text: str, steps: int, semitones: int) -> str:
    match = _ROOT.match(text)
    if not match:
        return text
    letter = match[1].upper()
    pitch_class = (LETTER_SEMITONES[LETTERS.index(letter)] + _SIGNS[match[2]] + semitones) % 12
    moved, alter = _degree(letter, pitch_class, steps)
    if abs(alter) > 1 or moved + _NAMES[alter] in ("E#", "B#", "Cb", "Fb"):
        sharp_side = alter > 0
        plain = spell(60 + pitch_class, Key("D" if sharp_side else "F"))
        moved, alter = plain.letter, plain.alter
    return moved + _NAMES[alter] + text[match.end() :]
