"""Guidance: which passes it needs, what they add up to, how it is read."""

from __future__ import annotations

import pytest

from audiogen.guidance import CONDITIONS, Guidance, parse_guidance


@pytest.mark.parametrize("weight", [0.0, 0.5, 1.0, 1.5, 1000.0])
def test_one_weight_for_all_is_plain_guidance(weight: float) -> None:
    levels = dict(Guidance.all(weight).levels())
    everything, nothing = frozenset(CONDITIONS), frozenset()
    assert levels.get(everything, 0.0) == weight
    assert levels.get(nothing, 0.0) == 1 - weight
    assert len(levels) == (1 if weight in (0.0, 1.0) else 2)


def test_every_weight_of_its_own_costs_a_pass() -> None:
    levels = Guidance(2.0, 1.5, 1.0, 3.0).levels()
    assert [sorted(told) for told, _ in levels] == [
        [],
        ["score"],
        ["attributes", "score"],
        ["attributes", "score", "text"],
        ["attributes", "excerpt", "score", "text"],
    ]
    assert [factor for _, factor in levels] == [-1.0, 0.5, 0.5, -2.0, 3.0]


@pytest.mark.parametrize(
    "guidance", [Guidance.all(1.5), Guidance(2.0, 1.5, 1.0, 3.0), Guidance(0.0, 1.0, 2.0, 0.0)]
)
def test_the_factors_add_up_to_one(guidance: Guidance) -> None:
    assert sum(factor for _, factor in guidance.levels()) == pytest.approx(1.0)


def test_what_is_not_there_costs_nothing() -> None:
    assert Guidance(score=2.0, text=3.0).levels(["attributes"]) == ((frozenset({"attributes"}), 1.0),)


def test_it_is_read_from_one_number_or_from_names() -> None:
    assert parse_guidance("2") == Guidance.all(2.0)
    assert parse_guidance("score=2, text=0.5", default=1.5) == Guidance(2.0, 1.5, 0.5, 1.5)


@pytest.mark.parametrize(
    ("text", "message"),
    [("much", "guidance 'much' is no number"), ("colour=2", "guidance of 'colour': it can be given to score"),
     ("score=1,score=2", "twice"), ("-1", "guidance of score is -1.0; it must be 0 or above"), ("nan", "0 or above"),
     ("text=inf", "guidance of text is inf")],
)  # fmt: skip
def test_what_is_no_weight_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_guidance(text)
