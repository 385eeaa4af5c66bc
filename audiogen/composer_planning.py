"""Level 1: drawing plans for an order, with what the user has settled kept."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from audiogen.composer_network import Planner
from audiogen.composer_plan import TuneOrder
from audiogen.sampling import sample
from symbolic_bridge.grammar import BoolMask
from symbolic_bridge.plan_grammar import PlanGrammar
from symbolic_bridge.plan_tokens import PlanWalker, decode_plan, plan_vocabulary
from symbolic_bridge.plans import Plan, PlanBar, PlanPart
from symbolic_bridge.tune_tokens import Conditions, Vocabulary, vocabulary


@dataclass(frozen=True)
class Drawing:
    """How ids are drawn; `generator` is of the CPU. See `sampling.sample`."""

    generator: torch.Generator
    temperature: float = 0.95
    top_p: float = 0.98

    def draw(self, logits: Tensor, allowed: BoolMask) -> Tensor:
        """One id for each row: logits [B, V] and bool [B, V] -> int64 [B]."""
        return sample(
            logits.masked_fill(~torch.from_numpy(allowed), -torch.inf),
            temperature=self.temperature,
            top_p=self.top_p,
            generator=self.generator,
        )


def only(table: Vocabulary, ids: Sequence[int]) -> BoolMask:
    """The mask that allows these ids, bool [V]."""
    mask = np.zeros(len(table), dtype=bool)
    mask[list(ids)] = True
    return mask


@dataclass(frozen=True)
class DrawnPlan:
    """A whole plan, its conditions, and its structure: the ids of the tune's row that are no notes."""

    plan: Plan
    conditions: Conditions
    structure: tuple[int, ...]


@torch.inference_mode()
def draw_plans(
    planner: Planner,
    order: TuneOrder,
    count: int,
    drawing: Drawing,
) -> list[DrawnPlan]:
    """Draw `count` plans of one order in one batch.

    Args:
        planner: the network.
        order: what is asked for and what is settled.
        count: rows B.
        drawing: how, and from which chance.
    """
    grammar = PlanGrammar(order.plan, order.given, order.leaning)
    table = grammar.table
    prompt = [table.ids[name] for name in order.conditions.names()]
    rows = [list(prompt) for _ in range(count)]
    walkers = [PlanWalker(order.slots) for _ in range(count)]
    told: list[tuple[int, ...]] = []
    for walker in walkers:
        told = []
        for index in prompt:
            walker.step(index)
            told.append(walker.features())
    device = planner.output_scale.device
    bias = torch.from_numpy(grammar.bias)
    cache = planner.transformer.new_cache(count, grammar.max_tokens)
    finished = only(table, [table.pad])  # A row that has ended goes on drawing padding until the others have.
    ids = torch.tensor(rows, device=device)
    features = torch.tensor([told], device=device).expand(count, -1, -1)
    while True:
        logits = planner(ids, features, cache)[:, -1].float().cpu() + bias  # [B, V]
        allowed = np.stack(
            [finished if walker.section == "end" else grammar.allowed(walker) for walker in walkers]
        )
        drawn = drawing.draw(logits, allowed)
        for row, walker, index in zip(rows, walkers, drawn.tolist(), strict=True):
            if walker.section != "end":
                row.append(index)
                walker.step(index)
        if all(walker.section == "end" for walker in walkers):
            return [_drawn(row, order) for row in rows]
        ids = drawn[:, None].to(device)
        features = torch.tensor([[walker.features()] for walker in walkers], device=device)


def _drawn(row: list[int], order: TuneOrder) -> DrawnPlan:
    plan, conditions = decode_plan(row, order.slots)
    given = order.given
    notes = vocabulary().ids
    names = [plan_vocabulary().names[index] for index in row]
    parts = tuple(
        _with_chords(part, given.parts[place]) if place < len(given.parts) else part
        for place, part in enumerate(plan.parts)
    )
    structure = tuple(notes[name] for name in names if name in notes)
    return DrawnPlan(replace(plan, parts=parts), conditions, structure)


def _with_chords(part: PlanPart, given: PlanPart) -> PlanPart:
    """The part with the second chords of bars, which are no entries of their own and cannot be drawn."""
    bars = iter(given.all_bars())

    def filled(section: tuple[PlanBar, ...]) -> tuple[PlanBar, ...]:
        return tuple(
            replace(bar, chords=wanted.chords) if len(wanted.chords) > 1 else bar
            for bar, wanted in zip(section, bars, strict=False)
        )

    return replace(part, bars=filled(part.bars), endings=tuple(filled(ending) for ending in part.endings))
