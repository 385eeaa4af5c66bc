"""A guesser on disk: what is saved is loaded with its codec, and whatever does not fit is refused in one line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from codec.entropy import EntropyCoder, GuesserConfig
from codec.entropy_training import GuesserTrainingConfig, TrainableGuesser, best_scale, fit_guesser
from codec.guesser_files import codec_tables, load_guesser, save_guesser
from codec.model import Codec, CodecConfig
from codec.pool import AudioPool
from codec.types import CheckpointError
from codec.weights import load_own, save_codec

SHAPE = CodecConfig(
    codebooks=3, codebook_size=16, latent_size=8, encoder_width=8, encoder_blocks=1, decoder_width=8,
    decoder_blocks=1,
)  # fmt: skip
CONFIG = GuesserConfig(3, 16, 8, first_width=16, second_width=12, scale=16.0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A codec with a guesser."""
    torch.manual_seed(0)
    codec = Codec(SHAPE).eval()
    codec.quantizer.start(torch.randn(4, 50, 8), torch.Generator().manual_seed(0))
    save_codec(codec, tmp_path)
    made = load_own(tmp_path)
    assert made.guesser is None
    guesser = TrainableGuesser(CONFIG, codec_tables(made, CONFIG.scale)).guesser()
    save_guesser(guesser, made, tmp_path, {"note": "x"})
    return tmp_path


def pool(folder: Path, clips: int) -> AudioPool:
    """A pool of quiet tones, each of a second and a half."""
    folder.mkdir()
    times = np.arange(36_000) / 24_000
    sound = [0.2 * np.sin(2 * np.pi * 220 * (1 + clip) * times) for clip in range(clips)]
    np.save(folder / "shard-00000.npy", (np.concatenate(sound) * 32767).astype(np.int16))
    places = [{"start": 36_000 * clip, "samples": 36_000} for clip in range(clips)]
    (folder / "shard-00000.json").write_text(json.dumps({"sample_rate": 24_000, "clips": places}))
    return AudioPool(folder, 24_000)


def test_a_saved_guesser_comes_with_its_codec_and_guesses_alike(folder: Path) -> None:
    codec = load_own(folder)
    assert codec.guesser is not None
    assert codec.guesser.config == CONFIG
    torch.manual_seed(0)
    first = codec.guesser
    second = load_guesser(codec, folder)
    codes = np.random.default_rng(0).integers(0, 16, (3, 30))
    assert np.array_equal(EntropyCoder(first).bits(codes), EntropyCoder(second).bits(codes))
    details = json.loads((folder / "guesser.json").read_text(encoding="utf-8"))["details"]
    assert details == {"identity": codec.spec.identity, "note": "x"}
    weights = load_file(folder / "guesser.safetensors")
    assert {tensor.dtype for tensor in weights.values()} == {torch.int8, torch.int32}


def described(change: Callable[[dict[str, Any]], Any]) -> Callable[[Path], None]:
    """A change of guesser.json."""

    def alter(folder: Path) -> None:
        path = folder / "guesser.json"
        header = json.loads(path.read_text(encoding="utf-8"))
        change(header)
        path.write_text(json.dumps(header), encoding="utf-8")

    return alter


def weighed(change: Callable[[dict[str, torch.Tensor]], Any]) -> Callable[[Path], None]:
    """A change of guesser.safetensors."""

    def alter(folder: Path) -> None:
        path = folder / "guesser.safetensors"
        tensors = load_file(path)
        change(tensors)
        save_file(tensors, path)

    return alter


def cut(folder: Path) -> None:
    path = folder / "guesser.safetensors"
    path.write_bytes(path.read_bytes()[:-9])


@pytest.mark.parametrize(
    ("alter", "words"),
    [
        (lambda folder: (folder / "guesser.safetensors").unlink(), "guesser.safetensors: no such file"),
        (cut, "guesser.safetensors: damaged or truncated"),
        (lambda folder: (folder / "guesser.json").write_text("{"), "guesser.json: not JSON"),
        (described(lambda header: header.update(version=9)), "audiogen-guesser version 9"),
        (described(lambda header: header["details"].update(identity="ffff")), "is of codec ffff; this codec is"),
        (described(lambda header: header["details"].clear()), "is of codec None; this codec is"),
        (described(lambda header: header["config"].update(codebooks=2)), "codebooks is 2; the codec has 3"),
        (described(lambda header: header["config"].update(scale=0.3)), "scale is 0.3; a power of two"),
        (described(lambda header: header["config"].update(size=3)), "size"),
        (described(lambda header: header["config"].update(scale="x")), "guesser.json"),
        (weighed(lambda tensors: tensors.pop("0.first.bias")), "missing ['0.first.bias']"),
        (weighed(lambda tensors: tensors.update(more=torch.zeros(1))), "unknown ['more']"),
        (
            weighed(lambda tensors: tensors.update({"1.score.weight": torch.zeros(16, 11, dtype=torch.int8)})),
            "1.score.weight is torch.int8 (16, 11); torch.int8 (16, 12) is needed",
        ),
        (
            weighed(lambda tensors: tensors.update({"1.score.bias": torch.zeros(16)})),
            "1.score.bias is torch.float32 (16,); torch.int32",
        ),
        (weighed(lambda tensors: tensors["0.first.weight"].fill_(-128)), "holds -128 ... -128; -127 ... 127"),
        (weighed(lambda tensors: tensors["0.first.bias"].fill_(2**30)), "holds 1073741824"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_refused_in_one_line(
    folder: Path, alter: Callable[[Path], None], words: str
) -> None:
    alter(folder)
    with pytest.raises(CheckpointError) as caught:
        load_own(folder)
    message = str(caught.value)
    assert message.startswith(str(folder))
    assert words in message
    assert "\n" not in message


def test_a_guesser_fits_the_codes_of_a_pool_and_says_what_it_saves(folder: Path, tmp_path: Path) -> None:
    codec = load_own(folder)
    told: list[float] = []
    config = GuesserTrainingConfig(
        steps=150, batch=128, learning_rate=1e-2, crops=20, valid_crops=8, crop_seconds=1
    )
    pools = pool(tmp_path / "train", 6), pool(tmp_path / "valid", 3)
    fitted = fit_guesser(codec, pools[0], pools[1], config, told.append)
    assert told == sorted(told)
    assert told[-1] == 1
    assert fitted.pays
    assert fitted.plain_bits == 12
    assert len(fitted.bits) == 3
    save_guesser(fitted.guesser, codec, folder, fitted.details)
    assert load_own(folder).guesser is not None
    details = json.loads((folder / "guesser.json").read_text(encoding="utf-8"))["details"]
    assert details["valid_bits"] == [round(bits, 3) for bits in fitted.bits]
    with pytest.raises(ValueError, match="at least 1"):
        GuesserTrainingConfig(crops=0)


def test_the_scale_brings_latents_near_the_unit_of_the_inputs(folder: Path) -> None:
    codec = load_own(folder)
    tokens = torch.randint(16, (4, 3, 50), generator=torch.Generator().manual_seed(0))
    scaled = codec.quantizer.decode(tokens).std() * best_scale(codec, tokens)
    assert 32 / 2**0.5 <= float(scaled) <= 32 * 2**0.5
    for book in codec.quantizer.books:
        book.vectors.zero_()
    assert best_scale(codec, tokens) == 1
