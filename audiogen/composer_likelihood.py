"""What real tunes cost a composer: the loss it is trained with, and bits a note with the plan's counted."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from audiogen.composer import Composer
from audiogen.composer_data import IGNORED, Batch, PlannedBatch
from symbolic_bridge.normal_form import NormalTune
from symbolic_bridge.plan_guide import is_structure
from symbolic_bridge.plan_tokens import DEPTHS
from symbolic_bridge.tune_tokens import encode

ROWS_AT_ONCE = 16
FORBIDDEN = -1e4


@dataclass(frozen=True)
class Bits:
    """Bits a note that tunes cost: all, and of these what their plans cost (0 for one level)."""

    total: float
    plan: float


def batch_for(
    composer: Composer,
    tunes: Sequence[NormalTune],
    rng: np.random.Generator | None = None,
    *,
    depth: int = DEPTHS["structure"],
) -> Batch | PlannedBatch:
    """Tunes as this composer reads them, with their plans where it has two levels; see `PlannedBatch.of`."""
    if composer.planner is None:
        return Batch.of([encode(tune) for tune in tunes])
    return PlannedBatch.of(tunes, rng, depth=depth)


def costs(
    composer: Composer, batch: Batch | PlannedBatch, *, reduction: str = "mean", half: bool = False
) -> tuple[Tensor, Tensor]:
    """What the notes cost and what the plan costs, in nats.

    Args:
        composer: the networks.
        batch: of `batch_for`.
        reduction: over tokens, "mean" or "sum".
        half: compute in bfloat16.
    """
    device = composer.output_scale.device
    notes = batch if isinstance(batch, Batch) else batch.notes
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=half):
        logits = composer(notes.ids.to(device), notes.features.to(device))
    if isinstance(batch, Batch):
        return _cost(logits, notes, reduction), torch.zeros((), device=device)
    assert composer.planner is not None
    structure = batch.structure.to(device)[..., None]
    # What a whole plan settles is not to be guessed among all that could stand there.
    settled = torch.from_numpy(is_structure()).to(device) & (structure > 0)  # [B, L, V]
    others = torch.arange(logits.shape[-1], device=device) != structure
    logits = logits.masked_fill(settled & others, FORBIDDEN)
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=half):
        plan_logits = composer.planner(batch.plans.ids.to(device), batch.plans.features.to(device))
    return _cost(logits, notes, reduction), _cost(plan_logits, batch.plans, reduction)


def _cost(logits: Tensor, batch: Batch, reduction: str) -> Tensor:
    return functional.cross_entropy(
        logits.float().flatten(0, 1),
        batch.targets.to(logits.device).flatten(),
        ignore_index=IGNORED,
        reduction=reduction,
    )


@torch.no_grad()
def bits_a_note(
    composer: Composer,
    tunes: Sequence[NormalTune],
    *,
    depth: int = DEPTHS["structure"],
    half: bool = False,
    on_done: Callable[[float], None] = lambda share: None,
) -> Bits:
    """Bits of everything but the conditions that are always given, over the number of notes and rests.

    A bar that is planned as a copy costs its relation only, and structure is counted once, where the plan is.

    Args:
        composer: the networks.
        tunes: in any order; those of like length are scored together.
        depth: of the plans of two levels, one of DEPTHS; 0 scores the notes without.
        half: compute in bfloat16.
        on_done: told the share done.

    Raises:
        ValueError: there are no tunes.
    """
    if not tunes:
        raise ValueError("no tune has a normal form, so none can be scored")
    was_training = composer.training
    composer.eval()
    nats, count = np.zeros(2), 0
    ordered = sorted(tunes, key=lambda tune: len(encode(tune)))
    for start in range(0, len(ordered), ROWS_AT_ONCE):
        some = ordered[start : start + ROWS_AT_ONCE]
        batch = batch_for(composer, some, depth=depth)
        written, planned = costs(composer, batch, reduction="sum", half=half)
        nats += [float(written), float(planned) if depth else 0.0]
        count += sum(1 for tune in some for _ in tune.notes())
        on_done(min(1.0, (start + ROWS_AT_ONCE) / len(ordered)))
    composer.train(was_training)
    written, planned = nats / math.log(2) / count
    return Bits(float(written + planned), float(planned))
