"""Every figure on cases with known answers: identical inputs are ideal, floor cases lie at their floor."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from audiogen.comparison.metrics.across import across_figures
from audiogen.comparison.metrics.adherence import adherence_figures, key_right, mood_right, tempo_right
from audiogen.comparison.metrics.instruments import instrument_chances, instrument_figures, tag_divergence
from audiogen.comparison.metrics.keys import likeliest_key
from audiogen.comparison.metrics.melody import melody_figures, onset_f1
from audiogen.comparison.metrics.sets import frechet_distance, jackknife, kernel_distance
from audiogen.comparison.metrics.sound import repeated_share, sound_figures
from audiogen.comparison.metrics.statistics import binomial_p, bootstrap, paired_p
from audiogen.comparison.metrics.symbolic import symbolic_figures
from audiogen.comparison.summary import DEFINITIONS
from audiogen.evaluation.material import mono
from audiogen.soundfont import render
from symbolic_bridge import Tune
from symbolic_bridge.analysis import MelodyIndex
from symbolic_bridge.moods import MOODS
from symbolic_bridge.perform import perform
from symbolic_bridge.performance import Part, Performance, SoundedNote
from symbolic_bridge.tune import Key, Meter

RATE = 24_000
SCALE = (62, 64, 66, 67, 69, 71, 73, 74, 71, 66, 69, 62)
NOTE_SECONDS = 0.5


def tone(midi: int, seconds: float) -> np.ndarray:
    """A plucked note: harmonics that decay."""
    time = np.arange(round(seconds * RATE)) / RATE
    hertz = 440 * 2 ** ((midi - 69) / 12)
    sound = sum(np.sin(2 * np.pi * hertz * n * time) / n for n in range(1, 6)) * np.exp(-3 * time)
    return (0.2 * sound).astype(np.float32)


def melody(pitches: tuple[int, ...] = SCALE) -> np.ndarray:
    return np.concatenate([tone(pitch, NOTE_SECONDS) for pitch in pitches])


def score(pitches: tuple[int, ...] = SCALE) -> Performance:
    notes = tuple(
        SoundedNote(n * NOTE_SECONDS, (n + 1) * NOTE_SECONDS - 0.01, pitch, 80)
        for n, pitch in enumerate(pitches)
    )
    return Performance((Part("lead", "fiddle", notes),), (), (), 120.0, "reel", len(pitches) * NOTE_SECONDS)


def test_a_sound_that_plays_its_score_is_ideal_and_another_tune_lies_at_the_floor() -> None:
    figures: dict[str, Any] = melody_figures(melody(), RATE, score())
    assert figures["pitch_right"] == 1.0
    assert figures["chroma_cosine"] > 0.85
    assert figures["onset_f1"] > 0.9  # the note at 0 has no rise before it
    assert figures["onset_floor"] < 0.2
    other = tuple(np.random.default_rng(0).permutation(SCALE).tolist())
    shuffled: dict[str, Any] = melody_figures(melody(other), RATE, score())
    assert shuffled["pitch_right"] == pytest.approx(shuffled["pitch_floor"], abs=0.2)
    assert shuffled["chroma_cosine"] < figures["chroma_cosine"] - 0.4
    moved = np.concatenate([np.zeros(round(0.25 * RATE), np.float32), melody()])
    late: dict[str, Any] = melody_figures(moved, RATE, score())
    assert late["onset_f1"] < 0.2


def test_onsets_are_matched_one_to_one() -> None:
    times = np.array([0.0, 1.0, 2.0])
    assert onset_f1(times, times) == 1.0
    assert onset_f1(times + 0.04, times) == 1.0
    assert onset_f1(times + 0.06, times) == 0.0
    assert onset_f1(np.repeat(times, 2), times) == pytest.approx(2 * 3 / 9)
    assert onset_f1(np.array([]), np.array([])) == 0.0


def test_the_key_of_a_scale_is_heard_and_its_relative_is_half_right() -> None:
    figures = adherence_figures(melody(), RATE, Key("D"), None)
    assert figures == {"tempo_right": None, "key_right": 1.0, "mood_right": None}
    wanted = {Key("D"): 1.0, Key("B", "minor"): 0.5, Key("D", "dorian"): 0.5, Key("Eb"): 0.0}
    assert {key: key_right(melody(), RATE, key) for key in wanted} == wanted
    assert key_right(np.zeros(RATE, np.float32), RATE, Key("D")) == 0.0


def test_major_and_minor_of_one_melody_are_told_apart() -> None:
    body = "A2AB c2BA|G2GA B2AG|A2AB cdef|e2d2 c2A2|a2gf e2dc|d2ef g2fe|e2dc BAGB|A4 A4|"
    for signature, mode in (("A", "major"), ("Am", "minor")):
        tune = Tune.from_abc(f"X:1\nT:t\nM:4/4\nL:1/8\nQ:1/4=120\nK:{signature}\n{body}\n")
        played = perform(tune, instrument="fiddle", accompaniment="none", rng=np.random.default_rng(0))
        assert likeliest_key(mono(render(played, sample_rate=RATE)), RATE) == (9, mode)


def test_a_pulse_is_heard_up_to_simple_multiples() -> None:
    sound = melody(SCALE * 2)
    assert [tempo_right(sound, RATE, bpm) for bpm in (120.0, 60.0, 240.0, 90.0, 140.0)] == [
        1.0,
        1.0,
        1.0,
        0.0,
        0.0,
    ]
    assert tempo_right(np.zeros(RATE, np.float32), RATE, 120.0) == 0.0


def test_clipping_silence_and_tail_are_measured() -> None:
    sine = np.sin(2 * np.pi * 440 * np.arange(2 * RATE) / RATE).astype(np.float32)
    clean = sound_figures(0.5 * sine, RATE)
    assert clean["clipped_share"] == 0.0
    assert clean["true_peak_dbfs"] == pytest.approx(-6.02, abs=0.05)
    assert clean["loudness_lufs"] == pytest.approx(-9.7, abs=0.5)
    assert sound_figures(np.clip(2 * sine, -1, 1), RATE)["clipped_share"] == pytest.approx(2 / 3, abs=0.01)
    half = np.concatenate([sine, np.zeros(2 * RATE, np.float32)])
    figures: dict[str, Any] = sound_figures(half, RATE)
    assert figures["silent_share"] == pytest.approx(0.5, abs=0.02)
    assert figures["tail_db"] < -100
    assert clean["tail_db"] == pytest.approx(0, abs=0.1)


def test_silence_has_no_level_and_is_all_silence() -> None:
    figures = sound_figures(np.zeros(2 * RATE, np.float32), RATE)
    assert figures["silent_share"] == 1.0
    assert figures["loudness_lufs"] is None
    assert figures["tail_db"] is None


def test_a_stuck_sound_repeats_itself_and_a_melody_does_not() -> None:
    assert repeated_share(np.tile(tone(69, 1.0), 8), RATE) == 1.0
    moving = repeated_share(melody(), RATE)
    assert moving is not None
    assert moving < 0.5
    assert repeated_share(tone(69, 0.5), RATE) is None


def test_distances_of_sets_are_nothing_for_equal_and_grow_with_the_shift(rng: np.random.Generator) -> None:
    real = rng.normal(size=(200, 6))
    assert frechet_distance(real, real) == pytest.approx(0, abs=1e-6)
    same = kernel_distance(real[:100], real[100:])
    assert abs(same) < 1.0
    near, far = (kernel_distance(real + shift, real) for shift in (0.5, 2.0))
    assert same < near < far
    assert frechet_distance(real + 2.0, real) == pytest.approx(4 * 6, rel=1e-6)
    with pytest.raises(ValueError, match="at least 2"):
        kernel_distance(real[:1], real)


def test_the_kernel_distance_is_the_plain_sum_over_pairs(rng: np.random.Generator) -> None:
    made, real = rng.normal(size=(5, 3)), rng.normal(size=(4, 3))
    gaps = [np.linalg.norm(real[i] - real[j]) for i in range(4) for j in range(i)]
    width = float(np.median(np.square(gaps)))

    def mean(rows: np.ndarray, others: np.ndarray, skip: bool) -> float:
        values = [
            np.exp(-np.sum((a - b) ** 2) / (2 * width))
            for i, a in enumerate(rows)
            for j, b in enumerate(others)
            if not (skip and i == j)
        ]
        return float(np.mean(values))

    slow = 100 * (mean(made, made, True) + mean(real, real, True) - 2 * mean(made, real, False))
    assert kernel_distance(made, real) == pytest.approx(slow)


def test_a_real_tune_is_valid_and_a_faulty_bar_is_counted(kesh_abc: str) -> None:
    tune = Tune.from_abc(kesh_abc)
    figures = symbolic_figures(tune, MelodyIndex.build([("kesh", tune)]))
    assert figures["bars_right"] == 1.0
    assert figures["bars"] == 32
    assert figures["nearest_overlap"] == 1.0
    assert figures["repeated_parts"] == 0.5
    faulty = Tune.from_abc(kesh_abc.replace("edd gdd", "edd gddd"))
    assert symbolic_figures(faulty)["bars_right"] == pytest.approx(1 - 2 / 32)
    assert set(symbolic_figures(Tune.from_abc("X:1\nK:C\nC8|")).values()) == {None}


def test_intervals_hold_the_mean_and_shrink_with_more_values(rng: np.random.Generator) -> None:
    few, many = (bootstrap(rng.normal(size=n).tolist(), rng) for n in (10, 1000))
    assert few.low <= few.mean <= few.high
    assert many.high - many.low < few.high - few.low
    one = bootstrap([3.0], rng)
    assert (one.mean, one.low, one.high, one.count) == (3.0, 3.0, 3.0, 1)
    with pytest.raises(ValueError, match="no values"):
        bootstrap([], rng)


def test_paired_tests_know_what_they_can_tell(rng: np.random.Generator) -> None:
    assert paired_p([1.0] * 5, [1.0] * 5, rng) == 1.0
    assert paired_p([2.0] * 5, [1.0] * 5, rng) == pytest.approx(2 / 2**5)
    assert paired_p([2.0] * 20, [1.0] * 20, rng) < 0.01
    with pytest.raises(ValueError, match="pairs"):
        paired_p([1.0], [], rng)
    assert binomial_p(5, 5) == pytest.approx(2 / 2**5)
    assert binomial_p(5, 10) == 1.0
    assert binomial_p(0, 0) == 1.0


def test_every_figure_is_defined() -> None:
    made = {
        **melody_figures(melody(), RATE, score()),
        **sound_figures(melody(), RATE),
        **adherence_figures(melody(), RATE, None, None),
        **instrument_figures(melody(), RATE, None),
        **across_figures(melody(), RATE, None, None),
        **symbolic_figures(Tune.from_abc("X:1\nK:C\nC8|")),
    }
    assert set(made) == set(DEFINITIONS)
    assert all(definition.text and definition.unit for definition in DEFINITIONS.values())


def test_the_jackknife_is_the_distance_with_an_interval_around_it(rng: np.random.Generator) -> None:
    real = [rng.normal(size=(20, 3)) for _ in range(8)]
    made = [rows + 1.0 for rows in real]
    found = jackknife(kernel_distance, made, real)
    assert found.mean == kernel_distance(np.concatenate(made), np.concatenate(real))
    assert found.low < found.mean < found.high
    assert found.count == 8
    noisy = [rows + rng.normal(scale=1.0, size=3) for rows in real]
    assert jackknife(kernel_distance, noisy, real).high - jackknife(kernel_distance, noisy, real).low > 0
    few = jackknife(kernel_distance, made[:2], real[:2])
    assert few.low == few.mean == few.high


def test_the_jackknife_of_a_mean_is_its_standard_error(rng: np.random.Generator) -> None:
    """The slow reference: for a mean the jackknife gives the standard error of textbooks."""
    values = rng.normal(size=9)
    rows = [np.array([[value]]) for value in values]
    found = jackknife(lambda made, real: float(made.mean()), rows, rows)
    assert found.high - found.mean == pytest.approx(1.96 * values.std(ddof=1) / 3)


@pytest.fixture(scope="module")
def renderings() -> dict[str, np.ndarray]:
    found = {}
    for name in ("flute", "banjo", "fiddle"):
        performance = Performance((Part("lead", name, score().lead.notes),), (), (), 120.0, "reel", 7.0)
        found[name] = mono(render(performance, sample_rate=RATE))
    return found


def test_the_tagger_hears_which_instrument_leads(renderings: dict[str, np.ndarray]) -> None:
    for name, samples in renderings.items():
        figures = instrument_figures(samples, RATE, name)
        assert figures["instrument_right"] == 1.0, name
        assert instrument_figures(samples, RATE, "piano")["instrument_right"] == 0.0
        quieter = instrument_figures(0.1 * samples, RATE, name)["instrument_chance"]
        assert quieter == pytest.approx(figures["instrument_chance"], abs=1e-3)
    assert instrument_figures(renderings["flute"], RATE, None)["instrument_right"] is None
    assert instrument_figures(np.zeros(RATE, np.float32), RATE, "flute")["instrument_right"] is None


def test_tags_diverge_from_others_and_not_from_themselves(renderings: dict[str, np.ndarray]) -> None:
    flute, banjo = (instrument_chances(renderings[name], RATE) for name in ("flute", "banjo"))
    assert sum(flute.values()) == pytest.approx(1)
    assert tag_divergence(flute, flute) == 0.0
    assert tag_divergence(flute, banjo) > 1.0


def test_a_sound_is_heard_as_the_tune_that_it_plays() -> None:
    pitches = (62, 64, 66, 67, 69, 67, 66, 64) * 4
    figures: dict[str, Any] = across_figures(melody(pitches), RATE, score(pitches), Meter(4, 4))
    assert figures["heard_note_f1"] > 0.95
    assert figures["heard_note_floor"] < 0.5
    assert figures["heard_range_semitones"] == 7
    assert figures["heard_step_share"] == pytest.approx(1.0, abs=0.05)
    assert figures["heard_nearest_overlap"] is None
    other: dict[str, Any] = across_figures(melody(pitches[::-1]), RATE, score(pitches), None)
    assert other["heard_note_f1"] < figures["heard_note_f1"]
    assert other["heard_meter_right"] is None
    silent = across_figures(np.zeros(RATE, np.float32), RATE, score(), Meter(4, 4))
    assert set(silent.values()) == {None}


def test_a_mood_is_heard_in_mode_and_in_how_fast_notes_come() -> None:
    major, minor = (60, 64, 67, 72, 67, 64, 62, 60), (60, 63, 67, 72, 67, 63, 62, 60)

    def quick(pitches: tuple[int, ...]) -> np.ndarray:
        return np.concatenate([tone(pitch, 0.125) for pitch in pitches * 8])

    happy, sad = MOODS["happy"], MOODS["sad"]
    assert mood_right(quick(major), RATE, happy) == 1.0
    assert mood_right(quick(major), RATE, sad) == 0.0
    assert mood_right(melody(minor), RATE, sad) == 1.0
    assert mood_right(melody(minor), RATE, happy) == 0.0
    assert mood_right(np.zeros(RATE, np.float32), RATE, happy) == 0.0
