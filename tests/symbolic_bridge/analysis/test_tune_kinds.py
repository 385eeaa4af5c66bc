from __future__ import annotations

import json

import numpy as np
import pytest

from symbolic_bridge.analysis.melody import melody_of
from symbolic_bridge.analysis.tune_kinds import (
    FEATURES,
    METERS,
    PLACES,
    PROFILES,
    SPLITS,
    estimate_kind,
    kind_features,
    shipped_profiles,
)
from symbolic_bridge.kinds import KINDS
from symbolic_bridge.tune import Tune

SLIP_JIG = (
    "X:1\nT:s\nM:9/8\nL:1/8\nK:G\n|:BAG AGE GED|BAG AGA Bcd|BAG AGE GED|GAB AGE D3:|\n"
    "|:gfe dBG AGE|gfe dBd efg|gfe dBG AGE|GAB AGE D3:|\n"
)
STRATHSPEY = (
    "X:1\nT:t\nM:4/4\nL:1/16\nK:A\n" + "|:A3Ac3A eA3 c3A|d3Bc3A B3AF4|A3Ac3A eA3 c3e|f3ec3A BA3 A4:|\n" * 2
)
HORNPIPE = (
    "X:1\nT:h\nM:4/4\nL:1/8\nK:G\n"
    "|:d>c|B>GD>G B>dg>f|e>dc>B A>GF>A|B>GD>G B>dg>f|e>cA>F G2:|\n"
    "|:d>c|B2 B>d g>fe>d|c2 c>e a>gf>e|d>ef>g a>fd>f|g2 b2 g2 f>e|"
    "d>BG>B c>ed>c|B>dG>B A>GF>A|G>Bd>B c>AF>A|G2 B2 G2:|\n"
)


def features(abc: str) -> dict[str, float]:
    return dict(zip(FEATURES, kind_features(melody_of(Tune.from_abc(abc))), strict=True))


@pytest.mark.parametrize(
    ("abc", "kind"), [(SLIP_JIG, "slip jig"), (STRATHSPEY, "strathspey"), (HORNPIPE, "hornpipe")]
)
def test_kinds_are_told_from_metre_and_rhythm(abc: str, kind: str) -> None:
    assert estimate_kind(melody_of(Tune.from_abc(abc))).kind == kind


def test_the_written_kind_the_key_and_the_title_are_not_looked_at(kesh_abc: str) -> None:
    tune = Tune.from_abc(kesh_abc)
    told = estimate_kind(melody_of(tune.with_header(rhythm="polka", title="The Waltz").transpose(3)))
    assert told == estimate_kind(melody_of(tune))
    assert told.kind == "jig"


def test_the_chances_add_up_and_the_likeliest_comes_first(kesh_abc: str) -> None:
    chances = [chance.probability for chance in estimate_kind(melody_of(Tune.from_abc(kesh_abc))).chances]
    assert len(chances) == len(shipped_profiles().kinds)
    assert sum(chances) == pytest.approx(1)
    assert chances == sorted(chances, reverse=True)


def test_features_say_where_notes_begin_and_how_beats_are_shared() -> None:
    found = features(STRATHSPEY)
    assert [found[f"meter {meter}"] for meter in METERS] == [1.0] + [0.0] * (len(METERS) - 1)
    assert found[f"begins at 0/{PLACES}"] == 1.0
    assert sum(found[name] ** 2 for name in SPLITS) == pytest.approx(1)
    assert 0 < found["snapped"] < found["dotted"]
    assert sum(value for name, value in found.items() if name.startswith("length")) == pytest.approx(1)
    even = features("X:1\nT:e\nM:2/4\nL:1/8\nK:C\nCDEF|GABc|CDEF|GABc|\n")
    assert (even["snapped"], even["even"], even["dotted"]) == (0, 1, 0)
    assert even["notes a bar"] == 0.5


def test_the_shipped_profiles_are_of_these_features_and_of_kinds_that_exist() -> None:
    values = json.loads(PROFILES.read_text(encoding="utf-8"))
    profiles = shipped_profiles()
    assert tuple(values["features"]) == FEATURES
    assert profiles.weights.shape == (len(profiles.kinds), len(FEATURES))
    assert set(profiles.kinds) <= set(KINDS)
    assert np.isfinite(profiles.weights).all()
    assert values["source"]
