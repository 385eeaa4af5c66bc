"""`audiogen evaluate`: every figure with its ceiling and floor, as a table on stderr and as JSON in a file."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from audiogen.cli.console import progress_bars
from audiogen.cli.figures import (
    Count,
    Instruments,
    Jobs,
    JsonFile,
    Pictures,
    Seconds,
    Soundfont,
    TunesPath,
    check_output,
    finish,
    report,
    show,
    show_list,
)
from audiogen.cli.making import Device, Model, Seed

app = typer.Typer(
    help="Measure codec, player and composer, with ceilings and floors.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command()
def gate(
    tunes: TunesPath = None,
    recordings: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR",
            help="Measure recordings with *.notes.csv and *.alignments.csv instead of renderings.",
        ),
    ] = None,
    count: Count = 30,
    seconds: Seconds = 15.0,
    instrument: Instruments = None,
    soundfont: Soundfont = None,
    codebooks: Annotated[int | None, typer.Option(min=1, metavar="K", help="Of the codec; else all.")] = None,
    model: Model = None,
    device: Device = None,
    seed: Seed = None,
    jobs: Jobs = 1,
    json_file: JsonFile = None,
) -> None:
    """Count the notes of solos that keep their pitch and their onset through the codec.

    \b
    Examples:
      audiogen evaluate gate --tunes test.jsonl -n 30 --jobs 2 --json gate.json
      audiogen evaluate gate --recordings violin_bach/ --jobs 2
    """
    from audiogen.evaluation.gate import GateSettings, measure_gate
    from audiogen.evaluation.material import TunePicker
    from codec import load

    check_output(json_file)
    picker = TunePicker(tunes, seed or 0, tuple(instrument or ()))
    settings = GateSettings(
        count=count, seconds=seconds, soundfont=soundfont, recordings=recordings, codebooks=codebooks or 0,
        workers=jobs,
    )  # fmt: skip
    with progress_bars() as progress:
        result: dict[str, Any] = measure_gate(load(model, device or "cpu"), picker, settings, progress)
    target = result["target"]
    groups = {
        name: {**part, **part["measures"][target["measure"]]} for name, part in result["by_group"].items()
    }
    columns = ("notes", "right_before", "kept", "kept_of_fast", "floor")
    if recordings is not None:
        columns += ("tuning_cents", "shift_seconds")
    show(f"Notes right in the way called {target['measure']}", {"by_group": groups}, columns, "by_group")
    title = f"All {result['notes']} notes, besides {result['chord_notes_left_out']} of chords"
    report(
        title, result, ("right_before", "kept", "kept_of_fast", "untouched", "floor"), "measures", json_file
    )
    show_list("Target", [target])


@app.command()
def melody(
    tunes: TunesPath = None,
    prompts: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help='Compose for these instead: one a line, or .jsonl with "prompt".'),
    ] = None,
    count: Count = 30,
    seconds: Seconds = 25.0,
    instrument: Instruments = None,
    soundfont: Soundfont = None,
    accompaniment: Annotated[
        str, typer.Option(metavar="A", help="none, guitar, piano or harp; the notes of the lead are counted.")
    ] = "none",
    free: Annotated[bool, typer.Option(help="Also play without the tune, for its chroma.")] = True,
    pictures: Pictures = None,
    sounds: Annotated[Path | None, typer.Option(metavar="DIR", help="Leave the sounds here as WAV.")] = None,
    model: Model = None,
    device: Device = None,
    seed: Seed = None,
    jobs: Jobs = 1,
    json_file: JsonFile = None,
) -> None:
    """Play tunes, or what is composed for prompts, and compare with the SoundFont rendering of the same performance.

    Counts the notes at their pitch and those that a transcriber hears, the distance of the sound, the lag and the
    agreement of the harmony.

    \b
    Examples:
      audiogen evaluate melody --tunes test.jsonl -n 30 --pictures pictures/ --json melody.json
      audiogen evaluate melody --prompts prompts.txt --json prompts.json
    """
    from audiogen.evaluation.material import TunePicker
    from audiogen.evaluation.melody import MelodySettings, measure_melody
    from audiogen.evaluation.prompts import PromptPicker, read_prompts
    from audiogen.generator import Generator

    check_output(json_file)
    generator = Generator(model, device)
    picker = TunePicker(tunes, seed or 0, tuple(instrument or ()))
    if prompts is not None:
        if tunes is not None or instrument:
            raise ValueError(
                "--prompts takes neither --tunes nor --instrument; the prompts say what to play on"
            )
        picker = PromptPicker(read_prompts(prompts), generator, seed or 0)
    settings = MelodySettings(
        count=count, seconds=seconds, seed=seed or 0, soundfont=soundfont, accompaniment=accompaniment, free=free,
        pictures=pictures, sounds=sounds, workers=jobs,
    )  # fmt: skip
    with progress_bars() as progress:
        result = measure_melody(generator, picker, settings, progress)
    pitch = ("notes", "pitch", "pitch_ceiling", "pitch_codec", "pitch_floor", "pitch_of_ceiling")
    sound = ("log_mel", "log_mel_codec", "log_mel_codec_as_player", "log_mel_wrong_instrument", "log_mel_ratio",
             "log_mel_ratio_as_player")  # fmt: skip
    time = ("lag_ms_median", "lag_ms_worst", "tunes_within_30_ms", "tunes_played", "real_time_factor")
    chroma = ("chroma_player", "chroma_free", "chroma_soundfont", "chroma_codec", "chroma_floor")
    show("Pitch of notes", result, pitch, "by_instrument")
    show("Log-mel distance to the rendering", result, sound, "by_instrument")
    show("Lag", result, time, "by_instrument")
    heard = tuple(
        f"{what}_f1{end}" for what in ("note", "onset") for end in ("", "_ceiling", "_floor", "_of_ceiling")
    )
    show("Notes and onsets that the transcriber hears", result, heard, "by_instrument")
    recovered = tuple(
        f"{what}_recovered{end}" for what in ("tempo", "key", "instrument") for end in ("", "_ceiling")
    )
    show("Attributes heard in the sound", result, recovered, "by_instrument")
    report("Chroma agreement with the score", result, chroma, "by_instrument", json_file)


@app.command("long")
def long_play(
    tunes: TunesPath = None,
    count: Annotated[int, typer.Option("-n", min=1, help="Sets of four tunes.")] = 3,
    seconds: Annotated[float, typer.Option(min=120, help="Of each set.")] = 300.0,
    instrument: Instruments = None,
    model: Model = None,
    device: Device = None,
    seed: Seed = None,
    jobs: Jobs = 1,
    json_file: JsonFile = None,
) -> None:
    """Play sets of tunes for minutes, and compare the last minute with the first.

    Beside the player's changes of pitch, loudness, timbre and timing stand those of the SoundFont rendering, which
    differ because the tunes do.

    \b
    Example:
      audiogen evaluate long --tunes test.jsonl -n 3 --json long.json
    """
    from audiogen.evaluation.long_play import measure_long
    from audiogen.evaluation.material import TunePicker
    from audiogen.generator import Generator

    check_output(json_file)
    picker = TunePicker(tunes, seed or 0, tuple(instrument or ()))
    with progress_bars() as progress:
        result = measure_long(Generator(model, device), picker, count, seconds, jobs, progress)
    sides = []
    for name in ("player", "soundfont"):
        own = {key: value for key, value in result.items() if key.startswith(f"{name}_")}
        sides.append({"": name, **{key.removeprefix(f"{name}_"): value for key, value in own.items()}})
    show_list("Last minute less first", sides)
    cost = ("sets_played", "pitch_floor", "real_time_factor", "cost_of_60_s_over_20_s", "peak_memory_mb")
    show_list("Floor and cost", [{name: result[name] for name in cost}])
    finish(result, json_file)


@app.command()
def transcription(
    tunes: TunesPath = None,
    count: Count = 30,
    seconds: Seconds = 25.0,
    instrument: Instruments = None,
    soundfont: Soundfont = None,
    played: Annotated[
        bool,
        typer.Option("--played", help="Transcribe what our player makes of the tunes, not the SoundFont."),
    ] = False,
    pyin: Annotated[bool, typer.Option(help="Also cut pYIN's pitches into notes, to compare.")] = True,
    model: Model = None,
    device: Device = None,
    seed: Seed = None,
    json_file: JsonFile = None,
) -> None:
    """Transcribe solos: F1 of the notes (50 ms, 50 cents), and how often metre, key and tempo are right.

    The ceiling of F1 is 1, the notes played; the floor has their pitches shuffled.

    \b
    Examples:
      audiogen evaluate transcription --tunes test.jsonl -n 30 --json transcription.json
      audiogen evaluate transcription --tunes test.jsonl -n 10 --played
    """
    from audiogen.evaluation.material import TunePicker
    from audiogen.evaluation.transcription_quality import measure_transcription
    from audiogen.generator import Generator

    check_output(json_file)
    picker = TunePicker(tunes, seed or 0, tuple(instrument or ()))
    with progress_bars() as progress:
        result = measure_transcription(
            Generator(model, device), picker, count, seconds, soundfont=soundfont, played=played, pyin=pyin,
            progress=progress,
        )  # fmt: skip
    notes = (
        "notes",
        "f1_ours",
        "f1_by_player",
        "f1_ceiling",
        "f1_pyin",
        "f1_floor",
        "precision",
        "recall",
        "f1_interval",
    )
    rest = (
        "meter_right",
        "key_right",
        "tonic_right",
        "tempo_right",
        "times_real_time",
        "pyin_times_real_time",
    )
    show(f"Notes heard in the sound of {result['sound']}", result, notes, "by_instrument")
    report("Of the tunes", result, rest, "by_instrument", json_file)
