from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from audiogen.cli import run
from audiogen.evaluation.note_matching import NoteScore, match_notes, shuffled
from audiogen.evaluation.pitch import PitchTrack
from audiogen.evaluation.transcription_quality import plain_notes


def test_notes_pair_once_and_only_near_in_time_and_pitch() -> None:
    played = [(0.0, 60.0), (0.5, 62.0), (1.0, 64.0)]
    assert match_notes(played, played) == NoteScore(3, 3, 3)
    assert match_notes(played, played).f1 == 1.0
    assert match_notes(played, [(0.04, 60.4), (0.56, 62.0), (1.0, 64.6)]).right == 1
    assert match_notes(played, [(0.0, 60.0), (0.01, 60.0)]) == NoteScore(1, 3, 2)
    assert match_notes(played, []).f1 == 0.0
    assert match_notes([], []).f1 == 1.0


def test_the_best_pairing_counts_where_a_greedy_one_loses_a_note() -> None:
    assert match_notes([(0.0, 60.0), (0.06, 60.0)], [(0.04, 60.0), (0.09, 60.0)]).right == 2


def test_a_shuffle_keeps_onsets_and_pitches() -> None:
    notes = [(float(number), 60.0 + number) for number in range(8)]
    moved = shuffled(notes, np.random.default_rng(0))
    assert [onset for onset, _ in moved] == [onset for onset, _ in notes]
    assert sorted(pitch for _, pitch in moved) == [pitch for _, pitch in notes]
    assert moved != notes


def test_pyin_is_cut_where_the_semitone_changes() -> None:
    midi = np.array([np.nan] * 3 + [60.1] * 8 + [61.9] * 7 + [np.nan] * 2 + [62.0] * 2)
    assert plain_notes(PitchTrack(midi, 0.01)) == [(0.03, 60.0), (pytest.approx(0.11), 62.0)]


def test_the_command_measures_renderings_beside_ceiling_and_floor(tmp_path: Path, kesh_abc: str) -> None:
    (tmp_path / "tunes.abc").write_text(kesh_abc, encoding="utf-8")
    words = [
        "--tunes",
        str(tmp_path / "tunes.abc"),
        "-n",
        "1",
        "--seconds",
        "10",
        "--instrument",
        "flute",
        "--no-pyin",
    ]
    target = tmp_path / "figures.json"
    font = ["--soundfont", "TimGM6mb.sf2"]
    assert run(["evaluate", "transcription", *words, *font, "--json", str(target)]) == 0
    figures = json.loads(target.read_text(encoding="utf-8"))
    assert figures["f1_floor"] < 0.5 < 0.8 < figures["f1_ours"] <= figures["f1_ceiling"]
    assert figures["meter_right"] == 1
