"""Kept folders: what is written is read again, and the box edited last is where the path goes on."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

from audiogen.kept import FILES, MANIFEST, Boxes, read_boxes, write_boxes
from codec.types import CodecSpec, Codes, Waveform
from symbolic_bridge.attributes import TuneAttributes
from symbolic_bridge.frames import score_frames
from symbolic_bridge.perform import perform
from symbolic_bridge.performance import Performance
from symbolic_bridge.tune import Tune

ASKED = TuneAttributes(text="a jig", kind="jig")
SPEC = CodecSpec(24000, 480, 1, 3, 16, "tiny")


@pytest.fixture
def boxes(kesh_abc: str, rng: np.random.Generator) -> Boxes:
    tune = Tune.from_abc(kesh_abc)
    performance = perform(tune, accompaniment="guitar", duration_seconds=5, rng=rng)
    frames = score_frames(performance, Fraction(50))
    codes = Codes(torch.zeros(1, 3, frames.frames, dtype=torch.long), SPEC)
    sound = Waveform(torch.zeros(1, 1, frames.frames * 480), 24000)
    return Boxes(replace(ASKED, instrument="fiddle"), tune, performance, frames, codes, sound)


@pytest.fixture
def folder(tmp_path: Path, boxes: Boxes) -> Path:
    write_boxes(tmp_path / "kept", boxes, asked=ASKED, seed=7, route="tune")
    return tmp_path / "kept"


def edit(path: Path, later_seconds: float = 10) -> None:
    """Change a file so that it still reads, and let it look edited that much later."""
    if path.suffix == ".json":
        values = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(json.dumps(values), encoding="utf-8")
    else:
        path.write_bytes(path.read_bytes() + b"\n")
    moment = path.stat().st_mtime_ns + round(later_seconds * 1e9)
    os.utime(path, ns=(moment, moment))


def test_every_box_is_a_file_of_its_own(folder: Path) -> None:
    assert {path.name for path in folder.iterdir()} == {*FILES, MANIFEST}


def test_a_performance_is_read_as_it_was_written(boxes: Boxes) -> None:
    assert boxes.performance is not None
    again = Performance.from_json(boxes.performance.to_json())
    assert again.parts[0].notes == boxes.performance.parts[0].notes
    assert again == Performance.from_json(again.to_json())


def test_performance_json_has_the_promised_shape(folder: Path) -> None:
    values = json.loads((folder / "performance.json").read_text(encoding="utf-8"))
    assert [part["name"] for part in values["parts"]] == ["lead", "accompaniment"]
    onset, offset, pitch, velocity = values["parts"][0]["notes"][0]
    assert 0 <= onset < offset
    assert isinstance(pitch, int)
    assert 1 <= velocity <= 127


def test_without_an_edit_the_path_starts_at_the_tune(folder: Path, boxes: Boxes) -> None:
    kept = read_boxes(folder)
    assert (kept.start, kept.seed, kept.route, kept.asked) == ("tune", 7, "tune", ASKED)
    assert kept.boxes.tune == boxes.tune
    assert kept.boxes.performance is None


@pytest.mark.parametrize(
    ("name", "start"),
    [("attributes.json", "attributes"), ("tune.abc", "tune"), ("performance.json", "performance")],
)
def test_the_path_goes_on_from_an_edited_box(folder: Path, name: str, start: str) -> None:
    edit(folder / name)
    kept = read_boxes(folder)
    assert kept.start == start
    order = list(dict.fromkeys(FILES.values()))
    for box in order[order.index(start) + 1 :]:
        assert getattr(kept.boxes, box) is None, f"{box} comes after {start} and is to be made anew"


def test_files_that_are_not_its_own_are_never_replaced(tmp_path: Path, boxes: Boxes) -> None:
    mine = tmp_path / "tune.abc"
    mine.write_text("X:1\n", encoding="utf-8")
    with pytest.raises(ValueError, match=r"holds tune\.abc, which --keep would replace"):
        write_boxes(tmp_path, boxes, asked=ASKED, seed=7, route="tune")
    assert [path.name for path in tmp_path.iterdir()] == ["tune.abc"]
    assert mine.read_text(encoding="utf-8") == "X:1\n"


def test_a_manifest_that_a_person_broke_is_refused(folder: Path) -> None:
    path = folder / MANIFEST
    whole = json.loads(path.read_text(encoding="utf-8"))
    for change, message in (
        ({"hashes": []}, r"hashes is \[\]"),
        ({"seed": "x"}, "seed is 'x'"),
        ({"route": "zz"}, "route 'zz'"),
    ):
        path.write_text(json.dumps(whole | change), encoding="utf-8")
        with pytest.raises(ValueError, match=message):
            read_boxes(folder)


def test_of_several_edits_the_last_counts(folder: Path) -> None:
    edit(folder / "performance.json", later_seconds=5)
    edit(folder / "tune.abc", later_seconds=50)
    assert read_boxes(folder).start == "tune"
    edit(folder / "performance.json", later_seconds=500)
    assert read_boxes(folder).start == "performance"


def test_a_touched_file_is_not_an_edited_one(folder: Path) -> None:
    os.utime(folder / "codes.npz", (2e9, 2e9))
    assert read_boxes(folder).start == "tune"


def test_edited_attributes_are_asked_for(folder: Path) -> None:
    path = folder / "attributes.json"
    values = json.loads(path.read_text(encoding="utf-8")) | {"instrument": "flute"}
    path.write_text(json.dumps(values), encoding="utf-8")
    assert read_boxes(folder).asked.instrument == "flute"


def test_an_edited_midi_file_is_the_tune(folder: Path, boxes: Boxes) -> None:
    assert boxes.tune is not None
    boxes.tune.transpose(2).to_midi(folder / "tune.mid")
    kept = read_boxes(folder)
    assert kept.start == "tune"
    assert kept.boxes.tune is not None
    assert kept.boxes.tune.bars[0].notes[0].pitches[0].midi == boxes.tune.bars[0].notes[0].pitches[0].midi + 2


def test_a_box_that_is_not_there_leaves_no_old_file(folder: Path, boxes: Boxes) -> None:
    write_boxes(folder, replace(boxes, codes=None, frames=None), asked=ASKED, seed=7, route="soundfont")
    assert not (folder / "codes.npz").exists()
    assert not (folder / "frames.npz").exists()


def test_what_is_no_kept_folder_is_refused(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such folder"):
        read_boxes(tmp_path / "nowhere")
    (folder / "attributes.json").write_text("{", encoding="utf-8")
    with pytest.raises(ValueError, match=r"attributes\.json"):
        read_boxes(folder)
    (folder / "attributes.json").write_text('{"colour": 1}', encoding="utf-8")
    with pytest.raises(ValueError, match="colour"):
        read_boxes(folder)
    (folder / MANIFEST).write_text("[]", encoding="utf-8")
    with pytest.raises(ValueError, match="not a manifest"):
        read_boxes(folder)
    (folder / MANIFEST).unlink()
    with pytest.raises(ValueError, match=r"has no manifest\.json"):
        read_boxes(folder)


def test_a_broken_performance_is_refused_by_name(folder: Path) -> None:
    (folder / "performance.json").write_text('{"parts": [{"name": "lead"}]}', encoding="utf-8")
    with pytest.raises(ValueError, match=r"performance\.json: parts\[0\] has no list of .notes."):
        read_boxes(folder)
