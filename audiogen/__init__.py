"""audiogen: writes and plays folk tunes as audio.

    import audiogen
    generator = audiogen.load()
    clip = generator.generate("a slow air in E minor on the flute", duration=30, seed=7)
    clip.save("air.wav")

Nothing heavy is imported until `load` is called, so that the command line's help answers at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, overload

from audiogen.version import VERSION as __version__

if TYPE_CHECKING:
    from audiogen.comparison.comparison import Comparison
    from audiogen.evaluation.evaluate import Evaluation
    from audiogen.generator import Generator
    from audiogen.musicgen.generator import MusicGen
    from audiogen.transcription import Transcription

__all__ = ["__version__", "compare", "evaluate", "load", "transcribe"]


@overload
def load(name_or_dir: None = None, device: str | None = None) -> Generator: ...
@overload
def load(name_or_dir: str | Path, device: str | None = None) -> Generator | MusicGen: ...
def load(name_or_dir: str | Path | None = None, device: str | None = None) -> Generator | MusicGen:
    """A generator with the shipped weights, or those of a folder, or a MusicGen.

    Args:
        name_or_dir: "shipped", a folder of weights, or None for the shipped ones; "facebook/musicgen-small" or another
            MusicGen on the Hugging Face hub, or a folder as the transformers library saves one.
        device: "cpu", "cuda", "cuda:1", "mps"; None for the CPU.

    Raises:
        CheckpointError: the folder is missing, damaged, or of another version.
        ValueError: there is no such device.
    """
    from audiogen.musicgen import is_musicgen

    if name_or_dir is not None and is_musicgen(name_or_dir):
        from audiogen.musicgen.generator import MusicGen

        return MusicGen(name_or_dir, device)
    from audiogen.generator import Generator

    return Generator(name_or_dir, device)


def compare(
    prompts: Sequence[str],
    output: str | Path,
    *,
    routes: Sequence[str] | None = None,
    duration: float = 20.0,
    seed: int = 0,
    replies: Sequence[str | Path] = (),
    references: Sequence[str | Path] = (),
    sounds: Sequence[str | Path] = (),
    generator: Generator | None = None,
) -> Comparison:
    """Play the same prompts by every route, measure, and write a report.

    Args:
        prompts: what to play.
        output: folder for the report and all files; an earlier run there is resumed.
        routes: of "free", "tune", "soundfont", "llm-soundfont", "llm-tune"; None for all that can be made.
        duration: seconds of every sound.
        seed: of the first prompt; the next has seed + 1 ...
        replies: a language model's saved replies, one for each prompt.
        references: recordings or tunes, one or one for each prompt.
        sounds: folders of other models' WAV files.
        generator: weights; None for the shipped ones.

    Returns:
        The cells, their summary, and `frame()`, a pandas table with a row a cell.

    Raises:
        ValueError: a prompt, route or file that cannot be used, or matplotlib is missing.
    """
    from audiogen.comparison.comparison import compare as run
    from audiogen.comparison.plan import LanguageModel, Plan, usual_routes

    llm = LanguageModel(replies=tuple(map(Path, replies))) if replies else None
    plan = Plan(
        tuple(prompts),
        usual_routes(llm) if routes is None else tuple(routes),
        duration,
        seed,
        llm,
        tuple(map(Path, references)),
        tuple(map(Path, sounds)),
    )
    return run(plan, output, load() if generator is None else generator)


def transcribe(path: str | Path, *, meter: str | None = None, key: str | None = None) -> Transcription:
    """Write down the melody of a recording: one line, played, sung or hummed.

    Args:
        path: a sound file that libsndfile reads, at most half an hour long.
        meter: such as "6/8", where it is known.
        key: such as "D", "Em", "A dorian", where it is known.

    Returns:
        `tune`, `as_played` (the same without repeat signs) and `notes` in seconds.

    Raises:
        ValueError: the file cannot be read, or no tune was heard in it.
    """
    from audiogen.transcription.recordings import transcribe_file
    from symbolic_bridge.attributes import parse_meter
    from symbolic_bridge.prompt_keys import named_key

    return transcribe_file(
        Path(path),
        meter=None if meter is None else parse_meter(meter),
        key=None if key is None else named_key(key),
    )


def evaluate(
    what: str,
    *,
    tunes: str | Path | None = None,
    recordings: Sequence[str | Path] = (),
    count: int | None = None,
    seconds: float | None = None,
    seed: int = 0,
    jobs: int = 1,
    work: str | Path | None = None,
    results: str | Path | None = None,
    replies: Sequence[str | Path] = (),
    generator: Generator | None = None,
) -> Evaluation:
    """Measure codec, player, composer or the fixed suite, as `audiogen evaluate` does.

    Args:
        what: "gate", "melody", "long", "transcription", "codec", "tunes" or "all".
        tunes: unseen tunes, a .jsonl or .abc file or a folder; None for music21's held-out ones ("tunes" then compares
            with none).
        recordings: of "codec": sound files or folders of them; of "all": folders that hold the suite's.
        count: how many tunes or clips; None for the command's default.
        seconds: length taken of each.
        seed: fixes which tunes, and all else that chance decides; "all" has seeds of its own.
        jobs: processes for what takes longest.
        work: of "all": folder for every sound, where a broken-off run is resumed.
        results: of "all": folder for the page, its plot and its numbers.
        replies: of "all": a language model's, one for each prompt or a .jsonl.
        generator: weights; None for the shipped ones.

    Returns:
        The figures, and `frames()`, pandas tables of them.

    Raises:
        ValueError: an unknown evaluation, something that it does not take, or nothing to measure.
    """
    from audiogen.evaluation.evaluate import Material
    from audiogen.evaluation.evaluate import evaluate as run

    material = Material(
        None if tunes is None else Path(tunes),
        tuple(map(Path, recordings)),
        count,
        seconds,
        seed,
        jobs,
        None if work is None else Path(work),
        None if results is None else Path(results),
        tuple(map(Path, replies)),
    )
    return run(what, material, load() if generator is None else generator)
