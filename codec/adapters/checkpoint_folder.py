"""Reading a folder of config.json and model.safetensors, in one piece or in shards, and naming what is in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import load_file
from torch import Tensor

from codec.types import CheckpointError

CONFIG, WEIGHTS = "config.json", "model.safetensors"
INDEX = "model.safetensors.index.json"  # of weights that lie in several files
PICKLED = {".bin", ".ckpt", ".pkl", ".pt", ".pth", ".th"}
# Names of weights that only decoding needs: codes mean the same under any decoder.
DECODING = ("decoder", "upsample")


@dataclass(frozen=True)
class ForeignCheckpoint:
    """What stood in the two files of `folder`."""

    folder: Path
    config: dict[str, Any]
    tensors: dict[str, Tensor]

    @property
    def config_path(self) -> Path:
        """Named in errors about the configuration."""
        return self.folder / CONFIG

    @property
    def weights_path(self) -> Path:
        """Named in errors about the weights."""
        return self.folder / WEIGHTS


def read_folder(folder: Path) -> ForeignCheckpoint:
    """Read the configuration and all weights.

    Raises:
        CheckpointError: a file is missing or damaged, the weights are pickled, or a number is not finite.
    """
    config = read_object(folder / CONFIG)
    tensors: dict[str, Tensor] = {}
    for weights in _weight_files(folder):
        try:
            found = load_file(weights)
        except safetensors.SafetensorError as error:
            raise CheckpointError(f"{weights}: damaged or truncated ({error})") from error
        for name, tensor in found.items():
            if not torch.isfinite(tensor).all():
                raise CheckpointError(f"{weights}: {name} holds numbers that are not finite")
        tensors |= found
    return ForeignCheckpoint(folder, config, tensors)


def _weight_files(folder: Path) -> list[Path]:
    weights = folder / WEIGHTS
    if not weights.is_file() and (folder / INDEX).is_file():
        places = read_object(folder / INDEX).get("weight_map")
        if not isinstance(places, dict) or not places:
            raise CheckpointError(f"{folder / INDEX}: has no weight_map")
        names = sorted({str(name) for name in places.values()})
        for name in names:
            # A shard lies in the folder itself: a name may not lead out of it.
            if Path(name).name != name or not (folder / name).is_file():
                raise CheckpointError(f"{folder / INDEX}: names {name!r}, which is no file of {folder}")
        return [folder / name for name in names]
    if not weights.is_file():
        pickled = sorted(path.name for path in folder.iterdir() if path.suffix.lower() in PICKLED)
        found = (
            f"; {', '.join(pickled)} is pickled and is never read, since it can run code" if pickled else ""
        )
        raise CheckpointError(f"{weights}: no such file{found}")
    return [weights]


def identity(facts: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> str:
    """Hash of what gives codes their meaning: all weights but the decoder's, and settings that no weight shows.

    Args:
        facts: anything JSON can hold.
        tensors: by the names in the file, so that it does not depend on a library's version.
    """
    digest = hashlib.sha256(json.dumps(dict(facts), sort_keys=True).encode())
    for name, tensor in sorted(tensors.items()):
        if not name.startswith(DECODING):
            digest.update(name.encode())
            digest.update(tensor.contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()[:16]


def read_object(path: Path) -> dict[str, Any]:
    """The one object in a JSON file.

    Raises:
        CheckpointError: there is none.
    """
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise CheckpointError(f"{path}: cannot be read ({error.strerror})") from error
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise CheckpointError(f"{path}: not JSON ({error})") from error
    if not isinstance(config, dict):
        raise CheckpointError(f"{path}: holds no object but {type(config).__name__}")
    return config
