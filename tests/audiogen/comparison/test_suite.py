"""The fixed suite: it stays the same, its page is the same when repeated, and its reading follows the figures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from audiogen.comparison import suite
from audiogen.comparison.comparison import Comparison
from audiogen.comparison.metrics.statistics import Interval
from audiogen.generator import Generator


@pytest.fixture
def ran(tmp_path: Path, tiny_weights: Path, monkeypatch: pytest.MonkeyPatch) -> Comparison:
    short = replace(suite.suite_plan(), prompts=suite.suite_plan().prompts[:2], seconds=2.0)
    monkeypatch.setattr(suite, "suite_plan", lambda replies: short)
    generator = Generator(tiny_weights)
    suite.run_suite(tmp_path / "first", tmp_path / "one", generator)
    return suite.run_suite(tmp_path / "second", tmp_path / "two", generator)


def test_the_suite_is_what_it_was() -> None:
    plan = suite.suite_plan()
    assert (len(plan.prompts), plan.seconds, plan.seed) == (8, 20.0, 1)
    assert plan.prompts[0] == "a lively jig in D major on the fiddle"


def test_a_second_run_gives_the_same_page_plot_and_numbers(ran: Comparison, tmp_path: Path) -> None:
    for name in (suite.PAGE, suite.PLOT, suite.RESULTS):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    page = (tmp_path / "one" / suite.PAGE).read_text(encoding="utf-8")
    assert "## Reading" in page
    assert "| notes at pitch ↑ (share of notes) | " in page


def test_the_reading_names_the_better_mean(ran: Comparison) -> None:
    def with_keys(free: float, tune: float) -> Comparison:
        means = {name: dict(routes) for name, routes in ran.summary.means.items()}
        means["key_right"] = {
            route: Interval(value, value, value, 2)
            for route, value in {"free": free, "tune": tune, "soundfont": 0.0}.items()
        }
        return replace(ran, summary=replace(ran.summary, means=means))

    audio, symbols = suite.reading(with_keys(1.0, 0.5))[:2]
    assert "key" in audio
    assert "key" not in symbols.split(".")[0]
    audio, symbols = suite.reading(with_keys(0.5, 1.0))[:2]
    assert "key" not in audio
    assert "key" in symbols.split(".")[0]
