"""Tunes for the composer to learn from: JSON lines of ABC to rows of ids, augmentation and batches."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import Tensor

from audiogen.composer_network import NOTE_FEATURES
from audiogen.data.tune_augment import has_exchangeable_parts, octave_shifts, shifted, with_part_order
from symbolic_bridge.errors import AbcSyntaxError
from symbolic_bridge.grammar import feature_rows
from symbolic_bridge.kinds import kind_of
from symbolic_bridge.normal_form import NormalTune
from symbolic_bridge.normalise import UnfitTuneError, normalise
from symbolic_bridge.plan_analysis import plan_of
from symbolic_bridge.plan_guide import GUIDE_FEATURES, guided_rows, next_structure
from symbolic_bridge.plan_tokens import (
    DEPTHS,
    PLAN_FEATURES,
    SLOTS,
    Entry,
    encode_plan,
    entries_of,
    plan_feature_rows,
)
from symbolic_bridge.tune import Tune
from symbolic_bridge.tune_tokens import (
    CONDITION_NAMES,
    TokenError,
    conditions_of,
    encode,
    vocabulary,
    written_kind,
)

# Their licences (GPL-3.0, CC BY-SA, ODbL) ask more of works made from them than the weights' licence grants.
EXCLUDED_SOURCES = ("nottingham", "jw35_tunebook", "slow_session_nz")
MAX_ROW_TOKENS = 640
IGNORED = -100
# Everything but the density is always given when a tune is asked for, so there is no use in predicting it.
UNSCORED_TOKENS = len(CONDITION_NAMES) - 1
OCTAVE_SHARE, PART_ORDER_SHARE = 0.1, 0.25
# How deep the plans are that the notes are learned with (0: none), how often, and entries left open beside that:
# one set of weights then writes along as much of a plan as there is.
DEPTH_SHARES = {0: 0.2, DEPTHS["structure"]: 0.35, DEPTHS["harmony"]: 0.15, DEPTHS["whole"]: 0.3}
OPEN_SHARE = 0.05


@dataclass(frozen=True)
class TuneRows:
    """Tunes as rows of ids, and how many tunes were left out, by reason."""

    rows: tuple[tuple[int, ...], ...]
    rejected: dict[str, int]


def read_rows(path: str | Path) -> TuneRows:
    """Tunes of a JSON-lines file (`abc`, `source`) as rows; what cannot be used is counted, not hidden."""
    rows: list[tuple[int, ...]] = []
    rejected: dict[str, int] = {}

    def reject(reason: str) -> None:
        rejected[reason] = rejected.get(reason, 0) + 1

    with open(path, encoding="utf-8") as lines:
        for line in lines:
            entry = json.loads(line)
            if entry.get("source") in EXCLUDED_SOURCES:
                reject("licence")
                continue
            try:
                tune = Tune.from_abc(entry["abc"])
                row = encode(normalise(tune, written_kind(kind_of(tune).id)))
            except AbcSyntaxError:
                reject("unreadable ABC")
            except UnfitTuneError as error:
                reject(error.reason)
            except TokenError:
                reject("no token")
            else:
                if len(row) > MAX_ROW_TOKENS:
                    reject("too long")
                else:
                    rows.append(tuple(row))
    return TuneRows(tuple(rows), rejected)


def _digest(path: str | Path) -> str:
    content = hashlib.sha256(Path(path).read_bytes())
    content.update("\n".join(vocabulary().names).encode())
    return content.hexdigest()


def cached_rows(path: str | Path, cache: Path) -> TuneRows:
    """`read_rows`, kept in `cache` (.safetensors and .json) until the file or the vocabulary changes."""
    digest, side = _digest(path), cache.with_suffix(".json")
    if cache.is_file() and side.is_file():
        notes = json.loads(side.read_text(encoding="utf-8"))
        if notes["digest"] == digest:
            tensors = load_file(cache)
            pieces = torch.split(tensors["ids"], tensors["lengths"].tolist())
            return TuneRows(tuple(tuple(piece.tolist()) for piece in pieces), notes["rejected"])
    read = read_rows(path)
    if not read.rows:
        raise ValueError(f"{path}: no tune in it can be used; rejected: {read.rejected}")
    cache.parent.mkdir(parents=True, exist_ok=True)
    ids = torch.tensor([index for row in read.rows for index in row], dtype=torch.int16)
    save_file({"ids": ids, "lengths": torch.tensor([len(row) for row in read.rows])}, cache)
    side.write_text(json.dumps({"digest": digest, "rejected": read.rejected}, indent=2), encoding="utf-8")
    return read


def augmented(tune: NormalTune, rng: np.random.Generator) -> NormalTune:
    """The tune, sometimes an octave off (if it fits), sometimes with its parts in another order.

    Parts change places only where pickups agree and the last is repeated like the first, so that what ends the
    tune still ends like an end.
    """
    if rng.random() < OCTAVE_SHARE:
        fitting = octave_shifts(tune)
        if fitting:
            tune = shifted(tune, int(rng.choice(fitting)))
    if rng.random() < PART_ORDER_SHARE and has_exchangeable_parts(tune):
        tune = with_part_order(tune, rng.permutation(len(tune.parts)).tolist())
    return tune


@dataclass(frozen=True)
class Batch:
    """`ids` [B, L], `features` [B, L, F], `targets` [B, L] with `IGNORED` where nothing is scored."""

    ids: Tensor
    features: Tensor
    targets: Tensor

    @classmethod
    def of(cls, rows: Sequence[Sequence[int]]) -> Batch:
        """Rows filled up to the longest."""
        return _batch(rows, NOTE_FEATURES, feature_rows)


def _batch(
    rows: Sequence[Sequence[int]],
    width: int,
    features_of: Callable[..., NDArray[np.int16]],
    *further: Sequence[int],
) -> Batch:
    """Rows filled up to the longest, with `width` features behind each id, got from the row and `further` of it."""
    longest = max(len(row) for row in rows) - 1
    ids = np.zeros((len(rows), longest), dtype=np.int64)
    features = np.zeros((len(rows), longest, width), dtype=np.int64)
    targets = np.full((len(rows), longest), IGNORED, dtype=np.int64)
    for place, (row, *rest) in enumerate(zip(rows, *further, strict=True)):
        size = len(row) - 1
        ids[place, :size] = row[:-1]
        features[place, :size] = features_of(row[:-1], *rest)
        targets[place, UNSCORED_TOKENS - 1 : size] = row[UNSCORED_TOKENS:]
    return Batch(torch.from_numpy(ids), torch.from_numpy(features), torch.from_numpy(targets))


@dataclass(frozen=True)
class PlannedBatch:
    """Tunes with their plans: what the note network reads and what the planner does.

    `structure` [B, L]: the next id of the tune that is no note, which a whole plan settles; 0 where nothing is settled.
    """

    notes: Batch
    structure: Tensor
    plans: Batch

    @classmethod
    def of(
        cls,
        tunes: Sequence[NormalTune],
        rng: np.random.Generator | None = None,
        *,
        depth: int = DEPTHS["whole"],
    ) -> PlannedBatch:
        """Tunes filled up to the longest.

        Args:
            tunes: as the composer may have written them.
            rng: draws how deep each tune's plan is and which entries are left open beside that, so that the networks
                learn to do without.
            depth: of all plans where `rng` is None; at 0 the notes have no plan.
        """
        rows = [encode(tune) for tune in tunes]
        plans = [plan_of(tune) for tune in tunes]
        if rng is None:
            depths = [depth] * len(rows)
        else:
            depths = rng.choice(list(DEPTH_SHARES), len(rows), p=list(DEPTH_SHARES.values())).tolist()
        written_depths = [depth or DEPTHS["structure"] for depth in depths]
        planned = [
            encode_plan(plan, conditions_of(tune), depth)
            for plan, tune, depth in zip(plans, tunes, written_depths, strict=True)
        ]
        notes = Batch.of(rows)
        size = notes.ids.shape[1]
        features = np.zeros((len(rows), size, NOTE_FEATURES + GUIDE_FEATURES), dtype=np.int64)
        structure = np.zeros((len(rows), size), dtype=np.int64)
        targets = notes.targets.numpy().copy()
        for place, (row, plan, depth) in enumerate(zip(rows, plans, depths, strict=True)):
            entries = tuple(entry.to_depth(depth) for entry in entries_of(plan)) if depth else ()
            if rng is not None:
                entries = with_open_entries(entries, rng)
            features[place, : len(row) - 1], copies = guided_rows(row[:-1], entries)
            # A copy costs nothing: it is made, not drawn.
            targets[place, : len(row) - 1][copies] = IGNORED
            if depth:
                structure[place, : len(row) - 1] = next_structure(row)
        return cls(
            Batch(notes.ids, torch.from_numpy(features), torch.from_numpy(targets)),
            torch.from_numpy(structure),
            _batch(planned, PLAN_FEATURES, plan_feature_rows, written_depths),
        )


def with_open_entries(entries: Sequence[Entry], rng: np.random.Generator) -> tuple[Entry, ...]:
    """Entries of which a few, drawn one by one, are left open."""
    kept = rng.random((len(entries), len(SLOTS))) >= OPEN_SHARE
    return tuple(
        replace(
            entry,
            ids=tuple(index if keep else 0 for index, keep in zip(entry.ids, row, strict=True)),
            of=entry.of if row[0] else -1,
        )
        for entry, row in zip(entries, kept.tolist(), strict=True)
    )


def batches_of(
    lengths: NDArray[np.int64], batch_tokens: int, rng: np.random.Generator
) -> list[NDArray[np.int64]]:
    """Row numbers of one epoch's batches: rows of like length together, batches in random order."""
    order = np.argsort(lengths * rng.uniform(0.9, 1.1, size=len(lengths)), kind="stable")
    groups: list[list[int]] = [[]]
    for index in order:
        if groups[-1] and (len(groups[-1]) + 1) * int(lengths[[*groups[-1], index]].max()) > batch_tokens:
            groups.append([])
        groups[-1].append(int(index))
    return [np.array(groups[int(place)]) for place in rng.permutation(len(groups))]
