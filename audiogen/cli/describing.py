"""`audiogen info`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audiogen.cli.codecs import Json
from audiogen.cli.console import print_json, progress_bars, say, warn
from audiogen.cli.making import Duration, Model, Seed

ATTENTION_SECONDS = 15.0


def info(
    attention: Annotated[
        str | None,
        typer.Option(metavar="PROMPT", help="Make a clip and draw what the player attends to, bar by bar."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="DIR", help="For the pictures of --attention.")
    ] = None,
    duration: Duration = None,
    seed: Seed = None,
    model: Model = None,
    as_json: Json = False,
) -> None:
    """Say what is installed: versions, shipped weights, extras, and what instruments and kinds are known.

    With --attention a clip of 15 s (or --duration, up to 35) is made, and DIR gets it as clip.wav, one picture a layer
    of the player, with a panel a head, and the numbers as attention.json.

    \b
    Example:
      audiogen info --attention "a jig in G on the fiddle" --seed 1 -o maps/
    """
    if attention is not None:
        _draw(attention, output, duration, seed, model, as_json)
        return
    if any(value is not None for value in (output, duration, seed, model)):
        raise ValueError("-o, --duration, --seed and --model belong to --attention PROMPT")
    from audiogen.info import gather

    facts = gather()
    if as_json:
        print_json(facts)
        return
    for name, value in facts.items():
        if isinstance(value, dict):
            print(f"{name}:")
            for key, entry in value.items():
                print(f"  {key}: {entry}")
        else:
            print(f"{name}: {', '.join(value) if isinstance(value, (list, tuple)) else value}")


def _draw(
    prompt: str,
    output: Path | None,
    duration: float | None,
    seed: int | None,
    model: str | None,
    as_json: bool,
) -> None:
    from audiogen.attention_maps import MAX_SECONDS, bar_attention, draw_attention
    from audiogen.generator import Generator
    from audiogen.options import Options, ask

    if output is None:
        raise ValueError("--attention needs -o DIR for its pictures")
    if output.exists() and not output.is_dir():
        raise ValueError(f"{output}: is a file; the pictures need a folder")
    seconds = ATTENTION_SECONDS if duration is None else duration
    if seconds > MAX_SECONDS - 5:
        raise ValueError(f"duration {seconds:g} s: attention is drawn of at most {MAX_SECONDS - 5:g} s")
    options = Options(duration=seconds, seed=seed)
    ask(prompt, options)
    generator = Generator(model)
    with progress_bars() as progress:
        clip = generator.make(prompt, options, progress=progress)
    found = bar_attention(generator.player, clip)
    paths = draw_attention(output, found, clip.title)
    clip.save(output / "clip.wav")
    warn(clip.warnings)
    files = [str(path) for path in (*paths, output / "clip.wav")]
    if as_json:
        print_json({"outputs": files, "seed": clip.seed, "bars": len(found.bars)})
    else:
        say(f"{output}: {len(paths) - 1} layers over {len(found.bars)} bars, seed {clip.seed}")
