"""The fixed suite: it stays the same, its page is the same when repeated, and its reading follows the figures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from audiogen.comparison.metrics.statistics import Interval
from audiogen.comparison.suite import run
from audiogen.comparison.suite.page import PAGE, PLOT, RESULTS, reading
from audiogen.comparison.suite.panel import Panel
from audiogen.comparison.suite.run import SuiteMaterial, SuiteResults, run_suite
from audiogen.generator import Generator


@pytest.fixture
def material(here: Path) -> SuiteMaterial:
    return SuiteMaterial(tunes=here / "kesh.abc")


@pytest.fixture
def ran(
    tmp_path: Path, tiny_weights: Path, material: SuiteMaterial, monkeypatch: pytest.MonkeyPatch
) -> SuiteResults:
    plan = run.suite_plan()
    short = replace(plan, prompts=plan.prompts[:2], seconds=2.0)
    facts = {**run.suite_facts(), "tunes": {"count": 1, "seconds": 3, "seed": 1}}
    monkeypatch.setattr(run, "suite_plan", lambda replies: short)
    monkeypatch.setattr(run, "suite_facts", lambda: facts)
    generator = Generator(tiny_weights)
    run_suite(tmp_path / "first", tmp_path / "one", generator, material)
    return run_suite(tmp_path / "second", tmp_path / "two", generator, material)


def test_the_suite_is_what_it_was() -> None:
    plan, facts = run.suite_plan(), run.suite_facts()
    assert facts["name"] == "folk tunes 2"
    assert (len(plan.prompts), plan.seconds, plan.seed) == (12, 20.0, 1)
    assert plan.prompts[0] == "a lively jig in D major for tin whistle"
    assert facts["tunes"] == {"seconds": 20, "seed": 1, "count": 12}
    assert len(facts["recordings"]["files"]) == 8


def test_a_second_run_gives_the_same_page_plot_and_numbers(ran: SuiteResults, tmp_path: Path) -> None:
    for name in (PAGE, PLOT, RESULTS):
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes(), name
    page = (tmp_path / "one" / PAGE).read_text(encoding="utf-8")
    assert "| notes at pitch ↑ (share of notes) | " in page
    assert "1 tunes of kesh.abc" in page
    assert page.count("Not measured here.") == 1  # no recordings were given


def test_a_finished_part_is_taken_as_it_is(
    ran: SuiteResults,
    tmp_path: Path,
    tiny_weights: Path,
    material: SuiteMaterial,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run, "measure_tunes", None)
    again = run_suite(tmp_path / "first", tmp_path / "three", Generator(tiny_weights), material)
    assert again.comparison.resumed == len(again.comparison.cells)
    assert again.tunes == ran.tunes
    (tmp_path / "first" / run.TUNES).write_text("{")
    with pytest.raises(TypeError):  # what is damaged is measured anew
        run_suite(tmp_path / "first", tmp_path / "three", Generator(tiny_weights), material)


def test_what_is_missing_is_told_and_the_rest_is_made(
    ran: SuiteResults, tmp_path: Path, tiny_weights: Path
) -> None:
    (tmp_path / "none").mkdir()
    (tmp_path / "empty.abc").write_text("no tune\n")
    lacking = SuiteMaterial(tmp_path / "empty.abc", (tmp_path / "none",))
    found = run_suite(tmp_path / "first", tmp_path / "four", Generator(tiny_weights), lacking)
    assert (found.tunes, found.recordings) == (None, None)
    assert [line.split(":")[0] for line in found.errors[:2]] == ["test tunes", "john-garner_bwv1002_mov6.mp3"]
    page = (tmp_path / "four" / PAGE).read_text(encoding="utf-8")
    assert page.count("Not measured here.") == 2


def test_a_work_folder_that_is_a_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "work").write_text("")
    with pytest.raises(ValueError, match="work: is a file; a folder is needed"):
        run.check_work(tmp_path / "work")


def test_the_reading_names_the_better_mean(ran: SuiteResults) -> None:
    def with_keys(free: float, tune: float) -> list[str]:
        summary = ran.comparison.summary
        means = {name: dict(routes) for name, routes in summary.means.items()}
        means["key_right"] = {
            route: Interval(value, value, value, 2)
            for route, value in {"free": free, "tune": tune, "soundfont": 0.0}.items()
        }
        return reading(replace(ran.comparison, summary=replace(summary, means=means)))

    audio, symbols = with_keys(1.0, 0.5)[:2]
    assert "key" in audio
    assert "key" not in symbols.split(".")[0]
    audio, symbols = with_keys(0.5, 1.0)[:2]
    assert "key" not in audio
    assert "key" in symbols.split(".")[0]


def test_the_reading_of_recordings_knows_which_way_is_better(ran: SuiteResults) -> None:
    rows = [{
        "log-mel distance ↓ (nepers)": {"codec": 0.5, "player": 2.0},
        "notes heard ↑ (F1)": {"codec": 0.5, "player": 0.7},
    }]  # fmt: skip
    panel = Panel.of_rows("one", {"codec": "codec", "player": "player"}, rows)
    said = reading(ran.comparison, None, panel)
    assert "Of a recording, tokens keep more in: log-mel distance." in said
    assert "Of a recording, notes keep more in: notes heard." in said
