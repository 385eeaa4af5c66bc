"""The page of the suite's results: tables with intervals, a plot, and a reading of them by fixed rules."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterable, Iterator, Mapping

from audiogen.comparison.comparison import Comparison
from audiogen.comparison.metrics.statistics import Interval
from audiogen.comparison.plan import FREE, LLM_ROUTES, OUR_ROUTES, SOUNDFONT
from audiogen.comparison.suite.panel import Panel
from audiogen.comparison.suite.recordings import NOTES, TOKENS
from audiogen.comparison.summary import DEFINITIONS, families_shown
from audiogen.evaluation.pictures import new_figure

PAGE, PLOT, RESULTS = "README.md", "figures.png", "results.json"
PLOTTED = ("pitch_right", "onset_f1", "chroma_cosine", "tempo_right", "key_right")
# Sound from the words alone against sound from symbols.
AUDIO = (FREE,)
# Means nearer to each other than this are called equal.
EQUAL = 0.01


def suite_plot(found: Comparison) -> bytes:
    """A bar for each route and figure of the prompts, PNG."""
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


def suite_page(
    name: str, found: Comparison, tunes: Panel | None, recordings: Panel | None, codec_identity: str
) -> str:
    """The page, Markdown; a panel is None where its material was not at hand."""
    plan = found.plan
    lines = [
        f"# Results of the fixed suite: {name}",
        "",
        f"`audiogen evaluate all`, codec {codec_identity}. Means with 95 % bootstrap intervals, and how many values "
        "each has; ↑ more is better, ↓ less is. What each figure counts is in [docs/compare.md](../compare.md).",
        "",
        "## Prompts",
        "",
        f"{len(plan.prompts)} prompts by every route, {plan.seconds:g} s each, seeds from {plan.seed}.",
        "",
        f"![figures by route]({PLOT})",
        "",
        *_table({route: plan.title_of(route) for route in plan.columns}, _figures(found)),
        "",
        *_set_rows(found),
        *(f"{number}. {prompt}" for number, prompt in enumerate(plan.prompts, 1)),
        "",
        "## Test tunes",
        "",
        *_panel(tunes),
        "## Recordings, kept as tokens and as notes",
        "",
        *_panel(recordings),
        "## Reading",
        "",
        *(f"- {sentence}" for sentence in reading(found, tunes, recordings)),
    ]
    return "\n".join(lines) + "\n"


def _panel(panel: Panel | None) -> Iterator[str]:
    if panel is None:
        yield "Not measured here."
    else:
        yield panel.what
        yield ""
        yield from _table(panel.columns, ((title, means, 2) for title, means in panel.means.items()))
    yield ""


Row = tuple[str, Mapping[str, Interval], int]


def _table(columns: Mapping[str, str], rows: Iterable[Row]) -> Iterator[str]:
    """A row for each figure: its title, its means by route and their digits; last the least and the greatest count."""
    yield "| figure | " + " | ".join(columns.values()) + " | n |"
    yield "|---|" + "---|" * (len(columns) + 1)
    for title, means, digits in rows:
        cells = [_span(means[route], digits) if route in means else "-" for route in columns]
        counts = [value.count for value in means.values()]
        count = f"{min(counts)} to {max(counts)}" if min(counts) < max(counts) else f"{counts[0]}"
        yield f"| {title} | " + " | ".join(cells) + f" | {count} |"


def _figures(found: Comparison) -> Iterator[Row]:
    for _, names in families_shown(found.summary.means):
        for name in names:
            definition = DEFINITIONS[name]
            arrow = {1: " ↑", -1: " ↓", 0: ""}[definition.better]
            title = f"{definition.title}{arrow} ({definition.unit})"
            yield title, found.summary.means[name], definition.digits


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


def reading(found: Comparison, tunes: Panel | None = None, recordings: Panel | None = None) -> list[str]:
    """What the figures say, a sentence each, by one rule: the better mean wins unless the two are nearly equal."""
    audio, symbols = _ahead(found, AUDIO, [route for route in OUR_ROUTES if route not in AUDIO])
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
        writers = ("our composer's tunes are", "the language model's are")
        titles = _ahead(found, [SOUNDFONT], [LLM_ROUTES[0]])
        ahead = [
            f"{writer} ahead in: {', '.join(own) or 'nothing measured here'}"
            for writer, own in zip(writers, titles, strict=True)
        ]
        said.append(f"By sampled instruments, {'; '.join(ahead)}.")
    else:
        said.append("No language model was at hand: `--reply FILE` adds its routes.")
    said.extend(_of_tunes(tunes) if tunes is not None else ())
    said.extend(_of_recordings(recordings) if recordings is not None else ())
    said.append(
        "These are figures of signals and notes; whether the music is any good is for listeners to say "
        "(`audiogen compare --listen`)."
    )
    return said


def _ahead(found: Comparison, first: Collection[str], second: Collection[str]) -> tuple[list[str], list[str]]:
    """Titles of the figures in which the best of the first routes is ahead, and of those in which the second's is."""
    ahead: tuple[list[str], list[str]] = ([], [])
    for name, definition in DEFINITIONS.items():
        means = found.summary.means[name]
        sides = [
            [definition.better * means[route].mean for route in side if route in means]
            for side in (first, second)
        ]
        if definition.better and all(sides):
            gap = max(sides[0]) - max(sides[1])
            if abs(gap) > EQUAL:
                ahead[gap < 0].append(definition.title)
    return ahead


def _of_tunes(panel: Panel) -> Iterator[str]:
    """How much of what sampled instruments keep of a tune our player keeps."""
    shares = [
        f"{title.split(' ↑')[0]} {means['player'].mean / means['soundfont'].mean:.2f}"
        for title, means in panel.means.items()
        if " ↑" in title and {"player", "soundfont"} <= means.keys() and means["soundfont"].mean
    ]
    yield f"Given a tune, the player has of what sampled instruments have: {', '.join(shares)}."


def _of_recordings(panel: Panel) -> Iterator[str]:
    """Where tokens keep more of a recording than the notes that were heard in it, and where less."""
    ahead: dict[str, list[str]] = {"tokens": [], "notes": []}
    for title, means in panel.means.items():
        sign = -1 if "↓" in title else 1
        tokens, notes = (
            max(sign * means[route].mean for route in routes if route in means) for routes in (TOKENS, NOTES)
        )
        if abs(tokens - notes) > EQUAL:
            ahead["tokens" if tokens > notes else "notes"].append(title.split(" ↑")[0].split(" ↓")[0])
    for way, titles in ahead.items():
        yield f"Of a recording, {way} keep more in: {', '.join(titles) or 'nothing measured here'}."
