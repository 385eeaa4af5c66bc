"""`audiogen evaluate codec`: our codec beside others, Opus and nothing."""

from __future__ import annotations

from itertools import chain
from pathlib import Path
from typing import Annotated, Any

import typer

from audiogen.cli.console import progress_bars
from audiogen.cli.figures import (
    Instruments,
    Jobs,
    JsonFile,
    Seconds,
    TunesPath,
    check_output,
    report,
    show,
    show_list,
)
from audiogen.cli.making import Device, Model, Seed


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

    check_output(json_file)
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
        show(_group_title(group, result["groups"][group]), {"by_coder": part}, columns, "by_coder")
    report("All clips", result, columns, "by_coder", json_file)
    show_list("Better than Opus, at fewer bits?", result["targets"])


def _group_title(name: str, facts: dict[str, Any]) -> str:
    title = f"{name}: {facts['clips']} {facts['kind']}s, {facts['seconds']:.0f} s"
    lossy = facts["lossy_source_clips"]
    return f"{title}; {lossy} from files that were already coded with losses" if lossy else title
