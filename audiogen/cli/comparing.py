"""`audiogen compare`: the same prompts by every route, in one report."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from audiogen.cli.codecs import Json
from audiogen.cli.console import print_json, progress_bars, say
from audiogen.cli.making import Device, Model


def compare(
    prompts: Annotated[
        list[str] | None, typer.Argument(metavar="PROMPT...", help="What to play, one or more.")
    ] = None,
    *,
    output: Annotated[
        Path, typer.Option("-o", "--output", metavar="DIR", help="Folder for the report and all files.")
    ],
    routes: Annotated[
        str | None,
        typer.Option(
            metavar="R,R,...",
            help="Of free, tune, soundfont, llm-soundfont, llm-tune; without it all that can be made.",
        ),
    ] = None,
    llm: Annotated[str | None, typer.Option(metavar="MODEL", help="Ask this language model.")] = None,
    base_url: Annotated[
        str | None, typer.Option(metavar="URL", help="Its OpenAI-compatible server, with /v1.")
    ] = None,
    reply: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="Saved replies: one for each prompt, or a .jsonl of prompt and reply."
        ),
    ] = None,
    reference: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE", help="A recording or tune to compare with: one, or one for each prompt."
        ),
    ] = None,
    sounds: Annotated[
        list[Path] | None,
        typer.Option(metavar="FOLDER", help="Another model's WAV files: 01*.wav for the first prompt ..."),
    ] = None,
    duration: Annotated[float, typer.Option(metavar="S", help="Length of every sound in seconds.")] = 20.0,
    seed: Annotated[int, typer.Option(metavar="N", help="Of the first prompt; the next has N+1 ...")] = 0,
    tunes: Annotated[
        Path | None, typer.Option(metavar="CORPUS", help="Tunes against which originality is measured.")
    ] = None,
    listen: Annotated[
        bool, typer.Option("--listen", help="Write a blind listening test, listening.html, too.")
    ] = False,
    tally: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="ANSWERS", help="Count the answers to the listening test in DIR; nothing is played."
        ),
    ] = None,
    embedding: Annotated[
        str,
        typer.Option(
            metavar="NAME|DIR",
            help="Of KAD and FAD: codec (ours), or a folder of an EnCodec, a CLAP or a VGGish.",
        ),
    ] = "codec",
    model: Model = None,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Play the same prompts by every route, measure, and write one report.

    The folder gets report.html (opens without a network: players, spectrograms, chromagrams with the score, piano
    rolls, sheet music, figures with intervals), comparison.json and figures.csv with the same figures, and every
    sound as WAV. A run that was broken off goes on where it stopped; what has not changed is not made again.

    --listen writes listening.html, a blind test of pairs in random order at equal loudness, in which listeners save
    their answers as files; --tally counts these. listening-key.json says which sound was which: do not send it along.

    \b
    Examples:
      audiogen compare "a lively jig in D" "a slow air in E minor" -o report
      audiogen compare "a reel in A dorian" --llm llama3.2 --base-url http://localhost:11434/v1 -o report
      audiogen compare "a waltz in G" --reply answer.txt --reference waltz.abc --sounds musicgen/ -o report
      audiogen compare "a jig in D" "an air in G" --routes free,tune --listen -o report
      audiogen compare -o report --tally answers-1.json --tally answers-2.json
    """
    if tally:
        if prompts:
            raise ValueError("--tally counts answers and plays nothing: leave the PROMPTs out")
        _tally(output, tally, as_json)
        return
    if not prompts:
        raise ValueError('nothing to play: give PROMPTs such as "a lively jig in D"')
    from audiogen.comparison.cells import Shelf
    from audiogen.comparison.comparison import check_folder
    from audiogen.comparison.comparison import compare as run
    from audiogen.comparison.listening import write_listening_test
    from audiogen.comparison.plan import LanguageModel, Plan, usual_routes
    from audiogen.evaluation.pictures import new_figure
    from audiogen.generator import Generator
    from audiogen.originality import index_corpus
    from audiogen.sonify.conversation import Question

    if llm is not None and reply:
        raise ValueError("give either --llm MODEL, to ask a language model, or --reply FILE, saved answers")
    source = None
    if llm is not None:
        source = LanguageModel(Question(llm), base_url)
    elif reply:
        source = LanguageModel(replies=tuple(reply))
    chosen = usual_routes(source)
    if routes is not None:
        chosen = tuple(dict.fromkeys(part.strip() for part in routes.split(",") if part.strip()))
    plan = Plan(tuple(prompts), chosen, duration, seed, source, tuple(reference or ()), tuple(sounds or ()))
    _check_files([*plan.references, *(source.replies if source else ())])
    check_folder(output)
    new_figure(1, 1)  # says at once where matplotlib is missing
    with progress_bars() as progress:
        corpus = None if tunes is None else index_corpus(tunes, progress).index
        found = run(
            plan, output, Generator(model, device), corpus=corpus, embedding=embedding, progress=progress
        )
        page = write_listening_test(plan, Shelf(output), found.cells) if listen else None
    if as_json:
        print_json(
            {
                "output": str(found.report),
                "listening": None if page is None else str(page),
                "cells": len(found.cells),
                "resumed": found.resumed,
                "errors": found.errors,
                "summary": found.summary.to_json(),
            }
        )
    for line in found.errors:
        say(f"rejected: {line}")
    say(f"{found.report}: {len(found.cells)} cells, {found.resumed} of them from before")
    if found.errors:
        raise typer.Exit(2)


def _tally(folder: Path, answers: list[Path], as_json: bool) -> None:
    """Print who was preferred to whom."""
    from dataclasses import asdict

    from audiogen.comparison.listening import KEY, tally
    from audiogen.evaluation.tables import print_table

    _check_files([folder / KEY, *answers])
    found = tally(folder / KEY, answers)
    if as_json:
        print_json([asdict(item) for item in found])
        return
    rows = [(f"{i.route} over {i.other}", i.wins, i.losses, i.neither, f"{i.p:.4f}") for i in found]
    print_table(f"{len(answers)} listeners", ("preferred", "wins", "losses", "neither", "p"), rows)


def _check_files(files: list[Path]) -> None:
    for file in files:
        if not file.is_file():
            raise ValueError(f"{file}: {'is a folder' if file.is_dir() else 'no such file'}")
