"""The composer: attributes to tunes, in two levels.

Level 1 draws a plan - which bars return, chords, contour, density, cadences - and level 2 the notes along it, both
under a grammar. Weights with one level write notes without a plan.

Axes: B batch, L tokens, V vocabulary, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from audiogen.composer_network import ComposerConfig, NoteWriter, Planner
from audiogen.composer_plan import TuneOrder, assemble, order_from, written_chords
from audiogen.composer_planning import Drawing, DrawnPlan, draw_plans, only
from audiogen.composer_wishes import ORNAMENTS, ComposingWishes, CompositionError
from audiogen.composer_writing import NoteRow, PlanMasks
from codec.checkpoint import build_config, load_checkpoint, load_weights, save_checkpoint
from symbolic_bridge.attributes import TuneAttributes
from symbolic_bridge.grammar import Grammar
from symbolic_bridge.normal_form import NormalTune
from symbolic_bridge.plan_analysis import completed, plan_of
from symbolic_bridge.plans import Plan
from symbolic_bridge.tune import Tune
from symbolic_bridge.tune_tokens import decode, vocabulary

__all__ = ["Composer", "ComposerConfig", "Composition", "CompositionError", "load_composer"]

FORMAT, VERSION = "audiogen-composer", 2
SHIPPED_WEIGHTS = Path(__file__).parent / "weights"
MAX_TRIES = 3
MIN_DIFFERENT_PITCHES = 4
MAX_SAME_IN_A_ROW = 6
MAX_ROWS_AT_ONCE = 32


@dataclass(frozen=True)
class Written:
    """A tune in normal form and the plan it follows; what was not planned is in it as it turned out."""

    tune: NormalTune
    plan: Plan


@dataclass(frozen=True)
class Composition:
    """A finished tune, its plan, and the chords of each of its bars as written."""

    tune: Tune
    plan: Plan
    chords: tuple[tuple[str, ...], ...]


class Composer(NoteWriter):
    """Writes tunes. `compose` is the door; `forward` gives the notes' logits for training."""

    def __init__(self, config: ComposerConfig | None = None) -> None:
        config = config or ComposerConfig()
        super().__init__(config)
        self.planner = Planner(config) if config.levels == 2 else None

    def write(self, order: TuneOrder, count: int, drawing: Drawing) -> list[Written]:
        """Draw `count` tunes in normal form, all of one order, in one batch; with two levels, their plans first.

        Args:
            order: outline, conditions and what is settled.
            count: rows B.
            drawing: how, and from which chance.
        """
        if self.planner is not None:
            drafts = draw_plans(self.planner, order, count, drawing)
            tunes = [decode(row) for row in self._write_notes(order, drafts, drawing)]
            return [
                Written(tune, completed(draft.plan, tune)) for tune, draft in zip(tunes, drafts, strict=True)
            ]
        tunes = [decode(row) for row in self._write_notes(order, [None] * count, drawing)]
        return [Written(tune, plan_of(tune)) for tune in tunes]

    @torch.inference_mode()
    def _write_notes(
        self, order: TuneOrder, drafts: Sequence[DrawnPlan | None], drawing: Drawing
    ) -> list[list[int]]:
        """The rows of tunes along their plans, or with none."""
        grammar = Grammar(order.plan)
        masks = PlanMasks(order, grammar)
        table = vocabulary()
        rows = [NoteRow(order, grammar, masks, draft) for draft in drafts]
        for row in rows:
            names = order.conditions.names() if row.draft is None else row.draft.conditions.names()
            for name in names:
                row.take(table.ids[name])
        device = self.output_scale.device
        matrix = self.tokens.matrix()
        kept = sum(map(len, (*order.kept.bars.values(), *order.kept.pickups.values())))
        cache = self.transformer.new_cache(len(rows), grammar.max_tokens + kept)
        ids = torch.tensor([row.ids for row in rows], device=device)
        features = torch.tensor([row.told for row in rows], device=device)
        while True:
            x = self.transformer(self.embed(ids, features, matrix), cache=cache)[:, -1]
            # Drawn on the CPU, so that the same seed writes the same tune whatever the device.
            logits = ((x * self.output_scale) @ matrix.t()).float().cpu()  # [B, V]
            logits[:, table.ids["roll"]] += ORNAMENTS[order.ornaments]
            # A row that has ended goes on drawing padding until the others have.
            allowed = np.stack([only(table, [table.pad]) if row.ended else row.allowed() for row in rows])
            drawn = drawing.draw(logits, allowed)
            for row, index in zip(rows, drawn.tolist(), strict=True):
                if not row.ended:
                    row.take(index)
            if all(row.ended for row in rows):
                return [row.ids for row in rows]
            ids = drawn[:, None].to(device)
            features = torch.tensor([[row.told[-1]] for row in rows], device=device)

    def compose(
        self,
        attributes: TuneAttributes,
        *,
        generator: torch.Generator,
        bars: int | None = None,
        temperature: float = 0.95,
        top_p: float = 0.98,
        title: str | None = None,
        reference: int = 1,
        wishes: ComposingWishes | None = None,
    ) -> Tune:
        """Write one tune.

        Args:
            attributes: what is asked for; what is None is taken from the kind's custom or drawn.
            generator: of the CPU; the only source of chance.
            bars: length with every letter of the form counted once; None takes the kind's custom.
            temperature, top_p: see `sampling.sample`.
            title: of the tune; None makes one.
            reference: the number in the X: field, also used in a made title.
            wishes: what is asked of the notes; None for nothing.

        Raises:
            CompositionError: the wishes contradict each other, or no try was a tune.
        """
        return self.compose_many(
            attributes,
            1,
            generator=generator,
            bars=bars,
            temperature=temperature,
            top_p=top_p,
            title=title,
            first_reference=reference,
            wishes=wishes,
        )[0]

    def compose_many(
        self,
        attributes: TuneAttributes,
        count: int,
        *,
        generator: torch.Generator,
        bars: int | None = None,
        temperature: float = 0.95,
        top_p: float = 0.98,
        title: str | None = None,
        first_reference: int = 1,
        wishes: ComposingWishes | None = None,
    ) -> list[Tune]:
        """Write `count` tunes of one order in batches; see `compose`."""
        drawing = Drawing(generator, temperature, top_p)
        found = self.compose_with_plans(
            attributes, count, drawing, bars=bars, title=title, first_reference=first_reference, wishes=wishes
        )
        return [composition.tune for composition in found]

    def compose_with_plans(
        self,
        attributes: TuneAttributes,
        count: int,
        drawing: Drawing,
        *,
        bars: int | None = None,
        title: str | None = None,
        first_reference: int = 1,
        wishes: ComposingWishes | None = None,
    ) -> list[Composition]:
        """As `compose_many`, with the plan of each; that of a tune written without is the one it turned out to have."""
        if count < 1:
            raise CompositionError(f"{count} tunes were asked for; at least 1 is needed")
        if wishes is not None and wishes.needs_plans and self.planner is None:
            raise CompositionError(
                "these weights have one level: they take no plan, chords, density or tune; see docs/plans.md"
            )
        was_training = self.training
        self.eval()
        try:
            order = order_from(attributes, bars=bars, generator=drawing.generator, wishes=wishes)
            found: list[Composition] = []
            while len(found) < count:
                rows = min(MAX_ROWS_AT_ONCE, count - len(found))
                for written in self._sound_tunes(order, rows, drawing):
                    tune = assemble(
                        written.tune,
                        order,
                        title=title,
                        reference=first_reference + len(found),
                        generator=drawing.generator,
                        plan=written.plan,
                    )
                    form = "".join("ABCDEFGH"[part] * times for part, times in order.runs)
                    plan = replace(written.plan, kind=order.kind, tonic=order.key.tonic, form=form)
                    found.append(Composition(tune, plan, written_chords(written.plan, order)))
            return found
        finally:
            self.train(was_training)

    def write_for(self, attributes: TuneAttributes, drawing: Drawing, wishes: ComposingWishes) -> Written:
        """One tune in normal form as it is written, its form not laid out; see `compose`."""
        order = order_from(attributes, generator=drawing.generator, wishes=wishes)
        return self._sound_tunes(order, 1, drawing)[0]

    def _sound_tunes(self, order: TuneOrder, count: int, drawing: Drawing) -> list[Written]:
        """`count` tunes that are no drones; a row that is one is drawn again, a bounded number of times."""
        found = self.write(order, count, drawing)
        for _ in range(MAX_TRIES - 1):
            poor = [index for index, written in enumerate(found) if is_degenerate(written.tune)]
            if not poor or order.kept.bars:
                return found
            for index, written in zip(poor, self.write(order, len(poor), drawing), strict=True):
                found[index] = written
        drones = sum(is_degenerate(written.tune) for written in found)
        if drones and not order.kept.bars:
            raise CompositionError(
                f"{drones} of {count} tunes stayed on one note in {MAX_TRIES} tries at temperature "
                f"{drawing.temperature}; a temperature near 1 works best"
            )
        return found

    def save(self, folder: str | Path) -> None:
        """Write `composer.safetensors` (half precision) and `composer.json` into a folder, whole or not at all."""
        tensors = {name: value.detach().cpu().half() for name, value in self.state_dict().items()}
        save_checkpoint(
            Path(folder), "composer", format=FORMAT, version=VERSION, config=self.config, tensors=tensors
        )

    @classmethod
    def load(cls, folder: str | Path, device: torch.device | str = "cpu") -> Composer:
        """Read what `save` wrote, for use (not training) on a device.

        Raises:
            CheckpointError: a file is missing, damaged, of another version, or a tensor has a wrong shape.
        """
        checkpoint = load_checkpoint(Path(folder), "composer", format=FORMAT, version=VERSION)
        model = cls(build_config(ComposerConfig, checkpoint))
        load_weights(model, checkpoint.tensors, checkpoint.path)
        return model.to(device).eval()


def load_composer(folder: str | Path | None = None, device: torch.device | str = "cpu") -> Composer:
    """The composer in a folder, or the shipped one (None)."""
    return Composer.load(SHIPPED_WEIGHTS if folder is None else folder, device)


def is_degenerate(tune: NormalTune) -> bool:
    """Whether a tune hardly moves: too few different pitches, or one repeated on and on."""
    pitches = [note.midi for note in tune.notes() if note.midi is not None]
    if len(pitches) >= 2 * MIN_DIFFERENT_PITCHES and len(set(pitches)) < MIN_DIFFERENT_PITCHES:
        return True
    run = 1
    for before, after in pairwise(pitches):
        run = run + 1 if before == after else 1
        if run > MAX_SAME_IN_A_ROW:
            return True
    return False
