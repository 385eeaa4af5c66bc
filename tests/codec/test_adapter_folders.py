"""What a folder of somebody else's codec may and may not be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import codec

NAMES = ("mono", "musicgen", "stereo", "dac", "mimi")


def copy(folder: Path, target: Path, **changes: Any) -> Path:
    """A copy of a checkpoint, with some settings changed."""
    target.mkdir()
    config = json.loads((folder / "config.json").read_text()) | changes
    (target / "config.json").write_text(json.dumps(config))
    (target / "model.safetensors").write_bytes((folder / "model.safetensors").read_bytes())
    return target


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("size", [0, 5, 4000])
def test_truncated_weights_are_refused(
    name: str, size: int, foreign_folders: dict[str, Path], tmp_path: Path
) -> None:
    path = copy(foreign_folders[name], tmp_path / "cut") / "model.safetensors"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(codec.CheckpointError, match=r"model\.safetensors: damaged or truncated"):
        codec.load(tmp_path / "cut")


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("change", ["missing", "unknown", "shape", "nan"])
def test_other_weights_are_refused(
    name: str, change: str, foreign_folders: dict[str, Path], tmp_path: Path
) -> None:
    path = copy(foreign_folders[name], tmp_path / "other") / "model.safetensors"
    tensors = load_file(path)
    chosen = next(key for key in tensors if key.startswith("decoder.") and key.endswith("bias"))
    expected = chosen
    if change == "missing":
        del tensors[chosen]
        expected = "missing"
    elif change == "unknown":
        tensors["colour"] = torch.ones(3)
        expected = "colour"
    elif change == "shape":
        tensors[chosen] = torch.ones(1, 2, 3)
        expected = "shape|mismatched"
    else:
        tensors[chosen] = torch.full_like(tensors[chosen], float("nan"))
        expected = "not finite"
    save_file(tensors, path, {"format": "pt"})
    with pytest.raises(codec.CheckpointError, match=expected) as refused:
        codec.load(tmp_path / "other")
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("pickled", ["pytorch_model.bin", "model.pt", "encodec_24khz-d7cc33bc.th"])
def test_pickled_weights_are_never_read(
    name: str, pickled: str, foreign_folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = copy(foreign_folders[name], tmp_path / "pickled")
    torch.save(load_file(folder / "model.safetensors"), folder / pickled)
    (folder / "model.safetensors").unlink()
    monkeypatch.setattr(torch, "load", lambda *_args, **_kwargs: pytest.fail("unpickled"))
    with pytest.raises(codec.CheckpointError, match=f"no such file; {pickled} is pickled and is never read"):
        codec.load(folder)


@pytest.mark.parametrize(
    ("name", "changes"),
    [("mono", {"upsampling_ratios": 3}), ("mono", {"codebook_size": 33}), ("mono", {"norm_type": "none of these"}),
     ("mono", {"sampling_rate": "high"}), ("mono", {"sampling_rate": 0}), ("mono", {"audio_channels": 3}),
     ("stereo", {"chunk_length_s": 0.0101}), ("stereo", {"overlap": 0.9}),
     ("stereo", {"chunk_length_s": "long"}), ("dac", {"n_codebooks": "many"}), ("dac", {"codebook_size": 7}),
     ("mimi", {"num_quantizers": 0}), ("mimi", {"frame_rate": 7.0, "_frame_rate": 7.0}),
     ("mimi", {"model_type": "wav2vec2"}), ("mono", {"model_type": None})],
)  # fmt: skip
def test_impossible_settings_are_refused_on_one_line(
    name: str, changes: dict[str, Any], foreign_folders: dict[str, Path], tmp_path: Path
) -> None:
    folder = copy(foreign_folders[name], tmp_path / "odd", **changes)
    with pytest.raises(codec.CheckpointError, match="odd") as refused:
        codec.load(folder)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(("text", "message"), [("{", "not JSON"), ("[1]", "holds no object but list")])
def test_settings_that_are_no_object_are_refused(
    text: str, message: str, foreign_folders: dict[str, Path], tmp_path: Path
) -> None:
    folder = copy(foreign_folders["mono"], tmp_path / "odd")
    (folder / "config.json").write_text(text)
    with pytest.raises(codec.CheckpointError, match=rf"config\.json: {message}"):
        codec.load(folder)


def test_weights_in_half_precision_run_in_single(foreign_folders: dict[str, Path], tmp_path: Path) -> None:
    for name in NAMES:
        path = copy(foreign_folders[name], tmp_path / name) / "model.safetensors"
        halved = {k: v.half() if v.is_floating_point() else v for k, v in load_file(path).items()}
        save_file(halved, path, {"format": "pt"})
        ours = codec.load(tmp_path / name)
        decoded = ours.decode(ours.encode(codec.Waveform(torch.ones(1, 1, 100), 24_000)))
        assert decoded.samples.dtype == torch.float32


def test_identity_is_of_the_weights_and_not_of_the_decoder(
    foreign_folders: dict[str, Path], tmp_path: Path
) -> None:
    for name, folder in foreign_folders.items():
        tensors = load_file(folder / "model.safetensors")
        found = codec.load(folder).spec.identity
        for part, same in (("decoder.", True), ("encoder.", False), ("quantizer.", False)):
            other = tmp_path / name / part
            other.mkdir(parents=True)
            (other / "config.json").write_bytes((folder / "config.json").read_bytes())
            chosen = next(key for key in tensors if key.startswith(part) and tensors[key].dim() > 1)
            save_file(tensors | {chosen: tensors[chosen] + 1}, other / "model.safetensors", {"format": "pt"})
            assert (codec.load(other).spec.identity == found) is same, (name, part)
