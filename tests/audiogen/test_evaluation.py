"""Lag, chroma, tables and tune checks."""

from __future__ import annotations

import json
import shutil
from fractions import Fraction

import numpy as np
import pytest

from audiogen.data.corpus import Corpus, CorpusTune, Rejected
from audiogen.evaluation import material
from audiogen.evaluation.chroma import chroma_agreement, score_chroma, shuffled_agreement, sound_chroma
from audiogen.evaluation.material import HELD_OUT, TunePicker
from audiogen.evaluation.pictures import draw_comparison
from audiogen.evaluation.ratios import ratio
from audiogen.evaluation.tables import summary_rows, write_json
from audiogen.evaluation.timing import lag_seconds
from audiogen.evaluation.tune_checks import abc2midi_complaints, bar_faults, strict_faults
from symbolic_bridge.performance import SoundedNote
from symbolic_bridge.tune import Tune

RATE = 24_000
KESH = "X:1\nT:Test\nM:6/8\nL:1/8\nK:G\nD|GFG GAB|ABA ABd|edd gdd|edB dB:|\n"


def bursts(seconds: float, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    sound = np.zeros(round(seconds * RATE), np.float32)
    for start in np.cumsum(rng.integers(2000, 6000, 40)):
        piece = sound[start : start + 1500]
        piece += 0.3 * np.sin(np.arange(len(piece)) * rng.uniform(0.05, 0.4)).astype(np.float32)
    return sound


@pytest.mark.parametrize("samples", [0, 480, -960, 2400])
def test_a_shift_is_found_within_two_milliseconds(samples: int) -> None:
    sound = bursts(4.0)
    assert lag_seconds(np.roll(sound, samples), sound, RATE) == pytest.approx(samples / RATE, abs=0.002)


def test_a_lag_of_too_short_a_sound_is_refused() -> None:
    with pytest.raises(ValueError, match=r"0\.8 s are needed"):
        lag_seconds(np.zeros(RATE // 2), np.zeros(RATE // 2), RATE)


def test_a_scale_agrees_with_its_own_score_and_not_with_another() -> None:
    notes = [SoundedNote(i * 0.5, i * 0.5 + 0.5, 60 + i, 90) for i in range(8)]
    time = np.arange(RATE // 2) / RATE
    sound = np.concatenate([np.sin(2 * np.pi * 440 * 2 ** ((n.midi_pitch - 69) / 12) * time) for n in notes])
    chroma = sound_chroma(sound, RATE)
    score = score_chroma(notes, chroma.shape[1])
    assert chroma_agreement(chroma, score) > 0.9
    assert chroma_agreement(chroma, np.roll(score, 3, axis=0)) < 0.2
    rng = np.random.default_rng(0)
    drawn = [chroma_agreement(chroma, score[:, rng.permutation(score.shape[1])]) for _ in range(200)]
    assert shuffled_agreement(chroma, score) == pytest.approx(np.mean(drawn), abs=0.02)


def test_the_score_chroma_has_the_note_that_started_last_and_nothing_in_rests() -> None:
    score = score_chroma([SoundedNote(0.0, 0.3, 60, 90), SoundedNote(0.1, 0.2, 64, 90)], 5)
    assert score.argmax(axis=0)[:2].tolist() == [0, 4]
    assert score[:, 3:].sum() == 0


def test_a_ratio_to_nothing_is_none() -> None:
    assert ratio(1, 4) == 0.25
    assert ratio(1, 0) is None


def test_tables_end_with_all_only_where_there_is_one() -> None:
    assert summary_rows({"x": 1, "by": {"a": {"x": 2}}}, ("x",), "by") == [["a", 2], ["all", 1]]
    assert summary_rows({"by": {"a": {"x": 2}}}, ("x",), "by") == [["a", 2]]


def test_results_are_written_as_json(tmp_path) -> None:
    write_json(tmp_path / "out.json", {"pitch": 0.5})
    assert json.loads((tmp_path / "out.json").read_text()) == {"pitch": 0.5}


def test_a_pickup_and_the_bar_that_completes_it_add_up() -> None:
    assert bar_faults(Tune.from_abc(KESH)) == []
    assert strict_faults(KESH) == []


def test_a_bar_that_is_too_short_or_too_long_is_named() -> None:
    assert bar_faults(Tune.from_abc("X:1\nM:4/4\nL:1/4\nK:C\nCDEF|CDE|CDEF|CDEFG|CDEF|]\n")) == [
        f"bar 2 lasts {Fraction(3, 4)} of 1",
        f"bar 4 lasts {Fraction(5, 4)} of 1",
    ]


@pytest.mark.skipif(shutil.which("abc2midi") is None, reason="abc2midi is not installed")
def test_abc2midi_is_silent_about_a_sound_tune_and_complains_about_a_broken_one() -> None:
    assert abc2midi_complaints(KESH) == []
    assert abc2midi_complaints(KESH.replace("ABA ABd", "ABA AB")) != []


def test_a_comparison_picture_is_written(tmp_path) -> None:
    pytest.importorskip("matplotlib")
    notes = [SoundedNote(0.1, 0.5, 69, 90)]
    draw_comparison(
        tmp_path / "a" / "b.png", "title", [("one", bursts(1.0)), ("two", bursts(1.0))], RATE, notes, 1.0
    )
    assert (tmp_path / "a" / "b.png").read_bytes()[:4] == b"\x89PNG"


def test_without_tunes_only_those_are_drawn_that_no_weights_have_seen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    keys = json.loads(HELD_OUT.read_text(encoding="utf-8"))
    assert len(set(keys)) == len(keys) > 200
    source, _, identifier = keys[0].partition("/")
    tunes = (CorpusTune(source, identifier, KESH), CorpusTune(source, "seen/1", KESH))
    fault = Rejected("m21/none", "has no K: field")
    monkeypatch.setattr(material, "read_corpus", lambda path: Corpus(tunes, (fault,)))
    picker = TunePicker(None)
    assert [item.key for item in picker.draw(5)] == [keys[0]]
    assert picker.rejected == [{"tune": "m21/none", "reason": "has no K: field"}]
