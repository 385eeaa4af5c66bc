"""Exact resume for trainers: modules and optimisers in one safetensors file and one JSON.

Random generators are not kept: trainers seed theirs from the number of the step.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from codec.checkpoint import build_config, load_checkpoint, load_weights, save_checkpoint
from codec.parallel import processes
from codec.types import CheckpointError

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

FORMAT, VERSION = "audiogen-training-state", 2


def run_settings(config: DataclassInstance, shape: DataclassInstance, precision: str) -> dict[str, Any]:
    """What a resumed run must share with the one it goes on from.

    Args:
        config: of the training; how often it is saved may change.
        shape: of the network.
        precision: of the matrix products.
    """
    settings = {name: value for name, value in asdict(config).items() if name != "checkpoint_minutes"}
    return settings | {"shape": asdict(shape), "precision": precision, "processes": processes()}


@dataclass(frozen=True)
class Progress:
    """Where a training stands: the step it has finished, and the settings that a resumed run must share."""

    step: int = 0
    settings: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class TrainingState:
    """Everything that a training needs to go on as if it had never stopped."""

    modules: dict[str, nn.Module]
    optimizers: dict[str, Optimizer]

    def save(self, folder: Path, progress: Progress) -> None:
        """Write state.safetensors and state.json, replacing what was there only when both are whole."""
        tensors: dict[str, Tensor] = {}
        for name, module in self.modules.items():
            tensors |= {f"module/{name}/{key}": value for key, value in module.state_dict().items()}
        for name, optimizer in self.optimizers.items():
            for index, slots in optimizer.state_dict()["state"].items():
                tensors |= {
                    f"optimizer/{name}/{index}/{slot}": torch.as_tensor(v) for slot, v in slots.items()
                }
        tensors = {key: value.detach().cpu().clone() for key, value in tensors.items()}
        save_checkpoint(folder, "state", format=FORMAT, version=VERSION, config=progress, tensors=tensors)

    def load(self, folder: Path, settings: dict[str, Any]) -> Progress:
        """Put back what `save` wrote.

        Args:
            folder: of the run.
            settings: of the run that goes on; every one must be as it was.

        Raises:
            CheckpointError: nothing usable is there, or it is of another run.
        """
        checkpoint = load_checkpoint(folder, "state", format=FORMAT, version=VERSION)
        progress = build_config(Progress, checkpoint)
        wanted = json.loads(json.dumps(settings))  # as it would be read back
        for name in sorted(wanted.keys() | progress.settings.keys()):
            before, now = progress.settings.get(name), wanted.get(name)
            if before != now:
                raise CheckpointError(
                    f"{folder}: holds a run with {name} {before}, this one has {now}; name another folder"
                )
        groups: dict[tuple[str, str], dict[str, Tensor]] = {}
        for key, tensor in checkpoint.tensors.items():
            kind, name, entry = key.split("/", 2)
            groups.setdefault((kind, name), {})[entry] = tensor
        for name, module in self.modules.items():
            load_weights(module, groups.get(("module", name), {}), checkpoint.path)
        for name, optimizer in self.optimizers.items():
            state: dict[int, dict[str, Tensor]] = {}
            for key, tensor in groups.get(("optimizer", name), {}).items():
                index, slot = key.split("/")
                state.setdefault(int(index), {})[slot] = tensor
            optimizer.load_state_dict(
                {"state": state, "param_groups": optimizer.state_dict()["param_groups"]}
            )
        return progress
