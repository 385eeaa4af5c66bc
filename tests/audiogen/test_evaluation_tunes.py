"""Rules of comparing sets of tunes: what is counted, both sides count alike, and every distance has its floor."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audiogen.cli import run
from audiogen.composer import Composer, ComposerConfig
from audiogen.composer_likelihood import bits_a_note
from audiogen.evaluation.material import TunePicker
from audiogen.evaluation.tune_copies import copy_figures, likest, nearest_tunes
from audiogen.evaluation.tune_distances import compare_tunes, earth_movers, jensen_shannon
from audiogen.evaluation.tune_features import TuneFeatures, groove, onset_grid, tune_features
from audiogen.evaluation.tune_likelihood import normal_tunes
from audiogen.evaluation.tune_orders import (
    Written,
    common_form,
    found_again,
    kept_orders,
    orders_like,
    orders_over_all,
)
from audiogen.evaluation.tune_quality import TuneSettings, judge, measure_tunes
from audiogen.evaluation.tune_tables import DISTANCE_COLUMNS, distance_row
from symbolic_bridge.analysis import melody_of
from symbolic_bridge.analysis.similarity import MelodyIndex
from symbolic_bridge.attributes import TuneAttributes
from symbolic_bridge.tune import Meter, Tune
from symbolic_bridge.tune_tokens import encode, vocabulary

needs_abc2midi = pytest.mark.skipif(shutil.which("abc2midi") is None, reason="abc2midi is not installed")


@pytest.fixture
def kesh(kesh_abc: str) -> Tune:
    return Tune.from_abc(kesh_abc)


def waltz(rng: np.random.Generator) -> Tune:
    bars = [" ".join("CDEFGAB"[int(n)] + "2" for n in rng.integers(0, 7, 3)) for _ in range(8)]
    return Tune.from_abc(f"X:1\nT:W\nR:waltz\nM:3/4\nL:1/8\nK:C\n|:{'|'.join(bars)}:|\n")


def test_features_are_those_of_the_tune_as_played(kesh: Tune) -> None:
    found = tune_features(kesh)
    assert (found.form, found.signs, found.kind, found.found_kind) == ("AABB", "AABB", "jig", "jig")
    assert (
        (found.key.tonic, found.key.mode) == (found.found_key.tonic, found.found_key.mode) == ("G", "major")
    )
    assert found.numbers["bars"] == 32
    assert found.numbers["final_on_tonic"] == 1
    assert found.numbers["like_8_bars_back"] > 0.6
    for histogram in found.histograms.values():
        assert histogram.sum() == pytest.approx(1)


def test_features_do_not_hang_on_the_key(kesh: Tune) -> None:
    one, other = tune_features(kesh), tune_features(kesh.transpose(3))
    for name in one.histograms:
        np.testing.assert_allclose(one.histograms[name], other.histograms[name])
    assert one.numbers == pytest.approx(other.numbers)


def test_groove_is_the_mean_agreement_of_all_pairs_of_bars(rng: np.random.Generator) -> None:
    onsets = rng.random((6, 24)) < 0.4
    pairs = [np.mean(onsets[i] == onsets[j]) for i in range(6) for j in range(i)]
    assert groove(onsets) == pytest.approx(np.mean(pairs))
    assert groove(onsets[:1]) == 1


def test_onsets_stand_in_equal_places_of_the_bar(kesh: Tune) -> None:
    grid = onset_grid(melody_of(kesh))
    assert grid.shape == (32, 24)
    assert np.flatnonzero(grid[0]).tolist() == [0, 4, 8, 12, 16, 20]


def test_jensen_shannon_is_0_for_equal_and_1_bit_for_foreign_distributions() -> None:
    one, other = np.array([0.5, 0.5, 0.0, 0.0]), np.array([0.0, 0.0, 0.3, 0.7])
    assert jensen_shannon(one, one) == 0
    assert jensen_shannon(one, other) == pytest.approx(1)
    mixed = np.array([0.4, 0.4, 0.1, 0.1])
    assert jensen_shannon(one, mixed) == pytest.approx(jensen_shannon(mixed, one))


def test_earth_movers_is_how_far_values_must_go() -> None:
    assert earth_movers(np.array([3.0, 1.0]), np.array([1.0, 5.0])) == 1.0
    with pytest.raises(ValueError, match="one size"):
        earth_movers(np.zeros(2), np.zeros(3))


def spread(tune: TuneFeatures, rng: np.random.Generator, move: float = 0.0) -> TuneFeatures:
    bars = float(rng.normal(32 + move, 4))
    pitch = rng.dirichlet(np.full(12, 5.0)) if not move else np.roll(np.eye(12)[0], 1)
    return replace(
        tune,
        numbers={"bars": bars},
        histograms={"pitch_class": pitch},
        form=str(rng.choice(["AABB", "AAB"])) if not move else "ABAB",
    )


@pytest.mark.parametrize("move", [-12.0, 12.0])
def test_too_much_and_too_little_are_both_beyond_the_floor(
    kesh: Tune, rng: np.random.Generator, move: float
) -> None:
    base = tune_features(kesh)
    real = [spread(base, rng) for _ in range(80)]
    like = [spread(base, rng) for _ in range(40)]
    unlike = [spread(base, rng, move) for _ in range(40)]
    for name in ("bars", "pitch_class", "form"):
        near, far = (compare_tunes(side, real, draws=60)[name] for side in (like, unlike))
        assert far["beyond_floor"]
        assert not near["beyond_floor"]
        assert far["distance"] > 2 * near["distance"]
        assert near["floor"] == pytest.approx(far["floor"], abs=0.15)
        assert near["distance_low"] <= near["distance"] <= near["distance_high"]
        assert len(distance_row(name, near)) == len(DISTANCE_COLUMNS)


def test_a_comparison_needs_tunes_on_both_sides(kesh: Tune) -> None:
    base = tune_features(kesh)
    with pytest.raises(ValueError, match="1 composed and 4 real tunes"):
        compare_tunes([base], [base] * 4)


def test_orders_are_those_of_the_real_tunes_as_far_as_they_can_be_composed(
    kesh: Tune, rng: np.random.Generator
) -> None:
    odd = kesh.with_header(rhythm="reel")  # in 6/8
    orders = orders_like([kesh, odd, waltz(rng)], 5, rng)
    assert {(order.kind, str(order.meter), order.tonic) for order in orders} == {
        ("jig", "6/8", "G"), ("waltz", "3/4", "C"),
    }  # fmt: skip
    assert len(orders) == 5
    with pytest.raises(ValueError, match="none of 1 tunes"):
        orders_like([odd], 5, rng)
    assert len({(order.kind, order.tonic, order.mode) for order in orders_over_all(500)}) == 100


def test_what_was_asked_is_compared_field_by_field(kesh: Tune) -> None:
    right = TuneAttributes(kind="jig", meter=Meter(6, 8), tonic="G", mode="major")
    wrong = TuneAttributes(kind="reel", tonic="D")
    found = kept_orders([Written(right, kesh), Written(wrong, kesh)])
    assert found == {"kind": 0.5, "meter": 1.0, "tonic": 0.5, "mode": 1.0}


def test_what_tunes_say_is_looked_for_in_their_notes(kesh: Tune, rng: np.random.Generator) -> None:
    base = tune_features(kesh)
    found = found_again([base, replace(base, found_kind="slide", form="AB"), tune_features(waltz(rng))])
    assert found["kind"] == pytest.approx(2 / 3, abs=1e-4)
    assert found["signed_forms"] == 3
    assert common_form([base], [base, replace(base, form="AB")])["difference"] == 0.5


def test_copies_stand_beside_what_real_tunes_share(kesh: Tune, rng: np.random.Generator) -> None:
    index = MelodyIndex.build([("book/1", kesh), ("book/2", waltz(rng))])
    silent = Tune.from_abc("X:1\nT:S\nM:6/8\nK:G\nG6|\n")
    nearest = nearest_tunes(index, [kesh.transpose(2), waltz(rng), silent])
    assert [each.overlap.name for each in nearest] == ["book/1", ""]
    figures = copy_figures(nearest)
    assert (figures["tunes"], figures["copies_share"], figures["whole_share"]) == (2, 0.5, 0.5)
    assert likest(nearest)[0]["nearest"] == "book/1"
    assert copy_figures([]) == {"tunes": 0}


def test_an_untrained_composer_needs_about_the_bits_of_a_guess(kesh: Tune) -> None:
    composer = Composer(ComposerConfig(width=16, layers=1, heads=2, feedforward_width=32, levels=1)).eval()
    tunes, unfit = normal_tunes([kesh, Tune.from_abc("X:1\nT:F\nM:6/8\nK:G\nGAB GA|GAB GABc|\n")])
    rows = [encode(tune) for tune in tunes]
    assert (len(rows), unfit) == (1, {"bars that do not add up": 1})
    notes = sum(vocabulary().ticks[index] > 0 for index in rows[0])
    guess = np.log2(len(vocabulary())) * (len(rows[0]) - 5) / notes
    assert bits_a_note(composer, tunes).total == pytest.approx(guess, rel=0.15)
    with pytest.raises(ValueError, match="no tune has a normal form"):
        bits_a_note(composer, [])


@needs_abc2midi
def test_a_hornpipe_in_cut_time_is_no_fault() -> None:
    abc = "X:1\nT:H\nR:hornpipe\nM:2/2\nL:1/8\nK:D\nDEFG ABcd|d2c2 d4|\n"
    found = judge([abc, abc.replace("d4|", "d3|")], 2)
    assert (found["sound_share"], len(found["faults"])) == (0.5, 1)


class FakeComposer(Composer):
    """Writes one good tune over and over, and refuses waltzes."""

    def __init__(self, abc: str) -> None:
        super().__init__(ComposerConfig(width=16, layers=1, heads=2, feedforward_width=32))
        self.abc = abc

    def compose_many(self, attributes: TuneAttributes, count: int, **_: Any) -> list[Tune]:
        if attributes.kind == "waltz":
            raise ValueError("no waltz today")
        return [Tune.from_abc(self.abc)] * count


@needs_abc2midi
def test_a_tune_that_was_not_composed_counts_against_the_share(kesh_abc: str, tmp_path: Path) -> None:
    measured = measure_tunes(
        FakeComposer(kesh_abc), None, TuneSettings(count=50, output=tmp_path / "out.abc")
    )
    figures = measured.figures
    assert (figures["composed"], figures["refused_count"]) == (45, 5)
    assert figures["sound_share"] == 0.9
    assert figures["abc2midi_share"] == figures["strict_share"] == 1
    assert figures["by_kind"] == {"jig": {"composed": 45, "sound_share": 1.0}}
    assert "distances" not in figures
    assert (tmp_path / "out.abc").read_text(encoding="utf-8").count("X:") == 45


@needs_abc2midi
def test_real_tunes_bring_distances_likelihood_and_the_floor_of_copies(
    kesh: Tune, rng: np.random.Generator, tmp_path: Path
) -> None:
    path = tmp_path / "real.abc"
    real = [*(kesh.transpose(step) for step in range(4)), waltz(rng), waltz(rng)]
    path.write_text("\n".join(tune.with_header(reference=n).to_abc() for n, tune in enumerate(real, 1)))
    index = MelodyIndex.build([("book/1", kesh)])
    measured = measure_tunes(
        FakeComposer(kesh.to_abc()), TunePicker(path), TuneSettings(count=6, index=index)
    )
    figures = measured.figures
    assert (figures["composed"], figures["refused_count"], figures["real_tunes"]) == (4, 2, 6)
    assert figures["copies"]["composed"]["whole_share"] == 1
    assert figures["copies"]["real"]["whole_share"] == pytest.approx(4 / 6, abs=1e-4)
    assert figures["likelihood"]["tunes"] == 6
    json.dumps(figures, allow_nan=False)


@needs_abc2midi
def test_evaluate_tunes_prints_tables_and_draws_pictures(
    tiny_weights: Path,
    kesh: Tune,
    rng: np.random.Generator,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("verovio")
    real, out, pictures = tmp_path / "real.abc", tmp_path / "out.json", tmp_path / "pictures"
    tunes = [kesh.transpose(step) for step in range(4)]
    real.write_text("\n".join(tune.with_header(reference=n).to_abc() for n, tune in enumerate(tunes, 1)))
    arguments = ["evaluate", "tunes", "-n", "2", "--tunes", str(real), "--against", str(real), "--model",
                 str(tiny_weights), "--json", str(out), "--pictures", str(pictures), "--seed", "1"]  # fmt: skip
    assert run(arguments) == 0
    said = capsys.readouterr().err
    for title in (
        "Distances from real tunes",
        "AABB heard in reels",
        "found again",
        "training tunes",
        "foreseen",
    ):
        assert title in said
    figures = json.loads(out.read_text())
    assert set(figures["distances"]["form"]) >= {"distance", "floor", "excess_low", "beyond_floor"}
    names = {path.name for path in pictures.iterdir()}
    assert {"features.png", "distances.png", "tune-1.png", "tune-1.svg"} <= names
    assert run([*arguments[:4], "--model", str(tiny_weights)]) == 2
    assert "--against" in capsys.readouterr().err
