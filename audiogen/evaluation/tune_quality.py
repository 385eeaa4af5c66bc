"""Composed tunes by the hundred: well formed, as asked, like real tunes, and not copied from the training tunes."""

from __future__ import annotations

import re
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from audiogen.composer import Composer
from audiogen.composer_likelihood import bits_a_note
from audiogen.evaluation.material import TunePicker
from audiogen.evaluation.ratios import ratio
from audiogen.evaluation.tune_checks import abc2midi_complaints, find_abc2midi, strict_faults
from audiogen.evaluation.tune_copies import copy_figures, likest, nearest_tunes
from audiogen.evaluation.tune_distances import compare_tunes
from audiogen.evaluation.tune_features import TuneFeatures, tune_features
from audiogen.evaluation.tune_likelihood import normal_tunes
from audiogen.evaluation.tune_orders import (
    GROUP,
    Written,
    common_form,
    found_again,
    kept_orders,
    orders_like,
    orders_over_all,
)
from audiogen.evaluation.workers import in_processes
from audiogen.progress import Progress
from symbolic_bridge.analysis.similarity import MelodyIndex
from symbolic_bridge.attributes import TuneAttributes
from symbolic_bridge.tune import Tune

MOST_EXAMPLES = 20
MOST_REAL_TUNES = 5000
_RHYTHM_FIELD = re.compile(r"^R:.*\n", re.MULTILINE)


@dataclass(frozen=True)
class TuneSettings:
    """How composed tunes are measured.

    `count`: how many are composed. `seed`: of the chance. `index`: of the training tunes; None leaves the search for
    copies out. `output`: write the tunes here, as one ABC file. `workers`: processes for checks and analyses.
    """

    count: int = 500
    seed: int = 0
    index: MelodyIndex | None = None
    output: Path | None = None
    workers: int = 1


@dataclass(frozen=True)
class Measured:
    """`figures`: JSON values. The features of both sides are for pictures."""

    figures: dict[str, Any]
    tunes: tuple[Tune, ...]
    composed: tuple[TuneFeatures, ...]
    real: tuple[TuneFeatures, ...]


def measure_tunes(
    composer: Composer,
    picker: TunePicker | None,
    settings: TuneSettings,
    progress: Progress = lambda stage, done: None,
) -> Measured:
    """Compose tunes and measure them.

    Args:
        composer: the tune transformer.
        picker: of real tunes that the composer has not seen; composed are the same kinds, metres and keys. None:
            all kinds in all sorts of keys, and neither distances nor likelihood.
        settings: how.
        progress: told each stage's name and how much of it is done.

    Raises:
        ValueError: abc2midi is not installed, or there are too few real tunes.
    """
    find_abc2midi()
    real = [] if picker is None else [item.tune for item in picker.draw(MOST_REAL_TUNES)]
    rng = np.random.default_rng(settings.seed)
    orders = orders_like(real, settings.count, rng) if real else orders_over_all(settings.count)
    began = time.perf_counter()
    written, refused = _compose(composer, orders, settings.seed, progress)
    seconds = time.perf_counter() - began
    tunes = [each.tune for each in written]
    if settings.output is not None:
        from audiogen.tune_files import write_tunes

        write_tunes(settings.output, tunes)
    figures: dict[str, Any] = {
        "figure": "tunes",
        "seed": settings.seed,
        "orders": "like the real tunes" if real else "all kinds and keys",
        "composed": len(tunes),
        "seconds_a_tune": round(seconds / max(1, len(tunes)), 4),
        "refused": refused[:MOST_EXAMPLES],
        "refused_count": len(refused),
    }
    figures |= judge(tunes, settings.count, settings.workers, progress)
    figures["asked"] = kept_orders(written)
    made = features(tunes, settings.workers, "analyse", progress)
    figures["found_again"] = {"composed": found_again(made.features)}
    figures["without_features"] = made.rejected
    true = Features((), ())
    if picker is not None:
        true = features(real, settings.workers, "real", progress)
        figures |= _beside_real(made, true, real, settings, progress)
        normal, unfit = normal_tunes(real)
        bits = bits_a_note(composer, normal, on_done=lambda done: progress("score", done))
        figures["likelihood"] = {
            "bits_a_note": round(bits.total, 4),
            "tunes": len(normal),
            "without_normal_form": unfit,
        }
        figures["rejected"] = picker.rejected
    if settings.index is not None:
        figures["copies"] = copies(settings.index, {"composed": tunes, "real": real}, progress)
    return Measured(figures, tuple(tunes), made.features, true.features)


def _compose(
    composer: Composer, orders: Sequence[TuneAttributes], seed: int, progress: Progress
) -> tuple[list[Written], list[str]]:
    """Tunes for the orders, and why there is none for others: a composer that gives up counts against its shares."""
    generator = torch.Generator().manual_seed(seed)
    written: list[Written] = []
    refused: list[str] = []
    for order, size in Counter(orders).items():
        # A batch writes one order; few at a time, since a composer may draw what it leaves open once for all of them.
        for start in range(0, size, GROUP):
            wanted = min(GROUP, size - start)
            try:
                made = composer.compose_many(
                    order, wanted, generator=generator, first_reference=len(written) + 1
                )
            except ValueError as error:
                refused += [f"{order.kind} in {order.tonic} {order.mode}: {error}"] * wanted
                continue
            written += [Written(order, tune) for tune in made]
            progress("compose", (len(written) + len(refused)) / len(orders))
    return written, refused


def judge(
    tunes: Sequence[Tune | str], asked: int, workers: int = 1, progress: Progress = lambda stage, done: None
) -> dict[str, Any]:
    """Whether tunes are well formed, by two judges: abc2midi without a word, and our strict reader with full bars.

    Args:
        tunes: or the ABC that a model wrote, well formed or not.
        asked: how many there should be.
        workers: processes.
        progress: told how much is done.
    """
    texts = [tune if isinstance(tune, str) else tune.to_abc() for tune in tunes]
    verdicts = in_processes(
        _verdict, texts, workers, lambda count: progress("check", count / max(1, len(texts)))
    )
    sound = [not complaints and not own for complaints, own in verdicts]
    faults = [
        {"abc2midi": complaints[:5], "reader": own[:5], "abc": text}
        for text, (complaints, own) in zip(texts, verdicts, strict=True)
        if complaints or own
    ]
    kinds: dict[str, list[bool]] = {}
    for tune, is_sound in zip(tunes, sound, strict=True):
        if isinstance(tune, Tune):
            kinds.setdefault(tune.header.rhythm, []).append(is_sound)
    return {
        "asked_for": asked,
        "sound": sum(sound),
        "sound_share": ratio(sum(sound), asked),
        "abc2midi_share": ratio(sum(not complaints for complaints, _ in verdicts), len(texts)),
        "strict_share": ratio(sum(not own for _, own in verdicts), len(texts)),
        "by_kind": {
            kind: {"composed": len(each), "sound_share": ratio(sum(each), len(each))}
            for kind, each in kinds.items()
        },
        "faults": faults[:MOST_EXAMPLES],
    }


def _verdict(abc: str) -> tuple[list[str], list[str]]:
    # R: makes abc2midi swing, and it takes a hornpipe in 2/2 for an error; neither is about the notes.
    return abc2midi_complaints(_RHYTHM_FIELD.sub("", abc)), strict_faults(abc)


@dataclass(frozen=True)
class Features:
    """Features of tunes, and why others have none."""

    features: tuple[TuneFeatures, ...]
    rejected: tuple[str, ...]


def features(tunes: Sequence[Tune], workers: int, stage: str, progress: Progress) -> Features:
    """The features of every tune that has some."""
    found = in_processes(
        _features_or_reason, tunes, workers, lambda count: progress(stage, count / max(1, len(tunes)))
    )
    return Features(
        tuple(each for each in found if not isinstance(each, str)),
        tuple(each for each in found if isinstance(each, str)),
    )


def _features_or_reason(tune: Tune) -> TuneFeatures | str:
    try:
        return tune_features(tune)
    except ValueError as error:
        return str(error)


def _beside_real(
    made: Features, true: Features, real: Sequence[Tune], settings: TuneSettings, progress: Progress
) -> dict[str, Any]:
    judged = judge(real, len(real), settings.workers, progress)
    return {
        "real_tunes": len(true.features),
        "real_sound_share": judged["sound_share"],
        "found_again": {"composed": found_again(made.features), "real": found_again(true.features)},
        "common_form": common_form(made.features, true.features),
        "distances": compare_tunes(made.features, true.features, seed=settings.seed),
    }


def copies(
    index: MelodyIndex, groups: dict[str, Sequence[Tune]], progress: Progress = lambda stage, done: None
) -> dict[str, Any]:
    """The overlap of each group's tunes with the nearest training tune, and the composed tunes with the largest one."""
    found = {
        name: nearest_tunes(index, tunes, lambda done, name=name: progress(f"nearest {name}", done))
        for name, tunes in groups.items()
        if tunes
    }
    return {
        "training_tunes": len(index.names),
        **{name: copy_figures(nearest) for name, nearest in found.items()},
        "likest": likest(found.get("composed", ())),
    }
