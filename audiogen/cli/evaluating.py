"""`audiogen evaluate`: every figure with its ceiling and floor, as a table on stderr and as JSON in a file."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer

from audiogen.cli.console import progress_bars, warn
from audiogen.cli.making import Device, Model, Seed

app = typer.Typer(
    help="Measure codec, player and composer, with ceilings and floors.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

JsonFile = Annotated[Path | None, typer.Option("--json", metavar="OUT.json", help="Write all figures here.")]
TunesPath = Annotated[
    Path | None,
    typer.Option(
        "--tunes",
        metavar="PATH",
        help="Unseen tunes: .jsonl, .abc, a folder; else music21's held-out ones.",
    ),
]
Count = Annotated[int, typer.Option("-n", "--count", min=1, metavar="COUNT", help="How many tunes.")]
Seconds = Annotated[float, typer.Option(min=2.0, max=600.0, metavar="S", help="Length taken of each.")]
Instruments = Annotated[
    list[str] | None,
    typer.Option("--instrument", metavar="I", help="Lead; again for more, taken in turn; else all leads."),
]
Soundfont = Annotated[str | None, typer.Option(metavar="FONT", help="File or name; else the best installed.")]
Jobs = Annotated[int, typer.Option(min=1, metavar="N", help="Processes for what takes longest.")]
Pictures = Annotated[Path | None, typer.Option(metavar="DIR", help="Draw the first tunes as PNG files here.")]


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

    _check_output(json_file)
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
    _show(f"Notes right in the way called {target['measure']}", {"by_group": groups}, columns, "by_group")
    title = f"All {result['notes']} notes, besides {result['chord_notes_left_out']} of chords"
    _report(
        title, result, ("right_before", "kept", "kept_of_fast", "untouched", "floor"), "measures", json_file
    )
    _show_list("Target", [target])


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

    _check_output(json_file)
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
    _show("Pitch of notes", result, pitch, "by_instrument")
    _show("Log-mel distance to the rendering", result, sound, "by_instrument")
    _show("Lag", result, time, "by_instrument")
    heard = tuple(
        f"{what}_f1{end}" for what in ("note", "onset") for end in ("", "_ceiling", "_floor", "_of_ceiling")
    )
    _show("Notes and onsets that the transcriber hears", result, heard, "by_instrument")
    recovered = tuple(
        f"{what}_recovered{end}" for what in ("tempo", "key", "instrument") for end in ("", "_ceiling")
    )
    _show("Attributes heard in the sound", result, recovered, "by_instrument")
    _report("Chroma agreement with the score", result, chroma, "by_instrument", json_file)


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

    _check_output(json_file)
    picker = TunePicker(tunes, seed or 0, tuple(instrument or ()))
    with progress_bars() as progress:
        result = measure_long(Generator(model, device), picker, count, seconds, jobs, progress)
    sides = []
    for name in ("player", "soundfont"):
        own = {key: value for key, value in result.items() if key.startswith(f"{name}_")}
        sides.append({"": name, **{key.removeprefix(f"{name}_"): value for key, value in own.items()}})
    _show_list("Last minute less first", sides)
    cost = ("sets_played", "pitch_floor", "real_time_factor", "cost_of_60_s_over_20_s", "peak_memory_mb")
    _show_list("Floor and cost", [{name: result[name] for name in cost}])
    _finish(result, json_file)


@app.command()
def codec(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[PATH...]",
            help="Sound files, or folders of them, grouped by sub-folder; else renderings.",
        ),
    ] = None,
    tunes: TunesPath = None,
    count: Annotated[
        int,
        typer.Option(
            "-n", "--count", min=1, metavar="COUNT", help="Clips of each font; about so many of each group."
        ),
    ] = 12,
    seconds: Seconds = 10.0,
    instrument: Instruments = None,
    soundfont: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FONT", help="Again for more; else the best installed and TimGM6mb, which is unseen."
        ),
    ] = None,
    codebooks: Annotated[
        list[int] | None,
        typer.Option(min=1, metavar="K", help="Of our codec; again for more; else every number of them."),
    ] = None,
    bitrate: Annotated[
        list[float] | None,
        typer.Option(
            metavar="KBPS", help="That files of our codec stay within; again for more; else 3, 1.5."
        ),
    ] = None,
    other: Annotated[
        list[str] | None,
        typer.Option("--codec", metavar="NAME|DIR", help="Another codec beside it; again for more."),
    ] = None,
    opus: Annotated[
        list[float] | None,
        typer.Option(min=6.0, max=256.0, metavar="KBPS", help="Opus beside it; else 6, 8, 12, 16, 24, 32."),
    ] = None,
    rate: Annotated[
        int | None,
        typer.Option(
            min=8000,
            max=96000,
            metavar="HZ",
            help="Rate at which sounds are compared; else that of our codec.",
        ),
    ] = None,
    visqol: Annotated[bool, typer.Option(help="Score with ViSQOL too; 2 s for each clip and coder.")] = True,
    pictures: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Draw spectrograms and quality against bitrate here.")
    ] = None,
    model: Model = None,
    device: Device = None,
    seed: Seed = None,
    jobs: Jobs = 1,
    json_file: JsonFile = None,
) -> None:
    """Compare the codec's sound with the original, beside Opus and other codecs, with all codebooks and fewer.

    Sounds have as many channels as the codec; those of two are compared as their middle and their side.

    \b
    Examples:
      audiogen evaluate codec --tunes test.jsonl --jobs 2 --json codec.json
      audiogen evaluate codec recordings/ --codec encodec_24khz --pictures pictures/
      audiogen evaluate codec recordings/ --no-visqol
    """
    from audiogen.evaluation.clips import recorded_clips, rendered_clips, sound_files
    from audiogen.evaluation.codec_quality import QualitySettings, measure_codec
    from audiogen.evaluation.coders import OPUS_KBPS, OUR_KBPS, short_names
    from audiogen.evaluation.evaluate import UNSEEN_FONT
    from audiogen.evaluation.material import TunePicker
    from codec import load

    _check_output(json_file)
    network = load(model, device or "cpu")
    settings = QualitySettings(
        codebooks=tuple(codebooks or ()),
        our_kbps=tuple(bitrate or OUR_KBPS),
        others={short: load(name, device or "cpu") for short, name in short_names(other or ()).items()},
        opus_kbps=tuple(opus or OPUS_KBPS),
        visqol=visqol,
        workers=jobs,
        pictures=pictures,
    )
    hertz, channels = rate or network.spec.sample_rate, network.spec.channels
    picker = TunePicker(tunes, seed or 0, tuple(instrument or ()))
    fonts = (soundfont or [None, UNSEEN_FONT]) if tunes is not None or not paths else []
    groups = sound_files(paths) if paths else {}
    total = count * len(fonts) + sum(max(count, len(files)) for files in groups.values())
    clips = chain(
        rendered_clips(picker, fonts, count, seconds, hertz, channels),
        recorded_clips(groups, count, seconds, hertz, picker.rejected, channels),
    )
    with progress_bars() as progress:
        result: dict[str, Any] = measure_codec(
            network, clips, total=total, settings=settings, progress=progress
        )
    result["rejected"] = picker.rejected
    columns = ("kbps", "log_mel", *(("side_log_mel",) if channels == 2 else ()), "stft", "dac_mel", "dac_stft",
               "si_sdr_db", "visqol", "encode_times_real_time", "decode_times_real_time")  # fmt: skip
    for group, part in result["by_group"].items():
        _show(_group_title(group, result["groups"][group]), {"by_coder": part}, columns, "by_coder")
    _report("All clips", result, columns, "by_coder", json_file)
    _show_list("Better than Opus, at fewer bits?", result["targets"])


def _group_title(name: str, facts: dict[str, Any]) -> str:
    title = f"{name}: {facts['clips']} {facts['kind']}s, {facts['seconds']:.0f} s"
    lossy = facts["lossy_source_clips"]
    return f"{title}; {lossy} from files that were already coded with losses" if lossy else title


@app.command("tunes")
def composed_tunes(
    tunes: Annotated[
        Path | None,
        typer.Option(
            "--tunes", metavar="PATH", help="Real tunes that the composer has not seen, to compare with."
        ),
    ] = None,
    against: Annotated[
        Path | None,
        typer.Option(
            metavar="CORPUS", help="The training tunes or an index of them; else that of the weights."
        ),
    ] = None,
    count: Annotated[
        int, typer.Option("-n", "--count", min=1, metavar="COUNT", help="How many tunes.")
    ] = 500,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="OUT.abc", help="Leave the tunes here.")
    ] = None,
    pictures: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Draw the distances, and the first tunes as piano rolls and sheet music."
        ),
    ] = None,
    model: Model = None,
    device: Device = None,
    seed: Seed = None,
    jobs: Jobs = 1,
    json_file: JsonFile = None,
) -> None:
    """Compose tunes: are they well formed, as asked, like real tunes on either side, and not copied?

    With --tunes the same kinds, metres and keys are composed, and every distance stands beside that of real tunes from
    real tunes. Without, all kinds and keys are.

    \b
    Examples:
      audiogen evaluate tunes -n 1000 --tunes test.jsonl --jobs 2 --pictures pictures/ --json tunes.json
      audiogen evaluate tunes -n 500
    """
    from audiogen.evaluation.material import TunePicker
    from audiogen.evaluation.tune_checks import find_abc2midi
    from audiogen.evaluation.tune_quality import TuneSettings, measure_tunes
    from audiogen.evaluation.tune_set_pictures import check_drawing, draw_set
    from audiogen.evaluation.tune_tables import show_tunes
    from audiogen.generator import Generator
    from audiogen.originality import training_index

    _check_output(json_file)
    find_abc2midi()
    if pictures is not None:
        check_drawing()
    composer = Generator(model, device).composer
    picker = None if tunes is None else TunePicker(tunes, seed or 0)
    with progress_bars() as progress:
        index = training_index(model, against, progress).index
        settings = TuneSettings(count=count, seed=seed or 0, index=index, output=output, workers=jobs)
        measured = measure_tunes(composer, picker, settings, progress)
    if pictures is not None:
        draw_set(pictures, measured)
    show_tunes(measured.figures)
    warn([f"refused: {reason}" for reason in measured.figures["refused"]])
    columns = ("asked_for", "composed", "sound_share", "abc2midi_share", "strict_share", "real_sound_share",
               "seconds_a_tune")  # fmt: skip
    _report("Tunes that are well formed", measured.figures, columns, "by_kind", json_file)


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

    _check_output(json_file)
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
    _show(f"Notes heard in the sound of {result['sound']}", result, notes, "by_instrument")
    _report("Of the tunes", result, rest, "by_instrument", json_file)


def _check_output(path: Path | None) -> None:
    if path is not None:
        from codec.audio_files import check_writable

        check_writable(path, audio=False)


def _report(
    title: str, result: dict[str, Any], columns: tuple[str, ...], group: str, json_file: Path | None
) -> None:
    _show(title, result, columns, group)
    _finish(result, json_file)


def _finish(result: dict[str, Any], json_file: Path | None) -> None:
    """Say what was left out, and write everything."""
    from audiogen.evaluation.tables import write_json

    warn(
        [
            f"left out {item.get('tune') or item.get('file')}: {item['reason']}"
            for item in result.get("rejected", ())
        ]
    )
    if json_file is not None:
        write_json(json_file, result)


def _show_list(title: str, items: list[dict[str, Any]]) -> None:
    from audiogen.evaluation.tables import show_table

    heads = list(items[0]) if items else []
    show_table(title, [head.replace("_", " ") for head in heads], [list(item.values()) for item in items])


def _show(title: str, result: dict[str, Any], columns: tuple[str, ...], group: str) -> None:
    from audiogen.evaluation.tables import show_table, summary_rows

    heads = [group.removeprefix("by_"), *(column.replace("_", " ") for column in columns)]
    show_table(title, heads, summary_rows(result, columns, group))
