"""How well the composer foresees real tunes: the bits that it needs for a note."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch.nn import functional

from audiogen.composer import Composer
from audiogen.composer_data import IGNORED, Batch
from symbolic_bridge.kinds import kind_of
from symbolic_bridge.normalise import UnfitTuneError, normalise
from symbolic_bridge.tune import Tune
from symbolic_bridge.tune_tokens import TokenError, encode, vocabulary, written_kind

ROWS_AT_ONCE = 16


def rows_of(tunes: Sequence[Tune]) -> tuple[list[list[int]], dict[str, int]]:
    """Tunes as rows of ids, and how many have no normal form, by reason."""
    rows: list[list[int]] = []
    rejected: dict[str, int] = {}
    for tune in tunes:
        try:
            rows.append(encode(normalise(tune, written_kind(kind_of(tune).id))))
        except (UnfitTuneError, TokenError) as error:
            reason = error.reason if isinstance(error, UnfitTuneError) else "no token"
            rejected[reason] = rejected.get(reason, 0) + 1
    return rows, rejected


@torch.inference_mode()
def bits_a_note(
    composer: Composer, rows: Sequence[Sequence[int]], on_done: Callable[[float], None] = lambda share: None
) -> float:
    """Bits of everything but the conditions that are always given, over the number of notes and rests.

    Raises:
        ValueError: there are no rows.
    """
    if not rows:
        raise ValueError("no tune has a normal form, so none can be scored")
    device = next(composer.parameters()).device
    ticks, bits, notes = vocabulary().ticks, 0.0, 0
    ordered = sorted(rows, key=len)
    for start in range(0, len(ordered), ROWS_AT_ONCE):
        some = ordered[start : start + ROWS_AT_ONCE]
        batch = Batch.of(some)
        logits = composer(batch.ids.to(device), batch.features.to(device))
        nats = functional.cross_entropy(
            logits.float().flatten(0, 1), batch.targets.to(device).flatten(), ignore_index=IGNORED,
            reduction="sum",
        )  # fmt: skip
        bits += float(nats) / math.log(2)
        notes += sum(ticks[index] > 0 for row in some for index in row)
        on_done(min(1.0, (start + ROWS_AT_ONCE) / len(ordered)))
    return bits / notes
