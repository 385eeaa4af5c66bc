"""The figures of all cells together: means with intervals, distances of sets, and which routes differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from audiogen.comparison.cells import Cell, Shelf
from audiogen.comparison.metrics import adherence, melody, sound, symbolic
from audiogen.comparison.metrics.definition import Definition
from audiogen.comparison.metrics.sets import FEWEST, Embedding, frechet_distance, kernel_distance
from audiogen.comparison.metrics.statistics import Interval, bootstrap, paired_p
from audiogen.comparison.plan import REFERENCE, SOUNDFONT, Plan, cell_name
from audiogen.evaluation.material import mono
from audiogen.seeds import stage_rng

FAMILIES: dict[str, dict[str, Definition]] = {
    "melody adherence": melody.DEFINITIONS,
    "prompt adherence": adherence.DEFINITIONS,
    "sound": sound.DEFINITIONS,
    "tune": symbolic.DEFINITIONS,
}
DEFINITIONS: dict[str, Definition] = {
    name: definition for family in FAMILIES.values() for name, definition in family.items()
}


@dataclass(frozen=True)
class SetDistance:
    """How far a route's sounds are from the reference set; `windows` of each."""

    route: str
    kad: float
    fad: float
    windows: int
    reference_windows: int


@dataclass(frozen=True)
class Difference:
    """A figure in which two routes were tested against each other over the same prompts."""

    figure: str
    first: str
    second: str
    difference: float
    pairs: int
    p: float


@dataclass(frozen=True)
class Summary:
    """`means` by figure and route; `distances` of sets from `reference` in `embedding`; `differences` of routes."""

    means: Mapping[str, Mapping[str, Interval]]
    distances: tuple[SetDistance, ...]
    reference: str
    embedding: str
    differences: tuple[Difference, ...]

    def to_json(self) -> dict[str, Any]:
        """JSON values, rounded so that they are the same on every run."""
        return _plain(asdict(self))


def summarise(
    plan: Plan, shelf: Shelf, cells: Mapping[tuple[int, str], Cell], embedding: tuple[str, Embedding]
) -> Summary:
    """Summarise a comparison.

    Args:
        plan: its prompts and columns.
        shelf: where the sounds are.
        cells: by number of the prompt and route.
        embedding: its name, and the function from sound to features.
    """
    rng = stage_rng(plan.seed, "comparison")
    numbers = range(1, len(plan.prompts) + 1)
    table = {
        name: {
            route: {n: value for n in numbers if (value := cells[n, route].figures.get(name)) is not None}
            for route in plan.columns
        }
        for name in DEFINITIONS
    }
    means = {
        name: {route: bootstrap(list(values.values()), rng) for route, values in routes.items() if values}
        for name, routes in table.items()
    }
    differences = tuple(
        _difference(name, pair, table[name], rng)
        for name, definition in DEFINITIONS.items()
        if definition.better
        for pair in combinations(plan.columns, 2)
        if len(table[name][pair[0]].keys() & table[name][pair[1]].keys()) >= FEWEST
    )
    reference, distances = _distances(plan, shelf, cells, embedding[1])
    return Summary(means, distances, reference, embedding[0], differences)


def _difference(
    name: str, pair: tuple[str, str], routes: Mapping[str, Mapping[int, float]], rng: np.random.Generator
) -> Difference:
    first, second = (routes[route] for route in pair)
    shared = sorted(first.keys() & second.keys())
    ours, theirs = [first[n] for n in shared], [second[n] for n in shared]
    gap = float(np.mean(ours) - np.mean(theirs))
    return Difference(name, *pair, gap, len(shared), paired_p(ours, theirs, rng))


def _distances(
    plan: Plan, shelf: Shelf, cells: Mapping[tuple[int, str], Cell], embed: Embedding
) -> tuple[str, tuple[SetDistance, ...]]:
    """Distances from the reference recordings, else from the SoundFont route; none where neither is there."""
    sets: dict[str, np.ndarray] = {}
    for route in plan.columns:
        rows = []
        for number in range(1, len(plan.prompts) + 1):
            if not cells[number, route].error:
                heard = shelf.sound(cell_name(number, route))
                rows.append(embed(mono(heard), heard.sample_rate))
        if rows and sum(map(len, rows)) >= FEWEST:
            sets[route] = np.concatenate(rows)
    reference = next((route for route in (REFERENCE, SOUNDFONT) if route in sets), "")
    if not reference:
        return "", ()
    real = sets[reference]
    return reference, tuple(
        SetDistance(route, kernel_distance(made, real), frechet_distance(made, real), len(made), len(real))
        for route, made in sets.items()
        if route != reference
    )


def figures_rows(plan: Plan, cells: Mapping[tuple[int, str], Cell]) -> list[dict[str, Any]]:
    """One row a cell, for CSV: prompt, route, seed, seconds, error and every figure."""
    return [
        {
            "prompt": cell.prompt, "route": route, "seed": cell.seed, "seconds": cell.seconds, "error": cell.error,
            **{name: cell.figures.get(name) for name in DEFINITIONS},
        }
        for (_, route), cell in cells.items()
    ]  # fmt: skip


def families_shown(means: Mapping[str, Mapping[str, Interval]]) -> Sequence[tuple[str, list[str]]]:
    """Each family with those of its figures that some route has."""
    shown = [(family, [name for name in names if means[name]]) for family, names in FAMILIES.items()]
    return [(family, names) for family, names in shown if names]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(entry) for key, entry in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry) for entry in value]
    return round(value, 5) if isinstance(value, float) else value
