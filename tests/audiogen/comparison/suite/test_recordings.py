"""Recordings as tokens and as notes: only the very files are taken, and what is kept is told from what is not."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audiogen.comparison.suite.recordings import Recording, find_recordings, measure_recordings
from audiogen.generator import Generator
from audiogen.soundfont import Renderer
from codec.audio_files import write_audio
from symbolic_bridge.perform import perform
from symbolic_bridge.tune import Tune

OTHER_ABC = "X:1\nT:Other\nM:4/4\nL:1/4\nQ:1/4=100\nK:C\nc2 G2|E2 C2|F A c2|B4|\n"


@pytest.fixture
def recordings(tmp_path: Path, kesh_abc: str) -> list[Recording]:
    """Two tunes on sampled instruments."""
    found = []
    with Renderer(None) as renderer:
        for name, abc, instrument in (("kesh", kesh_abc, "flute"), ("other", OTHER_ABC, "fiddle")):
            played = perform(
                Tune.from_abc(abc), instrument=instrument, duration_seconds=6.0, rng=np.random.default_rng(0)
            )
            file = tmp_path / "kept" / f"{name}.wav"
            file.parent.mkdir(exist_ok=True)
            write_audio(file, renderer.render(played))
            found.append(Recording(file, instrument))
    return found


def _facts(recordings: list[Recording]) -> dict[str, Any]:
    files = [
        {
            "name": item.file.name,
            "instrument": item.instrument,
            "sha256": hashlib.sha256(item.file.read_bytes()).hexdigest(),
        }
        for item in recordings
    ]
    return {"seconds": 5, "seed": 1, "files": files}


def test_only_the_very_files_are_taken(recordings: list[Recording], tmp_path: Path) -> None:
    facts = _facts(recordings)
    assert find_recordings(facts, [tmp_path]) == (recordings, [])
    recordings[0].file.write_bytes(recordings[1].file.read_bytes())
    found, rejected = find_recordings(facts, [tmp_path])
    assert found == recordings[1:]
    assert "kesh.wav: is not the suite's file of that name" in rejected[0]
    recordings[0].file.unlink()
    assert find_recordings(facts, [tmp_path])[1] == ["kesh.wav: is in none of the folders of recordings"]


def test_a_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="nowhere: no such folder of recordings"):
        find_recordings({"files": []}, [tmp_path / "nowhere"])


def test_notes_keep_the_notes_of_one_line_and_another_recording_does_not(
    recordings: list[Recording], tiny_weights: Path
) -> None:
    panel = measure_recordings(Generator(tiny_weights), _facts(recordings), recordings)
    notes = panel.means["notes heard ↑ (F1)"]
    assert notes["soundfont"].mean > 0.8
    assert notes["floor"].mean < 0.4
    for title, means in panel.means.items():
        better = means["soundfont"].mean - means["floor"].mean
        assert (better < 0) if "↓" in title else (better > 0), title
    assert panel.means["chroma ↑ (cosine)"]["codec"].count == 2


def test_silence_is_rejected_by_name(recordings: list[Recording], tiny_weights: Path, tmp_path: Path) -> None:
    from codec.types import Waveform

    silent = tmp_path / "silent.wav"
    import torch

    write_audio(silent, Waveform(torch.zeros(1, 1, 48000), 24000))
    generator = Generator(tiny_weights)
    panel = measure_recordings(generator, _facts(recordings), [*recordings, Recording(silent, "flute")])
    assert panel.rejected == ("silent.wav: no notes were heard",)
    with pytest.raises(ValueError, match="none of 1 recordings"):
        measure_recordings(generator, _facts(recordings), [Recording(silent, "flute")])
