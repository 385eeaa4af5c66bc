"""The command line. Every command imports what it needs when it runs, so that `--help` answers at once."""

from __future__ import annotations

import os
import sys
import traceback

import typer

from audiogen.cli import (
    codecs,
    comparing,
    evaluating,
    evaluating_codec,
    evaluating_tunes,
    making,
    sonifying,
    suites,
    training,
    transcribing,
    tune_data,
    tunes,
)
from audiogen.cli.console import one_line
from audiogen.cli.describing import info

BAD_INPUT, FAILED, INTERRUPTED = 2, 1, 130

EXAMPLES = """Writes and plays folk tunes as audio: a prompt becomes a tune, a performance, codec tokens and a WAV.

\b
Examples:
  audiogen generate "a lively jig in D major on the fiddle" -o jig.wav
  audiogen generate "a slow air in E minor on the flute" --duration 30 --seed 7 --keep air/
  audiogen compose "a reel in A dorian" -n 3 -o reels.abc
  audiogen perform reels.abc -o reel.wav --instrument whistle --accompaniment harp
  audiogen transcribe reel.wav -o heard.abc
  audiogen tune check reels.abc
  audiogen codec roundtrip jig.wav jig-coded.wav --json

\b
Exit codes: 0 done, 2 bad usage or bad input, 1 anything else. An output that exists is replaced,
in one step and only when the new one is whole. AUDIOGEN_DEBUG=1 prints a traceback with an error.
"""

app = typer.Typer(
    help=EXAMPLES,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command()(making.generate)
app.command()(making.compose)
app.command()(making.perform)
app.command()(transcribing.transcribe)
app.command()(sonifying.sonify)
app.command()(comparing.compare)
app.add_typer(tunes.app, name="tune")
app.add_typer(codecs.app, name="codec")
app.add_typer(tune_data.app, name="data")
app.add_typer(training.train_app, name="train")
evaluating.app.command()(evaluating_codec.codec)
evaluating.app.command("tunes")(evaluating_tunes.composed_tunes)
evaluating.app.command("all")(suites.evaluate_all)
app.add_typer(evaluating.app, name="evaluate")
app.command()(info)

# typer 0.12 raises click's exceptions and newer ones their own copies of them: take the base that is in use.
_UsageFault: type[Exception] = next(
    base for base in typer.BadParameter.__mro__ if base.__name__ in ("ClickException", "TyperException")
)


def main(arguments: list[str] | None = None) -> None:
    """Run one command and leave with its exit code; every error is one line on stderr."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Run one command; the exit code."""
    try:
        code = app(arguments, prog_name="audiogen", standalone_mode=False)
        if code == INTERRUPTED:  # what newer typers make of Ctrl-C
            raise KeyboardInterrupt
        return code if isinstance(code, int) else 0
    except _UsageFault as error:
        # Without arguments typer "fails" with the help as its message.
        message = error.format_message()  # type: ignore[attr-defined]
        if type(error).__name__ == "NoArgsIsHelpError":
            print(message)
            return BAD_INPUT
        return _complain(message, BAD_INPUT)
    except (typer.Abort, KeyboardInterrupt):
        return _complain("interrupted; nothing was left half-written", INTERRUPTED)
    except BrokenPipeError:
        # The reader (head, less) has gone; there is nobody to tell.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except (ValueError, OSError) as error:
        return _complain(one_line(error), BAD_INPUT)
    # The last resort of a program for people: no traceback unless asked for.
    except Exception as error:
        if type(error).__name__ == "OutOfMemoryError":  # torch's, which is not imported here
            return _complain("out of memory on the device: lower --duration, or take --device cpu", FAILED)
        return _complain(f"{type(error).__name__}: {one_line(error)}", FAILED)


def _complain(message: str, code: int) -> int:
    if os.environ.get("AUDIOGEN_DEBUG") and sys.exc_info()[0] is not None:
        traceback.print_exc()
    print(f"error: {message}", file=sys.stderr)
    return code
