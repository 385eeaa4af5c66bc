"""A codec's guesser on disk: guesser.json and guesser.safetensors beside codec.json, int8 weights and int32 biases.

The integer codebooks are not stored: they follow from the codec's own, so the files name the codec that they belong to.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from codec.checkpoint import Checkpoint, build_config, load_checkpoint, save_checkpoint
from codec.entropy import LARGEST, LARGEST_BIAS, Guesser, GuesserConfig, integer_tables
from codec.types import CheckpointError

if TYPE_CHECKING:
    from codec.model import Codec

NAME, FORMAT, VERSION = "guesser", "audiogen-guesser", 1
KINDS = {"weight": (torch.int8, LARGEST), "bias": (torch.int32, LARGEST_BIAS)}


def codec_tables(codec: Codec, scale: float) -> np.ndarray:
    """A codec's codebooks as whole numbers, [K, V, D]."""
    vectors = torch.stack([book.vectors for book in codec.quantizer.books])
    return integer_tables(vectors.cpu().numpy(), scale)


def has_guesser(folder: Path) -> bool:
    """Whether a codec's folder says that it holds a guesser."""
    return (folder / f"{NAME}.json").is_file()


def save_guesser(
    guesser: Guesser, codec: Codec, folder: Path, details: Mapping[str, Any] | None = None
) -> None:
    """Write a guesser into its codec's folder.

    Args:
        guesser: of this codec's codes.
        codec: named by its identity.
        folder: of the codec.
        details: anything else JSON can hold.
    """
    tensors = {
        name: torch.from_numpy(np.ascontiguousarray(values)).to(_kind(name)[0])
        for name, values in guesser.weights.items()
    }
    save_checkpoint(
        folder, NAME, format=FORMAT, version=VERSION, config=guesser.config, tensors=tensors,
        details={"identity": codec.spec.identity, **(details or {})},
    )  # fmt: skip


def load_guesser(codec: Codec, folder: Path) -> Guesser:
    """Read what `save_guesser` wrote.

    Raises:
        CheckpointError: a file is missing, damaged, of another version, of another codec or of the wrong shape.
    """
    checkpoint = load_checkpoint(folder, NAME, format=FORMAT, version=VERSION)
    config = build_config(GuesserConfig, checkpoint)
    _refuse_other_codec(checkpoint, config, codec)
    _refuse_wrong_weights(checkpoint, config.shapes())
    weights = {name: tensor.numpy() for name, tensor in checkpoint.tensors.items()}
    return Guesser(config, codec_tables(codec, config.scale), weights)


def _refuse_other_codec(checkpoint: Checkpoint, config: GuesserConfig, codec: Codec) -> None:
    found, needed = checkpoint.details.get("identity"), codec.spec.identity
    if found != needed:
        raise CheckpointError(f"{checkpoint.path}.json: is of codec {found}; this codec is {needed}")
    shape = codec.config
    for name in ("codebooks", "codebook_size", "latent_size"):
        if getattr(config, name) != getattr(shape, name):
            raise CheckpointError(
                f"{checkpoint.path}.json: {name} is {getattr(config, name)}; the codec has {getattr(shape, name)}"
            )


def _refuse_wrong_weights(checkpoint: Checkpoint, shapes: Mapping[str, tuple[int, ...]]) -> None:
    tensors, place = checkpoint.tensors, f"{checkpoint.path}.safetensors"
    missing = [name for name in shapes if name not in tensors]
    unknown = [name for name in tensors if name not in shapes]
    if missing or unknown:
        raise CheckpointError(f"{place}: missing {missing[:3]}, unknown {unknown[:3]}")
    for name, shape in shapes.items():
        _refuse_wrong_tensor(tensors[name], shape, _kind(name), f"{place}: {name}")


def _refuse_wrong_tensor(
    tensor: Tensor, shape: tuple[int, ...], kind: tuple[torch.dtype, int], place: str
) -> None:
    dtype, largest = kind
    if tensor.dtype != dtype or tuple(tensor.shape) != shape:
        raise CheckpointError(f"{place} is {tensor.dtype} {tuple(tensor.shape)}; {dtype} {shape} is needed")
    if int(tensor.long().abs().max()) > largest:
        raise CheckpointError(
            f"{place} holds {tensor.min()} ... {tensor.max()}; -{largest} ... {largest} is allowed"
        )


def _kind(name: str) -> tuple[torch.dtype, int]:
    """Type and largest value of the weights of a name."""
    return KINDS[name.rpartition(".")[2]]
