"""One file or a folder of them: which file becomes which, and what is said of those that cannot be done."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from audiogen.cli.console import one_line


@dataclass(frozen=True)
class Job:
    """One file and what it becomes."""

    source: Path
    target: Path


@dataclass(frozen=True)
class Rejected:
    """A file that could not be done, and why."""

    file: str
    error: str


@dataclass(frozen=True)
class FolderPlan:
    """What there is to do in a folder, and the files in it that are none of its business."""

    jobs: tuple[Job, ...]
    passed_over: tuple[Path, ...]


@dataclass(frozen=True)
class BatchResult:
    """A report for every file that was done, and those that were rejected."""

    reports: tuple[dict[str, object], ...]
    rejected: tuple[Rejected, ...]


def plan_folder(source: Path, target: Path, suffixes: Collection[str], new_suffix: str) -> FolderPlan:
    """Every file below a folder under the same name and subfolder in another, with another suffix.

    Where two files differ only in suffix, both keep it in their names: a.wav and a.mp3 become a-wav.agc and a-mp3.agc.

    Raises:
        ValueError: nothing to do, the target is a file, or a file would take the place of one that is read.
    """
    if target.exists() and not target.is_dir():
        raise ValueError(f"{target}: is a file; the files of {source} need a folder")
    files = sorted(path for path in source.rglob("*") if path.is_file())
    chosen = [path for path in files if path.suffix.lower() in suffixes and not path.name.startswith(".")]
    if not chosen:
        raise ValueError(f"{source}: holds no file that ends in one of {', '.join(sorted(suffixes))}")
    stems = [path.with_suffix("") for path in chosen]
    jobs: list[Job] = []
    for path, stem in zip(chosen, stems, strict=True):
        shared = stems.count(stem) > 1
        name = f"{path.stem}-{path.suffix[1:]}" if shared else path.stem
        jobs.append(Job(path, (target / path.relative_to(source)).with_name(name + new_suffix)))
    _refuse_clashes(jobs)
    return FolderPlan(tuple(jobs), tuple(path for path in files if path not in set(chosen)))


def _refuse_clashes(jobs: list[Job]) -> None:
    sources = {job.source.resolve() for job in jobs}
    seen: dict[Path, Path] = {}
    for job in jobs:
        if job.target.resolve() in sources:
            raise ValueError(f"{job.target}: is read from and would be replaced; name another folder")
        if job.target in seen:
            raise ValueError(f"{job.target}: both {seen[job.target]} and {job.source} would become this file")
        seen[job.target] = job.source


def run_jobs(
    jobs: tuple[Job, ...],
    work: Callable[[Job, Callable[[float], None]], dict[str, object]],
    progress: Callable[[float], None],
) -> BatchResult:
    """Do every job; one that cannot be done costs no other.

    Args:
        jobs: in order.
        work: does one and reports it; told where to say how much of it is done.
        progress: told what share of all is done.
    """
    reports: list[dict[str, object]] = []
    rejected: list[Rejected] = []
    for number, job in enumerate(jobs):
        job.target.parent.mkdir(parents=True, exist_ok=True)
        try:
            reports.append(work(job, lambda done, number=number: progress((number + done) / len(jobs))))
        except (ValueError, OSError) as error:
            rejected.append(Rejected(str(job.source), one_line(error)))
        progress((number + 1) / len(jobs))
    return BatchResult(tuple(reports), tuple(rejected))


def rejections(rejected: tuple[Rejected, ...]) -> Iterator[str]:
    """A line for each; the file is named once."""
    for item in rejected:
        text = item.error if item.error.startswith(item.file) else f"{item.file}: {item.error}"
        yield f"rejected: {text}"
