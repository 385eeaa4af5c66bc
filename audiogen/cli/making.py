"""`audiogen generate`, `compose` and `perform`: the commands that make music."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from audiogen.cli.codecs import PIPE, Json
from audiogen.cli.console import print_json, progress_bars, refuse_terminal, say, warn
from audiogen.cli.originals import Against, RefuseCopies, Report, originals_of

if TYPE_CHECKING:
    from audiogen.clip import Clip
    from audiogen.options import Options
    from audiogen.progress import Progress
    from audiogen.sounds import Sounds
    from symbolic_bridge.attributes import TuneAttributes
    from symbolic_bridge.tune import Tune


class Route(StrEnum):
    """How the sound is made."""

    tune = "tune"
    free = "free"
    soundfont = "soundfont"


class PerformRoute(StrEnum):
    """How the sound of a given tune is made."""

    tune = "tune"
    soundfont = "soundfont"


Prompts = Annotated[
    list[str] | None, typer.Argument(metavar="[PROMPT]...", help="What to play, in English; one or several.")
]
Count = Annotated[int, typer.Option("-n", metavar="COUNT", help="How many; with seeds N, N+1, ...")]
Duration = Annotated[
    float | None, typer.Option(metavar="S", help="Length in seconds; without it the tune once.")
]
Seed = Annotated[int | None, typer.Option(metavar="N", help="The same seed gives the same bytes.")]
Tempo = Annotated[float | None, typer.Option(metavar="BPM", help="Felt beats a minute.")]
KeyName = Annotated[str | None, typer.Option("--key", metavar="K", help='Such as D, Em, "A dorian".')]
Instrument = Annotated[str | None, typer.Option(metavar="I", help="Lead; `audiogen info` lists them.")]
Accompaniment = Annotated[str | None, typer.Option(metavar="A", help="none, guitar, piano, harp or auto.")]
Keep = Annotated[Path | None, typer.Option(metavar="DIR", help="Leave every step of the path in DIR.")]
Model = Annotated[
    str | None,
    typer.Option(metavar="NAME_OR_DIR", help="Weights, or a MusicGen; without it the shipped ones."),
]
Device = Annotated[str | None, typer.Option(metavar="D", help="cpu, cuda, mps; without it the CPU.")]


def generate(
    prompts: Prompts = None,
    output: Annotated[
        Path,
        typer.Option("-o", "--output", metavar="OUT", help=".wav, .flac, .ogg or .mp3; - for WAV on stdout."),
    ] = Path("audiogen.wav"),
    count: Count = 1,
    tune: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Play this tune (.abc, .mid) instead of a new one.")
    ] = None,
    melody_from: Annotated[
        Path | None,
        typer.Option(metavar="SOUND", help="Play the melody of this recording; see `audiogen transcribe`."),
    ] = None,
    go_on: Annotated[
        Path | None,
        typer.Option("--continue", metavar="SOUND", help="Go on from this recording; OUT begins with it."),
    ] = None,
    style_from: Annotated[
        Path | None, typer.Option(metavar="SOUND", help="Sound like this recording: 3 s of it are heard.")
    ] = None,
    chords: Annotated[
        str | None, typer.Option(metavar='"G|C D|..."', help="Chords bar by bar, over and over to the end.")
    ] = None,
    route: Annotated[
        Route | None,
        typer.Option(
            help="tune (default): compose, then play; free: the player makes up what it plays; soundfont: sampled."
        ),
    ] = None,
    guidance: Annotated[
        str | None,
        typer.Option(
            metavar="W|score=W,...",
            help="How far the player is pushed by all it is told, or by score, attributes, text and excerpt.",
        ),
    ] = None,
    duration: Duration = None,
    seed: Seed = None,
    tempo: Tempo = None,
    key: KeyName = None,
    instrument: Instrument = None,
    accompaniment: Accompaniment = None,
    from_folder: Annotated[
        Path | None,
        typer.Option(
            "--from", metavar="DIR", help="Start again from what was edited last in a --keep folder."
        ),
    ] = None,
    keep: Keep = None,
    model: Model = None,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Make a tune from words and play it.

    What the prompt leaves open comes from the tune file, then from the kind of tune. An existing
    output is replaced. With -n or several prompts the files are OUT-01.wav, OUT-02.wav, ... With
    -o - the sound comes while it is played, at a fixed gain instead of the loudness of files.

    \b
    Examples:
      audiogen generate "a lively jig in D major on the fiddle" -o jig.wav
      audiogen generate "a sad waltz with harp" -n 4 --seed 1 -o waltz.mp3
      audiogen generate "on the whistle" --tune kesh.abc -o kesh.wav
      audiogen generate "on the flute" --melody-from hummed.mp3 -o flute.wav
      audiogen generate --continue session.wav --duration 30 -o more.wav
      audiogen generate "a reel in G" --style-from fiddler.wav --chords "G|C D" -o reel.wav
      audiogen generate "an air" --keep air/ -o air.wav; $EDITOR air/tune.abc
      audiogen generate --from air/ -o air2.wav
      audiogen generate "a reel" -o - | aplay
      audiogen generate "lo-fi beats to study to" --model facebook/musicgen-small -o beats.wav
    """
    import audiogen
    from audiogen.generator import Generator
    from audiogen.guidance import parse_guidance
    from audiogen.kept import kept_seed
    from audiogen.musicgen import is_musicgen
    from audiogen.options import Options, check_prompts, check_wishes
    from audiogen.playing import GUIDANCE
    from audiogen.seeds import new_seed
    from audiogen.sounds import Sounds, read_sound
    from audiogen.tune_files import read_one_tune
    from codec.audio_files import check_writable

    if tune is not None and melody_from is not None:
        raise ValueError("--tune and --melody-from: only one of them can be given")
    inputs = {"--tune": tune, "--melody-from": melody_from, "--continue": go_on, "--style-from": style_from}
    beside = [name for name, value in inputs.items() if value is not None]
    if not prompts and not beside and from_folder is None:
        raise ValueError('nothing to play: give a PROMPT such as "a lively jig", --tune FILE or --from DIR')
    if from_folder is not None and (prompts or beside or chords is not None):
        raise ValueError(
            "--from DIR goes on from that folder: it takes no PROMPT, --chords, --tune, --melody-from, --continue or "
            "--style-from"
        )
    asked: list[str | None] = [prompt for prompt in prompts or [None] for _ in range(count)]
    check_wishes(duration, tempo, seed, len(asked))
    options = Options(
        duration, seed, route.value if route else None, tempo, key, instrument, accompaniment, chords,
        None if guidance is None else parse_guidance(guidance, GUIDANCE),
    )  # fmt: skip
    if is_musicgen(model):
        from audiogen.musicgen.generator import check_wanted

        check_wanted(options, other_inputs=bool(beside) or from_folder is not None)
    else:
        # Asked here too, so that a prompt with nothing in it is refused before any weights are loaded.
        check_prompts(asked, options)
    given = None
    if tune is not None:
        given, notes = read_one_tune(tune)
        warn(notes)
    if melody_from is not None:
        from audiogen.transcription.recordings import transcribe_file

        given = transcribe_file(melody_from).as_played
    sounds = Sounds(
        before=None if go_on is None else read_sound(go_on),
        excerpt=None if style_from is None else read_sound(style_from),
    )
    if str(output) == PIPE:
        alone = {
            "-n or second PROMPT": len(asked) > 1,
            "--keep": keep,
            "--from": from_folder,
            "--json": as_json,
        }
        names = [name for name, value in alone.items() if value]
        _stream(asked[0], options, given, sounds, names, model, device)
        return
    many = len(asked) > 1
    folders = kept_folders(keep, [f"{number:02d}" for number in range(1, len(asked) + 1)] if many else [""])
    outputs = numbered(output, len(asked))
    for path in outputs:
        check_writable(path)
    if seed is None:
        options = replace(options, seed=new_seed() if from_folder is None else kept_seed(from_folder))
    reports: list[dict[str, object]] = []
    player = audiogen.load(model or "shipped", device)

    def clips(progress: Progress) -> Iterator[Clip]:
        assert options.seed is not None
        if isinstance(player, Generator) and from_folder is None:
            yield from player.make_all(asked, options, tune=given, sounds=sounds, progress=progress)
            return
        for number, prompt in enumerate(asked):
            each = replace(options, seed=options.seed + number)
            if not isinstance(player, Generator):
                yield player.make(prompt, each, progress=progress)
            elif from_folder is not None:
                yield player.resume(from_folder, each, progress=progress)

    with progress_bars() as progress:
        for clip, path, folder in zip(clips(progress), outputs, folders, strict=True):
            clip.save(path)
            if folder is not None:
                clip.keep(folder)
            reports.append(_tell(clip, path, folder, as_json))
    if as_json:
        print_json(reports if many else reports[0])


def compose(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="An .abc or .mid file.")],
    prompt: Annotated[
        str | None,
        typer.Argument(metavar="PROMPT", help="What to write, in English; a given tune needs none."),
    ] = None,
    count: Count = 1,
    set_of: Annotated[
        int | None,
        typer.Option("--set", metavar="N", help="Join N tunes of the kind, in related keys, to one to play."),
    ] = None,
    times: Annotated[
        int | None, typer.Option(metavar="T", help="How often each tune of --set is played; 2 without it.")
    ] = None,
    seed: Seed = None,
    key: KeyName = None,
    tempo: Tempo = None,
    originality: Report = False,
    refuse_copies: RefuseCopies = None,
    against: Against = None,
    plan: Annotated[
        Path | None, typer.Option(metavar="PLAN.json", help="Follow this plan; what it leaves open is drawn.")
    ] = None,
    save_plan: Annotated[
        Path | None,
        typer.Option(metavar="PLAN.json", help="Write the plan of the tune, to edit and give again."),
    ] = None,
    plan_depth: Annotated[
        str | None,
        typer.Option(
            metavar="D",
            help="What of a bar is planned before its notes: structure (what it repeats, cadence), harmony (and its "
            "chord) or whole (and contour and density).",
        ),
    ] = None,
    chords: Annotated[
        str | None, typer.Option(metavar='"G|C D|..."', help="Chords bar by bar, over and over to the end.")
    ] = None,
    chords_only: Annotated[
        bool, typer.Option("--chords-only", help="Write the chords as triads, and no tune.")
    ] = False,
    start: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Go on from the phrase in this file.")
    ] = None,
    infill: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Rewrite --bars A-B of this tune; nothing else.")
    ] = None,
    bars: Annotated[
        str | None, typer.Option(metavar="A-B", help="Counted from 1 as written, pickups left out.")
    ] = None,
    vary: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a variation of this tune.")] = None,
    strength: Annotated[
        float | None, typer.Option(metavar="SHARE", help="Of the bars that --vary changes; 0.4 without it.")
    ] = None,
    density: Annotated[str | None, typer.Option(metavar="D", help="sparse, usual or dense.")] = None,
    pitch_range: Annotated[
        str | None, typer.Option("--range", metavar="LOW-HIGH", help="Such as D4-B5; at least 16 semitones.")
    ] = None,
    ornaments: Annotated[str | None, typer.Option(metavar="O", help="Rolls: none, usual or many.")] = None,
    model: Model = None,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Write tunes as ABC; -n COUNT puts them all into one file.

    \b
    Examples:
      audiogen compose "a reel in A dorian" -n 3 --seed 5 -o reels.abc
      audiogen compose "a reel in D" --set 3 --times 2 -o set.abc; audiogen generate --tune set.abc
      audiogen compose "a jig in G" --report --refuse-copies 0.5 -o jig.abc
      audiogen compose "a jig" --chords "G|C D|Em|D" --save-plan jig.json -o jig.abc
      audiogen compose "a jig" --plan jig.json -o another.abc
      audiogen compose "a jig" --start phrase.abc -o jig.abc
      audiogen compose --infill jig.abc --bars 5-8 -o jig2.abc
    """
    from audiogen.cli.composing import NotesAsked, SetAsked
    from audiogen.generator import Generator
    from audiogen.options import Options, check_wishes
    from audiogen.seeds import new_seed
    from audiogen.tune_files import check_tune_suffix, write_tunes
    from codec.audio_files import check_writable, write_bytes
    from symbolic_bridge.attributes import resolve
    from symbolic_bridge.chord_symbols import progression_of

    check_wishes(None, tempo, seed, count)
    check_tune_suffix(output)
    check_writable(output, audio=False)
    if output.suffix.lower() != ".abc" and count > 1:
        raise ValueError(f"{output}: only an .abc file can hold {count} tunes")
    seed = new_seed() if seed is None else seed
    if chords_only and plan_depth is None:
        plan_depth = "harmony"
    notes = NotesAsked(
        plan, chords, start, infill, bars, vary, strength, density, pitch_range, ornaments, plan_depth
    )
    if save_plan is not None:
        check_writable(save_plan, audio=False)
        if count > 1:
            raise ValueError(f"{save_plan}: holds the plan of one tune; leave -n out")
    tune_set = SetAsked(set_of, times)
    tune_set.check(notes, save_plan)
    job = notes.job(prompt, Options(key=key, tempo_bpm=tempo))
    asked, attributes = job.asked, resolve(job.asked)
    writer = Generator(model, device)
    began = time.perf_counter()
    made = []
    with progress_bars() as progress:
        originals = originals_of(model, originality, refuse_copies, against, progress)
        for number in range(count):
            made.append(tune_set.compose(job, writer, seed + number, originals))
            progress("compose", (number + 1) / count)
    tunes = [
        tune_set.joined(
            [progression_of(each.tune, each.chords) if chords_only else each.tune for each in together]
        )
        for together in made
    ]
    write_tunes(output, tunes)
    if save_plan is not None:
        write_bytes(save_plan, made[0][0].plan.to_json().encode())
    report = {
        "output": str(output),
        "seed": seed,
        "tunes": len(tunes),
        "attributes": json.loads(attributes.to_json()),
        "asked": json.loads(asked.to_json()),
        "not_understood": list(asked.unknown),
        "titles": [tune.header.title for tune in tunes],
        **originals.report(),
        "wall_seconds": {"compose": round(time.perf_counter() - began, 3)},
    }
    if as_json:
        print_json(report)
    else:
        originals.show()
        _understood(asked, attributes)
        say(f"{output}: {len(tunes)} tune{'s' * (len(tunes) != 1)}, seed {seed}")


def perform(
    source: Annotated[Path, typer.Argument(metavar="TUNE|FOLDER", help="An .abc or .mid file, or a folder.")],
    output: Annotated[Path, typer.Option("-o", "--output", metavar="OUT", help="Sound file; or a folder.")],
    route: Annotated[
        PerformRoute, typer.Option(help="tune: our own player; soundfont: sampled instruments.")
    ] = PerformRoute.tune,
    instrument: Instrument = None,
    accompaniment: Accompaniment = None,
    tempo: Tempo = None,
    duration: Duration = None,
    seed: Seed = None,
    keep: Keep = None,
    model: Model = None,
    device: Device = None,
    as_json: Json = False,
) -> None:
    """Play tunes that are written down.

    A FOLDER is played file by file into the folder OUT as WAVs; files that cannot be played are listed at the
    end, and the exit code is then 2. Without --accompaniment there is none.

    \b
    Examples:
      audiogen perform kesh.abc -o kesh.wav --instrument whistle --accompaniment guitar
      audiogen perform session/ -o session-wav/ --duration 30
    """
    from audiogen.generator import Generator
    from audiogen.options import Options, check_wishes
    from audiogen.seeds import new_seed
    from audiogen.tune_files import Collection, read_folder, read_one_tune
    from codec.audio_files import check_writable

    check_wishes(duration, tempo, seed)
    folder = source.is_dir()
    if folder:
        if output.exists() and not output.is_dir():
            raise ValueError(f"{output}: is a file; the tunes of {source} need a folder")
        found = read_folder(source)
        warn([f"{name}: passed over; only .abc and .mid files are played" for name in found.skipped])
    else:
        check_writable(output)
        tune, notes = read_one_tune(source)
        warn(notes)
        found = Collection(((source.stem, tune),), (), ())
    folders = kept_folders(keep, [name for name, _ in found.tunes] if folder else [""])
    if folder:
        output.mkdir(parents=True, exist_ok=True)
    rejected = list(found.rejected)
    options = Options(
        duration=duration,
        seed=new_seed() if seed is None else seed,
        route=route.value,
        tempo_bpm=tempo,
        instrument=instrument,
        accompaniment=accompaniment or "none",
    )
    player = Generator(model, device)
    reports: list[dict[str, object]] = []
    for (name, tune), boxes in zip(found.tunes, folders, strict=True):
        path = output / f"{name}.wav" if folder else output
        try:
            with progress_bars() as progress:
                clip = player.make(None, options, tune=tune, progress=progress)
        except ValueError as error:
            if not folder:
                raise ValueError(f"{source}: {error}") from error
            rejected.append((name, f"{name}: {error}"))
            continue
        clip.save(path)
        if boxes is not None:
            clip.keep(boxes)
        reports.append(_tell(clip, path, boxes, as_json))
    if as_json and folder:
        faults = [{"file": name, "error": reason} for name, reason in rejected]
        print_json({"outputs": reports, "rejected": faults})
    elif as_json:
        print_json(reports[0])
    if folder:
        say(f"{output}: {len(reports)} played, {len(rejected)} rejected")
    for _, reason in rejected:
        say(f"rejected: {reason}")
    if rejected:
        raise typer.Exit(2)


def _stream(
    prompt: str | None,
    options: Options,
    tune: Tune | None,
    sounds: Sounds,
    beside: Sequence[str],
    model: str | None,
    device: str | None,
) -> None:
    """Write a piece to stdout while it is played."""
    from audiogen.generator import Generator
    from audiogen.musicgen import is_musicgen
    from codec.sound_streams import create_sound

    if beside:
        raise ValueError(f"-o - gives one sound on stdout and takes no {', '.join(beside)}; name a file")
    if is_musicgen(model):
        raise ValueError("MusicGen is decoded in one piece; name a file")
    refuse_terminal()
    pipe = sys.stdout.buffer
    generator = Generator(model, device)
    chunks = generator.stream(prompt, options, tune=tune, sounds=sounds, warn=warn)
    spec = generator.codec.spec
    with create_sound(pipe, spec.sample_rate, spec.channels) as sound:
        for chunk in chunks:
            sound.write(chunk.samples[0].numpy())
            pipe.flush()


def numbered(output: Path, count: int) -> list[Path]:
    """OUT.wav for one, OUT-01.wav, OUT-02.wav ... for several."""
    if count == 1:
        return [output]
    width = max(2, len(str(count)))
    return [output.with_name(f"{output.stem}-{n:0{width}d}{output.suffix}") for n in range(1, count + 1)]


def kept_folders(folder: Path | None, names: Sequence[str]) -> list[Path | None]:
    """The folder of each name in --keep DIR, "" for DIR itself; refused before the work."""
    from audiogen.kept import check_keep

    if folder is None:
        return [None] * len(names)
    folders = [folder / name for name in names]
    for each in folders:
        check_keep(each)
    return list(folders)


def _understood(asked: TuneAttributes, played: TuneAttributes) -> None:
    """Say what was understood of a prompt, what was not, and what is made of it with the kind's customs."""
    from symbolic_bridge.prompts import describe

    if asked.text:
        say(f"understood: {describe(asked)}")
    if asked.unknown:
        say(f"not understood: {', '.join(asked.unknown)}")
    for notice in played.notices:
        say(f"note: {notice}")
    say(f"playing: {describe(played)}")


def _tell(clip: Clip, path: Path, folder: Path | None, quiet: bool) -> dict[str, object]:
    """Report one finished clip; the entry of `--json`."""
    warn([f"{path}: {text}" for text in clip.warnings])
    if not quiet:
        _understood(clip.asked, clip.attributes)
        say(f"{path}: {clip.seconds:.1f} s, seed {clip.seed}, made in {sum(clip.timings.values()):.1f} s")
    return clip.report() | {"output": str(path), "kept": None if folder is None else str(folder)}
