"""`audiogen transcribe`: a recording of a tune to notation."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from audiogen.cli.codecs import Json
from audiogen.cli.console import print_json, say
from audiogen.cli.making import Model


class Ear(StrEnum):
    """Who hears the notes."""

    signal = "signal"
    player = "player"


def transcribe(
    source: Annotated[Path, typer.Argument(metavar="IN", help="Any sound file: WAV, FLAC, Ogg, MP3 ...")],
    target: Annotated[
        Path, typer.Option("-o", "--output", metavar="OUT", help="An .abc, .mid, .musicxml or .svg file.")
    ],
    meter: Annotated[
        str | None, typer.Option(metavar="M", help="Such as 6/8, where it is known; else it is found.")
    ] = None,
    key: Annotated[
        str | None, typer.Option(metavar="K", help='Such as D, Em, "A dorian"; else it is found.')
    ] = None,
    by: Annotated[
        Ear,
        typer.Option(help="Who hears the notes: signal processing, or our player's network turned round."),
    ] = Ear.signal,
    title: Annotated[str | None, typer.Option(metavar="T", help="Of the tune; else the file's name.")] = None,
    fold: Annotated[
        bool, typer.Option(help="Write a section that is played twice once, between repeat signs.")
    ] = True,
    model: Model = None,
    as_json: Json = False,
) -> None:
    """Write down the melody of a recording: one line, played, sung or hummed.

    Notes, tempo, metre, bar lines and key are heard from the sound. Check them: docs/transcribe.md says
    how often each is right. Ornaments are left out.

    \b
    Examples:
      audiogen transcribe session.wav -o tune.abc
      audiogen transcribe hummed.mp3 -o jig.abc --meter 6/8 --key G
      audiogen transcribe hummed.mp3 -o tune.abc; audiogen generate "on the flute" --tune tune.abc
    """
    from audiogen.transcription.notes import hear_notes
    from audiogen.transcription.recordings import transcribe_file
    from audiogen.tune_files import check_tune_suffix, write_tunes
    from codec.audio_files import check_writable
    from symbolic_bridge.attributes import parse_meter
    from symbolic_bridge.prompt_keys import named_key

    check_tune_suffix(target)
    check_writable(target, audio=False)
    if model is not None and by is not Ear.player:
        raise ValueError("--model names the player's weights: it needs --by player")
    hear = hear_notes
    if by is Ear.player:
        from audiogen.generator import Generator
        from audiogen.listening import ear

        generator = Generator(model)
        hear = ear(generator.player, generator.codec)
    found = transcribe_file(
        source,
        meter=None if meter is None else parse_meter(meter),
        key=None if key is None else named_key(key),
        title=title,
        hear=hear,
    )
    tune = found.tune if fold else found.as_played
    write_tunes(target, [tune])
    header = tune.header
    facts = {
        "output": str(target),
        "notes": len(found.notes),
        "seconds": round(found.notes[-1].offset, 2),
        "kind": header.rhythm,
        "meter": str(header.meter),
        "key": f"{header.key.tonic} {header.key.mode}",
        "tempo_bpm": header.tempo_bpm,
        "swing": found.grid.swing,
        "bars": len(tune.bars),
    }
    if as_json:
        print_json(facts)
        return
    say(
        f"{target}: {facts['notes']} notes, {facts['bars']} bars; {facts['kind']} in {facts['meter']}, {facts['key']}, "
        f"{header.tempo_bpm:g} beats a minute"
    )
