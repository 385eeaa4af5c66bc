"""`audiogen sonify`: a language model's tune as sound."""

from __future__ import annotations

from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audiogen.cli.codecs import Json
from audiogen.cli.console import print_json, progress_bars, say, warn
from audiogen.cli.making import Accompaniment, Device, Duration, Instrument, Model, Seed, Tempo

if TYPE_CHECKING:
    from audiogen.sonify.sonifier import Manner, Sonification


class SonifyRoute(StrEnum):
    """How the tune is played."""

    soundfont = "soundfont"
    tune = "tune"
    both = "both"


class Notation(StrEnum):
    """What the model is asked to write in."""

    abc = "abc"
    json = "json"


EXCHANGE_ENDING = ".exchange.json"


def sonify(
    prompt: Annotated[
        str | None, typer.Argument(metavar="PROMPT", help="What to write, in any words and language.")
    ] = None,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", metavar="OUT", help=".wav, .flac, .ogg or .mp3.")
    ] = None,
    llm: Annotated[
        str | None, typer.Option(metavar="MODEL", help="Ask this model, by the name its server has for it.")
    ] = None,
    base_url: Annotated[
        str | None,
        typer.Option(metavar="URL", help="OpenAI-compatible server, with /v1; without it OPENAI_BASE_URL."),
    ] = None,
    reply: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Take this reply, or replay this exchange, and ask nobody."),
    ] = None,
    route: Annotated[
        SonifyRoute | None,
        typer.Option(help="soundfont (default): sampled instruments; tune: our own player; or both."),
    ] = None,
    notation: Annotated[Notation, typer.Option(help="What to ask for: ABC or JSON notes.")] = Notation.abc,
    examples: Annotated[int, typer.Option(metavar="N", help="Examples to show the model, 0 to 2.")] = 0,
    repairs: Annotated[int, typer.Option(metavar="N", help="Rounds in which faults are sent back.")] = 2,
    temperature: Annotated[float, typer.Option(metavar="T", help="The model's, 0 to 2.")] = 0.7,
    max_tokens: Annotated[int, typer.Option(metavar="N", help="Longest answer in tokens.")] = 4000,
    timeout: Annotated[float, typer.Option(metavar="S", help="Longest wait for one whole answer.")] = 300.0,
    retries: Annotated[int, typer.Option(metavar="N", help="More tries after faults that may pass.")] = 2,
    diagnose: Annotated[
        bool, typer.Option("--diagnose", help="List the tune's shortcomings; without -o nothing is played.")
    ] = False,
    tunes: Annotated[
        Path | None,
        typer.Option(metavar="CORPUS", help="With --diagnose: tunes that it should not have copied."),
    ] = None,
    instrument: Instrument = None,
    accompaniment: Accompaniment = None,
    tempo: Tempo = None,
    duration: Duration = None,
    seed: Seed = None,
    model: Model = None,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Ask a language model for a tune and play it.

    The model's answer may be ABC or JSON notes, in a fence or among prose. A fault is sent back for repair; what is
    still wrong then is mended, and every mending is listed. Chords without a melody are played as chords; prose alone
    is refused. With -o OUT.wav there come OUT.wav, OUT.abc (the tunes as read) and OUT.exchange.json (all that was
    asked and answered); --reply OUT.exchange.json makes the same bytes again without the model. With --route both the
    sounds are OUT-soundfont.wav and OUT-tune.wav.

    The key of a server that wants one is taken from AUDIOGEN_LLM_KEY, else OPENAI_API_KEY, and is never stored.

    \b
    Examples:
      audiogen sonify "a sad waltz in E minor" --llm gpt-4o-mini -o waltz.wav
      audiogen sonify "a reel in A dorian" --llm llama3.2 --base-url http://localhost:11434/v1 --route both -o reel.wav
      audiogen sonify "a jig in D" --reply answer.txt --diagnose
      audiogen sonify --reply reel.exchange.json -o again.wav
    """
    from audiogen.generator import Generator
    from audiogen.originality import index_corpus
    from audiogen.seeds import new_seed
    from audiogen.sonify.chat import ChatLimits, ChatServer
    from audiogen.sonify.conversation import Question, converse
    from audiogen.sonify.sonifier import Manner, exchange_of_file, facts_of, wanted_of
    from audiogen.sonify.sonifier import sonify as play
    from codec.audio_files import check_writable

    _check_usage(prompt, output, llm, reply, base_url, diagnose, tunes)
    wishes = (route.value if route else None, instrument, accompaniment, tempo, duration)
    if reply is not None:
        exchange = exchange_of_file(reply, prompt)
        kept = Manner.from_json(exchange.performance, str(reply))
        manner = _changed(kept, wishes, seed)
    else:
        manner = _changed(Manner(), wishes, new_seed() if seed is None else seed)
    if output is not None:
        for path in route_files(output, manner.routes).values():
            check_writable(path)
    with progress_bars() as progress:
        if reply is None:
            assert prompt is not None  # of _check_usage
            assert llm is not None
            limits = ChatLimits(timeout_seconds=timeout, idle_seconds=min(timeout, 60.0), retries=retries)
            question = Question(llm, notation.value, examples, repairs, temperature, max_tokens, manner.seed)
            with ChatServer(base_url, limits) as server:
                exchange = converse(server, prompt, question, wanted_of(prompt)[0], progress)
        corpus = None if tunes is None else index_corpus(tunes, progress).index
        player = None if output is None else Generator(model, device)
        try:
            found = play(exchange, manner, player, corpus=corpus, progress=progress)
        except ValueError:
            if output is not None and reply is None:
                exchange.save(beside(output, EXCHANGE_ENDING))
                say(f"what was asked and answered is in {beside(output, EXCHANGE_ENDING)}")
            raise
    warn(found.warnings)
    paths = {} if output is None else _write(found, output)
    if as_json:
        print_json({**facts_of(found), **paths})
    else:
        _tell(found, paths, diagnose)


def _check_usage(
    prompt: str | None,
    output: Path | None,
    llm: str | None,
    reply: Path | None,
    base_url: str | None,
    diagnose: bool,
    tunes: Path | None,
) -> None:
    """Refuse what contradicts itself before anything is loaded or asked."""
    if (llm is None) == (reply is None):
        raise ValueError("give either --llm MODEL, to ask a language model, or --reply FILE, a saved answer")
    if llm is not None and not (prompt or "").strip():
        raise ValueError('nothing to ask for: give a PROMPT such as "a lively jig in D"')
    if reply is not None and base_url is not None:
        raise ValueError("--base-url goes with --llm; --reply asks nobody")
    if output is None and not diagnose:
        raise ValueError("give -o OUT.wav to hear the tune, or --diagnose to read what is wrong with it")
    if tunes is not None and not diagnose:
        raise ValueError("--tunes goes with --diagnose")


def _changed(manner: Manner, wishes: tuple[object, ...], seed: int | None) -> Manner:
    """The manner with whatever was said on the command line."""
    names = ("route", "instrument", "accompaniment", "tempo_bpm", "duration")
    said = {name: value for name, value in zip(names, wishes, strict=True) if value is not None}
    return replace(manner, **said, **({} if seed is None else {"seed": seed}))


def beside(output: Path, ending: str) -> Path:
    """A file beside the output: OUT.wav and ".abc" give OUT.abc."""
    return output.with_name(output.stem + ending)


def route_files(output: Path, routes: tuple[str, ...]) -> dict[str, Path]:
    """The sound file of each route: OUT.wav for one, OUT-soundfont.wav and OUT-tune.wav for both."""
    if len(routes) == 1:
        return {routes[0]: output}
    return {route: output.with_name(f"{output.stem}-{route}{output.suffix}") for route in routes}


def _write(found: Sonification, output: Path) -> dict[str, object]:
    """Write sounds, tunes and exchange; the paths for `--json`."""
    from audiogen.tune_files import join_abc
    from codec.audio_files import write_audio, write_bytes

    files = route_files(output, tuple(found.clips))
    for route, path in files.items():
        write_audio(path, found.waveform(route), found.clips[route][0].metadata())
    notation, kept = beside(output, ".abc"), beside(output, EXCHANGE_ENDING)
    write_bytes(notation, join_abc(found.reading.tunes).encode())
    found.exchange.save(kept)
    return {
        "output": str(next(iter(files.values()))),
        "outputs": {route: str(path) for route, path in files.items()},
        "seconds": {route: round(found.waveform(route).seconds, 3) for route in files},
        "abc": str(notation),
        "exchange": str(kept),
    }


def _tell(found: Sonification, paths: dict[str, object], diagnosed: bool) -> None:
    """Say on stderr what came of it, and on stdout what is wrong with the tunes."""
    for turn in found.exchange.rounds:
        if turn.fault and turn.asked:
            say(f"sent back: {turn.fault}")
    for mending in found.reading.mendings:
        say(f"mended: {mending}")
    for remark in found.reading.remarks:
        say(f"note: {remark}")
    for clip in next(iter(found.clips.values()), ()):
        warn(clip.warnings)
    if diagnosed:
        for tune, items in zip(found.reading.tunes, found.shortcomings, strict=True):
            print(f"{tune.header.title}: {len(items) or 'no'} shortcoming{'s' * (len(items) != 1)}")
            for item in items:
                print(f"  {item}")
    for path in (paths.get("outputs") or {}).values():  # type: ignore[union-attr]
        say(str(path))
