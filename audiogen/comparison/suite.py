"""The fixed suite: prompts that stay the same from version to version, and a page of what each route makes of them."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from audiogen.comparison.comparison import Comparison, compare
from audiogen.comparison.metrics.statistics import Interval
from audiogen.comparison.plan import FREE, LLM_ROUTES, OUR_ROUTES, LanguageModel, Plan, usual_routes
from audiogen.comparison.summary import DEFINITIONS, families_shown
from audiogen.evaluation.pictures import new_figure
from audiogen.progress import Progress
from codec.audio_files import write_bytes

if TYPE_CHECKING:
    from audiogen.generator import Generator

SUITE = Path(__file__).parent / "suite.json"
PAGE, PLOT, RESULTS = "README.md", "figures.png", "results.json"
PLOTTED = ("pitch_right", "onset_f1", "chroma_cosine", "tempo_right", "key_right")
# Sound from the words alone against sound from symbols.
AUDIO = (FREE,)
# Means nearer to each other than this are called equal.
EQUAL = 0.01


def suite_plan(replies: Sequence[Path] = ()) -> Plan:
    """The suite's plan; with a language model's saved replies its routes too."""
    facts = json.loads(SUITE.read_text(encoding="utf-8"))
    llm = LanguageModel(replies=tuple(replies)) if replies else None
    return Plan(tuple(facts["prompts"]), usual_routes(llm), float(facts["seconds"]), facts["seed"], llm)


def run_suite(
    work: Path,
    results: Path,
    generator: Generator,
    replies: Sequence[Path] = (),
    progress: Progress = lambda stage, done: None,
) -> Comparison:
    """Compare the routes on the suite and write the results page, its plot and its numbers.

    Args:
        work: folder of the comparison, with every sound; a broken-off run there is resumed.
        results: folder of the page; the same commit gives the same files.
        generator: our weights.
        replies: a language model's, one for each prompt or a .jsonl.
        progress: told each stage's name and how much of it is done.

    Raises:
        ValueError: as `compare`.
    """
    found = compare(suite_plan(replies), work, generator, progress=progress)
    results.mkdir(parents=True, exist_ok=True)
    write_bytes(results / PLOT, _plot(found))
    write_bytes(results / PAGE, _page(found, generator.codec.spec.identity).encode())
    numbers = {
        "prompts": list(found.plan.prompts),
        "seed": found.plan.seed,
        "summary": found.summary.to_json(),
    }
    write_bytes(results / RESULTS, (json.dumps(numbers, indent=1, ensure_ascii=False) + "\n").encode())
    return found


def _plot(found: Comparison) -> bytes:
    names = [name for name in PLOTTED if found.summary.means[name]]
    figure = new_figure(8.0, 3.6)
    axis = figure.subplots()
    columns = found.plan.columns
    for place, route in enumerate(columns):
        shown = [(n, found.summary.means[name][route]) for n, name in enumerate(names)
                 if route in found.summary.means[name]]  # fmt: skip
        places = [n + (place - (len(columns) - 1) / 2) * 0.8 / len(columns) for n, _ in shown]
        means = [value.mean for _, value in shown]
        errors = [[v.mean - v.low for _, v in shown], [v.high - v.mean for _, v in shown]]
        axis.bar(places, means, 0.75 / len(columns), yerr=errors, capsize=2, label=found.plan.title_of(route))
    axis.set_xticks(range(len(names)), [DEFINITIONS[name].title for name in names])
    axis.set(ylim=(0, 1.05))
    axis.legend(fontsize=8, ncols=3, loc="upper center", bbox_to_anchor=(0.5, 1.22))
    picture = io.BytesIO()
    figure.savefig(picture, dpi=90, format="png", metadata={"Software": None})
    return picture.getvalue()


def _page(found: Comparison, codec_identity: str) -> str:
    plan = found.plan
    lines = [
        "# Results of the fixed suite",
        "",
        f"`audiogen evaluate all`: {len(plan.prompts)} prompts, {plan.seconds:g} s each, seeds from {plan.seed}, codec "
        f"{codec_identity}. Means with 95 % bootstrap intervals; ↑ more is better, ↓ less is. What each figure counts "
        "is in [docs/compare.md](../compare.md).",
        "",
        f"![figures by route]({PLOT})",
        "",
        "| figure | " + " | ".join(plan.title_of(route) for route in plan.columns) + " |",
        "|---|" + "---|" * len(plan.columns),
        *_rows(found),
        "",
        *_set_rows(found),
        "## Reading",
        "",
        *(f"- {sentence}" for sentence in reading(found)),
        "",
        "## Prompts",
        "",
        *(f"{number}. {prompt}" for number, prompt in enumerate(plan.prompts, 1)),
    ]
    return "\n".join(lines) + "\n"


def _rows(found: Comparison) -> Iterator[str]:
    for _, names in families_shown(found.summary.means):
        for name in names:
            definition, means = DEFINITIONS[name], found.summary.means[name]
            arrow = {1: " ↑", -1: " ↓", 0: ""}[definition.better]
            cells = [
                _span(means[route], definition.digits) if route in means else "-"
                for route in found.plan.columns
            ]
            yield f"| {definition.title}{arrow} ({definition.unit}) | " + " | ".join(cells) + " |"


def _set_rows(found: Comparison) -> Iterator[str]:
    if not found.summary.distances:
        return
    reference = found.plan.title_of(found.summary.reference)
    yield (
        f'Distances from the {reference} in the embedding "{found.summary.embedding}", with 95 % intervals by the '
        "jackknife over prompts; the last row is the floor, one half of the reference from the other:"
    )
    yield ""
    yield "| route | KAD ↓ | FAD ↓ | KL of instruments ↓ | windows |"
    yield "|---|---|---|---|---|"
    for item in found.summary.distances:
        divergence = "-" if item.tag_divergence is None else _span(item.tag_divergence)
        yield (
            f"| {found.plan.title_of(item.route)} | {_span(item.kad)} | {_span(item.fad)} | {divergence} | "
            f"{item.windows} |"
        )
    yield ""


def _span(value: Interval, digits: int = 2) -> str:
    mean, low, high = (f"{number:.{digits}f}" for number in (value.mean, value.low, value.high))
    return f"{mean} ({low} to {high})"


def reading(found: Comparison) -> list[str]:
    """What the figures say, a sentence each, by one rule: the better mean wins unless the two are nearly equal."""
    audio: list[str] = []
    symbols: list[str] = []
    for name, definition in DEFINITIONS.items():
        means = found.summary.means[name]
        ours = {route: means[route].mean for route in OUR_ROUTES if route in means}
        theirs = {route: value for route, value in ours.items() if route not in AUDIO}
        free = [ours[route] for route in AUDIO if route in ours]
        if not definition.better or not free or not theirs:
            continue
        best = max(theirs.values(), key=lambda value: definition.better * value)
        gap = definition.better * (free[0] - best)
        if abs(gap) > EQUAL:
            (audio if gap > 0 else symbols).append(definition.title)
    failed = [line for line in found.errors if line.split(", ", 1)[1].startswith(LLM_ROUTES)]
    faults: dict[str, int] = {}
    for (_, route), cell in found.cells.items():
        if route == LLM_ROUTES[0]:
            for item in cell.shortcomings:
                aspect = item.split(":")[0]
                faults[aspect] = faults.get(aspect, 0) + 1
    said = [
        f"Audio from the words alone is ahead in: {', '.join(audio) or 'nothing measured here'}.",
        f"Symbols first are ahead in: {', '.join(symbols) or 'nothing measured here'}. The melody that audio from "
        "words alone is measured against is the player's own, made up as it plays.",
    ]
    if set(LLM_ROUTES) & set(found.plan.columns):
        counted = ", ".join(f"{aspect} {count}" for aspect, count in sorted(faults.items())) or "none"
        said.append(
            f"The language model's tunes: {len(failed)} could not be played; shortcomings: {counted}."
        )
    else:
        said.append("No language model was at hand: `--reply FILE` adds its routes.")
    said.append(
        "These are figures of signals and notes; whether the music is any good is for listeners to say "
        "(`audiogen compare --listen`)."
    )
    return said
