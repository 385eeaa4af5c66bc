"""Every measurement of `audiogen evaluate` from Python: one call, one value with its figures and its tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas

    from audiogen.generator import Generator

Progress = Callable[[str, float], None]
# In the pretty_midi wheel; the shipped codec was not trained on it.
UNSEEN_FONT = "TimGM6mb.sf2"


@dataclass(frozen=True)
class Evaluation:
    """What was measured: `what`, and `figures`, the JSON values that `audiogen evaluate WHAT --json` writes.

    Counts of what was measured, seeds, fonts and codecs stand among the figures.
    """

    what: str
    figures: Mapping[str, Any]

    def frames(self) -> dict[str, pandas.DataFrame]:
        """A table for each group of figures, by its name, such as "by_instrument"; needs pandas (extra `evaluate`).

        A group of records has a row a member; a list of records has a row an item. "all" has one row: the figures that
        belong to no group.
        """
        import pandas

        found = {
            "all": pandas.DataFrame(
                [{k: v for k, v in self.figures.items() if not isinstance(v, (dict, list))}]
            )
        }
        for name, part in self.figures.items():
            if isinstance(part, Mapping) and part and all(isinstance(row, Mapping) for row in part.values()):
                found[name] = pandas.DataFrame.from_dict(
                    {key: dict(row) for key, row in part.items()}, "index"
                )
            elif isinstance(part, Mapping) and part:
                found[name] = pandas.DataFrame([dict(part)])
            elif isinstance(part, list) and part and all(isinstance(row, Mapping) for row in part):
                found[name] = pandas.DataFrame(part)
        return found


@dataclass(frozen=True)
class Material:
    """What to measure on; None where the measurement's own default holds.

    `tunes`: unseen tunes, a .jsonl or .abc file or a folder; None for music21's held-out ones, where tunes are needed.
    `recordings`: sound files or folders, of "codec"; folders that hold the suite's, of "all". `count` tunes of
    `seconds` each. `jobs`: processes for what takes longest. `work` and `results`: folders of "all". `replies`: a
    language model's, of "all".
    """

    tunes: Path | None = None
    recordings: tuple[Path, ...] = ()
    count: int | None = None
    seconds: float | None = None
    seed: int = 0
    jobs: int = 1
    work: Path | None = None
    results: Path | None = None
    replies: tuple[Path, ...] = ()


def evaluate(
    what: str, material: Material, generator: Generator, progress: Progress = lambda stage, done: None
) -> Evaluation:
    """Measure.

    Args:
        what: a key of MEASUREMENTS.
        material: what to measure on.
        generator: weights.
        progress: told each stage's name and how much of it is done.

    Raises:
        ValueError: an unknown measurement, material that it does not take, or nothing to measure.
    """
    if what not in MEASUREMENTS:
        raise ValueError(f"evaluation {what!r} is not one of {', '.join(MEASUREMENTS)}")
    measure, takes = MEASUREMENTS[what]
    for name in ("tunes", "recordings", "count", "seconds", "work", "results", "replies"):
        if name not in takes and getattr(material, name) not in (None, ()):
            raise ValueError(
                f"{name} is nothing that the evaluation {what!r} takes; it takes {', '.join(takes)}"
            )
    return Evaluation(what, measure(material, generator, progress))


def _gate(material: Material, generator: Generator, progress: Progress) -> Mapping[str, Any]:
    from audiogen.evaluation.gate import GateSettings, measure_gate
    from audiogen.evaluation.material import TunePicker

    usual = GateSettings()
    settings = GateSettings(
        count=material.count or usual.count, seconds=material.seconds or usual.seconds, workers=material.jobs
    )
    return measure_gate(generator.codec, TunePicker(material.tunes, material.seed), settings, progress)


def _melody(material: Material, generator: Generator, progress: Progress) -> Mapping[str, Any]:
    from audiogen.evaluation.material import TunePicker
    from audiogen.evaluation.melody import MelodySettings, measure_melody

    usual = MelodySettings()
    settings = MelodySettings(
        count=material.count or usual.count, seconds=material.seconds or usual.seconds, seed=material.seed,
        workers=material.jobs,
    )  # fmt: skip
    return measure_melody(generator, TunePicker(material.tunes, material.seed), settings, progress)


def _long(material: Material, generator: Generator, progress: Progress) -> Mapping[str, Any]:
    from audiogen.evaluation.long_play import measure_long
    from audiogen.evaluation.material import TunePicker

    picker = TunePicker(material.tunes, material.seed)
    count, seconds = material.count or 3, material.seconds or 300.0
    return measure_long(generator, picker, count, seconds, material.jobs, progress)


def _transcription(material: Material, generator: Generator, progress: Progress) -> Mapping[str, Any]:
    from audiogen.evaluation.material import TunePicker
    from audiogen.evaluation.transcription_quality import measure_transcription

    picker = TunePicker(material.tunes, material.seed)
    count, seconds = material.count or 30, material.seconds or 25.0
    return measure_transcription(generator, picker, count, seconds, progress=progress)


def _codec(material: Material, generator: Generator, progress: Progress) -> Mapping[str, Any]:
    from audiogen.evaluation.clips import recorded_clips, rendered_clips, sound_files
    from audiogen.evaluation.codec_quality import QualitySettings, measure_codec
    from audiogen.evaluation.material import TunePicker

    count, seconds = material.count or 12, material.seconds or 10.0
    hertz = generator.codec.spec.sample_rate
    picker = TunePicker(material.tunes, material.seed)
    groups = sound_files(material.recordings) if material.recordings else {}
    fonts: Sequence[str | None] = (None, UNSEEN_FONT) if material.tunes is not None or not groups else ()
    total = count * len(fonts) + sum(max(count, len(files)) for files in groups.values())
    clips = chain(
        rendered_clips(picker, fonts, count, seconds, hertz),
        recorded_clips(groups, count, seconds, hertz, picker.rejected),
    )
    settings = QualitySettings(workers=material.jobs)
    found = measure_codec(generator.codec, clips, total=total, settings=settings, progress=progress)
    return {**found, "rejected": picker.rejected}


def _tunes(material: Material, generator: Generator, progress: Progress) -> Mapping[str, Any]:
    from audiogen.evaluation.material import TunePicker
    from audiogen.evaluation.tune_quality import TuneSettings, measure_tunes
    from audiogen.originality import training_index

    picker = None if material.tunes is None else TunePicker(material.tunes, material.seed)
    index = training_index(None, None, progress).index
    settings = TuneSettings(
        count=material.count or TuneSettings().count, seed=material.seed, index=index, workers=material.jobs
    )
    return measure_tunes(generator.composer, picker, settings, progress).figures


def _all(material: Material, generator: Generator, progress: Progress) -> Mapping[str, Any]:
    from audiogen.comparison.suite.run import SuiteMaterial, run_suite

    if material.work is None or material.results is None:
        raise ValueError(
            "the evaluation 'all' needs two folders: work, for every sound, and results, for its page"
        )
    beside = SuiteMaterial(material.tunes, material.recordings, material.replies)
    found = run_suite(material.work, material.results, generator, beside, material.jobs, progress)
    panels = {"tune_means": found.tunes, "recording_means": found.recordings}
    return {
        "figure": "all",
        "suite": found.name,
        **found.comparison.summary.to_json(),
        **{name: panel.to_json()["means"] for name, panel in panels.items() if panel is not None},
        "errors": list(found.errors),
    }


Measure = Callable[[Material, "Generator", Progress], Mapping[str, Any]]
# What can be measured, and what of Material it takes besides seed and jobs.
MEASUREMENTS: Mapping[str, tuple[Measure, tuple[str, ...]]] = {
    "gate": (_gate, ("tunes", "count", "seconds")),
    "melody": (_melody, ("tunes", "count", "seconds")),
    "long": (_long, ("tunes", "count", "seconds")),
    "transcription": (_transcription, ("tunes", "count", "seconds")),
    "codec": (_codec, ("tunes", "recordings", "count", "seconds")),
    "tunes": (_tunes, ("tunes", "count")),
    "all": (_all, ("tunes", "recordings", "work", "results", "replies")),
}
