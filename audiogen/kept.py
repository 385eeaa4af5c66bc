"""The folder that `--keep` leaves and `--from` goes on from: one file for each box of the path.

`manifest.json` remembers a hash of every file as written, so that a later edit shows. Where several files were
edited, the one edited last counts; everything after it on the path is made anew, everything before it is only
read for the record.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from audiogen.options import ROUTES
from audiogen.version import VERSION
from codec.audio_files import read_audio, replacing, write_audio, write_bytes
from codec.types import Codes, Waveform
from symbolic_bridge.attributes import TuneAttributes
from symbolic_bridge.frames import ScoreFrames
from symbolic_bridge.instruments import instrument_of
from symbolic_bridge.performance import Performance
from symbolic_bridge.tune import Tune

MANIFEST = "manifest.json"
FORMAT = "audiogen path"
# What the manifest says, and in which type.
ENTRIES = {"seed": int, "route": str, "composed": bool, "asked": dict, "hashes": dict}
# File of each box, in the order of the path. The tune has two: either may be edited.
FILES = {
    "attributes.json": "attributes",
    "tune.abc": "tune",
    "tune.mid": "tune",
    "performance.json": "performance",
    "frames.npz": "frames",
    "codes.npz": "codes",
    "audio.wav": "waveform",
}


@dataclass(frozen=True)
class Boxes:
    """The boxes of the path that are there; None for the others."""

    attributes: TuneAttributes | None = None
    tune: Tune | None = None
    performance: Performance | None = None
    frames: ScoreFrames | None = None
    codes: Codes | None = None
    waveform: Waveform | None = None


@dataclass(frozen=True)
class KeptPath:
    """What `read_boxes` found: the boxes up to and including the one to go on from, and how they were made."""

    boxes: Boxes
    start: str
    asked: TuneAttributes
    seed: int
    route: str
    composed: bool
    edited: bool

    @property
    def asked_of_the_tune(self) -> TuneAttributes:
        """What was asked for, less what an edited tune says itself."""
        if self.start != "tune" or not self.edited:
            return self.asked
        less = replace(self.asked, kind=None, meter=None, tonic=None, mode=None, form=None, bars=None)
        # A composed tune had the tempo written into it; a given one was played faster or slower than written.
        return replace(less, tempo_bpm=None, tempo_factor=None) if self.composed else less


def write_boxes(
    folder: str | Path,
    boxes: Boxes,
    *,
    asked: TuneAttributes,
    seed: int,
    route: str,
    composed: bool = False,
    metadata: Mapping[str, str] | None = None,
) -> None:
    """Write every box that is there, and the manifest last; files of boxes that are not there are removed.

    Args:
        folder: made where it is missing.
        boxes: what to write.
        asked: the attributes before tune and kind filled them, so that an edited tune can fill them anew.
        seed: of the whole.
        route: of the whole.
        composed: whether the tune was written for what was asked.
        metadata: for audio.wav.

    Raises:
        ValueError: as `check_keep`.
        OSError: the folder cannot be made or written to, or the disk is full.
    """
    target = Path(folder)
    check_keep(target)
    target.mkdir(parents=True, exist_ok=True)
    writers: dict[str, Callable[[Path], None]] = {}
    if boxes.attributes is not None:
        text = boxes.attributes.to_json() + "\n"
        writers["attributes.json"] = lambda path: _write(path, text)
    if boxes.tune is not None:
        tune = boxes.tune
        writers["tune.abc"] = lambda path: _write(path, tune.to_abc())
        writers["tune.mid"] = tune.to_midi
    if boxes.performance is not None:
        notes = boxes.performance.to_json()
        writers["performance.json"] = lambda path: _write(path, notes)
    if boxes.frames is not None:
        writers["frames.npz"] = boxes.frames.save
    if boxes.codes is not None:
        writers["codes.npz"] = boxes.codes.save
    if boxes.waveform is not None:
        waveform = boxes.waveform
        writers["audio.wav"] = lambda path: write_audio(path, waveform, metadata)
    # Until all is written the folder is ours, but nothing to go on from.
    write_bytes(target / MANIFEST, json.dumps({"format": FORMAT}).encode())
    for name in FILES:
        if name in writers:
            with replacing(target / name) as temporary:
                writers[name](temporary)
        else:
            (target / name).unlink(missing_ok=True)
    manifest = {
        "format": FORMAT,
        "version": VERSION,
        "seed": seed,
        "route": route,
        "composed": composed,
        "asked": json.loads(asked.to_json()),
        "hashes": {name: _hash(target / name) for name in writers},
    }
    write_bytes(target / MANIFEST, (json.dumps(manifest, indent=2) + "\n").encode())


def read_boxes(folder: str | Path) -> KeptPath:
    """Read a folder of `write_boxes` up to the box that was edited last.

    Raises:
        ValueError: the folder is missing, is not one of ours, or the edited file cannot be read.
    """
    source = _kept_folder(folder)
    manifest = _read_manifest(source)
    hashes = manifest["hashes"]
    present = [name for name in FILES if (source / name).is_file()]
    if not present:
        raise ValueError(f"{source}: holds none of {', '.join(FILES)}")
    edited = [name for name in present if _hash(source / name) != hashes.get(name)]
    # Nothing edited: start from the tune, or the first box there is, and make the same sound again.
    if edited:
        start = max(edited, key=lambda name: ((source / name).stat().st_mtime_ns, -list(FILES).index(name)))
    else:
        start = "tune.abc" if "tune.abc" in present else present[0]
    last = list(FILES.values()).index(FILES[start])
    wanted = list(dict.fromkeys(list(FILES.values())[: last + 1]))
    found: dict[str, Any] = {}
    for box in wanted:
        names = [name for name in present if FILES[name] == box]
        if names:
            name = start if start in names else names[0]
            found[box] = READERS[name](source / name)
    boxes = Boxes(**found)
    try:
        asked = TuneAttributes.from_json(json.dumps(manifest["asked"]))
    except ValueError as error:
        raise ValueError(f"{source / MANIFEST}: asked: {error}") from error
    if boxes.attributes is not None and "attributes.json" in edited:
        # What a person wrote into the file was asked for as well.
        asked = boxes.attributes
    return KeptPath(
        boxes, FILES[start], asked, manifest["seed"], manifest["route"], manifest["composed"], start in edited
    )


def check_keep(folder: str | Path) -> None:
    """Refuse a folder for `write_boxes` in which it would replace or remove files that are not its own.

    Raises:
        ValueError: it is a file, or holds files of a box's name without a manifest.
    """
    target = Path(folder)
    nearest = next(path for path in (target, *target.parents) if path.exists())
    if not nearest.is_dir():
        raise ValueError(f"{nearest}: is a file; --keep needs a folder")
    foreign = [name for name in FILES if (target / name).exists()]
    if foreign and not (target / MANIFEST).is_file():
        raise ValueError(
            f"{target}: holds {foreign[0]}, which --keep would replace, and no {MANIFEST}; name another folder"
        )


def kept_seed(folder: str | Path) -> int:
    """The seed that a kept folder was made with; errors as in `read_boxes`."""
    return _read_manifest(_kept_folder(folder))["seed"]


def _kept_folder(folder: str | Path) -> Path:
    source = Path(folder)
    if not source.is_dir():
        raise ValueError(f"{source}: no such folder; --from needs one that --keep has left")
    return source


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path}: not readable as JSON ({error})") from error


def _read_attributes(path: Path) -> TuneAttributes:
    try:
        return TuneAttributes.from_json(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _read_performance(path: Path) -> Performance:
    try:
        performance = Performance.from_json(path.read_text(encoding="utf-8"))
        for part in performance.parts:
            instrument_of(part.instrument)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    return performance


def _read_tune(path: Path) -> Tune:
    from audiogen.tune_files import read_one_tune

    return read_one_tune(path)[0]


READERS: dict[str, Callable[[Path], Any]] = {
    "attributes.json": _read_attributes,
    "tune.abc": _read_tune,
    "tune.mid": _read_tune,
    "performance.json": _read_performance,
    "frames.npz": ScoreFrames.load,
    "codes.npz": Codes.load,
    "audio.wav": read_audio,
}


def _read_manifest(source: Path) -> dict[str, Any]:
    path = source / MANIFEST
    if not path.is_file():
        raise ValueError(f"{source}: has no {MANIFEST}; --from needs a folder that --keep has left")
    manifest = _read_json(path)
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT:
        raise ValueError(f"{path}: is not a manifest of --keep")
    for name, kind in ENTRIES.items():
        if type(manifest.get(name)) is not kind:
            raise ValueError(f"{path}: {name} is {manifest.get(name)!r}; --keep writes a {kind.__name__}")
    if manifest["route"] not in ROUTES:
        raise ValueError(f"{path}: route {manifest['route']!r} is not one of {', '.join(ROUTES)}")
    return manifest


def _hash(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
