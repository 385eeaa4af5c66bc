"""`audiogen codec`: sound to codes and back."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, BinaryIO

import typer

from audiogen.cli.batches import Job, plan_folder, rejections, run_jobs
from audiogen.cli.console import print_json, progress_bars, refuse_terminal, say, warn

if TYPE_CHECKING:
    from codec.coding import Coded
    from codec.interface import AudioCodec

app = typer.Typer(
    help="Sound to codes and back: small .agc files that become sound again.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

PIPE = "-"
CODED_SUFFIX = ".agc"
# What libsndfile reads, by the names that such files go by.
SOUND_SUFFIXES = frozenset(
    [
        ".aif",
        ".aifc",
        ".aiff",
        ".au",
        ".caf",
        ".flac",
        ".mp3",
        ".oga",
        ".ogg",
        ".opus",
        ".rf64",
        ".snd",
        ".w64",
        ".wav",
    ]
)

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else there.")]
SoundIn = Annotated[str, typer.Argument(metavar="IN", help="A sound file, a folder of them, or - for stdin.")]
CodedIn = Annotated[
    str, typer.Argument(metavar="IN.agc", help="An .agc file, a folder of them, or - for stdin.")
]
SoundOut = Annotated[
    str,
    typer.Argument(
        metavar="OUT", help="A .wav, .flac, .ogg or .mp3; a folder if IN is one; or - for WAV on stdout."
    ),
]
CodedOut = Annotated[
    str, typer.Argument(metavar="OUT.agc", help="An .agc file; a folder if IN is one; or - for stdout.")
]
Bitrate = Annotated[
    float | None,
    typer.Option(
        metavar="KBPS",
        help="Stay within this bitrate over the whole file, for each channel with --each-channel: every block gets "
        "as many codebooks as fit, at least one. Codecs of others get a fixed number. Without it, all are used.",
    ),
]
EachChannel = Annotated[
    bool,
    typer.Option(
        "--each-channel",
        help="Code every channel by itself, at that many times the bitrate, instead of the mean of all.",
    ),
]
CodecName = Annotated[
    str | None,
    typer.Option("--model", metavar="NAME_OR_DIR", help="One of `codec list`, or a folder of weights."),
]
Progress = Callable[[float], None]


@app.command("encode")
def encode(
    source: SoundIn,
    target: CodedOut,
    bitrate: Bitrate = None,
    each_channel: EachChannel = False,
    model: CodecName = None,
    as_json: Json = False,
) -> None:
    """Code sound into a small .agc file.

    IN may be of any format, sample rate, channel count and length; `codec decode` gives all of them back. A codec
    with one channel hears the mean of the channels, and every channel is that when it is decoded; --each-channel
    keeps them apart and costs that many times the bits.

    A folder is coded file by file into the folder OUT, with the same names and subfolders; files that cannot be
    coded are listed at the end, and the exit code is then 2. A pipe may bring WAV without a length.

    \b
    Examples:
      audiogen codec encode fiddle.wav fiddle.agc
      audiogen codec encode session.flac session.agc --bitrate 1.5
      audiogen codec encode recordings/ coded/ --each-channel
      arecord -f cd | audiogen codec encode - - > live.agc
    """
    from codec.coding import encode_file

    def work(codec: AudioCodec, source: Path | BinaryIO, target: Path | BinaryIO, progress: Progress) -> Told:
        done = encode_file(
            codec, source, target, bitrate_kbps=bitrate, each_channel=each_channel, progress=progress
        )  # fmt: skip
        return Told(done, {"encode": done.wall_seconds}, bitrate)

    _run(Task("encode", SOUND_SUFFIXES, CODED_SUFFIX, work), source, target, model, as_json)


@app.command("decode")
def decode(source: CodedIn, target: SoundOut, model: CodecName = None, as_json: Json = False) -> None:
    """Turn an .agc file into sound of the original's sample rate, channel count and length.

    An .agc file that was cut off or altered is refused with the place, and leaves no output behind. A pipe gets
    sound while codes arrive. A folder is decoded file by file into WAVs in the folder OUT.

    \b
    Examples:
      audiogen codec decode fiddle.agc fiddle.wav
      audiogen codec decode coded/ decoded/
      audiogen codec decode fiddle.agc - | aplay
    """
    from codec.coding import decode_file

    def work(codec: AudioCodec, source: Path | BinaryIO, target: Path | BinaryIO, progress: Progress) -> Told:
        done = decode_file(codec, source, target, progress=progress)
        return Told(done, {"decode": done.wall_seconds})

    _run(Task("decode", {CODED_SUFFIX}, ".wav", work), source, target, model, as_json)


@app.command("roundtrip")
def roundtrip(
    source: SoundIn,
    target: SoundOut,
    bitrate: Bitrate = None,
    each_channel: EachChannel = False,
    model: CodecName = None,
    as_json: Json = False,
) -> None:
    """Encode sound and decode it again, to hear what the codec keeps.

    The bitrate that is told is that of the .agc file. A folder is done file by file, into WAVs in the folder OUT.

    \b
    Examples:
      audiogen codec roundtrip fiddle.wav coded.wav --json
      audiogen codec roundtrip fiddle.wav coded.wav --bitrate 1
      audiogen codec roundtrip recordings/ heard/ --model encodec_24khz --bitrate 3
    """
    from codec.coding import round_trip

    def work(codec: AudioCodec, source: Path | BinaryIO, target: Path | BinaryIO, progress: Progress) -> Told:
        done = round_trip(
            codec, source, target, bitrate_kbps=bitrate, each_channel=each_channel, progress=progress
        )  # fmt: skip
        wall = {"encode": done.encoded.wall_seconds, "decode": done.decoded.wall_seconds}
        return Told(done.encoded, wall, bitrate)

    _run(Task("roundtrip", SOUND_SUFFIXES, ".wav", work), source, target, model, as_json)


@app.command("list")
def list_codecs(as_json: Json = False) -> None:
    """List the codecs that --model can name: what each is, what it costs and what it needs.

    \b
    Example:
      audiogen codec list --json
    """
    from codec.registry import known_codecs
    from codec.weights import load_own

    entries = known_codecs()
    if as_json:
        print_json(
            [
                asdict(entry)
                | {
                    "frame_rate": float(entry.frame_rate),
                    "lowest_kbps": entry.lowest_kbps,
                    "bitrate_kbps": entry.highest_kbps,
                    "shipped": entry.shipped,
                    "needs": entry.needs,
                    "identity": load_own(entry.name).spec.identity if entry.shipped else None,
                }
                for entry in entries
            ]
        )
        return
    rows = [("name", "kbps", "Hz", "channels", "frames/s", "needs", "licence", "about")]
    for entry in entries:
        rows.append((
            entry.name, f"{entry.lowest_kbps:.3g}-{entry.highest_kbps:.3g}", str(entry.sample_rate),
            str(entry.channels), f"{float(entry.frame_rate):.4g}", entry.needs, entry.licence, entry.about,
        ))  # fmt: skip
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


@dataclass(frozen=True)
class Told:
    """What a task has to say of one sound: what stands for it, and the seconds that each stage took.

    `asked_kbps` is the bitrate that the file was to stay within, None if none was asked for.
    """

    coded: Coded
    wall_seconds: dict[str, float]
    asked_kbps: float | None = None

    def warnings(self, target: str) -> list[str]:
        """That the bitrate could not be kept, if it could not."""
        asked, coded = self.asked_kbps, self.coded
        if asked is None or coded.bitrate_kbps <= asked * coded.batch:
            return []
        return [
            f"{target}: has {coded.bitrate_kbps:.3g} kbps; no fewer codebooks fit into --bitrate {asked:g}"
        ]


@dataclass(frozen=True)
class Task:
    """What a command does with one sound, which files of a folder it takes and what they become."""

    name: str
    suffixes: frozenset[str] | set[str]
    new_suffix: str
    work: Callable[[AudioCodec, Path | BinaryIO, Path | BinaryIO, Progress], Told]


def _run(task: Task, source: str, target: str, model: str | None, as_json: bool) -> None:
    """One sound, or all of a folder."""
    from codec.weights import load

    if as_json and target == PIPE:
        raise ValueError("--json prints on stdout, where the output - goes too; name a file")
    if source != PIPE and Path(source).is_dir():
        _run_folder(task, Path(source), target, model, as_json)
        return
    _check_target(task, source, target)
    codec = load(model)
    with progress_bars() as progress:
        told = task.work(codec, _place_in(source), _place_out(target), lambda done: progress(task.name, done))
    warn(told.warnings(target))
    if as_json:
        print_json(_report(source, target, told))
    elif target != PIPE:
        say(_line(target, told))


def _run_folder(task: Task, source: Path, target: str, model: str | None, as_json: bool) -> None:
    from codec.weights import load

    if target == PIPE:
        raise ValueError(f"{source}: is a folder, which cannot go to stdout; name a folder")
    plan = plan_folder(source, Path(target), task.suffixes, task.new_suffix)
    warn([f"{path}: passed over; it is no {'.agc' if task.name == 'decode' else 'sound'} file by its name"
          for path in plan.passed_over])  # fmt: skip
    codec = load(model)
    with progress_bars() as bars:

        def work(job: Job, progress: Progress) -> dict[str, object]:
            told = task.work(codec, job.source, job.target, progress)
            warn(told.warnings(str(job.target)))
            return _report(str(job.source), str(job.target), told)

        result = run_jobs(plan.jobs, work, lambda done: bars(task.name, done))
    if as_json:
        print_json({"outputs": result.reports, "rejected": [asdict(item) for item in result.rejected]})
    say(f"{target}: {len(result.reports)} done, {len(result.rejected)} rejected")
    for line in rejections(result.rejected):
        say(line)
    if result.rejected:
        raise typer.Exit(2)


def _check_target(task: Task, source: str, target: str) -> None:
    """Refuse an output before the work is done rather than after."""
    from codec.audio_files import check_writable

    if target == PIPE:
        refuse_terminal()
        return
    path = Path(target)
    check_writable(path, audio=task.new_suffix != CODED_SUFFIX)
    if task.new_suffix == CODED_SUFFIX and path.suffix.lower() != CODED_SUFFIX:
        raise ValueError(f"{path}: suffix {path.suffix!r} is not {CODED_SUFFIX}")
    if source != PIPE and path.exists() and path.samefile(source):
        raise ValueError(f"{path}: is the input too; name another output")


def _place_in(source: str) -> Path | BinaryIO:
    return sys.stdin.buffer if source == PIPE else Path(source)


def _place_out(target: str) -> Path | BinaryIO:
    return sys.stdout.buffer if target == PIPE else Path(target)


def _report(source: str, target: str, told: Told) -> dict[str, object]:
    """The entry of `--json`; the bitrate is that of the bytes of the whole .agc over the sound's length."""
    coded = told.coded
    return {
        "input": source,
        "output": target,
        "seconds": round(coded.seconds, 6),
        "samples": coded.samples,
        "sample_rate": coded.sample_rate,
        "channels": coded.channels,
        "channels_coded": coded.batch,
        "bytes": coded.bytes,
        "bitrate_kbps": coded.bitrate_kbps,
        "frames": coded.frames,
        "frame_rate": float(coded.frame_rate),
        "codebooks": coded.codebooks,
        "codebooks_mean": round(coded.codebooks_mean, 3),
        "codebook_size": coded.codebook_size,
        "identity": coded.identity,
        "wall_seconds": {name: round(value, 3) for name, value in told.wall_seconds.items()},
    }


def _line(target: str, told: Told) -> str:
    """The same for a person."""
    coded = told.coded
    return (
        f"{target}: {coded.seconds:.2f} s at {coded.bitrate_kbps:.2f} kbps ({coded.bytes} bytes, "
        f"{coded.codebooks_mean:.3g} codebooks of {coded.codebook_size}, {float(coded.frame_rate):g} frames a second), "
        f"in {sum(told.wall_seconds.values()):.1f} s"
    )
