"""`audiogen evaluate tunes`: what the composer writes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audiogen.cli.console import progress_bars, warn
from audiogen.cli.figures import (
    Jobs,
    JsonFile,
    check_output,
    report,
)
from audiogen.cli.making import Device, Model, Seed


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

    check_output(json_file)
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
    report("Tunes that are well formed", measured.figures, columns, "by_kind", json_file)
