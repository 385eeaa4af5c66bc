"""A panel of the suite's page: figures by route, with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from audiogen.comparison.metrics.statistics import Interval, bootstrap

Figures = Mapping[str, Mapping[str, float]]


@dataclass(frozen=True)
class Panel:
    """`means` by figure and route; `columns` are the routes' titles in order; `rejected` what could not be measured.

    `what`: one line on the material.
    """

    what: str
    columns: Mapping[str, str]
    means: Mapping[str, Mapping[str, Interval]]
    rejected: tuple[str, ...] = ()

    @classmethod
    def of_rows(
        cls, what: str, columns: Mapping[str, str], rows: Sequence[Figures], rejected: Sequence[str] = ()
    ) -> Panel:
        """Means over rows, each with values by figure and route; what a row lacks is left out of that mean."""
        means: dict[str, dict[str, Interval]] = {}
        for figure in dict.fromkeys(name for row in rows for name in row):
            values = {route: [row[figure][route] for row in rows if route in row.get(figure, {})]
                      for route in columns}  # fmt: skip
            rng = np.random.default_rng(0)
            means[figure] = {route: bootstrap(found, rng) for route, found in values.items() if found}
        return cls(what, columns, means, tuple(rejected))

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Panel:
        """The panel of `to_json`."""
        means = {
            figure: {route: Interval(**interval) for route, interval in routes.items()}
            for figure, routes in value["means"].items()
        }
        return cls(value["what"], value["columns"], means, tuple(value["rejected"]))

    def to_json(self) -> dict[str, Any]:
        """JSON values."""
        return asdict(self)
