"""The report of a comparison: one HTML page with everything in it."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Mapping

from audiogen.comparison.cells import Cell, Shelf
from audiogen.comparison.metrics.definition import Definition
from audiogen.comparison.metrics.statistics import CONFIDENCE, RESAMPLES, Interval
from audiogen.comparison.page import audio, bullets, document, image, table, text
from audiogen.comparison.pictures import draw_cell
from audiogen.comparison.plan import Plan, cell_name
from audiogen.comparison.summary import DEFINITIONS, Summary, families_shown
from audiogen.evaluation.material import mono
from audiogen.progress import Progress
from audiogen.sheet_music import sheet_music
from audiogen.version import VERSION
from symbolic_bridge.tune import Tune

# Below this a difference is named; with many figures some of them pass by chance.
NAMED_P = 0.05


def report_page(
    plan: Plan,
    shelf: Shelf,
    cells: Mapping[tuple[int, str], Cell],
    summary: Summary,
    progress: Progress = lambda stage, done: None,
) -> str:
    """The page.

    Raises:
        ValueError: matplotlib is not installed.
    """
    sections = []
    for number, prompt in enumerate(plan.prompts, 1):
        cards = "".join(_card(plan, shelf, number, route, cells[number, route]) for route in plan.columns)
        understood = next((c.understood for r in plan.columns if (c := cells[number, r]).understood), "")
        said = f'<p class="soft">understood: {text(understood)}</p>' if understood else ""
        sections.append(
            f'<section><h2>{number}. {text(prompt)}</h2>{said}<div class="cards">{cards}</div></section>'
        )
        progress("report", number / len(plan.prompts))
    body = (
        f"<h1>Comparison of {len(plan.columns)} routes on {len(plan.prompts)} prompts</h1>"
        f'<p class="soft">audiogen {text(VERSION)}, {plan.seconds:g} s each, seeds from {plan.seed}. The sounds in '
        "this page are MP3; the WAV files that were measured lie beside it in the folder sounds.</p>"
        f"{''.join(sections)}{_figures(plan, summary)}{_distances(plan, summary)}{_differences(plan, summary)}"
        f"{_timings(plan, cells)}{_meanings(summary)}"
    )
    return document("Comparison", body)


def _card(plan: Plan, shelf: Shelf, number: int, route: str, cell: Cell) -> str:
    title = plan.title_of(route)
    head = f"<h3>{text(title)}</h3>"
    if cell.error:
        return f'<div class="card">{head}<p class="error">{text(cell.error)}</p></div>'
    name = cell_name(number, route)
    sound = shelf.sound(name)
    performance = shelf.performance(name)
    label = f"{title}, prompt {number}"
    picture = draw_cell(mono(sound), sound.sample_rate, performance, max(plan.seconds, cell.seconds))
    parts = [head, f'<p class="soft">{text(cell.title)}</p>' if cell.title else "", audio(sound, label)]
    parts.append(image(picture, "image/png", f"{label}: waveform, mel spectrogram, chromagram, piano roll"))
    if cell.abc:
        parts.append(_details("Score", f"{_sheet(cell.abc, label)}<pre>{text(cell.abc)}</pre>"))
    if cell.shortcomings:
        parts.append(_details(f"Shortcomings ({len(cell.shortcomings)})", bullets(cell.shortcomings)))
    if cell.notes:
        parts.append(_details(f"Notes ({len(cell.notes)})", bullets(cell.notes)))
    return f'<div class="card">{"".join(parts)}</div>'


def _details(title: str, content: str) -> str:
    return f"<details><summary>{text(title)}</summary>{content}</details>"


def _sheet(abc: str, label: str) -> str:
    if importlib.util.find_spec("verovio") is None:
        return ""
    try:
        drawn = sheet_music(Tune.from_abc(abc))
    except ValueError as error:
        return f'<p class="soft">{text(error)}</p>'
    return image(drawn.encode(), "image/svg+xml", f"{label}: sheet music")


def _figures(plan: Plan, summary: Summary) -> str:
    def rows() -> Iterator[tuple[str, list[str]]]:
        for family, names in families_shown(summary.means):
            yield "family", [family, *[""] * len(plan.columns)]
            for name in names:
                definition, means = DEFINITIONS[name], summary.means[name]
                arrow = {1: " ↑", -1: " ↓", 0: ""}[definition.better]
                shown = [_interval(means.get(route), definition) for route in plan.columns]
                yield "", [f"{definition.title}{arrow} ({definition.unit})", *shown]

    columns = ["figure", *(plan.title_of(route) for route in plan.columns)]
    return (
        f'<section><h2>Figures</h2><p class="soft">Mean over the prompts, {CONFIDENCE:.0%} bootstrap interval '
        f"({RESAMPLES} resamples, seeded), number of prompts. ↑ more is better, ↓ less is; each floor stands below its "
        f"figure, and the SoundFont route is the ceiling of melody adherence.</p>{table(columns, rows())}</section>"
    )


def _interval(value: Interval | None, definition: Definition) -> str:
    if value is None:
        return "-"
    mean, low, high = (f"{number:.{definition.digits}f}" for number in (value.mean, value.low, value.high))
    return f"{mean} [{low}, {high}] n={value.count}"


def _distances(plan: Plan, summary: Summary) -> str:
    if not summary.distances:
        return ""
    rows = []
    for d in summary.distances:
        own = d.route == summary.reference
        name = f"{plan.title_of(d.route)}, one half from the other" if own else plan.title_of(d.route)
        divergence = "-" if d.tag_divergence is None else _span(d.tag_divergence)
        cells = [
            name,
            _span(d.kad),
            _span(d.fad),
            divergence,
            str(d.windows),
            str(d.reference_windows),
        ]
        rows.append(("", cells))
    heads = ["route", "KAD ↓", "FAD ↓", "KL of instruments ↓", "windows", "of the reference"]
    return (
        f"<section><h2>Distance from the {text(plan.title_of(summary.reference))}</h2>"
        f'<p class="soft">Embedding: {text(summary.embedding)}. 95 % intervals by the jackknife over prompts. Few '
        "windows: FAD is biased upwards, KAD is not. The last row is the floor: real sounds against real ones.</p>"
        f"{table(heads, rows)}</section>"
    )


def _span(value: Interval) -> str:
    return f"{value.mean:.3f} ({value.low:.3f} to {value.high:.3f})"


def _differences(plan: Plan, summary: Summary) -> str:
    named = [item for item in summary.differences if item.p < NAMED_P]
    tested = len(summary.differences)
    if not tested:
        return ""
    rows = [
        ("", [DEFINITIONS[d.figure].title, plan.title_of(d.first), plan.title_of(d.second), f"{d.difference:+.3f}",
              str(d.pairs), f"{d.p:.4f}"])
        for d in named
    ]  # fmt: skip
    chance = f"{tested * NAMED_P:.1f}"
    said = (
        f"Paired sign-flip tests over the prompts; {tested} were made, of which about {chance} would come out below "
        f"{NAMED_P} by chance. With five prompts or fewer none can."
    )
    found = (
        table(["figure", "route", "against", "difference", "prompts", "p"], rows) if rows else "<p>None.</p>"
    )
    return f'<section><h2>Differences with p below {NAMED_P}</h2><p class="soft">{text(said)}</p>{found}</section>'


def _timings(plan: Plan, cells: Mapping[tuple[int, str], Cell]) -> str:
    stages = list(dict.fromkeys(stage for cell in cells.values() for stage in cell.timings))
    rows = []
    for route in plan.columns:
        own = [cells[n, route] for n in range(1, len(plan.prompts) + 1)]
        sums = {stage: sum(cell.timings.get(stage, 0.0) for cell in own) for stage in stages}
        rows.append(("", [plan.title_of(route), *(f"{sums[stage]:.1f}" for stage in stages)]))
    return f"<section><h2>Seconds of work, all prompts</h2>{table(['route', *stages], rows)}</section>"


def _meanings(summary: Summary) -> str:
    rows = [
        ("", [DEFINITIONS[name].title, DEFINITIONS[name].text])
        for _, names in families_shown(summary.means)
        for name in names
    ]
    return f"<section><h2>What the figures count</h2>{_details('Definitions', _list(rows))}</section>"


def _list(rows: list[tuple[str, list[str]]]) -> str:
    items = "".join(f"<p><b>{text(cells[0])}</b>: {text(cells[1])}</p>" for _, cells in rows)
    return f"<div>{items}</div>"
