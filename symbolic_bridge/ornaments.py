"""Ornaments as played: a decorated note becomes several short ones."""

from __future__ import annotations

from symbolic_bridge.tune import LETTER_SEMITONES, LETTERS, Key, Pitch

GRACE_SECONDS = 0.055
# Graces before a note take at most this share of the note they steal from.
GRACE_SHARE = 0.45
# Shorter notes cannot hold the five notes of a roll: they get a cut, a turn of three or nothing.
_ROLL_SECONDS = 0.26
_CUT_SECONDS = 0.12
_TRILL_NOTE_SECONDS = 0.085

# Where the notes of an ornament start, in parts of the note, and which neighbour each is (-1 lower, 0, +1 upper).
_SHAPES: dict[str, tuple[tuple[float, int], ...]] = {
    "long roll": ((0.0, 0), (0.33, 1), (0.42, 0), (0.66, -1), (0.74, 0)),
    "turn": ((0.0, 1), (0.25, 0), (0.5, -1), (0.75, 0)),
    "inverted turn": ((0.0, -1), (0.25, 0), (0.5, 1), (0.75, 0)),
    "upper mordent": ((0.0, 0), (0.2, 1), (0.4, 0)),
    "lower mordent": ((0.0, 0), (0.2, -1), (0.4, 0)),
    "cut": ((0.0, 1), (0.3, 0)),
    "slide": ((0.0, -1), (0.3, 0)),
}
_DECORATION_SHAPES: dict[str, str] = {
    "roll": "long roll",
    "turn": "turn",
    "turnx": "turn",
    "invertedturn": "inverted turn",
    "invertedturnx": "inverted turn",
    "mordent": "lower mordent",
    "lowermordent": "lower mordent",
    "uppermordent": "upper mordent",
    "pralltriller": "upper mordent",
    "slide": "slide",
}


def neighbour(pitch: Pitch, key: Key, steps: int) -> int:
    """MIDI pitch of the note `steps` scale steps away from a pitch in a key."""
    place = LETTERS.index(pitch.letter) + steps
    letter = LETTERS[place % 7]
    octave = pitch.octave + place // 7
    return 12 * (octave + 1) + LETTER_SEMITONES[place % 7] + key.signature.get(letter, 0)


def ornament_offsets(decorations: tuple[str, ...], seconds: float) -> tuple[tuple[float, int], ...]:
    """How a note of a length in seconds is ornamented.

    Returns:
        (seconds after the note's start, neighbour -1, 0 or +1) for each note to sound; ((0, 0),) is the plain note.
    """
    if "trill" in decorations:
        count = int(seconds / _TRILL_NOTE_SECONDS)
        if count >= 4:
            # An odd number of notes begins and ends on the written one.
            count -= 1 - count % 2
            return tuple((turn * seconds / count, turn % 2) for turn in range(count))
        return _shaped("upper mordent", seconds) if seconds >= _CUT_SECONDS else ((0.0, 0),)
    for name in decorations:
        shape = _DECORATION_SHAPES.get(name)
        if shape is None:
            continue
        if shape in ("long roll", "turn", "inverted turn") and seconds < _ROLL_SECONDS:
            shape = "cut"
        return _shaped(shape, seconds) if seconds >= _CUT_SECONDS else ((0.0, 0),)
    return ((0.0, 0),)


def _shaped(shape: str, seconds: float) -> tuple[tuple[float, int], ...]:
    return tuple((part * seconds, step) for part, step in _SHAPES[shape])
