"""The figures of all cells together: means with intervals, distances of sets, and which routes differ."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import combinations
from typing import Any

import numpy as np

from audiogen.comparison.cells import Cell, Shelf
from audiogen.comparison.metrics import across, adherence, instruments, melody, sound, symbolic
from audiogen.comparison.metrics.definition import Definition
from audiogen.comparison.metrics.embeddings import Embedding
from audiogen.comparison.metrics.instruments import instrument_chances, tag_divergence
from audiogen.comparison.metrics.sets import (
    FEWEST,
    frechet_distance,
    jackknife,
    kernel_distance,
)
from audiogen.comparison.metrics.statistics import Interval, bootstrap, paired_p
from audiogen.comparison.plan import REFERENCE, SOUNDFONT, Plan, cell_name
from audiogen.evaluation.material import mono
from audiogen.seeds import stage_rng

FAMILIES: dict[str, dict[str, Definition]] = {
    "melody adherence": melody.DEFINITIONS,
    "prompt adherence": {**adherence.DEFINITIONS, **instruments.DEFINITIONS},
    "sound": sound.DEFINITIONS,
    "tune": symbolic.DEFINITIONS,
    "tune heard in the sound": across.DEFINITIONS,
}
DEFINITIONS: dict[str, Definition] = {
    name: definition for family in FAMILIES.values() for name, definition in family.items()
}


@dataclass(frozen=True)
class SetDistance:
    """How far a route's sounds are from the reference set; `windows` of each.

    `tag_divergence`: of the instruments that the tagger hears, prompt by prompt; None where none could be heard. Of the
    reference itself the distances are those of its odd prompts from its even ones: the floor of real against real.
    """

    route: str
    kad: Interval
    fad: Interval
    tag_divergence: Interval | None
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
    embedded: dict[str, dict[int, np.ndarray]] = {}
    tags: dict[str, dict[int, Mapping[str, float]]] = {}
    for route in plan.columns:
        embedded[route], tags[route] = {}, {}
        for number in range(1, len(plan.prompts) + 1):
            if cells[number, route].error:
                continue
            heard = shelf.sound(cell_name(number, route))
            rows = embed(mono(heard), heard.sample_rate)
            if len(rows):
                embedded[route][number] = rows
            with suppress(ValueError):
                tags[route][number] = instrument_chances(mono(heard), heard.sample_rate)
    embedded = {
        route: sounds for route, sounds in embedded.items() if sum(map(len, sounds.values())) >= FEWEST
    }
    reference = next((route for route in (REFERENCE, SOUNDFONT) if route in embedded), "")
    if not reference:
        return "", ()
    found = [
        _distance(route, embedded[route], embedded[reference], _divergence(tags[route], tags[reference]))
        for route in embedded
        if route != reference
    ]
    sounds = list(embedded[reference].values())
    odd, even = dict(enumerate(sounds[::2])), dict(enumerate(sounds[1::2]))
    if all(sum(map(len, half.values())) >= FEWEST for half in (odd, even)):
        found.append(_distance(reference, odd, even, None))
    return reference, tuple(found)


def _distance(
    route: str, made: Mapping[int, np.ndarray], real: Mapping[int, np.ndarray], divergence: Interval | None
) -> SetDistance:
    """Of sounds by the number of their prompt; those that both have come first, so that they are left out together."""
    shared = [number for number in made if number in real]
    ours, theirs = (
        [sounds[number] for number in shared]
        + [rows for number, rows in sounds.items() if number not in shared]
        for sounds in (made, real)
    )
    return SetDistance(
        route, jackknife(kernel_distance, ours, theirs), jackknife(frechet_distance, ours, theirs), divergence,
        sum(map(len, ours)), sum(map(len, theirs)),
    )  # fmt: skip


def _divergence(
    made: Mapping[int, Mapping[str, float]], real: Mapping[int, Mapping[str, float]]
) -> Interval | None:
    """Of the tags of each prompt's sound from those of its reference."""
    values = [tag_divergence(real[number], made[number]) for number in made if number in real]
    return bootstrap(values, np.random.default_rng(0)) if values else None


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
