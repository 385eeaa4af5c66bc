"""Where each network's weights lie: in a folder of one's own, or in the package."""

from __future__ import annotations

from pathlib import Path

from codec.types import CheckpointError
from codec.weights import SHIPPED_NAMES

# File stem of each network's weights, wherever they are.
NETWORKS = ("codec", "player", "composer")


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
