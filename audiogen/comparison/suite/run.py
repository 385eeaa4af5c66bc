"""`run_suite`: every part of the suite, resumed where it was broken off, and its page."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from audiogen.comparison.cells import key_of
from audiogen.comparison.comparison import Comparison, check_folder, compare
from audiogen.comparison.plan import LanguageModel, Plan, usual_routes
from audiogen.comparison.suite.page import PAGE, PLOT, RESULTS, suite_page, suite_plot
from audiogen.comparison.suite.panel import Panel
from audiogen.comparison.suite.recordings import find_recordings, measure_recordings
from audiogen.comparison.suite.tunes import measure_tunes
from audiogen.evaluation.tables import write_json
from audiogen.progress import Progress
from audiogen.version import VERSION
from codec.audio_files import write_bytes

if TYPE_CHECKING:
    from audiogen.generator import Generator

SUITE = Path(__file__).parent / "suite.json"
PROMPTS, TUNES, RECORDINGS = "prompts", "tunes.json", "recordings.json"


@dataclass(frozen=True)
class SuiteMaterial:
    """What is not part of the package: test `tunes`, else music21's held-out ones; folders that hold the suite's
    `recordings`, else none are measured; a language model's saved `replies`, else it has no columns."""

    tunes: Path | None = None
    recordings: tuple[Path, ...] = ()
    replies: tuple[Path, ...] = ()


@dataclass(frozen=True)
class SuiteResults:
    """What was measured; a panel is None where its material was not at hand. `errors`: what could not be made."""

    name: str
    comparison: Comparison
    tunes: Panel | None
    recordings: Panel | None
    errors: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """JSON values, the same on every run of the same commit."""
        plan = self.comparison.plan
        return {
            "suite": self.name,
            "prompts": list(plan.prompts),
            "seed": plan.seed,
            "summary": self.comparison.summary.to_json(),
            "tunes": None if self.tunes is None else self.tunes.to_json(),
            "recordings": None if self.recordings is None else self.recordings.to_json(),
        }


def suite_facts() -> Mapping[str, Any]:
    """The suite as it stands in the package."""
    return json.loads(SUITE.read_text(encoding="utf-8"))


def suite_plan(replies: Sequence[Path] = ()) -> Plan:
    """The comparison of the suite's prompts; with a language model's saved replies its routes too."""
    facts = suite_facts()["prompts"]
    llm = LanguageModel(replies=tuple(replies)) if replies else None
    return Plan(tuple(facts["texts"]), usual_routes(llm), float(facts["seconds"]), facts["seed"], llm)


def check_work(work: Path) -> None:
    """Refuse a work folder that is a file or whose comparison is somebody else's.

    Raises:
        ValueError: the message names the file.
    """
    if work.exists() and not work.is_dir():
        raise ValueError(f"{work}: is a file; a folder is needed")
    check_folder(work / PROMPTS)


def run_suite(
    work: Path,
    results: Path,
    generator: Generator,
    material: SuiteMaterial | None = None,
    jobs: int = 1,
    progress: Progress = lambda stage, done: None,
) -> SuiteResults:
    """Measure the suite and write the results page, its plot and its numbers.

    Args:
        work: folder with every sound and what is finished; a broken-off run there is resumed.
        results: folder of the page; the same commit and material give the same files.
        generator: our weights.
        material: what is not part of the package.
        jobs: processes for what takes longest.
        progress: told each stage's name and how much of it is done.

    Raises:
        ValueError: as `compare`, or a folder of recordings is none.
    """
    material = material or SuiteMaterial()
    facts = suite_facts()
    check_work(work)
    found, missing = find_recordings(facts["recordings"], material.recordings)
    comparison = compare(suite_plan(material.replies), work / PROMPTS, generator, progress=progress)
    key: Mapping[str, Any] = {"version": VERSION, "weights": generator.fingerprint}
    errors = [*comparison.errors]
    tunes: Panel | None = None
    recordings: Panel | None = None
    try:
        tunes = _kept(
            work / TUNES,
            key_of({**key, **facts["tunes"]}, () if material.tunes is None else (material.tunes,)),
            lambda: measure_tunes(generator, facts["tunes"], material.tunes, jobs, progress),
        )
    except ValueError as error:
        errors.append(f"test tunes: {error}")
    if material.recordings:
        errors.extend(missing)
        if found:
            settings = {**key, **facts["recordings"], "found": [item.file.name for item in found]}
            recordings = _kept(
                work / RECORDINGS,
                key_of(settings),
                lambda: measure_recordings(generator, facts["recordings"], found, progress),
            )
            errors.extend(recordings.rejected)
    suite = SuiteResults(facts["name"], comparison, tunes, recordings, tuple(errors))
    results.mkdir(parents=True, exist_ok=True)
    write_bytes(results / PLOT, suite_plot(comparison))
    page = suite_page(suite.name, comparison, tunes, recordings, generator.codec.spec.identity)
    write_bytes(results / PAGE, page.encode())
    write_json(results / RESULTS, suite.to_json())
    return suite


def _kept(file: Path, key: str, measure: Callable[[], Panel]) -> Panel:
    """A panel that an earlier run has finished with the same settings, else measured now and kept."""
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
        if value["key"] == key:
            return Panel.from_json(value["panel"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        pass  # Whatever is damaged is simply made anew.
    panel = measure()
    write_json(file, {"key": key, "panel": panel.to_json()})
    return panel
