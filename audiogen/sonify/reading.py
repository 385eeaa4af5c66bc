"""A language model's reply to tunes: strictly, so that faults can be sent back, or with every mending told."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace

from audiogen.options import MAX_TEMPO_BPM, MIN_TEMPO_BPM
from audiogen.sonify.chord_grid import opening_key, tune_of_grid
from audiogen.sonify.extraction import Extraction, Notation, extract
from audiogen.sonify.json_notes import abc_strings, read_json_notes
from symbolic_bridge.abc_blocks import split_tunes
from symbolic_bridge.attributes import TuneAttributes, resolve
from symbolic_bridge.tune import Key, Meter, Tune

MOST_REPLY_CHARACTERS = 1_000_000
MOST_TUNES = 20
MOST_NOTES = 20_000
_REQUIRED_FIELD = "K"
_KEY_ASIDE = re.compile(r"^(K:[ \t]*[A-G][#b♯♭]?[ \t]*[A-Za-z]{0,12})[ \t]*([(,;][^\n]*)$", re.MULTILINE)
MELODY, CHORDS = "melody", "chords"


class ReplyError(ValueError):
    """A reply from which no tune can be made. `has_notation`: whether it tried."""

    def __init__(self, message: str, has_notation: bool) -> None:
        super().__init__(message)
        self.has_notation = has_notation

    def __reduce__(self) -> tuple[type[ReplyError], tuple[str, bool]]:
        return (type(self), (str(self), self.has_notation))


@dataclass(frozen=True)
class Reading:
    """The tunes of a reply.

    `kind`: MELODY, or CHORDS where there were only chord symbols and the tune is the chords themselves. `mendings`:
    what was changed or left out to get at them, one sentence each; `remarks`: what was noticed and is no fault.
    """

    tunes: tuple[Tune, ...]
    kind: str
    mendings: tuple[str, ...]
    remarks: tuple[str, ...]

    @property
    def is_melody(self) -> bool:
        return self.kind == MELODY


def read_reply(reply: str, wanted: TuneAttributes, strict: bool = False) -> Reading:
    """Read the tunes of a reply.

    Args:
        reply: what the model answered, prose and fences and all.
        wanted: what the prompt says; its key and meter stand in for those that a reply lacks.
        strict: raise on the first fault instead of mending it and listing it.

    Raises:
        ReplyError: the reply is empty, too long, holds no notation or too much of it, or none that can be read; with
            `strict`, anything is wrong with it.
    """
    if not reply.strip():
        raise ReplyError("the reply is empty", has_notation=False)
    if len(reply) > MOST_REPLY_CHARACTERS:
        raise ReplyError(
            f"the reply has {len(reply)} characters; {MOST_REPLY_CHARACTERS} are read", has_notation=False
        )
    found = extract(reply)
    if not found.pieces:
        raise ReplyError(
            "the reply is prose: it holds neither ABC (X: ... K: ... and bars) nor JSON notes nor a chord grid",
            has_notation=False,
        )
    if strict and found.mendings:
        raise ReplyError(found.mendings[0], has_notation=True)
    if found.pieces[0].kind == CHORDS:
        return _read_chords(found, wanted, strict)
    return _read_melodies(found, wanted, strict)


def _read_chords(found: Extraction, wanted: TuneAttributes, strict: bool) -> Reading:
    if strict:
        raise ReplyError("the reply holds chords and no melody", has_notation=True)
    _, meter = _stand_ins(wanted)
    grid = found.pieces[0].text
    try:
        key = wanted.key or opening_key(grid)
        tune = tune_of_grid(grid, key, meter, resolve(wanted).tempo_bpm)
    except ValueError as error:
        raise ReplyError(str(error), has_notation=True) from error
    said = f"the reply holds chords and no melody: its {len(tune.bars)} bars are played as chords"
    taken = f"{key.tonic} {key.mode} and {meter} were taken, which the grid does not say"
    return Reading((tune,), CHORDS, (said, taken), found.remarks)


def _read_melodies(found: Extraction, wanted: TuneAttributes, strict: bool) -> Reading:
    tunes: list[Tune] = []
    mendings, broken = list(found.mendings), []
    for piece in found.pieces:
        reader: Callable[[Notation, TuneAttributes, bool], list[Tune]]
        reader = _read_json if piece.kind == "json" else _read_abc
        try:
            tunes += reader(piece, wanted, strict)
        except ValueError as error:
            fault = str(error)
            if strict:
                raise ReplyError(fault, has_notation=True) from error
            broken.append(f"the notation at line {piece.line} was left out: {fault}")
    if not tunes:
        raise ReplyError(f"no tune of the reply can be read; {broken[0]}", has_notation=True)
    mendings += broken
    if len(tunes) > MOST_TUNES:
        mendings.append(f"the reply holds {len(tunes)} tunes; the first {MOST_TUNES} were taken")
        tunes = tunes[:MOST_TUNES]
    kept = [_within_limits(tune) for tune in tunes]
    named = len(kept) > 1
    for number, tune in enumerate(kept, 1):
        mendings += [f"tune {number}: {fault}" if named else fault for fault in tune.warnings]
    return Reading(tuple(kept), MELODY, tuple(mendings), found.remarks)


def _read_abc(piece: Notation, wanted: TuneAttributes, strict: bool) -> list[Tune]:
    """The tunes of one run of ABC; line numbers are those of the reply."""
    text, added = _completed(piece.text, wanted)
    padding = max(0, piece.line - 1 - len(added))
    if strict and added:
        raise ReplyError(added[0], has_notation=True)
    if not strict:
        text, trimmed = _without_asides(text)
        added += trimmed
    tunes = []
    for number, part in enumerate(split_tunes("\n" * padding + text)):
        tune = Tune.from_abc(part, strict=strict)
        tunes.append(replace(tune, warnings=(*added, *tune.warnings)) if added and not number else tune)
    return tunes


def _completed(text: str, wanted: TuneAttributes) -> tuple[str, list[str]]:
    """ABC with the header fields without which it cannot be read, and what was said about each that was added."""
    lines = text.split("\n")
    letters = [line.lstrip()[:1] for line in lines if line.lstrip()[1:2] == ":"]
    if _REQUIRED_FIELD in letters:
        return text, []
    key, meter = _stand_ins(wanted)
    added = [f"the tune has no K: field; {key.tonic} {key.mode} was taken"]
    header = [f"K:{key.tonic}{'' if key.mode == 'major' else ' ' + key.mode}"]
    if "M" not in letters:
        added.append(f"the tune has no M: field; {meter} was taken")
        header.insert(0, f"M:{meter}")
    music = next(
        (n for n, line in enumerate(lines) if line.lstrip()[1:2] != ":" or line.lstrip()[:1] in "|:"), 0
    )
    return "\n".join([*lines[:music], *header, *lines[music:]]), added


def _without_asides(text: str) -> tuple[str, list[str]]:
    """ABC without remarks behind a key ("K:D major (two sharps)"), for which the key itself would be lost."""
    asides: list[str] = []

    def without(match: re.Match[str]) -> str:
        asides.append(f"{match[2].strip()[:40]!r} behind the key was left out")
        return match[1]

    return _KEY_ASIDE.sub(without, text), asides


def _read_json(piece: Notation, wanted: TuneAttributes, strict: bool) -> list[Tune]:
    tunes: list[Tune] = []
    for text in abc_strings(piece.text):
        tunes += _read_abc(Notation("abc", text, 1), wanted, strict)
    if tunes:
        return tunes
    key, meter = _stand_ins(wanted)
    return [
        replace(
            reading.tune.with_header(reference=number, rhythm=wanted.kind or ""), warnings=reading.mendings
        )
        for number, reading in enumerate(read_json_notes(piece.text, strict, key, meter), 1)
    ]


def _within_limits(tune: Tune) -> Tune:
    """The tune at a tempo that can be played.

    Raises:
        ReplyError: it has more than MOST_NOTES.
    """
    count = sum(len(note.pitches) for bar in tune.bars for note in bar.notes)
    if count > MOST_NOTES:
        raise ReplyError(
            f"a tune of the reply has {count} notes; {MOST_NOTES} are allowed", has_notation=True
        )
    mended: list[str] = []

    def playable(tempo: float | None) -> float | None:
        if tempo is None or MIN_TEMPO_BPM <= tempo <= MAX_TEMPO_BPM:
            return tempo
        near = min(max(tempo, MIN_TEMPO_BPM), MAX_TEMPO_BPM)
        mended.append(f"a tempo of {tempo:g} felt beats a minute; {near:g} was taken")
        return near

    header = replace(tune.header, tempo_bpm=playable(tune.header.tempo_bpm))
    bars = tuple(replace(bar, tempo_bpm=playable(bar.tempo_bpm)) for bar in tune.bars)
    return replace(tune, header=header, bars=bars, warnings=(*tune.warnings, *mended))


def _stand_ins(wanted: TuneAttributes) -> tuple[Key, Meter]:
    """Key and meter of what was asked for, the custom of the kind where it does not say, else C major and 4/4."""
    full = resolve(wanted)
    meter = full.meter if wanted.meter or wanted.kind else Meter()
    return Key(full.tonic or "C", full.mode or "major"), meter or Meter()
