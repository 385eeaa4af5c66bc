"""A panel: means over the rows that have a value, and the same after a round trip."""

from __future__ import annotations

import json

from audiogen.comparison.suite.panel import Panel

ROWS = [{"pitch": {"player": 1.0, "floor": 0.25}}, {"pitch": {"player": 0.5}, "lag": {"player": -3.0}}]


def test_means_are_over_the_rows_that_have_a_value() -> None:
    panel = Panel.of_rows("two rows", {"player": "our player", "floor": "floor"}, ROWS)
    assert panel.means["pitch"]["player"].mean == 0.75
    assert {route: value.count for route, value in panel.means["pitch"].items()} == {"player": 2, "floor": 1}
    assert list(panel.means["lag"]) == ["player"]


def test_a_panel_comes_back_from_its_json() -> None:
    panel = Panel.of_rows("two rows", {"player": "our player"}, ROWS, ["x.abc: empty"])
    assert Panel.from_json(json.loads(json.dumps(panel.to_json()))) == panel
