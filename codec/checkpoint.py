"""Saving and loading: safetensors for numbers, JSON for everything else, nothing that can run code.

A checkpoint is two files, NAME.json and NAME.safetensors. The JSON names the format, its version and the configuration,
from which the shapes follow; the loader refuses whatever disagrees.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

import safetensors
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from codec.types import CheckpointError

Config = TypeVar("Config")


@dataclass(frozen=True)
class Checkpoint:
    """What stood in the two files."""

    path: Path
    config: dict[str, Any]
    details: dict[str, Any]
    tensors: dict[str, Tensor]


def save_checkpoint(
    folder: Path, name: str, *, format: str, version: int, config: object, tensors: Mapping[str, Tensor],
    details: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    """Write both files under temporary names, then rename: a reader never sees half a checkpoint.

    Args:
        folder: made if missing.
        name: stem of the two files.
        format: what the checkpoint is of, such as "audiogen-codec".
        version: of that format.
        config: a frozen dataclass.
        tensors: the weights.
        details: anything else JSON can hold.
    """
    folder.mkdir(parents=True, exist_ok=True)
    header = {"format": format, "version": version, "config": asdict(config), "details": dict(details or {})}  # type: ignore[call-overload]
    weights, description = folder / f"{name}.safetensors", folder / f"{name}.json"
    save_file({key: value.contiguous() for key, value in tensors.items()}, f"{weights}.tmp")
    Path(f"{description}.tmp").write_text(json.dumps(header, indent=1) + "\n", encoding="utf-8")
    os.replace(f"{weights}.tmp", weights)
    os.replace(f"{description}.tmp", description)


def load_checkpoint(folder: Path, name: str, *, format: str, version: int) -> Checkpoint:
    """Read what `save_checkpoint` wrote.

    Raises:
        CheckpointError: a file is missing or damaged, or is of another format or version.
    """
    description, weights = folder / f"{name}.json", folder / f"{name}.safetensors"
    for path in (description, weights):
        if not path.is_file():
            raise CheckpointError(
                f"{path}: no such file; a {format} folder holds {name}.json and {name}.safetensors"
            )
    try:
        header = json.loads(description.read_text(encoding="utf-8"))
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{description}: not JSON ({error})") from error
    if not isinstance(header, dict) or (header.get("format"), header.get("version")) != (format, version):
        found = (
            f"{header.get('format')} version {header.get('version')}"
            if isinstance(header, dict)
            else "no object"
        )
        raise CheckpointError(f"{description}: found {found}; this program reads {format} version {version}")
    if not isinstance(header.get("config"), dict) or not isinstance(header.get("details"), dict):
        raise CheckpointError(f"{description}: 'config' and 'details' must both be objects")
    try:
        tensors = load_file(weights)
    except safetensors.SafetensorError as error:
        raise CheckpointError(f"{weights}: damaged or truncated ({error})") from error
    return Checkpoint(folder / name, header["config"], header["details"], tensors)


def build_config(cls: type[Config], checkpoint: Checkpoint) -> Config:
    """The configuration as its dataclass; unknown, missing or impossible entries are refused."""
    try:
        return cls(**checkpoint.config)
    except (TypeError, ValueError) as error:
        raise CheckpointError(f"{checkpoint.path}.json: {error}") from error


def load_weights(
    module: nn.Module, tensors: Mapping[str, Tensor], source: Path, optional: tuple[str, ...] = ()
) -> None:
    """Put tensors into a module, refusing any that is missing, left over or of another shape.

    Args:
        module: receives the tensors, converted to its own precision.
        tensors: by the names of the module's state.
        source: named in errors.
        optional: endings of names that may be missing.
    """
    expected = module.state_dict()
    missing = [name for name in expected if name not in tensors and not name.endswith(optional or ("\0",))]
    unknown = [name for name in tensors if name not in expected]
    if missing or unknown:
        raise CheckpointError(f"{source}.safetensors: missing {missing[:3]}, unknown {unknown[:3]}")
    for name, tensor in tensors.items():
        if tensor.shape != expected[name].shape:
            raise CheckpointError(
                f"{source}.safetensors: {name} has shape {tuple(tensor.shape)}, not {tuple(expected[name].shape)}"
            )
        if not torch.isfinite(tensor).all():
            raise CheckpointError(f"{source}.safetensors: {name} holds numbers that are not finite")
    module.load_state_dict({k: v.to(expected[k].dtype) for k, v in tensors.items()}, strict=False)
