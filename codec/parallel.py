"""Several processes training as one: gradients averaged, codebooks learned from everybody's data.

Start them with `torchrun --nproc-per-node N -m audiogen train ...`. On a CPU one process a core is much faster than
one process with a thread a core: at these widths the threads of one process wait for each other after every small
operation, while processes wait once a step. Alone, every function here does nothing.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import timedelta

import torch
import torch.distributed as dist
from torch import Tensor, nn


def join() -> None:
    """Meet the other processes that torchrun started, if it started any."""
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and not dist.is_initialized():
        # One process may render or save for longer than the half hour that the others would wait by default.
        dist.init_process_group("gloo", timeout=timedelta(days=1))


def rank() -> int:
    """Which of the processes this is; 0 keeps the log and the checkpoints."""
    return dist.get_rank() if dist.is_initialized() else 0


def processes() -> int:
    """How many there are."""
    return dist.get_world_size() if dist.is_initialized() else 1


def sum_over_all(tensor: Tensor) -> Tensor:
    """The sum of everybody's tensor, in place."""
    if processes() > 1:
        dist.all_reduce(tensor)
    return tensor


def share_first(tensors: Iterable[Tensor]) -> None:
    """Give everybody the tensors of process 0, in place."""
    if processes() > 1:
        for tensor in tensors:
            dist.broadcast(tensor.detach(), src=0)


def agree(flag: bool) -> bool:
    """What process 0 says."""
    verdict = torch.tensor([flag])
    share_first([verdict])
    return bool(verdict)


def wait_for_all() -> None:
    """Go on when everybody has come this far."""
    if processes() > 1:
        dist.barrier()


def average_gradients(module: nn.Module) -> None:
    """Replace every gradient by its mean over the processes, in one exchange."""
    if processes() == 1:
        return
    gradients = [parameter.grad for parameter in module.parameters() if parameter.grad is not None]
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    flat /= processes()
    for gradient, mean in zip(
        gradients, flat.split([gradient.numel() for gradient in gradients]), strict=True
    ):
        gradient.copy_(mean.view_as(gradient))


def seed_step(generator: torch.Generator, seed: int, step: int) -> None:
    """Set a generator for one step of this process, so that a resumed run draws what the whole run would have."""
    generator.manual_seed((seed * 1_000_003 + step) * 4_096 + rank())
