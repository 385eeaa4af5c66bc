"""What a folder of weights may and may not be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

import codec
from codec.model import CodecConfig
from codec.weights import save_codec

TINY = CodecConfig(
    codebooks=2,
    codebook_size=8,
    latent_size=4,
    encoder_width=8,
    encoder_blocks=1,
    decoder_width=8,
    decoder_blocks=1,
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    save_codec(codec.Codec(TINY), tmp_path)
    return tmp_path


def edit(folder: Path, **changes: object) -> None:
    path = folder / "codec.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(codec.CheckpointError, match="nowhere: no such codec"):
        codec.load(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["codec.json", "codec.safetensors"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(codec.CheckpointError, match=f"{name}: no such file"):
        codec.load(folder)


@pytest.mark.parametrize("size", [0, 5, 400])
def test_truncated_weights_are_refused(folder: Path, size: int) -> None:
    path = folder / "codec.safetensors"
    path.write_bytes(path.read_bytes()[:size])
    with pytest.raises(codec.CheckpointError, match="damaged or truncated"):
        codec.load(folder)


def test_a_description_that_is_not_json_is_refused(folder: Path) -> None:
    (folder / "codec.json").write_text("{")
    with pytest.raises(codec.CheckpointError, match="not JSON"):
        codec.load(folder)


def test_another_version_is_refused(folder: Path) -> None:
    edit(folder, version=99)
    with pytest.raises(
        codec.CheckpointError, match="version 99; this program reads audiogen-codec version 1"
    ):
        codec.load(folder)


def test_an_unknown_setting_is_refused(folder: Path) -> None:
    config = json.loads((folder / "codec.json").read_text())["config"]
    edit(folder, config=config | {"colour": 3})
    with pytest.raises(codec.CheckpointError, match="colour"):
        codec.load(folder)


def test_an_impossible_setting_is_refused(folder: Path) -> None:
    config = json.loads((folder / "codec.json").read_text())["config"]
    edit(folder, config=config | {"codebooks": 0})
    with pytest.raises(codec.CheckpointError, match="codebooks is 0"):
        codec.load(folder)


def test_a_tensor_of_another_shape_is_refused(folder: Path) -> None:
    path = folder / "codec.safetensors"
    tensors = load_file(path)
    tensors["encoder.leave.weight"] = tensors["encoder.leave.weight"][:2].clone()
    save_file(tensors, path)
    with pytest.raises(codec.CheckpointError, match=r"encoder\.leave\.weight has shape"):
        codec.load(folder)


def test_a_missing_tensor_is_refused(folder: Path) -> None:
    path = folder / "codec.safetensors"
    tensors = load_file(path)
    del tensors["decoder.head.bias"]
    save_file(tensors, path)
    with pytest.raises(codec.CheckpointError, match=r"missing.*decoder\.head\.bias"):
        codec.load(folder)


def test_weights_are_stored_in_half_precision_without_training_state(folder: Path) -> None:
    tensors = load_file(folder / "codec.safetensors")
    assert tensors
    assert {value.dtype for value in tensors.values()} == {torch.float16}
    assert not [name for name in tensors if name.endswith((".counts", ".sums"))]
