"""Where each network's weights lie: in a folder of one's own, or in the package."""

from __future__ import annotations

import hashlib
from pathlib import Path

import codec
from codec.types import CheckpointError
from codec.weights import SHIPPED_NAMES

# File stem of each network's weights, wherever they are.
NETWORKS = ("codec", "player", "composer")
OURS = Path(__file__).parent / "weights"
SHIPPED = {"codec": Path(codec.__file__).parent / "weights", "player": OURS, "composer": OURS}


def weight_folders(weights: str | Path | None) -> dict[str, Path | None]:
    """The folder of each network's weights; None for the shipped ones.

    Raises:
        CheckpointError: there is no such folder, or it holds no weights.
    """
    if weights is None or str(weights) in SHIPPED_NAMES:
        return dict.fromkeys(NETWORKS)
    folder = Path(weights)
    if not folder.is_dir():
        raise CheckpointError(f"{folder}: no such folder of weights; known by name: {SHIPPED_NAMES[0]}")
    # Half a pair counts too: the loader then says which half is missing.
    found = {name: folder if any(folder.glob(f"{name}.*")) else None for name in NETWORKS}
    if not any(found.values()):
        raise CheckpointError(f"{folder}: holds none of {', '.join(f'{name}.json' for name in NETWORKS)}")
    return found


def stand_ins(weights: str | Path | None, folders: dict[str, Path | None]) -> list[str]:
    """Which shipped networks stand in for those that a folder of weights lacks."""
    lacking = [name for name, folder in folders.items() if folder is None]
    if len(lacking) in (0, len(folders)):
        return []
    return [f"{weights}: has no {' and no '.join(lacking)}; what is shipped is used instead"]


def fingerprint(folders: dict[str, Path | None]) -> str:
    """A hash of the weights in these folders, as many digits as tell one set from another."""
    digest = hashlib.sha256()
    for name, folder in folders.items():
        path = (folder or SHIPPED[name]) / f"{name}.safetensors"
        digest.update(hashlib.sha256(path.read_bytes()).digest() if path.is_file() else b"missing")
    return digest.hexdigest()[:16]
