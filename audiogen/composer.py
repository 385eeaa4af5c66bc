"""The composer: attributes to tunes, by a transformer over tune tokens under a grammar.

The model knows, besides the token itself, where in the bar the next note starts, how many bars the part still
has, and which notes started at that place 1, 2, 4 and 8 bars ago (the distances at which folk phrases repeat,
after Museformer, arXiv:2210.10349): repetition, the hardest thing to learn from few tunes, is then one look away.

Axes: B batch, L tokens, V vocabulary, D width.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import torch

from audiogen.composer_network import ComposerConfig, NoteWriter, Planner
from audiogen.composer_plan import CompositionError, TuneOrder, assemble, order_from
from audiogen.sampling import sample
from codec.checkpoint import build_config, load_checkpoint, load_weights, save_checkpoint
from symbolic_bridge.attributes import TuneAttributes
from symbolic_bridge.grammar import LOOK_BACK_BARS, MAX_BAR_TICKS, Grammar, Walker
from symbolic_bridge.normal_form import DURATIONS, HIGHEST_PITCH, LOWEST_PITCH, MAX_PART_BARS, NormalTune
from symbolic_bridge.tune import Tune
from symbolic_bridge.tune_tokens import decode, vocabulary

__all__ = ["Composer", "ComposerConfig", "CompositionError", "load_composer"]

FORMAT, VERSION = "audiogen-composer", 2
SHIPPED_WEIGHTS = Path(__file__).parent / "weights"
MAX_TRIES = 3
MIN_DIFFERENT_PITCHES = 4
MAX_SAME_IN_A_ROW = 6
MAX_ROWS_AT_ONCE = 32


class Composer(NoteWriter):
    """Writes tunes. `compose` is the door; `forward` gives the notes' logits for training."""

    def __init__(self, config: ComposerConfig | None = None) -> None:
        config = config or ComposerConfig()
        super().__init__(config)
        self.planner = Planner(config) if config.levels == 2 else None

    @torch.inference_mode()
    def write(
        self,
        order: TuneOrder,
        count: int,
        *,
        generator: torch.Generator,
        temperature: float = 0.95,
        top_p: float = 0.98,
    ) -> list[NormalTune]:
        """Draw `count` tunes in normal form, all of one order, in one batch.

        Args:
            order: plan and conditions.
            count: rows B.
            generator: of the CPU, whatever the model's device.
            temperature, top_p: see `sampling.sample`.
        """
        grammar = Grammar(order.plan)
        table = vocabulary()
        prompt = [table.ids[name] for name in order.conditions.names()]
        densities = list(table.group("density:"))
        rows = [list(prompt) for _ in range(count)]
        walkers = [Walker() for _ in range(count)]
        for walker in walkers:
            for index in prompt:
                walker.step(index)
        device = self.output_scale.device
        matrix = self.tokens.matrix()
        cache = self.transformer.new_cache(count, grammar.max_tokens)
        ids = torch.tensor(rows, device=device)
        features = torch.tensor(self._prompt_features(prompt), device=device).expand(count, -1, -1)
        while True:
            x = self.transformer(self.embed(ids, features, matrix), cache=cache)[:, -1]
            # Drawn on the CPU, so that the same seed writes the same tune whatever the device.
            logits = ((x * self.output_scale) @ matrix.t()).float().cpu()  # [B, V]
            # A row that has ended goes on drawing padding until the others have.
            allowed = np.zeros((count, len(table)), dtype=bool)
            for row, walker in enumerate(walkers):
                if walker.section == "end":
                    allowed[row, table.pad] = True
                elif walker.seen == len(prompt):
                    allowed[row, densities] = True
                else:
                    allowed[row] = grammar.allowed(walker)
            logits = logits.masked_fill(~torch.from_numpy(allowed), -torch.inf)
            drawn = sample(logits, temperature=temperature, top_p=top_p, generator=generator)
            for row, (walker, index) in enumerate(zip(walkers, drawn.tolist(), strict=True)):
                if walker.section != "end":
                    rows[row].append(index)
                    walker.step(index)
            if all(walker.section == "end" for walker in walkers):
                return [decode(row) for row in rows]
            ids = drawn[:, None].to(device)
            features = torch.tensor([[walker.features()] for walker in walkers], device=device)

    @staticmethod
    def _prompt_features(prompt: Sequence[int]) -> list[list[tuple[int, ...]]]:
        walker, rows = Walker(), []
        for index in prompt:
            walker.step(index)
            rows.append(walker.features())
        return [rows]

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
    ) -> Tune:
        """Write one tune.

        Args:
            attributes: what is asked for; what is None is taken from the kind's custom or drawn.
            generator: of the CPU; the only source of chance.
            bars: length with every letter of the form counted once; None takes the kind's custom.
            temperature, top_p: see `sampling.sample`.
            title: of the tune; None makes one.
            reference: the number in the X: field, also used in a made title.

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
    ) -> list[Tune]:
        """Write `count` tunes of one order in batches; see `compose`."""
        if count < 1:
            raise CompositionError(f"{count} tunes were asked for; at least 1 is needed")
        was_training = self.training
        self.eval()
        try:
            order = order_from(attributes, bars=bars, generator=generator)
            tunes: list[Tune] = []
            while len(tunes) < count:
                rows = min(MAX_ROWS_AT_ONCE, count - len(tunes))
                written = self._sound_tunes(order, rows, generator, temperature, top_p)
                first = first_reference + len(tunes)
                tunes += [
                    assemble(tune, order, title=title, reference=first + index, generator=generator)
                    for index, tune in enumerate(written)
                ]
            return tunes
        finally:
            self.train(was_training)

    def _sound_tunes(
        self, order: TuneOrder, count: int, generator: torch.Generator, temperature: float, top_p: float
    ) -> list[NormalTune]:
        """`count` tunes that are no drones; a row that is one is drawn again, a bounded number of times."""
        tunes = self.write(order, count, generator=generator, temperature=temperature, top_p=top_p)
        for _ in range(MAX_TRIES - 1):
            poor = [index for index, tune in enumerate(tunes) if is_degenerate(tune)]
            if not poor:
                break
            fresh = self.write(order, len(poor), generator=generator, temperature=temperature, top_p=top_p)
            for index, tune in zip(poor, fresh, strict=True):
                tunes[index] = tune
        drones = sum(is_degenerate(tune) for tune in tunes)
        if drones:
            raise CompositionError(
                f"{drones} of {count} tunes stayed on one note in {MAX_TRIES} tries at temperature {temperature}; "
                f"a temperature near 1 works best"
            )
        return tunes

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
