"""Rules of the forms that are drawn: as tunes of the kind have them, within what was asked for, the same for a seed."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
import torch

from audiogen.cli import run
from audiogen.composer_forms import SHIPPED_FORMS, Outline, count_forms, draw_outline
from audiogen.composer_plan import TuneOrder, order_from
from audiogen.composer_wishes import ComposingWishes
from symbolic_bridge.attributes import TuneAttributes
from symbolic_bridge.kinds import KINDS
from symbolic_bridge.plans import Plan, PlanBar, PlanPart

SHARES = json.loads(SHIPPED_FORMS.read_text(encoding="utf-8"))


def order(seed: int = 0, bars: int | None = None, **asked: object) -> TuneOrder:
    attributes = TuneAttributes(**{"kind": "reel", **asked})  # type: ignore[arg-type]
    return order_from(attributes, bars=bars, generator=torch.Generator().manual_seed(seed))


def outline_of(order: TuneOrder) -> Outline:
    return Outline(tuple(part.bars for part in order.plan.parts), tuple(times for _, times in order.runs))


@pytest.mark.parametrize("kind", ["reel", "jig"])
def test_forms_are_drawn_as_often_as_tunes_have_them(kind: str):
    drawn = Counter(str(outline_of(order(seed, kind=kind))) for seed in range(600))
    total = sum(SHARES[kind].values())
    for outline, count in SHARES[kind].items():
        # Four deviations of a share of 600 draws are at most 0.082.
        assert drawn[outline] / 600 == pytest.approx(count / total, abs=0.082)
    assert set(drawn) <= set(SHARES[kind])


def test_a_seed_draws_the_same_form_and_leaves_key_and_mode_as_they_were():
    assert order(3) == order(3)
    asked, drawn = order(3, form="AB"), order(3)
    assert (asked.key, asked.conditions.mode) == (drawn.key, drawn.conditions.mode)


def test_a_form_that_is_asked_for_is_obeyed():
    for seed in range(20):
        assert order(seed, form="AABBC").runs == ((0, 2), (1, 2), (2, 1))


@pytest.mark.parametrize("bars", [2, 5, 12, 16, 17, 24, 32, 48])
def test_bars_that_are_asked_for_are_kept_whatever_the_form(bars: int):
    for seed in range(20):
        assert sum(part.bars for part in order(seed, bars=bars).plan.parts) == bars


def test_with_bars_of_real_tunes_the_parts_are_those_of_real_tunes():
    fitting = {text for text in SHARES["reel"] if sum(Outline.parse(text).bars) == 16}
    assert {str(outline_of(order(seed, bars=16))) for seed in range(60)} <= fitting


@pytest.mark.parametrize("seconds", [10.0, 30.0, 60.0, 300.0])
def test_a_length_in_time_is_kept_whatever_the_form(seconds: float):
    for seed in range(10):
        made = order(seed, duration_seconds=seconds, tempo_bpm=200.0, tempo_is_felt=True)
        bar_seconds = 4 * 60 / 200
        once = sum(outline_of(made).bars[number] * times for number, times in made.runs) * bar_seconds
        # Repeats are counted, and parts have two bars at least.
        assert once <= seconds + 6 * bar_seconds


def test_parts_that_are_planned_are_given_a_form_with_as_many():
    bars = (PlanBar(),) * 8
    plan = Plan(parts=(PlanPart(bars, repeated=True), PlanPart(bars), PlanPart(bars)))
    for seed in range(10):
        made = order_from(
            TuneAttributes(kind="jig"),
            generator=torch.Generator().manual_seed(seed),
            wishes=ComposingWishes(plan=plan),
        )
        assert len(made.runs) == 3
        assert made.runs[0] == (0, 2)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_has_a_form(kind: str):
    assert order(1, kind=kind).runs


def test_chance_picks_an_outline_by_its_share():
    rows = list(SHARES["hornpipe"])
    assert str(draw_outline("hornpipe", 0.0)) == rows[0]
    assert str(draw_outline("hornpipe", 1.0)) == rows[-1]
    assert draw_outline("hornpipe", 0.5, bars=1) is None


@pytest.mark.parametrize("text", ["8x2 8x2", "16x1", "8x2 4x2 8x1"])
def test_an_outline_is_written_as_it_is_read(text: str):
    assert str(Outline.parse(text)) == text


def test_the_shipped_table_holds_outlines_the_commonest_first():
    assert {"reel", "jig", "hornpipe", "polka", "waltz"} <= set(SHARES)
    for rows in SHARES.values():
        assert all(str(Outline.parse(text)) == text for text in rows)
        assert list(rows.values()) == sorted(rows.values(), reverse=True)


def test_outlines_are_counted_and_rare_ones_and_unfit_tunes_left_out(kesh_abc: str):
    once = kesh_abc.replace(":|", "||").replace("|:", "")
    found = count_forms([kesh_abc] * 4 + [once] + ["X:1\nK:C\n"] * 2)
    assert found.counts == {"jig": {"8x2 8x2": 4}}
    assert found.tunes == 4
    assert found.rejected == {"unreadable ABC": 2, "a rare outline": 1}


def test_data_forms_writes_the_table(tmp_path: Path, kesh_abc: str, capsys: pytest.CaptureFixture[str]):
    tunes, table = tmp_path / "tunes.abc", tmp_path / "forms.json"
    tunes.write_text("\n".join(kesh_abc.replace("X:1", f"X:{number}") for number in range(1, 4)))
    assert run(["data", "forms", str(tunes), "-o", str(table)]) == 0
    assert json.loads(table.read_text(encoding="utf-8")) == {"jig": {"8x2 8x2": 3}}
    assert "3 tunes of 1 kinds" in capsys.readouterr().err
    assert run(["data", "forms", str(tmp_path / "none.abc"), "-o", str(table)]) == 2
