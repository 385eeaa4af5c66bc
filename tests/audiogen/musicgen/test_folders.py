"""Folders of MusicGens: what is read, what is refused, and the command line."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

import audiogen
from audiogen.cli import run
from audiogen.musicgen import find_folder, is_musicgen
from audiogen.musicgen.generator import MusicGen
from codec.audio_files import read_audio
from codec.types import CheckpointError, Waveform

Get = Callable[[str], tuple[Any, Path]]
PROMPT = "a slow air on the flute"


@pytest.fixture
def folder(musicgens: Get, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(musicgens("mono")[1], tmp_path / "copy"))


def change(folder: Path, **entries: object) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | entries))


def test_the_command_line_makes_sound_with_it(musicgens: Get, tmp_path: Path) -> None:
    out = tmp_path / "air.wav"
    words = ["generate", PROMPT, "--model", str(musicgens("stereo")[1]), "-o", str(out)]
    assert run([*words, "--duration", "1", "--seed", "3", "--keep", str(tmp_path / "kept")]) == 0
    made = read_audio(out)
    assert made.samples.shape == (1, 2, 32_000)
    assert not torch.equal(made.samples[0, 0], made.samples[0, 1])
    assert (tmp_path / "kept" / "codes.npz").is_file()
    first = out.read_bytes()
    assert run([*words, "--duration", "1", "--seed", "3"]) == 0
    assert out.read_bytes() == first


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--tempo", "90"], "MusicGen follows words alone: leave out tempo"),
        (["--instrument", "flute", "--key", "D"], "leave out key, instrument"),
        (["--route", "soundfont"], "leave out route soundfont"),
    ],
)
def test_what_it_cannot_follow_is_refused(
    more: list[str], message: str, musicgens: Get, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "air.wav"
    assert run(["generate", PROMPT, "--model", str(musicgens("mono")[1]), "-o", str(out), *more]) == 2
    assert message in capsys.readouterr().err
    assert not out.exists()


def test_a_length_beyond_its_training_is_warned_of(musicgens: Get) -> None:
    found = audiogen.load(musicgens("mono")[1])
    assert isinstance(found, MusicGen)
    assert "drifts beyond" in found.generate(PROMPT, duration=30.5, seed=1, guidance=1.0).warnings[0]


def test_values_out_of_range_are_refused(musicgens: Get) -> None:
    found = audiogen.load(musicgens("mono")[1])
    assert isinstance(found, MusicGen)
    for wrong, message in (
        ({"guidance": -1.0}, "guidance is -1.0"),
        ({"duration": 0.2}, "duration 0.2 s"),
        ({"temperature": -1.0}, "temperature is -1.0"),
        ({"melody": Waveform(torch.zeros(1, 1, 9), 32_000)}, "this MusicGen follows no melody"),
    ):
        with pytest.raises(ValueError, match=message):
            found.generate(PROMPT, **wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="the prompt is empty"):
        found.generate(" ")


def test_shards_are_read_as_one(folder: Path) -> None:
    whole = load_file(folder / "model.safetensors")
    names = sorted(whole)
    parts = {"model-1.safetensors": names[::2], "model-2.safetensors": names[1::2]}
    for file, held in parts.items():
        save_file({name: whole[name] for name in held}, folder / file)
    (folder / "model.safetensors").unlink()
    index = {"weight_map": {name: file for file, held in parts.items() for name in held}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    assert isinstance(audiogen.load(folder), MusicGen)
    index["weight_map"][names[0]] = "../model-1.safetensors"
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    with pytest.raises(CheckpointError, match="which is no file of"):
        audiogen.load(folder)


def test_a_damaged_folder_is_refused(folder: Path) -> None:
    tensors = load_file(folder / "model.safetensors")
    cut = {name: value for name, value in tensors.items() if "layers.1.fc1" not in name}
    save_file(cut, folder / "model.safetensors")
    with pytest.raises(CheckpointError, match=r"missing \['body.layers.1.feed_in.weight'\]"):
        audiogen.load(folder)
    save_file(
        {name: value for name, value in tensors.items() if "shared" not in name}, folder / "model.safetensors"
    )
    with pytest.raises(CheckpointError, match="text_encoder"):
        audiogen.load(folder)
    save_file(tensors, folder / "model.safetensors")
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"tokenizer.json"):
        audiogen.load(folder)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(CheckpointError, match="no such file; the texts need it"):
        audiogen.load(folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    with pytest.raises(CheckpointError, match="pickled and is never read"):
        audiogen.load(folder)


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"decoder": {"hidden_size": 25}}, "25 over 16 heads"),
        ({"decoder": {"activation_function": "relu"}}, "activation_function must be gelu"),
        ({"decoder": {"num_codebooks": 0}}, "streams is 0"),
        ({"decoder": {"audio_channels": 2, "num_codebooks": 3}}, "3 codebooks for 2 channels"),
        ({"decoder": {"vocab_size": 7}}, "must be vocab_size"),
        ({"decoder": 3}, "unsupported operand"),
        ({"text_encoder": {"model_type": "bert"}}, "must be a t5"),
    ],
)
def test_an_impossible_config_is_refused(entry: dict[str, object], message: str, folder: Path) -> None:
    change(folder, **entry)
    with pytest.raises(CheckpointError, match=message):
        audiogen.load(folder)


def test_a_folder_without_a_part_is_refused(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    del config["text_encoder"]
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(CheckpointError, match="has no 'text_encoder'"):
        audiogen.load(folder)


def test_names_and_folders_are_told_apart(musicgens: Get, tiny_weights: Path, tmp_path: Path) -> None:
    assert is_musicgen("facebook/musicgen-small")
    assert is_musicgen(musicgens("melody")[1])
    assert not is_musicgen(None)
    assert not is_musicgen(tiny_weights)
    assert not is_musicgen(tmp_path / "nowhere")


def test_a_hub_out_of_reach_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub

    def refuse(*arguments: object, **more: object) -> None:
        raise OSError("no\nnetwork")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", refuse)
    with pytest.raises(
        CheckpointError, match=r"musicgen-small: could not be had .* offline, give a folder"
    ) as error:
        find_folder("facebook/musicgen-small")
    assert "\n" not in str(error.value)
