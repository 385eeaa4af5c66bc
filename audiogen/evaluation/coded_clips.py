"""Every clip through every coder, timed; the sounds wait in files until they are compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audiogen.evaluation.clips import TestClip
from audiogen.evaluation.coders import Coder
from audiogen.evaluation.judging import JudgeJob, save_sound


@dataclass(frozen=True)
class CodedClip:
    """One clip after all coders: `job` holds the file of each one's sound, `rows` its JSON values, in their order."""

    name: str
    group: str
    kind: str
    lossy_source: bool
    seconds: float
    job: JudgeJob
    rows: list[dict[str, Any]]


def code_clips(
    clips: Iterable[TestClip],
    coders: Sequence[Coder],
    folder: Path,
    with_visqol: bool,
    on_done: Callable[[int], None] = lambda count: None,
) -> list[CodedClip]:
    """Code clips one after another; only files and numbers are kept, because sounds would fill the memory.

    Args:
        clips: sounds of one rate and number of channels.
        coders: what they go through.
        folder: receives the files of samples.
        with_visqol: whether the comparison is to use ViSQOL.
        on_done: told how many clips are done.
    """
    done: list[CodedClip] = []
    for clip in clips:
        if not done:
            # Whatever is made ready once is made ready here, and is in nobody's time.
            for coder in coders:
                coder.run(clip.waveform)
        done.append(_code(clip, coders, folder, len(done), with_visqol))
        on_done(len(done))
    return done


def _code(clip: TestClip, coders: Sequence[Coder], folder: Path, number: int, with_visqol: bool) -> CodedClip:
    original = folder / f"{number:05}.npy"
    save_sound(original, clip.waveform)
    seconds = clip.waveform.seconds
    rows: list[dict[str, Any]] = []
    files: list[Path] = []
    for place, coder in enumerate(coders):
        coded = coder.run(clip.waveform)
        files.append(folder / f"{number:05}-{place:03}.npy")
        save_sound(files[-1], coded.waveform)
        rows.append(
            {
                "clip": clip.name,
                "group": clip.group,
                "coder": coder.name,
                "seconds": round(seconds, 4),
                "bytes": coded.size_bytes,
                "encode_seconds": round(coded.encode_seconds, 4),
                "decode_seconds": round(coded.decode_seconds, 4),
            }
        )
    job = JudgeJob(original, tuple(files), clip.waveform.sample_rate, with_visqol)
    return CodedClip(clip.name, clip.group, clip.kind, clip.lossy_source, seconds, job, rows)
